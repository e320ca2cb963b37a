"""Does a dry run say what another policy would change, and is the policy in force the one that should be?"""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from serving.comparing import Comparison, compared
from serving.desk import Actor, Desk
from serving.in_force import policy_in_force
from serving.policy import Policy
from tests.commands import SAMPLE, Run, runs_in
from tests.test_policy import random_cases

PACKAGED = (Path(__file__).parents[1] / "serving" / "policy.yaml").read_text(encoding="utf-8")
POLICY = Policy.load()
DAY = date(2026, 3, 2)
ON_A_DAY = ("--as-of", "2026-05-07")
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LATER = datetime(2026, 3, 3, 9, tzinfo=UTC)


def changed(old: str, new: str) -> str:
    assert PACKAGED.count(old) >= 1
    return PACKAGED.replace(old, new, 1)


EAGER = changed("when: p_late >= 0.60", "when: p_late >= 0.30")
LAZY = changed("when: p_late >= 0.60", "when: p_late >= 0.95")


def case(customer: str, p_late: float, amount: float = 1000.0, due_in: int = 10) -> dict[str, Any]:
    due_on = DAY + pd.Timedelta(days=due_in)
    named = {"customer_id": customer, "invoice_id": f"{customer}{due_in}", "currency": "EUR"}
    scores = {"p_late": p_late, "p_late_30": 0.02, "p_late_90": 0.0}
    return named | scores | {"as_of": DAY, "due_on": due_on, "amount_open": amount, "settled_count": 5}


def dry_run(candidate: str, *cases: dict[str, Any]) -> Comparison:
    return compared(POLICY, Policy.read(candidate), pd.DataFrame(list(cases)), DAY)


def test_what_moves_is_counted_and_named_with_old_and_new_and_why() -> None:
    found = dry_run(EAGER, case("A", 0.4), case("B", 0.7), case("C", 0.05), case("D", 0.5, 3000.0))
    assert (found.up, found.down, found.customers, found.changed_invoices) == (2, 0, 4, 2)
    assert found.tiers["medium"] == (2, 0) and found.tiers["high"] == (1, 3)
    assert found.actions == {"none_needed": (3, 1), "pre_due_service_call": (1, 3)}
    assert found.calls == {"credit_analyst": (0.5, 1.5)}  # a call may take two working days
    assert [move.customer_id for move in found.moves] == ["D", "A"]  # by money
    first = found.moves[0]
    assert (first.old_tier, first.new_tier) == ("medium", "high")
    assert (first.old_action, first.new_action) == ("none_needed", "pre_due_service_call")
    assert (first.old_tier_rule, first.new_tier_rule) == ("late_possible", "late_more_likely_than_not")
    assert "(nothing_to_do)" in first.old_why and "(high_risk_due_soon)" in first.new_why
    assert found.sentence == (
        "moves 2 cases up, 0 down; changes the step of 2 of 4 invoices; adds 1 call a day"
    )


def test_a_calmer_policy_moves_cases_down_and_saves_calls() -> None:
    found = dry_run(LAZY, *(case(name, 0.7) for name in "ABCD"))
    assert found.sentence == (
        "moves 0 cases up, 4 down; changes the step of 4 of 4 invoices; saves 2 calls a day"
    )


def test_a_customer_is_called_once_whatever_the_number_of_invoices() -> None:
    found = dry_run(EAGER, case("A", 0.4), case("A", 0.4, due_in=11), case("A", 0.4, due_in=12))
    assert (found.customers, found.invoices, found.calls) == (1, 3, {"credit_analyst": (0.0, 0.5)})


def test_the_same_policy_moves_nothing() -> None:
    found = compared(
        POLICY, Policy.read(PACKAGED + "# a comment\n"), random_cases(500).assign(customer_id="A"), DAY
    )
    assert (found.sentence, found.moves, found.actions) == ("moves no case and changes no step", (), {})


def test_a_step_can_change_while_no_case_moves() -> None:
    later = changed("{id: high_risk_due_soon, from_day: -14,", "{id: high_risk_due_soon, from_day: -5,")
    found = dry_run(later, case("A", 0.7))
    assert found.sentence.startswith("moves no case; changes the step of 1 of 1 invoices; saves 0.5 calls")
    assert found.moves[0].old_tier == found.moves[0].new_tier


def test_many_cases_compare_as_plain_data() -> None:
    cases = random_cases(3_000).assign(
        customer_id=lambda frame: "C" + (frame.index % 700).astype(str), invoice_id="A"
    )
    found = compared(POLICY, Policy.read(EAGER), cases, DAY)
    assert found == compared(POLICY, Policy.read(EAGER), cases, DAY)
    plain = json.loads(json.dumps(found.as_dict()))
    assert plain["up"] > 0 and plain["down"] == 0 and len(plain["moves"]) == 10
    assert sum(pair["candidate"] for pair in plain["tiers"].values()) == 700


# -- which policy is in force


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    with Desk.open(tmp_path / "home") as opened:
        yield opened


def activate(desk: Desk, text: str, when: datetime = NOW) -> str:
    version = Policy.read(text).version
    with desk.writing(Actor("Ana", "credit_manager"), when) as written:
        written.save_policy(version, text, "")
        written.activate_policy(version, "so")
    return version


def test_the_file_named_then_the_desk_then_the_home_then_the_packaged_one(desk: Desk, tmp_path: Path) -> None:
    home, named = tmp_path / "home", tmp_path / "named.yaml"
    named.write_text(LAZY, encoding="utf-8")
    assert policy_in_force(home).source == "the packaged policy"
    (home / "policy.yaml").write_text(EAGER, encoding="utf-8")
    assert policy_in_force(home).policy.version == Policy.read(EAGER).version
    version = activate(desk, PACKAGED)
    found = policy_in_force(home)
    assert (found.policy.version, found.source) == (version, "the desk")
    assert (
        found.warning and "is not in force" in found.warning and "duecourse policy activate" in found.warning
    )
    assert policy_in_force(home, named).policy.version == Policy.read(LAZY).version
    (home / "policy.yaml").write_text(PACKAGED, encoding="utf-8")
    assert policy_in_force(home).warning is None
    (home / "policy.yaml").write_text("tiers: 1", encoding="utf-8")
    assert "no policy that can be used" in str(policy_in_force(home).warning)
    assert policy_in_force(home, desk=desk).policy.version == version


def test_a_home_without_a_desk_is_left_without_one(tmp_path: Path) -> None:
    policy_in_force(tmp_path)
    assert list(tmp_path.iterdir()) == []


# -- the verbs


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    paths = {"eager": tmp_path / "eager.yaml", "lazy": tmp_path / "lazy.yaml", "bad": tmp_path / "bad.yaml"}
    for path, text in zip(paths.values(), (EAGER, LAZY, "tiers: 1"), strict=True):
        path.write_text(text, encoding="utf-8")
    return paths


def told(run: Run, *arguments: Any) -> Any:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_activate_history_and_rollback(tmp_path: Path, files: dict[str, Path]) -> None:
    run = runs_in(tmp_path / "home")
    assert told(run, "policy", "history")["activations"] == []
    eager, lazy = (Policy.load(files[name]).version for name in ("eager", "lazy"))
    first = told(run, "policy", "activate", files["eager"], "--why", "earlier help", "--who", "Ana")
    assert first == {"policy_version": eager, "before": None}
    assert "in the place of" in run("policy", "activate", files["lazy"], "--why", "too many calls").stdout
    assert told(run, "policy", "show")["policy_version"] == lazy
    assert told(run, "policy", "rollback", "--why", "as before") == {"policy_version": eager, "before": lazy}
    listed = told(run, "policy", "history")["activations"]
    assert [row["version"] for row in listed] == [eager, lazy, eager]
    assert [row["is_in_force"] for row in listed] == [False, False, True]
    assert (listed[0]["activated_by"], listed[0]["why"]) == ("Ana", "earlier help")
    assert told(run, "policy", "rollback", "--why", "again", "--to", lazy)["policy_version"] == lazy
    assert "(in force)" in run("policy", "history").stdout


def test_what_cannot_be_put_in_force_is_refused(tmp_path: Path, files: dict[str, Path]) -> None:
    run = runs_in(tmp_path / "home")
    refused = [
        run("policy", "activate", files["bad"], "--why", "so"),
        run("policy", "rollback", "--why", "so"),
        run("policy", "rollback", "--why", "so", "--to", "nothing"),
        run("policy", "activate", files["eager"]),
    ]
    assert [done.exit_code for done in refused] == [2, 2, 2, 2]
    assert "no earlier policy" in refused[1].stderr
    assert told(run, "policy", "history") == {"activations": [], "saved_only": []}


def test_a_file_that_differs_in_comments_only_is_the_same_version(tmp_path: Path) -> None:
    run, file = runs_in(tmp_path / "home"), tmp_path / "policy.yaml"
    versions = []
    for text in (PACKAGED, PACKAGED + "# mine\n"):
        file.write_text(text, encoding="utf-8")
        versions.append(told(run, "policy", "activate", file, "--why", "so")["policy_version"])
    assert versions == [POLICY.version] * 2


def test_a_dry_run_on_a_ledger_says_what_would_change(
    office: Path, tmp_path: Path, files: dict[str, Path]
) -> None:
    run = runs_in(shutil.copytree(office, tmp_path / "home"))
    found = told(run, "policy", "dry-run", SAMPLE, "--as-of", "2026-05-07", "--policy", files["eager"])
    assert found["candidate_version"] == Policy.load(files["eager"]).version
    assert found["as_of"] == "2026-05-07" and found["invoices"] > 10
    assert sum(pair["now"] for pair in found["tiers"].values()) == found["customers"]
    said = run("policy", "dry-run", SAMPLE, "--as-of", "2026-05-07", "--policy", files["eager"])
    assert said.exit_code == 0 and f"On 2026-05-07 it {found['sentence']}." in said.stdout
    without = run("policy", "dry-run", SAMPLE)
    assert without.exit_code == 2 and "there is no candidate" in without.stderr


def test_a_dry_run_says_who_comes_on_the_list_and_who_drops_off(office: Path, tmp_path: Path) -> None:
    run, few = runs_in(shutil.copytree(office, tmp_path / "home")), tmp_path / "few.yaml"
    few.write_text(re.sub(r"capacity_per_day: \d+", "capacity_per_day: 2", PACKAGED), encoding="utf-8")
    cases = [each["case_id"] for each in told(run, "worklist", SAMPLE, *ON_A_DAY)["cases"]]
    found = told(run, "policy", "dry-run", SAMPLE, *ON_A_DAY, "--policy", few)["listed"]
    assert found["places"][1] == 2 and len(cases) > 3
    assert [each["case_id"] for each in found["drops_off"]] == cases[2:] and found["comes_on"] == []
    said = run("policy", "dry-run", SAMPLE, *ON_A_DAY, "--policy", few).stdout
    assert f"Drops off today's list ({len(cases) - 2} cases" in said and "no place left today" in said
    assert said.rstrip().endswith(found["sentence"])


def test_a_dry_run_says_whose_step_on_the_list_is_somebody_elses(office: Path, tmp_path: Path) -> None:
    run, other = runs_in(shutil.copytree(office, tmp_path / "home")), tmp_path / "other.yaml"
    other.write_text(
        PACKAGED.replace("    who: credit_analyst", "    who: account_manager"), encoding="utf-8"
    )
    cases = told(run, "worklist", SAMPLE, *ON_A_DAY)["cases"]
    theirs = {each["case_id"] for each in cases if each["who"] == "credit_analyst"}
    found = told(run, "policy", "dry-run", SAMPLE, *ON_A_DAY, "--policy", other)["listed"]
    assert theirs and {each["case_id"] for each in found["other_steps"]} == theirs
    assert {(each["before_who"], each["who"]) for each in found["other_steps"]} == {
        ("credit_analyst", "account_manager")
    }
    said = run("policy", "dry-run", SAMPLE, *ON_A_DAY, "--policy", other).stdout
    assert "Another step on today's list" in said and "by the account manager" in said


def test_a_strategy_is_shown_as_customers_may_read_it(tmp_path: Path) -> None:
    run = runs_in(tmp_path)
    for name in POLICY.parts.strategies:
        shown = run("policy", "show", "--strategy", name).stdout
        assert POLICY.version in shown and " the due date on, where needed: " in shown
        assert not any(code in shown for code in ("tier", "p_late", "contacts_90", "_"))
    assert told(run, "policy", "show", "--strategy", "sole_traders")["sentences"][2].startswith(
        "From 30 days"
    )
    unknown = run("policy", "show", "--strategy", "cannons")
    assert unknown.exit_code == 2 and "it has small_balances, key_accounts" in unknown.stderr
