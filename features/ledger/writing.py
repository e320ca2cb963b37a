"""How is a ledger written to disk, so that it reads back the same and a spreadsheet cannot run its cells?"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd

from features.ledger import cells
from features.ledger.reading import RawTable
from features.ledger.settings import FILE, LedgerSettings, load_settings, write_settings
from features.ledger.tables import TABLES, Column, Table

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r]")


def escaped(text: str) -> str:
    """A text that a spreadsheet would run as a formula, behind an apostrophe."""
    return "'" + text if _FORMULA.match(text) else text


def unescaped(raw: RawTable) -> RawTable:
    """A table read from our own CSV, without the apostrophes that `escaped` puts there."""
    columns = dict(raw.columns)
    for column in TABLES[raw.name].columns:
        listed = columns[column.name].tolist() if column.kind == "text" and column.name in columns else []
        if any(text is not None and text[0] == "'" for text in listed):
            columns[column.name] = cells.texts([_unescaped(text) for text in listed])
    return replace(raw, columns=columns)


def _unescaped(text: str | None) -> str | None:
    return text[1:] if text and _ESCAPED.match(text) else text


def write_ledger(tables: dict[str, pd.DataFrame], settings: LedgerSettings, folder: Path) -> None:
    """Writes required and non-empty tables and `ledger.yaml`; a Parquet twin would contradict it and goes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        if len(frame) or TABLES[name].required:
            _write_csv(_written_table(name, frame), folder / f"{name}.csv")
            (folder / f"{name}.parquet").unlink(missing_ok=True)
    if load_settings(folder / FILE)[0] != settings or not (folder / FILE).exists():
        write_settings(settings, folder / FILE)  # a file that says the same keeps its comments


def write_set_aside(set_aside: dict[str, pd.DataFrame], folder: Path) -> list[Path]:
    """One CSV file per table with rows set aside; a file of an earlier run goes where there are none."""
    for name in TABLES.keys() - set_aside.keys():
        (folder / f"{name}.csv").unlink(missing_ok=True)
    written = []
    for name, frame in set_aside.items():
        folder.mkdir(parents=True, exist_ok=True)
        safe = {column: [_safe(value) for value in frame[column].tolist()] for column in frame.columns}
        _write_csv(pd.DataFrame(safe), folder / f"{name}.csv")
        written.append(folder / f"{name}.csv")
    return written


def _safe(value: object) -> object:
    return escaped(value) if isinstance(value, str) else value


def rows_of(tables: dict[str, pd.DataFrame]) -> dict[str, list[dict[str, str]]]:
    """Typed tables as {table: [row, …]}, blank cells left out: what `Ledger.from_rows` reads back the same."""
    return {name: _rows(TABLES[name], frame) for name, frame in tables.items()}


def _rows(table: Table, frame: pd.DataFrame) -> list[dict[str, str]]:
    columns = [
        _texts(frame[column.name]) if column.kind == "text" else _written(column, frame)
        for column in table.on_disk
    ]
    names = [column.name for column in table.on_disk]
    return [
        {name: text for name, text in zip(names, row, strict=True) if text is not None}
        for row in zip(*columns, strict=True)
    ]


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Writes beside the file and then moves into place, so that a reader never sees half of it."""
    unfinished = path.with_name(path.name + ".part")
    frame.to_csv(unfinished, index=False, encoding="utf-8", lineterminator="\n")
    unfinished.replace(path)


def _written_table(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The columns on disk that hold anything, or have to be there, as texts."""
    table = TABLES[name]
    kept = [
        c for c in table.on_disk if c.need != "optional" or c.name in table.either or _holds_any(c, frame)
    ]
    return pd.DataFrame({column.name: _written(column, frame) for column in kept}, dtype=object)


def _holds_any(column: Column, frame: pd.DataFrame) -> bool:
    values = frame[column.name]
    return bool(values.any() if column.kind == "flag" else values.notna().any())


def _written(column: Column, frame: pd.DataFrame) -> list[str | None]:
    values = frame[column.name]
    if column.kind == "text":
        return [None if text is None else escaped(text) for text in _texts(values)]
    if column.kind == "currency":
        return _texts(values)
    if column.kind == "date":
        days = values.to_numpy().astype("datetime64[D]").astype(str).tolist()
        return [None if day == "NaT" else day for day in days]
    if column.kind == "flag":
        return ["true" if value else "false" for value in values.tolist()]
    if column.kind == "number":
        return [None if value != value else repr(value) for value in values.tolist()]
    return _written_amounts(values, frame)


def _texts(values: pd.Series) -> list[str | None]:
    return [text if text == text else None for text in values.tolist()]


def _written_amounts(values: pd.Series, frame: pd.DataFrame) -> list[str | None]:
    known = frame["amount_known"] if "amount_known" in frame else values.notna()
    return [
        cells.written_amount(value, currency) if there else None
        for value, currency, there in zip(
            values.tolist(), frame["currency"].tolist(), known.tolist(), strict=True
        )
    ]
