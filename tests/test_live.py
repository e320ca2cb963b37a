"""Does reading again only what changed give what reading everything gives?"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from features.ledger import TABLES, Ledger
from serving.desk import Actor, Desk, Writing
from serving.live import Live, LiveScorer
from serving.policy import Policy
from serving.scoring import Scorer
from training.model import RiskModel

NOW, DAY = datetime(2026, 3, 31, 8, tzinfo=UTC), date(2026, 3, 31)
CUSTOMERS = [f"C{number}" for number in range(8)]
GROUPS = [{"customer_id": "C0", "parent_id": "C1"}, {"customer_id": "C1"}]


def invoice(number: int, customer_id: str) -> dict[str, str]:
    told = {"invoice_id": f"I{number}", "customer_id": customer_id, "amount": "100.00", "currency": "EUR"}
    return told | {"issued_on": "2026-03-02", "due_on": "2026-03-20"}


@pytest.fixture
def export() -> Ledger:
    invoices = [invoice(number, CUSTOMERS[number % 8]) for number in range(24)]
    return Ledger.from_rows({"invoices": invoices, "payments": [], "customers": GROUPS})


@pytest.fixture
def scorer(export: Ledger, small_model: RiskModel) -> Scorer:
    return Scorer(export, small_model, Policy.load(), DAY)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk.open(tmp_path) as desk:
        yield desk


def anything(writing: Writing, draw: random.Random, number: int) -> None:
    """One thing that somebody may tell the desk; some come without the customer, some of a new one."""
    place, on = draw.randrange(24), {"known_on": str(DAY)}
    about: dict[str, Any] = {"invoice_id": f"I{place}"}
    if draw.random() < 0.7:
        about["customer_id"] = CUSTOMERS[place % 8]
    what = draw.randrange(5)
    if what == 0:
        writing.add("invoices", invoice(100 + number, draw.choice([*CUSTOMERS, "NEW"])))
    elif what == 1:
        writing.add("payments", about | on | {"paid_on": str(DAY), "amount": "1.00"})
    elif what == 2:
        writing.add("promises", about | on | {"made_on": str(DAY), "promised_on": "2026-04-03"})
    elif what == 3:
        made = writing.add("disputes", about | on | {"opened_on": str(DAY)})
        writing.change("disputes", made.record_id, {"status": "resolved", "closed_on": str(DAY)}, 1)
    else:
        told = {"customer_id": draw.choice(CUSTOMERS), "contacted_on": str(DAY), "channel": "phone"}
        writing.add("contacts", told | on)


def same(one: LiveScorer, other: LiveScorer) -> None:
    assert one.changed == other.changed and one.part is not None and other.part is not None
    for name in TABLES:
        pd.testing.assert_frame_equal(one.part.ledger.tables[name], other.part.ledger.tables[name])
    pd.testing.assert_frame_equal(one.score_open(full=True), other.score_open(full=True))


@pytest.mark.parametrize("seed", range(3))
def test_reading_bit_by_bit_is_reading_at_once(export: Ledger, scorer: Scorer, desk: Desk, seed: int) -> None:
    live, draw = Live(export, desk, 0), random.Random(seed)
    for number in range(6):
        with desk.writing(Actor("all", "administrator"), NOW) as writing:
            for each in range(draw.randint(1, 3)):
                anything(writing, draw, 10 * number + each)
        found = live.over(scorer)
        assert live.over(scorer) is found
        same(found, Live(export, desk, 0).over(scorer))


def test_a_group_is_read_together(export: Ledger, scorer: Scorer, desk: Desk) -> None:
    live = Live(export, desk, 0)
    with desk.writing(Actor("all", "administrator"), NOW) as writing:
        writing.add("contacts", {"customer_id": "C0", "contacted_on": str(DAY)})
    assert live.over(scorer).changed == {"C0", "C1"}
