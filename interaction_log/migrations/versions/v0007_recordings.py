"""Recordings by their opaque id. Those of before the upgrade are not in it: there were none in the log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "recordings",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("interaction_id", sa.String(), nullable=False),
        sa.Column("pbx", sa.String(), nullable=False),
        sa.Column("queue", sa.String()),
        sa.Column("started_at", sa.Double()),
        sa.Column("ended_at", sa.Double()),
        sa.Column("running", sa.Boolean(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("deleted_at", sa.Double()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("recordings_of_interaction", "recordings", ["interaction_id"])
    kept = sa.text("deleted_at IS NULL")
    op.create_index("recordings_kept", "recordings", ["ended_at"], sqlite_where=kept, postgresql_where=kept)


def downgrade() -> None:
    """Remove it."""
    op.drop_table("recordings")
