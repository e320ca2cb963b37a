"""How does `duecourse serve` start the service, say that it listens, and end it?

The server runs in a session of its own, so that Ctrl+C reaches this process alone, which then ends it.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from ipaddress import ip_address
from pathlib import Path
from types import FrameType

import psutil

from serving.api.access import is_loopback
from serving.tokens import list_tokens

SECONDS_TO_LOAD = 300
SECONDS_TO_END = 20
_KEY_FILES = ("DUECOURSE_KEY", "DUECOURSE_TRUSTED_KEYS", "DUECOURSE_OIDC_CLIENT_SECRET_FILE")
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class ServeError(Exception):
    """The service could not run; the text says why and how to mend it."""


def serve(
    ledger: Path,
    host: str = "127.0.0.1",
    port: int = 3000,
    as_of: date | None = None,
    home: Path = Path(".duecourse"),
    policy: Path | None = None,
    announce: Callable[[str], None] = lambda line: print(line, flush=True),
) -> None:
    """Serve a ledger until SIGINT or SIGTERM; `announce` gets one line once it listens and is ready.

    Port 0 takes a free one. Raises ServeError where it cannot start, or ends by itself.
    """
    address = _address(host, home)
    port = _free_port(address, port)
    with _running(_command(address, port), _environment(ledger, as_of, home, policy)) as server:
        _wait_until_ready(server, _ANY_ADDRESS.get(address, address), port)
        announce(f"duecourse listens on http://{_in_url(address)}:{port}")
        code = server.wait()
        raise ServeError(f"The server ended by itself with exit code {code}; its log above says why.")


class _StopError(Exception):
    """Somebody asked us to end."""


def _address(host: str, home: Path) -> str:
    """The IP address to bind; refuses one that others can reach while nobody could prove who they are."""
    address = "127.0.0.1" if host == "localhost" else host
    try:
        ip_address(address)
    except ValueError:
        raise ServeError(f"--host {host!r} is not an IP address. Give one such as 127.0.0.1.") from None
    if not is_loopback(address) and not list_tokens(home):
        raise ServeError(
            f"--host {host} can be reached from other machines, and no token exists yet. "
            "Create one with `duecourse tokens create NAME`, or serve on 127.0.0.1."
        )
    return address


def _free_port(address: str, port: int) -> int:
    """`port`, or a free one for 0; raises ServeError where another program holds it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except (OSError, OverflowError) as error:
            raise ServeError(f"Port {port} of {address} cannot be used ({error}). Try --port 0.") from None
        return probe.getsockname()[1]


def _command(address: str, port: int) -> list[str]:
    service = "serving.service:Duecourse"
    return [sys.executable, "-m", "bentoml", "serve", service, "--host", address, "--port", str(port)]


def _environment(ledger: Path, as_of: date | None, home: Path, policy: Path | None) -> dict[str, str]:
    """The server's environment; paths are absolute, because its workers may stand in another folder."""
    ours = {
        "DUECOURSE_HOME": str(home.absolute()),
        "DUECOURSE_LEDGER": str(ledger.absolute()),
        "DUECOURSE_AS_OF": "" if as_of is None else as_of.isoformat(),
        "DUECOURSE_POLICY": "" if policy is None else str(policy.absolute()),
        "BENTOML_HOME": str((home / "bentoml").absolute()),
        "BENTOML_DO_NOT_TRACK": "True",
        "DO_NOT_TRACK": "1",
    }
    keys = {name: _absolute(os.environ[name]) for name in _KEY_FILES if os.environ.get(name)}
    return {**os.environ, **ours, **keys}


def _absolute(paths: str) -> str:
    return os.pathsep.join(
        str(Path(path).expanduser().absolute()) for path in paths.split(os.pathsep) if path
    )


@contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The server until the end of this block; SIGINT and SIGTERM leave the block quietly."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise _StopError

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    server = subprocess.Popen(command, env=environment, stdout=sys.stderr.fileno(), start_new_session=True)
    try:
        yield server
    except _StopError:
        pass
    finally:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        end(server)
        for number, handler in before.items():
            signal.signal(number, handler)


def end(server: subprocess.Popen[bytes], seconds: float = SECONDS_TO_END) -> None:
    """Ask a server to finish what it is answering, and after `seconds` end it with all its workers."""
    with suppress(psutil.NoSuchProcess):
        workers = psutil.Process(server.pid).children(recursive=True)
        server.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.wait(seconds)
        server.kill()
        for worker in workers:  # each leads a session of its own: no signal to a group reaches them all
            with suppress(psutil.NoSuchProcess):
                worker.kill()
    server.wait()


def _wait_until_ready(server: subprocess.Popen[bytes], address: str, port: int) -> None:
    deadline = time.monotonic() + SECONDS_TO_LOAD
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise ServeError(f"The server ended with exit code {server.returncode}; its log above says why.")
        state = _readiness(address, port)
        if state == "ready":
            return
        if state == "not_loaded":
            raise ServeError("The model or the ledger could not be loaded; the log above says why.")
        time.sleep(0.1)
    raise ServeError(f"The service was not ready after {SECONDS_TO_LOAD} seconds; its log above says why.")


def _readiness(address: str, port: int) -> str:
    """`ready`, or the kind of problem that /readyz answers, or `silent`."""
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = answer.read()
        return "ready" if answer.status == 200 else json.loads(body)["type"].rpartition(":")[2]
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return "silent"
    finally:
        connection.close()


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address
