"""May this be said to a customer? Every phrase that may not, with the reason and what to say instead.

The rules are data: vocabulary/<language>.yaml. Other people's words (a customer's name, an invoice number) are
none of ours and are passed over where their place is known.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import yaml
from jinja2 import Environment
from pydantic import BaseModel, ConfigDict, field_validator

from serving.messages.case import STEP_KINDS, NextStep
from serving.wording import Phrases, Plain, contained, phrases, plain

VOCABULARIES = Path(__file__).parent / "vocabulary"
DEFAULT_LANGUAGE = "en"
NEVER_SAY = "never_say"


@dataclass(frozen=True)
class Finding:
    """One phrase that should not be said: where it stands, why not, and what may stand instead."""

    rule: str
    phrase: str
    start: int
    end: int
    why: str
    instead: str
    severity: str = "reject"

    def __str__(self) -> str:
        return f"says '{self.phrase}' ({self.rule}): {self.why}. Rather: {self.instead}"


class Rule(BaseModel):
    """One rule of a vocabulary; see the head of vocabulary/en.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    why: str
    instead: str
    severity: Literal["reject", "advise"] = "reject"
    phrases: tuple[str, ...] = ()
    better: dict[str, str] = {}
    signs: tuple[str, ...] = ()
    allowed_with: tuple[Literal[STEP_KINDS], ...] = ()  # type: ignore[valid-type]

    @field_validator("signs")
    @classmethod
    def _are_expressions(cls, signs: tuple[str, ...]) -> tuple[str, ...]:
        for sign in signs:
            try:
                re.compile(sign)
            except re.error as error:
                raise ValueError(f"'{sign}' is no regular expression: {error}") from None
        return signs

    def instead_of(self, phrase: str) -> str:
        """What to say rather than the phrase that was found."""
        found = contained(phrase, self.better) if self.better else []
        return self.better[found[0]] if found else self.instead


class Vocabulary(BaseModel):
    """The rules of a language."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[Rule, ...]

    @cached_property
    def phrases(self) -> Phrases:
        """All phrases, by the id of their rule."""
        return Phrases({rule.id: rule.phrases for rule in self.rules})

    def rule(self, name: str) -> Rule:
        """The rule of an id."""
        return self._by_id[name]

    def found_signs(self, typed: Plain) -> Iterator[tuple[str, int, int]]:
        """What the signs of all rules find in a text as typed."""
        for name, sign in self._signs:
            for match in sign.finditer(typed.text):
                yield (name, *typed.source(*match.span()))

    @cached_property
    def _signs(self) -> list[tuple[str, re.Pattern[str]]]:
        return [(rule.id, re.compile("|".join(rule.signs))) for rule in self.rules if rule.signs]

    @cached_property
    def _by_id(self) -> dict[str, Rule]:
        return {rule.id: rule for rule in self.rules}


def read_vocabulary(path: Path) -> Vocabulary:
    """The vocabulary of a file; ValueError with every problem."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Vocabulary.model_validate({**content, "rules": [_entry(rule) for rule in content["rules"]]})


def _entry(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule whose phrases may have a better word of their own."""
    phrases = rule.get("phrases", [])
    better = {said: word for each in phrases if isinstance(each, dict) for said, word in each.items()}
    return rule | {
        "phrases": [said for each in phrases for said in (each if isinstance(each, dict) else [each])],
        "better": better,
    }


def code_of(language: str) -> str:
    """'de' of 'de-AT'."""
    return re.split("[-_]", language)[0].lower()


@cache
def vocabulary(language: str = DEFAULT_LANGUAGE) -> Vocabulary:
    """The rules of a language ('en', 'de-AT'); of English where it has none yet."""
    path = VOCABULARIES / f"{code_of(language)}.yaml"
    return read_vocabulary(path if path.exists() else VOCABULARIES / f"{DEFAULT_LANGUAGE}.yaml")


def lint(
    text: str,
    language: str = DEFAULT_LANGUAGE,
    approved_next_step: NextStep | None = None,
    never_say: Iterable[str] = (),
    quoted: Sequence[tuple[int, int]] = (),
) -> list[Finding]:
    """What of a text should not be said to a customer, from its beginning to its end.

    `never_say` are further phrases (the policy's); `quoted` are the places of other people's words.
    """
    own = _without(text, quoted)
    folded, typed = plain(own), plain(own, folded=False)
    words = vocabulary(language)
    step = approved_next_step.kind if approved_next_step else None
    found = [
        _finding(words.rule(name), text, start, end)
        for name, start, end in (*words.phrases.found(folded), *words.found_signs(typed))
        if step not in words.rule(name).allowed_with
    ]
    found += _additions(text, folded, tuple(never_say), found)
    return sorted(found, key=lambda each: (each.start, each.end))


def static_text(template: str) -> str:
    """A template's own words in all its branches, each in its place; what is filled in later is one unknown word.

    Texts inside expressions count as words; names, tags and comments do not.
    """
    source = template.replace("\r\n", " \n")
    own, at, in_expression = list(re.sub(r"\S", " ", source)), 0, False
    for _, kind, value in Environment().lex(source):
        at = source.index(value, at)  # the lexer leaves out the spaces that a tag takes away
        in_expression = kind == "variable_begin" or (in_expression and kind != "variable_end")
        if kind == "data":
            own[at : at + len(value)] = value
        elif kind == "string":
            own[at : at + len(value)] = f" {value[1:-1]} "
        elif in_expression:
            own[at : at + len(value)] = "x" * len(value)
        at += len(value)
    return re.sub(r"<[!/a-zA-Z][^<>]*>", lambda tag: " " * len(tag.group()), "".join(own))


def _finding(rule: Rule, text: str, start: int, end: int) -> Finding:
    phrase = " ".join(text[start:end].split())
    return Finding(rule.id, phrase, start, end, rule.why, rule.instead_of(phrase), rule.severity)


def _additions(
    text: str, folded: Plain, listed: tuple[str, ...], found: Sequence[Finding]
) -> Iterator[Finding]:
    """Findings of the policy's own phrases, where no rule has found the same already."""
    spans = sorted((each.start, each.end) for each in found)
    furthest = [0, *accumulate((end for _, end in spans), max)]
    for _, start, end in phrases(listed).found(folded):
        if furthest[bisect_left(spans, (end, 0))] <= start:
            phrase = " ".join(text[start:end].split())
            why = "the policy's wording.never_say rules it out"
            yield Finding(NEVER_SAY, phrase, start, end, why, "May we ask, or offer to help?")


def _without(text: str, quoted: Sequence[tuple[int, int]]) -> str:
    """The text with other people's words taken out, and every place kept."""
    for start, end in quoted:
        text = text[:start] + "x" * (end - start) + text[end:]
    return text
