"""Which instalments would suit a customer: on its own pay runs, and no larger than what it usually pays on a day?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from features.days import day_number, day_numbers
from features.ledger import minor_digits
from serving.desk.kinds import instalments
from serving.facts import Facts
from serving.pay_runs import PayRun, calendar
from serving.profile import Declared, runs_of

YEAR, QUARTER = 365, 92


@dataclass(frozen=True)
class PayDays:
    """On which days a customer pays: its pay run, where one is known, and the working days of its country."""

    run: PayRun | None
    country: str
    weekend: tuple[int, ...]

    @classmethod
    def of(cls, facts: Facts, customer_id: str, day: date, declared: Declared | None = None) -> PayDays:
        """Those of a customer as of a day; of one that is not in the book, working days alone."""
        code = facts.history.customer_codes(pd.Series([customer_id], dtype="str"))
        settings, weekend = facts.history.ledger.settings, facts.history.weekend
        if code[0] < 0:
            return cls(None, settings.country or "", weekend)
        country = str(facts.master(code, day_number(day) + 1)["country"].iat[0])
        return cls(runs_of(facts, code, day, declared).runs[0], country or settings.country or "", weekend)

    def is_working(self, on: date) -> bool:
        """Whether a day is a working day there."""
        of = calendar(self.country, self.weekend, on.year, on.year + 1)
        return bool(of.is_working[day_number(on) - of.first])

    def is_run(self, on: date) -> bool:
        """Whether money may be expected on a day: one of their pay run, or a working day where none is known."""
        return self.run.falls_on(on, self.country, self.weekend) if self.run else self.is_working(on)

    def next_working(self, on: date) -> date:
        """The day itself where it is a working day, else the next one."""
        return next(each for n in range(31) if self.is_working(each := on + timedelta(days=n)))

    def next_runs(self, day: date, most: int = 4) -> list[date]:
        """The days of the next pay runs after a day, within a quarter; none where no run is known."""
        ahead = (day + timedelta(days=n) for n in range(1, QUARTER + 1))
        return list(islice((each for each in ahead if self.is_run(each)), most)) if self.run else []


def proposed_plan(
    facts: Facts,
    customer_id: str,
    invoice_ids: Sequence[str],
    day: date,
    parts: int,
    every_days: int = 30,
    declared: Declared | None = None,
    amount: Decimal | None = None,
) -> dict[str, Any]:
    """The open amount of some invoices of a customer in so many instalments, the first on its next pay run.

    `amount` is what is to be paid where that is less than all that is open: a part is disputed, or promised.
    `fits` says whether no instalment is larger than the money that usually came on one day of the last year; None
    where no money came. Raises ValueError for invoices of several currencies, or an amount that cannot be cut.
    """
    rows = np.array([facts.position(each) for each in invoice_ids], dtype=np.int64)
    currencies = sorted(set(facts.named["currency"][rows].tolist()))
    if len(currencies) != 1:
        raise ValueError(f"one plan is in one currency, and these invoices are in {', '.join(currencies)}")
    currency, today = currencies[0], np.full(len(rows), day_number(day) + 1)
    digits = minor_digits(currency)
    if amount is None:
        amount = Decimal(int(facts.amount_open(rows, today).sum())).scaleb(-digits)
    days = PayDays.of(facts, customer_id, day, declared)
    wanted = [day + timedelta(days=1 + every_days * place) for place in range(parts)]
    found = instalments(amount, wanted, digits, days.is_run)
    usual = _usual(facts, customer_id, currency, day)
    largest = max(each.amount for each in found)
    return {
        "customer_id": customer_id,
        "invoice_ids": list(invoice_ids),
        "currency": currency,
        "amount": str(amount),
        "pay_run": None if days.run is None else str(days.run),
        "instalments": [{"due_on": each.due_on.isoformat(), "amount": str(each.amount)} for each in found],
        "usual_on_a_pay_day": None if usual is None else str(Decimal(usual).scaleb(-digits)),
        "fits": None if usual is None else bool(largest <= Decimal(usual).scaleb(-digits)),
    }


def _usual(facts: Facts, customer_id: str, currency: str, day: date) -> int | None:
    """Median money that came from a customer on one day of the last year, in minor units; None where none came."""
    table = facts.about(facts.history.customer_codes(pd.Series([customer_id], dtype="str")), "payments")
    paid_on = day_numbers(table["paid_on"])
    of_year = (paid_on >= day_number(day) - YEAR) & (day_numbers(table["known_on"]) < day_number(day))
    mine = of_year & (table["currency"] == currency).to_numpy()
    if not mine.any():
        return None
    _, place = np.unique(paid_on[mine], return_inverse=True)
    return int(np.median(np.bincount(place, table["amount"].to_numpy(np.int64)[mine])))
