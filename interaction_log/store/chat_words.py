"""What was said in chats, for the full text: both sides' words, what colleagues wrote to each other, names of files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from interaction_log.store import sealed_fields
from interaction_log.store.chat_rows import Seal, row_name
from interaction_log.store.chat_tables import chat_files, chat_lines, chats
from interaction_log.store.mail_tables import mail_contacts
from interaction_log.store.statements import Among

MOST_CHARACTERS: Final = 100_000
"""Of one chat; longer ones are found by their beginning."""
_BY_MAIL: Final = Among(sa.select(mail_contacts.c.id, mail_contacts.c.conversation), mail_contacts.c.id)
_KEYS: Final = Among(sa.select(chats.c.id, chats.c.key), chats.c.id)
_SAID: Final = Among(
    sa.select(chat_lines.c.conversation, chat_lines.c.number, chat_lines.c.content).where(
        chat_lines.c.by != sa.literal_column("'system'")
    ),
    chat_lines.c.conversation,
)
_FILES: Final = Among(
    sa.select(chat_files.c.id, chat_files.c.conversation, chat_files.c.content), chat_files.c.conversation
)


def words(connection: sa.Connection, ids: Sequence[str]) -> dict[str, str]:
    """The text of the conversation of each of these contacts; of those that cannot be opened (any more) nothing."""
    by_mail = {row.id: row.conversation for row in _BY_MAIL(connection, list(ids))}
    found = _of_conversations(connection, sorted({by_mail.get(of, of) for of in ids}))
    return {of: found[where] for of in ids if (where := by_mail.get(of, of)) in found}


def _of_conversations(connection: sa.Connection, ids: Sequence[str]) -> dict[str, str]:
    master = sealed_fields.master()
    seals = {row.id: Seal.of(master, row.key) for row in _KEYS(connection, list(ids))}
    found: dict[str, list[str]] = defaultdict(list)
    room = dict.fromkeys(seals, MOST_CHARACTERS)
    for row in sorted(_SAID(connection, list(seals)), key=lambda one: (one.conversation, one.number)):
        if room[row.conversation] > 0:
            name = row_name("chat_lines", row.conversation, row.number)
            text = str(seals[row.conversation].open(name, row.content).get("text", ""))[: room[row.conversation]]
            room[row.conversation] -= len(text)
            found[row.conversation].append(text)
    for row in _FILES(connection, list(seals)):
        found[row.conversation].append(
            str(seals[row.conversation].open(row_name("chat_files", row.id), row.content).get("name", ""))
        )
    return {of: "\n".join(text for text in texts if text) for of, texts in found.items()}
