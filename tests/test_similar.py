"""How did such scores turn out: are the neighbours the right ones, and was no outcome known when they were given?"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.ledger import Ledger
from serving.policy import Policy
from serving.score_log import log_scores, scorings
from serving.scoring import Scorer
from serving.similar import ENOUGH, MOST, Past, PastScores, logged, rehearsed, similar, weekly
from training.model import RiskModel
from training.model.calibration import log_odds
from training.model.judged import read_judged, write_judged

DAYS = (date(2025, 9, 1), date(2025, 12, 1))
VERSION = "0123456789ab"


def past(chances: list[float], late: list[int], invoice: list[int] | None = None) -> Past:
    numbers = np.arange(len(chances)) if invoice is None else np.array(invoice)
    return Past(log_odds(np.array(chances)), np.array(late, float), numbers, *DAYS, "log")


class TestNeighbours:
    def test_only_close_scores_count(self) -> None:
        known = past(
            [0.1] * 150 + [0.5] * 100 + [0.55] * 100 + [0.9] * 50, [0] * 150 + [1, 0] * 100 + [1] * 50
        )
        found = similar(known, 0.52)
        assert found is not None and (found.scores, found.late) == (200, 100)
        assert (found.from_chance, found.to_chance) == pytest.approx((0.5, 0.55))
        assert found.expected == pytest.approx(0.525) and found.agrees

    def test_scores_that_do_not_come_true_do_not_agree(self) -> None:
        found = similar(past([0.6] * 200, [1] * 60 + [0] * 140), 0.6)
        assert found is not None and not found.agrees and found.high < 0.6 and found.low < 0.3 < found.high

    def test_where_few_are_near_it_looks_further(self) -> None:
        known = past([0.5] * 30 + [0.65] * 40 + [0.7] * 90, [1] * 30 + [0] * 40 + [1] * 90)
        found = similar(known, 0.5)
        assert found is not None and (found.scores, found.late) == (ENOUGH, 60)

    def test_of_too_few_nothing_is_said(self) -> None:
        assert similar(past([0.5] * 19, [1] * 19), 0.5) is None
        assert similar(past([0.01] * 500, [0] * 500), 0.99) is None
        assert similar(None, 0.5) is None

    def test_of_very_many_the_nearest_count(self) -> None:
        chances = np.linspace(0.45, 0.55, 4 * MOST + 1).tolist()
        found = similar(past(chances, [0, 1] * (2 * MOST) + [0]), 0.5)
        assert found is not None and found.scores == MOST
        assert (found.from_chance, found.to_chance) == pytest.approx((0.4875, 0.5125), abs=1e-3)

    def test_an_invoice_counts_once(self) -> None:
        known = past([0.5] * 120, [1, 0, 0] * 40, [n // 3 for n in range(120)])
        found = similar(known, 0.5)
        assert found is not None and (found.scores, found.late) == (40, 0)


class TestRehearsal:
    def scored(self) -> pd.DataFrame:
        columns = {f"{name}__model": [0.2, 0.6, 0.4] for name in ("p_late", "p_late_30", "p_late_90")}
        outcomes = {f"outcome_{name}": [0.0, 1.0, np.nan] for name in ("p_late", "p_late_30")}
        return pd.DataFrame(columns | outcomes | {"outcome_p_late_90": np.nan, "invoice_id": ["a", "b", "c"]})

    def test_what_was_kept_reads_back_without_a_name(self, tmp_path: Path) -> None:
        first = write_judged(tmp_path, VERSION, self.scored(), *DAYS, date(2026, 1, 1)).read_bytes()
        assert write_judged(tmp_path, VERSION, self.scored(), *DAYS, date(2026, 1, 1)).read_bytes() == first
        found = read_judged(tmp_path, VERSION)
        assert found is not None and (found.begin, found.end, found.known_by) == (*DAYS, date(2026, 1, 1))
        assert found.rows["p_late"].tolist() == [0.2, 0.6]
        assert not {"invoice_id", "customer_id"} & set(found.rows)
        again = rehearsed(tmp_path, VERSION, "p_late")
        assert again is not None and again.late.tolist() == [0, 1]

    def test_without_a_file_or_with_a_damaged_one_nothing_is_known(self, tmp_path: Path) -> None:
        assert rehearsed(tmp_path, VERSION, "p_late") is None
        (tmp_path / "judged").mkdir()
        (tmp_path / "judged" / f"{VERSION}.parquet").write_bytes(b"PAR1 not really")
        assert rehearsed(tmp_path, VERSION, "p_late") is None
        assert read_judged(tmp_path, "../x") is None


FIRST, TODAY = date(2026, 4, 6), date(2026, 6, 29)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, sample_ledger: Ledger, small_model: RiskModel) -> Path:
    """A home in which five days were scored as they came, two of them in one week."""
    folder = tmp_path_factory.mktemp("logged")
    for back in (0, 1, 7, 14, 21):
        day = FIRST + timedelta(days=back)
        scorer = Scorer(sample_ledger.known_before(day), small_model, Policy.load(), day)
        log_scores(folder, scorer, scorer.score_open(), None, datetime(2026, 5, 1, tzinfo=UTC))
    return folder


@pytest.fixture(scope="module")
def today(sample_ledger: Ledger, small_model: RiskModel) -> Scorer:
    return Scorer(sample_ledger, small_model, Policy.load(), TODAY)


class TestLog:
    def test_outcomes_are_those_the_ledger_tells_today(self, home: Path, today: Scorer) -> None:
        files = weekly(scorings(home), TODAY)
        assert [each.described["as_of"] for each in files] == [
            "2026-04-06", "2026-04-13", "2026-04-20", "2026-04-27",
        ]  # fmt: skip
        found = logged(files, today.facts, TODAY)["p_late"]
        assert found is not None and len(found.score) > 100
        paid = today.ledger.tables["payments"].groupby("invoice_id")["paid_on"].max()
        own, late_days = today.history.invoices, today.model.rule.late_after_days
        ids = today.facts.named["invoice_id"]
        for place, late in list(zip(found.invoice.tolist(), found.late.tolist(), strict=True))[::7]:
            limit = np.datetime64(int(own["lateness_from"][place]) + late_days, "D")
            assert late == (ids[place] not in paid.index or paid[ids[place]].to_datetime64() > limit)

    def test_a_model_that_knew_the_future_does_not_count(self, home: Path) -> None:
        files = list(scorings(home))
        later = [type(each)(each.path, each.described | {"trained_before": "2026-12-31"}) for each in files]
        assert weekly(later, TODAY) == []

    def test_the_log_counts_before_the_rehearsal(self, home: Path, today: Scorer) -> None:
        found = PastScores(home).near(today.facts, today.model, "p_late", 0.3, TODAY)
        assert found is not None and found.source == "log" and found.scores > 0
        nothing = PastScores(home / "empty").near(today.facts, today.model, "p_late", 0.3, TODAY)
        assert nothing is None and ENOUGH > 0
