"""How is blanked what tells of a person, so that the audit log still holds?

Content and salt of each version are replaced; an entry of its own tells that, and the digest of what is left.
Amounts, days, statuses and account numbers stay: they are what was owed and paid.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa

from serving.desk.audit import as_text, digest_of, moment_text, new_salt
from serving.desk.kinds import ERASED, KINDS
from serving.desk.reading import is_among
from serving.desk.tables import audit, keys, records
from serving.desk.writing import Writing

KEPT_DAYS = 3 * 365
"""So long notes, contacts and messages tell of persons where nothing else is said."""


def erase(written: Writing, customer_id: str, why: str, invoice_ids: Collection[str] = ()) -> int:
    """Blank every text, name and person in every version of what is kept of a customer; how many versions."""
    if not why.strip():
        raise ValueError("say why: the reason is kept in the audit log")
    of_customer = records.c.customer_id == customer_id
    invoices = sa.select(records.c.invoice_id).where(of_customer, records.c.invoice_id.is_not(None))
    about_its_own = records.c.invoice_id.in_(invoices) | is_among(
        written.connection, records.c.invoice_id, invoice_ids
    )
    nameless = records.c.customer_id.is_(None) & about_its_own
    return _blank(written, _unerased(written, of_customer | nameless), why)


def forget(written: Writing, kept_days: int = KEPT_DAYS) -> int:
    """Blank what tells of persons in notes, contacts and messages older than the period; how many versions."""
    until = written.now.date() - timedelta(days=kept_days)
    dated = {name: str(kind.KEPT_FROM) for name, kind in KINDS.items() if kind.KEPT_FROM}
    is_old = records.c.changed_at < moment_text(written.now - timedelta(days=kept_days))
    rows = [
        row
        for row in _unerased(written, records.c.kind.in_(dated) & is_old)
        if date.fromisoformat(json.loads(row["content"])[dated[row["kind"]]]) < until
    ]
    return _blank(written, rows, f"retention: older than {kept_days} days")


def erasures_of(connection: sa.Connection) -> list[Any]:
    """Every version that was blanked at a desk, with the reason."""
    return list(connection.execute(sa.select(audit).where(audit.c.act == "erase")).mappings())


def erase_again(written: Writing, erasures: Iterable[Any]) -> int:
    """Blank what was blanked elsewhere and is not here, as in a backup from before; how many versions."""
    why = {(each["kind"], each["record_id"], each["version"]): each["detail"] for each in erasures}
    found = [
        row for row in _unerased(written, sa.true()) if (row["kind"], row["record_id"], row["version"]) in why
    ]
    return sum(
        _blank(written, [row], json.loads(why[row["kind"], row["record_id"], row["version"]])["why"])
        for row in found
    )


def _unerased(written: Writing, which: Any) -> list[Any]:
    query = sa.select(records).where(which, records.c.erased_by.is_(None)).order_by(records.c.sequence)
    return list(written.connection.execute(query).mappings())


def _blank(written: Writing, rows: Iterable[Any], why: str) -> int:
    begin, blanked = written.chain.head.position, 0
    for row in rows:
        content = json.loads(row["content"])
        personal = KINDS[row["kind"]].personal(content)
        if personal:
            _replace(written, row, content | dict.fromkeys(personal, ERASED), why)
            blanked += 1
    if blanked:
        _blank_answers(written, begin)
    return blanked


def _replace(written: Writing, row: Any, content: dict[str, Any], why: str) -> None:
    changed = {"content": as_text(content), "salt": new_salt()}
    digest = digest_of({**row, **changed}, changed["salt"])
    named = {name: row[name] for name in ("kind", "record_id", "version")}
    position = written.chain.append("erase", digest, **named, detail={"why": why})
    same = [records.c[name] == value for name, value in named.items()]
    written.connection.execute(sa.update(records).where(*same).values(**changed, erased_by=position))


def _blank_answers(written: Writing, begin: int) -> None:
    """Answers kept for retries may repeat what was blanked; their keys stay, so that no retry brings it back."""
    erased = sa.select(records.c.sequence).where(
        records.c.erased_by > begin,
        records.c.sequence.between(keys.c.first_sequence, keys.c.last_sequence),
    )
    blank = {"answer": as_text({"erased": True}), "digest": "erased"}
    written.connection.execute(sa.update(keys).where(erased.exists()).values(**blank))
