"""Is every feature described well enough to be listed, explained and recognised again?"""

from __future__ import annotations

import numpy as np
import pytest

from features.catalogue import CATALOGUE, FAMILIES
from features.featureset import Feature, FeatureSet, feature
from features.history import History, Past
from features.lateness import LatenessRule
from features.reasons import REASON_CODES
from tests.ledger_rows import INVOICE, PAYMENT, ledger

FEATURES = {each.name: each for each in CATALOGUE.features}
RULE = LatenessRule()


def one(says: str = "has {value}", fill: float = np.nan, reason: str = "exposure") -> Feature:
    @feature(reason=reason, unit="count", says=says, fill=fill)
    def invented(past: Past) -> np.ndarray:
        """A figure of no importance."""
        return past.settled.mean("days_late")

    return invented[0]


def test_names_are_unique_and_every_family_has_features() -> None:
    assert len(FEATURES) == len(CATALOGUE.features) == len(CATALOGUE.names)
    assert {each.family for each in CATALOGUE.features} == set(FAMILIES)


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_is_described(name: str) -> None:
    each = FEATURES[name]
    assert each.meaning[:1].isupper() and each.meaning.endswith((".", "?"))
    assert "{value}" in each.says and "{period}" not in each.says + each.meaning
    assert each.unit and each.reason in REASON_CODES
    assert each.direction in ("raises", "lowers", "either")
    assert not (each.is_monotone and each.direction == "either")
    assert each.says == each.says.strip() and not each.says.endswith(".")


def test_every_reason_code_is_used() -> None:
    assert {each.reason for each in CATALOGUE.features} | {"calibration"} == set(REASON_CODES)


def test_the_same_name_twice_is_an_error_that_says_so() -> None:
    with pytest.raises(ValueError, match="two features share a name: invented; rename one"):
        FeatureSet([one(), one()])


def test_the_fingerprint_follows_rule_features_order_and_descriptions() -> None:
    few = FeatureSet(CATALOGUE.features[:3])
    prints = [
        few.fingerprint(RULE),
        few.fingerprint(LatenessRule(6)),
        few.fingerprint(LatenessRule(calendar_days=True)),
        FeatureSet(CATALOGUE.features[:2]).fingerprint(RULE),
        FeatureSet(CATALOGUE.features[2::-1]).fingerprint(RULE),
        FeatureSet([one()]).fingerprint(RULE),
        FeatureSet([one(fill=0.0)]).fingerprint(RULE),
        FeatureSet([one(says="has about {value}")]).fingerprint(RULE),
    ]
    assert len(set(prints)) == len(prints)
    assert FeatureSet(list(CATALOGUE.features[:3])).fingerprint(RULE) == prints[0]


def test_a_frame_has_one_named_column_a_feature() -> None:
    history = History(ledger(INVOICE, payments=[PAYMENT]))
    rows, as_of = np.array([0, 0]), history.invoices["issued_on"][[0, 0]] + [0, 60]
    frame = CATALOGUE.frame(history, rows, as_of)
    assert list(frame.columns) == CATALOGUE.names
    np.testing.assert_array_equal(frame.to_numpy(), CATALOGUE.compute(history, rows, as_of))
    assert frame["mean_days_late"].isna().tolist() == [True, False]
    assert frame["mean_days_late"].iloc[1] == 5.0


def test_a_fill_stands_where_nothing_is_known() -> None:
    history = History(ledger(INVOICE))
    values = FeatureSet([one(fill=7.0)]).compute(history, np.array([0]), history.invoices["issued_on"])
    assert values.tolist() == [[7.0]]


def test_no_question_no_answer() -> None:
    nothing = np.array([], np.int64)
    assert CATALOGUE.compute(History(ledger(INVOICE)), nothing, nothing).shape == (0, len(FEATURES))


def test_a_family_can_be_left_out() -> None:
    few = CATALOGUE.without("group")
    assert few.names == CATALOGUE.names
    learned = {
        each.family for each, is_learned in zip(few.features, few.is_learned, strict=True) if is_learned
    }
    assert learned == set(FAMILIES) - {"group"}


def test_an_unknown_stream_is_named_with_those_there_are() -> None:
    history = History(ledger(INVOICE))
    with pytest.raises(AttributeError, match="no stream 'setled'; the streams are issued, settled"):
        _ = history.past(np.array([0]), np.array([0])).setled
