"""Are logged scores reproduced, and is data that came late told from a fault of the code?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.history import History
from features.ledger import Ledger, customer_digests, table_digests
from serving.monitoring.challenger import shadow_of
from serving.monitoring.parity import Replay, replayed
from serving.policy import Policy
from serving.score_log import FEATURE, Scoring, log_scores, scorings
from serving.scoring import Scorer
from training.model import RiskModel
from training.model.calibration import Calibration
from training.settings import MonitoringSettings

NOW = datetime(2026, 5, 1, 4, tzinfo=UTC)
DAY = date(2026, 5, 1)
SETTINGS = MonitoringSettings(resamples=50, fewest_matured=30)


@pytest.fixture(scope="module")
def logged(sample_ledger: Ledger, small_model: RiskModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one scoring of 1 May 2026, beside a challenger that says more risk."""
    home = tmp_path_factory.mktemp("logged")
    scorer = Scorer(sample_ledger, small_model, Policy.load(), DAY)
    first, *rest = small_model.horizons
    bolder = replace(first, calibration=Calibration(first.calibration.slope, first.calibration.shift + 1))
    other = replace(small_model, horizons=(bolder, *rest), version="bolder")
    log_scores(home, scorer, scorer.score_open(), other, NOW)
    return home


def replay(home: Path, ledger: Ledger, model: RiskModel) -> Replay:
    return replayed(scorings(home), ledger, History(ledger, model.rule), model)


def with_payments(ledger: Ledger, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Ledger:
    return replace(ledger, tables=ledger.tables | {"payments": change(ledger.tables["payments"])})


def test_the_same_facts_give_the_same_bits(
    logged: Path, sample_ledger: Ledger, small_model: RiskModel
) -> None:
    found = replay(logged, sample_ledger, small_model)
    assert found.rows > 50
    assert (found.touched, found.faulty, found.gone, found.differences) == (0, 0, 0, ())
    assert list(found.alarms()) == []


def test_facts_that_came_afterwards_change_nothing(
    logged: Path, sample_ledger: Ledger, small_model: RiskModel
) -> None:
    later = with_payments(sample_ledger, lambda rows: rows[rows["known_on"] < "2026-06-01"])
    assert replay(logged, later, small_model).touched == 0


def test_a_payment_slipped_in_behind_the_day_is_named(
    logged: Path, sample_ledger: Ledger, small_model: RiskModel
) -> None:
    def slipped(rows: pd.DataFrame) -> pd.DataFrame:
        backdated = rows["known_on"].between("2026-05-10", "2026-05-20")
        assert backdated.any()
        day = pd.Timestamp("2026-04-20")
        return rows.assign(
            known_on=rows["known_on"].mask(backdated, day), paid_on=rows["paid_on"].mask(backdated, day)
        )

    found = replay(logged, with_payments(sample_ledger, slipped), small_model)
    assert found.touched > 0 and found.faulty == 0
    assert set(found.changed_tables) == {"payments"} and found.changed_tables["payments"] > 0
    assert {name for each in found.differences for name in each.tables} == {"payments"}
    (alarm,) = found.alarms()
    assert (alarm.severity, alarm.code) == ("watch", "facts_changed")
    assert "payments (+" in alarm.sentence


def test_a_value_that_the_facts_do_not_explain_is_a_fault(
    logged: Path, sample_ledger: Ledger, small_model: RiskModel, tmp_path: Path
) -> None:
    (scoring,) = scorings(logged)
    found = replayed(
        [_tampered(scoring, tmp_path)], sample_ledger, History(sample_ledger, small_model.rule), small_model
    )
    assert (found.touched, found.faulty) == (1, 1)
    (difference,) = found.differences
    assert (difference.feature, difference.is_fault, difference.tables) == ("settled_count", True, ())
    (alarm,) = found.alarms()
    assert (alarm.severity, alarm.code) == ("act", "not_reproduced")


def test_a_fault_is_found_beside_facts_of_somebody_else_that_came_late(
    logged: Path, sample_ledger: Ledger, small_model: RiskModel, tmp_path: Path
) -> None:
    (scoring,) = scorings(logged)
    tampered = _tampered(scoring, tmp_path)
    victim = tampered.rows()["customer_id"].iloc[0]

    def slipped(rows: pd.DataFrame) -> pd.DataFrame:
        others = rows["known_on"].between("2026-05-10", "2026-05-20") & (rows["customer_id"] != victim)
        day = pd.Timestamp("2026-04-20")
        return rows.assign(
            known_on=rows["known_on"].mask(others, day), paid_on=rows["paid_on"].mask(others, day)
        )

    changed = with_payments(sample_ledger, slipped)
    found = replayed([tampered], changed, History(changed, small_model.rule), small_model)
    assert found.touched > 1 and found.faulty == 1
    assert {each.feature for each in found.differences if each.is_fault} == {"settled_count"}


def _tampered(scoring: Scoring, folder: Path) -> Scoring:
    """The scoring with one settled invoice more than there was in its first row."""
    table = pq.read_table(scoring.path)
    name = f"{FEATURE}settled_count"
    values = table[name].to_numpy().copy()
    values[0] += 1
    path = folder / scoring.path.name
    pq.write_table(table.set_column(table.schema.names.index(name), name, pa.array(values)), path)
    return Scoring(path, scoring.described)


def test_an_invoice_that_is_gone_is_counted(
    logged: Path, sample_ledger: Ledger, small_model: RiskModel
) -> None:
    open_one = next(iter(scorings(logged))).rows()["invoice_id"].iloc[0]
    invoices = sample_ledger.tables["invoices"]
    fewer = invoices[invoices["invoice_id"] != open_one].reset_index(drop=True)
    found = replay(
        logged, replace(sample_ledger, tables=sample_ledger.tables | {"invoices": fewer}), small_model
    )
    assert (found.gone, found.faulty) == (1, 0)
    assert found.changed_tables["invoices"] == -1


def test_what_cannot_be_replayed_is_said(logged: Path, sample_ledger: Ledger, small_model: RiskModel) -> None:
    (scoring,) = scorings(logged)
    history = History(sample_ledger, small_model.rule)
    other_code = Scoring(scoring.path, scoring.described | {"feature_fingerprint": "another"})
    no_digests = {name: text for name, text in scoring.described.items() if name != "tables"}
    found = replayed([other_code, Scoring(scoring.path, no_digests)], sample_ledger, history, small_model)
    assert (found.scorings, found.rows, len(found.skipped)) == (0, 0, 2)


def test_digests_depend_on_the_facts_and_not_on_their_order(sample_ledger: Ledger) -> None:
    turned = with_payments(sample_ledger, lambda rows: rows.iloc[::-1].reset_index(drop=True))
    assert table_digests(turned, DAY) == table_digests(sample_ledger, DAY)
    assert customer_digests(turned, DAY).equals(customer_digests(sample_ledger, DAY))
    fewer = with_payments(sample_ledger, lambda rows: rows.iloc[1:])
    changed = customer_digests(fewer, DAY) != customer_digests(sample_ledger, DAY)
    assert int(changed.to_numpy().sum()) == 1 and changed["payments"].any()


def test_the_challenger_is_judged_on_what_both_were_asked(
    logged: Path, sample_ledger: Ledger, small_model: RiskModel
) -> None:
    history = History(sample_ledger, small_model.rule)
    early = shadow_of(logged, small_model.version, history, DAY, SETTINGS)
    assert early is not None and early.matured == 0 and list(early.alarms(SETTINGS)) == []
    found = shadow_of(logged, small_model.version, history, date(2026, 7, 1), SETTINGS)
    assert found is not None and found.challenger_version == "bolder" and found.matured > 30
    rows = next(iter(scorings(logged))).rows()
    assert found.asked == len(rows)
    assert found.gains["bias"].value is not None and found.gains["bias"].value > 0
    assert found.gains["roc_auc"].value == pytest.approx(0, abs=1e-12)  # the same order
    assert shadow_of(logged, "another", history, DAY, SETTINGS) is None


def test_a_clearly_better_challenger_is_watched(
    logged: Path, sample_ledger: Ledger, small_model: RiskModel
) -> None:
    found = shadow_of(logged, small_model.version, History(sample_ledger), date(2026, 7, 1), SETTINGS)
    assert found is not None
    gain = replace(found.gains["log_loss"], value=-0.1, low=-0.2, high=-0.05)
    better = replace(found, gains=found.gains | {"log_loss": gain})
    assert [alarm.code for alarm in better.alarms(SETTINGS)] == ["challenger_better"]
    worse = replace(found, gains=found.gains | {"log_loss": replace(gain, high=0.01)})
    assert list(worse.alarms(SETTINGS)) == []


def test_not_a_number_then_and_now_is_no_difference(logged: Path) -> None:
    values = next(iter(scorings(logged))).rows()
    assert np.isnan(values[[name for name in values if name.startswith(FEATURE)]].to_numpy(float)).any()
