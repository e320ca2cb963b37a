"""Is a backup taken in use whole, and is what is put back the same desk, or refused?"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from serving.desk import Actor, Desk
from serving.desk.backup import RestoreRefused, back_up, restore

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ANA, ADA = Actor("Ana", "analyst"), Actor("Ada", "administrator")


def note(desk: Desk, record_id: str) -> None:
    with desk.writing(ANA, NOW) as w:
        w.add("notes", {"customer_id": "C1", "noted_on": "2026-03-02", "text": "x"}, record_id)


@pytest.fixture
def backup(desk: Desk, tmp_path: Path) -> Path:
    """A backup of a desk that holds a note and a policy; the desk has gone on since."""
    note(desk, "T1")
    with desk.writing(ANA, NOW) as w:
        w.save_policy("v1", "tiers: 1")
        w.activate_policy("v1", "first")
        w.remember("k1", "d", {"id": "T1"})
    head = back_up(desk, tmp_path / "backup.db")
    assert head == desk.head()
    note(desk, "T2")
    return tmp_path / "backup.db"


def ids(desk: Desk) -> list[str]:
    return [each.record_id for each in desk.find()]


def test_is_one_file(backup: Path) -> None:
    assert [each.name for each in backup.parent.iterdir() if each.is_file()] == ["backup.db"]
    assert not list(backup.parent.glob(".backup*"))
    assert backup.stat().st_mode & 0o777 == 0o600


def test_is_put_back_for_a_desk_that_is_open(desk: Desk, backup: Path, database_url: str | None) -> None:
    restore(desk.home, database_url, backup, ADA, NOW, replace=True)
    assert ids(desk) == ["T1"]
    assert [each.version for each in desk.policies()] == ["v1"] and desk.active_policy()
    with desk.writing(ANA, NOW) as w:
        assert w.once("k1", "d") == {"id": "T1"}
    note(desk, "T3")
    verdict = desk.verify_audit()
    assert verdict.is_valid, verdict.problems
    assert verdict.anchor == verdict.head


def test_numbers_go_on_where_the_desk_was(desk: Desk, backup: Path, database_url: str | None) -> None:
    before = desk.sequence()
    restore(desk.home, database_url, backup, ADA, NOW, replace=True)
    assert desk.sequence() == before + 1


def test_is_not_put_over_something_unasked(desk: Desk, backup: Path, database_url: str | None) -> None:
    with pytest.raises(RestoreRefused, match="holds 4 entries, the backup 3: pass --replace"):
        restore(desk.home, database_url, backup, ADA, NOW, replace=False)
    assert ids(desk) == ["T1", "T2"] and desk.verify_audit().is_valid


@pytest.mark.parametrize("kept", [0, 100, 5_000, None])
def test_a_damaged_one_is_refused(
    desk: Desk, backup: Path, database_url: str | None, tmp_path: Path, kept: int | None
) -> None:
    damaged = tmp_path / "damaged.db"
    no_database = b"no database at all, but a text of some length"
    damaged.write_bytes(no_database if kept is None else backup.read_bytes()[:kept])
    with pytest.raises(RestoreRefused, match=r"damaged\.db"):
        restore(desk.home, database_url, damaged, ADA, NOW, replace=True)
    assert ids(desk) == ["T1", "T2"] and desk.verify_audit().is_valid


def test_one_whose_log_does_not_hold_is_refused(desk: Desk, backup: Path, database_url: str | None) -> None:
    import pysqlite3

    with pysqlite3.connect(str(backup)) as connection:
        connection.execute("DROP TRIGGER audit_no_update")
        connection.execute("UPDATE audit SET actor = 'Eve'")
    connection.close()
    with pytest.raises(RestoreRefused, match="does not hold: 3 problems"):
        restore(desk.home, database_url, backup, ADA, NOW, replace=True)
    assert ids(desk) == ["T1", "T2"]


def test_moves_a_desk_to_another_database(backup: Path, tmp_path: Path) -> None:
    restore(tmp_path / "new", None, backup, ADA, NOW, replace=False)
    with Desk.open(tmp_path / "new") as moved:
        assert ids(moved) == ["T1"] and moved.verify_audit().is_valid


def test_takes_the_place_of_a_database_that_is_damaged(backup: Path, tmp_path: Path) -> None:
    home = tmp_path / "damaged"
    home.mkdir()
    (home / "desk.db").write_bytes(b"this was a database once upon a time" * 100)
    restore(home, None, backup, ADA, NOW, replace=True)
    with Desk.open(home) as mended:
        assert ids(mended) == ["T1"] and mended.verify_audit().is_valid
    assert (home / "desk.db.damaged-1").exists()


def test_taken_while_others_write_is_whole(desk: Desk, tmp_path: Path, database_url: str | None) -> None:
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            note(desk, f"N{number}")
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            head = back_up(desk, tmp_path / f"{number}.db")
    finally:
        stop.set()
        writer.join()
    restore(tmp_path / "new", None, tmp_path / "2.db", ADA, NOW, replace=False)
    with Desk.open(tmp_path / "new") as restored:
        assert len(ids(restored)) == head.position
