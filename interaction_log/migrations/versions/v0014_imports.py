"""Imports as jobs: their file, their rows, and mappings that have a name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "imports",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("headings", sa.Text(), nullable=False),
        sa.Column("samples", sa.Text(), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("duplicates", sa.String(), nullable=False),
        sa.Column("rename", sa.Boolean(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer()),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("failure", sa.Text()),
        sa.Column("finished_at", sa.Double()),
        sa.Column("undone_at", sa.Double()),
        sa.Column("undone_by", sa.String()),
        sa.Column("worker", sa.String()),
        sa.Column("worker_until", sa.Double()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("imports_by_time", "imports", ["created_at", "id"])
    op.create_table(
        "import_parts",
        sa.Column("import_id", sa.String(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", "n"),
    )
    op.create_table(
        "import_rows",
        sa.Column("import_id", sa.String(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("same", sa.String()),
        sa.Column("customer_id", sa.String()),
        sa.Column("field", sa.String()),
        sa.Column("reason", sa.Text()),
        sa.Column("content", sa.Text()),
        sa.PrimaryKeyConstraint("import_id", "n"),
    )
    op.create_index("import_rows_of_state", "import_rows", ["import_id", "state", "n"])
    op.create_index("import_rows_of_customer", "import_rows", ["customer_id"])
    op.create_table(
        "import_mappings",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("columns", sa.Text(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def downgrade() -> None:
    """Remove them; customers that were imported stay."""
    for table in ("import_mappings", "import_rows", "import_parts", "imports"):
        op.drop_table(table)
