"""The messages that callers leave, with the entries of the missed calls that they belong to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "voicemails",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("interaction_id", sa.String(), nullable=False),
        sa.Column("entry", sa.String()),
        sa.Column("pbx", sa.String(), nullable=False),
        sa.Column("mailbox", sa.String(), nullable=False),
        sa.Column("at", sa.Double()),
        sa.Column("seconds", sa.Double()),
        sa.Column("file", sa.String()),
        sa.Column("pbx_id", sa.String()),
        sa.Column("heard_by", sa.String()),
        sa.Column("heard_at", sa.Double()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("voicemails_of_entry", "voicemails", ["entry"])


def downgrade() -> None:
    """Remove it."""
    op.drop_table("voicemails")
