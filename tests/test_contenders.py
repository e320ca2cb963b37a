"""Do contenders learn and answer as the model does, but for what makes them contenders?"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date

import numpy as np
import pytest

from features.catalogue import CATALOGUE, FAMILIES
from features.days import day_number
from training.backtest import Replayed, backtest, longest_window
from training.contenders import Contender, without_each_family
from training.model.fitting import Learner, Lesson, fit_on, lesson
from training.rivals import _Bins, catboost, rivals, scorecard, xgboost
from training.settings import TrainingSettings

CUT, END, KNOWN_BY = date(2026, 1, 1), date(2026, 3, 1), date(2026, 7, 1)


@pytest.fixture(scope="module")
def taught(sample_past: Replayed) -> Lesson:
    return lesson(*sample_past.known_before(CUT), "p_late", day_number(CUT), 300_000)


def test_the_model_as_its_own_contender_says_the_same_to_the_bit(
    sample_past: Replayed, taught: Lesson, hasty_settings: TrainingSettings
) -> None:
    model = fit_on(*sample_past.known_before(CUT), CUT, hasty_settings, CATALOGUE)
    twin = Contender(hasty_settings, CATALOGUE).fitted(taught, sample_past.history.rule)
    asked = sample_past.known_before(END)[1]
    np.testing.assert_array_equal(twin.predict(asked)["p_late"], model.predict(asked)["p_late"])


def test_too_few_late_invoices_leave_the_customers_own_rate(
    sample_past: Replayed, taught: Lesson, hasty_settings: TrainingSettings
) -> None:
    demanding = hasty_settings.model_copy(update={"fewest_late_to_fit": 10_000})
    twin = Contender(demanding, CATALOGUE).fitted(taught, sample_past.history.rule)
    own_rate = taught.values[:, CATALOGUE.names.index("late_rate")]
    p = twin.predict(taught.values)["p_late"].to_numpy()
    decided = taught.values[:, CATALOGUE.names.index("days_past_due")] > 5
    np.testing.assert_allclose(p[~decided], own_rate[~decided], atol=1e-4)


def test_one_contender_per_family_learns_from_all_but_it(hasty_settings: TrainingSettings) -> None:
    found = without_each_family(hasty_settings, CATALOGUE)
    assert list(found) == [f"without_{family}" for family in FAMILIES]
    blank = {name: np.array(CATALOGUE.names)[~each.features.is_learned] for name, each in found.items()}
    assert all(
        {CATALOGUE[name].family for name in names} == {contender.removeprefix("without_")}
        for contender, names in blank.items()
    )


def test_a_backtest_scores_contenders_beside_the_model(
    sample_past: Replayed, hasty_settings: TrainingSettings
) -> None:
    twin = {"twin": Contender(hasty_settings, CATALOGUE)}
    seen = []
    scored = backtest(
        sample_past.history, CUT, END, KNOWN_BY, hasty_settings, contenders=twin, watch=seen.append
    ).scored
    np.testing.assert_array_equal(scored["p_late__twin"], scored["p_late__static"])
    assert "p_late_30__twin" not in scored
    assert [judged.period.begin for judged in seen] == [CUT, date(2026, 2, 1)]
    assert sum(len(judged.cohort) for judged in seen) == len(scored)


class TestLongestWindow:
    def test_begins_with_the_first_month_that_enough_had_matured_before(
        self, sample_past: Replayed, hasty_settings: TrainingSettings
    ) -> None:
        begin, end = longest_window(sample_past.history, KNOWN_BY, hasty_settings)
        assert begin.day == 1 and begin < end < KNOWN_BY

        def late_before(day: date) -> int:
            cohort, values = sample_past.known_before(day)
            return lesson(cohort, values, "p_late", day_number(day), 300_000).late_invoices()

        assert late_before(begin) >= hasty_settings.fewest_late_to_fit
        a_month_earlier = date(begin.year, begin.month - 1, 1)
        assert late_before(a_month_earlier) < hasty_settings.fewest_late_to_fit

    def test_a_short_history_is_told_what_it_lacks(
        self, sample_past: Replayed, hasty_settings: TrainingSettings
    ) -> None:
        demanding = hasty_settings.model_copy(update={"fewest_late_to_fit": 10_000})
        with pytest.raises(
            ValueError, match=r"10000 late invoices must have matured .* Name --from and --to"
        ):
            longest_window(sample_past.history, KNOWN_BY, demanding)


class TestScorecard:
    def test_weights_of_evidence_by_hand(self) -> None:
        """Two steps of six rows, the upper all late, and two rows without a value, one of them late."""
        column = np.array([0.0] * 6 + [1.0] * 6 + [np.nan] * 2)
        late = np.array([0.0] * 6 + [1.0] * 6 + [1.0, 0.0])
        bins = _Bins.of(column[:, None], late, np.ones(14))
        low, high, missing = bins.weights_of_evidence(np.array([[0.0], [1.0], [np.nan]]))[:, 0]

        def evidence(late: int, rows: int) -> float:
            share = (late + 5 * 0.5) / (rows + 5)
            return float(np.log(share / (1 - share)))

        assert (low, high, missing) == pytest.approx((evidence(0, 6), evidence(6, 6), evidence(1, 2)))

    def test_a_column_without_values_says_nothing(self) -> None:
        bins = _Bins.of(np.full((4, 1), np.nan), np.array([0.0, 1.0, 0.0, 1.0]), np.ones(4))
        assert bins.weights_of_evidence(np.array([[np.nan], [3.0]])) == pytest.approx(0.0)


def test_a_missing_library_is_named_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, hasty_settings: TrainingSettings
) -> None:
    monkeypatch.setitem(sys.modules, "catboost", None)
    monkeypatch.setattr("training.rivals.find_spec", lambda name: None if name == "catboost" else name)
    with pytest.raises(ValueError, match=r"^catboost not installed.*requirements-rivals\.lock$"):
        rivals(hasty_settings, CATALOGUE)


@pytest.mark.slow
@pytest.mark.parametrize("learner", [xgboost, catboost, scorecard])
class TestRivals:
    def test_tell_late_from_prompt_the_same_way_twice(
        self, learner: Learner, taught: Lesson, sample_past: Replayed, hasty_settings: TrainingSettings
    ) -> None:
        contender = Contender(hasty_settings, CATALOGUE, learner)
        rule = sample_past.history.rule
        first, second = (contender.fitted(taught, rule).predict(taught.values)["p_late"] for _ in range(2))
        np.testing.assert_array_equal(first, second)
        assert first.between(0, 1).all() and first.nunique() > 50
        assert first[taught.late > 0].mean() > 1.3 * first[taught.late == 0].mean()

    def test_never_learn_from_a_family_left_out(
        self, learner: Callable[..., object], taught: Lesson, hasty_settings: TrainingSettings
    ) -> None:
        features = CATALOGUE.without("habit")
        learnt = learner(taught, features, hasty_settings, 20)
        some = taught.values[:200]
        changed = np.where(features.is_learned, some, some[::-1])
        np.testing.assert_array_equal(learnt.predict(some), learnt.predict(changed))  # type: ignore[attr-defined]
