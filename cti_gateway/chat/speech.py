"""What is said: card numbers hidden, written to the store, and only then heard by the others."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from cti_gateway.chat.room import Room
from cti_gateway.chat.rooms import Rooms
from interaction_log.chats import ChatAuthor, NewLine, StoredLine
from interaction_log.masking import mask_cards

if TYPE_CHECKING:
    from interaction_log.store.chats import StoredChats

log = logging.getLogger(__name__)
_TABS_AND_LINES: Final = frozenset("\t\n")


def clean(text: str) -> str:
    """As it is kept: without control characters and halves of characters, line ends as ``\\n``."""
    if text.isascii() and text.isprintable():
        return text.strip()
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = (c for c in text if (c >= " " or c in _TABS_AND_LINES) and c != "\x7f" and not "\ud800" <= c <= "\udfff")
    return "".join(kept).strip()


class Speech:
    """Writes lines. ``wall``: Unix seconds."""

    def __init__(self, rooms: Rooms, store: StoredChats, wall: Callable[[], float]) -> None:
        self._rooms, self._store, self._wall = rooms, store, wall
        self.heard: list[Callable[[Room, StoredLine], None]] = []
        """Who must know of a new line (clocks)."""
        rooms.on_event = self.happened

    async def say(
        self,
        room: Room,
        by: ChatAuthor,
        line_id: str,
        text: str,
        *,
        author: str | None = None,
        name: str | None = None,
        file: str | None = None,
        private: bool = False,
        mail: Mapping[str, str] | None = None,
    ) -> tuple[StoredLine, int]:
        """The line, committed and told, and how many card numbers in it were hidden. The same id again: the line that
        was written the first time. Raises what the store raises."""
        masked = mask_cards(clean(text))
        line = NewLine(
            id=line_id,
            by=by,
            at=self._wall(),
            text=masked.text,
            kind="file" if file is not None else "event" if private else "text",
            author=author,
            name=name,
            file=file,
            mail=mail,
        )
        stored = await self._store.say(room.conversation, line)
        self._told(room, stored)
        return stored, masked.cards

    def put(self, room: Room, line_id: str, text: str, heard: Callable[[StoredLine | Exception], None]) -> None:
        """The same for a visitor's text, which is clean: ``heard`` is told when it is committed and the others know."""
        line = NewLine(id=line_id, by="visitor", at=self._wall(), text=mask_cards(text).text, name=room.name)

        def committed(answer: StoredLine | Exception) -> None:
            if isinstance(answer, StoredLine):
                self._told(room, answer)
            heard(answer)

        self._store.put_line(room.conversation, line, committed)

    def _told(self, room: Room, line: StoredLine) -> None:
        if line.number > room.last or not line.again:
            for listener in self.heard:
                listener(room, line)
        self._rooms.tell_line(room, line)

    async def note(self, room: Room, line_id: str, code: str, name: str | None = None) -> StoredLine:
        """Something that stands in the transcript, once; committed when it returns. Raises what the store raises."""
        line = NewLine(id=line_id, by="system", at=self._wall(), text=code, kind="event", name=name)
        stored = await self._store.say(room.conversation, line)
        self._told(room, stored)
        return stored

    def happened(self, room: Room, code: str, name: str | None = None) -> None:
        """Something that stands in the transcript; written in the order in which it happened."""
        line = NewLine(id=str(uuid.uuid4()), by="system", at=self._wall(), text=code, kind="event", name=name)
        self._rooms.hub.spawn(self._write(room, line))

    async def _write(self, room: Room, line: NewLine) -> None:
        try:
            stored = await self._store.say(room.conversation, line)
        except Exception as error:  # the transcript lacks this line; what people wrote is never handled so
            log.warning("an event of a chat could not be kept: %s", type(error).__name__)
        else:
            self._told(room, stored)
