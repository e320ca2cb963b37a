"""Which service, under which load, do the rehearsals of swaps and of damage watch? A real server and its callers."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from features.ledger import Ledger
from serving.scoring import Scorer, default_as_of, load_policy, records
from tests.commands import HASTY, runs_in
from tests.test_service_process import (
    JSON,
    ROOT,
    Server,
    bentoml_serve,
    environment,
    free_port,
    running,
    wait_for,
)
from training.champion import model_folder
from training.model import load_model

ASKED_AT_ONCE = 12


@dataclass(frozen=True)
class Home:
    """A home with two trained models of one ledger, and what each of them says of every open invoice."""

    folder: Path
    ledger: Path
    versions: tuple[str, str]
    """The champion first."""
    says: dict[str, dict[str, Any]]
    """Per version, the score rows by invoice id, as JSON."""


def trained_home(folder: Path) -> Home:
    """Simulate a small ledger and train on it as of two days, with the commands a user types."""
    home, ledger = folder / "home", folder / "ledger"
    home.mkdir(parents=True)
    (home / "mlflow.yaml").write_text(HASTY)
    run = runs_in(home)
    run("simulate", "--customers", 40, "--months", 8, "--seed", 7, "--to", ledger)
    book = Ledger.load(ledger)
    versions = []
    for back in (30, 0):
        done = run("train", ledger, "--as-of", default_as_of(book) - timedelta(days=back), "--json")
        assert done.exit_code == 0, done.output
        versions.append(json.loads(done.stdout)["model_version"])
    first, second = versions
    assert run("models", "promote", first, "--why", "rehearsal").exit_code == 0
    says = {version: answers(home, book, version) for version in versions}
    assert says[first] != says[second]
    return Home(home, ledger, (first, second), says)


def create_users(home: Home, roles: Mapping[str, str], password: str) -> None:
    """Create users of these roles, by name, with the command that an administrator types."""
    for name, role in roles.items():
        made = subprocess.run(
            [sys.executable, "-m", "serving.cli", "users", "create", name, "--role", role],
            input=password,
            env=environment(home.folder, home.ledger),
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert made.returncode == 0, made.stdout + made.stderr


def answers(home: Path, book: Ledger, version: str) -> dict[str, Any]:
    """What a model's own Scorer says, through JSON and back."""
    scorer = Scorer(book, load_model(model_folder(home, version)), load_policy(home))
    rows = json.loads(json.dumps(records(scorer.score_open(full=True)), default=str))
    return {row["invoice_id"]: row for row in rows}


@contextmanager
def served(home: Home, log: Path) -> Iterator[Server]:
    """The service of a home, from the moment it is ready."""
    port = free_port()
    command = bentoml_serve("serving.service:Duecourse", port)
    with running(command, port, home.folder, home.ledger, log) as server:
        assert wait_for(server, "/readyz", (200, 503), log) == 200, log.read_text()
        yield server


def worker(server: Server) -> psutil.Process:
    """The process that answers: the one with a model in its memory."""
    found = psutil.Process(server.process.pid).children(recursive=True)
    return max(found, key=lambda process: process.memory_info().rss)


@dataclass
class Callers:
    """Threads that ask without a pause, and check every answer against the model it names."""

    server: Server
    home: Home
    may_answer: set[str]
    """Versions that may answer; an answer of any other is wrong."""
    answers: int = 0
    wrong: list[str] = field(default_factory=list)
    seen: dict[str, float] = field(default_factory=dict)
    """When each version answered last, by the wall clock."""
    _is_over: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, callers: int) -> None:
        """Begin to ask."""
        self._threads = [threading.Thread(target=self._ask, args=(place,)) for place in range(callers)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Ask no more, once everybody has the answer they wait for."""
        self._is_over = True
        for thread in self._threads:
            thread.join()

    def first_answer_by(self, version: str, after: float, within_seconds: float) -> float:
        """When a version answered first after a moment; raises AssertionError where it did not in time."""
        deadline = time.time() + within_seconds
        while time.time() < deadline:
            if self.seen.get(version, 0.0) >= after:
                return self.seen[version]
            time.sleep(0.002)
        told = self.server.ask("/v1/models/current")[1][-300:]
        raise AssertionError(
            f"no answer by {version} within {within_seconds} s; wrong: {self.wrong[:3]}; {told!r}"
        )

    def _ask(self, place: int) -> None:
        ids = sorted(self.home.says[self.home.versions[0]])
        while not self._is_over:
            place += 1
            begin = place * 7 % (len(ids) - ASKED_AT_ONCE)
            asked = ids[begin : begin + (1 if place % 2 else ASKED_AT_ONCE)]
            # each on a connection of its own: a kept one may be closed by the server while its caller sleeps
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
            try:
                wrong = self._wrong(connection, asked, by_path=place % 2 == 1)
            except (OSError, http.client.HTTPException, ValueError) as error:
                wrong = f"{type(error).__name__}: {error}"
            finally:
                connection.close()
            with self._lock:
                self.answers += 1
                self.wrong += [wrong] if wrong else []

    def _wrong(self, connection: http.client.HTTPConnection, asked: list[str], by_path: bool) -> str:
        """Ask for some invoices; what is wrong with the answer."""
        if by_path:
            connection.request("GET", f"/v1/invoices/{asked[0]}/score")
        else:
            connection.request("POST", "/v1/scores", json.dumps({"invoice_ids": asked}), JSON)
        answer = connection.getresponse()
        content = json.loads(answer.read())
        if answer.status != 200:
            return f"{answer.status}: {content}"
        rows = [content] if by_path else content["scores"]
        versions = {row["model_version"] for row in rows}
        if len(versions) != 1 or not versions <= self.may_answer:
            return f"answered by {versions}"
        version = versions.pop()
        own = self.home.says[version]
        expected = [{name: own[each][name] for name in row} for each, row in zip(asked, rows, strict=True)]
        if rows != expected:
            return f"not what {version} says of {asked}"
        self.seen[version] = time.time()
        return ""


@contextmanager
def asked_by(callers: int, server: Server, home: Home, may_answer: set[str]) -> Iterator[Callers]:
    """Callers that ask until the block ends."""
    asking = Callers(server, home, may_answer)
    asking.start(callers)
    try:
        yield asking
    finally:
        asking.end()
