"""Does the desk keep what it is told, in versions, and answer the same on both databases?"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from serving.desk import (
    Actor,
    AlreadyThere,
    Desk,
    KeyReused,
    RecordError,
    StaleVersion,
    UnknownPolicy,
    UnknownRecord,
    request_digest,
)

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ANA = Actor("Ana", "analyst")
PROMISE = {
    "invoice_id": "I1",
    "customer_id": "C1",
    "made_on": "2026-03-02",
    "promised_on": "2026-03-09",
    "amount": "10.50",
}
NOTE = {"customer_id": "C1", "noted_on": "2026-03-02", "text": "asks for a copy of the invoice"}


def told(desk: Desk, kind: str, content: dict[str, Any], record_id: str | None = None) -> Any:
    with desk.writing(ANA, NOW) as w:
        return w.add(kind, content, record_id)


class TestOneRecord:
    def test_comes_back_as_it_was_told(self, desk: Desk) -> None:
        record = told(desk, "promises", PROMISE, "W1")
        assert desk.get("promises", "W1") == record
        assert record.content == PROMISE | {"status": "open"}
        assert (record.version, record.status, record.changed_at, record.changed_by) == (
            1,
            "open",
            NOW,
            "Ana",
        )

    def test_every_version_is_kept(self, desk: Desk) -> None:
        told(desk, "promises", PROMISE, "W1")
        with desk.writing(Actor("Ben", "analyst"), NOW + timedelta(days=1)) as w:
            w.change("promises", "W1", {"status": "kept"}, expected_version=1)
        versions = desk.history("promises", "W1")
        assert [(each.version, each.status, each.changed_by) for each in versions] == [
            (1, "open", "Ana"),
            (2, "kept", "Ben"),
        ]
        assert desk.get("promises", "W1") == versions[-1]

    def test_null_takes_a_field_away(self, desk: Desk) -> None:
        told(desk, "promises", PROMISE, "W1")
        with desk.writing(ANA, NOW) as w:
            assert "amount" not in w.change("promises", "W1", {"amount": None}, 1).content

    def test_two_people_cannot_overwrite_each_other(self, desk: Desk) -> None:
        told(desk, "promises", PROMISE, "W1")
        with desk.writing(ANA, NOW) as w:
            w.change("promises", "W1", {"person": "Ms Okafor"}, 1)
        with pytest.raises(StaleVersion, match="at version 2, not 1") as stale, desk.writing(ANA, NOW) as w:
            w.change("promises", "W1", {"person": "Mr Lind"}, 1)
        assert (stale.value.expected, stale.value.current) == (1, 2)
        assert desk.get("promises", "W1").content["person"] == "Ms Okafor"

    def test_what_is_not_there_is_said(self, desk: Desk) -> None:
        for ask in (desk.get, desk.history):
            with pytest.raises(UnknownRecord, match="promises has no record 'W9'"):
                ask("promises", "W9")
        with pytest.raises(UnknownRecord), desk.writing(ANA, NOW) as w:
            w.change("promises", "W9", {}, 1)
        with pytest.raises(ValueError, match="no kind of record 'promise'"):
            desk.find("promise")

    def test_an_id_is_given_once(self, desk: Desk) -> None:
        first = told(desk, "notes", NOTE, "T1")
        with pytest.raises(AlreadyThere, match="has a record 'T1' already") as there:
            told(desk, "notes", NOTE, "T1")
        assert there.value.record == first

    @pytest.mark.parametrize(
        ("kind", "content", "expected"),
        [
            ("promises", PROMISE, "W-1"),
            ("promises", PROMISE | {"promise_id": "W77"}, "W77"),
            ("payments", {"payment_id": "P1", "invoice_id": "I1", "paid_on": "2026-03-02"}, "P1:I1"),
            ("payments", {"invoice_id": "I1", "paid_on": "2026-03-02"}, "P-1"),
            ("flags", {"customer_id": "C1", "flag": "hardship", "since": "2026-03-02"}, "C1:hardship"),
            ("customers", {"customer_id": "C1"}, "C1"),
        ],
    )
    def test_is_named_by_its_own_number_or_by_the_desk(
        self, desk: Desk, kind: str, content: dict[str, Any], expected: str
    ) -> None:
        assert told(desk, kind, content).record_id == expected

    def test_a_number_that_somebody_chose_is_not_given_again(self, desk: Desk) -> None:
        told(desk, "notes", NOTE, "T-2")
        assert told(desk, "notes", NOTE).record_id == "T-2-1"


class TestWhatIsRefused:
    def test_lists_everything_and_writes_nothing(self, desk: Desk) -> None:
        with pytest.raises(RecordError) as refused:
            told(desk, "promises", PROMISE | {"amount": "-1", "promised_on": "2026-03-01", "colour": "red"})
        assert {flaw.pointer for flaw in refused.value.flaws} == {"/amount", "/promised_on", "/colour"}
        assert desk.sequence() == 0

    def test_one_bad_item_takes_nothing_from_the_others(self, desk: Desk) -> None:
        with desk.writing(ANA, NOW) as w:
            w.add("notes", NOTE, "T1")
            for refused, wrong in ((RecordError, {"text": ""}), (AlreadyThere, NOTE)):
                with pytest.raises(refused):
                    w.add("notes", wrong, "T1")
            with pytest.raises(StaleVersion):
                w.change("notes", "T1", {"text": "other"}, 7)
            w.add("notes", NOTE, "T2")
        assert [each.record_id for each in desk.find("notes")] == ["T1", "T2"]
        assert desk.verify_audit().is_valid

    def test_a_fault_takes_back_the_whole_transaction(self, desk: Desk) -> None:
        with pytest.raises(ZeroDivisionError), desk.writing(ANA, NOW) as w:
            w.add("notes", NOTE, "T1")
            w.save_policy("v1", "tiers: …")
            w.remember("key", "digest", {})
            raise ZeroDivisionError
        with desk.writing(ANA, NOW) as w:
            assert w.once("key", "digest") is None
        assert (desk.find(), desk.policies(), desk.sequence()) == ([], [], 0)

    @pytest.mark.parametrize(
        ("then", "flaw"),
        [
            ({"status": "open"}, "/status: kept may become partially_kept, broken, not open"),
            ({"promise_id": "W2"}, "/promise_id: names the record and cannot change"),
        ],
    )
    def test_a_life_goes_one_way(self, desk: Desk, then: dict[str, str], flaw: str) -> None:
        told(desk, "promises", PROMISE | {"promise_id": "W1", "status": "kept"})
        with pytest.raises(RecordError) as refused, desk.writing(ANA, NOW) as w:
            w.change("promises", "W1", then, 1)
        assert flaw in str(refused.value)

    def test_an_actor_has_a_name_and_a_role_that_exists(self) -> None:
        with pytest.raises(ValueError, match="there is no role 'boss'"):
            Actor("Ana", "boss")
        with pytest.raises(ValueError, match="cannot name an actor"):
            Actor("\n", "analyst")

    def test_a_moment_needs_its_zone(self, desk: Desk) -> None:
        with pytest.raises(ValueError, match="time zone"), desk.writing(ANA, datetime(2026, 3, 2)):
            pass


class TestFinding:
    def test_by_kind_customer_invoice_and_status_in_the_order_of_arrival(self, desk: Desk) -> None:
        told(desk, "promises", PROMISE, "W1")
        told(desk, "notes", NOTE, "T1")
        told(desk, "promises", PROMISE | {"invoice_id": "I2", "customer_id": "C2"}, "W0")
        with desk.writing(ANA, NOW) as w:
            w.change("promises", "W1", {"status": "broken"}, 1)

        def ids(*kind: str, **given: Any) -> list[str]:
            return [each.record_id for each in desk.find(*kind, **given)]

        assert ids() == ["W1", "T1", "W0"]
        assert ids("promises") == ["W1", "W0"]
        assert ids(customer_ids=["C1", "C9"]) == ["W1", "T1"]
        assert ids("promises", invoice_ids=["I2"]) == ["W0"]
        assert ids(status="broken") == ["W1"]
        assert ids(status=["open", "broken"]) == ["W1", "W0"]
        assert ids(customer_ids=[]) == []

    def test_pages_neither_skip_nor_repeat_while_others_write(self, desk: Desk) -> None:
        for number in range(5):
            told(desk, "notes", NOTE, f"T{number}")
        seen, after = [], None
        while page := desk.find("notes", after=after, limit=2):
            seen += [each.record_id for each in page]
            after = page[-1].number
            with desk.writing(ANA, NOW) as w:  # a change moves nothing; what is new comes last
                w.change("notes", "T0", {"text": f"read up to {after}"}, len(desk.history("notes", "T0")))
        assert seen == [f"T{number}" for number in range(5)]

    def test_a_timeline_begins_with_what_came_last(self, desk: Desk) -> None:
        told(desk, "promises", PROMISE, "W1")
        told(desk, "notes", NOTE, "T1")
        told(desk, "notes", NOTE | {"customer_id": "C2"}, "T2")
        with desk.writing(ANA, NOW) as w:
            w.change("promises", "W1", {"status": "kept"}, 1)
        assert [each.record_id for each in desk.timeline(["C1"])] == ["W1", "T1"]
        assert [each.record_id for each in desk.timeline({"C1", "C2"})] == ["W1", "T2", "T1"]

    def test_as_many_customers_as_one_likes(self, desk: Desk) -> None:
        told(desk, "notes", NOTE)
        assert len(desk.find(customer_ids=[f"C{number}" for number in range(100_000)])) == 1


class TestWhatChanged:
    def test_is_told_by_customer_also_by_the_one_it_left(self, desk: Desk) -> None:
        told(desk, "notes", NOTE, "T1")
        told(desk, "payments", {"invoice_id": "I5", "paid_on": "2026-03-02"})
        since = desk.sequence()
        assert (desk.changed_customers(0), desk.changed_invoices(0)) == ({"C1"}, {"I5"})
        assert desk.changed_customers(since) == set()
        with desk.writing(ANA, NOW) as w:
            w.change("notes", "T1", {"customer_id": "C2"}, 1)
        assert desk.changed_customers(since) == {"C1", "C2"}
        assert desk.sequence() > since

    def test_erasure_is_a_change(self, desk: Desk) -> None:
        told(desk, "notes", NOTE)
        since = desk.sequence()
        desk.erase(Actor("Ada", "administrator"), NOW, "C1", "asked on 1 March")
        assert desk.changed_customers(since) == {"C1"}


class TestKeys:
    def test_a_retry_gets_the_answer_that_was_given(self, desk: Desk) -> None:
        digest = request_digest("POST", "/v1/notes", NOTE)
        with desk.writing(ANA, NOW) as w:
            assert w.once("k1", digest) is None
            w.add("notes", NOTE, "T1")
            w.remember("k1", digest, {"id": "T1"})
        with desk.writing(ANA, NOW) as w:
            assert w.once("k1", digest) == {"id": "T1"}
            with pytest.raises(KeyReused, match="another request"):
                w.once("k1", request_digest("POST", "/v1/notes", {}))

    def test_belong_to_whoever_sent_them(self, desk: Desk) -> None:
        with desk.writing(ANA, NOW) as w:
            w.remember("k1", "d", {"id": "T1"})
        with desk.writing(Actor("Ben", "analyst"), NOW) as w:
            assert w.once("k1", "other") is None

    def test_expire(self, desk: Desk) -> None:
        with desk.writing(ANA, NOW, keys_kept_days=7) as w:
            w.remember("k1", "d", {"id": "T1"})
        with desk.writing(ANA, NOW + timedelta(days=6), keys_kept_days=7) as w:
            assert w.once("k1", "d") == {"id": "T1"}
        with desk.writing(ANA, NOW + timedelta(days=7), keys_kept_days=7) as w:
            assert w.once("k1", "d") is None
            w.remember("k1", "another", {"id": "T2"})
            assert w.once("k1", "another") == {"id": "T2"}


class TestPolicies:
    def test_are_saved_activated_and_rolled_back(self, desk: Desk) -> None:
        assert desk.active_policy() is None
        with desk.writing(ANA, NOW) as w:
            w.save_policy("v1", "tiers: 1", "the first")
            w.save_policy("v2", "tiers: 2", "calmer")
            w.activate_policy("v1", "to begin with")
            w.activate_policy("v2", "agreed on Monday")
        active = desk.active_policy()
        assert active and (active.version, active.text, active.why) == ("v2", "tiers: 2", "agreed on Monday")
        with desk.writing(ANA, NOW) as w:
            w.activate_policy("v1", "back again")
        assert [(each.version, each.is_active) for each in desk.policies()] == [("v1", True), ("v2", False)]
        assert [each.version for each in desk.activations()] == ["v1", "v2", "v1"]

    def test_a_version_has_one_text(self, desk: Desk) -> None:
        with desk.writing(ANA, NOW) as w:
            w.save_policy("v1", "tiers: 1")
            w.save_policy("v1", "tiers: 1", "again")
            with pytest.raises(RecordError, match="kept with another text"):
                w.save_policy("v1", "tiers: 2")
            with pytest.raises(UnknownPolicy, match="'v9'"):
                w.activate_policy("v9", "why not")
        assert len(desk.policies()) == 1


def test_a_decision_is_traceable_years_later(desk: Desk) -> None:
    decision = {
        "customer_id": "C1",
        "invoice_id": "I1",
        "decided_on": "2026-03-02",
        "recommended": "call",
        "chosen": "visit",
        "override_reason": "they asked us to come by",
        "recommended_by": "rule 4",
        "score": {"p_late": 0.31, "model_version": "0123456789ab"},
        "features": {"mean_days_late_90": 4.5, "country": "DE", "credit_score": None},
        "reasons": [{"code": "habit", "sentence": "paid 4.5 days late on average"}],
        "model_version": "0123456789ab",
        "policy_version": "v1",
    }
    with pytest.raises(RecordError, match="/policy_version: no policy of version 'v1'"):
        told(desk, "decisions", decision)
    with desk.writing(ANA, NOW) as w:
        w.save_policy("v1", "tiers: 1")
        record = w.add("decisions", decision)
        w.save_policy("v2", "tiers: 2")
        w.activate_policy("v2", "newer")
    trace = desk.decision_trace(record.record_id)
    assert trace.policy and trace.policy.text == "tiers: 1"
    assert {name: trace.decision.content.get(name) for name in decision} == decision
    assert trace.decision.changed_by == "Ana"


def test_writers_in_threads_lose_nothing(desk: Desk) -> None:
    def write(number: int) -> None:
        for place in range(5):
            told(desk, "notes", NOTE, f"T{number}-{place}")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(desk.find("notes")) == 30
    verdict = desk.verify_audit()
    assert verdict.is_valid and verdict.anchor == verdict.head


def test_a_desk_opened_twice_is_one_desk(tmp_path: Path, desk: Desk, database_url: str | None) -> None:
    with Desk.open(desk.home, database_url) as other:
        told(desk, "notes", NOTE, "T1")
        told(other, "notes", NOTE, "T2")
        told(desk, "notes", NOTE, "T3")
        assert len(other.find("notes")) == len(desk.find("notes")) == 3
        assert other.verify_audit().is_valid
