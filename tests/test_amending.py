"""Are a policy's numbers changed where they stand, and nothing around them?"""

from __future__ import annotations

import difflib
from importlib.resources import files

import pytest

from serving.policy import Policy, PolicyError
from serving.policy.amending import amended, numbers_of

TEXT = files("serving").joinpath("policy.yaml").read_text("utf-8")


def test_every_number_stands_where_it_says() -> None:
    found = numbers_of(TEXT)
    assert all(TEXT[each.begin : each.end] == each.value for each in found)
    values = {each.place: each.value for each in found}
    assert values["numbers.quiet_days"] == "7"
    assert values["worklist.capacity_per_day"] == "40"
    assert values["tier_rules.late_possible.1"] == "0.20"


def test_one_number_changes_one_line_and_keeps_its_comment() -> None:
    changed = amended(TEXT, {"numbers.quiet_days": "10", "worklist.capacity_per_day": "40"})
    lines = [
        each for each in difflib.ndiff(TEXT.splitlines(), changed.splitlines()) if each[:2] in ("+ ", "- ")
    ]
    assert lines == [
        "-   quiet_days: 7             # after a contact, give people this long before the next one",
        "+   quiet_days: 10             # after a contact, give people this long before the next one",
    ]
    assert Policy.read(changed).parts.numbers["quiet_days"]["otherwise"] == 10


def test_a_threshold_changes_within_its_condition() -> None:
    changed = amended(TEXT, {"tier_rules.late_possible.1": "0.3", "tier_rules.long_delay_likely.1": "0.25"})
    assert "when: p_late >= 0.3 and amount_open >= small_amount" in changed
    assert "when: p_late_90 >= 0.25 and amount_open >= small_amount" in changed


def test_the_same_numbers_are_the_same_text() -> None:
    assert amended(TEXT, {each.place: f" {each.value} " for each in numbers_of(TEXT)}) == TEXT


@pytest.mark.parametrize(
    ("place", "value"),
    [("numbers.quiet_days", "soon"), ("numbers.nothing", "7"), ("numbers.quiet_days", "7\nx: 1")],
)
def test_what_is_no_number_is_told(place: str, value: str) -> None:
    with pytest.raises(PolicyError, match="is no number here"):
        amended(TEXT, {place: value})


def test_the_remark_beside_a_number_is_its_reason() -> None:
    why = {each.place: each.comment for each in numbers_of(TEXT)}
    assert why["numbers.quiet_days"] == "after a contact, give people this long before the next one"
    assert why["numbers.small_amount.JPY"].startswith("Below this, a phone call costs more")
    assert why["worklist.late_money_costs"].startswith("What one contact costs, and what a unit of money")
    bare = "numbers:\n  # one\n  a: 1\n  b: 2  # two\n  c: 3\n\n  # three\n  d: 4\n\n  e: 5\n"
    assert {each.place[-1]: each.comment for each in numbers_of(bare)} == {
        "a": "one", "b": "two", "c": "", "d": "three", "e": ""
    }  # fmt: skip


def test_a_number_of_one_currency_or_tier_changes_alone() -> None:
    changed = amended(
        TEXT, {"numbers.small_amount.JPY": "9000", "worklist.effect_of_contact.past_due.low": "0.25"}
    )
    parts = Policy.read(changed).parts
    assert parts.numbers["small_amount"]["JPY"] == 9000 and parts.numbers["small_amount"]["otherwise"] == 50
    assert parts.workday.effect_of_contact["past_due"]["low"] == 0.25
    assert changed.count("\n") == TEXT.count("\n") and changed.count("#") == TEXT.count("#")
