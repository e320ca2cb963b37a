"""Which invoices are there, under which number, over how much money; and which one does an event mean?

Invoices are taken in the order in which they became known, and what is decided about one never depends on
a later one: that is what keeps repairs from leaking the future into the past.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from features.ledger import cells
from features.ledger.rows import Rows, without_duplicates

_AMOUNT = "Write digits with a decimal point and no thousands sign, such as 1234.50."


def invoices_and_credits(rows: Rows) -> tuple[Rows, Rows]:
    """Invoices with currencies, amounts and unique ids, and the negative ones, which are credit notes."""
    rows = without_duplicates(with_amounts(_with_currency(rows)))
    rows = _in_order_known(rows)
    negative = rows["amount"] < 0
    message = "is negative: counted as a credit note of the customer"
    rows.say(negative, "repaired", "negative_invoice", message, "Export it as a credit note.", "amount")
    return _with_unique_ids(rows.take(~negative)), rows.take(negative)


def _with_currency(rows: Rows) -> Rows:
    fallback = rows.findings.settings.base_currency or cells.NO_CURRENCY
    empty = cells.blank(rows["currency"])
    written = rows.raw.columns.get("currency")
    if written is not None:
        message = f"is blank: counted as {fallback}"
        mend = "Fill it in, or name base_currency in ledger.yaml."
        rows.say(cells.blank(written[rows.at]), "repaired", "missing_currency", message, mend, "currency")
    rows.values["currency"] = np.where(empty, fallback, rows["currency"])
    return rows


def with_amounts(rows: Rows) -> Rows:
    """Amounts in minor units of the row's currency; unknown ones are 0 and `amount_known` is False."""
    values, empty, unreadable, rounded = cells.amounts(rows["amount"], cells.digits_of(rows["currency"]))
    rows.values["amount"], rows.values["amount_known"] = values, ~(empty | unreadable)
    if rows.table.name == "invoices":
        message, mend = "is {}: the invoice is kept with its amount unknown", _AMOUNT
        rows.say(empty, "repaired", "amount_unknown", message.format("blank"), mend, "amount")
        rows.say(unreadable, "repaired", "amount_unknown", message.format("not an amount"), mend, "amount")
    message, mend = "has more digits than its currency and is rounded half up", "Export whole minor units."
    rows.say(rounded, "repaired", "amount_rounded", message, mend, "amount")
    return rows


def _in_order_known(rows: Rows) -> Rows:
    """By known_on, then issued_on, then content (rows come in canonical order), never by place in a file."""
    return rows.take(np.lexsort([cells.codes(rows["issued_on"]), cells.codes(rows["known_on"])]))


def _with_unique_ids(rows: Rows) -> Rows:
    """Later invoices under a number already used become `ID#2`, `ID#3`, in the order they became known."""
    printed = rows["invoice_id"].tolist()
    rows.values["printed_id"] = rows["invoice_id"]
    if len(set(printed)) == len(printed):
        return rows
    used: set[str] = set()
    unique = [_unused(name, used) for name in printed]
    rows.values["invoice_id"] = cells.texts(unique)
    again = np.array([new != old for new, old in zip(unique, printed, strict=True)], dtype=bool)
    message = "was used before: this later invoice is told apart as ID#2, ID#3 …"
    rows.say(
        again, "repaired", "reused_invoice_id", message, "Add the year to re-used numbers.", "invoice_id"
    )
    return rows


def _unused(name: str, used: set[str]) -> str:
    candidate, count = name, 1
    while candidate in used:
        count += 1
        candidate = f"{name}#{count}"
    used.add(candidate)
    return candidate


@dataclass
class InvoiceIndex:
    """Finds the invoice that an event names, among those known by then. `rows` are in the order known."""

    rows: Rows

    @cached_property
    def _first(self) -> dict[str, int]:
        printed = self.rows["printed_id"].tolist()
        return dict(zip(reversed(printed), range(len(printed) - 1, -1, -1), strict=True))

    @cached_property
    def _several(self) -> dict[str, list[int]]:
        """All invoices that a number may mean, printed or given by us, where there can be several."""
        printed, ids = self.rows["printed_id"], self.rows["invoice_id"]
        several: dict[str, set[int]] = {}
        for place in np.flatnonzero(printed != ids).tolist():
            for name in (printed[place], ids[place]):
                first = {self._first[name]} if name in self._first else set()
                several.setdefault(name, first).add(place)
        return {name: sorted(places) for name, places in several.items()}

    def find(
        self, named: np.ndarray, customer: np.ndarray, happened: np.ndarray, known: np.ndarray
    ) -> np.ndarray:
        """Place of the invoice meant by each event; -1 for none of that number.

        Of a re-used number: the newest issued by the day of the event, among those known by then, of the
        event's customer if one is; before any was known, the one that became known first.
        """
        first = self._first
        found = np.array([first.get(name, -1) for name in named.tolist()], dtype=np.int64)
        if self._several:
            for place, name in enumerate(named.tolist()):
                if name in self._several:
                    found[place] = self._chosen(
                        self._several[name], customer[place], happened[place], known[place]
                    )
        return found

    def _chosen(self, places: list[int], customer: str | None, happened: object, known: object) -> int:
        rows = self.rows
        by_then = [place for place in places if rows["known_on"][place] <= known]
        if not by_then:
            earliest = rows["known_on"][places[0]]
            same = [place for place in places if rows["known_on"][place] == earliest]
            return next((place for place in same if rows["customer_id"][place] == customer), same[0])
        theirs = [place for place in by_then if rows["customer_id"][place] == customer] or by_then
        issued = [place for place in theirs if rows["issued_on"][place] <= happened]
        return max(issued, key=lambda place: (rows["issued_on"][place], place)) if issued else theirs[0]

    @cached_property
    def _first_of_customer(self) -> dict[str, int]:
        customers = self.rows["customer_id"].tolist()
        return dict(zip(reversed(customers), range(len(customers) - 1, -1, -1), strict=True))

    def currency_of_customers(
        self, customer: np.ndarray, known: np.ndarray | None, fallback: str
    ) -> np.ndarray:
        """Currency of each customer's first invoice, if known by then; the fallback otherwise."""
        first = self._first_of_customer
        places = np.array([first.get(name, -1) for name in customer.tolist()], dtype=np.int64)
        if not len(self.rows):
            return cells.texts([fallback] * len(places))
        there = places >= 0
        if known is not None:
            there &= self.rows["known_on"][places] <= known
        return np.where(there, self.rows["currency"][places], fallback)


def converted(invoices: Rows, rates: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Unit and amount of each invoice in the base currency, where a rate was known when the invoice was.

    The latest rate dated and known before the invoice was issued (and before it was known) counts; without
    one the invoice keeps its own currency and amount.
    """
    unit, amount = invoices["currency"].copy(), invoices["amount"].copy()
    base = invoices.findings.settings.base_currency
    if base is None:
        return unit, amount
    day = np.minimum(invoices["issued_on"], invoices["known_on"])
    missing = np.zeros(len(invoices), dtype=bool)
    for currency in sorted(set(unit.tolist()) - {base}):
        these = np.flatnonzero(unit == currency)
        rate = _rates_on(day[these], rates, currency, base)
        scale = 10.0 ** (cells.minor_digits(base) - cells.minor_digits(currency))
        known = ~np.isnan(rate)
        exchanged = np.floor(amount[these] * np.where(known, rate, 0.0) * scale + 0.5)
        known &= np.abs(exchanged) <= cells.LARGEST
        amount[these[known]] = exchanged[known].astype(np.int64)
        unit[these[known]] = base
        missing[these[~known]] = True
    message = f"has no rate into {base} known before the invoice: kept apart from {base} totals"
    mend = "Add a row to exchange_rates dated before the invoice."
    invoices.say(missing, "note", "no_rate", message, mend, "currency")
    return unit, amount


def _rates_on(day: np.ndarray, rates: Rows, currency: str, base: str) -> np.ndarray:
    """Latest rate usable strictly before each day; a rate is usable from its date and its `known_on` on."""
    these = rates.take((rates["currency"] == currency) & (rates["base_currency"] == base))
    usable = np.maximum(these["rated_on"], these["known_on"])
    order = np.lexsort([these["rated_on"], usable])
    usable, rated, rate = usable[order], these["rated_on"][order], these["rate"][order]
    if not len(rate):
        return np.full(len(day), np.nan)
    # Of the rates usable so far the one with the latest date counts, even if an older one was learned later.
    latest = np.maximum.accumulate(rated.astype(np.int64))
    newest = np.maximum.accumulate(np.where(rated.astype(np.int64) == latest, np.arange(len(rate)), 0))
    place = np.searchsorted(usable, day, side="left") - 1
    return np.where(place >= 0, rate[newest[place]], np.nan)
