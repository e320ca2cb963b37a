"""How quickly does money come in, and how old is what is open? DSO, CEI, ageing, roll rates and their kin.

Amounts are whole minor units until one is divided by another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np

from features.days import to_date
from serving.kpis.asked import Asked
from serving.kpis.books import month_start, months_back
from serving.kpis.figure import Figure, Split, Value, lists, product, quotients

BUCKETS = ("current", "1-30", "31-60", "61-90", "90+")
LAST_DAYS = np.array([0, 30, 60, 90])
INDEX_DAYS = (-30, -20, 0, 15, 22, 30, 60, 90, 120, 180)
INDEX_POINTS = (100, 90, 80, 70, 60, 50, 40, 30, 20, 0)
NO_SALES = "no credit sales came into the books in the period"
MORE_DAYS = "a longer period, or invoices issued in it"
NOTHING_PAID = "no invoice was settled by money in the period"


def days_outstanding(asked: Asked) -> list[Figure]:
    """DSO, best possible DSO and average days delinquent."""
    dso, best, delinquent = lists(3)
    for split in asked.splits:
        owed, current, sales, n = _balances(asked, split)
        days = asked.day - asked.begin
        found = quotients(owed, sales, days)
        ideal = quotients(current, sales, days)
        gap = [None if a is None or b is None else a - b for a, b in zip(found, ideal, strict=True)]
        for values, said in ((dso, found), (best, ideal), (delinquent, gap)):
            values += _over_the_period(asked, split, said, n, NO_SALES)
    return [
        asked.figure("dso", dso),
        asked.figure("bpdso", best),
        asked.figure("add", delinquent),
    ]


def _balances(asked: Asked, split: Split) -> tuple[list[int], list[int], list[int], list[int]]:
    """Open, of it not past due, net sales of the period, and how many invoices were sold."""
    state, books = asked.books.state(asked.day), asked.books
    current = state.balance * (books.due_on >= asked.day)
    sold = (books.seen_on >= asked.begin) & (books.seen_on < asked.day)
    return split.sums(state.balance), split.sums(current), split.sums(asked.sales), split.counts(sold)


def _over_the_period(
    asked: Asked, split: Split, said: Sequence[float | None], n: Sequence[int], why: str
) -> Iterable[Value]:
    """Values that mean something only where the ledger reaches back to the beginning of the period."""
    if asked.holds_period:
        return split.values(said, n, None, why, MORE_DAYS)
    first = to_date(int(asked.books.seen_on.min()))
    why = f"the ledger's first invoice is of {first}, later than the period begins"
    return split.values([None] * len(n), n, None, why, "a shorter period, or earlier invoices")


def countback(asked: Asked) -> list[Figure]:
    """Countback DSO: the latest month's sales are taken off the receivables and its days counted, and so on."""
    values: list[Value] = []
    starts = months_back(asked.day, asked.months_known)
    months = list(zip(starts, [asked.day, *starts[:-1]], strict=True))
    sold = [asked.books.sales(begin, end) for begin, end in months]
    lengths = [end - begin for begin, end in months]
    state = asked.books.state(asked.day)
    for split in asked.splits:
        sales = [split.sums(month) for month in sold]
        owed = split.sums(state.balance)
        said = [_counted_back(owed[g], [month[g] for month in sales], lengths) for g in range(len(owed))]
        why = "more is open than all the ledger's months sold"
        values += split.values(
            said, split.counts(state.is_open), why_not=why, needs="invoices of earlier months"
        )
    return [asked.figure("countback_dso", values)]


def _counted_back(owed: int, sales: Sequence[int], lengths: Sequence[int]) -> float | None:
    days = 0.0
    for sold, length in zip(sales, lengths, strict=True):
        if owed <= 0:
            break
        if sold >= owed:
            return days + length * owed / sold
        owed, days = owed - max(sold, 0), days + length
    return days if owed <= 0 else None


def effectiveness(asked: Asked) -> list[Figure]:
    """Collection effectiveness index: of what could be collected in the period, how much was."""
    values: list[Value] = []
    before = asked.books.state(asked.begin)
    for split in asked.splits:
        owed, current, sales, n = _balances(asked, split)
        began = split.sums(before.balance)
        top = [b + s - e for b, s, e in zip(began, sales, owed, strict=True)]
        bottom = [b + s - c for b, s, c in zip(began, sales, current, strict=True)]
        why = "nothing was there to be collected in the period"
        values += _over_the_period(asked, split, quotients(top, bottom, 100.0), n, why)
    return [asked.figure("cei", values)]


def ageing(asked: Asked) -> list[Figure]:
    """What is open by days past the printed due date, and the share that is past due."""
    state, bucket = asked.books.state(asked.day), buckets(asked, asked.day)
    money, share, overdue = lists(3)
    for split in asked.splits:
        owed = split.sums(state.balance)
        for k, part in enumerate(BUCKETS):
            amount = split.sums(state.balance * (bucket == k))
            n = split.counts(state.is_open & (bucket == k))
            money += split.values(amount, n, part)
            share += split.values(quotients(amount, owed, 100.0), n, part, "nothing is open", "open invoices")
        late = split.sums(state.balance * (bucket > 0))
        n = split.counts(state.is_open & (bucket > 0))
        overdue += split.values(quotients(late, owed, 100.0), n, None, "nothing is open", "open invoices")
    return [
        asked.figure("ageing", money),
        asked.figure("ageing_share", share),
        asked.figure("overdue_share", overdue),
    ]


def buckets(asked: Asked, day: int) -> np.ndarray:
    """Each invoice's place in BUCKETS at the start of a day."""
    return np.searchsorted(LAST_DAYS, day - asked.books.due_on)


def roll_rates(asked: Asked) -> list[Figure]:
    """How much of each bucket rolled into the next within the last full calendar month."""
    end = month_start(asked.day)
    begin = month_start(end - 1)
    now, then = asked.books.state(end), asked.books.state(begin)
    place, was = buckets(asked, end), buckets(asked, begin)
    values: list[Value] = []
    for split in asked.splits:
        for k, (name, following) in enumerate(pairwise(BUCKETS)):
            said = quotients(
                split.sums(now.balance * (place == k + 1)), split.sums(then.balance * (was == k)), 100.0
            )
            n = split.counts(then.is_open & (was == k))
            why, needs = f"nothing stood in {name} on {to_date(begin)}", "a book with invoices of that age"
            values += split.values(said, n, f"{name} → {following}", why, needs)
    return [asked.figure("roll_rate", values, (begin, end))]


def payment_speed(asked: Asked) -> list[Figure]:
    """Days beyond terms and payment index of invoices settled in the period, weighted by amount."""
    books, state = asked.books, asked.books.state(asked.day)
    settled = (state.settled_on >= asked.begin) & (state.settled_on < asked.day) & ~state.by_credit_alone
    beyond = np.where(settled, state.settled_on - books.due_on, 0)
    points = np.rint(100 * np.interp(beyond, INDEX_DAYS, INDEX_POINTS)).astype(np.int64)
    weight = books.amount * settled
    dbt, index = lists(2)
    for split in asked.splits:
        whole, n = split.sums(weight), split.counts(settled)
        for values, of, scale in ((dbt, beyond, 1.0), (index, points, 0.01)):
            said = quotients(split.sums(product(weight, of)), whole, scale)
            values += split.values(said, n, why_not=NOTHING_PAID, needs="a longer period")
    return [
        asked.figure("dbt", dbt),
        asked.figure("payment_index", index),
    ]


def concentration(asked: Asked) -> list[Figure]:
    """How much of what is open is owed by few customers."""
    largest, top, few = lists(3)
    state, many = asked.books.state(asked.day), asked.settings.top_customers
    for split in asked.splits:
        owed = [_by_customer(asked, state.balance, split.code == g) for g in range(len(split.names))]
        n = [len(each) for each in owed]
        missing = ("nothing is open", "open invoices")
        largest += split.values(_each(owed, lambda each: 100 * each[0] / sum(each)), n, None, *missing)
        top += split.values(_each(owed, lambda each: 100 * sum(each[:many]) / sum(each)), n, None, *missing)
        few += split.values(_each(owed, _owing_most), n, None, *missing)
    return [
        asked.figure("largest_customer_share", largest),
        asked.figure("top_customers_share", top),
        asked.figure("customers_owing_80_percent", few),
    ]


def _by_customer(asked: Asked, balance: np.ndarray, mask: np.ndarray) -> list[int]:
    """What each customer owes, most first; those that owe nothing left out."""
    customer = Split(
        "customer",
        tuple((str(c), None) for c in range(len(asked.books.history.customers))),
        asked.books.customer,
    )
    return sorted((owed for owed in customer.sums(balance * mask) if owed > 0), reverse=True)


def _each(owed: Iterable[list[int]], of: Callable[[list[int]], float | int]) -> list[float | int | None]:
    return [of(each) if each else None for each in owed]


def _owing_most(owed: list[int]) -> int:
    so_far = 0
    for place, each in enumerate(owed, start=1):
        so_far += each
        if 5 * so_far >= 4 * sum(owed):
            return place
    return len(owed)


def at_risk(asked: Asked) -> list[Figure]:
    """Open receivables weighted by the chance of each being late; needs scores of the day."""
    state = asked.state
    late: list[Value] = []
    for split in asked.splits:
        for target, part in (
            ("p_late", "late"),
            ("p_late_30", "a month late"),
            ("p_late_90", "three months late"),
        ):
            chances = asked.chances(target)
            n = split.counts(state.is_open & ~np.isnan(chances))
            weighted = np.rint(state.balance * np.nan_to_num(chances)).astype(np.int64)
            said: list[int | None] = (
                list(split.sums(weighted)) if asked.scored is not None else [None] * len(n)
            )
            why, needs = "no scores were given", "a trained model: duecourse train LEDGER"
            late += split.values(said, n, part, why, needs)
    return [asked.figure("cash_at_risk", late)]


RECEIVABLES = (
    days_outstanding,
    countback,
    effectiveness,
    ageing,
    roll_rates,
    payment_speed,
    concentration,
    at_risk,
)
