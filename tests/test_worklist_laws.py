"""Do the promises of a worklist hold in situations that nobody thought of? Each is checked by plain counting."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from features.ledger import written_amount
from serving.policy import Policy
from serving.worklist import CaseState, Items, Worklist
from serving.worklist.weighing import REVIEW_RULE
from tests.situations import DAY, Situation, situations

POLICY = Policy.load()
WAITS = POLICY.parts.workday.only_waits
FIRST = POLICY.parts.workday.comes_first


def ids_in(content: Any) -> Iterator[str]:
    """Every id of a rule or guard of the policy."""
    if isinstance(content, dict):
        yield from [str(content["id"])] if "id" in content else []
        content = list(content.values())
    if isinstance(content, list):
        for each in content:
            yield from ids_in(each)


RULES = {*ids_in(POLICY.as_dict()), REVIEW_RULE}


def made(items: Items, seed: int) -> Worklist:
    """A list with a capacity, roles, states and waiting of its own."""
    drawn = np.random.default_rng(seed)
    by_skill = {} if seed % 3 else {"credit_analyst": int(drawn.integers(0, 3)), "ar_assistant": 2}
    ids = sorted(set(items.case_id.tolist()))
    waited = {name: int(drawn.integers(0, 12)) for name in ids if drawn.random() < 0.3}
    states = {name: _state(drawn) for name in ids if drawn.random() < 0.1}
    return Worklist.of(items, POLICY, DAY, int(drawn.integers(0, 9)), by_skill, states=states, waited=waited)


def _state(drawn: np.random.Generator) -> CaseState:
    until = DAY.replace(day=int(drawn.integers(1, 28)))
    return CaseState(until) if drawn.random() < 0.5 else CaseState(position=int(drawn.integers(1, 6)))


def check_capacity(of: Worklist) -> None:
    assert len(of.cases) <= of.capacity.per_day
    for role, places in of.capacity.by_skill.items():
        assert sum(case.who == role for case in of.cases) <= places
    assert [case.rank for case in of.cases] == list(range(1, len(of.cases) + 1))


def check_nothing_is_lost(of: Worklist, items: Items) -> None:
    named = [case.case_id for case in of.cases] + of.left_out["case_id"].tolist()
    assert sorted(named) == sorted(set(items.case_id.tolist()))
    assert all(of.left_out["reason"] != "")


def check_only_what_is_free_is_asked_for(of: Worklist, items: Items) -> None:
    row_of = {name: n for n, name in enumerate(items.invoice_id.tolist())}
    for case in of.cases:
        asked: dict[str, int] = defaultdict(int)
        for item in (item for item in case.items if item.is_covered and case.kind == "contact"):
            n = row_of[item.invoice_id]
            free = (
                int(items.open[n]) - int(items.disputed[n]) - int(items.promised[n]) - int(items.planned[n])
            )
            assert free > 0 or not items.amount_known[n] or case.action in FIRST
            assert item.action not in WAITS
            asked[item.currency] += free
        for currency, totals in case.totals.items():
            assert totals["asked_about"] == written_amount(asked[currency], currency)
            parts = [Decimal(totals[name]) for name in ("disputed", "promised", "planned", "asked_about")]
            assert sum(parts) <= Decimal(totals["open"])


def check_the_cap_holds_across_the_group(of: Worklist, situation: Situation) -> None:
    items = situation.items
    group_of = dict(zip(items.customer_id.tolist(), items.case_id.tolist(), strict=True))
    seen: set[str] = set()
    for case in (case for case in of.cases if case.kind == "contact"):
        members = {customer for customer, group in group_of.items() if group == case.case_id}
        assert set(case.customers) == members and not members & seen
        seen |= members
        contacts = [situation.contacts[customer] for customer in members]
        assert sum(many for many, _ in contacts) < 8
        days = min((since for _, since in contacts if not math.isnan(since)), default=math.inf)
        mine = [n for n, customer in enumerate(items.customer_id.tolist()) if customer in members]
        broken = any(items.promise_broken[n] and not days < items.days_since_promised[n] for n in mine)
        assert days > 7 or broken


def check_every_step_has_its_rule(of: Worklist) -> None:
    for case in of.cases:
        assert case.action_rule in RULES
        if case.kind != "review":
            assert (case.action, case.action_rule) in {(item.action, item.action_rule) for item in case.items}
        assert case.why.count("\n") == 0 and case.why.endswith(".")
    assert set(of.left_out["rule"]) <= RULES


def check_promises_come_first(of: Worklist) -> None:
    """A promise to follow up only lacks a place where everybody listed is as urgent, or its role is full."""
    ordinary = [case for case in of.cases if not case.is_first and "by hand" not in case.why]
    if ordinary:
        ranks = [case.rank for case in of.cases if case.is_first and "by hand" not in case.why]
        assert max(ranks, default=0) < min(case.rank for case in ordinary)


def same(one: Worklist, other: Worklist) -> bool:
    return one.cases == other.cases and one.left_out.equals(other.left_out)


def check_order_of_the_input(situation: Situation, of: Worklist, seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(len(situation.items))
    assert same(of, made(situation.items, seed))
    assert same(of, made(situation.items.at(shuffled), seed))


def check_chances_change_no_words(situation: Situation, of: Worklist, seed: int) -> None:
    """Higher chances alone leave every word as it is; with the policy asked again, nothing gets firmer."""
    items = situation.items
    before = everybody(items).cases
    words = {case.case_id: _words(case) for case in before}
    risen = everybody(replace(items, risk=np.minimum(items.risk * 3 + 0.1, 1.0)))
    assert {case.case_id: _words(case) for case in risen.cases} == words
    firm = {case.case_id: POLICY.parts.actions[case.action].firmness for case in before}
    for case in everybody(situation.raised).cases:
        assert POLICY.parts.actions[case.action].firmness <= firm.get(case.case_id, 0)


def everybody(items: Items) -> Worklist:
    return Worklist.of(items, POLICY, DAY, 100_000)


def _words(case: Any) -> tuple[Any, ...]:
    return case.action, case.channel, case.who, case.opening, case.objective, case.why, case.template


def check_all(situation: Situation, seed: int) -> None:
    of = made(situation.items, seed)
    check_capacity(of)
    check_nothing_is_lost(of, situation.items)
    check_only_what_is_free_is_asked_for(of, situation.items)
    check_the_cap_holds_across_the_group(of, situation)
    check_every_step_has_its_rule(of)
    check_promises_come_first(of)
    check_order_of_the_input(situation, of, seed)
    check_chances_change_no_words(situation, of, seed)


def test_the_laws_hold_in_some_situations() -> None:
    for seed, situation in enumerate(situations(1, 60, POLICY)):
        check_all(situation, seed)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_the_laws_hold_in_ten_thousand_situations(part: int) -> None:
    for seed, situation in enumerate(situations(100 + part, 1000, POLICY)):
        check_all(situation, seed)


def test_the_situations_are_worth_the_name() -> None:
    """Every kind of step, every reason to be left out and every guard occurs."""
    kinds, reasons, guards, actions = set(), set(), set(), set()
    for seed, situation in enumerate(situations(1, 150, POLICY)):
        of = made(situation.items, seed)
        kinds |= {case.kind for case in of.cases}
        actions |= {case.action for case in everybody(situation.items).cases}
        reasons |= set(of.left_out["reason"])
        guards |= {guard for listed in situation.items.guards for guard in listed}
    assert kinds == {"contact", "work", "review"}
    assert reasons >= {
        "no_capacity",
        "review_due",
        "nothing_needed",
        "guard",
        "contacted_recently",
        "contact_cap",
    }
    assert {"dispute_open", "promise_pending", "plan_running", "complaint_open", "contact_cap"} <= guards
    assert {
        "answer_complaint",
        "renew_promise",
        "relationship_call",
        "resolve_dispute",
        "thank_you",
    } <= actions


def test_nobody_waits_for_ever() -> None:
    """Day after day the same situation: every case that needs a step gets its place."""
    for situation in situations(5, 5, POLICY):
        wanted = {case.case_id for case in everybody(situation.items).cases if case.kind != "review"}
        waited: dict[str, int] = {}
        seen: set[str] = set()
        for _ in range(50):
            of = Worklist.of(situation.items, POLICY, DAY, 2, waited=waited)
            seen |= {case.case_id for case in of.cases}
            waited = of.waited()
        firsts = {case.case_id for case in everybody(situation.items).cases if case.is_first}
        assert wanted - firsts <= seen or len(firsts) >= 2
