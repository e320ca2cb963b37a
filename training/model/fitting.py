"""How is a model made? Boosting per horizon on what had matured, calibrated on blocks of time it had not seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Protocol

import lightgbm as lgb
import numpy as np
import pandas as pd

from features.catalogue import CATALOGUE
from features.days import day_number, to_date
from features.featureset import FeatureSet
from features.history import History
from training.cohort import Cohort, replay
from training.model.calibration import Calibration
from training.model.from_prior import from_prior
from training.model.risk_model import GOES_ON, OWN_RATE, HorizonModel, RiskModel, evidence_of
from training.model.timing_fit import Unseen, fit_timing
from training.model.uncertainty import Uncertainty
from training.model.venn_abers import fit_uncertainty
from training.prior import shipped_prior
from training.settings import TrainingSettings

Progress = Callable[[str], None]
SAMPLE_ROWS = 500


@dataclass(frozen=True)
class Lesson:
    """What one horizon is taught: feature rows, outcomes and weights in time order."""

    values: np.ndarray
    late: np.ndarray
    weight: np.ndarray
    as_of: np.ndarray
    matures_on: np.ndarray
    invoice: np.ndarray
    issued_on: np.ndarray

    def __len__(self) -> int:
        return len(self.late)

    def where(self, mask: np.ndarray) -> Lesson:
        """The rows where `mask` holds."""
        return Lesson(*(getattr(self, name)[mask] for name in self.__dataclass_fields__))

    def late_invoices(self) -> int:
        """Number of different late invoices."""
        return len(np.unique(self.invoice[self.late > 0]))


class Learner(Protocol):
    """Learns at most `rounds` rounds; where rows to be judged by are given, it notes its best number of rounds.

    What it gives need only predict raw scores and count its rounds as a LightGBM booster does.
    """

    def __call__(
        self,
        taught: Lesson,
        features: FeatureSet,
        settings: TrainingSettings,
        rounds: int,
        judged: Lesson | None = None,
    ) -> lgb.Booster: ...


def lesson(cohort: Cohort, values: np.ndarray, target: str, day: int, most_rows: int) -> Lesson:
    """The rows whose outcome of `target` is known to `day` and was open when asked.

    Of more than `most_rows` it keeps every second, third … invoice with all its rows, in order of issue:
    more would cost time and teach next to nothing.
    """
    taught = np.flatnonzero(cohort.teaches(target, day))
    step = -(-len(taught) // most_rows)
    if step > 1:
        issued_on = cohort.history.invoices["issued_on"]
        invoices = np.unique(cohort.rows[taught])
        kept = invoices[np.lexsort((invoices, issued_on[invoices]))][::step]
        taught = taught[np.isin(cohort.rows[taught], kept)]
    return Lesson(
        values[taught],
        cohort.outcomes[target][taught],
        cohort.weight[taught],
        cohort.as_of[taught],
        cohort.matures_on[target][taught],
        cohort.rows[taught],
        cohort.history.invoices["issued_on"][cohort.rows[taught]],
    )


def fit_model(
    history: History,
    cut: date,
    settings: TrainingSettings,
    features: FeatureSet = CATALOGUE,
    progress: Progress = lambda step: None,
) -> RiskModel:
    """A model of everything known before `cut`; deterministic in its input and settings.

    Raises ValueError where no invoice has matured by `cut` and there is no prior, or none is known at all.
    """
    progress("replaying the past")
    cohort = replay(history, cut)
    values = features.compute(history, cohort.rows, cohort.as_of)
    return fit_on(cohort, values, cut, settings, features, progress)


def fit_on(
    cohort: Cohort,
    values: np.ndarray,
    cut: date,
    settings: TrainingSettings,
    features: FeatureSet,
    progress: Progress = lambda step: None,
) -> RiskModel:
    """The same from a cohort and its feature values, which may reach beyond `cut`."""
    rule, day = cohort.history.rule, day_number(cut)
    # The prior's trees may split on any feature: they cannot serve a set that leaves some out.
    prior = shipped_prior() if settings.use_prior and features is CATALOGUE else None
    models: list[HorizonModel] = []
    unseen: dict[str, Unseen] = {}
    described = {}
    for target in sorted(rule.horizons, key=lambda target: rule.horizons[target]):
        progress(f"fitting {target}")
        taught = lesson(cohort, values, target, day, settings.most_rows)
        if not models and not len(taught) and (prior is None or not len(cohort)):
            raise ValueError(
                f"no invoice had matured by {cut}: the first horizon needs {rule.horizons[target]} days after due. "
                "Train on a later day or on an older ledger."
            )
        model, blocks = fit_horizon(
            target, taught, models, features, settings, rule.horizons[target], prior=prior
        )
        models.append(model)
        unseen[target] = _unseen(blocks)
        described[target] = _described(model, taught)
    made = _assembled(cohort, values, models, described, cut, features, settings)
    progress("fitting the time to payment")
    timing = fit_timing(made, cohort, values, day, settings, unseen)
    told = {"kind": timing.kind, "note": timing.note, "tail_days": timing.tail_days}
    return replace(made, timing=timing, card=made.card | {"timing": told})


def _unseen(blocks: list[_Block]) -> Unseen:
    """What the blocks' models said of questions that they had not learned from, in order of (as-of day, invoice)."""
    keys = np.concatenate(
        [(b.judged.as_of << 32) | b.judged.invoice for b in blocks] or [np.zeros(0, np.int64)]
    )
    raw = np.concatenate([b.predicted for b in blocks] or [np.zeros(0)])
    order = np.argsort(keys)
    return Unseen(keys[order], raw[order])


def _assembled(
    cohort: Cohort,
    values: np.ndarray,
    models: list[HorizonModel],
    described: dict[str, dict[str, Any]],
    cut: date,
    features: FeatureSet,
    settings: TrainingSettings,
) -> RiskModel:
    rule = cohort.history.rule
    taught = cohort.teaches(models[0].target, day_number(cut))
    at_issue = taught & (cohort.weeks_open == 0)
    seen = values[at_issue if at_issue.any() else cohort.weeks_open == 0]
    known = ~np.isnan(seen).all(axis=0)
    medians = np.full(len(features.names), np.nan)
    medians[known] = np.nanmedian(seen[:, known], axis=0)
    spaced = np.linspace(0, len(seen) - 1, min(SAMPLE_ROWS, len(seen))).astype(int)
    card = {
        "trained_on_facts_before": cut.isoformat(),
        "late_after_days": rule.late_after_days,
        "calendar_days": rule.calendar_days,
        "feature_fingerprint": features.fingerprint(rule),
        "features": len(features.names),
        "settings": settings.model_dump(),
        "horizons": described,
    }
    return RiskModel(
        rule,
        tuple(models),
        dict(zip(features.names, medians.tolist(), strict=True)),
        card,
        pd.DataFrame(seen[spaced], columns=features.names),
        features=features,
    )


def _described(model: HorizonModel, taught: Lesson) -> dict[str, Any]:
    return {
        "days": model.days,
        "kind": model.kind,
        "note": model.note,
        "rows": len(taught),
        "invoices": len(np.unique(taught.invoice)),
        "late_invoices": taught.late_invoices(),
        "late_rate": round(float(np.average(taught.late, weights=taught.weight)), 6) if len(taught) else None,
        "from": to_date(taught.as_of.min()).isoformat() if len(taught) else None,
        "to": to_date(taught.as_of.max()).isoformat() if len(taught) else None,
        "rounds": model.booster.num_trees() if model.booster else 0,
        "calibration": {"slope": model.calibration.slope, "shift": model.calibration.shift},
    }


def fit_horizon(
    target: str,
    taught: Lesson,
    shorter: list[HorizonModel],
    features: FeatureSet,
    settings: TrainingSettings,
    days: int,
    learner: Learner | None = None,
    prior: RiskModel | None = None,
) -> tuple[HorizonModel, list[_Block]]:
    """One horizon's model (see `HorizonModel.kind`), and what models of other blocks of time said of each block.

    Another `learner` than boosting by LightGBM gets the same folds and calibration.
    """
    learn = learner or _boost
    late = taught.late_invoices()
    fewest = settings.fewest_late_to_leave_prior if prior else settings.fewest_late_to_fit
    if late < fewest:
        short = f"{late} matured late invoices, {fewest} are needed to fit"
        return _without_own_model(target, days, taught, shorter, features, settings, prior, short), []
    blocks = _fit_blocks(taught, features, settings, learn)
    judged = sum(block.judged.late_invoices() for block in blocks)
    if judged < settings.fewest_late_to_calibrate:
        short = f"{judged} late invoices to calibrate, {settings.fewest_late_to_calibrate} are needed"
        return _without_own_model(target, days, taught, shorter, features, settings, prior, short), []
    # The latest block was predicted from earlier invoices alone: it says how long learning pays.
    rounds = max(blocks[-1].rounds, 10)
    calibration = _calibrated(blocks, settings)
    booster = learn(taught, features, settings, rounds)
    rate = float(np.average(taught.late, weights=taught.weight))
    uncertainty = _uncertainty(blocks, features, settings)
    note = f"{rounds} rounds"
    return HorizonModel(target, days, "boosted", rate, note, booster, calibration, uncertainty), blocks


def _without_own_model(
    target: str,
    days: int,
    taught: Lesson,
    shorter: list[HorizonModel],
    features: FeatureSet,
    settings: TrainingSettings,
    prior: RiskModel | None,
    short: str,
) -> HorizonModel:
    if prior is not None:
        weight = taught.weight * _recency(taught.matures_on, settings)
        given = (taught.values, taught.late, weight, settings.prior_rows)
        return from_prior(prior, target, days, *given, short)
    if not shorter:
        column = taught.values[:, features.names.index(OWN_RATE[target])]
        base = float(np.clip(np.average(column, weights=taught.weight), 1e-4, 1 - 1e-4))
        return HorizonModel(target, days, "rate", base, f"the customer's own late rate: {short}")
    known = GOES_ON.get((shorter[-1].target, target))
    # Where no feature says how often lateness goes on, one in three late invoices is a plain, cautious start.
    base = 1 / 3
    if known is not None and len(taught):
        base = float(np.clip(np.nanmean(taught.values[:, features.names.index(known)]), 0.01, 0.99))
    said = f"{shorter[-1].target} times the share of late invoices that go on: {short}"
    return HorizonModel(target, days, "ratio", base, said)


@dataclass(frozen=True)
class _Block:
    judged: Lesson
    predicted: np.ndarray
    rounds: int


def _calibrated(blocks: list[_Block], settings: TrainingSettings) -> Calibration:
    """Calibration on blocks of time not learned from; the latest matured outcomes count most, as habits move."""
    matured = np.concatenate([block.judged.matures_on for block in blocks])
    weight = np.concatenate([block.judged.weight for block in blocks])
    late = np.concatenate([block.judged.late for block in blocks])
    return Calibration.fit(
        np.concatenate([block.predicted for block in blocks]), late, weight * _recency(matured, settings)
    )


def _recency(matures_on: np.ndarray, settings: TrainingSettings) -> np.ndarray:
    """Weight of each outcome by its age against the latest one; shape (n,)."""
    latest = matures_on.max(initial=0)
    return np.asarray(0.5 ** ((latest - matures_on) / settings.calibration_half_life_days))


def _uncertainty(blocks: list[_Block], features: FeatureSet, settings: TrainingSettings) -> Uncertainty:
    """Between which rates invoices with such scores turned out late, block by block of time."""
    number = np.repeat(np.arange(len(blocks)), [len(block.judged) for block in blocks])
    settled = features.names.index("settled_count")
    return fit_uncertainty(
        np.concatenate([block.predicted for block in blocks]),
        np.concatenate([block.judged.late for block in blocks]),
        np.concatenate([block.judged.weight for block in blocks]),
        number,
        evidence_of(np.concatenate([block.judged.values[:, settled] for block in blocks])),
        settings.seed,
    )


def time_blocks(issued_on: np.ndarray, count: int) -> np.ndarray:
    """Number of the block of time (0 is the earliest) in which each row's invoice was issued; shape (n,).

    All rows of an invoice share a block, so that no model judges an invoice it has learned from.
    """
    _, day, rows = np.unique(issued_on, return_inverse=True, return_counts=True)
    middle = (np.cumsum(rows) - rows / 2) / rows.sum()
    return np.floor(count * middle).astype(np.int64)[day]


def _fit_blocks(
    taught: Lesson, features: FeatureSet, settings: TrainingSettings, learn: Learner
) -> list[_Block]:
    """Each block of time predicted by a model of the others, in order of time; blocks of one outcome are left out."""
    number = time_blocks(taught.issued_on, settings.folds)
    blocks = []
    for block in range(number.max() + 1):
        judged, others = taught.where(number == block), taught.where(number != block)
        if not 0 < judged.late.sum() < len(judged) or not 0 < others.late.sum() < len(others):
            continue
        booster = learn(others, features, settings, settings.most_rounds, judged)
        predicted = booster.predict(judged.values, raw_score=True, num_iteration=booster.best_iteration)
        blocks.append(_Block(judged, np.asarray(predicted), booster.best_iteration))
    return blocks


def _boost(
    taught: Lesson,
    features: FeatureSet,
    settings: TrainingSettings,
    rounds: int,
    judged: Lesson | None = None,
) -> lgb.Booster:
    signs = {"raises": 1, "lowers": -1, "either": 0}
    parameters = {
        "objective": "binary",
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "max_depth": settings.depth,
        "max_bin": settings.bins,
        "min_data_in_leaf": min(settings.least_rows_in_leaf, max(len(taught) // 50, 5)),
        "feature_fraction": settings.share_of_features,
        "bagging_fraction": settings.share_of_rows,
        "bagging_freq": 1,
        "lambda_l2": settings.l2,
        "monotone_constraints": [signs[f.direction] if f.is_monotone else 0 for f in features.features],
        "seed": settings.seed,
        "num_threads": settings.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    data = lgb.Dataset(
        learned(taught.values, features), taught.late, weight=taught.weight, feature_name=features.names
    )
    if judged is None:
        return lgb.train(parameters, data, rounds)
    check = lgb.Dataset(judged.values, judged.late, weight=judged.weight, reference=data)
    stop = lgb.early_stopping(settings.patience, verbose=False)
    return lgb.train(parameters | {"metric": "binary_logloss"}, data, rounds, [check], callbacks=[stop])


def learned(values: np.ndarray, features: FeatureSet) -> np.ndarray:
    """The values with every column blank that must not be learned from: a blank column is never split on."""
    is_learned = features.is_learned
    return values if is_learned.all() else np.where(is_learned, values, 0.0)
