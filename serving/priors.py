"""What carried the score of a customer who is hardly known? The others it is compared with, in a sentence.

Too little evidence is an answer beside the probability, not instead of it. The others are the segment whose
reason moved the score most, where it has enough verdicts of the last year, else the whole book.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from features.history import History, Past
from features.totals import Window
from training.model import Explanation

SEGMENTS = {
    "country": ("country", "customers in {}"),
    "industry": ("industry", "customers of the industry {}"),
    "division": ("division", "invoices of division {}"),
    "debtor_type": ("industry", "customers of the kind {}"),
}
"""Grouping of the history: its reason code, and how its members are called."""
FEWEST_INVOICES = 50
"""A segment with fewer verdicts in the last year is itself drawn towards the book."""
VERDICTS = {"p_late": "matured", "p_late_30": "matured_30", "p_late_90": "matured_90"}


def priors(
    history: History,
    rows: np.ndarray,
    as_of: np.ndarray,
    evidence: np.ndarray,
    explanations: list[Explanation],
) -> list[dict[str, Any] | None]:
    """For each question the prior that carried its score, as of its day; None where evidence is not short."""
    found: list[dict[str, Any] | None] = [None] * len(rows)
    short = np.flatnonzero(np.isin(evidence, ("none", "little")))
    past = history.past(rows[short], as_of[short])
    settled, named = past.settled.count().tolist(), _named_segments(history, past)
    verdicts = {
        (grouping, target): _verdicts(past, grouping, target)
        for grouping in (*SEGMENTS, "book")
        for target in VERDICTS
    }
    for place, row in enumerate(short.tolist()):
        explanation = explanations[row]
        counted = {
            grouping: (int(late[place]), int(invoices[place]))
            for (grouping, target), (late, invoices) in verdicts.items()
            if target == explanation.target
        }
        source = _source({name: counted[name] for name in named[place]}, explanation.contributions)
        others = "all customers of this book" if source == "book" else _members(source, named[place])
        days = history.rule.horizons[explanation.target]
        found[row] = _told(source, f"{_opening(settled[place])} {others}", counted[source], days)
    return found


def _source(counted: Mapping[str, tuple[int, int]], contributions: Mapping[str, float]) -> str:
    """The segment large enough whose reason moved the explained log-odds most, up or down; else the book."""
    weights = {
        name: abs(contributions.get(SEGMENTS[name][0], 0.0))
        for name, (_, invoices) in counted.items()
        if invoices >= FEWEST_INVOICES
    }
    best = max(weights, key=lambda name: weights[name], default="book")
    return best if weights.get(best, 0.0) > 0 else "book"


def _members(source: str, named: Mapping[str, str]) -> str:
    label = named[source].replace("_", " ") if source == "debtor_type" else named[source]
    return SEGMENTS[source][1].format(label)


def _named_segments(history: History, past: Past) -> list[dict[str, str]]:
    """The segments of each question that are known on its day: their names by grouping."""
    divisions = history.tables["invoices"]["division"].iloc[past.rows].fillna("").to_numpy(dtype=object)
    known = {"division": divisions}
    for name in SEGMENTS.keys() - {"division"}:
        labels, since = (of[past.customer] for of in history.members[name])
        known[name] = np.where(since < past.as_of, labels, "")
    return [
        {name: str(known[name][place]) for name in SEGMENTS if known[name][place]}
        for place in range(len(past.rows))
    ]


def _verdicts(past: Past, grouping: str, target: str) -> tuple[np.ndarray, np.ndarray]:
    """Late invoices and all invoices whose verdict fell in the last year, in each question's group."""
    window: Window = getattr(past.of(grouping), VERDICTS[target])
    return window.sum("late", 365), np.maximum(window.count(365), 0)


def _opening(settled: int) -> str:
    if settled <= 0:
        return "No settled invoice yet: scored like"
    count = "One settled invoice" if settled == 1 else f"{settled} settled invoices"
    return f"{count} only: its own record counts little beside that of"


def _told(source: str, opening: str, counted: tuple[int, int], days: int) -> dict[str, Any]:
    late, invoices = counted
    rate = round(late / invoices, 6) if invoices else None
    said = "none of whose invoices has matured in the last year"
    if rate is not None:
        said = f"{100 * rate:.1f} % of {invoices:,} invoices of the last year were more than {days} days late"
    return {"source": source, "late_rate": rate, "invoices": invoices, "sentence": f"{opening} ({said})."}
