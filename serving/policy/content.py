"""What does a policy say, as plain data in the shape of its YAML? Spacing evened out, defaults written out."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from serving.alerts.reading import changed_alerts
from serving.conditions import Condition
from serving.policy import discount, help, spoken
from serving.policy.losses import changed_credit_loss
from serving.policy.reading import Parts
from serving.policy.reading_steps import STANDARD
from serving.policy.rules import Action, Guard, Rule, Step, Strategy
from serving.policy.workday import SECTION


def content(parts: Parts, about: str) -> dict[str, Any]:
    """The policy as data from which the same policy can be read again."""
    return {
        **({"about": " ".join(about.split())} if about.strip() else {}),
        "numbers": plain(parts.numbers),
        "facts": plain(parts.facts),
        **({"reasons": plain(parts.reasons)} if parts.reasons else {}),
        "tiers": list(parts.tiers),
        "tier_rules": [_rule(rule, "tier") for rule in parts.tier_rules],
        "firmness": plain(parts.registers),
        **({"natural_persons": plain(parts.natural_persons)} if parts.natural_persons else {}),
        "roles": list(parts.roles),
        "actions": {code: _action(action) for code, action in parts.actions.items()},
        "guards": [_guard(guard) for guard in parts.guards],
        **_plans(parts),
        **_accounts(parts),
        "wording": {"never_say": plain(parts.never_say)},
        **changed_alerts(parts.alerts),
        **changed_credit_loss(parts.credit_loss),
        **discount.section_of(parts.discount),
        **help.section_of(parts.places_of_help),
        **spoken.section_of(parts.other_languages),
        SECTION: plain(parts.workday),
    }


def _plans(parts: Parts) -> dict[str, Any]:
    if set(parts.strategies) == {STANDARD} and not parts.strategies[STANDARD].told:
        return {"rules": [_step(step) for step in parts.strategies[STANDARD].steps]}
    return {
        "segments": [_rule(rule, "strategy") for rule in parts.segments],
        "strategies": {name: _strategy(strategy) for name, strategy in parts.strategies.items()},
    }


def _strategy(strategy: Strategy) -> dict[str, Any]:
    return {
        "for": strategy.title,
        "told": strategy.told,
        "steps": [_step(step) for step in strategy.steps],
    }


def _accounts(parts: Parts) -> dict[str, Any]:
    """The sections about whole customers, those that are there."""
    found: dict[str, Any] = {}
    if parts.customer_tiers:
        found["customer_tiers"] = plain(parts.customer_tiers)
    if parts.credit:
        rules = [_rule(rule, "decision") for rule in parts.credit.rules]
        found["credit"] = plain(parts.credit) | {"rules": rules}
    if parts.reviews:
        outcomes = [_rule(rule, "outcome") for rule in parts.reviews.outcomes]
        found["reviews"] = plain(parts.reviews) | {"outcomes": outcomes}
    if parts.exits:
        exits = {
            name: without(plain(getattr(parts.exits, name)), "outcome")
            for name in ("hand_over", "write_down")
        }
        found["exits"] = plain(parts.exits) | exits
    return found


def _rule(rule: Rule, outcome: str) -> dict[str, Any]:
    return without(plain(rule), "outcome") | {outcome: rule.outcome}


def _step(step: Step) -> dict[str, Any]:
    stated = {"when": plain(step.stated)} if step.stated else {}
    return without(_rule(step, "action"), "when", "stated") | stated


def _action(action: Action) -> dict[str, Any]:
    absent = [name for name in ("told", "automatic") if not getattr(action, name)]
    return without(plain(action), "code", *absent)


def _guard(guard: Guard) -> dict[str, Any]:
    return plain(guard) if guard.then else without(plain(guard), "holds_back")


def without(entry: dict[str, Any], *keys: str) -> dict[str, Any]:
    """An entry without some of its keys."""
    return {name: value for name, value in entry.items() if name not in keys}


def plain(value: Any) -> Any:
    """A part of a policy as data: conditions as text, spacing evened out."""
    if isinstance(value, Condition):
        return value.text
    if is_dataclass(value):
        named = {field.name: getattr(value, field.name) for field in fields(value)}
        return {name: plain(part) for name, part in named.items() if part is not None}
    if isinstance(value, Mapping):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return " ".join(value.split()) if isinstance(value, str) else value
