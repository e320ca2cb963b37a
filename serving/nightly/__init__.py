"""What is done each night, and how does a night that was broken off go on where it stopped?

The steps of a day are written down in DUECOURSE_HOME/nightly/<day>.json as each one ends. A step that is written
down is not done again; one that was broken off is done anew, and each of them, done twice, leaves what it leaves done
once. Facts that changed since make the day's steps new. One lock, held by the steps too, keeps two nights apart.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from training.durable import write_whole

FOLDER, BACKUPS = "nightly", "backups"
DONE, MUST_ACT, COULD_NOT = 0, 1, 2
Run = Callable[[Sequence[str]], int]
"""Runs a command of duecourse with these arguments and returns its exit code."""


class AnotherNight(ValueError):  # noqa: N818 - a state to report
    """A night, or a step of one, is still under way in this home."""


@dataclass(frozen=True)
class Step:
    """One command of the night."""

    name: str
    arguments: tuple[str, ...]


@dataclass
class Night:
    """What is done of a day: exit code by step."""

    file: Path
    as_of: str
    facts: str
    """A digest of the ledger's files: other facts make the day's steps new."""
    done: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, home: Path, as_of: date, facts: str) -> Night:
        """What is written down of a day, or a new one."""
        file = home / FOLDER / f"{as_of}.json"
        told = _read(file)
        done = told["done"] if told.get("facts") == facts else {}
        return cls(file, as_of.isoformat(), facts, done)

    def write_down(self, name: str, code: int) -> None:
        """A step has ended."""
        self.done[name] = code
        self.file.parent.mkdir(parents=True, exist_ok=True)
        told = {"as_of": self.as_of, "facts": self.facts, "done": self.done}
        write_whole(self.file, json.dumps(told, indent=1).encode("utf-8"))


def steps_of(home: Path, ledger: Path, as_of: date, has_webhook: bool = False) -> list[Step]:
    """The steps after the import; alerts are sent where there is a webhook to send them to."""
    day, folder = ("--as-of", as_of.isoformat()), home / FOLDER / as_of.isoformat()
    return [
        Step("retrain", ("retrain", str(ledger), *day)),
        Step("score", ("score", str(ledger), *day, "--output", str(folder / "scores.csv"))),
        Step("tiers", ("desk", "tiers", str(ledger), *day)),
        Step("promises", ("desk", "promises", str(ledger), *day)),
        Step("alerts", ("alerts", "list", str(ledger), *day, "--keep")),
        *([Step("send", ("alerts", "send"))] if has_webhook else []),
        Step("worklist", ("worklist", str(ledger), *day, "--output", str(folder / "worklist.csv"))),
        Step("monitor", ("monitor", str(ledger), *day)),
        Step("verify-audit", ("verify-audit", "--who", "nightly")),
        Step("backup", ("desk", "backup", str(home / BACKUPS / f"desk-{as_of}.db"))),
    ]


def imported(home: Path, files: Sequence[Path], mapping: str, ledger: Path, run: Run) -> tuple[int, bool]:
    """Import an export unless the ledger is already what came of it; exit code, and whether it was done before."""
    file = home / FOLDER / "import.json"
    export = _digest([*files, Path(mapping)], mapping)
    if _read(file) == {"export": export, "ledger": digest_of_ledger(ledger)}:
        return DONE, True
    code = run(("import", *map(str, files), "--mapping", mapping, "--to", str(ledger)))
    if code == DONE:
        told = {"export": export, "ledger": digest_of_ledger(ledger)}
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(told).encode("utf-8"))
    return code, False


def digest_of_ledger(ledger: Path) -> str:
    """What tells whether any file of a ledger's folder changed."""
    return _digest(sorted(file for file in ledger.glob("*") if file.is_file()))


def _digest(files: Sequence[Path], more: str = "") -> str:
    digest = hashlib.sha256(more.encode())
    for file in files:
        if file.is_file():
            with file.open("rb") as opened:
                content = hashlib.file_digest(opened, "sha256").hexdigest()
            digest.update(f"\n{file.name} {content}".encode())
    return digest.hexdigest()


def _read(file: Path) -> dict[str, Any]:
    """What is written down; a file that is missing or damaged says nothing, and the steps are done anew."""
    try:
        told = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def verdict_of(codes: Sequence[int]) -> int:
    """The night's exit code: 2 where a step could not run, else 1 where one says that somebody must act."""
    if any(code not in (DONE, MUST_ACT) for code in codes):
        return COULD_NOT
    return max(codes, default=DONE)


@contextmanager
def only_one(home: Path) -> Iterator[int]:
    """The lock of a home's nights, to be handed on to each step; raises AnotherNight."""
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    with (home / FOLDER / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AnotherNight(
                f"another night, or a step of one that was broken off, is still under way in {home}: "
                "it goes on where it is; try again when it has ended"
            ) from None
        yield lock.fileno()


def run_in_a_process(lock: int, output: int | None = None) -> Run:
    """Runs each command in a process of its own, which shares the lock: a step outlives a night that is killed."""

    def run(arguments: Sequence[str]) -> int:
        # The step reads nothing, and what it prints goes where the night's own words go.
        command = [sys.executable, "-m", "serving.cli", *arguments]
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, pass_fds=(lock,)).returncode

    return run


def make_room(home: Path, keep: int) -> list[str]:
    """Remove the oldest backups beyond `keep`, and what a backup that was broken off left; the names removed."""
    folder = home / BACKUPS
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".desk-*"):
        shutil.rmtree(left, ignore_errors=True)
    old = sorted(folder.glob("desk-*.db"))[:-keep]
    for file in old:
        file.unlink()
    return [file.name for file in old]
