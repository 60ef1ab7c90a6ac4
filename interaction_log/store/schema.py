"""The tables. Times are Unix seconds (UTC) as doubles; JSON is kept as ASCII text, so any character survives.

``events`` is the record; ``interactions``, ``legs``, ``queue_visits``, ``agent_states`` and ``seats`` are
projections of it, written in the same transactions (see ``projection.py``) and rebuildable from it.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from interaction_log.store.sealed_text import SealedText

metadata: Final = sa.MetaData()

_Seq = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite: an alias of the rowid, no second index
_Sorted = sa.String().with_variant(sa.String(collation="C"), "postgresql")  # the same order on both databases

events: Final = sa.Table(
    "events",
    metadata,
    sa.Column("seq", _Seq, primary_key=True, autoincrement=False),
    sa.Column("interaction_id", sa.String),
    sa.Column("type", sa.String, nullable=False),
    sa.Column("at", sa.Double),
    sa.Column("inferred", sa.Boolean, nullable=False),
    sa.Column("schema_version", sa.Integer, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    # The number of the first event of this event's interaction. Interaction ids are random, and an index on them
    # makes every event touch a page of its own; by this number the running calls are neighbours.
    sa.Column("began", sa.BigInteger),
    sa.Index("events_of_interaction", "began"),
)
_late = events.c.began.is_(None) & events.c.interaction_id.is_not(None)  # came when the interaction was not in memory
sa.Index("events_late", events.c.interaction_id, sqlite_where=_late, postgresql_where=_late)

quarantine: Final = sa.Table(
    "quarantine",
    metadata,
    sa.Column("seq", _Seq, primary_key=True, autoincrement=False),
    sa.Column("what", sa.String, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),  # sealed, see ``keys``
    sa.Column("interaction_id", sa.String),
)

interactions: Final = sa.Table(
    "interactions",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("began", sa.BigInteger, nullable=False),  # see events
    sa.Column("pbx", sa.String, nullable=False),
    sa.Column("channel", sa.String, nullable=False),
    sa.Column("direction", sa.String, nullable=False),
    sa.Column("sorted_at", sa.Double, nullable=False),  # started_at, or 0 where there was no time
    sa.Column("started_at", sa.Double),
    sa.Column("answered_at", sa.Double),
    sa.Column("ended_at", sa.Double),
    sa.Column("ended", sa.Boolean, nullable=False),
    sa.Column("outcome", sa.String),
    sa.Column("queue", sa.String),
    sa.Column("customer_id", sa.String),
    sa.Column("customer_address", sa.String),
    sa.Column("disposition", sa.String),
    sa.Column("notes", SealedText),
    sa.Column("talk_seconds", sa.Double, nullable=False),
    sa.Column("wait_seconds", sa.Double),
    sa.Column("hold_seconds", sa.Double, nullable=False),
    sa.Column("public", sa.Text, nullable=False),
    sa.Column("campaign", sa.String),
    sa.Index("interactions_by_time", "sorted_at", "id"),
    sa.Index("interactions_of_customer", "customer_id", "sorted_at"),
)
sa.Index(
    "interactions_open",
    interactions.c.id,
    sqlite_where=interactions.c.ended.is_(sa.false()),
    postgresql_where=interactions.c.ended.is_(sa.false()),
)

# Contacts that nobody was identified in, by their number. Running ones are not in it: each event would touch it.
_nobody: Final = interactions.c.customer_id.is_(None) & interactions.c.ended.is_(sa.true())
sa.Index(
    "interactions_of_nobody",
    interactions.c.customer_address,
    sqlite_where=_nobody,
    postgresql_where=_nobody,
)

legs: Final = sa.Table(
    "legs",
    metadata,
    sa.Column("interaction_id", sa.String, primary_key=True),
    sa.Column("kind", sa.String, primary_key=True),  # offer | segment
    sa.Column("n", sa.Integer, primary_key=True),  # from 0, in order
    sa.Column("device", sa.String, nullable=False),
    sa.Column("agent", sa.String),  # who sat at the device then
    sa.Column("queue", sa.String),
    sa.Column("from_at", sa.Double),
    sa.Column("to_at", sa.Double),
    sa.Column("result", sa.String),
    sa.Index("legs_of_agent", "agent", "kind", "from_at"),
    sa.Index("legs_of_device", "device", "kind", "from_at"),
)

queue_visits: Final = sa.Table(
    "queue_visits",
    metadata,
    sa.Column("interaction_id", sa.String, primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("queue", sa.String, nullable=False),
    sa.Column("entered_at", sa.Double),
    sa.Column("left_at", sa.Double),
    sa.Column("wait_seconds", sa.Double),
    sa.Column("result", sa.String),
    sa.Index("visits_of_queue", "queue", "entered_at"),
)

agent_states: Final = sa.Table(
    "agent_states",
    metadata,
    sa.Column("seq", _Seq, primary_key=True, autoincrement=False),  # of the AgentStateChanged
    sa.Column("agent", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("reason", sa.String),
    sa.Column("interaction_id", sa.String),
    sa.Column("from_at", sa.Double),
    sa.Column("to_at", sa.Double),
    sa.Column("to_seq", sa.BigInteger),  # the change that ended it; null: lasts
    sa.Index("states_of_agent", "agent", "seq"),
)
sa.Index(
    "agent_states_last",
    agent_states.c.agent,
    sqlite_where=agent_states.c.to_seq.is_(None),
    postgresql_where=agent_states.c.to_seq.is_(None),
)

seats: Final = sa.Table(
    "seats",
    metadata,
    sa.Column("device", sa.String, primary_key=True),
    sa.Column("agent", sa.String, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
)

link_events: Final = sa.Table(
    "link_events",
    metadata,
    sa.Column("seq", _Seq, primary_key=True, autoincrement=False),
    sa.Column("pbx", sa.String, nullable=False),
    sa.Column("type", sa.String, nullable=False),
    sa.Column("at", sa.Double),
    sa.Column("payload", sa.Text, nullable=False),
)

customers: Final = sa.Table(
    "customers",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("organisation", sa.String),
    sa.Column("language", sa.String),
    sa.Column("vip", sa.Boolean, nullable=False),
    sa.Column("notes", SealedText),
    sa.Column("public", sa.Text, nullable=False),  # the whole record as JSON: a caller is found with one query
    sa.Column("sort_name", _Sorted, nullable=False),  # case-folded name
    sa.Column("search", sa.Text, nullable=False),  # case-folded: all that a search looks into
    sa.Column("kind", sa.String, nullable=False, server_default="person"),  # person | organisation
    sa.Column("channel", sa.String),  # preferred: voice | chat | email
    sa.Column("value", sa.Double),  # what the customer is worth to the site, in its currency
    sa.Column("sort_organisation", sa.String),  # case-folded
    sa.Column("agent", sa.String),  # the user who looks after the customer
    sa.Index("customers_by_name", "sort_name", "id"),
)

customer_phones: Final = sa.Table(
    "customer_phones",
    metadata,
    sa.Column("customer_id", sa.String, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("e164", sa.String, nullable=False),
    sa.Column("national", sa.String, nullable=False),
    sa.Column("extension", sa.String),
    sa.Index("phones_by_e164", "e164", "customer_id"),
    sa.Index("phones_by_national", "national", "customer_id"),
)

customer_emails: Final = sa.Table(
    "customer_emails",
    metadata,
    sa.Column("customer_id", sa.String, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("email", sa.String, nullable=False),  # as written
    sa.Column("folded", sa.String, nullable=False),
    sa.Index("emails_by_folded", "folded", "customer_id"),
)

users: Final = sa.Table(
    "users",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("display_name", sa.String, nullable=False),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("language", sa.String),
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("password", sa.String, nullable=False),  # argon2id, encoded
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("own_role", sa.String),  # a role of the site's own; ``role`` is then the one that it was made from
)

user_skills: Final = sa.Table(
    "user_skills",
    metadata,
    sa.Column("user", sa.String, primary_key=True),
    sa.Column("skill", sa.String, primary_key=True),
    sa.Column("level", sa.Integer, nullable=False),
)

user_devices: Final = sa.Table(
    "user_devices",
    metadata,
    sa.Column("user", sa.String, primary_key=True),
    sa.Column("device", sa.String, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
)

sessions: Final = sa.Table(
    "sessions",
    metadata,
    sa.Column("token_hash", sa.String, primary_key=True),  # SHA-256, hexadecimal
    sa.Column("user", sa.String, nullable=False),
    sa.Column("lifetime_seconds", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
    sa.Index("sessions_of_user", "user"),
)

queues: Final = sa.Table(
    "queues",
    metadata,
    sa.Column("pbx", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("label", sa.String, nullable=False),
    sa.Column("service_level_seconds", sa.Integer, nullable=False),
    sa.Column("wrap_up_seconds", sa.Integer, nullable=False),
    sa.Column("skills", sa.Text, nullable=False, server_default="{}"),  # JSON object: penalty by level, by skill
    sa.Column("skill_members", sa.Boolean, nullable=False, server_default=sa.false()),
)


def _choices(name: str, *more: sa.Column[Any]) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("code", sa.String, primary_key=True),
        sa.Column("labels", sa.Text, nullable=False),  # JSON object: text by language
        sa.Column("queues", sa.Text, nullable=False),  # JSON array
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("retired", sa.Boolean, nullable=False),
        *more,
    )


pause_reasons: Final = _choices("pause_reasons")
dispositions: Final = _choices("dispositions")
skills: Final = _choices("skills")
campaigns: Final = _choices(
    "campaigns",
    sa.Column("caller_id", sa.String, nullable=False),
    sa.Column("numbers", sa.Text, nullable=False),  # JSON array: what callers dial for it
)

meta: Final = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)
SEQ_RESERVED: Final = "seq_reserved"  # no number above it was ever given out
PROJECTED_SEQ: Final = "projected_seq"  # present: events above it may be missing in the projections

lease: Final = sa.Table(
    "lease",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),  # always 1
    sa.Column("owner", sa.String, nullable=False),
    sa.Column("host", sa.String, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("pid_started", sa.BigInteger, nullable=False),
    sa.Column("since", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
)
