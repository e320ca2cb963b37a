"""Which fictional customers show how a text reads: one of whom all is known, and one of whom nothing is."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

import yaml

from serving.messages.case import (
    Cash,
    Discount,
    Dispute,
    Instalment,
    Item,
    MessageCase,
    Money,
    NextStep,
    Plan,
    Promise,
    Sender,
    SequenceStep,
)
from serving.messages.rendering import TEXTS

Part = TypeVar("Part")


def in_language(part: Part, language: str) -> Part:
    """A fictional customer or step as one of a language (texts/LANGUAGE/sample.yaml); in English where it has none."""
    found: Part = _worded(part, _words(language.replace("_", "-").split("-")[0].lower()))
    return found


@cache
def _words(code: str) -> dict[str, str]:
    file = TEXTS / code / "sample.yaml"
    return yaml.safe_load(file.read_text("utf-8")) if code.isalpha() and file.is_file() else {}


def _worded(part: Any, words: Mapping[str, str]) -> Any:
    if isinstance(part, str):
        return words.get(part, part)
    if isinstance(part, tuple):
        return tuple(_worded(each, words) for each in part)
    if is_dataclass(part) and not isinstance(part, type | Money):
        return replace(part, **{f.name: _worded(getattr(part, f.name), words) for f in fields(part)})
    return part


def _euro(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


BARE = MessageCase(written_on=date(2026, 3, 2))
"""Nothing but the day."""

SIMPLE = MessageCase(
    written_on=date(2026, 3, 2),
    customer="Brook & Sons Joinery",
    contact_person="Hanna Brook",
    items=(Item("2041", date(2026, 1, 26), date(2026, 2, 25), _euro("1200.00"), "4711"),),
    pay_run_on=date(2026, 3, 5),
    sender=Sender(
        "Northgate Supplies", "Mira Ost", "Customer accounts", "+44 20 7946 0123", "mira@example.org"
    ),
)
"""One invoice, and a person at either end."""

FULL = MessageCase(
    written_on=date(2026, 3, 2),
    customer="Brook & Sons Joinery",
    customer_number="K-1007",
    contact_person="Hanna Brook",
    address=("12 Mill Lane", "Leeds LS1 4AB"),
    phone="+44 113 496 0000",
    is_person=True,
    items=(
        Item("2041", date(2026, 1, 26), date(2026, 2, 25), _euro("1200.00"), "4711", "Timber"),
        Item("2057", date(2026, 2, 2), date(2026, 3, 4), _euro("860.50"), "4720", "Fittings", _euro("160.50")),
        Item("2063", date(2026, 2, 9), date(2026, 3, 11), Money(Decimal("300.00"), "USD"), "", "Timber"),
    ),
    pay_run_on=date(2026, 3, 5),
    promise=Promise(date(2026, 3, 12), _euro("1200.00"), "Hanna Brook", date(2026, 2, 27)),
    plan=Plan(
        (
            Instalment(date(2026, 3, 12), _euro("700.00")),
            Instalment(date(2026, 3, 26), _euro("700.00")),
            Instalment(date(2026, 4, 9), _euro("500.00")),
        ),
        date(2026, 2, 27),
        "Hanna Brook",
    ),
    disputes=(
        Dispute("2057", _euro("160.50"), "two boxes of hinges were missing", "Tom Reed", date(2026, 3, 9)),
    ),
    cash=(Cash(_euro("250.00"), date(2026, 2, 24), "BROOK FEB"),),
    complaint="the driver left the boards in the rain",
    last_contact_on=date(2026, 2, 27),
    next_contact_on=date(2026, 3, 13),
    terms_days=30,
    discount=Discount(Decimal("0.5"), 10),
    sequence=(
        SequenceStep(-7, "a short note, so that you can tell us if anything is missing"),
        SequenceStep(5, "a friendly reminder"),
        SequenceStep(14, "a call, to hear whether we can help"),
    ),
    assistance=("Business advice line, free of charge, +44 800 000 0000",),
    offers=("a credit limit of €5,000.00", "payment within 45 instead of 30 days"),
    opening="We would like to hear whether everything is as it should be.",
    adds=("The point you raised is being looked into, so this is only about the part that is not in question.",),
    note="You asked us to send copies to the site office as well.",
    sender=Sender(
        "Northgate Supplies",
        "Mira Ost",
        "Customer accounts",
        "+44 20 7946 0123",
        "mira@example.org",
        ("5 Quay Street", "London E1 1AA"),
    ),
)  # fmt: skip
"""All that can be known."""

STEP = NextStep("pause_deliveries", date(2026, 3, 16), "Ada Grant", date(2026, 3, 2))
"""A step that was decided."""
