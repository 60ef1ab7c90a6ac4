"""Knowledge with its versions, and what customers answered when they were asked how it was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "knowledge",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("queues", sa.Text(), nullable=False),
        sa.Column("campaigns", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("published", sa.Integer()),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "knowledge_versions",
        sa.Column("knowledge_id", sa.String(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("texts", sa.Text(), nullable=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("published_by", sa.String()),
        sa.Column("published_at", sa.Double()),
        sa.PrimaryKeyConstraint("knowledge_id", "n"),
    )
    op.create_table(
        "surveys",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("interaction_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String()),
        sa.Column("queue", sa.String()),
        sa.Column("agent", sa.String()),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("score", sa.Integer()),
        sa.Column("comment", sa.Text()),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("answered_at", sa.Double()),
        sa.Column("token_hash", sa.String()),
        sa.Column("expires_at", sa.Double()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("surveys_of_interaction", "surveys", ["interaction_id"], unique=True)
    op.create_index("surveys_of_customer", "surveys", ["customer_id"])
    op.create_index("surveys_answered", "surveys", ["answered_at"])
    op.create_index("surveys_by_token", "surveys", ["token_hash"])


def downgrade() -> None:
    """Remove them."""
    for table in ("surveys", "knowledge_versions", "knowledge"):
        op.drop_table(table)
