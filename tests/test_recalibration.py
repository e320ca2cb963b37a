"""Does a model's level follow what matured since its training, from nothing but what was known by then?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar

from features.catalogue import CATALOGUE
from features.days import day_number
from features.history import History
from features.ledger import Ledger
from tests.test_backtest import with_another_future
from training.backtest import Replayed
from training.cohort import Cohort, ask, matured_between, open_weekly, replay
from training.model import RiskModel, ranges, recalibrated, recalibration_day
from training.model.calibration import log_odds
from training.model.fitting import fit_on
from training.model.recalibration import level_shift, predict_as_served
from training.settings import TrainingSettings

CUT, LATER = date(2026, 1, 1), date(2026, 3, 18)


@pytest.fixture(scope="module")
def model(sample_past: Replayed, hasty_settings: TrainingSettings) -> RiskModel:
    return fit_on(*sample_past.known_before(CUT), CUT, hasty_settings, CATALOGUE)


def with_payments_later(ledger: Ledger, since: date, days: int) -> Ledger:
    """The same ledger in which every payment from a day on comes so many days later."""
    paid, at = ledger.tables["payments"].copy(), np.datetime64(since, "s")
    for column in ("paid_on", "known_on"):
        paid[column] = paid[column].where(paid["paid_on"] < at, paid[column] + pd.Timedelta(days=days))
    return replace(ledger, tables=ledger.tables | {"payments": paid})


@pytest.fixture(scope="module")
def slowed(sample_ledger: Ledger) -> History:
    return History(with_payments_later(sample_ledger, CUT, 12))


def shifts(model: RiskModel) -> dict[str, float]:
    return {name: row["shift"] for name, row in model.card["recalibration"]["horizons"].items()}


class TestLevelShift:
    @pytest.mark.parametrize(
        ("expected", "late", "rows", "shift"),
        [
            (0.10, 0.15, 10**9, np.log((0.15 / 0.85) / (0.1 / 0.9))),
            (0.10, 0.10, 10**9, 0.0),
            (0.50, 0.50, 40, 0.0),
            (0.30, 0.60, 0, 0.0),
        ],
    )
    def test_of_many_outcomes_makes_predictions_come_true(
        self, expected: float, late: float, rows: float, shift: float
    ) -> None:
        z, outcome = np.full(2, log_odds(np.array(expected))), np.array([1.0, 0.0])
        weight = rows * np.array([late, 1 - late])
        assert level_shift(z, outcome, weight, 200) == pytest.approx(shift, abs=1e-5)

    @pytest.mark.parametrize("prior_rows", [1.0, 200.0, 5000.0])
    def test_is_the_penalised_maximum_of_the_likelihood(self, prior_rows: float) -> None:
        random = np.random.default_rng(1)
        z, weight = random.normal(-2, 1, 300), random.uniform(0.1, 1, 300)
        late = (random.random(300) < 0.4).astype(float)

        def loss(shift: float) -> float:
            return (
                float(weight @ (np.logaddexp(0, z + shift) - late * (z + shift))) + prior_rows / 8 * shift**2
            )

        found = minimize_scalar(loss, bounds=(-10, 10), method="bounded", options={"xatol": 1e-9})
        assert level_shift(z, late, weight, prior_rows) == pytest.approx(found.x, abs=1e-6)

    @pytest.mark.parametrize("outcome", [0.0, 1.0])
    def test_of_one_kind_of_outcome_stays_finite(self, outcome: float) -> None:
        shift = level_shift(np.full(5000, -3.0), np.full(5000, outcome), np.ones(5000), 200)
        assert np.isfinite(shift) and (shift > 0) == (outcome == 1)


def test_questions_that_matured_in_a_week_are_those_a_replay_finds(sample_past: Replayed) -> None:
    history, begin, end = sample_past.history, day_number(CUT), day_number(CUT) + 7
    for target in history.rule.horizons:
        every = replay(history, CUT + timedelta(days=7))
        matures_on = every.matures_on[target]
        expected = every.where(every.teaches(target, end) & (matures_on >= begin))
        found = matured_between(history, target, begin, end, known_by=end)
        assert len(found) > 5
        np.testing.assert_array_equal([found.rows, found.as_of], [expected.rows, expected.as_of])
        np.testing.assert_array_equal(found.outcomes[target], expected.outcomes[target])


@pytest.mark.parametrize(
    ("day", "monday"),
    [("2026-03-16", "2026-03-16"), ("2026-03-22", "2026-03-16"), ("2026-03-23", "2026-03-23")],
)
def test_the_level_is_set_on_mondays(day: str, monday: str) -> None:
    assert recalibration_day(date.fromisoformat(day)).isoformat() == monday


class TestRecalibrated:
    def test_model_follows_everybody_who_pays_later(self, model: RiskModel, slowed: History) -> None:
        current = recalibrated(model, slowed, LATER)
        assert current.card["recalibration"]["as_of"] == "2026-03-16"
        assert shifts(current)["p_late"] > 0.2
        cohort = ask(slowed, *open_weekly(slowed, LATER, LATER + timedelta(days=7)), date(2026, 7, 1))
        cohort = cohort.where(cohort.teaches("p_late", day_number(date(2026, 7, 1))))
        values = CATALOGUE.compute(slowed, cohort.rows, cohort.as_of)
        late = cohort.outcomes["p_late"].mean()
        errors = [abs(each.predict(values)["p_late"].mean() - late) for each in (current, model)]
        assert errors[0] < errors[1] - 0.03

    def test_level_is_the_shift_that_the_latest_outcomes_ask_for(
        self, model: RiskModel, slowed: History
    ) -> None:
        recipe = TrainingSettings().model_dump()
        paid = slowed.tables["payments"]
        known = paid[paid["known_on"] < "2026-03-16"]
        lags = sorted((known["known_on"] - known["paid_on"]).dt.days)
        end = day_number(known["known_on"].max().date()) + 1
        reach = end - lags[int(np.ceil(0.95 * (len(lags) - 1)))]
        cohort = replay(slowed, date(2026, 3, 16))
        asked = cohort.where(
            cohort.teaches("p_late", reach)
            & (cohort.matures_on["p_late"] >= day_number(CUT))
            & (cohort.as_of >= end - recipe["recalibration_asked_within_days"])
        )
        z = log_odds(_before_bounds(model, asked))
        recency = 0.5 ** ((end - asked.matures_on["p_late"]) / recipe["recalibration_half_life_days"])
        shift = level_shift(
            z, asked.outcomes["p_late"], asked.weight * recency, recipe["recalibration_prior_rows"]
        )
        assert shifts(recalibrated(model, slowed, LATER))["p_late"] == pytest.approx(shift, abs=1e-9)

    @pytest.mark.parametrize("day", [CUT, CUT + timedelta(days=2), date(2025, 11, 3)])
    def test_model_of_its_training_day_or_earlier_is_itself(
        self, model: RiskModel, slowed: History, day: date
    ) -> None:
        assert recalibrated(model, slowed, day) is model

    def test_model_is_itself_where_the_modeller_switched_it_off(
        self, model: RiskModel, slowed: History
    ) -> None:
        off = model.card["settings"] | {"recalibrates": False}
        for card in (model.card | {"settings": off}, {}):
            switched_off = replace(model, card=card)
            assert recalibrated(switched_off, slowed, LATER) is switched_off

    def test_level_never_sees_what_was_not_known_before_its_monday(
        self, model: RiskModel, sample_past: Replayed
    ) -> None:
        ledger = sample_past.history.ledger
        level = shifts(recalibrated(model, History(ledger), LATER))
        for since in (date(2026, 3, 16), LATER):
            other = History(with_another_future(ledger, since))
            assert shifts(recalibrated(model, other, LATER)) == level

    def test_level_stands_still_while_no_payments_are_imported(
        self, model: RiskModel, sample_past: Replayed
    ) -> None:
        ledger, lost = sample_past.history.ledger, np.datetime64("2026-02-16", "s")
        paid = ledger.tables["payments"]
        silent = replace(ledger, tables=ledger.tables | {"payments": paid[paid["known_on"] < lost]})
        last = paid["known_on"][paid["known_on"] < lost].max().date()
        assert (lost.astype(date).date() - last).days < 4
        month_later, then = (
            shifts(recalibrated(model, History(silent), day)) for day in (LATER, date(2026, 2, 16))
        )
        assert month_later == then

    def test_reasons_stay_and_still_add_up(self, model: RiskModel, slowed: History) -> None:
        current = recalibrated(model, slowed, LATER)
        rows = slowed.open_on(day_number(LATER))
        values = CATALOGUE.compute(slowed, rows, np.full(len(rows), day_number(LATER)))
        for before, after in zip(model.explain(values), current.explain(values), strict=True):
            assert before.reasons == after.reasons
            if after.contributions:
                total = after.base + sum(after.contributions.values())
                assert total == pytest.approx(float(log_odds(np.array(after.probability))), abs=1e-9)

    def test_ranges_move_along(self, model: RiskModel, slowed: History) -> None:
        current = recalibrated(model, slowed, LATER)
        rows = slowed.open_on(day_number(LATER))
        values = CATALOGUE.compute(slowed, rows, np.full(len(rows), day_number(LATER)))
        (low, high), (low_now, high_now) = (
            ranges(each, values, each.predict(values))["p_late"] for each in (model, current)
        )
        assert (low_now >= low).all() and (high_now >= high).all() and (high_now > high).any()

    def test_more_rows_than_allowed_are_thinned_evenly(self, model: RiskModel, slowed: History) -> None:
        few = model.card["settings"] | {"recalibration_most_rows": 100}
        thinned = recalibrated(replace(model, card=model.card | {"settings": few}), slowed, LATER)
        told = [
            each.card["recalibration"]["horizons"]["p_late"]
            for each in (thinned, recalibrated(model, slowed, LATER))
        ]
        assert told[0]["outcomes"] <= 100 < told[1]["outcomes"]
        assert 0 < told[0]["shift"] < 2 * told[1]["shift"]


def _before_bounds(model: RiskModel, cohort: Cohort) -> np.ndarray:
    """First-horizon probabilities without the squeeze into [.0001, .9999]."""
    values = CATALOGUE.compute(cohort.history, cohort.rows, cohort.as_of)
    return (model.predict(values)["p_late"].to_numpy() - 1e-4) / (1 - 2e-4)


def test_served_week_by_week_is_each_weeks_own_model(model: RiskModel, slowed: History) -> None:
    begin = date(2026, 2, 4)
    cohort = ask(slowed, *open_weekly(slowed, begin, begin + timedelta(days=15)), LATER)
    values = CATALOGUE.compute(slowed, cohort.rows, cohort.as_of)
    served = predict_as_served(model, cohort, values)
    assert served.index.tolist() == list(range(len(cohort)))
    for day in np.unique(cohort.as_of):
        rows = np.flatnonzero(cohort.as_of == day)
        alone = recalibrated(model, slowed, date(1970, 1, 1) + timedelta(days=int(day))).predict(values[rows])
        np.testing.assert_array_equal(served.to_numpy()[rows], alone.to_numpy())
    assert predict_as_served(model, cohort.where(cohort.as_of < 0), values[:0]).empty
