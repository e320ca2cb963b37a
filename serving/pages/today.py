"""Today: whom to contact first, about what, how, by when and why; who was left out, and why.

The list is that of `duecourse worklist` and GET /v1/worklist; this page filters it (all filters stand in the
address), and lets people set a case aside, hand it over or give it another place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from serving.desk import Flaw, Record, RecordError, Writing
from serving.languages import formats, gettext, language
from serving.languages.formats import spoken_day
from serving.office import Answer
from serving.pages.changes import told_since
from serving.pages.finding import elsewhere, folded
from serving.pages.names import names_of
from serving.pages.paths import customer_path, with_query
from serving.pages.routing import Page, Pages, Visit, after
from serving.pages.ways import day_of
from serving.worklist import LEFT_OUT, Case, Worklist
from serving.worklist.telling import as_plain

MOST_NAMED = 25
"""Left-out cases named per reason; all of them where one reason is asked for."""
MOST_OF_ONE_REASON = 500
FILTERS = ("q", "tier", "action", "who", "assigned", "strategy", "new")


def add(pages: Pages) -> None:
    """The page and the form that changes the state of a case."""
    page = pages.page(Page("/today", "read:worklist", "today.html", view))
    pages.form("/today/{case_id:path}", "write:decisions", change_state, page)


def view(visit: Visit) -> dict[str, Any]:
    """The list of the book day as this caller asked for it."""
    made = visit.kept.worklist(visit.office, visit.live)
    whole = visit.kept.once(made, f"today in {language()}", lambda: _whole(visit, made))
    cases = whole["cases"]
    asked = {name: visit.query[name] for name in FILTERS if visit.query.get(name)}
    shown = [case for case in cases if _fits(case, asked)]
    return whole | {
        "filters": asked,
        "here": with_query("/today", asked),
        "cases": shown,
        "hidden": len(cases) - len(shown),
        "elsewhere": elsewhere(
            visit, asked.get("q", ""), {each for case in shown for each in case["customers"]}
        ),
        "left_out": _left_out(visit, whole["left_out"]),
    }


def _whole(visit: Visit, made: Worklist) -> dict[str, Any]:
    """All of the list, whatever is asked: the same for everybody as long as it stands."""
    states = {each.record_id: each for each in visit.office.desk.find("case_states")}
    tiers, changed = visit.live.whole.policy.tiers, told_since(visit, made)
    new = {each["case_id"] for each in changed["new"] or []}
    cases = [
        told_case(case, tiers, states.get(case.case_id), visit) | {"is_new": case.case_id in new}
        for case in made.cases
    ]
    return {
        "as_of": made.as_of.isoformat(),
        "since": changed,
        "capacity": {"places": made.capacity.per_day, "used": len(cases), "by_skill": _skills(made)},
        "money": _money(made.cases),
        "expected_late": {"amount": _expected_late(made), "unit": made.ranked_in},
        "choices": {
            "tier": [tier for tier in reversed(tiers) if any(case["tier"] == tier for case in cases)],
            "action": sorted({case["action"] for case in cases}),
            "who": sorted({case["who"] for case in cases}),
            "strategy": sorted({case["strategy"] for case in cases}),
            "assigned": sorted({case["assigned_to"] for case in cases if case["assigned_to"]}),
        },
        "cases": cases,
        "left_out": [_group(visit, made, reason, MOST_NAMED) for reason in made.counts()],
        "policy_version": made.policy_version,
        "model_version": made.model_version,
    }


def told_case(case: Case, tiers: Iterable[str], state: Record | None, visit: Visit) -> dict[str, Any]:
    """One line of the list, with the worst tier among the invoices that its step is about."""
    order = list(tiers)
    covered = [item for item in case.items if item.is_covered] or case.items
    worst = max(covered, key=lambda item: order.index(item.tier) if item.tier in order else -1)
    content = state.content if state else {}
    kept = (
        "rank",
        "case_id",
        "name",
        "customers",
        "kind",
        "action",
        "action_rule",
        "who",
        "assigned_to",
        "channel",
        "strategy",
    )
    also = ("by", "about", "why", "objective", "totals", "waited", "is_first", "held")
    plain = {name: as_plain(getattr(case, name)) for name in (*kept, *also)}
    return plain | {
        "tier": worst.tier,
        "invoices": len(covered),
        "by_in_words": by_in_words(case.by, visit.live.as_of),
        **_asked(case),
        "state": {
            "version": state.version if state else 0,
            "snoozed_until": content.get("snoozed_until"),
            "assigned_to": content.get("assigned_to"),
            "position": content.get("position"),
            "position_reason": content.get("position_reason"),
            "note": content.get("note"),
        },
    }


def by_in_words(by: date | None, day: date) -> str:
    """By when, as people say it."""
    if by is None:
        return gettext("when there is time")
    if by <= day:
        return gettext("today")
    if by == day + timedelta(days=1):
        return gettext("tomorrow")
    return gettext("by %(day)s") % {"day": spoken_day(by)}


def _asked(case: Case) -> dict[str, Any]:
    """The money the step is about; of a step that asks for none, what is open."""
    asked = {code: of["asked_about"] for code, of in case.totals.items() if Decimal(of["asked_about"])}
    return {
        "money": asked or {code: of["open"] for code, of in case.totals.items()},
        "asks_for_money": bool(asked),
    }


def _fits(case: Mapping[str, Any], asked: Mapping[str, str]) -> bool:
    words = folded(asked.get("q", "")).split()
    text = folded(" ".join([case["name"], case["case_id"], *case["customers"], case["why"]])) if words else ""
    same = {
        "tier": case["tier"],
        "action": case["action"],
        "who": case["who"],
        "assigned": case["assigned_to"],
        "strategy": case["strategy"],
        "new": "yes" if case["is_new"] else "no",
    }
    return all(word in text for word in words) and all(
        same[name] == value for name, value in asked.items() if name in same
    )


def _skills(made: Worklist) -> list[dict[str, Any]]:
    used = [case.who for case in made.cases]
    return [
        {"who": who, "places": places, "used": used.count(who)}
        for who, places in sorted(made.capacity.by_skill.items())
    ]


def _money(cases: Iterable[Case]) -> list[dict[str, str]]:
    """What the listed cases are about, by currency: the largest first."""
    sums: dict[str, dict[str, Decimal]] = {}
    for case in cases:
        for currency, of in case.totals.items():
            here = sums.setdefault(currency, {})
            for part in ("open", "past_due", "asked_about"):
                here[part] = here.get(part, Decimal(0)) + Decimal(of[part])
    ordered = sorted(sums.items(), key=lambda each: -each[1]["open"])
    return [{"currency": code, **{part: str(of) for part, of in sum_.items()}} for code, sum_ in ordered]


def _expected_late(made: Worklist) -> str:
    return f"{sum(case.value['at_stake'] for case in made.cases):.2f}"


def _left_out(visit: Visit, groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Who is not on the list, by reason; more of them where one reason is asked for."""
    wanted = visit.query.get("left_out", "")
    made = visit.kept.worklist(visit.office, visit.live)
    return [
        _group(visit, made, wanted, MOST_OF_ONE_REASON) | {"is_open": True}
        if group["reason"] == wanted
        else group
        for group in groups
    ]


def _group(visit: Visit, made: Worklist, reason: str, most: int) -> dict[str, Any]:
    left = made.left_out[made.left_out["reason"] == reason]
    rows = left.head(most).to_dict(orient="records")
    names = names_of(visit.live, [row["case_id"] for row in rows])
    return {
        "reason": reason,
        "meaning": gettext(LEFT_OUT[reason]),
        "count": len(left),
        "is_open": False,
        "cases": [row | {"name": names[row["case_id"]]} for row in rows],
    }


def change_state(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """Set a case aside until a day, hand it over, or give it a place: each with a reason that others can read."""
    asked = visit.parameters["case_id"]
    case_id = visit.live.case_of(asked)
    there = next((each for each in visit.office.desk.find("case_states") if each.record_id == case_id), None)
    content = _state(given, visit.live.as_of)
    if there is None:
        members = visit.live.members_of(case_id)
        if not members:
            raise RecordError("case_states", [Flaw("", f"there is no case {case_id!r}")])
        customer = case_id if case_id in members else members[0]
        known = {name: value for name, value in content.items() if value is not None}
        writing.add("case_states", {"case_id": case_id, "customer_id": customer, **known})
    else:
        version = given.get("version", "")
        writing.change("case_states", case_id, content, int(version) if version.isdecimal() else 0)
    back = given.get("back", "")
    return after(back if back.startswith(("/today", "/customers/")) else customer_path(asked), "state")


def _state(given: Mapping[str, str], today: date) -> dict[str, Any]:
    """The state as it is to be; what is left blank is taken away."""
    until, place, why = given.get("snoozed_until"), given.get("position"), given.get("reason")
    flaws = []
    if until and (day := day_of(until)) and day <= today:
        said = gettext("%(day)s is no later than the book day: name a later one, or leave it blank")
        flaws.append(Flaw("/snoozed_until", said % {"day": formats.day(day)}))
    if (until or place) and not why:
        flaws.append(Flaw("/reason", gettext("say why: the next reader of this case will ask")))
    if place and not (place.isascii() and place.isdecimal() and 1 <= int(place) <= 1000):
        flaws.append(Flaw("/position", gettext("a place is a whole number from 1")))
    if flaws:
        raise RecordError("case_states", flaws)
    return {
        "snoozed_until": until,
        "assigned_to": given.get("assigned_to"),
        "position": int(place) if place else None,
        "position_reason": why if place else None,
        "note": why,
    }
