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
from serving.office import Office
from serving.policy import Policy
from serving.scoring import Scorer
from serving.tiers import kept_changes, tiers_at
from serving.worklist import Worklist
from serving.worklist.items import items_now
from tests.api_service import desk_of
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
    with desk_of(tmp_path, 5.0) as desk:
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


@pytest.mark.parametrize("seed", range(3))
def test_tiers_and_list_of_what_changed_are_those_of_everything(
    export: Ledger, scorer: Scorer, desk: Desk, seed: int
) -> None:
    _tiers_were_kept(desk)
    office, draw = Office(desk, export, lambda: NOW), random.Random(seed)
    for number in range(4):
        with desk.writing(Actor("all", "administrator"), NOW) as writing:
            for each in range(draw.randint(1, 3)):
                anything(writing, draw, 10 * number + each)
        live = office.live(scorer)
        found, listed = office.tiers(live), office.worklist(live)
        again = tiers_at(live, items_now(live, DAY, {}, None), kept_changes(desk))
        assert found is not None and again is not None and found.customers == again.customers
        assert (found.groups, found.changes, found.kept) == (again.groups, again.changes, again.kept)
        assert (found.best_since, found.week_before) == (again.best_since, again.week_before)
        told = Worklist.make(live, tiers=again)
        assert listed.as_dict() == told.as_dict()
        pd.testing.assert_frame_equal(listed.left_out, told.left_out)


def _tiers_were_kept(desk: Desk) -> None:
    """As nights before left them, also of a customer of whom nothing is open any more."""
    days = {"C2": "2026-03-01", "C3": "2026-03-28", "GONE": "2026-03-10", "C1": "2026-03-12"}
    with desk.writing(Actor("night", "administrator"), NOW) as writing:
        for name, day in days.items():
            told = {"customer_id": name, "changed_on": day, "new": "high", "policy_version": "P"}
            writing.add("tier_changes", told | {"rule": "group_first_seen" if name == "C1" else "first_seen"})


def test_what_a_write_leaves_as_it_was_is_not_made_again(export: Ledger, scorer: Scorer, desk: Desk) -> None:
    office, somebody = Office(desk, export, lambda: NOW), Actor("ann", "analyst")
    with desk.writing(somebody, NOW) as writing:
        writing.add("contacts", {"customer_id": "C4", "contacted_on": str(DAY)})
    before = office.live(scorer)
    listed = office.worklist(before)
    with desk.writing(somebody, NOW) as writing:
        writing.add("notes", {"customer_id": "C2", "noted_on": str(DAY), "text": "a note"})
    now = office.live(scorer)
    assert now is not before and now.is_like(before) and office.worklist(now) is listed
    with desk.writing(somebody, NOW) as writing:
        until = {"case_id": "C2", "customer_id": "C2", "snoozed_until": "2026-04-09"}
        writing.add("case_states", until, "C2")
    then = office.live(scorer)
    assert then.is_like(now) and office.worklist(then) is not listed
    assert office.worklist(then).counts()["snoozed"] == 1
    with desk.writing(somebody, NOW) as writing:
        writing.add("payments", {"invoice_id": "I2", "paid_on": str(DAY), "amount": "100.00"})
    paid = office.live(scorer)
    assert not paid.is_like(then) and "I2" not in office.items(paid).invoice_id


def test_a_group_is_read_together(export: Ledger, scorer: Scorer, desk: Desk) -> None:
    live = Live(export, desk, 0)
    with desk.writing(Actor("all", "administrator"), NOW) as writing:
        writing.add("contacts", {"customer_id": "C0", "contacted_on": str(DAY)})
    assert live.over(scorer).changed == {"C0", "C1"}
