"""What agents are planned to do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "planned_shifts",
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("from_at", sa.Double(), nullable=False),
        sa.Column("to_at", sa.Double(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("agent", "from_at"),
    )
    op.create_index("shifts_by_time", "planned_shifts", ["from_at"])


def downgrade() -> None:
    """Remove it."""
    op.drop_table("planned_shifts")
