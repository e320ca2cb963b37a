"""How do money, numbers, days and chances look to somebody? As the language of the moment writes them.

A page writes the same days and amounts again and again, and Babel takes its time: what was written last is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache, wraps
from typing import Any, TypeVar

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

MOST_KEPT = 20_000
"""Texts of one kind that are kept, of all languages together."""
Written = TypeVar("Written", bound=Callable[..., str])
_DAY, _SPOKEN = "d MMM y", "EEE d MMM"
"""English days as most of the world writes them: Babel's plain 'en' is that of the United States."""


def _kept(write: Written) -> Written:
    """The same, written once for each language and what it is about."""
    written = lru_cache(MOST_KEPT)(lambda code, *about: write(*about))

    @wraps(write)
    def told(*about: Any) -> str:
        # two moments may be equal and yet be on different days: only the day of a moment is written
        return written(language(), *(each.date() if isinstance(each, datetime) else each for each in about))

    return told  # type: ignore[return-value]


def money(amount: Any, currency: str, exact: bool = True) -> str:
    """An amount with its currency: exact, or as it is said aloud."""
    return gettext("amount unknown") if amount is None else _money(str(amount), currency, exact)


@_kept
def _money(amount: str, currency: str, exact: bool) -> str:
    value = Decimal(amount)
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
    return "–" if value is None else _number(str(round(float(value), digits)))


@_kept
def _number(value: str) -> str:
    return format_decimal(Decimal(value), locale=language())


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
    return _percent(str(round(share, 2)))


@_kept
def _percent(share: str) -> str:
    pattern = "#,##0\u00a0%" if language() == ENGLISH else None
    return format_percent(Decimal(share), pattern, locale=language()).replace("\u00a0%", " %")


def rate(share: Any) -> str:
    """0.4 %: a share of which small ones matter."""
    if share is None:
        return "–"
    return format_percent(float(share), "#,##0.0\u00a0%", locale=language()).replace("\u00a0%", " %")


@_kept
def day(value: date) -> str:
    """2 Jul 2026"""
    return format_date(value, _DAY if language() == ENGLISH else "medium", locale=language())


@_kept
def spoken_day(value: date) -> str:
    """Thu 2 Jul"""
    if language() == ENGLISH:
        return format_date(value, _SPOKEN, locale=language())
    return format_skeleton("MMMEd", value, locale=language())


@_kept
def day_of_month(value: date) -> str:
    """2 Jul"""
    if language() == ENGLISH:
        return format_date(value, "d MMM", locale=language())
    return format_skeleton("MMMd", value, locale=language())


@_kept
def weekday(value: date) -> str:
    """Thu"""
    return format_date(value, "ccc", locale=language())


@_kept
def month(value: date) -> str:
    """Jul 2026"""
    return format_date(value, "LLL y", locale=language())


@_kept
def short_month(value: date) -> str:
    """Jul"""
    return format_date(value, "LLL", locale=language())


def moment(value: datetime) -> str:
    """2 Jul 2026, 14:05 UTC"""
    return f"{day(value)}, {value:%H:%M} UTC"


def spelt(value: Decimal) -> str:
    """A number as people type it: with the language's decimal sign, without marks between thousands."""
    return format_decimal(value, "0.##########", locale=language(), group_separator=False)
