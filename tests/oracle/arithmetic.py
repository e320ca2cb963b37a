"""Averages of plain numbers, missing where there are none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

MISSING = math.nan


def share(part: float, whole: float) -> float:
    """A quotient; missing where there is nothing to divide by."""
    return part / whole if whole > 0 else MISSING


def mean(values: Sequence[float], empty: float = MISSING) -> float:
    """An average; `empty` of nothing."""
    return sum(values) / len(values) if values else empty


def deviation(values: Sequence[int]) -> float:
    """The standard deviation of whole numbers, missing of nothing."""
    if not values:
        return MISSING
    centre = Fraction(sum(values), len(values))
    return math.sqrt(sum((value - centre) ** 2 for value in values) / len(values))
