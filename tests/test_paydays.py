"""On which days can money come, and is what is known of a customer's pay days known before the day alone?"""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from features.days import day_number
from features.history import History
from features.lateness import EARLIEST, LatenessRule
from features.ledger import Ledger
from features.paydays import LEAST_WEIGHT, PRIOR_SETTLEMENTS, PayDays, pay_days
from tests.ledger_rows import INVOICE, PAYMENT, ledger

GERMAN = {"customer_id": "C", "country": "DE"}


def asked(book: Ledger, day: date, rows: int = 1) -> PayDays:
    return pay_days(History(book), np.arange(rows), np.full(rows, day_number(day)))


@pytest.mark.parametrize(
    ("late_after", "within", "last"),
    [(5, (-5, 0, 6, 31, 91), 91), (0, (0, 1, 31), 91), (15, (16, 31), 91), (200, (31, 91, 121, 201), 201)],
)
def test_a_period_ends_with_every_horizon(late_after: int, within: tuple[int, ...], last: int) -> None:
    starts = LatenessRule(late_after).period_starts
    assert set(within) <= set(starts.tolist())
    assert (starts[0], starts[-1]) == (EARLIEST, last)
    assert (np.diff(starts) > 0).all()


@pytest.mark.parametrize(
    ("country", "as_of", "free"),
    [
        # Due on Thursday 2 May 2024; the days are 29 April to 5 May. The first of May is a holiday in Germany.
        ("DE", date(2024, 4, 1), [False, False, True, False, False, True, True]),
        ("", date(2024, 4, 1), [False, False, False, False, False, True, True]),
        ("DE", date(2024, 5, 2), [True, True, True, False, False, True, True]),
    ],
)
def test_no_money_before_the_day_nor_on_free_days(country: str, as_of: date, free: list[bool]) -> None:
    book = ledger(INVOICE | {"due_on": "2024-05-02"}, customers=[GERMAN | {"country": country or None}])
    weights = asked(book, as_of).day_weights(-3, 4)
    assert (weights[0] == 0).tolist() == free


def test_a_free_day_gives_way_to_the_next_working_day() -> None:
    facts = asked(ledger(INVOICE | {"due_on": "2024-05-02"}, customers=[GERMAN]), date(2024, 4, 1))
    days = {
        date(2024, 5, 1): date(2024, 5, 2),
        date(2024, 5, 4): date(2024, 5, 6),
        date(2024, 5, 3): date(2024, 5, 3),
    }
    days |= {date(2026, 4, 3): date(2026, 4, 7)}  # Good Friday to Easter Monday
    for day, expected in days.items():
        assert facts.next_working_days(np.array([day_number(day)])).tolist() == [day_number(expected)]


def test_own_weekdays_are_drawn_towards_the_books() -> None:
    paid = [f"2024-02-{day:02d}" for day in (6, 13, 20)]  # Tuesdays
    invoices = [INVOICE | {"invoice_id": f"A{n}"} for n in range(3)] + [
        INVOICE | {"invoice_id": "B", "customer_id": "D"}
    ]
    payments = [PAYMENT | {"invoice_id": f"A{n}", "paid_on": on} for n, on in enumerate(paid)]
    facts = asked(ledger(*invoices, payments=payments), date(2024, 3, 1), rows=4)
    # Each settlement is recent, so it counts twice; D has none and is given the book's: 6 Tuesdays and one more.
    book = np.full(7, 1 / 7)
    book[1] += 6
    book /= book.sum()
    own = (np.array([0, 6, 0, 0, 0, 0, 0]) + PRIOR_SETTLEMENTS * book) / (6 + PRIOR_SETTLEMENTS)
    np.testing.assert_allclose(facts.weekday[0], own + LEAST_WEIGHT)
    np.testing.assert_allclose(facts.weekday[3], book + LEAST_WEIGHT)


def test_settlements_are_counted_by_period_until_they_are_taken_back() -> None:
    back = PAYMENT | {"paid_on": "2024-02-20", "amount": "-100.00"}
    book = ledger(payments=[PAYMENT, back])  # five days late, then returned
    at = {day: asked(book, date(2024, 2, day)).own[0] for day in (5, 6, 20, 21)}
    five = LatenessRule().period_starts.tolist().index(5)
    assert [int(own[five]) for own in at.values()] == [0, 2, 2, 0]
    assert [int(own.sum()) for own in at.values()] == [0, 2, 2, 0]


def test_what_is_learned_later_changes_nothing(sample_ledger: Ledger) -> None:
    day = date(2026, 2, 1)
    history, known = History(sample_ledger), History(sample_ledger.known_before(day))
    rows = known.open_on(day_number(day))
    ids = known.tables["invoices"]["invoice_id"].iloc[rows]
    as_of = np.full(len(rows), day_number(day))
    now, later = pay_days(known, rows, as_of), pay_days(history, history.positions_of(ids), as_of)
    for name in ("own", "book", "weekday", "part", "lateness_from"):
        np.testing.assert_array_equal(getattr(now, name), getattr(later, name))
    assert (now.own.sum(axis=1) > 0).mean() > 0.5


@pytest.mark.parametrize("last", [None, 30, 365])
def test_several_measures_at_once_are_those_asked_one_by_one(sample_ledger: Ledger, last: int | None) -> None:
    history = History(sample_ledger)
    rows = np.arange(0, len(history.invoices["due_on"]), 7)
    past, names = (
        history.past(rows, history.invoices["due_on"][rows] + 20),
        ("weekday_3", "part_1", "period_20"),
    )
    for window in (past.paid, past.of("book").paid, past.of("country").paid):
        one_by_one = np.stack([window.sum(name, last) for name in names], axis=1)
        np.testing.assert_array_equal(window.sums(names, last), one_by_one)
        assert one_by_one.any()
