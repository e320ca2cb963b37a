"""Who gets which strategy today, with which steps, when may one of them be firm, and what comes before all of them?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from features.ledger import written_amount
from serving.conditions import Condition
from serving.pages.routing import Visit
from serving.policy.reading import Parts
from serving.policy.rules import Guard, Rule, Step, Strategy
from serving.policy.sentences import by_when, days_of, fact_in_words, in_words
from serving.portfolio import Codes
from serving.worklist import Items


def strategies_of(visit: Visit) -> dict[str, Any]:
    """Strategies, firmness and guards of the policy that decides now, with what each holds at this moment."""
    held = visit.kept.once(visit.live, "what strategies hold", lambda: _held(visit))
    parts = visit.live.whole.policy.parts
    listed = _listed(visit)
    return {
        "strategies": [
            _strategy(parts, parts.strategies[name], held)
            | {"listed": None if listed is None else listed[name]}
            for name in dict.fromkeys(segment.outcome for segment in parts.segments)
        ],
        "firmness": _firmness(parts, held["actions"]),
        "most_for_persons": _persons(parts),
        "guards": [_guard(parts, guard, held["guards"][guard.id]) for guard in parts.guards],
    }


def _held(visit: Visit) -> dict[str, Any]:
    """What covers the book: sums by strategy, and invoices by step, action and guard."""
    items = visit.office.items(visit.live)
    return {
        "strategies": _sums(items, list(visit.live.whole.policy.parts.strategies)),
        "rules": Counter(items.action_rule.tolist()),
        "actions": Counter(items.action.tolist()),
        "guards": Counter(chain.from_iterable(items.guards)),
    }


def _sums(items: Items, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Customers, cases, invoices and open money of each strategy."""
    codes = Codes.of(items.strategy, names)
    many = {
        "customers": _distinct(codes, items.customer_id),
        "cases": _distinct(codes, items.case_id),
        "invoices": codes.counts(),
    }
    money = _money(items, codes)
    return {
        name: {kind: counts[place] for kind, counts in many.items()} | {"open": money[place]}
        for place, name in enumerate(codes.names)
    }


def _distinct(codes: Codes, ids: np.ndarray) -> list[int]:
    """How many ids there are in each group."""
    other = Codes.of(ids)
    pairs = np.unique(codes.code * max(len(other.names), 1) + other.code)
    return np.bincount(pairs // max(len(other.names), 1), minlength=len(codes.names)).tolist()


def _money(items: Items, codes: Codes) -> list[dict[str, str]]:
    """By currency, the one that is worth most in the book first; currencies are never added."""
    units = Codes.of(items.currency)
    worth = np.bincount(units.code, items.open * items.worth, len(units.names))
    found: list[dict[str, str]] = [{} for _ in codes.names]
    for unit in np.argsort(-worth, kind="stable").tolist():
        name, rows = units.names[unit], np.flatnonzero(units.code == unit)
        for place, amount in enumerate(codes[rows].sums(items.open[rows])):
            if amount:
                found[place][name] = written_amount(amount, name)
    return found


def _listed(visit: Visit) -> Counter[str] | None:
    """Cases on the day's list by strategy, for those who may read it."""
    if not visit.may("read:worklist"):
        return None
    return Counter(case.strategy for case in visit.kept.worklist(visit.office, visit.live).cases)


def _strategy(parts: Parts, strategy: Strategy, held: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": strategy.name,
        "rules": [_rule(parts, each) for each in parts.segments if each.outcome == strategy.name],
        **held["strategies"][strategy.name],
        "steps": [_step(parts, step) | {"invoices": held["rules"][step.id]} for step in strategy.steps],
    }


def _rule(parts: Parts, rule: Rule) -> dict[str, Any]:
    """When it holds and why, with what the facts that it names mean."""
    when = in_words(rule.when) if rule.when else None
    return {"id": rule.id, "when": when, "because": rule.because, "facts": _facts(parts, rule.when)}


def _facts(parts: Parts, condition: Condition | None) -> list[str]:
    names = condition.names if condition else frozenset()
    return [fact_in_words(name, meaning) for name, meaning in parts.facts.items() if name in names]


def _step(parts: Parts, step: Step) -> dict[str, Any]:
    action = parts.actions[step.outcome]
    days = days_of(step)
    return {
        "id": step.id,
        "days": days[:1].upper() + days[1:],
        "when": in_words(step.stated) if step.stated else None,
        "action": action.code,
        "because": step.because,
        "who": action.who,
        "channel": action.channel,
        "by_when": by_when(action),
        "firmness": action.firmness,
        "tone": parts.registers[action.firmness].name if action.is_contact else None,
    }


def _firmness(parts: Parts, actions: Mapping[str, int]) -> list[dict[str, Any]]:
    """Each firmness with what the history must hold, the steps that use it, and their invoices now."""
    used = {
        level: [
            action.code for action in parts.actions.values() if action.firmness == level and action.is_contact
        ]
        for level in range(len(parts.registers))
    }
    return [
        {
            "level": level,
            "name": register.name,
            "needs": in_words(register.needs) if register.needs else None,
            "actions": used[level],
            "invoices": sum(actions.get(code, 0) for code in used[level]),
        }
        for level, register in enumerate(parts.registers)
    ]


def _persons(parts: Parts) -> dict[str, Any] | None:
    gate = parts.natural_persons
    if gate is None:
        return None
    name = parts.registers[gate.most_firmness].name
    return {"when": in_words(gate.when), "most": name, "because": gate.because}


def _guard(parts: Parts, guard: Guard, invoices: int) -> dict[str, Any]:
    return {
        "id": guard.id,
        "when": in_words(guard.when),
        "then": guard.then,
        "holds_back": guard.holds_back,
        "who": guard.who,
        "adds": guard.adds,
        "because": guard.because,
        "facts": _facts(parts, guard.when),
        "invoices": invoices,
    }
