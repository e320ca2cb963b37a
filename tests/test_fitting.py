"""Is fitting repeatable, and does a model learn from what it should and from nothing else?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from features.catalogue import CATALOGUE, FAMILIES
from features.days import day_number
from training.backtest import Replayed
from training.model import RiskModel
from training.model.calibration import Calibration
from training.model.fitting import fit_on, lesson, time_blocks
from training.settings import TrainingSettings

CUT = date(2026, 1, 1)


@pytest.fixture(scope="module")
def fitted(sample_past: Replayed, hasty_settings: TrainingSettings) -> RiskModel:
    return fit_on(*sample_past.known_before(CUT), CUT, hasty_settings, CATALOGUE)


def test_twice_gives_the_same_trees_and_calibration(
    fitted: RiskModel, sample_past: Replayed, hasty_settings: TrainingSettings
) -> None:
    again = fit_on(*sample_past.known_before(CUT), CUT, hasty_settings, CATALOGUE)
    assert again.horizons == fitted.horizons
    texts = [
        [horizon.booster.model_to_string() for horizon in model.horizons if horizon.booster]
        for model in (fitted, again)
    ]
    assert len(texts[0]) == 2
    assert texts[0] == texts[1]


def test_another_seed_gives_other_trees(
    fitted: RiskModel, sample_past: Replayed, hasty_settings: TrainingSettings
) -> None:
    other = hasty_settings.model_copy(update={"seed": 2})
    again = fit_on(*sample_past.known_before(CUT), CUT, other, CATALOGUE)
    booster, before = again.horizons[0].booster, fitted.horizons[0].booster
    assert booster is not None and before is not None
    assert booster.model_to_string() != before.model_to_string()


def test_the_card_says_what_was_learned_from(fitted: RiskModel, sample_past: Replayed) -> None:
    cohort, _ = sample_past.known_before(CUT)
    taught = cohort.where(cohort.teaches("p_late", day_number(CUT)))
    row = fitted.card["horizons"]["p_late"]
    assert fitted.card["trained_on_facts_before"] == "2026-01-01"
    assert (row["rows"], row["invoices"]) == (len(taught), len(np.unique(taught.rows)))
    assert row["late_invoices"] == len(np.unique(taught.rows[taught.outcomes["p_late"] == 1]))
    assert row["late_rate"] == pytest.approx(
        np.average(taught.outcomes["p_late"], weights=taught.weight), abs=1e-6
    )
    assert row["calibration"] == vars(fitted.horizons[0].calibration)


def test_calibration_only_bends_the_scale(fitted: RiskModel, sample_past: Replayed) -> None:
    _, values = sample_past.known_before(CUT)
    bent = replace(fitted.horizons[0], calibration=Calibration(0.5, -1.0))
    other = replace(fitted, horizons=(bent, *fitted.horizons[1:]))
    assert (other.predict(values)["p_late"] != fitted.predict(values)["p_late"]).any()
    order = np.argsort(fitted.predict(values)["p_late"], kind="stable")
    assert (np.diff(other.predict(values)["p_late"].to_numpy()[order]) >= 0).all()


def test_blocks_of_time_follow_each_other_and_never_part_an_invoice() -> None:
    random = np.random.default_rng(3)
    issued_on = random.integers(0, 300, 4000)
    number = time_blocks(issued_on, 4)
    spans = (
        pd.DataFrame({"day": issued_on, "block": number}).groupby("block")["day"].agg(["min", "max", "size"])
    )
    assert spans.index.tolist() == [0, 1, 2, 3]
    assert (spans["min"].to_numpy()[1:] > spans["max"].to_numpy()[:-1]).all()
    assert spans["size"].between(900, 1100).all()


@pytest.mark.parametrize("most_rows", [100, 1000, 10**6])
def test_of_too_many_rows_whole_invoices_of_all_times_are_kept(sample_past: Replayed, most_rows: int) -> None:
    cohort, values = sample_past.known_before(CUT)
    all_rows = lesson(cohort, values, "p_late", day_number(CUT), 10**9)
    kept = lesson(cohort, values, "p_late", day_number(CUT), most_rows)
    assert len(kept) == pytest.approx(min(most_rows, len(all_rows)), rel=0.35)
    assert np.isin(all_rows.invoice, kept.invoice).sum() == len(kept)
    quarters = np.quantile(all_rows.issued_on, [0, 0.25, 0.5, 0.75])
    share = np.bincount(np.searchsorted(quarters, kept.issued_on, side="right") - 1, minlength=4) / len(kept)
    assert share == pytest.approx([0.25] * 4, abs=0.12)
    assert not np.isnan(kept.late).any()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_left_out_is_never_split_on_but_still_read(
    sample_past: Replayed, hasty_settings: TrainingSettings, family: str
) -> None:
    cohort, values = sample_past.known_before(date(2025, 12, 1))
    few = CATALOGUE.without(family)
    quick = hasty_settings.model_copy(update={"most_rounds": 3})
    model = fit_on(cohort, values, date(2025, 12, 1), quick, few)
    booster = model.horizons[0].booster
    assert booster is not None
    used = {few.features[at].family for at in np.flatnonzero(booster.feature_importance())}
    assert used <= set(FAMILIES) - {family}
    assert len(used) > 1
    assert few.fingerprint(model.rule) != CATALOGUE.fingerprint(model.rule)
    assert model.explain(values[:5]) and set(model.evidence(values)) > {"none"}
