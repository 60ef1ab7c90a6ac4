"""Roles of the site's own, teams, and an audit trail whose rows the database itself keeps from being changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from interaction_log.store.audit_guard import put_up, take_down

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and guard the trail."""
    op.create_table(
        "roles",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("rights", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "teams",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("queues", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "team_members",
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("team", "user"),
    )
    op.create_index("teams_of_user", "team_members", ["user"])
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute("INSERT INTO audit_head (id, n, hash) SELECT 1, n, hash FROM audit ORDER BY n DESC LIMIT 1")
    op.add_column("users", sa.Column("own_role", sa.String()))
    put_up(op.get_bind())


def downgrade() -> None:
    """Remove them. Users of a role of the site's own keep the built-in role that it was made from."""
    take_down(op.get_bind())
    op.drop_column("users", "own_role")
    for table in ("audit_head", "team_members", "teams", "roles"):
        op.drop_table(table)
