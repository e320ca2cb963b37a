"""Are unkind sentences found however they are typed, and are kind ones left alone?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from features.catalogue import CATALOGUE
from features.reasons import REASON_CODES
from serving.messages import STEP_KINDS, NextStep, actions, languages, lint, vocabulary
from serving.messages.linting import NEVER_SAY, VOCABULARIES, read_vocabulary, static_text
from serving.policy import Policy, PolicyError
from serving.wording import contained, phrases, plain

UNKIND = [
    ("Why haven't you paid yet?", "asks_why_not"),
    ("Why have you not settled our invoice?", "asks_why_not"),
    ("Why is this invoice still open?", "asks_why_not"),
    ("We wonder why the invoice has not been paid.", "asks_why_not"),
    ("How come you let it run for so long?", "asks_why_not"),
    ("What is your excuse this time?", "asks_why_not"),
    ("You failed to pay invoice 2041.", "presumes_fault"),
    ("Your company has again failed us.", "presumes_fault"),
    ("You have neglected our letters.", "presumes_fault"),
    ("Perhaps you simply forgot.", "presumes_fault"),
    ("You have ignored three letters.", "presumes_fault"),
    ("The delay is your own fault.", "presumes_fault"),
    ("You promised to pay on Friday.", "presumes_fault"),
    ("You have broken your promise.", "presumes_fault"),
    ("You did not keep your word.", "presumes_fault"),
    ("You should have told us earlier.", "presumes_fault"),
    ("You are refusing to pay.", "presumes_fault"),
    ("You are deliberately holding back our money.", "presumes_fault"),
    ("Despite our repeated reminders nothing has arrived.", "presumes_fault"),
    ("The invoice is still not paid.", "presumes_fault"),
    ("You have not yet replied.", "presumes_fault"),
    ("You never answered us.", "presumes_fault"),
    ("You're late with your payment.", "presumes_fault"),
    ("You are known as a bad payer.", "labels_people"),
    ("We keep a list of non-payers.", "labels_people"),
    ("Dear debtor,", "labels_people"),
    ("You have become a problem account.", "labels_people"),
    ("This concerns your debt.", "debt_words"),
    ("I am calling from debt collection.", "debt_words"),
    ("Our collections team will be in touch.", "debt_words"),
    ("We are writing to collect the outstanding money.", "debt_words"),
    ("Your account is in arrears.", "debt_words"),
    ("You owe us 1,200 euro.", "debt_words"),
    ("The amount owed is 1,200 euro.", "debt_words"),
    ("We are chasing payment of this invoice.", "debt_words"),
    ("Pay by Friday, or else.", "threat"),
    ("If you do not pay by Friday, we will act.", "threat"),
    ("Otherwise we see ourselves unable to go on.", "threat"),
    ("This will have consequences.", "threat"),
    ("You leave us no choice.", "threat"),
    ("We reserve all rights.", "threat"),
    ("We will take further steps.", "threat"),
    ("We will see you in court.", "legal_threat"),
    ("Our lawyers have the file.", "legal_threat"),
    ("We are preparing legal action.", "legal_threat"),
    ("We will hand the matter over to an agency.", "hand_over_threat"),
    ("Your account will be passed to a third party.", "hand_over_threat"),
    ("We will stop all deliveries to you.", "supply_threat"),
    ("Your account is on hold.", "supply_threat"),
    ("We will charge interest from today.", "charges_threat"),
    ("Late fees apply.", "charges_threat"),
    ("We will register a default.", "default_registration"),
    ("This may affect your credit rating.", "default_registration"),
    ("You will be reported to a credit bureau.", "default_registration"),
    ("Pay immediately.", "urgency"),
    ("This is urgent.", "urgency"),
    ("Please pay at once.", "urgency"),
    ("This is your last chance.", "urgency"),
    ("Final notice.", "urgency"),
    ("We want the money within 48 hours.", "urgency"),
    ("Settle without any further delay.", "urgency"),
    ("You must pay on Friday.", "orders"),
    ("You have to settle the invoice.", "orders"),
    ("The invoice must be paid on Friday.", "orders"),
    ("We demand payment.", "orders"),
    ("We expect your payment on Friday.", "orders"),
    ("This is unacceptable.", "harsh"),
    ("We are disappointed in you.", "harsh"),
    ("We have heard enough excuses.", "harsh"),
    ("We are still waiting.", "harsh"),
    ("Your risk score is high.", "speaks_of_forecasts"),
    ("You are likely to pay late.", "speaks_of_forecasts"),
    ("You are at dunning level two.", "jargon"),
    ("Our DSO suffers from it.", "jargon"),
    ("We recorded your PTP.", "jargon"),
    ("Your account is delinquent.", "jargon"),
    ("There is unapplied cash on your account.", "jargon"),
    ("We will escalate the case.", "jargon"),
    ("Please pay!", "shouting"),
    ("Please PAY the invoice.", "shouting"),
    ("THIS INVOICE is open.", "shouting"),
    ("Hello?? Is anybody there?", "shouting"),
    ("Please be informed that the invoice is open.", "cold_phrases"),
]  # fmt: skip

KIND = [
    "Is there any reason for us to know of before the invoice can be settled?",
    "Do you have everything you need for your Thursday payment run?",
    "Our invoice may have escaped your notice.",
    "Thank you for settling our invoices so reliably.",
    "Which day would suit you?",
    "May we ask whether a reference is missing?",
    "Was everything to your satisfaction?",
    "The point you raised is being looked into.",
    "Only the part that is not in question is due.",
    "Did I hear that right: you will pay on 12 March?",
    "If money is tight at the moment, please tell us.",
    "Several instalments are possible, or a later date for the whole.",
    "The final instalment is due on 9 April.",
    "If you have not received the invoice, we will gladly send a copy.",
    "If you have already paid, thank you; nothing more is needed.",
    "Why not talk it over on Thursday?",
    "We collect the pallets on Friday.",
    "The courteous issue of a recollection is welcome.",
    "Your order will be delivered on Monday.",
    "We stopped the car beside the warehouse.",
    "Our courier will hand you the parcel.",
    "We handed the boxes to your driver.",
    "Please pass our thanks to your team.",
    "The invoice is due on 4 February 2026.",
    "It was due on 4 February 2026.",
    "The past due amount is 1,200.00.",
    "The outstanding balance is 1,200.00.",
    "Please find the statement of account enclosed.",
    "We agreed on payment within 30 days of the invoice date.",
    "We noted a payment of 700.00 on 12 March.",
    "We speak again on 13 March.",
    "Please excuse the delay on our side.",
    "Thank you for your patience while we looked into it.",
    "We are sorry that our answer took so long.",
    "The mistake was ours, and the credit note is on its way.",
    "We found that our delivery note carried the wrong number.",
    "A payment of yours reached us; which invoice is it meant for?",
    "We would rather find a solution together.",
    "Your credit limit is now 5,000.00.",
    "We would like to offer you 45 days instead of 30.",
    "For early payment we offer a discount of 2 %.",
    "Our account manager will call you tomorrow.",
    "The IBAN and BIC are on the invoice.",
    "VAT is shown on the invoice.",
    "If you have not approved it yet, may we ask what is missing?",
    "You need nothing else from us.",
    "A reply by Thursday would help us to plan.",
    "As soon as you know the date, please tell us.",
    "We will keep it to ourselves.",
    "Nothing has to be decided today.",
    "There is also independent help, free of charge.",
    "Your accountant can name an advice service.",
    "Whichever day you choose, please tell us.",
    "Please suggest other days or amounts.",
    "Our invoicing team is happy to help.",
    "The order number is missing on our side.",
    "We will send the corrected invoice today.",
    "Until you have our answer, nothing is asked of you.",
    "I would like to speak with you in person.",
    "What would help you most?",
    "How are things going with you?",
    "May I call you on Thursday?",
    "The sequel to our catalogue is out.",
    "We issue invoices on the day of delivery.",
    "Interest in our new range is welcome.",
    "Our showroom in Harcourt Street is open on Saturdays.",
]  # fmt: skip


def rules_of(text: str, step: NextStep | None = None) -> set[str]:
    return {each.rule for each in lint(text, approved_next_step=step)}


@pytest.mark.parametrize(("sentence", "rule"), UNKIND)
def test_an_unkind_sentence_is_found(sentence: str, rule: str) -> None:
    assert rule in rules_of(sentence)


@pytest.mark.parametrize("sentence", KIND)
def test_a_kind_sentence_passes(sentence: str) -> None:
    assert lint(sentence, never_say=()) == []


def test_the_tables_are_long_enough_and_try_every_rule() -> None:
    assert len(UNKIND) >= 60 and len(KIND) >= 60
    assert {rule for _, rule in UNKIND} == {rule.id for rule in vocabulary().rules}


SAID = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((Path(__file__).parent / "said_to_customers").glob("*.yaml"))
}
"""Sentences in other languages: those that are found, by their rule, and those that pass."""
SAID_UNKINDLY = [
    (language, sentence, rule)
    for language, said in SAID.items()
    for rule, sentences in said["unkind"].items()
    for sentence in sentences
]
SAID_KINDLY = [(language, sentence) for language, said in SAID.items() for sentence in said["kind"]]


@pytest.mark.parametrize(("language", "sentence", "rule"), SAID_UNKINDLY)
def test_an_unkind_sentence_is_found_in_every_language(language: str, sentence: str, rule: str) -> None:
    for typed in (sentence, sentence.replace(" ", "\r\n   "), "\u200b".join(sentence)):
        assert rule in {each.rule for each in lint(typed, language)}


@pytest.mark.parametrize(("language", "sentence"), SAID_KINDLY)
def test_a_kind_sentence_passes_in_every_language(language: str, sentence: str) -> None:
    assert lint(sentence, language) == []


@pytest.mark.parametrize("language", SAID)
def test_every_rule_is_tried_in_every_language(language: str) -> None:
    assert SAID[language]["unkind"].keys() == {rule.id for rule in vocabulary(language).rules}


EVASIONS = {
    "curly": lambda text: text.replace("'", "’"),
    "no_apostrophe": lambda text: text.replace("'", ""),
    "other_spaces": lambda text: text.replace(" ", "\u00a0\u2003"),
    "lines": lambda text: text.replace(" ", "\r\n   "),
    "invisible": lambda text: "\u200b".join(text),
    "soft_hyphens": lambda text: "\u00ad".join(text),
    "small": str.lower,
    "wide": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "accents": lambda text: re.sub("([aeiou])", "\\1\u0301", text),
    "lookalikes": lambda text: text.translate(str.maketrans("aeopcxy", "аеорсху")),
    "emphasis": lambda text: text.replace(" ", "** **"),
}


@pytest.mark.parametrize("evasion", EVASIONS)
def test_typing_it_differently_does_not_help(evasion: str) -> None:
    typed = [(EVASIONS[evasion](text), rule) for text, rule in UNKIND if rule != "shouting"]
    assert [(text, rule) for text, rule in typed if rule not in rules_of(text)] == []


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("Dear all, this debt is open.", "debt"),
        ("Our de\u200bbt team", "de\u200bbt"),
        ("«Final\u00a0 notice» it says", "Final notice"),
        ("We wrote of collec-\n   tion agencies.", "collec- tion agencies"),
        ("ﬁnal notice", "ﬁnal notice"),
        ("😀 Ｄｅｂｔ 😀", "Ｄｅｂｔ"),
    ],
)
def test_a_finding_stands_where_the_words_are(text: str, phrase: str) -> None:
    (found,) = lint(text)
    assert " ".join(text[found.start : found.end].split()) == found.phrase == phrase


@settings(deadline=None, max_examples=200)
@given(st.text(), st.text())
def test_any_text_can_be_read_and_a_phrase_in_it_is_placed(before: str, after: str) -> None:
    text = f"{before} . dunning . {after}"
    places = [text[each.start : each.end] for each in lint(text) if each.phrase == "dunning"]
    assert places == ["dunning"] * text.count("dunning")


@pytest.mark.parametrize("piece", ["hand -", "-", "why ", "a-", "! ", "'", "hand a b c d ", "\u200ba"])
def test_no_text_makes_the_search_endless(piece: str) -> None:
    lint("hand" + piece * 4000, never_say=["!", "why"])


@settings(deadline=None, max_examples=100)
@given(st.text())
def test_plain_text_comes_from_the_text_in_order(text: str) -> None:
    words = plain(text)
    spans = [words.source(n, n + 1) for n in range(len(words.text))]
    assert spans == sorted(spans)
    assert all(0 <= start < end <= len(text) for start, end in spans)


class TestVocabulary:
    @pytest.mark.parametrize("path", sorted(VOCABULARIES.glob("*.yaml")), ids=lambda path: path.stem)
    def test_every_suggestion_passes_itself(self, path: Path) -> None:
        for rule in read_vocabulary(path).rules:
            assert lint(rule.instead, path.stem) == [], rule.id
            assert [word for word in rule.better.values() if lint(word, path.stem)] == []

    @pytest.mark.parametrize("path", sorted(VOCABULARIES.glob("*.yaml")), ids=lambda path: path.stem)
    def test_ids_are_unique_and_every_phrase_finds_itself(self, path: Path) -> None:
        rules = read_vocabulary(path).rules
        assert len({rule.id for rule in rules}) == len(rules)
        for rule in rules:
            assert len(set(rule.phrases)) == len(rule.phrases), rule.id
            for phrase in rule.phrases:
                said = " ".join(
                    word.split("/")[0].replace("*", "s") for word in phrase.split() if word != ".."
                )
                assert rule.id in {each.rule for each in lint(said, path.stem)}, phrase

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("rules: [{id: a, why: b, instead: c, sings: []}]", "sings"),
            ("rules: [{id: a, instead: c}]", "why"),
            ("rules: [{id: a, why: b, instead: c, signs: ['(']}]", "no regular expression"),
            ("rules: [{id: a, why: b, instead: c, allowed_with: [bailiffs]}]", "pause_deliveries"),
            ("rules: [{id: a, why: b, instead: c, severity: fatal}]", "advise"),
        ],
    )
    def test_a_broken_vocabulary_says_what_is_wrong(self, text: str, said: str, tmp_path: Path) -> None:
        file = tmp_path / "xx.yaml"
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ValidationError, match=re.escape(said)):
            read_vocabulary(file)

    @pytest.mark.parametrize("language", languages())
    def test_every_language_has_the_same_rules(self, language: str) -> None:
        assert (VOCABULARIES / f"{language}.yaml").exists()
        kept = [
            [(rule.id, rule.severity, rule.allowed_with) for rule in vocabulary(each).rules]
            for each in ("en", language)
        ]
        assert sorted(kept[0]) == sorted(kept[1])

    def test_jargon_has_a_better_word_of_its_own(self) -> None:
        (found,) = lint("There is unapplied cash on the account.")
        assert found.instead == "a payment we could not match yet"

    def test_a_language_without_words_of_its_own_uses_english(self) -> None:
        assert vocabulary("xx-YY") is vocabulary("xx-YY")
        assert vocabulary("xx").rules == vocabulary("en-GB").rules


class TestApprovedSteps:
    @pytest.mark.parametrize(
        ("sentence", "kinds"),
        [
            ("From 16 March we will pause new deliveries.", ["pause_deliveries"]),
            ("From 16 March we will charge interest.", ["charge_interest", "formal_claim"]),
            ("On 16 March we will hand the account over to Fair & Co.", ["hand_over"]),
            ("On 16 March we will begin a formal claim.", ["formal_claim"]),
        ],
    )
    def test_a_step_is_said_only_where_it_is_approved(self, sentence: str, kinds: list[str]) -> None:
        assert rules_of(sentence)
        for each in STEP_KINDS:
            step = NextStep(each, date(2026, 3, 16), "Ada Grant", date(2026, 3, 2))
            assert bool(rules_of(sentence, step)) == (each not in kinds)

    @pytest.mark.parametrize("kind", STEP_KINDS)
    def test_no_approval_allows_a_black_mark_or_pressure(self, kind: str) -> None:
        step = NextStep(kind, date(2026, 3, 16), "Ada Grant", date(2026, 3, 2))
        text = "We will register a default. You owe us money. Pay immediately, or else."
        assert {"default_registration", "debt_words", "urgency", "threat"} <= rules_of(text, step)

    @pytest.mark.parametrize(
        ("kind", "on", "by", "said"),
        [
            ("bailiffs", date(2026, 3, 16), "Ada", "one of pause_deliveries"),
            ("hand_over", date(2026, 3, 16), " ", "approved_by is empty"),
            ("hand_over", date(2026, 3, 1), "Ada", "lies before its approval"),
        ],
    )
    def test_a_step_that_nobody_approved_is_none(self, kind: str, on: date, by: str, said: str) -> None:
        with pytest.raises(ValueError, match=said):
            NextStep(kind, on, by, date(2026, 3, 2))


class TestOneMachinery:
    def test_the_policy_adds_phrases_of_its_own(self) -> None:
        (found,) = lint("We look forward to your kind cooperation.", never_say=["kind cooperation"])
        assert (found.rule, found.phrase) == (NEVER_SAY, "kind cooperation")
        assert lint(found.instead) == []

    def test_what_both_lists_rule_out_is_said_once(self) -> None:
        assert [each.rule for each in lint("Your debt.", never_say=["debt*"])] == ["debt_words"]

    @pytest.mark.parametrize(
        ("phrase", "text", "found"),
        [
            ("debt*", "Debtors and debts", True),
            ("debt*", "The indebted", False),
            ("non-payer*", "Nonpayers, non payers", True),
            ("hand .. over", "hand the whole account over", True),
            ("hand .. over", "hand it in. Over there", False),
            ("have/has not", "it hasn not or has not", True),
            ("don't", "dont", True),
            ("!", "a!", True),
            ("or else", "or elsewhere", False),
        ],
    )
    def test_how_phrases_are_written(self, phrase: str, text: str, found: bool) -> None:
        assert contained(text, [phrase]) == ([phrase] if found else [])

    def test_an_empty_list_finds_nothing(self) -> None:
        assert list(phrases(()).found(plain("Any text!"))) == []

    def test_what_the_packaged_policy_says_to_customers_passes(self) -> None:
        said = [text for key, text in spoken(POLICY) if key != "because"]
        assert len(said) > 10
        assert [found for text in said for found in lint(text)] == []

    def test_why_it_says_so_passes(self) -> None:
        said = [text for key, text in spoken(POLICY) if key == "because"]
        # That we expect a delay is a word among colleagues; no text for customers has a place for it.
        assert len(said) > 10
        assert {found.rule for text in said for found in lint(text)} <= {"speaks_of_forecasts"}

    def test_a_policy_that_would_speak_unkindly_does_not_load(self) -> None:
        text = PACKAGED.read_text(encoding="utf-8")
        unkind = text.replace(
            "opening: Our invoice may have", "opening: You must know that our invoice may have"
        )
        assert unkind != text
        with pytest.raises(PolicyError, match="says 'you must'"):
            Policy.read(unkind)
        unkind = text.replace(
            "opening: Our invoice may have", "opening: We must escalate this; our invoice may have"
        )
        with pytest.raises(PolicyError, match=r"says 'escalate' \(jargon\).*; to ask a colleague"):
            Policy.read(unkind)


PACKAGED = Path(__file__).parents[1] / "serving" / "policy.yaml"
POLICY = yaml.safe_load(PACKAGED.read_text(encoding="utf-8"))


def spoken(part: Any) -> Iterator[tuple[str, str]]:
    """Every sentence of a policy that customers hear, and why a step is taken."""
    if isinstance(part, list):
        for each in part:
            yield from spoken(each)
    if isinstance(part, dict):
        for key, value in part.items():
            is_heard = key in ("adds", "told", "because") or (
                key == "opening" and part["channel"] != "internal"
            )
            if is_heard and isinstance(value, str):
                yield key, value
            yield from spoken(value)


AMONG_COLLEAGUES = {
    "broken_promises": "presumes_fault",
    "broken_promises_of_invoice": "presumes_fault",
    "debtor_type_late_share": "labels_people",
    "credit_score": "default_registration",
    "credit_score_change": "default_registration",
}
"""Features whose sentences use a word of the trade: no template has a place for a reason."""


def test_reasons_accuse_nobody() -> None:
    said = {feature.name: feature.says for feature in CATALOGUE.features}
    said |= {code: f"{reason.label}. {reason.unknown}" for code, reason in REASON_CODES.items()}
    found = {
        name: each.rule for name, text in said.items() for each in lint(text) if each.severity == "reject"
    }
    assert found == AMONG_COLLEAGUES


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("{% if a %}Fine.{% else %}Your debt.{% endif %}", ["debt"]),
        ("{{ 'your debt' if a else 'your invoice' }}", ["debt"]),
        ("{# debt #}{% set debt = 1 %}{{ debt }} is open", []),
        ("Final {{ a }} notice", []),
        ("<b title='debt'>Your</b> debt", ["debt"]),
        ("{%- if a -%}   Final\n {%- endif %} notice", ["Final notice"]),
    ],
)
def test_a_template_is_read_in_all_its_branches(template: str, found: list[str]) -> None:
    words = static_text(template)
    assert len(words) == len(template)
    assert [each.phrase for each in lint(words)] == found


def test_the_document_lists_every_rule_and_every_text() -> None:
    page = (Path(__file__).parents[1] / "serving" / "messages.md").read_text(encoding="utf-8")
    for rule in vocabulary().rules:
        allowed = ", ".join(rule.allowed_with)
        assert f"| `{rule.id}` | {rule.severity} | {rule.why} | {rule.instead} | {allowed} |" in page
    assert re.findall(r"^\| `(\w+)` \| [^|]+ \|$", page, re.MULTILINE) == list(actions())
