"""Keys of events, legal holds, erasures; whose event was put aside."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_INDEXES = (
    ("missed_of_customer", "missed_calls", "customer_id"),
    ("missed_by_number", "missed_calls", "number"),
    ("tries_of_entry", "missed_tries", "entry"),
    ("voicemails_of_interaction", "voicemails", "interaction_id"),
    ("callbacks_by_address", "callbacks", "address"),
)
"""By these a person's rows are found without looking through the whole table."""


def upgrade() -> None:
    """Create the tables. What was put aside before says nobody's: it is emptied, it can hold anybody's name."""
    op.create_table(
        "event_keys",
        sa.Column("n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("wrapped", sa.String(), nullable=False),
    )
    op.create_table(
        "holds",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String()),
        sa.Column("from_at", sa.Double()),
        sa.Column("to_at", sa.Double()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_at", sa.Double(), nullable=False),
        sa.Column("lifted_by", sa.String()),
        sa.Column("lifted_at", sa.Double()),
    )
    op.create_table(
        "erasures",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("pseudonym", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("requested_at", sa.Double(), nullable=False),
        sa.Column("person", sa.Text()),
        sa.Column("done", sa.Text(), nullable=False),
        sa.Column("why", sa.String()),
        sa.Column("finished_at", sa.Double()),
        sa.Column("receipt", sa.Text()),
    )
    op.create_index("erasures_by_time", "erasures", ["requested_at", "id"])
    lite, postgres = sa.text("customer_id IS NULL AND ended IS 1"), sa.text("customer_id IS NULL AND ended IS true")
    op.create_index(
        "interactions_of_nobody", "interactions", ["customer_address"], sqlite_where=lite, postgresql_where=postgres
    )
    for name, table, column in _INDEXES:
        op.create_index(name, table, [column])
    op.add_column("quarantine", sa.Column("interaction_id", sa.String()))
    op.execute("UPDATE quarantine SET content = ''")


def downgrade() -> None:
    """Remove them. Sealed fields of events stay sealed: the version before shows them empty."""
    for name, table, _column in _INDEXES:
        op.drop_index(name, table)
    op.drop_index("interactions_of_nobody", "interactions")
    op.drop_column("quarantine", "interaction_id")
    for table in ("erasures", "holds", "event_keys"):
        op.drop_table(table)
