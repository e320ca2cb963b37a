"""Does every period's model know only what was known before it, and is the judged table complete?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Literal

import numpy as np
import pandas as pd
import pytest

from features.catalogue import CATALOGUE
from features.days import day_number
from features.history import History
from features.ledger import Ledger
from tests.ledger_rows import INVOICE, PAYMENT, ledger
from training.backtest import Backtest, Period, Replayed, backtest, periods
from training.model.fitting import fit_model, fit_on
from training.segments import SEGMENTS
from training.settings import TrainingSettings

OCTOBER, NOVEMBER, DECEMBER, JANUARY = (*(date(2025, month, 1) for month in (10, 11, 12)), date(2026, 1, 1))
KNOWN_BY = date(2026, 7, 1)
TARGETS = ("p_late", "p_late_30", "p_late_90")
NEW = INVOICE | {"invoice_id": "N", "issued_on": "2024-03-05", "due_on": "2024-04-04"}
MODELS = ("model", "static", "customer_rate", "ageing", "logistic")


@pytest.mark.parametrize(
    ("begin", "end", "refit_months", "expected"),
    [
        ("2026-01-01", "2026-03-01", 1, ["2026-01-01 to 2026-02-01", "2026-02-01 to 2026-03-01"]),
        ("2026-01-15", "2026-02-20", 1, ["2026-01-15 to 2026-02-15", "2026-02-15 to 2026-02-20"]),
        ("2026-01-31", "2026-03-31", 1, ["2026-01-31 to 2026-02-28", "2026-02-28 to 2026-03-31"]),
        ("2026-01-01", "2026-06-01", 3, ["2026-01-01 to 2026-04-01", "2026-04-01 to 2026-06-01"]),
        ("2026-01-01", "2026-01-02", 12, ["2026-01-01 to 2026-01-02"]),
        ("2026-01-01", "2026-01-01", 1, []),
    ],
)  # fmt: skip
def test_periods_are_months_without_gap_or_overlap(
    begin: str, end: str, refit_months: int, expected: list[str]
) -> None:
    found = periods(date.fromisoformat(begin), date.fromisoformat(end), refit_months)
    assert [period.name for period in found] == expected


@pytest.fixture(scope="module")
def done(sample_past: Replayed, hasty_settings: TrainingSettings) -> Backtest:
    return backtest(sample_past.history, NOVEMBER, JANUARY, KNOWN_BY, hasty_settings)


def of_period(scored: pd.DataFrame, begin: date, end: date) -> pd.DataFrame:
    inside = (scored["as_of"] >= pd.Timestamp(begin)) & (scored["as_of"] < pd.Timestamp(end))
    return scored[inside].reset_index(drop=True)


def predictions(scored: pd.DataFrame) -> pd.DataFrame:
    columns = [f"{target}__{model}" for target in TARGETS for model in MODELS]
    return scored[["invoice_id", "as_of", *columns]]


def with_another_future(ledger: Ledger, from_day: date) -> Ledger:
    """The same ledger in which all that was learned from a day on went otherwise, and every payment bounced."""
    at, tables = np.datetime64(from_day, "s"), dict(ledger.tables)
    for name in ("invoices", "credit_notes", "disputes", "promises", "contacts", "credit_reports"):
        tables[name] = tables[name][tables[name]["known_on"] < at].reset_index(drop=True)
    paid = tables["payments"][tables["payments"]["known_on"] < at]
    bounced = paid.assign(amount=-paid["amount"], paid_on=at, known_on=at)
    tables["payments"] = pd.concat([paid, bounced], ignore_index=True)
    return replace(ledger, tables=tables)


class TestKnowsOnlyItsPast:
    def test_the_model_of_a_day_is_the_one_that_the_ledger_of_that_day_gives(
        self, sample_past: Replayed, hasty_settings: TrainingSettings
    ) -> None:
        known = sample_past.history.ledger.known_before(NOVEMBER)
        of_its_time = fit_model(History(known), NOVEMBER, hasty_settings)
        replayed = fit_on(*sample_past.known_before(NOVEMBER), NOVEMBER, hasty_settings, CATALOGUE)
        assert replayed.card == of_its_time.card
        assert replayed.horizons == of_its_time.horizons
        np.testing.assert_equal(replayed.reference, of_its_time.reference)
        texts = [
            [horizon.booster.model_to_string() for horizon in model.horizons if horizon.booster]
            for model in (replayed, of_its_time)
        ]
        assert texts[0] == texts[1] != []

    def test_another_future_leaves_earlier_predictions_as_they_were(
        self, done: Backtest, sample_past: Replayed, hasty_settings: TrainingSettings
    ) -> None:
        other = History(with_another_future(sample_past.history.ledger, DECEMBER))
        again = backtest(other, NOVEMBER, JANUARY, KNOWN_BY, hasty_settings)
        before = of_period(done.scored, NOVEMBER, DECEMBER)
        assert len(again.scored) == len(before) > 100
        pd.testing.assert_frame_equal(predictions(again.scored), predictions(before), check_exact=True)
        assert again.outcome.mean() == 1
        assert before["outcome_p_late"].mean() < 0.5

    def test_each_period_names_what_it_was_fitted_on(self, done: Backtest) -> None:
        assert [period["name"] for period in done.periods] == [
            "2025-11-01 to 2025-12-01",
            "2025-12-01 to 2026-01-01",
        ]
        for period, begin, end in zip(done.periods, (NOVEMBER, DECEMBER), (DECEMBER, JANUARY), strict=True):
            assert period["fit_from"] < period["fit_to"] < period["gap_to"] == begin.isoformat()
            assert period["test_to"] == end.isoformat()
            assert period["rows"] == len(of_period(done.scored, begin, end))


class TestJudgedTable:
    def test_has_every_model_for_every_target(self, done: Backtest) -> None:
        facts = ["invoice_id", "customer_id", "as_of", "money_unit", "money_amount", "is_cold"]
        facts += ["weeks_open", "matures_on", "taught_before"]
        outcomes = [f"outcome_{target}" for target in TARGETS]
        predicted = [f"{target}__{model}" for target in TARGETS for model in MODELS]
        assert set(done.scored) == {*facts, *SEGMENTS, *outcomes, *predicted}

    def test_has_every_invoice_of_the_window_once(self, done: Backtest, sample_ledger: Ledger) -> None:
        invoices = sample_ledger.tables["invoices"]
        inside = (invoices["issued_on"] >= pd.Timestamp(NOVEMBER)) & (
            invoices["issued_on"] < pd.Timestamp(JANUARY)
        )
        assert sorted(done.scored["invoice_id"]) == sorted(invoices["invoice_id"][inside])
        assert (done.scored["weeks_open"] == 0).all()

    def test_holds_outcomes_that_a_plain_reading_of_the_payments_confirms(
        self, done: Backtest, sample_ledger: Ledger
    ) -> None:
        paid, credited = sample_ledger.tables["payments"], sample_ledger.tables["credit_notes"]
        invoices = sample_ledger.tables["invoices"].set_index("invoice_id")
        single = paid.groupby("invoice_id").filter(lambda rows: len(rows) == 1).set_index("invoice_id")
        single = single[~single.index.isin(credited["invoice_id"])]
        whole = single[single["amount"] == invoices["amount"].reindex(single.index)]
        scored = done.scored.set_index("invoice_id").join(whole[["paid_on"]], how="inner")
        waited = (scored["paid_on"] - invoices["due_on"].reindex(scored.index)).dt.days
        known = scored["outcome_p_late"].notna()
        assert (scored["outcome_p_late"][known & (waited <= 5)] == 0).all()
        # A due date moves by less than a week.
        assert (scored["outcome_p_late"][known & (waited > 5 + 7)] == 1).all()
        assert known.sum() > 100

    def test_marks_customers_without_a_settled_invoice(self, done: Backtest) -> None:
        assert done.scored["is_cold"].dtype == bool
        cold = done.scored[done.scored["is_cold"]]
        assert cold[["p_late__model", "p_late__customer_rate"]].notna().all(axis=None)

    def test_keeps_probabilities_in_order(self, done: Backtest) -> None:
        p = done.scored[[f"{target}__model" for target in TARGETS]].to_numpy()
        assert ((p >= 0.0001) & (p <= 0.9999)).all()
        assert (np.diff(p, axis=1) <= 0).all()


@pytest.fixture(scope="module")
def weekly(sample_past: Replayed, hasty_settings: TrainingSettings) -> Backtest:
    return backtest(sample_past.history, NOVEMBER, DECEMBER, date(2025, 12, 20), hasty_settings, at="weekly")


class TestWeekly:
    def test_asks_about_what_is_open_on_every_seventh_day(
        self, weekly: Backtest, sample_past: Replayed
    ) -> None:
        history, as_of = sample_past.history, weekly.scored["as_of"].dt.date
        ids = history.tables["invoices"]["invoice_id"]
        assert sorted(as_of.unique()) == [date(2025, 11, day) for day in (1, 8, 15, 22, 29)]
        for day in as_of.unique():
            asked = weekly.scored["invoice_id"][as_of == day]
            assert set(asked) == set(ids.iloc[history.open_on(day_number(day))])

    def test_judges_only_horizons_that_were_open_when_asked(self, weekly: Backtest) -> None:
        decided = weekly.scored["p_late__model"] == 1
        assert decided.any()
        assert weekly.scored["outcome_p_late"][decided].isna().all()
        # The few others were paid in time, which we learned of only later.
        assert 0.9 < weekly.outcome[decided].mean() <= 1
        np.testing.assert_array_equal(weekly.outcome[~decided], weekly.scored["outcome_p_late"][~decided])

    def test_leaves_outcomes_empty_that_nobody_knows_yet(self, weekly: Backtest) -> None:
        assert np.isnan(weekly.outcome).any()
        assert not np.isnan(weekly.outcome).all()


class TestRefusals:
    @pytest.mark.parametrize(("at", "said"), [("issue", "issued"), ("weekly", "open")])
    @pytest.mark.parametrize("days", [0, 9])
    def test_an_empty_window_is_said(
        self, at: Literal["issue", "weekly"], said: str, days: int, hasty_settings: TrainingSettings
    ) -> None:
        history, begin = History(ledger(payments=[PAYMENT])), date(2024, 3, 1)
        end = begin + timedelta(days)
        with pytest.raises(ValueError, match=f"no invoice was {said} from {begin} to {end}"):
            backtest(history, begin, end, KNOWN_BY, hasty_settings, at)

    def test_steps_are_told_as_they_are_taken(self, hasty_settings: TrainingSettings) -> None:
        said: list[str] = []
        history, begin = History(ledger(INVOICE, NEW, payments=[PAYMENT])), date(2024, 3, 1)
        backtest(history, begin, date(2024, 3, 9), KNOWN_BY, hasty_settings, progress=said.append)
        assert said == ["replaying the past"] + [
            f"fitting {what} as of 2024-03-01" for what in (*TARGETS, "the time to payment", "baselines")
        ]

    @pytest.mark.parametrize("begin", [date(2024, 1, 1), date(2024, 2, 5)])
    def test_nothing_to_learn_from_is_said(self, begin: date, hasty_settings: TrainingSettings) -> None:
        with pytest.raises(ValueError, match=f"no invoice had matured by {begin}"):
            backtest(History(ledger()), begin, date(2024, 3, 1), KNOWN_BY, hasty_settings)


def test_a_period_is_named_by_its_days() -> None:
    assert Period(NOVEMBER, DECEMBER).name == "2025-11-01 to 2025-12-01"


def test_replayed_values_are_those_of_the_catalogue(sample_past: Replayed) -> None:
    cohort, values = sample_past.known_before(OCTOBER)
    at = np.arange(0, len(cohort), 101)
    alone = CATALOGUE.compute(cohort.history, cohort.rows[at], cohort.as_of[at])
    np.testing.assert_array_equal(alone, values[at])
