"""What belongs to the book as a whole: currency, tolerance, time zone, working days (`ledger.yaml`)."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from features.ledger.problems import Problem, did_you_mean

FILE = "ledger.yaml"


def _blank_is_none(value: Any) -> Any:
    return None if value in ("", "null", "~") else value


def _code(letters: int, example: str) -> AfterValidator:
    def check(value: str | None) -> str | None:
        if value is not None and not re.fullmatch(f"[A-Z]{{{letters}}}", value):
            raise ValueError(f"should be {letters} capital letters, such as {example}")
        return value

    return AfterValidator(check)


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except Exception:
        raise ValueError("should be a time zone name, such as Europe/Berlin") from None
    return value


def _weekend(days: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(days)) >= 7 or not set(days) <= set(range(7)):
        raise ValueError("should list days from 0 (Monday) to 6 (Sunday), not all seven")
    return tuple(sorted(set(days)))


CANNOT_PAY = ("cannot pay", "can't pay", "cash short", "no money", "insolvent")
OUR_DOING = (
    "invoice arrived late",
    "purchase order missing",
    "no purchase order",
    "po missing",
    "pricing",
    "wrong price",
    "wrong invoice",
    "delivery",
    "quality",
)


def spelt(word: object) -> str:
    """A word of the company's own as it is compared: small letters, one blank between words."""
    return " ".join(str(word).casefold().replace("_", " ").replace("’", "'").split())


class LedgerSettings(BaseModel):
    """The keys of `ledger.yaml`; all optional."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_currency: Annotated[str | None, BeforeValidator(_blank_is_none), _code(3, "EUR")] = None
    settlement_tolerance: Decimal = Field(default=Decimal(0), ge=0, lt=10**9)
    """An invoice counts as settled when at most this much, in currency units, is missing."""
    time_zone: Annotated[str, AfterValidator(_time_zone)] = "UTC"
    country: Annotated[str | None, BeforeValidator(_blank_is_none), _code(2, "DE")] = None
    """Working-day calendar of customers without a country of their own."""
    weekend_days: Annotated[tuple[int, ...], AfterValidator(_weekend)] = (5, 6)
    cannot_pay_reasons: tuple[str, ...] = CANNOT_PAY
    """Words in nonpayment_reasons that say the customer has no money."""
    our_doing_reasons: tuple[str, ...] = OUR_DOING
    """Words in nonpayment_reasons for what we can mend: our invoice, price, goods or delivery."""


def read_settings(given: Any, source: str = FILE) -> tuple[LedgerSettings, list[Problem]]:
    """Settings from a mapping; defaults and the list of errors where it is not valid."""
    if not isinstance(given, dict):
        wanted = f"Write one 'key: value' a line; keys: {', '.join(LedgerSettings.model_fields)}."
        return LedgerSettings(), [_error(None, str(given), "is not a list of settings", wanted, source)]
    try:
        return LedgerSettings.model_validate(given), []
    except ValidationError as invalid:
        return LedgerSettings(), [_explained(error, source) for error in invalid.errors()]


def load_settings(path: Path) -> tuple[LedgerSettings, list[Problem]]:
    """Settings from `ledger.yaml`; the defaults where there is no such file."""
    if not path.exists():
        return LedgerSettings(), []
    try:
        # The base loader leaves every scalar a text: country NO is Norway and not False.
        given = yaml.load(path.read_text("utf-8-sig"), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as broken:
        reason = " ".join(str(broken).split())
        return LedgerSettings(), [_error(None, None, f"is not YAML: {reason}", "Mend that line.", path.name)]
    return read_settings(given or {}, path.name)


def write_settings(settings: LedgerSettings, path: Path) -> None:
    """Writes the keys that differ from their defaults, so that the file reads back the same."""
    given = settings.model_dump(mode="json", exclude_defaults=True)
    path.write_text(yaml.safe_dump(given, sort_keys=True) if given else "{}\n", "utf-8")


def _explained(error: Any, source: str) -> Problem:
    key = str(error["loc"][0]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        mend = did_you_mean(key, LedgerSettings.model_fields)
        return _error(key, None, "is not a setting", mend, source, "unknown_setting")
    message = error["msg"].removeprefix("Value error, ")
    return _error(key, str(error["input"]), f"is not usable: {message}", "Mend or remove the line.", source)


def _error(
    key: str | None, value: str | None, message: str, mend: str, source: str, code: str = "invalid_settings"
) -> Problem:
    return Problem("settings", None, key, None, value, "error", code, message, mend, source)
