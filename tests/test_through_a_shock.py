"""Does the study of a simulated shock measure what it says?"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_samples.through_a_shock import NAMES, draw, measured, shock_days


@pytest.mark.parametrize(
    ("predicted", "true", "bias", "calibration_error"),
    [([0.2] * 20, [0.2] * 20, 0.0, 0.0), ([0.2] * 20, [0.5] * 20, -0.3, 0.3), ([0.4, 0.6] * 10, [0.5] * 20, 0.0, 0.1)],
)  # fmt: skip
def test_gaps_are_counted_bin_by_bin(
    predicted: list, true: list, bias: float, calibration_error: float
) -> None:
    found = measured(pd.DataFrame({"p_late": predicted, "p_late_true": true, "outcome": [0, 1] * 10}))
    assert found["bias"] == pytest.approx(bias) and found["invoices"] == 20
    assert found["calibration_error"] == pytest.approx(calibration_error)
    assert found["brier"] == pytest.approx(np.mean((np.array(predicted) - [0, 1] * 10) ** 2))


@pytest.mark.parametrize(("ends_on", "days"), [("null", 1), ("2026-03-12", 2)])
def test_the_days_of_the_change_are_those_of_the_book(tmp_path: Path, ends_on: str, days: int) -> None:
    assert shock_days(tmp_path) == []
    (tmp_path / "truth").mkdir()
    text = f"begins_on: '2026-01-01'\nends_on: {ends_on if ends_on == 'null' else repr(ends_on)}\n"
    (tmp_path / "truth" / "scenario.yaml").write_text(text, encoding="utf-8")
    assert shock_days(tmp_path) == [date(2026, 1, 1), date(2026, 3, 12)][:days]


def test_the_chart_has_a_line_for_each_run(tmp_path: Path) -> None:
    weeks = pd.DataFrame({"bias": [0.0, -0.3, -0.1]}, index=pd.date_range("2026-01-05", periods=3, freq="7D"))
    draw(dict.fromkeys(NAMES, weeks), [date(2026, 1, 8)], tmp_path / "shock.svg")
    assert (tmp_path / "shock.svg").stat().st_size > 5000
