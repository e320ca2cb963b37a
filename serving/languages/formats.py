"""How do money, numbers, days and chances look to somebody? As the language of the moment writes them."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.numbers import (
    format_compact_currency,
    format_currency,
    format_decimal,
    format_percent,
    get_currency_symbol,
)

from serving.languages import ENGLISH, gettext, language

_DAY, _SPOKEN = "d MMM y", "EEE d MMM"
"""English days as most of the world writes them: Babel's plain 'en' is that of the United States."""


def money(amount: Any, currency: str, exact: bool = True) -> str:
    """An amount with its currency: exact, or as it is said aloud."""
    if amount is None:
        return gettext("amount unknown")
    value = Decimal(str(amount))
    if exact or (abs(value) < 100 and value != value.to_integral_value()):
        return _apart(format_currency(value, currency, locale=language()))
    pattern = Locale.parse(language()).currency_formats["standard"].pattern.replace(".00", "")
    return _apart(format_currency(value, currency, pattern, locale=language(), currency_digits=False))


def compact(amount: Any, currency: str) -> str:
    """An amount as it fits above a bar: €327K."""
    value = Decimal(str(amount))
    if language() == "de" and 1_000 <= abs(value) < 1_000_000:  # CLDR knows no short thousands in German
        return f"{number(value / 1000)} T{get_currency_symbol(currency, 'de')}"
    return _apart(format_compact_currency(value, currency, locale=language(), fraction_digits=0))


def _apart(text: str) -> str:
    """CHF 12 with a space that does not break, €12 without one."""
    return re.sub(r"([A-Za-z])[\s\u00a0]*(\d)", "\\1\u00a0\\2", text)


def number(value: Any, digits: int = 0) -> str:
    """A number as people read it."""
    return "–" if value is None else format_decimal(round(float(value), digits), locale=language())


def decimal(value: Any, digits: int) -> str:
    """A number with all its digits, for those that stand under each other."""
    pattern = f"#,##0.{'0' * digits}" if digits else "#,##0"
    return "–" if value is None else format_decimal(Decimal(str(value)), pattern, locale=language())


def chance(value: Any) -> str:
    """A probability in whole percent; never 0 or 100 before it is decided."""
    if value is None:
        return "–"
    share = float(value)
    if 0 < share < 0.01:
        return f"< {percent(0.01)}"
    return f"> {percent(0.99)}" if 0.99 < share < 1 else percent(share)


def percent(share: float) -> str:
    """42 %"""
    pattern = "#,##0\u00a0%" if language() == ENGLISH else None
    return format_percent(round(share, 2), pattern, locale=language()).replace("\u00a0%", " %")


def rate(share: Any) -> str:
    """0.4 %: a share of which small ones matter."""
    if share is None:
        return "–"
    return format_percent(float(share), "#,##0.0\u00a0%", locale=language()).replace("\u00a0%", " %")


def day(value: date) -> str:
    """2 Jul 2026"""
    return format_date(value, _DAY if language() == ENGLISH else "medium", locale=language())


def spoken_day(value: date) -> str:
    """Thu 2 Jul"""
    if language() == ENGLISH:
        return format_date(value, _SPOKEN, locale=language())
    return format_skeleton("MMMEd", value, locale=language())


def day_of_month(value: date) -> str:
    """2 Jul"""
    if language() == ENGLISH:
        return format_date(value, "d MMM", locale=language())
    return format_skeleton("MMMd", value, locale=language())


def weekday(value: date) -> str:
    """Thu"""
    return format_date(value, "ccc", locale=language())


def month(value: date) -> str:
    """Jul 2026"""
    return format_date(value, "LLL y", locale=language())


def short_month(value: date) -> str:
    """Jul"""
    return format_date(value, "LLL", locale=language())


def moment(value: datetime) -> str:
    """2 Jul 2026, 14:05 UTC"""
    return f"{day(value)}, {value:%H:%M} UTC"


def spelt(value: Decimal) -> str:
    """A number as people type it: with the language's decimal sign, without marks between thousands."""
    return format_decimal(value, "0.##########", locale=language(), group_separator=False)
