"""Chats: conversations, lines, files, visitors with their tokens, bans."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _conversations()
    _lines_and_files()
    _visitors()


def _conversations() -> None:
    op.create_table(
        "chats",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("visitor", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("opened_at", sa.Double(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("agent", sa.String()),
        sa.Column("ended_at", sa.Double()),
        sa.Column("ended_by", sa.String()),
        sa.Column("seen_by_visitor", sa.Integer(), nullable=False),
        sa.Column("seen_by_agent", sa.Integer(), nullable=False),
        sa.Column("consent", sa.String()),
        sa.Column("rating", sa.Integer()),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("client_id"),
    )
    op.create_index("chats_of_visitor", "chats", ["visitor", "opened_at"])
    still = sa.text("state != 'ended'")
    op.create_index("chats_open", "chats", ["opened_at"], sqlite_where=still, postgresql_where=still)


def _lines_and_files() -> None:
    op.create_table(
        "chat_lines",
        sa.Column("conversation", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("author", sa.String()),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("file", sa.String()),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("conversation", "number"),
        sa.UniqueConstraint("id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "chat_files",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("conversation", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("scan", sa.String(), nullable=False),
        sa.Column("kept", sa.Boolean(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("chat_files_of_conversation", "chat_files", ["conversation"])


def _visitors() -> None:
    op.create_table(
        "chat_visitors",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("subject", sa.String()),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("site", "subject", name="chat_visitors_of_site"),
    )
    op.create_table(
        "chat_tokens",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("visitor", sa.String(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("chat_tokens_of_visitor", "chat_tokens", ["visitor"])
    op.create_index("chat_tokens_by_end", "chat_tokens", ["expires_at"])
    op.create_table(
        "chat_bans",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "value"),
    )


def downgrade() -> None:
    """Remove them, with what was said."""
    for table in ("chat_bans", "chat_tokens", "chat_visitors", "chat_files", "chat_lines", "chats"):
        op.drop_table(table)
