"""What is written in the files, rows or frames given, as plain text, before anything is interpreted?"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from features.ledger import cells
from features.ledger.problems import Problem, Severity

SUFFIXES = (".csv", ".parquet")
_UNREADABLE = "Export it again as UTF-8 text separated by commas, or as Parquet."


@dataclass(frozen=True)
class RawTable:
    """Cells as text (None where blank), with the file and row each row stands in."""

    name: str
    columns: dict[str, np.ndarray]
    number: np.ndarray
    source: np.ndarray
    unread: tuple[tuple[str, int, str], ...] = ()
    """Source, row and text of the lines that could not be split into cells."""
    has_header: bool = True
    """False for JSON rows: a column lacking there is a cell lacking in each row."""

    def __len__(self) -> int:
        return len(self.number)


def raw_table(name: str, columns: dict[str, np.ndarray], source: str, numbers: np.ndarray) -> RawTable:
    """A table of which all rows come from one source."""
    return RawTable(name, columns, numbers, cells.texts([source] * len(numbers)))


def text_of(value: Any) -> str | None:
    """The text of a value from JSON, Parquet or a frame; None where it is blank."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, str):
        if not value.isascii():  # JSON can hold halves of characters, which no file can
            value = value.encode("utf-8", "replace").decode()
        return value.strip() or None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        return format(value, ".15g")  # 15 digits survive binary floats: 0.1 + 0.2 is 0.3
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value).strip() or None


def from_rows(
    name: str, rows: list[Mapping[str, Any]], required: Iterable[str]
) -> tuple[RawTable, list[Problem]]:
    """A table from a list of JSON objects, with at least the required columns; other rows are errors."""
    problems = [problem for number, row in enumerate(rows, 1) for problem in _not_cells(name, number, row)]
    rows = [row if isinstance(row, Mapping) else {} for row in rows]
    names = dict.fromkeys([*required, *(column for row in rows for column in row)])
    columns = {column: cells.texts([text_of(row.get(column)) for row in rows]) for column in names}
    return replace(raw_table(name, columns, "", np.arange(1, len(rows) + 1)), has_header=False), problems


def _not_cells(name: str, number: int, row: Any) -> list[Problem]:
    if not isinstance(row, Mapping):
        message, mend = "is not an object of columns and values", "Give each row as an object."
        return [_problem(name, "", "error", "not_an_object", message, mend, number, repr(row))]
    message, mend = "is not one value", "Give a text, a number, true, false or null."
    return [
        Problem(name, number, column, None, repr(value), "error", "not_a_value", message, mend)
        for column, value in row.items()
        if isinstance(value, list | dict)
    ]


def from_frame(name: str, frame: pd.DataFrame, source: str = "") -> RawTable:
    """A table from a frame of texts or values; missing values are blank cells."""
    columns = {
        str(column): cells.texts([_text_or_none(value) for value in frame[column].tolist()])
        for column in frame.columns
    }
    return raw_table(name, columns, source, np.arange(1, len(frame) + 1))


def _text_or_none(value: Any) -> str | None:
    return None if isinstance(value, float) and value != value else text_of(value)


def read_file(
    name: str, path: Path, encoding: str = "utf-8", delimiter: str = ","
) -> tuple[RawTable | None, list[Problem]]:
    """A table from a CSV or Parquet file; None (and an error) where it cannot be read at all."""
    try:
        if path.suffix.lower() == ".parquet":
            frame = pyarrow.parquet.read_table(path)
            return _from_arrow(name, path.name, frame), []
        return _read_csv(name, path, encoding, delimiter)
    except (OSError, pa.ArrowException, csv.Error, LookupError) as failure:
        reason = " ".join(str(failure).split())[:200]
        return None, [_unreadable(name, path.name, f"cannot be read: {reason}")]


def _unreadable(name: str, source: str, message: str, mend: str = _UNREADABLE) -> Problem:
    return _problem(name, source, "error", "unreadable_file", message, mend)


def _from_arrow(name: str, source: str, frame: pa.Table) -> RawTable:
    columns = {column: _parquet_texts(frame.column(column)) for column in frame.column_names}
    return raw_table(name, columns, source, np.arange(1, frame.num_rows + 1))


def _parquet_texts(column: pa.ChunkedArray) -> np.ndarray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return _trimmed(column)
    return cells.texts([_text_or_none(value) for value in column.to_pylist()])


def _trimmed(column: pa.ChunkedArray) -> np.ndarray:
    """Trimmed texts as objects, equal texts sharing one object, blank ones None."""
    trimmed = pc.utf8_trim_whitespace(column).combine_chunks()
    encoded = pc.dictionary_encode(pc.if_else(pc.equal(trimmed, ""), None, trimmed))
    known = np.append(encoded.dictionary.to_numpy(zero_copy_only=False), cells.texts([None]))
    return known[encoded.indices.fill_null(len(known) - 1).to_numpy(zero_copy_only=False)]


def _read_csv(name: str, path: Path, encoding: str, delimiter: str) -> tuple[RawTable | None, list[Problem]]:
    text, problems = _decoded(name, path, encoding)
    if text is None:
        return None, problems
    header = next(csv.reader(io.StringIO(text), delimiter=delimiter), [])
    header = [column.strip() for column in header]
    if not any(header):
        return None, [*problems, _unreadable(name, path.name, "is empty", "Export it with a header line.")]
    twice = sorted({column for column in header if column and header.count(column) > 1})
    if twice:
        problems += [_twice(name, path.name, column) for column in twice]
        return None, problems
    ragged: list[tuple[int, int, str]] = []
    frame = _parsed(text, header, delimiter, ragged)
    if _quote_left_open(text, frame, ragged):
        row = frame.num_rows + len(ragged)
        message = "opens a double quote that is never closed, which swallows the rest of the file"
        problems.append(_problem(name, path.name, "error", "open_quote", message, "Close or remove it.", row))
        return None, problems
    problems += [_ragged(name, path.name, row, count, len(header)) for row, count, _ in ragged]
    lost = {row for row, _, _ in ragged}
    numbers = np.arange(1, frame.num_rows + len(lost) + 1)
    if lost:
        numbers = numbers[~np.isin(numbers, list(lost))]
    columns = {column: _trimmed(frame.column(place)) for place, column in enumerate(header) if column}
    unread = tuple((path.name, row, line) for row, _, line in ragged)
    return replace(raw_table(name, columns, path.name, numbers), unread=unread), problems


def _parsed(text: str, header: list[str], delimiter: str, ragged: list[tuple[int, int, str]]) -> pa.Table:
    places = [str(place) for place in range(len(header))]

    def skip(row: Any) -> str:
        ragged.append((row.number - 1, row.actual_columns, row.text))
        return "skip"

    return pyarrow.csv.read_csv(
        io.BytesIO(text.encode("utf-8")),
        pyarrow.csv.ReadOptions(use_threads=False, column_names=places, skip_rows_after_names=1),
        pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip),
        pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(places, pa.string()), strings_can_be_null=False
        ),
    )


def _quote_left_open(text: str, frame: pa.Table, ragged: list[tuple[int, int, str]]) -> bool:
    """Whether the last row runs on over lines because a quote is missing."""
    if text.count('"') % 2 == 0:
        return False
    last = [str(cell) for row in frame.slice(max(frame.num_rows - 1, 0)).to_pylist() for cell in row.values()]
    return any("\n" in cell.strip() for cell in last + [line for _, _, line in ragged[-1:]])


def _decoded(name: str, path: Path, encoding: str) -> tuple[str | None, list[Problem]]:
    """The text of a file; one not in its encoding is read as Windows-1252, said with the first odd row."""
    content = path.read_bytes()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    try:
        text, problems = (
            content.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding),
            [],
        )
    except UnicodeDecodeError as odd:
        text = content.decode("cp1252", errors="replace")
        row = content.count(b"\n", 0, odd.start)
        line = content[content.rfind(b"\n", 0, odd.start) + 1 :].split(b"\n", 1)[0]
        message = f"is not {encoding} text and was read as Windows-1252"
        mend = "Check its accented letters, or export it as UTF-8."
        value = line.decode("cp1252", errors="replace").strip()
        problems = [_problem(name, path.name, "repaired", "encoding", message, mend, row or None, value)]
    if "\x00" in text:
        return None, [_unreadable(name, path.name, "is not a text file (a spreadsheet, perhaps)")]
    return text, problems


def _twice(name: str, source: str, column: str) -> Problem:
    message, mend = "stands twice in the header", "Rename or remove one of the two columns."
    return Problem(name, None, column, None, None, "error", "column_twice", message, mend, source)


def _ragged(name: str, source: str, row: int, count: int, wanted: int) -> Problem:
    message = f"has {count} cells where the header has {wanted}"
    mend = "Put texts that hold the separator or a line break in double quotes."
    return _problem(name, source, "set_aside", "ragged_row", message, mend, row)


def _problem(
    table: str, source: str, severity: Severity, code: str, message: str, mend: str,
    row: int | None = None, value: str | None = None,
) -> Problem:  # fmt: skip
    return Problem(table, row, None, None, value, severity, code, message, mend, source)


def concatenated(name: str, parts: Iterable[RawTable]) -> RawTable:
    """One table of the rows of several; columns missing in a part are blank there."""
    parts = list(parts)
    if len(parts) == 1:
        return parts[0]
    names = dict.fromkeys(column for part in parts for column in part.columns)
    columns = {
        column: np.concatenate([part.columns.get(column, cells.texts([None] * len(part))) for part in parts])
        for column in names
    }
    number = np.concatenate([part.number for part in parts])
    source = np.concatenate([part.source for part in parts])
    return RawTable(name, columns, number, source, tuple(line for part in parts for line in part.unread))
