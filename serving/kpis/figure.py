"""What is a figure? A value with its unit, period, formula and evidence, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from features.days import to_date
from features.ledger import written_amount

UNITS = ("days", "percent", "points", "count", "money", "per 10,000 collected")
"""What a value counts; money is in the `money_unit` of the value."""
SAFE = 1 << 62


@dataclass(frozen=True)
class Value:
    """One value of a figure: for whom, in which money, from how many rows; None says why not and what is needed."""

    value: float | int | None
    n: int
    by: str = "all"
    group: str = "all"
    money_unit: str | None = None
    part: str | None = None
    why_not: str | None = None
    needs: str | None = None

    def as_dict(self, unit: str) -> dict[str, Any]:
        """JSON-ready; money as decimal text."""
        said = self.value
        if said is not None and unit == "money":
            assert self.money_unit is not None
            told: Any = written_amount(int(said), self.money_unit)
        else:
            told = said if said is None or isinstance(said, int) else round(float(said), 4)
        where = {"by": self.by, "group": self.group, "money_unit": self.money_unit, "part": self.part}
        missing = {} if said is not None else {"why_not": self.why_not, "needs": self.needs}
        return {**where, "value": told, "n": self.n, **missing}


@dataclass(frozen=True)
class Figure:
    """One figure with all its values; the period is [begin, before), None where it is a state of the day."""

    code: str
    title: str
    unit: str
    formula: str
    values: tuple[Value, ...]
    period: tuple[date, date] | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        period = self.period and {"from": self.period[0].isoformat(), "before": self.period[1].isoformat()}
        said = {"code": self.code, "title": self.title, "unit": self.unit, "formula": self.formula}
        return {**said, "period": period, "values": [value.as_dict(self.unit) for value in self.values]}


@dataclass(frozen=True)
class Split:
    """How invoices are divided: each belongs to one (group, unit of money), or to none (-1)."""

    by: str
    names: tuple[tuple[str, str | None], ...]
    code: np.ndarray

    def sums(self, amounts: np.ndarray, rows: np.ndarray | None = None) -> list[int]:
        """Exact sums per group of whole numbers; of the invoices `rows` (one amount each) or of all."""
        code = self.code if rows is None else self.code[rows]
        there = code >= 0
        most = int(np.abs(amounts).max(initial=0)) * max(len(amounts), 1)
        total = np.zeros(len(self.names), np.int64 if most < SAFE else object)
        np.add.at(total, code[there], amounts[there] if most < SAFE else amounts[there].astype(object))
        return [int(value) for value in total.tolist()]

    def counts(self, mask: np.ndarray) -> list[int]:
        """How many invoices per group hold `mask`, of shape (invoices,)."""
        return self.sums(mask.astype(np.int64))

    def values(
        self,
        said: Sequence[float | int | None],
        n: Sequence[int],
        part: str | None = None,
        why_not: str | None = None,
        needs: str | None = None,
    ) -> Iterator[Value]:
        """One value per group; `why_not` and `needs` go to those that are None."""
        for (group, unit), value, many in zip(self.names, said, n, strict=True):
            missing = (why_not, needs) if value is None else (None, None)
            yield Value(value, many, self.by, group, unit, part, *missing)

    def missing(self, why_not: str, needs: str) -> Iterator[Value]:
        """No value for any group."""
        return self.values([None] * len(self.names), [0] * len(self.names), None, why_not, needs)


def lists(many: int) -> tuple[list[Value], ...]:
    """Empty lists to fill with values."""
    return tuple([] for _ in range(many))


def product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Products of whole numbers, exact however large."""
    most = int(np.abs(left).max(initial=0)) * int(np.abs(right).max(initial=0))
    return left * right if most < SAFE else left.astype(object) * right.astype(object)


def quotients(
    tops: Sequence[int | None], bottoms: Sequence[int | None], scale: float = 1.0
) -> list[float | None]:
    """Each top over its bottom, times `scale`; None where the bottom is not positive."""
    return [
        None if top is None or not bottom or bottom < 0 else scale * top / bottom
        for top, bottom in zip(tops, bottoms, strict=True)
    ]


def period_of(begin: int, before: int) -> tuple[date, date]:
    """Two day numbers as the days of a period."""
    return to_date(begin), to_date(before)
