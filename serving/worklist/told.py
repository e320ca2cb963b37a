"""What did people tell the desk that orders today's list? Case states, reviews, pay runs and channels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from serving.pay_runs import PayRun
from serving.worklist.choosing import CaseState

KINDS = ("case_states", "flags", "reviews")
"""The kinds of records that are looked at."""


class Recorded(Protocol):
    """A record of the desk, as far as it matters here."""

    @property
    def kind(self) -> str: ...
    @property
    def customer_id(self) -> str | None: ...
    @property
    def status(self) -> str | None: ...
    @property
    def content(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Told:
    """Arguments of `Worklist.make`, and what could not be read."""

    states: dict[str, CaseState] = field(default_factory=dict)
    declared: dict[str, dict[str, Any]] = field(default_factory=dict)
    last_reviewed: dict[str, date] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def told(records: Iterable[Recorded], day: date) -> Told:
    """What the records of KINDS say on a day; a pay run that cannot be read is left to be learned."""
    found = Told()
    for record in records:
        customer, content = record.customer_id or "", record.content
        if record.kind == "case_states":
            found.states[str(content.get("case_id") or customer)] = _state(content, record.status)
        elif record.kind == "flags" and record.status == "set" and _holds(content, day):
            _declare(found, customer, content)
        elif record.kind == "reviews" and record.status != "cancelled":
            reviewed = date.fromisoformat(str(content["reviewed_on"]))
            if reviewed <= day:
                found.last_reviewed[customer] = max(reviewed, found.last_reviewed.get(customer, reviewed))
    return found


def _state(content: Mapping[str, Any], status: str | None) -> CaseState:
    """A case closed with the day of the next contact sleeps until then."""
    agreed = content.get("next_contact_on") if status == "closed" else None
    until = content.get("snoozed_until") or agreed
    return CaseState(
        date.fromisoformat(str(until)) if until else None,
        content.get("assigned_to"),
        content.get("position"),
        "the next contact is agreed" if until == agreed and agreed else content.get("position_reason"),
    )


def _holds(content: Mapping[str, Any], day: date) -> bool:
    since, until = str(content.get("since") or day), str(content.get("until") or day)
    return since <= day.isoformat() <= until


def _declare(found: Told, customer: str, content: Mapping[str, Any]) -> None:
    flag, value = content.get("flag"), content.get("value")
    if flag == "preferred_channel" and value:
        found.declared.setdefault(customer, {})[flag] = str(value)
    if flag == "pay_run":
        try:
            PayRun.parse(str(value))
        except ValueError as error:
            found.problems.append(f"the pay run of {customer}: {error}")
        else:
            found.declared.setdefault(customer, {})[flag] = str(value)
