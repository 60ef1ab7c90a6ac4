"""Contacts by mail, as the store keeps them and the other parts speak of them. Pure. Times are Unix seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LetterKind = Literal["letter", "auto", "bounce", "own"]
OutboxKind = Literal["line", "transcript", "survey"]


@dataclass(frozen=True, slots=True)
class Position:
    """How far a mailbox is read: the highest UID that was taken, under this UIDVALIDITY (RFC 3501)."""

    validity: int
    uid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MailContact:
    """An interaction of the channel ``email`` in a conversation. ``address``: to whom answers go; ``answers``: the
    Message-IDs of the thread, the oldest first. What was erased is empty.

    ``sender``: a keyed hash of who began it, to count by; empty for one that no letter began. ``held_at``: it came when
    there were too many, and nobody is asked yet; ``opened_at`` is then the same, later when it was let in. ``wrote``,
    ``proved`` (``pass``, ``fail``, or nothing): the From address of the letter and its DMARC result.
    """

    id: str
    conversation: str
    box: str
    queue: str
    opened_at: float
    ended_at: float | None = None
    address: str = ""
    name: str = ""
    subject: str = ""
    answers: tuple[str, ...] = ()
    sender: str = ""
    held_at: float | None = None
    wrote: str = ""
    proved: str = ""

    @property
    def held(self) -> bool:
        """Whether it waits for being let in."""
        return self.held_at is not None and self.ended_at is None


@dataclass(frozen=True, slots=True)
class TakenLetter:
    """A letter that was taken before. ``contact``: the interaction that it became a line of."""

    id: str
    kind: LetterKind
    conversation: str | None
    contact: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """Something that is to be sent. ``id``: of the line, or of the transcript's wish."""

    id: str
    conversation: str
    kind: OutboxKind
    made_at: float
    next_at: float
    contact: str | None = None
    tries: int = 0
