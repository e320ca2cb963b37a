"""Do the pages of the portfolio and of the model tell what the files and the book say, and what they do not know?"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from serving.pages.health import report_of
from serving.scoring import Scorer
from tests.house import House
from tests.test_report import HORIZONS, scored_frame
from training.champion import Champion, point_to, write_moves
from training.contest_section import Contested
from training.evaluation import evaluate
from training.gates import GateResult
from training.report import write_report


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, scorer: Scorer) -> House:
    """A house in which nothing is written."""
    return House(tmp_path_factory.mktemp("shown"), scorer)


def told(house: House, path: str) -> Any:
    answer = house.browser().get(path)
    assert answer.status_code == 200
    return answer.json()


class TestPortfolio:
    def test_the_largest_customer_is_two_steps_away(self, shown: House) -> None:
        largest = told(shown, "/portfolio.json")["concentration"]["largest"][0]
        assert (largest["customer_id"], largest["open"], largest["share"]) == ("C", "1800.00", 0.5)
        assert 'href="/customers/C"' in shown.browser().get("/portfolio").text

    def test_ages_add_up_to_what_is_open(self, shown: House) -> None:
        for of in told(shown, "/portfolio.json")["ageing"]:
            assert sum(float(band["open"]) for band in of["bands"]) == float(of["open"]) == 3600.0

    def test_filters_stand_in_the_address_and_narrow_everything_that_can_be(self, shown: House) -> None:
        whole = told(shown, "/portfolio.json?age=current")
        assert whole["whole"][0]["open"] == "900.00"
        assert [row["customer_id"] for row in whole["concentration"]["largest"]] == ["C"]
        assert "Only invoices of the age current." in shown.browser().get("/portfolio?age=current").text

    @pytest.mark.parametrize("asked", ["division=<script>", "currency=XXX", "tier=none", "by=nothing&age=9"])
    def test_what_nobody_has_is_said_and_never_run(self, shown: House, asked: str) -> None:
        page = shown.browser().get(f"/portfolio?{asked}")
        assert page.status_code == 200
        assert "Nothing is open that fits." in page.text and "<script>" not in page.text

    def test_reviews_are_counted_by_tier(self, shown: House) -> None:
        reviews = told(shown, "/portfolio.json")["reviews"]
        assert reviews["accounts"] == sum(row["accounts"] for row in reviews["tiers"]) == 4
        assert (reviews["due"], reviews["share"]) == (4, 0.0)

    def test_figures_have_their_formulas(self, shown: House) -> None:
        figures = told(shown, "/portfolio.json")["figures"]
        while "waiting_seconds" in figures:
            figures = told(shown, "/portfolio.json")["figures"]
        formulas = {each["code"]: each["formula"] for each in figures["formulas"]}
        rows = [row for section in figures["sections"] for row in section["rows"]]
        assert rows and all(row["formula"] == formulas[row["code"]] for row in rows)
        assert {row["code"]: row["text"] for row in rows}["dbt"] == "9 days"
        missing = next(each for each in figures["missing"] if "days sales outstanding" in each["figures"])
        assert "the ledger's first invoice is of 2026-01-12" in missing["why"]

    def test_it_needs_its_right(self, scorer: Scorer, tmp_path: Path) -> None:
        house = House(tmp_path, scorer, requires_token=True)
        assert house.browser().get("/portfolio").status_code == 303


GATES = [
    GateResult("auc_above_ageing", True, 0.8, 0.5, "ROC AUC .8 beats that of the <b>ageing</b> rule.", False),
    GateResult("log_loss_margin", False, 0.1, 0.0, "Log loss: not shown to be no worse.", True),
]


def watch_of(version: str, **more: Any) -> dict[str, Any]:
    """What the watch writes, with one finding and two weeks."""
    nothing = {"value": None, "low": None, "high": None}

    def week(begins: str, late: int, low: float, high: float) -> dict[str, Any]:
        rate = {"value": late / 100, "low": low, "high": high}
        expected = {"late_rate": 0.3, "brier": 0.2, "roc_auc": 0.8}
        realised = {"late_rate": rate, "brier": nothing, "roc_auc": nothing}
        counts = {"asked": 100, "matured": 100, "late": late, "predicted": 0.3}
        return {"begins": begins, "ends": begins, **counts, "expected": expected, "realised": realised}

    alarm = {
        "severity": "watch", "kind": "drift", "code": "feature", "subject": "terms_days",
        "sentence": "the feature <b>terms_days</b> has moved", "mend": "Look at it.",
    }  # fmt: skip
    drift = {"begins": "2026-03-01", "rows": 90, "reason": "", "score": 0.3, "features": []}
    return {
        "as_of": "2026-03-30",
        "model_version": version,
        "verdict": "Nothing to do today, but keep an eye on this.",
        "must_act": False,
        "alarms": [alarm],
        "cohorts": [week("2026-03-04", 32, 0.25, 0.4), week("2026-03-11", 55, 0.45, 0.62)],
        "drift": drift,
        "challenger": None,
        "parity": None,
    } | more


@pytest.fixture(scope="module")
def written(scorer: Scorer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a model leaves in its home that was trained, recorded and watched; only copies are changed."""
    home = tmp_path_factory.mktemp("written")
    version, frame = scorer.model.version, scored_frame(400, 60)
    context = {"judged on invoices issued": "2025-01-01 to 2025-03-01", "outcomes known by": "2025-06-01"}
    found = evaluate(frame, HORIZONS, 40, slice_resamples=40)
    stem = home / "reports" / f"training-{version}"
    write_report(found, frame, stem, "Rehearsal", (), context, Contested(GATES, None, 0.05))
    point_to(home, Champion(version, "2026-03-01T08:00:00+00:00", "ana", "All gates hold."))
    move = {"origin": None, "to": version, "who": "ana", "when": "2026-03-01T08:00:00+00:00"}
    write_moves(home, [move | {"why": "All gates hold.", "is_rollback": False, "role": "champion"}])
    (home / "monitoring").mkdir()
    (home / "monitoring" / "monitoring.json").write_text(json.dumps(watch_of(version)))
    return home


class TestModel:
    @pytest.fixture
    def watched(self, scorer: Scorer, tmp_path: Path, written: Path) -> House:
        """A house with such a model."""
        shutil.copytree(written, tmp_path, dirs_exist_ok=True)
        return House(tmp_path, scorer)

    def test_nothing_written_is_said_to_be_unknown(self, shown: House) -> None:
        page = shown.browser().get("/model").text
        assert "Not judged yet" in page and "Nobody has watched it yet." in page
        assert "is not in reports/" in page and "Not written down yet" in page

    def test_the_verdict_is_that_of_the_last_watch_with_its_day(self, watched: House) -> None:
        view = told(watched, "/model.json")
        assert (view["level"], view["judged_on"]) == ("watch", "2026-03-30")
        assert view["watch"]["drift"]["moved"] == "much"

    def test_a_watch_of_another_model_judges_nobody(self, watched: House, scorer: Scorer) -> None:
        home = Path(watched.desk.home)
        (home / "monitoring" / "monitoring.json").write_text(
            json.dumps(watch_of("0123456789ab", must_act=True))
        )
        view = told(watched, "/model.json")
        assert view["level"] == "unknown" and "0123456789ab" in view["verdict"]
        assert "That is not the model that scores now." in watched.browser().get("/model").text

    @pytest.mark.parametrize("more", [{"must_act": True}, {"alarms": []}])
    def test_how_urgent_it_is_follows_the_findings(self, watched: House, scorer: Scorer, more: Any) -> None:
        told_anew = json.dumps(watch_of(scorer.model.version, **more))
        (Path(watched.desk.home) / "monitoring" / "monitoring.json").write_text(told_anew)
        assert told(watched, "/model.json")["level"] == ("act" if "must_act" in more else "well")

    def test_the_worst_week_and_month_are_named(self, watched: House) -> None:
        view = told(watched, "/model.json")
        weeks = [(week["name"], round(week["value"], 2), week["is_worst"]) for week in view["watch"]["weeks"]]
        assert weeks == [("2026-03-04", -0.02, False), ("2026-03-11", -0.25, True)]
        months = {row["name"]: row for row in view["rehearsal"]["months"] if row["value"] is not None}
        worst = max(months, key=lambda name: abs(months[name]["value"]))
        assert view["rehearsal"]["worst_month"] == worst and months[worst]["low"] is not None

    def test_every_horizon_month_and_segment_can_be_asked_for(self, watched: House) -> None:
        view = told(watched, "/model.json?of=p_late_30&month=2025-01")
        assert view["rehearsal"]["target"] == "p_late_30"
        assert view["rehearsal"]["curves"]["month"] == "2025-01"
        assert told(watched, "/model.json?of=nothing&month=x&by=y")["rehearsal"]["target"] == "p_late"

    def test_gates_say_why_and_words_of_files_never_run(self, watched: House) -> None:
        page = watched.browser().get("/model").text
        assert "&lt;b&gt;ageing&lt;/b&gt; rule" in page and "&lt;b&gt;terms_days" in page
        assert "<b>" not in page
        assert "took charge, by" in page

    @pytest.mark.parametrize("damage", [b"", b"[]", b"{", b"[" * 100_000])
    def test_damaged_files_say_nothing(self, watched: House, scorer: Scorer, damage: bytes) -> None:
        home = Path(watched.desk.home)
        files = (
            "monitoring/monitoring.json",
            f"reports/training-{scorer.model.version}.json",
            "models/moves.json",
        )
        for name in files:
            (home / name).write_bytes(damage)
        view = told(watched, "/model.json")
        assert (view["level"], view["watch"], view["rehearsal"]) == ("unknown", None, None)

    def test_a_report_from_before_curves_were_kept_still_tells_the_rest(
        self, watched: House, scorer: Scorer
    ) -> None:
        home = Path(watched.desk.home)
        report = report_of(home, scorer.model.version)
        assert report is not None
        del report["curves"]
        (home / "reports" / f"training-{scorer.model.version}.json").write_text(json.dumps(report))
        page = watched.browser().get("/model").text
        assert "Its curves are not known" in page and "Tells late from prompt" in page
