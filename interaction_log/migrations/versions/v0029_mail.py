"""Contacts by mail that are held back because there were too many; and who began a contact, as a keyed hash."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; contacts of before count for nobody."""
    with op.batch_alter_table("mail_contacts") as table:
        table.add_column(sa.Column("sender", sa.String(), nullable=True))
        table.add_column(sa.Column("held_at", sa.Double(), nullable=True))
    op.create_index("mail_contacts_of_sender", "mail_contacts", ["sender", "opened_at"])
    op.create_index("mail_contacts_of_box", "mail_contacts", ["box", "opened_at"])
    is_held = sa.text("held_at IS NOT NULL AND ended_at IS NULL")
    op.create_index("mail_contacts_held", "mail_contacts", ["held_at"], sqlite_where=is_held, postgresql_where=is_held)


def downgrade() -> None:
    """What was held back is a contact that waits, as an older version knows it."""
    for name in ("mail_contacts_held", "mail_contacts_of_box", "mail_contacts_of_sender"):
        op.drop_index(name, table_name="mail_contacts")
    with op.batch_alter_table("mail_contacts") as table:
        table.drop_column("held_at")
        table.drop_column("sender")
