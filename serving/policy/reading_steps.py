"""Do the tables of rules and the strategies hold together, and can no probability harden their tone?"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from serving.conditions import Condition, Vocabulary, parse
from serving.policy.fields import Fields
from serving.policy.located import Path
from serving.policy.rules import Action, Rule, Step, Strategy
from serving.policy.tone import hardenings, looks_at_scores

EARLIEST, LATEST = -365, 3650
STANDARD = "standard"
"""The one strategy of a policy that writes `rules` instead of `segments` and `strategies`."""


class StepsReader(Fields):
    """Reads rules, steps, strategies and segments."""

    def rules(
        self,
        section: Path,
        outcome: str,
        known: Iterable[str],
        hidden: Collection[str] = (),
        more: Collection[str] = (),
        vocabulary: Vocabulary | None = None,
    ) -> list[Rule]:
        """The rules of a table; conditions may not look at `hidden` names, nor at facts that do."""
        result: list[Rule] = []
        known, entries = list(known), self.entries(section)
        if not entries:
            self.report(section, "holds no rules", f"add one with id, {outcome} and because, without 'when'")
        for n, entry in enumerate(entries):
            here: Path = (*section, n)
            self.keys(here, {"id", outcome, "because"}, {"when", *more})
            self.choice((*here, outcome), entry, known)
            self.text((*here, "because"), entry)
            self.new_id(here, entry)
            stated = self.condition((*here, "when"), vocabulary) if "when" in entry else None
            if stated and looks_at_scores(stated, self.facts, hidden):
                self.report(
                    (*here, "when"), "looks at the tier it decides", "use p_late, p_late_30, p_late_90"
                )
            made = self.rule(here, entry, outcome, stated, "from_day" in more)
            self.check_reachable(here, entry, made, result, n == len(entries) - 1)
            result.append(made)
        return result

    def rule(
        self, here: Path, entry: Mapping[str, Any], outcome: str, stated: Condition | None, is_step: bool
    ) -> Rule:
        plain = (str(entry.get("id")), str(entry.get(outcome)), str(entry.get("because")))
        if not is_step:
            return Rule(*plain, stated)
        days = [self.day((*here, name), entry) for name in ("from_day", "to_day")]
        if None not in days and days[0] > days[1]:  # type: ignore[operator]
            self.report((*here, "to_day"), f"'{days[1]}' is before from_day", "write the later day here")
        bounds = [
            f"days_past_due {sign} {day}"
            for sign, day in zip((">=", "<="), days, strict=True)
            if day is not None
        ]
        text = " and ".join([*bounds, *([f"({stated.text})"] if stated else [])])
        when = parse(text, self.vocabulary) if text else None
        return Step(*plain, when, stated, *days)

    def day(self, path: Path, entry: Mapping[str, Any]) -> int | None:
        if path[-1] not in entry:
            return None
        value = entry[str(path[-1])]
        if isinstance(value, bool) or not isinstance(value, int) or not EARLIEST <= value <= LATEST:
            self.report(path, f"'{value}' is no day", "write days after due, such as 14, or -7 for before")
            return None
        return value

    def check_reachable(
        self, here: Path, entry: Mapping[str, Any], made: Rule, before: list[Rule], is_last: bool
    ) -> None:
        is_open = entry.keys() & {"when", "from_day", "to_day"}
        if is_last and is_open:
            self.report(
                here, "the last rule must take every case left", "add a rule without 'when' at the end"
            )
        if not is_last and not is_open:
            self.report(here, "takes every case, so the rules below are never reached", "move it to the end")
        same = next((rule.id for rule in before if made.when and rule.when == made.when), None)
        if same:
            self.report(here, f"is never reached: '{same}' has the same condition", "remove one of them")

    def plans(self, actions: Mapping[str, Action]) -> tuple[tuple[Rule, ...], dict[str, Strategy]]:
        """Segments and strategies; `rules` alone are one strategy for everybody."""
        if "rules" in self.data and not self.data.keys() & {"segments", "strategies"}:
            strategies = {STANDARD: self.strategy(STANDARD, ("rules",), {}, actions)}
            return (Rule(STANDARD, STANDARD, "one strategy for every customer", None),), strategies
        if "rules" in self.data:
            self.report(("rules",), "cannot stand beside strategies", "make them steps of a strategy")
        strategies = {}
        for name, entry in self.mapping(("strategies",)).items():
            here: Path = ("strategies", name)
            self.word(here, name)
            if not isinstance(entry, dict):
                self.report(here, "has no steps", "add for, told and steps")
                entry = self.data["strategies"][name] = {}
            self.keys(here, {"for", "told", "steps"}, set())
            strategies[name] = self.strategy(name, (*here, "steps"), entry, actions)
        return tuple(self.segments(strategies)), strategies

    def segments(self, strategies: Mapping[str, Strategy]) -> list[Rule]:
        result = self.rules(("segments",), "strategy", strategies)
        for n, rule in enumerate(result):
            self.no_scores(
                ("segments", n, "when"), rule.when, "who a customer is shows in facts, not in a forecast"
            )
        used = {rule.outcome for rule in result}
        for name in strategies.keys() - used:
            self.report(("strategies", name), "no segment leads to it", "name it in segments, or remove it")
        return result

    def strategy(
        self, name: str, steps: Path, entry: Mapping[str, Any], actions: Mapping[str, Action]
    ) -> Strategy:
        for field in ("for", "told") if entry else ():
            self.sentence((*steps[:-1], field), entry, self.never_say)
        made = self.rules(steps, "action", actions, more=("from_day", "to_day"))
        title, told = (" ".join(str(entry.get(field, "")).split()) for field in ("for", "told"))
        return Strategy(name, title or "every customer", told, tuple(_steps(made)))

    def check_scores(
        self,
        tier_rules: Sequence[Rule],
        tiers: Sequence[str],
        strategies: Mapping[str, Strategy],
        actions: Mapping[str, Action],
    ) -> None:
        """Rising probabilities never improve a tier and never harden the tone of any strategy."""
        if self.found.problems:
            return
        goodness = [-tiers.index(rule.outcome) for rule in tier_rules]
        for n in hardenings([rule.when for rule in tier_rules], goodness, self.facts):
            self.report(
                ("tier_rules", n),
                "a higher probability alone could lead to a better tier",
                "worst tier first, >=",
            )
        for name, strategy in strategies.items():
            is_table = "strategies" not in self.data
            self.check_tone(
                ("rules",) if is_table else ("strategies", name, "steps"), strategy, tiers, actions
            )

    def check_tone(
        self, here: Path, strategy: Strategy, tiers: Sequence[str], actions: Mapping[str, Action]
    ) -> None:
        firmness = [actions[step.outcome].firmness for step in strategy.steps]
        if firmness and firmness[-1]:
            self.report(
                (*here, len(firmness) - 1), "the last rule needs a step of firmness 0", "use a kinder step"
            )
        for n in hardenings([step.when for step in strategy.steps], firmness, self.facts):
            mend = f"rules on scores choose steps of firmness 0 and write tier >= '{tiers[-1]}'"
            self.report((*here, n), "a higher probability alone could harden the tone", mend)


def _steps(rules: Iterable[Rule]) -> list[Step]:
    return [rule for rule in rules if isinstance(rule, Step)]
