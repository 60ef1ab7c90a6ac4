"""Pauses in single queues."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "queue_pauses",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, autoincrement=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("pbx", sa.String(), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("from_at", sa.Double()),
        sa.Column("to_at", sa.Double()),
        sa.Column("to_seq", sa.BigInteger()),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("queue_pauses_of_agent", "queue_pauses", ["agent", "from_at"])
    lasts = sa.text("to_seq IS NULL")
    op.create_index("queue_pauses_open", "queue_pauses", ["agent"], sqlite_where=lasts, postgresql_where=lasts)


def downgrade() -> None:
    """Drop it. The events stay, and an older program does not read them."""
    op.drop_index("queue_pauses_open", "queue_pauses")
    op.drop_index("queue_pauses_of_agent", "queue_pauses")
    op.drop_table("queue_pauses")
