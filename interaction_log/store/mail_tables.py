"""Tables of mail: how far each mailbox is read, contacts by mail, letters that were taken, and what is to be sent.

A contact by mail is an interaction of its own in a conversation (``chats``) that may have begun on a web site; what was
written stands in ``chat_lines``. Who is registered how stands in ``chat_tables``, with the conversation's other tables.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from interaction_log.store.personal import free
from interaction_log.store.schema import metadata

mail_boxes: Final = sa.Table(
    "mail_boxes",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("validity", sa.BigInteger, nullable=False),  # UIDVALIDITY (RFC 3501, 2.3.1.1)
    sa.Column("uid", sa.BigInteger, nullable=False),  # the highest that was taken
    sa.Column("at", sa.Double, nullable=False),
)

mail_contacts: Final = sa.Table(
    "mail_contacts",
    metadata,
    sa.Column("id", sa.String, primary_key=True),  # of the interaction
    sa.Column("conversation", sa.String, nullable=False),
    sa.Column("box", sa.String, nullable=False),
    sa.Column("queue", sa.String, nullable=False),
    sa.Column("opened_at", sa.Double, nullable=False),
    sa.Column("ended_at", sa.Double),
    sa.Column("content", sa.Text, nullable=False),  # address, name, subject, answers …; sealed as chat_lines
    sa.Column("sender", sa.String),  # a keyed hash of the address that began it, to count by
    sa.Column("held_at", sa.Double),  # it came when there were too many: nobody is asked yet
    sa.Index("mail_contacts_of_conversation", "conversation"),
    sa.Index("mail_contacts_of_sender", "sender", "opened_at"),
    sa.Index("mail_contacts_of_box", "box", "opened_at"),
)
_open: Final = mail_contacts.c.ended_at.is_(None)
sa.Index("mail_contacts_open", mail_contacts.c.opened_at, sqlite_where=_open, postgresql_where=_open)
_held: Final = mail_contacts.c.held_at.is_not(None) & mail_contacts.c.ended_at.is_(None)
sa.Index("mail_contacts_held", mail_contacts.c.held_at, sqlite_where=_held, postgresql_where=_held)

mail_letters: Final = sa.Table(
    "mail_letters",
    metadata,
    sa.Column("id", sa.String, primary_key=True),  # a UUID of the Message-ID
    sa.Column("conversation", sa.String),
    sa.Column("contact", sa.String),
    sa.Column("kind", sa.String, nullable=False),  # letter | auto | bounce | own
    sa.Column("at", sa.Double, nullable=False),
    sa.Index("mail_letters_of_conversation", "conversation"),
)

mail_outbox: Final = sa.Table(
    "mail_outbox",
    metadata,
    sa.Column("id", sa.String, primary_key=True),  # of the line, or made of the conversation
    sa.Column("conversation", sa.String, nullable=False),
    sa.Column("contact", sa.String),
    sa.Column("kind", sa.String, nullable=False),  # line | transcript
    sa.Column("made_at", sa.Double, nullable=False),
    sa.Column("next_at", sa.Double, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("sent_at", sa.Double),
    sa.Column("failed", sa.String),  # a word for why it is not tried any more
    sa.Index("mail_outbox_of_conversation", "conversation"),
)
_waits: Final = mail_outbox.c.sent_at.is_(None) & mail_outbox.c.failed.is_(None)
sa.Index("mail_outbox_waiting", mail_outbox.c.next_at, sqlite_where=_waits, postgresql_where=_waits)

free(mail_boxes, "how far the company's own mailboxes are read")
