"""Is a broken policy refused with every reason, and does a good one read aloud and keep its version?"""

import json
import textwrap
from pathlib import Path

import pytest

from serving.policy import Policy, PolicyError
from serving.policy.spoken import opening_in, outdated, unsaid

PACKAGED = (Path(__file__).parents[1] / "serving" / "policy.yaml").read_text(encoding="utf-8")

SMALL = """
numbers: {large: {otherwise: 1000, JPY: 150000}}
facts:
  # a comment
  is_due_soon: 0 <= days_to_due <= 7
tiers: [low, high]
tier_rules:
  - {id: likely, tier: high, when: p_late >= 0.5 and amount_open >= large, because: it is likely to be late}
  - {id: others, tier: low, because: nothing speaks for it}
firmness:
  - name: at your service
  - {name: a reminder, needs: days_past_due >= 1}
roles: [analyst]
actions:
  none_needed: {who: analyst, channel: internal, firmness: 0, objective: peace, opening: Nothing is needed.}
  call: {who: analyst, channel: phone, firmness: 0, within_working_days: 2, not_after_due: true,
         objective: help, opening: May we help you out.}
  remind: {who: analyst, channel: email, within_working_days: 3, firmness: 1, objective: a date,
           opening: It may have escaped you.}
guards:
  - {id: promised, when: promise_pending, then: none_needed, because: a payment is promised}
rules:
  - {id: help, when: tier >= 'high' and is_due_soon, action: call, because: a call helps}
  - {id: past, when: not is_disputed and days_past_due >= 1, action: remind, because: it is past due}
  - {id: rest, action: none_needed, because: all is well}
wording: {never_say: [you must, debt*]}
"""


READ_ALOUD = """
Large means 1,000 (150,000 for JPY).
'Is due soon' means that the number of days until due is from 0 to 7.
If the chance of late payment is at least 50 % and the open amount is at least large, the tier is high, \
because it is likely to be late (likely).
In all other cases, the tier is low, because nothing speaks for it (others).
Firmness 0, at your service: always possible.
Firmness 1, a reminder: only where the number of days past due is at least 1.
Before any step: if a promise is pending, none needed takes the place of every other step, \
because a payment is promised (promised).
If the tier is at least high and 'is due soon' holds, the step is call \
(analyst, by phone, within 2 working days, not after the due date), because a call helps (help).
If it is not so that the invoice is disputed and the number of days past due is at least 1, the step is \
remind (analyst, by email, within 3 working days), because it is past due (past).
In all other cases, the step is none needed, because all is well (rest).
"""


def problems_of(text: str) -> list[str]:
    with pytest.raises(PolicyError) as error:
        Policy.read(text, "mine.yaml")
    assert str(error.value).startswith("mine.yaml has ")
    return [str(problem) for problem in error.value.problems]


def changed(old: str, new: str, text: str = SMALL) -> str:
    assert text.count(old) >= 1, f"{old!r} is not in the text"
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("roles:", "rolls:", "line 13, column 1: rolls: unknown key 'rolls'; did you mean 'roles'?"),
        ("p_late >= 0.5", "p_lat >= 0.5", "unknown name 'p_lat' (character 1 of"),
        ("p_late >= 0.5", "p_lat >= 0.5", "line 8, column 36: tier_rules[1].when: "),
        ("is_due_soon,", "is_due_son,", "line 23, column 41: rules[1].when: unknown name 'is_due_son'"),
        ("tier >= 'high'", "tier >= 'hgh'", "unknown value 'hgh' (character 9"),
        ("tier: high", "tier: hihg", "tier_rules[1].tier: unknown tier 'hihg'; did you mean 'high'?"),
        ("action: remind", "action: remnd", "unknown action 'remnd'; did you mean 'remind'?"),
        ("then: none_needed", "then: non", "unknown then 'non'; one of none_needed, call, remind"),
        ("channel: email", "channel: pigeon", "unknown channel 'pigeon'; one of email, phone"),
        ("who: analyst, channel: phone", "who: analist, channel: phone", "did you mean 'analyst'?"),
        ("id: past", "id: help", "duplicate id 'help', also of rules[1]; ids are unique"),
        ("id: past", "id: promised", "duplicate id 'promised', also of guards[1]"),
        ("opening: May we help you out.", "counted_from: as_of", "line 16, column 9: actions.call: 'opening' is"),
        ("opening: May we help you out.", "opening: ' '", "actions.call.opening: ' ' is no text"),
        ("id: rest,", "id: rest, when: is_disputed,", "the last rule must take every case left"),
        ("when: tier >= 'high' and is_due_soon, ", "", "the rules below are never reached; move it"),
        ("not is_disputed and days_past_due >= 1", "tier >= 'high' and is_due_soon", "'help' has the same"),
        ("when: p_late >= 0.5 and", "when: tier >= 'high' and", "looks at the tier it decides"),
        ("p_late >= 0.5", "p_late <= 0.5", "a higher probability alone could lead to a better tier"),
        ("is_due_soon, action: call", "is_due_soon, action: remind", "rules[1]: a higher probability alone"),
        ("tier >= 'high' and", "tier < 'high' and", "a higher probability alone could harden the tone"),
        ("tier >= 'high' and", "tier == 'low' and", "write tier >= 'high'"),
        ("when: promise_pending", "when: p_late > 0.5", "looks at p_late; a guard protects by facts"),
        ("needs: days_past_due >= 1", "needs: p_late > 0.5", "firmness is earned by facts"),
        ("name: at your service", "{name: kind, needs: is_disputed}", "the kindest firmness needs nothing"),
        ("then: none_needed", "then: remind", "'remind' has firmness 1; guards lead to firmness 0"),
        ("then: none_needed, ", "", "a guard without effect"),
        ("then: none_needed", "then: call, who: analyst", "'then' replaces the step"),
        ("then: none_needed", "who: analyst, holds_back: contacts", "is for guards with 'then'"),
        ("internal, firmness: 0", "internal, firmness: 1", "an internal step is not heard by the customer"),
        ("rules:", "rules: []\nfacts:", "rules: holds no rules"),
        ("id: rest, action: none_needed", "id: rest, action: remind", "the last rule needs a step of firm"),
        ("within_working_days: 2", "within_working_days: -2", "'-2' is not a whole number from 0 to 260"),
        ("firmness: 1", "firmness: 2", "'2' is not a whole number from 0 to 1"),
        ("It may have escaped you.", "Your DEBTS are due.", "says 'debt*', which wording.never_say"),
        ("otherwise: 1000, ", "", "no 'otherwise' for other currencies"),
        ("JPY: 150000", "JPY: many", "numbers.large.JPY: 'many' is no number"),
        ("JPY: 150000", "yen: 150000", "is no currency code; write EUR"),
        ("{large:", "{p_late: 1, large:", "the name 'p_late' is taken: chance of being late"),
        ("is_due_soon: 0", "Is Due: 0", "'Is Due' is no name; use small letters, digits and _"),
        ("0 <= days_to_due <= 7", "true", "facts.is_due_soon: 'True' is no condition"),
        ("tiers: [low, high]", "tiers: [low, high, low]", "'low' stands here twice"),
        ("tiers: [low, high]", "tiers: low", "'low' is not what belongs here; write a list"),
        ("roles: [analyst]", "roles: [analyst]\nroles: [analyst]", "line 14, column 1: roles: 'roles' stands here"),
        ("{id: rest, action: none_needed, because: all is well}", "all", "'all' is no entry"),
        ("none_needed: {who: analyst", "none_needed: 3\n  other: {who: analyst", "none_needed: has no"),
        ("[you must, debt*]", "[]", "'wording.never_say' is empty"),
        ("roles: [analyst]", "roles: &a [analyst]\nabout: *a", "aliases (*name) are not read"),
        ("roles: [analyst]", "roles: [analyst", "is no YAML here"),
        ("name: at your service", "name: at your \x07service", "is no YAML here: unacceptable character"),
        ("name: at your service", "name: !!python/name:os.system x", "cannot be read"),
        ("tiers: [low, high]", "tiers: " + "[" * 3000 + "]" * 3000, "is nested too deeply"),
    ],
)  # fmt: skip
def test_a_broken_policy_says(old: str, new: str, said: str) -> None:
    told = problems_of(changed(old, new))
    assert any(said in problem for problem in told), told


BEFORE_RULES, RULES = SMALL.split("\nrules:\n")
STEPS = textwrap.indent(RULES.split("wording:")[0].replace("{id: past,", "{id: past, from_day: 3,"), "    ")
PLANNED = f"""{BEFORE_RULES}
segments:
  - {{id: people, when: debtor_type == 'sole_trader', strategy: gentle, because: one person carries it}}
  - {{id: all, strategy: plain, because: nothing special}}
strategies:
  gentle: {{for: sole traders, told: We give time., steps: [{{id: wait, action: none_needed, because: so}}]}}
  plain:
    for: companies
    told: We ask early.
    steps:
{STEPS}
wording: {{never_say: [you must, debt*]}}"""
SECTIONS_MORE = (
    PLANNED
    + """
reasons: {forgot: [mislaid], cannot_pay: [no money]}
natural_persons: {when: debtor_type == 'sole_trader', most_firmness: 0, because: a person decides}
customer_tiers: {enough_share: 0.25, enough_amount: large, lower_by: 0.5, better_after_days: 14}
credit:
  who: analyst
  first_limit: large
  usual_terms_days: 30
  room_days: 10
  reports_are_old_after_days: 365
  old_reports_count: 0.5
  factors: {slow: {when: late_share >= 0.5, says: '{late_share} were late'}}
  rules:
    - {id: careful, when: slow, decision: reduced_limit, limit_share: 0.5, because: it helps}
    - {id: open, decision: open_terms, because: all is well}
reviews:
  who: analyst
  every_days: {low: 365, high: 30}
  contact_cost: large
  outcomes: [{id: keep_it, outcome: keep, because: all is well}]
exits:
  who: analyst
  cost_share: 0.2
  follow_up_days: 365
  hand_over: {id: hand, when: days_past_due >= 90, because: it is old}
  write_down: {id: down, when: insolvency, because: it will not come}
  checklist: [{id: spoke, needs: contacts_ever >= 3, says: we spoke}]
"""
)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("strategy: plain", "strategy: plan", "unknown strategy 'plan'; did you mean 'plain'?"),
        ("strategy: gentle", "strategy: plain", "strategies.gentle: no segment leads to it"),
        ("when: debtor_type ==", "when: p_late > 0.5 and debtor_type ==", "looks at p_late; who a customer is"),
        ("told: We ask early.", "told: You must pay.", "plain.told: says 'you must'"),
        ("from_day: 3", "from_day: soon", "'soon' is no day; write days after due"),
        ("from_day: 3", "from_day: 3, to_day: 1", "'1' is before from_day"),
        ("from_day: 3", "from_day: 3, until: 9", "unknown key 'until'"),
        ("{id: rest, action", "{id: rest, from_day: 3, action", "the last rule must take every case left"),
        ("is_due_soon, action: call", "is_due_soon, action: remind", "strategies.plain.steps[1]: a higher prob"),
        ("segments:", "rules: []\nsegments:", "rules: cannot stand beside strategies"),
        ("  gentle: {for", "  gentle: 3\n  other: {for", "strategies.gentle: has no steps"),
        ("wait, action", "help, action", "duplicate id 'help'"),
        ("steps: [{id: wait, action: none_needed, because: so}]", "steps: []", "holds no rules"),
        ("forgot: [mislaid]", "forgot: [mislaid, no money]", "'no money' also stands in"),
        ("forgot: [mislaid]", "forgott: [mislaid]", "unknown key 'forgott'; did you mean 'forgot'?"),
        ("most_firmness: 0", "most_firmness: 7", "'7' is not a whole number from 0 to 1"),
        ("when: debtor_type == 'sole_trader', most", "when: days_past_due > 3, most", "unknown name 'days_past_due'"),
        ("enough_amount: large", "enough_amount: larg", "unknown enough_amount 'larg'; did you mean 'large'?"),
        ("enough_share: 0.25", "enough_share: 25", "'25' is not between 0 and 1; write 50 % as 0.5"),
        (", better_after_days: 14", "", "'better_after_days' is missing"),
        ("late_share >= 0.5", "late_shar >= 0.5", "unknown name 'late_shar'"),
        ("late_share >= 0.5", "p_late >= 0.5", "credit.factors.slow.when: unknown name 'p_late'"),
        ("decision: open_terms", "decision: free_lunch", "unknown decision 'free_lunch'; one of open_terms, red"),
        ("limit_share: 0.5", "limit_share: -1", "'-1' is not between 0 and 10"),
        ("says: '{late_share} were late'", "says: They failed., extra: 1", "unknown key 'extra'"),
        ("{late_share} were", "{late_shar} were", "no {late_shar} to fill in; did you mean 'late_share'?"),
        ("high: 30}", "hihg: 30}", "unknown key 'hihg'; did you mean 'high'?"),
        ("outcome: keep", "outcome: kepp", "unknown outcome 'kepp'; did you mean 'keep'?"),
        ("when: insolvency", "when: p_late_90 > 0.5", "looks at p_late_90; an exit is decided on what happened"),
        ("needs: contacts_ever", "needs: contact_ever", "unknown name 'contact_ever'"),
        ("who: analyst, channel: phone", "commitment: none, who: analyst, channel: phone", "ends with a promise or"),
        ("who: analyst, channel: phone", "commitment: hope, who: analyst, channel: phone", "unknown commitment"),
    ],
)  # fmt: skip
def test_broken_strategies_and_account_sections_say(old: str, new: str, said: str) -> None:
    told = problems_of(changed(old, new, SECTIONS_MORE))
    assert any(said in problem for problem in told), told


def test_strategies_and_account_sections_are_read_and_are_data_again() -> None:
    policy = Policy.read(SECTIONS_MORE)
    data = policy.as_dict()
    version = data.pop("version")
    assert Policy.read(json.dumps(data)).version == version
    assert data["strategies"]["plain"]["steps"][1]["from_day"] == 3
    aloud = policy.sentences()
    assert (
        "If the kind of customer is sole trader, the strategy is gentle, because one person carries it (people)."
        in aloud
    )
    past = next(line for line in aloud if "(past)" in line)
    assert past.startswith(
        "Plain: From 3 days after the due date on, if it is not so that the invoice is disputed"
    )
    assert policy.published("plain")[2].startswith("A point you raise")


OTHER = """
other_languages:
  de:
    strategies.plain.told: Wir fragen früh.
    actions.call.opening: Dürfen wir helfen?
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  de:", "  tlh:", "other_languages.tlh: there are no texts in 'tlh'; one of de, nl"),
        ("plain.told: Wir", "plan.told: Wir", "no sentence for customers stands at 'strategies.plan.told'; did you"),
        ("Wir fragen früh.", "Zahlen Sie sofort.", "de.strategies.plain.told: says 'sofort' (urgency)"),
        ("Dürfen wir helfen?", "' '", "de.actions.call.opening: ' ' is no text"),
        ("  de:\n", "  de: 3\n  nl:\n", "other_languages.de: '3' is not what belongs here"),
    ],
)  # fmt: skip
def test_a_broken_sentence_of_another_language_says(old: str, new: str, said: str) -> None:
    told = problems_of(changed(old, new, SECTIONS_MORE + OTHER))
    assert any(said in problem for problem in told), told


class TestOtherLanguages:
    def test_they_are_part_of_the_version_and_data_again(self) -> None:
        plain, spoken = Policy.read(SECTIONS_MORE), Policy.read(SECTIONS_MORE + OTHER)
        assert plain.version != spoken.version and "other_languages" not in plain.as_dict()
        assert Policy.read(spoken.text()).version == spoken.version
        assert plain.parts.other_languages == {}

    def test_what_a_language_lacks_is_named(self) -> None:
        assert list(unsaid(Policy.read(SECTIONS_MORE).parts)) == []
        lacking = list(unsaid(Policy.read(SECTIONS_MORE + OTHER).parts))
        assert "other_languages.de has no strategies.gentle.told" in lacking
        assert not any("strategies.plain.told" in each or "actions.call.opening" in each for each in lacking)

    def test_what_says_something_else_by_now_is_named(self) -> None:
        before = Policy.read(SECTIONS_MORE + OTHER).parts
        reworded = changed("told: We ask early.", "told: We ask very early.", SECTIONS_MORE + OTHER)
        after = Policy.read(reworded).parts
        assert list(outdated(before, before)) == []
        assert list(outdated(before, after)) == [
            "other_languages.de still has strategies.plain.told as it was, and its English changed"
        ]
        anew = Policy.read(changed("Wir fragen früh.", "Wir fragen sehr früh.", reworded)).parts
        assert list(outdated(before, anew)) == []

    def test_an_opening_is_said_in_the_language_of_the_text_or_not_at_all(self) -> None:
        policy = Policy.load().parts
        decided = f"{policy.actions['friendly_reminder'].opening} {policy.guards[ADDING].adds}"
        english = opening_in(policy, "friendly_reminder", decided, "en")
        assert " ".join((english[0], *english[1])) == decided and len(english[1]) == 1
        for language, first, added in (("de-AT", "Vielleicht", "Ihren"), ("nl", "Misschien", "We zoeken")):
            opening, adds = opening_in(policy, "friendly_reminder", decided, language)
            assert opening.startswith(first) and [each.startswith(added) for each in adds] == [True]
        assert opening_in(policy, "friendly_reminder", decided, "fr") == ("", ())

    def test_a_policy_of_one_language_is_written_in_that_of_its_customers(self) -> None:
        parts = Policy.read(SECTIONS_MORE).parts
        opening = parts.actions["call"].opening
        assert opening_in(parts, "call", opening, "de") == (opening, ())

    def test_a_strategy_is_published_whole_or_not_at_all(self) -> None:
        policy = Policy.load()
        dutch = policy.published("good_payers", "nl")
        assert dutch[0].startswith("Hoe we de facturen van klanten die betrouwbaar betalen begeleiden")
        assert len(dutch) == len(policy.published("good_payers"))
        with pytest.raises(ValueError, match=r"other_languages.de has no strategies.plain.for"):
            Policy.read(SECTIONS_MORE + OTHER).published("plain", "de")
        with pytest.raises(ValueError, match="'tlh' is none of"):
            policy.published("good_payers", "tlh")


ADDING = next(n for n, each in enumerate(Policy.load().parts.guards) if each.adds)


def test_a_section_that_is_not_there_is_named() -> None:
    policy = Policy.read(SMALL)
    with pytest.raises(ValueError, match="has no section 'credit'; take it from the packaged"):
        policy.credit_decisions({"customer_id": ["C"]})


def test_all_problems_are_told_at_once_in_the_order_of_lines() -> None:
    text = changed("p_late >= 0.5", "p_lat >= 0.5")
    text = changed("channel: phone", "channel: fone", text)
    text = changed("id: rest,", "id: help,", text)
    assert [problem.split(":")[0] for problem in problems_of(text)] == [
        "line 8, column 36",
        "line 16, column 33",
        "line 25, column 10",
    ]


@pytest.mark.parametrize(
    "text", ["", "[]", "just text", "tiers: 1", "? [a]\n: b", "a: 2020-13-45", "\x00", "--- 1\n--- 2"]
)
def test_what_is_no_policy_at_all_is_refused(text: str) -> None:
    assert problems_of(text)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_bytes(b"about: \xff")
    for path in (tmp_path / "absent.yaml", tmp_path, tmp_path / "policy.yaml"):
        with pytest.raises(PolicyError, match="cannot be read"):
            Policy.load(path)


def test_a_file_of_ones_own_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(SMALL, encoding="utf-8")
    assert Policy.load(tmp_path / "mine.yaml").version == Policy.read(SMALL).version


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  # a comment\n", ""),
        ("0 <= days_to_due <= 7", "'0<=days_to_due  <= 7'"),
        ("objective: peace, opening: Nothing is needed.", "opening:  Nothing is   needed., objective: peace"),
        ("{otherwise: 1000, JPY: 150000}", "{JPY:  150000,  otherwise: 1000}"),
        ("within_working_days: 3", "within_working_days: 3, not_after_due: false"),
    ],
)  # fmt: skip
def test_the_version_ignores_comments_and_spacing(old: str, new: str) -> None:
    assert Policy.read(changed(old, new)).version == Policy.read(SMALL).version


@pytest.mark.parametrize(
    ("old", "new"), [("0.5", "0.51"), ("JPY: 150000", "JPY: 150001"), ("[analyst]", "[analyst, boss]")]
)
def test_the_version_changes_with_the_content(old: str, new: str) -> None:
    assert Policy.read(changed(old, new)).version != Policy.read(SMALL).version


def test_the_policy_reads_aloud() -> None:
    assert "\n".join(Policy.read(SMALL).sentences()) == READ_ALOUD.strip()


def test_the_policy_as_data_is_the_policy_again() -> None:
    data = Policy.load().as_dict()
    version = data.pop("version")
    assert data["guards"][0]["id"] == "insolvency"
    assert data["strategies"]["ordinary_companies"]["steps"][-1] == {
        "id": "nothing_to_do",
        "because": "it is not due soon, or in good hands",
        "action": "none_needed",
    }
    assert Policy.read(json.dumps(data)).version == version  # JSON is YAML


def test_the_packaged_policy_stays_readable() -> None:
    assert max(len(line) for line in PACKAGED.splitlines()) <= 130
    assert "\t" not in PACKAGED


@pytest.mark.parametrize(
    ("old", "new", "marked"),
    [
        ("p_late >= 0.5", "p_late >= 0.5 and p_lat > 0", "p_lat > 0"),
        ("when: p_late >= 0.5", "when: p_late >= 0.5\n      and   p_lat > 0", "p_lat > 0"),
        ("channel: phone", "channel:  fone", "fone"),
        ("roles:", "rolls:", "rolls:"),
        ("roles: [analyst]", "roles: [analyst", "\n"),
    ],
)
def test_a_problem_names_the_column_where_it_begins(old: str, new: str, marked: str) -> None:
    text = changed(old, new)
    with pytest.raises(PolicyError) as raised:
        Policy.read(text)
    lines = text.splitlines()
    places = [lines[each.line - 1][each.column - 1 :] for each in raised.value.problems]
    assert all(each.column for each in raised.value.problems)
    assert marked == "\n" or any(place.startswith(marked) for place in places), places
