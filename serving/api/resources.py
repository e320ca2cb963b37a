"""Which addresses hold records, of which kind, and who may read and write them?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.roles import Caller

SENSITIVE_FLAGS = ("hardship", "vulnerability")


@dataclass(frozen=True)
class Resource:
    """An address under /v1 and the kind of record behind it."""

    path: str
    kind: str
    reads: str
    writes: str
    meaning: str


RESOURCES: tuple[Resource, ...] = (
    Resource("payments", "payments", "read:facts", "write:facts", "money received"),
    Resource("credit-notes", "credit_notes", "read:facts", "write:facts", "what we took back"),
    Resource("disputes", "disputes", "read:facts", "write:dialogue", "what customers object to"),
    Resource("promises", "promises", "read:facts", "write:dialogue", "promises to pay"),
    Resource("payment-plans", "payment_plans", "read:facts", "write:dialogue", "agreed instalments"),
    Resource("contacts", "contacts", "read:facts", "write:dialogue", "calls, letters and messages"),
    Resource("complaints", "complaints", "read:facts", "write:dialogue", "complaints about goods or service"),
    Resource("notes", "notes", "read:facts", "write:dialogue", "what somebody wants others to know"),
    Resource("tasks", "tasks", "read:facts", "write:dialogue", "what others of ours are to do"),
    Resource("messages", "messages", "read:facts", "write:dialogue", "texts as they were sent"),
    Resource("nonpayment-reasons", "nonpayment_reasons", "read:facts", "write:dialogue", "why not paid"),
    Resource("credit-reports", "credit_reports", "read:facts", "write:facts", "what agencies say"),
    Resource("trade-references", "trade_references", "read:facts", "write:facts", "what suppliers say"),
    Resource(
        "flags", "flags", "read:facts", "write:dialogue", "evidence, hardship, quiet time, ways of paying"
    ),
    Resource("decisions", "decisions", "read:worklist", "write:decisions", "what was decided, and why"),
    Resource("reviews", "reviews", "read:worklist", "write:decisions", "looks at whole accounts"),
    Resource(
        "case-states", "case_states", "read:worklist", "write:decisions", "snoozed, assigned, reordered"
    ),
    Resource(
        "credit-decisions", "credit_decisions", "read:worklist", "write:credit_decisions", "terms granted"
    ),
    Resource("alerts", "alerts", "read:alerts", "write:alerts", "what somebody should look at"),
    Resource("tier-changes", "tier_changes", "read:worklist", "write:decisions", "who moved between tiers"),
)
BOOKED: tuple[Resource, ...] = (
    Resource("invoices", "invoices", "read:facts", "write:facts", "what we billed"),
    Resource("customers", "customers", "read:facts", "write:facts", "who buys from us"),
)
"""Kinds that the book lists, whether they came by export or over HTTP."""


def is_sensitive(kind: str, content: Mapping[str, Any]) -> bool:
    """Whether a record tells of hardship or vulnerability, or was marked as restricted."""
    return bool(content.get("restricted")) or (kind == "flags" and content.get("flag") in SENSITIVE_FLAGS)


def may_read(caller: Caller, kind: str, content: Mapping[str, Any]) -> bool:
    """Whether a caller with the right to the resource may see this record of it."""
    return caller.may("read:sensitive") or not is_sensitive(kind, content)


def may_write(caller: Caller, kind: str, content: Mapping[str, Any]) -> bool:
    """Whether a caller with the right to the resource may write this record of it."""
    return caller.may("write:sensitive") or not is_sensitive(kind, content)
