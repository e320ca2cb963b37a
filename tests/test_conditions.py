"""Does a condition hold where it should, and does a broken one say how to mend it?"""

import numpy as np
import pytest

from serving.conditions import LONGEST, ConditionError, Term, nearest, parse

VOCABULARY = {
    "days_to_due": Term("days until due", "number"),
    "limit": Term("a number", "number"),
    "p_late": Term("chance of being late", "share"),
    "is_disputed": Term("a dispute is open", "flag"),
    "country": Term("ISO code", "text"),
    "due_on": Term("due date", "date"),
    "tier": Term("risk tier", "text", ("low", "high"), ranked=True),
    "evidence": Term("history", "text", ("none", "some"), ranked=True),
}
COLUMNS = {
    "days_to_due": np.array([-3.0, 0.0, 7.0, np.nan]),
    "limit": np.array([0.0, 0.0, 10.0, 10.0]),
    "p_late": np.array([0.1, 0.5, 0.9, np.nan]),
    "is_disputed": np.array([True, False, False, True]),
    "country": np.array(["DE", "AT", "", "FR"], dtype=object),
    "tier": np.array([0.0, 1.0, 1.0, 0.0]),
    "evidence": np.array([0.0, 1.0, np.nan, 1.0]),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("days_to_due >= 0", [0, 1, 1, 0]),
        ("0 <= days_to_due <= 6", [0, 1, 0, 0]),
        ("days_to_due == -3", [1, 0, 0, 0]),
        ("days_to_due != 0", [1, 0, 1, 0]),  # a missing value is never "not equal"
        ("days_to_due in [0, 7]", [0, 1, 1, 0]),
        ("days_to_due not in [0]", [1, 0, 1, 0]),
        ("not days_to_due >= 0", [1, 0, 0, 1]),  # not turns a missing comparison around: say so in the rule
        ("days_to_due < limit", [1, 0, 1, 0]),
        ("p_late >= 0.5 and not is_disputed", [0, 1, 1, 0]),
        ("p_late > 0.8 or is_disputed", [1, 0, 1, 1]),
        ("is_disputed and (p_late < 0.2 or p_late > 0.8)", [1, 0, 0, 0]),
        ("country == 'DE'", [1, 0, 0, 0]),
        ("country != 'DE'", [0, 1, 0, 1]),
        ('country in ("DE", "AT")', [1, 1, 0, 0]),
        ("country not in ['DE']", [0, 1, 0, 1]),
        ("tier >= 'high'", [0, 1, 1, 0]),
        ("tier < 'high'", [1, 0, 0, 1]),
        ("evidence == 'none'", [1, 0, 0, 0]),
        ("evidence in ['some']", [0, 1, 0, 1]),
        ("evidence != 'none'", [0, 1, 0, 1]),
    ],
)
def test_a_condition_holds_for(text: str, expected: list[int]) -> None:
    assert parse(text, VOCABULARY).holds(COLUMNS).tolist() == [bool(flag) for flag in expected]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("p_lat >= 0.5", "at character 1: unknown name 'p_lat'; did you mean 'p_late'?"),
        ("is_disputed and p_late", "at character 17: 'p_late' is a share; compare it with a value"),
        ("p_late >= 50", "at character 11: 50 is not between 0 and 1; write 50 % as 0.5"),
        ("p_late >= 'high'", "'high'' cannot be compared here; write a number without quotes"),
        (
            "is_disputed == 1",
            "'is_disputed' is true or false by itself; write is_disputed or not is_disputed",
        ),
        ("due_on >= 5", "'due_on' is a date; use a number of days such as days_to_due"),
        ("country >= 'DE'", "texts have no order for >=; use ==, != or in"),
        ("tier >= 'hihg'", "at character 9: unknown value 'hihg'; did you mean 'high'?"),
        ("tier == 'x'", "unknown value 'x'; values: low, high"),
        ("tier == evidence", "the two sides have no values in common"),
        ("1 <= 2", "both sides are fixed values"),
        ("days_to_due = 5", "cannot be read; write == to compare"),
        ("is_disputed AND p_late > 0.5", "write and, or, not, in in small letters"),
        ("is_disputed && p_late > 0.5", "cannot be read; write and"),
        ("p_late >= 50%", "write 50 % as 0.5"),
        ("days_to_due between 1 and 3", "write 0 <= days_to_due <= 7"),
        ("days_to_due in 7", "'in' needs a list"),
        ("days_to_due in []", "'in' needs a list"),
        ("country is 'DE'", "'is' is not part of the language; write == or !="),
        ("", "the condition is empty"),
        ("not " * LONGEST + "is_disputed", "at most 1000 are read"),
        ("é == 1 or p_lat > 1", "at character 11: unknown name 'p_lat'"),  # counts characters, not bytes
    ],
)
def test_a_broken_condition_says(text: str, said: str) -> None:
    with pytest.raises(ConditionError) as error:
        parse(text, VOCABULARY)
    assert said in str(error.value)


def test_all_flaws_are_told_at_once() -> None:
    with pytest.raises(ConditionError) as error:
        parse("p_lat > 1 and contry == 'DE' or tier > 'hi'", VOCABULARY)
    assert [flaw.position for flaw in error.value.flaws] == [1, 15, 40]


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "p_late.__class__",
        "(lambda: 1)() > 0",
        "[x for x in country] == 'DE'",
        "p_late + 1 > 0.5",
        "p_late > 1e999",
        "p_late > 1j",
        "p_late > True",
        "country == b'DE'",
        "country == f'{tier}'",
        "country in [['DE']]",
        "(x := 1) > 0",
        "True",
        "p_late if is_disputed else p_late",
        "-p_late < 0.5",
        "country == '\\d' 'DE' == '\\x'",
        "p_late >\x00 0",
        "(" * 500 + "is_disputed" + ")" * 400,
    ],
)
def test_anything_else_is_not_part_of_the_language(text: str) -> None:
    with pytest.raises(ConditionError):
        parse(text, VOCABULARY)


def test_spacing_and_brackets_do_not_matter() -> None:
    one, other = (
        parse(" p_late>=0.50\n and (is_disputed)", VOCABULARY),
        parse("p_late >= 0.5 and is_disputed", VOCABULARY),
    )
    assert one == other
    assert one.names == {"p_late", "is_disputed"}


def test_nearest_says_nothing_without_a_close_word() -> None:
    assert nearest("zzz", ["p_late"]) == ""
