"""How does each customer of a case stand as a whole: its tier and since when, its review, the credit to offer?

The recommendations are those of `duecourse accounts` and GET /v1/accounts; a person decides, and is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np

from features.days import day_number
from serving.accounts import Account, accounts_of, money
from serving.api.decisions import credit_decided
from serving.api.records import check_fits
from serving.desk import Flaw, RecordError, Writing
from serving.office import Answer
from serving.pages.paths import customer_path
from serving.pages.recording import about, amount, back_to, keep
from serving.pages.routing import Visit, after
from serving.pages.story import Story
from serving.policy.accounts import DECISIONS, OUTCOMES
from serving.worklist.told import told

MONTHS = 12
"""The use of a limit is told for today and the ends of so many months."""


def accounts(story: Story) -> list[Account]:
    """The accounts of a story, its own order; none where the policy has no sections for them."""
    live, office = story.visit.live, story.visit.office
    known = [each for each in story.members if live.knows_customer(each)]
    last_reviewed = told(story.all_records, live.as_of).last_reviewed
    try:
        found = accounts_of(live, office.tiers(live), last_reviewed, known)
    except ValueError:  # a policy may do without credit or reviews
        return []
    by_id = {each.customer_id: each for each in found}
    return [by_id[each] for each in known]


def tiers(story: Story) -> dict[str, Any] | None:
    """The tier of the case and since when, and every step that the desk kept; None without tiers of customers."""
    found = story.visit.office.tiers(story.visit.live)
    if found is None:
        return None
    of_case = found.of_case(story.case_id, story.members)
    is_group = story.case_id in found.groups and len(story.members) > 1
    scope, whose = ("group", story.case_id) if is_group else ("customer", story.members[0])
    kept = [_step(each.content) for each in story.of_kind("tier_changes") if each.status != "cancelled"]
    mine = [each for each in kept if (each["scope"], each["customer_id"]) == (scope, whose)]
    return {
        "tier": of_case.tier,
        "since": of_case.since.isoformat(),
        "why": of_case.why,
        "is_kept": bool(found.best_since) or bool(mine),
        "steps": sorted((each for each in mine if each["old"] != each["new"]), key=lambda each: each["on"]),
    }


def _step(content: Mapping[str, Any]) -> dict[str, Any]:
    rule = str(content.get("rule") or "")
    return {
        "customer_id": content["customer_id"],
        "scope": "group" if rule.startswith("group_") else "customer",
        "on": content["changed_on"],
        "old": content.get("old"),
        "new": content["new"],
        "rule": rule.removeprefix("group_"),
    }


def limit_use(story: Story) -> list[dict[str, Any]]:
    """Of each customer with a limit, how much of it is used: today, and of one customer at the ends of months too."""
    as_of = story.visit.live.as_of
    days = _month_ends(as_of) if len(story.members) == 1 else [as_of]

    def found() -> list[dict[str, Any]]:
        each_code = ((scorer, code) for scorer, codes in story.scorers for code in codes.tolist())
        return [each for scorer, code in each_code if (each := _use_of(scorer, code, days))]

    return story.in_books("limit_use", found)


def _month_ends(as_of: date) -> list[date]:
    """The book day, and the last days of the months before it, the oldest first."""
    firsts = [
        date(as_of.year + n // 12, n % 12 + 1, 1) for n in range(as_of.month - 1 - MONTHS + 1, as_of.month)
    ]
    return [*(date.fromordinal(each.toordinal() - 1) for each in firsts), as_of]


def _use_of(scorer: Any, code: int, days: list[date]) -> dict[str, Any] | None:
    """None where no limit is set, which differs from a limit of 0."""
    one, standing = np.array([code]), scorer.facts.standing
    points = []
    for day in days:
        today = day_number(day) + 1
        limit, unit = standing.limits(scorer.facts.master(one, today))
        used = standing.exposure(one, unit, today)
        points.append((day, float(limit[0]), float(used[0]), str(unit[0])))
    day, limit_now, used_now, currency = points[-1]
    if np.isnan(limit_now):
        return None
    return {
        "customer_id": str(scorer.history.customers[code]),
        "currency": currency,
        "limit": money(limit_now, currency),
        "used": money(used_now, currency),
        "share": used_now / limit_now if limit_now else None,
        "months": [
            {"on": day, "limit": limit, "used": used}
            for day, limit, used, unit in points
            if unit == currency and not np.isnan(limit)
        ],
    }


def decisions(story: Story) -> list[dict[str, Any]]:
    """What was decided on their credit and in reviews, the latest first."""
    return [
        {"kind": each.kind, "by": each.changed_by, **_decided(each.content)}
        for each in story.records
        if each.kind in ("credit_decisions", "reviews") and each.status not in ("withdrawn", "cancelled")
    ]


def _decided(content: Mapping[str, Any]) -> dict[str, Any]:
    names = ("customer_id", "why", "override_reason", "recommended", "credit_limit", "currency", "terms_days")
    return {
        "on": content.get("decided_on") or content.get("reviewed_on"),
        "chosen": content.get("chosen") or content.get("outcome"),
        **{name: content.get(name) for name in (*names, "prepaid_share", "valid_until", "next_review_on")},
    }


def decide_credit(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """On which terms a customer may buy from now on; the service writes down what it was decided on."""
    if given.get("chosen") not in DECISIONS:
        raise RecordError("credit_decisions", [Flaw("/chosen", "choose the terms on which they may buy")])
    content = about(visit, given)
    why = content.pop("why", None)
    content |= _counted(content)
    whole = credit_decided(visit.office, visit.live, writing, content)
    if content.get("credit_limit"):
        whole |= {
            "credit_limit": amount(content["credit_limit"]),
            "currency": whole["features"].get("currency"),
        }
    if whole["chosen"] != whole["recommended"] and not why:
        raise RecordError("credit_decisions", [Flaw("/why", "this is not what is recommended: say why")])
    whole |= {"override_reason" if whole["chosen"] != whole["recommended"] else "why": why} if why else {}
    check_fits("credit_decisions", whole, visit.live)
    writing.add("credit_decisions", whole)
    return back_to(visit, "credit")


def _counted(content: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of a form as numbers; flaws for what is none."""
    told: dict[str, Any] = {}
    flaws = []
    if days := content.get("terms_days"):
        if days.isascii() and days.isdecimal() and int(days) <= 3650:
            told["terms_days"] = int(days)
        else:
            flaws.append(Flaw("/terms_days", "days to pay are a whole number, such as 30"))
    if share := content.get("prepaid_share"):
        percent = share.removesuffix("%").strip()
        if percent.isascii() and percent.isdecimal() and int(percent) <= 100:
            told["prepaid_share"] = float(Decimal(percent) / 100)
        else:
            flaws.append(Flaw("/prepaid_share", "a part paid in advance is a whole number of percent"))
    if flaws:
        raise RecordError("credit_decisions", flaws)
    return told


def record_review(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """What a look at the whole account ended in, with the figures that were on the table."""
    if given.get("outcome") not in OUTCOMES:
        raise RecordError("reviews", [Flaw("/outcome", "choose what the review ended in")])
    if not given.get("why"):
        raise RecordError("reviews", [Flaw("/why", "say why: whoever reviews next will ask")])
    content = about(visit, given)
    found = accounts(Story(visit, [content["customer_id"]]))
    figures = dict(found[0].figures) | {"recommended": found[0].outcome.outcome} if found else {}
    keep(
        visit, writing, "reviews", content | {"reviewed_on": visit.live.as_of.isoformat(), "figures": figures}
    )
    return after(f"{customer_path(visit.parameters['case_id'])}", "review")
