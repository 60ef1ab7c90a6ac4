"""Blocks that a caller cut in two (AMI-FACTS 6.23) put together again. Pure.

A number with CR LF CR LF in it ends the real block early; the caller's own lines and the rest of the real
block then look like a block of its own. What Asterisk writes itself has ``Privilege:`` (events) or
``ActionID:`` (answers); a block with neither, right after one that stops at a number, is the torn-off rest.
The caller's lines in it are dropped: they end where the header stands that follows the number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cti_gateway.ami.codec import Message

# The last header of the channel that each event describes, as main/manager_channels.c writes it.
_LAST: Final = (("DestChannel", "DestLinkedid"), ("Channel", "Linkedid"))
_NUMBER: Final = (b"CallerIDNum", b"ConnectedLineNum")
MAX_PIECES: Final = 8
"""Pieces of one event: each number of both channels can be cut once or twice."""


def is_torn(message: Message) -> bool:
    """Whether the block stops at a number, before the end of the channel that it describes."""
    raw = message.raw
    begin = raw.rfind(b"\r\n") + 2
    if raw.find(b"Num", begin) < 0:  # nearly always: this is asked of every message
        return False
    last = raw[begin:]
    if not last.partition(b":")[0].endswith(_NUMBER) or message.kind != "event":
        return False
    return any(first in message and end not in message for first, end in _LAST)


def is_rest(message: Message) -> bool:
    """Whether Asterisk cannot have written this as a block of its own."""
    return "Privilege" not in message and "ActionID" not in message and message.kind != "response"


@dataclass(slots=True)
class Mender:
    """Holds a torn block until its rest is there."""

    head: bytes | None = None
    """The torn block, without its rest."""
    _pieces: int = 0
    mended: int = 0

    def take(self, message: Message) -> list[Message]:
        """The messages that are whole now, in order."""
        if self.head is None:
            if is_torn(message):
                self.head, self._pieces = message.raw.rstrip(b"\r\n"), 1
                return []
            return [message]
        if is_rest(message) and self._pieces < MAX_PIECES:
            self._append(message.raw.rstrip(b"\r\n"))
            return []
        return [*self.flush(), *self.take(message)]

    def _append(self, rest: bytes) -> None:
        assert self.head is not None
        cut = self.head.rpartition(b"\r\n")[2].partition(b":")[0]
        follows = cut[: -len(b"Num")] + b"Name:"
        _, found, tail = (b"\r\n" + rest).partition(b"\r\n" + follows)
        if found:
            self.head += b"\r\n" + follows + tail
        self._pieces += 1

    def flush(self) -> list[Message]:
        """Give up waiting for more."""
        if self.head is None:
            return []
        whole, self.head = Message(self.head), None
        self.mended += 1
        return [whole]
