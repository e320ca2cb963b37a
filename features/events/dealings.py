"""What was said between a customer and us: disputes, promises, contacts, reasons for not paying, complaints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from features.days import NEVER, day_numbers
from features.events.event import Events, of_customers, of_invoices
from features.events.money import payment_days
from features.ledger.settings import spelt

if TYPE_CHECKING:
    from features.history import History

WHOLE_INVOICE = 1 << 40
"""What an unstated disputed amount counts as, in minor units: the whole invoice, whatever it is."""
ANSWER_DAYS = 14
"""A contact counts as answered by a payment that we learn of within this many days."""


def disputes(history: History) -> Events:
    """Disputes, from the day each was opened."""
    table = history.tables["disputes"]
    return of_invoices(history, table, "opened_on", {"amount": _stated(table["amount"])})


def disputes_closed(history: History) -> Events:
    """Disputes, from the day each was closed, with the days it took."""
    table = history.tables["disputes"].dropna(subset=["closed_on"])
    took = day_numbers(table["closed_on"]) - day_numbers(table["opened_on"])
    measures = {"days": np.maximum(took, 0), "amount": _stated(table["amount"])}
    return of_invoices(history, table, "closed_on", measures)


def _stated(amount: pd.Series) -> np.ndarray:
    """Disputed minor units; a dispute without an amount is about more than any invoice."""
    return amount.fillna(WHOLE_INVOICE).to_numpy(np.float64).astype(np.int64)


def promises(history: History) -> Events:
    """Promises to pay, from the day each was made, with the promised day."""
    table = history.tables["promises"]
    return of_invoices(history, table, "made_on", {"promised_on": day_numbers(table["promised_on"])})


def promises_due(history: History) -> Events:
    """Promises judged at the end of the promised day: kept where the promised money had come."""
    table = history.tables["promises"]
    table = table[day_numbers(table["promised_on"]) < NEVER]
    wanted = {"made_on": day_numbers(table["made_on"]), "amount": table["amount"].to_numpy(np.int64)}
    made = of_invoices(history, table, "promised_on", wanted)
    assert made.invoice is not None
    amount = _in_money_unit(history, made.invoice, made.measures["amount"])
    before = _balance_at(history, made.invoice, made.measures["made_on"] - 1)
    after = _balance_at(history, made.invoice, made.day)
    kept = (after == 0) | (before - after >= np.maximum(amount, 1))
    measures = {"kept": kept.astype(np.int64), "broken": (~kept).astype(np.int64)}
    return Events(made.customer, made.day, measures, made.invoice)


def _in_money_unit(history: History, invoice: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Amounts in an invoice's own currency, as minor units of its money unit."""
    own = history.invoices
    owed = np.maximum(own["amount_in_own_currency"][invoice], 1)
    return np.rint(amount * (own["amount"][invoice] / owed)).astype(np.int64)


def _balance_at(history: History, invoice: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Open balance of invoices at the end of given days, as far as known; all of it before one was seen."""
    steps = history.steps
    at = (
        np.searchsorted((steps.invoice << 32) | steps.day, (invoice << 32) | np.maximum(day, 0), side="right")
        - 1
    )
    known = (at >= 0) & (steps.invoice[np.maximum(at, 0)] == invoice)
    return np.where(known, steps.balance[np.maximum(at, 0)], history.invoices["amount"][invoice])


def contacts(history: History) -> Events:
    """Conversations and messages, by customer."""
    return of_customers(history, history.tables["contacts"], "contacted_on", {})


def invoice_contacts(history: History) -> Events:
    """Conversations and messages that were about one invoice."""
    table = history.tables["contacts"]
    invoice = history.positions_of(table["invoice_id"])
    # What was said to another customer is no part of this one's ledger.
    theirs = history.invoices["customer"].take(invoice, mode="clip") == history.customer_codes(
        table["customer_id"]
    )
    return of_invoices(history, table[theirs & (invoice >= 0)], "contacted_on", {})


def contacts_answered(history: History) -> Events:
    """Contacts judged two weeks later: answered where a payment had come."""
    made = contacts(history)
    paid = payment_days(history)
    keys = (paid.customer << 32) | paid.day
    until = made.day + ANSWER_DAYS
    first = np.searchsorted(keys, (made.customer << 32) | made.day, side="left")
    last = np.searchsorted(keys, (made.customer << 32) | until, side="right")
    return Events(made.customer, until, {"answered": (last > first).astype(np.int64)})


def nonpayment_reasons(history: History) -> Events:
    """Recorded reasons for not paying, and whether each says that there is no money, or lies with us."""
    table, settings = history.tables["nonpayment_reasons"], history.ledger.settings
    measures = {
        "cannot_pay": _is_one_of(settings.cannot_pay_reasons, table["reason"]),
        "our_doing": _is_one_of(settings.our_doing_reasons, table["reason"]),
    }
    return of_invoices(history, table, "recorded_on", measures)


def _is_one_of(words: tuple[str, ...], reasons: pd.Series) -> np.ndarray:
    """1 where a recorded reason is one of the words, however it is spelt; else 0."""
    codes, recorded = pd.factorize(reasons)
    wanted = {spelt(word) for word in words}
    found = np.array([spelt(word) in wanted for word in recorded] + [False], dtype=np.int64)
    return found[codes]


def complaints(history: History) -> Events:
    """Complaints, from the day each was opened."""
    return of_customers(history, history.tables["complaints"], "opened_on", {})


def complaints_closed(history: History) -> Events:
    """Complaints, from the day each was closed."""
    table = history.tables["complaints"].dropna(subset=["closed_on"])
    return of_customers(history, table, "closed_on", {})
