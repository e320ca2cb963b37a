"""What is known at the start of the day on which alerts are looked for?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from features.days import NEVER, to_date
from features.ledger import written_amount
from serving.alerts.alert import Alert
from serving.alerts.rules import RULES, AlertSettings
from serving.kpis.books import Books, State
from serving.kpis.dialogue import known_disputes


@dataclass(frozen=True)
class Day:
    """The books before a day, the settings, the alerts that stood before and what the desk knows."""

    books: Books
    number: int
    settings: AlertSettings
    previous: Mapping[str, Alert] = field(default_factory=dict)
    tiers: Mapping[str, tuple[str | None, str]] = field(default_factory=dict)
    """Of each customer, its tier before and now."""
    tier_order: tuple[str, ...] = ()
    flags: tuple[Mapping[str, Any], ...] = ()
    cancelled_promises: frozenset[str] = frozenset()

    @cached_property
    def state(self) -> State:
        """The invoices at the start of the day."""
        return self.books.state(self.number)

    @property
    def late_after(self) -> int:
        """Days after which an invoice is late."""
        return self.books.history.rule.late_after_days

    @property
    def customers(self) -> int:
        """How many customers the ledger names."""
        return len(self.books.history.customers)

    @cached_property
    def divisions(self) -> np.ndarray:
        """The division of each invoice, '' where none is named."""
        named = self.books.history.tables["invoices"]["division"].fillna("")
        return np.asarray(named.to_numpy(dtype=object))

    @cached_property
    def owes(self) -> np.ndarray:
        """Which customers have money open that is past due; shape (customers,)."""
        rows = np.flatnonzero(self.state.is_open & (self.books.due_on < self.number))
        return np.bincount(self.books.customer[rows], minlength=self.customers) > 0

    @cached_property
    def has_open(self) -> np.ndarray:
        """Which customers have an open invoice; shape (customers,)."""
        return np.bincount(self.books.customer[self.state.is_open], minlength=self.customers) > 0

    @cached_property
    def is_disputed(self) -> np.ndarray:
        """Which invoices are in dispute; shape (invoices,)."""
        found = known_disputes(self.books, self.number)
        disputed = np.zeros(len(self.books), bool)
        disputed[found.invoice[found.closed_on == NEVER]] = True
        return disputed

    @cached_property
    def _by_customer(self) -> tuple[np.ndarray, np.ndarray]:
        order = np.argsort(self.books.customer, kind="stable")
        return self.books.customer[order], order

    def rows_of(self, customer: int) -> np.ndarray:
        """Positions of a customer's invoices."""
        sorted_by, order = self._by_customer
        return order[np.searchsorted(sorted_by, customer) : np.searchsorted(sorted_by, customer + 1)]

    def stood(self, rule: str) -> np.ndarray:
        """Which customers an alert of a rule stood for before; shape (customers,)."""
        stood = np.zeros(self.customers, bool)
        codes = [self.code(a.customer_id) for a in self.previous.values() if a.rule == rule and a.customer_id]
        stood[[code for code in codes if code >= 0]] = True
        return stood

    def name(self, customer: int) -> str:
        """A customer's id."""
        return str(self.books.history.customers[customer])

    def code(self, customer_id: str) -> int:
        """A customer's position, -1 where the ledger does not name it."""
        return int(self.books.history.customers.get_indexer(pd.Index([customer_id]))[0])

    def alert(
        self,
        rule: str,
        customer: int | None,
        old: Any,
        new: Any,
        sentence: str,
        evidence: Iterable[Mapping[str, Any]] = (),
        invoice: int | None = None,
        about: str | None = None,
    ) -> Alert:
        """An alert of a rule; `about` is what tells it from others of the same customer and rule."""
        setting = self.settings.of(rule)
        assert setting is not None
        customer_id = None if customer is None else self.name(customer)
        key = ":".join(part for part in (rule, customer_id, about) if part)
        return Alert(
            key,
            rule,
            setting.severity,
            customer_id,
            None if invoice is None else self.invoice_id(invoice),
            old,
            new,
            sentence,
            RULES[rule].first_action,
            tuple(evidence),
            to_date(self.number),
        )

    def invoice_id(self, row: int) -> str:
        """An invoice's id."""
        return str(self.books.history.tables["invoices"]["invoice_id"].iat[row])

    def invoice_row(self, row: int) -> dict[str, Any]:
        """What shows an invoice as evidence."""
        unit = str(self.books.unit[row])
        return {
            "invoice_id": self.invoice_id(row),
            "due_on": to_date(int(self.books.due_on[row])).isoformat(),
            "settled_on": _day(int(self.state.settled_on[row])),
            "amount": written_amount(int(self.books.amount[row]), unit),
            "open": written_amount(int(self.state.balance[row]), unit),
            "currency": unit,
        }


def _day(number: int) -> str | None:
    return None if number >= NEVER else to_date(number).isoformat()
