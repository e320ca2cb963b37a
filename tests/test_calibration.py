"""Do calibrated probabilities come true, and do horizons stay in order without losing any ranking?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from training.model.calibration import (
    LEAST,
    MOST,
    Calibration,
    bounded,
    held_below,
    log_odds,
    probability,
)

shares = st.floats(LEAST, MOST)


def drawn(slope: float, shift: float, rows: int = 20_000, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Raw log-odds, and outcomes that truly have the log-odds `slope` times raw plus `shift`."""
    random = np.random.default_rng(seed)
    z = random.normal(-1, 2, rows)
    return z, (random.random(rows) < 1 / (1 + np.exp(-slope * z - shift))).astype(float)


@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (0.6, -0.8), (1.7, 0.5)])
def test_a_known_distortion_is_found_again(slope: float, shift: float) -> None:
    z, late = drawn(slope, shift)
    found = Calibration.fit(z, late, np.ones(len(z)))
    assert (found.slope, found.shift) == pytest.approx((slope, shift), abs=0.1)


def test_without_a_prior_it_is_logistic_regression() -> None:
    z, late = drawn(0.7, -0.4, rows=800)
    weight = np.random.default_rng(1).uniform(0.1, 2.0, 800)
    oracle = LogisticRegression(C=np.inf, tol=1e-10).fit(z[:, None], late, sample_weight=weight)
    found = Calibration.fit(z, late, weight, prior_rows=0.0)
    assert (found.slope, found.shift) == pytest.approx((oracle.coef_[0, 0], oracle.intercept_[0]), abs=1e-5)


def test_after_calibration_the_mean_prediction_is_the_rate() -> None:
    z, late = drawn(0.5, 1.0)
    found = Calibration.fit(z, late, np.ones(len(z)), prior_rows=0.0)
    assert probability(found.apply(z)).mean() == pytest.approx(late.mean(), abs=1e-9)


def test_a_weight_of_two_is_the_row_twice() -> None:
    z, late = drawn(0.7, -0.4, rows=300)
    weight = np.where(np.arange(300) % 3 == 0, 2.0, 1.0)
    weighed = Calibration.fit(z, late, weight)
    times = weight.astype(int)
    repeated = Calibration.fit(np.repeat(z, times), np.repeat(late, times), np.ones(times.sum()))
    assert (weighed.slope, weighed.shift) == pytest.approx((repeated.slope, repeated.shift), abs=1e-9)


def test_a_handful_of_rows_changes_little() -> None:
    found = Calibration.fit(np.array([-2.0, -1.0, 0.5]), np.array([1.0, 0.0, 0.0]), np.ones(3))
    assert found.slope == pytest.approx(1.0, abs=0.4)
    assert found.shift == pytest.approx(0.0, abs=0.5)


def test_no_rows_change_nothing() -> None:
    assert Calibration.fit(np.array([]), np.array([]), np.array([])) == Calibration(1.0, 0.0)


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_one_kind_of_outcome_stays_finite(outcome: float) -> None:
    z, _ = drawn(1.0, 0.0, rows=200)
    found = Calibration.fit(z, np.full(200, outcome), np.ones(200))
    assert np.isfinite([found.slope, found.shift]).all()
    assert (probability(found.apply(z)).mean() > 0.5) == (outcome == 1.0)


def test_a_model_that_ranks_backwards_is_never_turned_round() -> None:
    z, late = drawn(-1.5, 0.0, rows=2000)
    found = Calibration.fit(z, late, np.ones(2000))
    assert found.slope > 0
    assert (np.diff(found.apply(np.linspace(-5, 5, 50))) > 0).all()


@given(st.floats(-700, 700))
def test_log_odds_undo_probability_and_neither_overflows(z: float) -> None:
    p = probability(np.array([z]))
    assert 0 <= p[0] <= 1
    if abs(z) < 15:
        assert log_odds(p)[0] == pytest.approx(z, abs=1e-8)


def test_bounds_are_kept_without_ties() -> None:
    p = bounded(np.array([0.0, 1e-9, 1e-8, 0.3, 0.5, 1 - 1e-8, 1.0]))
    assert p[0] == LEAST == 0.0001
    assert p[-1] == pytest.approx(0.9999, abs=1e-15)
    assert p[-1] <= MOST
    assert (np.diff(p) > 0).all()


@given(st.lists(st.tuples(shares, shares), min_size=1, max_size=50))
def test_a_longer_horizon_never_exceeds_the_shorter_one(pairs: list[tuple[float, float]]) -> None:
    longer, shorter = np.array(pairs).T
    held = held_below(longer, shorter)
    assert (held <= shorter).all()
    assert (held <= longer).all()
    assert (held > 0).all()


@pytest.mark.parametrize("shorter", [0.9999, 0.6, 0.1, 0.001])
def test_holding_back_keeps_the_ranking(shorter: float) -> None:
    longer = shorter * np.linspace(0.01, 1.5, 300)
    held = held_below(longer, np.full(300, shorter))
    assert (np.diff(held) > 0).all()


@pytest.mark.parametrize(
    ("longer", "shorter", "expected"),
    [
        (0.1, 0.5, 0.1),  # far below: untouched
        (0.4, 0.4, 0.4 * 2 ** (-1 / 32)),  # equal: pressed a little
        (0.9, 0.2, 0.2),  # far above: the shorter one's
        (0.9, 1.0, 0.9),  # the shorter one is decided: it holds nothing back
    ],
)
def test_how_much_is_held_back(longer: float, shorter: float, expected: float) -> None:
    assert held_below(np.array([longer]), np.array([shorter]))[0] == pytest.approx(expected, abs=1e-12)
