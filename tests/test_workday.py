"""Is the policy's section on the day's list read as it is written, and is every mistake in it told?"""

from __future__ import annotations

from importlib.resources import files

import pytest

from serving.agreements import PROMISE_GRACE_DAYS
from serving.kpis import Settings
from serving.policy import Policy, PolicyError
from serving.policy.workday import STAGES, Workday

TEXT = files("serving").joinpath("policy.yaml").read_text(encoding="utf-8")


def with_line(old: str, new: str) -> str:
    assert TEXT.count(old) == 1, f"{old!r} stands {TEXT.count(old)} times in the packaged policy"
    return TEXT.replace(old, new)


def test_it_is_read_and_part_of_the_version() -> None:
    read = Policy.read(with_line("capacity_by_skill: {}", "capacity_by_skill: {credit_manager: 3}"))
    assert read.parts.workday.capacity_by_skill == {"credit_manager": 3}
    assert read.as_dict()["worklist"]["capacity_by_skill"] == {"credit_manager": 3}
    assert read.version != Policy.load().version


def test_a_policy_without_it_has_the_usual_day() -> None:
    begin = TEXT.index("\nworklist:")
    end = TEXT.index("\nearly_payment_discount:")
    assert Policy.read(TEXT[:begin] + TEXT[end:]).parts.workday == Workday()


def test_a_promise_has_one_grace_for_figures_alerts_and_the_desk() -> None:
    parts = Policy.read(with_line("promise_grace_days: 2 ", "promise_grace_days: 5 ")).parts
    assert parts.promise_grace_days == parts.alerts.promise_grace_days == 5
    assert Settings.of(parts, 90).promise_grace_days == 5
    begin = TEXT.index("  promise_grace_days:")
    without = TEXT[:begin] + TEXT[TEXT.index("\n", begin) + 1 :]
    assert Policy.read(without).parts.promise_grace_days == PROMISE_GRACE_DAYS


def test_what_a_contact_saves_by_stage_and_tier() -> None:
    day = Policy.load().parts.workday
    assert [day.effect(stage, "high") for stage in STAGES] == [0.4, 0.4, 0.25, 0.15]
    assert Workday().effect("past_due", "whatever") == 0.3


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("capacity_per_day: 40 ", "capacity_per_day: -1 ", "capacity_per_day: '-1' is not a whole number"),
        ("promise_grace_days: 2 ", "promise_grace_days: 2.5 ", "numbers.promise_grace_days: '2.5' is not a whole"),
        ("promise_grace_days: 2 ", "promise_grace_days: 31 ", "'31' is not a whole number from 0 to 30"),
        ("capacity_per_day: 40 ", "capacity_per_day: many ", "'many' is not a whole number"),
        ("capacity_per_day: 40 ", "capacity_a_day: 40 ", "unknown key 'capacity_a_day'; did you"),
        ("capacity_by_skill: {}", "capacity_by_skill: {analyst: 3}", "'analyst'; did you mean 'credit_analyst'"),
        ("capacity_by_skill: {}", "capacity_by_skill: {credit_manager: 2.5}", "'2.5' is not a whole number"),
        ("capacity_by_skill: {}", "capacity_by_skill: 3", "is not what belongs here"),
        ("{phone: 10, letter: 5,", "{phone: 10,", "worklist.cost_per_contact: says nothing of letter; add letter:"),
        ("{phone: 10, letter: 5,", "{phone: -10, letter: 5,", "worklist.cost_per_contact.phone: '-10' is not a number"),
        ("late_money_costs: 0.02", "late_money_costs: 2", "'2' is not a number from 0 to 1"),
        ("    month_past_due: {otherwise: 0.25}\n", "", "'month_past_due' is missing"),
        ("month_past_due: {otherwise: 0.25}", "month_past_due: {hig: 0.25}", "unknown 'hig'; did you mean 'high'"),
        ("month_past_due: {otherwise: 0.25}", "month_past_due: {high: 0.25}", "does not name every tier"),
        ("month_past_due: {otherwise: 0.25}", "month_past_due: {otherwise: 3}", "'3' is not a number from 0 to 1"),
        ("comes_first: [answer_complaint,", "comes_first: [answer_complain,", "worklist.comes_first[1]: unknown"),
        ("comes_first: [answer_complaint,", "comes_first: 7 # [", "write a list of steps"),
        ("only_waits: [await_promise,", "only_waits: [renew_promise,", "the customer hears of 'renew_promise'"),
        ("review_action: review_account", "review_action: [review_account]", "worklist.review_action: unknown"),
        ("starvation_days: 5", "starvation_days: true", "'True' is not a whole number from 1 to 365"),
    ],
)  # fmt: skip
def test_every_mistake_is_told_with_its_line_and_a_mend(old: str, new: str, said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        Policy.read(with_line(old, new))
    assert said in str(caught.value)
    line = TEXT[: TEXT.index(old)].count("\n") + 1
    assert all(abs(problem.line - line) <= 4 for problem in caught.value.problems)


def test_a_mangled_section_is_told_and_never_falls_over() -> None:
    for odd in (
        "[]",
        "7",
        "{capacity_by_skill: [1], only_waits: {a: 1}, effect_of_contact: [2]}",
        "{cost_per_contact: x}",
    ):
        begin, end = TEXT.index("\nworklist:"), TEXT.index("\nwording:")
        with pytest.raises(PolicyError):
            Policy.read(f"{TEXT[:begin]}\nworklist: {odd}\n{TEXT[end:]}")
