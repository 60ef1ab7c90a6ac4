"""The first schema: the log and its projections, customers, users, catalogue."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SORTED = sa.String().with_variant(sa.String(collation="C"), "postgresql")

# What a new installation begins with; administrators change it later.
_PAUSE_REASONS = (
    ("break", "Break", "小休"),
    ("lunch", "Lunch", "午餐"),
    ("meeting", "Meeting", "会议"),
    ("training", "Training", "培训"),
    ("back_office", "Back office", "后台工作"),
    ("technical", "Technical problem", "技术故障"),
)
_DISPOSITIONS = (
    ("resolved", "Resolved", "已解决"),
    ("information", "Information given", "已提供信息"),
    ("follow_up", "Follow-up needed", "需要跟进"),
    ("callback", "Callback promised", "承诺回电"),
    ("complaint", "Complaint", "投诉"),
    ("order", "Order taken", "已下单"),
    ("wrong_number", "Wrong number", "打错电话"),
    ("no_contact", "Nobody reached", "未接通"),
)


def upgrade() -> None:
    """Create everything."""
    _log_tables()
    _customer_tables()
    _user_tables()
    _defaults()


def _log_tables() -> None:
    op.create_table(
        "agent_states",
        sa.Column("seq", _SEQ, autoincrement=False, nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String()),
        sa.Column("interaction_id", sa.String()),
        sa.Column("from_at", sa.Double()),
        sa.Column("to_at", sa.Double()),
        sa.Column("to_seq", sa.BigInteger()),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("states_of_agent", "agent_states", ["agent", "seq"])
    op.create_index(
        "agent_states_last",
        "agent_states",
        ["agent"],
        sqlite_where=sa.text("to_seq IS NULL"),
        postgresql_where=sa.text("to_seq IS NULL"),
    )
    op.create_table(
        "events",
        sa.Column("seq", _SEQ, autoincrement=False, nullable=False),
        sa.Column("interaction_id", sa.String()),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("at", sa.Double()),
        sa.Column("inferred", sa.Boolean(), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("began", sa.BigInteger()),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("events_of_interaction", "events", ["began"])
    late = sa.text("began IS NULL AND interaction_id IS NOT NULL")
    op.create_index("events_late", "events", ["interaction_id"], sqlite_where=late, postgresql_where=late)
    op.create_table(
        "interactions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("pbx", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("sorted_at", sa.Double(), nullable=False),
        sa.Column("started_at", sa.Double()),
        sa.Column("answered_at", sa.Double()),
        sa.Column("ended_at", sa.Double()),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.String()),
        sa.Column("queue", sa.String()),
        sa.Column("customer_id", sa.String()),
        sa.Column("customer_address", sa.String()),
        sa.Column("disposition", sa.String()),
        sa.Column("notes", sa.Text()),
        sa.Column("talk_seconds", sa.Double(), nullable=False),
        sa.Column("wait_seconds", sa.Double()),
        sa.Column("hold_seconds", sa.Double(), nullable=False),
        sa.Column("public", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("interactions_by_time", "interactions", ["sorted_at", "id"])
    op.create_index("interactions_of_customer", "interactions", ["customer_id", "sorted_at"])
    op.create_index(
        "interactions_open",
        "interactions",
        ["id"],
        sqlite_where=sa.text("ended IS 0"),
        postgresql_where=sa.text("ended IS false"),
    )
    op.create_table(
        "lease",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("pid_started", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "legs",
        sa.Column("interaction_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("agent", sa.String()),
        sa.Column("queue", sa.String()),
        sa.Column("from_at", sa.Double()),
        sa.Column("to_at", sa.Double()),
        sa.Column("result", sa.String()),
        sa.PrimaryKeyConstraint("interaction_id", "kind", "n"),
    )
    op.create_index("legs_of_agent", "legs", ["agent", "kind", "from_at"])
    op.create_index("legs_of_device", "legs", ["device", "kind", "from_at"])
    op.create_table(
        "link_events",
        sa.Column("seq", _SEQ, autoincrement=False, nullable=False),
        sa.Column("pbx", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("at", sa.Double()),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "quarantine",
        sa.Column("seq", _SEQ, autoincrement=False, nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "queue_visits",
        sa.Column("interaction_id", sa.String(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("entered_at", sa.Double()),
        sa.Column("left_at", sa.Double()),
        sa.Column("wait_seconds", sa.Double()),
        sa.Column("result", sa.String()),
        sa.PrimaryKeyConstraint("interaction_id", "n"),
    )
    op.create_index("visits_of_queue", "queue_visits", ["queue", "entered_at"])
    op.create_table(
        "seats",
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device"),
    )


def _customer_tables() -> None:
    op.create_table(
        "customer_emails",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("folded", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "position"),
    )
    op.create_index("emails_by_folded", "customer_emails", ["folded", "customer_id"])
    op.create_table(
        "customer_phones",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("e164", sa.String(), nullable=False),
        sa.Column("national", sa.String(), nullable=False),
        sa.Column("extension", sa.String()),
        sa.PrimaryKeyConstraint("customer_id", "position"),
    )
    op.create_index("phones_by_e164", "customer_phones", ["e164", "customer_id"])
    op.create_index("phones_by_national", "customer_phones", ["national", "customer_id"])
    op.create_table(
        "customers",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("organisation", sa.String()),
        sa.Column("language", sa.String()),
        sa.Column("vip", sa.Boolean(), nullable=False),
        sa.Column("notes", sa.Text()),
        sa.Column("public", sa.Text(), nullable=False),
        sa.Column("sort_name", _SORTED, nullable=False),
        sa.Column("search", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("customers_by_name", "customers", ["sort_name", "id"])


def _user_tables() -> None:
    op.create_table(
        "dispositions",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("queues", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "pause_reasons",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("queues", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "queues",
        sa.Column("pbx", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("service_level_seconds", sa.Integer(), nullable=False),
        sa.Column("wrap_up_seconds", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("pbx", "name"),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("lifetime_seconds", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index("sessions_of_user", "sessions", ["user"])
    op.create_table(
        "user_devices",
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("user", "device"),
    )
    op.create_table(
        "users",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("language", sa.String()),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("password", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _defaults() -> None:
    for table, choices in (("pause_reasons", _PAUSE_REASONS), ("dispositions", _DISPOSITIONS)):
        columns: list[sa.ColumnClause[object]] = [
            sa.column(name) for name in ("code", "labels", "queues", "position", "retired")
        ]
        op.bulk_insert(
            sa.table(table, *columns),
            [
                {
                    "code": code,
                    "labels": json.dumps({"en": english, "zh-CN": chinese}),
                    "queues": "[]",
                    "position": position,
                    "retired": False,
                }
                for position, (code, english, chinese) in enumerate(choices)
            ],
        )
