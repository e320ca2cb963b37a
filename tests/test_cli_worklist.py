"""Does `duecourse worklist` print, write and remember the list of a day?"""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from serving.desk import Actor, Desk
from serving.worklist import COLUMNS, LEFT_OUT, CaseState
from serving.worklist.memory import waited_before
from serving.worklist.told import told
from tests.commands import SAMPLE, Run, runs_in

DAY = "2026-06-01"


@pytest.fixture
def desk(office: Path, tmp_path: Path) -> tuple[Run, Path]:
    """How to run commands in a home of one's own with a model in charge."""
    home = tmp_path / "home"
    shutil.copytree(office, home)
    return runs_in(home), home


def test_the_list_is_printed_with_what_was_left_out(desk: tuple[Run, Path]) -> None:
    run, home = desk
    done = run("worklist", SAMPLE, "--as-of", DAY, "--capacity", "3")
    assert done.exit_code == 0, done.output
    assert "Worklist of Mon 1 Jun 2026: 3 of " in done.output
    assert [f"\n{rank:>3}  " in done.output for rank in (1, 2, 3, 4)] == [True, True, True, False]
    assert "Left out" in done.output and f"{LEFT_OUT['no_capacity']} (no_capacity)" in done.output
    everything = run("worklist", SAMPLE, "--as-of", DAY, "--capacity", "3", "--left-out")
    assert everything.output.count("\n  C") > 10
    assert len(list((home / "worklists").iterdir())) == 1


def test_json_and_files_say_the_same(desk: tuple[Run, Path], tmp_path: Path) -> None:
    run, _ = desk
    given = ("worklist", SAMPLE, "--as-of", DAY, "--capacity", "5", "--json", "--left-out", "--output")
    for suffix in (".csv", ".parquet", ".json"):
        done = run(*given, tmp_path / f"list{suffix}")
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout)
    assert json.loads((tmp_path / "list.json").read_text(encoding="utf-8")) == told
    with (tmp_path / "list.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    stored = pd.read_parquet(tmp_path / "list.parquet")
    ids = [case["case_id"] for case in told["cases"]]
    assert [row["case_id"] for row in rows] == stored["case_id"].tolist() == ids
    assert tuple(rows[0]) == tuple(stored.columns) == COLUMNS
    assert [row["why"] for row in rows] == [case["why"] for case in told["cases"]]
    assert sum(told["left_out_counts"].values()) == len(told["left_out"])


def test_a_spreadsheet_runs_no_text_of_ours(desk: tuple[Run, Path], tmp_path: Path) -> None:
    run, _ = desk
    book = tmp_path / "book"
    shutil.copytree(SAMPLE, book)
    customers = pd.read_csv(book / "customers.csv", dtype=str)
    customers.assign(name="=1+1").to_csv(book / "customers.csv", index=False)
    done = run("worklist", book, "--as-of", DAY, "--capacity", "5", "--output", tmp_path / "list.csv")
    assert done.exit_code == 0, done.output
    assert set(pd.read_csv(tmp_path / "list.csv", dtype=str)["name"]) == {"'=1+1"}


def test_roles_are_held_to_their_places(desk: tuple[Run, Path]) -> None:
    run, _ = desk
    done = run(
        "worklist",
        SAMPLE,
        "--as-of",
        DAY,
        "--skill",
        "credit_analyst=1",
        "--skill",
        "ar_assistant=0",
        "--json",
    )
    who = [case["who"] for case in json.loads(done.stdout)["cases"]]
    assert who.count("credit_analyst") == 1 and "ar_assistant" not in who


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--skill", "analyst=1"), "the policy has no role 'analyst'"),
        (("--skill", "credit_analyst"), "write a role and its places"),
        (("--skill", "credit_analyst=-1"), "write a role and its places"),
        (("--capacity", "-1"), "-1 is not in the range"),
        (("--output", "list.xlsx"), "name a file that ends in .csv, .parquet or .json"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_mend(
    desk: tuple[Run, Path], given: tuple[str, ...], said: str
) -> None:
    run, home = desk
    done = run("worklist", SAMPLE, "--as-of", DAY, *given)
    assert done.exit_code == 2 and said in done.output
    assert not (home / "worklists").exists()


def test_who_waited_is_remembered_from_list_to_list(desk: tuple[Run, Path]) -> None:
    run, home = desk
    book = str(Path(SAMPLE).resolve())

    def waiting(day: int) -> dict[str, int]:
        return waited_before(home, book, date(2026, 6, day))

    assert waiting(1) == {}
    for day in (1, 1, 2, 3):  # a second list of the same day counts once
        assert run("worklist", SAMPLE, "--as-of", f"2026-06-0{day}", "--capacity", "1").exit_code == 0
    assert waiting(1) == {} and set(waiting(2).values()) == {1} and max(waiting(4).values()) == 3
    assert waited_before(home, "another", date(2026, 6, 4)) == {} and waiting(28) == {}
    (
        home / "worklists" / next(p.name for p in (home / "worklists").iterdir() if "06-03" in p.name)
    ).write_text("{")
    assert waiting(4) == waiting(3)


def test_what_the_desk_was_told_counts(desk: tuple[Run, Path]) -> None:
    run, home = desk
    given = ("worklist", SAMPLE, "--as-of", DAY, "--capacity", "6", "--json", "--left-out")
    before = json.loads(run(*given).stdout)
    first, *_, last = before["cases"]
    second = next(case for case in before["cases"][1:-1] if case["kind"] == "contact")
    with (
        Desk.open(home) as opened,
        opened.writing(Actor("Ana", "analyst"), datetime(2026, 6, 1, tzinfo=UTC)) as at,
    ):
        for case, state in (
            (first, {"snoozed_until": "2026-06-09"}),
            (last, {"position": 1, "position_reason": "the owner asked"}),
        ):
            named = {"case_id": case["case_id"], "customer_id": case["customers"][0]}
            at.add("case_states", named | state)
        contact = {
            "customer_id": second["customers"][0],
            "contacted_on": DAY,
            "channel": "call",
            "person": "Bo",
        }
        at.add("contacts", contact | {"outcome": "reached", "direction": "outgoing"})
    after = json.loads(run(*given).stdout)
    left = {row["case_id"]: (row["reason"], row["rule"]) for row in after["left_out"]}
    assert after["cases"][0]["case_id"] == last["case_id"]
    assert left[first["case_id"]][0] == "snoozed"
    assert "contacted_recently" in left[second["case_id"]]


@dataclass(frozen=True)
class Record:
    kind: str
    customer_id: str | None
    content: dict[str, Any]
    status: str | None = None
    record_id: str = field(default="R")


def test_what_the_desk_keeps_becomes_the_arguments_of_a_list() -> None:
    day = date(2026, 6, 1)
    records = [
        Record(
            "case_states", "A", {"case_id": "P", "snoozed_until": "2026-06-09", "assigned_to": "Ana"}, "open"
        ),
        Record("case_states", "B", {"case_id": "B", "next_contact_on": "2026-06-05"}, "closed"),
        Record("case_states", "C", {"case_id": "C", "position": 2, "position_reason": "asked"}, "open"),
        Record("flags", "A", {"flag": "pay_run", "value": "Thursday", "since": "2026-01-01"}, "set"),
        Record("flags", "A", {"flag": "preferred_channel", "value": "phone", "since": "2026-01-01"}, "set"),
        Record("flags", "B", {"flag": "preferred_channel", "value": "phone", "since": "2026-07-01"}, "set"),
        Record(
            "flags", "C", {"flag": "preferred_channel", "value": "phone", "since": "2026-01-01"}, "cleared"
        ),
        Record("flags", "D", {"flag": "pay_run", "value": "now and then", "since": "2026-01-01"}, "set"),
        Record("reviews", "A", {"reviewed_on": "2026-03-01"}, "recorded"),
        Record("reviews", "A", {"reviewed_on": "2026-05-01"}, "recorded"),
        Record("reviews", "A", {"reviewed_on": "2026-07-01"}, "recorded"),
        Record("reviews", "B", {"reviewed_on": "2026-05-01"}, "cancelled"),
    ]
    found = told(records, day)
    assert found.states == {
        "P": CaseState(date(2026, 6, 9), "Ana", None, None),
        "B": CaseState(date(2026, 6, 5), None, None, "the next contact is agreed"),
        "C": CaseState(None, None, 2, "asked"),
    }
    assert found.declared == {"A": {"pay_run": "Thursday", "preferred_channel": "phone"}}
    assert found.last_reviewed == {"A": date(2026, 5, 1)}
    assert found.problems[0].startswith("the pay run of D: 'now and then' names no pay run")
