"""Do the data scientist's commands train, record, put in charge and look back as the contract says?"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from features.ledger import Ledger
from serving.desk import Desk
from tests.commands import HASTY, SAMPLE, Run, runs_in
from training.champion import read_champion


@pytest.fixture
def run_anew(tmp_path: Path) -> Run:
    """Runs a command in a home that does not exist yet."""
    return runs_in(tmp_path / "new home")


@pytest.fixture(scope="module")
def few(sample_ledger: Ledger, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger of a few customers of the sample, for what has to be trained on."""
    folder = tmp_path_factory.mktemp("few") / "ledger"
    sample_ledger.of_customers(f"C{number:04}" for number in range(1, 16)).save(folder)
    return folder


@pytest.fixture(scope="module")
def trained(
    few: Path, tmp_path_factory: pytest.TempPathFactory, migrated_store: Path
) -> tuple[Path, dict[str, Any]]:
    """A home after one hasty `duecourse train --json`, and what that printed."""
    home = tmp_path_factory.mktemp("trained") / "home"
    home.mkdir()
    shutil.copy(migrated_store, home / "mlflow.db")
    (home / "mlflow.yaml").write_text(HASTY)
    done = runs_in(home)("train", few, "--as-of", "2026-03-01", "--json")
    assert done.exit_code == 0, done.stderr
    return home, json.loads(done.stdout)


def test_train_says_what_it_made_of_what_and_why_it_is_in_charge(trained: tuple[Path, dict]) -> None:
    home, told = trained
    assert told["trained_on_facts_before"] == "2026-03-01"
    assert set(told["horizons"]) == {"p_late", "p_late_30", "p_late_90"}
    assert told["promoted"] is True and told["why"]
    assert told["verdict"].endswith(".") and told["gates"]
    assert Path(told["report"]).exists()
    champion = read_champion(home)
    assert champion is not None and champion.version == told["model_version"]


def test_a_trained_model_scores_and_is_listed(trained: tuple[Path, dict], tmp_path: Path) -> None:
    home, told = trained
    run = runs_in(home)
    done = run("score", SAMPLE, "--output", tmp_path / "s.csv", "--json")
    assert json.loads(done.stdout)["model_version"] == told["model_version"]
    (listed,) = json.loads(run("models", "--json").stdout)
    assert (listed["version"], listed["aliases"], listed["why"]) == (
        told["model_version"],
        ["champion"],
        told["why"],
    )
    assert f"{told['model_version']} [champion]" in run("models").stdout


def test_the_champion_can_be_moved_by_hand_and_back(
    trained: tuple[Path, dict], few: Path, tmp_path: Path
) -> None:
    home = shutil.copytree(trained[0], tmp_path / "home")
    run, first = runs_in(home), trained[1]["model_version"]
    assert run("models", "rollback").exit_code == 2
    done = run("train", few, "--as-of", "2026-02-01", "--late-after", "10")
    assert done.exit_code == 0, done.output
    assert "as of the start of 2026-02-01" in done.stderr
    found = {row["version"]: row for row in json.loads(run("models", "--json").stdout)}
    (second,) = set(found) - {first}
    assert found[second]["late_after_days"] == 10
    assert f"Model {second}" in done.stdout and "AUC" in done.stdout
    assert run("models", "promote", second, "--why", "trial").exit_code == 0
    champion = read_champion(home)
    assert champion is not None and (champion.version, champion.why) == (second, "trial")
    assert f"{first} is the champion again" in run("models", "rollback").stdout
    champion = read_champion(home)
    assert champion is not None and champion.version == first
    unknown = run("models", "promote", "nope", "--why", "trial")
    assert unknown.exit_code == 2 and "nope" in unknown.stderr


def test_show_folds_draws_the_calendar_and_trains_nothing(run_anew: Run, tmp_path: Path) -> None:
    chart = tmp_path / "folds.svg"
    done = run_anew("train", SAMPLE, "--show-folds", "--plot", chart)
    assert done.exit_code == 0, done.output
    assert "rehearsal" in done.stdout and "█" in done.stdout and "░" in done.stdout
    assert chart.exists() and not (tmp_path / "new home").exists()
    folds = json.loads(run_anew("train", SAMPLE, "--show-folds", "--json").stdout)
    assert all(fold["fit_from"] < fold["fit_to"] < fold["gap_to"] <= fold["test_to"] for fold in folds)


def test_backtest_writes_the_rows_of_the_contract_and_a_report(
    trained: tuple[Path, dict], few: Path, tmp_path: Path
) -> None:
    window = ["--from", "2026-05-01", "--to", "2026-06-01", "--output", tmp_path / "b.csv"]
    done = runs_in(trained[0])("backtest", few, *window, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    table = pd.read_csv(tmp_path / "b.csv", dtype={"invoice_id": str})
    assert list(table.columns) == ["invoice_id", "as_of", "p_late", "p_late_30", "p_late_90", "outcome"]
    invoices = pd.read_csv(few / "invoices.csv", dtype=str)
    issued = invoices[invoices["issued_on"].str.startswith("2026-05")]
    assert set(table["invoice_id"]) == set(issued["invoice_id"])
    assert dict(zip(table["invoice_id"], table["as_of"], strict=True)) == dict(
        zip(issued["invoice_id"], issued["issued_on"], strict=True)
    )
    assert set(table["outcome"].dropna()) == {0, 1} and table["outcome"].isna().any()
    assert {path.name for path in tmp_path.iterdir()} == {"b.csv", "b.html", "b.json"}
    assert told["verdict"] and told["report"].endswith("b.html")


@pytest.mark.slow
def test_the_demo_ends_with_a_ranked_list(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.cli.demo.DEMO_CUSTOMERS", 40)
    monkeypatch.setattr("serving.cli.demo.DEMO_MONTHS", 8)
    (home / "mlflow.yaml").write_text(HASTY)
    done = runs_in(home)("demo")
    assert done.exit_code == 0, done.output
    assert (home / "demo-scores.csv").exists() and (home / "demo-ledger" / "invoices.csv").exists()
    assert re.search(r"\n +(critical|high|medium|low)  C\d+ I\d+ ", done.stdout)
    assert re.search(r"→ \w+ by 20\d\d-\d\d-\d\d: ", done.stdout)
    assert "open invoices as of" in done.stdout and "make serve" in done.stdout
    with Desk.open(home) as desk:
        assert desk.find("tier_changes") and desk.find("alerts")
    assert len(list((home / "worklists").glob("*.json"))) == 2  # so that the first page says what changed
