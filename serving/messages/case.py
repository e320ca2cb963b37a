"""What does a message speak of? Plain facts of one customer and all their items, and nothing we only expect.

There is no probability, score or tier here, so no text can depend on one. All fields are optional where life
leaves them out. Texts of the customer's own (names, numbers, references) and ours (`opening`, `adds`, `note`,
`offers`, the steps of a sequence) are kept apart: ours are checked for tone, theirs are never read as ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

STEP_KINDS = ("pause_deliveries", "charge_interest", "hand_over", "formal_claim")


def _ours(default: Any) -> Any:
    """A field of our own words, which are checked for tone."""
    return field(default=default, metadata={"ours": True})


@dataclass(frozen=True)
class Money:
    """An amount in units of its currency."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal) or not self.amount.is_finite():
            raise ValueError(f"amount {self.amount!r}: give a finite Decimal such as Decimal('1200.00')")
        if not re.fullmatch("[A-Z]{3}", self.currency):
            raise ValueError(f"currency {self.currency!r}: give an ISO 4217 code such as EUR")


@dataclass(frozen=True)
class Item:
    """One invoice, as far as it is open; `in_question` is the part that is disputed."""

    number: str
    issued_on: date | None = None
    due_on: date | None = None
    open: Money | None = None
    purchase_order: str = ""
    division: str = ""
    in_question: Money | None = None


@dataclass(frozen=True)
class Promise:
    """A payment that somebody named a date for."""

    on: date | None = None
    money: Money | None = None
    person: str = ""
    made_on: date | None = None


@dataclass(frozen=True)
class Instalment:
    """One payment of a plan."""

    on: date
    money: Money


@dataclass(frozen=True)
class Plan:
    """Instalments, offered or agreed."""

    instalments: tuple[Instalment, ...]
    agreed_on: date | None = None
    person: str = ""


@dataclass(frozen=True)
class Dispute:
    """A point the customer raised about an invoice, in their words, and when they get our answer."""

    number: str = ""
    money: Money | None = None
    reason: str = ""
    owner: str = ""
    answer_by: date | None = None


@dataclass(frozen=True)
class Cash:
    """A payment that is here and not matched to an invoice yet."""

    money: Money
    received_on: date | None = None
    reference: str = ""


@dataclass(frozen=True)
class Discount:
    """What is offered for paying early: so many percent within so many days of the invoice date."""

    percent: Decimal
    within_days: int


@dataclass(frozen=True)
class SequenceStep:
    """One step we take, told in advance: days after the due date (negative: before) and what happens."""

    days: int
    what: str = _ours("")


@dataclass(frozen=True)
class NextStep:
    """A step that is decided and approved, by whom and when; without one nothing of the kind is ever said."""

    kind: str = field(metadata={"code": True})
    on: date
    approved_by: str
    approved_on: date
    partner: str = ""

    def __post_init__(self) -> None:
        if self.kind not in STEP_KINDS:
            raise ValueError(f"kind of next step {self.kind!r}: one of {', '.join(STEP_KINDS)}")
        if not self.approved_by.strip():
            raise ValueError("approved_by is empty: name the person who approved the next step")
        if self.on < self.approved_on:
            raise ValueError(f"the next step on {self.on} lies before its approval on {self.approved_on}")


@dataclass(frozen=True)
class Sender:
    """Who writes or calls."""

    company: str = ""
    name: str = ""
    role: str = ""
    phone: str = ""
    email: str = ""
    address: tuple[str, ...] = ()


@dataclass(frozen=True)
class MessageCase:
    """One customer with all their open items (and what was said so far), on the day of writing."""

    written_on: date
    customer: str = ""
    customer_number: str = ""
    contact_person: str = ""
    address: tuple[str, ...] = ()
    phone: str = ""
    is_person: bool = False
    """A sole trader: help is always offered along."""
    items: tuple[Item, ...] = ()
    pay_run_on: date | None = None
    """The customer's next payment run."""
    promise: Promise | None = None
    plan: Plan | None = None
    disputes: tuple[Dispute, ...] = ()
    cash: tuple[Cash, ...] = ()
    complaint: str = ""
    last_contact_on: date | None = None
    next_contact_on: date | None = None
    terms_days: int | None = None
    discount: Discount | None = None
    sequence: tuple[SequenceStep, ...] = ()
    assistance: tuple[str, ...] = ()
    """Where a business in difficulty finds help: name, telephone, address of each place."""
    offers: tuple[str, ...] = _ours(())
    opening: str = _ours("")
    adds: tuple[str, ...] = _ours(())
    note: str = _ours("")
    sender: Sender = field(default_factory=Sender)

    @property
    def totals(self) -> tuple[Money, ...]:
        """All that is open, by currency: currencies are never added together."""
        return summed(item.open for item in self.items)

    @property
    def totals_in_question(self) -> tuple[Money, ...]:
        """What of it is disputed."""
        return summed(item.in_question for item in self.items)

    @property
    def totals_undisputed(self) -> tuple[Money, ...]:
        """What of it nobody questions."""
        rest = (
            Money(item.open.amount - _part(item), item.open.currency)
            for item in self.items
            if item.open is not None
        )
        return tuple(money for money in summed(rest) if money.amount)

    @property
    def divisions(self) -> tuple[str, ...]:
        """The divisions that supplied, where there are several; for the customer they are one supplier."""
        names = tuple(dict.fromkeys(item.division for item in self.items if item.division))
        return names if len(names) > 1 else ()

    @property
    def is_past_due(self) -> bool:
        """Whether any item has passed its due date on the day of writing."""
        return any(item.due_on is not None and item.due_on < self.written_on for item in self.items)


def _part(item: Item) -> Decimal:
    return item.in_question.amount if item.in_question else Decimal(0)


def summed(monies: Iterable[Money | None]) -> tuple[Money, ...]:
    """One sum per currency."""
    sums: dict[str, Decimal] = {}
    for money in monies:
        if money is not None:
            sums[money.currency] = sums.get(money.currency, Decimal(0)) + money.amount
    return tuple(Money(amount, currency) for currency, amount in sorted(sums.items()))
