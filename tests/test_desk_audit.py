"""Is every change behind the desk's back found, on both databases, and refused where the database can?"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from serving.desk import Actor, Desk, Head, verifying
from serving.desk.anchor import FILE_NAME
from serving.desk.audit import hash_of
from serving.desk.checked import checked_now
from serving.desk.engine import outside_transactions

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ANA = Actor("Ana", "analyst")
ADA = Actor("Ada", "administrator")


@pytest.fixture
def full(desk: Desk) -> Desk:
    """A desk with a bit of everything: entries 1 to 8, the last two an erasure and a note."""
    with desk.writing(ANA, NOW) as w:
        w.save_policy("v1", "tiers: 1")  # 1
        w.activate_policy("v1", "first")  # 2
        w.add("notes", note("C1", "first"), "T1")  # 3
        w.add("notes", note("C2", "second"), "T2")  # 4
        w.add("payments", {"customer_id": "C1", "paid_on": "2026-03-02", "amount": "10"}, "P1")  # 5
        w.change("notes", "T1", {"text": "other"}, 1)  # 6
    desk.erase(ADA, NOW, "C2", "asked")  # 7
    with desk.writing(ANA, NOW) as w:
        w.add("notes", note("C1", "last"), "T3")  # 8
    return desk


def note(customer_id: str, text: str) -> dict[str, str]:
    return {"customer_id": customer_id, "noted_on": "2026-03-02", "text": text}


def tampered(desk: Desk, *statements: str) -> None:
    """Change the database as somebody would who owns it: without triggers and foreign keys."""
    is_sqlite = desk.engine.dialect.name == "sqlite"
    with outside_transactions(desk.engine) as run:
        run("PRAGMA foreign_keys=OFF" if is_sqlite else "SET session_replication_role = replica")
        if is_sqlite:
            for (name,) in run("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                run(f"DROP TRIGGER {name}")
        for statement in statements:
            run(statement)
    desk.engine.dispose()


def test_a_log_that_nobody_touched_holds(full: Desk) -> None:
    verdict = full.verify_audit()
    assert verdict.problems == () and verdict.is_valid
    assert verdict.head.position == 8 and verdict.anchor == verdict.head
    assert "8 entries" in verdict.sentence and "erased from 1 versions" in verdict.sentence
    [erased] = verdict.erased
    assert (erased.who, erased.why, erased.versions, erased.records) == (
        "Ada",
        "asked",
        1,
        (("notes", "T2"),),
    )


def test_an_empty_one_too(desk: Desk) -> None:
    assert desk.verify_audit().is_valid


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["UPDATE audit SET actor = 'Eve' WHERE position = 3"], "entry 3 was changed"),
        (["UPDATE audit SET at = '2020' WHERE position = 8"], "entry 8 was changed"),
        (["UPDATE audit SET detail = '{}' WHERE position = 7"], "entry 7 was changed"),
        (["DELETE FROM audit WHERE position = 4"], "entries 4 to 4 are missing"),
        (["DELETE FROM audit WHERE position = 1"], "entries 1 to 1 are missing"),
        (["DELETE FROM audit WHERE position = 8"], "its end was cut off"),
        (
            ["DELETE FROM records WHERE sequence = 8", "DELETE FROM audit WHERE position = 8"],
            "the log ends at entry 7, but had come to 8",
        ),
        (["DELETE FROM records", "DELETE FROM keys", "DELETE FROM audit"], "had come to 8"),
        (
            [
                "UPDATE audit SET position = 100 WHERE position = 3",
                "UPDATE audit SET position = 3 WHERE position = 4",
                "UPDATE audit SET position = 4 WHERE position = 100",
            ],
            "entry 3 was changed",
        ),
        (
            [
                "INSERT INTO audit SELECT 9, at, actor, role, act, kind, record_id, 9, digest, detail, hash FROM audit "
                "WHERE position = 3"
            ],
            "entry 9 was changed",
        ),
        (
            ["UPDATE records SET content = '{}' WHERE sequence = 3"],
            "notes T1 version 1: the version was changed",
        ),
        (
            ["UPDATE records SET status = 'x' WHERE sequence = 5"],
            "payments P1 version 1: the version was changed",
        ),
        (["UPDATE records SET changed_by = 'Eve' WHERE sequence = 6"], "the version was changed"),
        (["UPDATE records SET salt = 'x' WHERE sequence = 6"], "the version was changed"),
        (["DELETE FROM records WHERE sequence = 5"], "its version of the record is missing"),
        (["UPDATE records SET content = '{}' WHERE sequence = 4"], "the blanked version was changed"),
        (["UPDATE records SET erased_by = NULL WHERE sequence = 4"], "what it blanked is not as it left it"),
        (
            ["UPDATE records SET content = '{}', erased_by = 2 WHERE sequence = 5"],
            "an erasure was added",
        ),
        (["UPDATE records SET content = '{}', erased_by = 99 WHERE sequence = 5"], "an erasure was added"),
        (
            [
                "INSERT INTO records SELECT kind, 'T9', version, 99, 99, is_current, customer_id, invoice_id, status, "
                "content, changed_at, changed_by, salt, NULL FROM records WHERE sequence = 8"
            ],
            "a version was added",
        ),
        (
            [
                "UPDATE records SET is_current = false WHERE sequence = 6",
                "UPDATE records SET is_current = true WHERE sequence = 3",
            ],
            "notes T1 do not follow",
        ),
        (["UPDATE policies SET text = 'tiers: 9'"], "save_policy v1: its row was changed"),
        (["DELETE FROM activations"], "activate_policy v1: its row is missing"),
        (["UPDATE activations SET why = 'never said'"], "activate_policy v1: its row was changed"),
        (
            ["INSERT INTO policies SELECT 'v9', 99, text, note, saved_at, saved_by FROM policies"],
            "a policy was added",
        ),
        (
            ["INSERT INTO activations SELECT 99, version, why, activated_at, activated_by FROM activations"],
            "an activation was added",
        ),
    ],
)
def test_what_was_done_behind_its_back_is_found(full: Desk, statements: list[str], said: str) -> None:
    tampered(full, *statements)
    verdict = full.verify_audit()
    assert not verdict.is_valid
    assert any(said in problem for problem in verdict.problems), verdict.problems
    assert "does not hold" in verdict.sentence


def test_a_log_written_anew_from_the_middle_is_found_by_what_is_kept_outside(full: Desk) -> None:
    with full.engine.connect() as connection:
        entries = [
            dict(row)
            for row in connection.execute(sa.text("SELECT * FROM audit ORDER BY position")).mappings()
        ]
    previous, statements = entries[4]["hash"], []
    for entry in entries[5:]:
        entry["actor"] = "Eve"
        entry["hash"] = previous = hash_of(entry, previous)
        change = "UPDATE audit SET actor = 'Eve', hash = '{}' WHERE position = {}"
        statements.append(change.format(previous, entry["position"]))
    tampered(full, *statements)
    [problem] = full.verify_audit().problems
    assert problem == "entry 8 is not the one that was there before: the log was written anew"


class TestTheAnchor:
    def test_may_lag(self, full: Desk) -> None:
        file = full.home / FILE_NAME
        before = file.read_bytes()
        with full.writing(ANA, NOW) as w:
            w.add("notes", note("C1", "more"))
        file.write_bytes(before)  # as after a crash between commit and anchor
        verdict = full.verify_audit()
        assert verdict.is_valid and verdict.anchor and verdict.anchor.position < verdict.head.position
        with full.writing(ANA, NOW) as w:
            w.add("notes", note("C1", "and more"))
        caught_up = full.verify_audit()
        assert caught_up.anchor == caught_up.head

    def test_never_leads(self, full: Desk) -> None:
        with pytest.raises(ZeroDivisionError), full.writing(ANA, NOW) as w:
            w.add("notes", note("C1", "never told"))
            raise ZeroDivisionError
        assert json.loads((full.home / FILE_NAME).read_bytes())["position"] == 8
        assert full.verify_audit().is_valid

    def test_of_another_database_is_said(self, full: Desk) -> None:
        file = full.home / FILE_NAME
        file.write_text(json.dumps(json.loads(file.read_text()) | {"desk_id": "another"}))
        assert "of another database" in full.verify_audit().problems[0]
        with full.writing(ANA, NOW) as w:
            w.add("notes", note("C1", "more"))
        assert "of another database" in full.verify_audit().problems[0]

    def test_that_is_damaged_is_said(self, full: Desk) -> None:
        (full.home / FILE_NAME).write_text("{")
        assert "holds no anchor" in full.verify_audit().problems[0]

    def test_that_is_missing_is_a_note(self, full: Desk) -> None:
        (full.home / FILE_NAME).unlink()
        verdict = full.verify_audit()
        assert verdict.is_valid and "no anchor is kept" in verdict.notes[0]

    def test_kept_elsewhere_says_the_same(self, full: Desk) -> None:
        kept = full.head()
        assert full.verify_audit(Head("", kept.position, kept.hash)).is_valid
        assert "written anew" in full.verify_audit(Head("", kept.position, "0" * 64)).problems[0]
        assert "cut off" in full.verify_audit(Head("", kept.position + 1, kept.hash)).problems[0]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'Eve'",
        "DELETE FROM audit",
        "UPDATE policies SET text = 'x'",
        "DELETE FROM policies",
        "UPDATE activations SET why = 'x'",
        "DELETE FROM activations",
        "DELETE FROM records",
        "UPDATE records SET status = 'x'",
        "UPDATE records SET changed_by = 'Eve'",
        "UPDATE records SET sequence = sequence + 100",
    ],
)
def test_the_database_itself_refuses(full: Desk, statement: str) -> None:
    with pytest.raises(sa.exc.DBAPIError, match="is append-only"), full.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert full.verify_audit().is_valid


def test_postgresql_refuses_to_truncate(full: Desk) -> None:
    if full.engine.dialect.name == "sqlite":
        return  # it has no TRUNCATE
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), full.engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE audit CASCADE")


def test_a_long_list_of_problems_ends(full: Desk) -> None:
    with full.writing(ANA, NOW) as w:
        for _ in range(80):
            w.add("notes", note("C1", "again"))
    tampered(full, "UPDATE records SET status = 'x'")
    problems = full.verify_audit().problems
    assert len(problems) == 51 and problems[-1].startswith("and more")


class TestBehindACheck:
    @pytest.fixture
    def checked(self, full: Desk) -> Desk:
        """A desk whose first eight entries were checked; a ninth came since."""
        found, latest = checked_now(full, "nightly", NOW)
        assert found.is_valid and found.since is None and latest.head.position == 8
        with full.writing(ANA, NOW) as w:
            w.add("notes", note("C1", "since"), "T4")  # 9
        return full

    def test_only_what_came_since_is_read_and_the_answer_is_the_same(
        self, checked: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read: list[int] = []

        def noted(entry: Any, previous: str) -> str:
            read.append(entry["position"])
            return hash_of(entry, previous)

        monkeypatch.setattr(verifying, "hash_of", noted)
        found, latest = checked_now(checked, "Ana", NOW)
        assert read == [9] and latest.by == "nightly"
        assert replace(found, since=None) == checked.verify_audit() and found.is_valid
        checked_now(checked, "Ana", NOW, is_anew=True)
        assert read[1:] == [*range(1, 10), *range(1, 10)]

    @pytest.mark.parametrize(
        ("statements", "said"),
        [
            (["UPDATE audit SET actor = 'Eve' WHERE position = 9"], "entry 9 was changed"),
            (["UPDATE records SET content = '{}' WHERE sequence = 9"], "the version was changed"),
            (["DELETE FROM records WHERE sequence = 9"], "its version of the record is missing"),
            (
                ["DELETE FROM records WHERE sequence = 9", "DELETE FROM audit WHERE position = 9"],
                "had come to 9: its end was cut off",
            ),
            (["UPDATE audit SET position = 10 WHERE position = 9"], "entries 9 to 9 are missing"),
            (["UPDATE audit SET hash = 'x' WHERE position = 8"], "entry 8 was changed"),
            (["DELETE FROM audit WHERE position = 8"], "entries 8 to 8 are missing"),
            (["DELETE FROM records", "DELETE FROM keys", "DELETE FROM audit"], "had come to 9"),
        ],
    )
    def test_what_happened_to_it_is_found(self, checked: Desk, statements: list[str], said: str) -> None:
        tampered(checked, *statements)
        found, _ = checked_now(checked, "Ana", NOW)
        assert any(said in each for each in found.problems), found.problems

    def test_what_was_read_before_is_read_again_where_it_is_asked_for(self, checked: Desk) -> None:
        tampered(checked, "UPDATE records SET content = '{}' WHERE sequence = 3")
        assert checked_now(checked, "Ana", NOW)[0].is_valid
        found, latest = checked_now(checked, "Ana", NOW, is_anew=True)
        assert not found.is_valid and (latest.by, latest.is_valid) == ("Ana", False)
        again, _ = checked_now(checked, "Bob", NOW)
        assert not again.is_valid and again.since is None, "one that did not hold is looked at whole"
