"""What does one customer owe, how did it pay each invoice, and how much of its credit is used?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from features.days import NEVER, day_number, to_date
from features.ledger import written_amount
from serving.live import LiveScorer
from serving.pages.charts import BUCKETS
from serving.pages.paths import invoice_path
from serving.scoring import Scorer

BUCKET_ENDS = (0, 30, 60, 90)
"""Last days past due of each age band but the last."""
PICTURED_DAYS = 540
MOST_MARKS = 300
STATES = ("is_disputed", "promise_pending", "promise_broken", "plan_running")
SCORED = (
    "p_late",
    "p_late_low",
    "p_late_high",
    "evidence",
    "tier",
    "action",
    "action_by",
    "expected_paid_on",
)


def _rows(scorer: Scorer, customer_id: str, day: int) -> np.ndarray:
    """Positions of a customer's invoices known at the end of the book day."""
    code = scorer.history.customer_codes(pd.Series([customer_id], dtype="str"))
    rows = scorer.facts.rows_of(code[code >= 0])
    return rows[scorer.facts.is_known(rows, day)]


def items(live: LiveScorer, members: Sequence[str]) -> list[dict[str, Any]]:
    """Open invoices at the end of the book day, the oldest first, with their scores; one of today has none yet."""
    found = [each for member in members for each in _open_of(live, member)]
    scored, _ = live.score_invoices([each["invoice_id"] for each in found], live.as_of)
    by_id = {row["invoice_id"]: row for row in scored}
    told = [each | {part: by_id.get(each["invoice_id"], {}).get(part) for part in SCORED} for each in found]
    return sorted(told, key=lambda each: (-each["days_past_due"], each["invoice_id"]))


def _open_of(live: LiveScorer, customer_id: str) -> list[dict[str, Any]]:
    scorer, today = live.of_customer(customer_id), day_number(live.as_of) + 1
    rows = _rows(scorer, customer_id, today)
    rows = rows[scorer.facts.is_open(rows, today)]
    if not len(rows):
        return []
    owed = scorer.facts.amount_open(rows, np.full(len(rows), today))
    known, facts = scorer.facts.amount_known(rows), scorer.facts.cases(rows, live.as_of)
    due, named = scorer.history.invoices["due_on"][rows], scorer.facts.named
    currencies = named["currency"][rows].tolist()
    return [
        {
            "invoice_id": name,
            "customer_id": customer_id,
            "due_on": to_date(int(due[n])).isoformat(),
            "days_past_due": today - 1 - int(due[n]),
            "amount_open": written_amount(int(owed[n]), currencies[n]) if known[n] else None,
            "currency": currencies[n],
            **{state: bool(facts[state][n]) for state in STATES},
        }
        for n, name in enumerate(named["invoice_id"][rows].tolist())
    ]


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
                    {"label": label, "amount": str(amount), "share": float(amount / total) if total else 0.0}
                    for label, amount in zip(BUCKETS, bands, strict=True)
                ],
            }
        )
    return told


def marks(live: LiveScorer, customer_id: str) -> list[dict[str, Any]]:
    """Each invoice due in the last 18 months or to come: when it was due and how late it was paid, or is."""
    scorer, today = live.of_customer(customer_id), day_number(live.as_of) + 1
    rows = _rows(scorer, customer_id, today)
    due = scorer.history.invoices["due_on"][rows]
    rows = rows[(due > today - PICTURED_DAYS) & (due < NEVER)]
    rows = rows[np.argsort(scorer.history.invoices["due_on"][rows], kind="stable")][-MOST_MARKS:]
    due = scorer.history.invoices["due_on"][rows]
    paid = scorer.facts.settled_on(rows, np.full(len(rows), today))
    is_open = scorer.facts.is_open(rows, today)
    return [
        _mark(str(scorer.facts.named["invoice_id"][row]), to_date(int(due[n])), int(paid[n]), today - 1)
        for n, row in enumerate(rows.tolist())
        if is_open[n] or paid[n] < NEVER
    ]


def _mark(invoice_id: str, due_on: date, paid: int, today: int) -> dict[str, Any]:
    days = (today if paid >= NEVER else paid) - day_number(due_on)
    late = f"{abs(days)} day{'s' * (abs(days) != 1)} {'after' if days > 0 else 'before'} its due date"
    what = ("still open" if days <= 0 else f"open {late}") if paid >= NEVER else "paid on its due date"
    if paid < NEVER and days:
        what = f"paid {late}"
    return {
        "invoice_id": invoice_id,
        "due_on": due_on,
        "paid_on": None if paid >= NEVER else to_date(paid),
        "days": days,
        "state": "open" if paid >= NEVER else "late" if days > 0 else "in_time",
        "text": f"{invoice_id}, due {due_on}: {what}",
        "to": invoice_path(invoice_id),
    }


def rhythm(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """On how many different days of each weekday, and of the month, money came."""
    days = {each["paid_on"] for each in found if each["paid_on"]}
    weekdays, in_month = Counter(day.weekday() for day in days), Counter(day.day for day in days)
    last = 7 if any(weekdays[n] for n in (5, 6)) else 5
    return {
        "pay_days": len(days),
        "weekdays": [weekdays[n] for n in range(last)],
        "days_of_month": [in_month[n] for n in range(1, 32)],
        "names": [f"{date(2024, 1, 1) + timedelta(days=n):%a}" for n in range(last)],
    }


def credit(live: LiveScorer, customer_id: str) -> dict[str, Any] | None:
    """How much of its limit a customer uses; None where no limit is set, which differs from a limit of 0."""
    scorer, today = live.of_customer(customer_id), day_number(live.as_of) + 1
    code = scorer.history.customer_codes(pd.Series([customer_id], dtype="str"))
    limit, unit = scorer.facts.standing.limits(scorer.facts.master(code, today))
    if np.isnan(limit[0]):
        return None
    used = float(scorer.facts.standing.exposure(code, unit, today)[0])
    share = used / float(limit[0]) if limit[0] else None
    return {
        "customer_id": customer_id,
        "limit": f"{limit[0]:.2f}",
        "used": f"{used:.2f}",
        "currency": str(unit[0]),
        "share": share,
    }
