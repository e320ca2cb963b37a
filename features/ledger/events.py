"""What happened to invoices and customers: which invoice is meant, whose is it, in which currency?

An event tied to an invoice is visible once both are known, so its `known_on` is at least the invoice's.
"""

from __future__ import annotations

import numpy as np

from features.ledger import cells
from features.ledger.invoices import InvoiceIndex, with_amounts
from features.ledger.rows import Rows, only_once, without_duplicates

_NO_SUCH = "is not in invoices"
_UNAPPLIED = "unapplied cash to the policy, nothing to the model until the invoice is there"
_EXPORT_MORE = "Export invoices from an earlier date, or mend the number."


def linked(rows: Rows, index: InvoiceIndex) -> tuple[Rows, np.ndarray]:
    """Rows with the id and customer of the invoice they name, and its place (-1: none).

    Rows naming no invoice of the ledger stay where they have a customer, and are set aside otherwise. Money
    keeps the number: it says nothing to a feature until the invoice is there (features/events/money.py), so that an
    invoice that arrives later changes nothing about the days before it was known.
    """
    customer = rows.values.get("customer_id", cells.texts([None] * len(rows)))
    named = ~cells.blank(rows["invoice_id"])
    found = index.find(rows["invoice_id"], customer, rows[str(rows.table.event)], rows["known_on"])
    if "customer_id" not in rows.table.by_name or rows.table.by_name["customer_id"].need == "derived":
        rows.values["customer_id"] = customer
    orphan = named & (found < 0)
    alone = orphan & cells.blank(customer)
    is_money = rows.table.name not in ("contacts", "payment_plans")
    message = f"{_NO_SUCH}: {_UNAPPLIED if is_money else 'counted for the customer as a whole'}"
    rows.say(orphan & ~alone, "repaired", "unknown_invoice", message, _EXPORT_MORE, "invoice_id")
    kept = rows.set_aside(alone, "unknown_invoice", _NO_SUCH, _EXPORT_MORE, "invoice_id")
    found = found[~alone]
    if not is_money:
        return _linked_if_known(kept, index, found)
    return _taken_over(kept, index, found), found


def _only(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The texts where the mask holds, blank elsewhere."""
    kept = values.copy()
    kept[~where] = None
    return kept


def _linked_if_known(rows: Rows, index: InvoiceIndex, found: np.ndarray) -> tuple[Rows, np.ndarray]:
    """Links what is about the customer first of all only to an invoice known by then."""
    if len(index.rows):
        early = (found >= 0) & (index.rows["known_on"][found] > rows["known_on"])
        message = "was not known yet: counted for the customer as a whole"
        rows.say(early, "repaired", "invoice_not_yet_known", message, "Check both days.", "invoice_id")
        found = np.where(early, -1, found)
    ids = _only(rows["invoice_id"], found >= 0)
    ids[found >= 0] = index.rows["invoice_id"][found[found >= 0]]
    rows.values["invoice_id"] = ids
    return rows, found


def _taken_over(rows: Rows, index: InvoiceIndex, found: np.ndarray) -> Rows:
    """Id and customer from the invoice, and not known before it."""
    tied = np.flatnonzero(found >= 0)
    places, invoices = found[tied], index.rows
    customer, ids, known = rows["customer_id"].copy(), rows["invoice_id"].copy(), rows["known_on"].copy()
    other = np.zeros(len(rows), dtype=bool)
    other[tied] = ~cells.blank(customer[tied]) & (customer[tied] != invoices["customer_id"][places])
    message = "is not the invoice's customer, for whom it is counted"
    rows.say(other, "repaired", "other_customer", message, "Check the invoice number.", "customer_id")
    customer[tied], ids[tied] = invoices["customer_id"][places], invoices["invoice_id"][places]
    known[tied] = np.maximum(known[tied], invoices["known_on"][places])
    rows.values.update(customer_id=customer, invoice_id=ids, known_on=known)
    return rows


def with_currency(rows: Rows, index: InvoiceIndex, found: np.ndarray) -> tuple[Rows, np.ndarray]:
    """The invoice's currency, or that of the customer's first invoice known by then, or the base currency."""
    fallback = rows.findings.settings.base_currency or cells.NO_CURRENCY
    currency = index.currency_of_customers(rows["customer_id"], rows["known_on"], fallback)
    tied = np.flatnonzero(found >= 0)
    currency[tied] = index.rows["currency"][found[tied]]
    given = rows.values.get("currency")
    if given is None:
        rows.values["currency"] = currency
        return rows, found
    written = ~cells.blank(given)
    other = written & (found >= 0) & (given != currency)
    rows.values["currency"] = np.where(written & (found < 0), given, currency)
    mend = "Give the amount in the invoice's currency."
    kept = rows.set_aside(other, "other_currency", "is not the invoice's currency", mend, "currency")
    return kept, found[~other]


def payments(rows: Rows, index: InvoiceIndex) -> Rows:
    """Payments of invoices and cash on account; one without an amount settles its invoice."""
    rows, found = linked(rows, index)
    rows, found = with_currency(rows, index, found)
    rows = with_amounts(rows)
    unknown = ~rows["amount_known"]
    empty = unknown & cells.blank(_as_written(rows, "amount"))
    rows, found = _usable(
        rows, found, unknown & ~empty, "is not an amount", "Write it as 1234.50, or leave it blank."
    )
    empty = ~rows["amount_known"]
    rows, found = _usable(
        rows, found, empty & (found < 0), "is blank and there is no invoice to settle", "Fill it in."
    )
    _fill_from_invoice(rows, index, found)
    early = np.zeros(len(rows), dtype=bool)
    tied = np.flatnonzero(found >= 0)
    early[tied] = rows["paid_on"][tied] < index.rows["issued_on"][found[tied]]
    rows.say(
        early, "note", "paid_before_issued", "is before the invoice was issued", "Check both days.", "paid_on"
    )
    rows.values["_invoice"] = found
    rows = without_duplicates(rows)
    _say_overpaid(rows, index)
    return rows


def _as_written(rows: Rows, column: str) -> np.ndarray:
    written = rows.raw.columns.get(column)
    return cells.texts([None] * len(rows)) if written is None else written[rows.at]


def _usable(
    rows: Rows, found: np.ndarray, bad: np.ndarray, message: str, mend: str
) -> tuple[Rows, np.ndarray]:
    return rows.set_aside(bad, "unusable_amount", message, mend, "amount"), found[~bad]


def _fill_from_invoice(rows: Rows, index: InvoiceIndex, found: np.ndarray) -> None:
    places = np.flatnonzero(~rows["amount_known"] & (found >= 0))
    rows["amount"][places] = index.rows["amount"][found[places]]


def _say_overpaid(rows: Rows, index: InvoiceIndex) -> None:
    """Notes the last payment of every invoice that received more than its amount."""
    found = rows["_invoice"]
    tied = np.flatnonzero(found >= 0)
    if not len(tied):
        return
    total, last = np.zeros(len(index.rows), dtype=np.int64), np.zeros(len(index.rows), dtype=np.int64)
    np.add.at(total, found[tied], rows["amount"][tied])
    last[found[tied]] = tied
    tolerance = float(rows.findings.settings.settlement_tolerance)
    allowed = index.rows["amount"] + tolerance * 10.0 ** cells.digits_of(index.rows["currency"])
    over = (total > allowed) & index.rows["amount_known"]
    marked = np.zeros(len(rows), dtype=bool)
    marked[last[over]] = True
    message = "brings the payments of the invoice above its amount"
    rows.say(marked, "note", "overpaid", message, "Check for a payment recorded twice.", "amount")


def credit_notes(rows: Rows, index: InvoiceIndex) -> Rows:
    """Credit notes of invoices or on account of customers."""
    rows, found = linked(rows, index)
    rows, found = with_currency(rows, index, found)
    rows = with_amounts(rows)
    rows, _ = _usable(rows, found, ~rows["amount_known"], "is not an amount", "Write it as 1234.50.")
    negative = rows["amount"] < 0
    message = "is negative: it raises the debt"
    rows.say(negative, "note", "negative_credit", message, "Credits are positive; check the sign.", "amount")
    return without_duplicates(rows)


def tied_to_invoices(rows: Rows, index: InvoiceIndex) -> Rows:
    """Disputes, promises, plans, contacts, reasons: linked, amounts where they have any, keys once."""
    rows, found = linked(rows, index)
    if "amount" in rows.values:
        rows, found = with_currency(rows, index, found)
        rows = with_amounts(rows)
        rows, found = _stated_amounts(rows, index, found)
    return only_once(without_duplicates(rows))


def _stated_amounts(rows: Rows, index: InvoiceIndex, found: np.ndarray) -> tuple[Rows, np.ndarray]:
    """Amounts agreed or objected to: never negative; what a blank means depends on the table."""
    negative = rows["amount"] < 0
    unread = ~rows["amount_known"] & ~cells.blank(_as_written(rows, "amount"))
    blank_is_fine = rows.table.name in ("disputes", "promises")
    if blank_is_fine:
        message = "is not a positive amount and is treated as blank"
        rows.say(negative | unread, "repaired", "blanked_amount", message, "Write it as 1234.50.", "amount")
        rows.values["amount_known"] = rows["amount_known"] & ~negative
    else:
        bad = negative | ~rows["amount_known"]
        rows, found = _usable(rows, found, bad, "is not a positive amount", "Write it as 1234.50.")
    if rows.table.by_name["amount"].kind == "limit":
        rows.values["amount"] = np.where(rows["amount_known"], rows["amount"].astype(np.float64), np.nan)
    elif rows.table.name == "promises":
        _fill_from_invoice(rows, index, found)
    return rows, found


def about_customers(rows: Rows, index: InvoiceIndex) -> Rows:
    """Customers, credit reports, complaints, references: limits in minor units, keys once."""
    if "credit_limit" in rows.values:
        _with_limits(rows, index)
    return only_once(without_duplicates(rows))


def _with_limits(rows: Rows, index: InvoiceIndex) -> None:
    """Limits in minor units of the base currency, or else of the customer's first invoice."""
    base = rows.findings.settings.base_currency
    currency = cells.texts([base] * len(rows))
    if base is None:
        currency = index.currency_of_customers(rows["customer_id"], None, cells.NO_CURRENCY)
    values, empty, unreadable, _ = cells.amounts(rows["credit_limit"], cells.digits_of(currency))
    bad = unreadable | (values < 0)
    message = "is not a positive amount and is treated as blank"
    rows.say(bad, "repaired", "blanked_credit_limit", message, "Write it as 1234.50.", "credit_limit")
    limit = np.where(empty | bad, np.nan, values.astype(np.float64))
    rows.values.update(credit_limit=limit, currency=currency)


def exchange_rates(rows: Rows) -> Rows:
    """Rates above zero, one a day for each pair of currencies."""
    bad = ~(rows["rate"] > 0)
    rows = rows.set_aside(
        bad, "unusable_rate", "is not above zero", "Write units of base currency for one.", "rate"
    )
    return only_once(without_duplicates(rows))
