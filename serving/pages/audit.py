"""The audit log: who did what, the latest first; and whether it is whole, where that is asked."""

from __future__ import annotations

import json
from typing import Any

from serving.pages.routing import Page, Pages, Visit

SHOWN = 100


def add(pages: Pages) -> None:
    """The page."""
    pages.page(Page("/audit", "read:audit", "audit.html", view))


def view(visit: Visit) -> dict[str, Any]:
    """Entries from a place on; checking the whole log takes time, so it is done where somebody asks."""
    before = visit.query.get("before", "")
    found = visit.office.desk.audit_entries(int(before) if before.isdecimal() else None, SHOWN + 1)
    verdict = visit.office.desk.verify_audit() if visit.query.get("check") else None
    return {
        "verdict": None
        if verdict is None
        else {"is_valid": verdict.is_valid, "sentence": verdict.sentence, "problems": list(verdict.problems)},
        "head": str(visit.office.desk.head()),
        "entries": [each | {"detail": json.loads(each["detail"])} for each in found[:SHOWN]],
        "before": found[SHOWN - 1]["position"] if len(found) > SHOWN else None,
    }
