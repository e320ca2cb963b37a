"""Who else could have scored the same questions? Contenders for the first horizon, taught the same rows.

A contender is a recipe: another learner, other settings, or fewer features. All of them share the model's
lesson, its folds in time, its early stopping and its calibration, so that a difference is theirs alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from features.catalogue import FAMILIES
from features.featureset import FeatureSet
from features.lateness import LatenessRule
from training.model.calibration import bounded, probability
from training.model.fitting import Learner, Lesson, fit_horizon
from training.model.risk_model import OWN_RATE, HorizonModel
from training.settings import TrainingSettings

WITHOUT = "without_"
"""Names of contenders that one feature family is kept from begin with it."""


@dataclass(frozen=True)
class Contender:
    """A recipe for a model of the first horizon."""

    settings: TrainingSettings
    features: FeatureSet
    learner: Learner | None = None
    """Boosting by LightGBM where none is given."""

    def fitted(self, taught: Lesson, rule: LatenessRule) -> FirstHorizon:
        """What the recipe makes of a lesson of the first horizon."""
        target, days = first_horizon(rule)
        model, _ = fit_horizon(target, taught, [], self.features, self.settings, days, self.learner)
        return FirstHorizon(model, self.features)


@dataclass(frozen=True)
class FirstHorizon:
    """A fitted contender."""

    model: HorizonModel
    features: FeatureSet

    def predict(self, values: np.ndarray) -> pd.DataFrame:
        """Probabilities of the first horizon in a column of its name; 1 where already decided."""
        model = self.model
        if model.booster is None:
            p = values[:, self.features.names.index(OWN_RATE[model.target])]
        else:
            raw = np.asarray(model.booster.predict(values, raw_score=True, num_threads=1))
            p = probability(model.calibration.apply(raw))
        waited = values[:, self.features.names.index("days_past_due")]
        return pd.DataFrame({model.target: np.where(waited > model.days, 1.0, bounded(p))})


def first_horizon(rule: LatenessRule) -> tuple[str, int]:
    """The target that is decided first, and after how many days."""
    return next(iter(rule.horizons.items()))


def without_each_family(
    settings: TrainingSettings, features: FeatureSet, families: Iterable[str] = tuple(FAMILIES)
) -> Mapping[str, Contender]:
    """One contender per feature family, which may learn from all features but those."""
    return {f"{WITHOUT}{family}": Contender(settings, features.without(family)) for family in families}
