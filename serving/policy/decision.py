"""What should be done about each open invoice: which tier, which step, by whom, by when, and why?"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray

from serving.alerts.reading import changed_alerts
from serving.conditions import Condition, Flags
from serving.policy.cases import CASE_TERMS, case_columns
from serving.policy.deadlines import Days, action_by
from serving.policy.located import PolicyError, Problem
from serving.policy.reading import OTHERWISE, Parts, read
from serving.policy.rules import Action, Guard, Rule
from serving.policy.sentences import sentences
from serving.policy.workday import SECTION

Indexes = NDArray[np.intp]


@dataclass(frozen=True)
class Policy:
    """A checked policy; `version` changes with its content, not with comments or spacing."""

    parts: Parts
    content: Mapping[str, Any]
    version: str

    @classmethod
    def load(cls, path: Path | None = None) -> "Policy":
        """The policy of a file, or the packaged one; raises PolicyError with every problem."""
        source = files("serving").joinpath("policy.yaml") if path is None else path
        try:
            text = source.read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            problem = Problem(1, "", f"cannot be read: {error}", "give a YAML file in UTF-8")
            raise PolicyError([problem], str(source)) from None
        return cls.read(text, source.name)

    @classmethod
    def read(cls, text: str, source: str = "policy") -> "Policy":
        """The policy written in a YAML text; raises PolicyError with every problem."""
        data, parts = read(text, source)
        content = _content(parts, str(data.get("about", "")))
        canonical = json.dumps(content, sort_keys=True, ensure_ascii=False)
        return cls(parts, content, hashlib.sha256(canonical.encode()).hexdigest()[:12])

    def as_dict(self) -> dict[str, Any]:
        """The policy as plain data, with its version."""
        return {"version": self.version, **json.loads(json.dumps(self.content))}

    def text(self) -> str:
        """The policy as YAML that reads back as the same version; comments are gone."""
        return yaml.safe_dump(json.loads(json.dumps(self.content)), sort_keys=False, allow_unicode=True)

    @property
    def tiers(self) -> list[str]:
        """The tiers from best to worst."""
        return list(self.parts.tiers)

    def sentences(self) -> list[str]:
        """The policy as plain sentences, in the order in which it is applied."""
        return sentences(self.parts)

    def decide(self, cases: pd.DataFrame) -> pd.DataFrame:
        """`cases` (columns: CASE_COLUMNS) with the decision added, same index.

        Adds tier, tier_rule, action, action_rule (the rule or guard that chose it), action_by, who, channel,
        objective, opening, guards (list of those that changed the step) and why. Steps without a deadline,
        such as none_needed, have no action_by. Raises ValueError for cases that cannot be decided.
        """
        dtypes: dict[str, Any] = {"guards": object, "action_by": "datetime64[s]"}
        decided = self.decisions(cases)
        return cases.assign(
            **{
                name: pd.Series(values, cases.index, dtypes.get(name, "str"))
                for name, values in decided.items()
            }
        )

    def decisions(self, cases: pd.DataFrame | Mapping[str, Any]) -> dict[str, list[Any] | NDArray[Any]]:
        """What `decide` adds, as plain columns; `cases` may be columns too, which for one case is far faster."""
        columns = _Columns(self.parts, case_columns(cases))
        tier_rule = _first_match(self.parts.tier_rules, columns)
        tiers = np.array([self.parts.tiers.index(rule.outcome) for rule in self.parts.tier_rules])
        columns.known["tier"] = tiers[tier_rule].astype(float)
        verdicts, which = _verdicts(self.parts, columns)
        return {
            "tier": [self.parts.tier_rules[n].outcome for n in tier_rule],
            "tier_rule": [self.parts.tier_rules[n].id for n in tier_rule],
            "action": [verdicts[n].action.code for n in which],
            "action_rule": [verdicts[n].action_rule for n in which],
            "action_by": _deadlines([verdict.action for verdict in verdicts], which, columns),
            "who": [verdicts[n].who for n in which],
            "channel": [verdicts[n].action.channel for n in which],
            "objective": [verdicts[n].action.objective for n in which],
            "opening": [verdicts[n].opening for n in which],
            "guards": [list(verdicts[n].guards) for n in which],
            "why": [verdicts[n].why for n in which],
        }


@dataclass(frozen=True)
class _Verdict:
    """What one rule and one set of guards lead to; thousands of cases share it."""

    action: Action
    action_rule: str
    who: str
    opening: str
    guards: tuple[str, ...]
    why: str


class _Columns(Mapping[str, NDArray[Any]]):
    """The columns that conditions look at; facts and numbers of the policy are added when first asked."""

    def __init__(self, parts: Parts, known: dict[str, NDArray[Any]]) -> None:
        self.parts, self.known = parts, known
        for name, term in CASE_TERMS.items():
            if term.ranked:
                ranks = {value: float(rank) for rank, value in enumerate(term.values)}
                known[name] = np.array([ranks.get(value, np.nan) for value in known[name]])

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self.known:
            fact = self.parts.facts.get(name)
            self.known[name] = fact.holds(self) if fact else self._number(name)
        return self.known[name]

    def _number(self, name: str) -> NDArray[Any]:
        by_currency = self.parts.numbers[name]
        codes, currencies = pd.factorize(self.known["currency"])
        return np.array([float(by_currency.get(c, by_currency[OTHERWISE])) for c in currencies])[codes]

    def __iter__(self) -> Iterator[str]:
        return iter(self.known)

    def __len__(self) -> int:
        return len(self.known)


def _first_match(
    rules: Sequence[Rule], columns: _Columns, allowed: Sequence[Flags | bool] | None = None
) -> Indexes:
    """Position of the first rule that holds for each case; the last one holds for all."""
    size = len(columns["as_of"])
    chosen, undecided = np.full(size, len(rules) - 1), np.ones(size, dtype=bool)
    for n, rule in enumerate(rules[:-1]):
        matches = undecided & rule.when.holds(columns) if rule.when else undecided.copy()
        matches &= True if allowed is None else allowed[n]
        chosen[matches] = n
        undecided &= ~matches
    return chosen


def _verdicts(parts: Parts, columns: _Columns) -> tuple[list[_Verdict], Indexes]:
    """The different verdicts on the cases, and which of them each case gets."""
    earned = [register.needs.holds(columns) if register.needs else True for register in parts.registers]
    allowed = [earned[parts.actions[rule.outcome].firmness] for rule in parts.rules]
    chosen = _first_match(parts.rules, columns, allowed)
    hits = _guard_hits(parts, chosen, columns)
    which = chosen
    for hit in hits.T:  # a few dense codes instead of comparing whole rows
        which = pd.factorize(which * 2 + hit)[0]
    firsts = pd.Series(which).drop_duplicates()
    which = pd.factorize(which)[0]
    verdicts = [
        _verdict(parts, parts.rules[chosen[row]], [parts.guards[n] for n in np.flatnonzero(hits[row])])
        for row in firsts.index
    ]
    return verdicts, which


def _guard_hits(parts: Parts, chosen: Indexes, columns: _Columns) -> NDArray[np.bool_]:
    """Shape (cases, guards): which guards replace or shape the step of each case."""
    is_contact = np.array([parts.actions[rule.outcome].is_contact for rule in parts.rules])[chosen]
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


def _verdict(parts: Parts, rule: Rule, guards: Sequence[Guard]) -> _Verdict:
    first = next((guard for guard in guards if guard.then), None)
    action = parts.actions[first.then if first and first.then else rule.outcome]
    who = next((guard.who for guard in guards if guard.who), action.who)
    opening = " ".join([action.opening, *(guard.adds for guard in guards if guard.adds)])
    codes = tuple(guard.id for guard in guards)
    return _Verdict(action, first.id if first else rule.id, who, opening, codes, _why(rule, first, guards))


def _why(rule: Rule, first: Guard | None, guards: Sequence[Guard]) -> str:
    also = [f"also {guard.because} ({guard.id})" for guard in guards if guard is not first]
    chosen = f"{rule.because} ({rule.id})"
    if first:
        clauses = [f"{first.because} ({first.id})", *also, f"without that, {rule.outcome}, as {chosen}"]
    else:
        clauses = [chosen, *also]
    sentence = "; ".join(clauses)
    return sentence[:1].upper() + sentence[1:] + "."


def _deadlines(actions: Sequence[Action], which: Indexes, columns: _Columns) -> Days:
    as_of, nowhere = columns["as_of"], np.datetime64("NaT", "D")
    since_contact = columns["days_since_contact"]
    last_contact = as_of - np.where(np.isnan(since_contact), 0, since_contact).astype("timedelta64[D]")
    starts = {"as_of": as_of, "promised_on": columns["promised_on"], "last_contact": last_contact}
    counted_from = np.array([action.counted_from for action in actions], dtype=object)[which]
    start = np.select([counted_from == name for name in starts], list(starts.values()), nowhere)
    days = np.array([action.within_working_days for action in actions], dtype=float)[which]
    before_due = np.array([action.not_after_due for action in actions], dtype=bool)[which]
    bound = before_due & (columns["due_on"] >= as_of)
    return action_by(start, days, as_of, np.where(bound, columns["due_on"], nowhere), columns["country"])


def _content(parts: Parts, about: str) -> dict[str, Any]:
    """The policy as plain data in the shape of its YAML, spacing evened out and defaults written out."""
    return {
        "about": " ".join(about.split()),
        "numbers": _plain(parts.numbers),
        "facts": _plain(parts.facts),
        "tiers": list(parts.tiers),
        "tier_rules": [_rule(rule, "tier") for rule in parts.tier_rules],
        "firmness": _plain(parts.registers),
        "roles": list(parts.roles),
        "actions": {code: _without(_plain(action), "code") for code, action in parts.actions.items()},
        "guards": [_guard(guard) for guard in parts.guards],
        "rules": [_rule(rule, "action") for rule in parts.rules],
        "wording": {"never_say": _plain(parts.never_say)},
        **changed_alerts(parts.alerts),
        SECTION: _plain(parts.workday),
    }


def _rule(rule: Rule, outcome: str) -> dict[str, Any]:
    return _without(_plain(rule), "outcome") | {outcome: rule.outcome}


def _guard(guard: Guard) -> dict[str, Any]:
    return _plain(guard) if guard.then else _without(_plain(guard), "holds_back")


def _without(entry: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != key}


def _plain(value: Any) -> Any:
    if isinstance(value, Condition):
        return value.text
    if is_dataclass(value):
        named = {field.name: getattr(value, field.name) for field in fields(value)}
        return {name: _plain(part) for name, part in named.items() if part is not None}
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return " ".join(value.split()) if isinstance(value, str) else value
