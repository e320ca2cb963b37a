"""Users who prove their name at another place, when each was seen last, and from which browser."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("subject", sa.Text))
    op.add_column("users", sa.Column("seen_at", sa.Text))
    op.create_index("users_of_a_subject", "users", ["subject"], unique=True)
    op.add_column("sessions", sa.Column("browser", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("sessions", "browser")
    op.drop_index("users_of_a_subject", "users")
    op.drop_column("users", "seen_at")
    op.drop_column("users", "subject")
