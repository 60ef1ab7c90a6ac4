"""The table of what customers answered when they were asked how it was."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from interaction_log.store.personal import Personal, customer, either, interaction, register
from interaction_log.store.schema import metadata
from interaction_log.store.sealed_text import SealedText

surveys: Final = sa.Table(
    "surveys",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("interaction_id", sa.String, nullable=False),
    sa.Column("customer_id", sa.String),
    sa.Column("queue", sa.String),
    sa.Column("agent", sa.String),
    sa.Column("channel", sa.String, nullable=False),  # by which the answer came: voice | chat | email
    sa.Column("kind", sa.String, nullable=False),  # csat (1 to 5) | nps (0 to 10)
    sa.Column("score", sa.Integer),  # null: asked, not answered
    sa.Column("comment", SealedText),
    sa.Column("asked_at", sa.Double, nullable=False),
    sa.Column("answered_at", sa.Double),
    sa.Column("token_hash", sa.String),  # SHA-256 of the link's token; null when used, or without a link
    sa.Column("expires_at", sa.Double),
    sa.Index("surveys_of_interaction", "interaction_id", unique=True),
    sa.Index("surveys_of_customer", "customer_id"),
    sa.Index("surveys_answered", "answered_at"),
    sa.Index("surveys_by_token", "token_hash"),
)

register(
    Personal(
        table=surveys,
        of=either(customer(surveys.c.customer_id), interaction(surveys.c.interaction_id)),
        erase="blank",
        columns=("customer_id", "comment"),
        secret=("token_hash",),
    )
)
