"""What does the desk alone know of customers that the policy's guards look at: hardship, quiet time, agreed calls?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serving.desk import Desk, Record

KINDS = ("flags", "contacts")
"""The kinds of records that are looked at."""
WITH_A_VALUE = ("preferred_channel",)
NOT_GUARDED = ("pay_run", "email")
"""A habit, no guard: the worklist reads it (serving/worklist/told.py); an address: who sends reads it."""
NAMED_OTHERWISE = {"margin": "margin_percent"}
"""Flags whose fact has a name that says its unit."""

DeskFacts = Mapping[str, Mapping[str, Any]]
"""Name of the fact (serving/policy/vocabulary.py DESK_FACTS), then customer id, then value."""


def facts_at_desk(desk: Desk, day: date, customer_ids: Collection[str] | None = None) -> DeskFacts:
    """The desk's facts about some customers, or about all."""
    found = (record for kind in KINDS for record in desk.find(kind, customer_ids=customer_ids))
    return desk_facts(found, day)


def desk_facts(records: Iterable[Record], day: date) -> DeskFacts:
    """What records of KINDS say on a day."""
    facts: dict[str, dict[str, Any]] = {}
    latest: dict[str, str] = {}
    for record in records:
        customer, content = record.customer_id or "", record.content
        if record.kind not in KINDS:
            continue
        if record.kind == "flags":
            name = content["flag"]
            if record.status == "set" and name not in NOT_GUARDED and _holds(content, day):
                facts.setdefault(NAMED_OTHERWISE.get(name, name), {})[customer] = _value(name, content)
        elif (
            record.kind == "contacts"
            and record.status != "cancelled"
            and content["contacted_on"] >= latest.get(customer, "")
        ):
            latest[customer] = content["contacted_on"]
            agreed = content.get("next_contact_on")
            next_contact = date.fromisoformat(agreed) if agreed else None
            facts.setdefault("next_contact_on", {})[customer] = next_contact
    return facts


def _holds(content: Mapping[str, Any], day: date) -> bool:
    return str(content["since"]) <= day.isoformat() <= str(content.get("until") or day)


def _value(name: str, content: Mapping[str, Any]) -> Any:
    if name == "do_not_contact_until":
        return date.fromisoformat(content["until"])
    if name in NAMED_OTHERWISE:
        return float(content["value"])
    return str(content.get("value")) if name in WITH_A_VALUE else True
