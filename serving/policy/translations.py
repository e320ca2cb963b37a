"""How do the policy's own sentences sound in the customer's language? The section `in_other_languages`.

Each entry holds one sentence in English, as it stands in the policy, and in other languages. So a sentence that is
changed has no other language until somebody writes it anew, instead of one that says something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from serving.messages.case import DEFAULT_LANGUAGE, Said
from serving.messages.rendering import languages
from serving.policy.located import spoken

if TYPE_CHECKING:
    from serving.policy.fields import Fields
    from serving.policy.located import Path
    from serving.policy.rules import Action, Guard, Strategy

SECTION = "in_other_languages"
Translations = Mapping[str, Mapping[str, str]]
"""What is said in each language, English included, by the English sentence."""


def heard(
    actions: Mapping[str, Action], guards: Sequence[Guard], strategies: Mapping[str, Strategy]
) -> Iterator[tuple[Path, str]]:
    """Every sentence of a policy that customers hear or read, with its place."""
    for code, action in actions.items():
        if action.is_contact:
            yield ("actions", code, "opening"), even(action.opening)
        if action.told:
            yield ("actions", code, "told"), even(action.told)
    for n, guard in enumerate(guards):
        if guard.adds:
            yield ("guards", n, "adds"), even(guard.adds)
    for name, strategy in strategies.items():
        if strategy.told:
            yield ("strategies", name, "for"), even(strategy.title)
            yield ("strategies", name, "told"), even(strategy.told)


def even(text: str) -> str:
    """A sentence on one line."""
    return " ".join(text.split())


def said(translations: Translations, sentence: str) -> Said:
    """A sentence of the policy in every language it has one in.

    A policy without the section is spoken as it is written: it may be in the language of its customers.
    """
    sentence = even(sentence)
    if not translations or not sentence:
        return sentence
    return translations.get(sentence, {DEFAULT_LANGUAGE: sentence})


def read_translations(found: Fields) -> dict[str, dict[str, str]]:
    """The section of a policy; problems are reported to `found`."""
    result: dict[str, dict[str, str]] = {}
    for n, entry in enumerate(found.entries((SECTION,))):
        here: Path = (SECTION, n)
        if DEFAULT_LANGUAGE not in entry:
            found.report(here, "has no English sentence", "add en: the sentence as it stands in the policy")
        for code in entry:
            if not re.fullmatch("[a-z]{2,3}", code):
                found.report((*here, code), f"'{code}' is no language", "write a code such as de")
            found.sentence((*here, code), entry, found.never_say, code)
        english = even(str(entry.get(DEFAULT_LANGUAGE, "")))
        if english in result:
            found.report(here, f'"{english}" stands here twice', "keep one of them")
        result[english] = {code: even(str(text)) for code, text in entry.items()}
    return result


def missing(translations: Translations, sentences: Sequence[tuple[Path, str]]) -> dict[str, list[str]]:
    """The places whose sentence a language lacks, by language: those there are texts in, and those named."""
    named = {code for entry in translations.values() for code in entry}
    found = {
        code: [spoken(path) for path, text in sentences if code not in translations.get(text, {})]
        for code in sorted({*languages(), *named} - {DEFAULT_LANGUAGE})
    }
    return {code: places for code, places in found.items() if places}


def left_over(translations: Translations, sentences: Sequence[tuple[Path, str]]) -> list[str]:
    """The places of entries whose English sentence the policy does not say, or says otherwise by now."""
    there = {text for _, text in sentences}
    return [spoken((SECTION, n)) for n, english in enumerate(translations) if english not in there]


def section_of(translations: Translations) -> dict[str, Any]:
    """The section as plain data; empty where there is none."""
    return {SECTION: [dict(entry) for entry in translations.values()]} if translations else {}
