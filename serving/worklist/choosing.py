"""Who is on the list today, in which order, and why is everybody else not?

Places are given in this order, while the day and the role have any left:
1. cases that somebody put at a place by hand, promises to follow up, and steps that come first;
2. the others by the expected value of the contact, but for two shares of the day:
3. one for cases left out for so many days in a row, those longest left out first;
4. one for kind words and reviews, those longest unseen first;
5. what the shares did not need, by value again.
Ties go to the larger money, then to the smaller case id.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from serving.policy.workday import Workday
from serving.worklist.weighing import NOTHING, REVIEW, Cases


@dataclass(frozen=True)
class CaseState:
    """What people decided about a case at the desk."""

    snoozed_until: date | None = None
    assigned_to: str | None = None
    position: int | None = None
    reason: str | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> CaseState:
        """A state as the desk keeps it; other fields are left alone."""
        until = given.get("snoozed_until")
        return cls(
            date.fromisoformat(until) if isinstance(until, str) else until,
            given.get("assigned_to"),
            given.get("position"),
            given.get("reason"),
        )


@dataclass(frozen=True)
class Capacity:
    """Places on the list of a day: in all, and at most so many for some roles."""

    per_day: int
    by_skill: Mapping[str, int]


@dataclass(frozen=True)
class Chosen:
    """The cases of the list in order, and why each of the others is not on it."""

    listed: np.ndarray
    left_out: np.ndarray
    reason: np.ndarray
    """Of each left out: `no_capacity`, `review_due`, `snoozed`, or the reason why there is nothing to do."""
    detail: np.ndarray
    """The role that had no place left, the day until which it sleeps; else ''."""
    starved: frozenset[int]
    """Cases that were taken because they had waited."""


def chosen(
    cases: Cases,
    capacity: Capacity,
    workday: Workday,
    day: date,
    states: Mapping[str, CaseState] | None = None,
    waited: Mapping[str, int] | None = None,
) -> Chosen:
    """The list of a day. `states` are by case id; `waited` says how many lists in a row a case was left out of."""
    states, waited = states or {}, waited or {}
    ids = cases.case_id.tolist()
    state = [states.get(name) for name in ids]
    asleep = np.array([bool(s and s.snoozed_until and s.snoozed_until > day) for s in state], dtype=bool)
    position = np.array([s.position if s and s.position else 0 for s in state], dtype=np.int64)
    days = np.array([waited.get(name, 0) for name in ids], dtype=np.int64)
    wants = (cases.kind != NOTHING) & ~asleep
    by_value = np.lexsort((np.arange(len(ids)), -cases.values.money, -cases.value))
    by_value = by_value[wants[by_value]]
    places = _Places(cases.who, capacity)
    by_hand = by_value[np.argsort(position[by_value], kind="stable")]
    by_hand = by_hand[position[by_hand] > 0]
    places.take(by_hand)
    first = places.take(by_value[cases.comes_first[by_value] & (position[by_value] == 0)])
    starved = by_value[days[by_value] >= workday.starvation_days]
    starved = starved[np.argsort(-days[starved], kind="stable")]
    touch = by_value[cases.is_touch[by_value]]
    touch = touch[np.argsort(-cases.days_unseen[touch], kind="stable")]
    for_waiting = min(_share(workday.share_for_waiting, capacity.per_day), len(starved))
    for_touch = min(_share(workday.share_for_minimum_touch, capacity.per_day), len(touch))
    places.take(by_value, max(places.left - for_waiting - for_touch, 0))
    waiting = places.take(starved, for_waiting)
    seen_to = places.take(touch, for_touch)
    places.take(by_value)
    listed = _in_order(by_value[places.is_taken[by_value]], first, waiting, seen_to, position)
    left = np.flatnonzero(~places.is_taken)
    wanting = np.where(cases.kind[left] == REVIEW, "review_due", "no_capacity")
    reason = np.where(asleep[left], "snoozed", np.where(wants[left], wanting, cases.reason[left]))
    detail = [_detail(str(why), state[n], places, n) for why, n in zip(reason, left.tolist(), strict=True)]
    return Chosen(
        listed, left, reason.astype(object), np.array(detail, dtype=object), frozenset(waiting.tolist())
    )


def _share(share: float, places: int) -> int:
    return math.ceil(share * places) if places > 1 else 0


class _Places:
    """The places of a day and of each role, as they are given away."""

    def __init__(self, who: np.ndarray, capacity: Capacity) -> None:
        self.who, self.left = who.tolist(), capacity.per_day
        self.of_role = dict(capacity.by_skill)
        self.is_taken = np.zeros(len(who), bool)

    def take(self, order: np.ndarray, most: int | None = None) -> np.ndarray:
        """Gives places to cases in this order, at most so many; those that got one."""
        got: list[int] = []
        for case in order.tolist():
            if self.left == 0 or len(got) == most:
                break
            role = self.who[case]
            if not self.is_taken[case] and self.of_role.get(role, 1) > 0:
                self.is_taken[case] = True
                self.left -= 1
                if role in self.of_role:
                    self.of_role[role] -= 1
                got.append(case)
        return np.array(got, dtype=np.int64)

    def is_full(self, case: int) -> bool:
        """Whether the case's own role has no place left while the day has."""
        return self.left > 0 and self.of_role.get(self.who[case], 1) == 0


def _in_order(
    taken: np.ndarray, first: np.ndarray, waiting: np.ndarray, seen_to: np.ndarray, position: np.ndarray
) -> np.ndarray:
    """Taken cases, given by value, as they stand on the list."""
    group = np.select([np.isin(taken, part) for part in (first, waiting, seen_to)], [0, 1, 3], 2)
    order = taken[np.argsort(group, kind="stable")]
    listed: list[int] = order[position[order] == 0].tolist()
    by_hand = order[position[order] > 0]
    for case in by_hand[np.argsort(position[by_hand], kind="stable")].tolist():
        listed.insert(min(int(position[case]) - 1, len(listed)), case)
    return np.array(listed, dtype=np.int64)


def _detail(reason: str, state: CaseState | None, places: _Places, case: int) -> str:
    if reason == "snoozed" and state:
        told = f"until {state.snoozed_until}"
        return f"{told}: {state.reason}" if state.reason else told
    return str(places.who[case]) if reason == "no_capacity" and places.is_full(case) else ""
