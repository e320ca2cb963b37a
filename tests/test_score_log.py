"""Is what was scored remembered whole and once, beside what the challenger would have said, disturbing nobody?"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.catalogue import CATALOGUE
from features.lateness import LatenessRule
from features.ledger import Ledger
from serving.policy import Policy
from serving.score_log import FEATURE, challenger_beside, forget, log_scores, scorings
from serving.scoring import TARGETS, Scorer
from tests.commands import SAMPLE, runs_in
from training.champion import Champion, point_to
from training.model import RiskModel, save_model
from training.model.calibration import Calibration

NOW = datetime(2026, 7, 1, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def scorer(sample_ledger: Ledger, small_model: RiskModel) -> Scorer:
    return Scorer(sample_ledger, small_model, Policy.load())


@pytest.fixture(scope="module")
def other(small_model: RiskModel) -> RiskModel:
    """A model that says more risk."""
    first, *rest = small_model.horizons
    bolder = replace(first, calibration=Calibration(first.calibration.slope, first.calibration.shift + 1))
    return replace(small_model, horizons=(bolder, *rest), version="")


@pytest.fixture
def shadowed(office: Path, other: RiskModel, tmp_path: Path) -> tuple[Path, str]:
    """A home with a challenger, and the challenger's version."""
    home = with_models_of(office, tmp_path / "home")
    version = save_model(other, home / "models").version
    point_to(home, Champion(version, "2026-04-02", "tests", "missed a gate"), "challenger")
    return home, version


def test_a_row_says_what_was_told_and_from_which_values(scorer: Scorer, tmp_path: Path) -> None:
    scored = scorer.score_open()
    path = log_scores(tmp_path, scorer, scored, None, NOW)
    (kept,) = scorings(tmp_path)
    rows = kept.rows()
    assert path.name.startswith(f"2026-07-01-{scorer.model.version}-") and kept.path == path
    for name in ("invoice_id", "customer_id", "currency", "tier", "action", *TARGETS):
        assert rows[name].tolist() == scored[name].tolist(), name
    money = rows["amount_open"].astype(float) / 100
    assert money.tolist() == pytest.approx(scored["amount_open"].astype(float).tolist())
    assert (rows["as_of"] == pd.Timestamp("2026-07-01")).all()
    values = rows[[f"{FEATURE}{name}" for name in CATALOGUE.names]].to_numpy(np.float64)
    assert np.array_equal(
        scorer.model_on(date(2026, 7, 1)).predict(values).to_numpy(), scored[list(TARGETS)].to_numpy()
    )
    assert not [name for name in rows if name.startswith("challenger")]


def test_the_metadata_says_which_model_policy_and_data(scorer: Scorer, tmp_path: Path) -> None:
    log_scores(tmp_path, scorer, scorer.score_open(), None, NOW)
    (kept,) = scorings(tmp_path)
    expected = {
        "format": "1",
        "as_of": "2026-07-01",
        "scored_at": "2026-07-01T04:00:00+00:00",
        "model_version": scorer.model.version,
        "trained_before": "2026-04-01",
        "late_after_days": "5",
        "calendar_days": "false",
        "policy_version": scorer.policy.version,
        "data_fingerprint": scorer.ledger.fingerprint(date(2026, 7, 1)),
        "feature_fingerprint": scorer.model.card["feature_fingerprint"],
    }
    assert expected == {name: kept.described[name] for name in expected}


def test_the_same_content_is_one_file_and_another_stands_beside_it(
    scorer: Scorer, other: RiskModel, tmp_path: Path
) -> None:
    scored = scorer.score_open()
    first = log_scores(tmp_path, scorer, scored, None, NOW)
    before = first.read_bytes()
    assert log_scores(tmp_path, scorer, scored, None, NOW + timedelta(hours=1)) == first
    assert first.read_bytes() == before
    challenger = replace(other, version="abc")
    second = log_scores(tmp_path, scorer, scored, challenger, NOW + timedelta(hours=2))
    assert [each.path for each in scorings(tmp_path)] == [first, second]
    assert {path.suffix for path in (tmp_path / "scored").iterdir()} == {".parquet"}


def test_what_is_older_than_its_time_is_removed(scorer: Scorer, tmp_path: Path) -> None:
    scored = scorer.score_open()
    log_scores(tmp_path, scorer, scored, None, NOW)
    later = log_scores(tmp_path, scorer, scored.head(3), None, NOW + timedelta(days=2))
    assert forget(tmp_path, NOW + timedelta(days=11), keep_days=10) == 1
    assert [each.path for each in scorings(tmp_path)] == [later]


def test_nothing_open_and_files_of_others_are_no_trouble(scorer: Scorer, tmp_path: Path) -> None:
    path = log_scores(tmp_path, scorer, scorer.score_open().head(0), None, NOW)
    (tmp_path / "scored" / "damaged.parquet").write_bytes(b"PAR1 not really")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "scored" / "foreign.parquet")
    assert [(each.path, len(each.rows())) for each in scorings(tmp_path)] == [(path, 0)]


def with_models_of(office: Path, home: Path) -> Path:
    """A home with the models of the office, in which nothing was scored yet."""
    shutil.copytree(office / "models", home / "models")
    return home


class TestShadow:
    def test_score_keeps_both_and_shows_the_champion_alone(
        self, shadowed: tuple[Path, str], office: Path, tmp_path: Path
    ) -> None:
        home, version = shadowed
        alone, beside = tmp_path / "alone.csv", tmp_path / "beside.csv"
        runs_in(with_models_of(office, tmp_path / "plain"))("score", SAMPLE, "--output", alone)
        done = runs_in(home)("score", SAMPLE, "--output", beside, "--json")
        assert done.exit_code == 0, done.output
        assert beside.read_bytes() == alone.read_bytes() and version not in done.output
        (kept,) = scorings(home)
        rows = kept.rows()
        assert json.loads(done.stdout)["logged"] == str(kept.path)
        assert kept.described["challenger_version"] == version
        assert kept.described["challenger_trained_before"] == "2026-04-01"
        undecided = rows["p_late"] < 1
        assert (rows["challenger_p_late"] > rows["p_late"])[undecided].all() and undecided.any()

    def test_a_damaged_challenger_disturbs_nobody(self, shadowed: tuple[Path, str], tmp_path: Path) -> None:
        home, version = shadowed
        (home / "models" / version / "model.json").write_text("{}", encoding="utf-8")
        done = runs_in(home)("score", SAMPLE, "--output", tmp_path / "s.csv")
        assert done.exit_code == 0 and (tmp_path / "s.csv").exists()
        assert f"The challenger was not asked: model {version} was changed" in done.stderr
        assert "challenger_version" not in next(scorings(home)).described

    def test_a_log_that_cannot_be_written_disturbs_nobody(self, office: Path, tmp_path: Path) -> None:
        home = with_models_of(office, tmp_path / "home")
        (home / "scored").write_text("in the way", encoding="utf-8")
        done = runs_in(home)("score", SAMPLE, "--output", tmp_path / "s.csv", "--json")
        assert done.exit_code == 0 and (tmp_path / "s.csv").exists()
        assert json.loads(done.stdout)["logged"] is None
        assert "were not put into the score log" in done.stderr

    def test_a_challenger_of_another_target_is_not_asked(
        self, shadowed: tuple[Path, str], small_model: RiskModel
    ) -> None:
        champion = replace(small_model, rule=LatenessRule(10))
        with pytest.raises(ValueError, match="another target"):
            challenger_beside(shadowed[0], champion)
