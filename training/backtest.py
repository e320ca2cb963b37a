"""How would the model have done? Past periods, each scored by a model that knew only what was known before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd

from features.catalogue import CATALOGUE
from features.days import day_number
from features.featureset import FeatureSet
from features.history import History
from training.baselines import NAMES, Baselines
from training.cohort import Cohort, ask, issued_between, open_weekly, replay
from training.model import RiskModel
from training.model.fitting import fit_on, lesson
from training.segments import segments
from training.settings import TrainingSettings

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Period:
    """One stretch of time, scored by one model trained on what was known before it began."""

    begin: date
    end: date

    @property
    def name(self) -> str:
        """The period as it stands in reports."""
        return f"{self.begin} to {self.end}"


@dataclass(frozen=True)
class Backtest:
    """Every scored question with its outcome, the model and the baselines side by side."""

    scored: pd.DataFrame
    """One row per (invoice, as-of day): ids, money, `<target>__<model>`, `outcome_<target>` where it was open."""
    outcome: np.ndarray
    """Whether the invoice was late by the first horizon: 1, 0, NaN not known yet; also where already decided."""
    periods: list[dict[str, Any]]
    """Each period with what it was fitted on, for the calendar of folds."""


def periods(begin: date, end: date, refit_months: int) -> list[Period]:
    """[begin, end) cut every `refit_months` months."""
    starts = []
    month = begin
    while month < end:
        starts.append(month)
        month = (pd.Timestamp(begin) + pd.DateOffset(months=refit_months * len(starts))).date()
    return [Period(*pair) for pair in pairwise([*starts, end])]


def backtest(
    history: History,
    begin: date,
    end: date,
    known_by: date,
    settings: TrainingSettings,
    at: Literal["issue", "weekly"] = "issue",
    refit_months: int = 1,
    features: FeatureSet = CATALOGUE,
    progress: Progress = lambda step: None,
) -> Backtest:
    """Score every invoice issued (or open, weekly) in [begin, end) by models of their time.

    Raises ValueError where nothing had matured before `begin`, or no invoice falls into the window.
    """
    past = Replayed(history, end, features, progress)
    parts, judged = [], []
    for period in periods(begin, end, refit_months):
        model, baselines = past.fitted(period.begin, settings, progress)
        asked = (issued_between if at == "issue" else open_weekly)(history, period.begin, period.end)
        cohort = ask(history, *asked, known_by)
        values = features.compute(history, cohort.rows, cohort.as_of)
        if len(cohort):  # an empty table has no types, which would blur those of the others
            parts.append(judged_table(cohort, {"model": model.predict(values)}, baselines, values, features))
        judged.append((period, cohort, model))
    if not parts:
        raise ValueError(f"no invoice was {'issued' if at == 'issue' else 'open'} from {begin} to {end}")
    outcome = np.concatenate([cohort.outcomes["p_late"] for _, cohort, _ in judged])
    calendar = [_calendar_row(period, cohort, model) for period, cohort, model in judged]
    return Backtest(pd.concat(parts, ignore_index=True), outcome, calendar)


class Replayed:
    """The past of a ledger with its feature values computed once, to fit models as of several days."""

    def __init__(self, history: History, end: date, features: FeatureSet, progress: Progress) -> None:
        progress("replaying the past")
        self.history, self.features = history, features
        self._cohort = replay(history, end)
        self._values = features.compute(history, self._cohort.rows, self._cohort.as_of)

    def known_before(self, cut: date) -> tuple[Cohort, np.ndarray]:
        """The cohort as it looked on `cut`, with outcomes known by then, and its feature values."""
        cohort = replay(self.history, cut)
        at = np.searchsorted(_keys(self._cohort), _keys(cohort))
        # Whatever could be asked before an earlier day could be asked before a later one.
        assert np.array_equal(_keys(self._cohort)[at], _keys(cohort))
        return cohort, self._values[at]

    def fitted(
        self, cut: date, settings: TrainingSettings, progress: Progress
    ) -> tuple[RiskModel, dict[str, Baselines]]:
        """A model and the baselines, taught only what was known before `cut`."""
        cohort, values = self.known_before(cut)
        model = fit_on(
            cohort, values, cut, settings, self.features, lambda step: progress(f"{step} as of {cut}")
        )
        rule = self.history.rule
        progress(f"fitting baselines as of {cut}")
        baselines = {}
        for target in rule.horizons:
            taught = lesson(cohort, values, target, day_number(cut), settings.most_rows)
            baselines[target] = Baselines(target, taught, self.features, rule)
        return model, baselines


def _keys(cohort: Cohort) -> np.ndarray:
    """One number per row, rising in the order of a cohort."""
    return (cohort.as_of << 32) | cohort.rows


def judged_table(
    cohort: Cohort,
    models: Mapping[str, pd.DataFrame],
    baselines: Mapping[str, Baselines],
    values: np.ndarray,
    features: FeatureSet = CATALOGUE,
) -> pd.DataFrame:
    """The cohort's table with its segments and one column per target and model.

    Outcomes stand only where the question was open.
    """
    table = pd.concat([cohort.table(), segments(cohort)], axis=1)
    table["is_cold"] = values[:, features.names.index("settled_count")] <= 0
    table["weeks_open"] = cohort.weeks_open
    for target in cohort.history.rule.horizons:
        is_open = cohort.as_of <= cohort.matures_on[target]
        table[f"outcome_{target}"] = np.where(is_open, cohort.outcomes[target], np.nan)
        for name, given in models.items():
            table[f"{target}__{name}"] = given[target].to_numpy()
        simple = baselines[target].predict(values) if len(values) else dict.fromkeys(NAMES, np.array([]))
        for name, p in simple.items():
            table[f"{target}__{name}"] = p
    return table


def _calendar_row(period: Period, cohort: Cohort, model: RiskModel) -> dict[str, Any]:
    first = model.card["horizons"][model.horizons[0].target]
    return {
        "name": period.name,
        "fit_from": first["from"],
        "fit_to": first["to"],
        "gap_to": period.begin.isoformat(),
        "test_to": period.end.isoformat(),
        "rows": len(cohort),
    }
