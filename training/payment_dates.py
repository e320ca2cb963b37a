"""How far off are expected payment dates, and do eight payments in ten fall into their ranges?

Beside the model stand two simple rules: the customer's usual lateness (the median of all its settlements known
on the day) and the mean of its last five; a customer without any gets the book's median. Only invoices due long
enough before the end of what is known are judged, whatever came of them. One that is still open counts as
paid on that end for errors (a lower bound); its range is missed if it has passed, else it is undecided and left
out of the coverage.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from features import events
from features.days import NEVER, day_number
from features.history import History
from features.paydays import pay_days
from training.cohort import Cohort
from training.model import RiskModel
from training.segments import SEGMENTS

DUE_FOR_DAYS = 15
"""An invoice is judged once it has been due for so many days."""
ALONE = "__hazards_alone"
FEWEST_IN_SEGMENT = 1000
RULES = {
    "model": "the model",
    "hazards_alone": "its hazards without the horizons' probabilities",
    "usual": "the customer's median days late",
    "last_five": "the mean of its last five",
}


@dataclass(frozen=True)
class DateFigures:
    """Errors in days by rule, and how the 80 % range held, overall and by segment."""

    judged: int
    still_open: int
    errors: dict[str, dict[str, float]]
    overall: dict[str, Any]
    segments: list[dict[str, Any]]
    brier: dict[str, dict[str, float]]
    """By horizon: Brier score of the probabilities and of the hazards alone, on the same invoices."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return vars(self)

    def verdict(self) -> str:
        """The finding in one sentence."""
        own, usual, last = (self.errors[name]["mean"] for name in ("model", "usual", "last_five"))
        held = self.overall["held"]
        return (
            f"Payment dates are off by {own:.1f} days on average, against {usual:.1f} by the customer's median and "
            f"{last:.1f} by its last five; the 80 % range held {held:.1%} of payments."
        )


def date_rows(
    model: RiskModel, cohort: Cohort, values: np.ndarray, given: pd.DataFrame, known_by: date
) -> pd.DataFrame:
    """One row per question: days expected by every rule, the range, and the day of payment (or NEVER).

    `given` holds the probabilities that the dates agree with.

    Empty where the model knows no dates.
    """
    if model.timing is None or not len(cohort):
        return pd.DataFrame()
    history, rows, as_of, end = cohort.history, cohort.rows, cohort.as_of, day_number(known_by)
    facts = pay_days(history, rows, as_of)
    days = model.payment_days(values, facts, model.anchors(given))
    alone = model.hazards_alone(values, facts)
    position, last = history.steps.before(end).last()
    settled = np.full(len(history.invoices["due_on"]), NEVER)
    settled[position] = np.where(last.by_credit_alone, -1, last.settled_on)
    usual, last_five = usual_days_late(history, rows, as_of)
    due = facts.lateness_from
    table = {
        "as_of": as_of,
        "due": due,
        "settled": settled[rows],
        "p10": days[:, 0],
        "p90": days[:, 2],
        "model": days[:, 1],
        "hazards_alone": model.payment_days(values, facts, alone)[:, 1],
        "usual": np.maximum(np.rint(due + usual), as_of).astype(np.int64),
        "last_five": np.maximum(np.rint(due + last_five), as_of).astype(np.int64),
    }
    for place, (target, _, _) in enumerate(model.grid.horizons):
        table |= {f"{target}__model": given[target].to_numpy(), f"{target}__hazards_alone": alone[:, place]}
    return pd.DataFrame(table)


def usual_days_late(history: History, rows: np.ndarray, as_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median of all and mean of the last five days late of each customer's settlements known on the day."""
    settled = events.settled(history)
    assert settled.until is not None
    late, until = settled.measures["days_late"], settled.until
    order = np.argsort((settled.customer << 32) | settled.day, kind="stable")
    keys = ((settled.customer << 32) | settled.day)[order]
    customer = history.invoices["customer"][rows]
    begin = np.searchsorted(keys, customer << 32)
    end = np.searchsorted(keys, (customer << 32) | as_of)
    of_book = {
        day: float(np.median(late[known])) if (known := (settled.day < day) & (until >= day)).any() else 0.0
        for day in np.unique(as_of).tolist()
    }
    median = np.array([of_book[day] for day in as_of.tolist()])
    for question in range(len(rows)):
        mine = order[begin[question] : end[question]]
        mine = mine[until[mine] >= as_of[question]]
        if len(mine):
            median[question] = np.median(late[mine])
    last_five = history.past(rows, as_of).settled.recent("days_late", 5)
    return median, np.where(np.isnan(last_five), median, last_five)


def date_figures(scored: pd.DataFrame, dates: pd.DataFrame, known_by: date) -> DateFigures | None:
    """Judges `date_rows` beside the segments of the scored rows; None where nothing can be judged yet."""
    if dates.empty:
        return None
    end = day_number(known_by)
    counts = ((dates["due"] + DUE_FOR_DAYS < end) & (dates["settled"] >= 0)).to_numpy()
    rows = pd.concat([dates, scored[list(SEGMENTS)]], axis=1)[counts]
    if rows.empty:
        return None
    paid = np.maximum(np.where(rows["settled"] < NEVER, rows["settled"], end), rows["as_of"])
    errors = {}
    for rule in RULES:
        off = np.abs(paid - rows[rule].to_numpy())
        errors[rule] = {
            "median": float(np.median(off)),
            "mean": float(off.mean()),
            "within_3_days": float((off <= 3).mean()),
        }
    held = _held(rows, end)
    slices = [
        {"segment": f"{name}: {label}", **_coverage(held[(rows[name] == label).to_numpy()])}
        for name in SEGMENTS
        for label in sorted(rows[name].unique())
        if (rows[name] == label).sum() >= FEWEST_IN_SEGMENT
    ]
    still_open = int((rows["settled"] >= NEVER).sum())
    return DateFigures(len(rows), still_open, errors, _coverage(held), slices, _brier(scored, dates))


def _held(rows: pd.DataFrame, end: int) -> pd.DataFrame:
    """Per row: earlier than its range, later than it, undecided; and the range's days."""
    # Money that had come before the question was asked, but was learned of later, counts for the day itself.
    paid = np.maximum(rows["settled"], rows["as_of"])
    is_open = rows["settled"] >= NEVER
    return pd.DataFrame(
        {
            "early": paid < rows["p10"],
            "late": (~is_open & (paid > rows["p90"])) | (is_open & (rows["p90"] < end)),
            "undecided": is_open & (rows["p90"] >= end),
            "days": rows["p90"] - rows["p10"],
        }
    )


def _coverage(held: pd.DataFrame) -> dict[str, Any]:
    decided = held[~held["undecided"]]
    n = max(len(decided), 1)
    share = float((~decided["early"] & ~decided["late"]).sum() / n)
    return {
        "invoices": len(held),
        "undecided": int(held["undecided"].sum()),
        "held": share,
        "early": float(decided["early"].sum() / n),
        "late": float(decided["late"].sum() / n),
        "chance": 1.96 * float(np.sqrt(0.8 * 0.2 / n)),
        "is_within_chance": bool(abs(share - 0.8) <= 1.96 * np.sqrt(0.8 * 0.2 / n)),
        "median_days": float(held["days"].median()),
        "mean_days": float(held["days"].mean()),
    }


def _brier(scored: pd.DataFrame, dates: pd.DataFrame) -> dict[str, dict[str, float]]:
    found = {}
    for target in (name.removesuffix(ALONE) for name in map(str, dates) if name.endswith(ALONE)):
        outcome = scored[f"outcome_{target}"].to_numpy(np.float64)
        known = ~np.isnan(outcome)
        if known.any():
            found[target] = {
                rule: float(np.mean((dates[f"{target}__{rule}"].to_numpy()[known] - outcome[known]) ** 2))
                for rule in ("model", "hazards_alone")
            }
    return found
