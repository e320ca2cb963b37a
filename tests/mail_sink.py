"""Which mail server do the tests speak to? A small one of their own, on this machine, that may misbehave as told."""

from __future__ import annotations

import email
import email.policy
import os
import signal
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from typing import Any

Answer = Callable[[str], str | None]
"""What to answer to a stage (`hello`, `to`, `data`, `end`, `after`): a line, `drop` the line, or None for yes."""


class Sink(socketserver.ThreadingTCPServer):
    """Takes mail and keeps what it said yes to, and what it was handed without saying so."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, answer: Answer = lambda stage: None) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.answer = answer
        self.accepted: list[EmailMessage] = []
        self.handed_over: list[EmailMessage] = []
        self.talks = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Talk(socketserver.StreamRequestHandler):
    server: Sink

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def stage(self, name: str, yes: str) -> bool:
        """Answer a stage; whether the talk goes on."""
        said = self.server.answer(name)
        if said == "drop":
            return False
        self.say(said or yes)
        return True

    def handle(self) -> None:
        self.server.talks += 1
        goes_on = self.stage("hello", "220 sink")
        while goes_on and (line := self.rfile.readline()):
            command = line.decode().strip().upper()
            if command.startswith(("EHLO", "HELO", "MAIL", "RSET", "NOOP")):
                self.say("250 yes")
            elif command.startswith("RCPT"):
                goes_on = self.stage("to", "250 yes")
            elif command == "DATA":
                goes_on = self.data()
            elif command == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("502 not here")

    def data(self) -> bool:
        said = self.server.answer("data")
        if said:
            self.say(said)
            return said != "drop"
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b"..") else line)
        mail: Any = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        self.server.handed_over.append(mail)
        said = self.server.answer("end")
        if said is None or said.startswith("2"):
            self.server.accepted.append(mail)
        if said == "drop":
            return False
        self.say(said or "250 taken")
        self.server.answer("after")
        return True


@contextmanager
def sink(answer: Answer = lambda stage: None) -> Iterator[Sink]:
    """A server that listens until the tests are done with it."""
    with Sink(answer) as server:
        # looked at often, so that the end of a test need not wait
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


def killing(pid: Callable[[], int], stage: str, at: int) -> Answer:
    """An answer that kills a process with -9 the n-th time a stage is reached."""
    seen = {"many": 0}

    def answer(reached: str) -> str | None:
        if reached == stage:
            seen["many"] += 1
            if seen["many"] == at:
                os.kill(pid(), signal.SIGKILL)
                return "drop" if stage != "after" else None
        return None

    return answer
