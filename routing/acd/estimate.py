"""How long somebody in line will still wait, from what happened lately; ``None`` where that is not known. Pure.

With ``slots`` contacts in hands at once, each for about so long, one of them is done every ``length / slots`` seconds,
and who stands at place ``n`` is taken after ``n`` of them. Nothing is guessed: without enough finished contacts of the
last hour, or with nobody there, no time is said.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

ENOUGH: Final = 3
"""So few finished contacts say nothing."""
KEPT: Final = 50
RECENT_SECONDS: Final = 3_600.0


@dataclass(slots=True)
class Lengths:
    """How long the contacts of one line were in hands: when each ended, and seconds."""

    ended: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=KEPT))

    def add(self, at: float, seconds: float) -> None:
        """One was finished."""
        self.ended.append((at, max(0.0, seconds)))

    def mean(self, now: float) -> float | None:
        """Of the last hour's, seconds."""
        recent = [seconds for at, seconds in self.ended if now - at <= RECENT_SECONDS]
        return sum(recent) / len(recent) if len(recent) >= ENOUGH else None


def estimate(position: int, slots: int, mean: float | None) -> float | None:
    """Seconds until who stands at ``position`` (from 1) is taken."""
    if mean is None or slots < 1:
        return None
    return position * mean / slots
