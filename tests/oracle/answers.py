"""What should each feature say about one invoice as of one day? One group of features a function."""

from __future__ import annotations

import math
from collections import Counter
from datetime import date

from features.ledger import minor_digits
from tests.oracle import dealings, habits
from tests.oracle.arithmetic import MISSING, deviation, mean, share
from tests.oracle.facts import Book, Invoice, days_to_month_end
from tests.oracle.known import Known


def answers(book: Book, invoice_id: str, as_of: int, known: Known | None = None) -> dict[str, float]:
    """Every feature of one question; `known` may be shared by the questions of one day."""
    known = known or Known(book, as_of)
    invoice = book.invoices[invoice_id]
    return {
        **habits.levels(known, invoice),
        **habits.rates(known, invoice),
        **habits.recent(known, invoice),
        **habits.alike(known, invoice),
        **habits.rhythm(known, invoice),
        **habits.pay_days(known, invoice),
        **habits.segments(known, invoice),
        **_exposure(known, invoice),
        **_volume(known, invoice),
        **_invoice(known, invoice),
        **_against_usual(known, invoice),
        **_siblings(known, invoice),
        **dealings.disputes(known, invoice),
        **dealings.promises(known, invoice),
        **dealings.contacts(known, invoice),
        **dealings.nonpayment_reasons(known, invoice),
        **dealings.credit(known, invoice),
    }


def _exposure(known: Known, invoice: Invoice) -> dict[str, float]:
    mine = [other for other in known.open if other.customer_id == invoice.customer_id]
    others = [other for other in mine if other is not invoice]
    overdue = [other for other in mine if other.due_on < known.as_of]
    days = [known.as_of - other.due_on for other in overdue]
    others_overdue = [other for other in others if other in overdue]
    paid = [s for s in known.settled_by(invoice.customer_id) if known.is_recent(s.learned_on, 30)]
    owed = _owed(known, others_overdue, invoice)
    return {
        "open_count": len(others),
        "overdue_count": len(others_overdue),
        "long_overdue_count": sum(other.due_on + 30 < known.as_of for other in others),
        "overdue_share": share(len(others_overdue), len(others)),
        "overdue_amount_share": share(owed, _owed(known, others, invoice)),
        "oldest_overdue_days": max(days, default=0),
        "mean_overdue_days": mean(days, empty=0.0),
        "unpaid_share_of_recently_due": share(len(others_overdue), len(others_overdue) + len(paid)),
        "concentration": share(len(mine), len(known.open)),
        "limit_utilisation": _utilisation(known, invoice, _owed(known, mine, invoice)),
    }


def _owed(known: Known, invoices: list[Invoice], like: Invoice) -> int:
    """The open amount of invoices in the same currency."""
    return sum(known.now(other).balance for other in invoices if other.money_unit == like.money_unit)


def _utilisation(known: Known, invoice: Invoice, owed: int) -> float:
    dated = [
        row
        for row in known.book.tables["customers"]
        if row["customer_id"] == invoice.customer_id
        and row["credit_limit"] is not None
        and row["known_on"] is not None
        and row["known_on"] < known.as_of
    ]
    if not dated:
        return MISSING
    latest = max(dated, key=lambda row: row["known_on"])
    is_comparable = latest["currency"] == invoice.money_unit
    return share(owed, latest["credit_limit"]) if is_comparable else MISSING


def _volume(known: Known, invoice: Invoice) -> dict[str, float]:
    mine = known.of_customer(invoice.customer_id)
    counts = {last: sum(known.is_recent(other.seen_on, last) for other in mine) for last in (30, 90, 180)}
    half = [i for i in mine if i.money_unit == invoice.money_unit and known.is_recent(i.seen_on, 180)]
    loose = [
        event
        for table, dated in (("payments", "paid_on"), ("credit_notes", "credited_on"))
        for event in known.events(table, dated, customer_id=invoice.customer_id, invoice_id=None)
    ]
    back = known.events("payments", "paid_on", customer_id=invoice.customer_id)
    return {
        "issued_count_30": counts[30],
        "issued_count_90": counts[90],
        "invoicing_pace": share(6 * counts[30], counts[180]),
        "open_against_turnover": share(
            6 * _owed(known, [i for i in mine if known.now(i).is_open], invoice),
            sum(other.money_amount for other in half),
        ),
        "unapplied_count": sum(known.is_recent(event.day, 90) for event in loose),
        "bounced_count": sum(event.row["amount"] < 0 and known.is_recent(event.day, 365) for event in back),
    }


def _invoice(known: Known, invoice: Invoice) -> dict[str, float]:
    due, issued = date.fromordinal(invoice.due_on), date.fromordinal(invoice.issued_on)
    was_delivered = invoice.delivered_on is not None and invoice.delivered_on <= invoice.issued_on
    was_sent = invoice.sent_on is not None and invoice.sent_on < known.as_of
    paid = 0.0
    if invoice.seen_on < known.as_of and invoice.money_amount:
        paid = 1.0 - known.now(invoice).balance / invoice.money_amount
    return {
        "log_amount": math.log(max(invoice.money_amount, 1) / 10 ** minor_digits(invoice.money_unit)),
        "terms_days": invoice.terms,
        "due_weekday": due.weekday(),
        "due_roll_days": invoice.lateness_from - invoice.due_on,
        "due_day_of_month": due.day,
        "due_to_month_end": days_to_month_end(invoice.due_on),
        "issue_weekday": issued.weekday(),
        "invoicing_lag": invoice.issued_on - invoice.delivered_on if was_delivered else MISSING,
        "sending_lag": invoice.sent_on - invoice.issued_on if was_sent else MISSING,
        "days_past_due": known.as_of - invoice.lateness_from,
        "age_days": known.as_of - invoice.issued_on,
        "paid_share": paid,
    }


def _against_usual(known: Known, invoice: Invoice) -> dict[str, float]:
    mine = known.of_customer(invoice.customer_id)
    year = [other for other in mine if known.is_recent(other.seen_on, 365)]
    alike = [other for other in mine if other.money_unit == invoice.money_unit]
    own = math.log(max(invoice.money_amount, 1))
    ordered = mean([other.purchase_order is not None for other in mine])
    never = ordered if ordered > 0 else MISSING
    spread = deviation([_log_amount(other) for other in alike]) / 1000
    return {
        "amount_against_usual": own - mean([_log_amount(other) for other in alike if other in year]) / 1000,
        "amount_deviation": (own - mean([_log_amount(other) for other in alike]) / 1000) / max(spread, 0.1),
        "terms_against_usual": invoice.terms - mean([other.terms for other in year]),
        "missing_purchase_order": 0.0 if invoice.purchase_order is not None else never,
    }


def _log_amount(invoice: Invoice) -> int:
    """Thousandths of the logarithm, rounded."""
    return round(1000 * math.log(max(invoice.money_amount, 1)))


def _siblings(known: Known, invoice: Invoice) -> dict[str, float]:
    parent = known.segment("parent_id", invoice)
    theirs = {
        other.invoice_id
        for other in known.invoices
        if parent is not None
        and other.customer_id != invoice.customer_id
        and known.segment("parent_id", other) == parent
    }
    verdicts = [
        verdict.is_late
        for verdict in known.verdicts(known.book.rule.late_after_days)
        if verdict.invoice.invoice_id in theirs and known.is_recent(verdict.learned_on, 365)
    ]
    late = [
        settled.days_late
        for settled in known.settled
        if settled.invoice.invoice_id in theirs and known.is_recent(settled.learned_on, 365)
    ]
    is_overdue = Counter(o.due_on < known.as_of for o in known.open if o.invoice_id in theirs)
    return {
        "sibling_late_share": mean(verdicts),
        "sibling_days_late": mean(late),
        "sibling_overdue_share": share(is_overdue[True], is_overdue.total()),
    }
