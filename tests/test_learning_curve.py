"""Does the study of short histories give every length of history the same questions, and no more than it has?"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from features.ledger import Ledger
from tests.learning_curve import NAMES, begun_on, curve, judged, measured, told
from training.settings import TimingSettings, TrainingSettings

QUICK = TrainingSettings(most_rounds=5, folds=2, threads=1, timing=TimingSettings(most_rows=5000))
BEGINS = date(2026, 2, 1)


def test_an_export_that_begins_later_holds_what_concerns_its_invoices(sample_ledger: Ledger) -> None:
    begun = begun_on(sample_ledger, BEGINS).tables
    whole = sample_ledger.tables
    assert begun["invoices"]["issued_on"].min() >= pd.Timestamp(BEGINS)
    assert len(begun["invoices"]) == (whole["invoices"]["issued_on"] >= pd.Timestamp(BEGINS)).sum()
    kept = set(begun["invoices"]["invoice_id"])
    paid = whole["payments"]["invoice_id"].isin(kept).sum()
    assert set(begun["payments"]["invoice_id"].dropna()) <= kept
    assert begun["payments"]["invoice_id"].notna().sum() == paid > 0
    assert len(begun["customers"]) == len(whole["customers"])


def test_the_same_invoices_are_judged_whatever_was_known_before(sample_ledger: Ledger) -> None:
    cut = date(2026, 3, 1)
    short, long = (
        judged(begun_on(sample_ledger, day), cut, QUICK) for day in (date(2026, 1, 1), date(2025, 7, 1))
    )
    assert short["judged"] == long["judged"] > 30
    assert short["late_invoices"] < long["late_invoices"]
    assert all(0 < long[f"auc_{name}"] < 1 < 1 + long[f"loss_{name}"] for name in NAMES)
    assert short["loss_prior"] != short["loss_updated"]  # the prior alone does not look at outcomes


def test_a_candidate_that_could_not_be_made_is_not_measured() -> None:
    assert np.isnan(list(measured("own", np.array([0.0, 1.0]), np.array([np.nan, np.nan])).values())).all()
    found = measured("own", np.array([0.0, 1.0, np.nan]), np.array([0.2, 0.6, 0.9]))
    assert found == {"auc_own": 1.0, "loss_own": pytest.approx(-np.log([0.8, 0.6]).mean())}


@pytest.mark.slow
def test_a_simulated_tenant_has_a_line_for_each_length_of_history() -> None:
    found = curve([1], 30, (1, 6), QUICK)
    assert found["months"].to_list() == [1, 6] and found["judged"].nunique() == 1
    assert len(told(found)) >= 4 and "of 1" in told(found)[-1]
