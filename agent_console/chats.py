"""What REST needs of the chats: lines as agents see them, who is in a chat now, and files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from agent_console.chat_bans import ChatBans
from agent_console.chat_sites import ChatSites
from agent_console.wire import ChatLineView
from interaction_log.chats import ChatFile, StoredLine
from interaction_log.store.canned import StoredCanned
from interaction_log.store.chats import StoredChats
from interaction_log.store.mails import StoredMails


class ChatFiles(Protocol):
    """The folder of files: a name of its own for each, looked at by the site's scanner before anybody gets it."""

    most: int
    """Bytes of one file."""

    async def take(self, conversation: str, name: str, media: str, content: bytes) -> ChatFile:
        """Keep what an agent sends. Raises ``Refused`` (size, kind), ``NotFound``."""
        ...

    def place(self, file: ChatFile) -> tuple[Path, str]:
        """Folder and name of its content."""
        ...


@dataclass(frozen=True, slots=True)
class Written:
    """A message that was left. ``reply_to``: as typed."""

    text: str
    reply_to: str | None


class HeldMail(Protocol):
    """Contacts by mail that nobody is asked to answer yet, because their senders began too many."""

    async def views(self) -> list[dict[str, Any]]:
        """All, the oldest first."""
        ...

    async def let_in(self, contact: str, by: str = "") -> None:
        """It waits for an agent from now on. Raises ``NotFound``: it is not held back (any more)."""
        ...

    async def dismiss(self, contact: str) -> None:
        """Nobody is to answer it. Raises ``NotFound``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatAccess:
    """``concerned(user, conversation)``: whether she is in this chat, or is asked to take it, now."""

    stored: StoredChats
    canned: StoredCanned
    concerned: Callable[[str, str], bool]
    files: ChatFiles | None = None
    sites: ChatSites | None = None
    """What administrators see of the sites; absent: there are none."""
    bans: ChatBans | None = None
    """How visitors are kept away; absent: there are none."""
    place: StoredMails | None = None
    """Where what was written in a contact by mail stands."""
    held: HeldMail | None = None
    """Letters that are held back; absent: there is no mailbox."""

    async def conversation(self, interaction: str) -> str:
        """The conversation of a contact: its own id, or that in which it goes on by mail."""
        return interaction if self.place is None else await self.place.conversation_of(interaction)

    async def written(self, conversation: str) -> Written:
        """What a visitor wrote who left a message. Raises ``NotFound``."""
        one = await self.stored.conversation(conversation)
        lines = await self.stored.lines(conversation)
        told = [line.name for line in lines if line.kind == "event" and line.text == "reply_to"]
        said = "\n".join(line.text for line in lines if line.by == "visitor" and line.kind == "text")
        return Written(said, (told[-1] if told else None) or one.form.get("email"))


def is_private(line: StoredLine) -> bool:
    """Lines for colleagues are kept as events that an agent wrote: all other events are the system's."""
    return line.kind == "event" and line.by == "agent"


def file_view(one: ChatFile) -> Any:
    """A file as both sides see it (``wire.ChatFile``)."""
    return {"id": one.id, "name": one.name, "type": one.type, "size": one.size}


def agent_line(line: StoredLine, *, whole: bool = False) -> ChatLineView:
    """One line as agents and supervisors see it. ``whole``: a letter with all that it quoted."""
    shown: dict[str, Any] = {
        "number": line.number,
        "id": line.id,
        "by": line.by,
        "name": line.name,
        "at": line.at,
        "kind": "text" if is_private(line) else line.kind,
        "text": line.text,
    }
    if line.file is not None:
        shown["file"] = file_view(line.file)
    if is_private(line):
        shown["private"] = True
    if line.mail is not None:
        told = dict(line.mail)
        text = told.pop("whole", None)
        shown["mail"] = {"address": "", "subject": "", **told, "cut": text is not None}
        if whole and text is not None:
            shown["mail"]["whole"] = text
    return cast("ChatLineView", shown)
