"""Campaigns, and which contact belongs to one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "campaigns",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("queues", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.Column("caller_id", sa.String(), nullable=False),
        sa.Column("numbers", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.add_column("interactions", sa.Column("campaign", sa.String()))


def downgrade() -> None:
    """Remove it. The events keep what they said of campaigns."""
    op.drop_column("interactions", "campaign")
    op.drop_table("campaigns")
