"""Which part of an open invoice has been promised for a day, by a promise or by an instalment of a plan?

A promise that is still to come counts for its amount, the latest one of an invoice. Instalments of a plan for
one invoice count for that invoice; those of a plan for a customer as a whole go to its open invoices, the
oldest due first. Nothing counts for more than is open and undisputed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from features.days import NEVER, day_number, day_numbers
from features.history import History
from features.totals import ratio
from serving.positions import positions_of

PROMISE_GRACE_DAYS = 2
"""A promise is judged so many days after its day, where the policy has no number `promise_grace_days`."""
PRIOR_AGREEMENTS = 4.0
"""So many promises of the book's are added to a customer's own when its kept rate is told."""


@dataclass(frozen=True)
class Pieces:
    """Parts of open invoices, each with one way of being paid; sorted by invoice, then day."""

    invoice: np.ndarray
    """Place of the invoice among those asked about."""
    amount: np.ndarray
    """Minor units of the invoice's own currency, int64."""
    agreed_on: np.ndarray
    """The promised day; NEVER for what nobody has promised."""
    kind: np.ndarray
    """`promise`, `plan` or `habit`; object."""


def agreed_pieces(history: History, rows: np.ndarray, amount: np.ndarray, as_of: date) -> Pieces:
    """The undisputed open amounts (minor units in own currency) of invoice positions cut into pieces."""
    left = dict(enumerate(amount.tolist()))
    place_of = {int(row): place for place, row in enumerate(rows.tolist())}
    pieces: list[tuple[int, int, int, str]] = []
    for place, day, wanted, kind in _agreements(history, rows, place_of, as_of):
        taken = min(left[place], wanted)
        if taken > 0:
            pieces.append((place, day, taken, kind))
            left[place] -= taken
    pieces += [(place, NEVER, rest, "habit") for place, rest in left.items() if rest > 0]
    pieces.sort(key=lambda piece: piece[:2])
    columns: list[Any] = [list(column) for column in zip(*pieces, strict=True)] or [[], [], [], []]
    numbers = [np.array(column, dtype=np.int64) for column in columns[:3]]
    return Pieces(numbers[0], numbers[2], numbers[1], np.array(columns[3], dtype=object))


def _agreements(
    history: History, rows: np.ndarray, place_of: dict[int, int], as_of: date
) -> list[tuple[int, int, int, str]]:
    """(place of the invoice, day, minor units, kind) of what is promised from the day on, plans first."""
    known, today = history.ledger.known_before(as_of).tables, day_number(as_of)
    plans, promises = known["payment_plans"], known["promises"]
    coming = plans[day_numbers(plans["due_on"]) >= today].sort_values(["due_on", "plan_id"], kind="stable")
    of_invoice = coming[coming["invoice_id"].notna()]
    found = [
        (place_of[row], int(day), int(wanted), "plan")
        for row, day, wanted in zip(*_columns(history, of_invoice, "due_on"), strict=True)
        if row in place_of
    ]
    found += _of_customers(history, rows, coming[coming["invoice_id"].isna()])
    latest = promises.sort_values(["made_on", "promise_id"], kind="stable").drop_duplicates(
        "invoice_id", keep="last"
    )
    found += [
        (place_of[row], int(day), int(wanted), "promise")
        for row, day, wanted in zip(*_columns(history, latest, "promised_on"), strict=True)
        if row in place_of and today <= day < NEVER
    ]
    return found


def _columns(history: History, table: pd.DataFrame, dated: str) -> tuple[list[int], list[int], list[int]]:
    amount = table["amount"].fillna(0).to_numpy(np.int64)
    return (
        positions_of(history, table["invoice_id"]).tolist(),
        day_numbers(table[dated]).tolist(),
        amount.tolist(),
    )


def _of_customers(history: History, rows: np.ndarray, plans: pd.DataFrame) -> list[tuple[int, int, int, str]]:
    """Instalments of customers offered to each of their open invoices in turn, the oldest due first."""
    own = history.invoices
    order = np.lexsort((rows, own["due_on"][rows]))
    invoices_of = defaultdict(list)
    for place in order.tolist():
        invoices_of[int(own["customer"][rows[place]])].append(place)
    room = dict(enumerate(own["amount_in_own_currency"][rows].tolist()))
    found = []
    customers = history.customer_codes(plans["customer_id"]).tolist()
    days, wanted = (
        day_numbers(plans["due_on"]).tolist(),
        plans["amount"].fillna(0).to_numpy(np.int64).tolist(),
    )
    for customer, day, amount in zip(customers, days, wanted, strict=True):
        for place in invoices_of[customer]:
            part = min(amount, room[place])
            if part > 0:
                found.append((place, day, part, "plan"))
                room[place] -= part
                amount -= part
    return found


def kept_rate(history: History, rows: np.ndarray, as_of: np.ndarray) -> np.ndarray:
    """Share of promises that each invoice's customer keeps, drawn towards the book's; shape (n,)."""
    past = history.past(rows, as_of)
    own, book = past.promises_due, past.of("book").promises_due
    usual = (book.sum("kept") + 1) / (book.count() + 2)
    return ratio(own.sum("kept") + PRIOR_AGREEMENTS * usual, own.count() + PRIOR_AGREEMENTS)
