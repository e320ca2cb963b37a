"""What is known today of each open invoice and its customer? The facts that the policy decides on.

Unlike features, these are read at the end of the as-of day: what came in today (a payment, a promise, a
dispute) reaches people at once. Every answer is a search in arrays that are sorted once, so one invoice costs
the same in a book of any size, and requests for different days share nothing that has to be thrown away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from features.balances import Steps
from features.days import NEVER, day_number, day_numbers
from features.events import WHOLE_INVOICE
from features.history import History, Past, positions
from features.ledger.cells import digits_of
from serving.policy.cases import utilisation
from serving.positions import position_of, positions_of
from serving.sorted_rows import Sorted, key
from serving.standing import Standing, from_the_desk


class Facts:
    """What the ledger of a history says of its invoices and customers as of any day."""

    def __init__(self, history: History, book: Facts | None = None) -> None:
        """`book` holds the other members of groups where the history is a part of it only."""
        self.history = history
        self.standing: Standing = Standing(self, book.standing if book else None)
        self._sorted_in: dict[tuple[str, str], Sorted] = {}

    @cached_property
    def named(self) -> dict[str, np.ndarray]:
        """The invoices' own words: invoice_id, customer_id, currency; object arrays of shape (invoices,)."""
        table = self.history.tables["invoices"]
        columns = ("invoice_id", "customer_id", "currency")
        return {name: table[name].to_numpy(dtype=object) for name in columns}

    def position(self, invoice_id: str) -> int:
        """Position of an invoice, -1 where the ledger has none of that id."""
        return position_of(self.history, invoice_id)

    def positions(self, invoice_ids: list[str]) -> np.ndarray:
        """The same of many; int64."""
        return positions_of(self.history, pd.Series(invoice_ids, dtype=object))

    def rows_of(self, customers: np.ndarray) -> np.ndarray:
        """Positions of all invoices of some customers, given once each, by their numbers."""
        begin, end = (np.searchsorted(self._by_customer.keys, customers + step) for step in (0, 1))
        parts = [self._by_customer.rows[b:e] for b, e in zip(begin.tolist(), end.tolist(), strict=True)]
        return np.concatenate(parts) if parts else np.array([], dtype=np.int64)

    @cached_property
    def _by_customer(self) -> Sorted:
        return Sorted.of(self.history.invoices["customer"])

    def about(self, customers: np.ndarray, name: str) -> pd.DataFrame:
        """The rows of a table about some customers, given once each by their numbers, in the table's order."""
        return self._rows_in(name, "customer_id", customers)

    def about_invoices(self, rows: np.ndarray, name: str) -> pd.DataFrame:
        """The rows of a table about some invoices, given once each by their positions, in the table's order."""
        return self._rows_in(name, "invoice_id", rows)

    def _rows_in(self, name: str, column: str, wanted: np.ndarray) -> pd.DataFrame:
        table, kept = self.history.tables[name], (name, column)
        if kept not in self._sorted_in:  # made twice by two who ask at once, it is the same
            named, history = table[column], self.history
            is_customer = column == "customer_id"
            numbers = history.customer_codes(named) if is_customer else positions_of(history, named)
            self._sorted_in[kept] = Sorted.of(numbers)
        found = self._sorted_in[kept]
        begin, end = (np.searchsorted(found.keys, wanted + step) for step in (0, 1))
        parts = [found.rows[b:e] for b, e in zip(begin.tolist(), end.tolist(), strict=True)]
        return table.iloc[np.sort(np.concatenate(parts)) if parts else []]

    @cached_property
    def _steps(self) -> Steps:
        """Every invoice's balance in its own currency: converted back from a base currency it is not exact."""
        invoices = self.history.tables["invoices"]
        if (invoices["money_unit"] == invoices["currency"]).all():
            return self.history.steps
        own = invoices.assign(money_amount=invoices["amount"], money_unit=invoices["currency"])
        ledger = replace(self.history.ledger, tables=self.history.tables | {"invoices": own})
        return History(ledger, self.history.rule).steps

    @cached_property
    def _step_keys(self) -> np.ndarray:
        return key(self._steps.invoice, self._steps.day)

    def _latest_step(self, rows: np.ndarray, as_of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Place of each invoice's last step known before its day, and whether it has one."""
        at = np.searchsorted(self._step_keys, key(rows, as_of)) - 1
        return np.maximum(at, 0), (at >= 0) & (self._steps.invoice[np.maximum(at, 0)] == rows)

    def is_known(self, rows: np.ndarray, day: int) -> np.ndarray:
        """Whether each invoice was known before a day; shape (n,)."""
        return self.history.invoices["seen_on"][rows] < day

    def is_open(self, rows: np.ndarray, day: int) -> np.ndarray:
        """Whether each invoice was known before a day, and not settled before it; shape (n,)."""
        at, is_known = self._latest_step(rows, np.full(len(rows), day))
        return is_known & (self._steps.settled_on[at] == NEVER)

    def settled_on(self, rows: np.ndarray, as_of: np.ndarray) -> np.ndarray:
        """The day money settled each invoice, as known before its day; NEVER while open or closed by credit alone."""
        at, is_known = self._latest_step(rows, as_of)
        came = is_known & ~self._steps.by_credit_alone[at]
        return np.where(came, self._steps.settled_on[at], NEVER)

    def amount_open(self, rows: np.ndarray, as_of: np.ndarray) -> np.ndarray:
        """Open minor units in the invoices' own currency, as known before each day; shape (n,), int64."""
        at, is_known = self._latest_step(rows, as_of)
        return np.where(is_known, self._steps.balance[at], 0)

    def open_in(self, customers: np.ndarray, unit: str, today: int, converted: bool = False) -> np.ndarray:
        """Minor units that each of some customers has open in a unit; shape (n,), int64.

        The unit is the invoices' own currency, or (`converted`) the one in which the book counts money.
        """
        unique, place = np.unique(customers, return_inverse=True)
        rows = self.rows_of(unique)
        rows = rows[(self.money_unit if converted else self.named["currency"])[rows] == unit]
        owed = (
            self.money_open(rows, today) if converted else self.amount_open(rows, np.full(len(rows), today))
        )
        total = np.zeros(len(unique), np.int64)
        np.add.at(total, np.searchsorted(unique, self.history.invoices["customer"][rows]), owed)
        return total[place]

    @cached_property
    def money_unit(self) -> np.ndarray:
        """The unit in which the book counts each invoice's money: its own currency, or the base currency."""
        return self.history.tables["invoices"]["money_unit"].to_numpy(dtype=object)

    def money_open(self, rows: np.ndarray, today: int) -> np.ndarray:
        """Minor units open of invoices, in the unit in which the book counts money, before day `today`."""
        steps = self.history.steps
        at = np.maximum(np.searchsorted(self._money_step_keys, key(rows, np.full(len(rows), today))) - 1, 0)
        return np.where(steps.invoice[at] == rows, steps.balance[at], 0) if len(rows) else rows

    @cached_property
    def _money_step_keys(self) -> np.ndarray:
        return key(self.history.steps.invoice, self.history.steps.day)

    def amount_known(self, rows: np.ndarray) -> np.ndarray:
        """Whether each invoice's amount was given; without it nobody can say what is open."""
        return self._amount_known[rows]

    @cached_property
    def _amount_known(self) -> np.ndarray:
        return self.history.tables["invoices"]["amount_known"].to_numpy(dtype=bool)

    def is_known_customer(self, customer: int, day: int) -> bool:
        """Whether anything about a customer was known before a day; undated master data always is."""
        return bool(self.customers_known_on[customer] < day)

    @cached_property
    def customers_known_on(self) -> np.ndarray:
        """The first day on which anything about each customer was known; NEVER, and 0 for undated master data."""
        first = np.full(len(self.history.customers), NEVER)
        for name, table in self.history.tables.items():
            if "customer_id" in table:
                known = _undated_first(table) if name == "customers" else day_numbers(table["known_on"])
                codes = self.history.customer_codes(table["customer_id"])
                np.minimum.at(first, codes[codes >= 0], known[codes >= 0])
        return first

    def master(self, customers: np.ndarray, day: int) -> pd.DataFrame:
        """The newest master data of each customer known before a day; an empty row where there is none."""
        return self._master_rows.iloc[self._latest_master(customers, day)]

    def _latest_master(self, customers: np.ndarray, day: int) -> np.ndarray:
        keys, rows = self._masters.keys, self._masters.rows
        at = np.searchsorted(keys, key(customers, np.full(len(customers), day))) - 1
        found = (at >= 0) & (keys[np.maximum(at, 0)] >> 32 == customers) if len(keys) else at >= 0
        return np.where(found, rows[np.maximum(at, 0)] if len(keys) else -1, -1)

    @cached_property
    def _masters(self) -> Sorted:
        table = self.history.tables["customers"]
        return Sorted.of(key(self.history.customer_codes(table["customer_id"]), _undated_first(table)))

    @cached_property
    def _master_rows(self) -> pd.DataFrame:
        """The customers table as plain values, with an empty row at the end for customers it lacks."""
        names = ("name", "parent_id", "debtor_type", "country", "industry", "currency")
        table = self.history.tables["customers"]
        texts = {name: np.append(table[name].fillna("").to_numpy(dtype=object), "") for name in names}
        more = {
            "key_account": np.append(table["key_account"].to_numpy(dtype=bool), False),
            "credit_limit": np.append(table["credit_limit"].to_numpy(dtype=np.float64), np.nan),
            "terms_days": np.append(table["terms_days"].to_numpy(dtype=np.float64), np.nan),
            "customer_since": np.append(day_numbers(table["customer_since"]), NEVER),
            "terms_accepted_on": np.append(day_numbers(table["terms_accepted_on"]), NEVER),
        }
        return pd.DataFrame(texts | more, dtype=object)

    def cases(
        self, rows: np.ndarray, as_of: date, extra: Mapping[str, Mapping[str, Any]] | None = None
    ) -> dict[str, np.ndarray]:
        """What `Policy.decide` wants to know of invoices, less scores: columns of shape (n,).

        `extra` holds what the desk alone knows (vocabulary.DESK_FACTS): name -> customer id -> value.
        """
        today = np.full(len(rows), day_number(as_of) + 1)
        past = self.history.past(rows, today)
        currency = self.named["currency"][rows]
        units = 10.0 ** digits_of(currency)
        owed = self.amount_open(rows, today) / units
        due_on = self.history.invoices["due_on"][rows]
        return {
            "invoice_id": self.named["invoice_id"][rows],
            "customer_id": self.named["customer_id"][rows],
            "as_of": np.full(len(rows), np.datetime64(as_of, "s")),
            "due_on": _dates(due_on.astype(np.float64)),
            "currency": currency,
            "amount_open": np.where(self.amount_known(rows), owed, np.nan),
            **self._customer_open(rows, int(today[0]) if len(rows) else 0, units),
            "late_share_customer": past.matured.mean("late", 365),
            "settled_count": past.settled.count(),
            "days_late_usual": past.settled.mean("days_late", 365),
            "terms_days": self.history.invoices["terms_days"][rows].astype(float),
            **_dialogue(past, units, as_of),
            **(own := self._account(rows, today, units)),
            **_with_desk(own, from_the_desk(extra, self.named["customer_id"][rows])),
        }

    def _account(self, rows: np.ndarray, today: np.ndarray, units: np.ndarray) -> dict[str, Any]:
        """Cash on account, payment plans, contacts, and what the customer master says today."""
        customer, day = self.history.invoices["customer"][rows], int(today[0]) if len(rows) else 0
        master, standing = self.master(customer, day), self.standing
        credits = self._loose_money(self._account_of[rows], today, self._loose_credits)
        return {
            "unapplied_cash": np.maximum(self._loose_money(self._account_of[rows], today, self._loose), 0)
            / units,
            "credit_on_account": np.maximum(credits, 0) / units,
            "plan_running": self._plans.running(rows, customer, today),
            "plan_offered": standing.plan_offered(customer, day),
            "contacts_ever": standing.contacts(customer, day),
            "group_contacts_90": standing.group_contacts(customer, day, 90),
            "last_outcome": standing.last_outcome(customer, day),
            "nonpayment_reason": standing.nonpayment_reason(rows, day),
            "group_id": standing.group_ids(customer, day),
            "terms_accepted": master["terms_accepted_on"].to_numpy(np.int64) < day,
            **self._limit(master, customer, day),
            "key_account": master["key_account"].to_numpy(dtype=bool),
            "debtor_type": master["debtor_type"].to_numpy(),
            "country": master["country"].to_numpy(),
        }

    def _limit(self, master: pd.DataFrame, customer: np.ndarray, day: int) -> dict[str, np.ndarray]:
        """The limit in its currency, and how much of it is used; NaN without one."""
        limit, unit = self.standing.limits(master)
        return {
            "credit_limit": limit,
            "utilisation": utilisation(self.standing.exposure(customer, unit, day), limit),
        }

    @cached_property
    def _currencies(self) -> pd.Index:
        return pd.Index(sorted(set(self.named["currency"].tolist())))

    @cached_property
    def _account_of(self) -> np.ndarray:
        """Each invoice's account, as a number: its customer's dealings in its currency."""
        return self._accounts(self.history.invoices["customer"], self.named["currency"])

    def _accounts(self, customer: np.ndarray, currency: np.ndarray) -> np.ndarray:
        code = positions(self._currencies, currency)
        return np.where((customer >= 0) & (code >= 0), customer * len(self._currencies) + code, -1)

    def _loose_money(
        self, account: np.ndarray, today: np.ndarray, loose: tuple[Sorted, np.ndarray]
    ) -> np.ndarray:
        """Minor units on each account before a day: money and credits of no invoice that is there."""
        movements, total = loose
        begin = np.searchsorted(movements.keys, key(account, np.zeros_like(today)))
        return total[np.searchsorted(movements.keys, key(account, today))] - total[begin]

    @cached_property
    def _loose(self) -> tuple[Sorted, np.ndarray]:
        """Movements by account and the day we knew of each, and their running total."""
        return self._loose_of("payments", "credit_notes")

    @cached_property
    def _loose_credits(self) -> tuple[Sorted, np.ndarray]:
        return self._loose_of("credit_notes")

    def _loose_of(self, *names: str) -> tuple[Sorted, np.ndarray]:
        dated = {"payments": "paid_on", "credit_notes": "credited_on"}
        tables = self.history.tables
        parts = [
            table[table["invoice_id"].isna() | (positions_of(self.history, table["invoice_id"]) < 0)]
            .rename(columns={on: "on"})
            .filter(["customer_id", "currency", "amount", "on", "known_on"])
            for table, on in ((tables[name], dated[name]) for name in names)
        ]
        loose = pd.concat(parts)
        day = np.maximum(day_numbers(loose["on"]), day_numbers(loose["known_on"]))
        customer = self.history.customer_codes(loose["customer_id"])
        account = self._accounts(customer, loose["currency"].to_numpy(dtype=object))
        movements = Sorted.of(key(account, day))
        return movements, np.append(0, np.cumsum(loose["amount"].to_numpy(np.int64)[movements.rows]))

    def _customer_open(self, rows: np.ndarray, today: int, units: np.ndarray) -> dict[str, np.ndarray]:
        """What each invoice's customer and its group owe in the invoice's currency, and what is past due."""
        customer = self.history.invoices["customer"][rows]
        theirs = self.rows_of(np.unique(customer))
        accounts, place = np.unique(self._account_of[theirs], return_inverse=True)
        owed = self.amount_open(theirs, np.full(len(theirs), today))
        is_overdue = self.history.invoices["due_on"][theirs] < today - 1
        mine = np.searchsorted(accounts, self._account_of[rows])
        total, overdue = np.zeros((2, len(accounts)), np.int64)
        np.add.at(total, place, owed)
        np.add.at(overdue, place, np.where(is_overdue, owed, 0))
        others = self.standing.group_open(customer, self.named["currency"][rows], today)
        return {
            "customer_open": total[mine] / units,
            "customer_overdue": overdue[mine] / units,
            "group_open": (total[mine] + others) / units,
        }

    @cached_property
    def _plans(self) -> _Plans:
        table = self.history.tables["payment_plans"]
        return _Plans(
            positions_of(self.history, table["invoice_id"]),
            self.history.customer_codes(table["customer_id"]),
            day_numbers(table["due_on"]),
            day_numbers(table["known_on"]),
        )


@dataclass(frozen=True)
class _Plans:
    """Instalments of payment plans: of an invoice, or of a customer as a whole (invoice -1)."""

    invoice: np.ndarray
    customer: np.ndarray
    due_on: np.ndarray
    known_on: np.ndarray

    def running(self, rows: np.ndarray, customer: np.ndarray, today: np.ndarray) -> np.ndarray:
        """Whether an instalment of the invoice's plan, or of its customer's, is still to come."""
        if not len(rows) or not len(self.invoice):
            return np.zeros(len(rows), dtype=bool)
        still = (self.known_on < today[0]) & (self.due_on >= today[0] - 1)
        whole = still & (self.invoice < 0)
        return np.isin(rows, self.invoice[still]) | np.isin(customer, self.customer[whole])


def _dialogue(past: Past, units: np.ndarray, as_of: date) -> dict[str, Any]:
    """Disputes, promises, contacts and complaints as they stand."""
    own = past.of("invoice")
    disputed = own.disputes.sum("amount") - own.disputes_closed.sum("amount")
    promised = own.promises.latest("promised_on")
    is_pending = promised >= day_number(as_of)
    return {
        "is_disputed": own.disputes.count() > own.disputes_closed.count(),
        "disputed_amount": np.where(disputed >= WHOLE_INVOICE, 0.0, np.maximum(disputed, 0) / units),
        "promise_pending": is_pending,
        "promised_on": _dates(promised),
        "promise_broken": ~is_pending & (own.promises_due.latest("broken") == 1),
        "days_since_contact": past.contacts.days_since() - 1,
        "contacts_90": past.contacts.count(90),
        "complaint_open": past.complaints.count() > past.complaints_closed.count(),
    }


def _with_desk(own: dict[str, Any], desk: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Facts of the desk; terms accepted by either word are accepted."""
    if "terms_accepted" in desk:
        desk["terms_accepted"] = desk["terms_accepted"] | own["terms_accepted"]
    return desk


def _dates(days: np.ndarray) -> np.ndarray:
    """Day numbers (NaN where none) as datetimes."""
    numbers = np.where(np.isnan(days), np.iinfo(np.int64).min, np.nan_to_num(days).astype(np.int64))
    return numbers.astype("datetime64[D]").astype("datetime64[s]")


def _undated_first(customers: pd.DataFrame) -> np.ndarray:
    """Since when each row of master data holds; 0 where nobody knows."""
    known = day_numbers(customers["known_on"])
    return np.where(known == NEVER, 0, known)
