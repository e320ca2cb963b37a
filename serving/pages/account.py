"""What do the customers of a case owe, how did they pay each invoice, and in which rhythm?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

import numpy as np

from features.days import NEVER, day_number, to_date
from features.ledger import written_amount
from serving.languages import formats, gettext, ngettext
from serving.pages.charts import BUCKETS
from serving.pages.paths import invoice_path
from serving.pages.story import Story
from serving.pay_runs import PayRun
from serving.profile import Profile
from serving.scoring import Scorer

BUCKET_ENDS = (0, 30, 60, 90)
"""Last days past due of each age band but the last."""
PICTURED_DAYS = 540
MOST_MARKS = 200
STATES = ("is_disputed", "promise_pending", "promise_broken", "plan_running")
SCORED = ("p_late", "evidence")
DECIDED = ("tier", "action", "action_by")


def _rows(scorer: Scorer, codes: np.ndarray, day: int) -> np.ndarray:
    """Positions of the invoices of some customers known at the end of the book day."""
    rows = scorer.facts.rows_of(codes)
    return rows[scorer.facts.is_known(rows, day)]


def items(story: Story) -> list[dict[str, Any]]:
    """Open invoices at the end of the book day, the oldest first, with their scores; one of today has none yet."""
    as_of = story.visit.live.as_of

    def found() -> list[dict[str, Any]]:
        every = [each for scorer, codes in story.scorers for each in _open_of(scorer, codes, as_of)]
        return sorted(every, key=lambda each: (-each["days_past_due"], each["invoice_id"]))

    return [dict(each) for each in story.in_books("items", found)]


def _open_of(scorer: Scorer, codes: np.ndarray, as_of: date) -> list[dict[str, Any]]:
    today = day_number(as_of) + 1
    rows = _rows(scorer, codes, today)
    rows = rows[scorer.facts.is_open(rows, today)]
    if not len(rows):
        return []
    owed = scorer.facts.amount_open(rows, np.full(len(rows), today))
    known, facts = scorer.facts.amount_known(rows), scorer.facts.cases(rows, as_of)
    due, named = scorer.history.invoices["due_on"][rows], scorer.facts.named
    currencies, customers = named["currency"][rows].tolist(), named["customer_id"][rows].tolist()
    division = scorer.history.tables["invoices"]["division"].iloc[rows].fillna("").tolist()
    scored = _scored(scorer, rows, as_of)
    return [
        {
            "invoice_id": name,
            "customer_id": customers[n],
            "due_on": to_date(int(due[n])).isoformat(),
            "days_past_due": today - 1 - int(due[n]),
            "amount_open": written_amount(int(owed[n]), currencies[n]) if known[n] else None,
            "currency": currencies[n],
            "division": division[n],
            **{state: bool(facts[state][n]) for state in STATES},
            **scored[n],
        }
        for n, name in enumerate(named["invoice_id"][rows].tolist())
    ]


def _scored(scorer: Scorer, rows: np.ndarray, as_of: date) -> list[dict[str, Any]]:
    """Chance, evidence and decision on each invoice; None of one that was not open at the start of the day."""
    day = day_number(as_of)
    there = scorer.facts.is_known(rows, day) & scorer.facts.is_open(rows, day)
    told: list[dict[str, Any]] = [dict.fromkeys((*SCORED, *DECIDED)) for _ in rows.tolist()]
    if not there.any():
        return told
    found = scorer.decide(rows[there], as_of)
    for n, place in enumerate(np.flatnonzero(there).tolist()):
        told[place] = {name: _plain(found.cases[name][n]) for name in SCORED}
        told[place] |= {name: _plain(found.decisions[name][n]) for name in DECIDED}
    return told


def _plain(value: Any) -> Any:
    """A number, a word, a day; None where there is none."""
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else value.astype("datetime64[D]").item().isoformat()
    return value.item() if isinstance(value, np.generic) else value


def open_money(listed: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Open money by currency and age band, the largest currency first."""
    sums: dict[str, list[Decimal]] = {}
    for each in listed:
        if each["amount_open"] is not None:
            band = int(np.searchsorted(BUCKET_ENDS, each["days_past_due"]))
            sums.setdefault(each["currency"], [Decimal(0)] * len(BUCKETS))[band] += Decimal(
                each["amount_open"]
            )
    told = []
    for currency, bands in sorted(sums.items(), key=lambda found: (-sum(found[1]), found[0])):
        total = sum(bands, Decimal(0))
        told.append(
            {
                "currency": currency,
                "total": str(total),
                "past_due": str(total - bands[0]),
                "bands": [
                    {
                        "label": gettext(label),
                        "amount": str(amount),
                        "share": float(amount / total) if total else 0.0,
                    }
                    for label, amount in zip(BUCKETS, bands, strict=True)
                ],
            }
        )
    return told


def marks(story: Story) -> tuple[list[dict[str, Any]], int]:
    """The latest invoices due in 18 months or to come: when each was due and how late it was paid, or is.

    Also how many more there are.
    """
    found = story.in_books("marks", lambda: _marks(story))
    shown = found[-MOST_MARKS:]
    return [_mark(name, to_date(due), paid, story.today - 1) for due, name, paid in shown], len(found) - len(
        shown
    )


def _marks(story: Story) -> list[tuple[int, str, int]]:
    found = [each for scorer, codes in story.scorers for each in _marks_of(scorer, codes, story.today)]
    return sorted(found, key=lambda each: (each[0], each[1]))


def _marks_of(scorer: Scorer, codes: np.ndarray, today: int) -> list[tuple[int, str, int]]:
    """Due day, number and pay day (NEVER while open) of the invoices that can be pictured."""
    rows = _rows(scorer, codes, today)
    due = scorer.history.invoices["due_on"][rows]
    rows = rows[(due > today - PICTURED_DAYS) & (due < NEVER)]
    paid = scorer.facts.settled_on(rows, np.full(len(rows), today))
    there = scorer.facts.is_open(rows, today) | (paid < NEVER)
    rows, paid = rows[there], paid[there]
    due, names = scorer.history.invoices["due_on"][rows], scorer.facts.named["invoice_id"][rows]
    return list(zip(due.tolist(), [str(each) for each in names.tolist()], paid.tolist(), strict=True))


def _mark(invoice_id: str, due_on: date, paid: int, today: int) -> dict[str, Any]:
    days = (today if paid >= NEVER else paid) - day_number(due_on)
    return {
        "invoice_id": invoice_id,
        "due_on": due_on,
        "paid_on": None if paid >= NEVER else to_date(paid),
        "days": days,
        "state": "open" if paid >= NEVER else "late" if days > 0 else "in_time",
        "text": gettext("%(invoice)s, due %(day)s: %(what)s")
        % {"invoice": invoice_id, "day": formats.day(due_on), "what": _what(days, paid >= NEVER)},
        "to": invoice_path(invoice_id),
    }


def months(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same invoices in words: by the month in which they fell due, the latest first."""
    by_month: dict[str, list[dict[str, Any]]] = {}
    for each in found:
        by_month.setdefault(f"{each['due_on']:%Y-%m}", []).append(each)
    return [
        {
            "month": f"{month}-01",
            "invoices": len(of),
            **{name: sum(each["state"] == name for each in of) for name in ("in_time", "late", "open")},
            "usual_days": median(days)
            if (days := [each["days"] for each in of if each["paid_on"]])
            else None,
        }
        for month, of in sorted(by_month.items(), reverse=True)
    ]


def _what(days: int, is_open: bool) -> str:
    if is_open and days <= 0:
        return gettext("still open")
    if not days:
        return gettext("paid on its due date")
    if is_open:
        told = ngettext("open %(num)s day after its due date", "open %(num)s days after its due date", days)
    elif days > 0:
        told = ngettext("paid %(num)s day after its due date", "paid %(num)s days after its due date", days)
    else:
        told = ngettext(
            "paid %(num)s day before its due date", "paid %(num)s days before its due date", -days
        )
    return told % {"num": abs(days)}


def rhythm(found: Sequence[dict[str, Any]], habits: Sequence[Profile]) -> dict[str, Any]:
    """On how many different days of each weekday, and of the month, money came; and which lay on a known pay run.

    `run` is the pay run of a customer alone, and `on_run` the pay days that lie on it: of a group each has its own.
    """
    days = {each["paid_on"] for each in found if each["paid_on"]}
    weekdays, in_month = Counter(day.weekday() for day in days), Counter(day.day for day in days)
    last = 7 if any(weekdays[n] for n in (5, 6)) else 5
    run = habits[0].pay_run if len(habits) == 1 else None
    parsed = PayRun.parse(run) if run else None
    return {
        "pay_days": len(days),
        "weekdays": [weekdays[n] for n in range(last)],
        "days_of_month": [in_month[n] for n in range(1, 32)],
        "names": [formats.weekday(date(2024, 1, 1) + timedelta(days=n)) for n in range(last)],
        "run": run,
        "on_run": sorted(day for day in days if parsed and parsed.falls_on(day)),
    }
