"""What is true of the content of every record, whatever its kind? Its types, its limits, its problems by pointer."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationError,
)
from pydantic_core import PydanticCustomError

LARGEST_AMOUNT = 10**13
"""Currency units: in minor units still far from the end of int64, also when a book of them is added up."""
MOST_CHARACTERS = 200_000
"""Of one record as JSON."""
ERASED = "[erased]"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONEY = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
_YEARS = range(1900, 2200)


@dataclass(frozen=True)
class Flaw:
    """One thing to mend: a JSON pointer into the content (empty: the whole) and what is wrong there."""

    pointer: str
    text: str

    def __str__(self) -> str:
        return f"{self.pointer or 'the record'}: {self.text}"


def _read_day(value: Any) -> Any:
    if isinstance(value, datetime) or not isinstance(value, str | date):
        raise PydanticCustomError("day", "write a day as text, such as 2026-03-31")
    if isinstance(value, str):
        if not _DAY.fullmatch(value):
            raise PydanticCustomError("day", "write a day as text, such as 2026-03-31")
        try:
            value = date.fromisoformat(value)
        except ValueError:
            raise PydanticCustomError("day", "there is no such day in the calendar") from None
    if value.year not in _YEARS:
        raise PydanticCustomError("day", "the year must lie between 1900 and 2199")
    return value


def _read_money(value: Any) -> Any:
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    text = str(value) if is_number else value
    if not isinstance(text, str) or not _MONEY.fullmatch(text):
        raise PydanticCustomError("money", 'write an amount as a decimal text, such as "1234.50"')
    if abs(Decimal(text)) > LARGEST_AMOUNT:
        raise PydanticCustomError("money", "amounts end at 10,000,000,000,000")
    return Decimal(text)


def _above_zero(value: Decimal) -> Decimal:
    if value <= 0:
        raise PydanticCustomError("money", "the amount must be above zero")
    return value


def _not_negative(value: Decimal) -> Decimal:
    if value < 0:
        raise PydanticCustomError("money", "the amount cannot be negative")
    return value


def _without_slash(value: str) -> str:
    if "/" in value:
        raise PydanticCustomError("id", "the number cannot hold a slash")
    return value


_AS_TEXT = PlainSerializer(str, return_type=str)
_ENDS, _INSIDE = r"[^\s\x00-\x1f]", r"[^\x00-\x1f]"
_ID = StringConstraints(min_length=1, max_length=100, pattern=f"^{_ENDS}({_INSIDE}*{_ENDS})?$")
Id = Annotated[str, _ID, AfterValidator(_without_slash)]
"""A number of somebody's: no line breaks, no slash, no blanks at its ends."""
ForeignId = Annotated[str, _ID]
"""The number of a customer or an invoice, as the ledger writes it: a slash may be part of it."""
Line = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]+$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=20_000, pattern=r"\S")]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.-]{0,79}$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Day = Annotated[date, BeforeValidator(_read_day)]
Money = Annotated[Decimal, BeforeValidator(_read_money), _AS_TEXT]
MoneyAboveZero = Annotated[Decimal, BeforeValidator(lambda value: _above_zero(_read_money(value))), _AS_TEXT]
Limit = Annotated[Decimal, BeforeValidator(lambda value: _not_negative(_read_money(value))), _AS_TEXT]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e15, le=1e15)]
Count = Annotated[int, Field(strict=True, ge=0, le=100_000)]
Flag = Annotated[bool, Field(strict=True)]


def moves(**then: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """The life of a kind: from each status, the ones that may follow; it begins with the first."""
    return MappingProxyType(then)


Entry = Literal["recorded", "cancelled"]
"""The life of what merely happened: `cancelled` says that it was entered by mistake."""
CAN_BE_CANCELLED = moves(recorded=("cancelled",), cancelled=())


class Content(BaseModel):
    """The content of a record; one subclass per kind says what it holds and how it lives."""

    model_config = ConfigDict(extra="forbid")

    KIND: ClassVar[str]
    KEY: ClassVar[tuple[str, ...]] = ()
    """Fields that name the record where the caller gives no id of its own; without them the desk numbers it."""
    PREFIX: ClassVar[str]
    """How a number given by the desk begins."""
    MOVES: ClassVar[Mapping[str, tuple[str, ...]]] = moves()
    """From each status, the ones that may follow; the first is the one records begin with."""
    PERSONAL: ClassVar[tuple[str, ...]] = ()
    """Fields that may tell of a person: blanked by erasure."""
    PERSONAL_WHERE: ClassVar[Mapping[str, tuple[str, str]]] = MappingProxyType({})
    """Fields that tell of a person only where another field has a certain value: that field and its value."""
    KEPT_FROM: ClassVar[str | None] = None
    """The day from which the period of retention counts, of kinds that have one."""
    LEDGER: ClassVar[tuple[str, ...]] = ()
    """Columns of the ledger's table of the same name; none for what only the desk keeps."""

    def flaws(self) -> Iterator[Flaw]:
        """What is wrong between fields; fields that are missing or wrong themselves are None here."""
        return iter(())

    @classmethod
    def personal(cls, content: Mapping[str, Any]) -> list[str]:
        """The fields of a record's content that erasure blanks."""
        also = [name for name, (other, is_so) in cls.PERSONAL_WHERE.items() if content.get(other) == is_so]
        return [name for name in (*cls.PERSONAL, *also) if isinstance(content.get(name), str)]

    @classmethod
    def rows(cls, content: Mapping[str, Any], record_id: str) -> list[dict[str, str]]:
        """The rows of the ledger's table that this record stands for, as on disk."""
        if not cls.LEDGER or content.get("status") == "cancelled":
            return []
        row = {name: on_disk(content.get(name)) for name in cls.LEDGER}
        if cls.KEY and cls.KEY[0] in row and not row[cls.KEY[0]]:
            row[cls.KEY[0]] = record_id
        return [row]


def on_disk(value: Any) -> str:
    """A JSON value as a cell of a ledger's file."""
    if value is None or value == ERASED:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def in_order(first: date | None, then: date | None, field: str, before: str) -> Iterator[Flaw]:
    """The flaw of a day that lies before the one it must follow."""
    if first is not None and then is not None and then < first:
        yield Flaw(f"/{field}", f"{then} lies before {before} {first}")


def checked(content_type: type[Content], given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Flaw]]:
    """The content as it is kept, or every flaw of it."""
    flaws = list(_unwritable(given, ""))
    if flaws:
        return {}, flaws
    try:
        content = content_type.model_validate(dict(given))
    except ValidationError as error:
        flaws = [Flaw(_pointer(part["loc"]), _said(part)) for part in error.errors(include_url=False)]
        content = _as_far_as_valid(content_type, given)
    at_fault = {flaw.pointer.split("/")[1] for flaw in flaws}
    flaws += [flaw for flaw in content.flaws() if flaw.pointer.split("/")[1] not in at_fault]
    if flaws:
        return {}, flaws
    kept = content.model_dump(mode="json", exclude_none=True)
    if len(str(kept)) > MOST_CHARACTERS:
        return {}, [Flaw("", f"it is longer than {MOST_CHARACTERS:,} characters")]
    return kept, []


def _as_far_as_valid(content_type: type[Content], given: Mapping[str, Any]) -> Content:
    """The content with None for every field that is missing or wrong, so that the others can be compared."""
    content = content_type.model_construct(**dict.fromkeys(content_type.model_fields))
    for name in content_type.model_fields.keys() & given.keys():
        try:
            content_type.__pydantic_validator__.validate_assignment(content, name, given[name])
        except ValidationError:
            continue
    return content


def _said(part: Any) -> str:
    kind = part["type"]
    if kind == "extra_forbidden":
        return "there is no such field"
    if kind == "missing":
        return "is missing"
    return f"{part['msg']} (given: {_shortened(part['input'])})"


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _pointer(parts: tuple[Any, ...]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def _unwritable(value: Any, at: str, depth: int = 0) -> Iterator[Flaw]:
    """Values that JSON or a database cannot hold."""
    if depth > 20:
        yield Flaw(at, "nested too deeply")
    elif isinstance(value, float) and not math.isfinite(value):
        yield Flaw(at, "not a number that can be kept; leave it out or write null")
    elif isinstance(value, int) and abs(value) > 2**53:
        yield Flaw(at, "too large for a number in JSON; write it as text")
    elif isinstance(value, str) and ("\0" in value or any("\ud800" <= each <= "\udfff" for each in value)):
        yield Flaw(at, "holds a character that is no text")
    elif isinstance(value, Mapping):
        for name, each in value.items():
            if not isinstance(name, str) or list(_unwritable(name, at)):
                yield Flaw(at, f"{name!r} cannot be the name of a field")
            else:
                yield from _unwritable(each, at + _pointer((name,)), depth + 1)
    elif isinstance(value, list | tuple):
        for place, each in enumerate(value):
            yield from _unwritable(each, f"{at}/{place}", depth + 1)
    elif not isinstance(value, str | int | float | bool | Decimal | date | None):
        yield Flaw(at, f"a {type(value).__name__} cannot be kept")
