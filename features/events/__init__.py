"""Which facts of the ledger become which dated events? One function per stream.

What turns out not to hold (a bounced payment reopens an invoice) has the day on which we learned so in `until`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from features.events.credit import credit_limits, credit_reports
from features.events.dealings import (
    WHOLE_INVOICE,
    complaints,
    complaints_closed,
    contacts,
    contacts_answered,
    disputes,
    disputes_closed,
    invoice_contacts,
    nonpayment_reasons,
    promises,
    promises_due,
)
from features.events.event import Events
from features.events.invoices import (
    MOST_DAYS_LATE,
    issued,
    long_overdue_balance,
    matured,
    open_balance,
    overdue_balance,
    overdue_spans,
    paid,
    settled,
)
from features.events.money import bounced, credited, payment_days, unapplied

if TYPE_CHECKING:
    from features.history import History


STREAMS: dict[str, Callable[[History], Events]] = {
    "issued": issued,
    "settled": settled,
    "paid": paid,
    "matured": lambda history: matured(history, history.rule.horizons["p_late"]),
    "matured_30": lambda history: matured(history, history.rule.horizons["p_late_30"]),
    "matured_90": lambda history: matured(history, history.rule.horizons["p_late_90"]),
    "open": open_balance,
    "overdue": overdue_balance,
    "long_overdue": long_overdue_balance,
    "payment_days": payment_days,
    "bounced": bounced,
    "credited": credited,
    "unapplied": unapplied,
    "disputes": disputes,
    "disputes_closed": disputes_closed,
    "promises": promises,
    "promises_due": promises_due,
    "contacts": contacts,
    "invoice_contacts": invoice_contacts,
    "contacts_answered": contacts_answered,
    "nonpayment_reasons": nonpayment_reasons,
    "complaints": complaints,
    "complaints_closed": complaints_closed,
    "credit_reports": credit_reports,
    "credit_limits": credit_limits,
}
"""Every stream by name; `past.<name>` asks it."""

__all__ = ["MOST_DAYS_LATE", "STREAMS", "WHOLE_INVOICE", "Events", "overdue_spans", "settled"]
