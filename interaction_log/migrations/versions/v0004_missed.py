"""Missed calls as a list that people work. It begins empty: it knows the calls from the upgrade on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "missed_calls",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("number", sa.String()),
        sa.Column("pbx", sa.String(), nullable=False),
        sa.Column("queue", sa.String()),
        sa.Column("name", sa.String()),
        sa.Column("customer_id", sa.String()),
        sa.Column("first_at", sa.Double(), nullable=False),
        sa.Column("last_at", sa.Double(), nullable=False),
        sa.Column("waited_seconds", sa.Double()),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("worked_by", sa.String()),
        sa.Column("changed_at", sa.Double()),
        sa.Column("result", sa.String()),
        sa.Column("note", sa.Text()),
        sa.Column("resolved_by", sa.String()),
        sa.Column("call_id", sa.String()),
        sa.Column("call_outcome", sa.String()),
        sa.Column("called_at", sa.Double()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("missed_by_state", "missed_calls", ["state", "last_at", "id"])
    todo = sa.text("state != 'done'")
    op.create_index("missed_open_by_number", "missed_calls", ["number"], sqlite_where=todo, postgresql_where=todo)
    op.create_table(
        "missed_tries",
        sa.Column("interaction_id", sa.String(), nullable=False),
        sa.Column("entry", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("interaction_id"),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("missed_tries")
    op.drop_table("missed_calls")
