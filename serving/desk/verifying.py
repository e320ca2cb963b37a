"""Was anything at the desk changed, removed, added or moved unseen?"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from serving.desk.anchor import DamagedAnchor, read_anchor
from serving.desk.audit import COVERED, Head, digest_of, hash_of, head_of
from serving.desk.tables import activations, audit, policies, records

MOST_PROBLEMS = 50
_AT_ONCE = 2_000
_NO_ANCHOR = (
    "no anchor is kept in this home: that the end was not cut off, only a head kept elsewhere can tell"
)


@dataclass(frozen=True)
class Erasure:
    """What was blanked at one moment, by whom and why; the chain holds without it."""

    at: str
    who: str
    why: str
    versions: int
    records: tuple[tuple[str, str], ...]
    """Kind and id of each."""


@dataclass(frozen=True)
class AuditVerdict:
    """What a check of the audit log found."""

    problems: tuple[str, ...]
    notes: tuple[str, ...]
    erased: tuple[Erasure, ...]
    head: Head
    anchor: Head | None
    """How far the log had come by the file in the home."""
    since: Head | None = None
    """The entry behind which entries were checked; None: all of them were."""

    @property
    def is_valid(self) -> bool:
        return not self.problems

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        blanked = sum(each.versions for each in self.erased)
        besides = (
            f"; what told of persons was erased from {blanked:,} versions, as recorded" if blanked else ""
        )
        if self.is_valid:
            return f"The audit log holds: {self.head.position:,} entries, none changed, missing or added{besides}."
        return (
            f"The audit log does not hold: {len(self.problems)} problems in {self.head.position:,} entries{besides}. "
            "Keep a copy of the database as it is, and restore the latest backup that holds."
        )


def verdict(
    connection: sa.Connection, home: Path | None, *expected: Head, since: Head | None = None
) -> AuditVerdict:
    """Check every entry, every version and every policy, and the end of the log against what is kept outside.

    `since`: where a check that found all well ended. Only what came behind it is read, with its versions and
    policies; a log that does not hold this entry is read whole.
    """
    head, notes, anchors = head_of(connection), [], list(expected)
    if since is not None and _hash_at(connection, since.position, head.desk_id) != since.hash:
        since = None
    anchor, damaged = None, []
    if home is not None:
        try:
            anchor = read_anchor(home)
            anchors += [anchor] if anchor else []
        except DamagedAnchor as error:
            damaged = [
                f"{error}: whether the log's end was cut off can only be told by a head kept elsewhere"
            ]
        if anchor is None and not damaged and head.position:
            notes.append(_NO_ANCHOR)
    begin = since or Head(head.desk_id, 0, head.desk_id)
    walk = _Walk(connection, {each.position for each in anchors}, begin)
    found = itertools.chain(
        damaged, walk.problems(), _outside(connection, begin.position), _anchored(anchors, head, walk.hashes)
    )
    problems = []
    for number, problem in enumerate(found):  # to the end: the list of erasures is of the whole log
        if number < MOST_PROBLEMS:
            problems.append(problem)
        elif number == MOST_PROBLEMS:
            problems.append("and more: the rest was not listed")
    return AuditVerdict(tuple(problems), tuple(notes), tuple(walk.erasures()), head, anchor, since)


def _hash_at(connection: sa.Connection, position: int, of_none: str) -> str | None:
    """The hash of an entry; that before the first one; None where there is no such entry."""
    if position == 0:
        return of_none
    return connection.execute(
        sa.select(audit.c.hash).where(audit.c.position == position)
    ).scalar_one_or_none()


def _anchored(anchors: list[Head], head: Head, hashes: dict[int, str | None]) -> Iterator[str]:
    """Whether the log still begins with what was seen of it."""
    for anchor in anchors:
        if anchor.desk_id not in ("", head.desk_id):
            yield (
                f"the anchor is of another database ({anchor.desk_id}, this is {head.desk_id}): if you changed it "
                "on purpose, move the anchor's file away"
            )
        elif anchor.position > head.position:
            yield f"the log ends at entry {head.position}, but had come to {anchor.position}: its end was cut off"
        elif hashes.get(anchor.position, head.desk_id) != anchor.hash:
            yield f"entry {anchor.position} is not the one that was there before: the log was written anew"


class _Walk:
    """One pass over the chain from an entry on, with what each entry tells of beside it."""

    def __init__(self, connection: sa.Connection, watched: set[int], begin: Head) -> None:
        self.connection, self.watched, self.begin = connection, watched, begin
        behind = {
            each: _hash_at(connection, each, begin.desk_id) for each in watched if each <= begin.position
        }
        self.hashes: dict[int, str | None] = {each: told for each, told in behind.items() if each}
        earlier = sa.select(audit).where(audit.c.act == "erase", audit.c.position <= begin.position)
        self.erased: list[Any] = (
            [*connection.execute(earlier.order_by(audit.c.position)).mappings()] if begin.position else []
        )

    def problems(self) -> Iterator[str]:
        erased_rows = records.alias("erased_rows")
        query = (
            sa.select(audit, *_labelled(records, "r_"), *_labelled(erased_rows, "e_"))
            .outerjoin(records, records.c.sequence == audit.c.position)
            .outerjoin(erased_rows, erased_rows.c.erased_by == audit.c.position)
            .where(audit.c.position > self.begin.position)
            .order_by(audit.c.position)
        )
        saved, activated = self._by_sequence(policies), self._by_sequence(activations)
        previous, position = self.begin.hash, self.begin.position
        streamed = self.connection.execution_options(yield_per=_AT_ONCE).execute(query).mappings()
        for entry in streamed:
            # A backup put back goes on counting where the desk was, so that no number is given twice.
            if entry["position"] != position + 1 and entry["act"] != "restore":
                yield f"entries {position + 1} to {entry['position'] - 1} are missing"
            position = entry["position"]
            if hash_of(entry, previous) != entry["hash"]:
                yield f"entry {position} was changed, or what came before it ({_told(entry)})"
            previous = entry["hash"]
            if position in self.watched:
                self.hashes[position] = previous
            effect = _EFFECTS.get(entry["act"])
            if effect and (wrong := effect(entry, saved, activated)):
                yield f"entry {position}, {_told(entry)}: {wrong}"
            if entry["act"] == "erase":
                self.erased.append(entry)

    def _by_sequence(self, table: sa.Table) -> dict[int, Any]:
        return {row["sequence"]: row for row in self.connection.execute(sa.select(table)).mappings()}

    def erasures(self) -> Iterator[Erasure]:
        def same(entry: Any) -> tuple[str, str, str]:
            return entry["at"], entry["actor"], json.loads(entry["detail"]).get("why", "")

        for (at, who, why), group in itertools.groupby(self.erased, same):
            entries = list(group)
            named = dict.fromkeys((entry["kind"], entry["record_id"]) for entry in entries)
            yield Erasure(at, who, why, len(entries), tuple(named))


def _labelled(table: Any, prefix: str) -> list[Any]:
    return [column.label(prefix + column.name) for column in table.c]


def _told(entry: Any) -> str:
    what = " ".join(str(entry[name]) for name in ("kind", "record_id") if entry[name])
    return f"{entry['act']} {what}" + (f" version {entry['version']}" if entry["version"] else "")


def _version_wrong(entry: Any, saved: Any, activated: Any) -> str | None:
    if entry["r_kind"] is None:
        return "its version of the record is missing"
    if any(entry[f"r_{name}"] != entry[name] for name in ("kind", "record_id", "version")):
        return "another version stands in its place"
    if entry["r_erased_by"] is not None:
        return None  # the entry of the erasure tells what it became
    return None if _digest(entry, "r_") == entry["digest"] else "the version was changed"


def _erasure_wrong(entry: Any, saved: Any, activated: Any) -> str | None:
    if entry["e_kind"] is None:
        return "what it blanked is not as it left it"
    if any(entry[f"e_{name}"] != entry[name] for name in ("kind", "record_id", "version")):
        return "another version bears its mark"
    return None if _digest(entry, "e_") == entry["digest"] else "the blanked version was changed"


def _policy_wrong(entry: Any, saved: Any, activated: Any) -> str | None:
    return _row_wrong(entry, saved.get(entry["position"]))


def _activation_wrong(entry: Any, saved: Any, activated: Any) -> str | None:
    return _row_wrong(entry, activated.get(entry["position"]))


def _row_wrong(entry: Any, row: Any) -> str | None:
    if row is None:
        return "its row is missing"
    names = tuple(sorted(name for name in row if name != "sequence"))
    return None if digest_of(row, "", names) == entry["digest"] else "its row was changed"


_EFFECTS = {
    "add": _version_wrong,
    "change": _version_wrong,
    "erase": _erasure_wrong,
    "save_policy": _policy_wrong,
    "activate_policy": _activation_wrong,
}


def _digest(entry: Any, prefix: str) -> str:
    row = {name: entry[prefix + name] for name in COVERED}
    return digest_of(row, entry[prefix + "salt"])


def _outside(connection: sa.Connection, since: int) -> Iterator[str]:
    """Rows that no entry tells of, and versions that do not follow each other; of records written behind an entry."""
    effects = (
        (records, records.c.sequence, ("add", "change"), "a version"),
        (records, records.c.erased_by, ("erase",), "an erasure"),
        (policies, policies.c.sequence, ("save_policy",), "a policy"),
        (activations, activations.c.sequence, ("activate_policy",), "an activation"),
    )
    for table, column, acts, what in effects:
        told = sa.select(audit.c.position).where(audit.c.act.in_(acts))
        rows = (
            sa.select(column)
            .select_from(table)
            .where(column > since if since else column.is_not(None), column.not_in(told))
            .order_by(column)
        )
        for sequence in connection.execute(rows.limit(MOST_PROBLEMS)).scalars():
            yield f"{what} was added that no entry of the log tells of (it names entry {sequence})"
    latest = sa.func.max(records.c.version)
    current = sa.func.sum(sa.case((records.c.is_current, records.c.version), else_=0))
    marks = sa.func.sum(sa.case((records.c.is_current, 1), else_=0))
    written = sa.select(records.c.kind, records.c.record_id).where(records.c.sequence > since)
    broken = (
        sa.select(records.c.kind, records.c.record_id)
        .where(sa.tuple_(records.c.kind, records.c.record_id).in_(written) if since else sa.true())
        .group_by(records.c.kind, records.c.record_id)
        .having(sa.or_(latest != sa.func.count(), current != latest, marks != 1))
    )
    for row in connection.execute(broken.limit(MOST_PROBLEMS)):
        yield f"the versions of {row.kind} {row.record_id} do not follow each other, or not the latest is current"
