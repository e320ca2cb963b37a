"""What was disputed, promised, talked about and reported, and what followed?"""

from __future__ import annotations

import re

from tests.oracle.arithmetic import MISSING, mean, share
from tests.oracle.facts import Invoice, Row
from tests.oracle.known import Happened, Known

ANSWER_DAYS = 14


def _theirs(known: Known, invoice: Invoice, table: str, event: str) -> list[Happened]:
    """The customer's events that are tied to invoices."""
    return known.events(table, event, of_invoice=True, customer_id=invoice.customer_id)


def _count(known: Known, happened: list[Happened], last: int) -> int:
    return sum(known.is_recent(each.day, last) for each in happened)


def _issued(known: Known, invoice: Invoice) -> int:
    return sum(known.is_recent(other.seen_on, 365) for other in known.of_customer(invoice.customer_id))


def disputes(known: Known, invoice: Invoice) -> dict[str, float]:
    """Disputes, complaints and credit notes."""
    opened = _theirs(known, invoice, "disputes", "opened_on")
    closed = _theirs(known, invoice, "disputes", "closed_on")
    own = [sum(each.row["invoice_id"] == invoice.invoice_id for each in side) for side in (opened, closed)]
    whose = invoice.customer_id
    credits = known.events("credit_notes", "credited_on", customer_id=whose)
    complaints = known.events("complaints", "opened_on", customer_id=whose)
    return {
        "open_disputes_of_invoice": own[0] - own[1],
        "open_disputes": len(opened) - len(closed),
        "dispute_share": share(_count(known, opened, 365), _issued(known, invoice)),
        "mean_dispute_days": mean([max(0, e.row["closed_on"] - e.row["opened_on"]) for e in closed]),
        "complaint_count": _count(known, complaints, 90),
        "credit_note_share": share(_count(known, credits, 365), _issued(known, invoice)),
    }


def promises(known: Known, invoice: Invoice) -> dict[str, float]:
    """Promises kept and broken."""
    judged = _theirs(known, invoice, "promises", "promised_on")
    broken = [each for each in judged if not _is_kept(known, each)]
    of_invoice = known.events("promises", "made_on", of_invoice=True, invoice_id=invoice.invoice_id)
    latest = of_invoice[-1].row["promised_on"] - invoice.lateness_from if of_invoice else MISSING
    return {
        "broken_promise_share": share(len(broken), len(judged)),
        "broken_promises": _count(known, broken, 90),
        "promised_days_late": latest,
        "broken_promises_of_invoice": sum(e.row["invoice_id"] == invoice.invoice_id for e in broken),
    }


def _is_kept(known: Known, judged: Happened) -> bool:
    """Whether by the promised day nothing was open, or as much less as was promised."""
    row: Row = judged.row
    invoice = known.book.invoices[row["invoice_id"]]
    before, after = invoice.state(row["made_on"] - 1), invoice.state(judged.day)
    owed = invoice.money_amount if before is None else before.balance
    left = after.balance if after else owed
    promised = round(row["amount"] * (invoice.money_amount / max(invoice.amount, 1)))
    return left == 0 or owed - left >= max(promised, 1)


def contacts(known: Known, invoice: Invoice) -> dict[str, float]:
    """Contacts and whether money followed."""
    made = known.events("contacts", "contacted_on", customer_id=invoice.customer_id)
    about = _theirs(known, invoice, "contacts", "contacted_on")
    ripe = [each.day for each in made if each.day + ANSWER_DAYS < known.as_of]
    ripe = [day for day in ripe if known.is_recent(day + ANSWER_DAYS, 365)]
    paid = known.book.pay_days.get(invoice.customer_id, [])
    answered = [any(day <= money <= day + ANSWER_DAYS for money in paid) for day in ripe]
    return {
        "contact_count": _count(known, made, 30),
        "contacts_about_invoice": sum(e.row["invoice_id"] == invoice.invoice_id for e in about),
        "days_since_contact": known.as_of - made[-1].day if made else MISSING,
        "answered_contact_share": mean(answered),
        "contacts_per_invoice": share(_count(known, made, 365), _issued(known, invoice)),
    }


def nonpayment_reasons(known: Known, invoice: Invoice) -> dict[str, float]:
    """What was recorded as the reason for not paying."""
    all_of_them = _theirs(known, invoice, "nonpayment_reasons", "recorded_on")
    poor, ours = known.book.settings.cannot_pay_reasons, known.book.settings.our_doing_reasons
    year = [each for each in all_of_them if known.is_recent(each.day, 365)]
    unable = [each for each in all_of_them if _says(each.row, poor)]
    return {
        "cannot_pay_count": _count(known, unable, 365),
        "cannot_pay_count_of_invoice": sum(e.row["invoice_id"] == invoice.invoice_id for e in unable),
        "our_doing_share": mean([_says(each.row, ours) for each in year]),
    }


def _says(row: Row, words: tuple[str, ...]) -> bool:
    """Whether a row's reason is one of the words, letter by letter but for capitals, blanks and apostrophes."""
    said = re.split(r"[\s_]+", row["reason"].lower().replace("\u2019", "'").strip())
    return any(re.split(r"[\s_]+", word.lower().strip()) == said for word in words)


def credit(known: Known, invoice: Invoice) -> dict[str, float]:
    """Credit reports and how long we know the customer."""
    whose = invoice.customer_id
    reports = known.events("credit_reports", "reported_on", customer_id=whose)
    scores = [each.row["score"] for each in reports if each.row["score"] is not None]
    days = [each.day for each in reports if each.row["score"] is not None]
    seen = [other.seen_on for other in known.of_customer(whose)]
    return {
        "credit_score": scores[-1] if scores else MISSING,
        "credit_score_change": scores[-1] - scores[-2] if len(scores) > 1 else MISSING,
        "credit_report_age": known.as_of - days[-1] if days else MISSING,
        "tenure_days": known.as_of - min(seen) if seen else MISSING,
        "days_since_invoice": known.as_of - max(seen) if seen else MISSING,
    }
