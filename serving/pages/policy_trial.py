"""What would a kept policy change today: tiers, steps and calls, and who comes on the day's list or drops off it?"""

from __future__ import annotations

from typing import Any

from serving.accounts import money
from serving.comparing import compared
from serving.desk import PolicyVersion
from serving.in_force import policy_of
from serving.languages import gettext, ngettext
from serving.languages.formats import number
from serving.list_changes import list_change
from serving.pages.later import Waiting
from serving.pages.names import names_of
from serving.pages.routing import Visit
from serving.worklist import LEFT_OUT

MOST_MOVES = 50
MANY_CASES = 20_000
"""With more open invoices than this, a dry run is made beside the answers, where it is asked for."""


def trial_of(visit: Visit, kept: PolicyVersion) -> dict[str, Any] | Waiting | None:
    """What it would change: at once in a small book, else beside the answers, and only where it is asked for."""
    live, office = visit.live, visit.office
    before = visit.kept.worklist(office, live) if visit.may("read:worklist") else None
    name = f"trial of {kept.version}" + ("" if before else " without a list")

    def tried() -> dict[str, Any]:
        other = policy_of(kept)
        told = compared(live.whole.policy, other, live.open_cases(), live.as_of, MOST_MOVES).as_dict()
        listed = list_change(before, office.list_under(live, other)).as_dict() if before else None
        return told | {"listed": listed}

    if visit.kept.once(live, "count of open invoices", lambda: live.open_count) <= MANY_CASES:
        return visit.kept.once(live, name, tried)
    if "try" not in visit.query:
        return None
    found: dict[str, Any] | Waiting = visit.kept.later.found(live.whole, {name: tried}, office.now())[name]
    return found


def told_trial(visit: Visit, told: dict[str, Any]) -> dict[str, Any]:
    """A trial with its sentences, the names of those who move, and their money as it is written."""
    names = names_of(visit.live, [each["customer_id"] for each in told["moves"]])
    moves = [
        each
        | {
            "name": names.get(each["customer_id"], ""),
            "amount_open": money(each["amount_open"], each["currency"]),
        }
        for each in told["moves"]
    ]
    listed = told["listed"]
    return told | {
        "moves": moves,
        "says": _says(told),
        "says_of_list": None if listed is None else _says_of_list(listed),
        "listed": None if listed is None else _with_reasons(listed),
    }


def _with_reasons(listed: dict[str, Any]) -> dict[str, Any]:
    """Cases that come on with why they are not on the list now, and those that drop off with why not then."""
    return listed | {
        kind: [
            each | {"meaning": gettext(LEFT_OUT[each["reason"]]) if each["reason"] else ""}
            for each in listed[kind]
        ]
        for kind in ("comes_on", "drops_off")
    }


def _says(told: dict[str, Any]) -> str:
    """What it does to tiers, steps and calls, in the language of the moment."""
    if not (told["up"] or told["down"] or told["changed_invoices"]):
        return gettext("No customer changes tier, and no invoice changes its step.")
    tiers = gettext("%(up)s customers get more attention and %(down)s less.")
    steps = gettext("%(changed)s of %(invoices)s invoices get another step.")
    moved = tiers % {"up": number(told["up"]), "down": number(told["down"])}
    if not (told["up"] or told["down"]):
        moved = gettext("No customer changes tier.")
    return " ".join(
        [
            moved,
            steps % {"changed": number(told["changed_invoices"]), "invoices": number(told["invoices"])},
            _calls(told["calls"]),
        ]
    )


def _calls(by_role: dict[str, dict[str, float]]) -> str:
    now, then = (sum(each[name] for each in by_role.values()) for name in ("now", "candidate"))
    more = round(then - now, 1)
    if not more:
        return gettext("Calls a day stay the same.")
    said = (
        gettext("That is %(calls)s calls a day more.")
        if more > 0
        else gettext("That is %(calls)s calls a day less.")
    )
    return said % {"calls": number(abs(more), 1)}


def _says_of_list(listed: dict[str, Any]) -> str:
    """What it does to the list of the day."""
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
    on, off, moved = counts["comes_on"], counts["drops_off"], counts["other_places"]
    moves = (
        (on, ngettext("%(num)s case comes on the list.", "%(num)s cases come on the list.", on)),
        (off, ngettext("%(num)s case drops off the list.", "%(num)s cases drop off the list.", off)),
        (
            moved,
            ngettext(
                "%(num)s other case changes its place.", "%(num)s other cases change their places.", moved
            ),
        ),
    )
    return " ".join([*said, *(told % {"num": number(count)} for count, told in moves if count)])
