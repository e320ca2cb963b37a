"""What is a record, who makes it, and what do readers of the desk get?"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from serving.roles import LOCAL
from serving.roles import ROLES as OF_TOKENS

ROLES = (*OF_TOKENS, LOCAL)


@dataclass(frozen=True)
class Actor:
    """Who does something; raises ValueError for a role that does not exist."""

    name: str
    role: str

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f"there is no role {self.role!r}; roles are {', '.join(ROLES)}")
        if not self.name.strip() or len(self.name) > 200 or not self.name.isprintable():
            raise ValueError(f"{self.name[:50]!r} cannot name an actor; take 1 to 200 printable characters")


@dataclass(frozen=True)
class Record:
    """One version of something that people or systems told us."""

    kind: str
    record_id: str
    version: int
    customer_id: str | None
    invoice_id: str | None
    status: str | None
    content: dict[str, Any]
    changed_at: datetime
    changed_by: str
    number: int = 0
    """Grows with every record added, and stays with it: the order of lists, and their cursor."""
    sequence: int = 0
    """Grows with every write: the entry of the audit log that tells of this version."""
    is_erased: bool = field(default=False, compare=False)
    """Whether what told of a person was blanked."""


@dataclass(frozen=True)
class PolicyVersion:
    """A policy as it was saved; `activated_at` is empty for one that never was in force."""

    version: str
    text: str
    note: str
    saved_at: datetime
    saved_by: str
    is_active: bool = False
    activated_at: datetime | None = None
    activated_by: str | None = None
    why: str | None = None


@dataclass(frozen=True)
class Activation:
    """A policy that came into force: from when, by whose hand, why."""

    version: str
    activated_at: datetime
    activated_by: str
    why: str


@dataclass(frozen=True)
class DecisionTrace:
    """Everything that shows years later how a decision came about."""

    decision: Record
    history: tuple[Record, ...]
    policy: PolicyVersion | None
