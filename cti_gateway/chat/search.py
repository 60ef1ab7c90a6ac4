"""What was said, for the full text: handed over when a chat is over, in the background."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from cti_gateway.chat.room import Room
from cti_gateway.chat.rooms import Rooms
from interaction_log.chats import StoredLine

MOST_CHARACTERS: Final = 100_000
"""Of one chat: as much as a document of the index keeps."""


def spoken(lines: list[StoredLine]) -> str:
    """The words of it, of both sides and of colleagues."""
    said = (line.text if line.file is None else line.file.name for line in lines if line.by != "system")
    return "\n".join(text for text in said if text)[:MOST_CHARACTERS]


class Indexing:
    """``put(interaction, text)`` writes it."""

    def __init__(
        self,
        rooms: Rooms,
        whole: Callable[[str], Awaitable[list[StoredLine]]],
        put: Callable[[str, str], Awaitable[Any]] | None,
    ) -> None:
        self._hub, self._whole, self._put = rooms.hub, whole, put
        if put is not None:
            rooms.on_end.append(lambda room: self.ended(room))

    def ended(self, room: Room) -> None:
        """It is over."""
        self._hub.spawn(self._indexed(room.id))

    async def _indexed(self, conversation: str) -> None:
        text = spoken(await self._whole(conversation))
        if text and self._put is not None:
            await self._put(conversation, text)
