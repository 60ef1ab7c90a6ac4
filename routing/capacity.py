"""How much one agent can have in hand: one budget over all channels. Pure.

Each contact has the weight of its channel; together they fit the budget. Voice is distributed by Asterisk, so an agent
who has no room for a call is paused there (``callweave:capacity``), and released as soon as there is room again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from interaction_log.events import Channel

BUDGET: Final = 100
WEIGHTS: Final[Mapping[Channel, int]] = {"voice": 100, "chat": 33, "email": 50}
"""Three chats, or two mails, or one call."""
CALL_INTERRUPTS: Final[frozenset[Channel]] = frozenset({"email"})
"""A mail can wait while one talks; a visitor in a chat cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """``budget`` and ``weights`` are plain shares, 1 to 1,000. ``call_interrupts``: beside these a call fits anyway."""

    budget: int = BUDGET
    weights: Mapping[Channel, int] = field(default_factory=lambda: dict(WEIGHTS))
    call_interrupts: frozenset[Channel] = CALL_INTERRUPTS

    def used(self, in_hand: Iterable[Channel]) -> int:
        """What these contacts take of the budget."""
        return sum(self.weights[channel] for channel in in_hand)

    def room_for(self, channel: Channel, in_hand: Iterable[Channel]) -> bool:
        """Whether one more of this channel fits beside these."""
        weighs = [one for one in in_hand if channel != "voice" or one not in self.call_interrupts]
        return self.used(weighs) + self.weights[channel] <= self.budget
