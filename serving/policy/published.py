"""What may customers of one sort expect from us, step by step? A strategy in words to tell them in advance."""

from collections.abc import Iterator

from serving.policy.reading import Parts
from serving.policy.rules import Strategy
from serving.policy.sentences import day_in_words

PROMISES = (
    "A point you raise is looked into first, and meanwhile we ask for the rest only.",
    "Where a payment date or instalments are agreed, we keep to them and wait.",
    "If a payment becomes difficult, tell us early: the earlier we know, the more we can do.",
)
"""What the guards of every policy keep to, in words for customers."""


def published(parts: Parts, strategy: Strategy, version: str) -> list[str]:
    """The sentences to publish: what is special, each step from its first day on, what customers may count on."""
    steps = [f"{day}: {said}." for day, said in _steps(parts, strategy)]
    who = f"How we accompany the invoices of {strategy.title}"
    return [f"{who} (version {version}).", *([strategy.told] if strategy.told else []), *steps, *PROMISES]


def _steps(parts: Parts, strategy: Strategy) -> Iterator[tuple[str, str]]:
    """Each step that customers are told of, at the first day on which it may come, in the order of days."""
    first: dict[str, int] = {}
    for step in strategy.steps:
        if parts.actions[step.outcome].told and step.from_day is not None:
            first[step.outcome] = min(step.from_day, first.get(step.outcome, step.from_day))
    for code, day in sorted(first.items(), key=lambda item: item[1]):
        when = "On" if day == 0 else "From"
        said = " ".join(parts.actions[code].told.split()).rstrip(".")
        yield f"{when} {day_in_words(day)}{'' if day == 0 else ' on'}, where needed", said
