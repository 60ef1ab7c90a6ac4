"""Tables of search and of the timeline. The index is filled in the background, or by ``cti db reindex``."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None
_Sorted = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "search_docs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String()),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("queue", sa.String()),
        sa.Column("agent", sa.String()),
        sa.Column("channel", sa.String()),
        sa.Column("team", sa.String()),
        sa.Column("more", sa.Text()),
    )
    op.create_index("search_docs_of", "search_docs", ["ref", "kind"], unique=True)
    op.create_table(
        "search_state", sa.Column("key", sa.String(), primary_key=True), sa.Column("value", sa.Text(), nullable=False)
    )
    op.create_table(
        "timeline_items",
        sa.Column("kind", _Sorted, primary_key=True),
        sa.Column("ref", _Sorted, primary_key=True),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("actor", sa.String()),
        sa.Column("public", sa.Text(), nullable=False),
    )
    op.create_index("items_of_customer", "timeline_items", ["customer_id", "at"])
    if op.get_bind().dialect.name == "sqlite":
        # The terms are coded (0-9a-f): the tokenizer only splits at spaces. Nothing but membership is asked.
        op.execute(
            "CREATE VIRTUAL TABLE search_words USING fts5"
            "(words, content='', detail=none, columnsize=0, tokenize='ascii')"
        )
    else:
        op.execute("CREATE TABLE search_words (id bigint PRIMARY KEY, words tsvector NOT NULL)")
        # Without the list of pending entries, which every search would have to read through.
        op.execute("CREATE INDEX search_words_by_word ON search_words USING gin (words) WITH (fastupdate = off)")


def downgrade() -> None:
    """Remove them."""
    for name in ("search_words", "timeline_items", "search_state", "search_docs"):
        op.drop_table(name)
