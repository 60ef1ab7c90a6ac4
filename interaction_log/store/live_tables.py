"""Thresholds, alarms, and messages between supervisors and agents."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from interaction_log.store.personal import free
from interaction_log.store.schema import metadata

alarm_rules: Final = sa.Table(
    "alarm_rules",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),  # JSON: the other fields of an AlarmRule
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("changed_by", sa.String, nullable=False),
    sa.Column("changed_at", sa.Double, nullable=False),
)

alarms: Final = sa.Table(
    "alarms",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("code", sa.String, nullable=False),
    sa.Column("rule", sa.String),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("level", sa.String, nullable=False),
    sa.Column("sound", sa.Boolean, nullable=False),
    sa.Column("measure", sa.String),
    sa.Column("pbx", sa.String),
    sa.Column("queue", sa.String),
    sa.Column("agent", sa.String),  # whom a limit is about: her supervisors see it
    sa.Column("channel", sa.String),
    sa.Column("value", sa.Double),
    sa.Column("limit", sa.Double),
    sa.Column("params", sa.Text, nullable=False),
    sa.Column("raised_at", sa.Double, nullable=False),
    sa.Column("cleared_at", sa.Double),
    sa.Column("ended", sa.String),
    sa.Column("acknowledged_by", sa.String),
    sa.Column("acknowledged_at", sa.Double),
    sa.Index("alarms_by_time", "raised_at", "id"),
)
_open: Final = alarms.c.cleared_at.is_(None)
sa.Index("alarms_open", alarms.c.id, sqlite_where=_open, postgresql_where=_open)

staff_messages: Final = sa.Table(
    "staff_messages",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("by", sa.String, nullable=False),
    sa.Column("to", sa.String, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("urgent", sa.Boolean, nullable=False),
    sa.Column("reply_to", sa.String),
    sa.Index("staff_messages_by_time", "at", "id"),
)

staff_message_readers: Final = sa.Table(
    "staff_message_readers",
    metadata,
    sa.Column("message_id", sa.String, primary_key=True),
    sa.Column("agent", sa.String, primary_key=True),
    sa.Column("read_at", sa.Double),
)
_unread: Final = staff_message_readers.c.read_at.is_(None)
sa.Index("staff_messages_unread", staff_message_readers.c.agent, sqlite_where=_unread, postgresql_where=_unread)

free(alarm_rules, "thresholds of queues")
free(alarms, "figures of queues and states of agents; of a contact only its id")
free(staff_messages, "what colleagues tell each other; no customer is found by it, the text goes after its time")
free(staff_message_readers, "who read a message")
