"""Do `accounts`, `exits`, `ecl`, `desk tiers` and `desk promises` say and keep what a credit manager needs?"""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from features.ledger import Ledger
from serving.desk import Actor, Desk
from serving.live import Live
from serving.policy import Policy
from serving.scoring import Scorer
from tests.commands import SAMPLE, Run, runs_in
from training.champion import champion_folder
from training.model import load_model

DAY = ("--as-of", "2026-06-01")
NIGHT = Actor("night", "administrator")
NOW = datetime(2026, 6, 1, 3, tzinfo=UTC)


@pytest.fixture
def desk(office: Path, tmp_path: Path) -> tuple[Run, Path]:
    """How to run commands in a home of one's own with a model in charge."""
    home = tmp_path / "home"
    shutil.copytree(office, home)
    return runs_in(home), home


def keep(home: Path, kind: str, content: dict[str, Any]) -> None:
    with Desk.open(home) as opened, opened.writing(NIGHT, NOW) as written:
        written.add(kind, content)


def test_every_account_is_told_and_those_due_come_first(desk: tuple[Run, Path], tmp_path: Path) -> None:
    run, home = desk
    keep(
        home, "reviews", {"customer_id": "C0050", "reviewed_on": "2026-05-20", "outcome": "keep", "why": "x"}
    )
    done = run("accounts", SAMPLE, *DAY, "--output", tmp_path / "accounts.csv")
    assert done.exit_code == 0, done.output
    assert "62 accounts (" in done.stdout and "61 are due for a review" in done.stdout
    rows = pd.read_csv(tmp_path / "accounts.csv", dtype=str)
    assert len(rows) == 62 and rows["is_review_due"].tolist() == ["True"] * 61 + ["False"]
    assert (rows["customer_id"].iat[-1], rows["review_due_on"].iat[-1]) == ("C0050", "2026-06-19")
    told = json.loads(run("accounts", SAMPLE, *DAY, "--json").stdout)
    assert [each["customer_id"] for each in told["accounts"]] == rows["customer_id"].tolist()
    assert {each["credit"]["decision"] for each in told["accounts"]} > {"open_terms", "cash_on_delivery"}


def test_one_account_reads_well(desk: tuple[Run, Path]) -> None:
    run, _ = desk
    done = run("accounts", SAMPLE, "C0050", *DAY)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("C0050 ") and done.exit_code == 0
    for begin in (
        "  Tier: ",
        "  Stands at: ",
        "  Review: due, never yet; might come to restrict: ",
        "  Credit: ",
    ):
        assert any(line.startswith(begin) for line in lines), begin
    assert "the ledger holds no margin" in done.stdout and "For the credit manager to decide." in done.stdout
    nobody = run("accounts", SAMPLE, "nobody", *DAY)
    assert nobody.exit_code == 2 and "no customer 'nobody'" in nobody.stderr


def test_credit_for_somebody_new_needs_no_model(tmp_path: Path) -> None:
    run, facts = runs_in(tmp_path / "home"), tmp_path / "new.json"
    facts.write_text(
        '{"currency": "EUR", "requested_limit": 8000, "report_limit": 4000, "report_age_days": 20}'
    )
    told = json.loads(run("accounts", SAMPLE, "--new", facts, *DAY, "--json").stdout)
    assert (told["decision"], told["rule"], told["limit"]) == ("open_terms", "new_with_good_word", "4000.00")
    assert "Credit: open terms, 4,000.00 EUR" in run("accounts", SAMPLE, "--new", facts, *DAY).stdout
    facts.write_text('{"currency": "EUR", "requested": 8000}')
    refused = run("accounts", SAMPLE, "--new", facts, *DAY)
    assert refused.exit_code == 2 and "requested: " in refused.stderr
    facts.write_text("{")
    assert "is not JSON" in run("accounts", SAMPLE, "--new", facts, *DAY).stderr
    assert run("accounts", SAMPLE, "C0050", "--new", facts, *DAY).exit_code == 2


def test_exits_say_what_is_missing_and_are_never_a_default(desk: tuple[Run, Path]) -> None:
    run, _ = desk
    told = json.loads(run("exits", SAMPLE, *DAY, "--json").stdout)
    by_kind = {each["consider"]: each for each in told["items"]}
    assert set(by_kind) == {"hand_over", "write_down"} and all(
        each["person_decides"] for each in told["items"]
    )
    assert not by_kind["hand_over"]["is_prepared"]
    said = run("exits", SAMPLE, *DAY).stdout
    assert "hand over, not ready" in said and "still missing: a payment plan was offered" in said
    assert "the credit manager decides each one" in said
    quiet = run("exits", SAMPLE, "--as-of", "2025-08-01").stdout
    assert "Considered for hand over: days_past_due >= 90 and contacts_ever >= 3" in quiet
    assert "Nothing is to be decided" in quiet


def test_expected_credit_loss_needs_no_model_and_adds_up(tmp_path: Path) -> None:
    run = runs_in(tmp_path / "home")
    done = run("ecl", SAMPLE, *DAY, "--output", tmp_path / "ecl.csv")
    assert done.exit_code == 0, done.output
    assert (
        "Expected never to come: at most" in done.stdout and "What is disputed stands apart." in done.stdout
    )
    told = json.loads(run("ecl", SAMPLE, *DAY, "--json").stdout)
    rows = pd.read_csv(tmp_path / "ecl.csv", dtype=str)
    assert rows["expected_loss"].tolist() == [line["expected_loss"] for line in told["lines"]]
    euro = rows[rows["currency"] == "EUR"]
    total = next(each for each in told["totals"] if each["currency"] == "EUR")
    assert f"{euro['expected_loss'].astype(float).sum():.2f}" == total["expected_loss"]
    assert f"{euro['disputed'].astype(float).sum():.2f}" == total["disputed"]


def test_tiers_are_kept_once_a_day_and_shown_with_since_when(desk: tuple[Run, Path]) -> None:
    run, home = desk
    first = json.loads(run("desk", "tiers", SAMPLE, *DAY, "--json").stdout)
    again = json.loads(run("desk", "tiers", SAMPLE, *DAY, "--json").stdout)
    assert first["kept"] > 5 and (again["kept"], again["withdrawn"]) == (0, 0)
    later = ("--as-of", "2026-06-04")
    account = json.loads(run("accounts", SAMPLE, "C0050", *later, "--json").stdout)
    assert account["tier"]["since"] == "2026-06-01"
    cases = json.loads(run("worklist", SAMPLE, *later, "--json").stdout)["cases"]
    mine = next(case for case in cases if case["case_id"] == "C0050")
    assert (mine["tier"], mine["tier_since"]) == (account["tier"]["tier"], "2026-06-01")
    assert f"{mine['tier']} since Mon 1 Jun" in run("worklist", SAMPLE, *later).stdout
    with Desk.open(home) as opened:
        assert opened.verify_audit().is_valid


def test_a_kept_tier_that_jumped_raises_an_alert(desk: tuple[Run, Path]) -> None:
    run, home = desk
    change = {"customer_id": "C0050", "changed_on": "2026-05-20", "old": "high", "new": "low", "rule": "x"}
    keep(home, "tier_changes", change)
    for _ in range(2):
        assert run("alerts", "list", SAMPLE, *DAY, "--keep").exit_code == 0
    with Desk.open(home) as opened:
        jumps = [each.content for each in opened.find("alerts") if each.content["rule"] == "tier_jump"]
    mine = [(each["old"], each["new"]) for each in jumps if each["customer_id"] == "C0050"]
    assert len(mine) == 1 and mine[0][0] == "low" and mine[0][1] in ("high", "critical")


def test_promises_are_judged_by_what_the_ledger_knows(desk: tuple[Run, Path]) -> None:
    run, home = desk
    assert "0 promises judged." in run("desk", "promises", SAMPLE, *DAY).stdout
    assert not (home / "desk.db").exists()
    promise = {
        "invoice_id": "I01153",
        "customer_id": "C0050",
        "made_on": "2026-05-10",
        "known_on": "2026-05-10",
    }
    keep(home, "promises", promise | {"promise_id": "W1", "promised_on": "2026-05-20", "amount": "100.00"})
    told = json.loads(run("desk", "promises", SAMPLE, *DAY, "--json").stdout)["judged"]
    assert [(each["promise_id"], each["before"], each["now"]) for each in told] == [("W1", "open", "broken")]
    assert json.loads(run("desk", "promises", SAMPLE, *DAY, "--json").stdout) == {"judged": []}


def test_a_night_of_tiers_makes_no_customer_to_be_read_again(office: Path, tmp_path: Path) -> None:
    ledger = Ledger.load(Path(SAMPLE)).of_customers(["C0050", "C0051"])
    scorer = Scorer(ledger, load_model(champion_folder(office)), Policy.load(), date(2026, 6, 1))
    with Desk.open(tmp_path) as opened:
        live = Live(ledger, opened, opened.sequence())
        change = {"customer_id": "C0050", "changed_on": "2026-05-20", "new": "high"}
        with opened.writing(NIGHT, NOW) as written:
            written.add("tier_changes", change)
        assert live.over(scorer).changed == frozenset()
        with opened.writing(NIGHT, NOW) as written:
            written.add("flags", {"customer_id": "C0051", "flag": "hardship", "since": "2026-05-20"})
        assert "C0051" in live.over(scorer).changed
