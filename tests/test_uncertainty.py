"""Does every range say what past invoices turned out to be, hold its probability and rise with the score?"""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pytest
from scipy.stats import beta
from sklearn.isotonic import IsotonicRegression

from features.catalogue import CATALOGUE
from features.lateness import LatenessRule
from training.backtest import Replayed
from training.model import HorizonModel, RiskModel, ranges
from training.model.calibration import log_odds, probability
from training.model.fitting import fit_on
from training.model.uncertainty import BOOK, RangeTable, Uncertainty, rate_range
from training.model.venn_abers import DECIMALS, answers, fit_uncertainty, range_table, venn_abers
from training.settings import TrainingSettings

TABLE = RangeTable(np.array([-2.0, 0.0]), np.array([0.01, 0.1, 0.4]), np.array([0.03, 0.25, 0.7]), 100)


def drawn(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Raw log-odds, and outcomes that truly have them."""
    random = np.random.default_rng(seed)
    raw = random.normal(-1.5, 1.5, rows)
    return raw, (random.random(rows) < 1 / (1 + np.exp(-raw))).astype(float)


@pytest.mark.parametrize(
    ("raw", "low", "high"),
    [(-9, 0.01, 0.03), (-2.1, 0.01, 0.03), (-2, 0.1, 0.03), (-1, 0.1, 0.25), (0, 0.4, 0.25), (7, 0.4, 0.7)],
)
def test_a_table_is_read_by_steps(raw: float, low: float, high: float) -> None:
    assert tuple(bound[0] for bound in TABLE.at(np.array([float(raw)]))) == (low, high)


def test_a_moved_table_moves_every_rate_by_the_same_log_odds() -> None:
    moved = RangeTable(np.array([0.0]), np.array([0.0, 0.2]), np.array([0.5, 1.0]), 9).moved(1.0)
    assert (moved.low[0], moved.high[1]) == (0.0, 1.0)
    assert moved.low[1] == pytest.approx(probability(log_odds(np.array(0.2)) + 1), abs=1e-15)
    assert moved.high[0] == pytest.approx(1 / (1 + np.exp(-1)), abs=1e-15)


def test_a_level_without_a_table_gets_the_books_and_none_that_of_little() -> None:
    other = RangeTable(np.array([]), np.array([0.2]), np.array([0.9]), 30)
    low, high = Uncertainty({BOOK: TABLE, "little": other}).at(
        np.full(4, -1.0), np.array(["none", "little", "some", "ample"])
    )
    assert (low.tolist(), high.tolist()) == ([0.2, 0.2, 0.1, 0.1], [0.9, 0.9, 0.25, 0.25])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_a_table_gives_the_very_answers_of_mapie(seed: int) -> None:
    blocks = [drawn(rows, seed + rows) for rows in (40, 500, 3000)]
    asked, _ = drawn(4000, seed + 99)
    asked[::3] = np.round(asked[::3], DECIMALS)  # on the steps themselves, where the two sides differ
    told = np.array([answers(venn_abers(*block), asked) for block in blocks])
    low, high = range_table(blocks).at(asked)
    np.testing.assert_array_equal(low, told[:, :, 0].min(axis=0))
    np.testing.assert_array_equal(high, told[:, :, 1].max(axis=0))


def test_a_block_says_what_isotonic_regression_says_with_the_invoice_added_late_and_in_time() -> None:
    raw, late = drawn(200, 3)
    raw = np.round(raw, DECIMALS)
    table = range_table([(raw, late)])
    for asked in (-3.05, -1.45, 0.25):
        low, high = (
            IsotonicRegression(out_of_bounds="clip")
            .fit(np.append(raw, asked), np.append(late, outcome))
            .predict([asked])[0]
            for outcome in (0, 1)
        )
        told = table.at(np.array([asked]))
        assert (told[0][0], told[1][0]) == pytest.approx((low, high), abs=1e-12)


def test_two_months_that_differ_widen_the_range_and_a_thin_level_has_none() -> None:
    raw, late = drawn(4000, 1)
    block = np.arange(4000) % 2
    worse = np.where(block == 1, np.maximum(late, np.random.default_rng(2).random(4000) < 0.3), late)
    evidence = np.where(np.arange(4000) < 40, "some", "ample")
    once, twice = (
        fit_uncertainty(raw, outcome, np.ones(4000), block, evidence, seed=1) for outcome in (late, worse)
    )
    assert set(twice.tables) == {BOOK, "ample"}
    at = (np.linspace(-3, 1, 50), np.full(50, "ample"))
    widths = [np.subtract(*found.at(*at)[::-1]).mean() for found in (once, twice)]
    assert widths[1] > 2 * widths[0]


def test_a_row_counts_with_the_chance_of_its_weight() -> None:
    raw, late = drawn(4000, 1)
    fitted = fit_uncertainty(raw, late, np.full(4000, 0.25), np.zeros(4000), np.full(4000, "ample"), seed=1)
    assert fitted.tables[BOOK].rows == pytest.approx(1000, abs=100)


@pytest.mark.parametrize(("rate", "rows"), [(0.1, 8.0), (0.5, 40.0), (0.02, 300.0)])
def test_a_smoothed_rate_has_the_middle_of_its_beta_belief(rate: float, rows: float) -> None:
    low, high = rate_range(np.array([rate]), np.array([rows]))
    belief = beta(rate * rows, (1 - rate) * rows)
    assert (low[0], high[0]) == pytest.approx((belief.ppf(0.1), belief.ppf(0.9)), abs=1e-9)


@pytest.fixture(scope="module", params=[True, False], ids=["boosted", "plain rates"])
def model(
    request: pytest.FixtureRequest, sample_past: Replayed, hasty_settings: TrainingSettings
) -> RiskModel:
    never = {} if request.param else {"fewest_late_to_fit": 10**6}
    cut, settings = date(2026, 1, 1), hasty_settings.model_copy(update=never)
    return fit_on(*sample_past.known_before(cut), cut, settings, CATALOGUE)


@pytest.fixture(scope="module")
def values(sample_past: Replayed) -> np.ndarray:
    return sample_past.known_before(date(2026, 5, 1))[1][::7]


class TestRanges:
    def test_hold_the_probability_and_end_once_it_is_decided(
        self, model: RiskModel, values: np.ndarray
    ) -> None:
        given = model.predict(values)
        waited = values[:, CATALOGUE.names.index("days_past_due")]
        for target, (low, high) in ranges(model, values, given).items():
            p, decided = given[target].to_numpy(), waited > model.rule.horizons[target]
            assert (low <= p).all() and (p <= high).all() and (low >= 0).all() and (high <= 1).all()
            assert (low[decided] == 1).all() and (high[decided] == 1).all()
            assert (high - low)[~decided].mean() > 0.01

    def test_never_fall_as_the_score_rises(self, model: RiskModel, values: np.ndarray) -> None:
        given = model.predict(values)
        low, high = ranges(model, values, given)["p_late"]
        for level in set(model.evidence(values)):
            rows = np.flatnonzero((model.evidence(values) == level) & (given["p_late"] < 1))
            rows = rows[np.argsort(given["p_late"].to_numpy()[rows], kind="stable")]
            if model.horizons[0].kind == "boosted":
                assert (np.diff(low[rows]) >= -1e-12).all() and (np.diff(high[rows]) >= -1e-12).all()

    def test_are_narrower_with_more_evidence(self, model: RiskModel, values: np.ndarray) -> None:
        low, high = ranges(model, values, model.predict(values))["p_late"]
        evidence = model.evidence(values)
        widths = [np.mean((high - low)[evidence == level]) for level in ("little", "ample")]
        assert widths[0] > widths[1]

    def test_of_equal_horizons_are_equal(self, values: np.ndarray) -> None:
        kinds = {"p_late": (30, "rate"), "p_late_30": (30, "rate"), "p_late_90": (90, "ratio")}
        horizons = tuple(HorizonModel(name, days, kind, 0.2, "") for name, (days, kind) in kinds.items())  # type: ignore[arg-type]
        equal = RiskModel(LatenessRule(30), horizons, {})
        found = ranges(equal, values, equal.predict(values))
        np.testing.assert_array_equal(found["p_late"], found["p_late_30"])
        assert (found["p_late_90"][1] <= found["p_late"][1]).all()


def test_the_tables_are_kept_with_the_model(small_model: RiskModel) -> None:
    first = small_model.horizons[0]
    assert first.uncertainty is not None
    written = json.loads(json.dumps(first.uncertainty.as_dict()))
    again = Uncertainty.from_dict(written)
    assert again.as_dict() == first.uncertainty.as_dict()
    table = again.tables[BOOK]
    assert len(table.low) == len(table.high) == len(table.points) + 1
    assert (np.diff(table.points) > 0).all() and (table.low <= table.high).all()
    assert (np.diff(table.low) >= 0).all() and (np.diff(table.high) >= 0).all()
