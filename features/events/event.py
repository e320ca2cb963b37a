"""What is an event? Something that happened to a customer, with the day on which we learned of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from features.days import NEVER, day_numbers

if TYPE_CHECKING:
    from features.history import History


@dataclass(frozen=True)
class Events:
    """Events of customers (and of invoices, where `invoice` is given), with the day we learned of each."""

    customer: np.ndarray
    day: np.ndarray
    measures: dict[str, np.ndarray]
    invoice: np.ndarray | None = None
    until: np.ndarray | None = None
    """The day on which we learned that the event does not hold; NEVER where it does."""

    def where(self, mask: np.ndarray) -> Events:
        """The events where `mask` holds."""
        measures = {name: values[mask] for name, values in self.measures.items()}
        invoice = None if self.invoice is None else self.invoice[mask]
        until = None if self.until is None else self.until[mask]
        return Events(self.customer[mask], self.day[mask], measures, invoice, until)


def of_customers(
    history: History, table: pd.DataFrame, dated: str, measures: dict[str, np.ndarray]
) -> Events:
    day = np.maximum(day_numbers(table[dated]), day_numbers(table["known_on"]))
    customer = history.customer_codes(table["customer_id"])
    return Events(customer, day, measures).where((customer >= 0) & (day < NEVER))


def of_invoices(history: History, table: pd.DataFrame, dated: str, measures: dict[str, np.ndarray]) -> Events:
    invoice = history.positions_of(table["invoice_id"])
    own = history.invoices
    known = invoice >= 0
    # An event of an invoice is visible from its own day, and never before the row or the invoice was known.
    day = np.maximum(day_numbers(table[dated]), day_numbers(table["known_on"]))
    at = np.maximum(invoice, 0) if len(own["seen_on"]) else invoice
    day = np.maximum(day, own["seen_on"][at]) if len(own["seen_on"]) else day
    customer = own["customer"][at] if len(own["seen_on"]) else invoice
    return Events(customer, day, measures, invoice).where(known & (day < NEVER))


def concatenated(parts: list[Events]) -> Events:
    measures = {name: np.concatenate([part.measures[name] for part in parts]) for name in parts[0].measures}
    invoices = [part.invoice for part in parts if part.invoice is not None]
    return Events(
        np.concatenate([part.customer for part in parts]),
        np.concatenate([part.day for part in parts]),
        measures,
        np.concatenate(invoices) if invoices else None,
    )
