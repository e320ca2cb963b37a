"""What does the desk answer when its database is locked, full, down, damaged or of another version?"""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from serving.api.access import listening_addresses
from serving.desk import Actor, Desk, DeskTooNew, DeskUnavailable
from serving.desk import migrations as steps
from serving.desk.engine import outside_transactions
from serving.desk.tables import metadata

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ANA = Actor("Ana", "analyst")
ROOT = Path(__file__).parent.parent


def note(desk: Desk, text: str = "x") -> None:
    with desk.writing(ANA, NOW) as w:
        w.add("notes", {"customer_id": "C1", "noted_on": "2026-03-02", "text": text})


def count(desk: Desk) -> int:
    return len(desk.find("notes"))


class TestLocked:
    def test_by_another_process_is_said_and_nothing_is_written(
        self, desk: Desk, database_url: str | None
    ) -> None:
        with Desk.open(desk.home, database_url, patience=0.1) as other, desk.writing(ANA, NOW) as w:
            w.add("notes", {"customer_id": "C1", "noted_on": "2026-03-02", "text": "first"})
            with pytest.raises(DeskUnavailable, match="locked by another writer") as locked:
                note(other)
            assert locked.value.reason == "locked" and "try again" in locked.value.mend
            assert count(other) == 0, "readers are not kept waiting, and see nothing of it"
        assert count(desk) == 1 and desk.verify_audit().is_valid

    def test_by_another_thread_too(self, tmp_path: Path, database_url: str | None) -> None:
        with Desk.open(tmp_path, database_url, patience=0.1) as desk, desk.writing(ANA, NOW):
            found: list[Exception] = []

            def write() -> None:
                try:
                    note(desk)
                except DeskUnavailable as error:
                    found.append(error)

            thread = threading.Thread(target=write)
            thread.start()
            thread.join()
            assert "busy with other writes" in str(found[0])


class TestFull:
    def test_sqlite_says_so_and_stays_whole(self, tmp_path: Path) -> None:
        with Desk.open(tmp_path) as desk:
            note(desk)
            sa.event.listen(desk.engine, "begin", _few_pages)
            with pytest.raises(DeskUnavailable, match="has no room left") as full:
                for _ in range(100):
                    note(desk, "x" * 15_000)
            assert full.value.reason == "full"
            kept = count(desk)
            sa.event.remove(desk.engine, "begin", _few_pages)
            with outside_transactions(desk.engine) as run:
                run("PRAGMA max_page_count = 1000000")
            note(desk)
            assert count(desk) == kept + 1 and desk.verify_audit().is_valid

    def test_whatever_the_server_calls_it(self, desk: Desk) -> None:
        if desk.engine.dialect.name == "sqlite":
            return
        with outside_transactions(
            desk.engine
        ) as run:  # a server's disk cannot be filled here; its answer can be had
            run(
                "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END $$"
            )
            run("CREATE TRIGGER no_room AFTER INSERT ON records FOR EACH ROW EXECUTE FUNCTION no_room()")
        with pytest.raises(DeskUnavailable, match="has no room left"):
            note(desk)
        with outside_transactions(desk.engine) as run:
            run("DROP TRIGGER no_room ON records")
        note(desk)
        assert count(desk) == 1 and desk.verify_audit().is_valid

    def test_a_file_that_may_not_grow(self, tmp_path: Path) -> None:
        program = (
            "import resource, sys\n"
            "from pathlib import Path\n"
            "from tests.test_desk_failures import note\n"
            "from serving.desk import Desk, DeskUnavailable\n"
            "desk = Desk.open(Path(sys.argv[1]))\n"
            "note(desk)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
            "try:\n"
            "    for _ in range(100): note(desk, 'x' * 15_000)\n"
            "except DeskUnavailable as error: print(error.reason)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() in ("full", "failed")
        with Desk.open(tmp_path) as desk:
            assert 1 <= count(desk) < 100 and desk.verify_audit().is_valid


def _few_pages(connection: sa.Connection) -> None:
    connection.exec_driver_sql("PRAGMA max_page_count = 60")


class TestDown:
    def test_a_server_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(DeskUnavailable, match="cannot be reached") as down:
            Desk.open(tmp_path, f"postgresql://desk@/desk?host={tmp_path}", patience=1)
        assert down.value.reason == "down" and "DUECOURSE_DATABASE_URL" in down.value.mend

    def test_a_connection_that_breaks_off_writes_nothing_and_the_next_one_works(self, desk: Desk) -> None:
        if desk.engine.dialect.name == "sqlite":
            return
        with pytest.raises(DeskUnavailable, match="cannot be reached"), desk.writing(ANA, NOW) as w:
            w.add("notes", {"customer_id": "C1", "noted_on": "2026-03-02", "text": "never"})
            pid = w.connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            with outside_transactions(desk.engine) as run:
                run(f"SELECT pg_terminate_backend({pid})")
            w.add("notes", {"customer_id": "C1", "noted_on": "2026-03-02", "text": "nor this"})
        note(desk)
        assert count(desk) == 1 and desk.verify_audit().is_valid


class TestOtherTrouble:
    def test_others_on_the_machine_cannot_read_it(self, tmp_path: Path) -> None:
        with Desk.open(tmp_path) as desk:
            note(desk)
            files = list(tmp_path.glob("desk.db*"))
            assert {file.name for file in files} == {"desk.db", "desk.db-shm", "desk.db-wal"}
            assert {file.stat().st_mode & 0o777 for file in files} == {0o600}

    def test_what_a_kill_left_of_an_anchor_is_cleared(self, tmp_path: Path) -> None:
        (tmp_path / ".writing-1-2-desk-anchor.json").touch()
        with Desk.open(tmp_path):
            assert list(tmp_path.glob(".writing-*")) == []

    def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        (tmp_path / "desk.db").write_text("a text of some length, and no database at all" * 50)
        with pytest.raises(DeskUnavailable, match=r"is damaged.*duecourse desk restore") as damaged:
            Desk.open(tmp_path)
        assert damaged.value.reason == "damaged"

    @pytest.mark.parametrize("url", ["mysql://somewhere/desk", "nonsense", "sqlite://"])
    def test_an_address_that_is_none(self, tmp_path: Path, url: str) -> None:
        with pytest.raises(ValueError, match="DUECOURSE_DATABASE_URL"):
            Desk.open(tmp_path, url)

    def test_an_anchor_that_cannot_be_written_does_not_deny_what_is_committed(
        self, desk: Desk, caplog: pytest.LogCaptureFixture
    ) -> None:
        lock = desk.home / ".desk-anchor.json.lock"
        lock.unlink()
        lock.mkdir()
        note(desk)
        assert count(desk) == 1
        assert "stays behind" in caplog.text


class TestVersions:
    def test_a_later_one_is_refused(self, desk: Desk, database_url: str | None) -> None:
        with outside_transactions(desk.engine) as run:
            run("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(DeskTooNew, match="version 9999, later than this duecourse knows"):
            Desk.open(desk.home, database_url)

    def test_two_that_start_at_once_make_one_desk(self, tmp_path: Path, database_url: str | None) -> None:
        barrier, opened = threading.Barrier(4), []

        def start() -> None:
            barrier.wait()
            with Desk.open(tmp_path / "desk", database_url) as desk:
                opened.append(desk.head().desk_id)

        threads = [threading.Thread(target=start) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(opened) == 4 and len(set(opened)) == 1

    def test_the_steps_make_the_tables_that_the_code_knows(self, desk: Desk) -> None:
        with desk.engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []

    def test_the_head_is_the_last_step(self) -> None:
        assert ScriptDirectory(str(Path(steps.__file__).parent)).get_current_head() == steps.HEAD


def test_the_desk_starts_without_the_slow_ones() -> None:
    program = "import sys, serving.desk\nprint(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    loaded = set(done.stdout.split())
    assert "sqlalchemy" in loaded
    assert not loaded & {"pandas", "numpy", "lightgbm", "alembic", "mlflow"}


def test_another_process_leaves_the_log_of_a_desk_that_is_open_here(tmp_path: Path) -> None:
    """Closing any copy of a file takes a process's locks on it away; then others remove the log it still writes to."""
    with Desk.open(tmp_path) as desk:
        note(desk)
        list(listening_addresses())
        opens = "import sys; from pathlib import Path; from serving.desk import Desk; "
        counts = opens + "desk = Desk.open(Path(sys.argv[1])); print(len(desk.find('notes'))); desk.close()"
        for expected in ("1\n", "2\n"):
            command = [sys.executable, "-c", counts, str(tmp_path)]
            told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            assert told.stdout == expected, told.stderr
            note(desk)
        assert count(desk) == 3
