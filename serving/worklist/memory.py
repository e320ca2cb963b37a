"""How many lists in a row has each case been left out of? The last list of each day, remembered in the home."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import date
from pathlib import Path

from serving.worklist.worklist import Worklist

FOLDER = "worklists"
KEPT = 40
"""Days of lists that are kept."""
LONGEST_GAP_DAYS = 14
"""An older list says nothing about who waits today."""


def waited_before(home: Path, ledger: str, day: date) -> dict[str, int]:
    """What the newest list of the ledger before a day says; nothing where there is none, or none that can be read."""
    for path in sorted((home / FOLDER).glob(f"*-{_short(ledger)}.json"), reverse=True):
        try:
            of = date.fromisoformat(path.stem[:10])
            kept = json.loads(path.read_text(encoding="utf-8"))["waited"]
            waited = {str(case): int(lists) for case, lists in kept.items()}
        except (ValueError, KeyError, TypeError, AttributeError, OSError):
            continue
        if of < day:
            return waited if (day - of).days <= LONGEST_GAP_DAYS else {}
    return {}


def _short(ledger: str) -> str:
    return hashlib.sha256(ledger.encode()).hexdigest()[:8]


def remember(home: Path, ledger: str, made: Worklist) -> Path:
    """Keep who waits after a list, whole or not at all; a second list of the day takes the place of the first."""
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{made.as_of}-{_short(ledger)}.json"
    unfinished = folder / f".{path.name}.{os.getpid()}.part"
    kept = {"ledger": ledger, "policy_version": made.policy_version, "waited": made.waited()}
    try:
        unfinished.write_text(json.dumps(kept, indent=1, ensure_ascii=False), encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    for old in sorted(folder.glob(f"*-{_short(ledger)}.json"))[:-KEPT]:
        old.unlink(missing_ok=True)
    return path
