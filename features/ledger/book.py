"""What is recorded about our receivables, and what of it was known before a given day?"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.ledger import reading, writing
from features.ledger.assembling import assembled, unknown_table
from features.ledger.oddities import oddities
from features.ledger.problems import SEVERITIES, LedgerError, Problem, did_you_mean, summarise
from features.ledger.rows import Findings
from features.ledger.settings import FILE, LedgerSettings, load_settings
from features.ledger.tables import TABLES, Table


@dataclass(frozen=True, eq=False)
class Ledger:
    """Every recorded fact about receivables, each with the day we learned it (`known_on`).

    `tables` holds every table of the contract (see tables.py for the types), in canonical order; treat the
    frames as read-only. Days are whole, money is int64 minor units.
    """

    tables: dict[str, pd.DataFrame]
    settings: LedgerSettings = field(default_factory=LedgerSettings)
    problems: list[Problem] = field(default_factory=list)
    set_aside: dict[str, pd.DataFrame] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> Ledger:
        """The ledger of a folder of CSV or Parquet tables; LedgerError, with all problems, if unusable."""
        folder = Path(folder)
        if not folder.is_dir():
            message, mend = "is not a folder", "Name the folder that holds invoices.csv and payments.csv."
            raise LedgerError(
                [Problem(str(folder), None, None, None, None, "error", "no_folder", message, mend)]
            )
        settings, problems = load_settings(folder / FILE)
        raws, more = _read_folder(folder)
        return cls._put_together(raws, settings, problems + more)

    @classmethod
    def from_rows(
        cls, rows: Mapping[str, list[Mapping[str, Any]]], settings: LedgerSettings | None = None
    ) -> Ledger:
        """A ledger from {table: [row, …]}, as in a JSON request; `Problem.pointer` finds the cell."""
        raws, problems = {}, []
        for name, listed in rows.items():
            if name not in TABLES:
                problems.append(unknown_table(name, "", did_you_mean(name, TABLES)))
            elif not isinstance(listed, list):
                message, mend = "is not a list of rows", "Give each table as a list of objects."
                problems.append(Problem(name, None, None, None, None, "error", "not_a_list", message, mend))
            else:
                required = [c.name for c in TABLES[name].on_disk if c.need in ("required", "expected")]
                raws[name], more = reading.from_rows(name, listed, required)
                problems += more
        return cls._put_together(raws, settings or LedgerSettings(), problems)

    @classmethod
    def from_tables(
        cls, tables: Mapping[str, pd.DataFrame], settings: LedgerSettings | None = None
    ) -> Ledger:
        """A ledger from frames with the columns on disk, of texts or values (amounts in currency units)."""
        problems = [
            unknown_table(name, "", did_you_mean(name, TABLES)) for name in tables if name not in TABLES
        ]
        raws = {name: reading.from_frame(name, frame) for name, frame in tables.items() if name in TABLES}
        return cls._put_together(raws, settings or LedgerSettings(), problems)

    @classmethod
    def from_raw(
        cls, raws: dict[str, reading.RawTable], settings: LedgerSettings, problems: list[Problem]
    ) -> Ledger:
        """A ledger from cells already read; `problems` is what was said while reading."""
        return cls._put_together(raws, settings, problems)

    @classmethod
    def _put_together(
        cls, raws: dict[str, reading.RawTable], settings: LedgerSettings, problems: list[Problem]
    ) -> Ledger:
        findings = Findings(settings, list(problems))
        tables, set_aside = assembled(raws, findings)
        if any(problem.severity == "error" for problem in findings.problems):
            raise LedgerError(findings.problems)
        return cls(tables, settings, findings.problems, set_aside)

    def save(self, folder: Path) -> None:
        """Writes the canonical CSV files and `ledger.yaml`; they load as the same ledger."""
        writing.write_ledger(self.tables, self.settings, Path(folder))

    def write_set_aside(self, folder: Path) -> list[Path]:
        """Writes each table's rows set aside, as they were given, with where they stood and why."""
        return writing.write_set_aside(self.set_aside, Path(folder))

    def known_before(self, day: date) -> Ledger:
        """What was known at the start of a day; later facts in earlier rows (a closing) are blank again.

        Undated customers stay: nobody knows since when they hold.
        """
        at = np.datetime64(day, "s")
        tables = {name: _known_before(TABLES[name], frame, at) for name, frame in self.tables.items()}
        return replace(self, tables=tables)

    @property
    def latest_fact(self) -> date | None:
        """The last day on which anything was learned; undated customers do not count."""
        days = [frame["known_on"].max() for frame in self.tables.values()]
        return max((day.date() for day in days if not pd.isna(day)), default=None)

    def of_customers(self, ids: Iterable[str]) -> Ledger:
        """Everything about these customers, with all exchange rates."""
        wanted = list(ids)
        tables = {
            name: frame[frame["customer_id"].isin(wanted)].reset_index(drop=True)
            if "customer_id" in frame
            else frame
            for name, frame in self.tables.items()
        }
        return replace(self, tables=tables)

    def fingerprint(self, before: date) -> str:
        """SHA-256 of what was known before a day and of the settings: no path, format, row order or clock.

        Undated customers count only with what does not change, and only if an invoice of theirs was known.
        """
        known = self.known_before(before).tables
        known["customers"] = lasting(known["customers"], known["invoices"])
        digest = hashlib.sha256(self.settings.model_dump_json().encode())
        for name, table in TABLES.items():
            for column in table.on_disk:
                digest.update(f"\n{name}.{column.name}\n".encode())
                digest.update(_content(known[name][column.name]))
        return digest.hexdigest()


def _read_folder(folder: Path) -> tuple[dict[str, reading.RawTable], list[Problem]]:
    raws: dict[str, reading.RawTable] = {}
    problems: list[Problem] = []
    for name in TABLES:
        files = [
            folder / (name + suffix) for suffix in reading.SUFFIXES if (folder / (name + suffix)).exists()
        ]
        if len(files) > 1:
            message = f"is there as {' and as '.join(file.name for file in files)}"
            mend = "Remove the one that is out of date."
            problems.append(Problem(name, None, None, None, None, "error", "table_twice", message, mend))
        elif files:
            raw, more = reading.read_file(name, files[0])
            problems += more
            if raw is not None:
                raws[name] = writing.unescaped(raw) if files[0].suffix == ".csv" else raw
    return raws, problems + _stray_files(folder)


def _stray_files(folder: Path) -> list[Problem]:
    """Notes files named almost like a table: a slip of the pen would otherwise lose the table silently."""
    strays = [
        file
        for file in sorted(folder.iterdir())
        if file.suffix in reading.SUFFIXES and file.stem not in TABLES
    ]
    mends = [(file, did_you_mean(file.stem, TABLES)) for file in strays]
    return [unknown_table(file.stem, file.name, mend) for file, mend in mends if mend.startswith("Did")]


def _known_before(table: Table, frame: pd.DataFrame, at: np.datetime64) -> pd.DataFrame:
    known = frame["known_on"].to_numpy()
    seen = (known < at) | (np.isnat(known) & (table.event is None))
    if not seen.all():
        frame = frame[seen].reset_index(drop=True)
    later = {
        column.name: frame[column.name].where(frame[column.name] < at)
        for column in table.columns
        if column.visible_on_its_own_day and (frame[column.name] >= at).any()
    }
    return frame.assign(**later) if later else frame


def lasting(customers: pd.DataFrame, invoices: pd.DataFrame) -> pd.DataFrame:
    """Customers without what may change of the undated ones, and without undated ones nobody has billed."""
    undated = customers["known_on"].isna()
    kept = customers[~undated | customers["customer_id"].isin(invoices["customer_id"])].copy()
    undated = kept["known_on"].isna()
    for column in TABLES["customers"].columns:
        if column.may_change:
            nothing = False if column.kind == "flag" else pd.NaT if column.kind == "date" else np.nan
            kept[column.name] = kept[column.name].mask(undated, nothing)
    return kept


def _content(values: pd.Series) -> bytes:
    """The values of a column as bytes that depend on nothing but them."""
    if values.dtype == "str":
        lengths = values.str.len().fillna(-1).to_numpy("<i8")
        return lengths.tobytes() + "".join(values.dropna().tolist()).encode("utf-8", "surrogatepass")
    if values.dtype.kind == "M":
        return values.to_numpy().astype("datetime64[D]").astype("<i8").tobytes()
    if values.dtype.kind == "f":
        return np.where(np.isnan(values), np.nan, values + 0.0).astype("<f8").tobytes()
    return values.to_numpy().astype("<i8").tobytes()


def report(ledger: Ledger) -> dict[str, Any]:
    """What `check` says, JSON-ready: rows and oddities per table, every problem, and a summary in lines."""
    return problem_report(ledger.problems + oddities(ledger)) | {
        "latest_fact": None if ledger.latest_fact is None else ledger.latest_fact.isoformat(),
        "rows": {name: len(frame) for name, frame in ledger.tables.items() if len(frame)},
        "set_aside_rows": {name: len(frame) for name, frame in ledger.set_aside.items()},
    }


def problem_report(problems: list[Problem]) -> dict[str, Any]:
    """The part of a report that does not need a ledger: for ledgers that could not be loaded."""
    counts = Counter(problem.severity for problem in problems)
    by_code = Counter((p.table, p.severity, p.code) for p in problems)
    return {
        "usable": not counts["error"],
        "counts": {severity: counts[severity] for severity in SEVERITIES},
        "by_code": [
            {"table": table, "severity": severity, "code": code, "count": count}
            for (table, severity, code), count in sorted(by_code.items())
        ],
        "summary": summarise(problems),
        "problems": [problem.as_dict() for problem in problems],
    }
