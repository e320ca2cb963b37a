"""Are hand-over, write-down and reviews recommended only as the policy says, and never for granted?"""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.history import History
from features.ledger import Ledger
from serving.policy import Policy
from serving.policy.exits import ExitAdvice
from serving.policy.reviews import coverage
from serving.recovery import AGES, FEWEST_CUSTOMERS, recovery_curve
from tests.ledger_rows import ledger
from tests.test_policy import random_cases

POLICY = Policy.load()
DAY = date(2026, 3, 2)
READY = {"contacts_ever": 4, "plan_offered": True, "sequence_communicated": True, "terms_accepted": True}
NOTHING_DONE = ("a payment plan was offered", "the customer was told our steps in advance")


class Half:
    """A curve that says half, give or take."""

    def at(self, days_past_due: float) -> tuple[float, float, float]:
        return 0.5, 0.25, 0.75


def advice(days_past_due: int, curve: Any = None, **facts: Any) -> list[ExitAdvice]:
    case = {"as_of": DAY, "due_on": DAY - timedelta(days=days_past_due), "p_late": 1.0, "amount_open": 1000.0}
    columns = case | {"currency": "EUR", "invoice_id": "A", "customer_id": "C"} | facts
    return POLICY.exits({name: pd.Series([value]) for name, value in columns.items()}, curve)


@pytest.mark.parametrize(
    ("days", "facts", "consider"),
    [
        (120, READY, "hand_over"),
        (89, READY, None),
        (120, READY | {"contacts_ever": 2}, None),  # no hand-over without a history of contacts
        (120, READY | {"hardship": True}, None),
        (120, READY | {"plan_running": True}, None),
        (120, READY | {"insolvency": True}, "write_down"),
        (20, {"insolvency": True}, "write_down"),
        (40, {"nonpayment_reason": "cash_short"}, "write_down"),
        (20, {"nonpayment_reason": "cash_short"}, None),
        (40, {"nonpayment_reason": "overlooked"}, None),
        (600, {}, "write_down"),
    ],
)
def test_what_is_considered(days: int, facts: dict[str, Any], consider: str | None) -> None:
    found = advice(days, **facts)
    assert [each.consider for each in found] == ([consider] if consider else [])
    assert all(each.person_decides for each in found)


def test_a_hand_over_waits_for_its_checklist() -> None:
    ready = advice(120, Half(), **READY)[0]
    assert ready.is_prepared and not ready.missing and len(ready.done) == 5
    assert "Ready to be handed over if you decide so" in ready.says
    unprepared = advice(120, Half(), contacts_ever=4, terms_accepted=True)[0]
    assert not unprepared.is_prepared and unprepared.missing == NOTHING_DONE
    disputed = advice(120, Half(), **READY, is_disputed=True, disputed_amount=300.0)[0]
    assert disputed.missing == ("no dispute and no complaint is open",) and disputed.amount == 700


def test_what_money_of_that_age_brings_and_costs_is_said() -> None:
    ready = advice(120, Half(), **READY)[0]
    assert (ready.expected_share, ready.expected_low, ready.expected_high) == (0.5, 0.25, 0.75)
    assert (ready.expected_amount, ready.cost) == (500, 100)
    assert "50% still came in within 365 days (25% to 75%)" in ready.says
    unknown = advice(120, None, **READY)[0]
    assert unknown.expected_amount is None and unknown.cost is None
    assert "does not tell what money of this age still brings in" in unknown.says


def test_a_natural_person_is_named_as_one() -> None:
    found = advice(120, Half(), **READY, debtor_type="sole_trader")[0]
    assert found.is_natural_person and found.says.endswith("look at the situation first.")


def test_no_step_of_any_policy_case_is_a_hand_over() -> None:
    assert not {"hand_over", "write_down"} & set(POLICY.parts.actions)
    cases = random_cases(2_000).assign(invoice_id="A", customer_id="C")
    assert POLICY.exits(cases) == POLICY.exits(cases)


def paid_later(customers: int, share: float, days_late: int) -> Ledger:
    """Customers with an invoice of 100 each, of which a share is paid so many days after due."""
    due = date(2023, 1, 31)
    invoices = [
        {
            "invoice_id": f"I{n}",
            "customer_id": f"C{n}",
            "issued_on": "2023-01-01",
            "due_on": due.isoformat(),
            "amount": "100.00",
            "currency": "EUR",
        }
        for n in range(customers)
    ]
    on = (due + timedelta(days=days_late)).isoformat()
    paid = [{"invoice_id": f"I{n}", "paid_on": on, "amount": "100.00"} for n in range(int(share * customers))]
    credits = [{"invoice_id": f"I{customers - 1}", "credited_on": on, "amount": "100.00"}]
    return ledger(*invoices, payments=paid, credit_notes=credits)


def test_the_recovery_curve_counts_money_by_age_and_no_credit_notes() -> None:
    curve = recovery_curve(History(paid_later(30, 0.5, 100)), date(2025, 6, 1))
    shares = {band.from_day: band.share for band in curve.bands}
    assert shares == {age: 0.5 if age < 101 else 0.0 for age in AGES}
    low, high = curve.bands[0].low, curve.bands[0].high
    assert low is not None and high is not None and 0.2 < low < 0.5 < high < 0.8
    assert curve.at(95) == curve.at(100) and curve.at(95) == (0.5, low, high)
    assert curve.at(5_000) == (0.0, 0.0, 0.0)


def test_only_what_had_its_whole_time_is_judged() -> None:
    history = History(paid_later(20, 0.5, 100))
    due = date(2023, 1, 31)
    for day, share in ((due + timedelta(days=366), None), (due + timedelta(days=367), 0.5)):
        assert recovery_curve(history, day).bands[0].share == share


def test_few_customers_tell_nothing_about_others() -> None:
    curve = recovery_curve(History(paid_later(FEWEST_CUSTOMERS - 1, 0.5, 100)), date(2025, 6, 1))
    assert curve.at(95) is None
    assert curve.bands[0].customers == FEWEST_CUSTOMERS - 1


def test_the_curve_of_the_sample_ledger_falls_with_age(sample_ledger: Ledger) -> None:
    curve = recovery_curve(History(sample_ledger), date(2026, 7, 1), follow_up_days=60)
    first, second = (band.share for band in curve.bands[:2])
    assert first is not None and second is not None and first > second > 0


def test_every_account_is_due_for_review_in_the_cycle_of_its_tier() -> None:
    tiers = {"A": "low", "B": "critical", "C": "high", "D": "low"}
    last = {name: DAY - timedelta(days=90) for name in "ABC"}
    due = POLICY.reviews_due(tiers, last, DAY)
    assert [(each.customer_id, each.is_due) for each in due] == [
        ("B", True),
        ("C", True),
        ("D", True),
        ("A", False),
    ]
    assert due[0].due_on == DAY - timedelta(days=60)
    assert due[2].last_reviewed_on is None and due[2].due_on == DAY
    assert coverage(due) == 0.25 and coverage([]) is None


@pytest.mark.parametrize(
    ("facts", "tier", "outcome", "rule"),
    [
        ({}, "low", "keep", "review_keep"),
        ({"oldest_overdue_days": 100}, "low", "restrict", "review_restrict_past_due"),
        ({"late_share": 0.6, "judged_365": 10}, "low", "keep", "review_keep"),
        ({"late_share": 0.6, "judged_365": 10}, "high", "restrict", "review_restrict_late"),
        ({"contacts_365": 12}, "low", "restrict", "review_restrict_dear"),
        ({"contacts_365": 6, "margin_percent": 12.0}, "low", "restrict", "review_restrict_no_gain"),
        ({"contacts_365": 6, "margin_percent": 12.1}, "low", "keep", "review_keep"),
        ({"contacts_365": 5, "margin_percent": 1.0}, "low", "keep", "review_keep"),
        (
            {"contacts_365": 6, "margin_percent": -3.0, "late_share": 0.6, "judged_365": 10},
            "low",
            "exit",
            "review_exit_no_gain",
        ),
        (
            {"oldest_overdue_days": 200, "late_share": 0.6, "judged_365": 10, "contacts_365": 6},
            "low",
            "exit",
            "review_exit",
        ),
    ],
)
def test_what_a_review_may_come_to(facts: dict[str, Any], tier: str, outcome: str, rule: str) -> None:
    account = {"customer_id": "C", "currency": "EUR", "purchases_365": 1_200.0} | facts
    found = POLICY.review_outcomes({name: [value] for name, value in account.items()}, {"C": tier})[0]
    assert (found.outcome, found.rule) == (outcome, rule)
    assert found.cost_to_collect == 12 * facts.get("contacts_365", 0)
    assert found.cost_share == pytest.approx(found.cost_to_collect / 1_200)
    if "margin_percent" not in facts:
        assert "no margin" in found.margin and found.margin_percent is found.margin_after_cost is None
    else:
        earned = 12 * facts["margin_percent"]
        assert found.margin_365 == pytest.approx(earned)
        assert found.margin_after_cost == pytest.approx(earned - found.cost_to_collect)
        assert f"{facts['margin_percent']:g} %" in found.margin


def test_cost_without_purchases_is_no_share() -> None:
    found = POLICY.review_outcomes({"customer_id": ["C"], "currency": ["JPY"], "contacts_365": [2]}, {})[0]
    assert (found.cost_to_collect, found.cost_share) == (3_800, None)
    assert np.isfinite(found.purchases_365)
