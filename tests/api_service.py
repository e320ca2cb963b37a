"""Which service, over which small book, do the tests of the HTTP API ask?"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from features.ledger import Ledger
from serving.api.access import Access
from serving.api.app import create_app
from serving.api.guard import Guard
from serving.api.readiness import Readiness
from serving.api.settings import Settings
from serving.desk import Desk
from serving.desk.engine import FILE_NAME
from serving.office import Office
from serving.policy import Policy
from serving.scoring import Scorer
from tests.caller import Caller
from training.model import RiskModel

PATIENT_SECONDS = 60.0
"""Machines that run many tests at once are slow; what takes how long is not the question here."""
NOW = datetime(2026, 3, 31, 8, tzinfo=UTC)
JSON = {"content-type": "application/json"}
INVOICE = {"invoice_id": "A", "customer_id": "C", "issued_on": "2026-03-02", "due_on": "2026-04-01"}
ROW = {**INVOICE, "amount": "10.50", "currency": "EUR"}
LEDGER = {"invoices": [ROW], "payments": []}
ODD_IDS = [
    "INV-1",
    "2026/03/7",
    "a b",
    "Ünïcode-✓",
    "50%",
    "x?y#z",
    "%2F",
    "a/score",
    "..",
    "+",
    "/",
    "'\"<b>",
]


class BreakableScorer(Scorer):
    """The real one, but asked for `broken` it breaks."""

    def score_of(self, invoice_id: str, as_of: date | None = None) -> dict[str, Any]:
        if invoice_id == "broken":
            raise KeyError("secret of the inside")
        return super().score_of(invoice_id, as_of)


def odd_book(model: RiskModel) -> Scorer:
    """A book of one open invoice for each odd id, of a customer of the same id, and one settled."""
    invoices = [INVOICE | {"invoice_id": each, "customer_id": each} for each in (*ODD_IDS, "settled")]
    paid = {"invoice_id": "settled", "paid_on": "2026-03-10", "amount": "10.50"}
    book = Ledger.from_rows({"invoices": [ROW | each for each in invoices], "payments": [paid]})
    return BreakableScorer(book, model, Policy.load(), date(2026, 3, 31))


def service(home: Path, load: Callable[[], Scorer], **chosen: Any) -> Caller:
    """The routes behind the guard, loaded, asked from this machine."""
    desk = desk_of(home, chosen.pop("patience", 5.0))
    settings = Settings(home=home, **({"timeout_seconds": PATIENT_SECONDS} | chosen))
    readiness = Readiness(load, open_office=lambda scorer: Office(desk, scorer.ledger, lambda: NOW))
    readiness.load()
    access = Access(home, settings.requires_token, lambda: True)
    return Caller(
        Guard(
            create_app(readiness, settings.timeout_seconds),
            settings,
            access,
            why_not_ready=readiness.why_not_ready,
        )
    )


@contextmanager
def read_only(home: Path, load: Callable[[], Scorer]) -> Iterator[Caller]:
    """A service for many tests; that none of them wrote anything is looked up in the end."""
    yield service(home, load)
    with desk_of(home, 5.0) as desk:
        assert desk.head().position == 0


def desk_of(home: Path, patience: float) -> Desk:
    """The desk of a home; an empty one is made once and copied, since migrations take their time."""
    home.mkdir(parents=True, exist_ok=True)
    if not (home / FILE_NAME).exists():
        (home / FILE_NAME).write_bytes(_empty_desk())
    return Desk.open(home, patience=patience)


@cache
def _empty_desk() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        Desk.open(Path(folder)).close()
        return (Path(folder) / FILE_NAME).read_bytes()


def quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def body(value: Any) -> bytes:
    return json.dumps(value).encode()


def problem(answer: Any) -> tuple[int, str]:
    """Status and kind of a problem document, after checking that it is one."""
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert set(document) == {"type", "title", "status", "detail", "instance", "problems"}
    assert document["status"] == answer.status_code
    return answer.status_code, document["type"].removeprefix("urn:duecourse:problem:")


def pointers(answer: Any) -> list[tuple[str, str]]:
    assert problem(answer) == (422, "wrong_schema")
    items = answer.json()["problems"]
    assert all(item["detail"] and item["mend"] for item in items)
    return [(item.get("pointer", item.get("parameter")), item["code"]) for item in items]
