"""Is what the pages keep never older than the desk? After every write they say what pages say that keep nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any

import pytest

from serving.api.access import Access
from serving.api.app import create_app
from serving.api.guard import Guard
from serving.api.readiness import Readiness
from serving.api.settings import Settings
from serving.desk import Actor, Writing
from serving.office import Latest, Office
from serving.pages.kept import Kept
from serving.pages.later import Again
from serving.scoring import Scorer
from tests.api_service import NOW, desk_of
from tests.caller import Caller
from tests.house import BOOK_DAY, PATIENT_SECONDS

ANALYST = Actor("ana", "analyst")
DAY = BOOK_DAY.isoformat()
PAGES = (
    "/today",
    "/customers/C",
    "/customers/P",
    "/customers/C/conversation",
    "/customers/C/hand-over",
    "/invoices/A1",
    "/invoices/A1/what-if",
    "/disputes",
    "/portfolio",
    "/portfolio/losses",
    "/portfolio/exits",
)
WORKED_OUT_LATER = {"/disputes": ("causes",), "/portfolio": ("cash", "figures", "sentence")}
"""Parts that are begun when first asked for, and are there some time after."""
ABOUT = {"customer_id": "C", "invoice_id": "A1"}
Act = Callable[[Writing], Any]


class Desks:
    """One office, asked by pages that keep what they found and by others that find everything anew."""

    def __init__(self, home: Path, scorer: Scorer) -> None:
        self.home, self.scorer = home, scorer
        self.office = Office(desk_of(home, 5.0), scorer.ledger, lambda: NOW)
        self._keeping = self._pages(self.office)

    def _pages(self, office: Office) -> Caller:
        readiness = Readiness(lambda: self.scorer, open_office=lambda one: office)
        readiness.load()
        settings = Settings(home=self.home, timeout_seconds=PATIENT_SECONDS)
        return Caller(
            Guard(create_app(readiness, PATIENT_SECONDS), settings, Access(self.home, False, lambda: True))
        )

    def kept(self) -> dict[str, Any]:
        return _told(self._keeping)

    def anew(self) -> dict[str, Any]:
        other = copy(self.office)
        other._live = copy(self.office._live)
        other._live._kept = None
        other._items, other._items_now, other._told, other._changes = [], None, None, None
        for name in ("_tiers", "_whole_tiers", "_rows", "_worklist"):
            setattr(other, name, Latest())
        return _told(self._pages(other))

    def write(self, act: Act) -> None:
        with self.office.desk.writing(ANALYST, NOW) as writing:
            act(writing)


def _told(pages: Caller) -> dict[str, Any]:
    found = {}
    for page in PAGES:
        answer = pages.get(f"{page}.json")
        while answer.json().get("waiting_seconds") is not None:
            answer = pages.get(f"{page}.json")
        assert answer.status_code == 200, (page, answer.text)
        left_out = WORKED_OUT_LATER.get(page, ())
        found[page] = {name: part for name, part in answer.json().items() if name not in left_out}
    return found


def _adds(kind: str, **content: Any) -> Act:
    return lambda writing: writing.add(kind, content)


WRITES: dict[str, tuple[Act, str]] = {
    "a note": (_adds("notes", customer_id="C", noted_on=DAY, text="heard"), "/customers/C"),
    "a promise": (
        _adds("promises", **ABOUT, made_on=DAY, promised_on="2026-04-03", amount="900.00", currency="EUR"),
        "/customers/C",
    ),
    "a dispute": (_adds("disputes", **ABOUT, opened_on=DAY, reason="quality"), "/disputes"),
    "a contact": (
        _adds("contacts", customer_id="C", contacted_on=DAY, next_contact_on="2026-04-09"),
        "/today",
    ),
    "a payment": (
        _adds("payments", **ABOUT, paid_on=DAY, known_on=DAY, amount="400.00", currency="EUR"),
        "/portfolio",
    ),
    "a pay run": (
        _adds("flags", customer_id="C", flag="pay_run", value="Friday", since="2026-03-01"),
        "/customers/C",
    ),
    "a case set aside": (
        _adds("case_states", case_id="C", customer_id="C", snoozed_until="2026-04-20", note="away"),
        "/today",
    ),
    "a review": (
        _adds("reviews", customer_id="P", reviewed_on=DAY, outcome="keep", why="pays well"),
        "/customers/P",
    ),
    "a tier": (
        _adds("tier_changes", customer_id="C", changed_on="2026-03-30", new="low", rule="first_seen"),
        "/customers/C",
    ),
}
"""What is written, and a page that cannot say the same as before."""


@pytest.mark.parametrize("name", WRITES)
def test_a_write_is_seen_at_once(tmp_path: Path, scorer: Scorer, name: str) -> None:
    desks, (act, page) = Desks(tmp_path, scorer), WRITES[name]
    before = desks.kept()
    desks.write(act)
    after = desks.kept()
    assert after == desks.anew()
    assert after[page] != before[page]


def test_writes_of_a_day_one_after_the_other(tmp_path: Path, scorer: Scorer) -> None:
    desks = Desks(tmp_path, scorer)
    for act, _ in WRITES.values():
        desks.kept()
        desks.write(act)
    assert desks.kept() == desks.anew()


def test_a_dispute_that_is_settled_no_longer_holds_the_invoice(tmp_path: Path, scorer: Scorer) -> None:
    desks = Desks(tmp_path, scorer)
    made: list[Any] = []
    desks.write(lambda writing: made.append(writing.add("disputes", {**ABOUT, "opened_on": DAY})))
    assert desks.kept()["/disputes"]["counts"]["disputes"] == 1
    settled = {"closed_on": DAY, "status": "resolved"}
    desks.write(lambda writing: writing.change("disputes", made[0].record_id, settled, made[0].version))
    after = desks.kept()
    assert after["/disputes"]["counts"]["disputes"] == 0 and after == desks.anew()


def test_what_no_score_depends_on_leaves_the_list_as_it_is(tmp_path: Path, scorer: Scorer) -> None:
    office = Desks(tmp_path, scorer).office
    before = office.live(scorer)
    kept = office.worklist(before), office.tiers(before), office.items(before)
    with office.desk.writing(ANALYST, NOW) as writing:
        writing.add("notes", {"customer_id": "C", "noted_on": DAY, "text": "heard"})
    after = office.live(scorer)
    assert after is not before  # the moment is another: what the desk alone tells is told anew
    found = office.worklist(after), office.tiers(after), office.items(after)
    assert all(a is b for a, b in zip(kept, found, strict=True))


class TestBooks:
    def test_what_is_found_is_found_once_and_given_up_with_its_book(
        self, tmp_path: Path, scorer: Scorer
    ) -> None:
        office, kept, asked = Desks(tmp_path, scorer).office, Kept(), []

        def look(customer: str) -> str:
            live = office.live(scorer)
            return kept.of_books(live, [live.of_customer(customer)], customer, lambda: asked.append(customer))

        for customer in ("C", "P", "C", "P"):
            look(customer)
        assert asked == ["C", "P"]
        with office.desk.writing(ANALYST, NOW) as writing:
            writing.add("contacts", {"customer_id": "C", "contacted_on": DAY})
        for customer in ("C", "P"):
            look(customer)
        assert asked == ["C", "P", "C"]  # of P nothing was written: its book is the same
        other = scorer.with_policy(scorer.policy)
        live = office._live.over(other)
        kept.of_books(live, [live.whole], "P", lambda: asked.append("P"))
        assert asked == ["C", "P", "C", "P"] and len(kept._of_books) == 1


class TestAhead:
    def test_what_pages_share_is_there_before_anybody_asks_also_after_a_form(
        self, tmp_path: Path, scorer: Scorer
    ) -> None:
        desks, kept, done = Desks(tmp_path, scorer), Kept(looks_ahead=True), []
        kept.works["figures"] = lambda office, whole: done.append(whole)
        office, made = desks.office, []
        original = office.worklist
        office.worklist = lambda live: made.append(live) or original(live)  # type: ignore[method-assign]
        first = office.live(scorer)
        for _ in range(3):  # of one moment it is made once
            kept.look_ahead(office, scorer, first)
            while not done or "open_book" not in kept._made:
                pass
        assert made == [first] and done == [first.whole]
        desks.write(WRITES["a contact"][0])
        kept.look_ahead(office, scorer)
        while len(made) < 2:
            pass
        assert made[1] is office.live(scorer) and made[1] is not first
        assert done == [first.whole]  # the loaded book is the same

    def test_pages_that_do_not_look_ahead_begin_nothing(self, tmp_path: Path, scorer: Scorer) -> None:
        office, kept = Desks(tmp_path, scorer).office, Kept()
        kept.look_ahead(office, scorer)
        assert not kept._making_ahead._is_at_it


def test_a_work_asked_for_while_it_is_done_is_done_once_more() -> None:
    done, may_end = [], threading.Event()

    def work() -> None:
        done.append(1)
        may_end.wait(60)

    again = Again(work)
    again.ask()
    while not done:
        pass
    for _ in range(5):
        again.ask()
    may_end.set()
    while any(each.name == "duecourse again" for each in threading.enumerate()):
        pass
    assert len(done) == 2
