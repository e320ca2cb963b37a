"""Is a feature's importance what shuffling it costs, and are the shares of reasons those that people read?"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.inspection import permutation_importance

from features.catalogue import CATALOGUE, FAMILIES
from features.featureset import FeatureSet
from training.backtest import JudgedPeriod, Period, Replayed
from training.cohort import ask, issued_between
from training.importance import Importance, Shuffling, _Judge, _Sample
from training.model import RiskModel
from training.stability import Refits, compared

BEGIN, END = date(2026, 4, 1), date(2026, 5, 1)
TARGET = "p_late"
FEATURES = FeatureSet(CATALOGUE.features[:3])


@dataclass
class Linear:
    """A stand-in for a model: it reads the first two of three columns. Also what scikit-learn calls a classifier."""

    features: FeatureSet = field(default_factory=lambda: FEATURES)
    classes_: ClassVar[np.ndarray] = np.array([0, 1])
    _estimator_type: ClassVar[str] = "classifier"

    def predict(self, values: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame({TARGET: 1 / (1 + np.exp(-(1.5 * values[:, 0] - 0.7 * values[:, 1])))})

    def log_loss(self, _: Any, values: np.ndarray, late: np.ndarray) -> float:
        p = self.predict(values)[TARGET].to_numpy()
        return float(np.where(late == 1, np.log(p), np.log1p(-p)).mean())

    def fit(self, *_: Any) -> Linear:
        return self


@pytest.fixture(scope="module")
def sample() -> _Sample:
    rng = np.random.default_rng(2)
    values = rng.normal(size=(400, 3))
    late = (rng.random(400) < Linear().predict(values)[TARGET]).astype(float)
    return _Sample(Linear(), values, late, np.array([f"C{number % 40}" for number in range(400)]))  # type: ignore[arg-type]


@pytest.mark.parametrize("column", [0, 1, 2])
def test_agrees_with_scikit_learn(sample: _Sample, column: int) -> None:
    found = _Judge([sample], TARGET, seed=1, repeats=60).carried("x", [at == column for at in range(3)])
    oracle = permutation_importance(
        Linear(),
        sample.values,
        sample.late,
        scoring=lambda *given: Linear().log_loss(*given),
        n_repeats=60,
        random_state=3,
    )
    assert found.log_loss_rise.value == pytest.approx(oracle.importances_mean[column], abs=0.01)
    if column == 2:
        assert (found.log_loss_rise.value, found.auc_drop) == pytest.approx((0.0, 0.0), abs=1e-12)


def test_a_group_is_shuffled_together_and_within_its_period(sample: _Sample) -> None:
    """Columns that are copies of each other stay copies; values never cross from one period to another."""
    seen: list[np.ndarray] = []

    class Watching(Linear):
        def predict(self, values: np.ndarray) -> pd.DataFrame:
            seen.append(values)
            return super().predict(values)

    values = np.repeat(np.arange(20) / 20, 3).reshape(20, 3)
    late, who = (np.arange(20) % 2).astype(float), np.array(["C"] * 20)
    samples = [_Sample(Watching(), values + add, late, who) for add in (0.0, 2.0)]  # type: ignore[arg-type]
    judge = _Judge(samples, TARGET, seed=1, repeats=1)
    del seen[:]
    judge.carried("pair", [True, True, False])
    for asked, add in zip(seen, (0.0, 2.0), strict=True):
        np.testing.assert_array_equal(asked[:, 0], asked[:, 1])
        np.testing.assert_array_equal(np.sort(asked[:, 0]), values[:, 0] + add)
        np.testing.assert_array_equal(asked[:, 2], values[:, 2] + add)
        assert (asked[:, 0] != asked[:, 2]).any()


def test_one_kind_of_outcome_has_a_rise_and_no_order_to_lose(sample: _Sample) -> None:
    prompt = _Sample(sample.model, sample.values, np.zeros(400), sample.customer_id)
    found = _Judge([prompt], TARGET, seed=1, repeats=2).carried("x", [True, False, False])
    assert found.auc_drop is None and found.log_loss_rise.value is not None


@pytest.fixture(scope="module")
def judged(sample_past: Replayed, small_model: RiskModel) -> JudgedPeriod:
    history = sample_past.history
    cohort = ask(history, *issued_between(history, BEGIN, END), date(2026, 7, 1))
    return JudgedPeriod(
        Period(BEGIN, END), cohort, CATALOGUE.compute(history, cohort.rows, cohort.as_of), small_model
    )


@pytest.fixture(scope="module")
def found(judged: JudgedPeriod) -> Importance:
    shuffling = Shuffling()
    shuffling.see(judged)
    importance = shuffling.importance(repeats=1)
    assert importance is not None
    return importance


def test_every_family_and_every_code_is_there_once(found: Importance) -> None:
    assert {carried.name for carried in found.families} == set(FAMILIES)
    assert sum(carried.features for carried in found.families) == len(CATALOGUE.names)
    assert {carried.name for carried in found.codes} == {feature.reason for feature in CATALOGUE.features}
    assert sum(carried.features for carried in found.codes) == len(CATALOGUE.names)


def test_shares_are_those_of_the_explanations(found: Importance, judged: JudgedPeriod) -> None:
    known = ~np.isnan(judged.cohort.outcomes[TARGET])
    sizes: dict[str, float] = {}
    for explained in judged.model.explain(judged.values[known]):
        for code, contribution in explained.contributions.items():
            sizes[code] = sizes.get(code, 0.0) + abs(contribution)
    shares = {carried.name: carried.share_of_reasons for carried in found.codes}
    assert shares == {code: pytest.approx(sizes[code] / sum(sizes.values())) for code in shares}


def test_a_feature_that_no_tree_reads_is_not_among_the_leading(
    found: Importance, small_model: RiskModel
) -> None:
    booster = small_model.horizons[0].booster
    assert booster is not None
    used = set(np.array(CATALOGUE.names)[booster.feature_importance() > 0])
    assert len(found.features) > 0 and {carried.name for carried in found.features} <= used


def test_nothing_seen_is_no_importance() -> None:
    assert Shuffling().importance() is None


class TestStability:
    def test_a_model_agrees_with_itself(self, judged: JudgedPeriod) -> None:
        found = compared("2026-05-01", judged.model, judged.model, judged.values)
        assert found is not None and found.questions == len(judged.values)
        assert found.reason_rank_correlation == pytest.approx(1.0)
        assert (found.same_top_reason, found.mean_size_of_change) == (1.0, 0.0)
        assert found.score_rank_correlation == pytest.approx(1.0)

    def test_by_hand(self) -> None:
        def explaining(*tables: dict[str, float]) -> Any:
            said = [
                SimpleNamespace(probability=p, contributions=dict.fromkeys(codes, 0.0) | table)
                for p, table in zip((0.5, 0.8), tables, strict=True)
            ]
            return SimpleNamespace(explain=lambda values: said)

        from features.reasons import REASON_CODES

        codes = [*REASON_CODES]
        before = explaining({"division": 2.0, "country": 1.0}, {"division": 2.0, "country": -1.0})
        after = explaining({"division": 2.0, "country": 1.0}, {"division": 0.5, "country": -1.0})
        found = compared("2026-05-01", before, after, np.zeros((2, 1)))
        assert found is not None
        assert found.same_top_reason == 0.5
        assert found.reason_rank_correlation == pytest.approx(1.0)
        flipped = explaining({"division": -2.0}, {"division": -0.5, "country": 1.0})
        turned = compared("2026-05-01", before, flipped, np.zeros((2, 1)))
        assert turned is not None and turned.same_top_reason == 0.0
        assert turned.reason_rank_correlation < 0

    def test_the_first_period_has_nothing_before_it(self, judged: JudgedPeriod) -> None:
        refits = Refits()
        refits.see(judged)
        assert refits.found == []
        refits.see(judged)
        assert [refit.at for refit in refits.found] == ["2026-04-01"]
