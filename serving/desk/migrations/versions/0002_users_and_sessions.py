"""People who sign in to the pages, and the sessions they have open."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("name", sa.Text, primary_key=True),
        *(_text(name) for name in ("role", "password", "created_at", "created_by")),
    )
    op.create_table(
        "sessions",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, sa.ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
        *(_text(name) for name in ("began_at", "seen_at")),
    )
    op.create_index("sessions_of_a_user", "sessions", ["name"])


def downgrade() -> None:
    op.drop_table("sessions")
    op.drop_table("users")


def _text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text, nullable=False)
