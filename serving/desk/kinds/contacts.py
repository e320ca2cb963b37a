"""What is kept of a conversation, of a message sent, and of a note?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from serving.desk.kinds.content import (
    CAN_BE_CANCELLED,
    Code,
    Content,
    Day,
    Entry,
    Flag,
    Flaw,
    ForeignId,
    Id,
    Line,
    Text,
    in_order,
)


class Contact(Content):
    """A call, letter or message, either way, and what came of it."""

    KIND, PREFIX, KEY, MOVES = "contacts", "K", ("contact_id",), CAN_BE_CANCELLED
    LEDGER = (
        "customer_id",
        "contacted_on",
        "contact_id",
        "invoice_id",
        "channel",
        "direction",
        "outcome",
        "known_on",
    )
    PERSONAL, KEPT_FROM = ("person", "note", "confirmed_back"), "contacted_on"

    contact_id: Id | None = None
    customer_id: ForeignId
    contacted_on: Day
    invoice_id: ForeignId | None = None
    channel: Line | None = None
    direction: Literal["outgoing", "incoming"] | None = None
    outcome: Code | None = None
    person: Line | None = None
    next_contact_on: Day | None = None
    confirmed_back: Text | Flag | None = None
    promise_id: Id | None = None
    note: Text | None = None
    known_on: Day | None = None
    status: Entry = "recorded"

    def flaws(self) -> Iterator[Flaw]:
        yield from in_order(self.contacted_on, self.next_contact_on, "next_contact_on", "contacted_on")
        if self.outcome == "call_ended_call_back" and self.next_contact_on is None:
            yield Flaw(
                "/next_contact_on", "a call that ended to be taken up again needs the day to call back"
            )


class Message(Content):
    """A text that was sent, as it was sent."""

    KIND, PREFIX, KEY, MOVES = "messages", "M", ("message_id",), CAN_BE_CANCELLED
    PERSONAL, KEPT_FROM = ("recipient", "subject", "body"), "sent_on"

    message_id: Id | None = None
    customer_id: ForeignId
    invoice_ids: tuple[ForeignId, ...] = ()
    sent_on: Day
    channel: Line
    language: Line | None = None
    action: Code | None = None
    template: Line | None = None
    recipient: Line | None = None
    subject: Line | None = None
    body: Text
    policy_version: Line | None = None
    status: Entry = "recorded"


class Note(Content):
    """What somebody wants the next reader to know; `restricted` ones are for the roles that need them."""

    KIND, PREFIX, KEY, MOVES = "notes", "T", ("note_id",), CAN_BE_CANCELLED
    PERSONAL, KEPT_FROM = ("text",), "noted_on"

    note_id: Id | None = None
    customer_id: ForeignId
    invoice_id: ForeignId | None = None
    noted_on: Day
    text: Text
    restricted: Flag = False
    status: Entry = "recorded"
