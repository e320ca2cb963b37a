"""Which odd books must every command have an answer to? Each is made from a part of the sample ledger."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from tests.conftest import SAMPLE_LEDGER

Tables = dict[str, pd.DataFrame]

CUSTOMERS = [f"C{number:04}" for number in range(7, 17)]
EVENTS = ("credit_notes", "disputes", "promises", "contacts", "complaints", "nonpayment_reasons")


def part_of_the_sample() -> Tables:
    """Everything about some customers of the sample ledger, as texts as on disk."""
    tables = {
        path.stem: pd.read_csv(path, dtype=str, keep_default_na=False)
        for path in sorted(SAMPLE_LEDGER.glob("*.csv"))
    }
    invoices = tables["invoices"][tables["invoices"]["customer_id"].isin(CUSTOMERS)]
    kept = set(invoices["invoice_id"])
    for name, table in tables.items():
        if "invoice_id" in table:
            whose = table["customer_id"].isin(CUSTOMERS) if "customer_id" in table else False
            table = table[table["invoice_id"].isin(kept) | (whose & table["invoice_id"].eq(""))]
        elif "customer_id" in table and name != "customers":
            table = table[table["customer_id"].isin(CUSTOMERS)]
        tables[name] = table.reset_index(drop=True)
    return tables


def _paid(tables: Tables, on: Callable[[pd.DataFrame], pd.Series]) -> Tables:
    """Every invoice paid whole on a day of its own row, where that is before July 2026."""
    invoices = tables["invoices"]
    day = on(invoices)
    payments = pd.DataFrame(
        {"invoice_id": invoices["invoice_id"], "paid_on": day, "amount": invoices["amount"]}
    )
    return _plain(tables) | {"payments": payments[payments["paid_on"] < "2026-07-01"]}


def _plain(tables: Tables) -> Tables:
    return {name: table for name, table in tables.items() if name not in EVENTS}


def _days_after_due(days: int) -> Callable[[pd.DataFrame], pd.Series]:
    return lambda invoices: (pd.to_datetime(invoices["due_on"]) + pd.Timedelta(days=days)).dt.strftime(
        "%Y-%m-%d"
    )


def nobody_late(tables: Tables) -> Tables:
    return _paid(tables, _days_after_due(0))


def everybody_late(tables: Tables) -> Tables:
    return _paid(tables, _days_after_due(20))


def all_open(tables: Tables) -> Tables:
    return _plain(tables) | {"payments": tables["payments"][:0]}


def all_paid_on_one_day(tables: Tables) -> Tables:
    return _paid(tables, lambda invoices: pd.Series("2026-06-30", invoices.index))


def one_customer(tables: Tables) -> Tables:
    largest = tables["invoices"]["customer_id"].mode()[0]
    kept = tables["invoices"]["customer_id"] == largest
    ids = tables["invoices"].loc[kept, "invoice_id"]
    payments = tables["payments"][tables["payments"]["invoice_id"].isin(ids)]
    customers = tables["customers"][tables["customers"]["customer_id"] == largest]
    return {"invoices": tables["invoices"][kept], "payments": payments, "customers": customers}


def no_customers_table(tables: Tables) -> Tables:
    return {name: table for name, table in tables.items() if name != "customers"}


def two_weeks(tables: Tables) -> Tables:
    issued = tables["invoices"]["issued_on"]
    invoices = tables["invoices"][(issued >= "2026-06-17")]
    payments = tables["payments"][tables["payments"]["invoice_id"].isin(invoices["invoice_id"])]
    return {"invoices": invoices, "payments": payments, "customers": tables["customers"]}


def a_slip_into_the_future(tables: Tables) -> Tables:
    """One payment of 2026 booked in 2062, as its writer turned two digits round."""
    payments = tables["payments"].copy()
    payments.loc[payments.index[-1], ["paid_on", "known_on"]] = ["2062-06-30", "2062-06-30"]
    return tables | {"payments": payments}


def invoices_of_the_future(tables: Tables) -> Tables:
    """Some invoices dated ahead, as post-dated series are."""
    invoices = tables["invoices"].copy()
    last = invoices.index[-5:]
    invoices.loc[last, ["issued_on", "due_on", "known_on"]] = ["2026-12-01", "2026-12-31", "2026-06-29"]
    return tables | {"invoices": invoices}


def a_month_missing(tables: Tables) -> Tables:
    invoices = tables["invoices"]
    kept = ~invoices["issued_on"].str.startswith("2026-01")
    payments = tables["payments"]
    lost = set(invoices.loc[~kept, "invoice_id"])
    return _plain(tables) | {
        "invoices": invoices[kept],
        "payments": payments[~payments["invoice_id"].isin(lost)],
    }


def a_currency_overnight(tables: Tables) -> Tables:
    invoices = tables["invoices"].copy()
    invoices.loc[invoices["issued_on"] >= "2026-06-10", "currency"] = "SEK"
    return tables | {"invoices": invoices}


def a_column_constant(tables: Tables) -> Tables:
    """Since June an import rule writes the same terms for everybody."""
    invoices = tables["invoices"].copy()
    due = pd.to_datetime(invoices["issued_on"]) + pd.Timedelta(days=30)
    june = invoices["issued_on"] >= "2026-06-01"
    invoices.loc[june, "due_on"] = due[june].dt.strftime("%Y-%m-%d")
    return tables | {"invoices": invoices}


def a_column_left_blank(tables: Tables) -> Tables:
    """Since June nothing is recorded of delivery."""
    invoices = tables["invoices"].copy()
    invoices.loc[invoices["issued_on"] >= "2026-06-01", "delivered_on"] = ""
    return tables | {"invoices": invoices}


def columns_never_given(tables: Tables) -> Tables:
    """Nothing was ever recorded of delivery, sending or purchase orders, and no credit report was bought."""
    invoices = tables["invoices"].drop(columns=["delivered_on", "sent_on", "purchase_order", "division"])
    return {name: table for name, table in tables.items() if name != "credit_reports"} | {
        "invoices": invoices
    }


ODD: dict[str, Callable[[Tables], Tables]] = {
    make.__name__: make
    for make in (
        nobody_late,
        everybody_late,
        all_open,
        all_paid_on_one_day,
        one_customer,
        no_customers_table,
        two_weeks,
        a_slip_into_the_future,
        invoices_of_the_future,
        a_month_missing,
        a_currency_overnight,
        a_column_constant,
        a_column_left_blank,
        columns_never_given,
    )
}
"""Every odd book by its name."""


def write(name: str, folder: Path) -> Path:
    """The odd book of a name as a ledger folder."""
    folder.mkdir(parents=True)
    for table, frame in ODD[name](part_of_the_sample()).items():
        frame.to_csv(folder / f"{table}.csv", index=False)
    shutil.copy(SAMPLE_LEDGER / "ledger.yaml", folder)
    return folder
