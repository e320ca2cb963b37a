"""How do raw cells become typed rows, and how is every oddity among them remembered?"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from features.ledger import cells
from features.ledger.problems import Problem, Severity, did_you_mean
from features.ledger.reading import RawTable
from features.ledger.settings import LedgerSettings
from features.ledger.tables import Column, Table

_NOT_A = {
    "date": ("is not a day between 1970 and 2100", "Write it as YYYY-MM-DD; a mapping names other formats."),
    "number": ("is not a number", "Write digits with a decimal point and no thousands sign."),
    "flag": ("is neither true nor false", "Write true or false."),
    "currency": ("is not a currency code", "Write the three letters of ISO 4217, such as EUR."),
}


@dataclass
class Findings:
    """Everything said about a ledger while it is put together, and the rows set aside from it."""

    settings: LedgerSettings
    problems: list[Problem] = field(default_factory=list)
    aside: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    """Table, then position in the raw table, then the reasons."""

    def table(
        self, table: str, code: str, severity: Severity, message: str, mend: str,
        column: str | None = None, source: str = "",
    ) -> None:  # fmt: skip
        """A problem of a table as a whole."""
        self.problems.append(Problem(table, None, column, None, None, severity, code, message, mend, source))


@dataclass
class Rows:
    """Rows of one table on their way: typed values by column, and where each row stands in the raw table."""

    table: Table
    raw: RawTable
    at: np.ndarray
    values: dict[str, np.ndarray]
    findings: Findings

    def __len__(self) -> int:
        return len(self.at)

    def __getitem__(self, column: str) -> np.ndarray:
        return self.values[column]

    def take(self, where: np.ndarray) -> Rows:
        """The rows of a mask or in an order of positions."""
        if where.dtype == bool and where.all():
            return self
        values = {column: array[where] for column, array in self.values.items()}
        return replace(self, at=self.at[where], values=values)

    def say(
        self,
        where: np.ndarray,
        severity: Severity,
        code: str,
        message: str,
        mend: str,
        column: str | None = None,
    ) -> None:
        """Notes a problem for every row of the mask."""
        places = np.flatnonzero(where)
        if not len(places):
            return
        places = places[np.argsort(self.at[places])]
        rows = self.at[places]
        nothing = [None] * len(rows)
        written = self.raw.columns.get(column) if column else None
        values = nothing if written is None else written[rows].tolist()
        named = self.values.get(self.table.key[0] if self.table.key else "invoice_id")
        keys = nothing if named is None else named[places].tolist()
        numbers, sources = self.raw.number[rows].tolist(), self.raw.source[rows].tolist()
        self.findings.problems.extend(
            Problem(self.table.name, number, column, key, value, severity, code, message, mend, source)
            for number, key, value, source in zip(numbers, keys, values, sources, strict=True)
        )

    def set_aside(
        self, where: np.ndarray, code: str, message: str, mend: str, column: str | None = None
    ) -> Rows:
        """The rows without those of the mask, which are said and kept apart."""
        if not where.any():
            return self
        self.say(where, "set_aside", code, message, mend, column)
        self.remember_aside(where, f"{column} {message}" if column else message)
        return self.take(~where)

    def remember_aside(self, where: np.ndarray, reason: str) -> None:
        """Keeps the rows of the mask for the file of rows set aside, with the reason."""
        if not where.any():
            return
        aside = self.findings.aside.setdefault(self.table.name, {})
        for place in self.at[where].tolist():
            aside.setdefault(place, []).append(reason)


def typed_rows(table: Table, raw: RawTable, findings: Findings) -> Rows:
    """Rows with texts, days, numbers and flags typed; amounts stay text until their currency is known.

    Rows lacking something required are set aside, with all their reasons.
    """
    rows = Rows(table, raw, np.arange(len(raw)), {}, findings)
    lacking = np.zeros(len(raw), dtype=bool)
    for column in table.on_disk:
        written = raw.columns.get(column.name)
        if written is None:
            rows.values[column.name] = _missing(column, len(raw))
        else:
            rows.values[column.name], unreadable = _typed(column, written, findings.settings)
            lacking |= _said(rows, column, unreadable)
    if table.either:
        nobody = np.logical_and.reduce([cells.blank(rows[column]) for column in table.either])
        names = " and ".join(table.either)
        rows.say(nobody, "set_aside", "nobody_named", f"{names} are both blank", "Fill in one of them.")
        rows.remember_aside(nobody, f"{names} are both blank")
        lacking |= nobody
    for earlier, later in table.in_order:
        code = f"{later}_before_{earlier}".replace("_on", "")
        backwards = rows[later] < rows[earlier]
        rows.say(backwards, "note", code, f"is before {earlier}", "Check both days.", later)
    return _dated(rows.take(~lacking))


def _missing(column: Column, count: int) -> np.ndarray:
    if column.kind == "date":
        return np.full(count, cells.NO_DAY)
    if column.kind in ("number", "flag"):
        return np.full(count, np.nan if column.kind == "number" else False)
    return cells.texts([None] * count)


def _typed(column: Column, written: np.ndarray, settings: LedgerSettings) -> tuple[np.ndarray, np.ndarray]:
    if column.kind == "date":
        return cells.dates(written, settings.time_zone)
    if column.kind == "number":
        return cells.numbers(written)
    if column.kind == "flag":
        return cells.flags(written)
    if column.kind == "currency":
        return cells.currencies(written)
    if column.choices:
        return cells.chosen(written, column.choices)
    return written, np.zeros(len(written), dtype=bool)


def _said(rows: Rows, column: Column, unreadable: np.ndarray) -> np.ndarray:
    """Says which cells are unreadable or wanting; returns where the row cannot be used for it."""
    required = column.need == "required"
    message, mend = _NOT_A.get(column.kind, ("is not one of the known words", ""))
    if column.choices:
        mend = f"Write one of: {', '.join(column.choices)}."
    if unreadable.any():
        severity: Severity = "set_aside" if required else "repaired"
        outcome = "" if required else " and is treated as blank"
        code = f"unreadable_{column.name}" if required else f"blanked_{column.name}"
        rows.say(unreadable, severity, code, message + outcome, mend, column.name)
        if required:
            rows.remember_aside(unreadable, f"{column.name} {message}")
    if not required:
        return np.zeros(len(rows), dtype=bool)
    empty = cells.blank(rows.raw.columns[column.name])
    if empty.any():
        wanted = f"Fill in {column.name}, or leave the row out."
        rows.say(empty, "set_aside", f"missing_{column.name}", "is blank", wanted, column.name)
        rows.remember_aside(empty, f"{column.name} is blank")
    return unreadable | empty


def _dated(rows: Rows) -> Rows:
    """Fills `known_on` with the event's own day, before which most facts cannot have been known."""
    if rows.table.event is None:
        return rows
    happened, known = rows[rows.table.event], rows["known_on"]
    if "known_on" not in rows.raw.columns and len(rows):
        message = f"is not given: every row counts as known on its own {rows.table.event}"
        mend = "Add known_on where facts are recorded later than they happen."
        source = rows.raw.source[0]
        rows.findings.table(rows.table.name, "no_known_on", "note", message, mend, "known_on", source)
    if not rows.table.known_before_event:
        early = known < happened
        rows.values["known_raised"] = early
        message = f"is earlier than {rows.table.event} and is raised to it"
        rows.say(early, "repaired", "known_too_early", message, "Check both days.", "known_on")
        known = np.where(early, happened, known)
    rows.values["known_on"] = np.where(np.isnat(known), happened, known)
    return rows


def without_duplicates(rows: Rows) -> Rows:
    """In canonical order, without rows that repeat another in all but `known_on` (the first known stays)."""
    *columns, last = [column for column in rows.table.order if column in rows.values]
    if rows.table.event is None:  # of undated attributes known_on is part of the key
        columns, last = [*columns, last], "known_on"
    rank = _ranked(rows, columns)
    order = np.lexsort([cells.codes(rows[last]), rank])
    rows, rank = rows.take(order), rank[order]
    repeated = np.concatenate([[False], np.diff(rank) == 0])[: len(rows)]
    message = "repeats another row and is dropped"
    return rows.set_aside(repeated, "duplicate_row", message, "Export each row once.")


def _ranked(rows: Rows, columns: list[str]) -> np.ndarray:
    """Rank of each row by the columns in turn, equal for rows equal in all; stops once all rows differ."""
    rank, distinct = np.zeros(len(rows), dtype=np.int64), 1
    for column in columns:
        if distinct >= len(rows):
            break
        codes = np.unique(cells.codes(rows[column]), return_inverse=True)[1]
        rank = np.unique(rank * (len(rows) + 1) + codes, return_inverse=True)[1]
        distinct = int(rank.max()) + 1
    return rank


def only_once(rows: Rows) -> Rows:
    """Rows in canonical order, of each key only the first known; the others are set aside."""
    if not rows.table.key or len(rows) < 2:
        return rows
    rank = _ranked(rows, list(rows.table.key))
    order = np.lexsort([cells.codes(rows["known_on"]), rank])
    rows, rank = rows.take(order), rank[order]
    again = np.concatenate([[False], np.diff(rank) == 0])
    key = " and ".join(rows.table.key)
    message = f"uses {key} of an earlier known row with other content"
    return rows.set_aside(again, "key_twice", message, f"Give each row a {key} of its own.")


def set_aside_frame(raw: RawTable, aside: dict[int, list[str]]) -> pd.DataFrame:
    """The rows set aside, as they were written, with where they stood and why; then lines without cells."""
    places = sorted(aside)
    frame = {"source": raw.source[places], "row": raw.number[places]}
    frame["problem"] = cells.texts(["; ".join(aside[place]) for place in places])
    table = pd.DataFrame(frame | {column: values[places] for column, values in raw.columns.items()})
    if raw.unread:
        lines = pd.DataFrame(list(raw.unread), columns=["source", "row", "line"])
        table = pd.concat([table, lines.assign(problem="not as many cells as the header has")])
    return table.reset_index(drop=True)


def check_header(table: Table, raw: RawTable, findings: Findings) -> bool:
    """Whether all columns needed are there; says which are not, and which are unknown."""
    source = next(iter(raw.source.tolist()), "")
    _say_unknown_columns(table, raw, findings, source)
    if not raw.has_header:
        return True
    needed = [c for c in table.on_disk if c.need in ("required", "expected") and c.name not in raw.columns]
    missing = {c.name: c.meaning for c in needed if not _can_do_without(c, table, findings, source)}
    if table.either and not set(table.either) & raw.columns.keys():
        missing[" or ".join(table.either)] = "whom the row is about"
    for name, meaning in missing.items():
        near = did_you_mean(name, raw.columns.keys() - table.by_name.keys())
        mend = f"Add {name} ({meaning}). {near if near.startswith('Did') else ''}".rstrip()
        findings.table(table.name, "missing_column", "error", "is missing", mend, name, source)
    return not missing


def _say_unknown_columns(table: Table, raw: RawTable, findings: Findings, source: str) -> None:
    names = [column.name for column in table.on_disk]
    for unknown in raw.columns:
        if unknown in names:
            continue
        message, mend = "is not a column of this table and is not read", did_you_mean(unknown, names)
        first = (
            None if raw.has_header else int(np.flatnonzero(~cells.blank(raw.columns[unknown]))[:1].sum()) + 1
        )
        findings.problems.append(
            Problem(table.name, first, unknown, None, None, "note", "unknown_column", message, mend, source)
        )


def _can_do_without(column: Column, table: Table, findings: Findings, source: str) -> bool:
    if column.need == "required" or table.name != "invoices":
        return column.need == "expected"
    base = findings.settings.base_currency
    if column.name == "currency" and base:
        message = f"is missing: every amount counts as {base}"
        findings.table(
            table.name, "no_currency", "note", message, "Add it if there are others.", "currency", source
        )
        return True
    return False
