"""Skills of agents, and what queues ask for. Nobody has any at first, and no queue asks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and columns."""
    op.create_table(
        "skills",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("queues", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("retired", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "user_skills",
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("skill", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("user", "skill"),
    )
    op.add_column("queues", sa.Column("skills", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("queues", sa.Column("skill_members", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Remove them."""
    with op.batch_alter_table("queues") as queues:
        queues.drop_column("skill_members")
        queues.drop_column("skills")
    op.drop_table("user_skills")
    op.drop_table("skills")
