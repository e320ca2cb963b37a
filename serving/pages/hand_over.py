"""What does somebody need to know who takes over a customer today? One sheet of paper, whatever the history."""

from __future__ import annotations

from typing import Any

from serving import relationship
from serving.pages import customer, telling, whole_account
from serving.pages.account import items, open_money
from serving.pages.flags import flags
from serving.pages.plans import plans
from serving.pages.routing import Page, Pages, Visit

MOST_INVOICES, MOST_EVENTS, MOST_AGREED, MOST_HABITS = 8, 8, 4, 6
"""So much of each fits one sheet; how much more there is, is said."""
SAID = ("contacts", "notes", "complaints", "messages", "decisions", "credit_decisions", "reviews")
"""What counts as talk: money and tiers have their own place on the sheet."""
MOST_LETTERS = 180
"""Longer words of an event are cut: the page of the customer has them whole."""


def add(pages: Pages) -> None:
    """The sheet; it stands before the page of the customer, whose address ends in anything."""
    pages.page(Page("/customers/{case_id:path}/hand-over", "read:facts", "hand_over.html", view))


def view(visit: Visit) -> dict[str, Any]:
    """The case of the address as it is handed over."""
    story = customer.story_of(visit)
    open_items, tier = items(story), whole_account.tiers(story)
    accounts = whole_account.accounts(story)
    quarters = relationship.quarters(customer.books(story), visit.live.as_of)
    habits = [line for each in customer.profiles_of(story) for line in each.sentences()]
    promised = [
        each for each in telling.promises(story) if each["status"] in ("open", "broken", "partially_kept")
    ]
    disputed = [each for each in telling.disputes(story) if each["is_open"]]
    running = [each for each in plans(story) if each["status"] in ("running", "broken")]
    talk = telling.timeline(story, MOST_EVENTS, SAID)
    return {
        **customer.who(story),
        "tier": tier["tier"] if tier else None,
        "tier_since": tier["since"] if tier and tier["is_kept"] else None,
        **customer.step(story),
        "state": customer.state(story),
        "open": open_money(open_items),
        "items": open_items[:MOST_INVOICES],
        "more_items": max(len(open_items) - MOST_INVOICES, 0),
        "promises": promised[:MOST_AGREED],
        "more_promises": max(len(promised) - MOST_AGREED, 0),
        "disputes": disputed[:MOST_AGREED],
        "more_disputes": max(len(disputed) - MOST_AGREED, 0),
        "plans": [_short_plan(each) for each in running[:MOST_AGREED]],
        "flags": flags(story)[:MOST_AGREED],
        "habits": habits[:MOST_HABITS],
        "relationship": relationship.sentences(quarters),
        "accounts": [each.as_dict() for each in accounts[:MOST_AGREED]],
        "events": [_short(each) for each in talk["events"]],
        "more_events": talk["more"],
        "next_contact_on": _next_contact(story),
    }


def _short(event: dict[str, Any]) -> dict[str, Any]:
    text = event["text"]
    return event | {"text": text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS].rstrip()} …"}


def _short_plan(plan: dict[str, Any]) -> dict[str, Any]:
    """A plan with the instalment that comes next, or that was missed first."""
    states = ("missed", "paid_in_part", "to_come")
    coming = next((each for each in plan["instalments"] if each["state"] in states), None)
    return {name: value for name, value in plan.items() if name != "instalments"} | {"next": coming}


def _next_contact(story: Any) -> str | None:
    """The day on which we said that we speak again, from the contact that was recorded last."""
    days = [
        each.content.get("next_contact_on") for each in story.of_kind("contacts") if each.status == "recorded"
    ]
    return next((str(each) for each in days if each), None)
