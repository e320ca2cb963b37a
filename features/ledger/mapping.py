"""How does an ERP export translate into a ledger's tables? Reads and checks the mapping files (YAML)."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from features.ledger.problems import LedgerError, Problem, did_you_mean
from features.ledger.settings import LedgerSettings
from features.ledger.tables import TABLES


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _several(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _delimiter(value: str) -> str:
    return {"tab": "\t", "\\t": "\t"}.get(value, value)


class ColumnMapping(_Strict):
    """Where one column of a table comes from; a bare text in the file means `column`."""

    column: str | None = None
    constant: str | None = None
    join: list[str] = Field(default_factory=list)
    """Source columns put together, as in company code, number and year."""
    separator: str = "-"
    values: dict[str, str] = Field(default_factory=dict)
    """Texts replaced, for example 'Ja': 'true'; an empty text makes the cell blank."""
    default: str | None = None
    """What stands where the cell is blank."""
    dates: Annotated[list[str], BeforeValidator(_several)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_origin(self) -> ColumnMapping:
        if sum((self.column is not None, self.constant is not None, bool(self.join))) != 1:
            raise ValueError("should name exactly one of: column, constant, join")
        return self

    @property
    def sources(self) -> list[str]:
        return self.join or ([self.column] if self.column is not None else [])


class Filter(_Strict):
    """A condition that rows have to meet; several conditions on one column all have to hold."""

    column: str
    equals: str | None = None
    one_of: list[str] = Field(default_factory=list)
    none_of: list[str] = Field(default_factory=list)
    blank: bool | None = None

    @model_validator(mode="after")
    def _some_condition(self) -> Filter:
        if self.equals is None and not self.one_of and not self.none_of and self.blank is None:
            raise ValueError("should say equals, one_of, none_of or blank")
        return self


def _short_columns(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: {"column": spec} if isinstance(spec, str) else spec for name, spec in value.items()}


class TableMapping(_Strict):
    """Which files and rows feed a table, and how its columns are made."""

    files: str = "*"
    """File names this table is read from, as a pattern."""
    keep: list[Filter] = Field(default_factory=list)
    columns: Annotated[dict[str, ColumnMapping], BeforeValidator(_short_columns)]


class Mapping(_Strict):
    """One ERP export format."""

    about: str
    encoding: str = "utf-8"
    delimiter: Annotated[str, BeforeValidator(_delimiter), Field(min_length=1, max_length=1)] = ","
    dates: Annotated[list[str], BeforeValidator(_several)] = Field(default_factory=lambda: ["yyyy-mm-dd"])
    decimal: str = Field(default=".", min_length=1, max_length=1)
    thousands: str = Field(default="", max_length=1)
    ledger: LedgerSettings = LedgerSettings()
    """Settings written to `ledger.yaml` where the target folder has none yet."""
    left_out: dict[str, str] = Field(default_factory=dict)
    """Source columns not read on purpose, with the reason."""
    tables: dict[str, TableMapping]

    @model_validator(mode="after")
    def _signs_differ(self) -> Mapping:
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands signs should differ")
        return self


def canonical() -> Mapping:
    """The mapping of files that already are ledger tables: each table from the file of its name."""
    about = _read(_shipped("canonical"))["about"]
    tables = {
        name: {"files": f"{name}.*", "columns": {column.name: column.name for column in table.on_disk}}
        for name, table in TABLES.items()
    }
    return Mapping.model_validate({"about": about, "tables": tables})


def shipped_mappings() -> list[str]:
    """Names of the mappings that come with the program."""
    folder = files("features.mappings")
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


def load_mapping(name: str | Path) -> Mapping:
    """A mapping by shipped name or path; LedgerError with every mistake in it."""
    if name == "canonical":
        return canonical()
    path = _shipped(str(name)) if str(name) in shipped_mappings() else Path(name)
    if not path.is_file():
        mend = f"{did_you_mean(str(name), shipped_mappings())} Or give the path of a YAML file."
        raise LedgerError([_error(str(name), None, None, "is not a mapping", mend)])
    given = _read(path)
    try:
        mapping = Mapping.model_validate(given)
    except ValidationError as invalid:
        raise LedgerError([_explained(path.name, error) for error in invalid.errors()]) from None
    problems = _unknown_targets(path.name, mapping) + _bad_date_formats(path.name, mapping)
    if problems:
        raise LedgerError(problems)
    return mapping


def _shipped(name: str) -> Path:
    return Path(str(files("features.mappings") / f"{name}.yaml"))


def _read(path: Path) -> dict[str, Any]:
    try:
        # The base loader leaves every scalar a text: a code 0012 or a flag No stays what it is.
        given = yaml.load(path.read_text("utf-8-sig"), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as broken:
        message = f"is not YAML: {' '.join(str(broken).split())}"
        raise LedgerError([_error(path.name, None, None, message, "Mend that line.")]) from None
    if not isinstance(given, dict):
        raise LedgerError([_error(path.name, None, None, "is not a mapping", "Start from a shipped one.")])
    return given


def _explained(source: str, error: Any) -> Problem:
    place = [str(part) for part in error["loc"]]
    where = ".".join(place)
    if error["type"] != "extra_forbidden":
        message = error["msg"].removeprefix("Value error, ")
        value = None if isinstance(error["input"], dict) else str(error["input"])
        return _error(source, where, value, f"is not usable: {message}", "See the format's README.")
    return _error(
        source, where, None, "is not a key of a mapping", did_you_mean(place[-1], _keys(place[:-1]))
    )


def _keys(place: list[str]) -> list[str]:
    """Keys allowed at a place of a mapping file."""
    if place[:1] == ["ledger"]:
        return list(LedgerSettings.model_fields)
    if place[:1] != ["tables"]:
        return list(Mapping.model_fields)
    if "keep" in place:
        return list(Filter.model_fields)
    return list((ColumnMapping if "columns" in place else TableMapping).model_fields)


def _unknown_targets(source: str, mapping: Mapping) -> list[Problem]:
    problems = []
    for name, table in mapping.tables.items():
        if name not in TABLES:
            message = "is not a table of a ledger"
            problems.append(_error(source, f"tables.{name}", None, message, did_you_mean(name, TABLES)))
            continue
        names = [column.name for column in TABLES[name].on_disk]
        for column in table.columns.keys() - set(names):
            where = f"tables.{name}.columns.{column}"
            problems.append(_error(source, where, None, "is not a column", did_you_mean(column, names)))
    return sorted(problems, key=lambda problem: problem.column or "")


def _bad_date_formats(source: str, mapping: Mapping) -> list[Problem]:
    formats = {*mapping.dates}.union(*(c.dates for t in mapping.tables.values() for c in t.columns.values()))
    mend = "Use yyyy or yy, mm or m, dd or d, and the signs between them."
    return [
        _error(source, "dates", each, "is not a date format", mend)
        for each in sorted(formats)
        if date_pattern(each) is None
    ]


_DATE_PARTS = {
    "yyyy": "(?P<year>[0-9]{4})",
    "yy": "(?P<year>[0-9]{2})",
    "mm": "(?P<month>[0-9]{2})",
    "m": "(?P<month>[0-9]{1,2})",
    "dd": "(?P<day>[0-9]{2})",
    "d": "(?P<day>[0-9]{1,2})",
}


def date_pattern(written: str) -> re.Pattern[str] | None:
    """The pattern of a date format such as 'dd.mm.yyyy', a time of day after it ignored; None: no format."""
    parts = re.split("(yyyy|yy|mm?|dd?)", written.lower())
    named = [part[0] for part in parts if part in _DATE_PARTS]
    if sorted(named) != ["d", "m", "y"] or any(
        re.search("[a-z0-9]", p) for p in parts if p not in _DATE_PARTS
    ):
        return None
    body = "".join(_DATE_PARTS.get(part, re.escape(part)) for part in parts)
    return re.compile(rf"{body}(?:[T ][0-9:.,]+(?: ?[AaPp][Mm])?)?")


def _error(source: str, where: str | None, value: str | None, message: str, mend: str) -> Problem:
    return Problem("mapping", None, where, None, value, "error", "invalid_mapping", message, mend, source)
