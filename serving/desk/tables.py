"""How does the desk lie in a database? The tables as SQLAlchemy sees them; migrations make them.

    audit        one entry for each write, chained by hashes; the position is the desk's sequence
    records      every version of every record; what is current is marked
    policies     every policy saved           activations  each time one came into force
    keys         idempotency keys, with the answer that was given
    about        what this database is: an id made when it was
    users        people who sign in to the pages, by password or as the subject of a provider
    sessions     what each of them has open

Triggers refuse to change or remove entries, versions and policies; of a version only the mark, and what erasure
blanks, may change. Moments are texts in UTC, equally long, so that they sort; content is JSON as text.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()
Whole = sa.BigInteger().with_variant(sa.Integer, "sqlite")

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("position", Whole, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("record_id", sa.Text, nullable=False),
    sa.Column("version", Whole, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)
records = sa.Table(
    "records",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("record_id", sa.Text, primary_key=True),
    sa.Column("version", Whole, primary_key=True, autoincrement=False),
    sa.Column("number", Whole, nullable=False),
    sa.Column("sequence", Whole, sa.ForeignKey("audit.position"), nullable=False, unique=True),
    sa.Column("is_current", sa.Boolean, nullable=False),
    sa.Column("customer_id", sa.Text),
    sa.Column("invoice_id", sa.Text),
    sa.Column("status", sa.Text),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("changed_at", sa.Text, nullable=False),
    sa.Column("changed_by", sa.Text, nullable=False),
    sa.Column("salt", sa.Text, nullable=False),
    sa.Column("erased_by", Whole, sa.ForeignKey("audit.position"), unique=True),
)
_is_current = records.c.is_current
sa.Index(
    "one_current",
    records.c.kind,
    records.c.record_id,
    unique=True,
    sqlite_where=_is_current,
    postgresql_where=_is_current,
)
sa.Index("records_of_a_kind", records.c.kind, records.c.number)
sa.Index("records_by_number", records.c.number)
sa.Index("records_of_a_customer", records.c.customer_id, records.c.number)
sa.Index("records_of_an_invoice", records.c.invoice_id, records.c.number)
policies = sa.Table(
    "policies",
    metadata,
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("sequence", Whole, sa.ForeignKey("audit.position"), nullable=False, unique=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("saved_at", sa.Text, nullable=False),
    sa.Column("saved_by", sa.Text, nullable=False),
)
activations = sa.Table(
    "activations",
    metadata,
    sa.Column("sequence", Whole, sa.ForeignKey("audit.position"), primary_key=True, autoincrement=False),
    sa.Column("version", sa.Text, sa.ForeignKey("policies.version"), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("activated_at", sa.Text, nullable=False),
    sa.Column("activated_by", sa.Text, nullable=False),
)
keys = sa.Table(
    "keys",
    metadata,
    sa.Column("actor", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("remembered_at", sa.Text, nullable=False, index=True),
    sa.Column("first_sequence", Whole, nullable=False),
    sa.Column("last_sequence", Whole, nullable=False, index=True),
)
users = sa.Table(
    "users",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("password", sa.Text, nullable=False),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("subject", sa.Text),
    sa.Column("seen_at", sa.Text),
    sa.Column("language", sa.Text),
)
sa.Index("users_of_a_subject", users.c.subject, unique=True)
sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, sa.ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    sa.Column("began_at", sa.Text, nullable=False),
    sa.Column("seen_at", sa.Text, nullable=False),
    sa.Column("browser", sa.Text, nullable=False, server_default=""),
)
sa.Index("sessions_of_a_user", sessions.c.name)
about = sa.Table("about", metadata, sa.Column("desk_id", sa.Text, primary_key=True))
APPEND_ONLY = ("audit", "policies", "activations")
MAY_CHANGE = ("is_current", "content", "salt", "erased_by")
"""Columns of `records`; the rest of a version stands for ever."""
