"""Does the search look only at what had matured, keep its trials, and tell a better model from a lucky one?"""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from features.days import day_number
from features.history import History
from features.ledger import Ledger
from training.evaluation import Difference
from training.search import BLOCK_DAYS, Search, blocks, search
from training.settings import Settings, TrainingSettings, load_settings

CUT = date(2026, 6, 1)


@pytest.fixture(scope="module")
def history(sample_ledger: Ledger) -> History:
    return History(sample_ledger.known_before(CUT))


@pytest.fixture(scope="module")
def settings(hasty_settings: TrainingSettings) -> Settings:
    return Settings(training=hasty_settings)


def test_every_block_is_scored_by_a_model_of_what_had_matured_before_it(
    history: History, settings: Settings
) -> None:
    found = blocks(history, CUT, settings, lambda step: None)
    assert [block.end - block.begin for block in found] == [timedelta(days=BLOCK_DAYS)] * 4
    for block, later in zip(found, [*found[1:], None], strict=True):
        assert (block.taught.matures_on < day_number(block.begin)).all()
        issued = block.cohort.history.invoices["issued_on"][block.cohort.rows]
        assert (issued >= day_number(block.begin)).all() and (issued < day_number(block.end)).all()
        assert later is None or block.end == later.begin
    matured = [block.cohort.matures_on["p_late"][~np.isnan(block.late)] for block in found]
    assert max(days.max() for days in matured) < day_number(CUT)


def test_too_short_a_history_is_told_what_is_needed(history: History, settings: Settings) -> None:
    demanding = Settings(training=settings.training.model_copy(update={"fewest_late_to_fit": 400}))
    with pytest.raises(ValueError, match=r"two blocks of 30 days are needed.*400 matured late invoices"):
        blocks(history, CUT, demanding, lambda step: None)


def test_a_missing_library_is_named_with_the_line_that_installs_it(
    history: History, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.search.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"optuna is not installed.*requirements-rivals\.lock"):
        search(history, CUT, settings, "data", tmp_path / "home", 1)
    assert not (tmp_path / "home").exists()


TRIAL = {"trial": 0, "state": "complete", "is_todays": True, "log_loss": 0.5, "blocks": 3, "settings": {}}
UNSEEN = (date(2026, 4, 1), date(2026, 5, 1))


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        (None, "No trial of 1 did better than today's settings: keep them."),
        (
            Difference("today", -0.01, -0.02, -0.005),
            "The best settings are better than today's (log loss −0.0100, 90 % range −0.0200 to −0.0050, on invoices "
            "issued 2026-04-01 to 2026-05-01 that the search never saw).",
        ),
        (Difference("today", -0.01, -0.02, 0.005), "The best settings are within chance of today's (log loss −0.0100"),
        (Difference("today", 0.01, 0.005, 0.02), "The best settings of the search are worse than today's where it"),
        (Difference("today", -0.01, None, None), "Too few customers to be sure: log loss −0.0100 on invoices"),
    ],
)  # fmt: skip
def test_the_verdict_says_what_the_unseen_block_showed(gain: Difference | None, said: str) -> None:
    found = Search([TRIAL], TrainingSettings(), 0.5, 0.4, gain, [UNSEEN], Path("x"))
    assert found.verdict.startswith(said)


@pytest.mark.slow
class TestSearch:
    @pytest.fixture(autouse=True)
    def _one_block(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("training.search.MOST_BLOCKS", 1)

    def test_begins_with_today_goes_on_where_it_stopped_and_keeps_its_trials(
        self, history: History, settings: Settings, tmp_path: Path
    ) -> None:
        first = search(history, CUT, settings, "data", tmp_path, 2)
        again = search(history, CUT, settings, "data", tmp_path, 1)
        assert [sorted(row["trial"] for row in found.trials) for found in (first, again)] == [
            [0, 1],
            [0, 1, 2],
        ]
        assert first.folder == again.folder
        assert [row["trial"] for row in again.trials if row["is_todays"]] == [0]
        judged = [row["log_loss"] for row in again.trials if row["log_loss"] is not None]
        assert judged == sorted(judged) and judged[0] == again.best_log_loss <= again.todays_log_loss
        with (again.folder / "trials.csv").open(encoding="utf-8") as file:
            kept = list(csv.DictReader(file))
        assert [int(row["trial"]) for row in kept] == [row["trial"] for row in again.trials]
        assert load_settings(again.folder / "best.yaml").training == again.best

    def test_todays_loss_is_that_of_todays_settings(
        self, history: History, settings: Settings, tmp_path: Path
    ) -> None:
        found = search(history, CUT, settings, "data", tmp_path, 1)
        (tried, kept) = blocks(history, CUT, settings, lambda step: None)
        assert found.todays_log_loss == tried.log_loss(settings.training)
        assert found.blocks == [(tried.begin, tried.end), (kept.begin, kept.end)]
        assert (found.best, found.confirmed) == (settings.training, None)

    def test_the_same_search_tries_the_same(
        self, history: History, settings: Settings, tmp_path: Path
    ) -> None:
        found = [search(history, CUT, settings, "data", tmp_path / home, 2) for home in ("a", "b")]
        assert replace(found[0], folder=tmp_path) == replace(found[1], folder=tmp_path)

    def test_time_that_is_up_at_once_is_said_or_leaves_one_trial(
        self, history: History, settings: Settings, tmp_path: Path
    ) -> None:
        found = search(history, CUT, settings, "data", tmp_path, 500, minutes=0.0001)
        assert len(found.trials) == 1
