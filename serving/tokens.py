"""Who may ask this service from another machine?

A token is shown once, when it is created; the file keeps only its SHA-256, and only its owner may read it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import tempfile
from dataclasses import asdict, dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

FILE_NAME = "tokens.json"


@dataclass(frozen=True)
class Token:
    """What is kept of a token: not the secret, only its fingerprint."""

    name: str
    sha256: str
    created_on: str


def create_token(home: Path, name: str, created_on: date) -> str:
    """Add a token and return its secret, which nothing can show again; raises ValueError for a bad name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise ValueError(
            f"Token name {name!r} cannot be used. Take 1 to 64 letters, digits, dots, dashes or underscores, "
            "beginning with a letter or digit."
        )
    known = list_tokens(home)
    if any(token.name == name for token in known):
        raise ValueError(f"A token named {name!r} exists. Revoke it first, or choose another name.")
    secret = "dc_" + secrets.token_urlsafe(32)
    _write(home, [*known, Token(name, _fingerprint(secret.encode()), created_on.isoformat())])
    return secret


def list_tokens(home: Path) -> list[Token]:
    """The tokens of a home folder, oldest first; raises ValueError if their file is damaged."""
    path = home / FILE_NAME
    try:
        state = path.stat()
    except FileNotFoundError:
        return []
    return list(_read(path, (state.st_mtime_ns, state.st_size, state.st_ino)))


def revoke_token(home: Path, name: str) -> None:
    """Remove a token, at once also for a running service; raises KeyError if there is none of that name."""
    known = list_tokens(home)
    kept = [token for token in known if token.name != name]
    if len(kept) == len(known):
        names = ", ".join(token.name for token in known) or "none"
        raise KeyError(f"There is no token named {name!r}. Tokens: {names}.")
    _write(home, kept)


def name_of(home: Path, secret: bytes) -> str | None:
    """The name of the token with this secret, or None; as fast for a near miss as for a far one."""
    asked = _fingerprint(secret)
    found = None
    for token in list_tokens(home):
        if hmac.compare_digest(token.sha256, asked):
            found = token.name
    return found


def _fingerprint(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()


@lru_cache(maxsize=8)
def _read(path: Path, state: tuple[int, int, int]) -> tuple[Token, ...]:
    """The file's tokens; `state` changes with the file, so that a revoked token stops working at once."""
    try:
        return tuple(Token(**row) for row in json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{path}: not a token file ({error}). Remove it and create the tokens again."
        ) from None


def _write(home: Path, tokens: list[Token]) -> None:
    """Replace the file in one step; mkstemp gives it mode 600 before a byte is in it."""
    home.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=home, prefix=FILE_NAME)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump([asdict(token) for token in tokens], file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(home / FILE_NAME)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
