"""Mail: mailboxes, contacts by mail, letters that were taken, letters to be sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "mail_boxes",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("validity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "mail_contacts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("conversation", sa.String(), nullable=False),
        sa.Column("box", sa.String(), nullable=False),
        sa.Column("queue", sa.String(), nullable=False),
        sa.Column("opened_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("mail_contacts_of_conversation", "mail_contacts", ["conversation"])
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        "mail_contacts_open", "mail_contacts", ["opened_at"], sqlite_where=is_open, postgresql_where=is_open
    )
    op.create_table(
        "mail_letters",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("conversation", sa.String(), nullable=True),
        sa.Column("contact", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("mail_letters_of_conversation", "mail_letters", ["conversation"])
    _outbox()


def _outbox() -> None:
    op.create_table(
        "mail_outbox",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("conversation", sa.String(), nullable=False),
        sa.Column("contact", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.Double(), nullable=True),
        sa.Column("failed", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("mail_outbox_of_conversation", "mail_outbox", ["conversation"])
    waits = sa.text("sent_at IS NULL AND failed IS NULL")
    op.create_index("mail_outbox_waiting", "mail_outbox", ["next_at"], sqlite_where=waits, postgresql_where=waits)


def downgrade() -> None:
    """What was written stays in the conversations; letters that were not sent yet are not sent any more."""
    for table in ("mail_outbox", "mail_letters", "mail_contacts", "mail_boxes"):
        op.drop_table(table)
