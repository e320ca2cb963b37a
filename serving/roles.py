"""Who may do what? Roles of people and systems, and what each of them may read and write.

A right is `read:` or `write:` and what it is about. Hardship and vulnerability are told only to those who speak with
customers and those they report to; neither a system nor the administrator needs them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

RIGHTS: dict[str, str] = {
    "read:scores": "scores, reasons and what is known of an invoice or a customer",
    "read:facts": "payments, disputes, promises, contacts and everything else that was recorded",
    "read:worklist": "today's list, cases and recommendations",
    "read:kpis": "figures of the portfolio",
    "read:models": "model cards and how the model does",
    "read:policy": "the policy, its versions and what a change of it would do",
    "read:alerts": "alerts",
    "read:sensitive": "hardship and vulnerability",
    "read:audit": "who did what, and whether the audit chain is whole",
    "write:facts": "invoices, customers, payments and credit notes",
    "write:dialogue": "promises, disputes, contacts, complaints, payment plans, notes and tasks",
    "write:sensitive": "hardship and vulnerability",
    "write:decisions": "decisions on cases, reviews, snoozing, assigning and reordering",
    "write:alerts": "acknowledging, assigning and closing alerts",
    "write:credit_decisions": "credit limits and terms",
    "write:policy": "new policy versions, activating and rolling back",
    "write:users": "tokens, users, erasure",
}
_READING = ("scores", "facts", "worklist", "kpis", "models", "policy", "alerts")
_VIEWER = frozenset(f"read:{what}" for what in _READING)
_ANALYST = _VIEWER | {
    "read:sensitive",
    "write:dialogue",
    "write:sensitive",
    "write:decisions",
    "write:alerts",
}
ROLES: dict[str, frozenset[str]] = {
    "viewer": _VIEWER,
    "analyst": _ANALYST,
    "credit_manager": _ANALYST | {"read:audit", "write:credit_decisions", "write:policy"},
    "ar_system": frozenset(
        ("read:scores", "read:facts", "read:worklist", "read:policy", "write:facts", "write:dialogue")
    ),
    "data_scientist": frozenset(("read:scores", "read:kpis", "read:models", "read:policy")),
    "administrator": _VIEWER | {"read:audit", "write:users"},
}
"""The roles, and the rights of each."""
LOCAL = "local"
"""Whoever asks from this machine without a token: it could read the desk's file anyway."""


@dataclass(frozen=True)
class Caller:
    """Who asks, in which role, and with which rights."""

    name: str
    role: str
    rights: frozenset[str]

    def may(self, right: str) -> bool:
        """Whether the caller has a right."""
        return right in self.rights


def rights_of(role: str, scopes: Iterable[str] = ()) -> frozenset[str]:
    """The rights of a role, narrowed to some of them where scopes are given; ValueError for unknown names."""
    wanted = set(scopes)
    if role not in ROLES:
        raise ValueError(f"there is no role {role!r}; the roles are {', '.join(ROLES)}")
    if unknown := sorted(wanted - RIGHTS.keys()):
        raise ValueError(f"there is no scope {unknown[0]!r}; the scopes are {', '.join(RIGHTS)}")
    if beyond := sorted(wanted - ROLES[role]):
        raise ValueError(
            f"the role {role} has no right {beyond[0]!r}; it has {', '.join(sorted(ROLES[role]))}"
        )
    return frozenset(wanted) or ROLES[role]


def local_caller(address: str) -> Caller:
    """Whoever asks from this machine without a token."""
    return Caller(f"{LOCAL} {address}", LOCAL, frozenset(RIGHTS))
