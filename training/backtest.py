"""How would the model have done? Past periods, each scored by a model that knew only what was known before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
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
from training.contenders import Contender, FirstHorizon, first_horizon
from training.evaluation import STATIC
from training.model import RiskModel
from training.model.fitting import fit_on, lesson
from training.model.recalibration import predict_as_served
from training.payment_dates import date_rows
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
class JudgedPeriod:
    """One period's questions with the model that scored them, for whoever watches a backtest pass by."""

    period: Period
    cohort: Cohort
    values: np.ndarray
    model: RiskModel


@dataclass(frozen=True)
class Backtest:
    """Every scored question with its outcome, the model and the baselines side by side."""

    scored: pd.DataFrame
    """The judged tables of all periods; `taught_before` is the day as of which a row's models were taught."""
    outcome: np.ndarray
    """Whether the invoice was late by the first horizon: 1, 0, NaN not known yet; also where already decided."""
    dates: pd.DataFrame
    """Payment dates of the same questions (training/payment_dates.py); empty where the models know none."""
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


def mostly_matured(history: History, day: date) -> date:
    """Invoices issued before this have mostly matured by `day`: usual terms and the first horizon have passed."""
    terms = np.maximum(history.invoices["terms_days"], 0)
    usual_terms = int(np.median(terms)) if len(terms) else 30
    return day - timedelta(days=usual_terms + history.rule.late_after_days)


def longest_window(history: History, known_by: date, settings: TrainingSettings) -> tuple[date, date]:
    """The longest [begin, end) that can be judged: from the first month that enough late invoices matured before.

    Raises ValueError where there is no such month before the last mostly matured day.
    """
    end = mostly_matured(history, known_by)
    cohort, target = replay(history, known_by, at="issue"), first_horizon(history.rule)[0]
    matured_on = np.sort(cohort.matures_on[target][cohort.outcomes[target] == 1])
    needed = settings.fewest_late_to_fit
    if len(matured_on) >= needed:
        enough = pd.Timestamp(int(matured_on[needed - 1]) + 1, unit="D")
        begin = (enough + pd.offsets.MonthBegin(0)).date()
        if begin < end:
            return begin, end
    raise ValueError(
        f"the ledger is too short for a backtest: {needed} late invoices must have matured before its first "
        f"month, {len(matured_on)} have by {known_by}, and invoices can be judged that were issued before {end}. "
        "Name --from and --to to try all the same."
    )


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
    contenders: Mapping[str, Contender] | None = None,
    watch: Callable[[JudgedPeriod], None] = lambda judged: None,
) -> Backtest:
    """Score every invoice issued (or open, weekly) in [begin, end) by models of their time.

    `contenders` score the same questions beside the model, on the first horizon. `watch` sees every period
    that has questions as soon as it is scored.

    Raises ValueError where nothing had matured before `begin`, or no invoice falls into the window.
    """
    past = Replayed(history, end, features, progress)
    parts, judged, dates = [], [], []
    for period in periods(begin, end, refit_months):
        model, baselines = past.fitted(period.begin, settings, progress)
        asked = (issued_between if at == "issue" else open_weekly)(history, period.begin, period.end)
        cohort = ask(history, *asked, known_by)
        values = features.compute(history, cohort.rows, cohort.as_of)
        if len(cohort):  # an empty table has no types, which would blur those of the others
            given = {"model": predict_as_served(model, cohort, values), STATIC: model.predict(values)}
            for name, other in past.contending(period.begin, settings, contenders or {}, progress).items():
                given[name] = other.predict(values)
            table = judged_table(cohort, given, baselines, values, features)
            parts.append(table.assign(taught_before=pd.Timestamp(period.begin)))
            dates.append(date_rows(model, cohort, values, given["model"], known_by))
            watch(JudgedPeriod(period, cohort, values, model))
        judged.append((period, cohort, model))
    if not parts:
        raise ValueError(f"no invoice was {'issued' if at == 'issue' else 'open'} from {begin} to {end}")
    outcome = np.concatenate([cohort.outcomes["p_late"] for _, cohort, _ in judged])
    calendar = [_calendar_row(period, cohort, model) for period, cohort, model in judged]
    dated = pd.concat(dates, ignore_index=True)
    return Backtest(pd.concat(parts, ignore_index=True), outcome, dated, calendar)


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

    def contending(
        self, cut: date, settings: TrainingSettings, contenders: Mapping[str, Contender], progress: Progress
    ) -> dict[str, FirstHorizon]:
        """Every contender, taught the same rows of the first horizon as the model of `cut`."""
        if not contenders:
            return {}
        cohort, values = self.known_before(cut)
        rule = self.history.rule
        taught = lesson(cohort, values, first_horizon(rule)[0], day_number(cut), settings.most_rows)
        fitted = {}
        for name, contender in contenders.items():
            progress(f"fitting {name} as of {cut}")
            fitted[name] = contender.fitted(taught, rule)
        return fitted


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

    Outcomes stand only where the question was open. `matures_on` is the day whose end decides the first of
    them. A model has columns for the targets it gives.
    """
    table = pd.concat([cohort.table(), segments(cohort)], axis=1)
    table["is_cold"] = values[:, features.names.index("settled_count")] <= 0
    table["weeks_open"] = cohort.weeks_open
    table["matures_on"] = pd.to_datetime(cohort.matures_on[first_horizon(cohort.history.rule)[0]], unit="D")
    for target in cohort.history.rule.horizons:
        is_open = cohort.as_of <= cohort.matures_on[target]
        table[f"outcome_{target}"] = np.where(is_open, cohort.outcomes[target], np.nan)
        for name, given in models.items():
            if target in given:
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
