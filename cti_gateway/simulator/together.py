"""Two who talk on: what is left of three after one has gone."""

from __future__ import annotations

from cti_gateway.simulator.parts import Channel
from cti_gateway.simulator.pbx import Pbx


class Together:
    """Who talks on after the customer has left a conference."""

    def __init__(self, pbx: Pbx, channels: list[Channel]) -> None:
        self._pbx, self._channels = pbx, channels

    def hang_up(self, channel: Channel, *, by_action: bool = False, cause: int = 16) -> None:
        """One goes, and the other hears it."""
        for one in self._channels:
            if one.alive:
                self._pbx.leave(one)
                self._pbx.hang_up(one)

    def answer(self, channel: Channel) -> bool:
        """Nothing rings."""
        return False

    def decline(self, channel: Channel) -> bool:
        """Nothing rings."""
        return False

    def toggle_hold(self, channel: Channel) -> bool:
        """Not offered here."""
        return False

    def redirect(self, channel: Channel, context: str, exten: str) -> bool:
        """Not offered here."""
        return False
