"""Are reasons stable codes with sentences that a person understands, about the customer's own value?"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from features.catalogue import CATALOGUE
from features.featureset import Feature
from features.reasons import REASON_CODES, reason, spoken
from training.backtest import Replayed
from training.model import Explanation, HorizonModel, RiskModel
from training.model.calibration import Calibration

PUBLISHED_CODES = {
    "late_payment_habit", "days_late_habit", "recent_payments", "payment_trend", "payment_steadiness",
    "payment_rhythm", "due_date", "invoice_amount", "payment_terms", "invoicing_quality", "time_past_due",
    "part_payment", "overdue_balance", "exposure", "disputes", "promises", "contacts", "nonpayment_reasons",
    "group_behaviour", "division", "country", "industry", "market", "credit_report", "relationship", "calibration",
}  # fmt: skip
"""What clients may rely on: codes are added to, never renamed."""
UNREADABLE = re.compile(r"[{}]|e\^|e[+-]\d|\bnan\b|\binf\b|None|_", re.IGNORECASE)
WITHOUT_REFERENCE = ("weekday", "day of month", "flag")


@pytest.fixture(scope="module")
def explained(small_model: RiskModel, sample_past: Replayed) -> list[tuple[np.ndarray, Explanation]]:
    values = sample_past.known_before(date(2026, 6, 1))[1][::31]
    return list(zip(values, small_model.explain(values), strict=True))


def reasons_of(explained: list[tuple[np.ndarray, Explanation]]) -> list[dict[str, Any]]:
    return [each for _, explanation in explained for each in explanation.reasons]


def said(unit: str, value: float, reference: float, says: str = "it is {value}") -> str:
    described = replace(CATALOGUE["late_rate"], unit=unit, says=says)
    return str(reason(described, value, reference, 0.5)["sentence"])


class TestCodes:
    def test_published_ones_stay(self) -> None:
        assert set(REASON_CODES) >= PUBLISHED_CODES

    def test_every_feature_has_one_and_each_but_calibration_has_features(self) -> None:
        assert {described.reason for described in CATALOGUE.features} == set(REASON_CODES) - {"calibration"}

    @pytest.mark.parametrize("code", sorted(REASON_CODES))
    def test_each_is_in_words(self, code: str) -> None:
        described = REASON_CODES[code]
        assert described.label[0].isupper() and "_" not in described.label
        assert described.unknown and not described.unknown.endswith(".")


class TestSentences:
    @pytest.mark.parametrize(
        ("unit", "value", "reference", "expected"),
        [
            ("share", 0.256, 0.1, "It is 26 %; typical is 10 %"),
            ("share", 1.0, 0.004, "It is 100 %; typical is 0 %"),
            ("days", 12.6, 3.24, "It is 13; typical is 3.2"),
            ("days", -4.0, 0.0, "It is -4; typical is 0"),
            ("weekday", 4, 2, "It is Friday"),
            ("day of month", 31, 15, "It is 31"),
            ("log amount", np.log(1234.56), np.log(1), "It is 1,234.56; typical is 1.00"),
            ("log ratio", np.log(2.5), 0.0, "It is 2.5; typical is 1.0"),
            ("times", 3.14, 1.0, "It is 3.1; typical is 1.0"),
            ("invoices", 7, 2, "It is 7; typical is 2"),
            ("promises", 7, np.nan, "It is 7"),
        ],
    )
    def test_hold_the_customers_value_and_a_typical_one(
        self, unit: str, value: float, reference: float, expected: str
    ) -> None:
        assert said(unit, value, reference) == expected

    def test_without_a_value_say_what_is_not_known(self) -> None:
        entry = reason(CATALOGUE["late_rate"], np.nan, 0.1, -0.2)
        assert entry["sentence"] == "It is not known yet how often this customer pays late"
        assert (entry["value"], entry["reference"], entry["direction"]) == (None, 0.1, "lowers")

    @pytest.mark.parametrize("described", CATALOGUE.features, ids=lambda described: described.name)
    def test_of_every_feature_are_readable_for_any_value(self, described: Feature) -> None:
        unknown = REASON_CODES[described.reason].unknown
        for value in (0.0, 1.0, 0.5, 6.0, 48.7, 12_345.0, np.nan):
            for reference in (1.0, np.nan):
                entry = reason(described, value, reference, 0.5)
                sentence = str(entry["sentence"])
                assert not UNREADABLE.search(sentence), sentence
                assert sentence[0].isupper() or not sentence[0].isalpha()
                if np.isnan(value):
                    assert sentence.lower() == unknown.lower()
                elif (described.name, value) != ("days_past_due", 0.0):
                    assert spoken(described.unit, entry["value"]) in sentence

    @pytest.mark.parametrize(
        ("days", "expected"),
        [
            (12, "The invoice is 12 days past due"),
            (0, "The invoice is due today"),
            (-3, "The invoice is due in 3 days"),
        ],
    )
    def test_before_the_due_date_speak_of_it_as_people_do(self, days: float, expected: str) -> None:
        described = next(each for each in CATALOGUE.features if each.name == "days_past_due")
        assert reason(described, days, 0.0, 1.0)["sentence"] == expected

    def test_a_huge_logarithm_is_still_a_number(self) -> None:
        assert np.isfinite(reason(CATALOGUE["log_amount"], 1e6, np.nan, 0.5)["value"])


class TestOfAModel:
    def test_are_at_most_four_and_the_strongest_first(
        self, explained: list[tuple[np.ndarray, Explanation]]
    ) -> None:
        assert len(explained) > 200
        for _, explanation in explained:
            strongest = sorted(
                (abs(value) for code, value in explanation.contributions.items() if code != "calibration"),
                reverse=True,
            )
            shown = [abs(each["contribution"]) for each in explanation.reasons]
            assert shown == [value for value in strongest[:4] if value]
            assert len({each["code"] for each in explanation.reasons}) == len(shown)

    def test_point_the_way_they_push(self, explained: list[tuple[np.ndarray, Explanation]]) -> None:
        directions = [(each["direction"], each["contribution"] > 0) for each in reasons_of(explained)]
        assert set(directions) == {("raises", True), ("lowers", False)}

    def test_state_the_value_of_a_feature_of_their_code(
        self, explained: list[tuple[np.ndarray, Explanation]], small_model: RiskModel
    ) -> None:
        for values, explanation in explained[::5]:
            for each in explanation.reasons:
                possible = [
                    reason(described, value, small_model.reference[described.name], each["contribution"])
                    for described, value in zip(CATALOGUE.features, values, strict=True)
                    if described.reason == each["code"]
                ]
                assert each in possible

    def test_are_json_and_readable(self, explained: list[tuple[np.ndarray, Explanation]]) -> None:
        for each in reasons_of(explained):
            assert list(each) == ["code", "sentence", "direction", "contribution", "value", "reference"]
            assert each["code"] in PUBLISHED_CODES - {"calibration"}
            json.dumps(each, allow_nan=False)
            assert not UNREADABLE.search(each["sentence"]), each["sentence"]

    def test_speak_of_the_feature_that_carries_most_of_their_code(self) -> None:
        model = one_horizon()
        columns = {
            name: CATALOGUE.names.index(name) for name in ("late_rate", "late_share_90", "late_share_365")
        }
        parts = np.zeros(len(CATALOGUE.names))
        parts[list(columns.values())] = [0.3, -0.9, 0.7]
        values = np.zeros(len(CATALOGUE.names))
        values[columns["late_rate"]], values[columns["late_share_365"]] = 0.11, 0.22
        found = model._explanation(model.horizons[0], values, 0.5, 0.0, parts, 0.0)
        # Together they raise by 0.1: the sentence is that of the strongest which raises.
        assert [(each["code"], each["value"], each["direction"]) for each in found.reasons] == [
            ("late_payment_habit", 0.22, "raises")
        ]

    def test_of_equal_strength_come_in_the_order_of_the_codes(self) -> None:
        model = one_horizon()
        parts = np.zeros(len(CATALOGUE.names))
        for name, part in (("age_days", 0.5), ("terms_days", -0.5), ("late_rate", 0.5)):
            parts[CATALOGUE.names.index(name)] = part
        found = model._explanation(model.horizons[0], np.zeros(len(parts)), 0.5, 0.0, parts, 0.0)
        order = [
            code for code in REASON_CODES if code in ("late_payment_habit", "payment_terms", "time_past_due")
        ]
        assert [each["code"] for each in found.reasons] == order


def one_horizon() -> RiskModel:
    rule_model = HorizonModel("p_late", 5, "rate", 0.2, "", None, Calibration())
    from features.lateness import LatenessRule

    return RiskModel(LatenessRule(), (rule_model,), dict.fromkeys(CATALOGUE.names, 0.0))
