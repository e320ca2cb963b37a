"""What is odd about a ledger, where, what was done about it, and how to mend it?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from features.ledger.tables import TABLES

Severity = Literal["note", "repaired", "set_aside", "error"]
SEVERITIES: tuple[Severity, ...] = ("error", "set_aside", "repaired", "note")
_ROWS_NAMED = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """One oddity: `note` kept as it is, `repaired`, `set_aside` (the row), or `error` (stops the load).

    `row` counts data rows from 1 in the file (or in the list of a request); None means the whole table.
    """

    table: str
    row: int | None
    column: str | None
    key: str | None
    value: str | None
    severity: Severity
    code: str
    message: str
    mend: str
    source: str = ""

    def __str__(self) -> str:
        return self.line()

    @property
    def pointer(self) -> str:
        """JSON pointer of the cell inside a ledger given as {table: [rows]}."""
        parts = [self.table, None if self.row is None else str(self.row - 1), self.column]
        return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts if part)

    def line(self, aside: str = "") -> str:
        """One line that teaches; `aside` follows the statement, before the mend."""
        where = self.source or self.table
        if self.row is not None:
            where += f" row {self.row}"
        elif self.source and self.table in TABLES and not self.source.startswith(f"{self.table}."):
            where += f", {self.table}"
        if self.key is not None and self.key != self.value:
            where += f" ({self.key})"
        what = " ".join(part for part in (self.column, _quoted(self.value), self.message) if part)
        return f"{where}: {what}{aside}. {self.mend}".rstrip()

    def as_dict(self) -> dict[str, object]:
        """JSON-ready."""
        return {name: getattr(self, name) for name in self.__slots__} | {"line": str(self)}


class LedgerError(Exception):
    """The ledger cannot be used; `problems` holds everything found, not only the first error."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(summarise(p for p in problems if p.severity == "error")))


def summarise(problems: Iterable[Problem]) -> list[str]:
    """One line per table, code, severity and column, the gravest first: the first case and how many more."""
    groups: dict[tuple[str, ...], list[Problem]] = {}
    for problem in problems:
        group = (problem.severity, problem.table, problem.code, problem.column or "", problem.source)
        groups.setdefault(group, []).append(problem)
    ranked = sorted(groups.values(), key=lambda group: SEVERITIES.index(group[0].severity))
    return [group[0].line(_and_more(group[1:])) for group in ranked]


def _and_more(others: list[Problem]) -> str:
    if not others:
        return ""
    rows = [str(problem.row) for problem in others if problem.row is not None]
    if not rows:
        return f" ({len(others):,} more)"
    named = ", ".join(rows[:_ROWS_NAMED]) + (" …" if len(rows) > _ROWS_NAMED else "")
    return f" ({len(others):,} more: row{'s' if len(rows) > 1 else ''} {named})"


def _quoted(value: str | None) -> str | None:
    return None if value is None else repr(value if len(value) <= 60 else value[:59] + "…")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence that suggests the nearest known name, or lists what is known."""
    known = sorted(known)
    near = get_close_matches(name.strip().lower().replace(" ", "_"), known, n=1, cutoff=0.6)
    return f"Did you mean '{near[0]}'?" if near else f"Known are: {', '.join(known)}."
