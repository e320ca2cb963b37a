"""When was the whole audit log checked last, up to which entry, by whom, and what was found?

A check reads every entry and takes seconds on a long log; so what the latest one found is kept in a file of the home,
with the end of the log it saw: whoever reads it can tell whether this is still the log that was checked. Behind a
check that found all well, only what came since has to be read.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from serving.desk.audit import Head, moment_text
from serving.desk.verifying import AuditVerdict
from training.durable import write_whole

if TYPE_CHECKING:
    from serving.desk import Desk

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


def checked_now(desk: Desk, by: str, now: datetime, is_anew: bool = False) -> tuple[AuditVerdict, Checked]:
    """What holds now, and the check of the whole log that it rests on.

    The whole log is read, and that kept, where nobody checked it, where the latest check did not find all well, where
    this is not the log that it saw, or `is_anew`; otherwise what came since.
    """
    latest = None if is_anew else latest_check(desk.home)
    begin = latest.head if latest is not None and latest.is_valid else None
    found = desk.verify_audit(since=begin)
    if latest is None or found.since is None:
        latest = keep_check(desk.home, found, by, now)
    return found, latest
