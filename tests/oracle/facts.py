"""What does a ledger say, as plain objects? Days are ordinals, money is whole minor units."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import holidays
import pandas as pd

from features.lateness import LatenessRule
from features.ledger import Ledger, minor_digits

Row = dict[str, Any]


@dataclass
class Money:
    """A payment or credit of an invoice."""

    known_on: int
    event_on: int
    amount: int
    is_payment: bool


@dataclass(frozen=True)
class State:
    """What was known of an invoice at the end of a day."""

    day: int
    settled_on: int | None
    balance: int
    says_nothing: bool
    """Settled, and no money came."""

    @property
    def is_open(self) -> bool:
        return self.settled_on is None

    @property
    def paid_on(self) -> int | None:
        return None if self.says_nothing else self.settled_on


@dataclass
class Invoice:
    """One invoice with all that ever happened to it."""

    place: int
    row: Row
    lateness_from: int
    allowed: int
    money: list[Money] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return self.row[name]

    @property
    def seen_on(self) -> int:
        return max(self.issued_on, self.known_on)

    @property
    def terms(self) -> int:
        return self.due_on - self.issued_on

    @cached_property
    def states(self) -> list[State]:
        """The state at the end of every day on which something was learned."""
        # Of an unknown amount we only know whether anything came.
        owed = self.amount if self.amount_known else 1
        paid, came, latest = 0, 0, 0
        settled_on: int | None = None
        states = []
        for day in sorted({self.seen_on} | {money.known_on for money in self.money}):
            today = [money for money in self.money if money.known_on == day] or [Money(day, 0, 0, False)]
            for money in sorted(today, key=lambda money: (money.event_on, money.amount)):
                if money.event_on:
                    amount = money.amount if self.amount_known else (1 if money.amount >= 0 else -1)
                    paid += amount
                    came += amount * money.is_payment
                    latest = max(latest, money.event_on)
                covered = owed - paid <= min(self.allowed, max(owed - 1, 0))
                settled_on = (latest if settled_on is None else settled_on) if covered else None
            left = 0 if settled_on is not None else min(max(owed - paid, 0), owed)
            balance = round(left * (self.money_amount / owed)) if owed else 0
            says_nothing = settled_on is not None and (came <= 0 or owed == 0)
            states.append(State(day, settled_on, balance, says_nothing))
        return states

    def state(self, day: int) -> State | None:
        """At the end of a day; None before the invoice was seen."""
        return next((state for state in reversed(self.states) if state.day <= day), None)


class Book:
    """A ledger's facts, and how late is late."""

    def __init__(self, ledger: Ledger, rule: LatenessRule) -> None:
        self.rule = rule
        self.settings = ledger.settings
        self.tables = {name: _rows(frame) for name, frame in ledger.tables.items()}
        self.segments = {
            column: self._first_known(column)
            for column in ("parent_id", "country", "industry", "debtor_type")
        }
        self.invoices = {
            row["invoice_id"]: Invoice(place, row, self._lateness_from(row), self._allowed(row))
            for place, row in enumerate(self.tables["invoices"])
        }
        named = {None, *self.invoices}
        for name in ("payments", "credit_notes"):
            # Money for an invoice still to come says nothing.
            self.tables[name] = [row for row in self.tables[name] if row["invoice_id"] in named]
        self._add_money("payments", "paid_on")
        self._add_money("credit_notes", "credited_on")
        self.pay_days = self._pay_days()

    def _first_known(self, column: str) -> dict[str, tuple[str, int]]:
        """Each customer's first known value and since when we know it (undated: always)."""
        found: dict[str, tuple[str, int]] = {}
        for row in sorted(self.tables["customers"], key=lambda row: row["known_on"] or 0):
            if row[column] is not None and row["customer_id"] not in found:
                found[row["customer_id"]] = (row[column], row["known_on"] or 0)
        return found

    def segment(self, column: str, customer: str, as_of: int) -> str | None:
        """The segment a customer was known to belong to before a day."""
        name, since = self.segments[column].get(customer, (None, 0))
        return name if since < as_of else None

    def _allowed(self, invoice: Row) -> int:
        """What may be missing from a settled invoice."""
        return round(float(self.settings.settlement_tolerance) * 10 ** minor_digits(invoice["currency"]))

    def _lateness_from(self, invoice: Row) -> int:
        """The due date, moved to a working day of the country known at issue."""
        country = self.segment("country", invoice["customer_id"], invoice["issued_on"])
        day = invoice["due_on"]
        if not self.rule.calendar_days:
            while not self._is_working_day(date.fromordinal(day), country or self.settings.country):
                day += 1
        return day

    def _is_working_day(self, day: date, country: str | None) -> bool:
        is_holiday = country is not None and day in holidays.country_holidays(country, years=day.year)
        return day.weekday() not in self.settings.weekend_days and not is_holiday

    def _add_money(self, table: str, event: str) -> None:
        for row in self.tables[table]:
            if row["invoice_id"] is not None:
                invoice = self.invoices[row["invoice_id"]]
                known = max(row["known_on"], row[event], invoice.seen_on)
                invoice.money.append(Money(known, row[event], row["amount"], table == "payments"))

    def _pay_days(self) -> dict[str, list[int]]:
        """The days on which we learned of money, by customer."""
        days: dict[str, set[int]] = defaultdict(set)
        for row in self.tables["payments"]:
            if row["amount"] > 0:
                days[row["customer_id"]].add(max(row["paid_on"], row["known_on"]))
        return {customer: sorted(found) for customer, found in days.items()}

    def visible_on(self, row: Row, event: str, of_invoice: bool) -> int | None:
        """The day at whose end a row's event was known; None where there is none.

        An event `of_invoice` says nothing before its invoice was seen.
        """
        if row[event] is None or (of_invoice and row["invoice_id"] is None):
            return None
        seen_on = self.invoices[row["invoice_id"]].seen_on if of_invoice else 0
        return max(row[event], row["known_on"], seen_on)


def _rows(frame: pd.DataFrame) -> list[Row]:
    return [
        {str(name): _plain(value) for name, value in row.items()} for row in frame.to_dict(orient="records")
    ]


def _plain(value: Any) -> Any:
    if value is None or value != value:
        return None
    return value.toordinal() if isinstance(value, pd.Timestamp) else value


def days_to_month_end(day: int) -> int:
    """0 on the last day of a month."""
    count = 0
    while date.fromordinal(day + count).month == date.fromordinal(day + count + 1).month:
        count += 1
    return count


def at_turn_of_month(day: int) -> bool:
    """On the last two days or the first of a month."""
    return days_to_month_end(day) <= 1 or date.fromordinal(day).day == 1
