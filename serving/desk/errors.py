"""What can go wrong at the desk, and what does each answer say?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from serving.desk.kinds import Flaw
    from serving.desk.records import Record

Reason = Literal["locked", "full", "down", "read_only", "damaged", "failed"]


class DeskError(Exception):
    """Nothing was written by what raised this."""


class RecordError(DeskError, ValueError):
    """The content cannot be kept; `flaws` lists everything, by JSON pointer."""

    def __init__(self, kind: str, flaws: Iterable[Flaw]) -> None:
        self.kind, self.flaws = kind, tuple(flaws)
        super().__init__(f"this cannot be kept under {kind}: " + "; ".join(map(str, self.flaws)))


class AlreadyThere(DeskError):  # noqa: N818 - a state to report, not a fault
    """A record of this kind has this id already; `record` is it."""

    def __init__(self, record: Record) -> None:
        self.record = record
        super().__init__(
            f"{record.kind} has a record {record.record_id!r} already (version {record.version}). "
            "Change it, or give the new one another id."
        )


class UnknownRecord(DeskError, LookupError):  # noqa: N818
    """There is no record of this kind with this id."""

    def __init__(self, kind: str, record_id: str) -> None:
        super().__init__(f"{kind} has no record {record_id!r}")


class StaleVersion(DeskError):  # noqa: N818
    """Somebody changed the record meanwhile: it is at version `current`, and not at `expected`."""

    def __init__(self, kind: str, record_id: str, expected: int, current: int) -> None:
        self.kind, self.record_id = kind, record_id
        self.expected, self.current = expected, current
        super().__init__(
            f"{kind} {record_id!r} is at version {current}, not {expected}: somebody changed it meanwhile. "
            "Read it again, and make the change to what it is now."
        )


class KeyReused(DeskError):  # noqa: N818
    """The idempotency key came with another request before."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"the key {key!r} came with another request before; take a new key for a new request"
        )


class UnknownPolicy(DeskError, LookupError):  # noqa: N818
    """No policy of this version is kept."""

    def __init__(self, version: str) -> None:
        super().__init__(f"no policy of version {version!r} is kept at the desk; save it first")


class DeskTooNew(DeskError, ValueError):  # noqa: N818
    """The database was written by a later version of duecourse, which alone knows what it means."""


class DeskUnavailable(DeskError, OSError):  # noqa: N818
    """The database does not answer, or not now: why, and what to do. Whatever was under way left nothing behind,
    unless it broke off while committing: then it is whole or not there, and asking again with the same
    idempotency key tells which."""

    def __init__(self, reason: Reason, told: str, mend: str) -> None:
        self.reason, self.mend = reason, mend
        super().__init__(f"the desk's database {told}. {mend}")
