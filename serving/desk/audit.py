"""How does each write leave a trace that cannot be changed unseen?

Every entry's hash covers the entry and the hash before it. Personal content stands outside the chain: an entry
holds only a digest of the version, made with a salt that stands beside the content. Once both are blanked, nothing
in the chain tells what they were, and it still holds.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from serving.desk.records import Actor
from serving.desk.tables import about, audit

COVERED = (
    "kind",
    "record_id",
    "version",
    "number",
    "sequence",
    "customer_id",
    "invoice_id",
    "status",
    "content",
    "changed_at",
    "changed_by",
)
"""What of a version its digest covers: all that stands for ever, and the content."""
CHAINED = ("position", "at", "actor", "role", "act", "kind", "record_id", "version", "digest", "detail")


def as_text(content: Any) -> str:
    """JSON in one form only, so that equal content has equal digests."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def moment_text(moment: datetime) -> str:
    """A moment as the desk keeps it; raises ValueError for one without a time zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone; pass an aware datetime")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def new_salt() -> str:
    """What keeps a digest from telling its content by trying all of them."""
    return secrets.token_hex(16)


def digest_of(row: Mapping[str, Any], salt: str, covered: tuple[str, ...] = COVERED) -> str:
    """The digest of a row with its salt."""
    text = as_text([salt, *(row[name] for name in covered)])
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def hash_of(entry: Any, previous: str) -> str:
    """The hash of an entry on top of the one before it."""
    text = as_text([previous, *(entry[name] for name in CHAINED)])
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


@dataclass(frozen=True)
class Head:
    """Where the chain ends: how many entries it has, the last one's hash, and of which desk."""

    desk_id: str
    position: int
    hash: str

    def __str__(self) -> str:
        return f"{self.position}:{self.hash}"


def head_of(connection: sa.Connection) -> Head:
    """The end of the chain as the transaction sees it; an empty chain ends in the desk's own id."""
    desk_id = connection.execute(sa.select(about.c.desk_id)).scalar_one()
    last = connection.execute(
        sa.select(audit.c.position, audit.c.hash).order_by(audit.c.position.desc()).limit(1)
    ).first()
    return Head(desk_id, last.position, last.hash) if last else Head(desk_id, 0, desk_id)


class Chain:
    """The end of the chain in a transaction that writes: it grows here and is kept with the commit."""

    def __init__(self, connection: sa.Connection, actor: Actor, now: datetime) -> None:
        self.connection, self.actor, self.at = connection, actor, moment_text(now)
        self.head = head_of(connection)
        self.begin = self.head.position
        self.counted = 0
        """Positions up to here were given before, by a log that a backup replaced."""

    @property
    def next_position(self) -> int:
        return max(self.head.position, self.counted) + 1

    def append(
        self,
        act: str,
        digest: str,
        kind: str = "",
        record_id: str = "",
        version: int = 0,
        detail: Mapping[str, Any] | None = None,
    ) -> int:
        """One entry more; its position."""
        entry = {
            "position": self.next_position,
            "at": self.at,
            "actor": self.actor.name,
            "role": self.actor.role,
            "act": act,
            "kind": kind,
            "record_id": record_id,
            "version": version,
            "digest": digest,
            "detail": as_text(detail or {}),
        }
        entry["hash"] = hash_of(entry, self.head.hash)
        self.connection.execute(sa.insert(audit), entry)
        self.head = Head(self.head.desk_id, int(str(entry["position"])), str(entry["hash"]))
        return self.head.position
