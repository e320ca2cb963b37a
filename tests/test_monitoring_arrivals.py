"""Is every broken export noticed by name, and an ordinary one left in peace?"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache

import numpy as np
import pandas as pd
import pytest

from features.days import day_number
from features.ledger import Ledger, LedgerSettings
from serving.monitoring.arrivals import Arrivals
from training.settings import MonitoringSettings

TODAY = date(2025, 12, 1)
"""A Monday."""
CHANGE = pd.Timestamp("2025-11-24")
"""The last week begins."""
WEEKS = 40
SETTINGS = MonitoringSettings()
Tables = dict[str, pd.DataFrame]


@cache
def _book() -> Tables:
    """Forty weeks of eight invoices a working day, each paid on the twentieth day after and recorded a day later."""
    rng = np.random.default_rng(1)
    days = pd.bdate_range(
        pd.Timestamp(TODAY) - pd.Timedelta(weeks=WEEKS), pd.Timestamp(TODAY), inclusive="left"
    )
    issued = days.repeat(8)
    count = len(issued)
    terms = rng.choice([14, 30], count)
    invoices = pd.DataFrame(
        {
            "invoice_id": [f"I{number:05d}" for number in range(count)],
            "customer_id": [f"C{number}" for number in rng.integers(0, 40, count)],
            "issued_on": issued,
            "due_on": issued + pd.to_timedelta(terms, unit="D"),
            "amount": np.round(np.exp(rng.normal(6, 1, count)), 2),
            "currency": "EUR",
            "division": rng.choice(["north", "south"], count),
            "purchase_order": [f"P{number}" for number in rng.integers(1000, 9999, count)],
            "known_on": issued,
        }
    )
    paid = invoices.assign(paid_on=invoices["issued_on"] + pd.Timedelta(days=20))
    paid["known_on"] = paid["paid_on"] + pd.Timedelta(days=1)
    paid = paid[paid["known_on"] < pd.Timestamp(TODAY)]
    return {"invoices": invoices, "payments": paid[["invoice_id", "paid_on", "amount", "known_on"]]}


def found(change: Callable[[Tables], None] = lambda tables: None) -> set[tuple[str, str, str]]:
    tables = {name: frame.copy() for name, frame in _book().items()}
    change(tables)
    ledger = Ledger.from_tables(tables, LedgerSettings(base_currency="EUR"))
    alarms = Arrivals(ledger, SETTINGS).alarms(day_number(TODAY))
    return {(alarm.severity, alarm.code, alarm.subject) for alarm in alarms}


def late_rows(tables: Tables, name: str, column: str = "known_on") -> pd.Series:
    return tables[name][column] >= CHANGE


def set_late(name: str, column: str, value: object) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        frame = tables[name]
        rows = late_rows(tables, name)
        frame.loc[rows, column] = value(frame.loc[rows]) if callable(value) else value

    return change


def drop(name: str, share: float = 1.0, division: str = "") -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        frame = tables[name]
        gone = late_rows(tables, name) & (np.arange(len(frame)) % 10 < 10 * share)
        tables[name] = frame[~(gone & (frame["division"] == division) if division else gone)]

    return change


def twice(tables: Tables) -> None:
    again = tables["invoices"][late_rows(tables, "invoices")]
    tables["invoices"] = pd.concat(
        [tables["invoices"], again.assign(invoice_id="again " + again["invoice_id"])]
    )


def swapped(name: str, column: str) -> Callable[[Tables], None]:
    """Day and month change places from the first of November on, wherever that is a day at all."""

    def change(tables: Tables) -> None:
        frame, days = tables[name], tables[name][column]
        rows = (frame["known_on"] >= "2025-11-01") & (days.dt.day <= 12)
        frame.loc[rows, column] = pd.to_datetime(days[rows].dt.strftime("%Y-%d-%m"), format="%Y-%m-%d")

    return change


def renumbered(prefix: str, until: pd.Timestamp | None = None) -> Callable[[Tables], None]:
    """Payments of the last week, or of the weeks before it, name other invoices than there are."""

    def change(tables: Tables) -> None:
        paid = tables["payments"].assign(customer_id="C1")
        rows = paid["known_on"] < until if until else paid["known_on"] >= CHANGE
        paid.loc[rows, "invoice_id"] = prefix + paid.loc[rows, "invoice_id"]
        tables["payments"] = paid

    return change


def far_ahead(tables: Tables) -> None:
    tables["invoices"].loc[0, ["issued_on", "known_on"]] = pd.Timestamp("2025-11-30")
    frame = tables["invoices"]
    recent = (frame["known_on"] >= pd.Timestamp("2025-10-01")) & (frame.index > 0)
    tables["invoices"] = frame[~recent]


def hole(tables: Tables) -> None:
    for name in ("invoices", "payments"):
        known = tables[name]["known_on"]
        tables[name] = tables[name][(known < "2025-06-01") | (known >= "2025-07-01")]


def test_an_ordinary_week_raises_nothing() -> None:
    assert found() == set()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (drop("payments"), {("act", "stopped", "payments")}),
        (drop("invoices", 0.8), {("act", "volume", "invoices")}),
        (drop("invoices", division="north"), {("act", "volume", "invoices of division north")}),
        (twice, {("act", "twins", "invoices")}),
        (set_late("invoices", "amount", lambda rows: rows["amount"] * 100), {("act", "amount", "invoices.amount")}),
        (set_late("invoices", "amount", 100.0), {("watch", "constant", "invoices.amount")}),
        (set_late("invoices", "due_on", lambda rows: rows["issued_on"]), {("act", "terms", "invoices.due_on")}),
        (set_late("invoices", "purchase_order", None), {("watch", "blank", "invoices.purchase_order")}),
        (set_late("invoices", "purchase_order", "1"), {("watch", "constant", "invoices.purchase_order")}),
        (set_late("invoices", "customer_id", lambda rows: "00" + rows["customer_id"]),
         {("watch", "newcomers", "invoices.customer_id")}),
        (set_late("payments", "amount", lambda rows: rows["amount"] / 100), {("act", "paid_share", "payments.amount")}),
        (set_late("payments", "paid_on", lambda rows: rows["paid_on"] - pd.Timedelta(days=9)),
         {("act", "lag", "payments.known_on")}),
        (set_late("invoices", "currency", "USD"), {("watch", "new_currency", "USD")}),
        (swapped("payments", "known_on"), {("act", "known_too_early", "payments.known_on")}),
        (swapped("payments", "paid_on"), {("act", "paid_before_issue", "payments.paid_on")}),
        (swapped("invoices", "due_on"), {("act", "due_before_issue", "invoices.due_on")}),
        (set_late("payments", "known_on", lambda rows: rows["paid_on"]), {("watch", "same_day", "payments.known_on")}),
        (renumbered("Lost"), {("act", "unmatched", "payments.invoice_id")}),
        (set_late("invoices", "issued_on", pd.Timestamp("2025-11-22")), {("watch", "weekend", "invoices.issued_on")}),
        (hole, {("note", "hole", "invoices"), ("note", "hole", "payments")}),
        (far_ahead, {("watch", "dated_ahead", "invoices")}),
    ],
    ids=lambda value: "" if callable(value) else "_".join(sorted(value)[0][1:]),
)  # fmt: skip
def test_a_broken_export_is_named(
    change: Callable[[Tables], None], expected: set[tuple[str, str, str]]
) -> None:
    assert expected <= found(change)


@pytest.mark.parametrize(
    ("day", "is_named"), [("2025-11-03", False), ("2025-11-10", True), ("2025-11-24", True)]
)
def test_swapped_dates_stay_named_when_the_twelfth_has_passed(day: str, is_named: bool) -> None:
    tables = {name: frame.copy() for name, frame in _book().items()}
    swapped("payments", "known_on")(tables)
    alarms = Arrivals(Ledger.from_tables(tables), SETTINGS).alarms(day_number(date.fromisoformat(day)))
    named = [alarm for alarm in alarms if alarm.code == "known_too_early"]
    assert bool(named) == is_named
    assert all(
        "in the last 4 weeks, 0 % to 0 % in the weeks before 2025-11-03" in alarm.sentence for alarm in named
    )


def test_fewer_faults_than_usual_are_no_alarm() -> None:
    assert not any(code == "unmatched" for _, code, _ in found(renumbered("Lost", until=CHANGE)))


def test_a_stopped_table_raises_that_alone() -> None:
    assert found(drop("payments")) == {("act", "stopped", "payments")}


@pytest.mark.parametrize("weeks", [1, 2, 9])
def test_a_short_history_raises_nothing(weeks: int) -> None:
    def cut(tables: Tables) -> None:
        begins = pd.Timestamp(TODAY) - pd.Timedelta(weeks=weeks)
        for name in tables:
            tables[name] = tables[name][tables[name]["known_on"] >= begins]

    assert found(cut) == set()


def test_the_alarm_says_the_figure_what_is_usual_and_since_when() -> None:
    tables = {name: frame.copy() for name, frame in _book().items()}
    set_late("invoices", "purchase_order", None)(tables)
    ledger = Ledger.from_tables(tables)
    (alarm,) = Arrivals(ledger, SETTINGS).alarms(day_number(TODAY))
    assert alarm.sentence == (
        "share of invoices without purchase_order: 100 % in the last week, "
        "0 % to 0 % in the weeks before 2025-11-24"
    )
    assert (alarm.value, alarm.reference, alarm.since) == (1.0, 0.0, CHANGE.date())
