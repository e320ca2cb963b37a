"""Is anything lost, doubled or torn when the writer is killed at any moment? `python -m tests.kills --kills 500`

A writer adds records, each with an idempotency key, and prints every acknowledgement. It is killed with -9 at random
moments and started again; then it asks again with the keys that were not acknowledged. On PostgreSQL some of the
kills hit a process of the server instead, after which the whole server begins anew from its log.

Each request writes a promise, a change of it and a note in one transaction, so that half of one would be seen.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from serving.desk import Actor, Desk, DeskUnavailable, request_digest

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 3, 2, tzinfo=UTC)
WRITER = Actor("writer", "ar_system")
LONGEST_LIFE_SECONDS = 0.12
"""A writer is killed so long, at most, after it is ready: in the midst of some request."""
KILLS_AT_THE_START, LONGEST_START_SECONDS = 0.2, 0.6
"""Some are killed before, while they open or make the desk."""
BACKEND_KILLS = 0.1
Answer = TypeVar("Answer")
Backends = Callable[[], bool] | None


@dataclass
class Tally:
    """What came of it."""

    kills: int = 0
    backend_kills: int = 0
    retries_answered_from_before: int = 0
    requests: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    torn: int = 0
    audit_problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_clean(self) -> bool:
        return self.lost == self.doubled == self.torn == len(self.audit_problems) == 0


def write(home: Path, url: str | None, begin: int) -> None:
    """The writer: requests from a number on, until somebody kills it."""
    with _once_it_is_there(lambda: Desk.open(home, url)) as desk:
        print("ready", flush=True)
        for number in itertools.count(begin):
            answer = _once_it_is_there(lambda number=number: request(desk, number))
            print(json.dumps({"number": number} | answer), flush=True)


def _once_it_is_there(ask: Callable[[], Answer]) -> Answer:
    """The answer; while the server begins anew the same is asked again."""
    while True:
        try:
            return ask()
        except DeskUnavailable:
            time.sleep(0.05)


def request(desk: Desk, number: int) -> dict[str, Any]:
    """One request with its idempotency key: acknowledged once its transaction is on disk."""
    key, content = f"key-{number}", promise(number)
    digest = request_digest("POST", "/v1/promises", content)
    with desk.writing(WRITER, NOW) as w:
        before = w.once(key, digest)
        if before is not None:
            return before | {"again": True}
        made = w.add("promises", content)
        kept = w.change("promises", made.record_id, {"status": "kept"}, 1)
        w.add(
            "notes",
            {"customer_id": content["customer_id"], "noted_on": "2026-03-02", "text": f"kept {number}"},
        )
        answer = {"id": made.record_id, "version": kept.version}
        w.remember(key, digest, answer)
    return answer


def promise(number: int) -> dict[str, str]:
    return {
        "invoice_id": f"I{number}",
        "customer_id": f"C{number % 50}",
        "made_on": "2026-03-02",
        "promised_on": "2026-03-09",
        "amount": f"{number}.50",
    }


class Killer:
    """Starts writers and kills them."""

    def __init__(
        self, home: Path, url: str | None, seed: int, kill_a_backend: Callable[[], bool] | None = None
    ) -> None:
        self.home, self.url, self.chance = home, url, random.Random(seed)
        self.kill_a_backend = kill_a_backend
        self.answers: dict[int, str] = {}
        self.tally = Tally()

    def life(self) -> None:
        """One life of a writer: from its start to its death, and what it acknowledged."""
        begin = len(self.answers)  # what was acknowledged is not asked again; what was not, is
        with self._writer(begin) as writer:
            assert writer.stdout is not None
            if self.chance.random() < KILLS_AT_THE_START:
                self._read_until(writer, time.monotonic() + self.chance.uniform(0, LONGEST_START_SECONDS))
            elif writer.stdout.readline() == "ready\n":
                self._read_until(writer, time.monotonic() + self.chance.uniform(0, LONGEST_LIFE_SECONDS))
            else:
                raise RuntimeError("the writer did not start")
            if self.kill_a_backend and self.chance.random() < BACKEND_KILLS:
                self.tally.backend_kills += bool(self.kill_a_backend())
                self._read_until(writer, time.monotonic() + 0.5)  # it goes on once the server is back
            writer.kill()
            self.tally.kills += 1
            self._take(writer.stdout.read())

    @contextmanager
    def _writer(self, begin: int) -> Iterator[subprocess.Popen[str]]:
        told = [sys.executable, "-m", "tests.kills", "--write", str(self.home), "--begin", str(begin)]
        writer = subprocess.Popen(
            told + (["--url", self.url] if self.url else []),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        try:
            yield writer
        finally:
            writer.kill()
            writer.wait()
            if writer.stdout is not None:
                writer.stdout.close()

    def _read_until(self, writer: subprocess.Popen[str], end: float) -> None:
        assert writer.stdout is not None
        while (left := end - time.monotonic()) > 0:
            if select.select([writer.stdout], [], [], left)[0]:
                self._take(writer.stdout.readline())

    def _take(self, text: str) -> None:
        """Acknowledgements; one that was cut short by the kill was none."""
        for line in text.splitlines(keepends=True):
            if line.endswith("\n") and line != "ready\n":
                told = json.loads(line)
                assert told["number"] == len(self.answers)
                self.answers[told["number"]] = told["id"]
                self.tally.retries_answered_from_before += bool(told.get("again"))

    def judged(self) -> Tally:
        """Hold the desk against everything that was acknowledged."""
        with _once_it_is_there(lambda: Desk.open(self.home, self.url)) as desk:
            promises, notes = desk.find("promises"), desk.find("notes")
            by_invoice = Counter(each.invoice_id for each in promises)
            there = {each.record_id: each for each in promises}
            noted = Counter(each.content["text"] for each in notes)
            tally = self.tally
            tally.acknowledged, tally.requests = len(self.answers), len(by_invoice)
            tally.lost = sum(
                there[record_id].content != promise(number) | {"status": "kept"}
                if record_id in there
                else True
                for number, record_id in self.answers.items()
            )
            tally.doubled = sum(count > 1 for count in (*by_invoice.values(), *noted.values()))
            tally.torn = sum(each.version != 2 for each in promises)
            tally.torn += sum(noted[f"kept {str(each.invoice_id)[1:]}"] != 1 for each in promises)
            tally.torn += abs(len(notes) - len(promises)) + abs(desk.sequence() - 3 * len(promises))
            tally.audit_problems = list(desk.verify_audit().problems)
        return tally


def rehearse(
    kills: int, url: str | None, seed: int, home: Path, kill_a_backend: Callable[[], bool] | None = None
) -> Tally:
    """So many kills; then the verdict."""
    killer, began = Killer(home, url, seed, kill_a_backend), time.monotonic()
    while killer.tally.kills < kills:
        killer.life()
    tally = killer.judged()
    tally.seconds = round(time.monotonic() - began, 1)
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--begin", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.write:
        return write(given.write, given.url, given.begin)
    with tempfile.TemporaryDirectory() as folder:
        tally = _on(given.database, given.kills, given.seed, Path(folder))
    print(json.dumps(asdict(tally), indent=1))
    return sys.exit(0 if tally.is_clean else 1)


def _on(database: str, kills: int, seed: int, home: Path) -> Tally:
    if database == "sqlite":
        return rehearse(kills, None, seed, home)
    from tests.postgres import Server

    server = Server()
    try:
        url = server.new_database("killed")
        return rehearse(kills, url, seed, home, lambda: server.kill_a_backend("killed"))
    finally:
        server.remove()


if __name__ == "__main__":
    main()
