"""Which step does each case get, after its strategy, the firmness it earned, and the guards have been heard?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.conditions import Flags
from serving.policy.columns import Columns, Indexes, first_match
from serving.policy.deadlines import Days, action_by
from serving.policy.reading import Parts
from serving.policy.rules import Action, Guard, Rule, Step

NOT_CHOSEN = -1


@dataclass(frozen=True)
class Verdict:
    """What one segment, one step and one set of guards lead to; thousands of cases share it."""

    segment: Rule
    action: Action
    action_rule: str
    who: str
    opening: str
    person_decides: bool
    guards: tuple[str, ...]
    why: str


def verdicts(parts: Parts, columns: Columns) -> tuple[list[Verdict], Indexes]:
    """The different verdicts on the cases, and which of them each case gets."""
    segment = first_match(parts.segments, columns)
    is_person = _natural_persons(parts, columns)
    steps, chosen = _steps(parts, columns, segment, is_person)
    hits = _guard_hits(parts, steps, chosen, columns)
    which = chosen * len(parts.segments) + segment
    for hit in (is_person, *hits.T):  # a few dense codes instead of comparing whole rows
        which = pd.factorize(which * 2 + hit)[0]
    firsts = pd.Series(which).drop_duplicates()
    which = pd.factorize(which)[0]
    made = [
        _verdict(
            parts,
            parts.segments[segment[row]],
            steps[chosen[row]],
            [parts.guards[n] for n in np.flatnonzero(hits[row])],
            bool(is_person[row]),
        )
        for row in firsts.index
    ]
    return made, which


def _natural_persons(parts: Parts, columns: Columns) -> Flags:
    if parts.natural_persons is None:
        return np.zeros(columns.size, dtype=bool)
    return parts.natural_persons.when.holds(columns)


def _steps(parts: Parts, columns: Columns, segment: Indexes, is_person: Flags) -> tuple[list[Step], Indexes]:
    """All steps of all strategies, and the place of each case's in them: the first of its own that holds."""
    steps = [step for strategy in parts.strategies.values() for step in strategy.steps]
    allowed = [_may_sound(parts, columns, is_person, level) for level in range(len(parts.registers))]
    chosen, begin = np.full(columns.size, NOT_CHOSEN), 0
    for name, strategy in parts.strategies.items():
        leads = np.array([rule.outcome == name for rule in parts.segments])
        rows = np.flatnonzero(leads[segment])
        if len(rows):
            may = [allowed[parts.actions[step.outcome].firmness][rows] for step in strategy.steps]
            chosen[rows] = begin + first_match(strategy.steps, columns.taken(rows), may)
        begin += len(strategy.steps)
    return steps, chosen


def _may_sound(parts: Parts, columns: Columns, is_person: Flags, level: int) -> Flags:
    """Which cases have earned a firmness: by their facts, and natural persons only up to their gate."""
    needs = parts.registers[level].needs
    earned = needs.holds(columns) if needs else np.ones(columns.size, dtype=bool)
    gate = parts.natural_persons
    return earned & ~is_person if gate and level > gate.most_firmness else earned


def _guard_hits(parts: Parts, steps: Sequence[Step], chosen: Indexes, columns: Columns) -> NDArray[np.bool_]:
    """Shape (cases, guards): which guards replace or shape the step of each case."""
    is_contact = np.array([parts.actions[step.outcome].is_contact for step in steps])[chosen]
    hits = np.zeros((len(chosen), len(parts.guards)), dtype=bool)
    replaced = np.zeros(len(chosen), dtype=bool)
    for n, guard in enumerate(parts.guards):
        if guard.then:
            hits[:, n] = guard.when.holds(columns)
            if guard.holds_back == "contacts":
                hits[:, n] &= is_contact & ~replaced
            fresh = hits[:, n] & ~replaced
            is_contact[fresh] = parts.actions[guard.then].is_contact
            replaced |= fresh
    for n, guard in enumerate(parts.guards):
        if not guard.then:
            hits[:, n] = guard.when.holds(columns) & is_contact & (~replaced | (guard.adds is None))
    return hits


def _verdict(parts: Parts, segment: Rule, step: Step, guards: Sequence[Guard], is_person: bool) -> Verdict:
    first = next((guard for guard in guards if guard.then), None)
    action = parts.actions[first.then if first and first.then else step.outcome]
    who = next((guard.who for guard in guards if guard.who), action.who)
    opening = " ".join([action.opening, *(guard.adds for guard in guards if guard.adds)])
    person_decides = is_person and action.is_contact
    why = _why(step, first, guards)
    if person_decides and parts.natural_persons:
        why += f" {_sentence(parts.natural_persons.because)}"
    codes = tuple(guard.id for guard in guards)
    rule = first.id if first else step.id
    return Verdict(segment, action, rule, who, opening, person_decides, codes, why)


def _why(step: Step, first: Guard | None, guards: Sequence[Guard]) -> str:
    also = [f"also {guard.because} ({guard.id})" for guard in guards if guard is not first]
    chosen = f"{step.because} ({step.id})"
    if first:
        clauses = [f"{first.because} ({first.id})", *also, f"without that, {step.outcome}, as {chosen}"]
    else:
        clauses = [chosen, *also]
    return _sentence("; ".join(clauses))


def _sentence(clause: str) -> str:
    return clause[:1].upper() + clause[1:].rstrip(".") + "."


def deadlines(actions: Sequence[Action], which: Indexes, columns: Columns) -> Days:
    """By when each case's step is to be done; no day for steps without a deadline."""
    as_of, nowhere = columns["as_of"], np.datetime64("NaT", "D")
    since_contact = columns["days_since_contact"]
    last_contact = as_of - np.where(np.isnan(since_contact), 0, since_contact).astype("timedelta64[D]")
    named = ("promised_on", "next_contact_on", "do_not_contact_until")
    starts: dict[str, Any] = {"as_of": as_of, "last_contact": last_contact}
    starts |= {name: columns[name] for name in named}
    counted_from = np.array([action.counted_from for action in actions], dtype=object)[which]
    start = np.select([counted_from == name for name in starts], list(starts.values()), nowhere)
    days = np.array([action.within_working_days for action in actions], dtype=float)[which]
    before_due = np.array([action.not_after_due for action in actions], dtype=bool)[which]
    bound = before_due & (columns["due_on"] >= as_of)
    return action_by(start, days, as_of, np.where(bound, columns["due_on"], nowhere), columns["country"])
