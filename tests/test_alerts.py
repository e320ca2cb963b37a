"""Which causes raise an alert, which do not, and is one cause one alert until it is gone?"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from features.history import History
from features.ledger import Ledger, LedgerSettings
from serving.alerts import RULES, Alert, alerts_of, changes, default_settings
from serving.policy import Policy, PolicyError
from tests.random_ledgers import Rows, ledger_of, random_rows, random_settings

DAY = date(2026, 4, 1)
EUROS = LedgerSettings(base_currency="EUR")


def found(rows: Rows, day: date = DAY, **given: Any) -> list[Alert]:
    ledger = Ledger.from_rows({"payments": [], **rows}, EUROS)
    return alerts_of(History(ledger), day, **given)


def codes(rows: Rows, day: date = DAY, **given: Any) -> list[str]:
    return [alert.rule for alert in found(rows, day, **given)]


def iso(days: int) -> str:
    return (DAY + timedelta(days=days)).isoformat()


def history_of(customer: str, late: list[int | None], last_due: int = -10) -> Rows:
    """Weekly invoices, the last due `last_due` days from the day; each late by so many days, None: not paid."""
    rows: Rows = {"invoices": [], "payments": []}
    for k, days in enumerate(late):
        due = last_due - 7 * (len(late) - 1 - k)
        number = f"{customer}-{k:02d}"
        rows["invoices"].append(
            {"invoice_id": number, "customer_id": customer, "issued_on": iso(due - 30), "due_on": iso(due),
             "amount": "100", "currency": "EUR"}
        )  # fmt: skip
        if days is not None:
            rows["payments"].append({"invoice_id": number, "paid_on": iso(due + days), "amount": "100"})
    return rows


GOOD, STOPS = [0] * 30, [None] * 3


class TestBehaviour:
    @pytest.mark.parametrize(
        ("late", "expected"),
        [
            (GOOD + STOPS, ["behaviour_change"]),
            # One late week of a good customer is a first, not a change.
            ([*GOOD, 0, 0, None], []),
            ([*GOOD[:12], 0, 0, None], []),
            ([*GOOD, 0, 0, 0], []),
            # Always late is a level, not a change.
            ([20] * 30 + [20, 20, 20], []),
            ([20] * 28 + [None] * 3, []),
            # Too little past to know a habit.
            (GOOD[:3] + STOPS, []),
        ],
    )
    def test_change_against_its_own_past(self, late: list[int | None], expected: list[str]) -> None:
        rows = history_of("C1", late)
        assert [code for code in codes(rows) if code != "first_late_payment"] == expected

    def test_first_late_payment_of_a_good_customer(self) -> None:
        alerts = found(history_of("C1", [*GOOD, None], last_due=-14))
        assert [(a.rule, a.invoice_id, a.severity) for a in alerts] == [
            ("first_late_payment", "C1-30", "notice")
        ]
        assert "first late invoice after 30 due weeks" in alerts[0].sentence
        assert codes(history_of("C1", [20, *GOOD, None], last_due=-14)) == []
        assert codes(history_of("C1", [*GOOD, None], last_due=-4)) == []

    def test_it_is_a_call_among_partners_and_says_both_figures(self) -> None:
        (alert,) = found(history_of("C1", GOOD + STOPS))
        assert (alert.severity, alert.first_action, alert.customer_id) == (
            "urgent",
            "relationship_call",
            "C1",
        )
        assert alert.old == 0.0 and alert.new > 0.3
        assert {row["invoice_id"] for row in alert.evidence} == {"C1-30", "C1-31", "C1-32"}

    def test_it_is_over_when_the_money_has_come(self) -> None:
        rows = history_of("C1", GOOD + STOPS)
        rows["payments"] += [
            {"invoice_id": f"C1-{k}", "paid_on": iso(2), "amount": "100"} for k in (30, 31, 32)
        ]
        stood = found(rows)
        later = found(rows, DAY + timedelta(days=4), previous=stood)
        assert [alert.rule for alert in changes(stood, later).closed] == ["behaviour_change"]

    def test_disputed_invoices_are_late_for_a_known_reason(self) -> None:
        rows = history_of("C1", GOOD + STOPS)
        rows["disputes"] = [
            {"dispute_id": str(k), "invoice_id": f"C1-{k}", "opened_on": iso(-40)} for k in (30, 31, 32)
        ]
        assert codes(rows) == []

    def test_clearly_slower_than_usual(self) -> None:
        late: list[int | None] = [18, 22, 20, 21, 19, 20] * 5
        slower = [*late, 45, 48, 44]
        rows = history_of("C1", slower, last_due=-50)
        rows["invoices"].append(OPEN)
        (alert,) = found(rows)
        assert alert.rule == "slower_than_usual"
        assert alert.old == pytest.approx(20, abs=2) and alert.new > 40
        little = history_of("C1", [*late, 24, 22, 25], last_due=-50)
        assert codes(little | {"invoices": [*little["invoices"], OPEN]}) == []


OPEN = {
    "invoice_id": "I",
    "customer_id": "C1",
    "issued_on": iso(-20),
    "due_on": iso(20),
    "amount": "1000",
} | {"currency": "EUR"}


@pytest.mark.parametrize(
    ("limit", "stood", "expected"),
    [
        ("900", False, ["limit_breach"]),
        ("950", False, []),  # 105 % is not yet above 110 %
        ("950", True, ["limit_breach"]),  # but an alert that stands is over below 100 % only
        ("1001", True, []),
        ("0", False, ["owes_without_credit"]),
        (None, False, []),
    ],
)
def test_limits(limit: str | None, stood: bool, expected: list[str]) -> None:
    rows: Rows = {"invoices": [OPEN], "customers": [{"customer_id": "C1", "credit_limit": limit}]}
    previous = found(rows | {"customers": [{"customer_id": "C1", "credit_limit": "10"}]}) if stood else []
    assert codes(rows, previous=previous) == expected


def test_a_limit_known_later_is_not_looked_at() -> None:
    limits = [{"customer_id": "C1", "credit_limit": "5000", "known_on": iso(-90)}]
    limits += [{"customer_id": "C1", "credit_limit": "500", "known_on": iso(0)}]
    assert codes({"invoices": [OPEN], "customers": limits}) == []
    assert codes({"invoices": [OPEN], "customers": limits}, DAY + timedelta(days=1)) == ["limit_breach"]


@pytest.mark.parametrize(
    ("before", "now", "reported", "expected"),
    [
        ((80, "100"), (60, "100"), -3, ("credit_report", 80.0, 60.0)),
        ((80, "100"), (70, "100"), -3, None),
        ((80, "100"), (85, "50"), -3, ("credit_report", "100.00", "50.00")),
        ((80, "100"), (60, "100"), -40, None),
        ((80, "100"), (60, "100"), 0, None),
    ],
)
def test_credit_reports(before: Any, now: Any, reported: int, expected: Any) -> None:
    reports = [
        {
            "customer_id": "C1",
            "reported_on": iso(day),
            "source": "bureau",
            "score": score,
            "credit_limit": limit,
        }
        for (score, limit), day in ((before, -200), (now, reported))
    ]
    alerts = found({"invoices": [OPEN], "credit_reports": reports})
    assert [(a.rule, a.old, a.new) for a in alerts] == ([expected] if expected else [])


def promise(promised: int, number: str = "W", made: int = -30) -> dict[str, Any]:
    return {"promise_id": number, "invoice_id": "I", "made_on": iso(made), "promised_on": iso(promised)}


class TestPromises:
    def test_a_broken_one_is_raised_once_until_the_invoice_is_paid(self) -> None:
        rows: Rows = {
            "invoices": [OPEN | {"due_on": iso(-5), "issued_on": iso(-40)}],
            "promises": [promise(-3)],
            "payments": [{"invoice_id": "I", "paid_on": iso(1), "amount": "1000"}],
        }
        stood: list[Alert] = []
        raised = []
        for k in range(-2, 4):
            now = found(rows, DAY + timedelta(days=k), previous=stood)
            raised.append([len(part) for part in vars(changes(stood, now)).values()])
            stood = now
        # Promised for the day −3 with two days of grace: judged at the start of day 0; paid on day 1.
        assert raised == [[0, 0, 0], [0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]

    def test_a_later_promise_takes_the_place_of_an_earlier_one(self) -> None:
        rows: Rows = {"invoices": [OPEN | {"issued_on": iso(-60)}], "promises": [promise(-10)]}
        assert codes(rows) == ["broken_promise"]
        assert codes(rows | {"promises": [promise(-10), promise(5, "V", -9)]}) == []
        assert codes(rows, cancelled_promises=frozenset({"W"})) == []


def test_tier_jumps_stand_until_the_tier_is_back() -> None:
    order = ("low", "medium", "high", "critical")

    def asked(before: str | None, now: str, previous: Any = ()) -> list[Alert]:
        return found({"invoices": [OPEN]}, tiers={"C1": (before, now)}, tier_order=order, previous=previous)

    assert asked("low", "medium") == [] and asked(None, "critical") == []
    stood = asked("low", "high")
    assert [(a.old, a.new) for a in stood] == [("low", "high")]
    # A week later the tier before is `high` too; the jump from `low` still stands.
    assert [(a.old, a.new) for a in asked("high", "high", stood)] == [("low", "high")]
    assert asked("high", "low", stood) == []


def test_insolvency_sending_lag_and_complaints() -> None:
    assert codes({"invoices": [OPEN]}, flags=[{"customer_id": "C1", "flag": "insolvency"}]) == ["insolvency"]
    assert codes({"invoices": [OPEN]}, flags=[{"customer_id": "C9", "flag": "insolvency"}]) == []
    unsent = OPEN | {"due_on": iso(5)}
    sent = OPEN | {"invoice_id": "J", "sent_on": iso(-19)}
    assert codes({"invoices": [unsent, sent]}) == ["invoice_not_sent"]
    assert codes({"invoices": [unsent]}) == []  # nobody records when invoices leave
    complaint = {"complaint_id": "B", "customer_id": "C1", "opened_on": iso(-9)}
    rows: Rows = {"invoices": [OPEN], "complaints": [complaint]}
    assert codes(rows) == ["unanswered_complaint"]
    spoken = {"customer_id": "C1", "contacted_on": iso(-4), "direction": "outgoing"}
    assert codes(rows | {"contacts": [spoken]}) == []
    assert codes(rows | {"contacts": [spoken | {"direction": "incoming"}]}) == ["unanswered_complaint"]


def test_a_division_that_sends_later_than_it_used_to() -> None:
    rows: Rows = {"invoices": []}
    for k in range(120):
        issued = -120 + k
        sent = issued + (1 if issued < -30 else 6)
        more = {"invoice_id": f"I{k}", "issued_on": iso(issued), "sent_on": iso(sent), "division": "North"}
        rows["invoices"].append(OPEN | more | {"due_on": iso(60), "customer_id": f"C{k}"})
    (alert,) = found(rows)
    assert (alert.rule, alert.customer_id, alert.old, alert.new) == ("invoicing_lag", None, 1.0, 6.0)
    assert alert.first_action == "mend_our_process"


@pytest.mark.parametrize("seed", range(5))
def test_laws_on_random_books(seed: int) -> None:
    rows = random_rows(seed)
    ledger, day = ledger_of(rows, random_settings(seed)), date(2023, 11, 1)
    alerts = alerts_of(History(ledger), day)
    known = alerts_of(History(ledger.known_before(day)), day)
    # Nothing learned on the day or later counts; keys are unique; what stood, stands.
    assert alerts == known
    assert len({alert.key for alert in alerts}) == len(alerts)
    assert changes(alerts, alerts_of(History(ledger), day, previous=alerts)).raised == ()
    assert [Alert.from_dict(alert.as_dict()) for alert in alerts] == alerts


class TestTheSectionOfThePolicy:
    text = (Policy.load.__globals__["files"]("serving") / "policy.yaml").read_text(encoding="utf-8")

    def read(self, section: str) -> Policy:
        return Policy.read(f"{self.text}\nalerts:\n{section}")

    def test_without_it_every_rule_runs_as_shipped(self) -> None:
        assert Policy.load().parts.alerts == default_settings()

    def test_a_rule_is_changed_or_switched_off(self) -> None:
        policy = self.read("  limit_breach: {severity: urgent, raised_at: 1.5}\n  credit_report: off\n")
        rule = policy.parts.alerts.of("limit_breach")
        assert rule is not None and (rule.severity, rule.numbers["raised_at"]) == ("urgent", 1.5)
        assert rule.numbers["closed_below"] == 1.0
        assert policy.parts.alerts.of("credit_report") is None
        rows: Rows = {"invoices": [OPEN], "customers": [{"customer_id": "C1", "credit_limit": "800"}]}
        assert codes(rows, settings=policy.parts.alerts) == []
        assert policy.version != Policy.load().version

    @pytest.mark.parametrize(
        ("section", "said"),
        [
            ("  limit_breech: off", "unknown alert rule 'limit_breech'; did you mean 'limit_breach'?"),
            ("  limit_breach: {severity: red}", "unknown severity 'red'"),
            ("  limit_breach: {raised_at: 99}", "'99' cannot be 'raised_at'; a number from 0.1 to 10"),
            ("  limit_breach: {raised_at: 0.5}", "lies above raised_at"),
            ("  limit_breach: loud", "'loud' is no setting"),
            ("  limit_breach: {raise_at: 1}", "unknown key 'raise_at'; did you mean 'raised_at'?"),
        ],
    )
    def test_mistakes_are_told_with_their_mend(self, section: str, said: str) -> None:
        with pytest.raises(PolicyError, match="1 problem") as error:
            self.read(section + "\n")
        assert said in str(error.value)

    def test_every_rule_is_described(self) -> None:
        for rule in RULES.values():
            assert rule.title and rule.first_action
            assert all(n.least <= n.default <= n.most and n.meaning for n in rule.numbers.values())
