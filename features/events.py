"""Which facts of the ledger become which dated events? One function per stream.

What turns out not to hold (a bounced payment reopens an invoice) has the day on which we learned so in
`until`. Balances are streams of changes: only their sums over all time mean something.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from features.balances import Steps
from features.days import NEVER, day_numbers, day_of_month, days_to_month_end, weekday
from features.spans import Spans

if TYPE_CHECKING:
    from features.history import History

MOST_DAYS_LATE = 365
"""Days late are capped at a year in measures, so that one forgotten invoice does not hide a habit."""
WHOLE_INVOICE = 1 << 40
"""What an unstated disputed amount counts as, in minor units: the whole invoice, whatever it is."""
ANSWER_DAYS = 14
"""A contact counts as answered by a payment that we learn of within this many days."""


@dataclass(frozen=True)
class Events:
    """Events of customers (and of invoices, where `invoice` is given), with the day we learned of each."""

    customer: np.ndarray
    day: np.ndarray
    measures: dict[str, np.ndarray]
    invoice: np.ndarray | None = None
    until: np.ndarray | None = None
    """The day on which we learned that the event does not hold; NEVER where it does."""

    def where(self, mask: np.ndarray) -> Events:
        """The events where `mask` holds."""
        measures = {name: values[mask] for name, values in self.measures.items()}
        invoice = None if self.invoice is None else self.invoice[mask]
        until = None if self.until is None else self.until[mask]
        return Events(self.customer[mask], self.day[mask], measures, invoice, until)


def issued(history: History) -> Events:
    """Invoices, from the day they were issued and known."""
    own = history.invoices
    measures = {
        "log_amount": _log(own["amount"]),
        "log_amount_squared": _log(own["amount"]) ** 2,
        "amount": own["amount"],
        "terms_days": own["terms_days"],
        "has_purchase_order": own["has_purchase_order"],
    }
    return Events(own["customer"], own["seen_on"], measures, np.arange(len(own["customer"])))


def _log(amount: np.ndarray) -> np.ndarray:
    """Thousandths of the natural logarithm of an amount: a whole number, so that totals stay exact."""
    return np.rint(1000 * np.log(np.maximum(amount, 1))).astype(np.int64)


def settled(history: History) -> Events:
    """Settlements by payment, each from the day we knew of it until the day it is reopened."""
    steps = history.steps
    begin, until = _runs(steps, np.where(steps.by_credit_alone, NEVER, steps.settled_on), NEVER)
    steps = steps.at(begin)
    own = history.invoices
    late_days = steps.settled_on - own["lateness_from"][steps.invoice]
    capped = np.clip(late_days, -MOST_DAYS_LATE, MOST_DAYS_LATE)
    taken = np.clip(steps.settled_on - own["issued_on"][steps.invoice], 0, 2 * MOST_DAYS_LATE)
    day, month_end = weekday(steps.settled_on), days_to_month_end(steps.settled_on)
    past_due = steps.settled_on - own["due_on"][steps.invoice]
    measures = {
        "days_late": capped,
        "days_late_squared": capped**2,
        "days_to_pay": taken,
        "past_due": (late_days > 0).astype(np.int64),
        "slow": (late_days > 15).astype(np.int64),
        "early": (late_days < -5).astype(np.int64),
        "on_due_day": (np.abs(past_due) <= 1).astype(np.int64),
        "at_month_end": ((month_end <= 1) | (day_of_month(steps.settled_on) <= 1)).astype(np.int64),
        "whole_amount": own["amount"][steps.invoice] // 100,
        "whole_amount_days_late": own["amount"][steps.invoice] // 100 * capped,
        **{f"weekday_{number}": (day == number).astype(np.int64) for number in range(7)},
    }
    return Events(own["customer"][steps.invoice], steps.day, measures, steps.invoice, until)


def matured(history: History, days: int) -> Events:
    """Verdicts on invoices once `days` after due have passed: late or not, paid or still open.

    Until then an early payer is known and its late sister is not; counting only settled invoices would make
    every customer look better than it is. A payment that we learn of later brings a new verdict.
    """
    own = history.invoices
    limit = own["lateness_from"] + days
    steps = _clipped(history.steps, limit)
    late = (steps.settled_on > limit[steps.invoice]).astype(np.int64)
    begin, until = _runs(steps, np.where(steps.by_credit_alone, -1, late), -1)
    steps = steps.at(begin)
    return Events(own["customer"][steps.invoice], steps.day, {"late": late[begin]}, steps.invoice, until)


def _runs(steps: Steps, said: np.ndarray, nothing: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each invoice begins to say something new (other than `nothing`), and the day until it does."""
    other = (steps.invoice[1:] != steps.invoice[:-1]) | (said[1:] != said[:-1])
    begin = np.flatnonzero(np.append(True, other)[: len(said)])
    follows = np.append(steps.invoice[begin][1:] == steps.invoice[begin][:-1], False)[: len(begin)]
    until = np.where(follows, np.roll(steps.day[begin], -1), NEVER)
    speaks = said[begin] != nothing
    return begin[speaks], until[speaks]


def open_balance(history: History) -> Events:
    """Changes of what is open, from the day each invoice was seen."""
    return _balance_changes(history, history.steps)


def overdue_balance(history: History) -> Events:
    """Changes of what is past its printed due date."""
    return _balance_changes(history, _clipped(history.steps, history.invoices["due_on"]))


def long_overdue_balance(history: History) -> Events:
    """Changes of what is more than 30 days past its printed due date."""
    return _balance_changes(history, _clipped(history.steps, history.invoices["due_on"] + 30))


def _balance_changes(history: History, steps: Steps) -> Events:
    own = history.invoices
    is_open = (steps.settled_on == NEVER).astype(np.int64)
    opened = _changes(steps.invoice, is_open)
    measures = {
        "count": opened,
        "amount": _changes(steps.invoice, steps.balance),
        "due_on": opened * own["due_on"][steps.invoice],
    }
    return Events(own["customer"][steps.invoice], steps.day, measures, steps.invoice)


def overdue_spans(history: History) -> Spans:
    """Overdue invoices by customer, each from the day it fell due to the day we knew it settled."""
    steps = _clipped(history.steps, history.invoices["due_on"])
    begin, end = _runs(steps, (steps.settled_on == NEVER).astype(np.int64), 0)
    invoice, own = steps.invoice[begin], history.invoices
    return Spans(own["customer"][invoice], steps.day[begin], end, own["due_on"][invoice])


def payment_days(history: History) -> Events:
    """Days on which we learned of money from a customer, with the days since the one before."""
    table = _understood(history, "payments")
    table = table[table["amount"] > 0]
    day = np.maximum(day_numbers(table["paid_on"]), day_numbers(table["known_on"]))
    pairs = np.unique(np.stack([history.customer_codes(table["customer_id"]), day]), axis=1)
    customer, day = pairs[:, pairs[0] >= 0]
    same = np.append(False, customer[1:] == customer[:-1])[: len(customer)]
    gap = np.where(same, np.diff(day, prepend=0), 0)
    capped = np.minimum(gap, MOST_DAYS_LATE)
    measures = {"has_gap": same.astype(np.int64), "gap": capped}
    return Events(customer, day, measures)


def bounced(history: History) -> Events:
    """Payments that came back."""
    table = _understood(history, "payments")
    return _of_customers(history, table[table["amount"] < 0], "paid_on", {})


def credited(history: History) -> Events:
    """Credit notes."""
    return _of_customers(history, _understood(history, "credit_notes"), "credited_on", {})


def _understood(history: History, name: str) -> pd.DataFrame:
    """Payments or credit notes on account or of an invoice that is there.

    One that names an invoice still to come says nothing until then, whoever else it names: else the arrival
    of the invoice would change what its customer's past looked like.
    """
    table = history.tables[name]
    named = table["invoice_id"].notna().to_numpy()
    return table[~named | (history.positions_of(table["invoice_id"]) >= 0)]


def unapplied(history: History) -> Events:
    """Money and credits on the account that belong to no invoice yet."""
    parts = []
    for name, dated in (("payments", "paid_on"), ("credit_notes", "credited_on")):
        table = history.tables[name]
        loose = table[table["invoice_id"].isna()]
        parts.append(_of_customers(history, loose, dated, {"amount": loose["amount"].to_numpy(np.int64)}))
    return _concatenated(parts)


def disputes(history: History) -> Events:
    """Disputes, from the day each was opened."""
    table = history.tables["disputes"]
    return _of_invoices(history, table, "opened_on", {"amount": _stated(table["amount"])})


def disputes_closed(history: History) -> Events:
    """Disputes, from the day each was closed, with the days it took."""
    table = history.tables["disputes"].dropna(subset=["closed_on"])
    took = day_numbers(table["closed_on"]) - day_numbers(table["opened_on"])
    measures = {"days": np.maximum(took, 0), "amount": _stated(table["amount"])}
    return _of_invoices(history, table, "closed_on", measures)


def _stated(amount: pd.Series) -> np.ndarray:
    """Disputed minor units; a dispute without an amount is about more than any invoice."""
    return amount.fillna(WHOLE_INVOICE).to_numpy(np.float64).astype(np.int64)


def promises(history: History) -> Events:
    """Promises to pay, from the day each was made, with the promised day."""
    table = history.tables["promises"]
    return _of_invoices(history, table, "made_on", {"promised_on": day_numbers(table["promised_on"])})


def promises_due(history: History) -> Events:
    """Promises judged at the end of the promised day: kept where the promised money had come."""
    table = history.tables["promises"]
    table = table[day_numbers(table["promised_on"]) < NEVER]
    wanted = {"made_on": day_numbers(table["made_on"]), "amount": table["amount"].to_numpy(np.int64)}
    made = _of_invoices(history, table, "promised_on", wanted)
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
    return _of_customers(history, history.tables["contacts"], "contacted_on", {})


def invoice_contacts(history: History) -> Events:
    """Conversations and messages that were about one invoice."""
    table = history.tables["contacts"]
    invoice = history.positions_of(table["invoice_id"])
    # What was said to another customer is no part of this one's ledger.
    theirs = history.invoices["customer"].take(invoice, mode="clip") == history.customer_codes(
        table["customer_id"]
    )
    return _of_invoices(history, table[theirs & (invoice >= 0)], "contacted_on", {})


def contacts_answered(history: History) -> Events:
    """Contacts judged two weeks later: answered where a payment had come."""
    made = contacts(history)
    paid = payment_days(history)
    keys = (paid.customer << 32) | paid.day
    until = made.day + ANSWER_DAYS
    first = np.searchsorted(keys, (made.customer << 32) | made.day, side="left")
    last = np.searchsorted(keys, (made.customer << 32) | until, side="right")
    return Events(made.customer, until, {"answered": (last > first).astype(np.int64)})


def complaints(history: History) -> Events:
    """Complaints, from the day each was opened."""
    return _of_customers(history, history.tables["complaints"], "opened_on", {})


def complaints_closed(history: History) -> Events:
    """Complaints, from the day each was closed."""
    table = history.tables["complaints"].dropna(subset=["closed_on"])
    return _of_customers(history, table, "closed_on", {})


def credit_reports(history: History) -> Events:
    """Scores from credit reports, in hundredths, from the day each was reported."""
    table = history.tables["credit_reports"].dropna(subset=["score"])
    return _of_customers(history, table, "reported_on", {"score": _hundredths(table["score"])})


def credit_limits(history: History) -> Events:
    """Dated credit limits in minor units; an undated limit may change unseen, so it is no fact of the past."""
    table = history.tables["customers"].dropna(subset=["credit_limit", "known_on"])
    measures = {
        "limit": table["credit_limit"].to_numpy(np.int64),
        "unit": history.unit_codes(table["currency"]),
    }
    return _of_customers(history, table, "known_on", measures)


def _hundredths(column: pd.Series) -> np.ndarray:
    return np.rint(column.to_numpy(np.float64) * 100).astype(np.int64)


def _of_customers(
    history: History, table: pd.DataFrame, dated: str, measures: dict[str, np.ndarray]
) -> Events:
    day = np.maximum(day_numbers(table[dated]), day_numbers(table["known_on"]))
    customer = history.customer_codes(table["customer_id"])
    return Events(customer, day, measures).where((customer >= 0) & (day < NEVER))


def _of_invoices(
    history: History, table: pd.DataFrame, dated: str, measures: dict[str, np.ndarray]
) -> Events:
    invoice = history.positions_of(table["invoice_id"])
    own = history.invoices
    known = invoice >= 0
    # An event of an invoice is visible from its own day, and never before the row or the invoice was known.
    day = np.maximum(day_numbers(table[dated]), day_numbers(table["known_on"]))
    at = np.maximum(invoice, 0) if len(own["seen_on"]) else invoice
    day = np.maximum(day, own["seen_on"][at]) if len(own["seen_on"]) else day
    customer = own["customer"][at] if len(own["seen_on"]) else invoice
    return Events(customer, day, measures, invoice).where(known & (day < NEVER))


def _dated(steps: Steps, day: np.ndarray) -> Steps:
    return Steps(steps.invoice, day, steps.balance, steps.settled_on, steps.by_credit_alone)


def _clipped(steps: Steps, begin: np.ndarray) -> Steps:
    """The steps as seen from day `begin` of each invoice on: the state at its end, then every later change."""
    day = np.maximum(steps.day, begin[steps.invoice])
    same = (steps.invoice[1:] == steps.invoice[:-1]) & (day[1:] == day[:-1])
    return _dated(steps, day).at(~np.append(same, False)[: len(day)])


def _changes(invoice: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Differences of a value within each invoice, from 0 before its first step."""
    same = np.append(False, invoice[1:] == invoice[:-1])[: len(invoice)]
    return values - np.where(same, np.roll(values, 1), 0)


def _concatenated(parts: list[Events]) -> Events:
    measures = {name: np.concatenate([part.measures[name] for part in parts]) for name in parts[0].measures}
    invoices = [part.invoice for part in parts if part.invoice is not None]
    return Events(
        np.concatenate([part.customer for part in parts]),
        np.concatenate([part.day for part in parts]),
        measures,
        np.concatenate(invoices) if invoices else None,
    )


STREAMS: dict[str, Callable[[History], Events]] = {
    "issued": issued,
    "settled": settled,
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
    "complaints": complaints,
    "complaints_closed": complaints_closed,
    "credit_reports": credit_reports,
    "credit_limits": credit_limits,
}
"""Every stream by name; `past.<name>` asks it."""
