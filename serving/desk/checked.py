"""When was the whole audit log checked last, up to which entry, by whom, and what was found?

A check reads every entry and takes seconds on a long log; so what the latest one found is kept in a file of the home,
with the end of the log it saw: whoever reads it can tell whether this is still the log that was checked.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from serving.desk.audit import Head, moment_text
from serving.desk.verifying import AuditVerdict
from training.durable import write_whole

FILE_NAME = "desk-checked.json"


@dataclass(frozen=True)
class Checked:
    """What the latest check of the whole log found."""

    at: str
    by: str
    is_valid: bool
    head: Head
    """Up to which entry."""
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    erased_versions: int


def keep_check(home: Path, found: AuditVerdict, by: str, now: datetime) -> Checked:
    """Keep what a check found in place of what the one before did."""
    blanked = sum(each.versions for each in found.erased)
    made = Checked(moment_text(now), by, found.is_valid, found.head, found.problems, found.notes, blanked)
    write_whole(home / FILE_NAME, json.dumps(asdict(made)).encode("utf-8"))
    return made


def latest_check(home: Path) -> Checked | None:
    """What the latest check found; None where there was none, or its file is damaged."""
    try:
        told = json.loads((home / FILE_NAME).read_bytes())
        told |= {name: tuple(told[name]) for name in ("problems", "notes")}
        return Checked(**told | {"head": Head(**told["head"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
