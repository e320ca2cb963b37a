"""How does an ERP export become a ledger? Applies a mapping to files and writes the ledger."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pandas as pd

from features.ledger import cells
from features.ledger.book import Ledger
from features.ledger.mapping import ColumnMapping, Filter, Mapping, TableMapping, date_pattern, load_mapping
from features.ledger.problems import Problem, Severity, did_you_mean
from features.ledger.reading import SUFFIXES, RawTable, concatenated, read_file
from features.ledger.settings import FILE, load_settings
from features.ledger.tables import TABLES

_OTHERWISE = "{} (not as the mapping says)"
"""What the ledger sees of a cell in another format: never a value that happens to fit."""


@dataclass(frozen=True)
class ImportResult:
    """The ledger written, everything said about it, and the rows set aside."""

    ledger: Ledger
    problems: list[Problem]
    set_aside: dict[str, pd.DataFrame]


def import_export(files: list[Path], mapping: str | Path, to: Path) -> ImportResult:
    """Turns an export into the ledger folder `to`, with the rows set aside in its folder `set_aside`.

    A `ledger.yaml` already there is kept and used. LedgerError, with nothing written, if it cannot be used.
    """
    how, target = load_mapping(mapping), Path(to)
    settings, problems = load_settings(target / FILE)
    if not (target / FILE).exists():
        settings = how.ledger
    sources = _read_sources([Path(file) for file in files], how, problems)
    raws = {name: _mapped(name, table, how, sources, problems) for name, table in how.tables.items()}
    problems += _unused_columns(how, sources)
    fed = {name: raw for name, raw in raws.items() if raw is not None}
    ledger = Ledger.from_raw(fed, settings, problems)
    ledger.save(target)
    ledger.write_set_aside(target / "set_aside")
    return ImportResult(ledger, ledger.problems, ledger.set_aside)


def _read_sources(files: list[Path], how: Mapping, problems: list[Problem]) -> dict[str, RawTable]:
    sources = {}
    for file in files:
        if not any(fnmatch(file.name, table.files) for table in how.tables.values()):
            wanted = ", ".join(sorted({table.files for table in how.tables.values()}))
            problems.append(
                _said(file.name, "error", "unknown_file", "feeds no table", f"Named are: {wanted}.")
            )
        elif file.suffix.lower() not in (*SUFFIXES, ".txt", ".tsv"):
            message = "is neither CSV nor Parquet"
            problems.append(_said(file.name, "error", "unknown_file", message, "Export it as one of them."))
        else:
            raw, more = read_file(file.name, file, how.encoding, how.delimiter)
            problems += more
            if raw is not None:
                sources[file.name] = raw
    if not sources and not problems:
        problems.append(_said("import", "error", "no_files", "was given no file", "Name the export's files."))
    return sources


def _mapped(
    name: str, table: TableMapping, how: Mapping, sources: dict[str, RawTable], problems: list[Problem]
) -> RawTable | None:
    fitting = [raw for file, raw in sources.items() if fnmatch(file, table.files)]
    missing = [problem for raw in fitting for problem in _missing_columns(name, table, raw)]
    problems += missing
    if missing or not fitting:
        return None
    return concatenated(name, [_one_mapped(name, table, how, raw, problems) for raw in fitting])


def _missing_columns(name: str, table: TableMapping, raw: RawTable) -> list[Problem]:
    """Columns that the mapping needs and the file lacks; a canonical column may be lacking."""
    needed = {condition.column for condition in table.keep}
    for target, spec in table.columns.items():
        same_name = spec.sources == [target]
        if not (same_name and TABLES[name].by_name[target].need != "required"):
            needed.update(spec.sources)
    return [
        _said(raw.name, "error", "missing_column", "is missing", did_you_mean(column, raw.columns), column)
        for column in sorted(needed - raw.columns.keys())
    ]


def _one_mapped(
    name: str, table: TableMapping, how: Mapping, raw: RawTable, problems: list[Problem]
) -> RawTable:
    kept = np.ones(len(raw), dtype=bool)
    for condition in table.keep:
        kept &= _meets(condition, raw.columns[condition.column])
    if not kept.all():
        count = f"{int((~kept).sum()):,} of {len(raw):,} rows do not feed {name}, as the mapping says"
        problems.append(_said(raw.name, "note", "rows_filtered", count, "Nothing to do if that is meant."))
    columns = {}
    for target, spec in table.columns.items():
        if all(source in raw.columns for source in spec.sources):
            made = _made(spec, raw, kept)
            columns[target] = _translated(made, TABLES[name].by_name[target].kind, spec, how)
    return RawTable(name, columns, raw.number[kept], raw.source[kept], raw.unread)


def _meets(condition: Filter, column: np.ndarray) -> np.ndarray:
    def holds(text: str | None) -> bool:
        return (
            (condition.equals is None or text == condition.equals)
            and (not condition.one_of or text in condition.one_of)
            and (not condition.none_of or text not in condition.none_of)
            and (condition.blank is None or (text is None) == condition.blank)
        )

    return np.array([holds(text) for text in column.tolist()], dtype=bool)


def _made(spec: ColumnMapping, raw: RawTable, kept: np.ndarray) -> np.ndarray:
    """The texts of a target column: taken, joined or constant, then replaced and filled."""
    if spec.constant is not None:
        return cells.texts([spec.constant] * int(kept.sum()))
    parts = [raw.columns[source][kept].tolist() for source in spec.sources]
    joined = (
        parts[0]
        if len(parts) == 1
        else [spec.separator.join(row) if all(row) else None for row in zip(*parts, strict=True)]
    )
    replaced = [spec.values.get(text, text) if text else None for text in joined]
    return cells.texts([text or spec.default for text in replaced])


def _translated(texts: np.ndarray, kind: str, spec: ColumnMapping, how: Mapping) -> np.ndarray:
    if spec.constant is not None:
        return texts
    if kind == "date":
        return _each(texts, _to_iso_date(spec.dates or how.dates))
    if kind in ("amount", "limit", "number"):
        return _each(texts, _to_plain_number(how.decimal, how.thousands))
    return texts


def _each(texts: np.ndarray, translate: Callable[[str], str]) -> np.ndarray:
    listed = texts.tolist()
    known = {text: translate(text) for text in set(listed) if text is not None}
    return cells.texts([None if text is None else known[text] for text in listed])


def _to_iso_date(formats: list[str]) -> Callable[[str], str]:
    patterns = [pattern for pattern in map(date_pattern, formats) if pattern]

    def translate(text: str) -> str:
        for pattern in patterns:
            if match := pattern.fullmatch(text):
                year = int(match["year"]) + (2000 if len(match["year"]) == 2 else 0)
                try:
                    return date(year, int(match["month"]), int(match["day"])).isoformat()
                except ValueError:
                    continue
        return _OTHERWISE.format(text)

    return translate


def _to_plain_number(decimal: str, thousands: str) -> Callable[[str], str]:
    """Reads '1.234,50', '100.00-' and '(100.00)'; thousands signs only between groups of three digits."""
    point, group = re.escape(decimal), re.escape(thousands)
    grouped = f"|[0-9]{{1,3}}(?:{group}[0-9]{{3}})+" if thousands else ""
    pattern = re.compile(rf"([0-9]+{grouped})?(?:{point}([0-9]*))?")

    def translate(text: str) -> str:
        bare = text.replace("\u00a0", " ").strip()
        negative = bare.startswith(("-", "(")) or bare.endswith("-")
        bare = bare.removeprefix("(").removesuffix(")") if bare.startswith("(") else bare.strip("+-").strip()
        match = pattern.fullmatch(bare)
        if not match or not any(match.groups()):
            return _OTHERWISE.format(text)
        whole = (match[1] or "0").replace(thousands, "") if thousands else match[1] or "0"
        return f"{'-' if negative else ''}{whole}" + (f".{match[2]}" if match[2] else "")

    return translate


def _unused_columns(how: Mapping, sources: dict[str, RawTable]) -> list[Problem]:
    """Notes every source column that no table uses, with the mapping's reason where it gives one."""
    problems = []
    for file, raw in sources.items():
        tables = [table for table in how.tables.values() if fnmatch(file, table.files)]
        used = {name for table in tables for spec in table.columns.values() for name in spec.sources}
        used |= {condition.column for table in tables for condition in table.keep}
        for column in raw.columns.keys() - used:
            reason = how.left_out.get(column)
            message = f"is left out: {reason.rstrip('.')}" if reason else "is not used by the mapping"
            mend = "" if reason else did_you_mean(column, used)
            code = "left_out" if reason else "unused_column"
            problems.append(_said(file, "note", code, message, mend, column))
    return sorted(problems, key=lambda problem: (problem.source, problem.column or ""))


def _said(
    file: str, severity: Severity, code: str, message: str, mend: str, column: str | None = None
) -> Problem:
    return Problem("import", None, column, None, None, severity, code, message, mend, file)
