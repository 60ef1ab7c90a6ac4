"""Pauses on their way to the PBXs: the last word about each phone, when all that belongs together has happened.

Between two pauses a phone is not released for a moment in which it might ring.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from routing import commands as c

if TYPE_CHECKING:
    from cti_gateway.hub import Hub

log = logging.getLogger(__name__)


class Phones:
    """What is wanted of each phone since the last step."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._wanted: dict[tuple[str, str], c.PauseMember | c.ReleaseMember] = {}
        self._held = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """They are told at the end: what happens within belongs together (an offer ends, and the next is made)."""
        outermost, self._held = not self._held, True
        try:
            yield
        finally:
            self._held = not outermost
            if outermost and not self._hub.busy:
                self.tell()

    def tell(self) -> None:
        """Tell the PBXs, unless more belongs to it."""
        while self._wanted and not self._held:
            self._tell(self._wanted.pop(next(iter(self._wanted))))

    def want(self, command: c.PauseMember | c.ReleaseMember) -> None:
        """Pause or release one, when the step is over."""
        if self._hub.busy or self._held:
            self._wanted[command.pbx, command.device] = command
        else:
            self._tell(command)

    def _tell(self, command: c.PauseMember | c.ReleaseMember) -> None:
        try:
            if isinstance(command, c.PauseMember):
                self._hub.pbxs[command.pbx].pause(command.device, command.reason)
            else:
                self._hub.pbxs[command.pbx].pause(command.device, None, command.still)
        except Exception:
            self._hub.counts["events_failed"] += 1
            log.exception("a %s could not be carried out", type(command).__name__)
