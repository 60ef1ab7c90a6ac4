"""Tables of chats: conversations, lines, files, visitors with their tokens, bans.

What people said stands in ``content``: JSON, sealed with the conversation's own key (``chat_rows``), which goes with
the conversation when it is erased.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from interaction_log.store.chat_rows import clear_rows
from interaction_log.store.mail_tables import mail_contacts, mail_letters, mail_outbox
from interaction_log.store.personal import USUAL, Of, Personal, either, interaction, register, through
from interaction_log.store.schema import metadata

chats: Final = sa.Table(
    "chats",
    metadata,
    sa.Column("id", sa.String, primary_key=True),  # of the interaction
    sa.Column("client_id", sa.String, nullable=False, unique=True),
    sa.Column("visitor", sa.String, nullable=False),
    sa.Column("site", sa.String, nullable=False),
    sa.Column("queue", sa.String, nullable=False),
    sa.Column("opened_at", sa.Double, nullable=False),
    sa.Column("language", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),  # waiting | offered | talking | ended
    sa.Column("agent", sa.String),
    sa.Column("ended_at", sa.Double),
    sa.Column("ended_by", sa.String),
    sa.Column("seen_by_visitor", sa.Integer, nullable=False),
    sa.Column("seen_by_agent", sa.Integer, nullable=False),
    sa.Column("consent", sa.String),
    sa.Column("rating", sa.Integer),
    sa.Column("key", sa.String, nullable=False),  # the data key under the site's master key; "": in clear, no key
    sa.Column("content", sa.Text, nullable=False),  # name, form, page, pages, comment, callback, transcript
    sa.Index("chats_of_visitor", "visitor", "opened_at"),
    sa.Index("chats_of_site", "site", "opened_at"),
)
_open: Final = chats.c.state != "ended"
sa.Index("chats_open", chats.c.opened_at, sqlite_where=_open, postgresql_where=_open)

chat_lines: Final = sa.Table(
    "chat_lines",
    metadata,
    sa.Column("conversation", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("id", sa.String, nullable=False, unique=True),  # the UUID of who wrote it
    sa.Column("by", sa.String, nullable=False),  # visitor | agent | system
    sa.Column("author", sa.String),  # the agent's user name
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("kind", sa.String, nullable=False),  # text | file | event
    sa.Column("file", sa.String),
    sa.Column("content", sa.Text, nullable=False),  # text, name
    sqlite_with_rowid=False,
)

chat_files: Final = sa.Table(
    "chat_files",
    metadata,
    sa.Column("id", sa.String, primary_key=True),  # random; the name of the file in the folder
    sa.Column("conversation", sa.String, nullable=False),
    sa.Column("type", sa.String, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.String, nullable=False),
    sa.Column("by", sa.String, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("scan", sa.String, nullable=False),  # waiting | clean | refused
    sa.Column("kept", sa.Boolean, nullable=False),
    sa.Column("content", sa.Text, nullable=False),  # name
    sa.Index("chat_files_of_conversation", "conversation"),
)

chat_visitors: Final = sa.Table(
    "chat_visitors",
    metadata,
    sa.Column("id", sa.String, primary_key=True),  # random
    sa.Column("site", sa.String, nullable=False),
    sa.Column("subject", sa.String),  # keyed hash of whom the site vouches for
    sa.Column("made_at", sa.Double, nullable=False),
    sa.Column("key", sa.String, nullable=False),
    sa.Column("content", sa.Text, nullable=False),  # subject, attributes
    sa.UniqueConstraint("site", "subject", name="chat_visitors_of_site"),
)

chat_tokens: Final = sa.Table(
    "chat_tokens",
    metadata,
    sa.Column("hash", sa.String, primary_key=True),  # SHA-256 of the token
    sa.Column("visitor", sa.String, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
    sa.Index("chat_tokens_of_visitor", "visitor"),
    sa.Index("chat_tokens_by_end", "expires_at"),
)

chat_bans: Final = sa.Table(
    "chat_bans",
    metadata,
    sa.Column("kind", sa.String, primary_key=True),  # visitor | address
    sa.Column("value", sa.String, primary_key=True),
    sa.Column("until", sa.Double, nullable=False),
    sa.Column("by", sa.String, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
)

_BY_MAIL: Final = mail_contacts.alias()


def _conversation(column: sa.ColumnElement[Any]) -> Of:
    """Rows of conversations of that person: his chats, and those in which he wrote by mail."""
    return either(interaction(column), through(column, _BY_MAIL.c.conversation, interaction(_BY_MAIL.c.id)))


_of_chat: Final = _conversation(chats.c.id)
# A conversation leads to its visitor, and both to all else: they go last.
register(
    Personal(
        table=chat_lines,
        of=_conversation(chat_lines.c.conversation),
        erase="delete",
        read=clear_rows(chats, chat_lines.c.conversation),
    )
)
register(
    Personal(
        table=chat_files,
        of=_conversation(chat_files.c.conversation),
        erase="delete",
        read=clear_rows(chats, chat_files.c.conversation),
    )
)
register(
    Personal(
        table=chat_tokens,
        of=through(chat_tokens.c.visitor, chats.c.visitor, _of_chat),
        erase="delete",
        secret=("hash",),
        order=USUAL + 1,
    )
)
register(
    Personal(table=chat_bans, of=through(chat_bans.c.value, chats.c.visitor, _of_chat), erase="delete", order=USUAL + 1)
)
register(
    Personal(
        table=chat_visitors,
        of=through(chat_visitors.c.id, chats.c.visitor, _of_chat),
        erase="delete",
        secret=("key", "subject"),
        read=clear_rows(chat_visitors, chat_visitors.c.id),
        order=USUAL + 2,
    )
)
register(
    Personal(
        table=chats, of=_of_chat, erase="delete", secret=("key",), read=clear_rows(chats, chats.c.id), order=USUAL + 3
    )
)
for _table in (mail_letters, mail_outbox):
    register(Personal(table=_table, of=_conversation(_table.c.conversation), erase="delete"))
register(
    Personal(
        table=mail_contacts,
        of=_conversation(mail_contacts.c.conversation),
        erase="delete",
        read=clear_rows(chats, mail_contacts.c.conversation),
        order=USUAL + 4,
    )
)
