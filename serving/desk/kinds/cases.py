"""What is kept of the state of a case, of what others are to do for it, and of what stands out?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Literal

from pydantic import JsonValue

from serving.desk.kinds.content import (
    CAN_BE_CANCELLED,
    ERASED,
    Code,
    Content,
    Count,
    Day,
    Entry,
    Flag,
    Flaw,
    ForeignId,
    Id,
    Line,
    Text,
    in_order,
    moves,
)

_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+"
)


class CaseState(Content):
    """What a person set for a case; the record's id is the case's. Closing one takes a next step."""

    KIND, PREFIX, KEY = "case_states", "case", ("case_id",)
    MOVES = moves(open=("closed",), closed=("open",))
    PERSONAL = ("position_reason", "note")

    case_id: ForeignId
    customer_id: ForeignId
    snoozed_until: Day | None = None
    assigned_to: Line | None = None
    position: Count | None = None
    position_reason: Text | None = None
    promise_id: Id | None = None
    plan_id: Id | None = None
    next_contact_on: Day | None = None
    note: Text | None = None
    status: Literal["open", "closed"] = "open"

    def flaws(self) -> Iterator[Flaw]:
        if self.position is not None and not self.position_reason:
            yield Flaw("/position_reason", "a place set by hand needs its reason")
        if self.status == "closed" and not (self.promise_id or self.plan_id or self.next_contact_on):
            yield Flaw(
                "/next_contact_on", "to close a case, name a promise, a plan or the day of the next contact"
            )


class Task(Content):
    """Something that somebody of ours is to do, in sales and service too."""

    KIND, PREFIX, KEY = "tasks", "J", ("task_id",)
    MOVES = moves(open=("done", "cancelled"), done=("open",), cancelled=())
    PERSONAL = ("text", "result")

    task_id: Id | None = None
    customer_id: ForeignId
    invoice_id: ForeignId | None = None
    title: Line
    text: Text | None = None
    owner: Line
    team: Code | None = None
    created_on: Day
    due_on: Day | None = None
    result: Text | None = None
    status: Literal["open", "done", "cancelled"] = "open"

    def flaws(self) -> Iterator[Flaw]:
        return in_order(self.created_on, self.due_on, "due_on", "created_on")


class Alert(Content):
    """Something about a customer that somebody should look at."""

    KIND, PREFIX, KEY = "alerts", "A", ("alert_id",)
    MOVES = moves(
        open=("acknowledged", "assigned", "closed"),
        acknowledged=("assigned", "closed"),
        assigned=("acknowledged", "closed"),
        closed=(),
    )
    PERSONAL = ("note", "sentence")

    alert_id: ForeignId | None = None
    key: Line | None = None
    customer_id: ForeignId | None = None
    invoice_id: ForeignId | None = None
    rule: Code
    severity: Literal["notice", "warning", "urgent"] = "warning"
    raised_on: Day
    old: JsonValue = None
    new: JsonValue = None
    sentence: Text
    first_action: Code | None = None
    evidence: list[JsonValue] | None = None
    cause_gone_on: Day | None = None
    assigned_to: Line | None = None
    note: Text | None = None
    status: Literal["open", "acknowledged", "assigned", "closed"] = "open"

    def flaws(self) -> Iterator[Flaw]:
        if self.status == "assigned" and not self.assigned_to:
            yield Flaw("/assigned_to", "an assigned alert needs the one it is assigned to")


class StateFlag(Content):
    """One thing that holds of a customer: evidence, hardship, quiet time, a way of paying."""

    KIND, PREFIX, KEY = "flags", "F", ("customer_id", "flag")
    MOVES = moves(set=("cleared",), cleared=("set",))
    PERSONAL, PERSONAL_WHERE = ("note", "evidence"), MappingProxyType({"value": ("flag", "email")})

    customer_id: ForeignId
    flag: Literal[
        "terms_accepted",
        "sequence_communicated",
        "hardship",
        "vulnerability",
        "insolvency",
        "do_not_contact_until",
        "preferred_channel",
        "pay_run",
        "margin",
        "email",
    ]
    value: JsonValue = True
    since: Day
    until: Day | None = None
    evidence: Text | None = None
    note: Text | None = None
    restricted: Flag = False
    status: Literal["set", "cleared"] = "set"

    def flaws(self) -> Iterator[Flaw]:
        yield from in_order(self.since, self.until, "until", "since")
        if self.flag == "do_not_contact_until" and self.until is None:
            yield Flaw("/until", "say until which day nobody is to contact them")
        if self.flag == "margin" and not _is_percent(self.value):
            yield Flaw("/value", "a margin is a number of percent of sales from -100 to 100, such as 22.5")
        if self.flag == "email" and self.value != ERASED and not is_email(self.value):
            yield Flaw("/value", "write one e-mail address, such as accounts@example.com")


def _is_percent(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -100 <= value <= 100


def is_email(value: object) -> bool:
    """Whether a value is one plain e-mail address, safe in the head of a message."""
    return isinstance(value, str) and len(value) <= 254 and bool(_EMAIL.fullmatch(value))


class TierChange(Content):
    """A customer or an invoice that moved from one tier to another."""

    KIND, PREFIX, MOVES = "tier_changes", "Q", CAN_BE_CANCELLED

    customer_id: ForeignId
    invoice_id: ForeignId | None = None
    changed_on: Day
    old: Code | None = None
    new: Code
    rule: Line | None = None
    model_version: Line | None = None
    policy_version: Line | None = None
    status: Entry = "recorded"
