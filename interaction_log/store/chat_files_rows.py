"""The rows of files in conversations; their contents lie in a folder (``chat_folder``)."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from interaction_log.chats import ChatFile, Scan
from interaction_log.records import NotFound, Refused
from interaction_log.store.chat_lines import stored_file
from interaction_log.store.chat_rows import Seal, row_name
from interaction_log.store.chat_tables import chat_files, chats
from interaction_log.store.master_key import MasterKey

_f: Final = chat_files.c
_QUERY: Final = sa.select(chat_files, chats.c.key).join(chats, chats.c.id == _f.conversation)


def put(connection: sa.Connection, new: ChatFile, master: MasterKey | None) -> ChatFile:
    """Note it. Raises ``NotFound`` (no such conversation), ``Refused``."""
    key = connection.execute(sa.select(chats.c.key).where(chats.c.id == new.conversation)).scalar()
    if key is None:
        raise NotFound(new.conversation)
    try:
        content = Seal.of(master, key).close(row_name("chat_files", new.id), {"name": new.name})
    except UnicodeError:
        raise Refused("name", "has a character that cannot be stored") from None
    values = {
        "id": new.id, "conversation": new.conversation, "type": new.type, "size": new.size, "sha256": new.sha256,
        "by": new.by, "at": new.at, "scan": new.scan, "kept": True, "content": content,
    }  # fmt: skip
    connection.execute(sa.insert(chat_files).values(values))
    return new


def one(connection: sa.Connection, of: str, master: MasterKey | None) -> ChatFile:
    """Raises ``NotFound``."""
    row = connection.execute(_QUERY.where(_f.id == of)).first()
    if row is None:
        raise NotFound(of)
    return _read(row, master)


def of_conversation(connection: sa.Connection, of: str, master: MasterKey | None) -> list[ChatFile]:
    """Oldest first."""
    rows = connection.execute(_QUERY.where(_f.conversation == of).order_by(_f.at, _f.id))
    return [_read(row, master) for row in rows]


def scanned(connection: sa.Connection, of: str, scan: Scan, kept: bool, master: MasterKey | None) -> ChatFile:
    """Raises ``NotFound``."""
    connection.execute(sa.update(chat_files).where(_f.id == of).values(scan=scan, kept=kept))
    return one(connection, of, master)


def _read(row: Any, master: MasterKey | None) -> ChatFile:
    return stored_file(row, Seal.of(master, row.key))
