"""What is recorded in all: how do the ledger folder and what came in at the desk become one ledger?

Rows are matched by their numbers, or else by what they say (the same invoice, day and amount). Where both say
something, the export wins and the difference is listed; what the export leaves blank (the closing of a
dispute, say) is filled from the desk. Only customers the desk has rows of are put together again, so joining
costs by what the desk holds and not by the size of the export.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import pandas as pd

from features.ledger import TABLES, Ledger, LedgerError, Problem, Table
from features.ledger.writing import rows_of
from serving.scoring import default_as_of

Row = Mapping[str, Any]
Rows = Mapping[str, Sequence[Row]]

SAME: dict[str, tuple[tuple[str, ...], ...]] = {
    "payments": (("payment_id", "invoice_id"), ("invoice_id", "customer_id", "paid_on", "amount")),
    "credit_notes": (
        ("credit_note_id", "invoice_id"),
        ("invoice_id", "customer_id", "credited_on", "amount"),
    ),
    "contacts": (("contact_id",), ("customer_id", "contacted_on", "channel", "direction", "invoice_id")),
    "credit_reports": (("customer_id", "reported_on", "source"),),
    "trade_references": (("customer_id", "received_on", "rating"),),
    "nonpayment_reasons": (("invoice_id", "recorded_on", "reason"),),
}
"""By which columns two rows tell of the same fact, where a table has no key; the first that is filled counts."""
DESK = "desk"


def book_day(export: Ledger, recorded: Rows) -> date:
    """The day after the latest fact of the export, or the day of the latest one at the desk if that is later.

    What is recorded at the desk is recorded on the day itself, which its first entry does not end.
    """
    days = [
        date.fromisoformat(row["known_on"])
        for rows in recorded.values()
        for row in rows
        if row.get("known_on")
    ]
    return max([default_as_of(export), *days])


def joined(export: Ledger, recorded: Rows) -> Ledger:
    """The ledger of an export and of the rows recorded at the desk; conflicts are among its problems."""
    customers = customers_of(export, recorded)
    if not customers:
        return replace(export, problems=[*export.problems, *_homeless(export, recorded)])
    part = part_of(export, recorded, customers)
    said = [*export.problems, *_homeless(export, recorded), *part.problems]
    return replace(with_customers(export, part, customers), problems=said)


def with_customers(ledger: Ledger, part: Ledger, customers: set[str]) -> Ledger:
    """The ledger in which everything about some customers is as `part` has it; its problems stay as they were."""
    tables = {name: _replaced(TABLES[name], frame, part, customers) for name, frame in ledger.tables.items()}
    return replace(ledger, tables=tables)


def part_of(export: Ledger, recorded: Rows, customers: Iterable[str]) -> Ledger:
    """Everything about some customers, from the export and the desk; its problems are those of the desk's rows.

    A row of the desk that cannot be used (its invoice is unknown, say) is told and left out.
    """
    wanted = set(customers)
    own = rows_of(export.of_customers(wanted).tables)
    whose = _customers_of_invoices(export, recorded)
    tables: dict[str, list[Row]] = {}
    said: list[Problem] = []
    for name, table in TABLES.items():
        theirs = [row for row in recorded.get(name, ()) if _customer(row, whose) in wanted]
        tables[name], problems = _matched(table, own.get(name, []), theirs, whose)
        said += problems
    try:
        ledger = Ledger.from_rows(tables, export.settings)
    except LedgerError:  # nobody has an invoice: new customers of whom only a name is known
        return replace(export.of_customers(()), problems=said)
    return replace(ledger, problems=[*said, *_of_desk(ledger, own)])


def customers_of(export: Ledger, recorded: Rows) -> set[str]:
    """The customers that rows recorded at the desk are about."""
    whose = _customers_of_invoices(export, recorded)
    found = (_customer(row, whose) for rows in recorded.values() for row in rows)
    return {customer for customer in found if customer is not None}


def _customer(row: Row, whose: Mapping[str, str]) -> str | None:
    return whose.get(str(row.get("invoice_id"))) or row.get("customer_id")


def _customers_of_invoices(export: Ledger, recorded: Rows) -> dict[str, str]:
    """Whose the invoices are that the desk's rows name."""
    named = {str(row["invoice_id"]) for rows in recorded.values() for row in rows if row.get("invoice_id")}
    invoices = export.tables["invoices"]
    known = invoices[invoices["invoice_id"].isin(list(named))]
    found = dict(zip(known["invoice_id"].tolist(), known["customer_id"].tolist(), strict=True))
    return {str(row["invoice_id"]): str(row["customer_id"]) for row in recorded.get("invoices", ())} | found


def _homeless(export: Ledger, recorded: Rows) -> list[Problem]:
    whose = _customers_of_invoices(export, recorded)
    return [
        _said(TABLES[name], row, "unknown_invoice", "is not in the ledger", "Import it, or mend the number.")
        for name, rows in recorded.items()
        for row in rows
        if _customer(row, whose) is None
    ]


def _matched(
    table: Table, own: Sequence[Row], theirs: Sequence[Row], whose: Mapping[str, str]
) -> tuple[list[Row], list[Problem]]:
    """The export's rows, filled from the desk's of the same facts, and then the desk's other rows."""
    rows: list[dict[str, Any]] = [dict(row) for row in own]
    named = [column.name for column in table.on_disk]
    added, said = [], []
    places = _Places(table, rows)
    for given in theirs:
        row = {name: given[name] for name in named if given.get(name) not in (None, "")}
        if "invoice_id" in row and row["invoice_id"] in whose and "customer_id" in table.by_name:
            row["customer_id"] = whose[row["invoice_id"]]
        if "customer_id" in table.by_name and table.by_name["customer_id"].need == "derived":
            row.pop("customer_id", None)
        place = places.take(row)
        if place is None:
            added.append(row)
            continue
        said += list(_conflicts(table, rows[place], row))
        rows[place] = row | rows[place] | _known_first(row, rows[place])
    return [*rows, *added], said


class _Places:
    """Which row of the export tells of the same fact; each answers once."""

    def __init__(self, table: Table, rows: Sequence[Row]) -> None:
        self._ways = SAME.get(table.name, (table.key,))
        self._places: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        self._taken: set[int] = set()
        for place, row in enumerate(rows):
            for way in self._ways:
                self._places[self._key(way, row)].append(place)

    def take(self, row: Row) -> int | None:
        """The place of the row that tells the same; None where there is none left."""
        for way in self._ways:
            if not row.get(way[0]) and way is not self._ways[-1]:
                continue
            for place in self._places.get(self._key(way, row), ()):
                if place not in self._taken:
                    self._taken.add(place)
                    return place
        return None

    def _key(self, way: tuple[str, ...], row: Row) -> tuple[Any, ...]:
        return (way, *(_meant(row.get(name)) for name in way))


def _meant(text: Any) -> Any:
    """What a cell means: 10.5 and 10.50 are the same amount."""
    if text in (None, ""):
        return None
    try:
        return Decimal(str(text))
    except InvalidOperation:
        return str(text)


def _conflicts(table: Table, exported: Row, recorded: Row) -> Iterator[Problem]:
    for name, text in recorded.items():
        there = exported.get(name)
        if name != "known_on" and there is not None and _meant(there) != _meant(text):
            message = f"was recorded at the desk, and the export says {there!r}, which counts"
            yield replace(
                _said(table, recorded, "desk_differs", message, "Mend the one that is wrong."),
                column=name,
                value=str(text),
            )


def _known_first(one: Row, other: Row) -> dict[str, Any]:
    """We knew a fact from the day on which the first of the two told us."""
    days = [row["known_on"] for row in (one, other) if row.get("known_on")]
    return {"known_on": min(days)} if days else {}


def _said(table: Table, row: Row, code: str, message: str, mend: str) -> Problem:
    key = row.get(table.key[0]) if table.key else row.get("invoice_id") or row.get("customer_id")
    named = "invoice_id" if code == "unknown_invoice" else None
    value = str(row.get("invoice_id")) if named else None
    return Problem(table.name, None, named, key and str(key), value, "note", code, message, mend, DESK)


def _of_desk(ledger: Ledger, own: Rows) -> Iterator[Problem]:
    """What was found odd in rows that came from the desk: they stand behind the export's."""
    for problem in ledger.problems:
        if problem.row is not None and problem.row > len(own.get(problem.table, ())):
            yield replace(problem, row=problem.row - len(own.get(problem.table, ())), source=DESK)


def _replaced(table: Table, frame: pd.DataFrame, part: Ledger, customers: set[str]) -> pd.DataFrame:
    """A table in which the rows of some customers give way to those of the part, in canonical order."""
    if "customer_id" not in frame:
        return frame
    is_theirs = frame["customer_id"].isin(list(customers))
    if not is_theirs.any() and not len(part.tables[table.name]):
        return frame
    parts = [frame[~is_theirs], part.tables[table.name]]
    filled = [each for each in parts if len(each)]
    if not filled:
        return frame.iloc[:0]
    whole = pd.concat(filled, ignore_index=True)
    return whole.sort_values(list(table.order), kind="stable", na_position="last", ignore_index=True)
