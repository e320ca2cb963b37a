"""What can be counted week by week about the rows of a ledger as they arrive?

A `Measure` is one number per row, dated by the day the row became known. Its weekly mean (or count, or share of
the commonest value) is held against the book's own history. Everything is worked out once per ledger; a week is
then a few sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from features.days import NEVER, day_numbers, weekday
from features.ledger import TABLES, Ledger
from features.ledger.cells import digits_of
from serving.monitoring.alarms import Severity
from serving.monitoring.weeks import WEEK, week_numbers

Unit = Literal["per_day", "share", "amount", "days", "ratio"]
VITAL = ("invoices", "payments")
"""Tables without which nothing can be scored or judged."""
MOST_PARTS = 8
LEAST_SHARE_OF_A_PART = 0.05
EVERYBODY_IS_NEW = 13 * WEEK
"""Days at the beginning of a book in which newcomers mean nothing."""
LEAST_ROWS_A_WEEK = 10
"""Weeks with fewer rows say nothing about means and shares."""
MONTH = 4
"""Weeks over which faults are counted that may hit some days of a month alone: day and month change places
only up to the twelfth, and by the twenty-eighth nothing of it would be seen."""


@dataclass(frozen=True)
class Measure:
    """One number per row of a table, and how its weekly figure is said."""

    code: str
    subject: str
    table: str
    says: str
    """What the figure is, as the beginning of a sentence."""
    unit: Unit
    days: np.ndarray
    """Day on which each row became known."""
    values: np.ndarray | None
    """One number per row; None counts rows; whole numbers under `is_mode` are codes."""
    floor: float
    fault: Severity
    mend: str
    is_mode: bool = False
    over_weeks: int = 1
    """So many weeks together give the figure of the last of them."""
    only_more: bool = False
    """Whether less of it is good news."""

    def weekly(self, as_of: int, weeks: int, worked: np.ndarray) -> np.ndarray:
        """The figure of each of the `weeks` weeks before `as_of`; NaN where there is too little to measure."""
        inside, week = week_numbers(self.days, as_of, weeks)
        rows = np.bincount(week, minlength=weeks)
        if self.values is None:
            return np.where(worked > 0, np.log2((rows + 1) / np.maximum(worked, 1)), np.nan)
        enough = rows >= LEAST_ROWS_A_WEEK
        if self.is_mode:
            found = _commonest(self.values[inside], week, weeks)
        else:
            found = np.bincount(week, self.values[inside], minlength=weeks)
        rows, found = (np.convolve(each, np.ones(self.over_weeks))[:weeks] for each in (rows, found))
        return np.where(enough, found / np.maximum(rows, 1), np.nan)

    def natural(self, value: float) -> float:
        """A weekly figure in the unit it is said in."""
        if self.unit == "per_day":
            return max(float(2.0**value), 0.0)
        return float(10.0**value) if self.unit in ("amount", "ratio") else value


def _commonest(codes: np.ndarray, week: np.ndarray, weeks: int) -> np.ndarray:
    """How many rows of each week hold the week's commonest value."""
    if not len(codes):
        return np.zeros(weeks)
    pairs, count = np.unique(week * (int(codes.max()) + 1) + codes, return_counts=True)
    most = np.zeros(weeks)
    np.maximum.at(most, pairs // (int(codes.max()) + 1), count)
    return most


def measures_of(ledger: Ledger) -> list[Measure]:
    """Everything that is counted about a ledger, table by table."""
    first_seen = _first_seen(ledger)
    found: list[Measure] = []
    for name, frame in ledger.tables.items():
        dated = frame[frame["known_on"].notna()]
        if name != "customers" and name != "exchange_rates" and len(dated):
            found += _of_table(name, dated, ledger, first_seen)
    return found


def _of_table(
    name: str, frame: pd.DataFrame, ledger: Ledger, first_seen: dict[str, int]
) -> Iterator[Measure]:
    days = day_numbers(frame["known_on"])
    yield from _volumes(name, frame, days, ledger)
    yield from _blanks(name, frame, days)
    yield from _modes(name, frame, days)
    yield from _dates(name, frame, days)
    if name in VITAL:
        yield from _days_of_the_week(name, frame, days, ledger)
    yield from _newcomers(name, frame, days, first_seen)
    if name == "invoices":
        yield from _of_invoices(frame, days)
    if name == "payments":
        yield from _of_payments(frame, days, ledger)


def _volumes(name: str, frame: pd.DataFrame, days: np.ndarray, ledger: Ledger) -> Iterator[Measure]:
    """Rows a working day, of the table and of each larger division; twice or half is the least that is said."""
    fault: Severity = "act" if name in VITAL else "watch"
    mend = f"Look at the export of {name}: has it run, and in full?"
    says = f"{name} a working day"
    yield Measure("volume", name, name, says, "per_day", days, None, 1.0, fault, mend)
    division = _division(name, frame, ledger)
    for part in _larger_parts(division) if division is not None else ():
        mine = np.asarray(division == part, dtype=bool)
        says = f"{name} of division {part} a working day"
        subject = f"{name} of division {part}"
        yield Measure("volume", subject, name, says, "per_day", days[mine], None, 1.0, fault, mend)


def _division(name: str, frame: pd.DataFrame, ledger: Ledger) -> pd.Series | None:
    if name == "invoices":
        return frame["division"]
    if name == "payments":
        invoices = ledger.tables["invoices"]
        return frame["invoice_id"].map(pd.Series(invoices["division"].to_numpy(), invoices["invoice_id"]))
    return None


def _larger_parts(names: pd.Series) -> list[str]:
    shares = names.value_counts() / max(len(names), 1)
    shares = shares[shares >= LEAST_SHARE_OF_A_PART]
    return sorted(str(name) for name in shares.index[:MOST_PARTS]) if len(shares) > 1 else []


def _blanks(name: str, frame: pd.DataFrame, days: np.ndarray) -> Iterator[Measure]:
    """Share of rows in which a column is blank, of columns that are not always so."""
    table = TABLES[name]
    for column in table.on_disk:
        if column.visible_on_its_own_day and column.name == "closed_on":
            continue  # blank until the case is closed: that is no fault of the export
        blank = frame[column.name].isna().to_numpy()
        if name == "invoices" and column.name == "amount":
            blank = ~frame["amount_known"].to_numpy(dtype=bool)
        if blank.all() or column.name == "known_on":
            continue
        is_vital = name in VITAL and column.need in ("required", "expected")
        mend = f"See whether the export still fills {column.name}, and under this name."
        says = f"share of {name} without {column.name}"
        yield Measure(
            "blank",
            f"{name}.{column.name}",
            name,
            says,
            "share",
            days,
            blank.astype(np.float64),
            0.25,
            "act" if is_vital else "watch",
            mend,
        )


def _modes(name: str, frame: pd.DataFrame, days: np.ndarray) -> Iterator[Measure]:
    """Share of the commonest value among the filled cells of a week: 1 where a column has become constant."""
    skipped = {*TABLES[name].key, "known_on", "invoice_id", "customer_id"}
    for column in TABLES[name].on_disk:
        if column.name in skipped or column.kind not in ("text", "currency", "amount", "limit", "number"):
            continue
        filled = frame[column.name].notna().to_numpy()
        codes = pd.factorize(frame[column.name][filled])[0]
        if len(codes) and codes.max() > 0:
            says = f"share of the commonest {column.name} in {name}"
            mend = f"See whether the export still gives the true {column.name}."
            subject = f"{name}.{column.name}"
            yield Measure(
                "constant", subject, name, says, "share", days[filled], codes, 0.25, "watch", mend, True
            )


def _dates(name: str, frame: pd.DataFrame, days: np.ndarray) -> Iterator[Measure]:
    """How long after the fact rows become known."""
    event = TABLES[name].event
    if event is None:
        return
    lag = np.clip(days - day_numbers(frame[event]), 0, 60).astype(np.float64)
    if lag.any() or name in VITAL:
        fault: Severity = "act" if name in VITAL else "watch"
        mend = f"See why {name} are recorded later, and whether known_on and {event} are the right dates."
        says = f"days from {event} to known_on of {name}"
        yield Measure("lag", f"{name}.known_on", name, says, "days", days, lag, 2.0, fault, mend)
    if lag.any() and name in VITAL:
        mend = f"See whether known_on and {event} are still two days, each its own."
        says = f"share of {name} known on their very {event}"
        same = (lag == 0).astype(np.float64)
        yield Measure("same_day", f"{name}.known_on", name, says, "share", days, same, 0.15, "watch", mend)


def _days_of_the_week(name: str, frame: pd.DataFrame, days: np.ndarray, ledger: Ledger) -> Iterator[Measure]:
    """Share of days without work: dates read in a wrong order fall on any day of the week."""
    for column in dict.fromkeys((str(TABLES[name].event), "known_on")):
        is_free = np.isin(weekday(day_numbers(frame[column])), ledger.settings.weekend_days)
        mend = f"See whether day and month of {column} are still read in the right order."
        yield Measure(
            "weekend", f"{name}.{column}", name, f"share of {name} whose {column} is at a weekend", "share", days,
            is_free.astype(np.float64), 0.1, "watch", mend, over_weeks=MONTH, only_more=True,
        )  # fmt: skip


def _newcomers(
    name: str, frame: pd.DataFrame, days: np.ndarray, first_seen: dict[str, int]
) -> Iterator[Measure]:
    """Share of rows of customers nobody had heard of a week before: all of them, where the numbers changed."""
    if name not in VITAL:
        return
    first = frame["customer_id"].map(first_seen).fillna(NEVER).to_numpy(dtype=np.int64)
    settled = days >= days.min() + EVERYBODY_IS_NEW
    is_new = (days - first < WEEK)[settled].astype(np.float64)
    mend = "See whether customer numbers are written as before; if these customers are new, scores lean on segments."
    says = f"share of {name} of customers first seen in the same week"
    yield Measure(
        "newcomers", f"{name}.customer_id", name, says, "share", days[settled], is_new, 0.15, "watch", mend
    )


def _first_seen(ledger: Ledger) -> dict[str, int]:
    """The first day on which each customer was heard of."""
    first: dict[str, int] = {}
    for name in VITAL:
        frame = ledger.tables[name]
        if len(frame):
            earliest = (
                pd.Series(day_numbers(frame["known_on"])).groupby(frame["customer_id"].to_numpy()).min()
            )
            for customer, day in earliest.items():
                first[str(customer)] = min(int(day), first.get(str(customer), NEVER))
    return first


def _of_invoices(frame: pd.DataFrame, days: np.ndarray) -> Iterator[Measure]:
    known = frame["amount_known"].to_numpy(dtype=bool) & (frame["amount"].to_numpy(np.int64) != 0)
    # Amounts in currency units: a currency without decimals is no jump.
    units = np.abs(frame["amount"].to_numpy(np.float64)) / 10.0 ** digits_of(frame["currency"].to_numpy())
    size = np.log10(np.maximum(units[known], 1e-3))
    mend = "See whether amounts are still exported in currency units, with the same decimal sign."
    yield Measure(
        "amount", "invoices.amount", "invoices", "typical amount of invoices", "amount", days[known], size,
        0.4, "act", mend,
    )  # fmt: skip
    terms = np.clip(day_numbers(frame["due_on"]) - day_numbers(frame["issued_on"]), -30, 180)
    mend = (
        "See whether due dates are still exported: terms that change for everybody at once are rarely agreed."
    )
    yield Measure(
        "terms", "invoices.due_on", "invoices", "average days from issue to due date", "days", days,
        terms.astype(np.float64), 5.0, "act", mend,
    )  # fmt: skip
    yield _twins(frame, days, "invoices", ["customer_id", "amount", "issued_on", "due_on"])
    mend = "See whether day and month of issued_on and due_on are still read in the right order."
    yield _fault(
        "due_before_issue", "invoices.due_on", "share of invoices due before they were issued", days,
        frame["due_on"] < frame["issued_on"], mend,
    )  # fmt: skip


def _of_payments(frame: pd.DataFrame, days: np.ndarray, ledger: Ledger) -> Iterator[Measure]:
    invoices = ledger.tables["invoices"].set_index("invoice_id")
    billed, issued_on = (frame["invoice_id"].map(invoices[name]) for name in ("amount", "issued_on"))
    paid, owed = frame["amount"].to_numpy(np.float64), billed.to_numpy(np.float64)
    both = np.isfinite(paid) & np.isfinite(owed) & (paid > 0) & (owed > 0)
    share = np.log10(paid[both] / owed[both])
    mend = "See whether payments and invoices are exported in the same unit and currency."
    yield Measure(
        "paid_share", "payments.amount", "payments", "typical payment over the amount of its invoice", "ratio",
        days[both], share, 0.3, "act", mend,
    )  # fmt: skip
    yield _twins(frame, days, "payments", ["invoice_id", "customer_id", "amount", "paid_on"])
    swapped = "See whether day and month of {} are still read in the right order, and export them again."
    yield _fault(
        "known_too_early", "payments.known_on", "share of payments known before they were made", days,
        frame["known_raised"], swapped.format("known_on and paid_on"),
    )  # fmt: skip
    yield _fault(
        "paid_before_issue", "payments.paid_on", "share of payments made before their invoice was issued", days,
        frame["paid_on"] < issued_on, swapped.format("paid_on"),
    )  # fmt: skip
    mend = "See whether invoice numbers are written as before: these invoices seem unpaid."
    yield _fault(
        "unmatched", "payments.invoice_id", "share of payments that name an invoice which is not there", days,
        frame["invoice_id"].notna() & issued_on.isna(), mend,
    )  # fmt: skip


def _fault(code: str, subject: str, says: str, days: np.ndarray, is_faulty: pd.Series, mend: str) -> Measure:
    """A share that is small in a sound export, counted over a month."""
    table, values = subject.partition(".")[0], is_faulty.to_numpy(dtype=np.float64)
    return Measure(
        code, subject, table, says, "share", days, values, 0.05, "act", mend, over_weeks=MONTH, only_more=True
    )


def _twins(frame: pd.DataFrame, days: np.ndarray, name: str, columns: list[str]) -> Measure:
    is_twin = frame.duplicated(columns, keep="first").to_numpy(dtype=np.float64)
    alike = ", ".join(column.removesuffix("_id") for column in columns)
    says = f"share of {name} that repeat another in {alike}"
    mend = f"See whether {name} are exported twice."
    return Measure("twins", name, name, says, "share", days, is_twin, 0.1, "act", mend)
