"""Do the verbs of the desk's keeping say what they did, and end with the exit codes of the contract?"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from serving.desk import Actor, Desk
from tests.commands import Run, runs_in

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose desk holds a note."""
    folder = tmp_path / "home"
    with Desk.open(folder) as desk, desk.writing(Actor("Ana", "analyst"), NOW) as w:
        w.add("notes", {"customer_id": "C1", "noted_on": "2020-03-02", "text": "Zephyrine called"}, "T1")
    return folder


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("DUECOURSE_DATABASE_URL", raising=False)
    return runs_in(home)


class TestVerifyAudit:
    def test_says_that_all_holds_and_what_to_keep_elsewhere(self, run: Run) -> None:
        done = run("verify-audit")
        assert done.exit_code == 0
        assert "The audit log holds: 1 entries" in done.stdout and "To keep elsewhere: 1:" in done.stdout
        head = json.loads(run("verify-audit", "--json").stdout)["head"]
        assert run("verify-audit", "--expect", head).exit_code == 0

    def test_ends_with_1_where_it_does_not_hold(self, run: Run, home: Path) -> None:
        import pysqlite3

        with pysqlite3.connect(str(home / "desk.db")) as connection:
            connection.execute("UPDATE records SET content = '{}'")
        connection.close()
        done = run("verify-audit", "--json")
        told = json.loads(done.stdout)
        assert (done.exit_code, told["is_valid"]) == (1, False)
        assert told["problems"] == ["entry 1, add notes T1 version 1: the version was changed"]
        assert run("verify-audit").exit_code == 1

    @pytest.mark.parametrize("head", ["1", "x:y", "2:"])
    def test_ends_with_2_for_what_is_no_head(self, run: Run, head: str) -> None:
        done = run("verify-audit", "--expect", head)
        assert done.exit_code == 2 and "no head of an audit log" in done.stderr

    def test_ends_with_2_where_it_cannot_be_read(self, run: Run, home: Path) -> None:
        (home / "desk.db").write_text("no database" * 500)
        done = run("verify-audit")
        assert done.exit_code == 2 and "is damaged" in done.stderr

    def test_sees_that_another_database_lies_there(self, run: Run, home: Path) -> None:
        for file in home.glob("desk.db*"):
            file.unlink()
        done = run("verify-audit")
        assert done.exit_code == 1 and "of another database" in done.stdout


def test_a_backup_is_written_and_put_back(run: Run, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup.db"
    assert "Wrote" in run("desk", "backup", file).stdout
    refused = run("desk", "restore", file)
    assert refused.exit_code == 2 and "pass --replace" in refused.stderr
    told = json.loads(run("desk", "restore", file, "--replace", "--who", "Ada", "--json").stdout)
    assert told["entries"] == 2
    assert run("verify-audit").exit_code == 0
    with Desk.open(home) as desk:
        assert desk.get("notes", "T1").content["text"] == "Zephyrine called"


def test_a_folder_that_is_not_there_is_said(run: Run, tmp_path: Path) -> None:
    done = run("desk", "backup", tmp_path / "nowhere" / "backup.db")
    assert done.exit_code == 2 and "nowhere" in done.stderr


def test_a_person_is_erased_with_a_reason(run: Run, home: Path) -> None:
    assert run("desk", "erase", "C1").exit_code == 2
    assert "Blanked 1 versions of C1." in run("desk", "erase", "C1", "--why", "asked on 1 March").stdout
    assert "Nothing of C1" in run("desk", "erase", "C1", "--why", "again").stdout
    told = run("verify-audit").stdout
    assert "asked on 1 March" in told and "holds" in told
    with Desk.open(home) as desk:
        assert desk.get("notes", "T1").content["text"] == "[erased]"


def test_what_is_young_is_not_forgotten(run: Run, home: Path) -> None:
    assert "Nothing older than 36500 days" in run("desk", "forget", "--older-than", "36500").stdout
    with Desk.open(home) as desk:
        assert desk.get("notes", "T1").content["text"] == "Zephyrine called"


def test_an_address_that_is_none_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUECOURSE_DATABASE_URL", "mysql://somewhere")
    done = run("verify-audit")
    assert done.exit_code == 2 and "DUECOURSE_DATABASE_URL" in done.stderr
