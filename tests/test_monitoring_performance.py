"""Is performance judged on matured outcomes alone, and noticed when it suffers and only then?"""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.monitoring import performance
from serving.monitoring.performance import Judged, expected_figures, figures, runs, standard_error
from training.settings import MonitoringSettings

SETTINGS = MonitoringSettings(resamples=50)
TODAY = 20_000
WEEKS = 12


def judged(
    late_rate: float, predicted: float, since: int = 0, weekly: int = 80, spread: float = 0.0
) -> Judged:
    """So many deadlines a week, each customer once; in the last `since` weeks at `late_rate`, else as predicted."""
    week = np.repeat(np.arange(WEEKS), weekly)
    rate = np.where(week >= WEEKS - since, late_rate, predicted)
    # The first of each week are late, exactly as many as the rate says.
    place = np.tile(np.arange(weekly), WEEKS)
    late = (place < np.rint(rate * weekly)).astype(float)
    # The order can be made right without moving the mean.
    p = predicted + spread * np.where(late == 1, 1.0, -predicted / (1 - predicted))
    matures = TODAY - 7 * WEEKS + 7 * week
    return Judged(matures - 30, matures, late, p, np.arange(len(week)))


def codes(found: Judged) -> list[tuple[str, str]]:
    return [(alarm.code, alarm.severity) for alarm in performance.alarms(found, TODAY, SETTINGS)]


@given(st.lists(st.floats(0.01, 0.99), min_size=2, max_size=12))
def test_expected_auc_is_that_of_all_pairs(p: list[float]) -> None:
    pairs = [
        (a * (1 - b), (a > b) + (a == b) / 2) for i, a in enumerate(p) for j, b in enumerate(p) if i != j
    ]
    weight = sum(each for each, _ in pairs)
    expected = sum(each * won for each, won in pairs) / weight
    assert expected_figures(np.array(p))["roc_auc"] == pytest.approx(expected)


def test_expected_figures_come_true_where_probabilities_are_right() -> None:
    rng = np.random.default_rng(1)
    p = rng.beta(1, 4, 40_000)
    late = (rng.random(len(p)) < p).astype(float)
    realised = performance.realised_figures(
        Judged(np.zeros(len(p)), np.zeros(len(p)), late, p, np.arange(len(p)) % 5), 50
    )
    for name, value in expected_figures(p).items():
        assert realised[name].value == pytest.approx(value, abs=0.01), name


def test_nothing_is_expected_of_nothing() -> None:
    assert set(expected_figures(np.array([])).values()) == {None}
    assert expected_figures(np.array([0.3]))["roc_auc"] is None


def test_only_matured_questions_are_compared() -> None:
    late = np.array([1.0, 0.0, np.nan, np.nan])
    found = figures(
        Judged(np.array([5, 6, 6, 7]), np.full(4, 40), late, np.array([0.5, 0.3, 0.9, 0.1]), np.arange(4)),
        5, 7, SETTINGS,
    )  # fmt: skip
    assert (found.asked, found.matured, found.late) == (3, 2, 1)
    assert found.predicted == pytest.approx(17 / 30)
    assert found.expected["late_rate"] == pytest.approx(0.4)
    assert found.realised["late_rate"].value == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("late_rate", "since", "expected"),
    [
        (0.2, 0, []),
        (0.225, 12, []),  # a lasting gap that nobody would act on
        (0.5, 2, [("more_late_than_predicted", "watch")]),
        (0.5, 3, [("more_late_than_predicted", "act")]),
        (0.35, 8, [("more_late_than_predicted", "act")]),
        (0.0, 4, [("fewer_late_than_predicted", "act")]),
    ],
)
def test_a_gap_is_noticed_when_it_is_clear_and_matters(
    late_rate: float, since: int, expected: list[tuple[str, str]]
) -> None:
    assert codes(judged(late_rate, 0.2, since)) == expected


def test_the_alarm_says_since_when() -> None:
    (alarm,) = performance.alarms(judged(0.5, 0.2, since=3), TODAY, SETTINGS)
    assert alarm.since is not None and (alarm.value, alarm.reference) == pytest.approx((0.5, 0.2))
    assert (alarm.since - type(alarm.since)(1970, 1, 1)).days == (TODAY - 21)


@pytest.mark.parametrize("weeks_of_gap", [3, 5])
@pytest.mark.parametrize(("weeks_since", "severity"), [(3, "act"), (6, "watch"), (10, None)])
def test_an_alarm_ends_weeks_after_its_cause_however_long_that_lasted(
    weeks_of_gap: int, weeks_since: int, severity: str | None
) -> None:
    found, quiet = judged(0.5, 0.2, since=WEEKS), judged(0.2, 0.2)
    day = TODAY - 7 * (WEEKS - weeks_of_gap)
    late = np.where(found.matures_on < day, found.late, quiet.late)
    mended = Judged(found.as_of, found.matures_on, late, found.probability, found.customer)
    as_of = day + 7 * weeks_since
    mended = Judged(*map(np.concatenate, zip(astuple(mended), _later(quiet), strict=True)))
    seen = mended.where(mended.matures_on < as_of)
    run = runs(seen, as_of, SETTINGS)["more"]
    assert run is not None or severity is None
    reached = 0.0 if run is None else run.height
    assert (reached >= SETTINGS.act_at, reached >= SETTINGS.watch_at) == (
        severity == "act",
        severity is not None,
    )


def _later(quiet: Judged) -> tuple[np.ndarray, ...]:
    """The same weeks again, after the last one."""
    days = 7 * WEEKS
    return quiet.as_of + days, quiet.matures_on + days, quiet.late, quiet.probability, quiet.customer


def test_few_outcomes_say_nothing() -> None:
    assert codes(judged(0.9, 0.1, since=12, weekly=8)) == []


def test_a_lost_order_is_noticed() -> None:
    found = judged(0.2, 0.2, spread=0.3)
    assert codes(found) == []
    rng = np.random.default_rng(2)
    shuffled = rng.permutation(found.probability)
    assert ("order_lost", "act") in codes(
        Judged(found.as_of, found.matures_on, found.late, shuffled, found.customer)
    )


def test_the_invoices_of_one_customer_are_not_independent() -> None:
    late, p = np.array([1.0, 1.0, 1.0, 0.0]), np.full(4, 0.5)
    zero = np.zeros(4)
    alone = standard_error(Judged(zero, zero, late, p, np.arange(4)))
    together = standard_error(Judged(zero, zero, late, p, np.array([7, 7, 7, 9])))
    assert alone == pytest.approx(np.sqrt(4 * 0.25) / 4)
    assert together == pytest.approx(np.sqrt(1.5**2 + 0.5**2) / 4)
