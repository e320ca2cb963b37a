"""Does the nightly job learn as history arrives, decide by the gates, and never leave anything half done?"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from features.ledger import Ledger
from tests.commands import SAMPLE, runs_in
from tests.conftest import SAMPLE_LEDGER
from training.champion import champion_folder, read_champion, read_pointer
from training.model import RiskModel, load_model
from training.retraining import reason_to_wait
from training.settings import Gates, Settings, TrainingSettings

FREE = """
training: {most_rounds: 4, folds: 2, threads: 1, fewest_late_to_fit: 10, fewest_late_to_calibrate: 3,
           rehearsal_days: 30, timing: {most_rows: 5000, most_judged: 500, most_rounds: 3}}
gates: {auc_above_customer_rate: -1, brier_below_customer_rate: -1, auc_above_ageing: -1, brier_below_ageing: -1,
        auc_above_logistic: -1, brier_below_logistic: -1, mean_prediction_within: 1,
        fewest_late_to_compare: 5, fewest_prompt_to_compare: 5, fewest_customers_to_compare: 10,
        latency_ratio: 1000}
"""
"""Gates that leave all to the comparison with the champion."""
CHOOSY = FREE.replace("mean_prediction_within: 1", "mean_prediction_within: 0.000001")


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory, sample_ledger: Ledger) -> dict[str, Path]:
    """The sample ledger as it looked on several days, each a folder."""
    folder = tmp_path_factory.mktemp("growing")
    days = ("2026-02-01", "2026-02-20", "2026-04-01")
    for day in days:
        sample_ledger.known_before(date.fromisoformat(day)).save(folder / day)
        # As written by hand: a tolerance of 0 and of 0.00 are equal, but have not the same fingerprint.
        shutil.copy(SAMPLE_LEDGER / "ledger.yaml", folder / day)
    return {day: folder / day for day in days}


class TestNights:
    def test_history_arrives_and_the_model_follows(self, growing: dict[str, Path], home: Path) -> None:
        (home / "mlflow.yaml").write_text(FREE)
        run = runs_in(home)
        first, again, early, later, same = (
            run("retrain", growing[day], "--as-of", day, "--who", "night", "--json")
            for day in ("2026-02-01", "2026-02-01", "2026-02-20", "2026-04-01", "2026-04-01")
        )
        assert [done.exit_code for done in (first, again, early, later, same)] == [0] * 5, later.output
        told = [json.loads(done.stdout) for done in (first, again, early, later, same)]
        assert [each["outcome"] for each in told] == ["promoted", "waiting", "waiting", "promoted", "waiting"]
        assert told[1]["why"] == "The champion has learned from this very ledger, as of 2026-02-01."
        assert "has had time to mature" in told[2]["why"]
        assert told[3]["comparison"]["is_same"] and told[3]["model_version"] != told[0]["model_version"]
        versions = [row["version"] for row in json.loads(run("models", "--json").stdout)]
        assert versions == [told[3]["model_version"], told[0]["model_version"]]
        moves = json.loads(run("models", "history", "--json").stdout)
        assert [(move["to"], move["who"], move["role"]) for move in moves] == [
            (told[0]["model_version"], "night", "champion"),
            (told[3]["model_version"], "night", "champion"),
        ]
        page = Path(told[3]["report"]).read_text(encoding="utf-8")
        assert "Challenger and champion" in page and "the recipe has not changed" in page

    @pytest.mark.slow
    def test_what_comes_later_changes_neither_version_nor_bytes(
        self, growing: dict[str, Path], home: Path, tmp_path: Path
    ) -> None:
        (home / "mlflow.yaml").write_text(FREE)
        other = Path(shutil.copytree(home, tmp_path / "other"))
        for folder, ledger in ((home, growing["2026-02-01"]), (other, Path(SAMPLE))):
            assert runs_in(folder)("retrain", ledger, "--as-of", "2026-02-01").exit_code == 0
        one, two = champion_folder(home), champion_folder(other)
        assert one.name == two.name
        for path in one.iterdir():
            assert path.read_bytes() == (two / path.name).read_bytes(), path.name

    def test_a_challenger_that_misses_a_gate_waits_in_the_shadow(
        self, growing: dict[str, Path], home: Path, tmp_path: Path
    ) -> None:
        (home / "mlflow.yaml").write_text(CHOOSY)
        run = runs_in(home)
        assert run("retrain", growing["2026-02-01"], "--as-of", "2026-02-01").exit_code == 0
        champion = read_champion(home)
        done = run("retrain", growing["2026-04-01"], "--as-of", "2026-04-01")
        assert done.exit_code == 1, done.output
        assert "Not promoted. The champion" in done.stdout and "not within 1e-06" in done.stdout
        challenger = read_pointer(home, "challenger")
        assert read_champion(home) == champion and challenger is not None
        assert runs_in(home)("score", growing["2026-04-01"], "--output", tmp_path / "s.csv").exit_code == 0
        (kept,) = (home / "scored").glob("*.parquet")
        assert champion is not None and champion.version in kept.name
        night = run("retrain", growing["2026-04-01"], "--as-of", "2026-04-01")
        assert night.exit_code == 0
        assert f"A challenger of the same recipe, {challenger.version}, was held against" in night.stdout
        assert "the next one is as of 2026-04-15 or later" in night.stdout


class TestReasonsToWait:
    SETTINGS = Settings(
        training=TrainingSettings(rehearsal_days=30),
        gates=Gates(fewest_late_to_compare=5, fewest_prompt_to_compare=5, fewest_customers_to_compare=10),
    )

    @pytest.mark.parametrize(
        ("trained", "cut", "says"),
        [
            ("2026-05-01", "2026-04-01", "The champion knows facts before 2026-05-01 already"),
            ("2026-04-01", "2026-04-01", "No outcome has matured since"),
            ("2026-04-01", "2026-04-20", "no invoice issued since the champion was trained"),
            ("2026-01-01", "2026-04-20", None),
        ],
    )
    def test_are_found_without_training(
        self,
        sample_ledger: Ledger,
        small_model: RiskModel,
        tmp_path: Path,
        trained: str,
        cut: str,
        says: str | None,
    ) -> None:
        champion = replace(small_model, card=small_model.card | {"trained_on_facts_before": trained})
        why = reason_to_wait(sample_ledger, date.fromisoformat(cut), self.SETTINGS, tmp_path, champion)
        assert why is None if says is None else says in (why or "")


class TestWaysOut:
    def test_a_champion_that_cannot_be_loaded_is_replaced_where_the_simple_rules_are_beaten(
        self, growing: dict[str, Path], home: Path
    ) -> None:
        (home / "mlflow.yaml").write_text(FREE)
        run = runs_in(home)
        done = run("train", growing["2026-02-01"], "--as-of", "2026-02-01", "--late-after", "7")
        assert done.exit_code == 0
        (champion_folder(home) / "model.json").write_text("{}", encoding="utf-8")
        done = run("retrain", growing["2026-02-20"], "--as-of", "2026-02-20", "--json")
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout)
        assert told["promoted"] and "the simple rules decide alone" in told["why"]
        assert load_model(champion_folder(home)).rule.late_after_days == 7

    def test_a_target_that_nobody_knows_is_refused(
        self, growing: dict[str, Path], office: Path, home: Path
    ) -> None:
        shutil.copytree(office / "models", home / "models")
        (champion_folder(home) / "model.json").write_text("{}", encoding="utf-8")
        done = runs_in(home)("retrain", growing["2026-02-20"])
        assert done.exit_code == 2 and "nobody can say what it meant by late" in done.stderr


@pytest.mark.slow
def test_killed_at_any_moment_it_leaves_one_whole_champion(
    growing: dict[str, Path], home: Path, tmp_path: Path
) -> None:
    (home / "mlflow.yaml").write_text(FREE)
    run = runs_in(home)
    assert run("retrain", growing["2026-02-01"], "--as-of", "2026-02-01").exit_code == 0
    first = champion_folder(home).name
    command = [
        sys.executable,
        "-m",
        "serving.cli",
        "retrain",
        str(growing["2026-04-01"]),
        "--as-of",
        "2026-04-01",
    ]
    environment = os.environ | {"DUECOURSE_HOME": str(home)}
    begin = time.monotonic()
    trial = Path(shutil.copytree(home, tmp_path / "trial"))
    subprocess.run(command, env=environment | {"DUECOURSE_HOME": str(trial)}, check=True, capture_output=True)
    takes, chance = time.monotonic() - begin, random.Random(1)
    second = champion_folder(trial).name
    for _ in range(12):
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        # Most kills fall into the last third, where models are saved, recorded and put in charge.
        time.sleep(takes * chance.triangular(0.2, 1.05, 0.9))
        process.send_signal(signal.SIGKILL)
        process.wait()
        seen = champion_folder(home).name
        assert seen in (first, second) and load_model(champion_folder(home)).version == seen
        listed = {row["version"]: row["aliases"] for row in json.loads(run("models", "--json").stdout)}
        assert [version for version, aliases in listed.items() if "champion" in aliases] == [
            champion_folder(home).name
        ]
        if champion_folder(home).name == second:
            assert run("models", "rollback").exit_code == 0
    assert run("score", growing["2026-04-01"], "--output", tmp_path / "s.csv").exit_code == 0
    assert run("retrain", growing["2026-04-01"], "--as-of", "2026-04-01").exit_code == 0
    assert champion_folder(home).name == second
