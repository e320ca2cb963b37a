"""Is money expected at the pace at which it came, and are the factors found that customers and books have in common?"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date

import numpy as np
import pytest

from features.days import day_number
from features.history import History
from tests.ledger_rows import INVOICE, PAYMENT, ledger
from training.model.cash import BANDS, CashLaw, Unevenness, bands_of, weekly_hazards
from training.model.cash_fit import WEEKS, Asked, Came, came, fit_cash, unevenness
from training.model.levels import Levels
from training.model.timing import Timing, timing_from, timing_told

DAY = day_number(date(2024, 2, 1))


class TestLaw:
    def test_pace_is_a_factor_on_the_hazard_of_each_week(self) -> None:
        law = CashLaw({"before": (1.0,) * 6, "after": (1.0, 1.0, 1.3, 1.0, 1.0, 1.0)}, (1.0, 2.0))
        settled = 1 - 0.8 ** np.arange(1, 4)[None, :]
        found = law.reached(settled, np.array([30]))[0]
        # 31 to 60 days late: the example of the module in the first week; twice the pace from the second on.
        assert found[0] == pytest.approx(1 - 0.8**1.3) and found[1] == pytest.approx(1 - 0.8 ** (1.3 * 3))
        assert found[2] == pytest.approx(1 - 0.8 ** (1.3 * 5))

    def test_bands_begin_in_the_middle_of_the_week_and_stages_with_the_day_after_due(self) -> None:
        assert bands_of(np.array([-4, 3, 300]), 3).tolist() == [[0, 1, 1], [1, 1, 2], [6, 6, 6]]
        law = CashLaw({"before": (2.0,) * 6, "after": (3.0,) * 6})
        hazards = law.hazards(np.ones((2, 2)), np.array([0, 1]))
        assert hazards.tolist() == [[1, 2], [1, 3]]

    def test_what_knows_nothing_changes_nothing(self) -> None:
        settled = np.sort(np.random.default_rng(1).random((50, 20)), axis=1)
        np.testing.assert_allclose(CashLaw().reached(settled, np.arange(50) * 5 - 100), settled, atol=1e-12)

    def test_money_never_flows_back_and_a_sure_payment_stays_sure(self) -> None:
        law = CashLaw({"before": (0.4,) * 6, "after": (2.5,) * 6}, (0.5, 3.0))
        settled = np.array([[0.0, 0.3, 0.3, 1.0], [1.0, 1.0, 1.0, 1.0]])
        found = law.reached(settled, np.array([-10, 40]))
        assert (np.diff(found, axis=1) >= 0).all() and found[1].tolist() == pytest.approx([1.0] * 4)

    def test_is_told_in_numbers_and_models_of_before_have_none(self) -> None:
        law = CashLaw(
            {"before": (1.1,) * 6, "after": (0.9,) * 6}, (1.0, 0.8), Unevenness(0.2, 0.1, 0.03, 0.04)
        )
        told = json.loads(json.dumps(timing_told(Timing("empirical", "", 100.0, Levels(), law))))
        assert timing_from(told, None).cash == law
        old = {name: told[name] for name in told if name != "cash"} | {"book_correlation": 0.1}
        assert timing_from(old, None).cash == CashLaw()


class TestWhatCame:
    def found(self, *payments: dict[str, str], until: int = 91, reach: int = 91, **tables: object) -> Came:
        book = ledger(INVOICE, payments=[PAYMENT | row for row in payments], **tables)  # type: ignore[arg-type]
        asked = Asked(np.array([0]), np.array([DAY]), np.zeros((1, WEEKS)))
        return came(History(book), asked, DAY + until, DAY + reach)

    def test_is_counted_by_week_against_what_was_open(self) -> None:
        found = self.found(
            {"paid_on": "2024-01-20", "amount": "20"},
            {"paid_on": "2024-02-03", "amount": "20"},
            # paid before the day, booked after it: it comes in the first week
            {"paid_on": "2024-01-31", "known_on": "2024-02-05", "amount": "20"},
            {"paid_on": "2024-02-15", "amount": "40"},
        )
        assert found.share[0, :4].tolist() == pytest.approx([0.5, 0, 0.5, 0])
        assert found.at_risk[0, :4].tolist() == pytest.approx([1, 0.5, 0.5, 0])

    def test_knows_nothing_of_weeks_that_have_not_passed_nor_of_later_payments(self) -> None:
        found = self.found({"paid_on": "2024-02-15"}, until=20, reach=10)
        assert found.is_known[0].tolist() == [True, True] + [False] * (WEEKS - 2)
        assert found.share.sum() == 0

    def test_an_overpayment_is_no_more_than_what_was_open(self) -> None:
        assert self.found({"paid_on": "2024-02-03", "amount": "150"}).share.sum() == 1

    def test_what_is_credited_never_comes(self) -> None:
        note = {"invoice_id": "A", "credited_on": "2024-02-03", "amount": "100"}
        found = self.found(credit_notes=[note])
        assert found.share.sum() == 0 and found.at_risk[0, -1] == 1


def simulated(
    pace: float, customer: float, book: float, weeks: int = 60, members: int = 12, seed: int = 1
) -> tuple[np.ndarray, Came, np.ndarray, np.ndarray]:
    """Hazards said of invoices asked about once, what came of them at another pace, customer and as-of day."""
    draw = np.random.default_rng(seed)
    as_of = np.repeat(np.arange(weeks) * 7 + 700, 10 * members)
    own = np.tile(np.repeat(np.arange(10), members), weeks)
    n = len(as_of)
    said = np.full((n, WEEKS), 0.2)
    week = (as_of - 700)[:, None] // 7 + np.arange(WEEKS)
    factor = np.ones((weeks + WEEKS, 10))
    if customer:
        factor = factor * draw.standard_gamma(1 / customer, factor.shape) * customer
    if book:
        factor = factor * draw.standard_gamma(1 / book, (weeks + WEEKS, 1)) * book
    hazard = said * pace * factor[week, own[:, None]]
    paid = (draw.standard_exponential((n, 1)) > np.cumsum(hazard, axis=1)).sum(axis=1)
    share = (paid[:, None] == np.arange(WEEKS)).astype(np.float64)
    at_risk = (paid[:, None] >= np.arange(WEEKS)).astype(np.float64)
    return said, Came(np.ones(n), at_risk, share, np.ones((n, WEEKS), bool)), own, as_of


class TestFitting:
    def test_finds_the_pace_that_was_put_in(self) -> None:
        said, found, _, as_of = simulated(1.4, 0.0, 0.0)
        # All are 31 days late or more from the first week on, and were past due when asked about.
        book = History(ledger(*[INVOICE | {"invoice_id": f"I{k:05d}"} for k in range(len(as_of))]))
        start = int(book.invoices["lateness_from"][0]) + 31
        asked = Asked(np.arange(len(as_of)), np.full(len(as_of), start), -np.expm1(-np.cumsum(said, axis=1)))
        law = fit_cash(book, asked, found, start + 91, 45.0)
        assert law.pace["after"][2] == pytest.approx(1.4, rel=0.03)
        assert law.pace["before"] == (1.0,) * len(BANDS)
        # What the bands have mended, the weeks ahead leave as it is.
        assert law.ahead == pytest.approx([1.0] * WEEKS, abs=0.1)

    def test_few_payments_move_little(self) -> None:
        said, found, _, as_of = simulated(3.0, 0.0, 0.0, weeks=1, members=1)
        book = History(ledger(*[INVOICE | {"invoice_id": f"I{k:05d}"} for k in range(len(as_of))]))
        start = int(book.invoices["lateness_from"][0]) + 31
        asked = Asked(np.arange(len(as_of)), np.full(len(as_of), start), -np.expm1(-np.cumsum(said, axis=1)))
        one = fit_cash(book, asked, found, start + 91, 45.0).pace["after"][2]
        assert 1.0 < one < 2.3

    @pytest.mark.parametrize(("customer", "book"), [(0.0, 0.0), (0.5, 0.0), (0.3, 0.1)])
    def test_finds_the_unevenness_that_was_put_in(self, customer: float, book: float) -> None:
        said, found, own, as_of = simulated(1.0, customer, book, weeks=150)
        made = unevenness(said, found, np.arange(len(as_of)), own, as_of)
        assert made.customer_week == pytest.approx(customer, rel=0.25, abs=0.04)
        assert made.book_week == pytest.approx(book, rel=0.25, abs=0.02)

    def test_nothing_known_is_the_usual(self) -> None:
        said, found, own, as_of = simulated(1.0, 0.0, 0.0, weeks=1, members=1)
        nothing = Came(found.balance, found.at_risk, found.share, np.zeros_like(found.is_known))
        made = unevenness(said, nothing, np.arange(len(as_of)), own, as_of)
        assert asdict(made) == pytest.approx(asdict(Unevenness()))

    def test_hazards_of_weeks_add_up_to_what_is_reached(self) -> None:
        settled = np.array([[0.1, 0.5, 0.9]])
        np.testing.assert_allclose(-np.expm1(-np.cumsum(weekly_hazards(settled), axis=1)), settled)
