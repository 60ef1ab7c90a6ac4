"""Whom an alarm is about, so that her supervisors find it in the history."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, and fill it from what the alarms say."""
    op.add_column("alarms", sa.Column("agent", sa.String(), nullable=True))
    alarms = sa.table("alarms", sa.column("id"), sa.column("params"), sa.column("agent"))
    connection = op.get_bind()
    for row in connection.execute(sa.select(alarms.c.id, alarms.c.params)).all():
        agent = _agent_in(row.params)
        if agent is not None:
            connection.execute(sa.update(alarms).where(alarms.c.id == row.id).values(agent=agent))


def _agent_in(params: str) -> str | None:
    """Whom it is about; what nobody can read is about nobody."""
    try:
        found = json.loads(params)
    except ValueError:
        return None
    agent = found.get("agent") if isinstance(found, dict) else None
    return agent if isinstance(agent, str) else None


def downgrade() -> None:
    """Remove it; it stands in what the alarms say."""
    with op.batch_alter_table("alarms") as table:
        table.drop_column("agent")
