"""Which tables and columns does a ledger have, and what does each mean?

The only declaration of the tables: reading, typing, writing, the fingerprint and the documentation follow it.

Kinds of column, and what they become in memory:
    text      str, missing is NaN             date      datetime64[s], missing is NaT
    currency  str, three letters              flag      bool, blank is False
    amount    int64 minor units, always known number    float64, missing is NaN
    limit     float64 holding whole minor units, missing is NaN (nullable amounts)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Kind = Literal["text", "date", "currency", "amount", "limit", "number", "flag"]


@dataclass(frozen=True)
class Column:
    """One column: `required` rows lacking it are set aside; `expected` ones are repaired by a rule."""

    name: str
    kind: Kind
    meaning: str
    need: Literal["required", "expected", "optional", "derived"] = "optional"
    visible_on_its_own_day: bool = False
    """A later fact in an earlier row (a dispute's closing): hidden from who looks from before that day."""
    may_change: bool = False
    """A fact about a customer that changes: without a `known_on` nobody knows since when it holds."""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One table: `event` is the date on which its rows happened, `key` what may stand only once."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    event: str | None
    key: tuple[str, ...] = ()
    required: bool = False
    either: tuple[str, ...] = ()
    """Columns of which each row needs at least one."""
    known_before_event: bool = False
    """Whether a row can honestly be known before the day it is about."""
    in_order: tuple[tuple[str, str], ...] = ()
    """Pairs of days of which the second before the first is odd (kept, and said)."""

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @cached_property
    def on_disk(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.need != "derived")

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Columns of the canonical order of the rows: the key first, then everything else on disk."""
        return self.key + tuple(column.name for column in self.on_disk if column.name not in self.key)


def _text(name: str, meaning: str, **more: object) -> Column:
    return Column(name, "text", meaning, **more)  # type: ignore[arg-type]


def _date(name: str, meaning: str, **more: object) -> Column:
    return Column(name, "date", meaning, **more)  # type: ignore[arg-type]


_KNOWN_ON = _date("known_on", "day we learned this row (default: the day it happened)")
_INVOICE = _text("invoice_id", "the invoice concerned", need="required")
_CUSTOMER = _text("customer_id", "the customer concerned", need="required")
_INVOICE_IF_KNOWN = _text("invoice_id", "the invoice concerned, if one")
_CUSTOMER_OF_INVOICE = _text("customer_id", "the invoice's customer", need="derived")
_CURRENCY_OF_INVOICE = Column("currency", "currency", "the invoice's currency", "derived")
_CURRENCY_OF_LIMIT = Column("currency", "currency", "currency of the credit limit", "derived")
_CURRENCY_GIVEN = Column("currency", "currency", "the invoice's, or of cash on account the customer's")

INVOICES = Table(
    "invoices",
    "what we billed",
    (
        _text("invoice_id", "number printed on the invoice", need="required"),
        _text("customer_id", "who owes it", need="required"),
        _date("issued_on", "day printed on the invoice", need="required"),
        _date("due_on", "day by which it is to be paid, as printed", need="required"),
        Column("amount", "amount", "total to be paid, tax included", "expected"),
        Column("currency", "currency", "ISO 4217 code", "expected"),
        _text("division", "our business unit that sold"),
        _date("delivered_on", "day of delivery", visible_on_its_own_day=True),
        _date("sent_on", "day the invoice left us", visible_on_its_own_day=True),
        _text("purchase_order", "the customer's order number"),
        _text("kind", "sort of invoice, in the company's own words"),
        _KNOWN_ON,
        Column("amount_known", "flag", "False where the amount was missing or unreadable", "derived"),
        Column("money_unit", "currency", "currency of money_amount", "derived"),
        Column("money_amount", "amount", "amount in base currency if a rate was known", "derived"),
    ),
    event="issued_on",
    key=("invoice_id",),
    required=True,
    known_before_event=True,
    in_order=(("issued_on", "due_on"),),
)
PAYMENTS = Table(
    "payments",
    "money received (negative: bounced or paid back)",
    (
        _text("invoice_id", "invoice paid (blank: cash on account of the customer)"),
        _text("customer_id", "who paid; that of the invoice where one is named"),
        _date("paid_on", "day the money counts as received", need="required"),
        Column("amount", "amount", "money received (blank: settles its invoice)"),
        _text("payment_id", "number of the receipt; one receipt may pay several invoices"),
        _CURRENCY_GIVEN,
        _KNOWN_ON,
        Column(
            "known_raised", "flag", "True where known_on was before paid_on and was raised to it", "derived"
        ),
    ),
    event="paid_on",
    required=True,
    either=("invoice_id", "customer_id"),
)
CUSTOMERS = Table(
    "customers",
    "who buys from us; several rows per customer where attributes changed and `known_on` is given",
    (
        _text("customer_id", "our account number", need="required"),
        _text("name", "name of the customer"),
        _text("parent_id", "customer id of the group's parent"),
        _text("debtor_type", "sort of debtor", choices=("company", "sole_trader", "public_body")),
        _text("country", "ISO 3166 code; decides working days"),
        _text("industry", "line of business, any coding"),
        _date("customer_since", "day the relationship began", visible_on_its_own_day=True),
        Column("credit_limit", "limit", "limit granted, in base currency", may_change=True),
        Column("terms_days", "number", "agreed days to pay", may_change=True),
        _text("owner", "who looks after the account", may_change=True),
        Column("key_account", "flag", "whether to be handled with special care", may_change=True),
        _text("channel", "how the customer buys or is billed", may_change=True),
        _date("terms_accepted_on", "day terms were accepted", visible_on_its_own_day=True, may_change=True),
        _date("known_on", "day we learned this row (blank: undated, today's view)"),
        _CURRENCY_OF_LIMIT,
    ),
    event=None,
    key=("customer_id", "known_on"),
    known_before_event=True,
)
CREDIT_NOTES = Table(
    "credit_notes",
    "what we took back (positive amounts lower the debt)",
    (
        _text("invoice_id", "invoice credited (blank: credit on account of the customer)"),
        _text("customer_id", "whose credit; that of the invoice where one is named"),
        _date("credited_on", "day of the credit note", need="required"),
        Column("amount", "amount", "amount credited", "required"),
        _text("credit_note_id", "number of the credit note"),
        _CURRENCY_GIVEN,
        _KNOWN_ON,
    ),
    event="credited_on",
    either=("invoice_id", "customer_id"),
)
DISPUTES = Table(
    "disputes",
    "what customers object to",
    (
        _text("dispute_id", "number of the case", need="required"),
        _INVOICE,
        _date("opened_on", "day the objection was recorded", need="required"),
        _date("closed_on", "day it was resolved", visible_on_its_own_day=True),
        Column("amount", "limit", "disputed amount (blank: not stated)"),
        _text("reason", "cause, in the company's own words"),
        _KNOWN_ON,
        _CUSTOMER_OF_INVOICE,
        _CURRENCY_OF_INVOICE,
    ),
    event="opened_on",
    key=("dispute_id", "invoice_id"),
    in_order=(("opened_on", "closed_on"),),
)
PROMISES = Table(
    "promises",
    "promises to pay",
    (
        _text("promise_id", "number of the promise", need="required"),
        _INVOICE,
        _date("made_on", "day the promise was made", need="required"),
        _date("promised_on", "day by which payment is promised", need="required"),
        Column("amount", "amount", "amount promised (blank: the invoice's)", "expected"),
        _KNOWN_ON,
        _CUSTOMER_OF_INVOICE,
        _CURRENCY_OF_INVOICE,
    ),
    event="made_on",
    key=("promise_id", "invoice_id"),
    in_order=(("made_on", "promised_on"),),
)
CONTACTS = Table(
    "contacts",
    "calls, letters and messages, either way",
    (
        _CUSTOMER,
        _date("contacted_on", "day of the contact", need="required"),
        _text("contact_id", "number of the contact"),
        _INVOICE_IF_KNOWN,
        _text("channel", "call, email, letter, portal, visit …"),
        _text("direction", "outgoing or incoming"),
        _text("outcome", "what came of it, in the company's own words"),
        _KNOWN_ON,
    ),
    event="contacted_on",
)
CREDIT_REPORTS = Table(
    "credit_reports",
    "what agencies say",
    (
        _CUSTOMER,
        _date("reported_on", "day of the report", need="required"),
        _text("source", "agency"),
        Column("score", "number", "the agency's figure, on its own scale"),
        Column("credit_limit", "limit", "limit recommended, in base currency"),
        _KNOWN_ON,
        _CURRENCY_OF_LIMIT,
    ),
    event="reported_on",
)
COMPLAINTS = Table(
    "complaints",
    "complaints about goods or service, not tied to one invoice",
    (
        _text("complaint_id", "number of the complaint", need="required"),
        _CUSTOMER,
        _date("opened_on", "day it was recorded", need="required"),
        _date("closed_on", "day it was resolved", visible_on_its_own_day=True),
        _text("topic", "what it is about"),
        _KNOWN_ON,
    ),
    event="opened_on",
    key=("complaint_id",),
    in_order=(("opened_on", "closed_on"),),
)
PAYMENT_PLANS = Table(
    "payment_plans",
    "agreed instalments, one row each",
    (
        _text("plan_id", "number of the plan", need="required"),
        _CUSTOMER,
        _INVOICE_IF_KNOWN,
        _date("agreed_on", "day the plan was agreed", need="required"),
        _date("due_on", "day this instalment is due", need="required"),
        Column("amount", "amount", "amount of this instalment", "required"),
        _KNOWN_ON,
        Column("currency", "currency", "the invoice's, or the customer's", "derived"),
    ),
    event="agreed_on",
    key=("plan_id", "invoice_id", "due_on"),
)
TRADE_REFERENCES = Table(
    "trade_references",
    "what other suppliers say",
    (
        _CUSTOMER,
        _date("received_on", "day the reference came in", need="required"),
        _text("rating", "what it says, in the company's own words"),
        _KNOWN_ON,
    ),
    event="received_on",
)
NONPAYMENT_REASONS = Table(
    "nonpayment_reasons",
    "why an invoice was not paid, as recorded by a person",
    (
        _INVOICE,
        _date("recorded_on", "day the reason was recorded", need="required"),
        _text("reason", "the reason, in the company's own words", need="required"),
        _KNOWN_ON,
        _CUSTOMER_OF_INVOICE,
    ),
    event="recorded_on",
)
EXCHANGE_RATES = Table(
    "exchange_rates",
    "rates into a base currency",
    (
        Column("currency", "currency", "currency converted from", "required"),
        Column("base_currency", "currency", "currency converted into", "required"),
        _date("rated_on", "day of the rate", need="required"),
        Column("rate", "number", "units of base currency for one unit of currency", "required"),
        _KNOWN_ON,
    ),
    event="rated_on",
    key=("currency", "base_currency", "rated_on"),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        INVOICES,
        PAYMENTS,
        CUSTOMERS,
        CREDIT_NOTES,
        DISPUTES,
        PROMISES,
        CONTACTS,
        CREDIT_REPORTS,
        COMPLAINTS,
        PAYMENT_PLANS,
        TRADE_REFERENCES,
        NONPAYMENT_REASONS,
        EXCHANGE_RATES,
    )
}
