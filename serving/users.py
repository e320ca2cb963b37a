"""Who may sign in to the pages, and who is signed in?

Users stand at the desk's database; making, changing and revoking one is an entry of the audit log. Each proves the
name in one way: with a password, kept by argon2, or by single sign-on, where the desk keeps a fingerprint of who the
provider says it is. A session is a secret in the browser's cookie; the desk keeps its SHA-256, when it began and
when it was seen last.
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
ADMINISTRATOR = "administrator"
PROVIDER = "single sign-on"
"""Who lets in those whom the provider of single sign-on names."""
_NAME = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"
_ID_LENGTH = 16
_hasher = PasswordHasher()


@dataclass(frozen=True)
class User:
    """Somebody who may sign in."""

    name: str
    role: str
    created_at: datetime
    created_by: str
    has_password: bool = True
    """Otherwise the provider of single sign-on says who it is."""
    seen_at: datetime | None = None
    """None: never yet."""
    language: str | None = None
    """In which this user reads the pages; None: nobody chose one."""

    def caller(self) -> Caller:
        """Who asks while signed in."""
        return Caller(self.name, self.role, rights_of(self.role))


@dataclass(frozen=True)
class Session:
    """A browser in which somebody is signed in."""

    id: str
    """The beginning of what the desk keeps of its secret, which lets nobody in."""
    name: str
    began_at: datetime
    seen_at: datetime
    browser: str


@dataclass(frozen=True)
class Identity:
    """Whom the provider of single sign-on vouches for."""

    subject: str
    """Who it is for the provider, for ever: names may be given to others."""
    name: str
    role: str | None
    """The role that follows from what the provider says; None: it says nothing of roles."""


class NotAdmittedError(Exception):
    """Somebody is who they say, and may not come in; the text says why and how to mend it."""


class Users:
    """The users and sessions of a desk; safe to share between threads."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def create(self, actor: Actor, now: datetime, name: str, role: str, password: str | None) -> None:
        """A new user in a transaction of its own: see `add_user`."""
        check_name(name)
        rights_of(role)
        kept = "" if password is None else hashed(password, name)
        with self._desk.writing(actor, now) as writing:
            _add(writing, name, role, kept)

    def set_password(self, actor: Actor, now: datetime, name: str, password: str) -> None:
        """Another password; every session of the user ends. Raises KeyError for an unknown name."""
        kept = hashed(password, name)
        with self._desk.writing(actor, now) as writing:
            _give_password(writing, name, kept)

    def revoke(self, actor: Actor, now: datetime, name: str) -> None:
        """Take a user away, signed in or not, at once; raises KeyError for an unknown name."""
        with self._desk.writing(actor, now) as writing:
            revoke_user(writing, name)

    def all(self) -> list[User]:
        """Every user by name."""
        with engines.reading(self._desk.engine) as connection:
            return [_user(row) for row in connection.execute(sa.select(users).order_by(users.c.name))]

    def exist(self) -> bool:
        """Whether anybody can sign in at all."""
        with engines.reading(self._desk.engine) as connection:
            return connection.execute(sa.select(users.c.name).limit(1)).first() is not None

    def check(self, name: str, password: str) -> User | None:
        """The user of a name and password; as slow for a name that nobody has, or that has no password."""
        with engines.reading(self._desk.engine) as connection:
            row = _one(connection, name)
        is_right = _matches((row.password if row else "") or _nobody(), password)
        return _user(row) if row and row.password and is_right else None

    def admit(self, now: datetime, identity: Identity, others: str | None = None) -> User:
        """The user whom the provider names, made or changed as it says; `others` is the role of those nobody knew.

        Raises NotAdmittedError for a name that is somebody else's, and for whom neither side knows a role.
        """
        with self._desk.writing(Actor(PROVIDER, ADMINISTRATOR), now) as writing:
            row = _of_subject(writing.connection, identity.subject) or _joined(writing, identity)
            if row is None:
                row = _newcomer(writing, identity, others)
            if identity.role is not None and row.role != identity.role:
                change_role(writing, row.name, identity.role)
            return _user(_one(writing.connection, row.name))

    def begin_session(self, name: str, now: datetime, browser: str = "") -> str:
        """The secret of a new session of a user, and what is over is taken away."""
        secret, moment = secrets.token_urlsafe(32), moment_text(now)
        row = {"digest": _digest(secret), "name": name, "began_at": moment, "seen_at": moment}
        with engines.writing(self._desk.engine) as connection:
            connection.execute(sa.delete(sessions).where(~_is_open(now)))
            connection.execute(sa.insert(sessions), row | {"browser": browser})
            connection.execute(sa.update(users).where(users.c.name == name).values(seen_at=moment))
        return secret

    def of_session(self, secret: str, now: datetime) -> User | None:
        """Whose session it is; None once it is over or revoked."""
        mine = sessions.c.digest == _digest(secret)
        query = (
            sa.select(users, sessions.c.seen_at.label("used_at"))
            .join(sessions, sessions.c.name == users.c.name)
            .where(mine, _is_open(now))
        )
        with engines.reading(self._desk.engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        if row.used_at <= moment_text(now - SEEN_EVERY):
            with engines.writing(self._desk.engine) as connection:
                seen = {"seen_at": moment_text(now)}
                connection.execute(sa.update(sessions).where(mine).values(seen))
                connection.execute(sa.update(users).where(users.c.name == row.name).values(seen))
        return _user(row)

    def sessions(self, now: datetime, name: str | None = None) -> list[Session]:
        """The open sessions, of everybody or of one user, used last first."""
        query = sa.select(sessions).where(_is_open(now)).order_by(sessions.c.seen_at.desc())
        if name is not None:
            query = query.where(sessions.c.name == name)
        with engines.reading(self._desk.engine) as connection:
            return [_session(row) for row in connection.execute(query)]

    def speak(self, name: str, language: str) -> None:
        """Keep in which language a user reads the pages."""
        with engines.writing(self._desk.engine) as connection:
            connection.execute(sa.update(users).where(users.c.name == name).values(language=language))

    def end_session(self, secret: str) -> None:
        """Sign out."""
        with engines.writing(self._desk.engine) as connection:
            connection.execute(sa.delete(sessions).where(sessions.c.digest == _digest(secret)))


def add_user(writing: Writing, name: str, role: str, password: str | None) -> None:
    """A new user, without a password one of single sign-on.

    Raises ValueError for a name that cannot be used or is taken, an unknown role, a weak password.
    """
    check_name(name)
    rights_of(role)
    _add(writing, name, role, "" if password is None else hashed(password, name))


def change_role(writing: Writing, name: str, role: str) -> None:
    """Another role, at once also for open sessions; raises KeyError for an unknown name."""
    rights_of(role)
    _known(writing.connection, name)
    writing.connection.execute(sa.update(users).where(users.c.name == name).values(role=role))
    _note(writing, "change_role", name, role)


def change_password(writing: Writing, name: str, password: str, keep: str = "") -> None:
    """Another password; every session of the user ends, but the one whose secret is `keep`."""
    _give_password(writing, name, hashed(password, name), keep)


def revoke_user(writing: Writing, name: str) -> None:
    """Take a user away, signed in or not, at once; raises KeyError for an unknown name."""
    _known(writing.connection, name)
    for table in (sessions, users):
        writing.connection.execute(sa.delete(table).where(table.c.name == name))
    _note(writing, "revoke_user", name)


def end_session_of(writing: Writing, session_id: str, name: str | None = None) -> None:
    """End a session by its id, where `name` is given only one of this user; one that is over may end again."""
    chosen = sa.func.substr(sessions.c.digest, 1, _ID_LENGTH) == session_id
    row = writing.connection.execute(sa.select(sessions.c.name).where(chosen)).first()
    if row is None or (name is not None and row.name != name):
        return
    writing.connection.execute(sa.delete(sessions).where(chosen))
    _note(writing, "end_session", row.name)


def check_an_administrator_stays(writing: Writing, name: str) -> None:
    """Raise ValueError where `name` is the last administrator with a password.

    One of single sign-on does not count: while the provider is silent nobody could let anybody in.
    """
    query = sa.select(users.c.name).where(users.c.role == ADMINISTRATOR, users.c.password != "")
    if [row.name for row in writing.connection.execute(query)] == [name]:
        raise ValueError(
            f"{name} is the last administrator with a password: without one nobody could let people in. "
            "Make another administrator with a password first"
        )


def session_id(secret: str) -> str:
    """The id of the session of a secret."""
    return _digest(secret)[:_ID_LENGTH] if secret else ""


def check_name(name: str) -> None:
    """Raise ValueError for a name that no user can have."""
    if not re.fullmatch(_NAME, name):
        raise ValueError(
            f"user name {name!r} cannot be used: take 1 to 64 letters, digits, or one of . _ @ -, "
            "beginning with a letter or digit"
        )


def check_password(password: str, name: str) -> None:
    """Raise ValueError for a password that is too short, too long, or the name itself."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise ValueError(
            f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; this one has {len(password)}. "
            "A few words that belong together nowhere else are good"
        )
    if name and name.lower() in password.lower() and len(password) < 2 * SHORTEST_PASSWORD:
        raise ValueError("the password holds the user's name: take other words")


def hashed(password: str, name: str) -> str:
    """The password as it is kept; ValueError for a weak one."""
    check_password(password, name)
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


def _is_open(now: datetime) -> sa.ColumnElement[bool]:
    return (sessions.c.began_at > moment_text(now - LONGEST)) & (sessions.c.seen_at > moment_text(now - IDLE))


def _one(connection: sa.Connection, name: str) -> Any:
    return connection.execute(sa.select(users).where(users.c.name == name.replace("\0", ""))).first()


def _of_subject(connection: sa.Connection, subject: str) -> Any:
    return connection.execute(sa.select(users).where(users.c.subject == _digest(subject))).first()


def _known(connection: sa.Connection, name: str) -> None:
    if _one(connection, name) is None:
        raise KeyError(f"there is no user {name!r}; `duecourse users list` names them")


def _add(writing: Writing, name: str, role: str, password: str, subject: str | None = None) -> None:
    if _one(writing.connection, name) is not None:
        raise ValueError(f"there is a user {name!r} already: revoke it first, or take another name")
    row = {"name": name, "role": role, "password": password, "subject": subject}
    row |= {"created_at": writing.chain.at, "created_by": writing.chain.actor.name}
    writing.connection.execute(sa.insert(users), row)
    _note(writing, "add_user", name, role)


def _give_password(writing: Writing, name: str, kept: str, keep: str = "") -> None:
    """From here on the password alone lets this user in."""
    _known(writing.connection, name)
    mine = users.c.name == name
    writing.connection.execute(sa.update(users).where(mine).values(password=kept, subject=None))
    others = (sessions.c.name == name) & (sessions.c.digest != _digest(keep))
    writing.connection.execute(sa.delete(sessions).where(others))
    _note(writing, "change_password", name)


def _joined(writing: Writing, identity: Identity) -> Any:
    """The user whom somebody of the provider comes in as for the first time; None where nobody has the name."""
    row = _one(writing.connection, identity.name)
    if row is None:
        return None
    if row.password or row.subject:
        held = "signs in with a password" if row.password else "is another person's at the provider"
        raise NotAdmittedError(
            f"There is a user {identity.name} already, and the name {held}. "
            "An administrator can revoke that user; then this sign-in makes a new one."
        )
    subject = _digest(identity.subject)
    writing.connection.execute(sa.update(users).where(users.c.name == row.name).values(subject=subject))
    _note(writing, "join_user", row.name)
    return row


def _newcomer(writing: Writing, identity: Identity, others: str | None) -> Any:
    role = identity.role or others
    if role is None:
        raise NotAdmittedError(
            f"Nobody has let {identity.name} in yet. An administrator does it on the page Users and tokens, "
            "with “by single sign-on”."
        )
    try:
        check_name(identity.name)
    except ValueError as error:
        raise NotAdmittedError(f"The provider gives a name that is none here: {error}.") from None
    _add(writing, identity.name, role, "", _digest(identity.subject))
    return _one(writing.connection, identity.name)


def _user(row: Any) -> User:
    seen = None if row.seen_at is None else datetime.fromisoformat(row.seen_at)
    created = datetime.fromisoformat(row.created_at)
    return User(row.name, row.role, created, row.created_by, bool(row.password), seen, row.language)


def _session(row: Any) -> Session:
    began, seen = datetime.fromisoformat(row.began_at), datetime.fromisoformat(row.seen_at)
    return Session(row.digest[:_ID_LENGTH], row.name, began, seen, row.browser)


def _note(writing: Writing, act: str, name: str, role: str = "") -> None:
    writing.chain.append(act, "", "users", name, detail={"role": role} if role else {})
