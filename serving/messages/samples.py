"""Which fictional customers show how a text reads: one of whom all is known, and one of whom nothing is."""

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

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

_WORDS: dict[str, dict[str, Any]] = {
    "de": {
        "role": "Kundenbuchhaltung",
        "complaint": "der Fahrer hat die Bretter im Regen abgeladen",
        "reason": "zwei Kartons Scharniere fehlten",
        "sequence": (
            "eine kurze Nachricht, damit Sie uns sagen können, falls etwas fehlt",
            "eine freundliche Erinnerung",
            "ein Anruf, um zu hören, ob wir helfen können",
        ),
        "assistance": ("Beratungstelefon für Unternehmen, kostenlos, +49 800 0000000",),
        "offers": ("ein Kreditlimit von 5.000,00 €", "Zahlung innerhalb von 45 statt 30 Tagen"),
        "opening": "Wir möchten gern hören, ob alles so ist, wie es sein soll.",
        "adds": ("Wir prüfen gerade Ihren Hinweis; deshalb geht es hier nur um den Teil, der nicht infrage steht.",),
        "note": "Sie haben uns gebeten, Kopien auch an das Büro auf der Baustelle zu senden.",
    },
    "nl": {
        "role": "Klantenadministratie",
        "complaint": "de chauffeur heeft de planken in de regen afgezet",
        "reason": "er ontbraken twee dozen scharnieren",
        "sequence": (
            "een kort bericht, zodat u ons kunt laten weten of er iets ontbreekt",
            "een vriendelijke herinnering",
            "een telefoontje om te horen of we kunnen helpen",
        ),
        "assistance": ("Advieslijn voor ondernemers, gratis, +31 800 0000",),
        "offers": ("een kredietlimiet van € 5.000,00", "betaling binnen 45 in plaats van 30 dagen"),
        "opening": "We horen graag of alles is zoals het hoort.",
        "adds": ("We zoeken uit wat u hebt gemeld, dus dit gaat alleen over het deel waarover geen vraag is.",),
        "note": "U vroeg ons om ook kopieën naar het kantoor op de bouwplaats te sturen.",
    },
}  # fmt: skip
"""What of the samples somebody said in words, in other languages."""


def said_in(case: MessageCase, language: str) -> MessageCase:
    """A sample as somebody who speaks a language would fill it."""
    words = dict(_WORDS.get(re.split("[-_]", language)[0].lower(), {}))
    if not words:
        return case
    role, reason, steps = (words.pop(name) for name in ("role", "reason", "sequence"))
    filled = {name: said for name, said in words.items() if getattr(case, name)}
    return replace(
        case,
        **filled,
        disputes=tuple(replace(each, reason=reason) for each in case.disputes),
        sequence=tuple(replace(step, what=what) for step, what in zip(case.sequence, steps, strict=False)),
        sender=replace(case.sender, role=role if case.sender.role else ""),
    )


STEP = NextStep("pause_deliveries", date(2026, 3, 16), "Ada Grant", date(2026, 3, 2))
"""A step that was decided."""
