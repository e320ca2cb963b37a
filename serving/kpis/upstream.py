"""Where does late payment begin before the customer decides? Invoicing lag, and what late invoices have in common."""

from __future__ import annotations

import numpy as np

from features.days import NEVER, day_numbers
from serving.kpis.asked import Asked
from serving.kpis.dialogue import known_disputes
from serving.kpis.figure import Figure, Value, lists, quotients
from serving.positions import positions_of

NO_ORDERS = "no invoice carries a purchase order number"
RECORD = "the column or table that records it"
BEFOREHAND = ("no purchase order", "sent late", "delivered after issue")
"""Marks that are there before an invoice can be late."""
MENDERS = {
    "no purchase order": "order entry",
    "po_missing": "order entry",
    "purchase order missing": "order entry",
    "sent late": "invoicing",
    "duplicate": "invoicing",
    "invoice arrived late": "invoicing",
    "delivered after issue": "invoicing",
    "pricing": "pricing",
    "delivery": "delivery",
    "quality": "quality",
    "service": "service",
}
"""Who of ours could mend a cause, by its name or by the word behind `disputed:` and `reason given:`."""
Causes = dict[str, tuple[np.ndarray, str | None]]
"""By name, which invoices carry a mark, and why it cannot be told."""


def mender(cause: str) -> str:
    """Who of ours could mend a cause; '' where it is the customer's own, or where nobody can tell."""
    word = cause.rpartition(": ")[2].lower()
    return MENDERS.get(word) or MENDERS.get(word.replace("_", " "), "")


def invoicing_lag(asked: Asked) -> list[Figure]:
    """Days from delivery to issue and from issue to sending, and the share sent late."""
    own, books = asked.books.history.invoices, asked.books
    issued = asked.state.is_known & (books.seen_on >= asked.begin)
    sent = issued & (own["sent_on"] < asked.day)
    steps = (
        (
            "delivery → issue",
            issued & (own["delivered_on"] < asked.day),
            books.issued_on - own["delivered_on"],
            "delivered_on",
        ),
        ("issue → sent", sent, own["sent_on"] - books.issued_on, "sent_on"),
    )
    lag, late = lists(2)
    for split in asked.splits:
        for part, mask, days, column in steps:
            n = split.counts(mask)
            said = quotients(split.sums(np.where(mask, np.maximum(days, 0), 0)), n)
            lag += split.values(
                said, n, part, f"invoices of the period carry no {column}", f"{column} in the invoices table"
            )
        n = split.counts(sent)
        slow = sent & (own["sent_on"] - books.issued_on > asked.settings.sent_late_after_days)
        late += split.values(
            quotients(split.counts(slow), n, 100.0),
            n,
            None,
            "invoices of the period carry no sent_on",
            "sent_on in the invoices table",
        )
    return [
        asked.figure("invoicing_lag", lag),
        asked.figure("sent_late_share", late),
    ]


def causes_of_late_payment(asked: Asked) -> list[Figure]:
    """What late invoices have in common upstream; an invoice may have several marks, and none proves anything."""
    books, state = asked.books, asked.state
    limit = books.lateness_from + books.history.rule.late_after_days
    judged = state.is_known & (limit >= asked.begin) & (limit < asked.day) & ~state.by_credit_alone
    late = judged & (state.settled_on > limit)
    causes = _causes(asked)
    return [
        asked.figure("late_money_by_cause", _late_money(asked, late, causes)),
        asked.figure("late_rate_by_cause", _late_rates(asked, judged, late, causes)),
    ]


def _late_money(asked: Asked, late: np.ndarray, causes: Causes) -> list[Value]:
    values: list[Value] = []
    amount = asked.books.amount * late
    for split in asked.splits:
        whole = split.sums(amount)
        for cause, (mask, why) in causes.items():
            said: list[float | None] = [None] * len(whole)
            if not why:
                said = quotients(split.sums(amount * mask), whole, 100.0)
            missing = (why, RECORD) if why else ("no invoice became late in the period", "a longer period")
            values += split.values(said, split.counts(late & mask), cause, *missing)
    return values


def _late_rates(asked: Asked, judged: np.ndarray, late: np.ndarray, causes: Causes) -> list[Value]:
    """Reasons and disputes are recorded because an invoice is late, so only what was there before is compared."""
    values: list[Value] = []
    for split in asked.splits:
        for cause in BEFOREHAND:
            mask, why = causes[cause]
            for name, part in ((cause, judged & mask), (f"without: {cause}", judged & ~mask)):
                n = split.counts(part)
                said = [None] * len(n) if why else quotients(split.counts(late & part), n, 100.0)
                missing = (
                    (why, RECORD) if why else ("no such invoice was judged in the period", "a longer period")
                )
                values += split.values(said, n, name, *missing)
    return values


def _causes(asked: Asked) -> Causes:
    """Which invoices carry each mark, and why a mark cannot be told."""
    own, books = asked.books.history.invoices, asked.books
    nothing = np.zeros(len(books), bool)
    orders, sent, delivered = own["has_purchase_order"] == 1, own["sent_on"], own["delivered_on"]
    marks: Causes = {
        "no purchase order": (~orders, None if orders.any() else NO_ORDERS),
        "sent late": (
            (sent < asked.day) & (sent - books.issued_on > asked.settings.sent_late_after_days),
            None if (sent < NEVER).any() else "no invoice carries sent_on",
        ),
        "delivered after issue": (
            (delivered < asked.day) & (delivered > books.issued_on),
            None if (delivered < NEVER).any() else "no invoice carries delivered_on",
        ),
    }
    return marks | _disputed(asked, nothing) | _said(asked, nothing)


def _disputed(asked: Asked, nothing: np.ndarray) -> Causes:
    found = known_disputes(asked.books, asked.day)
    return _by_reason("disputed: ", found.invoice, found.reason, nothing) or {
        "disputed": (nothing, "no dispute is recorded")
    }


def _said(asked: Asked, nothing: np.ndarray) -> Causes:
    table = asked.books.history.tables["nonpayment_reasons"]
    invoice = positions_of(asked.books.history, table["invoice_id"])
    known = np.maximum(day_numbers(table["recorded_on"]), day_numbers(table["known_on"])) < asked.day
    there = known & (invoice >= 0)
    return _by_reason(
        "reason given: ", invoice[there], table["reason"].to_numpy(dtype=object)[there], nothing
    ) or {"reason given": (nothing, "no reason for non-payment is recorded")}


def _by_reason(name: str, invoice: np.ndarray, reason: np.ndarray, nothing: np.ndarray) -> Causes:
    marks: Causes = {}
    for each in sorted(set(reason.tolist())):
        mask = nothing.copy()
        mask[invoice[reason == each]] = True
        marks[f"{name}{each}"] = (mask, None)
    return marks


UPSTREAM = (invoicing_lag, causes_of_late_payment)
