"""Keys of recordings that are sealed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "recording_keys",
        sa.Column("recording_id", sa.String(), nullable=False),
        sa.Column("interaction_id", sa.String(), nullable=False),
        sa.Column("wrapped", sa.String(), nullable=False),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("recording_id"),
    )
    op.create_index("recording_keys_of_interaction", "recording_keys", ["interaction_id"])


def downgrade() -> None:
    """Remove it: what was sealed cannot be read any more."""
    op.drop_table("recording_keys")
