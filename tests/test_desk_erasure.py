"""Is everything that tells of a person gone after erasure, everywhere, while amounts and the chain stay?"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from serving.desk import Actor, Desk, KeyReused
from serving.desk.backup import back_up, restore

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ANA, ADA = Actor("Ana", "analyst"), Actor("Ada", "administrator")
SECRET = "Zephyrine"


@pytest.fixture
def told(desk: Desk) -> Desk:
    """A sole trader with records of many kinds, each telling her name."""
    with desk.writing(ANA, NOW) as w:
        w.save_policy("v1", "tiers: 1")
        w.add("customers", {"customer_id": "C1", "name": SECRET, "debtor_type": "sole_trader"})
        w.add(
            "promises",
            {
                "invoice_id": "I1",
                "customer_id": "C1",
                "made_on": "2026-03-02",
                "promised_on": "2026-03-09",
                "amount": "10.50",
                "person": SECRET,
            },
            "W1",
        )
        w.add(
            "nonpayment_reasons",
            {"invoice_id": "I1", "recorded_on": "2026-03-02", "reason": "ill", "person": SECRET},
        )
        w.add("notes", {"customer_id": "C1", "noted_on": "2026-03-02", "text": f"{SECRET} is ill"}, "T1")
        w.change("notes", "T1", {"text": f"{SECRET} is well again"}, 1)
        w.add(
            "decisions",
            {
                "customer_id": "C1",
                "decided_on": "2026-03-02",
                "recommended": "call",
                "chosen": "wait",
                "override_reason": f"{SECRET} asked for it",
                "policy_version": "v1",
            },
            "X1",
        )
        w.add("notes", {"customer_id": "C2", "noted_on": "2026-03-02", "text": "somebody else"}, "T2")
        w.remember("k1", "digest", {"name": SECRET})
    return desk


def everything(desk: Desk) -> str:
    """All that the tables hold, as text."""
    from serving.desk.tables import metadata

    with desk.engine.connect() as connection:
        return "\n".join(
            str(row) for table in metadata.sorted_tables for row in connection.execute(table.select())
        )


def test_nothing_tells_of_her_any_more(told: Desk) -> None:
    assert SECRET in everything(told)
    assert told.erase(ADA, NOW, "C1", "she asked on 1 March") == 6
    assert SECRET not in everything(told)
    promise = told.get("promises", "W1")
    assert (promise.content["person"], promise.content["amount"], promise.is_erased) == (
        "[erased]",
        "10.50",
        True,
    )
    assert [each.content["text"] for each in told.history("notes", "T1")] == ["[erased]", "[erased]"]
    assert told.get("notes", "T2").content["text"] == "somebody else"
    assert told.get("decisions", "X1").content["chosen"] == "wait"
    assert told.ledger_rows()["customers"][0]["name"] == ""


def test_nor_do_the_files(told: Desk) -> None:
    if told.engine.dialect.name != "sqlite":
        return
    told.erase(ADA, NOW, "C1", "she asked")
    told.close()
    files = [file for file in told.home.iterdir() if file.is_file()]
    assert (told.home / "desk.db") in files
    assert [file.name for file in files if SECRET.encode() in file.read_bytes()] == []


def test_what_names_only_an_invoice_is_found_by_the_ledgers_numbers(told: Desk) -> None:
    with told.writing(ANA, NOW) as w:
        w.add("disputes", {"invoice_id": "I77", "opened_on": "2026-03-02", "person": SECRET}, "D1")
    told.erase(ADA, NOW, "C1", "she asked")
    assert told.get("disputes", "D1").content["person"] == SECRET
    assert told.erase(ADA, NOW, "C1", "she asked", ["I77"]) == 1
    assert SECRET not in everything(told)


def test_the_chain_holds_and_says_what_was_erased(told: Desk) -> None:
    told.erase(ADA, NOW, "C1", "she asked on 1 March")
    verdict = told.verify_audit()
    assert verdict.is_valid, verdict.problems
    [erased] = verdict.erased
    assert (erased.versions, erased.who, erased.why) == (6, "Ada", "she asked on 1 March")
    assert ("notes", "T1") in erased.records and len(erased.records) == 5


def test_what_comes_later_is_kept_until_it_is_erased_too(told: Desk) -> None:
    told.erase(ADA, NOW, "C1", "she asked")
    with told.writing(ANA, NOW) as w:
        w.change("notes", "T1", {"text": f"{SECRET} came back"}, 2)
    assert told.erase(ADA, NOW, "C1", "she asked again") == 1
    assert SECRET not in everything(told)
    assert told.erase(ADA, NOW, "C1", "once more") == 0
    verdict = told.verify_audit()
    assert verdict.is_valid and [each.versions for each in verdict.erased] == [6, 1]


def test_a_retry_does_not_bring_her_back(told: Desk) -> None:
    told.erase(ADA, NOW, "C1", "she asked")
    with told.writing(ANA, NOW) as w, pytest.raises(KeyReused):
        w.once("k1", "digest")


def test_a_reason_is_needed(told: Desk) -> None:
    with pytest.raises(ValueError, match="say why"):
        told.erase(ADA, NOW, "C1", " ")
    assert SECRET in everything(told)


def test_a_backup_from_before_does_not_bring_her_back(
    told: Desk, tmp_path: Path, database_url: str | None
) -> None:
    file = tmp_path / "before.db"
    back_up(told, file)
    told.erase(ADA, NOW, "C1", "she asked")
    restore(told.home, database_url, file, ADA, NOW, replace=True)
    assert SECRET not in everything(told)
    verdict = told.verify_audit()
    assert verdict.is_valid, verdict.problems
    assert [each.why for each in verdict.erased] == ["she asked"]


class TestRetention:
    def test_blanks_what_is_older_than_the_period(self, desk: Desk) -> None:
        with desk.writing(ANA, NOW) as w:
            w.add("notes", {"customer_id": "C1", "noted_on": "2026-03-02", "text": SECRET}, "T1")
            w.add("contacts", {"customer_id": "C1", "contacted_on": "2026-03-02", "person": SECRET}, "K1")
            w.add(
                "messages",
                {"customer_id": "C1", "sent_on": "2026-03-02", "channel": "email", "body": SECRET},
                "M1",
            )
            w.add("disputes", {"invoice_id": "I1", "opened_on": "2026-03-02", "note": SECRET}, "D1")
        later = NOW + timedelta(days=400)
        with desk.writing(ANA, later) as w:
            w.add("notes", {"customer_id": "C1", "noted_on": "2027-04-01", "text": SECRET}, "T2")
        assert desk.forget(ADA, later, kept_days=500) == 0
        assert desk.forget(ADA, later, kept_days=365) == 3
        assert desk.forget(ADA, later, kept_days=365) == 0
        assert [SECRET in json.dumps(each.content) for each in desk.find()] == [
            False,
            False,
            False,
            True,
            True,
        ]
        verdict = desk.verify_audit()
        assert verdict.is_valid and verdict.erased[0].why == "retention: older than 365 days"

    def test_takes_away_expired_keys(self, desk: Desk) -> None:
        with desk.writing(ANA, NOW) as w:
            w.remember("k1", "d", {"id": "T1"})
        desk.forget(ADA, NOW + timedelta(days=31))
        assert "k1" not in everything(desk)
