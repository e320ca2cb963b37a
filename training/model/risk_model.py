"""How likely is each invoice to be late, and why? The trained model: it reads feature values, nothing else.

A horizon's model is one of four kinds. `boosted` is LightGBM with a calibration. Where too few late invoices
are known, `prior` is the shipped LightGBM of simulated books with a calibration moved towards the tenant's
outcomes. Where there is no prior for these features, `ratio` is the shorter horizon's probability times the
share of late invoices that go on that long, and `rate` (for the shortest horizon) is the customer's own late
rate, drawn towards the book's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.catalogue import CATALOGUE
from features.featureset import FeatureSet
from features.lateness import LatenessRule
from features.paydays import PayDays
from features.reasons import REASON_CODES, entry, reason
from training.model.calibration import Calibration, bounded, held_below, log_odds, probability
from training.model.timing import Course, Grid, Timing
from training.model.uncertainty import Uncertainty

EVIDENCE_LEVELS = (("none", 1), ("little", 5), ("some", 20))
"""Fewer settled invoices than the number: that level; else `ample`."""
OWN_RATE = {"p_late": "late_rate", "p_late_30": "late_rate_of_30", "p_late_90": "late_rate_of_90"}
"""The feature that is the customer's own late rate of each target."""
GOES_ON = {("p_late", "p_late_30"): "late_goes_past_30", ("p_late_30", "p_late_90"): "late_goes_past_90"}
"""The feature that says how often a customer's lateness goes on from one horizon to the next."""
TOP_REASONS = 4


def evidence_of(settled: np.ndarray) -> np.ndarray:
    """The evidence level of customers with so many settled invoices; shape (n,)."""
    conditions = [settled < limit for _, limit in EVIDENCE_LEVELS]
    return np.select(conditions, [name for name, _ in EVIDENCE_LEVELS], default="ample")


@dataclass(frozen=True)
class HorizonModel:
    """The model of one target."""

    target: str
    days: int
    kind: Literal["boosted", "prior", "ratio", "rate"]
    base: float
    """Typical probability in training: of lateness, or for `ratio` of going on from the shorter horizon."""
    note: str
    booster: lgb.Booster | None = field(default=None, compare=False)
    calibration: Calibration = field(default_factory=Calibration)
    uncertainty: Uncertainty | None = field(default=None, compare=False)
    """How sure a boosted horizon is, by its raw log-odds; None for the other kinds."""


@dataclass(frozen=True)
class Explanation:
    """One probability as a sum of log-odds: base + every code's contribution, `calibration` included."""

    target: str
    probability: float
    base: float
    contributions: dict[str, float]
    reasons: list[dict[str, Any]]


@dataclass(frozen=True)
class RiskModel:
    """The models of all horizons, in ascending order of their days, and what describes them."""

    rule: LatenessRule
    horizons: tuple[HorizonModel, ...]
    reference: dict[str, float]
    """Median of each feature over the invoices of the training at issue; NaN where never known."""
    card: dict[str, Any] = field(default_factory=dict)
    sample: pd.DataFrame = field(default_factory=pd.DataFrame, compare=False)
    """Some rows of features the model was trained on, for drift and golden predictions."""
    version: str = ""
    features: FeatureSet = field(default=CATALOGUE, compare=False)
    threads: int = 1
    timing: Timing | None = None
    """When invoices are paid; None where the model says nothing of it."""

    def predict(self, values: np.ndarray) -> pd.DataFrame:
        """Probabilities of every target for feature rows of shape (n, features); 1 where already decided."""
        waited = self._column(values, "days_past_due")
        result: dict[str, np.ndarray] = {}
        shorter: HorizonModel | None = None
        for model in self.horizons:
            if shorter is not None and model.days == shorter.days:
                result[model.target] = result[shorter.target]
            else:
                result[model.target] = self._horizon(model, shorter, values, waited, result)
            shorter = model
        decided = {name: waited > days for name, days in self.rule.horizons.items()}
        columns = {name: np.where(decided[name], 1.0, bounded(result[name])) for name in decided}
        return pd.DataFrame(columns)

    def _horizon(
        self,
        model: HorizonModel,
        shorter: HorizonModel | None,
        values: np.ndarray,
        waited: np.ndarray,
        result: dict[str, np.ndarray],
    ) -> np.ndarray:
        before = np.ones(len(values)) if shorter is None else result[shorter.target]
        if shorter is not None:
            before = np.where(waited > shorter.days, 1.0, before)
        if model.kind == "rate":
            return self._column(values, OWN_RATE[model.target])
        if model.kind == "ratio":
            share, left = self.goes_on(model, values)
            return before * share**left
        return held_below(probability(model.calibration.apply(self.raw(model, values))), before)

    def raw(self, model: HorizonModel, values: np.ndarray) -> np.ndarray:
        """Log-odds of a boosted horizon before calibration, shape (n,)."""
        assert model.booster is not None
        return np.asarray(model.booster.predict(values, raw_score=True, num_threads=self.threads))

    def goes_on(self, model: HorizonModel, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The customer's share of lateness that goes on to this horizon, and how much of the way is left.

        An invoice that has waited part of the way from the shorter horizon has survived part of the fall;
        the rest is taken as evenly spread (constant hazard): the share to the power of what is left.
        """
        waited = self._column(values, "days_past_due")
        shorter = self.horizons[[other.target for other in self.horizons].index(model.target) - 1]
        column = GOES_ON.get((shorter.target, model.target))
        share = np.full(len(values), model.base) if column is None else self._column(values, column)
        left = (model.days - np.maximum(waited, shorter.days)) / max(model.days - shorter.days, 1)
        return share, np.clip(left, 0.0, 1.0)

    def _column(self, values: np.ndarray, name: str) -> np.ndarray:
        return values[:, self.features.names.index(name)]

    def evidence(self, values: np.ndarray) -> np.ndarray:
        """How much is known of each row's customer: none, little, some or ample; shape (n,)."""
        return evidence_of(self._column(values, "settled_count"))

    def anchors(self, given: pd.DataFrame) -> np.ndarray:
        """Of what `predict` gave, the different horizons in ascending order of their days, shape (n, horizons)."""
        return np.stack([given[target].to_numpy() for target, _, _ in self.grid.horizons], axis=1)

    def groups(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """The groups in which the levels of payment dates are held right."""
        waited, terms = self._column(values, "days_past_due"), self._column(values, "terms_days")
        stage = np.select([waited < -7, waited <= 0, waited <= 30], ["early", "due", "overdue"], "long")
        usual = np.select([terms < 15, terms < 31, terms < 61], ["14", "30", "60"], "more")
        size = np.searchsorted((2, 5, 25), self._column(values, "issued_count_90"), side="right").astype(str)
        return {"size": size, "evidence": self.evidence(values), "stage": stage, "terms": usual}

    @property
    def grid(self) -> Grid:
        """Where periods and horizons lie on the axis of days late."""
        return Grid.of(self.rule)

    def hazards_alone(self, values: np.ndarray, facts: PayDays) -> np.ndarray:
        """What the hazards would say of the horizons if no classifier held them, shape (n, horizons)."""
        assert self.timing is not None
        return self.timing.open_after_horizons(self.grid, self.features, facts, values, self.threads)

    def courses(self, values: np.ndarray, facts: PayDays, p: np.ndarray) -> Iterator[tuple[Course, slice]]:
        """The distributions over days of many questions, a chunk at a time with its place."""
        assert self.timing is not None
        return self.timing.courses(self.grid, self.features, facts, values, p, self.threads)

    def payment_days(self, values: np.ndarray, facts: PayDays, p: np.ndarray) -> np.ndarray:
        """Day numbers (p10, median, p90) of each question's payment, shape (n, 3)."""
        assert self.timing is not None
        found = np.empty((len(values), 3), np.int64)
        for course, part in self.courses(values, facts, p):
            level = self.timing.levels.of(self.groups(values[part]) | {"width": course.width()})
            for k in range(3):
                found[part, k] = course.day_of(level[:, k])
        return found

    def explain(self, values: np.ndarray) -> list[Explanation]:
        """Why: for each row the nearest horizon that is not decided yet, as a sum of reasons."""
        probabilities = self.predict(values)
        waited = self._column(values, "days_past_due")
        explained: list[Explanation | None] = [None] * len(values)
        left = np.ones(len(values), dtype=bool)
        for model in self.horizons:
            rows = np.flatnonzero(left & (waited <= model.days))
            left[rows] = False
            if len(rows):
                p = probabilities[model.target].to_numpy()[rows]
                for row, explanation in zip(rows, self._explain(model, values[rows], p), strict=True):
                    explained[row] = explanation
        return [found or _all_decided(waited[row], self.horizons[-1]) for row, found in enumerate(explained)]

    def _explain(self, model: HorizonModel, values: np.ndarray, p: np.ndarray) -> list[Explanation]:
        """Explanations of one horizon's probabilities `p` for some rows."""
        base, parts = self._parts(model, values)
        rest = log_odds(p) - base - parts.sum(axis=1)
        return [
            self._explanation(model, values[row], float(p[row]), base, parts[row], float(rest[row]))
            for row in range(len(values))
        ]

    def _parts(self, model: HorizonModel, values: np.ndarray) -> tuple[float, np.ndarray]:
        """Base log-odds and each feature's contribution to them, shape (n, features)."""
        if model.booster is not None:
            given = np.asarray(model.booster.predict(values, pred_contrib=True, num_threads=self.threads))
            return float(given[0, -1]), given[:, :-1]
        parts = np.zeros_like(values)
        base = float(log_odds(np.array(model.base)))
        if model.kind == "rate":
            own_rate = OWN_RATE[model.target]
            self._put(parts, own_rate, log_odds(self._column(values, own_rate)) - base)
            return base, parts
        share, left = self.goes_on(model, values)
        share, left = (np.clip(part, 1e-6, 1 - 1e-6) for part in (share, share**left))
        self._put(
            parts, "late_goes_past_90" if model.days >= 90 else "late_goes_past_30", log_odds(share) - base
        )
        self._put(parts, "days_past_due", log_odds(left) - log_odds(share))
        return base, parts

    def _put(self, parts: np.ndarray, name: str, contribution: np.ndarray) -> None:
        parts[:, self.features.names.index(name)] = contribution

    def _explanation(
        self, model: HorizonModel, values: np.ndarray, p: float, base: float, parts: np.ndarray, rest: float
    ) -> Explanation:
        contributions = dict.fromkeys(REASON_CODES, 0.0)
        leading: dict[str, int] = {}
        for column, described in enumerate(self.features.features):
            contributions[described.reason] += float(parts[column])
        for column, described in enumerate(self.features.features):
            sign = np.sign(contributions[described.reason])
            best = leading.get(described.reason)
            if best is None or sign * parts[column] > sign * parts[best]:
                leading[described.reason] = column
        contributions["calibration"] = rest
        listed = [code for code in REASON_CODES if code in leading]
        order = sorted(listed, key=lambda code: -abs(contributions[code]))[:TOP_REASONS]
        reasons = [
            self._reason(leading[code], values, contributions[code]) for code in order if contributions[code]
        ]
        return Explanation(model.target, p, base, contributions, reasons)

    def _reason(self, column: int, values: np.ndarray, contribution: float) -> dict[str, Any]:
        described = self.features.features[column]
        return reason(described, float(values[column]), self.reference[described.name], contribution)


def _all_decided(waited: float, longest: HorizonModel) -> Explanation:
    """The one factual reason of an invoice past every horizon."""
    sentence = f"The invoice is {waited:.0f} days late, past the longest horizon of {longest.days} days"
    fact = entry("time_past_due", sentence, 0.0, float(waited), float(longest.days))
    return Explanation(longest.target, 1.0, float("inf"), {}, [fact])
