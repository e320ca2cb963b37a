"""What does the desk hold? Records as they are now, as they were, and as rows of the ledger's tables."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from serving.desk.audit import head_of
from serving.desk.engine import reading
from serving.desk.errors import UnknownRecord
from serving.desk.kinds import KINDS, LEDGER_KINDS
from serving.desk.records import Activation, DecisionTrace, PolicyVersion, Record
from serving.desk.tables import activations, audit, policies, records

DECIDED = ("decisions", "credit_decisions")
"""Kinds that say what was recommended and what was chosen."""


def record_of(row: Any) -> Record:
    """A row of the table of records."""
    return Record(
        row.kind,
        row.record_id,
        row.version,
        row.customer_id,
        row.invoice_id,
        row.status,
        json.loads(row.content),
        datetime.fromisoformat(row.changed_at),
        row.changed_by,
        row.number,
        row.sequence,
        row.erased_by is not None,
    )


def current_of(connection: sa.Connection, kind: str, record_id: str) -> Record | None:
    """The record as it is now, or None."""
    query = sa.select(records).where(
        records.c.kind == kind, records.c.record_id == record_id, records.c.is_current
    )
    row = connection.execute(query).first()
    return record_of(row) if row else None


def is_among(
    connection: sa.Connection, column: sa.Column[Any], wanted: Iterable[str]
) -> sa.ColumnElement[bool]:
    """Whether a column holds one of many texts, however many."""
    listed = sa.bindparam(None, json.dumps(sorted(set(wanted))), sa.Text)
    if connection.dialect.name == "sqlite":
        values = sa.func.json_each(listed).table_valued("value")
        return column.in_(sa.select(values.c.value))
    each = sa.func.json_array_elements_text(sa.cast(listed, sa.JSON)).table_valued("value")
    return column.in_(sa.select(each.c.value))


class Reading:
    """The questions that a desk answers; each sees the desk at one moment."""

    engine: sa.Engine

    def get(self, kind: str, record_id: str) -> Record:
        """A record as it is now; raises UnknownRecord."""
        with reading(self.engine) as connection:
            found = current_of(connection, kind_name(kind), record_id)
        if found is None:
            raise UnknownRecord(kind, record_id)
        return found

    def history(self, kind: str, record_id: str) -> list[Record]:
        """Every version of a record, the first one first; raises UnknownRecord."""
        query = (
            sa.select(records)
            .where(records.c.kind == kind_name(kind), records.c.record_id == record_id)
            .order_by(records.c.version)
        )
        with reading(self.engine) as connection:
            found = [record_of(row) for row in connection.execute(query)]
        if not found:
            raise UnknownRecord(kind, record_id)
        return found

    def find(
        self,
        kind: str | None = None,
        *,
        record_ids: Collection[str] | None = None,
        customer_ids: Collection[str] | None = None,
        invoice_ids: Collection[str] | None = None,
        status: str | Collection[str] | None = None,
        after: int | None = None,
        before: int | None = None,
        limit: int | None = None,
        latest_first: bool = False,
    ) -> list[Record]:
        """Current records in the order in which they were added, or the other way round.

        `after` and `before` are the `number` of the last one seen.
        """
        order = records.c.number.desc() if latest_first else records.c.number
        query = sa.select(records).where(records.c.is_current).order_by(order).limit(limit)
        if kind is not None:
            query = query.where(records.c.kind == kind_name(kind))
        if after is not None:
            query = query.where(records.c.number > after)
        if before is not None:
            query = query.where(records.c.number < before)
        if status is not None:
            query = query.where(records.c.status.in_([status] if isinstance(status, str) else list(status)))
        with reading(self.engine) as connection:
            for column, wanted in (
                (records.c.record_id, record_ids),
                (records.c.customer_id, customer_ids),
                (records.c.invoice_id, invoice_ids),
            ):
                if wanted is not None:
                    query = query.where(is_among(connection, column, wanted))
            return [record_of(row) for row in connection.execute(query)]

    def counts(self, kind: str) -> dict[str, int]:
        """How many current records of a kind there are, by status."""
        mine = sa.and_(records.c.is_current, records.c.kind == kind_name(kind))
        query = sa.select(records.c.status, sa.func.count()).where(mine).group_by(records.c.status)
        with reading(self.engine) as connection:
            return {str(status): int(many) for status, many in connection.execute(query)}

    def timeline(self, customer_ids: Collection[str]) -> list[Record]:
        """Everything told about some customers, what was told or changed last coming first."""
        return sorted(self.find(customer_ids=customer_ids), key=lambda each: -each.sequence)

    def sequence(self) -> int:
        """Grows with every write, and never falls."""
        with reading(self.engine) as connection:
            return head_of(connection).position

    def latest(self, *kinds: str) -> int:
        """The sequence number of the last write of these kinds, 0 without one: whether they are as they were."""
        newest = sa.func.max(sa.func.coalesce(records.c.erased_by, records.c.sequence))
        query = sa.select(sa.func.coalesce(newest, 0)).where(
            records.c.kind.in_([kind_name(each) for each in kinds])
        )
        with reading(self.engine) as connection:
            return int(connection.execute(query).scalar_one())

    def changed_customers(self, since: int, kinds: Collection[str] = ()) -> set[str]:
        """Customers of whom something was written after a sequence number, also those it was moved away from.

        `kinds`: only what was written of these.
        """
        return self._changed(records.c.customer_id, since, kinds)

    def changed_invoices(self, since: int, kinds: Collection[str] = ()) -> set[str]:
        """Invoices of which something was written after a sequence number: for what came in without its customer."""
        return self._changed(records.c.invoice_id, since, kinds)

    def _changed(self, column: sa.Column[Any], since: int, kinds: Collection[str]) -> set[str]:
        changed = sa.or_(records.c.sequence > since, records.c.erased_by > since)
        if kinds:
            changed = sa.and_(changed, records.c.kind.in_(sorted(kinds)))
        touched = sa.select(records.c.kind, records.c.record_id).where(changed).distinct().subquery()
        query = (
            sa.select(column)
            .join(
                touched,
                sa.and_(records.c.kind == touched.c.kind, records.c.record_id == touched.c.record_id),
            )
            .where(column.is_not(None))
            .distinct()
        )
        with reading(self.engine) as connection:
            return set(connection.execute(query).scalars())

    def ledger_rows(
        self, customer_ids: Collection[str] | None = None, invoice_ids: Collection[str] = ()
    ) -> dict[str, list[dict[str, str]]]:
        """Rows of the ledger's tables as on disk, every table with its rows in the order they were added.

        Of some customers only where they are given; `invoice_ids` adds what came in about these without a customer.
        """
        query = (
            sa.select(records)
            .where(records.c.kind.in_(LEDGER_KINDS))
            .where(sa.or_(records.c.is_current, records.c.kind == "customers"))
            .order_by(records.c.number, records.c.version)
        )
        with reading(self.engine) as connection:
            if customer_ids is not None:
                own = is_among(connection, records.c.customer_id, customer_ids)
                nameless = records.c.customer_id.is_(None) & is_among(
                    connection, records.c.invoice_id, invoice_ids
                )
                query = query.where(own | nameless)
            found = [record_of(row) for row in connection.execute(query)]
        return _as_tables(found)

    def active_policy(self) -> PolicyVersion | None:
        """The policy in force, or None where none was ever activated."""
        return next((each for each in self.policies() if each.is_active), None)

    def audit_entries(
        self,
        before: int | None = None,
        limit: int = 100,
        *,
        actor: str | None = None,
        customer_id: str | None = None,
        kind: str | None = None,
        first_day: date | None = None,
        last_day: date | None = None,
        only_overrides: bool = False,
    ) -> list[dict[str, Any]]:
        """Entries of the audit log, the latest first; `before` is the position of the last one seen.

        Each with the `customer_id` that its record is about, if it is about one. `only_overrides`: decisions as they
        were taken, where another step was chosen than was recommended.
        """
        about = audit.outerjoin(records, records.c.sequence == audit.c.position)
        query = sa.select(audit, records.c.customer_id).select_from(about)
        query = query.order_by(audit.c.position.desc()).limit(limit)
        # times are texts of one form, so that they are ordered as they are written
        since = first_day and first_day.isoformat()
        until = last_day and (last_day + timedelta(days=1)).isoformat()
        for wanted, condition in (
            (before, lambda: audit.c.position < before),
            (actor, lambda: audit.c.actor == actor),
            (customer_id, lambda: records.c.customer_id == customer_id),
            (kind, lambda: audit.c.kind == kind),
            (since, lambda: audit.c.at >= since),
            (until, lambda: audit.c.at < until),
        ):
            if wanted is not None:
                query = query.where(condition())
        with reading(self.engine) as connection:
            if only_overrides:
                query = query.where(_is_override(connection))
            return [dict(row) for row in connection.execute(query).mappings()]

    def versions_at(self, positions: Collection[int]) -> dict[int, tuple[Record | None, Record]]:
        """What was written at some places of the audit log: the version before, if there was one, and the new one."""
        before = records.alias()
        same = sa.and_(before.c.kind == records.c.kind, before.c.record_id == records.c.record_id)
        joined = records.outerjoin(before, sa.and_(same, before.c.version == records.c.version - 1))
        query = sa.select(records.c.sequence.label("at"), before.c.sequence.label("earlier")).select_from(
            joined
        )
        with reading(self.engine) as connection:
            pairs = connection.execute(query.where(records.c.sequence.in_(positions))).all()
            wanted = {each for pair in pairs for each in pair if each is not None}
            rows = connection.execute(sa.select(records).where(records.c.sequence.in_(wanted)))
            found = {row.sequence: record_of(row) for row in rows}
        return {at: (found.get(earlier), found[at]) for at, earlier in pairs}

    def policies(self) -> list[PolicyVersion]:
        """Every policy saved, the first one first, each with the last time it came into force."""
        with reading(self.engine) as connection:
            saved = connection.execute(sa.select(policies).order_by(policies.c.sequence)).all()
            latest = {row.version: row for row in connection.execute(_ACTIVATIONS)}
        active = max(latest.values(), key=lambda row: row.sequence, default=None)
        return [_policy_of(row, latest.get(row.version), active) for row in saved]

    def activations(self) -> list[Activation]:
        """Every time a policy came into force, the first one first."""
        with reading(self.engine) as connection:
            return [
                Activation(row.version, datetime.fromisoformat(row.activated_at), row.activated_by, row.why)
                for row in connection.execute(_ACTIVATIONS)
            ]

    def decision_trace(self, record_id: str, kind: str = "decisions") -> DecisionTrace:
        """A decision with its score, features and reasons, its history, and the text of its policy."""
        history = tuple(self.history(kind, record_id))
        version = history[-1].content.get("policy_version")
        policy = next((each for each in self.policies() if each.version == version), None)
        return DecisionTrace(history[-1], history, policy)


def _is_override(connection: sa.Connection) -> sa.ColumnElement[bool]:
    chosen, recommended = (_in_content(connection, name) for name in ("chosen", "recommended"))
    return sa.and_(audit.c.act == "add", records.c.kind.in_(DECIDED), chosen != recommended)


def _in_content(connection: sa.Connection, name: str) -> sa.ColumnElement[str]:
    """A text in the content of a record."""
    if connection.dialect.name == "sqlite":
        return sa.func.json_extract(records.c.content, f"$.{name}", type_=sa.Text)
    return sa.cast(records.c.content, sa.JSON)[name].as_string()


_ACTIVATIONS = sa.select(activations).order_by(activations.c.sequence)


def kind_name(kind: str) -> str:
    """The name of a kind; raises ValueError where there is none of that name."""
    if kind not in KINDS:
        raise ValueError(f"there is no kind of record {kind!r}; kinds are {', '.join(KINDS)}")
    return kind


def _policy_of(saved: Any, latest: Any, active: Any) -> PolicyVersion:
    return PolicyVersion(
        saved.version,
        saved.text,
        saved.note,
        datetime.fromisoformat(saved.saved_at),
        saved.saved_by,
        latest is not None and latest is active,
        latest and datetime.fromisoformat(latest.activated_at),
        latest and latest.activated_by,
        latest and latest.why,
    )


def _as_tables(found: Iterable[Record]) -> dict[str, list[dict[str, str]]]:
    tables: dict[str, list[dict[str, str]]] = {name: [] for name in LEDGER_KINDS}
    customers: dict[str, list[Record]] = {}
    for record in found:
        if record.kind == "customers":
            customers.setdefault(record.record_id, []).append(record)
        else:
            tables[record.kind] += KINDS[record.kind].rows(record.content, record.record_id)
    tables["customers"] = [row for versions in customers.values() for row in _customer_rows(versions)]
    return tables


def _customer_rows(versions: list[Record]) -> Iterator[dict[str, str]]:
    """A customer's versions as rows: one for each day from which something is known, the last word on it."""
    if versions[-1].status == "cancelled":
        return
    by_day = {each.content.get("known_on"): each for each in versions}
    for each in by_day.values():
        yield from KINDS["customers"].rows(each.content, each.record_id)
