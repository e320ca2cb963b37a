"""What were we told, who decided what, and can it be shown? The desk: records in versions, with an audit log.

with Desk.open(home) as desk:
    with desk.writing(Actor("Ana", "analyst"), now) as w:
        promise = w.add("promises", {"invoice_id": "I1", "made_on": "2026-03-02", "promised_on": "2026-03-09"})
    desk.get("promises", promise.record_id)
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType

import sqlalchemy as sa

from serving.desk import engine as engines
from serving.desk.anchor import begin_anchor, raise_anchor
from serving.desk.audit import Head, head_of
from serving.desk.erasure import KEPT_DAYS, erase, forget
from serving.desk.errors import (
    AlreadyThere,
    DeskError,
    DeskTooNew,
    DeskUnavailable,
    KeyReused,
    RecordError,
    StaleVersion,
    UnknownPolicy,
    UnknownRecord,
)
from serving.desk.kinds import KINDS, LEDGER_KINDS, Content, Flaw
from serving.desk.reading import Reading
from serving.desk.records import ROLES, Activation, Actor, DecisionTrace, PolicyVersion, Record
from serving.desk.verifying import AuditVerdict, Erasure, verdict
from serving.desk.writing import KEYS_KEPT_DAYS, Writing, request_digest

__all__ = [
    "KINDS",
    "LEDGER_KINDS",
    "ROLES",
    "Activation",
    "Actor",
    "AlreadyThere",
    "AuditVerdict",
    "Content",
    "DecisionTrace",
    "Desk",
    "DeskError",
    "DeskTooNew",
    "DeskUnavailable",
    "Erasure",
    "Flaw",
    "Head",
    "KeyReused",
    "PolicyVersion",
    "Record",
    "RecordError",
    "StaleVersion",
    "UnknownPolicy",
    "UnknownRecord",
    "Writing",
    "request_digest",
]

log = logging.getLogger(__name__)


class Desk(Reading):
    """The store of all that people and systems tell us; safe to share between threads."""

    def __init__(self, home: Path, engine: sa.Engine, patience: float) -> None:
        self.home, self.engine, self.patience = home, engine, patience
        self._turn = threading.Lock()

    @classmethod
    def open(cls, home: Path, url: str | None = None, patience: float = engines.PATIENCE_SECONDS) -> Desk:
        """The desk of a home, in its file or in the database of `url`; made or migrated where needed.

        A write waits `patience` seconds for others. Raises DeskUnavailable, DeskTooNew, and ValueError for an
        address that is none.
        """
        engine = engines.make_engine(home, url, patience)
        try:
            engines.bring_up_to_date(engine, home)
        except BaseException:
            engine.dispose()
            raise
        desk = cls(home, engine, patience)
        desk._anchor(begin_anchor, desk.head())
        return desk

    def close(self) -> None:
        """Give back the connections."""
        self.engine.dispose()

    def __enter__(self) -> Desk:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def writing(self, actor: Actor, now: datetime, keys_kept_days: int = KEYS_KEPT_DAYS) -> Iterator[Writing]:
        """One transaction: all of it is on disk when this ends, or nothing where anything is raised."""
        with self._in_turn(), engines.writing(self.engine) as connection:
            written = Writing(connection, actor, now, keys_kept_days)
            yield written
        if written.chain.head.position > written.chain.begin:
            self._anchor(raise_anchor, written.chain.head)

    def verify_audit(self, *expected: Head, since: Head | None = None) -> AuditVerdict:
        """Whether anything was changed, removed, added or moved unseen; `expected` are heads kept elsewhere.

        `since`, where an earlier check ended, leaves out what that one read.
        """
        with engines.reading(self.engine) as connection:
            return verdict(connection, self.home, *expected, since=since)

    def erase(
        self, actor: Actor, now: datetime, customer_id: str, why: str, invoice_ids: Collection[str] = ()
    ) -> int:
        """Blank what tells of persons in all that is kept of a customer; in how many versions.

        `invoice_ids`, its invoices by the ledger, finds also what came in about one without naming the customer.
        """
        with self.writing(actor, now) as written:
            blanked = erase(written, customer_id, why, invoice_ids)
        self._overwrite()
        return blanked

    def forget(self, actor: Actor, now: datetime, kept_days: int = KEPT_DAYS) -> int:
        """Blank what tells of persons in notes, contacts and messages older than the period of retention."""
        with self.writing(actor, now) as written:
            blanked = forget(written, kept_days)
            written.forget_keys(written.kept)
        self._overwrite()
        return blanked

    def _overwrite(self) -> None:
        """Ask the database not to keep what was blanked in places it no longer uses; readers may delay that."""
        statements = {"sqlite": "PRAGMA wal_checkpoint(TRUNCATE)", "postgresql": "VACUUM records, keys"}
        with engines.told(), engines.outside_transactions(self.engine) as run:
            run(statements[self.engine.dialect.name])

    def head(self) -> Head:
        """Where the audit log ends now: for keeping elsewhere."""
        with engines.reading(self.engine) as connection:
            return head_of(connection)

    def _anchor(self, move: Callable[[Path, Head], None], head: Head) -> None:
        """What is committed is committed: an anchor that cannot be moved now lags, and is moved by the next write."""
        try:
            move(self.home, head)
        except OSError as error:
            log.warning("the anchor of the audit log stays behind: %s", error)

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Threads of one process take turns here: waiting in line costs less than asking the database again."""
        if not self._turn.acquire(timeout=self.patience):
            raise DeskUnavailable(
                "locked", "is busy with other writes", "Nothing was written; try again shortly."
            )
        try:
            yield
        finally:
            self._turn.release()
