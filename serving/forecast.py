"""How much cash comes in each week from the invoices open today, and how sure is that?

Every open invoice has a distribution over payment days. The expected cash of a week is the sum of what the
distributions say, kept in whole minor units: weeks add up to amounts, and groups to the total. The range of a
week holds eight scenarios in ten (serving/scenarios.py); ranges do not add up, scenarios do.

Invoices that are not issued yet are not in it, nor is cash on account. Disputed amounts stand apart until
they are resolved. What was promised comes on the promised day as often as the customer keeps its promises,
and else when its habit says, later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from features.catalogue import CATALOGUE
from features.days import NEVER, day_number, to_date
from features.events import WHOLE_INVOICE
from features.history import History
from features.paydays import pay_days
from serving.agreements import Pieces, agreed_pieces, kept_rate
from serving.scenarios import Claims, Futures, Grouping, expected, ranges
from serving.scoring import Scorer

WEEK = 7
BROKEN_WAIT_DAYS = 30.0
"""Mean wait after a broken promise where the habit has nothing left to say."""
GROUPINGS = ("total", "division", "currency", "customer")
"""What cash is told for, in the order of reports."""
KINDS = ("week", "all_weeks", "later", "disputed", "open", "overdue")


@dataclass(frozen=True)
class Forecast:
    """Expected payment dates and cash of the invoices open on a day."""

    as_of: date
    weeks: int
    invoices: pd.DataFrame
    """One row per open invoice: what is open, disputed and promised, and the dates of its score row."""
    cash: pd.DataFrame
    """One row per grouping, name, currency, kind (KINDS) and week; `expected`, p10, p50, p90 in minor units."""


@dataclass(frozen=True)
class _Open:
    """The invoices open on a day and what is known of their money."""

    rows: np.ndarray
    amount: np.ndarray
    """Open minor units in own currency."""
    in_unit: np.ndarray
    """The same in the unit in which the book adds up."""
    disputed: np.ndarray
    """Of `amount`."""
    values: np.ndarray
    days: np.ndarray
    """p10, median and p90 of each payment, day numbers."""
    reached: np.ndarray
    """Share of the money expected by the end of each week, by habit alone; shape (n, weeks)."""


def forecast(
    scorer: Scorer,
    as_of: date | None = None,
    weeks: int = 13,
    scenarios: int = 1000,
    seed: int = 1,
    by: Sequence[str] = GROUPINGS,
) -> Forecast:
    """The cash forecast of a ledger as of the start of a day; the same for the same input and seed.

    `by` are the groupings of GROUPINGS that are told; others cost nothing.

    Raises ValueError where the model says nothing about payment dates.
    """
    day = as_of or scorer.as_of
    timing = scorer.model.timing
    if timing is None:
        raise ValueError(
            "the model in charge knows no payment dates: train again with `duecourse train LEDGER`"
        )
    found = _open_on(scorer, day, weeks)
    history = scorer.history
    pieces = agreed_pieces(history, found.rows, found.amount - found.disputed, day)
    reached = _with_agreements(history, found, pieces, day, weeks)
    claims = Claims(history.invoices["customer"][found.rows[pieces.invoice]], pieces.invoice, reached)
    names, groupings = _groupings(history, found, pieces, by)
    drawn = ranges(claims, groupings, Futures(timing.cash.unevenness, scenarios, seed))
    parts = [_told(name, names[name], expected(groupings[name], reached), drawn[name], day) for name in by]
    stands = _stands(history, found, day, by)
    cash = pd.concat([*parts, *stands], ignore_index=True)
    order = {name: place for place, name in enumerate((*GROUPINGS, *KINDS))}
    keys = cash.assign(_by=cash["by"].map(order), _kind=cash["kind"].map(order))
    cash = keys.sort_values(["_by", "name", "currency", "_kind", "week"], kind="stable", ignore_index=True)[
        parts[0].columns
    ]
    return Forecast(day, weeks, _invoices(scorer, found, pieces, day), cash)


def _open_on(scorer: Scorer, day: date, weeks: int) -> _Open:
    history, model, number = scorer.history, scorer.model_on(day), day_number(day)
    rows = history.open_on(number)
    as_of = np.full(len(rows), number)
    values = CATALOGUE.compute(history, rows, as_of)
    facts, p = pay_days(history, rows, as_of), model.anchors(model.predict(values))
    ends = number + WEEK * np.arange(1, weeks + 1) - 1
    settled = np.zeros((len(rows), weeks))
    for course, part in model.courses(values, facts, p):
        settled[part] = 1.0 - course.open_after(np.broadcast_to(ends, (len(course.survival), weeks)))
    assert model.timing is not None
    amount = scorer.facts.amount_open(rows, as_of) * scorer.facts.amount_known(rows)
    _, last = history.steps.before(number).last()
    return _Open(
        rows,
        amount,
        np.where(amount > 0, last.balance[last.settled_on == NEVER], 0),
        _disputed(history, rows, as_of, amount),
        values,
        model.payment_days(values, facts, p),
        model.timing.cash.reached(np.maximum.accumulate(settled, axis=1), number - facts.lateness_from),
    )


def _disputed(history: History, rows: np.ndarray, as_of: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Open minor units in dispute; a dispute without an amount is about all of it."""
    own = history.past(rows, as_of).of("invoice")
    stated = own.disputes.sum("amount") - own.disputes_closed.sum("amount")
    return np.where(stated >= WHOLE_INVOICE, amount, np.clip(stated, 0, amount))


def _with_agreements(history: History, found: _Open, pieces: Pieces, day: date, weeks: int) -> np.ndarray:
    """P(piece paid by the end of each week): by habit, or on the promised day and else by habit after it."""
    reached = found.reached[pieces.invoice]
    agreed = np.flatnonzero(pieces.agreed_on < NEVER)
    if not len(agreed):
        return reached
    rows = found.rows[pieces.invoice[agreed]]
    as_of = np.full(len(rows), day_number(day))
    kept = kept_rate(history, rows, as_of)[:, None]
    week = (pieces.agreed_on[agreed] - day_number(day)) // WEEK
    ends = np.arange(weeks)
    by_then = np.where(week > 0, reached[agreed, np.clip(week - 1, 0, weeks - 1)], 0.0)[:, None]
    left = 1.0 - by_then
    after = np.where(
        left > 1e-6,
        (reached[agreed] - by_then) / np.maximum(left, 1e-6),
        1 - np.exp(-(ends - week[:, None]) * WEEK / BROKEN_WAIT_DAYS),
    )
    is_due = ends >= week[:, None]
    reached[agreed] = np.where(is_due, kept + (1 - kept) * np.clip(after, 0.0, 1.0), 0.0)
    return reached


def _labels(history: History, found: _Open, by: Sequence[str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Of each open invoice, the name of its group and the unit of money, by grouping."""
    table = history.tables["invoices"].iloc[found.rows]
    unit, own, customer = (
        table[name].to_numpy(dtype=object) for name in ("money_unit", "currency", "customer_id")
    )
    known = {
        "total": (np.full(len(table), "all", dtype=object), unit),
        "division": (table["division"].fillna("unknown").to_numpy(dtype=object), unit),
        "currency": (own, own),
        "customer": (customer, unit),
    }
    return {name: known[name] for name in by}


def _groupings(
    history: History, found: _Open, pieces: Pieces, wanted: Sequence[str]
) -> tuple[dict[str, pd.MultiIndex], dict[str, Grouping]]:
    """The groups of each grouping by (name, unit of money), and what each piece adds to which of them."""
    in_unit = _in_unit(found, pieces)
    names, groupings = {}, {}
    for by, pair in _labels(history, found, wanted).items():
        listed = pd.MultiIndex.from_arrays(pair, names=["name", "currency"])
        names[by] = listed.unique().sort_values()
        code = names[by].get_indexer(listed).astype(np.int64)
        amount = pieces.amount if by == "currency" else in_unit
        groupings[by] = Grouping(code[pieces.invoice], amount, len(names[by]))
    return names, groupings


def _in_unit(found: _Open, pieces: Pieces) -> np.ndarray:
    """Minor units of the pieces in the book's unit; those of an undisputed invoice add up to what is open."""
    share = found.in_unit / np.maximum(found.amount, 1)
    so_far = np.zeros(len(pieces.amount), np.int64)
    for piece in range(1, len(so_far)):
        if pieces.invoice[piece] == pieces.invoice[piece - 1]:
            so_far[piece] = so_far[piece - 1] + pieces.amount[piece - 1]
    until = so_far + pieces.amount
    rate = share[pieces.invoice]
    return np.rint(until * rate).astype(np.int64) - np.rint(so_far * rate).astype(np.int64)


def _told(by: str, names: pd.MultiIndex, mean: np.ndarray, drawn: np.ndarray, day: date) -> pd.DataFrame:
    """The expected cash and its range per week, all weeks and later, one row each."""
    groups, weeks = len(names), mean.shape[1] - 1
    mean = np.concatenate([mean[:, :-1], mean[:, :-1].sum(axis=1, keepdims=True), mean[:, -1:]], axis=1)
    begins = [day + timedelta(days=WEEK * k) for k in range(weeks)]
    columns = {
        "by": by,
        "name": np.repeat(names.get_level_values(0).to_numpy(dtype=object), weeks + 2),
        "currency": np.repeat(names.get_level_values(1).to_numpy(dtype=object), weeks + 2),
        "kind": ["week"] * weeks + ["all_weeks", "later"],
        "week": [*range(1, weeks + 1), 0, 0],
        "begins_on": [*begins, day, begins[-1] + timedelta(days=WEEK)],
    }
    for name in ("kind", "week", "begins_on"):
        columns[name] = list(columns[name]) * groups
    money = {"expected": mean.ravel()} | {
        name: drawn[:, :, k].ravel() for k, name in enumerate(("p10", "p50", "p90"))
    }
    return pd.DataFrame(columns | money).astype(dict.fromkeys(money, "Int64"))


def _stands(history: History, found: _Open, day: date, wanted: Sequence[str]) -> list[pd.DataFrame]:
    """What is open, overdue and disputed today, in every group."""
    is_overdue = history.invoices["due_on"][found.rows] < day_number(day)
    share = found.in_unit / np.maximum(found.amount, 1)
    disputed = found.in_unit - np.rint((found.amount - found.disputed) * share).astype(np.int64)
    in_unit = {"disputed": disputed, "open": found.in_unit, "overdue": found.in_unit * is_overdue}
    own = {"disputed": found.disputed, "open": found.amount, "overdue": found.amount * is_overdue}
    parts = []
    for by, (name, unit) in _labels(history, found, wanted).items():
        kinds = pd.DataFrame(own if by == "currency" else in_unit).assign(name=name, currency=unit)
        summed = kinds.groupby(["name", "currency"], sort=True).sum().reset_index()
        long = summed.melt(["name", "currency"], var_name="kind", value_name="expected")
        parts.append(long.assign(by=by, week=0, begins_on=day).astype({"expected": "Int64"}))
    return parts


def _invoices(scorer: Scorer, found: _Open, pieces: Pieces, day: date) -> pd.DataFrame:
    facts, rows = scorer.facts, found.rows
    promised = np.full(len(rows), NEVER)
    agreement = np.full(len(rows), None, dtype=object)
    # From the last to the first: the earliest agreement of an invoice stays.
    agreed = np.flatnonzero(pieces.agreed_on < NEVER)[::-1]
    promised[pieces.invoice[agreed]] = pieces.agreed_on[agreed]
    agreement[pieces.invoice[agreed]] = pieces.kind[agreed]
    days = found.days
    return pd.DataFrame(
        {
            **{name: facts.named[name][rows] for name in ("invoice_id", "customer_id", "currency")},
            "amount_open": found.amount,
            "amount_disputed": found.disputed,
            "days_past_due": day_number(day) - scorer.history.invoices["due_on"][rows],
            **{
                name: [to_date(number) for number in days[:, k].tolist()]
                for name, k in (("expected_paid_on", 1), ("paid_on_p10", 0), ("paid_on_p90", 2))
            },
            "promised_on": [to_date(number) if number < NEVER else None for number in promised.tolist()],
            "agreement": agreement,
            "evidence": scorer.model.evidence(found.values),
        }
    )
