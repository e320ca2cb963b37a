"""A conversation with a customer, on one page: what it is about, what to say, and how it ends.

It ends with a promise, a plan, or the day on which we speak again: nobody can close it without. All of it is recorded
in one transaction, and the summary for the customer is ready at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

from serving.api.letters import found_in, messages_for
from serving.api.problems import ProblemError
from serving.case_messages import agreement
from serving.desk import Record
from serving.languages import gettext, language
from serving.messages import CHANNELS as MESSAGE_CHANNELS
from serving.messages import Message, languages, render
from serving.pages.closing import AGREED, REASONS, close, keep_message, seen
from serving.pages.customer import step, story_of, who
from serving.pages.guide import guide
from serving.pages.recording import CHANNELS, OUTCOMES
from serving.pages.rendering import words
from serving.pages.routing import Page, Pages, Visit
from serving.pages.story import Story
from serving.pages.ways import EVERY_DAYS, MOST_ROWS, PARTS, Ways
from serving.worklist import Case

WRITTEN = ("email", "letter")
"""The channels that a text is drafted for."""
TEXT_OF = ("subject", "text", "language", "template", "warnings", "action")
WAIT_FOR_ANSWER = timedelta(days=7)


def add(pages: Pages) -> None:
    """The page, what is recorded on it, and the looks at what is still being written."""
    here = "/customers/{case_id:path}"
    page = Page(f"{here}/conversation", "read:facts", "conversation.html", view)
    pages.form(f"{here}/conversation", "write:dialogue", close, page)
    pages.form(f"{here}/messages", "write:dialogue", keep_message, page)
    pages.again(f"{here}/conversation/again", "write:dialogue", page)
    pages.part(f"{here}/conversation/check", "write:dialogue", "conversation_check.html", check)
    pages.part(f"{here}/wording", "write:dialogue", "wording.html", wording)
    pages.page(page)


def view(visit: Visit) -> dict[str, Any]:
    """What there is to say to the case of the address, and what may come of it."""
    story = story_of(visit)
    case = next(iter(visit.office.case(visit.live, story.case_id).cases), None)
    ways = Ways(story, case, _customer(visit, story, case), {**visit.query, **visit.given})
    rows = sorted(ways.rows, key=lambda each: not each["is_about"])[:MOST_ROWS]
    return {
        **who(story),
        "customer_id": ways.customer_id,
        **step(story),
        "asked": _sums(ways.rows),
        "about": [each for each in rows if each["is_about"]],
        "not_about": [each for each in rows if not each["is_about"]],
        "more": len(ways.rows) - len(rows),
        **_texts(visit, case),
        "pay_run": str(ways.days.run) if ways.days.run else None,
        "runs": [each.isoformat() for each in ways.days.next_runs(visit.live.as_of)],
        "next_run": case.next_pay_run.isoformat() if case and case.next_pay_run else None,
        "plan": ways.plan(),
        "check": _check(ways),
        "answer_by": ways.days.next_working(visit.live.as_of + WAIT_FOR_ANSWER).isoformat(),
        "choices": {
            "parts": list(PARTS),
            "every": list(EVERY_DAYS),
            "channels": list(CHANNELS),
            "outcomes": list(OUTCOMES),
            "reasons": list(REASONS),
            "write": list(WRITTEN),
            "languages": list(languages()),
        },
        "language": spoken_in(visit),
        "seen": seen(story),
        "closed": _closed(visit, story),
        "wording": wording(visit, dict(visit.given))["findings"] if visit.given.get("body") else None,
    }


def wording(visit: Visit, given: dict[str, str]) -> dict[str, Any]:
    """What a customer should not, or had better not, read in a text."""
    customer = given.get("customer_id") or visit.parameters["case_id"]
    found = found_in(visit.office, visit.live, customer, given)
    return {"findings": [asdict(each) | {"field": field} for field, each in found]}


def check(visit: Visit, given: dict[str, str]) -> dict[str, Any]:
    """Whether what is written of a promise or a plan so far adds up, and falls on days on which they pay."""
    story = story_of(visit)
    asked = given.get("customer_id", "")
    customer = asked if asked in story.members else _customer(visit, story)
    return {"check": _check(Ways(story, None, customer, given))}


def _check(ways: Ways) -> dict[str, Any]:
    """What is to be said of the ending that is chosen; nothing of one that is not begun."""
    ends = ways.given.get("ends", "")
    if ends == "promise":
        on = ways.promised_on()
        return {"ends": ends, "on": on, "remark": ways.remark(on), "sums": _promised(ways)}
    plan = ways.plan() if ends == "plan" else None
    if plan is None:
        return {"ends": ""}
    remarks = [(n, each["remark"]) for n, each in enumerate(plan["instalments"], 1) if each["remark"]]
    kept = ("currency", "total", "apart", "amount")
    return {"ends": ends, "remarks": remarks} | {name: plan[name] for name in kept}


def _promised(ways: Ways) -> dict[str, str] | None:
    """What the ticked invoices come to, by currency; None while an amount is none."""
    try:
        return _sums(
            [each | {"free": said or each["amount_open"]} for each, said in ways.promised()], every=True
        )
    except ArithmeticError:
        return None


def _sums(rows: list[dict[str, Any]], every: bool = False) -> dict[str, str]:
    """What may be asked for on the invoices that a conversation is about, by currency."""
    sums: dict[str, Decimal] = {}
    for each in rows:
        if (every or each["is_about"]) and each["free"] is not None:
            sums[each["currency"]] = sums.get(each["currency"], Decimal(0)) + Decimal(each["free"])
    return {currency: str(of) for currency, of in sorted(sums.items()) if of}


def _customer(visit: Visit, story: Story, case: Case | None = None) -> str:
    """Which of the case is spoken with: the one asked for, else the one that owes what it is about."""
    asked = [visit.given.get("customer_id", ""), visit.query.get("customer_id", "")]
    owing = [each.customer_id for each in case.items if each.is_covered] if case else []
    here = visit.parameters["case_id"]
    for each in (*asked, *([here] if here in owing or not owing else owing)):
        if each in story.members:
            return each
    return story.members[0]


def _texts(visit: Visit, case: Case | None) -> dict[str, Any]:
    """The guide of a call and the draft of a text, or why there is none."""
    asked = visit.query.get("write", visit.given.get("channel", ""))
    channel = asked if asked in WRITTEN else case.channel if case and case.channel in WRITTEN else "email"
    said, draft = _said(visit, case, ("phone", channel))
    return {
        "guide": said | guide(said["text"]) if said["text"] else said,
        "draft": draft | {"channel": channel},
    }


def _said(visit: Visit, case: Case | None, channels: Sequence[str]) -> list[dict[str, Any]]:
    """The text of today's step for each channel, or why there is none."""
    if case is None:
        return _because(channels, gettext("Nothing is to be asked of this customer today."))
    if case.channel not in MESSAGE_CHANNELS:
        said = gettext(
            "Today’s step is ours to do (%(step)s): the customer hears nothing of it. Should they call, "
            "close the conversation here."
        )
        return _because(channels, said % {"step": words(case.action)})
    try:
        found = messages_for(visit.office, visit.live, case, channels, spoken_in(visit))
    except ProblemError as problem:
        return _because(channels, problem.detail)
    return [{name: each[name] for name in TEXT_OF} | {"because": ""} for each in found]


def _because(channels: Sequence[str], why: str) -> list[dict[str, Any]]:
    return [dict.fromkeys(TEXT_OF, "") | {"because": why} for _ in channels]


def spoken_in(visit: Visit) -> str:
    """The language that the customer is spoken to in: as chosen here, else that of whoever looks."""
    asked = visit.given.get("language") or visit.query.get("language", "")
    return asked if asked in languages() else language()


def _closed(visit: Visit, story: Story) -> dict[str, Any] | None:
    """The summary of the conversation that was just closed, for the customer to read."""
    contact = next(
        (each for each in story.of_kind("contacts") if each.record_id == visit.query.get("closed")), None
    )
    if contact is None or contact.customer_id is None:
        return None
    same = [each for each in story.records if each.changed_at == contact.changed_at and each.version == 1]
    same.sort(key=lambda each: each.number)
    summary = _summary(visit, contact, same)
    return {
        "contact_id": contact.record_id,
        "customer_id": contact.customer_id,
        "person": contact.content.get("person"),
        "next_contact_on": contact.content.get("next_contact_on"),
        "outcome": contact.content.get("outcome"),
        "agreed": [_agreed(each) for each in same if each.kind in AGREED and each.kind != "contacts"],
        **{name: getattr(summary, name) for name in ("subject", "text", "language", "template")},
    }


def _agreed(record: Record) -> dict[str, Any]:
    """A promise or a plan as it was recorded just now."""
    content, parts = record.content, record.content.get("instalments", [])
    total = (
        str(sum((Decimal(each["amount"]) for each in parts), Decimal(0))) if parts else content.get("amount")
    )
    return {
        "kind": record.kind,
        "invoice_id": record.invoice_id,
        "amount": total,
        "currency": content.get("currency"),
        "on": parts[0]["due_on"] if parts else content.get("promised_on"),
        "parts": len(parts),
    }


def _summary(visit: Visit, contact: Record, same: list[Record]) -> Message:
    promises = [each for each in same if each.kind == "promises"]
    plan = next((each for each in same if each.kind == "payment_plans"), None)
    facts = agreement(visit.live, str(contact.customer_id), contact, promises, plan)
    never = visit.live.whole.policy.parts.never_say
    return render("summary_of_agreement", "email", facts, spoken_in(visit), never_say=never)
