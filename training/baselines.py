"""What would a simple rule say? The baselines that a model has to beat, fitted on the same rows.

`customer_rate`  the customer's own late rate of the same target, drawn towards the book's
`ageing`         the late rate of the invoice's ageing bucket in training
`logistic`       logistic regression on the same features
"""

from __future__ import annotations

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from features.featureset import FeatureSet
from features.lateness import LatenessRule
from training.model.fitting import Lesson
from training.model.risk_model import OWN_RATE

AGEING_BUCKETS = (-30, -14, -7, 0, 7, 14, 30, 60)
"""Days past due at which an ageing bucket ends; negative while not yet due."""
NAMES = ("customer_rate", "ageing", "logistic")


class Baselines:
    """The simple rules for one target, fitted on what had matured."""

    def __init__(self, target: str, taught: Lesson, features: FeatureSet, rule: LatenessRule) -> None:
        self._features = features
        self._days = rule.horizons[target]
        self._rate = features.names.index(OWN_RATE[target])
        self._waited = features.names.index("days_past_due")
        self._ageing = self._ageing_rates(taught)
        self._logistic = self._fitted(taught)

    def _bucket(self, values: np.ndarray) -> np.ndarray:
        return np.searchsorted(AGEING_BUCKETS, values[:, self._waited])

    def _ageing_rates(self, taught: Lesson) -> np.ndarray:
        count = np.bincount(self._bucket(taught.values), minlength=len(AGEING_BUCKETS) + 1)
        late = np.bincount(self._bucket(taught.values), taught.late, minlength=len(AGEING_BUCKETS) + 1)
        # Half a late invoice, where none was: a rule must not be certain.
        overall = max(taught.late.sum(), 0.5) / max(len(taught), 5)
        return (late + 10 * overall) / (count + 10)

    def _fitted(self, taught: Lesson) -> Pipeline | None:
        if not 0 < taught.late.sum() < len(taught):
            return None
        steps = make_pipeline(
            SimpleImputer(strategy="median", keep_empty_features=True),
            StandardScaler(),
            LogisticRegression(C=0.1, solver="newton-cholesky"),
        )
        return steps.fit(taught.values, taught.late, logisticregression__sample_weight=taught.weight)

    def predict(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Probabilities by baseline, each of shape (n,); 1 where the horizon has passed."""
        rate = values[:, self._rate]
        logistic = self._logistic.predict_proba(values)[:, 1] if self._logistic else rate
        given = {
            "customer_rate": rate,
            "ageing": self._ageing[self._bucket(values)],
            "logistic": logistic,
        }
        decided = values[:, self._waited] > self._days
        return {name: np.where(decided, 1.0, p) for name, p in given.items()}
