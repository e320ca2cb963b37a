"""Are the invoices behind a reason the very ones that its figure was worked out from?"""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from features.catalogue import CATALOGUE
from features.days import day_number
from features.history import History
from features.ledger import Ledger
from features.reasons import shown_value
from serving.alone import history_of
from serving.behind import SHOWN, base_name, behind
from serving.policy import Policy
from serving.scoring import Scorer
from training.model import RiskModel

DAY = date(2026, 5, 1)


@pytest.fixture(scope="module")
def scorer(sample_ledger: Ledger, small_model: RiskModel) -> Scorer:
    return Scorer(sample_ledger, small_model, Policy.load(), DAY)


@pytest.fixture(scope="module")
def asked(scorer: Scorer) -> list[tuple[History, int, np.ndarray]]:
    """Every fifth open invoice: its customer's history alone, its place in it, and its features in the book."""
    rows = scorer.history.open_on(day_number(DAY))[::5]
    values = CATALOGUE.compute(scorer.history, rows, np.full(len(rows), day_number(DAY)))
    found = []
    for row, of in zip(rows.tolist(), values, strict=True):
        customer = str(scorer.facts.named["customer_id"][row])
        alone = history_of(scorer.facts, customer)
        at = alone.tables["invoices"]["invoice_id"].tolist().index(scorer.facts.named["invoice_id"][row])
        found.append((alone, at, of))
    return found


def test_every_name_is_a_feature_of_the_catalogue() -> None:
    assert set(SHOWN) <= {base_name(feature) for feature in CATALOGUE.features}


def test_a_customer_alone_answers_like_the_book(asked: list[tuple[History, int, np.ndarray]]) -> None:
    for alone, at, values in asked:
        own = CATALOGUE.compute(alone, np.array([at]), np.array([day_number(DAY)]))[0]
        assert own.tobytes() == values.tobytes()


@pytest.mark.parametrize(
    "name",
    [
        each.name
        for each in CATALOGUE.features
        if base_name(each) in SHOWN and SHOWN[base_name(each)].is_plain
    ],
)
def test_the_shown_rows_make_the_shown_figure(
    asked: list[tuple[History, int, np.ndarray]], name: str
) -> None:
    feature, place = CATALOGUE[name], CATALOGUE.names.index(name)
    for alone, at, values in asked:
        found = behind(feature, values[place], alone, at, day_number(DAY))
        assert found is not None
        if found.value is None:
            assert found.figure is None or not len(found.rows.invoice) or found.shown.statistic == "change"
        else:
            assert (found.figure or 0.0) == pytest.approx(shown_value(feature.unit, values[place]), abs=1e-9)
