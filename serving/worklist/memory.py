"""Who was on the last list of each day, and how many lists in a row has each case been left out of?

Both are remembered in the home, for the lists of the days to come.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from serving.worklist.worklist import Worklist

FOLDER = "worklists"
KEPT = 40
"""Days of lists that are kept."""
LONGEST_GAP_DAYS = 14
"""An older list says nothing about who waits today."""


@dataclass(frozen=True)
class Remembered:
    """The list of an earlier day, as far as it is remembered."""

    day: date
    listed: list[str] | None
    """The cases on it, the first one first; None of lists that were remembered without them."""
    waited: dict[str, int]


def list_before(home: Path, ledger: str, day: date) -> Remembered | None:
    """The newest list of the ledger before a day; None where there is none, none that can be read, or an old one."""
    for path in sorted((home / FOLDER).glob(f"*-{_short(ledger)}.json"), reverse=True):
        try:
            of = date.fromisoformat(path.stem[:10])
            kept = json.loads(path.read_text(encoding="utf-8"))
            waited = {str(case): int(lists) for case, lists in kept["waited"].items()}
            listed = [str(case) for case in kept["listed"]] if "listed" in kept else None
        except (ValueError, KeyError, TypeError, AttributeError, OSError):
            continue
        if of < day:
            return Remembered(of, listed, waited) if (day - of).days <= LONGEST_GAP_DAYS else None
    return None


def waited_before(home: Path, ledger: str, day: date) -> dict[str, int]:
    """How many lists in a row each case had been left out of before a day; nothing where no list is remembered."""
    before = list_before(home, ledger, day)
    return before.waited if before else {}


def _short(ledger: str) -> str:
    return hashlib.sha256(ledger.encode()).hexdigest()[:8]


def remember(home: Path, ledger: str, made: Worklist) -> Path:
    """Keep who is on a list and who waits, whole or not at all; a second list of the day replaces the first."""
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{made.as_of}-{_short(ledger)}.json"
    unfinished = folder / f".{path.name}.{os.getpid()}.part"
    kept = {"ledger": ledger, "policy_version": made.policy_version, "waited": made.waited()}
    kept["listed"] = [case.case_id for case in made.cases]
    try:
        unfinished.write_text(json.dumps(kept, indent=1, ensure_ascii=False), encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    for old in sorted(folder.glob(f"*-{_short(ledger)}.json"))[:-KEPT]:
        old.unlink(missing_ok=True)
    return path
