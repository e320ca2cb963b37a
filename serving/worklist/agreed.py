"""Which part of each open invoice may we speak about? What is disputed, promised or planned is set apart.

Unlike a forecast (serving/agreements.py), which sees yesterday's facts, this is read at the end of the day itself.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from features.days import NEVER, day_number, day_numbers
from features.history import positions
from serving.facts import Facts
from serving.positions import positions_of


def promised(facts: Facts, rows: np.ndarray, owed: np.ndarray, day: date) -> np.ndarray:
    """Minor units of each invoice promised for the day or later by its latest promise, at most what is owed."""
    table = _known(facts.history.tables["promises"], day)
    latest = table.sort_values(["made_on", "promise_id"], kind="stable").drop_duplicates(
        "invoice_id", keep="last"
    )
    promised_on = day_numbers(latest["promised_on"])
    still = latest[(promised_on >= day_number(day)) & (promised_on < NEVER)]
    amount = still["amount"].fillna(0).to_numpy(np.int64)
    found = _sums(facts, rows, still, np.where(amount > 0, amount, np.iinfo(np.int32).max << 20))
    return np.minimum(found, owed)


def planned(facts: Facts, rows: np.ndarray, owed: np.ndarray, day: date) -> np.ndarray:
    """Minor units of each invoice that instalments still to come will pay, at most what is owed.

    Instalments of a customer as a whole go to its invoices in the order of their due dates.
    """
    table = _known(facts.history.tables["payment_plans"], day)
    table = table[day_numbers(table["due_on"]) >= day_number(day)]
    amount = table["amount"].fillna(0).to_numpy(np.int64)
    named = table["invoice_id"].notna().to_numpy()
    found = np.minimum(_sums(facts, rows, table[named], amount[named]), owed)
    customer = facts.history.invoices["customer"][rows]
    code = facts.history.customer_codes(table["customer_id"])
    whole = ~named & (code >= 0)
    total = np.zeros(len(facts.history.customers), np.int64)
    np.add.at(total, code[whole], amount[whole])
    order = np.lexsort((rows, facts.history.invoices["due_on"][rows], customer))
    room = (owed - found)[order]
    before = np.cumsum(room) - room
    first = np.append(True, customer[order][1:] != customer[order][:-1])[: len(order)]
    before -= np.maximum.accumulate(np.where(first, before, 0))
    given = np.clip(total[customer[order]] - before, 0, room)
    found[order] += given
    return found


def _known(table: pd.DataFrame, day: date) -> pd.DataFrame:
    return table[day_numbers(table["known_on"]) <= day_number(day)]


def _sums(facts: Facts, rows: np.ndarray, table: pd.DataFrame, amount: np.ndarray) -> np.ndarray:
    """The amounts of a table's rows added up by invoice; shape of `rows`."""
    place = positions(pd.Index(rows), positions_of(facts.history, table["invoice_id"]))
    found = np.zeros(len(rows), np.int64)
    np.add.at(found, place[place >= 0], amount[place >= 0])
    return found
