"""What could a supplier do differently, and what would the ledger say then? Each lever as a change of rows.

A lever gives the tables as they would stand had it been so, and says when it can be pulled: now, with the customer's
consent, or only for the next invoice (what was sent cannot be sent sooner). Where it changes nothing it says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from features.days import day_number
from features.ledger import minor_digits
from serving.facts import Facts
from serving.languages import formats, gettext, ngettext
from serving.pay_runs import PayRun
from serving.plans import proposed_plan
from serving.profile import Declared, runs_of

MADE_UP = "what-if"
"""The number of rows that were never recorded."""
DAYS_AHEAD = 45
"""A pay run is looked for within so many days after the due date."""

Tables = Mapping[str, pd.DataFrame]
When = Literal["now", "by_agreement", "next_invoice"]


@dataclass(frozen=True)
class Case:
    """One open invoice and everything recorded of its customer, as of a day."""

    facts: Facts
    tables: Tables
    """Everything about the customer, as it is."""
    invoice_id: str
    customer_id: str
    as_of: date
    declared: Declared | None = None

    @cached_property
    def own(self) -> dict[str, Any]:
        """The invoice's row; a day is a date, None where blank."""
        return _row(self.tables["invoices"], self.invoice_id)

    @cached_property
    def run(self) -> PayRun | None:
        """The customer's pay run, as it told us or as it was learned."""
        code = self.facts.history.customer_codes(pd.Series([self.customer_id], dtype="str"))
        return runs_of(self.facts, code, self.as_of, self.declared).runs[0]

    @property
    def yesterday(self) -> date:
        """The last day of which anything is known at the start of the book day."""
        return self.as_of - timedelta(days=1)

    @property
    def to_change_due(self) -> When:
        """When a due date can be moved: with consent before it passes, then only for the next invoice."""
        return "by_agreement" if self.own["due_on"] >= self.as_of else "next_invoice"


@dataclass(frozen=True)
class Change:
    """What a lever makes of the tables, in words, and when it can be pulled."""

    tables: Tables
    says: str
    when: When
    note: str = ""
    """What else has to be known to read its effect."""


@dataclass(frozen=True)
class Nothing:
    """Why a lever changes nothing here."""

    why: str


Pull = Callable[[Case, Tables, int], Change | Nothing]


@dataclass(frozen=True)
class Lever:
    """Something that the supplier controls; `options` are what it can be set to, the first is what is tried alone."""

    code: str
    options: tuple[int, ...]
    pull: Pull


def _plain(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.date()
    return None if pd.isna(value) else value


def _with(tables: Tables, name: str, frame: pd.DataFrame) -> Tables:
    return {**tables, name: frame}


def _own_set(case: Case, tables: Tables, **values: Any) -> Tables:
    """The tables with other values in the invoice's own row."""
    frame = tables["invoices"].copy()
    at = frame.index[frame["invoice_id"] == case.invoice_id]
    for name, value in values.items():
        frame.loc[at, name] = pd.Timestamp(value) if isinstance(value, date) else value
    return _with(tables, "invoices", frame)


def _row(invoices: pd.DataFrame, invoice_id: str) -> dict[str, Any]:
    """The row of an invoice; a day is a date, None where blank."""
    place = invoices["invoice_id"].tolist().index(invoice_id)
    return {str(name): _plain(invoices[name].iat[place]) for name in invoices.columns}


def _added(tables: Tables, name: str, rows: list[dict[str, Any]]) -> Tables:
    """A table with further rows; what they do not say is blank."""
    frame = tables[name]
    columns: dict[str, Any] = {str(each): [row.get(str(each)) for row in rows] for each in frame.columns}
    more = pd.DataFrame({each: pd.Series(of, dtype=frame[each].dtype) for each, of in columns.items()})
    return _with(tables, name, pd.concat([frame, more], ignore_index=True) if len(frame) else more)


# -- the levers


def _send_sooner(case: Case, tables: Tables, option: int) -> Change | Nothing:
    issued, sent, delivered = (case.own[name] for name in ("issued_on", "sent_on", "delivered_on"))
    if sent is not None and sent <= issued and (delivered is None or delivered >= issued):
        return Nothing(gettext("It was sent on the day it was issued, and issued no later than delivered."))
    changed = _own_set(case, tables, sent_on=issued)
    said = gettext("Sent on the day of issue, %(day)s, and issued on the day of delivery.") % {
        "day": formats.day(issued)
    }
    if delivered is not None and delivered < issued:
        changed = _own_set(case, changed, delivered_on=issued)
    when: When = "now" if sent is not None and sent >= case.as_of else "next_invoice"
    note = "" if sent is not None else gettext("When it was sent is not recorded.")
    return Change(changed, said, when, note)


def _purchase_order(case: Case, tables: Tables, option: int) -> Change | Nothing:
    if case.own["purchase_order"] is not None:
        return Nothing(gettext("It names a purchase order already."))
    changed = _own_set(case, tables, purchase_order=MADE_UP)
    return Change(changed, gettext("The customer's purchase order stands on the invoice."), "now")


def _align_due(case: Case, tables: Tables, option: int) -> Change | Nothing:
    run = case.run
    if run is None:
        return Nothing(gettext("No pay run of this customer is known."))
    history, due = case.facts.history, _row(tables["invoices"], case.invoice_id)["due_on"]
    country = str(history.countries[case.facts.position(case.invoice_id)])
    coming = (due + timedelta(days=ahead) for ahead in range(DAYS_AHEAD))
    on = next((day for day in coming if run.falls_on(day, country, history.weekend)), None)
    if on is None or on == due:
        return Nothing(gettext("It falls due on a day of the customer's pay run already."))
    says = gettext("Due on %(day)s, in the customer's pay run (%(run)s), instead of %(before)s.")
    told = {"day": formats.day(on), "run": str(run), "before": formats.day(due)}
    return Change(_own_set(case, tables, due_on=on), says % told, case.to_change_due, _counts_from())


def _counts_from() -> str:
    return gettext("Lateness would count from the later day: the same payment would be less late.")


def _longer_terms(case: Case, tables: Tables, option: int) -> Change | Nothing:
    due = _row(tables["invoices"], case.invoice_id)["due_on"]
    on = due + timedelta(days=option)
    says = gettext("%(days)d days more to pay: due on %(day)s instead of %(before)s.")
    told = {"days": option, "day": formats.day(on), "before": formats.day(due)}
    return Change(_own_set(case, tables, due_on=on), says % told, case.to_change_due, _counts_from())


def _settle_dispute(case: Case, tables: Tables, option: int) -> Change | Nothing:
    frame = tables["disputes"].copy()
    mine = (frame["invoice_id"] == case.invoice_id) & (frame["opened_on"] <= pd.Timestamp(case.as_of))
    still = mine & ~(frame["closed_on"] < pd.Timestamp(case.as_of))
    if not still.any():
        return Nothing(gettext("No dispute about it is open."))
    opened = frame["opened_on"].to_numpy(dtype="datetime64[s]")
    closed = np.maximum(opened, np.datetime64(case.yesterday, "s"))
    frame["closed_on"] = np.where(still, closed, frame["closed_on"].to_numpy(dtype="datetime64[s]"))
    count = int(still.sum())
    says = ngettext(
        "The open dispute about it is settled.", "The %(num)d open disputes about it are settled.", count
    )
    return Change(_with(tables, "disputes", frame), says % {"num": count}, "now")


def _instalments(case: Case, tables: Tables, option: int) -> Change | Nothing:
    if not case.own["amount_known"]:
        return Nothing(gettext("Its amount is not known."))
    try:
        plan = proposed_plan(
            case.facts, case.customer_id, [case.invoice_id], case.as_of, option, declared=case.declared
        )
    except ValueError:
        return Nothing(gettext("What is open is too little to be split."))
    digits = minor_digits(case.own["currency"])
    rows = [
        {
            "plan_id": MADE_UP,
            "customer_id": case.customer_id,
            "invoice_id": case.invoice_id,
            "agreed_on": pd.Timestamp(case.yesterday),
            "known_on": pd.Timestamp(case.yesterday),
            "due_on": pd.Timestamp(each["due_on"]),
            "amount": round(float(each["amount"]) * 10**digits),
            "currency": case.own["currency"],
        }
        for each in plan["instalments"]
    ]
    ends = date.fromisoformat(plan["instalments"][-1]["due_on"])
    says = gettext("Paid in %(parts)d instalments by agreement, the last on %(day)s.")
    note = gettext(
        "Lateness still counts from the invoice's own due date; a running plan is for the policy to judge."
    )
    return Change(
        _added(tables, "payment_plans", rows),
        says % {"parts": option, "day": formats.day(ends)},
        "by_agreement",
        note,
    )


def _lower_limit(case: Case, tables: Tables, option: int) -> Change | Nothing:
    frame = tables["customers"]
    with_limit = frame[frame["credit_limit"].notna()].sort_values(
        "known_on", kind="stable", na_position="first"
    )
    if not len(with_limit):
        return Nothing(gettext("No credit limit is set for this customer."))
    row: dict[str, Any] = {str(name): value for name, value in with_limit.iloc[-1].items()}
    row |= {"credit_limit": float(np.rint(row["credit_limit"] * (1 - option / 100)))}
    row |= {"known_on": pd.Timestamp(case.yesterday)}
    says = gettext("The credit limit is %(share)d %% lower.") % {"share": option}
    note = gettext("A limit works on what is ordered next; what is owed now stays owed.")
    return Change(_added(tables, "customers", [row]), says, "next_invoice", note)


def _deposit(case: Case, tables: Tables, option: int) -> Change | Nothing:
    today = np.array([day_number(case.as_of)])
    at = np.array([case.facts.position(case.invoice_id)])
    owed = int(case.facts.amount_open(at, today)[0])
    part = round(owed * option / 100)
    if not case.own["amount_known"] or not 0 < part < owed:
        return Nothing(gettext("What is open is not known, or too little for a part of it."))
    row = {
        "invoice_id": case.invoice_id,
        "customer_id": case.customer_id,
        "paid_on": pd.Timestamp(case.yesterday),
        "known_on": pd.Timestamp(case.yesterday),
        "amount": part,
        "payment_id": MADE_UP,
        "currency": case.own["currency"],
        "known_raised": False,
    }
    says = gettext("%(share)d %% of what is open is paid, as a deposit or a first part.") % {"share": option}
    note = gettext(
        "The model knows deposits only as part payments of invoices already sent; one before delivery is another thing."
    )
    return Change(_added(tables, "payments", [row]), says, "by_agreement", note)


LEVERS = (
    Lever("send_sooner", (1,), _send_sooner),
    Lever("purchase_order", (1,), _purchase_order),
    Lever("settle_dispute", (1,), _settle_dispute),
    Lever("longer_terms", (15, 30, 60), _longer_terms),
    Lever("align_due", (1,), _align_due),
    Lever("instalments", (3, 2, 4, 6), _instalments),
    Lever("deposit", (30, 20, 50), _deposit),
    Lever("lower_limit", (25, 10, 50), _lower_limit),
)
"""What a supplier controls, in the order in which several are pulled together."""
