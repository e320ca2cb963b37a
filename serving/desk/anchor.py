"""Where is it kept, outside the database, how far the audit log had come?

A log whose end was cut off still chains. So after each commit the head is written to a file of the home, and can
be printed and kept elsewhere. A crash between commit and file leaves the anchor behind the log, never before it.
"""

from __future__ import annotations

import fcntl
import json
from dataclasses import asdict
from pathlib import Path

from serving.desk.audit import Head
from training.durable import write_whole

FILE_NAME = "desk-anchor.json"


class DamagedAnchor(ValueError):  # noqa: N818 - a state to report
    """The anchor's file does not hold one."""


def read_anchor(home: Path) -> Head | None:
    """The anchor of a home, or None where nothing was ever written; raises DamagedAnchor."""
    try:
        told = json.loads((home / FILE_NAME).read_bytes())
        return Head(str(told["desk_id"]), int(told["position"]), str(told["hash"]))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        raise DamagedAnchor(f"{home / FILE_NAME} holds no anchor") from None


def raise_anchor(home: Path, head: Head) -> None:
    """Move the anchor up to a head that is committed. One of another desk, or a damaged one, stays to be seen."""
    with (home / f".{FILE_NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            before = read_anchor(home)
        except DamagedAnchor:
            return
        if before is None or (before.desk_id == head.desk_id and before.position < head.position):
            _write(home, head)


def begin_anchor(home: Path, head: Head) -> None:
    """Anchor an empty log; one with entries and no anchor stays so until the next write. Clears what kills left."""
    with (home / f".{FILE_NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in home.glob(f".writing-*-{FILE_NAME}"):
            left.unlink()
    if head.position == 0:
        raise_anchor(home, head)


def replace_anchor(home: Path, head: Head) -> Path | None:
    """Put the anchor at a restored head; the one before is kept beside, and its path returned."""
    file = home / FILE_NAME
    kept = None
    with (home / f".{FILE_NAME}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if file.exists():
            places = (home / f"{FILE_NAME}.before-restore-{number}" for number in range(1, 1_000_000))
            kept = file.rename(next(place for place in places if not place.exists()))
        _write(home, head)
    return kept


def _write(home: Path, head: Head) -> None:
    write_whole(home / FILE_NAME, json.dumps(asdict(head)).encode("utf-8"))
