"""Who may ask this service from another machine?

A token is shown once, when it is created; the file keeps only its SHA-256, and only its owner may read it.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from serving.roles import Caller, rights_of

if TYPE_CHECKING:
    from serving.desk import Writing

FILE_NAME = "tokens.json"


@dataclass(frozen=True)
class Token:
    """What is kept of a token: not the secret, only its fingerprint."""

    name: str
    sha256: str
    created_on: str
    role: str = "ar_system"
    scopes: tuple[str, ...] = ()
    """Rights of the role that the token is narrowed to; none: all of them."""
    expires_on: str | None = None
    """The first day on which it no longer works."""

    def caller(self) -> Caller:
        """Who asks with this token."""
        return Caller(self.name, self.role, rights_of(self.role, self.scopes))

    def is_expired(self, today: date) -> bool:
        """Whether its time is over."""
        return self.expires_on is not None and today.isoformat() >= self.expires_on


def create_token(
    home: Path,
    name: str,
    created_on: date,
    role: str = "ar_system",
    scopes: Sequence[str] = (),
    expires_on: date | None = None,
) -> str:
    """Add a token and return its secret, which nothing can show again.

    Raises ValueError for a bad name, an unknown role, scopes beyond it, or a day that is over.
    """
    rights_of(role, scopes)
    if expires_on is not None and expires_on <= created_on:
        raise ValueError(f"a token that expires on {expires_on} would never work: name a later day")
    secret = "dc_" + secrets.token_urlsafe(32)
    until = None if expires_on is None else expires_on.isoformat()
    made = Token(name, _fingerprint(secret.encode()), created_on.isoformat(), role, tuple(scopes), until)
    with _alone(home):
        check_token_name(home, name)
        _write(home, [*list_tokens(home), made])
    return secret


def check_token_name(home: Path, name: str) -> None:
    """Raise ValueError for a name that no token can have, or that one has."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise ValueError(
            f"Token name {name!r} cannot be used. Take 1 to 64 letters, digits, dots, dashes or underscores, "
            "beginning with a letter or digit."
        )
    if any(token.name == name for token in list_tokens(home)):
        raise ValueError(f"A token named {name!r} exists. Revoke it first, or choose another name.")


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
    with _alone(home):
        known = list_tokens(home)
        kept = [token for token in known if token.name != name]
        if len(kept) == len(known):
            names = ", ".join(token.name for token in known) or "none"
            raise KeyError(f"There is no token named {name!r}. Tokens: {names}.")
        _write(home, kept)


def grant_token(
    writing: Writing,
    home: Path,
    name: str,
    role: str,
    scopes: Sequence[str] = (),
    expires_on: date | None = None,
) -> str:
    """Add a token as `create_token` does, and say so in the audit log; nothing is kept of one that is refused."""
    said = {"role": role, "scopes": list(scopes), "until": expires_on and expires_on.isoformat()}
    writing.chain.append(
        "add_token", "", "tokens", name, detail={key: value for key, value in said.items() if value}
    )
    return create_token(home, name, writing.now.date(), role, scopes, expires_on)


def take_token_away(writing: Writing, home: Path, name: str) -> None:
    """Remove a token as `revoke_token` does, and say so in the audit log."""
    writing.chain.append("revoke_token", "", "tokens", name)
    revoke_token(home, name)


def token_of(home: Path, secret: bytes) -> Token | None:
    """The token with this secret, or None; as fast for a near miss as for a far one."""
    asked = _fingerprint(secret)
    found = None
    for token in list_tokens(home):
        if hmac.compare_digest(token.sha256, asked):
            found = token
    return found


def _fingerprint(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()


@lru_cache(maxsize=8)
def _read(path: Path, state: tuple[int, int, int]) -> tuple[Token, ...]:
    """The file's tokens; `state` changes with the file, so that a revoked token stops working at once."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return tuple(Token(**row | {"scopes": tuple(row.get("scopes", ()))}) for row in rows)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{path}: not a token file ({error}). Remove it and create the tokens again."
        ) from None


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One changes the file at a time: commands and pages of every process would take each other's tokens away."""
    home.mkdir(parents=True, exist_ok=True)
    folder = os.open(home, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _write(home: Path, tokens: list[Token]) -> None:
    """Replace the file in one step; mkstemp gives it mode 600 before a byte is in it."""
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
