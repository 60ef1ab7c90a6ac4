"""The tables of knowledge: articles and call scripts, each with its versions; nothing of customers."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from interaction_log.store.personal import free
from interaction_log.store.schema import metadata

knowledge: Final = sa.Table(
    "knowledge",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("kind", sa.String, nullable=False),  # article | script
    sa.Column("queues", sa.Text, nullable=False),  # JSON array; empty: of no queue (articles are found by search)
    sa.Column("campaigns", sa.Text, nullable=False),  # JSON array
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("published", sa.Integer),  # the number of the version that agents read; null: none
    sa.Column("retired", sa.Boolean, nullable=False),
)

knowledge_versions: Final = sa.Table(
    "knowledge_versions",
    metadata,
    sa.Column("knowledge_id", sa.String, primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),  # from 1
    sa.Column("texts", sa.Text, nullable=False),  # JSON: {title, body} by language
    sa.Column("steps", sa.Text, nullable=False),  # JSON array; see interaction_log.knowledge.Step
    sa.Column("by", sa.String, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("published_by", sa.String),
    sa.Column("published_at", sa.Double),
)

free(knowledge, "written by the site about its work")
free(knowledge_versions, "written by the site about its work")
