"""Alerts: what changed that somebody should look at, until somebody has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from serving.desk import Flaw, Record, RecordError, Writing
from serving.office import Answer
from serving.pages.names import names_of
from serving.pages.routing import Page, Pages, Visit, after

ORDER = ("urgent", "warning", "notice")
MOVES = {"acknowledged": "seen", "assigned": "assigned", "closed": "closed"}
"""What a person may do with an alert: its next status."""
FILTERS = ("severity", "rule", "assigned_to")
PATH = "/alerts"
MOST_SHOWN = 200


def add(pages: Pages) -> None:
    """The page, and the form that moves an alert on."""
    page = Page(PATH, "read:alerts", "alerts.html", view)
    pages.form("/alerts/{alert_id:path}", "write:alerts", move, page)
    pages.page(page)


def view(visit: Visit) -> dict[str, Any]:
    """Alerts that are not closed, urgent ones first; closed ones where they are asked for."""
    query = _query(visit)
    wanted = query.get("status", "")
    found = visit.office.desk.find("alerts")
    counts = {status: sum(each.status == status for each in found) for status in ("open", *MOVES)}
    of_status = [each for each in found if (each.status == wanted if wanted else each.status != "closed")]
    asked = {name: query[name] for name in FILTERS if query.get(name)}
    listed = [each for each in of_status if all(_value(each, name) == asked[name] for name in asked)]
    listed.sort(key=lambda each: (ORDER.index(each.content["severity"]), -each.number))
    shown = listed[:MOST_SHOWN]
    names = names_of(visit.live, sorted({each.customer_id for each in shown if each.customer_id}))
    return {
        "status": wanted,
        "counts": counts,
        "filters": asked,
        "here": _address({"status": wanted, **asked}),
        "choices": {name: _choices(of_status, name) for name in FILTERS},
        "more": len(listed) - len(shown),
        "alerts": [_told(each, names) for each in shown],
    }


def _query(visit: Visit) -> Mapping[str, str]:
    """What was asked for; of a form that has to be mended, on the list where it stood."""
    back = visit.given.get("back", "")
    return dict(parse_qsl(back.partition("?")[2])) if back.startswith(PATH) else visit.query


def _address(asked: Mapping[str, str]) -> str:
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{PATH}?{query}" if query else PATH


def _value(alert: Record, name: str) -> str:
    return str(alert.content.get(name) or "")


def _choices(alerts: list[Record], name: str) -> list[str]:
    found = {value for each in alerts if (value := _value(each, name))}
    return sorted(found, key=lambda each: (ORDER.index(each) if each in ORDER else 0, each))


def _told(alert: Record, names: dict[str, str]) -> dict[str, Any]:
    content = alert.content
    return {
        "alert_id": alert.record_id,
        "version": alert.version,
        "customer_id": alert.customer_id,
        "invoice_id": alert.invoice_id,
        "name": names.get(alert.customer_id or "", ""),
        **{name: content.get(name) for name in ("severity", "rule", "sentence", "raised_on", "first_action")},
        **{name: content.get(name) for name in ("assigned_to", "note", "cause_gone_on", "status")},
    }


def move(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """Say that an alert was seen, whose it is, or that it is done."""
    status, version = given.get("status", ""), given.get("version", "")
    if status not in MOVES:
        raise RecordError("alerts", [Flaw("/status", f"choose one of {', '.join(MOVES)}")])
    changes = {"status": status, "assigned_to": given.get("assigned_to"), "note": given.get("note")}
    known = {name: value for name, value in changes.items() if value}
    writing.change("alerts", visit.parameters["alert_id"], known, int(version) if version.isdecimal() else 0)
    back = given.get("back", "")
    return after(back if back.partition("?")[0] == PATH else PATH, "alert")
