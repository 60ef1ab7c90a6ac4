"""Orders of customers, schedules of reports with their runs, and indexes that reports read by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and indexes."""
    op.create_table(
        "orders",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("ordered_at", sa.Double(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("product", sa.String()),
        sa.Column("channel", sa.String()),
        sa.Column("campaign", sa.String()),
        sa.Column("imported_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("orders_of_customer", "orders", ["customer_id", "ordered_at"])
    op.create_index("orders_by_time", "orders", ["ordered_at"])
    op.create_table(
        "report_schedules",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("every", sa.String(), nullable=False),
        sa.Column("at_minute", sa.Integer(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("recipients", sa.Text(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "report_runs",
        sa.Column("schedule_id", sa.String(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.Column("error", sa.String()),
        sa.PrimaryKeyConstraint("schedule_id", "due_at"),
    )
    op.create_index("states_of_agent_by_time", "agent_states", ["agent", "from_at"])
    sent_on = sa.text("result = 'transferred'")
    op.create_index("legs_sent_on", "legs", ["interaction_id"], sqlite_where=sent_on, postgresql_where=sent_on)
    asked = sa.text("requested_in IS NOT NULL")
    op.create_index("callbacks_requested_in", "callbacks", ["requested_in"], sqlite_where=asked, postgresql_where=asked)


def downgrade() -> None:
    """Remove them."""
    op.drop_index("callbacks_requested_in", "callbacks")
    op.drop_index("legs_sent_on", "legs")
    op.drop_index("states_of_agent_by_time", "agent_states")
    op.drop_table("report_runs")
    op.drop_table("report_schedules")
    op.drop_table("orders")
