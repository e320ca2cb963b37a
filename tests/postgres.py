"""Which PostgreSQL do tests run on? A server of their own, in a folder of its own, gone when they are done."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg

_numbers = itertools.count(1)


class NoServer(RuntimeError):  # noqa: N818 - a state to report
    """PostgreSQL is not installed here."""


class Server:
    """A running server, reached through a socket in its folder alone."""

    def __init__(self) -> None:
        self.programs = _programs()
        # Not below a folder of pytest's: those are closed to the user that the server runs as.
        self.folder = Path(tempfile.mkdtemp(prefix="duecourse-postgres-"))
        self._as_user: dict[str, Any] = {}
        if os.getuid() == 0:  # the server refuses to run as root
            user = pwd.getpwnam(_unprivileged())
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self._run(
            "initdb",
            "-U",
            "desk",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "-D",
            self.data,
        )
        self.start()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses='' -c max_connections=50"
        self._run("pg_ctl", "-D", self.data, "-o", options, "-l", self.folder / "log", "-w", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql:///{database}?host={self.folder}&user=desk"

    def new_database(self, name: str | None = None) -> str:
        """The address of an empty database."""
        name = name or f"desk_{next(_numbers)}"
        with self.connection("postgres") as connection:
            connection.execute(f"CREATE DATABASE {name}")  # a name of ours
        return self.url(name)

    def connection(self, database: str) -> psycopg.Connection:
        return psycopg.connect(host=str(self.folder), user="desk", dbname=database, autocommit=True)

    def kill_a_backend(self, database: str) -> bool:
        """Kill -9 one process of the server that serves this database; all of them then begin anew."""
        query = "SELECT pid FROM pg_stat_activity WHERE datname = %s"
        try:
            with self.connection("postgres") as connection:
                found = connection.execute(query, (database,)).fetchone()
        except psycopg.OperationalError:
            return False  # it has not come back from the kill before
        if found:
            os.kill(found[0], signal.SIGKILL)
        return found is not None

    def _run(self, program: str, *arguments: Any) -> None:
        done = subprocess.run(
            [self.programs / program, *map(str, arguments)],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would be held open by the server
            stderr=subprocess.DEVNULL,
            **self._as_user,
        )
        if done.returncode:
            log = self.folder / "log"
            raise RuntimeError(f"{program} failed: {log.read_text()[-2000:] if log.exists() else 'no log'}")


def _programs() -> Path:
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    found = places[-1] if places else shutil.which("postgres")
    if not found:
        raise NoServer("no PostgreSQL server here: apt-get install postgresql, and these tests run")
    return Path(found).parent


def _unprivileged() -> str:
    names = {each.pw_name for each in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
