"""Is the fictional ledger plausible, and is its truth true?"""

from __future__ import annotations

import ast
import datetime
import re
from pathlib import Path

import holidays
import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import roc_auc_score

import data_samples.simulator
from data_samples.simulator import Book, simulate, write
from data_samples.simulator.calendar import NO_DAY, Period, working_days
from data_samples.simulator.course import untroubled
from features.ledger import TABLES, Ledger

LAST_DAY = "2026-06-30"
SAMPLES = Path(data_samples.simulator.__file__).parents[1]
HORIZONS = {"p_late": 5, "p_late_30": 30, "p_late_90": 90}


@pytest.fixture(scope="module")
def book() -> Book:
    return simulate(customers=300, months=15, seed=5)


@pytest.fixture(scope="module")
def outcomes(book: Book) -> pd.DataFrame:
    """The truth of every invoice not credited in full, with `days`, the days late by which it was settled."""
    truth = book.truth["invoices"]
    settled = pd.to_datetime(truth["settled_on"].replace("", "2099-01-01"))
    days = (settled - pd.to_datetime(truth["rolled_due_on"])).dt.days
    return truth.assign(days=days)[~truth["credited_in_full"]]


def standard_errors_off(probability: pd.Series, happened: pd.Series) -> float:
    """How far the mean probability is from the rate, in standard errors of the sum of independent events."""
    variance = (probability * (1 - probability)).sum() + 1.0  # a little for the error of the probabilities
    return float(abs(happened.sum() - probability.sum()) / np.sqrt(variance))


def test_same_arguments_write_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    for folder, seed in (("one", 3), ("two", 3), ("three", 4)):
        write(simulate(12, 5, seed), tmp_path / folder)
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*")]
    assert len(files) == 15
    assert all(
        (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files
    )
    assert (tmp_path / "one/invoices.csv").read_bytes() != (tmp_path / "three/invoices.csv").read_bytes()


def test_a_written_book_loads_without_a_single_problem(book: Book, tmp_path: Path) -> None:
    write(book, tmp_path)
    ledger = Ledger.load(tmp_path)
    assert ledger.problems == []
    assert len(ledger.tables["invoices"]) == len(book.tables["invoices"])
    assert yaml.safe_load((tmp_path / "ledger.yaml").read_text())["base_currency"] == "EUR"


@pytest.mark.parametrize("by", ["habit", "decile"])
@pytest.mark.parametrize("horizon", HORIZONS)
def test_probabilities_agree_with_what_happened(outcomes: pd.DataFrame, by: str, horizon: str) -> None:
    late = outcomes["days"] > HORIZONS[horizon]
    # Ranked by p_late for every horizon: ranks among tiny probabilities of 400 futures would be chance.
    decile = pd.qcut(outcomes["p_late"].rank(method="first"), 10, labels=False)
    groups = outcomes["habit"] if by == "habit" else decile
    for name, rows in outcomes.groupby(groups).groups.items():
        off = standard_errors_off(outcomes.loc[rows, horizon], late.loc[rows])
        assert off < 4, f"{by} {name}: {off:.1f} standard errors"


def test_truth_separates_late_from_prompt_but_not_perfectly(outcomes: pd.DataFrame) -> None:
    assert 0.80 < roc_auc_score(outcomes["days"] > 5, outcomes["p_late"]) < 0.95


def test_probabilities_fall_with_the_horizon(outcomes: pd.DataFrame) -> None:
    assert (outcomes["p_late"] >= outcomes["p_late_30"]).all()
    assert (outcomes["p_late_30"] >= outcomes["p_late_90"]).all()
    assert outcomes["p_late"].between(0, 1).all()


def test_lateness_is_of_a_level_that_companies_know(outcomes: pd.DataFrame) -> None:
    assert 0.20 < (outcomes["days"] > 5).mean() < 0.32
    assert 0.04 < (outcomes["days"] > 30).mean() < 0.10
    assert 0.008 < (outcomes["days"] > 90).mean() < 0.03


def test_every_habit_pays_as_its_name_says(outcomes: pd.DataFrame) -> None:
    late = outcomes.groupby("habit")["p_late"].mean()
    assert late["prompt"] < 0.15 < 0.7 < late["slow_but_sure"]
    spread = outcomes[outcomes["days"].abs() < 60].groupby("habit")["days"].std()
    assert spread["erratic"] > 1.5 * spread["prompt"]
    troubled = outcomes[outcomes["habit"].isin(["deteriorating", "cant_pay"])]
    healthy, strained = troubled[troubled["strain"] < 0.5], troubled[troubled["strain"] > 2.5]
    assert strained["p_late_30"].mean() > 5 * healthy["p_late_30"].mean()


def test_pay_run_payers_pay_on_their_weekday(book: Book) -> None:
    payers = book.truth["customers"]
    payers = payers[(payers["habit"] == "pay_run_weekday")]
    paid = paid_invoices(book).merge(payers[["customer_id", "pay_weekdays"]], on="customer_id")
    on_the_day = paid["paid_on"].dt.weekday == paid["pay_weekdays"].astype(int)
    assert on_the_day.mean() > 0.9  # holidays move the rest


def paid_invoices(book: Book) -> pd.DataFrame:
    """Payments of invoices with their customer's id and country."""
    payments = book.tables["payments"].query("invoice_id != ''").drop(columns="customer_id")
    invoices = book.tables["invoices"][["invoice_id", "customer_id"]]
    countries = book.tables["customers"][["customer_id", "country"]].drop_duplicates()
    paid = payments.merge(invoices, on="invoice_id").merge(countries, on="customer_id")
    return paid.assign(paid_on=pd.to_datetime(paid["paid_on"]))


def test_money_moves_on_working_days_of_the_payer(book: Book) -> None:
    paid = paid_invoices(book)
    assert (paid["paid_on"].dt.weekday < 5).all()
    german = holidays.country_holidays("DE", years=[2025, 2026])
    assert not paid.loc[paid["country"] == "DE", "paid_on"].dt.date.isin(list(german)).any()


def test_replaying_payments_and_credits_finds_the_day_of_settlement(book: Book) -> None:
    payments, credits = book.tables["payments"], book.tables["credit_notes"]
    paid = payments[["invoice_id", "paid_on", "amount"]].rename(columns={"paid_on": "day"})
    credited = credits[["invoice_id", "credited_on", "amount"]].rename(columns={"credited_on": "day"})
    moved = pd.concat([paid, credited]).query("invoice_id != ''")
    moved["cents"] = moved["amount"].str.replace(".", "").astype(int)
    total = moved.groupby("invoice_id")["cents"].sum()
    invoices = book.tables["invoices"].set_index("invoice_id")
    owed = invoices["amount"].str.replace(".", "").astype(int)
    assert (total <= owed[total.index]).all()
    settled = total.index[total == owed[total.index]]
    last_move = moved.groupby("invoice_id")["day"].max()
    truth = book.truth["invoices"].set_index("invoice_id")["settled_on"]
    assert len(settled) > 0.8 * len(owed)
    assert (truth[settled] == last_move[settled]).all()
    still_open = owed.index.difference(settled)
    due_to_be_open = (truth[still_open] == "") | (
        truth[still_open] > "2026-06-01"
    )  # booked late or matched late
    assert due_to_be_open.all()


def test_the_ledger_knows_nothing_after_its_last_day(book: Book) -> None:
    for name, table in book.tables.items():
        dates = set(table.filter(regex="_on$")) - {"due_on", "promised_on"}
        for column in dates:
            assert table[column].max() <= LAST_DAY, f"{name}.{column}"
    assert (book.truth["invoices"]["settled_on"] > LAST_DAY).any()


def test_contacts_bring_payments_forward_and_never_back(book: Book) -> None:
    effects = book.truth["contacts"]
    assert (effects["effect_days"] >= 0).all()
    assert effects.groupby("stage")["effect_days"].mean().min() > 0.5
    habits = book.truth["invoices"].set_index("invoice_id")["habit"]
    moved = (effects["effect_days"] > 0).groupby(effects["invoice_id"].map(habits)).mean()
    assert moved["prompt"] > 2 * moved["cant_pay"]


def test_promises_are_kept_by_habit(book: Book) -> None:
    promises = book.tables["promises"].merge(book.truth["invoices"], on="invoice_id")
    promises = promises[promises["promised_on"] < LAST_DAY]
    kept = (promises["settled_on"] != "") & (promises["settled_on"] <= promises["promised_on"])
    rate = kept.groupby(promises["habit"]).mean()
    assert rate["prompt"] > 0.5 > rate["cant_pay"]


def test_missing_orders_make_demanding_customers_late(book: Book) -> None:
    invoices = book.tables["invoices"].merge(book.truth["invoices"], on=["invoice_id", "customer_id"])
    quotes = (invoices["purchase_order"] != "").groupby(invoices["customer_id"]).transform("mean")
    demanding = invoices[(quotes > 0.7) & (invoices["habit"] != "slow_but_sure")]
    p_late = demanding.groupby(demanding["purchase_order"] == "")["p_late"].mean()
    assert p_late[True] > p_late[False] + 0.2


def test_credit_scores_fall_before_lateness_is_seen(book: Book) -> None:
    reports = book.tables["credit_reports"].assign(score=lambda table: table["score"].astype(int))
    trend = book.truth["customers"].set_index("customer_id")["strain_trend"]
    troubled = reports["customer_id"].map(trend) > 3
    change = reports.groupby(["customer_id", troubled])["score"].agg(
        lambda scores: scores.iloc[-1] - scores.iloc[0]
    )
    by_trouble = change.groupby(level=1).mean()
    assert by_trouble[True] < by_trouble[False] - 10


def test_unmatched_cash_is_taken_off_the_account_when_it_is_matched(book: Book) -> None:
    on_account = book.tables["payments"].query("invoice_id == ''")
    minor = on_account["amount"].str.replace(".", "").astype(int)
    assert (minor > 0).sum() >= (minor < 0).sum() > 0
    assert set(minor[minor < 0].abs()) <= set(minor[minor > 0])


@pytest.mark.parametrize(
    ("country", "day", "expected"),
    [
        ("DE", "2026-04-03", "2026-04-07"),  # Good Friday to the Tuesday after Easter
        ("US", "2026-04-03", "2026-04-03"),
        ("DE", "2025-12-25", "2025-12-29"),
        ("US", "2025-12-25", "2025-12-26"),
        ("FR", "2026-05-09", "2026-05-11"),
    ],
)
def test_days_roll_to_the_next_working_day(country: str, day: str, expected: str) -> None:
    period = Period(12)
    index = int((np.datetime64(day) - period.origin).astype(int))
    assert str(period.dates[working_days(period, country)[index]]) == expected


def test_due_dates_roll_before_lateness_is_counted(book: Book) -> None:
    truth = book.truth["invoices"].merge(book.tables["invoices"], on="invoice_id")
    rolled = [datetime.date.fromisoformat(day) for day in truth["rolled_due_on"]]
    assert all(day.weekday() < 5 for day in rolled)
    assert (truth["rolled_due_on"] >= truth["due_on"]).all()


def test_an_untroubled_invoice_is_settled_by_its_one_payment() -> None:
    paid = np.array([[40], [50]], dtype=np.int32)
    course = untroubled(paid - 30, paid, np.zeros(paid.shape, dtype=bool))
    assert (course.settled == paid).all()
    course.first_paid[0], course.first_share[0] = 35, 0.6
    course.credited_share[0], course.closed[0] = 0.4, 38
    course.credited_share[1], course.closed[1] = 1.0, 47
    assert course.settled.ravel().tolist() == [38, 47]
    assert course.is_credited_in_full.ravel().tolist() == [False, True]
    assert NO_DAY < 0


def test_groups_have_a_parent_on_file_and_several_children(book: Book) -> None:
    customers = book.tables["customers"].drop_duplicates("customer_id")
    children = customers[customers["parent_id"] != ""]
    assert set(children["parent_id"]) <= set(customers["customer_id"])
    assert children.groupby("parent_id").size().median() >= 3
    assert customers["name"].is_unique


@pytest.mark.parametrize(("customers", "months"), [(0, 12), (5, 0), (-1, 3)])
def test_empty_books_are_refused(customers: int, months: int) -> None:
    with pytest.raises(ValueError, match=f"customers={customers}, months={months}"):
        simulate(customers, months, seed=1)


def test_a_tiny_book_is_a_book_and_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write(simulate(2, 1, seed=1, progress=lambda done, total: told.append((done, total))), tmp_path)
    assert told == [(1, 2), (2, 2)]
    assert Ledger.load(tmp_path).problems == []


def test_the_committed_sample_has_the_shape_of_a_fresh_book(book: Book) -> None:
    for folder, tables in (("sample_ledger", book.tables), ("sample_ledger/truth", book.truth)):
        for name, table in tables.items():
            sample = pd.read_csv(SAMPLES / folder / f"{name}.csv", dtype=str, keep_default_na=False)
            assert list(sample) == list(table)
            assert len(sample) > 0
    assert Ledger.load(SAMPLES / "sample_ledger").problems == []
    assert sum(path.stat().st_size for path in (SAMPLES / "sample_ledger").glob("*.csv")) < 420_000


def test_the_dictionary_names_every_table_and_column(book: Book) -> None:
    sections = re.split(r"^\*\*", (SAMPLES / "data_dictionary.md").read_text(), flags=re.MULTILINE)[1:]
    written = {
        text.split("**")[0]: set(re.findall(r"^\| \*?(\w+)\*? \|", text, re.MULTILINE)) for text in sections
    }
    simulated = book.tables | {f"truth/{name}.csv": table for name, table in book.truth.items()}
    for name, table in simulated.items():
        assert set(table) <= written[name], name
    assert set(TABLES) <= set(written)


def test_the_simulator_imports_nothing_else_of_ours() -> None:
    ours = {"features", "training", "serving", "tests"}
    for path in Path(data_samples.simulator.__file__).parent.glob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text()))
        imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
        names = {getattr(node, "module", None) or alias.name for node in imports for alias in node.names}
        assert not {name.split(".")[0] for name in names} & ours, path.name
