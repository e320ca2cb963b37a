"""What changed since the list of the day before: who is new on it, who is gone and why, and what happened since?

The list before is the newest one that `duecourse worklist` remembered (each night, by `duecourse nightly`). Without
one nobody can say who is new or gone; what the ledger and the desk date themselves is told since the day before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import pandas as pd

from features.days import day_number, day_numbers
from features.history import History
from features.ledger import written_amount
from features.totals import Window
from serving.live import LiveScorer
from serving.tiers import Tiers
from serving.worklist import Worklist
from serving.worklist.items import scorers_of
from serving.worklist.memory import Remembered

SETTLED = "settled"
"""Why a case is on no list at all: nothing of it is open any more."""


@dataclass(frozen=True)
class Moved:
    """A customer whose tier is another than before."""

    customer_id: str
    old: str
    new: str
    is_worse: bool


@dataclass(frozen=True)
class Money:
    """What came in in one currency, reversed payments taken off; of it, from cases of the list before."""

    currency: str
    amount: str
    payments: int
    listed_amount: str | None


@dataclass(frozen=True)
class Since:
    """What changed since a day; None where nobody can know."""

    day: date
    has_list: bool
    """Whether a list of that day is remembered."""
    new: list[str] | None
    gone: dict[str, str] | None
    """Cases, and for each why: a reason of LEFT_OUT, or SETTLED."""
    moved: list[Moved] | None
    kept: dict[str, int]
    """Customers, and how many of their promises whose day has come since were kept; likewise broken."""
    broken: dict[str, int]
    money: list[Money]
    payers: int
    """Customers from whom money came."""


def since(live: LiveScorer, made: Worklist, before: Remembered | None, tiers: Tiers | None) -> Since:
    """What changed up to now."""
    listed = before.listed if before else None
    day = before.day if before and listed is not None else made.as_of - timedelta(days=1)
    now = {case.case_id for case in made.cases}
    reasons = dict(zip(made.left_out["case_id"].tolist(), made.left_out["reason"].tolist(), strict=True))
    kept, broken = _promises(live, day)
    came = _came_in(live, day)
    return Since(
        day=day,
        has_list=listed is not None,
        new=None if listed is None else [each.case_id for each in made.cases if each.case_id not in listed],
        gone=None
        if listed is None
        else {each: reasons.get(each, SETTLED) for each in listed if each not in now},
        moved=_moved(tiers, day, list(live.whole.policy.tiers)),
        kept=kept,
        broken=broken,
        money=_money(live, came, set(listed) if listed is not None else None),
        payers=int(came["customer_id"].nunique()),
    )


def _moved(tiers: Tiers | None, day: date, order: list[str]) -> list[Moved] | None:
    """Customers whose tier is another than at the end of a day, the worst first; None where none was kept by then."""
    if tiers is None or not any(str(each["changed_on"]) <= day.isoformat() for each in tiers.kept):
        return None
    first: dict[str, str] = {}
    last: dict[str, str] = {}
    for change in [*tiers.kept, *(each.content() for each in tiers.changes)]:
        of_group = str(change.get("rule") or "").startswith("group_")
        if of_group or change.get("old") is None or str(change["changed_on"]) <= day.isoformat():
            continue
        first.setdefault(str(change["customer_id"]), str(change["old"]))
        last[str(change["customer_id"])] = str(change["new"])
    found = [
        Moved(each, first[each], new, order.index(new) > order.index(first[each]))
        for each, new in last.items()
        if new != first[each] and new in order and first[each] in order
    ]
    return sorted(found, key=lambda each: (not each.is_worse, -order.index(each.new), each.customer_id))


def _promises(live: LiveScorer, day: date) -> tuple[dict[str, int], dict[str, int]]:
    """By customer, the promises whose day has come since a day: those kept, and those broken."""
    kept: dict[str, int] = {}
    broken: dict[str, int] = {}
    for scorer in scorers_of(live):
        names = scorer.history.customers.tolist()
        as_of = np.full(len(names), day_number(live.as_of))
        stream = scorer.history.stream("promises_due")
        window = Window(stream, "customer", np.arange(len(names)), as_of)
        for measure, found in (("kept", kept), ("broken", broken)):
            counted = window.sum(measure, (live.as_of - day).days)
            for place in np.flatnonzero(counted).tolist():
                if live.of_customer(names[place]) is scorer:
                    found[names[place]] = int(counted[place])
    return kept, broken


def _came_in(live: LiveScorer, day: date) -> pd.DataFrame:
    """Payments that we learned of from a day on, up to the end of the book day."""
    parts = []
    for scorer in scorers_of(live):
        came = _came(scorer.history, day_number(day), day_number(live.as_of))
        mine = [live.of_customer(str(each)) is scorer for each in came["customer_id"].tolist()]
        parts.append(came[np.array(mine, dtype=bool)])
    return pd.concat(parts)


def _money(live: LiveScorer, came: pd.DataFrame, listed: set[str] | None) -> list[Money]:
    """The same by currency, the largest first."""
    told = []
    for currency, of in came.groupby("currency", sort=False):
        amounts, code = of["amount"].to_numpy(np.int64), str(currency)
        on_list = None
        if listed is not None:
            theirs = np.array(
                [live.case_of(each) in listed for each in of["customer_id"].tolist()], dtype=bool
            )
            on_list = written_amount(int(amounts[theirs].sum()), code)
        total = int(amounts.sum())
        told.append((total, Money(code, written_amount(total, code), len(of), on_list)))
    return [each for _, each in sorted(told, key=lambda one: (-one[0], one[1].currency))]


@lru_cache(4)
def _came(history: History, begin: int, end: int) -> pd.DataFrame:
    """Payments of a book that we learned of on days from `begin` to `end`: whose, how much, in which currency."""
    table = history.tables["payments"]
    day = np.maximum(day_numbers(table["paid_on"]), day_numbers(table["known_on"]))
    rows = np.flatnonzero((day >= begin) & (day <= end))
    found = table[["customer_id", "currency", "amount"]].iloc[rows]
    return found[found["customer_id"].notna().to_numpy(dtype=bool)].astype(
        {"customer_id": object, "currency": object}
    )
