"""Which past questions does a model learn from, and what came of them?

A row is (invoice, as-of day) for an invoice open on that day: on its issue day and then weekly until it is
settled or past every horizon. Its outcome for a horizon is empty until the horizon has passed, even where
the invoice is already paid: the early payer is known, its late sister is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd

from features.balances import Steps
from features.days import NEVER, day_number
from features.history import History

WEEK = 7


@dataclass(frozen=True)
class Cohort:
    """Questions and what is known of their outcomes, sorted by (as-of day, invoice)."""

    history: History
    rows: np.ndarray
    """Position of each row's invoice, shape (n,)."""
    as_of: np.ndarray
    """As-of day of each row, shape (n,)."""
    outcomes: dict[str, np.ndarray]
    """Per target: 1 late, 0 not, NaN not known (yet, or closed by credit alone); float64, shape (n,)."""
    matures_on: dict[str, np.ndarray]
    """Per target: the day whose end decides the outcome; known to those who look from a later day."""

    def __len__(self) -> int:
        return len(self.rows)

    def where(self, mask: np.ndarray) -> Cohort:
        """The rows where `mask` holds."""
        return Cohort(
            self.history,
            self.rows[mask],
            self.as_of[mask],
            {name: values[mask] for name, values in self.outcomes.items()},
            {name: values[mask] for name, values in self.matures_on.items()},
        )

    def teaches(self, target: str, day: int) -> np.ndarray:
        """True where the question was still open when asked and `day` knows its answer: the rows to learn from."""
        matures_on = self.matures_on[target]
        return ~np.isnan(self.outcomes[target]) & (matures_on < day) & (self.as_of <= matures_on)

    @property
    def customer(self) -> np.ndarray:
        """Customer of each row."""
        return self.history.invoices["customer"][self.rows]

    @property
    def weeks_open(self) -> np.ndarray:
        """Whole weeks from issue to the as-of day."""
        return (self.as_of - self.history.invoices["issued_on"][self.rows]) // WEEK

    @property
    def weight(self) -> np.ndarray:
        """1 / (weeks open + 1): an old invoice has many rows. It never looks at how many rows follow."""
        return 1.0 / (self.weeks_open + 1)

    def table(self) -> pd.DataFrame:
        """One line per row with invoice, customer, as-of day, money and outcomes, for reports."""
        invoices = self.history.tables["invoices"].iloc[self.rows]
        columns = {
            "invoice_id": invoices["invoice_id"].to_numpy(),
            "customer_id": invoices["customer_id"].to_numpy(),
            "as_of": pd.to_datetime(self.as_of, unit="D"),
            "money_unit": invoices["money_unit"].to_numpy(),
            "money_amount": invoices["money_amount"].to_numpy(),
        }
        return pd.DataFrame(columns | {f"outcome_{name}": values for name, values in self.outcomes.items()})


def replay(history: History, cut: date, at: Literal["issue", "weekly", "both"] = "both") -> Cohort:
    """All questions that could have been asked before `cut`, with the outcomes known by then.

    `at` keeps the question at issue, those of the weeks after it, or both.
    """
    end = day_number(cut)
    rows, as_of = _questions(history, end, at)
    return _with_outcomes(history, rows, as_of, end)


def ask(history: History, rows: np.ndarray, as_of: np.ndarray, known_by: date) -> Cohort:
    """Given questions with the outcomes that are known by `known_by`."""
    return _with_outcomes(history, rows, as_of, day_number(known_by))


def issued_between(history: History, begin: date, end: date) -> tuple[np.ndarray, np.ndarray]:
    """Questions at issue of every invoice issued in [begin, end)."""
    issued = history.invoices["issued_on"]
    rows = np.flatnonzero((issued >= day_number(begin)) & (issued < day_number(end)))
    return rows, issued[rows]


def open_weekly(history: History, begin: date, end: date) -> tuple[np.ndarray, np.ndarray]:
    """Questions on every seventh day of [begin, end) about the invoices open on it."""
    days = range(day_number(begin), day_number(end), WEEK)
    rows = [history.open_on(day) for day in days]
    as_of = [np.full(len(found), day) for found, day in zip(rows, days, strict=True)]
    return np.concatenate([*rows, np.array([], int)]), np.concatenate([*as_of, np.array([], int)])


def matured_between(history: History, target: str, begin: int, end: int, known_by: int) -> Cohort:
    """Questions open when asked whose outcome of `target` fell due in [begin, end), as known before `known_by`."""
    days = history.rule.horizons[target]
    matures_on = history.invoices["lateness_from"] + days
    among = np.flatnonzero((matures_on >= begin) & (matures_on < end))
    rows, as_of = _questions(history, end, "both", among)
    cohort = _with_outcomes(history, rows, as_of, known_by)
    return cohort.where(cohort.teaches(target, end))


def _questions(
    history: History, end: int, at: str, among: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Questions before day `end` about all invoices, or about those at the positions `among`."""
    among = np.arange(len(history.invoices["due_on"])) if among is None else among
    issued_on, lateness_from, seen_on = (
        history.invoices[name][among] for name in ("issued_on", "lateness_from", "seen_on")
    )
    longest = max(history.rule.horizons.values())
    last_day = np.minimum(lateness_from + longest, end - 1)
    begin = 0 if at != "weekly" else 1
    weeks = (last_day - issued_on) // WEEK + 1 if at != "issue" else (last_day >= issued_on) * 1
    weeks = np.maximum(np.maximum(weeks, 0) * (seen_on < end) - begin, 0)
    place = np.repeat(np.arange(len(weeks)), weeks)
    week = np.arange(len(place)) - (np.cumsum(weeks) - weeks)[place] + begin
    rows, as_of = among[place], issued_on[place] + WEEK * week
    is_asked = (week == 0) | _is_open(history.steps, rows, as_of)
    order = np.lexsort((rows[is_asked], as_of[is_asked]))
    return rows[is_asked][order], as_of[is_asked][order]


def _is_open(steps: Steps, rows: np.ndarray, as_of: np.ndarray) -> np.ndarray:
    """Whether each invoice was seen before the day and not known settled before it."""
    at = np.searchsorted((steps.invoice << 32) | steps.day, (rows << 32) | as_of, side="left") - 1
    found = at >= 0
    at = np.maximum(at, 0)
    return found & (steps.invoice[at] == rows) & (steps.settled_on[at] == NEVER)


def _with_outcomes(history: History, rows: np.ndarray, as_of: np.ndarray, end: int) -> Cohort:
    invoices = len(history.invoices["due_on"])
    # An invoice that nobody knew of by then has no step: it is neither late nor in time.
    settled_on, says_nothing = np.full(invoices, NEVER), np.ones(invoices, bool)
    position, last = history.steps.before(end).last()
    settled_on[position], says_nothing[position] = last.settled_on, last.by_credit_alone
    outcomes, matures_on = {}, {}
    for target, days in history.rule.horizons.items():
        limit = history.invoices["lateness_from"][rows] + days
        late = (settled_on[rows] > limit).astype(np.float64)
        is_known = (limit < end) & ~says_nothing[rows]
        outcomes[target] = np.where(is_known, late, np.nan)
        matures_on[target] = limit
    return Cohort(history, rows, as_of, outcomes, matures_on)
