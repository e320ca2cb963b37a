"""Is every sort of customer and invoice judged on its own, with a range, and are small ones named?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.test_evaluation import scored_frame
from training.comparisons import compared_in_words, signed, slices_shown
from training.evaluation import Difference, RowGroup, TargetEvaluation, evaluate
from training.slices import MOST_PARTS, REST, slices


def parts_of(rows: pd.DataFrame, grouping: str) -> dict[str, int]:
    return {name: len(part) for found, name, part in slices(rows) if found == grouping}


def judged(frame: pd.DataFrame, **given: int) -> TargetEvaluation:
    return evaluate(frame, {"p_late_30": 30}, 20, **given).targets["p_late_30"]


def slice_of(found: TargetEvaluation, name: str) -> RowGroup:
    return next(part for part in found.slices if part.name == name)


def test_bands_stand_in_their_own_order_and_others_by_size() -> None:
    rows = scored_frame(12, 4)
    rows["evidence"] = ["ample"] * 6 + ["none"] * 2 + ["some"] * 4
    rows["country"] = ["AT"] * 3 + ["DE"] * 5 + ["CH"] * 4
    assert parts_of(rows, "evidence") == {"none": 2, "some": 4, "ample": 6}
    assert list(parts_of(rows, "country")) == ["DE", "CH", "AT"]


def test_a_grouping_that_divides_nothing_is_left_out() -> None:
    assert parts_of(scored_frame(12, 4).assign(currency="EUR"), "currency") == {}


def test_of_many_parts_the_small_ones_are_judged_together() -> None:
    rows = scored_frame(300, 20)
    rows["industry"] = [f"industry {min(number, 299 - number) % 20:02d}" for number in range(300)]
    found = parts_of(rows, "industry")
    assert len(found) == MOST_PARTS and list(found)[-1] == REST
    assert sum(found.values()) == 300


def test_a_slice_is_what_its_rows_alone_would_give() -> None:
    frame = scored_frame()
    frame["country"] = np.where(frame["customer_id"] < "C050", "AT", "DE")
    inside = judged(frame[frame["country"] == "AT"].drop(columns="country"))
    austria = slice_of(judged(frame, slice_resamples=20), "AT")
    assert austria.models["model"]["brier"] == inside.overall.models["model"]["brier"]
    assert austria.models["model"]["roc_auc"] == inside.overall.models["model"]["roc_auc"]
    assert austria.against_best_baseline == inside.against_best_baseline
    assert austria.grouping == "country"


def test_without_resamples_a_slice_has_figures_and_no_range() -> None:
    figure = slice_of(judged(scored_frame()), "warm customers").models["model"]["roc_auc"]
    assert figure.value is not None and figure.low is None


@pytest.mark.parametrize(
    ("measure", "value", "low", "high", "said"),
    [
        ("log_loss", -0.02, -0.03, -0.01, "better"),
        ("log_loss", 0.02, 0.01, 0.03, "worse"),
        ("roc_auc", 0.02, 0.01, 0.03, "better"),
        ("roc_auc", -0.02, -0.03, -0.01, "worse"),
        ("brier", -0.02, -0.03, 0.01, "within chance"),
        ("brier", -0.02, None, None, "no range"),
    ],
)
def test_a_difference_in_words(
    measure: str, value: float, low: float | None, high: float | None, said: str
) -> None:
    assert compared_in_words(Difference("ageing", value, low, high), measure) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0034, "+.0034"),
        (-0.0034, "−.0034"),
        (-0.00001, ".0000"),
        (0.0, ".0000"),
        (1.5, "+1.5000"),
        (None, "–"),
    ],
)
def test_a_signed_figure(value: float | None, said: str) -> None:
    assert signed(value) == said


def test_small_slices_are_named_and_not_judged() -> None:
    frame = scored_frame()
    frame["country"] = np.where(frame.index < 12, "CH", "DE")
    (shown,) = [
        grouping
        for grouping in slices_shown(judged(frame, slice_resamples=20))["groupings"]
        if grouping["title"] == "Country"
    ]
    assert [row["name"] for row in shown["slices"]] == ["DE"]
    assert shown["too_small"] == "CH (12); 30 scores are needed"


def test_where_hardly_anybody_was_late_nobody_is_called_better() -> None:
    frame = scored_frame()
    frame["country"] = np.where(frame["customer_id"] < "C050", "AT", "DE")
    frame.loc[frame["country"] == "AT", "outcome_p_late_30"] = 0.0
    shown = slices_shown(judged(frame, slice_resamples=20))
    rows = {row["name"]: row for grouping in shown["groupings"] for row in grouping["slices"]}
    assert rows["AT"]["cells"][3]["words"] == ""
    assert rows["DE"]["cells"][3]["words"] != ""
