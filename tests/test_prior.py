"""Is there a working model before anything has matured, and does it move towards the ledger as outcomes come?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from data_samples.simulator import simulate
from data_samples.simulator.random_worlds import TELLING_TABLES, drawn_world, recorded
from features.catalogue import CATALOGUE
from features.history import History
from features.lateness import LatenessRule
from features.ledger import Ledger
from tests.commands import SAMPLE, Run, runs_in
from training.backtest import Replayed
from training.model import HorizonModel, RiskModel, save_model
from training.model.calibration import log_odds, probability
from training.model.fitting import Lesson, fit_model, fit_on, lesson
from training.model.from_prior import from_prior
from training.prior import FOLDER, shipped_prior
from training.prior.making import UNITS_OF_ONE_BOOK, prior_of, together
from training.settings import Settings, TrainingSettings
from training.train import train

NOTHING = np.zeros((0, len(CATALOGUE.names)))
FIRST_DAY = date(2025, 7, 1)  # of the sample ledger


@pytest.fixture(scope="module")
def prior() -> RiskModel:
    found = shipped_prior()
    assert found is not None, "the features changed: run duecourse prior make and commit training/prior/model"
    return found


@pytest.fixture
def run_anew(tmp_path: Path) -> Run:
    """Runs a command in a home that does not exist yet."""
    return runs_in(tmp_path / "new home")


@pytest.fixture(scope="module")
def books(sample_past: Replayed) -> list[dict[str, Lesson]]:
    """Four small books: the invoices of the sample ledger, dealt out."""
    cohort, values = sample_past.known_before(date(2026, 6, 1))
    whole = {t: lesson(cohort, values, t, 10**6, 10**6) for t in cohort.history.rule.horizons}
    return [{t: rows.where(rows.invoice % 4 == part) for t, rows in whole.items()} for part in range(4)]


@pytest.fixture(scope="module")
def two_weeks_old(sample_ledger: Ledger) -> tuple[History, date]:
    """The sample ledger when it was 14 days old: 112 invoices, no outcome."""
    cut = FIRST_DAY + timedelta(days=14)
    return History(sample_ledger.known_before(cut)), cut


class TestShipped:
    def test_fits_the_features_and_is_small(self, prior: RiskModel) -> None:
        assert [horizon.kind for horizon in prior.horizons] == ["boosted"] * 3
        assert sum(path.stat().st_size for path in FOLDER.rglob("*.*")) < 1_000_000
        assert len(list(FOLDER.iterdir())) == 1

    def test_learned_only_what_means_the_same_in_every_book(self, prior: RiskModel) -> None:
        of_one_book = [feature.unit in UNITS_OF_ONE_BOOK for feature in CATALOGUE.features]
        assert sum(of_one_book) == 3
        for horizon in prior.horizons:
            assert horizon.booster is not None
            splits = horizon.booster.feature_importance()
            assert splits[of_one_book].sum() == 0 < splits.sum()

    def test_ranks_a_book_it_has_not_seen_better_than_own_rates_do(
        self, prior: RiskModel, sample_past: Replayed
    ) -> None:
        cohort, values = sample_past.known_before(date(2026, 6, 1))
        at_issue = (cohort.weeks_open == 0) & cohort.teaches("p_late", 10**6)
        late = cohort.outcomes["p_late"][at_issue] == 1
        own_rate = values[at_issue, CATALOGUE.names.index("late_rate")]
        given = prior.predict(values[at_issue])["p_late"]
        assert roc_auc_score(late, given) > roc_auc_score(late, own_rate) + 0.01


class TestMaking:
    quick = TrainingSettings(
        most_rounds=4, folds=2, threads=1, fewest_late_to_fit=5, fewest_late_to_calibrate=1
    )

    def test_twice_gives_the_same_version(self, books: list[dict[str, Lesson]], tmp_path: Path) -> None:
        versions = [
            save_model(prior_of(books, "test", self.quick), tmp_path / str(n)).version for n in (1, 2)
        ]
        seed = self.quick.model_copy(update={"seed": 2})
        other = save_model(prior_of(books, "test", seed), tmp_path / "3").version
        assert versions[0] == versions[1] != other

    def test_too_little_is_refused(self, books: list[dict[str, Lesson]]) -> None:
        strict = self.quick.model_copy(update={"fewest_late_to_fit": 10**6})
        with pytest.raises(
            ValueError, match=r"p_late cannot be learned .* matured late invoices.*Simulate more"
        ):
            prior_of(books, "test", strict)

    def test_every_book_counts_the_same(self, books: list[dict[str, Lesson]]) -> None:
        small = books[0]["p_late"].where(np.arange(len(books[0]["p_late"])) % 5 == 0)
        both = together([small, books[1]["p_late"]])
        weights = [both.weight[both.issued_on == number].sum() for number in (0, 1)]
        assert weights[0] == pytest.approx(weights[1])
        assert both.late_invoices() == small.late_invoices() + books[1]["p_late"].late_invoices()


class TestRecalibration:
    def horizon(
        self, prior: RiskModel, values: np.ndarray, late: np.ndarray, held_rows: float = 60
    ) -> HorizonModel:
        return from_prior(prior, "p_late", 5, values, late, np.ones(len(late)), held_rows, "a few")

    def test_without_outcomes_is_the_prior(self, prior: RiskModel) -> None:
        same = self.horizon(prior, NOTHING, np.array([]))
        assert same.calibration == prior.horizons[0].calibration
        assert same.note == f"shipped prior {prior.version}: a few"

    def test_follows_outcomes_by_their_number(self, prior: RiskModel, books: list[dict[str, Lesson]]) -> None:
        values = books[0]["p_late"].values
        booster = prior.horizons[0].booster
        assert booster is not None
        raw = booster.predict(values, raw_score=True)

        def mean(rows: int, late: float, held_rows: float = 60) -> float:
            taught = self.horizon(prior, values[:rows], np.full(rows, late), held_rows)
            return float(probability(taught.calibration.apply(raw)).mean())

        before = mean(0, 0.0)
        assert mean(200, 0.0) < mean(20, 0.0) < before < mean(20, 1.0) < mean(200, 1.0)
        assert mean(20, 0.0) < mean(20, 0.0, held_rows=600) < before


class TestANewTenant:
    def test_has_a_model_of_every_horizon_before_anything_matured(
        self, prior: RiskModel, two_weeks_old: tuple[History, date], tmp_path: Path
    ) -> None:
        history, cut = two_weeks_old
        model = save_model(fit_model(history, cut, TrainingSettings()), tmp_path)
        assert [horizon.kind for horizon in model.horizons] == ["prior"] * 3
        assert all(row["late_invoices"] == 0 for row in model.card["horizons"].values())
        assert f"shipped prior {prior.version}: 0 matured late" in model.card["horizons"]["p_late"]["note"]
        rows = np.arange(len(history.invoices["issued_on"]))
        values = CATALOGUE.compute(history, rows, np.full(len(rows), history.invoices["issued_on"].max() + 3))
        given = model.predict(values)
        assert ((given > 0) & (given < 1)).all(axis=None)
        assert (given["p_late"] >= given["p_late_30"]).all() and (
            given["p_late_30"] >= given["p_late_90"]
        ).all()
        assert given["p_late"].nunique() > 20
        assert set(model.evidence(values)) <= {"none", "little"}
        for explanation in model.explain(values[:20]):
            total = explanation.base + sum(explanation.contributions.values())
            assert total == pytest.approx(log_odds(np.array(explanation.probability)), abs=1e-9)

    def test_trains_before_anything_matured_and_says_why_it_was_not_rehearsed(
        self, two_weeks_old: tuple[History, date], tmp_path: Path
    ) -> None:
        history, cut = two_weeks_old
        result = train(history.ledger, cut, LatenessRule(), Settings(), tmp_path, lambda step: None)
        assert result.rehearsal is None
        assert result.why_no_rehearsal.startswith("no invoice had matured by")
        card = (result.folder / "model_card.md").read_text()
        assert "shipped prior" in card and "simulated ledgers alone" in card

    def test_leaves_the_prior_with_enough_late_invoices(self, sample_past: Replayed) -> None:
        cut = date(2026, 6, 1)
        few = TrainingSettings(most_rounds=2, folds=2, fewest_late_to_leave_prior=120)
        model = fit_on(*sample_past.known_before(cut), cut, few, CATALOGUE)
        late = {target: row["late_invoices"] for target, row in model.card["horizons"].items()}
        kinds = {horizon.target: horizon.kind for horizon in model.horizons}
        assert kinds == {target: "boosted" if late[target] >= 120 else "prior" for target in late}
        assert set(kinds.values()) == {"boosted", "prior"}

    def test_without_the_prior_is_refused(self, two_weeks_old: tuple[History, date]) -> None:
        history, cut = two_weeks_old
        with pytest.raises(ValueError, match=f"no invoice had matured by {cut}"):
            fit_model(history, cut, TrainingSettings(use_prior=False))

    def test_before_its_first_invoice_is_refused(self, sample_ledger: Ledger) -> None:
        history = History(sample_ledger.known_before(FIRST_DAY))
        with pytest.raises(ValueError, match=f"no invoice had matured by {FIRST_DAY}"):
            fit_model(history, FIRST_DAY, TrainingSettings())

    @pytest.mark.parametrize("late_after", [0, 30, 60, 120])
    def test_may_count_lateness_by_any_rule(
        self, two_weeks_old: tuple[History, date], late_after: int
    ) -> None:
        history, cut = two_weeks_old
        history = History(history.ledger, LatenessRule(late_after))
        model = fit_model(history, cut, TrainingSettings())
        given = model.predict(CATALOGUE.compute(history, np.arange(20), np.full(20, 20_300)))
        days = sorted(history.rule.horizons, key=lambda target: history.rule.horizons[target])
        assert all((given[a] >= given[b]).all() for a, b in pairwise(days))

    def test_features_left_out_make_the_prior_useless(self, sample_past: Replayed) -> None:
        cut = date(2025, 10, 1)
        few = CATALOGUE.without("group")
        settings = TrainingSettings(fewest_late_to_fit=10**6)
        model = fit_model(sample_past.history, cut, settings, few)
        assert [horizon.kind for horizon in model.horizons] == ["rate", "ratio", "ratio"]


class TestWorlds:
    def test_are_the_same_for_the_same_seed_and_differ_otherwise(self) -> None:
        one, same, other = (drawn_world(seed) for seed in (1, 1, 2))
        assert one == same
        assert one.market != other.market and one.closes_on != other.closes_on

    def test_are_recorded_in_many_ways_that_all_load(self) -> None:
        book = simulate(6, 4, seed=1, world=replace(drawn_world(3)), futures=0)
        kept = [recorded(book.tables, seed) for seed in range(12)]
        assert all(Ledger.from_tables(tables).tables["invoices"].shape[0] for tables in kept)
        assert len({frozenset(tables) for tables in kept}) > 4
        bare = [tables for tables in kept if not set(tables) & set(TELLING_TABLES)]
        assert 2 <= len(bare) <= 10
        assert any("division" not in tables["invoices"] for tables in kept)


class TestCommands:
    def test_prior_is_told(self, run_anew: Run, prior: RiskModel) -> None:
        assert prior.version in run_anew("prior").stdout

    def test_backtest_judges_the_prior_alone(self, run_anew: Run, tmp_path: Path) -> None:
        window = ("--from", "2025-11-01", "--to", "2025-11-15")
        asked = ("backtest", SAMPLE, *window, "--output", tmp_path / "past.csv", "--model", "prior")
        done = run_anew(*asked)
        assert done.exit_code == 0, done.output
        refused = run_anew(*asked, "--without", "group")
        assert (refused.exit_code, "--model own alone" in refused.stderr) == (2, True)

    @pytest.mark.slow
    def test_make_asks_for_more_worlds_where_too_few_pay_very_late(
        self, run_anew: Run, tmp_path: Path
    ) -> None:
        refused = run_anew("prior", "make", "--worlds", 4, "--to", tmp_path / "prior")
        assert (refused.exit_code, "Simulate more" in refused.stderr) == (2, True)
        assert not (tmp_path / "prior").exists()
