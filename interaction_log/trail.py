"""Values of the audit trail. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from interaction_log.records import AuditEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """An entry with its number (from 1, without gaps) and its hash."""

    n: int
    entry: AuditEntry
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCheck:
    """What a check of the chain found. ``broken_at``: the first number that does not fit; ``None``: all do."""

    rows: int
    last_hash: str
    broken_at: int | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The last row's number and hash: what is compared to see that nothing was cut off. ``str``: ``N:HASH``."""

    n: int
    hash: str

    def __str__(self) -> str:
        return f"{self.n}:{self.hash}"

    @classmethod
    def read(cls, text: str) -> Head:
        """Of ``N:HASH``; raises ``ValueError``."""
        number, _, digest = text.strip().partition(":")
        if not number.isascii() or not number.isdigit() or not re.fullmatch(r"[0-9a-f]{64}", digest, re.ASCII):
            raise ValueError("a head is a number, a colon and 64 hexadecimal digits")
        return cls(int(number), digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries are asked for. ``start`` ≤ time < ``end`` (Unix seconds); ``None``: no matter."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    outcome: str | None = None
    start: float | None = None
    end: float | None = None
