"""How long is the day's list, and what decides who comes first on it? The policy's section `worklist`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from serving.conditions import nearest
from serving.policy.fields import Fields
from serving.policy.located import Path
from serving.policy.rules import CHANNELS, Action

SECTION = "worklist"
STAGES = ("before_due", "past_due", "month_past_due", "quarter_past_due")
"""Not past due; up to 30 days past due; up to 90; more."""
OTHERWISE = "otherwise"


@dataclass(frozen=True)
class Workday:
    """Capacity, weights and fairness of the worklist; serving/worklist.md says how they are used."""

    capacity_per_day: int = 40
    capacity_by_skill: Mapping[str, int] = field(default_factory=dict)
    cost_per_contact: Mapping[str, float] = field(
        default_factory=lambda: {"phone": 10.0, "letter": 5.0, "email": 1.0, "internal": 8.0}
    )
    late_money_costs: float = 0.02
    effect_of_contact: Mapping[str, Mapping[str, float]] = field(
        default_factory=lambda: {stage: {OTHERWISE: 0.3} for stage in STAGES}
    )
    urgency_half_life_days: float = 14.0
    pay_run_lead_days: int = 2
    pay_run_factor: float = 1.5
    starvation_days: int = 5
    share_for_waiting: float = 0.1
    share_for_minimum_touch: float = 0.1
    minimum_touch: tuple[str, ...] = ()
    only_waits: tuple[str, ...] = ()
    comes_first: tuple[str, ...] = ()
    review_action: str | None = None

    def effect(self, stage: str, tier: str) -> float:
        """The share of what is at stake that a contact is expected to save."""
        by_tier = self.effect_of_contact[stage]
        return by_tier.get(tier, by_tier.get(OTHERWISE, 0.0))


KEYS = {each.name for each in fields(Workday)}
_NUMBERS = {
    "late_money_costs": (0, 1),
    "urgency_half_life_days": (0.1, 365),
    "pay_run_factor": (1, 10),
    "share_for_waiting": (0, 0.5),
    "share_for_minimum_touch": (0, 0.5),
}
_WHOLE = {
    "capacity_per_day": (0, 100_000),
    "pay_run_lead_days": (0, 20),
    "starvation_days": (1, 365),
}


def read_workday(
    found: Fields, roles: tuple[str, ...], actions: Mapping[str, Action], tiers: tuple[str, ...]
) -> Workday:
    """The section of a policy; what it leaves out has its usual value. Problems are reported to `found`."""
    given: dict[str, Any] = dict(found.mapping((SECTION,)))
    if given:
        found.keys((SECTION,), set(), KEYS)
    given = {key: value for key, value in given.items() if key in KEYS}
    for name, (least, most) in {**_NUMBERS, **_WHOLE}.items():
        if name in given and not _is_number(found, (SECTION, name), given[name], least, most, name in _WHOLE):
            del given[name]
    _by_name(found, given, "capacity_by_skill", roles, _WHOLE["capacity_per_day"], whole=True)
    _by_name(found, given, "cost_per_contact", CHANNELS, (0, 1e9), complete=True)
    _effects(found, given, tiers)
    for name in ("minimum_touch", "only_waits", "comes_first"):
        if name in given:
            given[name] = _steps(found, name, actions)
    if "review_action" in given:
        _known(found, (SECTION, "review_action"), given["review_action"], actions)
    return Workday(**given)


def _is_number(found: Fields, path: Path, value: Any, least: float, most: float, whole: bool = False) -> bool:
    kinds = int if whole else int | float
    if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
        kind = "a whole number" if whole else "a number"
        found.report(path, f"'{value}' is not {kind} from {least:g} to {most:g}", "write a number")
        return False
    return True


def _by_name(
    found: Fields,
    given: dict[str, Any],
    name: str,
    known: tuple[str, ...],
    bounds: tuple[float, float],
    whole: bool = False,
    complete: bool = False,
) -> None:
    if name not in given:
        return
    path = (SECTION, name)
    values = found.mapping(path)
    for key, value in values.items():
        _known(found, (*path, key), key, known)
        _is_number(found, (*path, key), value, *bounds, whole)
    missing = [key for key in known if key not in values] if complete else []
    if missing:
        found.report(path, f"says nothing of {', '.join(missing)}", f"add {missing[0]}:")
    given[name] = values


def _effects(found: Fields, given: dict[str, Any], tiers: tuple[str, ...]) -> None:
    name = "effect_of_contact"
    if name not in given:
        return
    stages = found.mapping((SECTION, name))
    if isinstance(given[name], dict):
        found.keys((SECTION, name), set(STAGES), set())
    read = {stage: {OTHERWISE: 0.0} for stage in STAGES}
    for stage in stages.keys() & set(STAGES):
        path = (SECTION, name, stage)
        by_tier = stages[stage] if isinstance(stages[stage], dict) else {OTHERWISE: stages[stage]}
        for tier, share in by_tier.items():
            if tier != OTHERWISE:
                _known(found, (*path, tier), tier, tiers)
            _is_number(found, (*path, tier), share, 0, 1)
        if OTHERWISE not in by_tier and set(by_tier) != set(tiers):
            found.report(path, "does not name every tier", f"add {OTHERWISE}: 0.3")
        read[stage] = by_tier
    given[name] = read


def _steps(found: Fields, name: str, actions: Mapping[str, Action]) -> tuple[str, ...]:
    values = found.shaped((SECTION, name), list, "a list of steps")
    for n, code in enumerate(values):
        is_known = _known(found, (SECTION, name, n), code, actions)
        if is_known and name == "only_waits" and actions[code].is_contact:
            found.report((SECTION, name, n), f"the customer hears of '{code}'", "name internal steps")
    return tuple(map(str, values))


def _known(found: Fields, path: Path, value: Any, known: Any) -> bool:
    known = list(known)
    if value in known:
        return True
    listed = "one of " + ", ".join(map(str, known))
    found.report(path, f"unknown '{value}'", nearest(str(value), map(str, known)) or listed)
    return False
