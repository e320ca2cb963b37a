"""What does the text in a cell say: which day, how much money, which number?

Every function takes an object array of texts (None where blank) and parses each different text once, so that
a table of ten rows and one of a million go the same way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

DAY = "datetime64[D]"
NO_DAY = np.datetime64("NaT", "D")
EARLIEST, LATEST = date(1970, 1, 1), date(2100, 12, 31)
LARGEST = 10**15
_NOTHING = np.array(None, dtype=object)
_EPOCH = date(1970, 1, 1).toordinal()
_NO_DAY_NUMBER = np.iinfo(np.int64).min
_AMOUNT = re.compile(r"([+-]?)([0-9]{1,16})(?:\.([0-9]*))?")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?")
_CURRENCY = re.compile("[A-Za-z]{3}")
_FLAGS = dict.fromkeys(("true", "yes", "y", "1", "x"), True) | dict.fromkeys(("false", "no", "n", "0"), False)

NO_MINOR_DIGITS = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()  # noqa: SIM905
)
THREE_MINOR_DIGITS = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))
NO_CURRENCY = "XXX"
"""The ISO 4217 code for 'no currency'."""


def minor_digits(currency: str) -> int:
    """Digits after the decimal point of a currency (ISO 4217); two for codes unknown."""
    if currency in NO_MINOR_DIGITS:
        return 0
    return 3 if currency in THREE_MINOR_DIGITS else 2


def digits_of(currencies: np.ndarray) -> np.ndarray:
    """Minor digits of each currency of an array."""
    return np.array([minor_digits(currency) for currency in currencies], dtype=np.int64)


def texts(values: list[Any]) -> np.ndarray:
    """An object array of the texts; (np.array would look into sequences)."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def blank(cells: np.ndarray) -> np.ndarray:
    """Where nothing is written."""
    return np.equal(cells, _NOTHING).astype(bool)


def _each_text_once(cells: np.ndarray, parse: Callable[[str], Any]) -> list[Any]:
    listed = cells.tolist()
    found = {text: parse(text) for text in set(listed) if text is not None}
    found[None] = None
    return [found[text] for text in listed]


def dates(cells: np.ndarray, time_zone: str) -> tuple[np.ndarray, np.ndarray]:
    """Days of the cells (NaT where blank or not a day), and where a cell is written but is not a day."""
    zone = ZoneInfo(time_zone)
    numbers = _each_text_once(cells, lambda text: _day_number(text, zone))
    days = np.array([_NO_DAY_NUMBER if day is None else day for day in numbers], dtype=np.int64)
    found = days.view(DAY)
    return found, np.isnat(found) & ~blank(cells)


def _day_number(text: str, zone: ZoneInfo) -> int | None:
    try:
        if len(text) < 10 or not text[4] == text[7] == "-":
            return None
        moment = datetime.fromisoformat(text)
        day = (moment.astimezone(zone) if moment.tzinfo else moment).date()
    except (ValueError, OverflowError):
        return None
    return day.toordinal() - _EPOCH if EARLIEST <= day <= LATEST else None


def numbers(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finite numbers (NaN where blank or not a number), and where a cell is written but is no number."""
    found = _each_text_once(cells, lambda text: float(text) if _NUMBER.fullmatch(text) else None)
    values = np.array([np.nan if value is None else value for value in found], dtype=np.float64)
    return values, np.isnan(values) & ~blank(cells)


def flags(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Truth values (False where blank or unreadable), and where a cell is written but says neither."""
    found = _each_text_once(cells, lambda text: _FLAGS.get(text.lower()))
    unread = np.array([value is None for value in found], dtype=bool)
    return np.array([bool(value) for value in found], dtype=bool), unread & ~blank(cells)


def amounts(cells: np.ndarray, digits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Minor units (0 where unknown), and where the cell was blank, unreadable, or rounded to `digits`."""
    values = np.zeros(len(cells), dtype=np.int64)
    unreadable, rounded = np.zeros(len(cells), dtype=bool), np.zeros(len(cells), dtype=bool)
    for each in np.unique(digits).tolist():
        here = np.flatnonzero(digits == each)
        values[here], unreadable[here], rounded[here] = _amounts(cells[here].tolist(), each)
    return values, blank(cells), unreadable, rounded


def _amounts(listed: list[str | None], digits: int) -> tuple[list[int], list[bool] | bool, list[bool] | bool]:
    found: dict[str | None, int] = {None: 0}
    unreadable, rounded = set(), set()
    for text in set(listed) - {None}:
        value, exact = _minor_units(text or "", digits) or (None, True)
        found[text] = value or 0
        if value is None:
            unreadable.add(text)
        elif not exact:
            rounded.add(text)
    return (
        [found[text] for text in listed],
        bool(unreadable) and [text in unreadable for text in listed],
        bool(rounded) and [text in rounded for text in listed],
    )


def _minor_units(text: str, digits: int) -> tuple[int, bool] | None:
    match = _AMOUNT.fullmatch(text)
    if match and len(match[3] or "") <= digits:
        value, exact = int(match[1] + match[2] + (match[3] or "").ljust(digits, "0")), True
    elif _NUMBER.fullmatch(text):
        scaled = Decimal(text).scaleb(digits)
        whole = scaled.quantize(Decimal(1), ROUND_HALF_UP) if abs(scaled) <= LARGEST else None
        if whole is None:
            return None
        value, exact = int(whole), whole == scaled
    else:
        return None
    return (value, exact) if abs(value) <= LARGEST else None


@cache
def _written(digits: int) -> Callable[[int], str]:
    unit = 10**digits

    def write(value: int) -> str:
        whole, rest = divmod(abs(value), unit)
        return f"{'-' if value < 0 else ''}{whole}" + (f".{rest:0{digits}d}" if digits else "")

    return write


def written_amount(value: int, currency: str) -> str:
    """Minor units as a decimal text in currency units: 123450 USD is '1234.50'."""
    return _written(minor_digits(currency))(int(value))


def codes(values: np.ndarray) -> np.ndarray:
    """Ranks of the values, equal for equal ones, missing last: a sort key for texts, days and numbers."""
    if values.dtype == object:
        listed = values.tolist()
        ranks: dict[Any, int] = {text: rank for rank, text in enumerate(sorted(set(listed) - {None}))}
        ranks[None] = len(ranks)
        return np.array([ranks[text] for text in listed], dtype=np.int64)
    if values.dtype.kind == "M":
        return np.where(np.isnat(values), np.iinfo(np.int64).max, values.astype(np.int64))
    if values.dtype.kind == "f":
        return np.unique(values, return_inverse=True)[1].astype(np.int64)
    return values.astype(np.int64)


def currencies(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes in capitals (None where blank or no code), and where a cell is written but is no code."""
    found = _each_text_once(cells, lambda text: text.upper() if _CURRENCY.fullmatch(text) else None)
    values = texts(found)
    return values, blank(values) & ~blank(cells)


def chosen(cells: np.ndarray, choices: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The cells that hold one of the choices (None elsewhere), and where a cell holds another text."""
    values = texts(_each_text_once(cells, lambda text: text if text in choices else None))
    return values, blank(values) & ~blank(cells)
