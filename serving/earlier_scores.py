"""How did the score of this invoice move, and why? What was said on earlier days, and which reasons changed since.

What was said comes from the score log (serving/score_log.py): the last scoring of each day of the last week, and of
each week before. Where the log holds nothing of the invoice, today's model is asked again as of earlier days, week by
week since the invoice was known: what it says of what was known then, not what anybody was told, and it is said so.

Why it moved is always told by today's model, so that only the facts differ: its explanation today is held against
that of the first day on which the same lateness was the open question, reason by reason in log-odds.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.catalogue import CATALOGUE
from features.days import day_number, to_date
from features.history import History
from features.reasons import REASON_CODES
from serving.score_log import Scoring, scorings
from serving.scoring import TARGETS
from training.model import Explanation, RiskModel

DAILY, WEEKS = 7, 16
"""Days back to which every day is told, and weeks back to which every week is."""
MOST_REPLAYED = 13
MOST_CHANGES = 4
LEAST_CHANGE = 0.02
"""Reasons that moved the log-odds by less did not move."""
MOST_FILES = 40


@dataclass(frozen=True)
class Point:
    """What was said of an invoice on a day."""

    as_of: date
    chance: float
    model_version: str

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return dict(vars(self))


class EarlierScores:
    """The chances in the score log of a home by invoice; files are read once. Safe between threads."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._log: dict[Path, Scoring | None] = {}
        self._files: OrderedDict[Path, tuple[np.ndarray, dict[str, np.ndarray]]] = OrderedDict()

    def read(self, day: date) -> None:
        """Read now what is asked of this day."""
        for scoring in self._told(day):
            self._read(scoring)

    def _told(self, day: date) -> list[Scoring]:
        with self._lock:
            return _told(scorings(self._home, self._log), day)

    def of(self, invoice_id: str, target: str, day: date) -> list[Point]:
        """What was said of an invoice before a day, the earliest first; what was decided by then is left out."""
        number = _numbers(pd.Series([invoice_id], dtype=object))[0]
        found = []
        for scoring in self._told(day):
            numbers, chances = self._read(scoring)
            at = int(np.searchsorted(numbers, number))
            if at < len(numbers) and numbers[at] == number and (chance := float(chances[target][at])) < 1:
                on = date.fromisoformat(scoring.described["as_of"])
                found.append(Point(on, chance, scoring.described["model_version"]))
        return found

    def _read(self, scoring: Scoring) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The invoices of a file as numbers, in order, and their chances; an id counts by 64 bits of a hash."""
        with self._lock:
            if scoring.path not in self._files:
                rows = scoring.rows_if_there(["invoice_id", *TARGETS])
                numbers = _numbers(rows["invoice_id"].astype(object))
                order = np.argsort(numbers)
                chances = {name: rows[name].to_numpy(np.float32)[order] for name in TARGETS}
                self._files[scoring.path] = (numbers[order], chances)
                while len(self._files) > MOST_FILES:
                    self._files.popitem(last=False)
            self._files.move_to_end(scoring.path)
            return self._files[scoring.path]


def _numbers(ids: pd.Series) -> np.ndarray:
    return pd.util.hash_array(ids.to_numpy(dtype=object), categorize=False)


def _told(found: Iterable[Scoring], day: date) -> list[Scoring]:
    """The last scoring of each day of the last week before a day, and of each week before that."""
    chosen: dict[tuple[str, int], Scoring] = {}
    for each in found:
        back = (day - date.fromisoformat(each.described["as_of"])).days
        if 0 < back <= DAILY:
            chosen["day", back] = each
        elif DAILY < back <= 7 * WEEKS:
            chosen["week", back // 7] = each
    return sorted(chosen.values(), key=lambda each: each.described["as_of"])


@dataclass(frozen=True)
class Replay:
    """What a model says of an invoice as of earlier days, the earliest first, today last."""

    days: list[date]
    chances: np.ndarray
    """Of the target that is asked about today."""
    explanations: list[Explanation]
    values: np.ndarray
    """Its features on these days, shape (days, features)."""


def replayed(model: RiskModel, history: History, row: int, day: date, target: str) -> Replay:
    """Today's model asked week by week since the invoice was known."""
    first, last = int(history.invoices["seen_on"][row]) + 1, day_number(day)
    numbers = np.arange(last, min(first, last) - 1, -7)[:MOST_REPLAYED][::-1]
    values = CATALOGUE.compute(history, np.full(len(numbers), row), numbers)
    chances = model.predict(values)[target].to_numpy()
    return Replay([to_date(int(each)) for each in numbers], chances, model.explain(values), values)


def moved(replay: Replay) -> dict[str, Any] | None:
    """Since when the question is open, from which chance to which it moved, and by which reasons; None if new."""
    today = replay.explanations[-1]
    same = [n for n, each in enumerate(replay.explanations[:-1]) if each.target == today.target]
    same = [n for n in same if replay.explanations[n].contributions]
    if not same or not today.contributions:
        return None
    before = replay.explanations[same[0]]
    differences = {
        code: today.contributions[code] - before.contributions[code] for code in today.contributions
    }
    order = sorted(differences, key=lambda code: -abs(differences[code]))[:MOST_CHANGES]
    sentences = {each["code"]: each["sentence"] for each in today.reasons}
    earlier = {each["code"]: each["sentence"] for each in before.reasons}
    return {
        "since": replay.days[same[0]],
        "from_chance": before.probability,
        "to_chance": today.probability,
        "reasons": [
            {
                "code": code,
                "label": REASON_CODES[code].label,
                "difference": differences[code],
                "direction": "raises" if differences[code] > 0 else "lowers",
                "now": sentences.get(code),
                "before": earlier.get(code),
            }
            for code in order
            if abs(differences[code]) >= LEAST_CHANGE
        ],
    }
