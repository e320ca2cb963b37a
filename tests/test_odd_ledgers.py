"""Has every odd book a defined answer: a warning that names the column, too little evidence, or a refusal?"""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from features.history import History
from features.lateness import LatenessRule
from features.ledger import Ledger, oddities, report
from tests.commands import HASTY, SAMPLE, Run, runs_in
from tests.odd_ledgers import ODD, write
from training.model.silence import silences
from training.oddities import training_oddities

CUT = date(2026, 7, 1)
SAYS: dict[str, tuple[str, str]] = {
    # book: what is said of the ledger, what a training adds
    "nobody_late": ("", "none of 565 matured invoices was more than 5 days late"),
    "everybody_late": ("", "every one of 565 matured invoices was more than 5 days late"),
    "all_open": ("payments: holds no row", "every one of 565 matured"),
    "all_paid_on_one_day": ("payments: paid_on '2026-06-30' stands on 632 of 632 payments", ""),
    "one_customer": ("invoices: customer_id is the same on every invoice", ""),
    "no_customers_table": ("customers: is not given", ""),
    "two_weeks": ("invoices: issued_on '2026-06-17' is the first day, 13 days before", ""),
    "a_slip_into_the_future": ("payments: paid_on '2062-06-30' is the latest day of 1 row", ""),
    "invoices_of_the_future": ("invoices: issued_on '2026-12-01' is the latest of 5 invoices", ""),
    "a_month_missing": ("invoices: issued_on '2026-01' is a month of 0 rows where 56 are usual", ""),
    "a_currency_overnight": ("invoices: currency 'SEK' is first seen on 2026-06-10, on 33 of 33", ""),
    "a_column_constant": ("", "feature 'terms_days' is 30 on all of the latest 50 invoices"),
    "a_column_left_blank": ("", "feature 'invoicing_lag' is missing on all of the latest 50 invoices"),
    "columns_never_given": ("", ""),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every odd book, each in a folder of its name."""
    base = tmp_path_factory.mktemp("odd")
    for name in ODD:
        write(name, base / name)
    return base


def test_every_odd_book_has_its_line() -> None:
    assert SAYS.keys() == ODD.keys()


@pytest.mark.parametrize(
    ("name", "of_the_ledger", "of_the_training"), [(n, *said) for n, said in SAYS.items()]
)
def test_says_what_is_odd_and_where_and_nothing_else(
    folder: Path, name: str, of_the_ledger: str, of_the_training: str
) -> None:
    ledger = Ledger.load(folder / name)
    listed = [problem.line() for problem in oddities(ledger)]
    listed += training_oddities(History(ledger.known_before(CUT), LatenessRule(5, False)), CUT)
    expected = [text for text in (of_the_ledger, of_the_training) if text]
    assert len(listed) == len(expected), listed
    for line, text in zip(listed, expected, strict=True):
        assert line.startswith(text) and line[-1] in ".?" and ". " in line  # what, and how to mend it


def test_a_sound_book_is_not_odd(sample_ledger: Ledger) -> None:
    assert oddities(sample_ledger) == []
    for cut in (date(2025, 12, 1), date(2026, 4, 1), CUT):
        history = History(sample_ledger.known_before(cut), LatenessRule(5, False))
        assert training_oddities(history, cut) == []


def test_check_counts_what_is_odd_about_the_whole(folder: Path) -> None:
    found = report(Ledger.load(folder / "a_month_missing"))
    assert found["usable"] is True
    assert {"table": "invoices", "severity": "note", "code": "month_missing", "count": 1} in found["by_code"]


def test_two_months_missing_are_two_and_a_slip_does_not_hide_them(folder: Path, tmp_path: Path) -> None:
    base = shutil.copytree(folder / "a_month_missing", tmp_path / "book")
    invoices = (base / "invoices.csv").read_text().splitlines()
    kept = [line for line in invoices if not line.split(",")[2].startswith("2025-10")]
    slip = "Z9,C0013,2026-06-29,2026-07-29,9,EUR,,,,,2071-01-01"
    (base / "invoices.csv").write_text("\n".join([*kept, slip]))
    found = [(p.code, p.value) for p in oddities(Ledger.load(base)) if p.table == "invoices"]
    assert found == [
        ("stray_future", "2071-01-01"),
        ("month_missing", "2025-10"),
        ("month_missing", "2026-01"),
    ]


NAN = float("nan")
SILENT = [
    # earlier values, recent values, is it silent?
    ([1.0, 2.0] * 50, [1.0] * 40, True),
    ([1.0, 2.0] * 50, [1.0] * 39, False),  # 19.5 other values were to be expected: chance is not excluded
    ([1.0, 2.0] * 50, [1.0] * 39 + [2.0], False),
    ([1.0, NAN] * 50, [NAN] * 40, True),
    ([1.0, NAN] * 50, [NAN] * 39 + [1.0], False),
    ([1.0, NAN] * 50, [1.0] * 40, False),  # it was never anything else
    ([1.0] * 100, [1.0] * 400, False),
    ([NAN] * 100, [NAN] * 400, False),
    ([NAN] * 100, [1.0] * 400, False),  # a column come to life is good news
]


@pytest.mark.parametrize(("earlier", "recent", "is_silent"), SILENT)
def test_a_column_is_silent_where_it_used_to_speak(
    earlier: list[float], recent: list[float], is_silent: bool
) -> None:
    found = silences(["x"], np.array(earlier)[:, None], np.array(recent)[:, None])
    assert [silence.feature for silence in found] == ["x"] * is_silent


def test_scoring_names_a_column_that_the_model_knew_alive(office: Path, folder: Path, tmp_path: Path) -> None:
    run = runs_in(office)
    done = run("score", folder / "a_column_left_blank", "--output", tmp_path / "s.csv", "--json")
    assert done.exit_code == 0
    (warning,) = json.loads(done.stdout)["warnings"]
    assert warning.startswith("feature 'invoicing_lag' is missing on all of the latest 50 invoices")
    assert f"Warning: {warning}" in done.stderr
    sound = run("score", SAMPLE, "--output", tmp_path / "s.csv", "--json")
    assert json.loads(sound.stdout)["warnings"] == [] and "Warning" not in sound.stderr


@pytest.mark.parametrize("name", ["all_open", "all_paid_on_one_day", "two_weeks", "a_slip_into_the_future"])
def test_a_champion_of_another_book_scores_whatever_is_open(
    office: Path, folder: Path, tmp_path: Path, name: str
) -> None:
    run = runs_in(office)
    assert run("check", folder / name).exit_code == 0
    done = run("score", folder / name, "--output", tmp_path / "s.parquet", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["open_invoices"] == 0 if name == "all_paid_on_one_day" else told["open_invoices"] > 0


def test_two_weeks_of_history_are_too_little_to_judge_and_are_said_to_be(
    folder: Path, tmp_path: Path
) -> None:
    window = ("--from", "2026-06-20", "--to", "2026-07-01", "--output", tmp_path / "b.csv")
    done = runs_in(tmp_path)("backtest", folder / "two_weeks", *window, "--json")
    told = json.loads(done.stdout)
    assert (done.exit_code, told["warnings"][0].split("'")[0]) == (0, "invoices: issued_on ")
    assert told["verdict"].startswith("There is too little evidence to judge the model")


@pytest.mark.parametrize("verb", ["train", "retrain"])
def test_without_the_shipped_model_two_weeks_are_refused(folder: Path, tmp_path: Path, verb: str) -> None:
    (tmp_path / "mlflow.yaml").write_text(HASTY)  # which leaves the shipped model out
    done = runs_in(tmp_path)(verb, folder / "two_weeks", "--as-of", CUT)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no invoice had matured by 2026-07-01" in done.stderr and "5 days after due" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ODD if name != "two_weeks"])
def test_every_command_has_an_answer_to_every_odd_book(
    folder: Path, home: Path, tmp_path: Path, name: str
) -> None:
    (home / "mlflow.yaml").write_text(HASTY)
    run: Run = runs_in(home)
    trained = run("train", folder / name, "--as-of", CUT, "--json")
    assert trained.exit_code == 0, trained.stderr
    told = json.loads(trained.stdout)
    assert told["promoted"] is True and told["verdict"].endswith(".")
    warned = [text for text in SAYS[name] if text and not text.startswith("customers")]
    assert len(told["warnings"]) == len(warned)
    for warning, text in zip(told["warnings"], warned, strict=True):
        assert warning.startswith(text) and f"Warning: {warning}" in trained.stderr
    scores = tmp_path / "s.csv"
    assert run("score", folder / name, "--as-of", CUT, "--output", scores).exit_code == 0
    for line in scores.read_text(encoding="utf-8").splitlines()[1:2]:
        assert run("explain", folder / name, line.split(",")[0], "--as-of", CUT).exit_code == 0
    for verb in ("retrain", "monitor"):
        done = run(verb, folder / name, "--as-of", CUT)
        assert done.exit_code in (0, 1) and done.stdout.strip(), done.stderr
    window = ("--from", "2026-02-01", "--to", "2026-07-01")
    looked_back = run("backtest", folder / name, *window, "--refit", 6, "--output", tmp_path / "b.csv")
    assert looked_back.exit_code == 0, looked_back.stderr
    assert told["model_version"] in run("models").stdout
