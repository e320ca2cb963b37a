"""Does a scenario change what it says from its day on, and nothing before it, and is its truth still true?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from data_samples.simulator import SCENARIOS, Book, World, scenario_of, simulate, write
from data_samples.simulator.exports import changed
from features.ledger import Ledger
from tests.conftest import SAMPLE_LEDGER

CHANGES_ON = "2026-01-15"
EXPORTS = [name for name, scenario in SCENARIOS.items() if scenario.export]
BEHAVIOUR = [name for name in SCENARIOS if name not in EXPORTS]


@cache
def book(name: str) -> Book:
    """A book of 50 customers in which the scenario begins on `CHANGES_ON`."""
    scenario = scenario_of(f"{name}@{CHANGES_ON}")
    if scenario.export:  # the same events, exported in another way
        quiet = book("quiet")
        return Book(changed(quiet.tables, scenario), quiet.truth, scenario)
    return simulate(50, 8, seed=2, world=World(scenario=scenario), futures=60)


def told(name: str) -> pd.DataFrame:
    """Invoices of a book with their truth, days late, and `is_after` for those issued within the scenario."""
    tables = book(name)
    rows = tables.tables["invoices"].merge(tables.truth["invoices"], on=["invoice_id", "customer_id"])
    settled = pd.to_datetime(rows["settled_on"].replace("", "2099-01-01"))
    days = (settled - pd.to_datetime(rows["rolled_due_on"])).dt.days
    rows = rows.assign(days=days, is_after=rows["issued_on"] >= CHANGES_ON)
    return rows[~rows["credited_in_full"]]


def test_the_quiet_world_is_the_committed_sample(tmp_path: Path) -> None:
    write(simulate(60, 12, seed=13, world=World()), tmp_path)
    files = {path.relative_to(tmp_path) for path in tmp_path.rglob("*.*")}
    assert files == {path.relative_to(SAMPLE_LEDGER) for path in SAMPLE_LEDGER.rglob("*.*")}
    assert all((tmp_path / file).read_bytes() == (SAMPLE_LEDGER / file).read_bytes() for file in files)


@pytest.mark.parametrize("name", BEHAVIOUR)
def test_probabilities_agree_with_what_happened_before_and_after(name: str) -> None:
    rows = told(name)
    for is_after, part in rows.groupby("is_after"):
        variance = (part["p_late"] * (1 - part["p_late"])).sum() + 1
        off = abs((part["days"] > 5).sum() - part["p_late"].sum()) / np.sqrt(variance)
        # Invoices of one customer share missed pay runs, so sums scatter a little more than if independent.
        assert off < 4.5, f"{'after' if is_after else 'before'}: {off:.1f} standard errors"


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("quiet", -0.06, 0.06), ("shock", 0.2, 0.7), ("new_mix", 0.1, 0.6), ("acted_on", -0.3, 0.04)],
)
def test_true_lateness_moves_as_the_scenario_says(name: str, least: float, most: float) -> None:
    quiet, rows = (kind[kind["is_after"]] for kind in (told("quiet"), told(name)))
    assert least <= rows["p_late"].mean() - quiet["p_late"].mean() <= most


def test_a_shock_concerns_only_invoices_that_would_be_paid_within_it() -> None:
    quiet, shocked = (told(name).set_index("invoice_id") for name in ("quiet", "shock"))
    worse = (shocked["p_late"] - quiet["p_late"]).dropna()
    due = quiet["due_on"].reindex(worse.index)
    assert abs(worse[due < "2025-12-01"].mean()) < 0.01  # the same habits, asked with other random numbers
    assert worse[due > CHANGES_ON].mean() > 0.2


def test_a_passing_shock_passes() -> None:
    rows, quiet = told("passing_shock"), told("quiet")
    ends = str(replace(SCENARIOS["passing_shock"], begins_on=date.fromisoformat(CHANGES_ON)).ends_on)
    later = [kind.loc[kind["issued_on"] > ends, "p_late"].mean() for kind in (rows, quiet)]
    assert abs(later[0] - later[1]) < 0.03


def test_newcomers_come_after_the_day_and_are_other_people() -> None:
    rows = told("new_mix")
    newcomers = rows["customer_id"] > "C0050"
    assert rows.loc[newcomers, "issued_on"].min() >= CHANGES_ON
    assert rows.loc[newcomers, "customer_id"].nunique() > 25
    assert rows[newcomers]["p_late"].mean() > 2 * rows[~newcomers]["p_late"].mean()


def test_acting_on_scores_calls_the_risky_ahead_and_nobody_else() -> None:
    truth = book("acted_on").truth
    calls = truth["contacts"][truth["contacts"]["stage"] == "call ahead"]
    rows = told("acted_on")
    rows = rows.assign(called=rows["invoice_id"].isin(calls["invoice_id"]))[rows["due_on"] < "2026-06-15"]
    called = rows.groupby(["habit", "is_after"])["called"].mean()
    assert called["slow_but_sure", True] > called["slow_but_sure", False] + 0.3
    assert called["prompt", True] < 0.02 < called["prompt", False]


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_changes_rows_from_its_day_on_alone(name: str) -> None:
    quiet, exported = book("quiet").tables, book(name).tables
    for table, rows in quiet.items():
        before = rows[rows["known_on"] < CHANGES_ON]
        assert set(before.itertuples(index=False)) <= set(exported[table].itertuples(index=False)), table
    assert any(not rows.equals(exported[table]) for table, rows in quiet.items())


@pytest.mark.parametrize(
    ("name", "table", "seen"),
    [
        (
            "import_format",
            "invoices",
            lambda t: (t["purchase_order"] == "") & t["amount"].str.endswith(".00"),
        ),
        ("missing_terms", "invoices", lambda t: t["due_on"] == t["issued_on"]),
        ("late_feed", "payments", lambda t: ~t["known_on"].between(CHANGES_ON, "2026-02-11")),
        (
            "broken_feed",
            "payments",
            lambda t: ~t["known_on"].between(CHANGES_ON, "2026-02-11") | ~of_service(t),
        ),
    ],
)
def test_every_row_after_the_day_shows_the_change(name: str, table: str, seen: object) -> None:
    rows = book(name).tables[table]
    assert callable(seen)
    assert seen(rows[rows["known_on"] >= CHANGES_ON]).all()


def of_service(payments: pd.DataFrame) -> pd.Series:
    invoices = book("quiet").tables["invoices"].set_index("invoice_id")["division"]
    return payments["invoice_id"].map(invoices) == "Service"


def test_money_in_hundredths_still_settles_its_invoice() -> None:
    open_invoices = []
    for tables in (book("quiet").tables, book("import_format").tables):
        paid = tables["payments"].assign(amount=lambda rows: rows["amount"].astype(float))
        credited = tables["credit_notes"].assign(amount=lambda rows: rows["amount"].astype(float))
        moved = pd.concat([paid, credited]).groupby("invoice_id")["amount"].sum()
        owed = tables["invoices"].set_index("invoice_id")["amount"].astype(float)
        open_invoices.append(set(owed.index[(owed - moved.reindex(owed.index, fill_value=0)) > 0.001]))
    assert open_invoices[0] == open_invoices[1]


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "quiet"])
def test_a_scenario_is_written_beside_the_truth_and_the_book_loads(name: str, tmp_path: Path) -> None:
    write(book(name), tmp_path)
    described = yaml.safe_load((tmp_path / "truth" / "scenario.yaml").read_text())
    assert (described["scenario"], described["begins_on"]) == (name, CHANGES_ON)
    found = {problem.severity for problem in Ledger.load(tmp_path).problems}
    assert found <= ({"repaired"} if name == "swapped_dates" else set())


def test_the_same_scenario_gives_the_same_book() -> None:
    world = World(scenario=scenario_of("new_mix"))
    one, two = (simulate(8, 5, seed=3, world=world) for _ in range(2))
    assert all(one.tables[name].equals(two.tables[name]) for name in one.tables)
    assert one.scenario.begins_on == date(2026, 6, 1)  # two thirds of five months, rounded up


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shok", "no scenario 'shok'; there are quiet, shock"),
        ("shock@soon", "'soon' is no day; write shock@YYYY-MM-DD"),
        ("shock@2020-01-01", "the book runs from 2026-01-01 to 2026-06-30"),
        ("shock@2026-07-01", "the book runs from 2026-01-01 to 2026-06-30"),
    ],
)
def test_a_scenario_that_cannot_be_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        simulate(2, 6, seed=1, world=World(scenario=scenario_of(text)))
