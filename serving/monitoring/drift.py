"""Are the questions still like those the model learned from, and would it matter if not?

Drift by itself is no fault: a growing company drifts every month, and the book's own late rate of the last 60
days has left its reference sample on every day (in quiet simulated years its stability index is above 5). So each
feature's distance stands beside what it does to the predictions: how far its mean contribution to the log-odds
(Shapley values) has moved. Features are ranked by that, and only what moves the predictions is watched. Distance
times importance, the usual ranking, is given too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from features.days import to_date
from serving.monitoring.alarms import Alarm, Severity
from serving.monitoring.distances import codes, stability_indices
from training.model import RiskModel
from training.settings import MonitoringSettings

MOST_EXPLAINED = 200
"""Rows whose contributions are averaged: enough for a mean, and each costs a millisecond or two."""
LEAST_IMPORTANCE = 0.005
"""Share of the contributions below which a feature cannot matter and its distance is not measured."""
SCORE = "p_late"
MISSING = 0.95
"""A share of missing values from which a feature counts as gone."""


@dataclass(frozen=True)
class FeatureDrift:
    """How far one feature has moved, and how much the model leans on it."""

    name: str
    distance: float | None
    """Population stability index against the reference sample; None where the model hardly uses the feature."""
    importance: float
    """Share of all mean absolute contributions to the log-odds."""
    shift: float
    """Change of its mean contribution, in log-odds: what the drift has done to the predictions."""
    missing: float
    missing_before: float
    is_constant: bool
    was_constant: bool

    @property
    def weight(self) -> float:
        """Distance × importance: the usual ranking, which cannot tell a drift that acts from one that does not."""
        return (self.distance or 0.0) * self.importance

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self) | {"weight": self.weight}


@dataclass(frozen=True)
class Drift:
    """Recent questions against the reference sample; `features` ranked by what they did to the predictions."""

    begins: date
    rows: int
    reason: str
    """Why there is nothing to say; empty where there is."""
    score: float | None = None
    """Distance of the predictions themselves."""
    mean_prediction: float | None = None
    mean_prediction_before: float | None = None
    features: tuple[FeatureDrift, ...] = ()
    current: pd.DataFrame | None = None
    """The recent questions as codes, and `reference` those compared with, for the library's own page."""
    reference: pd.DataFrame | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        names = ("rows", "reason", "score", "mean_prediction", "mean_prediction_before")
        return (
            {"begins": self.begins.isoformat()}
            | {name: getattr(self, name) for name in names}
            | {"features": [each.as_dict() for each in self.features]}
        )


class Reference:
    """The model's own reference sample, ready to be compared with."""

    def __init__(self, model: RiskModel) -> None:
        self.model = model
        self.values = model.sample.to_numpy(np.float64)
        self.predicted = model.predict(self.values)[SCORE].to_numpy()
        self.codes = self.coded(self.values, self.predicted)

    def coded(self, values: np.ndarray, predicted: np.ndarray) -> pd.DataFrame:
        """Features and score as codes of the reference's tenths."""
        columns = [*self.model.features.names, SCORE]
        own = np.column_stack([self.values, self.predicted])
        return pd.DataFrame(codes(own, np.column_stack([values, predicted])), columns=columns)

    @cached_property
    def contributions(self) -> np.ndarray:
        """Of the reference's rows, shape (rows, features)."""
        return self.contributions_of(self.values)

    def contributions_of(self, values: np.ndarray) -> np.ndarray:
        """Contributions to the first horizon's log-odds of evenly chosen rows, at most 200."""
        booster = self.model.horizons[0].booster
        chosen = values[np.linspace(0, len(values) - 1, min(len(values), MOST_EXPLAINED)).astype(int)]
        if booster is None:
            return np.zeros_like(chosen)
        return np.asarray(booster.predict(chosen, pred_contrib=True, num_threads=self.model.threads))[:, :-1]


def drift(
    reference: Reference, values: np.ndarray, predicted: np.ndarray, as_of: int, settings: MonitoringSettings
) -> Drift:
    """Feature rows of the questions at issue of the last `drift_days` against the reference sample."""
    begins, fewest = to_date(as_of - settings.drift_days), settings.fewest_for_drift
    if min(len(values), len(reference.values)) < fewest:
        few = (
            f"{len(values)} recent questions and {len(reference.values)} in the reference sample, "
            f"{fewest} are needed of each"
        )
        return Drift(begins, len(values), few)
    current = reference.coded(values, predicted)
    before, now = reference.contributions, reference.contributions_of(values)
    weight = np.abs(before).mean(axis=0)
    share = weight / weight.sum() if weight.sum() else weight
    shift = now.mean(axis=0) - before.mean(axis=0)
    names = np.array(reference.model.features.names)
    used = [*names[share >= LEAST_IMPORTANCE], SCORE]
    distances = stability_indices(reference.codes[used], current[used])
    found = [
        FeatureDrift(
            name,
            distances.get(name),
            float(share[at]),
            float(shift[at]),
            float(np.isnan(values[:, at]).mean()),
            float(np.isnan(reference.values[:, at]).mean()),
            _is_constant(values[:, at]),
            _is_constant(reference.values[:, at]),
        )
        for at, name in enumerate(map(str, names))
    ]
    return Drift(
        begins,
        len(values),
        "",
        distances[SCORE],
        float(predicted.mean()),
        float(reference.predicted.mean()),
        tuple(sorted(found, key=lambda each: (-abs(each.shift), -each.importance, each.name))),
        current,
        reference.codes,
    )


def _is_constant(values: np.ndarray) -> bool:
    known = values[~np.isnan(values)]
    return bool(len(known) and known.min() == known.max())


def alarms(found: Drift, settings: MonitoringSettings) -> Iterator[Alarm]:
    """Scores that moved, features that moved the scores, and features that are gone or constant."""
    if found.score is not None and found.score >= settings.drift_of_scores:
        yield _score_alarm(found, settings)
    for each in found.features:
        if each.missing >= MISSING > each.missing_before:
            yield _gone(each, "missing", settings)
        elif each.is_constant and not each.was_constant:
            yield _gone(each, "the same value", settings)
        elif abs(each.shift) >= settings.shift_noted:
            yield _feature_alarm(each, settings)


def _score_alarm(found: Drift, settings: MonitoringSettings) -> Alarm:
    sentence = (
        f"the scores of the last {settings.drift_days} days are spread otherwise than in training: on average "
        f"{found.mean_prediction:.1%}, {found.mean_prediction_before:.1%} then (stability index {found.score:.2f})"
    )
    mend = "See below which features carry it: new customers, other terms or a changed export."
    return Alarm(
        "watch", "drift", "scores_moved", "p_late", sentence, mend, found.score, settings.drift_of_scores,
        size=(found.score or 0) / settings.drift_of_scores,
    )  # fmt: skip


def _gone(each: FeatureDrift, what: str, settings: MonitoringSettings) -> Alarm:
    matters = each.importance >= settings.importance_that_matters
    before = f"{each.missing_before:.0%} missing" if what == "missing" else "not"
    sentence = (
        f"the feature {each.name} is now always {what} ({before} in training); "
        f"it carries {each.importance:.1%} of the scores"
    )
    mend = (
        "Mend the export of the columns it is made of."
        if matters
        else "Nothing: the scores hardly lean on it."
    )
    return Alarm(
        "watch" if matters else "note", "drift", "feature_gone", each.name, sentence, mend,
        each.missing, each.missing_before, size=each.importance,
    )  # fmt: skip


def _feature_alarm(each: FeatureDrift, settings: MonitoringSettings) -> Alarm:
    direction = "raised" if each.shift > 0 else "lowered"
    index = "not measured" if each.distance is None else f"{each.distance:.2f}"
    sentence = (
        f"the feature {each.name} has moved (stability index {index}) and has {direction} "
        f"the log-odds by {abs(each.shift):.2f} on average"
    )
    mend = "Nothing while late rate and prediction agree; retrain where they part."
    severity: Severity = "watch" if abs(each.shift) >= settings.shift_watched else "note"
    return Alarm(
        severity, "drift", "feature_moved", each.name, sentence, mend, each.shift, 0.0, size=abs(each.shift)
    )  # fmt: skip
