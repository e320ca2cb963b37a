"""How is a dispute or a complaint seen to: whose is it, what was found, and how was it settled? Each change is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from serving.api.records import check_fits
from serving.desk import Flaw, Record, RecordError, UnknownRecord, Writing
from serving.kpis import mender
from serving.languages import gettext
from serving.objections import KINDS, Objection, objection, row_of
from serving.office import Answer
from serving.pages.names import names_of
from serving.pages.paths import quoted
from serving.pages.recording import CAUSES, cause_in_words
from serving.pages.routing import Visit, after
from serving.scoring import UnknownIdError

STATUSES = ("open", "resolved", "rejected")
TOLD = ("status", "owner", "cause", "topic", "note", "closed_on")
"""What a version is told by, where it differs from the one before."""


def one(visit: Visit) -> dict[str, Any]:
    """The dispute or complaint that the address names, with everything that was done about it."""
    kind, found, record = _found(visit)
    names = names_of(visit.live, [found.customer_id])
    days = ("opened_on", "closed_on", "answer_by", "spoken_on")
    return {
        **asdict(found),
        **{name: value.isoformat() if (value := getattr(found, name)) else None for name in days},
        "name": names[found.customer_id],
        "mender": mender(found.cause),
        "called": cause_in_words(found.cause),
        "to": address(kind, found.record_id),
        "history": list(_history(visit, kind, record)),
        "choices": {"status": list(STATUSES), "cause": {each: cause_in_words(each) for each in CAUSES}},
    }


def settle(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """Say whose it is, what was found, or how it was settled; one of the export is taken over with the first change."""
    kind, found, record = _found(visit, given.get("kind", ""))
    changes = _changes(visit, kind, found, given)
    if record is not None:
        version = given.get("version", "")
        writing.change(kind, found.record_id, changes, int(version) if version.isdecimal() else 0)
    else:
        row = row_of(visit.live, kind, found.record_id) or {}
        content = {name: value for name, value in {**row, **changes}.items() if value is not None}
        check_fits(kind, content, visit.live)
        writing.add(kind, content)
    return after(address(kind, found.record_id), "objection")


def finish_task(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """Say that what a colleague was asked for is done, and what came of it."""
    version = given.get("version", "")
    changes = {"status": "done", "result": given.get("result")}
    known = {name: value for name, value in changes.items() if value}
    writing.change("tasks", visit.parameters["task_id"], known, int(version) if version.isdecimal() else 0)
    return after("/disputes#tasks", "task_done")


def address(kind: str, record_id: str) -> str:
    """The page of one; a complaint says so, for it may have the number of a dispute."""
    return f"/disputes/{quoted(record_id)}" + ("?of=complaints" if kind == "complaints" else "")


def _found(visit: Visit, kind: str = "") -> tuple[str, Objection, Record | None]:
    """What the address names, as the book and the desk have it; UnknownIdError."""
    asked, record_id = (
        kind or visit.query.get("of") or visit.given.get("kind", ""),
        visit.parameters["record_id"],
    )
    for each in (asked,) if asked in KINDS else KINDS:
        try:
            record = visit.office.desk.get(each, record_id)
        except UnknownRecord:
            record = None
        found = objection(visit.live, each, record_id, record)
        if found is not None:
            return each, found, record
    raise UnknownIdError(record_id)


def _changes(visit: Visit, kind: str, found: Objection, given: Mapping[str, str]) -> dict[str, Any]:
    """What is to be different: the fields as they were written, and the day of closing that goes with a status."""
    status, note = given.get("status", ""), given.get("note")
    flaws = []
    if status not in STATUSES:
        flaws.append(Flaw("/status", gettext("choose what it is now")))
    if status in STATUSES[1:] and not note:
        flaws.append(Flaw("/note", gettext("say how it was settled: the customer will ask, and so will we")))
    if flaws:
        raise RecordError(kind, flaws)
    changes: dict[str, Any] = {"status": status, "owner": given.get("owner")}
    changes |= {"note": note} if note else {}
    if kind == "disputes" and given.get("cause"):
        changes |= {"cause": given["cause"], "reason": given["cause"]}
    if kind == "complaints" and given.get("topic"):
        changes["topic"] = given["topic"]
    if status == "open":
        return changes | {"closed_on": None}
    return changes if not found.is_open else changes | {"closed_on": visit.live.as_of.isoformat()}


def _history(visit: Visit, kind: str, record: Record | None) -> Iterator[dict[str, Any]]:
    """Every version with who made it, when, and what became different; the latest first."""
    if record is None:
        return
    versions = visit.office.desk.history(kind, record.record_id)
    before: Mapping[str, Any] = {}
    told = []
    for each in versions:
        content = each.content
        changed = {name: content.get(name) for name in TOLD if content.get(name) != before.get(name)}
        told.append(
            {
                "by": each.changed_by,
                "at": each.changed_at.isoformat(),
                "version": each.version,
                "changed": changed,
            }
        )
        before = content
    yield from reversed(told)
