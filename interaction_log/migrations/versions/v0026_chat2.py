"""Chats: which of the sites' signed tokens were used; the texts that visitors agreed to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, and an index for what comes from a site."""
    op.create_index("chats_of_site", "chats", ["site", "opened_at"])
    op.create_table(
        "chat_used_tokens",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("chat_used_tokens_by_end", "chat_used_tokens", ["until"])
    op.create_table(
        "chat_consents",
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("site", "version", "since"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_index("chats_of_site", "chats")
    op.drop_table("chat_consents")
    op.drop_table("chat_used_tokens")
