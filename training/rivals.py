"""Would another learner have done better? XGBoost, CatBoost and a scorecard in the place of LightGBM.

Each is a `Learner`: the rows, the folds in time, the early stopping and the calibration are the model's own
(training/model/fitting.py). This is the only module that knows xgboost and catboost, which are needed by
nobody who only uses duecourse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, cast

import lightgbm as lgb
import numpy as np
from sklearn.linear_model import LogisticRegression

from features.featureset import FeatureSet
from training.contenders import Contender
from training.model.calibration import log_odds
from training.model.fitting import Lesson, learned
from training.settings import TrainingSettings

INSTALL = "pip install --require-hashes --no-deps -r requirements-rivals.lock"
BINS = 10
"""Steps of the scorecard per feature, of equal count; a missing value is a step of its own."""
STRENGTHS = (10, 50, 250, 1250)
"""Inverse penalties C the scorecard chooses from, in ten-thousandths, so that they count like rounds."""


class RivalsMissingError(ValueError):
    """A library of the rivals is not installed; the text says how to install it."""


@dataclass(frozen=True)
class Learnt:
    """What a rival learned, with the face of a LightGBM booster: raw scores, and how many rounds were best."""

    raw_score: Callable[[np.ndarray], np.ndarray]
    best_iteration: int

    def predict(self, values: np.ndarray, **_: Any) -> np.ndarray:
        """Log-odds before calibration, shape (n,)."""
        return self.raw_score(values)

    def num_trees(self) -> int:
        """Rounds learned, trees or not."""
        return self.best_iteration


def rivals(settings: TrainingSettings, features: FeatureSet) -> Mapping[str, Contender]:
    """The rivals by name. Raises RivalsMissingError where their libraries are not installed."""
    missing = [name for name in ("xgboost", "catboost") if find_spec(name) is None]
    if missing:
        raise RivalsMissingError(f"{' and '.join(missing)} not installed. The rivals are an extra: {INSTALL}")
    learners = {"xgboost": xgboost, "catboost": catboost, "scorecard": scorecard}
    return {name: Contender(settings, features, learner) for name, learner in learners.items()}


def xgboost(
    taught: Lesson,
    features: FeatureSet,
    settings: TrainingSettings,
    rounds: int,
    judged: Lesson | None = None,
) -> lgb.Booster:
    """Boosting by XGBoost: histograms, trees of depth 6, stopped early as the model is."""
    import xgboost as xgb

    parameters = {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "tree_method": "hist",
        "max_bin": settings.bins,
        "eta": 0.05,
        "max_depth": 6,
        "min_child_weight": 10,
        "subsample": settings.share_of_rows,
        "colsample_bytree": settings.share_of_features,
        "lambda": settings.l2,
        "monotone_constraints": tuple(_signs(features)),
        "seed": settings.seed,
        "nthread": settings.threads,
    }
    data = xgb.DMatrix(learned(taught.values, features), taught.late, weight=taught.weight)
    if judged is None:
        booster, best = xgb.train(parameters, data, rounds), rounds
    else:
        check = xgb.DMatrix(judged.values, judged.late, weight=judged.weight)
        stop = {"early_stopping_rounds": settings.patience, "verbose_eval": False}
        booster = xgb.train(parameters, data, rounds, evals=[(check, "later")], **stop)
        best = booster.best_iteration + 1

    def raw_score(values: np.ndarray) -> np.ndarray:
        return booster.predict(xgb.DMatrix(values), output_margin=True, iteration_range=(0, best))

    return _as_booster(Learnt(raw_score, best))


def catboost(
    taught: Lesson,
    features: FeatureSet,
    settings: TrainingSettings,
    rounds: int,
    judged: Lesson | None = None,
) -> lgb.Booster:
    """Boosting by CatBoost: symmetric trees of depth 6, stopped early as the model is."""
    from catboost import CatBoost, Pool

    parameters = {
        "loss_function": "Logloss",
        "iterations": rounds,
        "learning_rate": 0.06,
        "depth": 6,
        "border_count": settings.bins,
        "l2_leaf_reg": settings.l2,
        "rsm": settings.share_of_features,
        "monotone_constraints": _signs(features),
        "random_seed": settings.seed,
        "thread_count": settings.threads,
        "allow_writing_files": False,
        "verbose": False,
    }
    data = Pool(learned(taught.values, features), taught.late, weight=taught.weight)
    model = CatBoost(parameters)
    if judged is None:
        model.fit(data)
    else:
        check = Pool(judged.values, judged.late, weight=judged.weight)
        model.fit(data, eval_set=check, early_stopping_rounds=settings.patience)
    best = model.tree_count_

    def raw_score(values: np.ndarray) -> np.ndarray:
        return np.asarray(model.predict(Pool(values), prediction_type="RawFormulaVal", thread_count=1))

    return _as_booster(Learnt(raw_score, best))


def scorecard(
    taught: Lesson,
    features: FeatureSet,
    settings: TrainingSettings,
    rounds: int,
    judged: Lesson | None = None,
) -> lgb.Booster:
    """A scorecard: logistic regression on weights of evidence of binned features.

    How strongly it may learn (C) is tuned on the block it has not learned from, as the others' rounds are:
    the final card takes what served the latest block best, so the choice is ordered in time.
    """
    card = _Bins.of(learned(taught.values, features), taught.late, taught.weight)
    evidence = card.weights_of_evidence(taught.values)

    def fitted(strength: int) -> LogisticRegression:
        model = LogisticRegression(C=strength * 1e-4, solver="newton-cholesky", tol=1e-3)
        return model.fit(evidence, taught.late, taught.weight)

    if judged is None:
        model, best = fitted(rounds), rounds
    else:
        unseen = card.weights_of_evidence(judged.values)
        tried = {strength: fitted(strength) for strength in STRENGTHS}
        losses = {
            strength: _log_loss(model.decision_function(unseen), judged) for strength, model in tried.items()
        }
        best = min(losses, key=lambda strength: losses[strength])
        model = tried[best]
    return _as_booster(Learnt(lambda values: model.decision_function(card.weights_of_evidence(values)), best))


@dataclass(frozen=True)
class _Bins:
    """Each feature cut into steps of about equal count, and the weight of evidence of every step."""

    edges: list[np.ndarray]
    evidence: list[np.ndarray]
    """log-odds of a step minus those of all rows; the last entry is that of a missing value."""

    @classmethod
    def of(cls, values: np.ndarray, late: np.ndarray, weight: np.ndarray) -> _Bins:
        rate = np.average(late, weights=weight)
        edges, evidence = [], []
        for column in values.T:
            known = column[~np.isnan(column)]
            cuts = np.unique(np.quantile(known, np.arange(1, BINS) / BINS)) if len(known) else np.array([])
            step = _step(column, cuts)
            rows, lates = (
                np.bincount(step, each, minlength=len(cuts) + 2) for each in (weight, weight * late)
            )
            # As if five rows of the book's late rate stood in every step, so that none is certain.
            share = (lates + 5 * rate) / (rows + 5)
            edges.append(cuts)
            evidence.append(log_odds(share) - log_odds(rate))
        return cls(edges, evidence)

    def weights_of_evidence(self, values: np.ndarray) -> np.ndarray:
        """The values with every one replaced by the weight of evidence of its step; same shape."""
        found = [
            evidence[_step(column, cuts)]
            for column, cuts, evidence in zip(values.T, self.edges, self.evidence, strict=True)
        ]
        return np.column_stack(found)


def _step(column: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(column), len(cuts) + 1, np.searchsorted(cuts, column, side="right"))


def _log_loss(raw: np.ndarray, judged: Lesson) -> float:
    return float(np.average(np.logaddexp(0.0, np.where(judged.late > 0, -raw, raw)), weights=judged.weight))


def _signs(features: FeatureSet) -> list[int]:
    signs = {"raises": 1, "lowers": -1, "either": 0}
    return [signs[f.direction] if f.is_monotone else 0 for f in features.features]


def _as_booster(learnt: Learnt) -> lgb.Booster:
    """`fit_horizon` and a contender ask nothing of a booster that `Learnt` does not answer."""
    return cast(lgb.Booster, learnt)
