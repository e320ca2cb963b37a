"""Does `duecourse forecast` print, write and draw, and refuse what it cannot do?"""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.commands import SAMPLE, runs_in

AS_OF = ("--as-of", "2026-05-01", "--scenarios", "100")


def test_prints_the_weeks_and_a_sentence_and_writes_both_tables(office: Path, tmp_path: Path) -> None:
    cash, dates, chart = tmp_path / "cash.csv", tmp_path / "dates.parquet", tmp_path / "cash.svg"
    done = runs_in(office)(
        "forecast", SAMPLE, *AS_OF, "--by", "division", "--output", cash, "--invoices", dates, "--plot", chart
    )
    assert done.exit_code == 0, done.output
    assert "Of what is open on 2026-05-01, expect" in done.stdout and "disputed, not in it" in done.stdout
    assert "not yet issued" in done.stdout and "Projects" in done.stdout
    weeks = pd.read_csv(cash, dtype="str")
    assert set(weeks["kind"]) == {"week", "all_weeks", "later", "disputed", "open", "overdue"}
    assert set(weeks["by"]) == {"total", "division", "currency", "customer"}
    assert weeks["expected"].str.fullmatch(r"-?\d+(\.\d+)?").all()
    listed = pd.read_parquet(dates)
    assert (listed["paid_on_p10"] <= listed["expected_paid_on"]).all() and len(listed) > 50
    assert chart.read_text(encoding="utf-8").startswith("<svg")


def test_json_holds_the_same_weeks(office: Path) -> None:
    done = runs_in(office)("forecast", SAMPLE, *AS_OF, "--weeks", "4", "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 0 and told["as_of"] == "2026-05-01"
    weeks = [row for row in told["cash"] if row["by"] == "total" and row["kind"] == "week"]
    assert [row["week"] for row in weeks] == [1, 2, 3, 4]
    assert weeks[0]["begins_on"] == "2026-05-01" and float(weeks[0]["p10"]) <= float(weeks[0]["p90"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--plot", "cash.pdf"), "ends in .svg or .png"),
        (("--output", "cash.txt"), ".csv or .parquet"),
        (("--weeks", "0"), "1<=x<=52"),
        (("--backtest", "2026-03-01", "2026-02-01"), "must come after"),
    ],
)
def test_refuses_what_it_cannot_do(office: Path, given: tuple[str, ...], said: str) -> None:
    done = runs_in(office)("forecast", SAMPLE, *given)
    assert done.exit_code == 2 and said in done.output


def test_without_a_model_it_says_how_to_get_one(tmp_path: Path) -> None:
    done = runs_in(tmp_path)("forecast", SAMPLE)
    assert done.exit_code == 2 and "duecourse train" in done.output
