"""Contacts by mail, as the store keeps them and the other parts speak of them. Pure. Times are Unix seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LetterKind = Literal["letter", "auto", "bounce", "own"]
OutboxKind = Literal["line", "transcript"]


@dataclass(frozen=True, slots=True)
class Position:
    """How far a mailbox is read: the highest UID that was taken, under this UIDVALIDITY (RFC 3501)."""

    validity: int
    uid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MailContact:
    """An interaction of the channel ``email`` in a conversation. ``address``: to whom answers go; ``answers``: the
    Message-IDs of the thread, the oldest first. What was erased is empty."""

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
