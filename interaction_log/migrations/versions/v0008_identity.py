"""Identity: merges that can be undone, claims, shared numbers, suggestions. All begin empty; nothing is merged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_Sorted = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    _merges()
    _claims()
    op.create_table(
        "merge_suggestions",
        sa.Column("one", sa.String(), nullable=False),
        sa.Column("other", sa.String(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("dismissed_at", sa.Double()),
        sa.Column("dismissed_by", sa.String()),
        sa.PrimaryKeyConstraint("one", "other"),
    )
    op.create_index("suggestions_by_score", "merge_suggestions", ["score", "one", "other"])
    op.create_index("suggestions_of_other", "merge_suggestions", ["other"])
    named = sa.text("organisation IS NOT NULL")
    op.create_index(
        "customers_of_organisation", "customers", ["organisation", "id"], sqlite_where=named, postgresql_where=named
    )


def _merges() -> None:
    op.create_table(
        "customer_merges",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("kept", sa.String(), nullable=False),
        sa.Column("merged", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.String()),
        sa.Column("rule", sa.String()),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("laid", sa.Text(), nullable=False),
        sa.Column("undone_at", sa.Double()),
        sa.Column("undone_by", sa.String()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("n"),
    )
    op.create_index("merges_of_kept", "customer_merges", ["kept"])
    op.create_index("merges_of_merged", "customer_merges", ["merged"])
    op.create_table(
        "customer_links",
        sa.Column("member", sa.String(), nullable=False),
        sa.Column("root", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("member"),
    )
    op.create_index("links_of_root", "customer_links", ["root", "member"])


def _claims() -> None:
    op.create_table(
        "claims",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("strength", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("first_at", sa.Double(), nullable=False),
        sa.Column("last_at", sa.Double(), nullable=False),
        sa.Column("interaction_id", sa.String()),
        sa.Column("by", sa.String()),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("customer_id", "kind", "value", "source", name="claims_once"),
    )
    op.create_index("claims_of_value", "claims", ["value", "kind", "source"])
    op.create_table(
        "shared_addresses",
        sa.Column("value", _Sorted, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("note", sa.String()),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("value"),
    )


def downgrade() -> None:
    """Remove them: merged records stand for themselves again. What a merge laid into a record stays there."""
    op.drop_index("customers_of_organisation", "customers")
    for table in ("merge_suggestions", "shared_addresses", "claims", "customer_links", "customer_merges"):
        op.drop_table(table)
