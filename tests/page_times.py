"""How long does each page take on a book of any size? `python -m tests.page_times LEDGER --home HOME`; no test.

Starts the real service of a home with a champion over a ledger, asks for every page again and again, and prints half of
the times and all but one in a hundred: the server's own, as its log tells them, what a client on this machine waits,
and the processor time that the service spent in all its threads on each answer. The last tells what a page costs also
where others use the machine. `first` is the first look at a page after the start. `after a note`
and `after a contact` are the first looks after it was recorded: whatever covers the book is made anew.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from tests.live_service import worker
from tests.test_service_process import Server, bentoml_serve, free_port, running, wait_for

PAGES = (
    "/today",
    "/today?q=mill",
    "/customers/{customer}",
    "/customers/{group}",
    "/customers/{customer}/hand-over",
    "/customers/{group}/hand-over",
    "/invoices/{invoice}",
    "/invoices/{invoice}/what-if?longer_terms=30&deposit=30",
    "/customers/{customer}/conversation",
    "/disputes",
    "/messages",
    "/portfolio",
    "/portfolio/losses",
    "/portfolio/exits",
    "/alerts",
    "/policy",
    "/policy/edit",
    "/policy/numbers",
    "/model",
    "/audit",
    "/glossary",
)
"""Every address that is timed: {customer} is the first listed one alone, {group} the largest group named on Today."""
FRESH = (
    "/customers/{}",
    "/customers/{}/conversation",
    "/invoices/{}",
    "/invoices/{}/what-if?longer_terms=30",
)
"""Timed once more for one listed customer, or an invoice of one, after the other: nobody looked there before."""
WAITS = 8
"""So many times 90 seconds a large book may take to be ready."""
_LINE = re.compile(r"GET ('/[^ ]*') (\d+) in ([\d.]+) ms")


def ready(server: Server, log: Path) -> None:
    """Return once the service answers."""
    for _ in range(WAITS):
        with suppress(AssertionError):
            if wait_for(server, "/readyz", (200,), log) == 200:
                return
    raise SystemExit(f"the service was not ready in time; its log: {log.read_text()[-2000:]}")


def named(server: Server) -> dict[str, str]:
    """The customer, the group and the invoice whose pages are timed."""
    told = _data(server, "/today.json")
    cases = {each["case_id"]: len(each["customers"]) for each in told["cases"]}
    every = cases | {
        each["case_id"]: each["customers"] for group in told["left_out"] for each in group["cases"]
    }
    alone = next((each for each, many in cases.items() if many == 1), next(iter(cases)))
    group = max(every, key=lambda each: every[each])
    found = _data(server, f"/customers/{quote(alone, safe='')}.json")
    members = _data(server, f"/customers/{quote(group, safe='')}.json")["members"]
    print(
        f"{len(cases)} cases listed; the group has {len(members)} customers, {every[group]} with something open"
    )
    ids = {"customer": alone, "group": group, "invoice": found["items"][0]["invoice_id"]}
    return {name: quote(each, safe="") for name, each in ids.items()}


def _data(server: Server, path: str) -> Any:
    status, content = server.ask(path)
    assert status == 200, (path, status, content[:300])
    return json.loads(content)


def asked(server: Server, path: str, times: int) -> tuple[list[float], list[float], int]:
    """Milliseconds that a client waited and that the processor worked, and the bytes of the page."""
    waited, used, size = [], [], 0
    process = worker(server).pid
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)) as connection:
        for _ in range(times):
            before, began = processor(process), time.perf_counter()
            connection.request("GET", path)
            answer = connection.getresponse()
            size = len(answer.read())
            waited.append(1000 * (time.perf_counter() - began))
            used.append(processor(process) - before)
            assert answer.status == 200, (path, answer.status)
    return waited, used, size


def written(server: Server, customer: str) -> None:
    """Record a note, as an analyst does."""
    key = {"Idempotency-Key": str(uuid.uuid4())}
    body = json.dumps({"customer_id": customer, "text": "timed"}).encode()
    status, content = server.ask("/v1/notes", body, key)
    if status == 422:  # a note needs its day
        today = _data(server, "/today.json")["as_of"]
        body = json.dumps({"customer_id": customer, "text": "timed", "noted_on": today}).encode()
        status, content = server.ask("/v1/notes", body, key | {"Idempotency-Key": str(uuid.uuid4())})
    assert status == 201, content[:300]


AFTER_A_CONTACT = (
    *("/customers/{}/conversation", "/customers/{}", "/today"),
    *("/portfolio", "/portfolio/losses", "/portfolio/exits", "/disputes"),
)
"""Looked at in this order as soon as a contact with another listed customer was recorded."""


def contacted(server: Server, customer: str) -> None:
    """Record that somebody spoke with a customer."""
    key = {"Idempotency-Key": str(uuid.uuid4())}
    body = {"customer_id": customer, "channel": "phone", "direction": "outgoing", "outcome": "reached"}
    status, content = server.ask("/v1/contacts", json.dumps(body).encode(), key)
    assert status == 201, content[:300]


def after_contacts(server: Server, log: Path, times: int) -> Iterator[tuple[str, list[Look]]]:
    """The first looks at some pages after a contact, with each of so many customers."""
    told = _data(server, "/today.json")["cases"]
    alone = [each["case_id"] for each in told if len(each["customers"]) == 1][:times]
    looks: dict[str, list[Look]] = {page: [] for page in AFTER_A_CONTACT}
    for customer in alone:
        contacted(server, customer)
        for page in AFTER_A_CONTACT:
            looks[page] += timed(server, log, page.format(quote(customer, safe="")), 1)
    return iter(looks.items())


def of_log(log: Path, since: int) -> tuple[list[float], int]:
    """Milliseconds of the answers that the service's log tells of from a place on, and where it ends now."""
    text = log.read_bytes()
    return [float(each[2]) for each in _LINE.findall(text[since:].decode())], len(text)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("ledger", type=Path)
    parser.add_argument("--home", type=Path, required=True, help="a folder with a champion")
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--writes", type=int, default=5, help="notes, and contacts, after which it is looked")
    parser.add_argument("--pages", nargs="*", default=PAGES, help="other addresses than all")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log, port = Path(folder) / "log", free_port()
        command = bentoml_serve("serving.service:Duecourse", port)
        # one caller asks as fast as it can: no crowd of them, so none is held back
        more = {"DUECOURSE_REQUESTS_PER_SECOND": "100000"}
        with running(command, port, given.home.resolve(), given.ledger.resolve(), log, more) as server:
            ready(server, log)
            _print(server, log, given.pages, given.times, given.writes)


def _print(server: Server, log: Path, pages: list[str], times: int, writes: int) -> None:
    ids = named(server)
    columns = ("p50", "p99", "cpu p50", "cpu p99", "client p50", "p99", "first", "bytes")
    print(f"{'page':44}" + "".join(f"{name:>11}" for name in columns) + "   (ms)", flush=True)
    for page in pages:
        path = page.format(**ids)
        first = timed(server, log, path, 1)[0]
        asked(server, path, 3)
        _row(page, timed(server, log, path, times), first)
    for page, looks in fresh(server, log) if tuple(pages) == PAGES else ():
        _row(f"{page}, each new", looks, looks[0])
    after = [(written(server, ids["customer"]), timed(server, log, "/today", 1))[1] for _ in range(writes)]
    if after:
        _row("/today after a note", [each for look in after for each in look], after[0][0])
    for page, looks in after_contacts(server, log, writes) if writes else ():
        _row(f"{page}, after a contact", looks, looks[0])


def fresh(server: Server, log: Path) -> Iterator[tuple[str, list[Look]]]:
    """First looks at the pages of listed customers: half of them at their own page, half at the conversation."""
    told = _data(server, "/today.json")["cases"]
    alone = [quote(each["case_id"], safe="") for each in told if len(each["customers"]) == 1][1:]
    halves = (alone[::2], alone[1::2])
    for page, customers in zip(FRESH[:2], halves, strict=True):
        if customers:
            yield page, [timed(server, log, page.format(each), 1)[0] for each in customers]
    for page, customers in zip(FRESH[2:], halves, strict=True):
        found = [_data(server, f"/customers/{each}.json")["items"] for each in customers]
        invoices = [quote(items[0]["invoice_id"], safe="") for items in found if items]
        if invoices:
            yield page, [timed(server, log, page.format(each), 1)[0] for each in invoices]


@dataclass(frozen=True)
class Look:
    """One answer: milliseconds by the server's log, by the client's clock and of the processor, and its bytes."""

    took: float
    waited: float
    used: float
    size: int


def timed(server: Server, log: Path, path: str, times: int) -> list[Look]:
    """Answers of one address."""
    _, place = of_log(log, 0)
    waited, used, size = asked(server, path, times)
    until = time.monotonic() + 10
    while len(took := of_log(log, place)[0]) < times and time.monotonic() < until:
        time.sleep(0.01)  # an answer is out before its line is in the log
    return [Look(*each, size) for each in zip(took[-times:], waited, used, strict=True)]


def processor(process: int) -> float:
    """Milliseconds of processor time of all threads of a process, to the nanosecond; those that ended are left out."""
    nanoseconds = 0
    for each in Path(f"/proc/{process}/task").glob("*/schedstat"):
        with suppress(OSError):  # a thread that ended meanwhile
            nanoseconds += int(each.read_text().split()[0])
    return nanoseconds / 1e6


def _row(page: str, looks: list[Look], first: Look) -> None:
    parts = [
        float(np.percentile([getattr(each, name) for each in looks], part))
        for name in ("took", "used", "waited")
        for part in (50, 99)
    ]
    told = "".join(f"{each:11.1f}" for each in (*parts, first.took))
    print(f"{page:44}{told}{looks[-1].size:11,}", flush=True)


if __name__ == "__main__":
    main()
