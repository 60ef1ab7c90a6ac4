"""Conversations, their lines and files, visitors and bans, in the database.

What is awaited is committed when it returns; all of it goes through one group commit (``group``). The same UUID again
does nothing twice: it is answered with what is stored (``again``). When the database is away, the call fails with
SQLAlchemy's error and may be repeated with the same UUID.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Unpack

import sqlalchemy as sa

from interaction_log.chats import (
    MOST_LINES,
    Ban,
    BanKind,
    ChatAuthor,
    ChatChanges,
    ChatFile,
    KeptConsent,
    NewConversation,
    NewLine,
    Scan,
    StoredConversation,
    StoredLine,
    StoredVisitor,
)
from interaction_log.store import chat_consents as consents
from interaction_log.store import chat_files_rows as files
from interaction_log.store import chat_rooms as rooms
from interaction_log.store import chat_used as used
from interaction_log.store import chat_visitors as visitors
from interaction_log.store.chat_lines import LineWriter, Said
from interaction_log.store.group import GroupWriter
from interaction_log.store.master_key import MasterKey
from interaction_log.store.reading import Reading
from interaction_log.store.writing import Writing

MOST: Final = 200


@dataclass(frozen=True, slots=True)
class _Do:
    """Anything but a line: it is done after the lines of its group, those that begin something before them."""

    work: Callable[[sa.Connection], Any]
    first: bool = False
    forgets: str | None = None


class StoredChats:
    """All of it. Without a master key what people say stands in clear (tools, tests)."""

    def __init__(self, reading: Reading, writing: Writing, master: MasterKey | None = None):
        self._reading, self._master = reading, master
        self._lines = LineWriter(master)
        self.writer: GroupWriter[Said | _Do] = GroupWriter(
            writing.url, self._execute, self._lines.forget, "chat-writer", self._lines.quick
        )

    def _execute(self, connection: sa.Connection, jobs: Sequence[Said | _Do]) -> list[Any]:
        """A group in its transaction. What raises is the answer to that job alone: it raises before it writes."""
        answers: dict[int, Any] = {}
        said = {n: job for n, job in enumerate(jobs) if isinstance(job, Said)}
        for first in (True, False):
            for n, job in enumerate(jobs):
                if isinstance(job, _Do) and job.first is first:
                    answers[n] = self._do(connection, job)
            if first and said:
                answers |= zip(said, self._lines.write(connection, list(said.values())), strict=True)
        return [answers[n] for n in range(len(jobs))]

    def _do(self, connection: sa.Connection, job: _Do) -> Any:
        try:
            return job.work(connection)
        except rooms.EXPECTED as error:
            return error
        finally:
            if job.forgets is not None:
                self._lines.forget(job.forgets)

    async def _write(
        self, work: Callable[[sa.Connection], Any], *, first: bool = False, forgets: str | None = None
    ) -> Any:
        return await self.writer(_Do(work, first, forgets))

    # --- conversations -----------------------------------------------------------------------------

    async def open(self, wanted: NewConversation) -> StoredConversation:
        """Begin one. Raises ``Conflict`` where the same client's id was used by another visitor."""
        found: StoredConversation = await self._write(
            partial(rooms.begin, wanted=wanted, master=self._master), first=True
        )
        return found

    async def update(self, conversation_id: str, **changes: Unpack[ChatChanges]) -> StoredConversation:
        """Change these. Raises ``NotFound``."""
        work = partial(rooms.change, of=conversation_id, changes=changes, master=self._master)
        ends = conversation_id if changes.get("state") == "ended" else None
        found: StoredConversation = await self._write(work, forgets=ends)
        return found

    async def conversation(self, conversation_id: str) -> StoredConversation:
        """One. Raises ``NotFound``."""
        return await self._reading(partial(rooms.one, of=conversation_id, master=self._master))

    async def of_visitor(self, visitor: str, limit: int = 20) -> list[StoredConversation]:
        """Those of a visitor, the newest first."""
        most = max(1, min(limit, MOST))
        return await self._reading(partial(rooms.of_visitor, visitor=visitor, limit=most, master=self._master))

    async def open_ones(self) -> list[StoredConversation]:
        """All that have not ended, oldest first: for a start."""
        return await self._reading(partial(rooms.open_ones, master=self._master))

    # --- lines ---------------------------------------------------------------------------------------

    async def say(self, conversation_id: str, line: NewLine) -> StoredLine:
        """Write a line; it has its number when this returns. Lines of one conversation that are handed over in an
        order get their numbers in that order. Raises ``NotFound``, ``Conflict`` where the id was used in another
        conversation, ``Refused`` for a file that is not there (or not clean) and for text that cannot be stored."""
        found: StoredLine = await self.writer(Said(conversation_id, line))
        return found

    def put_line(self, conversation_id: str, line: NewLine, done: Callable[[StoredLine | Exception], None]) -> None:
        """As :meth:`say` without waiting: ``done`` hears after the commit. Raises ``Overloaded``."""
        self.writer.put(Said(conversation_id, line), done)

    async def lines(
        self, conversation_id: str, after: int = 0, before: int | None = None, limit: int = MOST_LINES
    ) -> list[StoredLine]:
        """Those with ``after < number < before``, in order: the first ``limit`` of them, or with ``before`` given the
        last ones. None of a conversation that is not there."""
        most = max(1, min(limit, MOST_LINES))
        return await self._reading(
            partial(rooms.lines, of=conversation_id, after=after, before=before, limit=most, master=self._master)
        )

    # --- files ----------------------------------------------------------------------------------------

    async def put_file(
        self, conversation_id: str, *, id: str, name: str, type: str, size: int, sha256: str, by: ChatAuthor,
        at: float, scan: Scan,
    ) -> ChatFile:  # fmt: skip
        """Note a file whose content is in the folder already. Raises ``NotFound`` (no such conversation)."""
        new = ChatFile(
            id=id, conversation=conversation_id, name=name, type=type, size=size, sha256=sha256, by=by, at=at, scan=scan
        )
        found: ChatFile = await self._write(partial(files.put, new=new, master=self._master))
        return found

    async def file(self, file_id: str) -> ChatFile:
        """One. Raises ``NotFound``."""
        return await self._reading(partial(files.one, of=file_id, master=self._master))

    async def scanned(self, file_id: str, scan: Scan, *, kept: bool = True) -> ChatFile:
        """The scanner's answer; ``kept`` false: the content was deleted. Raises ``NotFound``."""
        found: ChatFile = await self._write(
            partial(files.scanned, of=file_id, scan=scan, kept=kept, master=self._master)
        )
        return found

    async def files_of(self, conversation_id: str) -> list[ChatFile]:
        """All of a conversation, oldest first."""
        return await self._reading(partial(files.of_conversation, of=conversation_id, master=self._master))

    # --- visitors ---------------------------------------------------------------------------------------

    async def make_visitor(
        self, site: str, token_hash: str, *, at: float, expires_at: float, subject: str | None = None,
        attributes: dict[str, str] | None = None,
    ) -> StoredVisitor:  # fmt: skip
        """A new token (its hash, see ``webchat.tokens``) for a new visitor; for a ``subject`` that the site vouches for
        always the same visitor, with these ``attributes`` from now on. The same hash again is the same visitor."""
        new = visitors.New(site, token_hash, at, expires_at, subject, dict(attributes or {}))
        found: StoredVisitor = await self._write(partial(visitors.make, new=new, master=self._master))
        return found

    async def attest(self, visitor_id: str, attributes: Mapping[str, str]) -> None:
        """What the site says of its user now. Raises ``NotFound``."""
        await self._write(partial(visitors.attest, of=visitor_id, attributes=attributes, master=self._master))

    async def sign_in(
        self, site: str, token_hash: str, *, at: float, expires_at: float, subject: str, attributes: Mapping[str, str]
    ) -> tuple[str, StoredVisitor] | None:
        """The site vouches for an anonymous visitor who talks: see ``chat_visitors.sign_in``."""
        new = visitors.New(site, token_hash, at, expires_at, subject, dict(attributes))
        found: tuple[str, StoredVisitor] | None = await self._write(
            partial(visitors.sign_in, new=new, master=self._master)
        )
        return found

    async def use_token(self, site: str, jti: str, place: str, *, until: float, now: float) -> bool:
        """A site's signed token is shown from this place; ``False``: it was used from another one before."""
        use = used.Use(site, jti, place, until)
        taken: bool = await self._write(partial(used.take, use=use, now=now, master=self._master))
        return taken

    async def visitor_of(self, token_hash: str, now: float) -> StoredVisitor | None:
        """Whose token this is; ``None``: unknown or over."""
        return await self._reading(partial(visitors.of_token, token=token_hash, now=now, master=self._master))

    async def visitor(self, visitor_id: str) -> StoredVisitor:
        """One. Raises ``NotFound``."""
        return await self._reading(partial(visitors.one, of=visitor_id, master=self._master))

    async def prolong(self, token_hash: str, expires_at: float) -> None:
        """The token is good until then. Raises ``NotFound``."""
        await self._write(partial(visitors.prolong, token=token_hash, expires_at=expires_at))

    async def expire(self, now: float) -> int:
        """Remove tokens (used ones too) and bans that are over, and visitors who have neither a token nor a
        conversation; how many rows."""
        gone: int = await self._write(partial(visitors.expire, now=now))
        return gone

    async def of_site(self, site: str) -> tuple[int, float | None]:
        """How many conversations of this site are open, and when the last one began (``None``: none is kept)."""
        return await self._reading(partial(rooms.of_site, site=site))

    # --- consents -----------------------------------------------------------------------------------

    async def keep_consent(self, site: str, version: str, text: Mapping[str, str], at: float) -> None:
        """What visitors of this site agree to from now on; the same again does nothing."""
        await self._write(partial(consents.keep, site=site, version=version, text=text, at=at))

    async def consents(self, site: str) -> Sequence[KeptConsent]:
        """All that visitors of this site ever agreed to, oldest first."""
        return await self._reading(partial(consents.of_site, site=site))

    # --- bans ----------------------------------------------------------------------------------------

    async def ban(self, one: Ban) -> None:
        """Set it; the same again replaces it."""
        await self._write(partial(visitors.ban, one=one))

    async def lift_ban(self, kind: BanKind, value: str) -> None:
        """End it. Raises ``NotFound``."""
        await self._write(partial(visitors.lift_ban, kind=kind, value=value))

    async def bans(self, now: float) -> Sequence[Ban]:
        """Those that stand."""
        return await self._reading(partial(visitors.bans, now=now))

    def close(self) -> None:
        """Write what was handed over, then end. Blocks, normally for milliseconds."""
        self.writer.close()
