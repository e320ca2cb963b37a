"""Does the distribution over payment days agree with every horizon, and do its hazards learn from what is known?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from features.catalogue import CATALOGUE
from features.days import NEVER, day_number, weekday
from features.history import History
from features.lateness import EARLIEST, LatenessRule
from features.paydays import PayDays, pay_days
from tests.ledger_rows import INVOICE, PAYMENT, ledger
from training.backtest import Replayed
from training.model import RiskModel
from training.model.fitting import fit_on
from training.model.timing import (
    MOST_DAYS,
    Course,
    Grid,
    golden_facts,
    period_weights,
    reconciled,
)
from training.model.timing_fit import (
    PRIOR_TAIL_DAYS,
    PRIOR_TAIL_INVOICES,
    Known,
    Unseen,
    person_periods,
    tail_days,
    unseen_probabilities,
)
from training.settings import TrainingSettings

CUT = date(2026, 4, 1)
GRID = Grid.of(LatenessRule())
DUE = 19_998
"""A Wednesday."""


def facts(as_of: list[int], weekdays: list[float] | None = None) -> PayDays:
    """Questions about invoices due on DUE, asked so many days after it."""
    made = golden_facts(np.zeros(len(as_of)), len(GRID.starts))
    made = replace(made, lateness_from=np.full(len(as_of), DUE), as_of=DUE + np.array(as_of))
    return replace(made, weekday=np.tile(weekdays or [1.0] * 5 + [0.0] * 2, (len(as_of), 1)))


def weights(asked: PayDays) -> np.ndarray:
    return asked.day_weights(EARLIEST, int(GRID.starts[-1]))


@pytest.fixture(scope="module")
def asked(small_model: RiskModel, sample_past: Replayed) -> tuple[np.ndarray, PayDays, np.ndarray]:
    """Feature values, facts and anchors of questions before, around and past every horizon."""
    history = sample_past.history
    rows = np.repeat(np.arange(0, len(history.invoices["due_on"]), 60), 4)
    due = history.invoices["lateness_from"][rows]
    as_of = np.maximum(due + np.tile([-40, 3, 50, 200], len(rows) // 4), history.invoices["issued_on"][rows])
    values = CATALOGUE.compute(history, rows, as_of)
    return values, pay_days(history, rows, as_of), small_model.anchors(small_model.predict(values))


def of_model(model: RiskModel, asked: tuple[np.ndarray, PayDays, np.ndarray]) -> Course:
    courses = [course for course, _ in model.courses(*asked)]
    assert len(courses) == 1
    return courses[0]


class TestWhatTeaches:
    @pytest.mark.parametrize(
        ("as_of", "settled", "until", "expected"),
        [
            # asked one day before due, paid two days after: four single days, the last with the event
            (-1, 2, 40, [(-1, 0), (0, 0), (1, 0), (2, 1)]),
            # not yet paid, and known up to the end of day 1: whole periods only
            (-1, None, 2, [(-1, 0), (0, 0), (1, 0)]),
            # days 3 and 4 are a weekend, and days 8 and 9 are over by day 10; the period of days 10 to 12 is not
            (1, None, 11, [(1, 0), (2, 0), (5, 0), (6, 0), (8, 0)]),
            # paid within a period that is still running: the others in it are not known yet
            (8, 11, 12, [(8, 0)]),
            (8, 11, 13, [(8, 0), (10, 1)]),
            # paid on a Saturday: it counts for Monday
            (2, 3, 40, [(2, 0), (5, 1)]),
            # the day itself has not passed
            (0, None, 0, []),
        ],
    )  # fmt: skip
    def test_is_every_whole_period_at_risk(
        self, as_of: int, settled: int | None, until: int, expected: list[tuple[int, int]]
    ) -> None:
        one = facts([as_of])
        known = Known(np.array([NEVER if settled is None else DUE + settled]), np.array([DUE + until]))
        found = person_periods(GRID, one, known, period_weights(GRID.edges, weights(one)))
        assert [(int(GRID.starts[p]), int(e)) for _, p, e in zip(*found, strict=True)] == expected

    def test_the_wait_after_every_horizon_is_days_waited_per_payment(self) -> None:
        # Due on Wednesday 31 January 2024, so past 90 days late from 1 May on: A waits 30 days, B until the cut.
        book = ledger(INVOICE, INVOICE | {"invoice_id": "B"}, payments=[PAYMENT | {"paid_on": "2024-05-30"}])
        found = tail_days(History(book), day_number(date(2024, 6, 10)), 91)
        assert found == (PRIOR_TAIL_DAYS * PRIOR_TAIL_INVOICES + 30 + 40) / (PRIOR_TAIL_INVOICES + 1)

    def test_what_other_blocks_models_said_stands_for_what_the_final_one_says(
        self, small_model: RiskModel
    ) -> None:
        values = small_model.sample.to_numpy(np.float64)[:4]
        nothing = {model.target: Unseen(np.zeros(0, np.int64), np.zeros(0)) for model in small_model.horizons}
        told = nothing | {"p_late": Unseen(np.array([11, 13]), np.array([-3.0, 3.0]))}
        final = small_model.anchors(small_model.predict(values))
        keys = np.array([10, 11, 12, 13])
        np.testing.assert_array_equal(unseen_probabilities(small_model, values, keys, nothing), final)
        other = unseen_probabilities(small_model, values, keys, told)
        np.testing.assert_array_equal(other[[0, 2]], final[[0, 2]])
        assert other[1, 0] < 0.1 < 0.9 < other[3, 0]


def slowly_reconciled(one: PayDays, weight: np.ndarray, hazard: np.ndarray, p: np.ndarray) -> list[float]:
    """The same distribution by plain loops: masses of periods, scaled between horizons, then of days."""
    starts, mass, left = GRID.starts.tolist(), [], 1.0
    for h in hazard.tolist():
        mass.append(left * h)
        left *= 1 - h
    first_open = int(one.as_of[0] - one.lateness_from[0])
    on_day, before, begin = {}, 1.0, starts[0]
    for (_, days, _), after in zip(GRID.horizons, p.tolist(), strict=True):
        inside = [k for k, start in enumerate(starts[:-1]) if begin <= start <= days]
        whole = sum(mass[k] for k in inside)
        open_days = [day for day in range(begin, days + 1) if day >= first_open]
        for k in inside:
            of_period = range(starts[k], starts[k + 1])
            total = sum(weight[day - EARLIEST] for day in of_period)
            for day in of_period:
                share = weight[day - EARLIEST] / total * mass[k] / whole if whole and total else 0.0
                if not whole:
                    share = (day in open_days) / max(len(open_days), 1)
                on_day[day] = (before - after) * share
        before, begin = after, days + 1
    survival, left = [], 1.0
    for day in range(EARLIEST, starts[-1]):
        left -= on_day[day]
        survival.append(left)
    return survival


class TestAgreement:
    @pytest.mark.parametrize("seed", range(8))
    def test_is_what_plain_loops_give(self, seed: int) -> None:
        draw = np.random.default_rng(seed)
        one = facts([int(draw.choice([-30, -3, 2, 3, 4, 5, 6, 40]))], [*draw.random(5).tolist(), 0.0, 0.0])
        weight = weights(one)
        in_period = period_weights(GRID.edges, weight)
        hazard = np.where(in_period > 0, draw.random(in_period.shape) * draw.choice([0.0, 0.3]), 0.0)
        waited = int(one.as_of[0]) - DUE
        p = np.sort(draw.random(3))[::-1]
        p = np.where(np.array([5, 30, 90]) < waited, 1.0, p)
        found = reconciled(GRID, one, weight, hazard, p[None])
        np.testing.assert_allclose(found[0], slowly_reconciled(one, weight[0], hazard[0], p), atol=1e-12)

    def test_is_exact_after_every_horizon_and_leaves_the_probabilities_as_they_are(
        self, small_model: RiskModel, asked: tuple[np.ndarray, PayDays, np.ndarray]
    ) -> None:
        course, p = of_model(small_model, asked), asked[2]
        ends = course.facts.lateness_from[:, None] + np.array([5, 30, 90])
        is_to_come = ends >= course.facts.as_of[:, None]
        assert is_to_come.any(axis=0).all() and not is_to_come.all(axis=0).any()
        assert (course.open_after(ends)[is_to_come] == p[is_to_come]).all()
        assert (p[~is_to_come] == 1).all()

    def test_never_rises_and_falls_on_working_days_alone(
        self, small_model: RiskModel, asked: tuple[np.ndarray, PayDays, np.ndarray]
    ) -> None:
        course = of_model(small_model, asked)
        fall = -np.diff(course.survival, axis=1)
        assert (fall >= -1e-12).all()
        days = course.facts.lateness_from[:, None] + EARLIEST + 1 + np.arange(fall.shape[1])
        # Between Good Friday and Easter Monday a horizon may leave something where nobody works.
        on_free_days = np.where(weekday(days) >= 5, fall, 0.0).max(axis=1)
        assert (on_free_days > 1e-12).mean() < 0.05
        assert fall.sum() > 0.2 * len(fall)

    def test_a_weekend_that_must_hold_something_does(self) -> None:
        # Saturday and Sunday are days 3 and 4; only Sunday is left until the horizon of day 4.
        grid = Grid.of(LatenessRule(4))
        one = replace(facts([4]), own=np.ones((1, len(grid.starts))), book=np.ones((1, len(grid.starts))))
        weight = one.day_weights(EARLIEST, 91)
        survival = reconciled(
            grid, one, weight, np.zeros((1, len(grid.starts) - 1)), np.array([[0.7, 0.2, 0.1]])
        )
        found = Course(one, survival, 100.0)
        assert found.open_after(np.array([[DUE + 3, DUE + 4]])).tolist() == [[1.0, 0.7]]
        assert found.day_of(np.array([0.2])).tolist() == [DUE + 5]  # told as the Monday after


class TestDays:
    def test_are_ordered_working_days_from_the_day_on_and_within_two_years(
        self, small_model: RiskModel, asked: tuple[np.ndarray, PayDays, np.ndarray]
    ) -> None:
        days, known = small_model.payment_days(*asked), asked[1]
        assert (np.diff(days, axis=1) >= 0).all()
        assert (days >= known.as_of[:, None]).all()
        assert (days <= (np.maximum(known.as_of, known.lateness_from) + MOST_DAYS)[:, None] + 14).all()
        for k in range(3):
            np.testing.assert_array_equal(known.next_working_days(days[:, k]), days[:, k])

    def test_are_the_customers_pay_days(self) -> None:
        one = facts([-20], [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
        weight = weights(one)
        hazard = np.where(period_weights(GRID.edges, weight) > 0, 0.2, 0.0)
        course = Course(one, reconciled(GRID, one, weight, hazard, np.array([[0.5, 0.3, 0.1]])), 100.0)
        found = [int(course.day_of(np.array([level]))[0]) for level in (0.05, 0.2, 0.4, 0.6, 0.8)]
        assert (weekday(np.array(found)) == 3).all() and len(set(found)) > 2

    def test_past_every_horizon_follow_the_usual_wait(self) -> None:
        # Nobody waits in particular from day 95 on: half are paid after 100 ln 2 = 69.3 days, the 70th included.
        one = facts([95])
        course = Course(one, np.ones((1, GRID.days)), 100.0)
        half = course.open_after(np.array([[DUE + 94, DUE + 95 + 68, DUE + 95 + 69]]))[0]
        assert half[0] == 1.0 and half[1] > 0.5 > half[2]
        assert course.day_of(np.array([0.5]))[0] == DUE + 95 + 69 + 2  # a Saturday: told as Monday
        assert course.day_of(np.array([1 - 1e-9]))[0] == int(
            one.next_working_days(np.array([DUE + 95 + MOST_DAYS]))[0]
        )

    def test_of_one_invoice_are_those_it_has_in_the_book(
        self, small_model: RiskModel, asked: tuple[np.ndarray, PayDays, np.ndarray]
    ) -> None:
        values, known, p = asked
        course = of_model(small_model, asked)
        for row in range(0, len(values), 17):
            alone = of_model(small_model, (values[[row]], known.at(np.array([row])), p[[row]]))
            np.testing.assert_array_equal(alone.survival[0], course.survival[row])

    def test_of_no_invoice_are_none(self, small_model: RiskModel, sample_past: Replayed) -> None:
        nothing = pay_days(sample_past.history, np.zeros(0, np.int64), np.zeros(0, np.int64))
        values = np.empty((0, len(CATALOGUE.names)))
        assert small_model.payment_days(values, nothing, np.empty((0, 3))).shape == (0, 3)


class TestFitting:
    def test_too_few_settled_invoices_give_frequencies_and_the_card_says_so(
        self,
        sample_past: Replayed,
        hasty_settings: TrainingSettings,
        asked: tuple[np.ndarray, PayDays, np.ndarray],
    ) -> None:
        timing = hasty_settings.timing.model_copy(update={"fewest_settled": 10**6})
        settings = hasty_settings.model_copy(update={"timing": timing})
        model = fit_on(*sample_past.known_before(CUT), CUT, settings, CATALOGUE)
        assert model.timing is not None and model.timing.booster is None
        assert model.card["timing"]["kind"] == "empirical"
        assert "1000000 are needed" in model.card["timing"]["note"]
        days = model.payment_days(asked[0], asked[1], model.anchors(model.predict(asked[0])))
        assert len(np.unique(days[:, 1])) > len(days) // 4

    def test_twice_gives_the_same_and_the_model_of_its_time_too(
        self, small_model: RiskModel, sample_past: Replayed, hasty_settings: TrainingSettings
    ) -> None:
        # `small_model` was trained on the whole ledger, the replayed one on a past cut out of a later view.
        again = fit_on(*sample_past.known_before(CUT), CUT, hasty_settings, CATALOGUE).timing
        assert small_model.timing is not None and again is not None
        assert small_model.timing.booster is not None and again.booster is not None
        assert replace(again, booster=None) == replace(small_model.timing, booster=None)
        assert again.booster.model_to_string() == small_model.timing.booster.model_to_string()
