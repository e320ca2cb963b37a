"""Does the study of a simulated shock measure what it says?"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data_samples.through_a_shock import NAMES, by_stage, by_weeks, draw, main, measured, shock_days


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


def rows_of(days: list[str]) -> pd.DataFrame:
    """An invoice of each day, predicted .2; truly .5 from 2026-01-05 on."""
    as_of = pd.Series(days)
    true = np.where(as_of >= "2026-01-05", 0.5, 0.2)
    return pd.DataFrame({"as_of": as_of, "p_late": 0.2, "p_late_true": true, "outcome": 0})


def test_weeks_are_counted_from_the_first_day_of_the_shock() -> None:
    rows = rows_of(["2025-12-07", "2025-12-08", "2026-01-04", "2026-01-05", "2026-02-01", "2026-02-02"])
    table = by_weeks(rows, pd.Timestamp("2026-01-05"), 4)
    assert [day.date().isoformat() for day in table.index] == [
        "2025-11-10", "2025-12-08", "2026-01-05", "2026-02-02",
    ]  # fmt: skip
    assert table["invoices"].tolist() == [1, 2, 2, 1]
    assert table["true"].tolist() == pytest.approx([0.2, 0.2, 0.5, 0.5])


@pytest.mark.parametrize(
    ("shock", "stages"),
    [
        ([], {"all": 4}),
        ([date(2026, 1, 5), date(2026, 3, 16)], {"before": 1, "to 2026-03-16": 2, "later": 1, "all": 4}),
        ([date(2026, 1, 5)], {"before": 1, "to 2026-04-27": 3, "all": 4}),
    ],
)
def test_stages_are_before_through_and_after(shock: list[date], stages: dict[str, int]) -> None:
    rows = rows_of(["2026-01-04", "2026-01-05", "2026-03-15", "2026-03-16"])
    assert by_stage(rows, shock)["invoices"].to_dict() == stages


def book_of(folder: Path, begins_on: str) -> list[str]:
    """A book of eleven invoices of one Monday with its truth, and its scores with and without recalibration."""
    (folder / "truth").mkdir(parents=True)
    ids = [f"I{number}" for number in range(11)]
    pd.DataFrame({"invoice_id": ids, "customer_id": "C"}).to_csv(folder / "invoices.csv", index=False)
    pd.DataFrame({"invoice_id": ids, "p_late": 0.5}).to_csv(folder / "truth" / "invoices.csv", index=False)
    pd.DataFrame({"invoice_id": ids, "paid_on": "2026-03-01", "known_on": "2026-03-01"}).to_csv(
        folder / "payments.csv", index=False
    )
    (folder / "truth" / "scenario.yaml").write_text(
        f"begins_on: '{begins_on}'\nends_on: null\n", encoding="utf-8"
    )
    for name, p in (("with", 0.4), ("without", 0.2)):
        scored = pd.DataFrame({"invoice_id": ids, "as_of": "2026-01-12", "p_late": p, "outcome": 0})
        scored.to_csv(folder.with_suffix(f".{name}.csv"), index=False)
    return [str(folder), *(str(folder.with_suffix(f".{name}.csv")) for name in ("with", "without"))]


def test_several_books_are_printed_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [file for name in "ab" for file in book_of(tmp_path / name, "2026-01-05")]
    monkeypatch.setattr("sys.argv", ["through_a_shock", *files])
    main()
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("2026-01-05")]
    assert line.split() == ["2026-01-05", "22", "0.500", "0.400", "0.200", "0.100", "0.300", "0.511", "0.223"]


@pytest.mark.parametrize(
    ("given", "said"), [(2, "BOOK WITH WITHOUT"), (6, "books of one scenario on one day")]
)
def test_files_that_do_not_go_together_are_refused(
    given: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [*book_of(tmp_path / "a", "2026-01-05"), *book_of(tmp_path / "b", "2026-02-02")]
    monkeypatch.setattr("sys.argv", ["through_a_shock", *files[:given]])
    with pytest.raises(SystemExit):
        main()
    assert said in capsys.readouterr().err
