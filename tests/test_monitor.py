"""Does `duecourse monitor` say one sentence, the same everywhere, with the exit code that follows from it?"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prometheus_client.parser import text_string_to_metric_families

from features.ledger import Ledger
from serving.monitoring.alarms import Alarm
from serving.monitoring.contacts import explained
from serving.monitoring.page import page
from serving.monitoring.watching import Findings, Watch, as_dict
from tests.commands import SAMPLE, runs_in
from tests.conftest import SAMPLE_LEDGER
from training.model import RiskModel
from training.settings import MonitoringSettings

SETTINGS = MonitoringSettings(resamples=50, fewest_for_drift=50, fewest_matured=30)
DAY = date(2026, 6, 15)
UNSAFE = "<script>alert(1)</script>"


def looked(ledger: Ledger, model: RiskModel, day: date = DAY) -> Findings:
    return Watch.for_day(ledger, model, SETTINGS, day).findings(day)


@pytest.fixture(scope="module")
def found(sample_ledger: Ledger, small_model: RiskModel) -> Findings:
    return looked(sample_ledger, small_model)


def codes(found: Findings) -> set[tuple[str, str]]:
    return {(alarm.severity, alarm.code) for alarm in found.alarms}


def with_invoices(ledger: Ledger, **columns: Any) -> Ledger:
    invoices = ledger.tables["invoices"].assign(**columns)
    return replace(ledger, tables=ledger.tables | {"invoices": invoices})


def since(ledger: Ledger, first: str) -> Ledger:
    """Only invoices issued on a day or later, and what belongs to them."""
    invoices = ledger.tables["invoices"]
    kept = invoices[invoices["issued_on"] >= first].reset_index(drop=True)
    tables = {
        name: frame[frame["invoice_id"].isin(kept["invoice_id"])].reset_index(drop=True)
        if "invoice_id" in frame
        else frame[frame["known_on"] >= first].reset_index(drop=True)
        for name, frame in ledger.tables.items()
    }
    return replace(ledger, tables=tables | {"invoices": kept})


@pytest.fixture(scope="module")
def written(office: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, dict[str, Any]]:
    """The folder, exit code and printed JSON of one run on the sample ledger."""
    folder = tmp_path_factory.mktemp("monitoring")
    result = runs_in(office)("monitor", SAMPLE, "--as-of", DAY, "--output", folder, "--json")
    return folder, result.exit_code, json.loads(result.stdout)


def test_page_json_and_exit_code_say_the_same(written: tuple[Path, int, dict[str, Any]]) -> None:
    folder, exit_code, told = written
    kept = json.loads((folder / "monitoring.json").read_text("utf-8"))
    assert {name: told[name] for name in kept} == kept
    text = (folder / "monitoring.html").read_text("utf-8").replace("\N{NO-BREAK SPACE}", " ")
    assert told["verdict"] in text
    assert exit_code == int(told["must_act"]) == int(told["verdict"].startswith("Act"))
    assert told["as_of"] == DAY.isoformat()


def test_the_sentence_is_the_last_line(office: Path, tmp_path: Path, written: tuple[Path, int, Any]) -> None:
    result = runs_in(office)("monitor", SAMPLE, "--as-of", DAY, "--output", tmp_path)
    assert result.stdout.splitlines()[-1] == written[2]["verdict"]
    assert result.exit_code == written[1]


def test_the_figures_are_prometheus_text(written: tuple[Path, int, dict[str, Any]]) -> None:
    folder, exit_code, told = written
    families = text_string_to_metric_families((folder / "metrics.prom").read_text("utf-8"))
    samples = {
        (each.name, *sorted(each.labels.values())): each.value
        for family in families
        for each in family.samples
    }
    assert samples["duecourse_monitor_must_act",] == exit_code
    assert samples["duecourse_open_invoices",] == told["open_invoices"]
    assert samples["duecourse_monitor_as_of_timestamp_seconds",] == pd.Timestamp(DAY).timestamp()
    for severity in ("act", "watch", "note"):
        counted = sum(alarm["severity"] == severity for alarm in told["alarms"])
        assert samples["duecourse_monitor_alarms", severity] == counted
    assert samples["duecourse_performance", "brier", "expected"] == told["recent"]["expected"]["brier"]


@pytest.mark.slow
def test_the_library_s_own_page_is_written_beside_it(office: Path, tmp_path: Path) -> None:
    config = tmp_path / "mlflow.yaml"
    config.write_text("monitoring: {fewest_for_drift: 50, drift_days: 180}", "utf-8")
    given = ("--as-of", DAY, "--output", tmp_path / "out", "--config", config)
    runs_in(office)("monitor", SAMPLE, *given)
    drawn = (tmp_path / "out" / "drift.html").read_text("utf-8")
    assert "days_past_due" in drawn and "C0001" not in drawn
    assert 'href="drift.html"' in (tmp_path / "out" / "monitoring.html").read_text("utf-8")


def test_names_from_the_ledger_are_text_and_nothing_else(
    sample_ledger: Ledger, small_model: RiskModel
) -> None:
    recent = sample_ledger.tables["invoices"]["issued_on"] >= "2026-06-08"
    half = sample_ledger.tables["invoices"].index % 2 == 0
    division = sample_ledger.tables["invoices"]["division"].mask(half, UNSAFE).mask(recent, "other")
    ledger = with_invoices(sample_ledger, division=division)
    shown = page(looked(ledger, small_model), SETTINGS, True)
    assert UNSAFE not in shown and "&lt;script&gt;" in shown


def test_without_a_champion_nothing_is_written(tmp_path: Path) -> None:
    result = runs_in(tmp_path)("monitor", SAMPLE, "--output", tmp_path / "out")
    assert result.exit_code == 2
    assert "duecourse train" in result.stderr
    assert not (tmp_path / "out").exists()


def test_an_unreadable_ledger_is_refused(office: Path, tmp_path: Path) -> None:
    ledger = shutil.copytree(SAMPLE_LEDGER, tmp_path / "ledger")
    (ledger / "payments.csv").unlink()
    result = runs_in(office)("monitor", ledger, "--output", tmp_path / "out")
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_outcomes_are_judged_only_where_the_model_had_not_seen_them(
    found: Findings, small_model: RiskModel
) -> None:
    assert found.trained_before == date(2026, 4, 1)
    assert all(cohort.ends > found.trained_before for cohort in found.cohorts)
    assert all(cohort.matured == 0 for cohort in found.cohorts if cohort.begins > DAY - timedelta(days=6))


def test_two_weeks_of_history_are_too_little_to_judge(sample_ledger: Ledger, small_model: RiskModel) -> None:
    found = looked(since(sample_ledger, "2026-06-01"), small_model)
    assert "Too few outcomes have matured to judge the model" in found.sentence
    assert not found.must_act
    assert ("note", "nothing_matured") in codes(found)
    assert page(found, SETTINGS, False).count("</section>") >= 4


def test_a_day_before_everything_is_answered(sample_ledger: Ledger, small_model: RiskModel) -> None:
    found = looked(sample_ledger, small_model, date(2020, 1, 1))
    assert (found.open_invoices, found.arrivals, found.cohorts) == (0, [], [])
    assert "Too few outcomes" in found.sentence and "shorter than a week" in page(found, SETTINGS, False)


def test_a_model_that_knows_the_future_is_not_judged(sample_ledger: Ledger, small_model: RiskModel) -> None:
    found = looked(sample_ledger, small_model, date(2026, 3, 1))
    assert ("note", "knows_the_future") in codes(found)
    assert found.cohorts == [] and "Too few outcomes" in found.sentence


def test_an_old_model_is_noted(sample_ledger: Ledger, small_model: RiskModel) -> None:
    card = small_model.card | {"trained_on_facts_before": "2020-01-01"}
    found = looked(sample_ledger, replace(small_model, card=card))
    assert ("note", "old_model") in codes(found)
    assert found.recent.matured > 100


def test_nothing_open_is_said(sample_ledger: Ledger, small_model: RiskModel) -> None:
    open_on = Watch.for_day(sample_ledger, small_model, SETTINGS, DAY).history
    ids = open_on.tables["invoices"]["invoice_id"].iloc[open_on.open_on((DAY - date(1970, 1, 1)).days)]
    invoices = sample_ledger.tables["invoices"]
    settled = invoices[~invoices["invoice_id"].isin(ids)].reset_index(drop=True)
    ledger = replace(sample_ledger, tables=sample_ledger.tables | {"invoices": settled})
    found = looked(ledger, small_model)
    assert found.open_invoices == 0
    assert ("note", "nothing_open") in codes(found)


def test_a_feature_without_any_value_ends_nothing(sample_ledger: Ledger, small_model: RiskModel) -> None:
    reports = sample_ledger.tables["credit_reports"]
    ledger = replace(sample_ledger, tables=sample_ledger.tables | {"credit_reports": reports.iloc[:0]})
    found = looked(ledger, small_model)
    gone = {alarm.subject for alarm in found.alarms if alarm.code == "feature_gone"}
    assert any("credit_report" in name or "credit_score" in name for name in gone), sorted(gone)


def test_broken_arrivals_ask_for_action(sample_ledger: Ledger, small_model: RiskModel) -> None:
    payments = sample_ledger.tables["payments"]
    stopped = payments[payments["known_on"] < "2026-05-25"].reset_index(drop=True)
    ledger = replace(sample_ledger, tables=sample_ledger.tables | {"payments": stopped})
    found = looked(ledger, small_model)
    assert found.must_act
    assert found.sentence.startswith("Act: no payments have arrived since 2026-05-2")


def test_fewer_late_than_predicted_is_only_watched_where_we_began_to_act_on_scores(found: Findings) -> None:
    fewer = Alarm("act", "performance", "fewer_late_than_predicted", "champion", "fewer are late", "Retrain.")
    more = Alarm("watch", "policy", "contacts_moved", "riskiest tenth", "more calls", "", 0.8, 0.2)
    less = replace(more, value=0.1)
    assert explained([fewer], []) == explained([fewer], [less]) == [fewer]
    (softened,) = explained([fewer], [more])
    assert softened.severity == "watch" and "contacted in time" in softened.sentence


def test_the_json_holds_every_finding(found: Findings) -> None:
    told = json.loads(json.dumps(as_dict(found), allow_nan=False))
    assert len(told["alarms"]) == len(found.alarms)
    assert len(told["cohorts"]) == len(found.cohorts)
    assert {"late_rate", "brier", "roc_auc"} == set(told["recent"]["realised"])
