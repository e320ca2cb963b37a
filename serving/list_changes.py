"""What would another policy change on the day's list: who comes on it, who drops off, and whose place changes?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from serving.worklist import Case, Worklist

MOST_SHOWN = 20


@dataclass(frozen=True)
class OnOrOff:
    """A case that stands on one of two lists."""

    case_id: str
    name: str
    place: int
    """On the list that it stands on."""
    action: str
    who: str
    why: str
    reason: str
    """Why it is not on the other list (LEFT_OUT); '' where nothing of it is open there."""
    totals: Mapping[str, str]
    """What is open, by currency."""


@dataclass(frozen=True)
class OtherPlace:
    """A case that stands on both lists, at another place."""

    case_id: str
    name: str
    before: int
    after: int


@dataclass(frozen=True)
class ListChange:
    """The difference between two lists of a day."""

    places: tuple[int, int]
    """Capacity before and after."""
    listed: tuple[int, int]
    comes_on: tuple[OnOrOff, ...]
    drops_off: tuple[OnOrOff, ...]
    other_places: tuple[OtherPlace, ...]
    """The largest leaps first."""

    def as_dict(self, most: int = MOST_SHOWN) -> dict[str, Any]:
        """As plain data: all counts, and the first of each kind."""
        kinds = ("comes_on", "drops_off", "other_places")
        counts = {name: len(getattr(self, name)) for name in kinds}
        first = {name: [asdict(each) for each in getattr(self, name)[:most]] for name in kinds}
        return {"places": list(self.places), "listed": list(self.listed), "counts": counts, **first}


def list_change(before: Worklist, after: Worklist) -> ListChange:
    """What changes from one list of a day to another."""
    was, is_ = ({case.case_id: case for case in made.cases} for made in (before, after))
    moved = [
        OtherPlace(name, case.name, was[name].rank, case.rank)
        for name, case in is_.items()
        if name in was and was[name].rank != case.rank
    ]
    return ListChange(
        (before.capacity.per_day, after.capacity.per_day),
        (len(was), len(is_)),
        _only_on((case for name, case in is_.items() if name not in was), before),
        _only_on((case for name, case in was.items() if name not in is_), after),
        tuple(sorted(moved, key=lambda each: (-abs(each.before - each.after), each.after))),
    )


def _only_on(cases: Iterable[Case], other: Worklist) -> tuple[OnOrOff, ...]:
    left = other.left_out
    reasons = dict(zip(left["case_id"].tolist(), left["reason"].tolist(), strict=True))
    return tuple(
        OnOrOff(
            case.case_id,
            case.name,
            case.rank,
            case.action,
            case.who,
            case.why,
            str(reasons.get(case.case_id, "")),
            {currency: of["open"] for currency, of in case.totals.items()},
        )
        for case in cases
    )
