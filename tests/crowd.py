"""Is anything lost, doubled or overwritten when a whole department writes at once? `python -m tests.crowd --seconds 60`

A real service with tokens of roles. Two analysts record promises, disputes, contacts and decisions, and change the
same records; ten systems post invoices, payments and credit notes, one by one and many at once; readers ask for the
list, the cases and scores. Some callers hang up before the answer and ask again under the same key. With `--kills`
every process of the service is killed with -9 in the middle and started again, while the callers go on asking.

Afterwards the desk holds every acknowledged write once and nothing else, and the list of the service is the one that
a service just started makes. `--database postgresql` keeps the desk there; `--workers 2` answers with two processes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from serving.api.readiness import READY
from serving.desk import KINDS, Desk
from serving.tokens import create_token
from tests.commands import HASTY, runs_in
from tests.crowd_callers import Analyst, ArSystem, Caller, Log, Reader
from tests.test_service_process import SECONDS, Server, bentoml_serve, free_port, running

ANALYSTS, AR_SYSTEMS, READERS = 2, 10, 3
_READY = re.compile(READY.replace("%d", r"(\d+)"))
EVERYTHING = "/v1/worklist?capacity=1000000&left_out=true"
SINCE = date(2026, 1, 1)


@dataclass(frozen=True)
class Book:
    """A home with a champion and tokens, and the ledger it was trained on."""

    home: Path
    ledger: Path
    tokens: dict[str, str]
    """Secret by name; the name begins with the role."""


@dataclass
class Tally:
    """What came of it."""

    seconds: float = 0.0
    kills: int = 0
    acknowledged: int = 0
    """Versions of records."""
    lost: int = 0
    unexplained: int = 0
    """At the desk, and acknowledged to nobody: doubled, or half of something."""
    overwritten: int = 0
    """Versions acknowledged to two requests."""
    audit_problems: list[str] = field(default_factory=list)
    list_differs_in: list[str] = field(default_factory=list)
    """Cases of which the service told something else after a new start."""
    faults: dict[str, int] = field(default_factory=dict)
    """Answers of 5xx, but for those while the service was killed and loaded again."""
    odd: list[str] = field(default_factory=list)
    """Answers that nothing asked for explains."""
    answers: dict[str, int] = field(default_factory=dict)
    hung_up: int = 0
    retries: int = 0
    answered_from_before: int = 0
    writes: int = 0
    reads: int = 0
    requests_per_second: float = 0.0
    write_seconds: dict[str, float] = field(default_factory=dict)
    read_seconds: dict[str, float] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        wrong = self.lost + self.unexplained + self.overwritten + len(self.audit_problems)
        return wrong + len(self.faults) + len(self.odd) + len(self.list_differs_in) == 0


def trained_book(folder: Path) -> Book:
    """Simulate a small ledger, train on it and create the tokens."""
    home, ledger = folder / "home", folder / "ledger"
    home.mkdir(parents=True)
    (home / "mlflow.yaml").write_text(HASTY)
    run = runs_in(home)
    run("simulate", "--customers", 40, "--months", 8, "--seed", 7, "--to", ledger)
    done = run("train", ledger)
    assert done.exit_code == 0, done.output
    names = [f"analyst-{n}" for n in range(ANALYSTS)] + [f"ar_system-{n}" for n in range(AR_SYSTEMS)]
    names += [f"viewer-{n}" for n in range(READERS)]
    return Book(home, ledger, {name: create_token(home, name, SINCE, name.split("-")[0]) for name in names})


class Service:
    """The service of a book, which can be killed and started again at the same address."""

    def __init__(self, book: Book, log: Path, url: str | None = None, workers: int = 1) -> None:
        self.book, self.log, self.port = book, log, free_port()
        self.more = {"DUECOURSE_AUTH": "required", "DUECOURSE_WORKERS": str(workers)}
        self.more |= {"DUECOURSE_DATABASE_URL": url} if url else {}
        self._running = ExitStack()
        self._server: Server | None = None

    def __enter__(self) -> Service:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def _start(self) -> None:
        command = bentoml_serve("serving.service:Duecourse", self.port)
        book, self.log = self.book, self.log.with_name(f"{self.log.name}+")
        made = running(command, self.port, book.home, book.ledger, self.log, self.more)
        self._server = self._running.enter_context(made)
        # asked, any worker would answer for itself alone
        given_up, workers = time.monotonic() + SECONDS, int(self.more["DUECOURSE_WORKERS"])
        while len(set(_READY.findall(self.log.read_text()))) < workers:
            assert time.monotonic() < given_up, self.log.read_text()
            time.sleep(0.1)

    def restart(self) -> None:
        """End it in peace, and start it again."""
        self._running.close()
        self._start()

    def kill(self) -> None:
        """Kill every process of it at once, and start it again."""
        assert self._server is not None
        found = psutil.Process(self._server.process.pid)
        for process in (*found.children(recursive=True), found):
            os.kill(process.pid, signal.SIGKILL)
        self.restart()


def crowd(
    book: Book, log: Path, seconds: float, url: str | None = None, workers: int = 1, kills: int = 0
) -> Tally:
    """Let everybody work for so long; then the verdict."""
    told = Log()
    with Service(book, log, url, workers) as service:
        began = time.monotonic()
        with working(callers(book, service.port, told)):
            for _ in range(kills):
                time.sleep(seconds / (kills + 1))
                with told.outage():
                    service.kill()
            time.sleep(max(0.0, began + seconds - time.monotonic()))
        lasted = time.monotonic() - began
        asking = Caller("viewer-0", book.tokens["viewer-0"], service.port, Log(), seed=0)
        before = asking.get(EVERYTHING)
        service.restart()
        tally = judged(told, book.home, url)
        tally.list_differs_in = differences(before, asking.get(EVERYTHING))
    tally.seconds, tally.kills = round(lasted, 1), kills
    tally.requests_per_second = round((tally.writes + tally.reads) / lasted, 1)
    return tally


def callers(book: Book, port: int, told: Log) -> list[Caller]:
    """Everybody who asks, each with a token of their own."""
    kinds = {"analyst": Analyst, "ar_system": ArSystem, "viewer": Reader}
    return [
        kinds[name.split("-")[0]](name, secret, port, told, seed)
        for seed, (name, secret) in enumerate(book.tokens.items())
    ]


@contextmanager
def working(everybody: list[Caller]) -> Iterator[None]:
    """All of them at work until the block ends, and then until each has the answer they wait for."""
    is_over = threading.Event()
    threads = [threading.Thread(target=each.work, args=(is_over,), name=each.name) for each in everybody]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def judged(told: Log, home: Path, url: str | None) -> Tally:
    """Hold the desk against everything that was acknowledged."""
    acknowledged: dict[tuple[str, str, int], dict[str, Any]] = {}
    tally = Tally(acknowledged=len(told.acknowledged))
    for record in told.acknowledged:
        acknowledged[(record["kind"], record["id"], record["version"])] = record
    tally.overwritten = len(told.acknowledged) - len(acknowledged)
    with Desk.open(home, url) as desk:
        there = {
            (version.kind, version.record_id, version.version): version.content
            for kind in KINDS
            for record in desk.find(kind)
            for version in desk.history(kind, record.record_id)
        }
        tally.audit_problems = list(desk.verify_audit().problems)
    tally.lost = sum(there.get(name) != content_of(record) for name, record in acknowledged.items())
    tally.unexplained = len(there.keys() - acknowledged.keys())
    tally.faults, tally.answers = dict(told.faults), dict(sorted(told.answers.items()))
    tally.odd = told.odd[:10]
    tally.hung_up, tally.retries, tally.answered_from_before = told.hung_up, told.retries, told.repeated
    tally.writes, tally.reads = len(told.write_seconds), len(told.read_seconds)
    tally.write_seconds, tally.read_seconds = spread(told.write_seconds), spread(told.read_seconds)
    return tally


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """In which cases two lists differ, and how."""
    (cases, left), (others, left_then) = (
        [{each["case_id"]: each for each in told[part]} for part in ("cases", "left_out")]
        for told in (one, other)
    )
    assert cases
    pairs = [(each, cases.get(each), others.get(each)) for each in sorted(cases.keys() | others.keys())]
    pairs += [(each, left.get(each), left_then.get(each)) for each in sorted(left.keys() | left_then.keys())]
    return [f"{name}: {was} and {then}" for name, was, then in _unlike(pairs)]


def _unlike(pairs: list[tuple[str, Any, Any]]) -> Iterator[tuple[str, Any, Any]]:
    for name, was, then in pairs:
        if was is None or then is None:
            yield from [] if was == then else [(name, was and "listed", then and "listed")]
        else:
            yield from ((f"{name} {key}", was[key], then[key]) for key in was if was[key] != then[key])


def content_of(record: dict[str, Any]) -> dict[str, Any]:
    """A record as the service shows it, without what is known of it."""
    about = ("id", "kind", "version", "changed_at", "changed_by")
    return {name: value for name, value in record.items() if name not in about}


def spread(seconds: list[float]) -> dict[str, float]:
    """Half of the answers, and all but one in a hundred, came within so many seconds."""
    return {f"p{part}": round(float(np.percentile(seconds, part)), 3) for part in (50, 99)} if seconds else {}


def main() -> None:
    """Print what came of it; exit code 1 where anything did that must not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--kills", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as until_done:
        url = None
        if given.database == "postgresql":
            from tests.postgres import Server as Database

            database = Database()
            until_done.callback(database.remove)
            url = database.new_database("crowd")
        book = trained_book(Path(folder))
        tally = crowd(book, Path(folder) / "log", given.seconds, url, given.workers, given.kills)
    print(json.dumps(asdict(tally) | {"answers": Counter(tally.answers)}, indent=1))
    sys.exit(0 if tally.is_clean else 1)


if __name__ == "__main__":
    main()
