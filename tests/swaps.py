"""Does a running service change its model without failing a request? `python -m tests.swaps --swaps 200`

A real server answers several callers that ask without a pause, while the champion moves to and fro between two
models, by promotion and by rollback. Every answer must be 200, of one of the two models as a whole, and bit for
bit what that model says by itself.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from serving.cli.common import now
from tests.live_service import Home, asked_by, served, trained_home, worker
from training.champion import pointer_file
from training.model.signing import KEY
from training.registry import Registry
from training.settings import load_settings

WARM_UP = 10
"""Swaps before memory is first measured."""
SECONDS = 300
"""To wait for a swap; the first waits for the trial, on a machine that may be busy."""


@dataclass(frozen=True)
class Swapped:
    """What happened."""

    swaps: int
    answers: int
    wrong: list[str]
    seconds: list[float]
    """From the move of the pointer to the first answer by the new model, per swap."""
    megabytes: list[float]
    """Resident memory of the worker after each swap."""
    same_process: bool


def swapped(home: Home, swaps: int, callers: int, log: Path, progress: bool = False) -> Swapped:
    """Move the champion so often while callers ask; what they got."""
    registry = Registry(home.folder, load_settings(None, home.folder), now)
    seconds: list[float] = []
    megabytes: list[float] = []
    with served(home, log) as server:
        process = worker(server)
        # Ctrl+C ends it with the figures so far
        with asked_by(callers, server, home, set(home.versions)) as asking, suppress(KeyboardInterrupt):
            for swap in range(swaps):
                target = home.versions[(swap + 1) % 2]
                moved = move(registry, home, target)
                seconds.append(asking.first_answer_by(target, moved, SECONDS) - moved)
                megabytes.append(process.memory_info().rss / 1e6)
                if progress and (swap + 1) % 10 == 0:
                    print(
                        f"{swap + 1} swaps, {asking.answers} answers, wrong: {asking.wrong[:3]}", flush=True
                    )
        is_same = worker(server).pid == process.pid
    return Swapped(len(seconds), asking.answers, asking.wrong, seconds, megabytes, is_same)


def move(registry: Registry, home: Home, target: str) -> float:
    """Promote the second model, or roll back to the first; when the pointer was written."""
    if target == home.versions[1]:
        registry.set_champion(target, "rehearsal", "to and fro")
    else:
        assert registry.rollback("rehearsal", "to and fro") == target
    return pointer_file(home.folder).stat().st_mtime


def told(found: Swapped) -> list[str]:
    """The figures, for people."""
    before, after = found.megabytes[min(WARM_UP, len(found.megabytes)) - 1], found.megabytes[-1]
    return [
        f"{found.swaps} swaps and rollbacks, {found.answers:,} requests meanwhile",
        f"failed or wrong: {len(found.wrong)} {found.wrong[:3] or ''}",
        f"pointer moved to first answer of the new model: median {statistics.median(found.seconds):.2f} s, "
        f"longest {max(found.seconds):.2f} s",
        f"resident memory after {WARM_UP} swaps {before:.0f} MB, after {found.swaps} {after:.0f} MB",
        f"the same worker process answered all: {'yes' if found.same_process else 'NO'}",
    ]


def main() -> None:
    """Print the figures; exit code 1 where a request failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swaps", type=int, default=200)
    parser.add_argument("--callers", type=int, default=4)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ[KEY] = str(Path(scratch) / "signing-key.pem")
        home = trained_home(Path(scratch) / "book")
        found = swapped(home, given.swaps, given.callers, Path(scratch) / "log", progress=True)
        print(*told(found), sep="\n")
        raise SystemExit(1 if found.wrong or not found.same_process else 0)


if __name__ == "__main__":
    main()
