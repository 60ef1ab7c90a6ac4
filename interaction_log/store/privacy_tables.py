"""Tables of privacy: keys, legal holds, requests for erasure with their receipts."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from interaction_log.store.personal import (
    FIRST,
    Personal,
    customer,
    either,
    free,
    interaction,
    its_events,
    its_interactions,
    register,
)
from interaction_log.store.schema import events, interactions, metadata

_Seq = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

event_keys: Final = sa.Table(
    "event_keys",
    metadata,
    # The number of the event that came first under this key: an interaction's events are neighbours, so are keys.
    sa.Column("n", _Seq, primary_key=True, autoincrement=False),
    sa.Column("wrapped", sa.String, nullable=False),  # the data key under the site's master key (RFC 3394), base64
)

holds: Final = sa.Table(
    "holds",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("kind", sa.String, nullable=False),  # customer | interaction | period
    sa.Column("subject", sa.String),  # the id; null for a period
    sa.Column("from_at", sa.Double),
    sa.Column("to_at", sa.Double),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("set_by", sa.String, nullable=False),
    sa.Column("set_at", sa.Double, nullable=False),
    sa.Column("lifted_by", sa.String),
    sa.Column("lifted_at", sa.Double),
)

erasures: Final = sa.Table(
    "erasures",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("pseudonym", sa.String, nullable=False),  # keyed hash of the customer's id: all that stays of him
    sa.Column("state", sa.String, nullable=False),  # waiting | running | done | refused
    sa.Column("requested_by", sa.String, nullable=False),
    sa.Column("requested_at", sa.Double, nullable=False),
    sa.Column("person", sa.Text),  # JSON, what a crash must not lose; null once it is done
    sa.Column("done", sa.Text, nullable=False),  # JSON object: rows by table
    sa.Column("why", sa.String),
    sa.Column("finished_at", sa.Double),
    sa.Column("receipt", sa.Text),
    sa.Index("erasures_by_time", "requested_at", "id"),
)

register(
    Personal(
        table=event_keys,
        of=lambda person: (
            event_keys.c.n.in_(sa.select(events.c.seq).where(its_events(person)))
            | event_keys.c.n.in_(sa.select(interactions.c.began).where(its_interactions(person)))
        ),
        erase="delete",
        export=False,
        order=FIRST - 1,
    )
)
register(
    Personal(
        table=holds,
        of=either(customer(holds.c.subject), interaction(holds.c.subject)),
        erase="delete",
    )
)
free(erasures, "a keyed hash, counts and the receipt; the person's ids only while the erasure runs")
