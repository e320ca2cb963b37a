"""How are facts of a ledger written for those who asked: what is open, what is not known yet, a cell of a table?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from features.days import day_number, to_date
from features.ledger import written_amount
from serving.facts import Facts


def written_open(facts: Facts, rows: np.ndarray, as_of: np.ndarray) -> list[str | None]:
    """What is open of invoices as decimal texts in their own currency; None where nobody knows the amount."""
    known, owed = facts.amount_known(rows).tolist(), facts.amount_open(rows, as_of).tolist()
    currencies = facts.named["currency"][rows].tolist()
    return [
        written_amount(amount, currency) if there else None
        for amount, currency, there in zip(owed, currencies, known, strict=True)
    ]


def not_known_yet(facts: Facts, rows: Mapping[str, Any], day: date) -> list[dict[str, Any]]:
    """Invoices of a body that are issued, or learned of, on the day or later: they have no score yet."""
    seen_on = facts.history.invoices["seen_on"]
    place_of = {row.get("invoice_id"): place for place, row in enumerate(rows["invoices"])}
    problems = []
    for position in np.flatnonzero(~facts.is_known(np.arange(len(seen_on)), day_number(day))).tolist():
        invoice_id = facts.named["invoice_id"][position]
        place = place_of.get(invoice_id)
        seen = to_date(seen_on[position])
        problems.append(
            {
                "pointer": "/ledger/invoices" if place is None else f"/ledger/invoices/{place}",
                "value": invoice_id,
                "code": "not_known_yet",
                "detail": f"invoice {invoice_id!r} is known since {seen}, and {day} is asked at its start",
                "mend": f"Ask as of {seen + timedelta(days=1)} or later.",
            }
        )
    return problems


def as_written(column: pd.Series) -> list[Any]:
    """The cells of a column of exchange rates as a body would hold them."""
    if column.dtype.kind == "M":
        return column.dt.strftime("%Y-%m-%d").tolist()
    return [repr(value) for value in column.tolist()] if column.dtype.kind == "f" else column.tolist()
