"""Which invoices stand behind a reason? The very rows of the customer's past that its figure was worked out from.

Every reason is said by one feature, and a feature asks the customer's history a question: the share late among the
verdicts of the last 90 days, the mean days late of the last 3 settlements. `SHOWN` says the same question as rows,
feature by feature, from the definitions of features/catalogue: which stream of events, of which group (the customer,
its invoices of the same terms ...), in which window, and what each row counts. A test works the shown figure out
of the shown rows again, for every feature whose figure is a plain mean, count, sum, difference or spread.

Some figures are drawn towards the book's while a customer is little known: their rows are shown, and it is said that
the plain share differs (`is_plain` False). Reasons about the invoice itself, about other customers or about the whole
book have no rows of the customer's past, and are not in `SHOWN`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from features import events
from features.catalogue import CATALOGUE
from features.days import NEVER, weekday
from features.featureset import Feature
from features.history import History
from features.reasons import reason, shown_value

Statistic = Literal["mean", "count", "sum", "change", "spread"]


@dataclass(frozen=True)
class Asked:
    """One question: an invoice of a customer's history as of a day, and the feature's window."""

    history: History
    row: int
    as_of: int
    last: int | None = None

    def own(self, name: str) -> Any:
        """What the invoice says of itself."""
        return self.history.invoices[name][self.row]


@dataclass(frozen=True)
class Rows:
    """Invoices, oldest event first, and what each counts; `weight` 0 counts nothing."""

    invoice: np.ndarray
    day: np.ndarray
    """The day from which each counts."""
    counted: np.ndarray
    weight: np.ndarray
    is_recent: np.ndarray
    """For a change: which rows are the recent ones, held against the others."""


@dataclass(frozen=True)
class Shown:
    """How a feature's figure is made of rows: which rows, what they count, and how they are put together."""

    rows: Callable[[Asked], Rows]
    counts: str
    """What a row counts: the name of a measure (serving/pages words it)."""
    statistic: Statistic = "mean"
    is_plain: bool = True
    """Whether the shown figure is that of the rows alone."""


@dataclass(frozen=True)
class Behind:
    """What stands behind a reason: the feature that says it, its figure, and the rows."""

    feature: Feature
    value: float | None
    shown: Shown
    rows: Rows

    @property
    def figure(self) -> float | None:
        """The rows put together: the value again, where it is a plain figure of theirs."""
        return figure(self.rows, self.shown.statistic)


def figure(rows: Rows, statistic: Statistic) -> float | None:
    """Mean, count, sum, change or spread of what rows count; None where there is nothing to work out."""
    counted, weight = rows.counted.astype(np.float64), rows.weight.astype(np.float64)
    if statistic == "count":
        return float(weight.sum())
    if statistic == "sum":
        return float((counted * weight).sum())
    if statistic == "change":
        sides = (_mean(counted[at], weight[at]) for at in (rows.is_recent, ~rows.is_recent))
        recent, before = sides
        return None if recent is None or before is None else recent - before
    mean = _mean(counted, weight)
    if statistic == "mean" or mean is None:
        return mean
    spread = _mean((counted - mean) ** 2, weight)
    return None if spread is None else float(np.sqrt(spread))


def _mean(counted: np.ndarray, weight: np.ndarray) -> float | None:
    return float((counted * weight).sum() / weight.sum()) if weight.sum() > 0 else None


def leading_feature(
    given: Mapping[str, Any], values: np.ndarray, reference: Mapping[str, float]
) -> Feature | None:
    """The feature that says a reason of an explanation, found by what it says; None for what no feature says."""
    for feature, value in zip(CATALOGUE.features, values.tolist(), strict=True):
        if feature.reason == given["code"]:
            said = reason(feature, value, reference[feature.name], given["contribution"])
            if said["value"] is not None and said == dict(given):
                return feature
    return None


def behind(feature: Feature, value: float, history: History, row: int, as_of: int) -> Behind | None:
    """The rows behind a feature's value, from the history of the customer alone; None where it rests on none."""
    shown = SHOWN.get(base_name(feature))
    if shown is None:
        return None
    rows = shown.rows(Asked(history, row, as_of, feature.window_days))
    return Behind(feature, shown_value(feature.unit, value), shown, rows)


def base_name(feature: Feature) -> str:
    """A feature's name without its window."""
    return feature.name.removesuffix(f"_{feature.window_days}") if feature.window_days else feature.name


def about(feature: Feature) -> str:
    """What a reason without rows is about: `invoice`, `others`, or `customer`."""
    others = ("group_behaviour", "country", "industry", "division", "market")
    if feature.reason in others:
        return "others"
    return "invoice" if feature.family == "invoice" or feature.name == "promised_days_late" else "customer"


# -- which rows: events that had happened and still held, or what is open now

Count = str | Callable[[Mapping[str, np.ndarray], Asked], np.ndarray]


def _events(
    stream: str,
    count: Count = "",
    of: str = "customer",
    last: int | None = None,
    newest: int | None = None,
    weight: str = "",
    recent: int | None = None,
) -> Callable[[Asked], Rows]:
    """The events of a stream in the invoice's group: those of the window (the feature's own), or the newest few."""

    def found(asked: Asked) -> Rows:
        made = events.STREAMS[stream](asked.history)
        assert made.invoice is not None
        until = np.full(len(made.day), NEVER) if made.until is None else made.until
        mine = (made.day < asked.as_of) & (until >= asked.as_of) & _in_group(asked, made.invoice, of)
        window = asked.last or last
        if window:
            mine &= made.day >= asked.as_of - window
        at = np.flatnonzero(mine)
        at = at[np.lexsort((at, made.day[at]))][-newest if newest else 0 :]
        counted = _counted(made.measures, count, asked)[at]
        weights = made.measures[weight][at] if weight else np.ones(len(at))
        is_recent = made.day[at] >= asked.as_of - (recent or 0)
        return Rows(made.invoice[at], made.day[at], counted, weights, is_recent)

    return found


def _in_group(asked: Asked, invoice: np.ndarray, of: str) -> np.ndarray:
    if of == "customer":
        return np.asarray(asked.history.invoices["customer"][invoice] == asked.own("customer"))
    groups = asked.history.own_groups[of]
    return np.asarray(groups[invoice] == groups[asked.row])


def _counted(measures: Mapping[str, np.ndarray], count: Count, asked: Asked) -> np.ndarray:
    if callable(count):
        return count(measures, asked)
    return measures[count] if count else np.ones(len(next(iter(measures.values()))))


def _running(
    stream: str, count: str = "", of: str = "customer", with_own: bool = False, weight: str = ""
) -> Callable[[Asked], Rows]:
    """The invoices whose balance in a stream is open; `count` names another stream in which they may stand too."""

    def found(asked: Asked) -> Rows:
        open_in = _balances(asked, stream)
        mine = open_in["count"] > 0
        mine &= _in_group(asked, np.arange(len(mine)), of)
        mine[asked.row] &= with_own
        at = np.flatnonzero(mine)
        at = at[np.argsort(asked.history.invoices["due_on"][at], kind="stable")]
        counted = _balances(asked, count)[weight or "count"][at] if count else np.ones(len(at))
        weights = open_in[weight][at] if weight else np.ones(len(at))
        if weight:  # a part of what is open of each
            counted = counted / np.maximum(weights, 1)
        return Rows(at, asked.history.invoices["due_on"][at], counted, weights, np.ones(len(at), bool))

    return found


def _balances(asked: Asked, stream: str) -> dict[str, np.ndarray]:
    """What stands in a stream of changes as of the day, by invoice."""
    made = events.STREAMS[stream](asked.history)
    assert made.invoice is not None
    known, size = made.day < asked.as_of, len(asked.history.invoices["due_on"])
    return {name: np.bincount(made.invoice[known], of[known], size) for name, of in made.measures.items()}


def _together(
    one: Callable[[Asked], Rows], other: Callable[[Asked], Rows], counts: float
) -> Callable[[Asked], Rows]:
    """Rows that count as `counts`, and others that count as the opposite."""

    def found(asked: Asked) -> Rows:
        a, b = one(asked), other(asked)
        counted = np.concatenate([np.full(len(a.invoice), counts), np.full(len(b.invoice), 1 - counts)])
        both = (np.concatenate([getattr(each, name) for each in (a, b)]) for name in ("invoice", "day"))
        invoice, day = both
        return Rows(invoice, day, counted, np.ones(len(invoice)), np.ones(len(invoice), bool))

    return found


def _late_days(asked: Asked) -> Rows:
    """Overdue invoices, the invoice itself included, and how long they are past due."""
    rows = _running("overdue", with_own=True)(asked)
    days = asked.as_of - asked.history.invoices["due_on"][rows.invoice]
    return Rows(rows.invoice, rows.day, days, rows.weight, rows.is_recent)


def _oldest(asked: Asked) -> Rows:
    rows = _late_days(asked)
    first = slice(0, 1)  # by due day: the oldest is the first
    return Rows(*(getattr(rows, name)[first] for name in Rows.__dataclass_fields__))


def _open_disputes(of: str) -> Callable[[Asked], Rows]:
    """Disputes opened before the day and not closed before it, a row each."""

    def found(asked: Asked) -> Rows:
        opened, closed = (_events(stream, of=of)(asked) for stream in ("disputes", "disputes_closed"))
        left = opened.invoice.tolist()
        for each in closed.invoice.tolist():
            left.remove(each)
        at = np.array(left, dtype=np.int64)
        ones = np.ones(len(at))
        return Rows(at, asked.history.invoices["due_on"][at], ones, ones, ones > 0)

    return found


def _waits(measures: Mapping[str, np.ndarray], asked: Asked) -> np.ndarray:
    """Days from the weekday on which lateness starts to the weekday of each payment."""
    start = int(weekday(np.array([asked.own("lateness_from")]))[0])
    return np.sum([(day - start) % 7 * measures[f"weekday_{day}"] for day in range(7)], axis=0)


def _on_start(measures: Mapping[str, np.ndarray], asked: Asked) -> np.ndarray:
    return measures[f"weekday_{int(weekday(np.array([asked.own('lateness_from')]))[0])}"]


def _beyond_terms(measures: Mapping[str, np.ndarray], asked: Asked) -> np.ndarray:
    return measures["days_to_pay"] - asked.own("terms_days")


def _earlier_of_amount(asked: Asked) -> Rows:
    rows = _events("issued", of="customer_amount")(asked)
    other = rows.invoice != asked.row
    return Rows(*(getattr(rows, name)[other] for name in Rows.__dataclass_fields__))


def _busiest(asked: Asked) -> Rows:
    """Settlements of the last year, and whether they fell on the weekday on which most did."""
    days = [_events("settled", f"weekday_{day}", last=365)(asked) for day in range(7)]
    return max(days, key=lambda rows: rows.counted.sum())


def _share(stream: str, count: str, **how: Any) -> Shown:
    return Shown(_events(stream, count, **how), _WORDED.get((stream, count), count))


def _drawn(rows: Callable[[Asked], Rows], counts: str) -> Shown:
    return Shown(rows, counts, is_plain=False)


_WORDED = {("matured_30", "late"): "late_30", ("matured_90", "late"): "late_90"}
_LATE, _LATE_30, _LATE_90 = (_events(name, "late") for name in ("matured", "matured_30", "matured_90"))

SHOWN: dict[str, Shown] = {
    # habit
    "late_share": _share("matured", "late"),
    "late_rate": _drawn(_LATE, "late"),
    "late_rate_of_30": _drawn(_LATE_30, "late_30"),
    "late_rate_of_90": _drawn(_LATE_90, "late_90"),
    "late_rate_recent": _drawn(_events("matured", "late", last=90), "late"),
    "late_goes_past_30": _drawn(_LATE_30, "late_30"),
    "late_goes_past_90": _drawn(_LATE_90, "late_90"),
    "share_30_late": _share("matured_30", "late"),
    "share_90_late": _share("matured_90", "late"),
    "past_due_share": _share("settled", "past_due"),
    "slow_share": _share("settled", "slow"),
    "mean_days_late": _share("settled", "days_late"),
    "mean_days_to_pay": _share("settled", "days_to_pay"),
    "usual_days_beyond_terms": Shown(_events("settled", _beyond_terms), "days_beyond_terms"),
    "days_beyond_terms": _share("settled", "days_late", of="account", weight="whole_amount"),
    "early_share": _share("settled", "early"),
    "late_share_last_3": _share("matured", "late", newest=3),
    "late_share_last_12": _share("matured", "late", newest=12),
    "last_days_late": _share("settled", "days_late", newest=1),
    "mean_days_late_last_3": _share("settled", "days_late", newest=3),
    "mean_days_late_last_12": _share("settled", "days_late", newest=12),
    "days_late_trend": Shown(_events("settled", "days_late", last=365, recent=90), "days_late", "change"),
    "days_late_trend_30": Shown(_events("settled", "days_late", last=180, recent=30), "days_late", "change"),
    "late_share_trend": Shown(_events("matured", "late", recent=90), "late", "change"),
    "days_late_spread": Shown(_events("settled", "days_late"), "days_late", "spread"),
    "late_share_with_division": _share("matured", "late", of="customer_division"),
    "late_share_same_terms": _share("matured", "late", of="customer_terms"),
    "mean_days_late_same_terms": _share("settled", "days_late", of="customer_terms"),
    "mean_days_late_same_size": _share("settled", "days_late", of="customer_size"),
    # rhythm
    "days_from_due_to_pay_day": Shown(_events("settled", _waits, last=365), "wait_days"),
    "pay_day_concentration": Shown(_busiest, "busiest_weekday"),
    "paid_on_due_weekday": Shown(_events("settled", _on_start, last=365), "due_weekday"),
    "mean_days_late_same_weekday": _share("settled", "days_late", of="customer_weekday"),
    "past_due_share_same_weekday": _share("settled", "past_due", of="customer_weekday", last=365),
    "past_due_share_same_weekday_last_5": _share("settled", "past_due", of="customer_weekday", newest=5),
    "month_end_share": _share("settled", "at_month_end", last=365),
    "on_due_day_share": _share("settled", "on_due_day", last=365),
    "mean_days_late_same_month_part": _share("settled", "days_late", of="customer_month_part"),
    "past_due_share_same_month_part": _share("settled", "past_due", of="customer_month_part"),
    "late_share_same_terms_and_weekday": _share("matured", "late", of="customer_terms_weekday"),
    "mean_days_late_same_terms_and_weekday": _share("settled", "days_late", of="customer_terms_weekday"),
    "past_due_share_same_terms_and_weekday": _share("settled", "past_due", of="customer_terms_weekday"),
    # exposure
    "open_count": Shown(_running("open"), "open", "count"),
    "overdue_count": Shown(_running("overdue"), "overdue", "count"),
    "long_overdue_count": Shown(_running("long_overdue"), "long_overdue", "count"),
    "overdue_share": Shown(_running("open", "overdue"), "overdue"),
    "overdue_amount_share": Shown(_running("open", "overdue", of="account", weight="amount"), "overdue"),
    "mean_overdue_days": Shown(_late_days, "overdue_days"),
    "oldest_overdue_days": Shown(_oldest, "overdue_days", "sum"),
    "unpaid_share_of_recently_due": Shown(
        _together(_running("overdue"), _events("settled", last=30), 1.0), "overdue"
    ),
    "issued_count": Shown(_events("issued"), "issued", "count"),
    # the invoice among the others
    "recently_settled_share": Shown(
        _together(_events("settled", last=14), _running("open", with_own=True), 1.0), "settled"
    ),
    "late_share_same_amount": _share("matured", "late", of="customer_amount"),
    "late_share_same_amount_last_3": _share("matured", "late", of="customer_amount", newest=3),
    "mean_days_late_same_amount": _share("settled", "days_late", of="customer_amount"),
    "same_amount_count": Shown(_earlier_of_amount, "issued", "count"),
    # dialogue and relationship
    "open_disputes_of_invoice": Shown(_open_disputes("invoice"), "disputed", "count"),
    "open_disputes": Shown(_open_disputes("customer"), "disputed", "count"),
    "mean_dispute_days": Shown(_events("disputes_closed", "days"), "dispute_days"),
    "broken_promise_share": _share("promises_due", "broken"),
    "broken_promises": Shown(_events("promises_due", "broken", last=90), "broken", "sum"),
    "broken_promises_of_invoice": Shown(_events("promises_due", "broken", of="invoice"), "broken", "sum"),
    "cannot_pay_count": Shown(_events("nonpayment_reasons", "cannot_pay", last=365), "cannot_pay", "sum"),
    "cannot_pay_count_of_invoice": Shown(
        _events("nonpayment_reasons", "cannot_pay", of="invoice"), "cannot_pay", "sum"
    ),
    "our_doing_share": _share("nonpayment_reasons", "our_doing", last=365),
    "settled_count": Shown(_events("settled"), "settled", "count"),
    "matured_count": Shown(_LATE, "late", "count"),
}
"""How each feature that rests on invoices of the customer's past is made of them."""
