"""Dialogue: what was disputed, promised, talked about and given as a reason, and what followed?"""

import numpy as np

from features.featureset import feature
from features.history import Past
from features.totals import ratio


@feature(
    reason="disputes",
    unit="disputes",
    says="open disputes on the invoice: {value}",
    direction="raises",
    monotone=True,
    fill=0.0,
)
def open_disputes_of_invoice(past: Past) -> np.ndarray:
    """Disputes of this invoice that were open before the as-of day."""
    invoice = past.of("invoice")
    return invoice.disputes.count() - invoice.disputes_closed.count()


@feature(
    reason="disputes",
    unit="disputes",
    says="open disputes of the customer: {value}",
    direction="raises",
    fill=0.0,
)
def open_disputes(past: Past) -> np.ndarray:
    """The customer's disputes that were open before the as-of day."""
    return past.disputes.count() - past.disputes_closed.count()


@feature(
    reason="disputes",
    unit="share",
    says="disputes {value} of its invoices",
    direction="raises",
)
def dispute_share(past: Past) -> np.ndarray:
    """Disputes per invoice issued to the customer in the last year."""
    return ratio(past.disputes.count(365), past.issued.count(365))


@feature(reason="disputes", unit="days", says="its disputes take {value} days to settle", direction="raises")
def mean_dispute_days(past: Past) -> np.ndarray:
    """Average days from opening to closing of the customer's disputes."""
    return past.disputes_closed.mean("days")


@feature(reason="disputes", unit="complaints", says="complaints in the last 90 days: {value}", fill=0.0)
def complaint_count(past: Past) -> np.ndarray:
    """Complaints of the customer in the last 90 days."""
    return past.complaints.count(90)


@feature(reason="disputes", unit="share", says="{value} of its invoices needed a credit note")
def credit_note_share(past: Past) -> np.ndarray:
    """Credit notes per invoice issued to the customer in the last year."""
    return ratio(past.credited.count(365), past.issued.count(365))


@feature(
    reason="promises",
    unit="share",
    says="broke {value} of its promises",
    direction="raises",
    monotone=True,
)
def broken_promise_share(past: Past) -> np.ndarray:
    """Share of the customer's promises to pay that were broken, all time (1 less the PTP kept rate)."""
    return past.promises_due.mean("broken")


@feature(
    reason="promises",
    unit="promises",
    says="broken promises in the last 90 days: {value}",
    direction="raises",
    monotone=True,
    fill=0.0,
)
def broken_promises(past: Past) -> np.ndarray:
    """Promises of the customer broken in the last 90 days."""
    return past.promises_due.sum("broken", 90)


@feature(
    reason="promises",
    unit="days",
    says="the invoice is promised for {value} days after its due date",
    direction="raises",
)
def promised_days_late(past: Past) -> np.ndarray:
    """Days from due to the promised day of this invoice's latest promise."""
    return past.of("invoice").promises.latest("promised_on") - past.invoice.lateness_from


@feature(
    reason="promises",
    unit="promises",
    says="broken promises for this invoice: {value}",
    direction="raises",
    monotone=True,
    fill=0.0,
)
def broken_promises_of_invoice(past: Past) -> np.ndarray:
    """Promises to pay this invoice that were broken before the as-of day."""
    return past.of("invoice").promises_due.sum("broken")


@feature(reason="contacts", unit="contacts", says="contacts in the last 30 days: {value}", fill=0.0)
def contact_count(past: Past) -> np.ndarray:
    """Contacts with the customer in the last 30 days."""
    return past.contacts.count(30)


@feature(reason="contacts", unit="contacts", says="contacts about this invoice: {value}", fill=0.0)
def contacts_about_invoice(past: Past) -> np.ndarray:
    """Contacts about this invoice before the as-of day."""
    return past.of("invoice").invoice_contacts.count()


@feature(reason="contacts", unit="days", says="was last contacted {value} days ago")
def days_since_contact(past: Past) -> np.ndarray:
    """Days since the customer was last contacted."""
    return past.contacts.days_since()


@feature(
    reason="contacts",
    unit="share",
    says="paid within two weeks of {value} of contacts",
    direction="lowers",
)
def answered_contact_share(past: Past) -> np.ndarray:
    """Share of the last year's contacts that a payment followed within two weeks."""
    return past.contacts_answered.mean("answered", 365)


@feature(
    reason="contacts",
    unit="times",
    says="needed {value} contacts per invoice in a year",
    direction="raises",
)
def contacts_per_invoice(past: Past) -> np.ndarray:
    """Contacts per invoice issued to the customer in the last year."""
    return ratio(past.contacts.count(365), past.issued.count(365))


@feature(
    reason="nonpayment_reasons",
    unit="reasons",
    says="reasons recorded in the last 365 days that say it cannot pay: {value}",
    direction="raises",
    monotone=True,
    fill=0.0,
)
def cannot_pay_count(past: Past) -> np.ndarray:
    """Reasons for not paying recorded of the customer in the last year that say it has no money."""
    return past.nonpayment_reasons.sum("cannot_pay", 365)


@feature(
    reason="nonpayment_reasons",
    unit="reasons",
    says="reasons recorded for this invoice that say it cannot pay: {value}",
    direction="raises",
    monotone=True,
    fill=0.0,
)
def cannot_pay_count_of_invoice(past: Past) -> np.ndarray:
    """Reasons for not paying this invoice, recorded before the as-of day, that say there is no money."""
    return past.of("invoice").nonpayment_reasons.sum("cannot_pay")


@feature(
    reason="nonpayment_reasons",
    unit="share",
    says="{value} of its reasons for not paying were ours to mend",
)
def our_doing_share(past: Past) -> np.ndarray:
    """Share of the reasons for not paying recorded of the customer in the last year that lay with us."""
    return past.nonpayment_reasons.mean("our_doing", 365)
