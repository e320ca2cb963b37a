"""What would another policy change on the day's list: who comes on, who drops off, whose place or step changes?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from serving.languages import gettext, ngettext
from serving.languages.formats import number
from serving.policy import Policy
from serving.scoring import Scorer
from serving.tiers import tiers_at
from serving.worklist import Case, Worklist
from serving.worklist.items import items_now
from serving.worklist.told import Told

if TYPE_CHECKING:
    from serving.live import LiveScorer

MOST_SHOWN = 20
KINDS = ("comes_on", "drops_off", "other_steps", "other_places")


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
class OtherStep:
    """A case that stands on both lists, with another step or for somebody else to do."""

    case_id: str
    name: str
    place: int
    """On the list of the other policy."""
    action: str
    who: str
    before_action: str
    before_who: str
    why: str
    """Of the new step."""


@dataclass(frozen=True)
class ListChange:
    """The difference between two lists of a day."""

    places: tuple[int, int]
    """Capacity before and after."""
    listed: tuple[int, int]
    comes_on: tuple[OnOrOff, ...]
    drops_off: tuple[OnOrOff, ...]
    other_steps: tuple[OtherStep, ...]
    other_places: tuple[OtherPlace, ...]
    """The largest leaps first."""

    def as_dict(self, most: int | None = None) -> dict[str, Any]:
        """As plain data: all counts, and the cases of each kind, or the first of them."""
        counts = {name: len(getattr(self, name)) for name in KINDS}
        first = {name: [asdict(each) for each in getattr(self, name)[:most]] for name in KINDS}
        return {"places": list(self.places), "listed": list(self.listed), "counts": counts, **first}


def list_under(
    scorer: Scorer | LiveScorer,
    policy: Policy,
    found: Told,
    waited: Mapping[str, int],
    changes: Sequence[Mapping[str, Any]],
) -> Worklist:
    """The list of the scorer's day as a policy makes it, with its own capacity; nothing is changed.

    `found` is what people told the desk, `waited` who was left out of the lists before, `changes` those of tiers
    that the desk keeps. It is told without the model's reasons and the habits of its customers.
    """
    other = scorer.with_policy(policy)
    day: date = scorer.as_of
    items = items_now(other, day, found.declared, None)
    return Worklist.of(
        items,
        policy,
        day,
        states=found.states,
        waited=waited,
        last_reviewed=found.last_reviewed,
        tiers=tiers_at(other, items, changes),
    )


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
        tuple(
            OtherStep(name, new.name, new.rank, new.action, new.who, old.action, old.who, new.why)
            for name, new in is_.items()
            if (old := was.get(name)) and (old.action, old.who) != (new.action, new.who)
        ),
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


def sentence_of(listed: Mapping[str, Any]) -> str:
    """What a `ListChange.as_dict` says of the list of the day, in the language of the moment."""
    counts, (before, after) = listed["counts"], listed["places"]
    said = []
    if before != after:
        said.append(
            ngettext(
                "The day has %(after)s place instead of %(before)s.",
                "The day has %(after)s places instead of %(before)s.",
                after,
            )
            % {"after": number(after), "before": number(before)}
        )
    if not any(counts.values()):
        return " ".join([*said, gettext("Today’s list stays as it is: the same cases in the same order.")])
    on, off, steps, moved = (
        counts[name] for name in ("comes_on", "drops_off", "other_steps", "other_places")
    )
    moves = (
        (on, ngettext("%(num)s case comes on the list.", "%(num)s cases come on the list.", on)),
        (off, ngettext("%(num)s case drops off the list.", "%(num)s cases drop off the list.", off)),
        (
            steps,
            ngettext("%(num)s other case gets another step.", "%(num)s other cases get another step.", steps),
        ),
        (
            moved,
            ngettext(
                "%(num)s other case changes its place.", "%(num)s other cases change their places.", moved
            ),
        ),
    )
    return " ".join([*said, *(told % {"num": number(count)} for count, told in moves if count)])
