"""The tables of search and of a customer's timeline.

``search_words`` is the index proper and differs by database, so it is not among the tables that SQLAlchemy knows:
SQLite's is an FTS5 table without content, PostgreSQL's a ``tsvector`` with a GIN index (see the migration).
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from interaction_log.store.schema import metadata
from interaction_log.store.sealed_text import SealedText

WORDS: Final = "search_words"
_Sorted = sa.String().with_variant(sa.String(collation="C"), "postgresql")  # the same order on both databases

search_docs: Final = sa.Table(
    "search_docs",
    metadata,
    # Seconds since 1970 in the upper bits, a number of the document in the lower 16: in the order of time.
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("ref", sa.String, nullable=False),
    sa.Column("customer_id", sa.String),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),  # title and text, sealed together (``index_seal``)
    sa.Column("queue", sa.String),
    sa.Column("agent", sa.String),
    sa.Column("channel", sa.String),
    sa.Column("team", sa.String),
    sa.Column("more", sa.Text),  # further labels, one a line: ``queue:sales``
    sa.Index("search_docs_of", "ref", "kind", unique=True),
)

FILLING: Final = "filling"
"""In ``search_state``: where the filling of a new index is; no row before it begins, JSON's ``null`` when it is
done."""

KEYED: Final = "keyed"
"""There: all terms are hashed with the site's key and all texts are sealed under their own; no row: not yet."""
RENEWING: Final = "renewing"
"""There: up to which document they are, while an index of an older version is made anew."""
TREE: Final = "tree"
"""There: the number of the keys of the people (``person_keys``) that texts are sealed with."""

search_state: Final = sa.Table(
    "search_state",
    metadata,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),  # JSON
)

timeline_items: Final = sa.Table(
    "timeline_items",
    metadata,
    sa.Column("kind", _Sorted, primary_key=True),
    sa.Column("ref", _Sorted, primary_key=True),
    sa.Column("customer_id", sa.String, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("text", SealedText, nullable=False),
    sa.Column("actor", sa.String),
    sa.Column("public", sa.Text, nullable=False),  # JSON object
    sa.Index("items_of_customer", "customer_id", "at"),
)


def compared(name: str | None, kind: str, _parents: object) -> bool:
    """For Alembic's ``include_name``: ``search_words`` and its shadows are made by hand, in each database's way."""
    return kind != "table" or not (name or "").startswith(WORDS)
