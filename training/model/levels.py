"""Which levels of a distribution make a range that holds eight payments of ten?

A distribution that is right would need the levels 10 % and 90 %. A learned one is not quite, and days are
lumps: of a customer who always pays on the due day, that one day is the whole range. So the levels are chosen
on payments that the model had not seen (distributional conformal prediction, Chernozhukov et al. 2021): the
lower one so that one payment in ten came before its day, the upper one so that one in ten came after.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

TARGETS = (0.1, 0.9)


@dataclass(frozen=True)
class Levels:
    """Lower and upper level: of everybody, and the shifts of groups in log-odds."""

    everybody: tuple[float, float] = TARGETS
    shifts: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)

    def of(self, groups: dict[str, np.ndarray]) -> np.ndarray:
        """Lower level, one half and upper level of each question, shape (n, 3); a label each per grouping."""
        n = len(next(iter(groups.values())))
        z = np.tile(_log_odds(np.array(self.everybody)), (n, 1))
        for name, shifts in self.shifts.items():
            for label, shift in shifts.items():
                z[groups[name] == label] += shift
        low, high = (1.0 / (1.0 + np.exp(-z))).T
        return np.stack([np.minimum(low, 0.5), np.full(n, 0.5), np.maximum(high, 0.5)], axis=1)


def _log_odds(p: np.ndarray) -> np.ndarray:
    return np.log(p) - np.log1p(-p)
