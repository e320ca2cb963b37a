"""What does each kind of record take, what does it refuse, and how does it live?"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.desk.kinds import KINDS, checked, instalments

LEAST: dict[str, dict[str, Any]] = {
    "invoices": {
        "invoice_id": "2026/17",
        "customer_id": "C1",
        "issued_on": "2026-01-01",
        "due_on": "2026-01-31",
        "amount": "10",
        "currency": "EUR",
    },
    "customers": {"customer_id": "C1"},
    "payments": {"invoice_id": "I1", "paid_on": "2026-03-02"},
    "credit_notes": {"invoice_id": "I1", "credited_on": "2026-03-02", "amount": "1"},
    "disputes": {"invoice_id": "I1", "opened_on": "2026-03-02"},
    "promises": {"invoice_id": "I1", "made_on": "2026-03-02", "promised_on": "2026-03-09"},
    "contacts": {"customer_id": "C1", "contacted_on": "2026-03-02"},
    "complaints": {"customer_id": "C1", "opened_on": "2026-03-02"},
    "payment_plans": {
        "customer_id": "C1",
        "agreed_on": "2026-03-02",
        "instalments": [{"due_on": "2026-03-09", "amount": "5.00"}],
    },
    "credit_reports": {"customer_id": "C1", "reported_on": "2026-03-02"},
    "trade_references": {"customer_id": "C1", "received_on": "2026-03-02"},
    "nonpayment_reasons": {"invoice_id": "I1", "recorded_on": "2026-03-02", "reason": "overlooked"},
    "notes": {"customer_id": "C1", "noted_on": "2026-03-02", "text": "two\nlines"},
    "decisions": {
        "customer_id": "C1",
        "decided_on": "2026-03-02",
        "recommended": "call",
        "chosen": "call",
        "policy_version": "v1",
    },
    "tasks": {"customer_id": "C1", "title": "send the order", "owner": "sales", "created_on": "2026-03-02"},
    "alerts": {"customer_id": "C1", "rule": "tier_jump", "raised_on": "2026-03-02", "sentence": "jumped"},
    "case_states": {"case_id": "C1", "customer_id": "C1"},
    "credit_decisions": {
        "customer_id": "C1",
        "decided_on": "2026-03-02",
        "recommended": "open_terms",
        "chosen": "open_terms",
        "policy_version": "v1",
    },
    "reviews": {"customer_id": "C1", "reviewed_on": "2026-03-02", "outcome": "keep", "why": "pays well"},
    "flags": {"customer_id": "C1", "flag": "terms_accepted", "since": "2026-03-02"},
    "messages": {"customer_id": "C1", "sent_on": "2026-03-02", "channel": "email", "body": "Good morning"},
    "tier_changes": {"customer_id": "C1", "changed_on": "2026-03-02", "new": "high"},
    "deliveries": {
        "alert_id": "A-1",
        "event": "alert.raised",
        "happened_at": "2026-03-02T06:00:00+00:00",
        "next_attempt_at": "2026-03-02T06:00:00+00:00",
    },
    "sendings": {
        "case_id": "C1",
        "customer_id": "C1",
        "message_id": "M-1",
        "action": "thank_you",
        "recipient": "accounts@example.com",
        "day": "2026-03-02",
        "next_attempt_at": "2026-03-02T06:00:00+00:00",
    },
}
"""The least that each kind takes."""


def flaws(kind: str, **changed: Any) -> dict[str, str]:
    found = checked(KINDS[kind], LEAST[kind] | changed)[1]
    return {flaw.pointer: flaw.text for flaw in found}


def test_every_kind_is_here() -> None:
    assert LEAST.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", KINDS)
class TestEveryKind:
    def test_takes_its_least_and_begins_its_life(self, kind: str) -> None:
        kept, found = checked(KINDS[kind], LEAST[kind])
        assert found == []
        assert kept.items() >= LEAST[kind].items()
        assert kept["status"] == next(iter(KINDS[kind].MOVES))

    def test_what_was_kept_is_taken_again_unchanged(self, kind: str) -> None:
        kept = checked(KINDS[kind], LEAST[kind])[0]
        assert checked(KINDS[kind], kept) == (kept, [])

    def test_needs_each_of_it(self, kind: str) -> None:
        found = {flaw.pointer for flaw in checked(KINDS[kind], {})[1]}
        needed = {f"/{name}" for name, field in KINDS[kind].model_fields.items() if field.is_required()}
        assert needed <= found

    def test_knows_every_status_that_it_moves_to(self, kind: str) -> None:
        moves = KINDS[kind].MOVES
        assert {status for then in moves.values() for status in then} <= moves.keys()

    def test_blanks_and_counts_only_fields_that_it_has(self, kind: str) -> None:
        named = {*KINDS[kind].PERSONAL, *KINDS[kind].KEY, *filter(None, [KINDS[kind].KEPT_FROM])}
        assert named <= KINDS[kind].model_fields.keys()


@pytest.mark.parametrize(
    ("kind", "changed", "pointer", "said"),
    [
        ("payments", {"amount": "NaN"}, "/amount", "decimal text"),
        ("payments", {"amount": 12.5}, "/amount", "decimal text"),
        ("payments", {"amount": True}, "/amount", "decimal text"),
        ("payments", {"amount": "1e5"}, "/amount", "decimal text"),
        ("payments", {"amount": "0.00"}, "/amount", "zero"),
        ("payments", {"amount": "10000000000000.01"}, "/amount", "amounts end at"),
        ("payments", {"amount": "9" * 40}, "/amount", "decimal text"),
        ("payments", {"amount": float("nan")}, "/amount", "not a number"),
        ("payments", {"paid_on": "2026-02-30"}, "/paid_on", "no such day"),
        ("payments", {"paid_on": "02.03.2026"}, "/paid_on", "2026-03-31"),
        ("payments", {"paid_on": 20260302}, "/paid_on", "2026-03-31"),
        ("payments", {"paid_on": "0001-01-01"}, "/paid_on", "between 1900 and 2199"),
        ("payments", {"invoice_id": None}, "/invoice_id", "name the invoice, or the customer"),
        ("payments", {"invoice_id": None, "customer_id": "C1"}, "/amount", "on account needs an amount"),
        ("payments", {"currency": "eur"}, "/currency", "pattern"),
        ("payments", {"payment_id": "P/1"}, "/payment_id", "slash"),
        ("payments", {"invoice_id": " I1"}, "/invoice_id", "pattern"),
        ("payments", {"invoice_id": "I\n1"}, "/invoice_id", "pattern"),
        ("payments", {"invoice_id": 7}, "/invoice_id", "string"),
        ("payments", {"colour": "red"}, "/colour", "no such field"),
        ("payments", {"a/b": 1}, "/a~1b", "no such field"),
        ("credit_notes", {"amount": "-1"}, "/amount", "above zero"),
        ("invoices", {"amount": "-10"}, "/amount", "above zero"),
        ("invoices", {"due_on": "2025-12-31"}, "/due_on", "2025-12-31 lies before issued_on 2026-01-01"),
        ("promises", {"amount": "0"}, "/amount", "above zero"),
        ("promises", {"promised_on": "2026-03-01"}, "/promised_on", "before made_on"),
        ("promises", {"status": "forgotten"}, "/status", "'open'"),
        ("disputes", {"closed_on": "2026-03-01", "status": "resolved"}, "/closed_on", "before opened_on"),
        ("disputes", {"status": "resolved"}, "/closed_on", "needs the day it was closed"),
        ("complaints", {"closed_on": "2026-03-09"}, "/closed_on", "open case has no closing day"),
        ("contacts", {"next_contact_on": "2026-03-01"}, "/next_contact_on", "before contacted_on"),
        ("contacts", {"outcome": "call_ended_call_back"}, "/next_contact_on", "day to call back"),
        ("contacts", {"outcome": "Will Pay!"}, "/outcome", "pattern"),
        ("notes", {"text": " \n "}, "/text", "pattern"),
        ("notes", {"text": "x" * 20_001}, "/text", "at most 20000"),
        ("notes", {"text": "a\0b"}, "/text", "no text"),
        ("notes", {"text": "\ud800"}, "/text", "no text"),
        ("decisions", {"chosen": "visit"}, "/override_reason", "say why"),
        ("decisions", {"score": {"p_late": float("inf")}}, "/score/p_late", "not a number"),
        ("decisions", {"score": {"p_late": 0.2}}, "/model_version", "version of the model"),
        ("decisions", {"features": {"a": [1]}}, "/features/a/", ""),
        ("decisions", {"reasons": [{"a": {1, 2}}]}, "/reasons/0/a", "a set cannot be kept"),
        ("credit_decisions", {"prepaid_share": 1.5}, "/prepaid_share", "between 0 and 1"),
        ("credit_decisions", {"credit_limit": "5"}, "/currency", "needs its currency"),
        ("credit_decisions", {"credit_limit": "-5"}, "/credit_limit", "cannot be negative"),
        ("case_states", {"position": 1}, "/position_reason", "needs its reason"),
        ("case_states", {"status": "closed"}, "/next_contact_on", "to close a case"),
        ("flags", {"flag": "do_not_contact_until"}, "/until", "until which day"),
        ("alerts", {"status": "assigned"}, "/assigned_to", "assigned to"),
        ("customers", {"terms_days": -1}, "/terms_days", "greater than or equal to 0"),
        ("customers", {"credit_limit": "-1"}, "/credit_limit", "negative"),
        ("customers", {"key_account": "yes"}, "/key_account", "boolean"),
        ("credit_reports", {"score": 2**60}, "/score", "too large"),
        ("payment_plans", {"instalments": []}, "/instalments", "at least 1"),
        (
            "payment_plans",
            {"instalments": [{"due_on": "2026-03-01", "amount": "1"}]},
            "/instalments/0/due_on",
            "before agreed_on",
        ),
        (
            "payment_plans",
            {"instalments": [{"due_on": "2026-03-09", "amount": "1"}] * 2},
            "/instalments/1/due_on",
            "two instalments on 2026-03-09",
        ),
        (
            "payment_plans",
            {"instalments": [{"due_on": "2026-03-09", "amount": "-1"}]},
            "/instalments/0/amount",
            "above zero",
        ),
    ],
)
def test_bad_input_is_answered_where_it_is(
    kind: str, changed: dict[str, Any], pointer: str, said: str
) -> None:
    found = flaws(kind, **changed)
    at = [text for where, text in found.items() if where.startswith(pointer)]
    assert at and said in at[0], found


def test_everything_is_told_at_once() -> None:
    found = flaws("invoices", amount="-1", currency="euro", due_on="2025-01-01", known_on="soon", extra=1)
    assert found.keys() == {"/amount", "/currency", "/due_on", "/known_on", "/extra"}


def test_a_record_ends_somewhere() -> None:
    assert flaws("decisions", score={"a": "x" * 250_000}, model_version="1")[""].startswith(
        "it is longer than"
    )
    deep: Any = 1
    for _ in range(30):
        deep = [deep]
    assert "nested too deeply" in flaws("decisions", reasons=deep).popitem()[1]


class TestInstalments:
    def test_fall_on_pay_runs_and_add_up(self) -> None:
        mondays = [date(2026, 3, 2) + timedelta(days=30 * month) for month in range(3)]
        parts = instalments(Decimal("100.00"), mondays, 2, lambda day: day.weekday() == 3)
        assert [(each.due_on.isoformat(), str(each.amount)) for each in parts] == [
            ("2026-03-05", "33.33"),
            ("2026-04-02", "33.33"),
            ("2026-05-07", "33.34"),
        ]

    def test_days_of_one_pay_run_become_one(self) -> None:
        days = [date(2026, 3, 2), date(2026, 3, 3)]
        assert len(instalments(Decimal(10), days, 2, lambda day: day.weekday() == 3)) == 1

    def test_say_what_cannot_be_cut(self) -> None:
        with pytest.raises(ValueError, match="cannot be cut into 3 instalments"):
            instalments(Decimal("0.02"), [date(2026, 3, day) for day in (1, 2, 3)])
        with pytest.raises(ValueError, match="no pay run within 62 days of 2026-03-02"):
            instalments(Decimal(5), [date(2026, 3, 2)], 2, lambda day: False)

    @given(st.integers(1, 10**12), st.integers(1, 60), st.integers(0, 3))
    def test_always_add_up_exactly(self, minor: int, count: int, digits: int) -> None:
        amount = Decimal(minor).scaleb(-digits)
        days = [date(2026, 1, 1) + timedelta(days=each) for each in range(count)]
        if minor < count:
            return
        parts = instalments(amount, days, digits)
        assert sum(each.amount for each in parts) == amount
        assert all(each.amount > 0 for each in parts)
