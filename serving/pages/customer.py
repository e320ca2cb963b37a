"""One customer's whole story, or that of a group with one parent: the case as people see it.

What is open, how they pay, what was promised, disputed and said, on which terms they buy, and what is to be done next.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from features.days import day_number
from serving.live import LiveScorer
from serving.pages import telling
from serving.pages.account import credit, items, marks, open_money, rhythm
from serving.pages.names import names_of
from serving.pages.recording import record_contact, record_dispute, record_note, record_promise
from serving.pages.routing import Page, Pages, Visit
from serving.pages.story import Story
from serving.pages.today import told_case
from serving.profile import Profile, profiles
from serving.scoring import UnknownIdError
from serving.worklist import LEFT_OUT
from serving.worklist.told import KINDS, told

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
        ("notes", record_note),
    ):
        pages.form(f"/customers/{{case_id:path}}/{name}", "write:dialogue", act, page)
    pages.page(page)


def view(visit: Visit) -> dict[str, Any]:
    """The case of the customer that the address names."""
    live, asked = visit.live, visit.parameters["case_id"]
    members = live.members_of(asked)
    if not members:
        raise UnknownIdError(asked)
    shown = members[:MOST_MEMBERS]
    story = Story(visit, shown)
    names = names_of(live, shown)
    open_items = items(live, shown)
    paid = sorted((each for member in shown for each in marks(live, member)), key=lambda each: each["due_on"])
    habits = _profiles(visit, shown)
    head = asked if names.get(asked) else next((each for each in members if names.get(each)), asked)
    return {
        "case_id": asked,
        "name": names.get(head, ""),
        "as_of": live.as_of.isoformat(),
        "members": [
            {"customer_id": each, "name": names[each], "master": _master(live, each)} for each in shown
        ],
        "more_members": len(members) - len(shown),
        "tier": _worst(open_items, live.whole.policy.tiers),
        **_step(visit, members),
        "open": open_money(open_items),
        "items": open_items,
        "marks": paid,
        "rhythm": rhythm(paid),
        "profiles": [{**each.as_dict(), "sentences": each.sentences()} for each in habits],
        "next_step_on": next((each.next_pay_run for each in habits if each.next_pay_run), None),
        "credit": [each for member in shown if (each := credit(live, member))],
        "promises": telling.promises(story),
        "disputes": telling.disputes(story),
        "timeline": telling.timeline(story, MOST_TOLD if visit.query.get("story") == "all" else FEW_TOLD),
        "state": _state(visit, asked),
    }


def _profiles(visit: Visit, members: list[str]) -> list[Profile]:
    """How each member pays, as they told us or as it was learned; nothing of members that never had an invoice."""
    live, desk = visit.live, visit.office.desk
    records = [each for kind in KINDS for each in desk.find(kind, customer_ids=members)]
    declared = told(records, live.as_of).declared
    made: dict[str, Profile] = {}
    for scorer in {id(each): each for each in map(live.of_customer, members)}.values():
        ids = [each for each in members if live.of_customer(each) is scorer]
        codes = scorer.history.customer_codes(pd.Series(ids, dtype="str"))
        lead_days = scorer.policy.parts.workday.pay_run_lead_days
        found = profiles(scorer.facts, codes[codes >= 0], live.as_of, declared, lead_days)
        made |= {each.customer_id: each for each in found}
    return [
        made[each] for each in members if each in made and (made[each].pay_days or made[each].invoices_issued)
    ]


def _master(live: LiveScorer, customer_id: str) -> dict[str, Any]:
    scorer = live.of_customer(customer_id)
    code = scorer.history.customer_codes(pd.Series([customer_id], dtype="str"))
    row = scorer.facts.master(code, day_number(live.as_of) + 1).iloc[0]
    told = {name: row[name] for name in ("debtor_type", "country", "industry", "parent_id") if row[name]}
    if row["terms_days"] == row["terms_days"]:
        told["terms_days"] = int(row["terms_days"])
    return told | ({"key_account": True} if row["key_account"] else {})


def _worst(open_items: list[dict[str, Any]], tiers: list[str]) -> str | None:
    found = [each["tier"] for each in open_items if each["tier"] in tiers]
    return max(found, key=tiers.index) if found else None


def _step(visit: Visit, members: list[str]) -> dict[str, Any]:
    """The next step of the case, or why there is none on today's list."""
    made = visit.kept.worklist(visit.office, visit.live)
    mine = set(members)
    for case in made.cases:
        if mine & set(case.customers):
            line = told_case(case, visit.live.whole.policy.tiers, None, visit)
            more = {name: getattr(case, name) for name in ("opening", "policy_why", "reasons", "commitment")}
            return {"listed": line | more, "left_out": None}
    left = made.left_out[made.left_out["case_id"].isin(members)].head(1).to_dict(orient="records")
    return {"listed": None, "left_out": left[0] | {"meaning": LEFT_OUT[left[0]["reason"]]} if left else None}


def _state(visit: Visit, case_id: str) -> dict[str, Any]:
    found = visit.office.desk.find("case_states", customer_ids=visit.live.members_of(case_id))
    return found[-1].content | {"version": found[-1].version, "case_id": found[-1].record_id} if found else {}
