"""The table of canned replies; nothing of customers."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from interaction_log.store.personal import free
from interaction_log.store.schema import metadata

canned_replies: Final = sa.Table(
    "canned_replies",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("shortcut", sa.String, nullable=False),
    sa.Column("texts", sa.Text, nullable=False),  # JSON: text by language
    sa.Column("queues", sa.Text, nullable=False),  # JSON array; empty: all
    sa.Column("teams", sa.Text, nullable=False),  # JSON array; empty: all
    sa.Column("retired", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

free(canned_replies, "written by the site for its agents")
