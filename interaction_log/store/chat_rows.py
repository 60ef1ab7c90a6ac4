"""What people say in chats, sealed in the rows of a conversation (or of a visitor) with that one's own key.

``content`` is JSON; sealed it is ``~`` and base64 of a random nonce and AES-256-GCM, bound to its row. The key stands
wrapped by the site's master key in the conversation's row: when that row goes, all of it is noise wherever a copy lies.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson
import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from interaction_log.store.master_key import MasterKey
from interaction_log.store.statements import Among

MARK: Final = "~"
NO_KEY: Final = ""
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
Content = dict[str, Any]


class Seal:
    """The key of one conversation or visitor; without a master key everything stays in clear (tools, tests)."""

    __slots__ = ("_aead", "wrapped")

    def __init__(self, key: bytes | None, wrapped: str):
        self.wrapped = wrapped
        self._aead = AESGCM(key) if key is not None else None

    @classmethod
    def new(cls, master: MasterKey | None) -> Seal:
        """A new key."""
        if master is None:
            return cls(None, NO_KEY)
        key = AESGCM.generate_key(_KEY_BYTES * 8)
        return cls(key, master.wrap(key))

    @classmethod
    def of(cls, master: MasterKey | None, wrapped: str) -> Seal:
        """The key that was stored; one that cannot be unwrapped opens nothing."""
        key = master.unwrap(wrapped) if master is not None and wrapped else None
        return cls(key, wrapped)

    @property
    def usable(self) -> bool:
        """Whether what is written with it can be read again."""
        return self._aead is not None or self.wrapped == NO_KEY

    def close(self, row: str, content: Content) -> str:
        """``content`` for the row of this name. Raises ``UnicodeError`` for half a surrogate pair."""
        try:
            text = orjson.dumps(content)
        except orjson.JSONEncodeError:  # it takes no half of a surrogate pair, and no integers above 64 bits
            text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        if self._aead is None:
            return text.decode()
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._aead.encrypt(nonce, text, row.encode())
        return MARK + binascii.b2a_base64(nonce + sealed, newline=False).decode()

    def open(self, row: str, stored: str) -> Content:
        """What was said; empty where it cannot be opened."""
        if not stored.startswith(MARK):
            return _parsed(stored)
        if self._aead is None:
            return {}
        raw = base64.b64decode(stored[1:])
        try:
            return _parsed(self._aead.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], row.encode()).decode())
        except InvalidTag:
            return {}


def _parsed(text: str) -> Content:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def row_name(table: str, *key: object) -> str:
    """What a sealed content is bound to."""
    return "/".join((table, *(str(part) for part in key)))


def clear_rows(owner: sa.Table, of: sa.Column[Any]) -> Callable[..., list[dict[str, Any]]]:
    """How an export reads rows whose ``content`` is sealed with the key in the row of ``owner`` that ``of`` names."""
    column, table = of.name, of.table.name
    keys = Among(sa.select(owner.c.id, owner.c.key), owner.c.id)

    def read(connection: sa.Connection, master: MasterKey, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        wrapped: dict[str, str] = dict(tuple(row) for row in keys(connection, sorted({row[column] for row in rows})))
        found = []
        for row in rows:
            seal = Seal.of(master, wrapped.get(row[column], NO_KEY))
            content = seal.open(name_of(table, row), row["content"])
            found.append({**row, "content": content or _unsealed(row["content"])})
        return found

    return read


def _unsealed(stored: str) -> str | None:
    return None if stored.startswith(MARK) else stored


def name_of(table: str, row: Mapping[str, Any]) -> str:
    """The name of a row of one of these tables: its id, and the number of a line."""
    if table == "chat_lines":
        return row_name(table, row["conversation"], row["number"])
    return row_name(table, row["id"])
