"""How are raw scores turned into probabilities that come true, and how do horizons stay in order?

Everything here is strictly increasing in log-odds, so that reasons keep adding up and no ranking changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEAST, MOST = 1e-4, 1 - 1e-4
"""Probabilities of what is not decided yet stay within these."""
SHARPNESS = 32
"""How closely a longer horizon may come to a shorter one before it is held back."""


def log_odds(p: np.ndarray) -> np.ndarray:
    """log(p / (1 - p))."""
    return np.log(p) - np.log1p(-p)


def probability(z: np.ndarray) -> np.ndarray:
    """The inverse of `log_odds`, without overflow."""
    return np.exp(-np.logaddexp(0.0, -z))


def bounded(p: np.ndarray) -> np.ndarray:
    """Probabilities squeezed into (LEAST, MOST), strictly increasing."""
    return LEAST + (MOST - LEAST) * p


@dataclass(frozen=True)
class Calibration:
    """Platt scaling: log-odds times `slope` plus `shift` (Platt 1999); slope is above 0."""

    slope: float = 1.0
    shift: float = 0.0

    def apply(self, z: np.ndarray) -> np.ndarray:
        """Calibrated log-odds of raw log-odds, shape (n,)."""
        return self.slope * z + self.shift

    @classmethod
    def fit(
        cls, z: np.ndarray, late: np.ndarray, weight: np.ndarray, prior_rows: float = 20.0
    ) -> Calibration:
        """Weighted maximum likelihood by Newton steps, held towards (1, 0) as if by `prior_rows` rows."""
        if not len(z):
            return cls()
        points = np.column_stack([z, np.ones_like(z)])
        held = np.diag([prior_rows, prior_rows / 4]) * 0.25
        value = np.array([1.0, 0.0])
        for _ in range(50):
            p = probability(points @ value)
            gradient = points.T @ (weight * (p - late)) + held @ (value - [1.0, 0.0])
            curvature = (points * (weight * p * (1 - p))[:, None]).T @ points + held
            step = np.linalg.solve(curvature, gradient)
            value = value - np.clip(step, -1.0, 1.0)
            value[0] = max(value[0], 0.05)
            if np.abs(step).max() < 1e-10:
                break
        return cls(float(value[0]), float(value[1]))


def held_below(p: np.ndarray, shorter: np.ndarray) -> np.ndarray:
    """`p` kept under the probability of the shorter horizon by a smooth minimum.

    Strictly increasing in `p`; far below the shorter horizon nothing changes, and where the shorter horizon
    is decided (probability 1) nothing does either.
    """
    with np.errstate(over="ignore"):
        held = p * np.exp(-np.logaddexp(0.0, SHARPNESS * (np.log(p) - np.log(shorter))) / SHARPNESS)
    # The minimum is for the last bit alone, which rounding may carry above.
    return np.where(shorter >= 1.0, p, np.minimum(held, shorter))
