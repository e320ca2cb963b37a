"""How does a customer pay? Levels, rates, recent payments, trends, rhythm, and how others in its segments pay."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from tests.oracle.arithmetic import MISSING, deviation, mean, share
from tests.oracle.facts import Invoice, at_turn_of_month
from tests.oracle.known import Known, Settlement, Verdict

WINDOWS = {"_30": 30, "_90": 90, "_180": 180, "_365": 365, "": None}
BOOK_START = {"first": 0.1, "30": 0.03, "90": 0.01}


def _late(verdicts: Sequence[Verdict], known: Known, last: int | None = None) -> list[bool]:
    return [verdict.is_late for verdict in verdicts if known.is_recent(verdict.learned_on, last)]


def _own(known: Known, invoice: Invoice, horizon: int | None = None) -> list[Verdict]:
    horizon = known.book.rule.late_after_days if horizon is None else horizon
    return [each for each in known.verdicts(horizon) if each.invoice.customer_id == invoice.customer_id]


def levels(known: Known, invoice: Invoice) -> dict[str, float]:
    """Averages over windows."""
    found: dict[str, float] = {}
    mine, verdicts = known.settled_by(invoice.customer_id), _own(known, invoice)
    for name, last in WINDOWS.items():
        paid = [settled for settled in mine if known.is_recent(settled.learned_on, last)]
        found |= _windowed(name, paid, invoice)
        found[f"late_share{name}"] = mean(_late(verdicts, known, last))
        found[f"share_30_late{name}"] = mean(_late(_own(known, invoice, 30), known, last))
        found[f"share_90_late{name}"] = mean(_late(_own(known, invoice, 90), known, last))
    return found


def _windowed(name: str, paid: list[Settlement], invoice: Invoice) -> dict[str, float]:
    to_pay = mean([settled.days_to_pay for settled in paid])
    weighed = [s for s in paid if s.invoice.money_unit == invoice.money_unit]
    whole = [settled.invoice.money_amount // 100 for settled in weighed]
    return {
        f"past_due_share{name}": mean([settled.late_days > 0 for settled in paid]),
        f"slow_share{name}": mean([settled.late_days > 15 for settled in paid]),
        f"early_share{name}": mean([settled.late_days < -5 for settled in paid]),
        f"mean_days_late{name}": mean([settled.days_late for settled in paid]),
        f"mean_days_to_pay{name}": to_pay,
        f"usual_days_beyond_terms{name}": to_pay - invoice.terms,
        f"days_late_spread{name}": deviation([settled.days_late for settled in paid]),
        f"days_beyond_terms{name}": share(
            sum(amount * settled.days_late for amount, settled in zip(whole, weighed, strict=True)),
            sum(whole),
        ),
    }


def _book_rate(known: Known, horizon: int, start: float) -> float:
    late = _late(known.verdicts(horizon), known, 365)
    return (sum(late) + 20 * start) / (len(late) + 20)


def _drawn(late: Sequence[bool], towards: float, weight: int = 8) -> float:
    return (sum(late) + weight * towards) / (len(late) + weight)


def rates(known: Known, invoice: Invoice) -> dict[str, float]:
    """The customer's rates, drawn towards the book's."""
    first = known.book.rule.late_after_days
    horizons = {"first": first, "30": 30, "90": 90}
    book = {name: _book_rate(known, days, BOOK_START[name]) for name, days in horizons.items()}
    own = {name: _late(_own(known, invoice, days), known) for name, days in horizons.items()}
    rate = _drawn(own["first"], book["first"])
    return {
        "late_rate": rate,
        "late_rate_of_30": _drawn(own["30"], book["30"]),
        "late_rate_of_90": _drawn(own["90"], book["90"]),
        "late_rate_recent": _drawn(_late(_own(known, invoice), known, 90), rate),
        "late_goes_past_30": _goes_past(known, invoice, first, 30),
        "late_goes_past_90": _goes_past(known, invoice, 30, 90),
    }


def _goes_past(known: Known, invoice: Invoice, shorter: int, longer: int) -> float:
    book = [sum(_late(known.verdicts(horizon), known)) for horizon in (shorter, longer)]
    own = [sum(_late(_own(known, invoice, horizon), known)) for horizon in (shorter, longer)]
    usual = min((book[1] + 0.5) / (book[0] + 2), 1.0)
    return min((own[1] + 4 * usual) / (own[0] + 4), 1.0)


def recent(known: Known, invoice: Invoice) -> dict[str, float]:
    """The last few, and the last against those before."""
    paid, verdicts = known.settled_by(invoice.customer_id), _own(known, invoice)
    days, late = [each.days_late for each in paid], [each.is_late for each in verdicts]

    def change(last: int, before: int | None) -> float:
        ages = [known.as_of - each.learned_on for each in paid]
        newer = [day for day, age in zip(days, ages, strict=True) if age <= last]
        older = [day for day, age in zip(days, ages, strict=True) if last < age <= (before or age)]
        return mean(newer) - mean(older)

    newer = _late(verdicts, known, 90)
    return {
        "late_share_last_3": mean(late[-3:]),
        "late_share_last_12": mean(late[-12:]),
        "last_days_late": days[-1] if days else MISSING,
        "mean_days_late_last_3": mean(days[-3:]),
        "mean_days_late_last_12": mean(days[-12:]),
        "days_late_trend": change(90, 365),
        "days_late_trend_30": change(30, 180),
        "late_share_trend": mean(newer)
        - mean([e.is_late for e in verdicts if not known.is_recent(e.learned_on, 90)]),
        "settled_count": len(paid),
        "matured_count": len(verdicts),
    }


def alike(known: Known, invoice: Invoice) -> dict[str, float]:
    """The customer's invoices that are like this one."""
    paid, verdicts = known.settled_by(invoice.customer_id), _own(known, invoice)

    def same(kind: str) -> list[Settlement]:
        return [each for each in paid if _kind(each.invoice, kind) == _kind(invoice, kind)]

    def same_verdicts(kind: str) -> list[bool]:
        return [each.is_late for each in verdicts if _kind(each.invoice, kind) == _kind(invoice, kind)]

    weekdays, both = same("weekday"), same("terms and weekday")
    year = [each for each in weekdays if known.is_recent(each.learned_on, 365)]
    return {
        "late_share_with_division": mean(same_verdicts("division")),
        "late_share_same_terms": mean(same_verdicts("terms")),
        "mean_days_late_same_terms": mean([each.days_late for each in same("terms")]),
        "late_share_same_terms_and_weekday": mean(same_verdicts("terms and weekday")),
        "mean_days_late_same_terms_and_weekday": mean([each.days_late for each in both]),
        "past_due_share_same_terms_and_weekday": mean([each.late_days > 0 for each in both]),
        "late_share_same_amount": mean(same_verdicts("amount")),
        "late_share_same_amount_last_3": mean(same_verdicts("amount")[-3:]),
        "mean_days_late_same_amount": mean([each.days_late for each in same("amount")]),
        "same_amount_count": sum(
            _kind(other, "amount") == _kind(invoice, "amount") and other is not invoice
            for other in known.invoices
            if other.customer_id == invoice.customer_id
        ),
        "mean_days_late_same_size": mean([each.days_late for each in same("size")]),
        "mean_days_late_same_weekday": mean([each.days_late for each in weekdays]),
        "past_due_share_same_weekday": mean([each.late_days > 0 for each in year]),
        "past_due_share_same_weekday_last_5": mean([each.late_days > 0 for each in weekdays[-5:]]),
        "mean_days_late_same_month_part": mean([each.days_late for each in same("month part")]),
        "past_due_share_same_month_part": mean([each.late_days > 0 for each in same("month part")]),
    }


def _kind(invoice: Invoice, kind: str) -> object:
    if kind == "division":
        return invoice.division
    if kind == "terms":
        return max(0, min(invoice.terms, 366))
    if kind == "terms and weekday":
        return _kind(invoice, "terms"), _kind(invoice, "weekday")
    if kind == "amount":
        return invoice.money_unit, invoice.money_amount
    if kind == "size":
        return max(invoice.money_amount, 1).bit_length()
    if kind == "weekday":
        return date.fromordinal(invoice.due_on).weekday()
    return (date.fromordinal(invoice.lateness_from).day - 1) // 4


def rhythm(known: Known, invoice: Invoice) -> dict[str, float]:
    """The days on which the customer's invoices of the last year were paid."""
    mine = known.settled_by(invoice.customer_id)
    paid = [settled for settled in mine if known.is_recent(settled.learned_on, 365)]
    weekdays = [date.fromordinal(settled.paid_on).weekday() for settled in paid]
    start = date.fromordinal(invoice.lateness_from).weekday()
    busiest = max(Counter(weekdays).values(), default=0)
    passed = sum(known.is_recent(settled.learned_on, 14) for settled in mine)
    open_now = sum(other.customer_id == invoice.customer_id for other in known.open)
    return {
        "days_from_due_to_pay_day": mean([(day - start) % 7 for day in weekdays]),
        "pay_day_concentration": share(busiest, len(weekdays)),
        "paid_on_due_weekday": mean([day == start for day in weekdays]),
        "month_end_share": mean([at_turn_of_month(settled.paid_on) for settled in paid]),
        "on_due_day_share": mean([abs(settled.paid_on - settled.invoice.due_on) <= 1 for settled in paid]),
        "recently_settled_share": share(passed, passed + open_now),
    }


def pay_days(known: Known, invoice: Invoice) -> dict[str, float]:
    """The days on which money came, and the usual gap between them."""
    days = [day for day in known.book.pay_days.get(invoice.customer_id, []) if day < known.as_of]
    gaps = [min(day - before, 365) for before, day in pairwise(days) if known.is_recent(day, 365)]
    gap, since = mean(gaps), known.as_of - days[-1] if days else MISSING
    ahead = invoice.lateness_from - known.as_of + since
    at_least_one = gap if math.isnan(gap) else max(gap, 1.0)
    next_one = MISSING if math.isnan(ahead / at_least_one) else math.ceil(ahead / at_least_one) * at_least_one
    return {
        "mean_pay_day_gap": gap,
        "days_since_payment": since,
        "silence_against_usual_gap": since / at_least_one,
        "days_from_due_to_next_gap": next_one - ahead,
    }


def segments(known: Known, invoice: Invoice) -> dict[str, float]:
    """How the invoice's country, industry, division, kind of debtor and the whole book pay."""
    found: dict[str, float] = {}
    verdicts = known.verdicts(known.book.rule.late_after_days)
    book = _book_rate(known, known.book.rule.late_after_days, BOOK_START["first"])
    for segment in ("country", "industry", "division", "debtor_type"):
        mine = known.segment(segment, invoice)
        theirs = [v for v in verdicts if mine is not None and known.segment(segment, v.invoice) == mine]
        found[f"{segment}_late_share"] = _drawn(_late(theirs, known, 365), book, weight=50)
    days = [settled.days_late for settled in known.settled if known.is_recent(settled.learned_on, 30)]
    return found | {"book_late_share": mean(_late(verdicts, known, 60)), "book_days_late": mean(days)}
