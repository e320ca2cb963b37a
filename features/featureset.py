"""How does a small function become a described column? `@feature`, and the set of all of them.

A feature is a function of `past` (and of a window, `last`); its name is the column's name, its docstring the
catalogue entry. A `FeatureSet` computes all columns for many (invoice, as-of day) questions.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from features.fingerprint import code_fingerprint
from features.history import History, Past
from features.lateness import LatenessRule

BESIDE = "features.paydays"
"""What payment dates are computed from beside features: a model rests on this code too."""
CHUNK_ROWS = 8_192
"""Questions worked on at once, so that their columns stay in the processor's cache."""


@dataclass(frozen=True)
class Feature:
    """One column of the feature table, described."""

    name: str
    meaning: str
    says: str
    """Sentence with the customer's own `{value}`."""
    unit: str
    reason: str
    """The reason code its contribution is counted under."""
    direction: str
    """What a higher value is expected to do to the risk: 'raises', 'lowers' or 'either'."""
    is_monotone: bool
    """Whether the model is held to that direction."""
    fill: float
    """Value where there is no evidence."""
    family: str
    window_days: int | None
    compute: Callable[[Past], np.ndarray] = field(repr=False, compare=False)
    module: str = field(repr=False, default="")
    """Where `compute` is defined; its code and all that it imports count for the fingerprint."""

    def describe(self) -> dict[str, Any]:
        """The catalogue entry, JSON-ready."""
        names = (
            "name",
            "family",
            "meaning",
            "says",
            "unit",
            "reason",
            "direction",
            "is_monotone",
            "window_days",
        )
        return {name: getattr(self, name) for name in names} | {
            "fill": None if np.isnan(self.fill) else self.fill
        }


def feature(
    *,
    reason: str,
    unit: str,
    says: str,
    direction: str = "either",
    monotone: bool = False,
    fill: float = float("nan"),
    windows: Sequence[int | None] | None = None,
) -> Callable[[Callable[..., np.ndarray]], list[Feature]]:
    """Describe a function of `past` (and `last`, once per window) as a feature; gives one per window."""

    def described(function: Callable[..., np.ndarray]) -> list[Feature]:
        return [
            _described(function, last, windows is not None, reason, unit, says, direction, monotone, fill)
            for last in (windows or [None])
        ]

    return described


def _described(
    function: Callable[..., np.ndarray],
    last: int | None,
    is_windowed: bool,
    reason: str,
    unit: str,
    says: str,
    direction: str,
    monotone: bool,
    fill: float,
) -> Feature:
    period = "ever" if last is None else f"in the last {last} days"
    return Feature(
        name=function.__name__ + (f"_{last}" if last is not None else ""),
        meaning=inspect.cleandoc(function.__doc__ or "").replace("{period}", period),
        says=says.replace("{period}", period),
        unit=unit,
        reason=reason,
        direction=direction,
        is_monotone=monotone,
        fill=fill,
        family=function.__module__.rsplit(".", 1)[-1],
        window_days=last,
        compute=(lambda past: function(past, last)) if is_windowed else function,
        module=function.__module__,
    )


class FeatureSet:
    """An ordered set of features: their names, sentences and fills, and one way to compute them."""

    def __init__(self, features: Iterable[Feature], unlearned: Iterable[str] = ()) -> None:
        self.features = tuple(features)
        self.unlearned = frozenset(unlearned)
        self.names = [feature.name for feature in self.features]
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise ValueError(f"two features share a name: {', '.join(twice)}; rename one")

    def __getitem__(self, name: str) -> Feature:
        return self.features[self.names.index(name)]

    def without(self, family: str) -> FeatureSet:
        """The set of which one family is not learned from, to see what the family carries."""
        return self.learning_only(lambda feature: feature.family != family)

    def learning_only(self, is_learned: Callable[[Feature], bool]) -> FeatureSet:
        """The set of which a model may learn from some features alone.

        The columns of the others stay: baselines, evidence and the days past due are read from them.
        """
        left_out = {feature.name for feature in self.features if not is_learned(feature)}
        return FeatureSet(self.features, self.unlearned | left_out)

    @property
    def is_learned(self) -> np.ndarray:
        """Whether a model may learn from each column, shape (features,)."""
        return np.array([name not in self.unlearned for name in self.names])

    def fingerprint(self, rule: LatenessRule) -> str:
        """Hash of the columns' descriptions and order, of all code that computes them, and of the lateness rule."""
        columns = [feature.describe() for feature in self.features]
        content = {"columns": columns, "late_after": rule.late_after_days, "calendar": rule.calendar_days}
        content |= {"unlearned": sorted(self.unlearned) or None}
        content |= {"code": code_fingerprint({*(feature.module for feature in self.features), BESIDE})}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def compute(self, history: History, rows: np.ndarray, as_of: np.ndarray) -> np.ndarray:
        """Every feature of the questions (invoice position, as-of day): float64, shape (n, features)."""
        out = np.empty((len(rows), len(self.features)), dtype=np.float64)
        # Neighbouring questions read neighbouring totals: sorted, a chunk stays in the cache.
        order = np.lexsort((as_of, history.invoices["customer"][rows]))
        for begin in range(0, len(rows), CHUNK_ROWS):
            chunk = order[begin : begin + CHUNK_ROWS]
            past = history.past(rows[chunk], as_of[chunk])
            columns = np.empty((len(self.features), len(chunk)))
            for column, described in enumerate(self.features):
                columns[column] = self._filled(described, past)
            out[chunk] = columns.T
        return out

    def _filled(self, described: Feature, past: Past) -> np.ndarray:
        values = described.compute(past)
        if np.isnan(described.fill) or values.dtype != np.float64:
            return values
        return np.where(np.isnan(values), described.fill, values)

    def frame(self, history: History, rows: np.ndarray, as_of: np.ndarray) -> pd.DataFrame:
        """The same as a table with the columns' names."""
        return pd.DataFrame(self.compute(history, rows, as_of), columns=self.names)
