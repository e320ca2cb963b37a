"""Do `backtest` and `tune` say what carries a result, whom it beats and what to change, on pages and in JSON?"""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from features.ledger import Ledger
from tests.commands import HASTY, SAMPLE, Run, runs_in


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    (folder / "mlflow.yaml").write_text(HASTY)
    return folder


@pytest.fixture(scope="module")
def run(home: Path) -> Run:
    return runs_in(home)


@pytest.fixture(scope="module")
def few(sample_ledger: Ledger, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger of some customers of the sample, for what has to be trained on."""
    folder = tmp_path_factory.mktemp("few") / "ledger"
    sample_ledger.of_customers(f"C{number:04}" for number in range(1, 25)).save(folder)
    return folder


@pytest.fixture(scope="module")
def done(run: Run, few: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """What a backtest of the last three months says of importance and reasons, and its page."""
    output = tmp_path_factory.mktemp("done") / "past.csv"
    result = run("backtest", few, "--from", "2026-03-01", "--importance", "--output", output, "--json")
    assert result.exit_code == 0, result.output
    assert "window: 2026-03-01 to 2026-0" in result.stderr
    return json.loads(result.stdout), output.with_suffix(".html")


def test_the_json_holds_a_part_for_every_chapter(done: tuple[dict[str, Any], Path]) -> None:
    told, page = done
    assert {family["name"] for family in told["importance"]["families"]} >= {"habit", "invoice"}
    assert [refit["at"] for refit in told["stability"]] == ["2026-04-01", "2026-05-01"]
    assert len(told["choice"]["periods"]) == 3
    assert set(told["choice"]["candidates"]) == {"model", "static", "customer_rate", "ageing", "logistic"}
    twin = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    assert all(twin[key] == told[key] for key in ("importance", "stability", "choice", "targets"))


def test_slices_of_a_backtest_have_ranges(done: tuple[dict[str, Any], Path]) -> None:
    slices = done[0]["targets"]["p_late"]["slices"]
    assert {"cold_start", "month", "customer_size", "division"} <= {part["grouping"] for part in slices}
    ample = next(part for part in slices if part["name"] == "warm customers")
    assert ample["models"]["model"]["roc_auc"]["low"] is not None
    assert ample["against_best_baseline"]["log_loss"]["low"] is not None


class Headings(HTMLParser):
    """The text of every heading of the second order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.is_inside = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.is_inside = tag == "h2"

    def handle_data(self, data: str) -> None:
        if self.is_inside and data.strip():
            self.found.append(data.strip())


def test_the_page_asks_the_questions_in_words(done: tuple[dict[str, Any], Path]) -> None:
    page = Headings()
    page.feed(done[1].read_text(encoding="utf-8"))
    asked = ["Which features carry the result?", "Do the reasons last?", "Which model should be in charge?"]
    assert [heading for heading in page.found if heading in asked] == asked


def test_tune_says_what_is_missing(run: Run, home: Path, few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.search.find_spec", lambda name: None)
    result = run("tune", few)
    assert result.exit_code == 2 and "optuna is not installed" in result.stderr
    assert not (home / "searches").exists()


@pytest.mark.slow
def test_tune_prints_a_section_for_the_settings(run: Run, tmp_path: Path) -> None:
    result = run("tune", SAMPLE, "--trials", "2")
    assert result.exit_code == 0, result.output
    assert "training:\n  seed: 1" in result.stdout and "settings" in result.stdout.splitlines()[-1]
    told = json.loads(run("tune", SAMPLE, "--trials", "1", "--json").stdout)
    assert len(told["trials"]) == 3 and Path(told["folder"], "trials.csv").exists()


@pytest.mark.slow
def test_rivals_and_families_stand_beside_the_model(run: Run, few: Path, tmp_path: Path) -> None:
    window = ["--from", "2026-03-01", "--to", "2026-05-01", "--output", tmp_path / "past.csv"]
    result = run("backtest", few, *window, "--rivals", "--ablation")
    assert result.exit_code == 0, result.output
    assert "scorecard" in result.stdout and "without_habit" not in result.stdout
    told = json.loads((tmp_path / "past.json").read_text(encoding="utf-8"))
    found = told["targets"]["p_late"]
    assert {"xgboost", "catboost", "scorecard", "without_habit"} <= set(found["against_each"])
    assert {gain["baseline"] for gain in found["against_best_baseline"].values()} <= {
        "customer_rate",
        "ageing",
        "logistic",
    }
    assert set(told["importance"]["without_family"]) >= {"habit", "invoice"}
    assert "xgboost" in told["choice"]["candidates"]
