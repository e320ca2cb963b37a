"""A conversation with a customer, on one page: what it is about, what to say, and how it ends.

It ends with a promise, a plan, or the day on which we speak again: nobody can close it without. All of it is recorded
in one transaction, and the summary for the customer is ready at once.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

from serving.api.letters import found_in, message_of
from serving.api.problems import ProblemError
from serving.case_messages import agreement
from serving.desk import Record
from serving.languages import gettext
from serving.live import LiveScorer
from serving.messages import Message, render
from serving.office import Office
from serving.pages.account import items
from serving.pages.closing import REASONS, close, keep_message
from serving.pages.customer import step, story_of, who
from serving.pages.recording import CHANNELS, OUTCOMES
from serving.pages.routing import Page, Pages, Visit
from serving.pages.story import Story
from serving.plans import next_runs, proposed_plan
from serving.worklist.told import told

PARTS = (2, 3, 4, 6)
"""Instalments that a plan is proposed in; others are written by hand."""
MOST_PARTS = 12


def add(pages: Pages) -> None:
    """The page, what is recorded on it, and the look at a text while it is written."""
    page = Page("/customers/{case_id:path}/conversation", "read:facts", "conversation.html", view)
    pages.form("/customers/{case_id:path}/conversation", "write:dialogue", close, page)
    pages.form("/customers/{case_id:path}/messages", "write:dialogue", keep_message, page)
    pages.part("/customers/{case_id:path}/wording", "write:dialogue", "wording.html", wording)
    pages.page(page)


def view(visit: Visit) -> dict[str, Any]:
    """What there is to say to the case of the address, and what may come of it."""
    story = story_of(visit)
    open_items, customer = items(story), _customer(visit, story)
    today = step(story)
    covered = _covered(visit, story)
    runs, plan = _ways(visit, story, open_items, customer)
    return {
        **who(story),
        "customer_id": customer,
        **today,
        "about": [each for each in open_items if each["invoice_id"] in covered],
        "not_about": [
            each | {"because": _because(each)} for each in open_items if each["invoice_id"] not in covered
        ],
        "guide": _said(visit, story, "phone"),
        "draft": _said(visit, story, "email"),
        "runs": [each.isoformat() for each in runs],
        "plan": plan,
        "choices": {
            "parts": list(PARTS),
            "channels": list(CHANNELS),
            "outcomes": list(OUTCOMES),
            "reasons": list(REASONS),
        },
        "closed": _closed(visit, story),
    }


def wording(visit: Visit, given: dict[str, str]) -> dict[str, Any]:
    """What a customer should not, or had better not, read in a text."""
    customer = given.get("customer_id") or visit.parameters["case_id"]
    found = found_in(visit.office, visit.live, customer, given)
    return {"findings": [asdict(each) | {"field": field} for field, each in found]}


def _customer(visit: Visit, story: Story) -> str:
    """Which of the case is spoken with: the one asked for, the one of the address, or the first."""
    for each in (visit.query.get("customer_id", ""), visit.parameters["case_id"]):
        if each in story.members:
            return each
    return story.members[0]


def _covered(visit: Visit, story: Story) -> set[str]:
    """The invoices that the step of today is about; without a step, those that nothing speaks against."""
    mine = set(story.members)
    for case in visit.kept.worklist(visit.office, visit.live).cases:
        if mine & set(case.customers):
            return {each.invoice_id for each in case.items if each.is_covered}
    return {each["invoice_id"] for each in items(story) if not _because(each)}


def _because(item: dict[str, Any]) -> str:
    """Why an invoice is not spoken about."""
    said = {
        "is_disputed": gettext("it is disputed"),
        "promise_pending": gettext("a promise is pending"),
        "plan_running": gettext("it is part of a plan"),
    }
    return next((words for state, words in said.items() if item[state]), "")


def _said(visit: Visit, story: Story, channel: str) -> dict[str, Any]:
    """The text of today's step for a channel, or why there is none."""
    try:
        found = message_of(
            visit.office, visit.live, story.case_id, channel, visit.query.get("language", "en")
        )
    except ProblemError as problem:
        return {"text": None, "because": problem.detail}
    findings = [asdict(each) for each in found["findings"]]
    names = ("subject", "text", "language", "template", "warnings", "action", "channel")
    return {name: found[name] for name in names} | {"findings": findings, "because": ""}


def _ways(
    visit: Visit, story: Story, open_items: list[dict[str, Any]], customer: str
) -> tuple[list[date], dict[str, Any] | None]:
    """The customer's next pay runs, and a plan on them for what it owes in the currency of most of its invoices."""
    live = visit.live
    facts, declared = live.of_customer(customer).facts, told(story.all_records, live.as_of).declared
    runs = next_runs(facts, customer, live.as_of, declared)
    mine = [each for each in open_items if each["customer_id"] == customer and each["amount_open"]]
    asked = visit.query.get("invoice_id", "")
    wanted = [each for each in mine if each["invoice_id"] == asked] or mine
    if not wanted:
        return runs, None
    used = [each["currency"] for each in wanted]
    currency = max(sorted(set(used)), key=used.count)
    ids = [each["invoice_id"] for each in wanted if each["currency"] == currency]
    parts = visit.query.get("parts", "")
    try:
        plan = proposed_plan(
            facts,
            customer,
            ids,
            live.as_of,
            min(int(parts), MOST_PARTS) if parts.isdecimal() else 3,
            declared=declared,
        )
    except ValueError:
        return runs, None
    return runs, plan | {"invoice_id": asked if len(ids) == 1 and ids[0] == asked else ""}


def _closed(visit: Visit, story: Story) -> dict[str, Any] | None:
    """The summary of the conversation that was just closed, for the customer to read."""
    contact = next(
        (each for each in story.of_kind("contacts") if each.record_id == visit.query.get("closed")), None
    )
    if contact is None or contact.customer_id is None:
        return None
    same = [each for each in story.records if each.changed_at == contact.changed_at and each.version == 1]
    same.sort(key=lambda each: each.number)
    summary = _summary(visit.office, visit.live, contact, same)
    return {
        "contact_id": contact.record_id,
        "customer_id": contact.customer_id,
        "person": contact.content.get("person"),
        **{name: getattr(summary, name) for name in ("subject", "text", "language", "template")},
    }


def _summary(office: Office, live: LiveScorer, contact: Record, same: list[Record]) -> Message:
    promises = [each for each in same if each.kind == "promises"]
    plan = next((each for each in same if each.kind == "payment_plans"), None)
    facts = agreement(live, str(contact.customer_id), contact, promises, plan)
    return render("summary_of_agreement", "email", facts, never_say=live.whole.policy.parts.never_say)
