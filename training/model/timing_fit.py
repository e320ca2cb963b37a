"""How does a model learn when money comes? Hazards by period; levels and the pace of money from what it had not seen.

A row of the lesson is a question and one period in which its invoice was still open at the start. A period
teaches only once it has passed whole before the cut: of one that is still running, the payers are known and
the others are not. An invoice closed by credit alone teaches until that day.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import lightgbm as lgb
import numpy as np

from features.days import NEVER, to_date
from features.featureset import FeatureSet
from features.history import History
from features.lateness import EARLIEST
from features.paydays import PayDays, pay_days
from training.cohort import Cohort, open_weekly
from training.model.cash import WEEK
from training.model.cash_fit import WEEKS, Asked, came, fit_cash
from training.model.levels import Levels
from training.model.levels_fit import Reached, fit_levels
from training.model.recalibration import payments_reach
from training.model.risk_model import RiskModel
from training.model.timing import PERIOD_COLUMNS, Grid, Timing, habit_of, period_columns, period_weights
from training.settings import TimingSettings, TrainingSettings

PRIOR_TAIL_DAYS, PRIOR_TAIL_INVOICES = 120.0, 5.0
"""How long those wait who are past every horizon, as if of so many invoices, before anything is known."""
PERIODS_PER_QUESTION = 15
CASH_DAYS = 364
"""The questions of so many days back teach how money comes."""


@dataclass(frozen=True)
class Unseen:
    """Raw log-odds that models of other blocks of time gave to some questions of one target."""

    keys: np.ndarray
    """as-of day and invoice of each, in one number, rising."""
    raw: np.ndarray


@dataclass(frozen=True)
class Known:
    """What is known by the cut of each question's payment."""

    settled_on: np.ndarray
    """Day of payment, not before the as-of day; NEVER where it is not known."""
    until: np.ndarray
    """Up to (and without) this day we know that nothing else came."""


@dataclass(frozen=True)
class _Questions:
    """Questions with all that timing is told of them."""

    rows: np.ndarray
    values: np.ndarray
    facts: PayDays
    known: Known
    weight: np.ndarray

    def where(self, mask: np.ndarray) -> _Questions:
        at = np.flatnonzero(mask)
        known = Known(self.known.settled_on[at], self.known.until[at])
        return _Questions(self.rows[at], self.values[at], self.facts.at(at), known, self.weight[at])


def fit_timing(
    model: RiskModel,
    cohort: Cohort,
    values: np.ndarray,
    day: int,
    settings: TrainingSettings,
    unseen: dict[str, Unseen],
) -> Timing:
    """The timing of a model whose horizons are fitted, from the questions asked before day number `day`."""
    grid, timing = model.grid, settings.timing
    asked = np.flatnonzero(cohort.as_of < day)
    taught = _questions(cohort, values, asked, day, timing.most_rows // PERIODS_PER_QUESTION)
    tail = tail_days(cohort.history, day, int(grid.starts[-1]))
    issued_on = cohort.history.invoices["issued_on"]
    last_begins = np.quantile(issued_on[cohort.rows[asked]], 1 - 1 / timing.folds)
    # Of what fell due just now only the early payers are known; censoring mends that only where it is blind.
    has_matured = (
        cohort.history.invoices["lateness_from"][cohort.rows[asked]] + timing.judged_after_days < day
    )
    is_judged = has_matured & (issued_on[cohort.rows[asked]] > last_begins)
    judged = _questions(cohort, values, asked[is_judged], day, timing.most_judged)
    is_settled = (
        known_payments(cohort.history, cohort.rows[asked], cohort.as_of[asked], day).settled_on < NEVER
    )
    events = len(np.unique(cohort.rows[asked[is_settled]]))
    is_last = issued_on[taught.rows] > last_begins
    if events < timing.fewest_settled or is_last.all() or not is_last.any():
        note = f"{events} settled invoices, {timing.fewest_settled} are needed for hazards of their own"
        simple = Timing("empirical", note, tail, Levels())
        simple = _judged(simple, model, cohort, judged, unseen, day, timing)
        return _with_cash(simple, model, cohort, values, unseen, day, timing)
    check = taught.where(is_last)
    trial, rounds = _boost(grid, taught.where(~is_last), model.features, settings, timing.most_rounds, check)
    made = Timing("boosted", f"{rounds} rounds", tail, Levels(), booster=trial)
    made = _judged(made, model, cohort, judged, unseen, day, timing)
    made = _with_cash(made, model, cohort, values, unseen, day, timing)
    return replace(made, booster=_boost(grid, taught, model.features, settings, rounds)[0])


def _questions(cohort: Cohort, values: np.ndarray, asked: np.ndarray, day: int, most: int) -> _Questions:
    """Every question, or those of every second, third … invoice in order of issue where there are too many."""
    step = -(-len(asked) // most)
    if step > 1:
        issued_on = cohort.history.invoices["issued_on"]
        invoices = np.unique(cohort.rows[asked])
        kept = invoices[np.lexsort((invoices, issued_on[invoices]))][::step]
        asked = asked[np.isin(cohort.rows[asked], kept)]
    rows, as_of = cohort.rows[asked], cohort.as_of[asked]
    facts = pay_days(cohort.history, rows, as_of)
    return _Questions(
        rows, values[asked], facts, known_payments(cohort.history, rows, as_of, day), cohort.weight[asked]
    )


def known_payments(history: History, rows: np.ndarray, as_of: np.ndarray, day: int) -> Known:
    """What is known on day number `day` of how some invoices were paid."""
    invoices = len(history.invoices["due_on"])
    settled_on, by_credit = np.full(invoices, NEVER), np.zeros(invoices, bool)
    position, last = history.steps.before(day).last()
    settled_on[position], by_credit[position] = last.settled_on, last.by_credit_alone
    settled = np.maximum(settled_on[rows], as_of)
    closed = by_credit[rows] & (settled_on[rows] < NEVER)
    return Known(
        np.where(closed | (settled_on[rows] == NEVER), NEVER, settled), np.where(closed, settled, day)
    )


def tail_days(history: History, day: int, begins: int) -> float:
    """Mean days until payment of those open `begins` days after due: their days of waiting per payment."""
    position, last = history.steps.before(day).last()
    begin = history.invoices["lateness_from"][position] + begins
    settled = last.settled_on
    waited = np.maximum(np.minimum(settled + 1, day) - begin, 0)
    paid = ((settled >= begin) & (settled < day) & ~last.by_credit_alone).sum()
    prior = PRIOR_TAIL_DAYS * PRIOR_TAIL_INVOICES
    return float((waited.sum() + prior) / (paid + PRIOR_TAIL_INVOICES))


def person_periods(
    grid: Grid, facts: PayDays, known: Known, in_period: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Question, period and outcome (1 settled in it, 0 not) of every period that teaches."""
    begins = facts.lateness_from[:, None] + grid.starts[:-1]
    ends = facts.lateness_from[:, None] + grid.starts[1:]
    # Money that came on a day without work counts for the next working day, where the course has its mass.
    is_settled = known.settled_on < NEVER
    worked = facts.next_working_days(np.where(is_settled, known.settled_on, facts.as_of))
    settled = np.where(is_settled, worked, NEVER)[:, None]
    teaches = (in_period > 0) & (ends <= known.until[:, None]) & (settled >= begins)
    question, period = np.nonzero(teaches)
    return question, period, (settled < ends)[question, period].astype(np.float64)


def _taught(grid: Grid, asked: _Questions, features: FeatureSet) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    in_period = period_weights(grid.edges, asked.facts.day_weights(EARLIEST, int(grid.starts[-1])))
    question, period, settled = person_periods(grid, asked.facts, asked.known, in_period)
    columns = period_columns(grid, asked.facts, in_period, habit_of(asked.values, features))
    values = np.where(features.is_learned, asked.values, 0.0)
    return (
        np.concatenate([columns[question, period], values[question]], axis=1),
        settled,
        asked.weight[question],
    )


def _boost(
    grid: Grid,
    taught: _Questions,
    features: FeatureSet,
    settings: TrainingSettings,
    rounds: int,
    judged: _Questions | None = None,
) -> tuple[lgb.Booster, int]:
    timing = settings.timing
    parameters: dict[str, Any] = {
        "objective": "binary",
        "learning_rate": timing.learning_rate,
        "num_leaves": timing.leaves,
        "max_bin": settings.bins,
        "min_data_in_leaf": settings.least_rows_in_leaf,
        "feature_fraction": settings.share_of_features,
        "bagging_fraction": settings.share_of_rows,
        "bagging_freq": 1,
        "lambda_l2": settings.l2,
        "seed": settings.seed,
        "num_threads": settings.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    names = [*PERIOD_COLUMNS, *features.names]
    values, settled, weight = _taught(grid, taught, features)
    data = lgb.Dataset(values, settled, weight=weight, feature_name=names)
    if judged is None:
        return lgb.train(parameters, data, rounds), rounds
    values, settled, weight = _taught(grid, judged, features)
    check = lgb.Dataset(values, settled, weight=weight, reference=data)
    stop = lgb.early_stopping(timing.patience, verbose=False)
    booster = lgb.train(parameters | {"metric": "binary_logloss"}, data, rounds, [check], callbacks=[stop])
    return booster, booster.best_iteration


class _Remembered:
    """Stands for a booster: gives the raw predictions made earlier for the very same rows."""

    def __init__(self, raw: np.ndarray) -> None:
        self._raw = raw

    def predict(self, values: np.ndarray, **_: Any) -> np.ndarray:
        assert len(values) == len(self._raw)
        return self._raw


def unseen_probabilities(
    model: RiskModel, values: np.ndarray, keys: np.ndarray, unseen: dict[str, Unseen]
) -> np.ndarray:
    """The horizons' probabilities as models say that had not seen these questions, shape (n, horizons).

    A question that no model was taught with is answered by the final one.
    """
    horizons = []
    for horizon in model.horizons:
        if horizon.booster is None:
            horizons.append(horizon)
            continue
        raw = np.asarray(horizon.booster.predict(values, raw_score=True, num_threads=model.threads))
        if len(unseen[horizon.target].keys):
            known = unseen[horizon.target]
            at = np.minimum(np.searchsorted(known.keys, keys), len(known.keys) - 1)
            raw = np.where(known.keys[at] == keys, known.raw[at], raw)
        horizons.append(replace(horizon, booster=cast(lgb.Booster, _Remembered(raw))))
    given = replace(model, horizons=tuple(horizons)).predict(values)
    return model.anchors(given)


def _judged(
    made: Timing,
    model: RiskModel,
    cohort: Cohort,
    judged: _Questions,
    unseen: dict[str, Unseen],
    day: int,
    timing: TimingSettings,
) -> Timing:
    """The timing with levels from how questions turned out that it had not seen."""
    if not len(judged.rows):
        return made
    p = unseen_probabilities(model, judged.values, (judged.facts.as_of << 32) | judged.rows, unseen)
    reached, width = reached_by(made, model, judged.facts, judged.values, p, judged.known)
    groups = model.groups(judged.values) | {"width": width}
    recency = 0.5 ** ((day - judged.facts.as_of) / timing.half_life_days)
    levels = fit_levels(reached, groups, judged.weight * recency, timing.prior_questions)
    return replace(made, levels=levels)


def reached_by(
    made: Timing, model: RiskModel, facts: PayDays, values: np.ndarray, p: np.ndarray, known: Known
) -> tuple[Reached, np.ndarray]:
    """How far each distribution had come before and after the day of payment (or the end of what is known).

    Also the label of each distribution's width.
    """
    is_known = known.settled_on < NEVER
    last = np.where(is_known, known.settled_on, known.until - 1)
    before, after, width = [], [], []
    for course, part in made.courses(model.grid, model.features, facts, values, p):
        days = np.stack([last[part] - 1, last[part]], axis=1)
        left = course.open_after(days)
        before.append(1.0 - left[:, 0])
        after.append(1.0 - left[:, 1])
        width.append(course.width())
    return Reached(np.concatenate(before), np.concatenate(after), is_known), np.concatenate(width)


def _with_cash(
    made: Timing,
    model: RiskModel,
    cohort: Cohort,
    values: np.ndarray,
    unseen: dict[str, Unseen],
    day: int,
    timing: TimingSettings,
) -> Timing:
    """The timing with its law of cash: from what came after the questions of the last year, disputed ones left out."""
    history, begin = cohort.history, day - CASH_DAYS
    asked = _questions(
        cohort,
        values,
        np.flatnonzero((cohort.as_of >= begin) & (cohort.as_of < day)),
        day,
        timing.most_judged // 2,
    )
    p = unseen_probabilities(model, asked.values, (asked.facts.as_of << 32) | asked.rows, unseen)
    settled = settled_by_week(made, model, asked.facts, asked.values, p)
    # Questions end with the last horizon: later ones, whose distribution is the tail alone, are asked here.
    rows, as_of = open_weekly(history, to_date(begin), to_date(day))
    is_later = as_of >= history.invoices["lateness_from"][rows] + int(model.grid.starts[-1])
    rows, as_of = np.append(asked.rows, rows[is_later]), np.append(asked.facts.as_of, as_of[is_later])
    waited = np.arange(1, WEEKS + 1) * WEEK
    later = np.tile(-np.expm1(-waited / made.tail_days), (int(is_later.sum()), 1))
    settled = np.concatenate([settled, later])
    own = history.past(rows, as_of).of("invoice")
    is_clear = np.flatnonzero(own.disputes.count() == own.disputes_closed.count())
    questions = Asked(rows[is_clear], as_of[is_clear], settled[is_clear])
    found = came(history, questions, *payments_reach(history, day))
    return replace(made, cash=fit_cash(history, questions, found, day, timing.cash_half_life_days))


def settled_by_week(
    made: Timing, model: RiskModel, facts: PayDays, values: np.ndarray, p: np.ndarray
) -> np.ndarray:
    """P(settled by the end of each of WEEKS weeks from the as-of day on), shape (n, WEEKS)."""
    ends = facts.as_of[:, None] + np.arange(1, WEEKS + 1) * WEEK - 1
    settled = np.zeros(ends.shape)
    for course, part in made.courses(model.grid, model.features, facts, values, p):
        settled[part] = 1.0 - course.open_after(ends[part])
    return np.asarray(np.maximum.accumulate(settled, axis=1))
