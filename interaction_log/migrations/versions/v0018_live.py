"""Thresholds that raise alarms, the alarms, and messages between supervisors and agents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "alarm_rules",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    _alarms()
    _messages()


def _alarms() -> None:
    op.create_table(
        "alarms",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("rule", sa.String()),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("sound", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.String()) for name in ("measure", "pbx", "queue", "channel")),
        *(sa.Column(name, sa.Double()) for name in ("value", "limit")),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("raised_at", sa.Double(), nullable=False),
        sa.Column("cleared_at", sa.Double()),
        sa.Column("ended", sa.String()),
        sa.Column("acknowledged_by", sa.String()),
        sa.Column("acknowledged_at", sa.Double()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("alarms_by_time", "alarms", ["raised_at", "id"])
    still = sa.column("cleared_at").is_(None)
    op.create_index("alarms_open", "alarms", ["id"], sqlite_where=still, postgresql_where=still)


def _messages() -> None:
    op.create_table(
        "staff_messages",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("to", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("reply_to", sa.String()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("staff_messages_by_time", "staff_messages", ["at", "id"])
    op.create_table(
        "staff_message_readers",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("read_at", sa.Double()),
        sa.PrimaryKeyConstraint("message_id", "agent"),
    )
    unread = sa.column("read_at").is_(None)
    op.create_index(
        "staff_messages_unread", "staff_message_readers", ["agent"], sqlite_where=unread, postgresql_where=unread
    )


def downgrade() -> None:
    """Remove them."""
    for table in ("staff_message_readers", "staff_messages", "alarms", "alarm_rules"):
        op.drop_table(table)
