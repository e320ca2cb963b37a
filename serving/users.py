"""Who may sign in to the pages, and who is signed in?

Users stand at the desk's database with a password by argon2; making, changing and revoking one is an entry of the
audit log. A session is a secret in the browser's cookie; the desk keeps its SHA-256, when it began and when it was
seen last. Single sign-on would come in here: whoever proves a name in another way gets `begin_session` of it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from serving.desk import Actor, Desk, Writing
from serving.desk import engine as engines
from serving.desk.audit import moment_text
from serving.desk.tables import sessions, users
from serving.roles import Caller, rights_of

IDLE = timedelta(hours=2)
"""A session that nobody used for so long is over."""
LONGEST = timedelta(hours=12)
"""A session is over after so long, however much it is used."""
SEEN_EVERY = timedelta(minutes=2)
"""How exactly the desk knows when a session was used: not every page is worth a write."""
SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 200
_NAME = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"
_hasher = PasswordHasher()


@dataclass(frozen=True)
class User:
    """Somebody who may sign in."""

    name: str
    role: str
    created_at: datetime
    created_by: str

    def caller(self) -> Caller:
        """Who asks while signed in."""
        return Caller(self.name, self.role, rights_of(self.role))


class Users:
    """The users and sessions of a desk; safe to share between threads."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def create(self, actor: Actor, now: datetime, name: str, role: str, password: str) -> None:
        """A new user; ValueError for a name that cannot be used or is taken, an unknown role, a weak password."""
        if not re.fullmatch(_NAME, name):
            raise ValueError(
                f"user name {name!r} cannot be used: take 1 to 64 letters, digits, or one of . _ @ -, "
                "beginning with a letter or digit"
            )
        rights_of(role)
        row = {"name": name, "role": role, "password": hashed(password, name)}
        row |= {"created_at": moment_text(now), "created_by": actor.name}
        with self._desk.writing(actor, now) as writing:
            if _one(writing.connection, name) is not None:
                raise ValueError(f"there is a user {name!r} already: revoke it first, or take another name")
            writing.connection.execute(sa.insert(users), row)
            _note(writing, "add_user", name, role)

    def set_password(self, actor: Actor, now: datetime, name: str, password: str) -> None:
        """Another password; every session of the user ends. Raises KeyError for an unknown name."""
        kept = hashed(password, name)
        with self._desk.writing(actor, now) as writing:
            _known(writing.connection, name)
            writing.connection.execute(sa.update(users).where(users.c.name == name).values(password=kept))
            writing.connection.execute(sa.delete(sessions).where(sessions.c.name == name))
            _note(writing, "change_password", name)

    def revoke(self, actor: Actor, now: datetime, name: str) -> None:
        """Take a user away, signed in or not, at once; raises KeyError for an unknown name."""
        with self._desk.writing(actor, now) as writing:
            _known(writing.connection, name)
            for table in (sessions, users):
                writing.connection.execute(sa.delete(table).where(table.c.name == name))
            _note(writing, "revoke_user", name)

    def all(self) -> list[User]:
        """Every user by name."""
        with engines.reading(self._desk.engine) as connection:
            return [_user(row) for row in connection.execute(sa.select(users).order_by(users.c.name))]

    def check(self, name: str, password: str) -> User | None:
        """The user of a name and password; as slow for a name that nobody has."""
        with engines.reading(self._desk.engine) as connection:
            row = _one(connection, name)
        is_right = _matches(row.password if row else _nobody(), password)
        return _user(row) if row and is_right else None

    def begin_session(self, name: str, now: datetime) -> str:
        """The secret of a new session of a user, and what is over is taken away."""
        secret = secrets.token_urlsafe(32)
        row = {
            "digest": _digest(secret),
            "name": name,
            "began_at": moment_text(now),
            "seen_at": moment_text(now),
        }
        over = (sessions.c.began_at <= moment_text(now - LONGEST)) | (
            sessions.c.seen_at <= moment_text(now - IDLE)
        )
        with engines.writing(self._desk.engine) as connection:
            connection.execute(sa.delete(sessions).where(over))
            connection.execute(sa.insert(sessions), row)
        return secret

    def of_session(self, secret: str, now: datetime) -> User | None:
        """Whose session it is; None once it is over or revoked."""
        query = (
            sa.select(users, sessions.c.seen_at)
            .join(sessions, sessions.c.name == users.c.name)
            .where(
                sessions.c.digest == _digest(secret),
                sessions.c.began_at > moment_text(now - LONGEST),
                sessions.c.seen_at > moment_text(now - IDLE),
            )
        )
        with engines.reading(self._desk.engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        if row.seen_at <= moment_text(now - SEEN_EVERY):
            with engines.writing(self._desk.engine) as connection:
                mine = sessions.c.digest == _digest(secret)
                connection.execute(sa.update(sessions).where(mine).values(seen_at=moment_text(now)))
        return _user(row)

    def end_session(self, secret: str) -> None:
        """Sign out."""
        with engines.writing(self._desk.engine) as connection:
            connection.execute(sa.delete(sessions).where(sessions.c.digest == _digest(secret)))


def hashed(password: str, name: str) -> str:
    """The password as it is kept; ValueError for one that is too short, too long, or the name itself."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise ValueError(
            f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; this one has {len(password)}. "
            "A few words that belong together nowhere else are good"
        )
    if name.lower() in password.lower() and len(password) < 2 * SHORTEST_PASSWORD:
        raise ValueError("the password holds the user's name: take other words")
    return _hasher.hash(password)


_nobodys: list[str] = []


def _nobody() -> str:
    """The hash of a password that nobody knows, so that an unknown name takes as long as a known one."""
    if not _nobodys:
        _nobodys.append(_hasher.hash(secrets.token_urlsafe(32)))
    return _nobodys[0]


def _matches(kept: str, password: str) -> bool:
    try:
        return _hasher.verify(kept, password[: LONGEST_PASSWORD + 1])
    except (VerificationError, InvalidHashError):
        return False


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _one(connection: sa.Connection, name: str) -> Any:
    return connection.execute(sa.select(users).where(users.c.name == name.replace("\0", ""))).first()


def _known(connection: sa.Connection, name: str) -> None:
    if _one(connection, name) is None:
        raise KeyError(f"there is no user {name!r}; `duecourse users list` names them")


def _user(row: Any) -> User:
    return User(row.name, row.role, datetime.fromisoformat(row.created_at), row.created_by)


def _note(writing: Writing, act: str, name: str, role: str = "") -> None:
    writing.chain.append(act, "", "users", name, detail={"role": role} if role else {})
