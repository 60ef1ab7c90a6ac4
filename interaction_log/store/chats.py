"""Conversations, their lines and files, visitors and bans, in the database.

What is awaited is committed when it returns. The same UUID again does nothing twice: it is answered with what is stored
(``again``). When the database is away, the call fails with SQLAlchemy's error and may be repeated with the same UUID.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from interaction_log.chats import (
    MOST_LINES,
    Ban,
    BanKind,
    ChatAuthor,
    ChatChanges,
    ChatFile,
    NewConversation,
    NewLine,
    Scan,
    StoredConversation,
    StoredLine,
    StoredVisitor,
)
from interaction_log.store.master_key import MasterKey
from interaction_log.store.reading import Reading
from interaction_log.store.writing import Writing


class StoredChats:
    """All of it."""

    def __init__(self, reading: Reading, writing: Writing, master: MasterKey | None = None):
        self._reading, self._writing, self._master = reading, writing, master

    # --- conversations -----------------------------------------------------------------------------

    async def open(self, wanted: NewConversation) -> StoredConversation:
        """Begin one. Raises ``Conflict`` where the same client's id was used by another visitor."""
        raise NotImplementedError

    async def update(self, conversation_id: str, **changes: Unpack[ChatChanges]) -> StoredConversation:
        """Change these. Raises ``NotFound``."""
        raise NotImplementedError

    async def conversation(self, conversation_id: str) -> StoredConversation:
        """One. Raises ``NotFound``."""
        raise NotImplementedError

    async def of_visitor(self, visitor: str, limit: int = 20) -> list[StoredConversation]:
        """Those of a visitor, the newest first."""
        raise NotImplementedError

    async def open_ones(self) -> list[StoredConversation]:
        """All that have not ended, oldest first: for a start."""
        raise NotImplementedError

    # --- lines ---------------------------------------------------------------------------------------

    async def say(self, conversation_id: str, line: NewLine) -> StoredLine:
        """Write a line; it has its number when this returns. Lines of one conversation that are handed over in an
        order get their numbers in that order. Raises ``NotFound``, and ``Conflict`` where the id was used in another
        conversation."""
        raise NotImplementedError

    async def lines(
        self, conversation_id: str, after: int = 0, before: int | None = None, limit: int = MOST_LINES
    ) -> list[StoredLine]:
        """Those with ``after < number < before``, in order: the first ``limit`` of them, or with ``before`` given the
        last ones."""
        raise NotImplementedError

    # --- files ----------------------------------------------------------------------------------------

    async def put_file(
        self, conversation_id: str, *, id: str, name: str, type: str, size: int, sha256: str, by: ChatAuthor,
        at: float, scan: Scan,
    ) -> ChatFile:  # fmt: skip
        """Note a file whose content is in the folder already. Raises ``NotFound`` (no such conversation)."""
        raise NotImplementedError

    async def file(self, file_id: str) -> ChatFile:
        """One. Raises ``NotFound``."""
        raise NotImplementedError

    async def scanned(self, file_id: str, scan: Scan) -> ChatFile:
        """The scanner's answer. Raises ``NotFound``."""
        raise NotImplementedError

    async def files_of(self, conversation_id: str) -> list[ChatFile]:
        """All of a conversation."""
        raise NotImplementedError

    # --- visitors ---------------------------------------------------------------------------------------

    async def make_visitor(
        self, site: str, token_hash: str, *, at: float, expires_at: float, subject: str | None = None,
        attributes: dict[str, str] | None = None,
    ) -> StoredVisitor:  # fmt: skip
        """A new token (its hash, see ``webchat.tokens``) for a new visitor; for a ``subject`` that the site vouches for
        always the same visitor, with these ``attributes`` from now on."""
        raise NotImplementedError

    async def visitor_of(self, token_hash: str, now: float) -> StoredVisitor | None:
        """Whose token this is; ``None``: unknown or over."""
        raise NotImplementedError

    async def visitor(self, visitor_id: str) -> StoredVisitor:
        """One. Raises ``NotFound``."""
        raise NotImplementedError

    async def prolong(self, token_hash: str, expires_at: float) -> None:
        """The token is good until then."""
        raise NotImplementedError

    async def expire(self, now: float) -> int:
        """Remove tokens and bans that are over, and visitors who have neither a token nor a conversation."""
        raise NotImplementedError

    # --- bans ----------------------------------------------------------------------------------------

    async def ban(self, one: Ban) -> None:
        """Set it; the same again replaces it."""
        raise NotImplementedError

    async def lift_ban(self, kind: BanKind, value: str) -> None:
        """End it. Raises ``NotFound``."""
        raise NotImplementedError

    async def bans(self, now: float) -> Sequence[Ban]:
        """Those that stand."""
        raise NotImplementedError

    def close(self) -> None:
        """Write what was handed over, then end. Blocks, normally for milliseconds."""
