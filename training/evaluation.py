"""Does the model tell late payers from prompt ones, is it right on average, does it beat simple rules?

Every figure is given for the model and each baseline on the same rows, with an interval that resamples
customers: the invoices of one customer share its habits and are not independent evidence.
"""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from training.measures import (
    HIGHER_IS_BETTER,
    INTERVAL,
    MEASURES,
    Floats,
    Ranking,
    calibration_bins,
    capacity_curve,
    interval,
    resampled_measures,
)
from training.scored import known_rows, models_of, problems_of
from training.slices import slices

__all__ = [
    "Difference",
    "Estimate",
    "Evaluation",
    "RowGroup",
    "TargetEvaluation",
    "as_decimal",
    "as_percent",
    "calibration_bins",
    "capacity_curve",
    "evaluate",
    "known_rows",
    "model_title",
    "models_of",
    "money_units",
    "ranking_of",
    "signed",
    "verdict",
]

MINIMUM_ROWS = 30
MINIMUM_OF_EACH_OUTCOME = 5
MINIMUM_LATE_TO_BE_SURE = 30
NEED_BOTH_OUTCOMES = frozenset({"roc_auc", "average_precision"})
COMPARED = ("roc_auc", "brier", "log_loss")
COMPARED_WITH_EACH = (*COMPARED, "calibration_error", "precision_top_10")
MEASURES_OF_SLICES = ("mean_prediction", "bias", *COMPARED)
"""Those that get an interval in every slice."""
STATIC = "static"
"""The model without recalibration."""
NO_BASELINE = frozenset({"model", STATIC, "champion"})
"""Shown beside the model, but no simple rule that it would have to beat."""
MODEL_TITLES = {
    "model": "the model",
    "champion": "the champion",
    STATIC: "the model, never recalibrated",
    "customer_rate": "each customer's own late rate",
    "ageing": "the ageing rule",
    "logistic": "the logistic regression",
    "xgboost": "XGBoost",
    "catboost": "CatBoost",
    "scorecard": "the scorecard",
}


@dataclass(frozen=True)
class Estimate:
    """A figure with its 90 % interval over customers; None where it is undefined or not asked for."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Difference:
    """Model minus another on one measure, on the same rows and the same resamples.

    Where the other is the best baseline, it is picked with hindsight on these rows, which favours it.
    """

    baseline: str
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class RowGroup:
    """Rows judged together: all of a target's, or a slice. `reason` says what could not be measured."""

    name: str
    rows: int
    late: int
    rate: float | None
    brier_of_constant: float | None
    reason: str | None
    models: dict[str, dict[str, Estimate]]
    grouping: str = "all"
    """What the slice is a slice by, such as `country`."""
    against_best_baseline: dict[str, Difference] = field(default_factory=dict)
    """Of a slice: the model minus the baseline that is best on all rows."""


@dataclass(frozen=True)
class TargetEvaluation:
    """All that was found for one horizon. Money is counted in `money_unit` only, the unit of most rows."""

    late_after_days: int
    customers: int
    rows_not_yet_known: int
    money_unit: str | None
    money_units_left_out: dict[str, int]
    overall: RowGroup
    against_best_baseline: dict[str, Difference]
    slices: list[RowGroup]
    against_each: dict[str, dict[str, Difference]] = field(default_factory=dict)
    """The model minus every other, by the other's name and by measure."""


@dataclass(frozen=True)
class Evaluation:
    """The figures of every horizon, in the order of the horizons asked for."""

    resamples: int
    seed: int
    interval: float
    targets: dict[str, TargetEvaluation]
    contenders: tuple[str, ...] = ()
    """Names of the models that are no baselines."""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready values; what could not be measured is None, never NaN."""
        return asdict(self)


def evaluate(
    scored: pd.DataFrame,
    horizons: dict[str, int],
    resamples: int = 200,
    seed: int = 0,
    contenders: Collection[str] = (),
    slice_resamples: int = 0,
) -> Evaluation:
    """Judge `<target>__model` and every other `<target>__<name>` column against `outcome_<target>`.

    All others are baselines, to be beaten by the model, but for those named in `contenders`. Slices get
    intervals of their own where `slice_resamples` are asked for; there are many of them, so that takes longer
    than all else.

    One row per (invoice, as-of day). Only rows with a known outcome count; leave the outcome empty where
    the horizon was already decided on the as-of day. Rows of equal probability are listed by invoice_id,
    then as_of, whatever the order of the frame. Raises ValueError naming every problem of the frame.
    """
    problems = problems_of(scored, horizons)
    if problems:
        raise ValueError("The scored rows cannot be evaluated:\n" + "\n".join(f"* {p}" for p in problems))
    targets = {
        target: _evaluate_target(scored, target, days, resamples, seed, contenders, slice_resamples)
        for target, days in horizons.items()
    }
    return Evaluation(resamples, seed, INTERVAL, targets, tuple(contenders))


def verdict(evaluation: Evaluation) -> str:
    """The finding on the first horizon as one sentence that a credit manager would say aloud."""
    found = next(iter(evaluation.targets.values()))
    group = found.overall
    if group.reason:
        return f"There is too little evidence to judge the model: {group.reason}."
    thin = min(group.late, group.rows - group.late) < MINIMUM_LATE_TO_BE_SURE
    opening = f"On thin evidence ({group.late} late of {group.rows}), the" if thin else "The"
    ranks_well, ranking = _ranking_in_words(found)
    is_right, calibration = _calibration_in_words(group)
    return f"{opening} model {ranking} {'and' if ranks_well == is_right else 'but'} {calibration}."


def model_title(name: str) -> str:
    """The model's name as people say it."""
    return MODEL_TITLES.get(name, name.replace("_", " "))


def as_decimal(value: float | None, places: int = 3) -> str:
    """.884, the way these figures are quoted; a dash where there is none."""
    if value is None:
        return "–"
    text = f"{value:.{places}f}"
    return text.replace("0.", ".", 1) if abs(float(text)) < 1 else text


def as_percent(value: float | None) -> str:
    """11.1 %, with a dash where there is none."""
    return "–" if value is None else f"{100 * value:.1f} %"


def signed(value: float | None) -> str:
    """+.0034, or −.0034 with a minus that is as wide."""
    text = as_decimal(value, places=4)
    if value is None or float(text) == 0:
        return text.removeprefix("-")
    return ("+" if value > 0 else "") + text.replace("-", "−")


def _ranking_in_words(found: TargetEvaluation) -> tuple[bool, str]:
    auc = found.overall.models["model"]["roc_auc"].value
    gain = found.against_best_baseline.get("roc_auc")
    if auc is None or gain is None or gain.value is None:
        return (
            auc or 0
        ) > 0.5, f"tells late payers from prompt ones with AUC {as_decimal(auc)}, beside no baseline,"
    other = found.overall.models[gain.baseline]["roc_auc"].value
    figures = f"AUC {as_decimal(auc)} against {as_decimal(other)}"
    name = model_title(gain.baseline)
    if gain.low is None or gain.high is None:
        return (
            False,
            f"cannot be told from {name} in ranking late payers ({figures}, too few customers to be sure)",
        )
    if gain.low > 0:
        return True, f"ranks late payers better than {name} ({figures})"
    if gain.high < 0:
        return False, f"ranks late payers worse than {name} ({figures})"
    return False, f"ranks late payers no better than {name} ({figures}, a difference within chance)"


def _calibration_in_words(group: RowGroup) -> tuple[bool, str]:
    figures = group.models["model"]
    mean, bias, rate = figures["mean_prediction"].value, figures["bias"], group.rate
    assert mean is not None and bias.value is not None and rate is not None  # given wherever reason is empty
    counts = f"({as_percent(mean)} predicted, {as_percent(rate)} late)"
    if abs(bias.value) <= min(0.02, rate / 4):
        return True, f"its probabilities are right on average {counts}"
    direction = "high" if bias.value > 0 else "low"
    is_chance = bias.low is not None and bias.high is not None and bias.low <= 0 <= bias.high
    doubt = ", which may be chance" if is_chance else ""
    return False, f"its probabilities are too {direction} on average {counts}{doubt}"


def _evaluate_target(
    scored: pd.DataFrame,
    target: str,
    days: int,
    resamples: int,
    seed: int,
    contenders: Collection[str],
    slice_resamples: int,
) -> TargetEvaluation:
    rows, models = known_rows(scored, target), models_of(scored, target)
    units = money_units(rows)
    unit = next(iter(units), None)

    def rankings(part: pd.DataFrame, names: Collection[str] = models) -> dict[str, Ranking]:
        return {model: ranking_of(part, target, model, unit) for model in names}

    draws: dict[str, dict[str, Floats]] = {model: {} for model in models}
    if len(rows) >= MINIMUM_ROWS:
        draws = resampled_measures(rankings(rows), rows["customer_id"], resamples, seed)
    overall = _judge("all", rows, target, rankings, draws)
    against = _against_best_baseline(overall, draws, [name for name in models if name not in contenders])

    best = {measure: gain.baseline for measure, gain in against.items()}
    shown = ["model", *sorted(set(best.values()))]

    def judged_slice(grouping: str, name: str, part: pd.DataFrame) -> RowGroup:
        drawn: dict[str, dict[str, Floats]] = {model: {} for model in shown}
        if len(part) >= MINIMUM_ROWS and slice_resamples:
            given = rankings(part, shown), part["customer_id"], slice_resamples, seed, MEASURES_OF_SLICES
            drawn = resampled_measures(*given)
        group = _judge(name, part, target, rankings, drawn)
        gains = {measure: _difference(group, drawn, other, measure) for measure, other in best.items()}
        known = {measure: gain for measure, gain in gains.items() if gain is not None}
        return replace(group, grouping=grouping, against_best_baseline=known)

    return TargetEvaluation(
        late_after_days=days,
        customers=int(rows["customer_id"].nunique()),
        rows_not_yet_known=len(scored) - len(rows),
        money_unit=unit,
        money_units_left_out={name: count for name, count in units.items() if name != unit},
        overall=overall,
        against_best_baseline=against,
        slices=[judged_slice(*part) for part in slices(rows)],
        against_each={name: _against(overall, draws, name) for name in models if name != "model"},
    )


def money_units(rows: pd.DataFrame) -> dict[str, int]:
    """Number of rows in each unit of money, that of most rows first: amounts of two units are never added."""
    units = rows["money_unit"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return {str(name): int(count) for name, count in units.items()}


def ranking_of(rows: pd.DataFrame, target: str, model: str, unit: str | None) -> Ranking:
    """One model's scores of `target`, ready to be measured; money counts in `unit` only."""
    return Ranking(
        rows[f"{target}__{model}"].to_numpy(np.float64),
        rows[f"outcome_{target}"].to_numpy(np.float64),
        rows["money_amount"].to_numpy(np.int64),
        (rows["money_unit"] == unit).to_numpy(bool),
    )


def _judge(
    name: str,
    rows: pd.DataFrame,
    target: str,
    rankings: Callable[[pd.DataFrame], dict[str, Ranking]],
    draws: dict[str, dict[str, Floats]],
) -> RowGroup:
    late = int(rows[f"outcome_{target}"].sum())
    rate = late / len(rows) if len(rows) else None
    constant = None if rate is None else rate * (1 - rate)
    reason = _too_little(len(rows), late)
    if len(rows) < MINIMUM_ROWS:
        return RowGroup(name, len(rows), late, rate, constant, reason, {})
    undefined = NEED_BOTH_OUTCOMES if reason else frozenset()
    once = np.ones((1, len(rows)))
    models = {
        model: _estimates(ranking.measures(once), draws.get(model, {}), without=undefined)
        for model, ranking in rankings(rows).items()
    }
    return RowGroup(name, len(rows), late, rate, constant, reason, models)


def _too_little(rows: int, late: int) -> str | None:
    if rows < MINIMUM_ROWS:
        return f"{rows} scores with a known outcome, fewer than {MINIMUM_ROWS}"
    if min(late, rows - late) < MINIMUM_OF_EACH_OUTCOME:
        return f"{late} of {rows} scores turned out late, too few of one kind to judge an order"
    return None


def _estimates(
    values: dict[str, Floats], draws: dict[str, Floats], without: frozenset[str]
) -> dict[str, Estimate]:
    return {
        name: Estimate(None)
        if name in without
        else Estimate(_finite(values[name][0]), *interval(draws.get(name, np.array([]))))
        for name in MEASURES
    }


def _against_best_baseline(
    group: RowGroup, draws: dict[str, dict[str, Floats]], names: Collection[str]
) -> dict[str, Difference]:
    found = {}
    for measure in COMPARED:
        sign = 1 if measure in HIGHER_IS_BETTER else -1
        values = {name: group.models[name][measure].value for name in names if name in group.models}
        baselines = {
            name: sign * value
            for name, value in values.items()
            if name not in NO_BASELINE and value is not None
        }
        if values.get("model") is None or not baselines:
            continue
        best = max(baselines, key=lambda name: baselines[name])
        gain = _difference(group, draws, best, measure)
        if gain is not None:
            found[measure] = gain
    return found


def _against(group: RowGroup, draws: dict[str, dict[str, Floats]], other: str) -> dict[str, Difference]:
    gains = {measure: _difference(group, draws, other, measure) for measure in COMPARED_WITH_EACH}
    return {measure: gain for measure, gain in gains.items() if gain is not None}


def _difference(
    group: RowGroup, draws: dict[str, dict[str, Floats]], other: str, measure: str
) -> Difference | None:
    """The model minus another, with the interval of their paired resamples; None where one is undefined."""
    if not group.models:
        return None
    own, rival = group.models["model"][measure].value, group.models[other][measure].value
    if own is None or rival is None:
        return None
    paired = draws["model"][measure] - draws[other][measure] if draws["model"] else np.array([])
    return Difference(other, own - rival, *interval(paired))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
