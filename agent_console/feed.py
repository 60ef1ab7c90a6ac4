"""The numbered messages of one agent, kept for consoles that come back. Pure: time and numbers are given.

``seq`` is global, so it has gaps for one agent; ``prev`` closes them: it is the number of the message before.
A snapshot takes a number too (:meth:`AgentFeed.mark`), so that a console may resume after it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    from interaction_log.values import dataclass

KEEP_MESSAGES = 1_000
KEEP_SECONDS = 15 * 60.0


@dataclass(frozen=True, slots=True)
class Message:
    """One message. ``body`` is the JSON object without ``seq`` and ``prev`` and without its opening brace."""

    seq: int
    prev: int
    name: str
    body: str


@dataclass(frozen=True, slots=True)
class _Kept:
    seq: int
    at: float
    message: Message | None
    passing: bool = False
    """A message that was worth nothing later."""


class AgentFeed:
    """Numbers that only grow, each with the message that has it (``None``: a snapshot that one console got)."""

    def __init__(self, keep_messages: int = KEEP_MESSAGES, keep_seconds: float = KEEP_SECONDS):
        self._keep_messages = keep_messages
        self._keep_seconds = keep_seconds
        self._kept: deque[_Kept] = deque()
        self._before: int | None = None  # the number just before the oldest kept; resuming after it loses nothing
        self.last = 0

    def append(self, seq: int, name: str, body: str, now: float) -> Message:
        """Keep a message. ``seq`` must be larger than all before."""
        message = Message(seq, self.last, name, body)
        self._keep(_Kept(seq, now, message))
        return message

    def mark(self, seq: int, now: float) -> int:
        """Give ``seq`` to a snapshot; the ``prev`` of that snapshot is returned."""
        prev = self.last
        self._keep(_Kept(seq, now, None))
        return prev

    def pass_over(self, seq: int, now: float) -> int:
        """Give ``seq`` to a message that is not kept; its ``prev`` is returned. Of several in a row only the last one's
        number stays, so that they push nothing out: who resumes after an earlier one gets a snapshot."""
        prev = self.last
        if self._kept and self._kept[-1].passing:
            self._kept.pop()
        self._keep(_Kept(seq, now, None, passing=True))
        return prev

    def _keep(self, one: _Kept) -> None:
        if one.seq <= self.last:
            raise ValueError(f"number {one.seq} after {self.last}")
        self._kept.append(one)
        self.last = one.seq
        self._forget(one.at)

    def _forget(self, now: float) -> None:
        kept = self._kept
        while kept and (len(kept) > self._keep_messages or kept[0].at < now - self._keep_seconds):
            self._before = kept.popleft().seq

    def resume(self, after: int, now: float) -> list[Message] | None:
        """What came after number ``after``; ``None`` where that number is not (or no longer) known: send a snapshot."""
        self._forget(now)
        if after == self._before:
            return [k.message for k in self._kept if k.message is not None]
        position = next((p for p, k in self._reversed() if k.seq == after), None)
        if position is None:
            return None
        return [k.message for k in islice(self._kept, position + 1, None) if k.message is not None]

    def _reversed(self) -> Iterator[tuple[int, _Kept]]:
        count = len(self._kept)
        return ((count - 1 - back, kept) for back, kept in enumerate(reversed(self._kept)))
