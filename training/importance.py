"""Which features carry the result? What is lost on later invoices when their values are shuffled.

A group of features (a family, a reason code, one feature) is permuted together over the invoices of a period,
which keeps what its features say of each other and breaks what they say of the outcome. What the log loss rises
by is what the model owes to the group and to nothing else (Breiman 2001). Beside it stands the share of each
reason code in the reasons people read.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from features.featureset import FeatureSet
from training.backtest import JudgedPeriod
from training.contenders import first_horizon
from training.evaluation import Estimate
from training.measures import Ranking, mean_with_interval
from training.model import RiskModel

MOST_ROWS = 1_500
"""Questions of a period that are asked again with shuffled values, evenly spaced."""
MOST_EXPLAINED = 300
REPEATS = 3
RESAMPLES = 200
TOP_FEATURES = 15


@dataclass(frozen=True)
class Carried:
    """What one group of features carries."""

    name: str
    features: int
    log_loss_rise: Estimate
    """Per question, with its 90 % interval over customers."""
    auc_drop: float | None
    share_of_reasons: float | None = None
    """Of a reason code: its part of all contributions, by their size."""


@dataclass(frozen=True)
class Importance:
    """What every group carries, most first, on so many questions."""

    questions: int
    log_loss: float
    families: list[Carried]
    codes: list[Carried]
    features: list[Carried]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True)
class _Sample:
    model: RiskModel
    values: np.ndarray
    late: np.ndarray
    customer_id: np.ndarray


@dataclass
class Shuffling:
    """Watches a backtest and keeps some questions of every period, to ask them again with shuffled values."""

    target: str = ""
    samples: list[_Sample] = field(default_factory=list)

    def see(self, judged: JudgedPeriod) -> None:
        """Keep questions of a period whose outcome is known and was open."""
        cohort = judged.cohort
        self.target = first_horizon(cohort.history.rule)[0]
        outcome = cohort.outcomes[self.target]
        rows = spaced(
            np.flatnonzero(~np.isnan(outcome) & (cohort.as_of <= cohort.matures_on[self.target])), MOST_ROWS
        )
        if len(rows):
            ids = cohort.history.tables["invoices"]["customer_id"].to_numpy()[cohort.rows[rows]]
            self.samples.append(_Sample(judged.model, judged.values[rows], outcome[rows], ids))

    def importance(self, seed: int = 0, repeats: int = REPEATS) -> Importance | None:
        """What every family, reason code and leading feature carries; None where no outcome is known."""
        if not self.samples:
            return None
        catalogue = self.samples[0].model.features
        leading = _leading_features(self.samples, self.target, catalogue)
        judge = _Judge(self.samples, self.target, seed, repeats)
        shares = _shares_of_codes(self.samples)
        codes = [
            judge.carried(code, [feature.reason == code for feature in catalogue.features], shares[code])
            for code in shares
            if any(feature.reason == code for feature in catalogue.features)
        ]
        families = dict.fromkeys(feature.family for feature in catalogue.features)
        return Importance(
            len(judge.late),
            float(judge.losses(judge.predicted).mean()),
            _sorted(
                [judge.carried(name, [f.family == name for f in catalogue.features]) for name in families]
            ),
            _sorted(codes),
            _sorted([judge.carried(name, [f.name == name for f in catalogue.features]) for name in leading]),
        )


def spaced(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the rows, evenly spaced."""
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]


class _Judge:
    """Asks the kept questions again with the values of some columns shuffled within their period."""

    def __init__(self, samples: list[_Sample], target: str, seed: int, repeats: int) -> None:
        self._samples, self._target, self._seed, self._repeats = samples, target, seed, repeats
        self.late = np.concatenate([sample.late for sample in samples])
        self._customer_id = pd.Series(np.concatenate([sample.customer_id for sample in samples]))
        self.predicted = np.concatenate([self._asked(sample, sample.values) for sample in samples])

    def _asked(self, sample: _Sample, values: np.ndarray) -> np.ndarray:
        return sample.model.predict(values)[self._target].to_numpy()

    def losses(self, p: np.ndarray) -> np.ndarray:
        """Log loss of each question."""
        return -np.where(self.late == 1, np.log(p), np.log1p(-p))

    def _auc(self, p: np.ndarray) -> float:
        ranking = Ranking(p, self.late, np.zeros(len(p), np.int64), np.zeros(len(p), bool))
        return float(ranking.measures(np.ones((1, len(p))), ("roc_auc",))["roc_auc"][0])

    def carried(self, name: str, columns: list[bool], share: float | None = None) -> Carried:
        """What the columns carry together."""
        # The same shuffles for every group: groups differ by what they carry and not by luck.
        rng = np.random.default_rng(self._seed)
        shuffled = [self._shuffled(np.flatnonzero(columns), rng) for _ in range(self._repeats)]
        rises = np.mean([self.losses(p) for p in shuffled], axis=0) - self.losses(self.predicted)
        rise = Estimate(*mean_with_interval(rises, self._customer_id, RESAMPLES, self._seed))
        drop = self._auc(self.predicted) - float(np.mean([self._auc(p) for p in shuffled]))
        return Carried(name, sum(columns), rise, drop if np.isfinite(drop) else None, share)

    def _shuffled(self, columns: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        asked = []
        for sample in self._samples:
            values, order = sample.values.copy(), rng.permutation(len(sample.late))
            values[:, columns] = sample.values[np.ix_(order, columns)]
            asked.append(self._asked(sample, values))
        return np.concatenate(asked)


def _shares_of_codes(samples: list[_Sample]) -> dict[str, float]:
    """Each reason code's part of all contributions by size, calibration included, on some questions."""
    sizes: dict[str, float] = {}
    for sample in samples:
        for explained in sample.model.explain(spaced(sample.values, MOST_EXPLAINED)):
            for code, contribution in explained.contributions.items():
                sizes[code] = sizes.get(code, 0.0) + abs(contribution)
    total = sum(sizes.values()) or 1.0
    return {code: size / total for code, size in sizes.items()}


def _leading_features(samples: list[_Sample], target: str, features: FeatureSet) -> list[str]:
    """The features of the largest SHAP values on average; none where no horizon has a boosted model."""
    sizes = np.zeros(len(features.names))
    for sample in samples:
        booster = next(horizon.booster for horizon in sample.model.horizons if horizon.target == target)
        if booster is not None:
            some = spaced(sample.values, MOST_EXPLAINED)
            given = np.asarray(booster.predict(some, pred_contrib=True, num_threads=sample.model.threads))
            sizes += np.abs(given[:, :-1]).mean(axis=0)
    order = [column for column in np.argsort(-sizes, kind="stable") if sizes[column] > 0]
    return [features.names[column] for column in order[:TOP_FEATURES]]


def _sorted(carried: list[Carried]) -> list[Carried]:
    return sorted(carried, key=lambda group: -(group.log_loss_rise.value or 0.0))
