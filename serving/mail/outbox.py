"""Which texts may leave by themselves today, and what became of each? An outbox that never sends twice unnoticed.

A sending lives like this, and each step is kept before the next is taken:

    queued -> sending -> sent                the server said yes
                      -> queued              nothing was sent: tried again, later each time
                      -> failed              refused for good, or given up
                      -> unsure              the line or our process broke while it was handed over
    queued -> cancelled                      the case changed: its step of today is another one

`sending` is kept before the server is spoken to. Whoever finds one that nobody can still be working on makes it
`unsure` and leaves it to a person (`duecourse messages settle`): at most once, and never lost in silence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from email.utils import parseaddr
from typing import Any

from serving.case_messages import message_case
from serving.desk import Actor, AlreadyThere, Desk, Record, StaleVersion, Writing
from serving.live import LiveScorer
from serving.mail.mailbox import Mailbox
from serving.messages import Message, Sender, render
from serving.office import EVERYBODY, Office
from serving.policy.sentences import spaced
from serving.worklist import Case

KIND = "sendings"
MOST_ATTEMPTS = 6
FIRST_WAIT = timedelta(minutes=5)
STUCK_AFTER = timedelta(minutes=15)
"""Longer than any attempt lasts: nobody can be working on it any more."""
ALIVE = ("queued", "sending", "sent", "unsure")
OUTCOME, BY_HAND = "message_sent", "settled by hand"


@dataclass(frozen=True)
class Draft:
    """A text for one case, and why it may not leave, if so."""

    case_id: str
    customer_id: str
    action: str
    invoice_ids: tuple[str, ...]
    recipient: str
    message: Message
    policy_version: str
    refusal: str | None

    def as_dict(self) -> dict[str, Any]:
        """As plain data, without the text."""
        names = ("case_id", "customer_id", "action", "invoice_ids", "recipient", "refusal")
        return {name: getattr(self, name) for name in names} | {"subject": self.message.subject}


def drafts(office: Office, live: LiveScorer, sender: Sender, language: str = "en") -> list[Draft]:
    """Today's texts of steps that the policy marks as automatic, in the order of the list."""
    made = office.worklist(live, EVERYBODY)
    return [_draft(office, live, case, sender, language) for case in made.cases if _is_automatic(live, case)]


def _is_automatic(live: LiveScorer, case: Case) -> bool:
    action = live.whole.policy.parts.actions.get(case.action)
    return action is not None and action.automatic and case.channel == "email"


def _draft(office: Office, live: LiveScorer, case: Case, sender: Sender, language: str) -> Draft:
    policy = live.whole.policy
    facts = message_case(live, case, office.items(live), office.desk.timeline(case.customers), language)
    text = render(
        case.template or case.action,
        "email",
        replace(facts, sender=sender),
        language,
        never_say=policy.parts.never_say,
    )
    customer, recipient = _address(office.desk, case, live.as_of)
    return Draft(
        case.case_id,
        customer,
        case.action,
        tuple(each.invoice_id for each in case.items if each.is_covered),
        recipient,
        text,
        policy.version,
        _refusal(office.desk, case, text, facts.is_person, recipient, live.as_of),
    )


def _refusal(desk: Desk, case: Case, text: Message, is_person: bool, recipient: str, day: date) -> str | None:
    rejected = [each.phrase for each in text.findings if each.severity == "reject"]
    if is_person:
        return "a natural person: somebody decides before anything is sent"
    if rejected:
        return f"the text says '{rejected[0]}', which no customer should read"
    if not recipient:
        return "no address: keep one at the desk as the flag 'email'"
    if _of_the_day(desk, case.customers, day):
        return "another message of today is on its way to this customer"
    return None


def _address(desk: Desk, case: Case, day: date) -> tuple[str, str]:
    """The customer of a case who has an address, and the address; the case's own first."""
    flags = {
        record.customer_id: str(record.content["value"])
        for record in desk.find("flags", customer_ids=case.customers, status="set")
        if record.content["flag"] == "email"
        and str(record.content["since"]) <= day.isoformat() <= str(record.content.get("until") or day)
        and "@" in str(record.content["value"])
    }
    for customer in (case.case_id, *case.customers):
        if customer in flags:
            return customer, flags[customer]
    return case.customers[0], ""


def _of_the_day(desk: Desk, customers: Any, day: date) -> list[Record]:
    found = desk.find(KIND, customer_ids=customers, status=ALIVE)
    return [each for each in found if each.content["day"] == day.isoformat()]


def queue(office: Office, live: LiveScorer, actor: Actor, draft: Draft, now: datetime) -> Record | None:
    """Keep a text and its sending in one transaction; None where somebody queued one for the case today."""
    assert draft.refusal is None
    message = {
        "customer_id": draft.customer_id,
        "invoice_ids": list(draft.invoice_ids),
        "sent_on": live.as_of.isoformat(),
        "channel": "email",
        "language": draft.message.language,
        "action": draft.action,
        "template": draft.message.template,
        "recipient": draft.recipient,
        "subject": draft.message.subject,
        "body": draft.message.text,
        "policy_version": draft.policy_version,
    }
    try:
        with office.desk.writing(actor, now) as writing:
            kept = writing.add("messages", message)
            return _queued(writing, draft.case_id, kept, draft.recipient, live.as_of, now)
    except AlreadyThere:
        return None


def queue_message(
    office: Office, live: LiveScorer, writing: Writing, message_id: str, now: datetime, is_by_person: bool
) -> Record:
    """Queue a text that is kept at the desk; ValueError says why it may not leave."""
    message = office.desk.get("messages", message_id)
    case = _case_now(office, live, message.customer_id or "")
    content = message.content
    if message.status != "recorded" or content["channel"] != "email":
        raise ValueError("only an e-mail that is kept at the desk, and not cancelled, can be sent")
    if case is None or content.get("action") != case.action or not _is_automatic(live, case):
        step = "nothing" if case is None else case.action
        raise ValueError(
            f"the step of today is {step}; a text leaves only for a step of today that the policy marks as automatic"
        )
    facts = message_case(live, case, office.items(live), ())
    if facts.is_person and not is_by_person:
        raise ValueError("a natural person: somebody decides before anything is sent")
    customer, recipient = _address(office.desk, case, live.as_of)
    if not recipient:
        raise ValueError(f"{customer} has no address: keep one at the desk as the flag 'email'")
    if _of_the_day(office.desk, case.customers, live.as_of):
        raise ValueError("another message of today is on its way to this customer")
    return _queued(writing, case.case_id, message, recipient, live.as_of, now)


def _queued(
    writing: Writing, case_id: str, message: Record, recipient: str, day: date, now: datetime
) -> Record:
    digest = hashlib.sha256(f"{case_id}\0{day}".encode()).hexdigest()[:20]
    content = {
        "sending_id": f"S-{digest}",  # one for a case and day: a second is refused by the desk itself
        "case_id": case_id,
        "customer_id": message.customer_id,
        "message_id": message.record_id,
        "action": message.content["action"],
        "invoice_ids": list(message.content.get("invoice_ids") or ()),
        "recipient": recipient,
        "day": day.isoformat(),
        "next_attempt_at": _moment(now),
    }
    return writing.add(KIND, content)


@dataclass(frozen=True)
class Sent:
    """What became of one sending now."""

    sending_id: str
    customer_id: str
    status: str
    why: str | None


def send_due(
    office: Office,
    live: LiveScorer,
    mailbox: Mailbox,
    actor: Actor,
    clock: Callable[[], datetime],
) -> list[Sent]:
    """Try every sending that is due, once; the case is looked at anew right before."""
    return [*_stuck(office.desk, actor, clock), *_each(office, live, mailbox, actor, clock)]


def _stuck(desk: Desk, actor: Actor, clock: Callable[[], datetime]) -> Iterator[Sent]:
    """Sendings that a process left while it handed them over."""
    for found in desk.find(KIND, status="sending"):
        if clock() - found.changed_at >= STUCK_AFTER:
            yield from _moved(
                desk, actor, clock(), found, "unsure", "our process ended while it was handed over"
            )


def _each(
    office: Office, live: LiveScorer, mailbox: Mailbox, actor: Actor, clock: Callable[[], datetime]
) -> Iterator[Sent]:
    desk = office.desk
    for found in desk.find(KIND, status="queued"):
        if datetime.fromisoformat(found.content["next_attempt_at"]) > clock():
            continue
        changed = _why_not(office, live, found)
        if changed:
            yield from _moved(desk, actor, clock(), found, "cancelled", changed)
            continue
        attempts = int(found.content.get("attempts", 0)) + 1
        try:
            with desk.writing(actor, clock()) as writing:
                claimed = writing.change(
                    KIND, found.record_id, {"status": "sending", "attempts": attempts}, found.version
                )
        except StaleVersion:  # another process took it
            continue
        message = desk.get("messages", found.content["message_id"]).content
        outcome = mailbox.send(
            found.content["recipient"],
            message.get("subject") or "",
            message["body"],
            found.record_id,
            clock(),
        )
        status = {"sent": "sent", "refused": "failed", "unsure": "unsure"}.get(outcome.kind, "queued")
        if status == "queued" and attempts >= MOST_ATTEMPTS:
            status = "failed"
        yield from _moved(desk, actor, clock(), claimed, status, outcome.why)


def _why_not(office: Office, live: LiveScorer, found: Record) -> str | None:
    """What changed since it was queued: guards, caps, payments and the policy are asked again."""
    if found.content["day"] != live.as_of.isoformat():
        return "its day is over: what was true then may not be now"
    case = _case_now(office, live, found.content["case_id"])
    if case is None or not _is_automatic(live, case) or case.action != found.content["action"]:
        return f"the step of today is {'nothing' if case is None else spaced(case.action)}"
    covered = {each.invoice_id for each in case.items if each.is_covered}
    if not set(found.content.get("invoice_ids") or ()) <= covered:
        return "an invoice it speaks of is settled, disputed or agreed on by now"
    return None


def _case_now(office: Office, live: LiveScorer, case_id: str) -> Case | None:
    made = office.worklist(live, EVERYBODY, about=lambda ids: {case_id, live.case_of(case_id)})
    return next((each for each in made.cases if case_id in (each.case_id, *each.customers)), None)


def _moved(
    desk: Desk, actor: Actor, now: datetime, found: Record, status: str, why: str | None
) -> Iterator[Sent]:
    """The next status, and what follows from it, in one transaction; nothing where somebody else was quicker."""
    changes: dict[str, Any] = {"status": status, "last_error": why}
    if status == "queued":
        wait = FIRST_WAIT * 2 ** (int(found.content.get("attempts", 1)) - 1)
        changes["next_attempt_at"] = _moment(now + wait)
    try:
        with desk.writing(actor, now) as writing:
            writing.change(KIND, found.record_id, changes, found.version)
            _follow(desk, writing, found.content, status)
    except StaleVersion:
        return
    yield Sent(found.record_id, found.customer_id or "", status, why)


def _follow(desk: Desk, writing: Writing, content: Mapping[str, Any], status: str) -> None:
    """A sent text is a contact, so that guards and caps know of it; one that never left is cancelled."""
    if status == "sent":
        writing.add(
            "contacts",
            {
                "customer_id": content["customer_id"],
                "contacted_on": content["day"],
                "known_on": content["day"],
                "channel": "email",
                "direction": "outgoing",
                "outcome": OUTCOME,
            },
        )
    if status in ("failed", "cancelled"):
        message = desk.get("messages", content["message_id"])
        if message.status == "recorded":
            writing.change("messages", message.record_id, {"status": "cancelled"}, message.version)


def settle(desk: Desk, actor: Actor, now: datetime, sending_id: str, was_sent: bool) -> Sent:
    """A person says what became of an `unsure` sending: it arrived, or it did not and is given up."""
    version = desk.get(KIND, sending_id).version
    try:
        with desk.writing(actor, now) as writing:
            return settle_in(writing, desk, sending_id, version, was_sent)
    except StaleVersion:
        raise ValueError(f"somebody else settled {sending_id} meanwhile") from None


def settle_in(writing: Writing, desk: Desk, sending_id: str, version: int, was_sent: bool) -> Sent:
    """The same within a transaction; StaleVersion where the sending is no longer the one that was seen."""
    found, status = desk.get(KIND, sending_id), "sent" if was_sent else "failed"
    if found.status != "unsure":
        raise ValueError(f"sending {sending_id} is {found.status}; only an unsure one is settled by hand")
    writing.change(KIND, sending_id, {"status": status, "last_error": BY_HAND}, version)
    _follow(desk, writing, found.content, status)
    return Sent(sending_id, found.customer_id or "", status, BY_HAND)


def sender_of(mailbox: Mailbox) -> Sender:
    """Who signs: the name and the address that answers go to."""
    name = parseaddr(mailbox.sender)[0]
    return Sender(company=name, email=parseaddr(mailbox.reply_to)[1])


def _moment(now: datetime) -> str:
    return now.astimezone(UTC).isoformat()
