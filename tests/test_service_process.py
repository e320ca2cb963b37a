"""Does the service run as real processes, in every way it can be started, and end without a trace?"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from serving.api.schemas import Score
from serving.server import ServeError, end, serve
from serving.tokens import create_token
from tests.commands import HASTY

ROOT = Path(__file__).parent.parent
JSON = {"Content-Type": "application/json"}
SECONDS = 90
OURS = ("duecourse serve", "make serve")
"""Ways that say when they listen, and that end quietly at Ctrl+C."""


def test_others_can_reach_the_service_only_once_a_token_exists(tmp_path: Path) -> None:
    with pytest.raises(ServeError, match="duecourse tokens create NAME"):
        serve(tmp_path, host="0.0.0.0", port=0, home=tmp_path)


@pytest.mark.parametrize("host", ["risk.example", "127.0.0.1:3000", ""])
def test_the_host_is_an_address(tmp_path: Path, host: str) -> None:
    with pytest.raises(ServeError, match="not an IP address"):
        serve(tmp_path, host=host, port=0, home=tmp_path)


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServeError, match=f"Port {port} .* cannot be used"):
            serve(tmp_path, port=port, home=tmp_path)


@dataclass(frozen=True)
class Server:
    """A running service at a port of this machine."""

    port: int
    process: subprocess.Popen

    def ask(
        self, path: str, body: bytes | Sequence[bytes] | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Status and body of one GET, or of a POST if there is a body; a list is sent without a length."""
        method = "GET" if body is None else "POST"
        chunked = isinstance(body, list)
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, path, body, {**JSON, **(headers or {})}, encode_chunked=chunked)
            with closing(connection.getresponse()) as answer:
                return answer.status, answer.read()

    def kind(self, path: str) -> tuple[int, str]:
        """Status and kind of a problem."""
        status, content = self.ask(path)
        return status, json.loads(content)["type"].rpartition(":")[2]


def environment(home: Path, ledger: Path) -> dict[str, str]:
    ours = {"DUECOURSE_HOME": home, "DUECOURSE_LEDGER": ledger, "BENTOML_HOME": home / "bentoml"}
    return {**os.environ, **{name: str(path) for name, path in ours.items()}, "BENTOML_DO_NOT_TRACK": "True"}


FIRST_PORT, LAST_PORT = 11000, 31999
"""Below those that systems give to outgoing connections (from 32768, by RFC 6335 from 49152)."""
STEPS = itertools.count()


def free_port() -> int:
    """A port that stays free until a server takes it some seconds later: tests run side by side, so each of their
    processes looks at other places than its neighbours, and never twice at the same."""
    many = LAST_PORT - FIRST_PORT + 1
    for step in STEPS:
        port = FIRST_PORT + (os.getpid() * 1009 + step) % many
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("an endless count ended")


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running(
    command: list[str], port: int, home: Path, ledger: Path, log: Path, more: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """The command, from the moment it answers /livez until the block ends; `more` adds to its environment."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env=environment(home, ledger) | dict(more or {}),
            cwd=ROOT,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            server = Server(port, process)
            wait_for(server, "/livez", (200,), log)
            yield server
        finally:
            end(process)


def wait_for(server: Server, path: str, statuses: tuple[int, ...], log: Path) -> int:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and server.process.poll() is None:
        with suppress(OSError, http.client.HTTPException):
            status, content = server.ask(path)
            if status in statuses and b"problem:loading" not in content:
                return status
        time.sleep(0.1)
    raise AssertionError(f"no {statuses} from {path}:\n{log.read_text()}")


def bentoml_serve(what: str, port: int, host: str = "127.0.0.1") -> list[str]:
    return ["bentoml", "serve", what, "--host", host, "--port", str(port)]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A home with a champion, and the small simulated ledger it was trained on."""
    folder = tmp_path_factory.mktemp("book")
    home, ledger = folder / "home", folder / "ledger"
    home.mkdir()
    (home / "mlflow.yaml").write_text(HASTY)
    simulate = ["simulate", "--customers", "40", "--months", "8", "--seed", "7", "--to", str(ledger)]
    for verb in (simulate, ["train", str(ledger)]):
        command = [sys.executable, "-m", "serving.cli", *verb]
        done = subprocess.run(
            command, env=environment(home, ledger), cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return home, ledger


@pytest.fixture(scope="module")
def bento(book: tuple[Path, Path]) -> str:
    home, ledger = book
    command = [sys.executable, "-m", "bentoml", "build", "--output", "tag", "."]
    done = subprocess.run(command, env=environment(home, ledger), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip().removeprefix("__tag__:")


def made_by(target: str, ledger: Path) -> list[str]:
    """The module and arguments of a line of the Makefile, with another ledger than the demo's."""
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if f" {target} " in line)
    _, _, *words = shlex.split(line)
    assert words[-1] == ".duecourse/demo-ledger"
    return [*words[:-1], str(ledger)]


def command_of(way: str, port: int, ledger: Path, request: pytest.FixtureRequest) -> list[str]:
    if way == "duecourse serve":
        return ["serving.cli", "serve", str(ledger), "--port", str(port)]
    if way == "make serve":
        return [*made_by("serve", ledger), "--port", str(port)]
    return bentoml_serve(
        request.getfixturevalue("bento") if way == "bento" else "serving.service:Duecourse", port
    )


def built(home: Path, bento: str) -> Path:
    """The folder of a bento's own files."""
    name, _, version = bento.partition(":")
    return home / "bentoml" / "bentos" / name / version / "src"


@pytest.mark.slow
def test_a_bento_holds_all_it_needs(book: tuple[Path, Path], bento: str) -> None:
    source = built(book[0], bento)
    for package in ("features", "training", "serving"):
        ours = {path.relative_to(ROOT) for path in (ROOT / package).rglob("*") if is_source(path)}
        assert {path.relative_to(source) for path in (source / package).rglob("*") if path.is_file()} == ours
    code = "import serving.service as service; print(service.__file__, service.load_scorer().policy.version)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment(*book), "PYTHONPATH": str(source)},
        cwd=source,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith(str(source / "serving" / "service.py")), done.stderr


def is_source(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


@pytest.mark.slow
@pytest.mark.parametrize("way", ["duecourse serve", "make serve", "bentoml serve", "bento"])
def test_every_way_to_start_serves_the_same(
    way: str, book: tuple[Path, Path], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    from serving.scoring import Scorer

    scorer = Scorer.load(*book)
    ids = open_invoices(book[1], scorer.as_of)
    port = free_port()
    log = tmp_path / "log"
    with running(command_of(way, port, book[1], request), port, *book, log) as server:
        assert wait_for(server, "/readyz", (200,), log) == 200
        rows, problems = scorer.score_invoices(ids, None)
        status, content = server.ask("/v1/scores", json.dumps({"invoice_ids": ids}).encode())
        assert (status, json.loads(content)["scores"]) == (200, json.loads(json.dumps(rows, default=str)))
        assert len(rows) == len(ids) and problems == []
        assert [Score.model_validate(row).invoice_id for row in json.loads(content)["scores"]] == ids
        status, content = server.ask(f"/v1/customers/{rows[0]['customer_id']}")
        assert status == 200
        assert json.loads(server.ask(f"/v1/invoices/{ids[0]}/score")[1])["p_late"] == rows[0]["p_late"]
        assert json.loads(server.ask("/v1/models/current")[1]) == json.loads(
            json.dumps(scorer.model_card() | {"refused": None}, default=str)
        )
        assert json.loads(server.ask("/v1/policy")[1]) == json.loads(
            json.dumps(scorer.policy_card(), default=str)
        )
        assert b"tag manager" not in server.ask("/api")[1].lower()
        for hidden in (
            "/schema.json",
            "/metrics",
            "/healthz",
            "/static_content/index.css",
            "/assets/index.js",
        ):
            assert server.kind(hidden) == (404, "unknown_route")
        server.process.send_signal(signal.SIGINT if way in OURS else signal.SIGTERM)
        assert server.process.wait(20) == 0
    assert not is_taken(port)
    if way in OURS:
        assert f"duecourse listens on http://127.0.0.1:{port}\n" in log.read_text()


@pytest.mark.slow
def test_many_callers_at_once_get_the_answers_each_would_get_alone(
    book: tuple[Path, Path], tmp_path: Path
) -> None:
    from serving.scoring import COLUMNS, Scorer, records

    scorer = Scorer.load(*book)
    expected = {row["invoice_id"]: row for row in records(scorer.score_open(full=True))}
    ids = sorted(expected)
    port = free_port()
    command = bentoml_serve("serving.service:Duecourse", port)
    with running(command, port, *book, tmp_path / "log") as server:
        wait_for(server, "/readyz", (200,), tmp_path / "log")

        def by_id(invoice: str) -> bool:
            status, content = server.ask(f"/v1/invoices/{invoice}/score")
            return status == 200 and json.loads(content) == expected[invoice]

        def in_a_list(place: int) -> bool:
            asked = ids[place : place + 5]
            status, content = server.ask("/v1/scores", json.dumps({"invoice_ids": asked}).encode())
            rows = [{name: expected[each][name] for name in COLUMNS} for each in asked]
            return status == 200 and json.loads(content)["scores"] == rows

        def on_another_day(invoice: str) -> bool:
            day = date(2000, 1, 1)
            return server.kind(f"/v1/invoices/{invoice}/score?as_of={day}") == (404, "unknown_id")

        with ThreadPoolExecutor(8) as callers:
            answers = [
                *callers.map(by_id, ids[:60]),
                *callers.map(in_a_list, range(0, 60, 2)),
                *callers.map(on_another_day, ids[:20]),
            ]
        assert len(answers) > 60 and all(answers)


def open_invoices(ledger: Path, as_of: date) -> list[str]:
    """Ten invoices open at the end of the ledger: issued before `as_of`, with no payment at all."""
    import pandas as pd

    invoices = pd.read_csv(ledger / "invoices.csv", dtype=str)
    paid = set(pd.read_csv(ledger / "payments.csv", dtype=str)["invoice_id"])
    credited = ledger / "credit_notes.csv"
    if credited.exists():
        paid |= set(pd.read_csv(credited, dtype=str)["invoice_id"])
    known = invoices["known_on"] if "known_on" in invoices else invoices["issued_on"]
    waiting = invoices[~invoices["invoice_id"].isin(paid) & (known < as_of.isoformat())]
    return waiting["invoice_id"].head(10).tolist()


@pytest.mark.slow
def test_a_service_without_a_ledger_lives_and_says_why_it_is_not_ready(
    book: tuple[Path, Path], tmp_path: Path
) -> None:
    port = free_port()
    command = bentoml_serve("serving.service:Duecourse", port)
    with running(command, port, book[0], tmp_path / "nowhere", tmp_path / "log") as server:
        wait_for(server, "/readyz", (503,), tmp_path / "log")
        assert server.ask("/livez")[0] == 200
        assert server.kind("/readyz") == (503, "not_loaded")
        status, content = server.ask("/v1/policy")
        assert (status, b"nowhere" in content) == (503, True)
        assert b"nowhere" not in server.ask("/readyz")[1]


@pytest.mark.slow
def test_a_service_open_to_others_needs_a_token_even_from_here(tmp_path: Path) -> None:
    secret = create_token(tmp_path, "erp", date(2026, 3, 31))
    port = free_port()
    command = bentoml_serve("serving.service:Duecourse", port, "0.0.0.0")
    with running(command, port, tmp_path, tmp_path / "nowhere", tmp_path / "log") as server:
        assert server.kind("/v1/policy") == (401, "token_needed")
        assert server.kind("/api") == (401, "token_needed")
        assert server.ask("/api", headers={"Authorization": f"Bearer {secret}"})[0] == 200
        assert server.ask("/api", headers={"X-Forwarded-For": "127.0.0.1"})[0] == 401


@pytest.mark.slow
def test_a_real_server_cuts_large_bodies_with_and_without_a_length(tmp_path: Path) -> None:
    port = free_port()
    command = bentoml_serve("serving.service:Duecourse", port)
    with running(command, port, tmp_path, tmp_path / "nowhere", tmp_path / "log") as server:
        for body in (b"x" * 12_000_000, [b"x" * 1_000_000] * 12):
            status, content = server.ask("/v1/scores", body)
            assert (status, json.loads(content)["type"]) == (413, "urn:duecourse:problem:body_too_large")
        assert server.ask("/v1/scores", b"{}", {"Content-Type": "text/plain"})[0] == 415


@pytest.mark.slow
def test_workers_do_not_outlive_a_killed_supervisor(tmp_path: Path) -> None:
    port = free_port()
    command = bentoml_serve("serving.service:Duecourse", port)
    with running(command, port, tmp_path, tmp_path / "nowhere", tmp_path / "log") as server:
        server.process.kill()
        server.process.wait()
        deadline = time.monotonic() + SECONDS
        while is_taken(port) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not is_taken(port)


@pytest.mark.slow
def test_a_server_that_cannot_load_ends_and_says_so(tmp_path: Path) -> None:
    asked = (
        "from pathlib import Path; from serving.server import serve; "
        "serve(Path('nowhere'), port=0, home=Path('h'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked], cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode != 0
    assert "could not be loaded; the log above says why" in done.stderr
    assert done.stdout == ""


@pytest.mark.slow
def test_the_service_process_starts_without_the_slow_libraries(book: tuple[Path, Path]) -> None:
    code = (
        "import sys, serving.service as service; service.load_scorer(); "
        "print(sorted({'mlflow', 'shap', 'evidently'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(*book), cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr
