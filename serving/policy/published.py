"""What may customers of one sort expect from us, step by step? A strategy in words to tell them in advance."""

from collections.abc import Iterator

from serving.messages.case import DEFAULT_LANGUAGE
from serving.messages.rendering import languages, lines_of
from serving.policy.located import spoken
from serving.policy.reading import Parts
from serving.policy.rules import Strategy
from serving.policy.translations import even

PAGE = "published.jinja"
"""How it is told, in each language: the frame, and what the guards of every policy keep to."""


def published(parts: Parts, strategy: Strategy, version: str, language: str = DEFAULT_LANGUAGE) -> list[str]:
    """The sentences to publish: what is special, each step from its first day on, what customers may count on.

    ValueError where there is no such text, or the policy lacks one of the sentences in that language.
    """
    if language not in languages():
        raise ValueError(f"there is no text in '{language}'; there is {', '.join(languages())}")
    say = _Speaker(parts, language)
    steps = [(day, say(told).rstrip(".")) for told, day in told_steps(parts, strategy)]
    values = {"title": say(strategy.title), "version": version, "told": say(strategy.told), "steps": steps}
    if say.lacking:
        raise ValueError(
            f"the policy has no sentence in '{language}' for {', '.join(say.lacking)}; "
            "write them in its section in_other_languages"
        )
    return lines_of(PAGE, values, language)


class _Speaker:
    """Says the sentences of a policy in a language, and notes the places of those it has none for."""

    def __init__(self, parts: Parts, language: str) -> None:
        self.parts, self.language = parts, language
        self.lacking: list[str] = []

    def __call__(self, sentence: str) -> str:
        known = self.parts.said(sentence)
        if isinstance(known, str):
            return known
        if self.language not in known:
            places = (spoken(path) for path, text in self.parts.heard() if text == even(sentence))
            self.lacking.append(next(places, f"'{sentence}'"))
        return known.get(self.language, "")


def told_steps(parts: Parts, strategy: Strategy) -> Iterator[tuple[str, int]]:
    """What customers are told of each step, and the first day on which it may come, in the order of days."""
    first: dict[str, int] = {}
    for step in strategy.steps:
        if parts.actions[step.outcome].told and step.from_day is not None:
            first[step.outcome] = min(step.from_day, first.get(step.outcome, step.from_day))
    for code, day in sorted(first.items(), key=lambda item: item[1]):
        yield even(parts.actions[code].told), day
