"""How is something told to the desk? One transaction, audit included: all of it or nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from serving.desk.audit import Chain, as_text, digest_of, moment_text, new_salt
from serving.desk.errors import (
    AlreadyThere,
    KeyReused,
    RecordError,
    StaleVersion,
    UnknownPolicy,
    UnknownRecord,
)
from serving.desk.kinds import KINDS, Flaw, checked
from serving.desk.reading import current_of, kind_name
from serving.desk.records import Actor, Record
from serving.desk.tables import activations, keys, policies, records

KEYS_KEPT_DAYS = 30
"""So long a retry with the same idempotency key gets the same answer, where a policy says nothing else."""


class Writing:
    """What may be written in one transaction. What is refused wrote nothing: the caller may go on without it."""

    def __init__(
        self, connection: sa.Connection, actor: Actor, now: datetime, keys_kept_days: int = KEYS_KEPT_DAYS
    ) -> None:
        self.connection, self.actor, self.now = connection, actor, now
        self.kept = timedelta(days=keys_kept_days)
        self.chain = Chain(connection, actor, now)

    def add(self, kind: str, content: Mapping[str, Any], record_id: str | None = None) -> Record:
        """A new record; raises RecordError with everything to mend, and AlreadyThere."""
        kept = self._checked(kind, content, before=None)
        chosen = self._new_id(kind, kept) if record_id is None else _given_id(kind, kept, record_id)
        there = current_of(self.connection, kind, chosen)
        if there is not None:
            raise AlreadyThere(there)
        return self._keep("add", kind, chosen, 1, self.chain.next_position, kept)

    def change(self, kind: str, record_id: str, changes: Mapping[str, Any], expected_version: int) -> Record:
        """A new version with some fields changed, None taking one away.

        Raises UnknownRecord, StaleVersion and RecordError.
        """
        there = current_of(self.connection, kind_name(kind), record_id)
        if there is None:
            raise UnknownRecord(kind, record_id)
        if there.version != expected_version:
            raise StaleVersion(kind, record_id, expected_version, there.version)
        merged = {name: each for name, each in {**there.content, **changes}.items() if each is not None}
        kept = self._checked(kind, merged, before=there)
        self.connection.execute(
            sa.update(records)
            .where(records.c.kind == kind, records.c.record_id == record_id, records.c.is_current)
            .values(is_current=False)
        )
        return self._keep("change", kind, record_id, there.version + 1, there.number, kept)

    def once(self, key: str, digest: str) -> dict[str, Any] | None:
        """The answer that this key got before, or None for a new key; KeyReused where the request was another."""
        query = sa.select(keys).where(
            keys.c.actor == self.actor.name,
            keys.c.key == key,
            keys.c.remembered_at > moment_text(self.now - self.kept),
        )
        row = self.connection.execute(query).first()
        if row is not None and row.digest != digest:
            raise KeyReused(key)
        return json.loads(row.answer) if row is not None else None

    def remember(self, key: str, digest: str, answer: Mapping[str, Any]) -> None:
        """Keep the answer to this key together with what the transaction wrote; what expired is taken away."""
        self.forget_keys(self.kept)
        row = {
            "actor": self.actor.name,
            "key": key,
            "digest": digest,
            "answer": as_text(answer),
            "remembered_at": self.chain.at,
            "first_sequence": self.chain.begin + 1,
            "last_sequence": self.chain.head.position,
        }
        self.connection.execute(sa.insert(keys), row)

    def forget_keys(self, kept: timedelta) -> int:
        """Take away the keys remembered longer ago than this; how many."""
        expired = keys.c.remembered_at <= moment_text(self.now - kept)
        return self.connection.execute(sa.delete(keys).where(expired)).rowcount

    def save_policy(self, version: str, text: str, note: str = "") -> None:
        """Keep a policy's text; saving the same again changes nothing, another text needs another version."""
        there = self.connection.execute(sa.select(policies).where(policies.c.version == version)).first()
        if there is not None and there.text == text:
            return
        flaws = [] if there is None else [Flaw("/version", f"version {version!r} is kept with another text")]
        flaws += [
            Flaw(f"/{name}", "holds a character that no database keeps")
            for name, each in (("version", version), ("text", text), ("note", note))
            if "\0" in each
        ]
        if not version.strip():
            flaws.append(Flaw("/version", "is empty"))
        if flaws:
            raise RecordError("policies", flaws)
        row = {"version": version, "text": text, "note": note}
        row |= {"saved_at": self.chain.at, "saved_by": self.actor.name}
        self._keep_policy("save_policy", policies, row)

    def activate_policy(self, version: str, why: str) -> None:
        """Put a saved policy in force, also an earlier one again; raises UnknownPolicy."""
        if not self._knows_policy(version):
            raise UnknownPolicy(version)
        row = {"version": version, "why": why}
        row |= {"activated_at": self.chain.at, "activated_by": self.actor.name}
        self._keep_policy("activate_policy", activations, row)

    def _keep_policy(self, act: str, table: sa.Table, row: dict[str, Any]) -> None:
        position = self.chain.append(act, digest_of(row, "", tuple(sorted(row))), record_id=row["version"])
        self.connection.execute(sa.insert(table), row | {"sequence": position})

    def _knows_policy(self, version: str) -> bool:
        found = sa.select(policies.c.version).where(policies.c.version == version)
        return self.connection.execute(found).first() is not None

    def _checked(self, kind: str, content: Mapping[str, Any], before: Record | None) -> dict[str, Any]:
        kept, flaws = checked(KINDS[kind_name(kind)], content)
        if not flaws:
            flaws = [*_moved(kind, kept, before), *self._unknown(kind, kept)]
        if flaws:
            raise RecordError(kind, flaws)
        return kept

    def _unknown(self, kind: str, kept: Mapping[str, Any]) -> list[Flaw]:
        """A decision can be shown years later only while its policy's text is kept."""
        version = kept.get("policy_version")
        if kind not in ("decisions", "credit_decisions") or self._knows_policy(str(version)):
            return []
        return [
            Flaw("/policy_version", f"no policy of version {version!r} is kept at the desk; save it first")
        ]

    def _new_id(self, kind: str, kept: Mapping[str, Any]) -> str:
        own = _own_id(kind, kept)
        if own:
            return own
        numbered = f"{KINDS[kind].PREFIX}-{self.chain.next_position}"
        while current_of(self.connection, kind, numbered):  # somebody chose just this one
            numbered += "-1"
        return numbered

    def _keep(
        self, act: str, kind: str, record_id: str, version: int, number: int, kept: dict[str, Any]
    ) -> Record:
        salt = new_salt()
        row = {
            "kind": kind,
            "record_id": record_id,
            "version": version,
            "number": number,
            "sequence": self.chain.next_position,
            "is_current": True,
            "customer_id": kept.get("customer_id"),
            "invoice_id": kept.get("invoice_id"),
            "status": kept.get("status"),
            "content": as_text(kept),
            "changed_at": self.chain.at,
            "changed_by": self.actor.name,
            "salt": salt,
            "erased_by": None,
        }
        self.chain.append(act, digest_of(row, salt), kind, record_id, version)
        self.connection.execute(sa.insert(records), row)
        moment = datetime.fromisoformat(self.chain.at)
        return Record(
            kind,
            record_id,
            version,
            kept.get("customer_id"),
            kept.get("invoice_id"),
            kept.get("status"),
            kept,
            moment,
            self.actor.name,
            number,
            self.chain.head.position,
        )


def request_digest(*parts: Any) -> str:
    """What tells whether two requests with one idempotency key are the same: of method, address, body …"""
    return hashlib.sha256(as_text(parts).encode("utf-8")).hexdigest()


def _own_id(kind: str, kept: Mapping[str, Any]) -> str | None:
    """The id that the content itself holds, or None."""
    key = KINDS[kind].KEY
    if not key or kept.get(key[0]) is None:
        return None
    return ":".join(str(kept[name]) for name in key if kept.get(name) is not None)


def _given_id(kind: str, kept: Mapping[str, Any], record_id: str) -> str:
    """The caller's own id; where the kind must hold it itself, the two must agree."""
    flaws = []
    if not 1 <= len(record_id) <= 250 or not record_id.isprintable() or record_id != record_id.strip():
        flaws.append(Flaw("", f"{record_id[:60]!r} cannot be an id; take 1 to 250 printable characters"))
    key = KINDS[kind].KEY
    is_named_by_content = bool(key) and all(KINDS[kind].model_fields[name].is_required() for name in key)
    if is_named_by_content and _own_id(kind, kept) != record_id:
        flaws.append(
            Flaw(f"/{key[0]}", f"names {_own_id(kind, kept)!r}, but the record is to be {record_id!r}")
        )
    if flaws:
        raise RecordError(kind, flaws)
    return record_id


def _moved(kind: str, kept: Mapping[str, Any], before: Record | None) -> list[Flaw]:
    """What forbids that a record becomes this: its life cycle, or another name."""
    moves, then = KINDS[kind].MOVES, kept.get("status")
    if before is None:
        return []
    flaws = [
        Flaw(f"/{name}", "names the record and cannot change")
        for name in KINDS[kind].KEY
        if name in before.content and kept.get(name) != before.content[name]
    ]
    if then != before.status and then not in moves[str(before.status)]:
        after = ", ".join(moves[str(before.status)]) or "nothing else"
        flaws.append(Flaw("/status", f"{before.status} may become {after}, not {then}"))
    return flaws
