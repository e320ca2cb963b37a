"""Do invoices come in later, or earlier, than the model learned? Then its level follows what has matured since.

Every Monday the model answers again the questions of the last weeks whose outcomes have matured since it was
trained, and its log-odds are moved by one shift per horizon, so that these answers come true. Nothing is kept:
ledger, day and model give the same shift again. No ranking and no reason changes; the code `calibration` of an
explanation holds the shift.

Only questions of the last weeks count, because features follow a change too. An answer given before the change
is wrong by the whole of it, today's answer by the part that the features have not seen yet: corrected by old
answers, the model would follow everything twice (in a simulated shock, log loss .534 instead of .526, and .574
without any recalibration).

Worked example: the model's latest matured answers expected 10 % late, and 15 % were. Ten per cent are odds of
1 : 9, fifteen are 3 : 17; many such outcomes move the log-odds by log((3 / 17) / (1 / 9)) = .46. Few move them
less: against 100 prior rows, outcomes that tell as much as 100 even ones move them about half of the way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from features.days import day_number, day_numbers, to_date, weekday
from features.history import History
from training.cohort import Cohort, matured_between
from training.model.calibration import Calibration, probability
from training.model.risk_model import HorizonModel, RiskModel

PROMPTLY_BOOKED = 0.95
"""Share of payments that must be known before silence about an invoice says that it is late."""


@dataclass(frozen=True)
class _Recipe:
    """The settings `recalibration_…` that the model was trained with."""

    asked_within_days: int
    half_life_days: float
    prior_rows: float
    most_rows: int

    @classmethod
    def of(cls, model: RiskModel) -> _Recipe | None:
        """The recipe on the model's card; None where the modeller switched it off or knew nothing of it."""
        given = model.card.get("settings", {})
        if not given.get("recalibrates", False):
            return None
        return cls(*(given[f"recalibration_{name}"] for name in cls.__dataclass_fields__))


def recalibration_day(as_of: date) -> date:
    """The Monday on which scores of `as_of` were last recalibrated."""
    day = day_number(as_of)
    return to_date(day - int(weekday(np.array([day]))[0]))


def recalibrated(model: RiskModel, history: History, as_of: date) -> RiskModel:
    """The model as of the Monday of `as_of`, moved by outcomes known before it that it was not trained on.

    Its card then says under `recalibration` by how much. Where nothing has matured since its training, it is
    the model itself.
    """
    recipe, monday = _Recipe.of(model), recalibration_day(as_of)
    if recipe is None:
        return model
    end, known_by = payments_reach(history, day_number(monday))
    trained = day_number(date.fromisoformat(model.card["trained_on_facts_before"]))
    moved, told = [], {}
    for horizon in model.horizons:
        if horizon.booster is not None and trained < end:
            asked = _asked(history, horizon.target, (trained, end, known_by), recipe)
            if len(asked):
                shift = _shift(model, horizon, asked, known_by, recipe)
                told[horizon.target] = {"shift": shift, "outcomes": len(asked)}
        moved.append(_moved(horizon, told.get(horizon.target, {}).get("shift", 0.0)))
    if not told:
        return model
    note = {"as_of": monday.isoformat(), "horizons": told}
    return replace(model, horizons=tuple(moved), card=model.card | {"recalibration": note})


def predict_as_served(model: RiskModel, cohort: Cohort, values: np.ndarray) -> pd.DataFrame:
    """Probabilities of a cohort's questions by the model as it stood, recalibrated, on the day of each."""
    mondays = cohort.as_of - weekday(cohort.as_of)
    parts = []
    for monday in np.unique(mondays):
        at = np.flatnonzero(mondays == monday)
        current = recalibrated(model, cohort.history, to_date(monday))
        parts.append(current.predict(values[at]).set_axis(at))
    return pd.concat(parts).sort_index() if parts else model.predict(values)


def level_shift(z: np.ndarray, late: np.ndarray, weight: np.ndarray, prior_rows: float) -> float:
    """What to add to log-odds `z` so that they come true, held towards 0 as if by `prior_rows` even rows.

    The penalised maximum of the likelihood, by Newton steps; there is one, since the likelihood is concave.
    """
    shift = 0.0
    for _ in range(100):
        p = probability(z + shift)
        curvature = float(weight @ (p * (1 - p))) + prior_rows / 4
        step = (float(weight @ (p - late)) + shift * prior_rows / 4) / curvature
        shift -= float(np.clip(step, -1.0, 1.0))
        if abs(step) < 1e-12:
            break
    return shift


def payments_reach(history: History, day: int) -> tuple[int, int]:
    """The day up to which silence means late, and the day after the latest payment known before `day`.

    Where payments stop to be imported, every invoice would seem late and every score would rise: nothing after
    the latest payment is looked at. And payments are booked some days after they are made: what matured in the
    days within which all but one in twenty become known is not counted yet.
    """
    paid_on, known_on = (day_numbers(history.tables["payments"][name]) for name in ("paid_on", "known_on"))
    is_known = known_on < day
    if not is_known.any():
        return 0, 0
    lag = np.quantile((known_on - paid_on)[is_known], PROMPTLY_BOOKED, method="higher")
    reach = int(known_on[is_known].max()) + 1
    return reach - int(lag), reach


def _asked(history: History, target: str, span: tuple[int, int, int], recipe: _Recipe) -> Cohort:
    """Questions of the last weeks that matured in [begin, end), as known by the third day of `span`.

    Of more than `most_rows` every second, every third and so on.
    """
    begin, end, known_by = span
    earliest = known_by - recipe.asked_within_days
    cohort = matured_between(history, target, max(begin, earliest), max(end, earliest), known_by)
    latest = np.flatnonzero(cohort.as_of >= earliest)
    step = max(-(-len(latest) // recipe.most_rows), 1)
    is_kept = np.zeros(len(cohort), dtype=bool)
    is_kept[latest[::step]] = True
    return cohort.where(is_kept)


def _shift(model: RiskModel, horizon: HorizonModel, asked: Cohort, day: int, recipe: _Recipe) -> float:
    values = model.features.compute(asked.history, asked.rows, asked.as_of)
    z = horizon.calibration.apply(model.raw(horizon, values))
    age = day - asked.matures_on[horizon.target]
    weight = asked.weight * 0.5 ** (age / recipe.half_life_days)
    return level_shift(z, asked.outcomes[horizon.target], weight, recipe.prior_rows)


def _moved(horizon: HorizonModel, shift: float) -> HorizonModel:
    calibration = Calibration(horizon.calibration.slope, horizon.calibration.shift + shift)
    uncertainty = horizon.uncertainty.moved(shift) if horizon.uncertainty else None
    return replace(horizon, calibration=calibration, uncertainty=uncertainty)
