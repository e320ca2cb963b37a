"""One customer's whole story, or that of a group with one parent: the case as people see it.

What is open, how they pay, what was promised, disputed and said, on which terms they buy, and what is to be done next.
"""

from __future__ import annotations

from typing import Any

from features.days import day_number
from serving import relationship
from serving.languages import gettext
from serving.pages import telling, whole_account
from serving.pages.account import items, marks, months, open_money, rhythm
from serving.pages.flags import choices, flags, record_flag
from serving.pages.plans import plans
from serving.pages.recording import (
    record_complaint,
    record_contact,
    record_dispute,
    record_note,
    record_promise,
    record_task,
)
from serving.pages.routing import Page, Pages, Visit
from serving.pages.story import Story
from serving.pages.today import change_state, told_case
from serving.pages.whole_account import decide_credit, record_review
from serving.policy.accounts import DECISIONS, OUTCOMES
from serving.profile import Profile, profiles
from serving.scoring import UnknownIdError
from serving.worklist import LEFT_OUT
from serving.worklist.told import told

MOST_MEMBERS = 40
"""Members of a group that are told one by one."""
FEW_TOLD, MOST_TOLD = 25, 500
"""Events of the story that are told at first, and where all of it is asked for."""


def add(pages: Pages) -> None:
    """The page and what is recorded on it."""
    page = Page("/customers/{case_id:path}", "read:facts", "customer.html", view)
    for name, act in (
        ("contacts", record_contact),
        ("promises", record_promise),
        ("disputes", record_dispute),
        ("complaints", record_complaint),
        ("tasks", record_task),
        ("notes", record_note),
        ("flags", record_flag),
    ):
        pages.form(f"/customers/{{case_id:path}}/{name}", "write:dialogue", act, page)
    pages.form("/customers/{case_id:path}/state", "write:decisions", change_state, page)
    pages.form("/customers/{case_id:path}/reviews", "write:decisions", record_review, page)
    pages.form("/customers/{case_id:path}/credit-decisions", "write:credit_decisions", decide_credit, page)
    pages.page(page)


def view(visit: Visit) -> dict[str, Any]:
    """The case of the customer that the address names."""
    story = story_of(visit)
    live, open_items = visit.live, items(story)
    pictured, more = marks(story)
    habits, quarters = profiles_of(story), quarters_of(story)
    accounts = whole_account.accounts(story)
    tier = whole_account.tiers(story)
    return {
        **who(story),
        "tier": tier["tier"] if tier else _worst(open_items, live.whole.policy.tiers),
        "tier_history": tier,
        **step(story),
        "open": open_money(open_items),
        "divisions": _divisions(open_items),
        "items": open_items,
        "marks": pictured,
        "more_marks": more,
        "months": months(pictured),
        "rhythm": rhythm(pictured, habits),
        "profiles": [{**each.as_dict(), "sentences": each.sentences()} for each in habits],
        "next_step_on": next((each.next_pay_run for each in habits if each.next_pay_run), None),
        "relationship": {
            "quarters": relationship.as_plain(quarters),
            "sentences": relationship.sentences(quarters),
        },
        "credit": whole_account.limit_use(story),
        "accounts": [each.as_dict() for each in accounts],
        "decided": whole_account.decisions(story),
        "choices": {"credit": list(DECISIONS), "review": list(OUTCOMES), "flags": choices(visit)},
        "flags": flags(story),
        "promises": telling.promises(story),
        "plans": plans(story),
        "disputes": telling.disputes(story),
        "timeline": telling.timeline(story, MOST_TOLD if visit.query.get("story") == "all" else FEW_TOLD),
        "state": state(story),
    }


def story_of(visit: Visit) -> Story:
    """What is known of the case that the address names; UnknownIdError."""
    asked = visit.parameters["case_id"]
    members = visit.live.members_of(asked)
    if not members:
        raise UnknownIdError(asked)
    return Story(visit, members[:MOST_MEMBERS], visit.live.case_of(asked))


def books(story: Story) -> relationship.Books:
    """The books that know the members, each with their numbers in it."""
    return [(scorer.facts, codes) for scorer, codes in story.scorers]


def quarters_of(story: Story) -> list[relationship.Quarter]:
    """How the relationship moved."""
    day = story.visit.live.as_of
    return story.in_books("quarters", lambda: relationship.quarters(books(story), day))


def who(story: Story) -> dict[str, Any]:
    """Whom the page is about: the customers of the case, by name."""
    visit = story.visit
    asked, members = visit.parameters["case_id"], visit.live.members_of(story.case_id)
    masters = {
        each: master for scorer, codes in story.scorers for each, master in _masters(scorer, codes, story)
    }
    names = {each: str(masters[each].pop("name", "")) if each in masters else "" for each in story.members}
    head = asked if names.get(asked) else next((each for each in story.members if names[each]), asked)
    return {
        "case_id": asked,
        "name": names.get(head, ""),
        "as_of": visit.live.as_of.isoformat(),
        "members": [
            {"customer_id": each, "name": names[each], "master": masters.get(each, {})}
            for each in story.members
        ],
        "more_members": len(members) - len(story.members),
    }


def _masters(scorer: Any, codes: Any, story: Story) -> list[tuple[str, dict[str, Any]]]:
    """What the master data say of customers; what is blank is left out."""
    found = []
    table = scorer.facts.master(codes, day_number(story.visit.live.as_of) + 1)
    for code, row in zip(codes.tolist(), table.to_dict(orient="records"), strict=True):
        told = {
            name: row[name]
            for name in ("name", "debtor_type", "country", "industry", "parent_id")
            if row[name]
        }
        if row["terms_days"] == row["terms_days"]:
            told["terms_days"] = int(row["terms_days"])
        found.append(
            (
                str(scorer.history.customers[code]),
                told | ({"key_account": True} if row["key_account"] else {}),
            )
        )
    return found


def profiles_of(story: Story) -> list[Profile]:
    """How each member pays, as they told us or as it was learned; nothing of members that never had an invoice."""
    day = story.visit.live.as_of
    declared = told(story.all_records, day).declared

    def found() -> dict[str, Profile]:
        made: dict[str, Profile] = {}
        for scorer, codes in story.scorers:
            lead_days = scorer.policy.parts.workday.pay_run_lead_days
            of_book = profiles(scorer.facts, codes, day, declared, lead_days)
            made |= {each.customer_id: each for each in of_book}
        return made

    made = story.in_books(("profiles", repr(declared)), found)
    return [
        made[each]
        for each in story.members
        if each in made and (made[each].pay_days or made[each].invoices_issued)
    ]


def _worst(open_items: list[dict[str, Any]], tiers: list[str]) -> str | None:
    found = [each["tier"] for each in open_items if each["tier"] in tiers]
    return max(found, key=tiers.index) if found else None


def _divisions(open_items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is open with each of our divisions, where the book names several: for them we are one supplier."""
    names = sorted({each["division"] for each in open_items})
    if len(names) < 2:
        return []
    return [
        {"division": name, "open": open_money([each for each in open_items if each["division"] == name])}
        for name in names
    ]


def step(story: Story) -> dict[str, Any]:
    """The next step of the case, or why there is none on today's list."""
    visit = story.visit
    made = visit.kept.worklist(visit.office, visit.live)
    mine = set(story.members)
    for case in made.cases:
        if mine & set(case.customers):
            line = told_case(case, visit.live.whole.policy.tiers, None, visit)
            more = {name: getattr(case, name) for name in ("opening", "policy_why", "reasons", "commitment")}
            return {"listed": line | more, "left_out": None}
    why = visit.kept.left_out(visit.office, visit.live, story.case_id)
    return {"listed": None, "left_out": why and why | {"meaning": gettext(LEFT_OUT[why["reason"]])}}


def state(story: Story) -> dict[str, Any]:
    """What somebody set for the case by hand."""
    found = next((each for each in story.of_kind("case_states") if each.record_id == story.case_id), None)
    return found.content | {"version": found.version, "case_id": found.record_id} if found else {}
