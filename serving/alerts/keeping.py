"""Which alerts stand at the desk, and what of today's is kept there? Alerts and their outbox, in one transaction.

An alert that a person closed while its cause stands stays closed: it is raised again only after the cause was gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from serving.alerts.alert import Alert, Changes, changes
from serving.desk import Actor, AlreadyThere, Desk, Record, StaleVersion, UnknownRecord, Writing

CLOSED = "closed"
NOT_CLOSED = ("open", "acknowledged", "assigned")
TRIES = 5
_KEPT = (
    "key",
    "rule",
    "severity",
    "customer_id",
    "invoice_id",
    "old",
    "new",
    "sentence",
    "first_action",
    "evidence",
)


def standing_alerts(desk: Desk) -> dict[str, Record]:
    """By key, the kept alerts whose cause was not gone when last looked, also those a person closed."""
    kept = desk.find("alerts")
    return {record.content.get("key") or record.record_id: record for record in kept if not _is_over(record)}


def _is_over(record: Record) -> bool:
    by_hand = record.status == CLOSED and record.content.get("key") is None
    return by_hand or record.content.get("cause_gone_on") is not None


def previous_alerts(desk: Desk) -> list[Alert]:
    """What `alerts_of` wants to know of the alerts that stood before."""
    return [alert_of(record) for record in standing_alerts(desk).values() if record.content.get("key")]


def alert_of(record: Record) -> Alert:
    """The alert that a record keeps."""
    return Alert.from_dict({"first_action": "", **record.content})


def keep_alerts(
    desk: Desk, actor: Actor, now: datetime, day: date, found: Iterable[Alert], to_outbox: bool = False
) -> Changes:
    """Keep what is new, close what is over; `to_outbox` also leaves messages to be delivered by the webhook.

    May be run again, also by two jobs at once: the same alert of the same day is one record.
    """
    listed = list(found)
    for attempt in range(TRIES):
        try:
            return _kept(desk, actor, now, day, listed, to_outbox)
        except (StaleVersion, AlreadyThere):  # somebody acknowledged one, or kept it, meanwhile
            if attempt == TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _kept(desk: Desk, actor: Actor, now: datetime, day: date, found: list[Alert], to_outbox: bool) -> Changes:
    records = {key: record for key, record in standing_alerts(desk).items() if record.content.get("key")}
    compared = changes([alert_of(record) for record in records.values()], found)
    if not compared.raised and not compared.closed:
        return compared
    with desk.writing(actor, now) as written:
        for alert in compared.raised:
            record = written.add("alerts", _content(desk, alert, day))
            _post(written, record, "alert.raised", now, to_outbox)
        for alert in compared.closed:
            record = records[alert.key]
            over: dict[str, Any] = {"status": CLOSED, "cause_gone_on": day.isoformat()}
            written.change("alerts", record.record_id, over, record.version)
            _post(written, record, "alert.closed", now, to_outbox)
    return compared


def _content(desk: Desk, alert: Alert, day: date) -> dict[str, Any]:
    said = alert.as_dict()
    content = {name: said[name] for name in _KEPT if said[name] is not None}
    return content | {"alert_id": _new_id(desk, alert.key, day), "raised_on": day.isoformat()}


def _new_id(desk: Desk, key: str, day: date) -> str:
    """The same for the same alert of a day; another where it comes a second time on that day."""
    again = 0
    while True:
        digest = hashlib.sha256(f"{key}\n{day}\n{again}".encode()).hexdigest()
        if not any(_is_over(record) for record in _found(desk, f"A-{digest[:24]}")):
            return f"A-{digest[:24]}"
        again += 1


def _found(desk: Desk, record_id: str) -> list[Record]:
    try:
        return [desk.get("alerts", record_id)]
    except UnknownRecord:
        return []


def _post(written: Writing, record: Record, event: str, now: datetime, to_outbox: bool) -> None:
    if to_outbox:
        moment = now.isoformat()
        content = {
            "alert_id": record.record_id,
            "event": event,
            "happened_at": moment,
            "next_attempt_at": moment,
        }
        written.add("deliveries", content)
