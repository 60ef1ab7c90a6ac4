"""Tables of reports: orders of customers, schedules by mail with their runs, and indexes that reports read by."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from interaction_log.store.callbacks import callbacks
from interaction_log.store.personal import Personal, customer, free, register
from interaction_log.store.schema import agent_states, legs, metadata

orders: Final = sa.Table(
    "orders",
    metadata,
    sa.Column("number", sa.String, primary_key=True),  # of the shop that it was imported from
    sa.Column("customer_id", sa.String, nullable=False),
    sa.Column("ordered_at", sa.Double, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),  # hundredths of the currency; negative: money given back
    sa.Column("currency", sa.String, nullable=False),  # ISO 4217
    sa.Column("product", sa.String),
    sa.Column("channel", sa.String),
    sa.Column("campaign", sa.String),
    sa.Column("imported_at", sa.Double, nullable=False),
    sa.Index("orders_of_customer", "customer_id", "ordered_at"),
    sa.Index("orders_by_time", "ordered_at"),
)

shifts: Final = sa.Table(
    "planned_shifts",
    metadata,
    sa.Column("agent", sa.String, primary_key=True),
    sa.Column("from_at", sa.Double, primary_key=True),
    sa.Column("to_at", sa.Double, nullable=False),
    sa.Column("kind", sa.String, nullable=False),  # work | break
    sa.Index("shifts_by_time", "from_at"),
)

report_schedules: Final = sa.Table(
    "report_schedules",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("question", sa.Text, nullable=False),  # JSON: report, step, group and filters, without times
    sa.Column("every", sa.String, nullable=False),  # day | week | month
    sa.Column("at_minute", sa.Integer, nullable=False),  # minutes after local midnight
    sa.Column("zone", sa.String, nullable=False),  # IANA name
    sa.Column("recipients", sa.Text, nullable=False),  # JSON array of mail addresses
    sa.Column("format", sa.String, nullable=False),  # csv | xlsx
    sa.Column("language", sa.String, nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("created_by", sa.String, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),  # nothing is due before
    sa.Column("version", sa.Integer, nullable=False),
)

report_runs: Final = sa.Table(
    "report_runs",
    metadata,
    sa.Column("schedule_id", sa.String, primary_key=True),
    sa.Column("due_at", sa.Double, primary_key=True),
    sa.Column("state", sa.String, nullable=False),  # due | sending | sent | failed | unknown
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("changed_at", sa.Double, nullable=False),
    sa.Column("error", sa.String),
)
"""One row for each time that a schedule was due: who has the row sends, so nothing is sent twice."""

sa.Index("states_of_agent_by_time", agent_states.c.agent, agent_states.c.from_at)
_sent_on = legs.c.result == "transferred"
sa.Index("legs_sent_on", legs.c.interaction_id, sqlite_where=_sent_on, postgresql_where=_sent_on)
_asked = callbacks.c.requested_in.is_not(None)
sa.Index("callbacks_requested_in", callbacks.c.requested_in, sqlite_where=_asked, postgresql_where=_asked)

register(Personal(table=orders, of=customer(orders.c.customer_id), erase="delete"))
free(shifts, "when the site's own people work")
free(report_schedules, "addresses of colleagues, chosen by them; no customer's")
free(report_runs, "times and counts")
