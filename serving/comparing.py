"""What would change if another policy were in force today? A dry run on the day's cases.

Both policies decide the same cases with the same scores. Customers are compared by their tiers without the
waiting time, so that what is seen is the change of rules. Calls a day are those of today's steps, each spread
over the working days it may take; a customer is called once, whatever the number of invoices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from serving.policy import Policy

MOST_SHOWN = 10


@dataclass(frozen=True)
class Move:
    """One customer whose tier or first step would change."""

    customer_id: str
    currency: str
    amount_open: float
    old_tier: str
    new_tier: str
    old_action: str
    new_action: str
    old_why: str
    new_why: str
    old_tier_rule: str
    """Of the largest of its invoices that another rule of the tiers would decide; empty where there is none."""
    new_tier_rule: str


@dataclass(frozen=True)
class Comparison:
    """The difference that a candidate would make to the policy in force."""

    as_of: date
    policy_version: str
    candidate_version: str
    customers: int
    invoices: int
    up: int
    """Customers that a candidate puts into a worse tier, which means more attention."""
    down: int
    tiers: Mapping[str, tuple[int, int]]
    """Customers per tier: now and with the candidate."""
    actions: Mapping[str, tuple[int, int]]
    """Invoices per action where the two differ."""
    calls: Mapping[str, tuple[float, float]]
    """Calls a day per role."""
    changed_invoices: int
    moves: tuple[Move, ...]

    @property
    def sentence(self) -> str:
        """What a credit manager would say: moves 14 cases up, 3 down; adds 6 calls a day."""
        if not (self.up or self.down or self.changed_invoices):
            return "moves no case and changes no step"
        moved = f"moves {_cases(self.up)} up, {self.down} down" if self.up or self.down else "moves no case"
        return f"{moved}; {self._steps()}; {self._calls()}"

    def _steps(self) -> str:
        return f"changes the step of {self.changed_invoices:,} of {self.invoices:,} invoices"

    def _calls(self) -> str:
        now, then = (sum(pair[place] for pair in self.calls.values()) for place in (0, 1))
        more = round(then - now, 1)
        if not more:
            return "calls a day stay the same"
        return f"{'adds' if more > 0 else 'saves'} {abs(more):g} call{'s' * (abs(more) != 1)} a day"

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        for name in ("tiers", "actions", "calls"):
            plain[name] = {key: {"now": now, "candidate": then} for key, (now, then) in plain[name].items()}
        plain |= {"as_of": self.as_of.isoformat(), "sentence": self.sentence}
        return plain | {"moves": [{n: getattr(m, n) for n in m.__dataclass_fields__} for m in self.moves]}


def _cases(count: int) -> str:
    return f"{count} case{'s' * (count != 1)}"


def compared(
    policy: Policy, candidate: Policy, cases: Mapping[str, Any], as_of: date, most: int = MOST_SHOWN
) -> Comparison:
    """The difference on some cases (columns as for `Policy.decide`, scores included)."""
    decided = [pd.DataFrame(_with(cases, each)) for each in (policy, candidate)]
    first = [
        _by_customer(each, frame, as_of) for each, frame in zip((policy, candidate), decided, strict=True)
    ]
    before, after = _with_changed_rules(first, decided)
    levels = [_levels(each, table) for each, table in zip((policy, candidate), first, strict=True)]
    change = np.sign(levels[1] - levels[0])
    differs = (decided[0]["action"] != decided[1]["action"]).to_numpy()
    return Comparison(
        as_of,
        policy.version,
        candidate.version,
        len(before),
        len(differs),
        int((change > 0).sum()),
        int((change < 0).sum()),
        _counts(before["tier"], after["tier"], [*policy.tiers, *candidate.tiers]),
        {
            name: pair
            for name, pair in _counts(decided[0]["action"], decided[1]["action"]).items()
            if pair[0] != pair[1]
        },
        _calls(policy, candidate, *decided),
        int(differs.sum()),
        tuple(_moves(before, after, most)),
    )


def _with(cases: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    names = ("customer_id", "currency", "amount_open", "group_id")
    decided = policy.decisions(cases)
    wanted = ("tier", "tier_rule", "action", "action_rule", "who", "channel", "why", "action_by")
    return {name: cases[name] for name in names if name in cases} | {name: decided[name] for name in wanted}


def _by_customer(policy: Policy, decided: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Each customer's tier, money and first step: that of its worst and largest invoice."""
    rank = {tier: place for place, tier in enumerate(policy.tiers)}
    keys = decided.assign(_tier=-decided["tier"].map(rank), _money=-decided["amount_open"].astype(float))
    leading = keys.sort_values(["_tier", "_money"], kind="stable").drop_duplicates("customer_id")
    table = leading.set_index("customer_id").sort_index()[["currency", "tier", "action", "why"]]
    if policy.parts.customer_tiers:
        tiers = policy.customer_tiers(decided, as_of)
        own = tiers[tiers["scope"] == "customer"].set_index("id")["tier"]
        table["tier"] = own.reindex(table.index)
    money = decided.groupby(["customer_id", "currency"])["amount_open"].sum()
    wanted = pd.MultiIndex.from_arrays([table.index, table["currency"]])
    return table.assign(amount_open=money.reindex(wanted).to_numpy(float))


def _with_changed_rules(first: list[pd.DataFrame], decided: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """The customers with what decided before and then on the largest invoice that changes its rule."""
    differs = (decided[0]["tier_rule"] != decided[1]["tier_rule"]).to_numpy()
    changed = decided[0][differs].assign(_then=decided[1].loc[differs, "tier_rule"])
    ordered = changed.assign(_money=-changed["amount_open"].astype(float)).sort_values(
        "_money", kind="stable"
    )
    largest = ordered.drop_duplicates("customer_id").set_index("customer_id")
    rules = [largest[name].reindex(first[0].index).fillna("") for name in ("tier_rule", "_then")]
    return [table.assign(tier_rule=rule) for table, rule in zip(first, rules, strict=True)]


def _levels(policy: Policy, table: pd.DataFrame) -> np.ndarray:
    """Tiers as shares of the way from best to worst, so that policies with other tiers can be compared."""
    steps = max(len(policy.tiers) - 1, 1)
    return pd.Index(policy.tiers).get_indexer(pd.Index(table["tier"])) / steps


def _counts(
    before: pd.Series, after: pd.Series, order: list[str] | None = None
) -> dict[str, tuple[int, int]]:
    names = list(dict.fromkeys(order or sorted({*before, *after})))
    now, then = before.value_counts(), after.value_counts()
    return {name: (int(now.get(name, 0)), int(then.get(name, 0))) for name in names}


def _calls(
    policy: Policy, candidate: Policy, before: pd.DataFrame, after: pd.DataFrame
) -> dict[str, tuple[float, float]]:
    roles = list(dict.fromkeys([*policy.parts.roles, *candidate.parts.roles]))
    now, then = _calls_of(policy, before), _calls_of(candidate, after)
    pairs = {role: (round(now.get(role, 0.0), 1), round(then.get(role, 0.0), 1)) for role in roles}
    return {role: pair for role, pair in pairs.items() if any(pair)}


def _calls_of(policy: Policy, decided: pd.DataFrame) -> dict[str, float]:
    """Calls a day per role: one per customer, spread over the working days that its step may take."""
    calls = decided[decided["channel"] == "phone"]
    days = {code: max(action.within_working_days or 1, 1) for code, action in policy.parts.actions.items()}
    soonest = calls.assign(days=calls["action"].map(days)).sort_values("days", kind="stable")
    once = soonest.drop_duplicates("customer_id")
    shares = (1 / once["days"].astype(float)).groupby(once["who"]).sum()
    return {str(role): float(share) for role, share in shares.items()}


def _moves(before: pd.DataFrame, after: pd.DataFrame, most: int) -> list[Move]:
    """The customers that move, those with another tier first, then by money."""
    same_tier = (before["tier"] == after["tier"]).to_numpy()
    moved = np.flatnonzero(~same_tier | (before["action"] != after["action"]).to_numpy())
    money = np.nan_to_num(before["amount_open"].to_numpy(float))
    ordered = sorted(moved.tolist(), key=lambda row: (same_tier[row], -money[row], before.index[row]))
    return [_move(before, after, row) for row in ordered[:most]]


def _move(before: pd.DataFrame, after: pd.DataFrame, place: int) -> Move:
    old, new = before.iloc[place], after.iloc[place]
    named = (str(before.index[place]), str(old["currency"]), round(float(old["amount_open"]), 2))
    told = [row[name] for name in ("tier", "action", "why", "tier_rule") for row in (old, new)]
    return Move(*named, *map(str, told))
