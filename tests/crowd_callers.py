"""Who asks the service in the rehearsal of a busy day, and what was each of them told?"""

from __future__ import annotations

import http.client
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

HANGS_UP = 0.05
"""So many of the writes are begun by a caller who does not wait for the answer."""
GONE = (OSError, http.client.HTTPException)
AGAIN = (429, 503)
"""Answers after which the same is asked again under the same key."""
LONGEST_SECONDS = 300.0
"""After so long without an answer a caller gives up, which must not happen."""
PAUSE_SECONDS = 0.05
Answer = tuple[int, dict[str, str], Any]


@dataclass
class Log:
    """What all of them were told; safe to share between threads."""

    acknowledged: list[dict[str, Any]] = field(default_factory=list)
    """Records as the service showed them, one for each version it said it keeps."""
    shared: list[tuple[str, str]] = field(default_factory=list)
    """Addresses of records that both analysts change, and the field they change."""
    faults: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    odd: list[str] = field(default_factory=list)
    hung_up: int = 0
    retries: int = 0
    repeated: int = 0
    write_seconds: list[float] = field(default_factory=list)
    read_seconds: list[float] = field(default_factory=list)
    outages: int = 0
    is_out: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Meanwhile the service is expected to be silent, or to say that it is loading."""
        self.is_out, self.outages = True, self.outages + 1
        try:
            yield
        finally:
            self.is_out, self.outages = False, self.outages + 1

    @property
    def excuses(self) -> tuple[bool, int]:
        """Differs between the beginning and the end of a request that an outage may explain."""
        return self.is_out, self.outages

    def take(self, method: str, answer: Answer, seconds: float, is_excused: bool) -> None:
        """Count one answer."""
        status, headers, _ = answer
        with self._lock:
            self.answers[f"{method} {status}"] += 1
            self.repeated += "idempotency-replayed" in headers
            if not is_excused:
                (self.read_seconds if method == "GET" else self.write_seconds).append(seconds)
            if status >= 500 and not is_excused:
                self.faults[f"{method} {status} {str(answer[2])[:300]}"] += 1

    def count(self, name: str) -> None:
        """One more of what is counted under a name."""
        with self._lock:
            setattr(self, name, getattr(self, name) + 1)


class Caller:
    """One caller with a token; what it chooses depends on its seed alone."""

    def __init__(self, name: str, secret: str, port: int, log: Log, seed: int) -> None:
        self.name, self.port, self.log = name, port, log
        self.chance = random.Random(seed)
        self.headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        self.hangs_up = HANGS_UP

    def work(self, is_over: threading.Event) -> None:
        """Ask until it is over."""
        try:
            self.begin()
            while not is_over.is_set():
                self.step()
        except Exception as error:
            self.log.odd.append(f"{self.name}: {type(error).__name__}: {error}")
            raise

    def begin(self) -> None:
        """What is looked up before the work begins: the day, and invoices to speak about."""
        self.day = date.fromisoformat(self.get("/v1/worklist?capacity=0")["as_of"])
        listed = self.get("/v1/invoices?limit=200")["items"]
        self.open = [each for each in listed if float(each["amount_open"] or 0) > 1_000]
        assert self.open

    def step(self) -> None:
        """One piece of work."""
        raise NotImplementedError

    def get(self, path: str, also: tuple[int, ...] = ()) -> Any:
        """The content at an address."""
        return self.expect((200, *also), "GET", path)[2]

    def tell(self, method: str, path: str, content: Any, version: int | None = None) -> Answer:
        """One write, asked again until it is answered, and what was kept by it."""
        wanted = (200, 412) if version is not None else (200, 201)
        answer = self.expect(wanted, method, path, *self.written(content, version))
        if answer[0] in (200, 201):
            items = answer[2].get("results")
            told = [answer[2]] if items is None else [each["record"] for each in items if "record" in each]
            self.log.acknowledged.extend(told)
        return answer

    def written(self, content: Any, version: int | None = None) -> tuple[bytes, dict[str, str]]:
        """Body and headers of a new write, or of a change to a version."""
        headers = {"Idempotency-Key": str(UUID(int=self.chance.getrandbits(128)))}
        headers |= {} if version is None else {"If-Match": f'"{version}"'}
        return json.dumps(content).encode(), headers

    def expect(self, statuses: tuple[int, ...], method: str, path: str, *more: Any) -> Answer:
        """The answer to a request; one of another status is noted, and raises."""
        answer = self._until_answered(method, path, *more)
        if answer[0] not in statuses:
            raise AssertionError(f"{method} {path} {answer[0]} {str(answer[2])[:500]}; asked {more[:1]}")
        return answer

    def _until_answered(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        if method != "GET" and self.chance.random() < self.hangs_up:
            self._hang_up(method, path, body, headers or {})
        given_up = time.monotonic() + LONGEST_SECONDS
        while time.monotonic() < given_up:
            began, excuses = time.monotonic(), self.log.excuses
            try:
                answer = self._ask(method, path, body, headers or {})
            except GONE as error:
                if self.log.excuses == (False, excuses[1]):
                    self.log.odd.append(f"{method} {path}: {type(error).__name__}: {error}")
                answer = None
            if answer is not None:
                excused = self.log.excuses != (False, excuses[1])
                self.log.take(method, answer, time.monotonic() - began, excused)
                if answer[0] not in AGAIN:
                    return answer
            self.log.count("retries")
            is_told = answer is not None and not self.log.is_out
            time.sleep(float(answer[1].get("retry-after", 0)) if is_told and answer else PAUSE_SECONDS)
        raise AssertionError(f"{method} {path} was not answered in {LONGEST_SECONDS:g} seconds")

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body or None, self.headers | headers)
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, named, json.loads(answer.read())
        finally:
            connection.close()

    def _hang_up(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> None:
        """Send the request, or half of it, and leave."""
        told = self.headers | headers | {"Host": "127.0.0.1", "Content-Length": str(len(body))}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items())]
        sent = ("\r\n".join(lines) + "\r\n\r\n").encode() + body
        if self.chance.random() < 0.5:
            sent = sent[: len(sent) - len(body) // 2]
        self.log.count("hung_up")
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
                connection.sendall(sent)
                time.sleep(self.chance.choice((0.0, 0.02, 0.2)))
        except OSError:
            pass  # nobody listens just now: the request is asked again anyway


class ArSystem(Caller):
    """Posts invoices of its own, what is paid and credited on them, and many at once."""

    def begin(self) -> None:
        super().begin()
        self.number = 0
        self.unpaid: list[str] = []

    def step(self) -> None:
        steps = (self.invoice, self.part, self.credit, self.in_full, self.many)
        (self.chance.choice(steps) if self.unpaid else self.invoice)()

    def invoice(self) -> None:
        self.number += 1
        invoice_id = f"{self.name}-{self.number}"
        # Issued today: what is told late of days before moves the totals of the book, which are made at the start.
        due = self.day + timedelta(days=self.chance.choice((7, 14, 30)))
        content = {"invoice_id": invoice_id, "customer_id": self.chance.choice(self.open)["customer_id"]}
        content |= {"issued_on": str(self.day), "due_on": str(due), "amount": "500.00"}
        self.tell("POST", "/v1/invoices", content | {"currency": self.chance.choice(self.open)["currency"]})
        self.unpaid.append(invoice_id)

    def part(self) -> None:
        self.tell("POST", "/v1/payments", {"invoice_id": self.chance.choice(self.unpaid), "amount": "0.50"})

    def credit(self) -> None:
        invoice_id = self.chance.choice(self.unpaid)
        self.tell("POST", "/v1/credit-notes", {"invoice_id": invoice_id, "amount": "0.25"})

    def in_full(self) -> None:
        """What was paid in full is settled in the very next answer."""
        invoice_id = self.unpaid.pop(self.chance.randrange(len(self.unpaid)))
        left = self.get(f"/v1/invoices/{invoice_id}")["amount_open"]
        self.tell("POST", "/v1/payments", {"invoice_id": invoice_id, "amount": left})
        if self.get(f"/v1/invoices/{invoice_id}")["is_open"]:
            self.log.odd.append(f"{invoice_id} was paid in full and is open")

    def many(self) -> None:
        """Each is kept or refused by itself."""
        ids = [self.chance.choice(self.unpaid) for _ in range(5)]
        items = [{"invoice_id": each, "amount": "0.10"} for each in (*ids, "nobody's")]
        self.chance.shuffle(items)
        answer = self.tell("POST", "/v1/payments", {"items": items})[2]
        if (answer["kept"], answer["refused"]) != (5, 1):
            self.log.odd.append(f"{self.name}: {answer}"[:500])


class Analyst(Caller):
    """Records what customers say, decides, and changes what the other one changes too."""

    def begin(self) -> None:
        super().begin()
        self.number = 0

    def step(self) -> None:
        steps = (self.promise, self.dispute, self.contact, self.decision, *[self.change] * 4)
        (self.chance.choice(steps) if self.log.shared else self.dispute)()
        self.number += 1

    def promise(self) -> None:
        invoice, day = self.chance.choice(self.open), str(self.day + timedelta(days=7))
        content = {"invoice_id": invoice["invoice_id"], "promised_on": day, "amount": "1.00"}
        made = self.tell("POST", "/v1/promises", content | {"person": "Ms Lind", "channel": "phone"})[2]
        self.log.shared.append((f"/v1/promises/{made['id']}", "person"))

    def dispute(self) -> None:
        invoice = self.chance.choice(self.open)
        content = {"invoice_id": invoice["invoice_id"], "amount": "2.00", "cause": "price"}
        made = self.tell("POST", "/v1/disputes", content)[2]
        self.log.shared.append((f"/v1/disputes/{made['id']}", "note"))

    def contact(self) -> None:
        content = {"customer_id": self.chance.choice(self.open)["customer_id"], "channel": "phone"}
        content |= {"direction": "outgoing", "outcome": "reached"}
        content |= {"next_contact_on": str(self.day + timedelta(days=3))}
        made = self.tell("POST", "/v1/contacts", content)[2]
        self.log.shared.append((f"/v1/contacts/{made['id']}", "note"))

    def decision(self) -> None:
        """Nobody but the service says what was recommended: something else takes a reason."""
        invoice_id = self.chance.choice(self.open)["invoice_id"]
        content = {
            "invoice_id": invoice_id,
            "chosen": "phone_call",
            "override_reason": "They asked for a call.",
        }
        self.tell("POST", "/v1/decisions", content)

    def change(self) -> None:
        """Change what was recorded last; whoever read an older version is told so, and reads again."""
        path, name = self.log.shared[-1]
        status = 412
        while status == 412:
            version = self.get(path)["version"]
            mark = f"{self.name} {self.number} on {version}"
            status = self.tell("PATCH", path, {name: mark}, version)[0]


class Reader(Caller):
    """Asks for the list, the cases and scores."""

    def step(self) -> None:
        which = self.chance.randrange(3)
        if which == 2:
            ids = [each["invoice_id"] for each in self.chance.sample(self.open, 5)]
            path = f"/v1/invoices/{ids[0]}/score"
        else:
            path = ("/v1/worklist", "/v1/cases?limit=20")[which]
        self.get(path)
