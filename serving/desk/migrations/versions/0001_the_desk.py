"""The first desk: records in versions, the audit log, policies, idempotency keys, and the triggers."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")
APPEND_ONLY = ("audit", "policies", "activations")
FIXED = (
    "kind",
    "record_id",
    "version",
    "number",
    "sequence",
    "customer_id",
    "invoice_id",
    "status",
    "changed_at",
    "changed_by",
)


def upgrade() -> None:
    _make_tables()
    op.bulk_insert(sa.table("about", sa.column("desk_id", sa.Text)), [{"desk_id": secrets.token_hex(8)}])
    if op.get_bind().dialect.name == "sqlite":
        _guard_in_sqlite()
    else:
        _guard_in_postgresql()


def downgrade() -> None:
    raise NotImplementedError(
        "an audit log is not taken away; restore a backup of the earlier version instead"
    )


def _make_tables() -> None:
    op.create_table("about", _text("desk_id", primary_key=True))
    op.create_table(
        "audit",
        _whole("position", primary_key=True),
        *(_text(name) for name in ("at", "actor", "role", "act", "kind", "record_id")),
        _whole("version"),
        *(_text(name) for name in ("digest", "detail", "hash")),
    )
    op.create_table(
        "records",
        _text("kind", primary_key=True),
        _text("record_id", primary_key=True),
        _whole("version", primary_key=True),
        _whole("number"),
        _whole("sequence", sa.ForeignKey("audit.position"), unique=True),
        sa.Column("is_current", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.Text) for name in ("customer_id", "invoice_id", "status")),
        *(_text(name) for name in ("content", "changed_at", "changed_by", "salt")),
        sa.Column("erased_by", WHOLE, sa.ForeignKey("audit.position"), unique=True),
    )
    mark = sa.text("is_current")
    op.create_index(
        "one_current", "records", ["kind", "record_id"], unique=True, sqlite_where=mark, postgresql_where=mark
    )
    op.create_index("records_of_a_kind", "records", ["kind", "number"])
    op.create_index("records_by_number", "records", ["number"])
    op.create_index("records_of_a_customer", "records", ["customer_id", "number"])
    op.create_index("records_of_an_invoice", "records", ["invoice_id", "number"])
    op.create_table(
        "policies",
        _text("version", primary_key=True),
        _whole("sequence", sa.ForeignKey("audit.position"), unique=True),
        *(_text(name) for name in ("text", "note", "saved_at", "saved_by")),
    )
    op.create_table(
        "activations",
        _whole("sequence", sa.ForeignKey("audit.position"), primary_key=True),
        _text("version", sa.ForeignKey("policies.version")),
        *(_text(name) for name in ("why", "activated_at", "activated_by")),
    )
    op.create_table(
        "keys",
        _text("actor", primary_key=True),
        _text("key", primary_key=True),
        *(_text(name) for name in ("digest", "answer")),
        _text("remembered_at", index=True),
        _whole("first_sequence"),
        _whole("last_sequence", index=True),
    )


def _text(name: str, *more: sa.ForeignKey, **options: bool) -> sa.Column:
    return sa.Column(name, sa.Text, *more, nullable=False, **options)  # type: ignore[arg-type]


def _whole(name: str, *more: sa.ForeignKey, **options: bool) -> sa.Column:
    return sa.Column(name, WHOLE, *more, nullable=False, autoincrement=False, **options)  # type: ignore[arg-type]


def _guard_in_sqlite() -> None:
    refuse = "BEGIN SELECT RAISE(ABORT, '{0} is append-only'); END"
    for table in APPEND_ONLY:
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} {refuse.format(table)}"
            )
    op.execute(f"CREATE TRIGGER records_no_delete BEFORE DELETE ON records {refuse.format('records')}")
    columns = ", ".join(FIXED)
    op.execute(
        f"CREATE TRIGGER records_no_update BEFORE UPDATE OF {columns} ON records {refuse.format('records')}"
    )


def _guard_in_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION desk_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    run = "EXECUTE FUNCTION desk_is_append_only()"
    for table in APPEND_ONLY:
        op.execute(f"CREATE TRIGGER {table}_stands BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {run}")
    columns = ", ".join(FIXED)
    op.execute(
        f"CREATE TRIGGER records_stand BEFORE UPDATE OF {columns} OR DELETE ON records FOR EACH ROW {run}"
    )
    for table in (*APPEND_ONLY, "records"):
        op.execute(f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {run}")
