"""How much one agent can have in hand: one budget over all channels. Pure.

Each contact has the weight of its channel; together they fit the budget. Voice is distributed by Asterisk, so an agent
who has no room for a call is paused there (``callweave:capacity``), and released as soon as there is room again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from interaction_log.events import Channel

BUDGET: Final = 100
WEIGHTS: Final[Mapping[Channel, int]] = {"voice": 100, "chat": 33, "email": 50, "callback": 100}
"""Three chats, or two mails, or one call."""
Matrix = Mapping[Channel, frozenset[Channel]]
"""By what comes: beside which of those that she has in hand it fits anyway."""
INTERRUPTS: Final[Matrix] = {"voice": frozenset({"email"})}
"""A mail can wait while one talks; a visitor in a chat cannot."""
WrapUpHolds = Literal["everything", "weight"]
"""What the wrap-up of a chat or mail keeps away: everything new, or what does not fit beside its weight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """``budget`` and ``weights`` are plain shares, 1 to 1,000. ``interrupts``: what may come in between of what.

    The wrap-up of a chat or mail has its weight until it is over; with ``wrap_up="everything"`` she is also in
    ``WRAP_UP`` meanwhile, one after the other, and nothing new is offered.
    """

    budget: int = BUDGET
    weights: Mapping[Channel, int] = field(default_factory=lambda: dict(WEIGHTS))
    interrupts: Matrix = field(default_factory=lambda: dict(INTERRUPTS))
    wrap_up: WrapUpHolds = "everything"

    def used(self, in_hand: Iterable[Channel]) -> int:
        """What these contacts take of the budget."""
        return sum(self.weights[channel] for channel in in_hand)

    def room_for(self, channel: Channel, in_hand: Iterable[Channel]) -> bool:
        """Whether one more of this channel fits beside these."""
        waits = self.interrupts.get(channel, frozenset())
        return self.used(one for one in in_hand if one not in waits) + self.weights[channel] <= self.budget
