"""Callbacks that an agent is asked to take at her console, beside those that wait in a queue of the PBX."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """All that there are wait in a queue of the PBX."""
    op.add_column("callbacks", sa.Column("way", sa.String(), nullable=False, server_default="queue"))


def downgrade() -> None:
    """Those of the console are nothing that an older version can do: they are called off."""
    op.execute(
        "UPDATE callbacks SET state = 'failed', result = 'not_promised' "
        "WHERE way = 'console' AND state IN ('waiting', 'dialling')"
    )
    op.drop_column("callbacks", "way")
