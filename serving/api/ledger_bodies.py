"""Is the ledger in this body in the form of the contract, table by table and cell by cell?

The tables are those of `features.ledger.tables`; this file only says how their columns look in JSON. A file
may be repaired on reading, because its export cannot be asked again; a caller can, so here nothing is.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from features.ledger.problems import did_you_mean
from features.ledger.tables import TABLES, Column, Table
from serving.api.days import parse_day
from serving.api.problems import pointer

LARGEST_NUMBER = 10**15
_MONEY = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
_MONEY_SCHEMA = {"type": "string", "pattern": f"^{_MONEY.pattern}$", "examples": ["1234.50"]}
_SCHEMAS: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
    "date": {"type": "string", "format": "date"},
    "amount": _MONEY_SCHEMA,
    "limit": _MONEY_SCHEMA,
    "number": {"type": "number", "minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER},
    "flag": {"type": "boolean"},
}
_WANTED = {
    "text": "a text",
    "currency": "three capital letters such as EUR",
    "date": "a day such as 2026-03-31",
    "amount": 'a decimal text such as "1234.50"',
    "limit": 'a decimal text such as "1234.50"',
    "number": "a number",
    "flag": "true or false",
}

JsonProblem = dict[str, str]


def ledger_schema() -> dict[str, Any]:
    """JSON Schema of the ledger in a body."""
    return {
        "type": "object",
        "title": "Ledger",
        "description": "The tables of a ledger as lists of rows. Money is a decimal string.",
        "properties": {
            table.name: {"type": "array", "description": table.meaning, "items": _row_schema(table)}
            for table in TABLES.values()
        },
        "required": [table.name for table in TABLES.values() if table.required],
        "additionalProperties": False,
    }


def ledger_problems(ledger: dict[str, Any]) -> Iterator[JsonProblem]:
    """Everything in the ledger that does not follow its schema, in the order of the body."""
    for name, rows in ledger.items():
        if name not in TABLES:
            yield _problem(
                ("ledger", name), "unknown_table", "there is no such table", did_you_mean(name, TABLES)
            )
        elif not isinstance(rows, list):
            yield _problem(
                ("ledger", name), "not_a_list", "a table is a list of rows", "Give a list of objects."
            )
        else:
            for place, row in enumerate(rows):
                yield from _row_problems(TABLES[name], place, row)
    for table in TABLES.values():
        if table.required and table.name not in ledger:
            yield _problem(("ledger", table.name), "missing", "the table is needed", "Add it, if only as [].")


def _row_schema(table: Table) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {column.name: _column_schema(column) for column in table.on_disk},
        "required": [column.name for column in table.on_disk if column.need == "required"],
        "additionalProperties": False,
    }


def _column_schema(column: Column) -> dict[str, Any]:
    schema = {**_SCHEMAS[column.kind], "description": column.meaning}
    if column.need == "required":
        return schema | ({"minLength": 1} if column.kind == "text" else {})
    return schema | {"type": [schema["type"], "null"]}


def _row_problems(table: Table, place: int, row: Any) -> Iterator[JsonProblem]:
    where = ("ledger", table.name, place)
    if not isinstance(row, dict):
        yield _problem(where, "not_an_object", "a row is an object of column: value", "Give an object.")
        return
    known, required = _columns(table.name)
    for name, value in row.items():
        column = known.get(name)
        if column is None:
            yield _problem(
                (*where, name), "unknown_column", "there is no such column", did_you_mean(name, known)
            )
        elif value is None or value == "":
            if name in required:
                yield _missing((*where, name))
        elif not _fits(column.kind, value):
            detail = f"{reprlib.repr(value)} is not {_WANTED[column.kind]}"
            yield _problem((*where, name), "wrong_value", detail, f"Write {_WANTED[column.kind]}.")
    for name in required:
        if name not in row:
            yield _missing((*where, name))


@lru_cache
def _columns(table: str) -> tuple[dict[str, Column], tuple[str, ...]]:
    columns = {column.name: column for column in TABLES[table].on_disk}
    return columns, tuple(name for name, column in columns.items() if column.need == "required")


def _fits(kind: str, value: Any) -> bool:
    if kind == "flag":
        return isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST_NUMBER
    if not isinstance(value, str):
        return False
    if kind == "date":
        return _is_day(value)
    if kind == "currency":
        return re.fullmatch("[A-Z]{3}", value) is not None
    return kind == "text" or _MONEY.fullmatch(value) is not None


@lru_cache(maxsize=50_000)
def _is_day(text: str) -> bool:
    try:
        parse_day(text)
    except ValueError:
        return False
    return True


def _missing(steps: tuple[str | int, ...]) -> JsonProblem:
    return _problem(steps, "missing", "the column is needed in every row", "Add it.")


def _problem(steps: tuple[str | int, ...], code: str, detail: str, mend: str) -> JsonProblem:
    return {"pointer": pointer(steps), "code": code, "detail": detail, "mend": mend}
