"""How often did payments come before or after each level? Levels from unseen questions.

A question that is still open at the cut says only that its payment comes later: it counts as long as it is
known to have waited (Kaplan and Meier 1958, with the distribution's own levels as the clock).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.model.levels import TARGETS, Levels

SWEEPS = 4


@dataclass(frozen=True)
class Reached:
    """How much of each question's distribution lay before the day of payment and up to its end."""

    before: np.ndarray
    after: np.ndarray
    is_settled: np.ndarray
    """False where the day is the last one known, on which the invoice was still open."""

    def clocks(self) -> tuple[np.ndarray, np.ndarray]:
        """Up to which lower level the payment is no earlier, and from which upper level it is later."""
        return self.after, np.where(self.is_settled, self.before, self.after)


def fit_levels(reached: Reached, groups: dict[str, np.ndarray], weight: np.ndarray, prior: float) -> Levels:
    """Levels of everybody, then shifts of groups, in turn, until each group comes out right.

    A group's shift is drawn towards none as if by `prior` questions.
    """
    clocks = reached.clocks()
    everybody = [
        _quantile(clock, reached.is_settled, weight, target)
        for clock, target in zip(clocks, TARGETS, strict=True)
    ]
    base = np.clip(np.array(everybody), 0.005, 0.995)
    shifts: dict[str, dict[str, np.ndarray]] = {
        name: {label: np.zeros(2) for label in np.unique(labels).tolist()} for name, labels in groups.items()
    }
    for _ in range(SWEEPS):
        for name, labels in groups.items():
            for label in shifts[name]:
                rows = labels == label
                z = np.tile(_z(base), (int(rows.sum()), 1))
                for other, given in groups.items():
                    for kind, shift in shifts[other].items():
                        if (other, kind) != (name, label):
                            z[given[rows] == kind] += shift
                shifts[name][label] = _group_shift(clocks, reached.is_settled, weight, rows, z, prior)
    return Levels(
        (float(base[0]), float(base[1])),
        {n: {k: (float(s[0]), float(s[1])) for k, s in of.items()} for n, of in shifts.items()},
    )


def _group_shift(
    clocks: tuple[np.ndarray, ...],
    is_settled: np.ndarray,
    weight: np.ndarray,
    rows: np.ndarray,
    z: np.ndarray,
    prior: float,
) -> np.ndarray:
    shift = np.zeros(2)
    w = weight[rows]
    effective = w.sum() ** 2 / (w**2).sum() if len(w) else 0.0
    for k, target in enumerate(TARGETS):
        distance = _z(np.clip(clocks[k][rows], 1e-4, 1 - 1e-4)) - z[:, k]
        shift[k] = np.clip(_quantile(distance, is_settled[rows], w, target), -2, 2)
    return shift * effective / (effective + prior)


def _z(p: np.ndarray) -> np.ndarray:
    return np.log(p) - np.log1p(-p)


def _quantile(clock: np.ndarray, is_settled: np.ndarray, weight: np.ndarray, target: float) -> float:
    """Where the weighted Kaplan-Meier curve of the clock has fallen by `target`."""
    order = np.lexsort((~is_settled, clock))
    c, e, w = clock[order], is_settled[order], weight[order]
    at_risk = np.cumsum(w[::-1])[::-1]
    left = np.cumprod(1.0 - np.where(e, w / np.maximum(at_risk, 1e-300), 0.0))
    # A hair less, as what is left is a product that rounding may keep above.
    place = int(np.searchsorted(-left, target - 1.0 - 1e-12))
    return float(c[min(place, len(c) - 1)])
