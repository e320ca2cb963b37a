"""Do the chosen levels hold eight payments in ten, lumps and open invoices included?"""

from __future__ import annotations

import numpy as np
import pytest

from training.model.levels import Levels
from training.model.levels_fit import Reached, _quantile, fit_levels


@pytest.mark.parametrize(
    ("clock", "is_settled", "target", "expected"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [1] * 10, 0.1, 1),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [1] * 10, 0.9, 9),
        # Two of four leave unseen at 1.5: each of the two that stay counts for one half of what is left.
        ([1, 1.5, 1.5, 4, 5], [1, 0, 0, 1, 1], 0.2, 1),
        ([1, 1.5, 1.5, 4, 5], [1, 0, 0, 1, 1], 0.6, 4),
        ([1, 1.5, 1.5, 4, 5], [1, 0, 0, 1, 1], 0.7, 5),
        # Never reached: the last that is known.
        ([1, 2, 3], [1, 0, 0], 0.9, 3),
    ],
)  # fmt: skip
def test_kaplan_meier_quantiles(
    clock: list[float], is_settled: list[int], target: float, expected: float
) -> None:
    given = np.array(clock, dtype=np.float64)
    assert _quantile(given, np.array(is_settled, bool), np.ones(len(clock)), target) == expected


def lumpy(n: int, draw: np.random.Generator) -> tuple[Reached, np.ndarray, np.ndarray]:
    """Payments on one of five days, each with its own probability; distributions that say otherwise."""
    true = draw.dirichlet(np.ones(5), n)
    said = draw.dirichlet(np.ones(5), n) * 0.3 + true * 0.7
    day = (np.cumsum(true, axis=1) < draw.random((n, 1))).sum(axis=1).clip(0, 4)
    after = np.cumsum(said, axis=1)
    rows = np.arange(n)
    before = np.concatenate([np.zeros((n, 1)), after[:, :-1]], axis=1)
    return Reached(before[rows, day], after[rows, day], np.ones(n, bool)), after, day


def covered(levels: np.ndarray, after: np.ndarray, day: np.ndarray) -> np.ndarray:
    low = (after < levels[:, :1]).sum(axis=1)
    high = (after < levels[:, 2:]).sum(axis=1)
    return (low <= day) & (day <= high)


def test_hold_eight_in_ten_overall_and_in_every_group() -> None:
    draw = np.random.default_rng(5)
    reached, after, day = lumpy(20_000, draw)
    groups = {"sharpness": np.where(np.diff(after, axis=1).max(axis=1) > 0.5, "sharp", "blunt")}
    levels = fit_levels(reached, groups, np.ones(len(day)), 10.0)
    fresh, after, day = lumpy(20_000, draw)
    groups = {"sharpness": np.where(np.diff(after, axis=1).max(axis=1) > 0.5, "sharp", "blunt")}
    held = covered(levels.of(groups), after, day)
    assert len(fresh.before) == len(held)
    for label in ("sharp", "blunt"):
        assert held[groups["sharpness"] == label].mean() == pytest.approx(0.8, abs=0.03)
    naive = covered(Levels().of(groups), after, day).mean()
    assert naive > 0.84  # lumps make plain levels hold too much


def test_few_questions_move_a_group_little() -> None:
    draw = np.random.default_rng(6)
    reached, _, day = lumpy(2_000, draw)
    rare = np.where(np.arange(len(day)) < 5, "rare", "usual")
    rows = np.arange(len(day)) < 5
    odd = Reached(
        np.where(rows, 0.0, reached.before), np.where(rows, 0.01, reached.after), reached.is_settled
    )
    levels = fit_levels(odd, {"kind": rare}, np.ones(len(day)), 100.0)
    assert -0.2 < levels.shifts["kind"]["rare"][0] < 0
    assert fit_levels(odd, {"kind": rare}, np.ones(len(day)), 0.0).shifts["kind"]["rare"][0] == -2


def test_an_unknown_group_gets_everybodys_levels() -> None:
    levels = Levels((0.2, 0.8), {"stage": {"due": (1.0, 1.0)}})
    low, middle, high = levels.of({"stage": np.array(["due", "never seen"])}).T
    assert low[1] == pytest.approx(0.2) and high[1] == pytest.approx(0.8)
    assert low[0] == pytest.approx(0.4046, abs=1e-4) and (middle == 0.5).all()
