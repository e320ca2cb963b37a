"""Is the right customer first, with the right step, and is everybody else left out for the right reason?"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.days import NEVER, day_number
from features.history import History
from features.ledger import Ledger
from serving.book import customers_of, joined, part_of
from serving.facts import Facts
from serving.live import LiveScorer
from serving.policy import Policy
from serving.scoring import Scorer
from serving.tiers import tiers_of
from serving.worklist import Case, CaseState, Items, Worklist, items_of
from serving.worklist.agreed import planned, promised
from serving.worklist.groups import groups, top_parents
from serving.worklist.items import OPTIONAL, items_now, nearest_risk
from serving.worklist.value import invoice_values, value
from serving.worklist.weighing import weighed
from tests.ledger_rows import ledger
from training.model import RiskModel

POLICY = Policy.load()
WORKDAY = POLICY.parts.workday
DAY = date(2026, 3, 4)
PAGE = Path(__file__).parents[1] / "serving" / "worklist.md"

STEPS = {
    "relationship_call": ("two_weeks_past_due", "credit_analyst", "phone"),
    "friendly_reminder": ("past_due", "ar_assistant", "email"),
    "renew_promise": ("promise_missed", "credit_analyst", "phone"),
    "pre_due_service_call": ("high_risk_due_soon", "credit_analyst", "phone"),
    "pre_due_reminder": ("risk_due_soon", "ar_assistant", "email"),
    "thank_you": ("reliable_payer_thanks", "ar_assistant", "email"),
    "answer_complaint": ("complaint_open", "account_manager", "phone"),
    "resolve_dispute": ("dispute_open", "account_manager", "internal"),
    "await_promise": ("promise_pending", "credit_analyst", "internal"),
    "wait_after_contact": ("contacted_recently", "credit_analyst", "internal"),
    "none_needed": ("nothing_to_do", "ar_assistant", "internal"),
}


def items(*rows: dict[str, Any]) -> Items:
    """Open invoices of plain cases: 1,000 EUR, ten days past due, a call, unless a row says otherwise."""
    usual = {
        "customer_id": "C", "name": "", "currency": "EUR", "open": 1000_00, "disputed": 0, "promised": 0, "planned": 0,
        "amount_known": True, "worth": 0.01, "days_past_due": 10, "risk": 0.5, "promise_broken": False,
        "days_since_promised": np.nan, "case_contacts_90": 0, "case_days_since_contact": 30.0, "pays": "",
        "pay_run": NEVER, "call_by": NEVER, "tier": "high", "action": "relationship_call",
    } | dict.fromkeys(OPTIONAL, "")  # fmt: skip
    made = []
    for n, row in enumerate(rows):
        whole = usual | {"invoice_id": f"I{n}"} | row
        rule, who, channel = STEPS[whole["action"]]
        step = POLICY.parts.actions[whole["action"]]
        waits = "NaT" if whole["action"] == "none_needed" else (DAY + timedelta(days=2)).isoformat()
        made.append(
            {
                "case_id": whole["customer_id"],
                "action_rule": rule,
                "who": who,
                "channel": channel,
                "guards": [],
            }
            | {"objective": step.objective, "opening": step.opening, "why": f"Because of this ({rule})."}
            | {"action_by": np.datetime64(waits, "D")}
            | whole
        )
    columns: dict[str, Any] = {name: [row[name] for row in made] for name in Items.__dataclass_fields__}
    texts = {name for name, of in columns.items() if isinstance(of[0], str)}
    arrays = {
        name: np.array(of, dtype=object if name in texts else None)
        for name, of in columns.items()
        if name != "guards"
    }
    return Items(**arrays, guards=columns["guards"])


def made(*rows: dict[str, Any], capacity: int = 40, **more: Any) -> Worklist:
    return Worklist.of(items(*rows), POLICY, DAY, capacity, **more)


def only(*rows: dict[str, Any]) -> Case:
    """The one case of some invoices."""
    (case,) = made(*rows).cases
    return case


def listed(of: Worklist) -> list[str]:
    return [case.case_id for case in of.cases]


def left(of: Worklist) -> dict[str, str]:
    return dict(zip(of.left_out["case_id"], of.left_out["reason"], strict=True))


class TestTheWorkedExample:
    ROWS = (
        {"invoice_id": "A", "open": 10_000_00, "days_past_due": 10, "risk": 0.5},
        {
            "invoice_id": "B",
            "open": 4_000_00,
            "days_past_due": -14,
            "risk": 0.6,
            "action": "pre_due_service_call",
        },
    )

    def test_the_page_says_what_the_code_computes(self) -> None:
        run = {"pays": "on Thursdays", "call_by": day_number(DAY), "pay_run": day_number(DAY) + 2}
        both = items(*(row | run for row in self.ROWS))
        values = invoice_values(both, both.free, WORKDAY, DAY)
        page = PAGE.read_text(encoding="utf-8")
        rows = re.findall(r"^\| ([AB]) \| ([\d,]+) EUR .* \| ([\d,]+) \|$", page, re.MULTILINE)
        assert [(name, money) for name, money, _ in rows] == [("A", "10,000"), ("B", "4,000")]
        assert [float(product.replace(",", "")) for *_, product in rows] == pytest.approx(
            values.urgent.tolist()
        )
        (case,) = Worklist.of(both, POLICY, DAY, 1).cases
        assert re.findall(r"the value is \*\*([\d.]+)\*\*", page) == [f"{case.value['value']:.2f}"]
        assert f"The sum is {values.urgent.sum():,.0f}; × 0.02 = {values.urgent.sum() * 0.02:.2f}" in page

    def test_without_the_pay_run_it_is_worth_less(self) -> None:
        case = only(*self.ROWS)
        assert case.value["value"] == pytest.approx(
            (10_000 * 0.5 * 0.4 + 4_000 * 0.6 * 0.4 * 0.5) * 0.02 - 10
        )
        assert (case.value["money"], case.value["at_stake"]) == (14_000, 7_400)

    def test_the_page_names_every_reason_and_every_key(self) -> None:
        page = PAGE.read_text(encoding="utf-8")
        from serving.policy.workday import KEYS
        from serving.worklist import LEFT_OUT

        assert [name for name in LEFT_OUT if f"`{name}`" not in page] == []
        policy = (PAGE.parent / "policy.yaml").read_text(encoding="utf-8")
        assert [key for key in KEYS if not re.search(rf"^  {key}:", policy, re.MULTILINE)] == []


def test_the_nearest_undecided_chance_counts() -> None:
    chances = [np.array(column) for column in ([0.3, 1, 1, 1], [0.2, 0.4, 1, 1], [0.1, 0.3, 0.5, 1])]
    assert nearest_risk(chances).tolist() == [0.3, 0.4, 0.5, 1]


def test_one_customer_is_one_line_and_totals_keep_currencies_apart() -> None:
    case = only(
        {},
        {"currency": "USD", "open": 20_00, "days_past_due": -5, "action": "pre_due_reminder"},
        {"open": 5_00},
    )
    assert case.totals["EUR"]["open"] == "1005.00" and case.totals["USD"]["not_yet_due"] == "20.00"
    assert (
        case.about
        == "1,005 EUR in 2 invoices past due, the oldest by 10 days, and 20 USD in 1 invoice due in 5 days"
    )
    assert case.lead_days == 5


LEADS = [
    (["friendly_reminder", "relationship_call"], "relationship_call"),
    (["relationship_call", "renew_promise"], "renew_promise"),
    (["renew_promise", "answer_complaint"], "answer_complaint"),
    (["thank_you", "friendly_reminder"], "friendly_reminder"),
    (["resolve_dispute", "friendly_reminder"], "friendly_reminder"),
    (["resolve_dispute", "await_promise"], "resolve_dispute"),
    (["none_needed", "thank_you"], "thank_you"),
]


@pytest.mark.parametrize(("steps", "lead"), LEADS, ids=str)
def test_one_step_leads(steps: list[str], lead: str) -> None:
    for order in (steps, steps[::-1]):
        rows = [
            {"action": step, "invoice_id": step, "promise_broken": step == "renew_promise"} for step in order
        ]
        case = only(*rows)
        assert (case.action, case.action_rule) == (lead, STEPS[lead][0])


def test_a_kind_word_shares_no_message_with_a_request() -> None:
    case = only({"action": "friendly_reminder"}, {"action": "thank_you", "days_past_due": -3})
    assert [item.is_covered for item in case.items] == [True, False]
    assert case.totals["EUR"]["asked_about"] == "1000.00"


def test_only_the_rest_is_asked_for() -> None:
    case = only(
        {"open": 100_00, "disputed": 30_00},
        {"open": 100_00, "disputed": 100_00, "action": "resolve_dispute"},
        {"open": 100_00, "promised": 100_00, "action": "await_promise"},
        {"open": 100_00, "promised": 20_00, "planned": 30_00},
    )
    assert case.totals["EUR"] == {
        "open": "400.00", "past_due": "400.00", "not_yet_due": "0.00", "disputed": "130.00", "promised": "120.00",
        "planned": "30.00", "asked_about": "120.00",
    }  # fmt: skip
    assert (case.also, case.held) == ({"resolve_dispute": 1}, {"promise_pending": 1})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"case_days_since_contact": 3.0}, "contacted_recently"),
        (
            {"case_days_since_contact": 3.0, "promise_broken": True, "days_since_promised": 5.0},
            "contacted_recently",
        ),
        ({"case_days_since_contact": 3.0, "promise_broken": True, "days_since_promised": 2.0}, ""),
        ({"case_contacts_90": 8}, "contact_cap"),
        ({"case_contacts_90": 7}, ""),
        ({"disputed": 1000_00}, "nothing_to_ask"),
        ({"promised": 900_00, "planned": 100_00}, "nothing_to_ask"),
        ({"open": 0, "amount_known": False}, ""),
        ({"action": "await_promise"}, "guard"),
        ({"action": "none_needed"}, "nothing_needed"),
    ],
    ids=str,
)
def test_why_a_case_is_left_out(row: dict[str, Any], reason: str) -> None:
    of = made(row)
    assert left(of) == ({"C": reason} if reason else {})
    assert len(of.cases) + len(of.left_out) == 1


def test_a_promise_that_passed_comes_before_a_fortune() -> None:
    of = made(
        {"customer_id": "rich", "open": 10**9},
        {
            "customer_id": "poor",
            "open": 60_00,
            "action": "renew_promise",
            "promise_broken": True,
            "days_since_promised": 1.0,
        },
    )
    assert listed(of) == ["poor", "rich"] and of.cases[0].is_first


def test_capacity_in_all_and_for_a_role() -> None:
    rows = [{"customer_id": f"C{n}", "open": 90_000_00 + n} for n in range(5)]
    rows += [{"customer_id": "D", "action": "friendly_reminder"}]
    assert listed(made(*rows, capacity=2)) == ["C4", "C3"]
    of = made(*rows, by_skill={"credit_analyst": 1})
    assert listed(of) == ["C4", "D"]
    assert set(of.left_out["detail"]) == {"credit_analyst"} and of.counts() == {"no_capacity": 4}
    with pytest.raises(ValueError, match="no role 'analyst'; its roles are ar_assistant"):
        made(*rows, by_skill={"analyst": 1})
    assert listed(made(*rows, capacity=0)) == []


def test_what_people_set_by_hand_is_respected() -> None:
    rows = [{"customer_id": f"C{n}", "open": 10**6 - n} for n in range(4)]
    states = {
        "C0": CaseState(snoozed_until=DAY + timedelta(days=1), reason="on holiday"),
        "C1": CaseState(snoozed_until=DAY),
        "C3": CaseState(position=1, reason="the owner asked", assigned_to="Ana"),
    }
    of = made(*rows, states=states)
    assert listed(of) == ["C3", "C1", "C2"]
    assert of.cases[0].assigned_to == "Ana" and of.cases[0].why.endswith("put here by hand: the owner asked.")
    assert left(of) == {"C0": "snoozed"} and of.left_out["detail"].tolist() == [
        "until 2026-03-05: on holiday"
    ]


def test_who_waited_gets_one_of_the_places_kept_for_that() -> None:
    rows = [{"customer_id": f"C{n}", "open": 10**6 - n} for n in range(30)]
    of = made(*rows, capacity=10, waited={"C20": 5, "C25": 9, "C15": 4})
    assert of.cases[0].case_id == "C25" and of.cases[0].waited == 9
    assert "left out 9 lists in a row" in of.cases[0].why
    assert listed(of)[1:] == [f"C{n}" for n in range(9)]
    assert of.waited()["C20"] == 6 and of.waited()["C15"] == 5 and "C25" not in of.waited()


def test_a_kind_word_and_a_review_get_the_places_kept_for_them() -> None:
    rows = [{"customer_id": f"C{n}", "open": 10**6 - n} for n in range(30)]
    rows += [{"customer_id": "K", "action": "thank_you", "open": 1_00, "case_days_since_contact": 200.0}]
    rows += [{"customer_id": "R", "action": "none_needed", "case_days_since_contact": np.nan}]
    of = made(*rows, capacity=20)
    assert listed(of)[-2:] == ["K", "R"]
    review = of.cases[-1]
    assert (review.action, review.action_rule, review.kind) == ("review_account", "review_due", "review")
    assert review.by == date(2026, 3, 18) and "never" in review.why
    reviewed = made(*rows, last_reviewed={"R": DAY - timedelta(days=10)})
    assert left(reviewed) == {"R": "nothing_needed"}


def test_a_review_is_due_in_the_cycle_of_the_customers_tier() -> None:
    rows = [
        {"customer_id": name, "action": "none_needed", "tier": "low", "case_days_since_contact": 100.0}
        for name in ("A", "B")
    ]
    assert left(made(*rows)) == {"A": "nothing_needed", "B": "nothing_needed"}
    tiers = tiers_of(items(*(row | {"tier": "high"} for row in rows[:1])), POLICY, DAY)
    found = Worklist.of(items(*rows), POLICY, DAY, tiers=tiers)
    assert [(case.case_id, case.tier, case.tier_since) for case in found.cases] == [("A", "high", DAY)]
    assert left(found) == {"B": "nothing_needed"}
    without = replace(POLICY, parts=replace(POLICY.parts, reviews=None))
    assert not Worklist.of(items(*rows), without, DAY, tiers=tiers).cases


def test_a_pay_run_moves_the_day_and_the_sentence() -> None:
    run = {"pays": "on Thursdays", "call_by": day_number(DAY) + 1, "pay_run": day_number(DAY) + 3}
    case = only(run, {})
    assert (case.by, case.call_by, case.next_pay_run) == (
        date(2026, 3, 5),
        date(2026, 3, 5),
        date(2026, 3, 7),
    )
    assert case.why == (
        "2,000 EUR in 2 invoices past due, the oldest by 10 days: because of this; "
        "they pay on Thursdays: reach them by Thu 5 Mar for the run of Sat 7 Mar."
    )
    assert only({}).by == date(2026, 3, 6)


def test_ties_go_to_the_larger_money_then_the_smaller_id() -> None:
    same = {"risk": 0.0}
    of = made(
        {"customer_id": "B", **same},
        {"customer_id": "A", **same},
        {"customer_id": "C", "open": 1000_01, **same},
    )
    assert listed(of) == ["C", "A", "B"]


def test_an_empty_book_makes_an_empty_list() -> None:
    of = Worklist.of(items({}).at(np.zeros(0, np.int64)), POLICY, DAY, 5)
    assert of.cases == () and of.left_out.empty and of.counts() == {} and of.waited() == {}
    assert of.table().empty and of.as_dict(left_out=True)["left_out"] == []


class TestGroups:
    @pytest.mark.parametrize(
        ("parents", "tops"),
        [
            ({"A": "", "B": ""}, {"A": "A", "B": "B"}),
            ({"A": "B", "B": ""}, {"A": "B", "B": "B"}),
            ({"A": "B", "B": "C", "C": "X"}, {"A": "X", "B": "X", "C": "X"}),
            ({"A": "X", "B": "X", "C": ""}, {"A": "X", "B": "X", "C": "C"}),
            ({"B": "A", "A": "B", "C": "B"}, {"A": "A", "B": "A", "C": "A"}),
            ({"A": "A", "B": "A"}, {"A": "A", "B": "A"}),
            ({}, {}),
        ],
        ids=str,
    )
    def test_top_parents(self, parents: dict[str, str], tops: dict[str, str]) -> None:
        ids, above = (np.array(list(each), dtype=object) for each in (parents, parents.values()))
        assert dict(zip(ids.tolist(), top_parents(ids, above).tolist(), strict=True)) == tops

    def test_contacts_of_sisters_count_for_all(self) -> None:
        customers = [{"customer_id": name, "parent_id": "P"} for name in ("A", "B")] + [{"customer_id": "C"}]
        contacts = [
            {"customer_id": name, "contacted_on": f"2024-02-0{n}"}
            for n, name in ((1, "A"), (5, "B"), (7, "B"))
        ]
        contacts += [{"customer_id": "C", "contacted_on": "2023-10-01"}]
        facts = Facts(History(ledger(customers=customers, contacts=contacts)))
        found = groups(facts, date(2024, 2, 8))
        names = facts.history.customers.tolist()
        told = {
            name: (found["case_id"][n], found["contacts_90"][n], found["days_since_contact"][n])
            for n, name in enumerate(names)
        }
        assert told == {"A": ("P", 3, 1), "B": ("P", 3, 1), "C": ("C", 0, 130)}


class TestWhatIsSetApart:
    """Invoice A of 100 EUR, due 31 January; B, C of 50 EUR due later."""

    INVOICES = tuple(
        {
            "invoice_id": name,
            "customer_id": "C",
            "issued_on": "2024-01-01",
            "due_on": due,
            "amount": amount,
            "currency": "EUR",
        }
        for name, due, amount in (
            ("A", "2024-01-31", "100"),
            ("B", "2024-02-10", "50"),
            ("D", "2024-02-20", "50"),
        )
    )

    def parts(self, **tables: Any) -> tuple[list[int], list[int]]:
        facts = Facts(History(ledger(*self.INVOICES, **tables)))
        rows = np.arange(3)
        owed = facts.amount_open(rows, np.full(3, day_number(date(2024, 2, 2))))
        found = promised(facts, rows, owed, date(2024, 2, 1))
        return found.tolist(), planned(facts, rows, owed - found, date(2024, 2, 1)).tolist()

    @pytest.mark.parametrize(
        ("promises", "expected"),
        [
            ([("2024-01-20", "2024-02-05", "40")], 40_00),
            ([("2024-01-20", "2024-02-01", "40")], 40_00),  # promised for today: it may still come
            ([("2024-01-20", "2024-01-31", "40")], 0),
            ([("2024-02-01", "2024-02-05", "")], 100_00),  # made today counts at once; no amount: all of it
            ([("2024-02-02", "2024-02-05", "40")], 0),
            ([("2024-01-20", "2024-02-05", "400")], 100_00),
            (
                [("2024-01-20", "2024-02-05", "40"), ("2024-01-25", "2024-01-30", "40")],
                0,
            ),  # the latest counts
        ],
        ids=str,
    )
    def test_promises(self, promises: list[tuple[str, str, str]], expected: int) -> None:
        rows = [
            {
                "promise_id": f"P{n}",
                "invoice_id": "A",
                "made_on": made_on,
                "promised_on": on,
                "amount": amount,
            }
            for n, (made_on, on, amount) in enumerate(promises)
        ]
        assert self.parts(promises=rows)[0] == [expected, 0, 0]

    def test_a_plan_of_the_customer_goes_to_the_oldest_due_first(self) -> None:
        plan = {"plan_id": "L", "customer_id": "C", "agreed_on": "2024-01-15"}
        rows = [plan | {"due_on": f"2024-0{month}-15", "amount": "60"} for month in (1, 2, 3)]
        assert self.parts(payment_plans=rows)[1] == [100_00, 20_00, 0]
        own = {
            "plan_id": "M",
            "customer_id": "C",
            "invoice_id": "D",
            "agreed_on": "2024-01-15",
            "due_on": "2024-02-15",
            "amount": "45",
        }
        assert self.parts(payment_plans=[*rows, own])[1] == [100_00, 20_00, 45_00]


@pytest.fixture(scope="module")
def scorer(sample_ledger: Ledger, small_model: RiskModel) -> Scorer:
    return Scorer(sample_ledger, small_model, POLICY, date(2026, 6, 1))


class TestOfALedger:
    def test_every_open_invoice_is_in_a_case(self, scorer: Scorer) -> None:
        of = Worklist.make(scorer, capacity=1000)
        found = items_of(scorer, scorer.as_of)
        assert len(of.cases) + len(of.left_out) == len(set(found.case_id.tolist()))
        scored = scorer.score_open().set_index("invoice_id")
        for case in of.cases:
            for item in case.items:
                row = scored.loc[item.invoice_id]
                assert (item.action, item.tier) == (row["action"], row["tier"])
                # Money that came in today counts already.
                assert 0 < float(item.amount_open) <= float(row["amount_open"])
        assert any(case.reasons for case in of.cases) and all(case.habits for case in of.cases)

    def test_the_decisions_are_those_of_the_score_rows(self, scorer: Scorer) -> None:
        scored, decided = scorer.score_open(full=True), scorer.decide_open()
        for name in ("tier", "action", "who", "why"):
            assert scored[name].tolist() == decided.decisions[name]
        assert scored["p_late"].tolist() == decided.cases["p_late"].tolist()

    def test_the_same_input_gives_the_same_list(self, scorer: Scorer) -> None:
        assert Worklist.make(scorer, capacity=9).as_dict(True) == Worklist.make(scorer, capacity=9).as_dict(
            True
        )

    def test_a_declared_pay_run_is_used(self, scorer: Scorer) -> None:
        plain = Worklist.make(scorer, capacity=1000)
        one = next(case for case in plain.cases if case.kind == "contact" and len(case.customers) == 1)
        (customer,) = one.customers
        of = Worklist.make(scorer, capacity=1000, declared={customer: {"pay_run": "Wednesday"}})
        case = next(case for case in of.cases if case.case_id == one.case_id)
        assert case.next_pay_run is not None and case.next_pay_run.weekday() == 2
        assert any("as they told us" in line for line in case.habits)

    def test_who_paid_today_is_not_asked_today(self, small_model: RiskModel) -> None:
        rows = [
            {
                "invoice_id": name,
                "customer_id": name,
                "issued_on": "2026-04-01",
                "due_on": "2026-05-01",
                "amount": "9000",
                "currency": "EUR",
            }
            for name in ("A", "B")
        ]
        book = ledger(*rows, payments=[{"invoice_id": "A", "paid_on": "2026-06-01", "amount": "9000"}])
        of = Worklist.make(Scorer(book, small_model, POLICY, date(2026, 6, 1)), capacity=5)
        assert listed(of) == ["B"] and of.left_out.empty


def test_what_came_in_at_the_desk_changes_the_very_next_list(scorer: Scorer) -> None:
    """A promise, a payment and a contact: the list of the moment is that of a book with all of it."""
    found = items_of(scorer, scorer.as_of)
    free = np.flatnonzero((found.free > 0) & (found.disputed == 0) & (found.days_past_due > 5))
    one, two, three = (
        {"invoice_id": found.invoice_id[n], "customer_id": found.customer_id[n]} for n in free[[0, 9, 20]]
    )
    day = scorer.as_of.isoformat()
    given = {
        "promises": [
            {"promise_id": "X", "made_on": day, "promised_on": "2026-06-20", "amount": "10", "known_on": day, **one}
        ],
        "payments": [{"paid_on": day, "amount": "1000000", "known_on": day, **two}],
        "contacts": [{"contacted_on": day, "channel": "call", "known_on": day, **three}],
    }  # fmt: skip
    changed = customers_of(scorer.ledger, given)
    changed |= {
        member
        for member, case in zip(found.customer_id, found.case_id, strict=True)
        if case in set(found.case_id[np.isin(found.customer_id.astype(str), list(changed))].tolist())
    }
    part = scorer.with_book(part_of(scorer.ledger, given, changed), scorer.desk_facts)
    moment = LiveScorer(scorer, part, frozenset(changed), lambda *_: pytest.fail("not asked"))
    whole = Scorer(joined(scorer.ledger, given), scorer.model, POLICY, scorer.as_of)
    expected = Worklist.make(whole, capacity=30).as_dict(True)
    assert Worklist.make(moment, capacity=30).as_dict(True) == expected
    kept = items_now(moment, moment.as_of, None, found)
    assert Worklist.make(moment, capacity=30, items=kept).as_dict(True) == expected
    assert Worklist.make(scorer, capacity=30).as_dict(True) != expected


def test_a_book_in_which_nothing_is_open(small_model: RiskModel) -> None:
    row = {
        "invoice_id": "A",
        "customer_id": "C",
        "issued_on": "2026-04-01",
        "due_on": "2026-05-01",
        "amount": "9",
        "currency": "EUR",
    }
    book = ledger(row, payments=[{"invoice_id": "A", "paid_on": "2026-05-01", "amount": "9"}])
    of = Worklist.make(Scorer(book, small_model, POLICY, date(2026, 6, 1)))
    assert of.cases == () and of.left_out.empty


def test_money_is_compared_by_what_is_large_in_its_currency() -> None:
    found = items({"currency": "JPY", "worth": 10_000 / 1_500_000, "open": 1_500_000}, {"open": 10_000_00})
    values = weighed(found, POLICY, DAY).values
    assert values.money.tolist() == [20_000]
    one = invoice_values(found, found.free, WORKDAY, DAY)
    assert one.money.tolist() == pytest.approx([10_000, 10_000])
    channel = np.array(["phone", "email"], dtype=object)
    assert np.add(value(one.urgent, channel, WORKDAY), [10, 1]).tolist() == pytest.approx(
        [10_000 * 0.5 * 0.4 * 0.02] * 2
    )


def test_the_policy_decides_how_many() -> None:
    few = replace(POLICY, parts=replace(POLICY.parts, workday=replace(WORKDAY, capacity_per_day=1)))
    rows = items(*({"customer_id": f"C{n}"} for n in range(3)))
    assert len(Worklist.of(rows, few, DAY).cases) == 1
