"""When is an invoice settled, by what, and what was owed on it in between?"""

from __future__ import annotations

from typing import Any

import pytest

from features.balances import Steps
from features.days import NEVER, day_number, to_date
from features.history import History
from features.ledger import LedgerSettings
from tests.ledger_rows import INVOICE, ledger

Told = list[tuple[str, int, str | None]]


def paid(on: str, amount: str | None, known: str | None = None) -> dict[str, Any]:
    return {
        "invoice_id": "A",
        "paid_on": f"2024-{on}",
        "amount": amount,
        "known_on": known and f"2024-{known}",
    }


def credit(on: str, amount: str) -> dict[str, Any]:
    return {"invoice_id": "A", "credited_on": f"2024-{on}", "amount": amount}


def steps_of(payments: list[dict[str, Any]], credits: list[dict[str, Any]], **invoice: str) -> Steps:
    settings = LedgerSettings.model_validate({"settlement_tolerance": "0.05"})
    tables = {"payments": payments, "credit_notes": credits}
    return History(ledger(INVOICE | invoice, settings=settings, **tables)).steps


def told(steps: Steps) -> Told:
    """Day, balance and day of settlement of each step; a settlement without money is in brackets."""
    days = [to_date(day).strftime("%m-%d") for day in steps.day]
    ends = [None if on == NEVER else to_date(on).strftime("%m-%d") for on in steps.settled_on]
    ends = [f"({end})" if alone else end for end, alone in zip(ends, steps.by_credit_alone, strict=True)]
    return list(zip(days, steps.balance.tolist(), ends, strict=True))


CASES: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], Told]] = {
    "open": ([], [], [("01-01", 10000, None)]),
    "paid": ([paid("02-05", "100")], [], [("01-01", 10000, None), ("02-05", 0, "02-05")]),
    "paid, known later": (
        [paid("02-05", "100", "02-09")],
        [],
        [("01-01", 10000, None), ("02-09", 0, "02-05")],
    ),
    "in parts": (
        [paid("02-01", "30"), paid("02-05", "70")],
        [],
        [("01-01", 10000, None), ("02-01", 7000, None), ("02-05", 0, "02-05")],
    ),
    "the earlier part known last": (
        [paid("02-01", "30", "02-20"), paid("02-05", "70")],
        [],
        [("01-01", 10000, None), ("02-05", 3000, None), ("02-20", 0, "02-05")],
    ),
    "within tolerance": ([paid("02-05", "99.95")], [], [("01-01", 10000, None), ("02-05", 0, "02-05")]),
    "just outside": ([paid("02-05", "99.94")], [], [("01-01", 10000, None), ("02-05", 6, None)]),
    "over-paid later": (
        [paid("02-05", "100"), paid("03-05", "20")],
        [],
        [("01-01", 10000, None), ("02-05", 0, "02-05"), ("03-05", 0, "02-05")],
    ),
    "no amount given": ([paid("02-05", None)], [], [("01-01", 10000, None), ("02-05", 0, "02-05")]),
    "bounced": (
        [paid("02-05", "100"), paid("02-09", "-100"), paid("03-01", "100")],
        [],
        [("01-01", 10000, None), ("02-05", 0, "02-05"), ("02-09", 10000, None), ("03-01", 0, "03-01")],
    ),
    "bounced and paid again in a day": (
        [paid("02-05", "100"), paid("02-09", "-100"), paid("02-09", "100", "02-09")],
        [],
        [("01-01", 10000, None), ("02-05", 0, "02-05"), ("02-09", 0, "02-09")],
    ),
    "credited": ([], [credit("02-05", "100")], [("01-01", 10000, None), ("02-05", 0, "(02-05)")]),
    "credited, then money": (
        [paid("02-09", "10")],
        [credit("02-05", "100")],
        [("01-01", 10000, None), ("02-05", 0, "(02-05)"), ("02-09", 0, "02-05")],
    ),
    "credit and money": (
        [paid("02-09", "60")],
        [credit("02-05", "40")],
        [("01-01", 10000, None), ("02-05", 6000, None), ("02-09", 0, "02-09")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_course_of_an_invoice(case: str) -> None:
    payments, credits, expected = CASES[case]
    assert told(steps_of(payments, credits)) == expected


def test_an_invoice_of_unknown_amount_is_open_until_money_comes() -> None:
    assert told(steps_of([], [], amount="")) == [("01-01", 0, None)]
    for amount in ("70", None):
        expected = [("01-01", 0, None), ("02-05", 0, "02-05")]
        assert told(steps_of([paid("02-05", amount)], [], amount="")) == expected
    bounced = steps_of([paid("02-05", "70"), paid("02-07", "-70")], [], amount="")
    assert [end for *_, end in told(bounced)] == [None, "02-05", None]


def test_nothing_to_pay_says_nothing() -> None:
    steps = steps_of([paid("02-05", "70")], [], amount="0")
    assert steps.by_credit_alone.all() and (steps.settled_on < NEVER).all()


def test_a_tiny_invoice_is_not_settled_by_the_tolerance() -> None:
    assert told(steps_of([], [], amount="0.03")) == [("01-01", 3, None)]


def test_a_late_known_invoice_has_its_first_step_when_it_is_known() -> None:
    steps = steps_of([paid("02-05", "100")], [], known_on="2024-03-01")
    assert told(steps) == [("03-01", 0, "02-05")]


def test_steps_before_a_day_leave_out_the_day_itself() -> None:
    steps = steps_of([paid("02-05", "100")], [])
    counts = [len(steps.before(day_number(to_date(steps.day[1])) + later).day) for later in (0, 1)]
    assert counts == [1, 2]
