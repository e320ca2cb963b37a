"""What did the operator set for this process?

Every setting is an environment variable, so that a bento, a container and a terminal set it the same way.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from serving.api.days import parse_day
from serving.languages import ENGLISH
from serving.languages.choosing import known
from serving.provider import Provider, provider_of


@dataclass(frozen=True)
class Settings:
    """The operator's choices; the limits hold per worker process."""

    home: Path = Path(".duecourse")
    """Champion, tokens and logs. A bento runs in a folder of its own: give it an absolute path."""
    ledger: Path | None = None
    as_of: date | None = None
    policy: Path | None = None
    database_url: str | None = None
    """Where the desk is kept; by default in a file in `home`."""
    requires_token: bool = False
    """Whether callers on this machine need a token too; all others always do."""
    max_body_bytes: int = 10_000_000
    max_in_flight: int = 32
    """Requests answered at once; one more is told to come again."""
    requests_per_second: int = 1_000
    """What one caller (a token, or an address on this machine) may ask; twice that in one burst."""
    timeout_seconds: float = 5
    """After this long a caller is told to ask for less."""
    workers: int = 1
    language: str = ENGLISH
    """Of pages, for who neither chose one nor has a browser that asks for one."""
    follow_seconds: float = 1
    """How often a worker looks whether another model is in charge."""
    single_sign_on: Provider | None = None
    """Who else may say who somebody is; None: passwords alone."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the `DUECOURSE_…` variables; raises ValueError with every wrong one."""
        chosen: dict[str, Any] = {}
        wrong: list[str] = []
        for variable, (field, read) in _VARIABLES.items():
            text = environment.get(variable, "")
            if text == "":
                continue
            try:
                chosen[field] = read(text)
            except ValueError as error:
                wrong.append(f"{variable}={text!r}: {error}")
        try:
            chosen["single_sign_on"] = provider_of(environment)
        except ValueError as error:
            wrong.append(str(error))
        if wrong:
            raise ValueError("The environment cannot be used. " + " ".join(wrong))
        return cls(**chosen)


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise ValueError("give a whole number from 1, such as 5.")
    return int(text)


def _seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text, re.ASCII) or float(text) == 0:
        raise ValueError("give a number of seconds, such as 1 or 0.5.")
    return float(text)


def _required(text: str) -> bool:
    if text != "required":
        raise ValueError("the only value is 'required'; unset it to need no token on loopback.")
    return True


_VARIABLES: dict[str, tuple[str, Callable[[str], object]]] = {
    "DUECOURSE_HOME": ("home", Path),
    "DUECOURSE_LEDGER": ("ledger", Path),
    "DUECOURSE_AS_OF": ("as_of", parse_day),
    "DUECOURSE_POLICY": ("policy", Path),
    "DUECOURSE_DATABASE_URL": ("database_url", str),
    "DUECOURSE_AUTH": ("requires_token", _required),
    "DUECOURSE_IN_FLIGHT": ("max_in_flight", _positive),
    "DUECOURSE_REQUESTS_PER_SECOND": ("requests_per_second", _positive),
    "DUECOURSE_TIMEOUT_SECONDS": ("timeout_seconds", _positive),
    "DUECOURSE_WORKERS": ("workers", _positive),
    "DUECOURSE_LANGUAGE": ("language", known),
    "DUECOURSE_FOLLOW_SECONDS": ("follow_seconds", _seconds),
}
