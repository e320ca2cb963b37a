"""Do promises at the desk become kept, kept in part or broken by what came in, once and rightly?"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from features.history import History
from features.lateness import LatenessRule
from features.ledger import Ledger
from serving.desk import Actor, Desk
from serving.promises import judge_promises

NIGHT = Actor("night", "administrator")
NOW = datetime(2026, 3, 12, 3, tzinfo=UTC)
INVOICE = {"invoice_id": "A", "customer_id": "C", "issued_on": "2026-01-10", "due_on": "2026-02-09"}
INVOICE |= {"amount": "100.00", "currency": "EUR"}
PROMISE = {"promise_id": "W1", "invoice_id": "A", "customer_id": "C", "made_on": "2026-03-02"}
PROMISE |= {"promised_on": "2026-03-09", "amount": "100.00", "known_on": "2026-03-02"}


def paid(amount: str, day: str = "2026-03-09") -> dict[str, Any]:
    return {"invoice_id": "A", "paid_on": day, "amount": amount}


def judge(desk: Desk, day: date, *payments: dict[str, Any]) -> str:
    rows = desk.ledger_rows() | {"invoices": [INVOICE], "payments": list(payments)}
    history = History(Ledger.from_rows(rows), LatenessRule())
    judge_promises(desk, NIGHT, NOW, history, day, grace_days=2)
    return str(desk.get("promises", "W1").status)


@pytest.fixture
def promised(desk: Desk) -> Desk:
    with desk.writing(NIGHT, NOW) as written:
        written.add("promises", PROMISE)
    return desk


@pytest.mark.parametrize(
    ("payments", "day", "expected"),
    [
        ((), date(2026, 3, 12), "broken"),
        ((), date(2026, 3, 11), "open"),
        ((paid("40"),), date(2026, 3, 11), "open"),
        ((paid("40"),), date(2026, 3, 12), "partially_kept"),
        ((paid("100"),), date(2026, 3, 10), "kept"),
        ((paid("100", "2026-03-11"),), date(2026, 3, 12), "kept"),
        ((paid("100", "2026-03-12"),), date(2026, 3, 13), "broken"),
    ],
)
def test_a_promise_has_its_days_of_grace(
    promised: Desk, payments: tuple[Any, ...], day: date, expected: str
) -> None:
    assert judge(promised, day, *payments) == expected


def test_asked_again_nothing_is_written(promised: Desk) -> None:
    judge(promised, date(2026, 3, 12))
    before = promised.sequence()
    assert judge(promised, date(2026, 3, 12)) == "broken" and promised.sequence() == before


def test_a_payment_learned_late_corrects_the_verdict(promised: Desk) -> None:
    judge(promised, date(2026, 3, 12))
    assert judge(promised, date(2026, 3, 20), paid("100", "2026-03-09")) == "kept"
    assert [each.status for each in promised.history("promises", "W1")] == ["open", "broken", "kept"]


def test_what_was_taken_back_stays_so(promised: Desk) -> None:
    with promised.writing(NIGHT, NOW) as written:
        written.change("promises", "W1", {"status": "cancelled"}, 1)
    assert judge(promised, date(2026, 3, 12)) == "cancelled"
