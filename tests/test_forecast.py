"""Do expected cash and its ranges add up, and are disputes, promises and plans where they belong?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.days import NEVER, day_number
from features.history import History
from features.ledger import Ledger
from serving.agreements import agreed_pieces, kept_rate
from serving.cash_study import Receipts, ageing_forecast, study_cash
from serving.forecast import Forecast, forecast
from serving.policy import Policy
from serving.scenarios import (
    Claims,
    Futures,
    Grouping,
    _has_others,
    _weeks_drawn,
    expected,
    ranges,
    whole_units,
)
from serving.scoring import Scorer
from tests.ledger_rows import INVOICE, PAYMENT, ledger
from training.model import RiskModel
from training.model.cash import Unevenness

DAY = date(2024, 2, 1)
SECOND = INVOICE | {"invoice_id": "B", "due_on": "2024-02-15", "amount": "50.00"}
PROMISE = {
    "promise_id": "P1",
    "invoice_id": "A",
    "made_on": "2024-01-20",
    "promised_on": "2024-02-09",
    "amount": "60",
}
LATER = {"promise_id": "P2", "made_on": "2024-01-25", "promised_on": "2024-02-20"}
PLAN = {
    "plan_id": "R1",
    "customer_id": "C",
    "agreed_on": "2024-01-20",
    "due_on": "2024-02-10",
    "amount": "70",
}
MORE = {"plan_id": "R2", "due_on": "2024-03-10"}
DISPUTE = {"dispute_id": "D1", "invoice_id": "A", "opened_on": "2024-01-15"}


def of(model: RiskModel, *invoices: dict[str, Any], **tables: Any) -> Forecast:
    return forecast(Scorer(ledger(*invoices, **tables), model, Policy.load(), DAY), scenarios=200)


def money(found: Forecast, kind: str, by: str = "total") -> int:
    rows = found.cash[(found.cash["by"] == by) & (found.cash["kind"] == kind)]
    return int(rows["expected"].sum())


@pytest.fixture(scope="module")
def found(sample_ledger: Ledger, small_model: RiskModel) -> Forecast:
    return forecast(Scorer(sample_ledger, small_model, Policy.load(), date(2026, 5, 1)), scenarios=200)


class TestAgreements:
    @pytest.mark.parametrize(
        ("tables", "expected"),
        [
            ({}, [("A", None, 10000), ("B", None, 5000)]),
            ({"promises": [PROMISE]}, [("A", "2024-02-09", 6000), ("A", None, 4000), ("B", None, 5000)]),
            # more than is open counts for what is open
            ({"promises": [PROMISE | {"amount": "500"}]}, [("A", "2024-02-09", 10000), ("B", None, 5000)]),
            # the latest promise of an invoice counts, and one that has passed does not
            (
                {"promises": [PROMISE, PROMISE | LATER]},
                [("A", "2024-02-20", 6000), ("A", None, 4000), ("B", None, 5000)],
            ),
            ({"promises": [PROMISE | {"promised_on": "2024-01-31"}]}, [("A", None, 10000), ("B", None, 5000)]),
            # made, but learned of later
            ({"promises": [PROMISE | {"known_on": "2024-02-01"}]}, [("A", None, 10000), ("B", None, 5000)]),
            # a plan of one invoice in two instalments
            (
                {"payment_plans": [PLAN | {"invoice_id": "B", "amount": "20"},
                                   PLAN | MORE | {"invoice_id": "B", "amount": "20"}]},
                [("A", None, 10000), ("B", "2024-02-10", 2000), ("B", "2024-03-10", 2000), ("B", None, 1000)],
            ),
            # a plan of the customer goes to the oldest due invoice first
            (
                {"payment_plans": [PLAN, PLAN | MORE]},
                [("A", "2024-02-10", 7000), ("A", "2024-03-10", 3000), ("B", "2024-03-10", 4000), ("B", None, 1000)],
            ),
        ],
    )  # fmt: skip
    def test_cut_open_amounts_into_pieces(
        self, tables: dict[str, Any], expected: list[tuple[str, Any, int]]
    ) -> None:
        history = History(ledger(INVOICE, SECOND, **tables))
        pieces = agreed_pieces(history, np.array([0, 1]), np.array([10000, 5000]), DAY)
        days = {None: NEVER} | {text: day_number(date.fromisoformat(text)) for _, text, _ in expected if text}
        found = zip(pieces.invoice.tolist(), pieces.agreed_on.tolist(), pieces.amount.tolist(), strict=True)
        assert list(found) == [("AB".index(name), days[text], amount) for name, text, amount in expected]

    def test_are_kept_as_often_as_the_customer_keeps_them(self) -> None:
        kept = PROMISE | {"promise_id": "K", "invoice_id": "B", "promised_on": "2024-01-30", "amount": "50"}
        paid = [PAYMENT | {"invoice_id": "B", "paid_on": "2024-01-28", "amount": "50"}]
        other = INVOICE | {"invoice_id": "Z", "customer_id": "D"}
        history = History(ledger(INVOICE, SECOND, other, payments=paid, promises=[kept]))
        rates = kept_rate(history, np.array([0, 2]), np.full(2, day_number(DAY)))
        assert rates[1] == pytest.approx(2 / 3)  # the book: one kept of one, drawn towards one half
        assert rates[0] == pytest.approx((1 + 4 * 2 / 3) / 5)


class TestScenarios:
    @pytest.mark.parametrize(
        ("amount", "reached", "weeks"),
        [(100, [0.5, 0.75], [50, 25, 25]), (1, [0.4, 0.6], [0, 1, 0]), (10, [0, 0], [0, 0, 10])],
    )  # fmt: skip
    def test_amounts_are_cut_into_whole_units(
        self, amount: int, reached: list[float], weeks: list[int]
    ) -> None:
        found = whole_units(np.array([amount]), np.array([reached]))
        assert found.tolist() == [weeks] and found.sum() == amount

    def test_expected_cash_adds_up_over_weeks_and_groups(self) -> None:
        draw = np.random.default_rng(3)
        reached = np.sort(draw.random((500, 13)), axis=1)
        amount, group = draw.integers(0, 10**7, 500), draw.integers(0, 9, 500)
        whole = expected(Grouping(np.zeros(500, np.int64), amount, 1), reached)
        parts = expected(Grouping(group, amount, 9), reached)
        assert (parts.sum(axis=0) == whole[0]).all()
        assert whole.sum() == amount.sum()
        np.testing.assert_allclose(np.cumsum(whole[0])[:-1], amount @ reached, atol=500)

    def test_ranges_hold_eight_in_ten_where_invoices_are_independent_and_widen_where_they_are_not(
        self,
    ) -> None:
        n = 2_000
        claims = Claims(np.arange(n) // 20, np.arange(n), np.full((n, 1), 0.5))
        grouping = {"total": Grouping(np.zeros(n, np.int64), np.full(n, 100), 1)}

        def width(customer: float, book: float) -> float:
            uneven = Unevenness(customer, 0.0, book, 0.0)
            low, _, high = ranges(claims, grouping, Futures(uneven, 2000))["total"][0, 0] / 100
            return float(high - low)

        # Independent: the sum of 2,000 fair coins has standard deviation 22.4; 80 % lie within 1.2816 of it.
        assert width(0.0, 0.0) == pytest.approx(2 * 1.2816 * np.sqrt(n) / 2, rel=0.08)
        # Twenty of one customer share a gamma factor of variance v on a hazard h: two of them stay open with
        # probability (1 + 2 v h)^(-1/v), which gives their correlation; variance is n / 4 (1 + 19 r).
        v = 0.3
        both = (1 + 2 * np.expm1(v * np.log(2))) ** (-1 / v)
        r = (both - 0.25) / 0.25
        assert width(v, 0.0) == pytest.approx(2 * 1.2816 * np.sqrt(n * (1 + 19 * r)) / 2, rel=0.08)
        assert width(v, 0.1) > 2 * width(v, 0.0)

    def test_common_factors_leave_what_is_expected_as_it_is(self) -> None:
        n, uneven = 40, Unevenness(0.3, 0.1, 0.05, 0.0)
        reached = np.sort(np.random.default_rng(3).random((n, 4)), axis=1)
        claims = Claims(np.arange(n) // 2, np.arange(n), reached)
        drawn = [week for _, _, week in _weeks_drawn(claims, np.arange(n), Futures(uneven, 20_000))]
        share = (np.concatenate(drawn)[:, :, None] <= np.arange(4)).mean(axis=1)
        np.testing.assert_allclose(share.mean(axis=0), reached.mean(axis=0), atol=0.02)

    def test_one_invoice_alone_has_no_factor_of_its_customer(self) -> None:
        claims = Claims(np.array([0, 1, 1, 2]), np.array([0, 1, 2, 3]), np.full((4, 1), 0.5))
        assert _has_others(claims).tolist() == [False, True, True, False]

    def test_the_same_seed_gives_the_same_ranges_and_pieces_of_an_invoice_share_its_fortune(self) -> None:
        claims = Claims(np.zeros(2, np.int64), np.zeros(2, np.int64), np.full((2, 1), 0.5))
        grouping = {"total": Grouping(np.zeros(2, np.int64), np.array([1, -1]), 1)}
        found = [ranges(claims, grouping, Futures(Unevenness(), 100))["total"] for _ in range(2)]
        np.testing.assert_array_equal(*found)
        assert (found[0] == 0).all()  # what one piece brings the other takes, in every scenario


class TestForecast:
    def test_groups_and_weeks_add_up_to_what_is_open(self, found: Forecast) -> None:
        for by in ("total", "division", "customer"):
            assert money(found, "week", by) == money(found, "all_weeks", by) == money(found, "all_weeks")
            assert money(found, "all_weeks", by) + money(found, "later", by) + money(
                found, "disputed", by
            ) == money(found, "open", by)
        weekly = found.cash[found.cash["kind"] == "week"].groupby(["by", "week"])["expected"].sum()
        assert (weekly["total"] == weekly["customer"]).all() and (weekly["total"] == weekly["division"]).all()
        assert 0 < money(found, "overdue") < money(found, "open")

    def test_currencies_are_told_in_their_own_money(self, found: Forecast, sample_ledger: Ledger) -> None:
        own = found.cash[(found.cash["by"] == "currency") & (found.cash["kind"] == "open")]
        assert (own["name"] == own["currency"]).all() and len(own) > 1
        listed = found.invoices.groupby("currency")["amount_open"].sum()
        assert own.set_index("name")["expected"].astype(int).to_dict() == listed.to_dict()
        assert set(found.cash[found.cash["by"] == "total"]["currency"]) == {"EUR"}

    def test_quantiles_are_ordered_and_of_the_same_weeks(self, found: Forecast) -> None:
        drawn = found.cash[found.cash["kind"].isin(["week", "all_weeks", "later"])]
        assert (drawn["p10"] <= drawn["p50"]).all() and (drawn["p50"] <= drawn["p90"]).all()
        whole = drawn[(drawn["by"] == "total") & (drawn["kind"] == "all_weeks")].iloc[0]
        assert whole["p10"] < whole["expected"] < whole["p90"]
        begins = found.cash[(found.cash["by"] == "total") & (found.cash["kind"] == "week")][
            "begins_on"
        ].tolist()
        assert begins == [date(2026, 5, 1) + timedelta(days=7 * k) for k in range(13)]

    def test_dates_are_those_of_the_score_rows(
        self, found: Forecast, sample_ledger: Ledger, small_model: RiskModel
    ) -> None:
        scored = Scorer(sample_ledger, small_model, Policy.load(), date(2026, 5, 1)).score_open()
        for column in ("invoice_id", "expected_paid_on", "paid_on_p10", "paid_on_p90"):
            assert found.invoices[column].tolist() == scored[column].tolist()

    @pytest.mark.parametrize(
        ("dispute", "disputed", "expected"),
        [
            ({"amount": "30"}, 3000, 7000),
            ({}, 10000, 0),
            ({"closed_on": "2024-01-25"}, 0, 10000),
            ({"amount": "999"}, 10000, 0),
        ],
    )  # fmt: skip
    def test_disputed_money_stands_apart(
        self, small_model: RiskModel, dispute: dict[str, str], disputed: int, expected: int
    ) -> None:
        found = of(small_model, disputes=[DISPUTE | dispute])
        assert (money(found, "disputed"), money(found, "all_weeks") + money(found, "later")) == (
            disputed,
            expected,
        )

    def test_a_promise_moves_cash_to_its_week_by_the_kept_rate(self, small_model: RiskModel) -> None:
        found = of(small_model, promises=[PROMISE | {"promised_on": "2024-02-20", "amount": "100"}])
        weeks = found.cash[(found.cash["by"] == "total") & (found.cash["kind"] == "week")][
            "expected"
        ].tolist()
        assert weeks[:2] == [0, 0]  # nothing before the promised day, in the third week
        assert 5000 <= weeks[2] < 10000  # with no promise ever judged, half are kept
        listed = found.invoices[["promised_on", "agreement"]].to_numpy().tolist()
        assert listed == [[date(2024, 2, 20), "promise"]]

    def test_only_the_open_balance_of_a_part_paid_invoice_comes(self, small_model: RiskModel) -> None:
        found = of(small_model, payments=[PAYMENT | {"paid_on": "2024-01-20", "amount": "25.00"}])
        assert money(found, "all_weeks") + money(found, "later") == money(found, "open") == 7500

    def test_a_day_without_open_invoices_has_no_cash(self, small_model: RiskModel) -> None:
        found = of(small_model, payments=[PAYMENT | {"paid_on": "2024-01-20"}])
        assert len(found.invoices) == 0 and len(found.cash) == 0

    def test_a_model_without_dates_is_refused_with_the_mend(self, small_model: RiskModel) -> None:
        with pytest.raises(ValueError, match="knows no payment dates: train again"):
            of(replace(small_model, timing=None))


class TestStudy:
    def test_cash_counts_by_week_from_the_day_it_is_known(self) -> None:
        payments = [
            PAYMENT | {"paid_on": "2024-02-03", "amount": "10"},
            PAYMENT | {"paid_on": "2024-02-12", "amount": "20"},
            # paid before the day, booked after it: nobody knew, so it belongs to the first week
            PAYMENT | {"paid_on": "2024-01-30", "known_on": "2024-02-05", "amount": "30"},
            PAYMENT | {"paid_on": "2024-01-20", "amount": "5"},
        ]
        receipts = Receipts.of(History(ledger(INVOICE, payments=payments)))
        found = receipts.by_week(np.array([0.5]), day_number(DAY), 3, np.zeros(1, np.int64), 1)
        assert found.tolist() == [[2000, 1000, 0]]

    def test_the_ageing_rule_repeats_what_came_before(self) -> None:
        # Every week one invoice of 100, each paid ten days after it is due, on the day it is issued.
        days = [pd.Timestamp("2023-06-01") + pd.Timedelta(days=7 * k) for k in range(40)]
        names = [f"I{k:02d}" for k in range(40)]
        on = dict(zip(names, (day.date() for day in days), strict=True))
        issued = [{"invoice_id": n, "issued_on": str(d), "due_on": str(d)} for n, d in on.items()]
        paid = [{"invoice_id": n, "paid_on": str(d + timedelta(days=10))} for n, d in on.items()]
        invoices, payments = [INVOICE | row for row in issued], [PAYMENT | row for row in paid]
        day = (days[-1] + pd.Timedelta(days=1)).date()
        known = History(ledger(*invoices, payments=payments).known_before(day))
        open_now = known.open_on(day_number(day))
        found = ageing_forecast(
            known, Receipts.of(known), np.ones(len(open_now)), day_number(day), 3, ["EUR"]
        )
        # Open are the one issued yesterday (paid in nine days) and the one of a week before (paid in two).
        assert len(open_now) == 2
        np.testing.assert_allclose(found, [[10000, 10000, 0]])

    def test_compares_forecast_rule_and_cash(self, sample_ledger: Ledger, small_model: RiskModel) -> None:
        window = (date(2026, 4, 1), date(2026, 4, 10))
        study = study_cash(sample_ledger, small_model, *window, 4, 100, 1, lambda step: None)
        assert study.days == 1 and study.unit == "EUR"
        figures = study.figures()
        assert [row["week"] for row in figures] == [1, 2, 3, 4, "all"]
        assert figures[-1]["actual"] == pytest.approx(sum(row["actual"] for row in figures[:-1]))
        assert 0 < figures[-1]["error"] < 0.5
        assert "held" in study.verdict()
        assert study.as_dict()["as_of_days"] == 1

    def test_refuses_a_window_whose_weeks_have_not_passed(
        self, sample_ledger: Ledger, small_model: RiskModel
    ) -> None:
        with pytest.raises(ValueError, match="Choose an earlier window"):
            study_cash(
                sample_ledger, small_model, date(2026, 6, 1), date(2026, 7, 1), 13, 100, 1, lambda step: None
            )
