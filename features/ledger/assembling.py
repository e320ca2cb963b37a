"""How do the raw tables, put together, become the typed tables of a ledger?"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from features.ledger import cells, events
from features.ledger.invoices import InvoiceIndex, converted, invoices_and_credits
from features.ledger.problems import Problem
from features.ledger.reading import RawTable
from features.ledger.rows import Findings, Rows, check_header, set_aside_frame, typed_rows
from features.ledger.tables import CREDIT_NOTES, EXCHANGE_RATES, TABLES, Column, Table

_TIED = ("disputes", "promises", "contacts", "payment_plans", "nonpayment_reasons")


def assembled(
    raws: dict[str, RawTable], findings: Findings
) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """Typed tables in canonical order, and the rows set aside; errors are only said, never raised."""
    for table in TABLES.values():
        if table.required and table.name not in raws and not _failed(findings, table.name):
            files = f"{table.name}.csv or {table.name}.parquet"
            mend = f"Export {table.name} as {files}; in a request, give at least an empty list."
            findings.table(table.name, "missing_table", "error", "is missing", mend)
    rows = {
        name: typed_rows(TABLES[name], raw, findings)
        for name, raw in raws.items()
        if check_header(TABLES[name], raw, findings)
    }
    empty = {name: empty_frame(table) for name, table in TABLES.items()}
    if "invoices" not in rows:
        return empty, {}
    frames = empty | _frames(rows, findings)
    if frames["invoices"].empty and not _failed(findings, "invoices"):
        mend = "Mend the rows set aside." if findings.aside else "Export at least one invoice."
        findings.table("invoices", "no_invoices", "error", "holds no invoice that can be used", mend)
    aside = {
        name: set_aside_frame(raw, findings.aside.get(name, {}))
        for name, raw in raws.items()
        if raw.unread or name in findings.aside
    }
    return frames, aside


def _failed(findings: Findings, table: str) -> bool:
    return any(problem.table == table and problem.severity == "error" for problem in findings.problems)


def _frames(rows: dict[str, Rows], findings: Findings) -> dict[str, pd.DataFrame]:
    invoices, negative = invoices_and_credits(rows["invoices"])
    index = InvoiceIndex(invoices)
    done = {name: _processed(name, each, index) for name, each in rows.items() if name != "invoices"}
    rates = done.get("exchange_rates") or _no_rates(findings)
    invoices.values["money_unit"], invoices.values["money_amount"] = converted(invoices, rates)
    done["invoices"] = invoices.take(np.argsort(cells.codes(invoices["invoice_id"]), kind="stable"))
    frames = {name: _frame(TABLES[name], each.values, len(each)) for name, each in done.items()}
    if len(negative):
        frames["credit_notes"] = _with_negative_invoices(done.get("credit_notes"), negative, index)
    return frames


def _processed(name: str, rows: Rows, index: InvoiceIndex) -> Rows:
    if name == "payments":
        return events.payments(rows, index)
    if name == "credit_notes":
        return events.credit_notes(rows, index)
    if name == "exchange_rates":
        return events.exchange_rates(rows)
    return events.tied_to_invoices(rows, index) if name in _TIED else events.about_customers(rows, index)


def _no_rates(findings: Findings) -> Rows:
    nothing = RawTable("exchange_rates", {}, np.arange(0), cells.texts([]))
    return typed_rows(EXCHANGE_RATES, nothing, findings)


def _with_negative_invoices(notes: Rows | None, negative: Rows, index: InvoiceIndex) -> pd.DataFrame:
    """Credit notes, and negative invoices: one with the number of an invoice known by then credits that."""
    numbers, customer, known = negative["invoice_id"], negative["customer_id"], negative["known_on"]
    found = index.find(numbers, customer, negative["issued_on"], known)
    ids = cells.texts([None] * len(negative))
    if len(index.rows):
        theirs = (
            (found >= 0)
            & (index.rows["customer_id"][found] == customer)
            & (index.rows["known_on"][found] <= known)
        )
        ids[theirs] = index.rows["invoice_id"][found[theirs]]
    values = {
        "invoice_id": ids,
        "customer_id": customer,
        "credited_on": negative["issued_on"],
        "amount": -negative["amount"],
        "credit_note_id": numbers,
        "currency": negative["currency"],
        "known_on": np.maximum(negative["issued_on"], known),
    }
    if notes is not None:
        values = {name: np.concatenate([notes[name], array]) for name, array in values.items()}
    order = np.lexsort([cells.codes(values[column]) for column in CREDIT_NOTES.order][::-1])
    return _frame(CREDIT_NOTES, {name: array[order] for name, array in values.items()}, len(order))


def _frame(table: Table, values: dict[str, np.ndarray], count: int) -> pd.DataFrame:
    if not count:
        return empty_frame(table)
    return pd.DataFrame({c.name: _stored(c, values[c.name]) for c in table.columns}, copy=False)


def _stored(column: Column, values: np.ndarray) -> object:
    if column.kind in ("text", "currency"):
        return pd.array(values, dtype="str")
    return values.astype("datetime64[s]") if column.kind == "date" else values


_EMPTY = {"date": "datetime64[s]", "flag": "bool", "amount": "int64", "limit": "float64", "number": "float64"}


def empty_frame(table: Table) -> pd.DataFrame:
    """A table without rows, with the right types."""
    return _empty_frame(table.name).copy(deep=False)


@cache
def _empty_frame(name: str) -> pd.DataFrame:
    return pd.DataFrame(
        {c.name: pd.Series([], dtype=_EMPTY.get(c.kind, "str")) for c in TABLES[name].columns}
    )


def unknown_table(name: str, source: str, mend: str) -> Problem:
    """The note on a table that no ledger has."""
    message = "is not a table of a ledger and is not read"
    return Problem(name, None, None, None, None, "note", "unknown_table", message, mend, source)
