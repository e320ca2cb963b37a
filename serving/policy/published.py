"""What may customers of one sort expect from us, step by step? A strategy in words to tell them in advance."""

from collections.abc import Iterator

from serving.languages import gettext, languages, marked, ngettext, speaking
from serving.messages.linting import DEFAULT_LANGUAGE
from serving.policy.reading import Parts
from serving.policy.rules import Strategy
from serving.policy.spoken import SECTION, Said, sentences_in

PROMISES = (
    marked("A point you raise is looked into first, and meanwhile we ask for the rest only."),
    marked("Where a payment date or instalments are agreed, we keep to them and wait."),
    marked("If a payment becomes difficult, tell us early: the earlier we know, the more we can do."),
)
"""What the guards of every policy keep to, in words for customers."""


def published(parts: Parts, strategy: Strategy, version: str, language: str = DEFAULT_LANGUAGE) -> list[str]:
    """The sentences to publish: what is special, each step from its first day on, what customers may count on.

    ValueError where the policy lacks any of them in the language: a step that is left out would be hidden.
    """
    steps = first_days(parts, strategy)
    said = _said(parts, strategy, steps, language)
    with speaking(language):
        who = gettext("How we accompany the invoices of %(customers)s (version %(version)s).") % {
            "customers": said.get(f"strategies.{strategy.name}.for", strategy.title),
            "version": version,
        }
        special = [strategy.told and said[f"strategies.{strategy.name}.told"]]
        told = [_step(day, said[f"actions.{code}.told"]) for code, day in steps.items()]
        return [who, *filter(None, special), *told, *map(gettext, PROMISES)]


def first_days(parts: Parts, strategy: Strategy) -> dict[str, int]:
    """Each step that customers are told of, with the first day on which it may come, in the order of days."""
    first: dict[str, int] = {}
    for step in strategy.steps:
        if parts.actions[step.outcome].told and step.from_day is not None:
            first[step.outcome] = min(step.from_day, first.get(step.outcome, step.from_day))
    return dict(sorted(first.items(), key=lambda item: item[1]))


def _said(parts: Parts, strategy: Strategy, steps: dict[str, int], language: str) -> Said:
    if language not in languages():
        raise ValueError(f"'{language}' is none of {', '.join(languages())}")
    said = sentences_in(parts, language)
    needed: Iterator[str] = (f"actions.{code}.told" for code in steps)
    own = [f"strategies.{strategy.name}.{name}" for name in ("for", "told")] if strategy.told else []
    lacking = [place for place in (*own, *needed) if place not in said]
    if lacking:
        raise ValueError(f"the policy's {SECTION}.{language} has no {', no '.join(lacking)}: add them there")
    return said


def _step(day: int, told: str) -> str:
    said = {"days": abs(day), "step": " ".join(told.split()).rstrip(".")}
    if day == 0:
        return gettext("On the due date, where needed: %(step)s.") % said
    if day < 0:
        before = ngettext(
            "From %(days)s day before the due date on, where needed: %(step)s.",
            "From %(days)s days before the due date on, where needed: %(step)s.",
            abs(day),
        )
        return before % said
    after = ngettext(
        "From %(days)s day after the due date on, where needed: %(step)s.",
        "From %(days)s days after the due date on, where needed: %(step)s.",
        day,
    )
    return after % said
