"""Is this text a policy? If so, its parts; if not, every reason why not, with line, value and mend."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.alerts.reading import read_alerts
from serving.alerts.rules import AlertSettings
from serving.conditions import Condition, Term
from serving.policy.fields import Fields
from serving.policy.located import Path, PolicyError, locate
from serving.policy.rules import CHANNELS, COUNTED_FROM, HOLDS_BACK, Action, Guard, Register, Rule
from serving.policy.tone import hardenings, looks_at_scores
from serving.policy.workday import SECTION, Workday, read_workday

SECTIONS = {"tiers", "tier_rules", "roles", "actions", "rules", "wording"}
OPTIONAL_SECTIONS = {"about", "numbers", "facts", "firmness", "guards", "alerts", SECTION}
OTHERWISE = "otherwise"
MOST_WORKING_DAYS = 260
ONE_REGISTER = (Register("at your service", None),)
_BLANK_ACTION: dict[str, Any] = {"who": "", "channel": "", "firmness": 0, "objective": "", "opening": ""}


@dataclass(frozen=True)
class Parts:
    """The checked parts of a policy."""

    numbers: Mapping[str, Mapping[str, float]]
    facts: Mapping[str, Condition]
    tiers: tuple[str, ...]
    tier_rules: tuple[Rule, ...]
    roles: tuple[str, ...]
    registers: tuple[Register, ...]
    actions: Mapping[str, Action]
    guards: tuple[Guard, ...]
    rules: tuple[Rule, ...]
    never_say: tuple[str, ...]
    alerts: AlertSettings
    workday: Workday


def read(text: str, source: str = "policy") -> tuple[dict[str, Any], Parts]:
    """The plain content of a policy text and its parts; raises PolicyError with all problems."""
    found = locate(text)
    parts = None
    if isinstance(found.data, dict):
        parts = _Reader(found).parts()
    elif not found.problems:
        found.report((), "holds no sections", "start from the packaged policy.yaml")
    if found.problems or parts is None:
        raise PolicyError(found.problems, source)
    return found.data, parts


class _Reader(Fields):
    """Reads section after section; each may use the names of those before it."""

    def parts(self) -> Parts:
        self.keys((), SECTIONS, OPTIONAL_SECTIONS)
        self.text(("about",), self.data)
        numbers = self.numbers()
        tiers = self.words(("tiers",))
        self.vocabulary["tier"] = Term("the tier of the invoice", "text", tiers, ranked=True, said="the tier")
        self.read_facts()
        roles = self.words(("roles",))
        never_say = self.wording()
        registers = self.registers()
        actions = self.actions(roles, len(registers), never_say)
        guards = self.guards(actions, roles, never_say)
        tier_rules = self.rules("tier_rules", "tier", tiers, {"tier"})
        rules = self.rules("rules", "action", actions, set())
        self.check_scores(tier_rules, tiers, rules, actions)
        workday = read_workday(self, roles, actions, tiers)
        return Parts(
            numbers,
            self.facts,
            tiers,
            tier_rules,
            roles,
            registers,
            actions,
            guards,
            rules,
            never_say,
            read_alerts(self),
            workday,
        )

    def numbers(self) -> dict[str, dict[str, float]]:
        result = {}
        for name, value in self.mapping(("numbers",)).items():
            self.new_name(("numbers", name), name)
            self.vocabulary[name] = Term("a number of the policy", "number")
            by_currency = value if isinstance(value, dict) else {OTHERWISE: value}
            if OTHERWISE not in by_currency:
                self.report(
                    ("numbers", name), f"no '{OTHERWISE}' for other currencies", f"add {OTHERWISE}: 50"
                )
            for currency, number in by_currency.items():
                if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) < 1e15:
                    self.report(("numbers", name, currency), f"'{number}' is no number", "write 1500 or 0.5")
                if currency != OTHERWISE and not re.fullmatch("[A-Z]{3}", currency):
                    self.report(("numbers", name, currency), "is no currency code", "write EUR")
            result[name] = by_currency
        return result

    def read_facts(self) -> None:
        for name in self.mapping(("facts",)):
            self.new_name(("facts", name), name)
            condition = self.condition(("facts", name))
            if condition:
                self.facts[name] = condition
            self.vocabulary[name] = Term("a fact of the policy", "flag")

    def wording(self) -> tuple[str, ...]:
        if self.mapping(("wording",)):
            self.keys(("wording",), {"never_say"}, set())
        return self.phrases(("wording", "never_say"))

    def registers(self) -> tuple[Register, ...]:
        result = []
        for n, entry in enumerate(self.entries(("firmness",))):
            here: Path = ("firmness", n)
            self.keys(here, {"name"}, {"needs"})
            needs = self.condition((*here, "needs")) if "needs" in entry else None
            self.no_scores((*here, "needs"), needs, "firmness is earned by facts")
            if n == 0 and needs:
                self.report((*here, "needs"), "the kindest firmness needs nothing", "remove it")
            result.append(Register(str(entry.get("name")), needs))
        return tuple(result) or ONE_REGISTER

    def actions(self, roles: Sequence[str], firmest: int, never_say: Sequence[str]) -> dict[str, Action]:
        result = {}
        for code, entry in self.mapping(("actions",)).items():
            here: Path = ("actions", code)
            self.word(here, code)
            if not isinstance(entry, dict):
                self.report(here, "has no fields", "add who, channel, firmness, objective, opening")
                entry = self.data["actions"][code] = {}
            self.keys(
                here,
                {"who", "channel", "firmness", "objective", "opening"},
                {"within_working_days", "counted_from", "not_after_due"},
            )
            self.choice((*here, "who"), entry, roles)
            self.choice((*here, "channel"), entry, CHANNELS)
            self.choice((*here, "counted_from"), entry, COUNTED_FROM)
            self.choice((*here, "not_after_due"), entry, (True, False))
            self.whole((*here, "within_working_days"), entry, MOST_WORKING_DAYS)
            self.whole((*here, "firmness"), entry, firmest - 1)
            if entry.get("channel") == "internal" and entry.get("firmness") not in (0, None):
                self.report((*here, "firmness"), "an internal step is not heard by the customer", "write 0")
            self.text((*here, "objective"), entry)
            self.sentence((*here, "opening"), entry, never_say)
            known = {key: value for key, value in entry.items() if key in Action.__dataclass_fields__}
            result[code] = Action(**_BLANK_ACTION | known | {"code": code})
        return result

    def guards(
        self, actions: Mapping[str, Action], roles: Sequence[str], never_say: Sequence[str]
    ) -> tuple[Guard, ...]:
        result = []
        for n, entry in enumerate(self.entries(("guards",))):
            here: Path = ("guards", n)
            self.keys(here, {"id", "when", "because"}, {"then", "who", "adds", "holds_back"})
            condition = self.condition((*here, "when")) if "when" in entry else None
            self.no_scores((*here, "when"), condition, "a guard protects by facts")
            self.choice((*here, "then"), entry, actions)
            self.choice((*here, "who"), entry, roles)
            self.choice((*here, "holds_back"), entry, HOLDS_BACK)
            self.sentence((*here, "adds"), entry, never_say)
            self.text((*here, "because"), entry)
            self.new_id(here, entry)
            self.check_guard(here, entry, actions)
            if condition:
                known = {key: value for key, value in entry.items() if key in Guard.__dataclass_fields__}
                result.append(Guard(**{"id": "", "because": ""} | known | {"when": condition}))
        return tuple(result)

    def check_guard(self, here: Path, entry: Mapping[str, Any], actions: Mapping[str, Action]) -> None:
        if not entry.keys() & {"then", "who", "adds"}:
            self.report(here, "a guard without effect", "give it then, who or adds")
        if "then" in entry and entry.keys() & {"who", "adds"}:
            self.report(here, "'then' replaces the step, so who or adds cannot shape it", "make two guards")
        if "holds_back" in entry and "then" not in entry:
            self.report((*here, "holds_back"), "is for guards with 'then'", "remove it")
        step = actions.get(str(entry.get("then")))
        if step and step.firmness:
            self.report(
                (*here, "then"), f"'{step.code}' has firmness {step.firmness}", "guards lead to firmness 0"
            )

    def rules(self, section: str, outcome: str, known: Iterable[str], hidden: set[str]) -> tuple[Rule, ...]:
        """The rules of a table; conditions may not look at `hidden` names, nor at facts that do."""
        result: list[Rule] = []
        entries = self.entries((section,))
        if not entries:
            self.report(
                (section,), "holds no rules", f"add one with id, {outcome} and because, without 'when'"
            )
        for n, entry in enumerate(entries):
            here: Path = (section, n)
            self.keys(here, {"id", outcome, "because"}, {"when"})
            self.choice((*here, outcome), entry, known)
            self.text((*here, "because"), entry)
            self.new_id(here, entry)
            condition = self.condition((*here, "when")) if "when" in entry else None
            if condition and looks_at_scores(condition, self.facts, hidden):
                self.report(
                    (*here, "when"), "looks at the tier it decides", "use p_late, p_late_30, p_late_90"
                )
            self.check_reachable(here, entry, condition, result, n == len(entries) - 1)
            rule = Rule(str(entry.get("id")), str(entry.get(outcome)), str(entry.get("because")), condition)
            result.append(rule)
        return tuple(result)

    def check_reachable(
        self, here: Path, entry: Mapping[str, Any], when: Condition | None, before: list[Rule], is_last: bool
    ) -> None:
        if is_last and "when" in entry:
            self.report(
                here, "the last rule must take every case left", "add a rule without 'when' at the end"
            )
        if not is_last and "when" not in entry:
            self.report(here, "takes every case, so the rules below are never reached", "move it to the end")
        same = next((rule.id for rule in before if when and rule.when == when), None)
        if same:
            self.report(here, f"is never reached: '{same}' has the same condition", "remove one of them")

    def check_scores(
        self,
        tier_rules: Sequence[Rule],
        tiers: Sequence[str],
        rules: Sequence[Rule],
        actions: Mapping[str, Action],
    ) -> None:
        """Rising probabilities never improve a tier and never harden the tone."""
        if self.found.problems:
            return
        goodness = [-tiers.index(rule.outcome) for rule in tier_rules]
        for n in hardenings([rule.when for rule in tier_rules], goodness, self.facts):
            self.report(
                ("tier_rules", n),
                "a higher probability alone could lead to a better tier",
                "worst tier first, >=",
            )
        firmness = [actions[rule.outcome].firmness for rule in rules]
        if firmness and firmness[-1]:
            self.report(
                ("rules", len(rules) - 1), "the last rule needs a step of firmness 0", "use a kinder step"
            )
        for n in hardenings([rule.when for rule in rules], firmness, self.facts):
            mend = f"rules on scores choose steps of firmness 0 and write tier >= '{tiers[-1]}'"
            self.report(("rules", n), "a higher probability alone could harden the tone", mend)
