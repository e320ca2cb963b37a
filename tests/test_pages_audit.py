"""Does the audit page find who did what, tell what changed, and keep what it must withhold?"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from serving import users
from serving.desk import Actor
from serving.scoring import Scorer
from tests.house import QUICK, Browser, House


@pytest.fixture
def house(tmp_path: Path, scorer: Scorer, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(users, "_hasher", QUICK)
    return House(tmp_path, scorer, requires_token=True)


def note(browser: Browser, customer: str, text: str) -> None:
    told = {"customer_id": customer, "text": text}
    assert browser.send(f"/customers/{customer}", f"/customers/{customer}/notes", told).status_code == 303


def test_entries_are_found_by_person_customer_kind_and_day(house: House) -> None:
    ana, mia = house.signed_in("ana", "analyst"), house.signed_in("mia", "credit_manager")
    note(ana, "C", "one")
    note(mia, "P", "two")
    today = house.clock.now.date().isoformat()
    for query, texts in (
        ("actor=ana&kind=notes", ["one"]),
        ("customer_id=P", ["two"]),
        (f"kind=notes&first_day={today}&last_day={today}", ["two", "one"]),
        ("kind=notes&last_day=2001-01-01", []),
        ("kind=promises", []),
    ):
        told = mia.get(f"/audit.json?{query}").json()["entries"]
        said = [next(of["after"] for of in each["changes"] if of["field"] == "text") for each in told]
        assert said == texts, query
    assert ana.get("/audit").status_code == 403


def test_a_change_tells_before_and_after(house: House) -> None:
    mia = house.signed_in("mia", "credit_manager")
    for place in ("3", "5"):
        told = {"position": place, "reason": f"place {place}"}
        assert mia.send("/today", "/today/C", told).status_code == 303
    entry = mia.get("/audit.json?kind=case_states").json()["entries"][0]
    changed = {each["field"]: (each["before"], each["after"]) for each in entry["changes"]}
    assert entry["version"] == 2 and changed["position"] == (3, 5)
    assert changed["position_reason"] == ("place 3", "place 5")


def test_pages_of_the_log_meet_without_a_gap(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.pages.audit.SHOWN", 3)
    mia = house.signed_in("mia", "credit_manager")
    for count in range(7):
        note(mia, "C", f"note {count}")
    seen, query = [], ""
    while True:
        told = mia.get(f"/audit.json?kind=notes{query}").json()
        seen += [each["position"] for each in told["entries"]]
        if told["before"] is None:
            break
        query = f"&before={told['before']}"
    assert len(seen) == 7 and seen == sorted(set(seen), reverse=True)
    assert "before=" in mia.get("/audit?kind=notes").text


def test_the_table_runs_no_formula(house: House) -> None:
    mia = house.signed_in("mia", "credit_manager")
    with house.desk.writing(Actor("erp", "ar_system"), house.clock()) as writing:
        writing.add(
            "notes",
            {"customer_id": "C", "text": "from elsewhere", "noted_on": "2026-03-31"},
            record_id="=1+1",
        )
    answer = mia.get("/audit/entries.csv?kind=notes")
    assert answer.headers["content-disposition"] == 'attachment; filename="entries.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["record_id"], row["customer_id"]) for row in rows] == [("'=1+1", "C")]
