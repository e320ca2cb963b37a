"""How does a changed or broken export distort a book from some day on? The truth stays what it was.

Every change takes the tables as text, the rule by which a day is within the scenario, and the first day
after it; rows of days outside are left alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from .customers import DIVISIONS
from .world import Scenario

Tables = dict[str, pd.DataFrame]
Within = Callable[[pd.Series], pd.Series]
NO_LONGER_EXPORTED = ("purchase_order", "delivered_on")
MONEY = {
    "payments": "known_on",
    "credit_notes": "known_on",
    "disputes": "known_on",
    "promises": "known_on",
}
"""Tables with an amount of an invoice, and the day on which their rows are exported."""


def changed(tables: Tables, scenario: Scenario) -> Tables:
    """The tables as they are exported in a world where this scenario holds."""
    if not scenario.export:
        return tables
    first, after = str(scenario.begins_on), str(scenario.ends_on or "9999-12-31")

    def within(days: pd.Series) -> pd.Series:
        return (days >= first) & (days < after)

    return CHANGES[scenario.export]({name: table.copy() for name, table in tables.items()}, within, after)


def new_format(tables: Tables, within: Within, after: str) -> Tables:
    """Whole amounts of invoices issued within the scenario come in hundredths, some columns come empty.

    Money that moves on such an invoice comes in hundredths too, so that invoices are still settled.
    """
    invoices = tables["invoices"]
    new = within(invoices["known_on"])
    for column in NO_LONGER_EXPORTED:
        invoices.loc[new, column] = ""
    in_hundredths(invoices, new)
    for name in MONEY:
        in_hundredths(tables[name], tables[name]["invoice_id"].isin(invoices.loc[new, "invoice_id"]))
    return tables


def in_hundredths(table: pd.DataFrame, rows: pd.Series) -> None:
    """`12.50` becomes `1250.00` in these rows."""
    table.loc[rows, "amount"] = table.loc[rows, "amount"].str.replace(".", "", regex=False) + ".00"


def missing_terms(tables: Tables, within: Within, after: str) -> Tables:
    """Invoices arrive as if due on the day of issue; the truth still counts from the agreed day."""
    invoices = tables["invoices"]
    new = within(invoices["known_on"])
    invoices.loc[new, "due_on"] = invoices.loc[new, "issued_on"]
    return tables


def swapped_dates(tables: Tables, within: Within, after: str) -> Tables:
    """Booking days such as 2026-03-04 arrive as 2026-04-03, wherever the swap is a day at all."""
    payments = tables["payments"]
    known = payments["known_on"].str.split("-", expand=True)
    swapped = known[0] + "-" + known[2] + "-" + known[1]
    new = within(payments["known_on"]) & (known[2].astype(int) <= 12)
    payments.loc[new, "known_on"] = swapped[new]
    return tables


def lost_payments(tables: Tables, within: Within, after: str) -> Tables:
    """Payments of the second division that were booked within the scenario never arrive."""
    invoices, payments = tables["invoices"], tables["payments"]
    lost_with = invoices.loc[invoices["division"] == DIVISIONS[1], "invoice_id"]
    lost = within(payments["known_on"]) & payments["invoice_id"].isin(lost_with)
    return tables | {"payments": payments[~lost].reset_index(drop=True)}


def late_payments(tables: Tables, within: Within, after: str) -> Tables:
    """Payments booked within the scenario arrive on the first day after it.

    A scenario that outlasts the book leaves them out: they have not arrived yet.
    """
    payments = tables["payments"]
    last = payments["known_on"].max()
    held = within(payments["known_on"])
    payments.loc[held, "known_on"] = after
    if after > last:
        payments = payments[~held].reset_index(drop=True)
    order = np.argsort(payments["known_on"].to_numpy(), kind="stable")
    return tables | {"payments": payments.iloc[order].reset_index(drop=True)}


CHANGES: dict[str, Callable[[Tables, Within, str], Tables]] = {
    "format": new_format,
    "terms": missing_terms,
    "days": swapped_dates,
    "lost": lost_payments,
    "late": late_payments,
}
