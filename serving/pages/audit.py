"""The audit log: who did what, the latest first; by person, customer, kind and day; and whether it is whole.

Entries are found by place, so that a log of many years answers as fast as a short one. Checking the whole log takes
time: the page tells what the latest check found, which every night does, and begins one where somebody asks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from serving.api.resources import may_read
from serving.desk import Desk, Record, Writing
from serving.desk.checked import Checked, keep_check, latest_check
from serving.desk.kinds import KINDS
from serving.desk.reading import DECIDED
from serving.exports import csv_of
from serving.office import Answer
from serving.pages.names import names_of
from serving.pages.routing import Page, Pages, Visit

SHOWN = 100
MOST_EXPORTED = 100_000
FILTERS = ("actor", "customer_id", "kind", "first_day", "last_day", "only")
PATH, CHECK, OVERRIDES = "/audit", "audit", "overrides"
COLUMNS = ("position", "at", "actor", "role", "act", "kind", "record_id", "version", "customer_id", "detail")
TAKEN_ON = ("score", "model_version", "policy_version")
"""What a decision was taken on; shown beside it."""
WITHHELD = "withheld"


def add(pages: Pages) -> None:
    """The page, and the same entries as a table to keep."""
    page = Page(PATH, "read:audit", "audit.html", view)
    pages.file("/audit/entries.csv", "read:audit", "text/csv; charset=utf-8", exported)
    pages.form("/audit/check", "read:audit", check, page)
    pages.page(page)


def view(visit: Visit) -> dict[str, Any]:
    """Entries from a place on, as they are asked for."""
    before, asked = visit.query.get("before", ""), _asked(visit)
    found = _entries(visit, int(before) if before.isdecimal() else None, SHOWN + 1)
    shown = found[:SHOWN]
    written = visit.office.desk.versions_at([each["position"] for each in shown])
    names = names_of(visit.live, sorted({each["customer_id"] for each in shown if each["customer_id"]}))
    return {
        **_whole(visit),
        "filters": asked,
        "kinds": sorted(KINDS),
        "entries": [_told(each, written.get(each["position"]), names, visit) for each in shown],
        "before": shown[-1]["position"] if len(found) > SHOWN else None,
    }


def check(visit: Visit, given: dict[str, str], writing: Writing) -> Answer:
    """Begin to check the whole log, unless somebody's check is under way; the page tells what it finds."""
    later, desk, now = visit.kept.checking, visit.office.desk, visit.office.now
    if later.under_way(CHECK, 0) is None:
        work = {CHECK: lambda: keep_check(desk.home, desk.verify_audit(), visit.caller.name, now())}
        later.found(object(), work, now(), 0)
    return Answer(303, {"to": f"{PATH}#whole"})


def _whole(visit: Visit) -> dict[str, Any]:
    """What the latest check of the whole log found, whether it is of this log, and what came since."""
    desk, waiting = visit.office.desk, visit.kept.checking.under_way(CHECK)
    found, head = latest_check(desk.home), desk.head()
    seconds = waiting and int((visit.office.now() - waiting.since).total_seconds())
    told: dict[str, Any] = {"head": str(head), "checking_seconds": seconds, "verdict": None}
    if found is None:
        return told
    of_it = {"is_of_this_log": _is_of_this_log(desk, found), "since": head.position - found.head.position}
    said = {name: getattr(found, name) for name in ("at", "by", "is_valid", "erased_versions")}
    lists = {"problems": list(found.problems), "notes": list(found.notes)}
    return told | {"verdict": said | of_it | lists | {"entries": found.head.position}}


def _is_of_this_log(desk: Desk, found: Checked) -> bool:
    """Whether the log still holds the entry that the check ended with."""
    if found.head.position == 0:
        return found.head.desk_id == desk.head().desk_id
    last = desk.audit_entries(found.head.position + 1, 1)
    is_there = bool(last) and last[0]["position"] == found.head.position
    return is_there and found.head.hash == str(last[0]["hash"])


def exported(visit: Visit) -> bytes:
    """The entries asked for as CSV, at most the latest hundred thousand."""
    rows = pd.DataFrame(_entries(visit, None, MOST_EXPORTED), columns=list(COLUMNS))
    texts = {
        name: rows[name].astype("str").where(rows[name].notna())
        for name in COLUMNS
        if name not in ("position", "version")
    }
    return csv_of(rows.assign(**texts))


def _entries(visit: Visit, before: int | None, limit: int) -> list[dict[str, Any]]:
    asked = _asked(visit)
    return visit.office.desk.audit_entries(
        before,
        limit,
        actor=asked.get("actor"),
        customer_id=asked.get("customer_id"),
        kind=asked.get("kind"),
        first_day=_day(asked.get("first_day")),
        last_day=_day(asked.get("last_day")),
        only_overrides=asked.get("only") == OVERRIDES,
    )


def _asked(visit: Visit) -> dict[str, str]:
    return {name: visit.query[name].strip() for name in FILTERS if visit.query.get(name, "").strip()}


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _told(
    entry: Mapping[str, Any],
    written: tuple[Record | None, Record] | None,
    names: Mapping[str, str],
    visit: Visit,
) -> dict[str, Any]:
    told = {name: entry[name] for name in COLUMNS} | {"detail": json.loads(entry["detail"])}
    told |= {
        "name": names.get(entry["customer_id"] or "", ""),
        "changes": [],
        "taken_on": {},
        "override": None,
    }
    if written is None:
        return told
    before, now = written
    if now.is_erased or not may_read(visit.caller, now.kind, now.content):
        return told | {"changes": [{"field": WITHHELD, "before": None, "after": None}]}
    earlier = before.content if before is not None and not before.is_erased else {}
    taken_on = {name: now.content[name] for name in TAKEN_ON if now.content.get(name)}
    override = _override(now.content) if now.kind in DECIDED else None
    changes = _changes(earlier, now.content)
    return told | {"changes": changes, "taken_on": _plain(taken_on), "override": override}


def _override(decision: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was chosen in place of what was recommended, and why."""
    if decision["chosen"] == decision["recommended"]:
        return None
    return {name: decision.get(name) for name in ("recommended", "chosen", "override_reason", "invoice_id")}


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each field that was given another value; of a new record, what it says."""
    return [
        {"field": name, "before": _short(before.get(name)), "after": _short(after.get(name))}
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name) and not isinstance(after.get(name), dict | list)
    ]


def _plain(taken_on: Mapping[str, Any]) -> dict[str, Any]:
    score = taken_on.get("score")
    shown = {"p_late": score.get("p_late"), "tier": score.get("tier")} if isinstance(score, dict) else {}
    versions = {name: taken_on[name] for name in TAKEN_ON[1:] if name in taken_on}
    return {name: value for name, value in (shown | versions).items() if value is not None}


def _short(value: Any) -> Any:
    return f"{value[:199]}…" if isinstance(value, str) and len(value) > 200 else value
