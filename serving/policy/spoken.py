"""What of a policy do customers read or hear, and how is it said in other languages than English?

English stands where a sentence belongs. `other_languages` has the same sentences, by language and by where they
stand: `{de: {actions.thank_you.opening: …, guards.unapplied_cash_first.adds: …, strategies.good_payers.told: …}}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from serving.conditions import nearest
from serving.messages.linting import DEFAULT_LANGUAGE
from serving.messages.rendering import languages
from serving.policy.fields import Fields
from serving.policy.located import Path
from serving.policy.rules import Action, Guard, Strategy

if TYPE_CHECKING:
    from serving.policy.reading import Parts

SECTION = "other_languages"
Said = Mapping[str, str]
"""Sentences by the place they have in the policy."""


def heard(
    actions: Iterable[Action], guards: Iterable[Guard], strategies: Iterable[Strategy]
) -> dict[str, str]:
    """Every sentence of a policy that a customer can read or hear, in English, by its place."""
    found = {f"actions.{each.code}.opening": each.opening for each in actions if each.is_contact}
    found |= {f"actions.{each.code}.told": each.told for each in actions if each.told}
    found |= {f"guards.{each.id}.adds": each.adds for each in guards if each.adds}
    for each in strategies:
        if each.told:
            found |= {f"strategies.{each.name}.for": each.title, f"strategies.{each.name}.told": each.told}
    return found


def read_other_languages(found: Fields, english: Said) -> dict[str, dict[str, str]]:
    """The section of a policy, each sentence checked in its own language; problems are reported to `found`."""
    known = [each for each in languages() if each != DEFAULT_LANGUAGE]
    result = {}
    for code in found.mapping((SECTION,)):
        if code not in known:
            found.report((SECTION, code), f"there are no texts in '{code}'", f"one of {', '.join(known)}")
        result[code] = dict(_read(found, (SECTION, code), english))
    return result


def _read(found: Fields, here: Path, english: Said) -> Iterator[tuple[str, str]]:
    for place, said in found.mapping(here).items():
        if place not in english:
            message = f"no sentence for customers stands at '{place}'"
            found.report((*here, place), message, nearest(place, english) or "remove it")
        found.sentence((*here, place), {place: said}, found.never_say, str(here[-1]))
        yield place, " ".join(str(said).split())


def section_of(other: Mapping[str, Said]) -> dict[str, Any]:
    """The section as plain data; empty where the policy speaks English alone."""
    return {SECTION: {code: dict(said) for code, said in other.items()}} if other else {}


def unsaid(parts: Parts) -> Iterator[str]:
    """Which sentences each language lacks that the policy speaks beside English."""
    english = sentences_in(parts, DEFAULT_LANGUAGE)
    for code, said in parts.other_languages.items():
        yield from (f"{SECTION}.{code} has no {place}" for place in english if place not in said)


def outdated(before: Parts, after: Parts) -> Iterator[str]:
    """Which sentences of other languages stayed as they were although their English sentence was changed."""
    was, now = (sentences_in(each, DEFAULT_LANGUAGE) for each in (before, after))
    changed = [place for place in now if place in was and _even(now[place]) != _even(was[place])]
    for code, said in after.other_languages.items():
        same = before.other_languages.get(code, {})
        yield from (
            f"{SECTION}.{code} still has {place} as it was, and its English changed"
            for place in changed
            if place in said and said[place] == same.get(place)
        )


def _even(text: str) -> str:
    return " ".join(text.split())


def sentences_in(parts: Parts, language: str) -> Said:
    """What customers can read or hear of a policy in a language ('de', 'de-AT'), by its place."""
    code = re.split("[-_]", language)[0].lower()
    if code == DEFAULT_LANGUAGE:
        return heard(parts.actions.values(), parts.guards, parts.strategies.values())
    return parts.other_languages.get(code, {})


def said_by(parts: Parts, language: str) -> Said:
    """The same; what is written where the policy knows one language alone: it is that of its customers."""
    return sentences_in(parts, language if parts.other_languages else DEFAULT_LANGUAGE)


def opening_in(parts: Parts, action: str, opening: str, language: str) -> tuple[str, tuple[str, ...]]:
    """The opening of a step in a language, and what guards add to it, of an opening as it was decided.

    "" and nothing added where the policy speaks other languages and lacks these sentences in this one: texts never
    mix languages. A policy that knows one language alone is taken to be written in that of its customers.
    """
    own = parts.actions[action].opening
    rest = opening.removeprefix(own)
    adding = [each for each in parts.guards if each.adds and each.adds in rest]
    spoken = said_by(parts, language)
    added = (spoken.get(f"guards.{each.id}.adds", "") for each in adding)
    return spoken.get(f"actions.{action}.opening", ""), tuple(filter(None, added))
