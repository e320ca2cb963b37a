"""Does what the policy says reach customers in their language, whole, and never half in English?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import yaml

from serving.case_messages import in_the_policys_words
from serving.messages import CHANNELS, Message, MessageCase, SequenceStep, actions, languages, lint, render
from serving.messages.rendering import NEEDS_APPROVAL, TEXTS
from serving.messages.samples import BARE, FULL, SIMPLE, STEP, in_language
from serving.policy import Policy
from serving.policy.translations import left_over, missing
from serving.worklist import Case
from tests.commands import runs_in
from tests.test_policy_reading import PACKAGED, SMALL, problems_of

POLICY = Policy.load()
SENTENCES = POLICY.parts.heard()
OTHERS = tuple(each for each in languages() if each != "en")
ENGLISH = frozenset(
    re.findall(
        r"\w+",
        """the and you your with that this from would are our please which what not to for on have has it its they
        their there may can could how who where know if my""",
    )
)
"""Words that an English sentence cannot do without, and that no German or Dutch one has."""
TRANSLATED = f"""{SMALL}
in_other_languages:
  - {{en: May we help you out., de: 'Dürfen wir Ihnen helfen?'}}
  - {{en: It may have escaped you., de: Vielleicht ist es Ihnen entgangen., nl: Misschien is het u ontgaan.}}
"""


def english_in(text: str) -> set[str]:
    return set(re.findall(r"[\w']+", text.lower())) & ENGLISH


def heard_in(language: str, action: str, channel: str, case: MessageCase) -> Message:
    """The message of an action as the packaged policy would have it, with all it may add and tell in advance."""
    parts = POLICY.parts
    step = parts.actions.get(action)
    told = [each for strategy in parts.strategies.values() for each in (strategy.told,)]
    told += [each.told for each in parts.actions.values() if each.told]
    case = replace(
        in_language(case, language),
        opening=parts.said(step.opening) if step else "",
        adds=tuple(parts.said(guard.adds) for guard in parts.guards if guard.adds),
        sequence=tuple(SequenceStep(n, parts.said(each)) for n, each in enumerate(told)),
    )
    approved = in_language(STEP, language) if action == NEEDS_APPROVAL else None
    return render(action, channel, case, language, approved)


def texts_of(part: object) -> Iterator[str]:
    """Every text of a fictional customer."""
    if isinstance(part, str):
        yield part
    parts = part if isinstance(part, tuple) else ()
    if is_dataclass(part):
        parts = tuple(getattr(part, field.name) for field in fields(part))
    for each in parts:
        yield from texts_of(each)


SPOKEN = sorted({*actions(), *(code for code, step in POLICY.parts.actions.items() if step.is_contact)})


class TestThePackagedPolicy:
    def test_says_everything_in_every_language(self) -> None:
        assert len(SENTENCES) > 40
        assert missing(POLICY.parts.translations, SENTENCES) == {}
        assert left_over(POLICY.parts.translations, SENTENCES) == []

    @pytest.mark.parametrize("language", OTHERS)
    def test_speaks_kindly_and_in_no_english_words(self, language: str) -> None:
        said = [entry[language] for entry in POLICY.parts.translations.values()]
        assert [found for text in said for found in lint(text, language)] == []
        assert {text: words for text in said if (words := english_in(text))} == {}

    @pytest.mark.parametrize("language", languages())
    @pytest.mark.parametrize("strategy", POLICY.parts.strategies)
    def test_tells_each_strategy_in_advance(self, strategy: str, language: str) -> None:
        told = POLICY.published(strategy, language)
        assert len(told) == len(POLICY.published(strategy)) >= 5 and POLICY.version in told[0]
        assert all(re.search(r"[.:?]$", line) and lint(line, language) == [] for line in told)
        assert all(bool(english_in(line)) == (language == "en") for line in told)


class TestNoEnglishSentenceIsLeft:
    @pytest.mark.parametrize("language", OTHERS)
    @pytest.mark.parametrize("action", [*SPOKEN, "a_step_of_their_own"])
    def test_in_any_message(self, action: str, language: str) -> None:
        for channel in CHANNELS:
            for case in (BARE, SIMPLE, FULL):
                message = heard_in(language, action, channel, case)
                assert message.language == language and message.findings == ()
                assert english_in(f"{message.subject}\n{message.text}") == set(), channel

    def test_and_would_be_seen(self) -> None:
        said = {text for _, text in SENTENCES} - {"small balances", "public bodies", "new customers"}
        said -= {"business customers", "sole traders and partnerships of persons"}
        assert [text for text in said if not english_in(text) and len(text.split()) > 3] == []
        for action in SPOKEN:
            paragraphs = heard_in("en", action, "email", SIMPLE).text.split("\n\n")
            long = [each for each in paragraphs if len(each.split()) > 9 and not re.search(r"\d", each)]
            assert [each for each in long if not english_in(each)] == [], action

    @pytest.mark.parametrize("language", OTHERS)
    def test_of_the_sample_customer(self, language: str) -> None:
        words = yaml.safe_load((TEXTS / language / "sample.yaml").read_text("utf-8"))
        assert words.keys() <= set(texts_of((SIMPLE, FULL, STEP)))
        assert all(english_in(each) == set() for each in words.values())

    @pytest.mark.parametrize("language", OTHERS)
    def test_on_the_command_line(self, language: str, tmp_path: Path) -> None:
        run = runs_in(tmp_path)
        for given in (["friendly_reminder", "--full"], ["support_call", "--channel", "phone"]):
            shown = json.loads(run("messages", "show", *given, "--language", language, "--json").stdout)
            assert shown["language"] == language and english_in(shown["text"]) == set()
        shown = run("policy", "show", "--strategy", "good_payers", "--language", language)
        assert shown.stdout.split() == " ".join(POLICY.published("good_payers", language)).split()


class TestAPolicy:
    def test_without_other_languages_is_as_it_was(self) -> None:
        policy = Policy.read(SMALL)
        assert "in_other_languages" not in policy.content
        assert policy.parts.said("May we help\n you out.") == "May we help you out."

    def test_with_them_reads_back_as_the_same_version(self) -> None:
        policy = Policy.read(TRANSLATED)
        assert Policy.read(policy.text()).version == policy.version != Policy.read(SMALL).version
        reworded = Policy.read(TRANSLATED.replace("Misschien is het", "Mogelijk is het"))
        assert reworded.version != policy.version
        assert Policy.read(TRANSLATED.replace("de: 'Dürfen", "de:   'Dürfen")).version == policy.version

    def test_names_what_a_language_lacks_and_what_nobody_says(self) -> None:
        parts = Policy.read(TRANSLATED).parts
        assert missing(parts.translations, parts.heard()) == {"nl": ["actions.call.opening"]}
        parts = Policy.read(
            TRANSLATED.replace("opening: May we help you out.", "opening: Can we help.")
        ).parts
        assert missing(parts.translations, parts.heard())["de"] == ["actions.call.opening"]
        assert left_over(parts.translations, parts.heard()) == ["in_other_languages[1]"]
        assert parts.said("Can we help.") == {"en": "Can we help."}

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("Dürfen wir Ihnen helfen?", "Sie müssen zahlen.", "in_other_languages[1].de: says 'Sie müssen' (ord"),
            ("Misschien is het u ontgaan.", "U moet betalen.", "in_other_languages[2].nl: says 'U moet' (orders)"),
            ("'Dürfen wir Ihnen helfen?'", "' '", "in_other_languages[1].de: ' ' is no text"),
            ("nl: Misschien", "Dutch: Misschien", "[2].Dutch: 'Dutch' is no language; write a code such as de"),
            ("en: It may have escaped you., de", "de", "in_other_languages[2]: has no English sentence"),
            ("en: It may have escaped you.", "en: May we help you out.", "stands here twice; keep one of them"),
            ("- {en: May", "- nothing\n  - {en: May", "in_other_languages[1]: 'nothing' is no entry"),
        ],
    )  # fmt: skip
    def test_with_a_wrong_entry_says_which(self, old: str, new: str, said: str) -> None:
        assert old in TRANSLATED
        told = problems_of(TRANSLATED.replace(old, new, 1))
        assert any(said in problem for problem in told), told

    def test_is_not_told_half_in_another_language(self) -> None:
        policy = Policy.read(PACKAGED.replace("    de: Geschäftskunden\n", ""))
        with pytest.raises(
            ValueError, match=r"no sentence in 'de' for strategies\.ordinary_companies\.for; write"
        ):
            policy.published("ordinary_companies", "de")
        assert policy.published("good_payers", "de")
        with pytest.raises(ValueError, match="there is no text in 'tlh'; there is de, en, nl"):
            policy.published("good_payers", "tlh")

    def test_is_checked_with_what_its_customers_would_read_in_english(self, tmp_path: Path) -> None:
        file = tmp_path / "mine.yaml"
        file.write_text(TRANSLATED, encoding="utf-8")
        done = runs_in(tmp_path)("policy", "check", file)
        assert done.exit_code == 0
        told = " ".join(done.output.split())
        assert "no 'nl' in in_other_languages for 1 of 2 sentences: actions.call.opening" in told


class TestACase:
    """Of the worklist, with what its guards add and, for a new customer, what comes when."""

    def said(self, action: str, *guards: str, is_covered: bool = True) -> MessageCase:
        items = [SimpleNamespace(guards=[each], is_covered=is_covered) for each in (*guards, "key_account")]
        case = SimpleNamespace(
            action=action, template=action, strategy="new_customers", items=items, opening=""
        )
        return replace(BARE, **in_the_policys_words(POLICY.parts, cast(Case, case)))

    @pytest.mark.parametrize("language", languages())
    def test_says_what_its_guards_add(self, language: str) -> None:
        case = self.said("relationship_call", "disputed_part_set_apart", "unapplied_cash_first")
        assert len(case.adds) == 2 and case.sequence == ()
        for channel in CHANNELS:
            text = " ".join(render("relationship_call", channel, case, language).text.split())
            assert all(each[language] in text for each in case.adds if not isinstance(each, str))
        assert self.said("relationship_call", "disputed_part_set_apart", is_covered=False).adds == ()

    @pytest.mark.parametrize("language", languages())
    def test_tells_a_new_customer_the_steps_in_advance(self, language: str) -> None:
        case = self.said("introduce_ourselves")
        days = [step.days for step in case.sequence]
        assert days == sorted(days) and len(days) >= 5
        text = " ".join(render("introduce_ourselves", "letter", case, language).text.split())
        told = [each.what[language] for each in case.sequence if not isinstance(each.what, str)]
        assert len(told) == len(days) and all(each in text for each in told)
        welcome = POLICY.parts.said(POLICY.parts.actions["introduce_ourselves"].told)
        assert welcome not in [each.what for each in case.sequence]


class TestAMessage:
    @pytest.mark.parametrize("action", ["friendly_reminder", "a_step_of_their_own"])
    def test_is_never_half_in_english(self, action: str) -> None:
        case = replace(
            SIMPLE, opening={"en": "May we ask?"}, adds=({"en": "It is late.", "nl": "Het is laat."},)
        )
        found = render(action, "email", case, "de-AT")
        assert found.language == "en" and "It is late." in found.text
        assert "the policy does not say all of this in 'de'" in found.warnings[0]
        dutch = render(action, "email", case, "nl")
        assert (dutch.language == "nl") == (action == "friendly_reminder")

    def test_takes_the_sentence_of_its_language(self) -> None:
        opening = POLICY.parts.said(POLICY.parts.actions["support_call"].opening)
        begin = {"de": "Ich rufe an, um zu hören", "en": "I am calling to hear", "nl": "Ik bel om te horen"}
        for language, words in begin.items():
            text = render("their_own", "email", replace(SIMPLE, opening=opening), language).text
            assert [each for each in begin.values() if each in text] == [words]
