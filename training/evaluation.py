"""Does the model tell late payers from prompt ones, is it right on average, does it beat simple rules?

Every figure is given for the model and each baseline on the same rows, with an interval that resamples
customers: the invoices of one customer share its habits and are not independent evidence.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
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
    "verdict",
]

MINIMUM_ROWS = 30
MINIMUM_OF_EACH_OUTCOME = 5
MINIMUM_LATE_TO_BE_SURE = 30
NEED_BOTH_OUTCOMES = frozenset({"roc_auc", "average_precision"})
COMPARED = ("roc_auc", "brier", "log_loss")
MODEL_TITLES = {
    "model": "the model",
    "customer_rate": "each customer's own late rate",
    "ageing": "the ageing rule",
    "logistic": "the logistic regression",
}


@dataclass(frozen=True)
class Estimate:
    """A figure with its 90 % interval over customers; None where it is undefined or not asked for."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Difference:
    """Model minus the best baseline of that measure, on the same rows and the same resamples.

    The best baseline is picked with hindsight on these rows, which favours the baseline.
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


@dataclass(frozen=True)
class Evaluation:
    """The figures of every horizon, in the order of the horizons asked for."""

    resamples: int
    seed: int
    interval: float
    targets: dict[str, TargetEvaluation]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready values; what could not be measured is None, never NaN."""
        return asdict(self)


def evaluate(
    scored: pd.DataFrame, horizons: dict[str, int], resamples: int = 200, seed: int = 0
) -> Evaluation:
    """Judge `<target>__model` and every `<target>__<baseline>` column against `outcome_<target>`.

    One row per (invoice, as-of day). Only rows with a known outcome count; leave the outcome empty where
    the horizon was already decided on the as-of day. Rows of equal probability are listed by invoice_id,
    then as_of, whatever the order of the frame. Raises ValueError naming every problem of the frame.
    """
    problems = _problems(scored, horizons)
    if problems:
        raise ValueError("The scored rows cannot be evaluated:\n" + "\n".join(f"* {p}" for p in problems))
    targets = {
        target: _evaluate_target(scored, target, days, resamples, seed) for target, days in horizons.items()
    }
    return Evaluation(resamples, seed, INTERVAL, targets)


def models_of(scored: pd.DataFrame, target: str) -> list[str]:
    """Names of the models that scored this target: the model first, then the baselines in column order."""
    prefix = f"{target}__"
    names = [name.removeprefix(prefix) for name in scored.columns if name.startswith(prefix)]
    return sorted(names, key=lambda name: name != "model")


def known_rows(scored: pd.DataFrame, target: str) -> pd.DataFrame:
    """The rows whose outcome is known, in the order that breaks ties: invoice_id, then as_of."""
    known = scored[scored[f"outcome_{target}"].notna()]
    return known.sort_values(["invoice_id", "as_of"], kind="stable", ignore_index=True)


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


def _problems(scored: pd.DataFrame, horizons: dict[str, int]) -> list[str]:
    needed = ["invoice_id", "customer_id", "as_of", "money_unit", "money_amount", "is_cold"]
    for target in horizons:
        needed += [f"outcome_{target}", f"{target}__model"]
    missing = [name for name in needed if name not in scored.columns]
    problems = [] if horizons else ["no horizon was asked for; give for example {'p_late': 5}"]
    if missing:
        return [*problems, f"columns are missing: {', '.join(missing)}"]
    if not pd.api.types.is_datetime64_dtype(scored["as_of"]):
        return [*problems, f"as_of must hold days (datetime64), not {scored['as_of'].dtype}"]
    twice = scored[scored.duplicated(["invoice_id", "as_of"])]
    if len(twice):
        first = twice.iloc[0]
        problems.append(
            f"{len(twice)} rows repeat an (invoice_id, as_of), first {first.invoice_id!r}; keep one of each"
        )
    for target in horizons:
        outcome, known = scored[f"outcome_{target}"], known_rows(scored, target)
        problems += _outside(
            scored, outcome.name, outcome.notna() & ~outcome.isin([0, 1]), "must be 1, 0 or empty"
        )
        for column in (f"{target}__{model}" for model in models_of(scored, target)):
            bad = ~known[column].between(0, 1)
            problems += _outside(
                known, column, bad, "must be a probability from 0 to 1 wherever the outcome is known"
            )
    return problems


def _outside(rows: pd.DataFrame, column: Any, bad: "pd.Series[bool]", rule: str) -> list[str]:
    if not bad.any():
        return []
    first = rows[bad].iloc[0]
    return [
        f"{column} {rule}: {int(bad.sum())} rows are not, "
        f"first {first[column]} of invoice {first.invoice_id!r}"
    ]


def _evaluate_target(
    scored: pd.DataFrame, target: str, days: int, resamples: int, seed: int
) -> TargetEvaluation:
    rows, models = known_rows(scored, target), models_of(scored, target)
    units = rows["money_unit"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    unit = str(units.index[0]) if len(units) else None

    def rankings(part: pd.DataFrame) -> dict[str, Ranking]:
        return {model: _ranking(part, target, model, unit) for model in models}

    draws: dict[str, dict[str, Floats]] = {model: {} for model in models}
    if len(rows) >= MINIMUM_ROWS:
        draws = resampled_measures(rankings(rows), rows["customer_id"], resamples, seed)
    overall = _judge("all", rows, target, rankings, draws)
    return TargetEvaluation(
        late_after_days=days,
        customers=int(rows["customer_id"].nunique()),
        rows_not_yet_known=len(scored) - len(rows),
        money_unit=unit,
        money_units_left_out={str(name): int(count) for name, count in units.items() if name != unit},
        overall=overall,
        against_best_baseline=_against_best_baseline(overall, draws),
        slices=[_judge(name, part, target, rankings, {}) for name, part in _slices(rows)],
    )


def _ranking(rows: pd.DataFrame, target: str, model: str, unit: str | None) -> Ranking:
    return Ranking(
        rows[f"{target}__{model}"].to_numpy(np.float64),
        rows[f"outcome_{target}"].to_numpy(np.float64),
        rows["money_amount"].to_numpy(np.int64),
        (rows["money_unit"] == unit).to_numpy(bool),
    )


def _slices(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    is_cold = rows["is_cold"].astype(bool)
    yield "cold customers", rows[is_cold]
    yield "warm customers", rows[~is_cold]
    for month, part in rows.groupby(rows["as_of"].dt.strftime("%Y-%m")):
        yield str(month), part


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


def _against_best_baseline(group: RowGroup, draws: dict[str, dict[str, Floats]]) -> dict[str, Difference]:
    found = {}
    for measure in COMPARED:
        sign = 1 if measure in HIGHER_IS_BETTER else -1
        values = {model: figures[measure].value for model, figures in group.models.items()}
        baselines = {
            model: sign * value for model, value in values.items() if model != "model" and value is not None
        }
        own = values.get("model")
        if own is None or not baselines:
            continue
        best = max(baselines, key=lambda model: baselines[model])
        paired = draws["model"][measure] - draws[best][measure] if draws["model"] else np.array([])
        found[measure] = Difference(best, own - sign * baselines[best], *interval(paired))
    return found


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
