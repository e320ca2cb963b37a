"""Are probabilities in order and in bounds, and does every explanation add up to the probability shown?"""

from __future__ import annotations

import warnings
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.catalogue import CATALOGUE
from features.history import History
from features.lateness import LatenessRule
from features.reasons import REASON_CODES
from tests.ledger_rows import PAYMENT, ledger
from training.backtest import Replayed
from training.cohort import replay
from training.model import Explanation, HorizonModel, RiskModel
from training.model.calibration import bounded, log_odds
from training.model.fitting import fit_model, fit_on
from training.settings import TrainingSettings

CUT = date(2026, 1, 1)
MATURED = date(2026, 7, 1)
NONE_OF_ITS_OWN = {"fewest_late_to_fit": 10**6}


class Trained:
    """Models of the sample ledger by lateness rule and settings, with questions that reach past every horizon."""

    def __init__(self, past: Replayed, hasty: TrainingSettings) -> None:
        self.past, self._hasty = past, hasty
        self.model = cache(self._model)
        self.values = cache(self._values)

    def _history(self, late_after: int) -> History:
        history = self.past.history
        return history if late_after == 5 else History(history.ledger, LatenessRule(late_after))

    def _model(self, late_after: int, is_own: bool) -> RiskModel:
        cohort = replay(self._history(late_after), CUT)
        settings = self._hasty if is_own else self._hasty.model_copy(update=NONE_OF_ITS_OWN)
        values = CATALOGUE.compute(cohort.history, cohort.rows, cohort.as_of)
        return fit_on(cohort, values, CUT, settings, CATALOGUE)

    def _values(self, late_after: int) -> np.ndarray:
        cohort = replay(self._history(late_after), MATURED)
        at = np.arange(0, len(cohort), 13)
        rows, as_of = (
            np.tile(cohort.rows[at], 3),
            np.concatenate([cohort.as_of[at] + d for d in (0, 40, 400)]),
        )
        return CATALOGUE.compute(cohort.history, rows, as_of)


@pytest.fixture(scope="module")
def trained(sample_past: Replayed, hasty_settings: TrainingSettings) -> Trained:
    return Trained(sample_past, hasty_settings)


@pytest.fixture(scope="module", params=[(5, True), (5, False), (30, True), (60, True), (120, False)], ids=str)
def scored(request: pytest.FixtureRequest, trained: Trained) -> tuple[RiskModel, np.ndarray]:
    late_after, is_own = request.param
    return trained.model(late_after, is_own), trained.values(late_after)


def column(values: np.ndarray, name: str) -> np.ndarray:
    return values[:, CATALOGUE.names.index(name)]


def question(**known: float) -> np.ndarray:
    """One row of features, 0 where not given."""
    values = np.zeros((1, len(CATALOGUE.names)))
    for name, value in known.items():
        values[0, CATALOGUE.names.index(name)] = value
    return values


class TestProbabilities:
    def test_are_ordered_by_days_in_bounds_and_one_once_decided(
        self, scored: tuple[RiskModel, np.ndarray]
    ) -> None:
        model, values = scored
        given, waited = model.predict(values), column(values, "days_past_due")
        days = model.rule.horizons
        for shorter, longer in zip(
            sorted(days, key=days.__getitem__), sorted(days, key=days.__getitem__)[1:], strict=False
        ):
            assert (given[longer] <= given[shorter]).all()
        for target, limit in days.items():
            decided, p = waited > limit, given[target].to_numpy()
            assert decided.any() and not decided.all()
            assert (p[decided] == 1.0).all()
            assert ((p[~decided] >= 0.0001) & (p[~decided] <= 0.9999)).all()

    @pytest.mark.parametrize(
        ("late_after", "order", "equal"),
        [
            (5, ["p_late", "p_late_30", "p_late_90"], None),
            (30, ["p_late", "p_late_30", "p_late_90"], ("p_late", "p_late_30")),
            (60, ["p_late_30", "p_late", "p_late_90"], None),
            (120, ["p_late_30", "p_late_90", "p_late"], None),
        ],
    )
    def test_horizons_stand_in_order_of_days_and_equal_ones_are_equal(
        self, trained: Trained, late_after: int, order: list[str], equal: tuple[str, str] | None
    ) -> None:
        model = trained.model(late_after, late_after != 120)
        assert [horizon.target for horizon in model.horizons] == order
        given = model.predict(trained.values(late_after))
        assert list(given.columns) == ["p_late", "p_late_30", "p_late_90"]
        if equal:
            assert (given[equal[0]] == given[equal[1]]).all()

    def test_of_one_invoice_are_those_it_has_in_the_book(self, trained: Trained) -> None:
        model, values = trained.model(5, True), trained.values(5)
        book = model.predict(values)
        for row in range(0, len(values), 97):
            pd.testing.assert_frame_equal(
                model.predict(values[[row]]), book.iloc[[row]].reset_index(drop=True), check_exact=True
            )

    def test_of_no_invoice_are_an_empty_table(self, small_model: RiskModel) -> None:
        given = small_model.predict(np.empty((0, len(CATALOGUE.names))))
        assert (list(given), len(given)) == (["p_late", "p_late_30", "p_late_90"], 0)
        assert small_model.explain(np.empty((0, len(CATALOGUE.names)))) == []

    @pytest.mark.parametrize("name", ["late_rate", "late_rate_of_30", "late_rate_recent"])
    def test_never_fall_when_the_customers_late_rate_alone_rises(self, trained: Trained, name: str) -> None:
        model, values = trained.model(5, True), trained.values(5)[:40]
        lowest = np.zeros((40, 3))
        for rate in np.linspace(0, 1, 12):
            values = values.copy()
            values[:, CATALOGUE.names.index(name)] = rate
            given = model.predict(values).to_numpy()
            assert (given >= lowest - 1e-12).all()
            lowest = given

    @pytest.mark.parametrize(
        ("settled", "expected"),
        [(0, "none"), (1, "little"), (4, "little"), (5, "some"), (19, "some"), (20, "ample"), (400, "ample")],
    )
    def test_say_how_much_evidence_there_is(
        self, small_model: RiskModel, settled: int, expected: str
    ) -> None:
        assert small_model.evidence(question(settled_count=settled)).tolist() == [expected]


def plain_model(late_after: int, **more: Any) -> RiskModel:
    """A model of plain rates, as of a book with few late invoices."""
    rule = LatenessRule(late_after)
    order = sorted(rule.horizons, key=rule.horizons.__getitem__)
    horizons = [HorizonModel(order[0], rule.horizons[order[0]], "rate", 0.2, "few")]
    horizons += [HorizonModel(target, rule.horizons[target], "ratio", 0.25, "few") for target in order[1:]]
    return RiskModel(rule, tuple(horizons), dict.fromkeys(CATALOGUE.names, 0.0), **more)


RATES = {"late_rate": 0.4, "late_rate_of_30": 0.2, "late_goes_past_30": 0.5, "late_goes_past_90": 0.16}


class TestShortHistories:
    @pytest.mark.parametrize(
        ("late_after", "waited", "expected"),
        [
            (5, 0, (0.4, 0.2, 0.032)),
            (5, 5, (0.4, 0.2, 0.032)),
            (5, 6, (1, 0.5 ** (24 / 25), 0.5 ** (24 / 25) * 0.16)),
            (5, 30, (1, 1.0, 0.16)),  # p_late_30 is not decided on day 30 itself, and as good as sure
            (5, 31, (1, 1, 0.16 ** (59 / 60))),
            (5, 60, (1, 1, 0.4)),  # half of the way survived: the square root of .16
            (5, 91, (1, 1, 1)),
            (30, 0, (0.4, 0.4, 0.064)),
            # No feature says how lateness goes on to day 60, so its horizons fall by the typical quarter.
            (60, 0, (0.05, 0.2, 0.0125)),
        ],
    )
    def test_use_the_customers_rate_and_how_often_its_lateness_goes_on(
        self, late_after: int, waited: int, expected: tuple[float, float, float]
    ) -> None:
        given = plain_model(late_after).predict(question(days_past_due=waited, **RATES)).iloc[0]
        decided = [waited > days for days in LatenessRule(late_after).horizons.values()]
        shown = [1.0 if over else bounded(np.array(p)) for over, p in zip(decided, expected, strict=True)]
        assert given.tolist() == pytest.approx(shown, abs=1e-12)

    def test_are_told_by_kind_and_note(self, trained: Trained) -> None:
        model = trained.model(5, False)
        late = {target: row["late_invoices"] for target, row in model.card["horizons"].items()}
        assert [(horizon.kind, horizon.note) for horizon in model.horizons] == [
            (
                "rate",
                f"the customer's own late rate: {late['p_late']} matured late invoices, 1000000 are needed to fit",
            ),
            (
                "ratio",
                "p_late times the share of late invoices that go on: "
                f"{late['p_late_30']} matured late invoices, 1000000 are needed to fit",
            ),
            (
                "ratio",
                "p_late_30 times the share of late invoices that go on: "
                f"{late['p_late_90']} matured late invoices, 1000000 are needed to fit",
            ),
        ]

    def test_too_few_to_calibrate_is_told_too(
        self, sample_past: Replayed, hasty_settings: TrainingSettings
    ) -> None:
        strict = hasty_settings.model_copy(update={"fewest_late_to_calibrate": 5000, "most_rounds": 2})
        cohort, values = sample_past.known_before(date(2026, 1, 1))
        model = fit_on(cohort, values, date(2026, 1, 1), strict, CATALOGUE)
        assert {horizon.kind for horizon in model.horizons} == {"rate", "ratio"}
        assert model.horizons[0].note.endswith("late invoices to calibrate, 5000 are needed")

    def test_default_settings_want_a_hundred_late_invoices_and_thirty_to_calibrate(self) -> None:
        settings = TrainingSettings()
        assert (settings.fewest_late_to_fit, settings.fewest_late_to_calibrate) == (100, 30)

    def test_a_single_matured_invoice_makes_a_model(self, hasty_settings: TrainingSettings) -> None:
        history = History(ledger(payments=[PAYMENT]))
        model = fit_model(history, date(2024, 2, 6), hasty_settings)
        assert [horizon.kind for horizon in model.horizons] == ["rate", "ratio", "ratio"]
        given = model.predict(CATALOGUE.compute(history, np.array([0]), np.array([19_750])))
        assert ((given > 0) & (given < 1)).all(axis=None)

    def test_nothing_matured_is_an_error_that_says_what_to_do(self, hasty_settings: TrainingSettings) -> None:
        with pytest.raises(
            ValueError, match=r"no invoice had matured by 2024-02-05.*5 days after due.*later day"
        ):
            fit_model(History(ledger()), date(2024, 2, 5), hasty_settings)


def nearest_open(model: RiskModel, waited: float) -> str | None:
    return next((horizon.target for horizon in model.horizons if waited <= horizon.days), None)


class TestExplanations:
    def test_add_up_to_the_probability_of_the_nearest_open_horizon(
        self, scored: tuple[RiskModel, np.ndarray]
    ) -> None:
        model, values = scored
        given, waited = model.predict(values), column(values, "days_past_due")
        explained = model.explain(values)
        targets = [nearest_open(model, each) for each in waited]
        assert len({target for target in targets if target}) > 1
        for row, (explanation, target) in enumerate(zip(explained, targets, strict=True)):
            if target is None:
                continue
            assert explanation.target == target
            assert explanation.probability == given[target][row]
            total = explanation.base + sum(explanation.contributions.values())
            odds = explanation.probability / (1 - explanation.probability)
            assert total == pytest.approx(np.log(odds), abs=1e-9)
            assert set(explanation.contributions) == set(REASON_CODES)

    def test_past_every_horizon_are_one_fact(self, scored: tuple[RiskModel, np.ndarray]) -> None:
        model, values = scored
        longest = model.horizons[-1].days
        past_all = np.flatnonzero(column(values, "days_past_due") > longest)
        assert len(past_all)
        for waited, explanation in zip(
            column(values, "days_past_due")[past_all], model.explain(values[past_all]), strict=True
        ):
            assert explanation.probability == 1.0
            assert explanation.contributions == {}
            assert [reason["sentence"] for reason in explanation.reasons] == [
                f"The invoice is {waited:.0f} days late, past the longest horizon of {longest} days"
            ]
            assert explanation.reasons[0] | {"sentence": ""} == {
                "code": "time_past_due", "sentence": "", "direction": "raises", "contribution": 0.0,
                "value": waited, "reference": longest,
            }  # fmt: skip

    def test_group_the_trees_own_contributions_by_code(self, trained: Trained) -> None:
        model = trained.model(5, True)
        values = trained.values(5)[:60]
        values = values[column(values, "days_past_due") <= 5]
        assert len(values) > 20
        booster = model.horizons[0].booster
        assert booster is not None
        raw = np.asarray(booster.predict(values, pred_contrib=True))
        codes = [described.reason for described in CATALOGUE.features]
        grouped = pd.DataFrame(raw[:, :-1].T).groupby(codes).sum().T
        for row, explanation in enumerate(model.explain(values)):
            assert explanation.base == raw[row, -1]
            for code in grouped:
                assert explanation.contributions[str(code)] == pytest.approx(grouped[code][row], abs=1e-12)

    def test_of_a_customers_rate_name_that_rate(self) -> None:
        values = question(late_rate=0.4, late_rate_of_30=0.05, days_past_due=-3)
        explanation = plain_model(60).explain(values)[0]
        assert explanation.target == "p_late_30"
        assert [(each["code"], each["value"]) for each in explanation.reasons] == [
            ("late_payment_habit", 0.05)
        ]
        habit = float(log_odds(np.array(0.05)) - log_odds(np.array(0.2)))
        assert explanation.contributions["late_payment_habit"] == pytest.approx(habit, abs=1e-12)

    def test_say_how_long_was_waited_where_lateness_goes_on(self) -> None:
        values = question(late_goes_past_90=0.16, days_past_due=60)
        explanation: Explanation = plain_model(5).explain(values)[0]
        assert explanation.target == "p_late_90"
        moved = {code: value for code, value in explanation.contributions.items() if abs(value) > 0.01}
        odds = log_odds(np.array([0.25, 0.16, 0.4]))
        assert moved == pytest.approx(
            {"days_late_habit": odds[1] - odds[0], "time_past_due": odds[2] - odds[1]}
        )

    @pytest.mark.slow
    def test_the_contributions_are_those_of_tree_explainer(self, trained: Trained) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import shap
        model, values = trained.model(5, True), np.ascontiguousarray(trained.values(5)[:300])
        boosters = [horizon.booster for horizon in model.horizons if horizon.booster]
        assert len(boosters) == 2
        for booster in boosters:
            explainer = shap.TreeExplainer(booster)
            # Left alone, shap asks LightGBM for the values; this makes it walk the trees by itself.
            explainer.model.model_type = "internal"
            given = np.asarray(booster.predict(values, pred_contrib=True))
            np.testing.assert_allclose(given[:, :-1], explainer.shap_values(values), rtol=0, atol=1e-12)
            np.testing.assert_allclose(
                given[:, -1], np.full(300, explainer.expected_value), rtol=0, atol=1e-12
            )
