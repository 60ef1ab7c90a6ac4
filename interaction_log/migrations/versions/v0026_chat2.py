"""Chats: which of the sites' signed tokens were used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "chat_used_tokens",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("chat_used_tokens_by_end", "chat_used_tokens", ["until"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("chat_used_tokens")
