"""Where each contact stands in its line, and how long that will last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routing.acd.estimate import Lengths, estimate

if TYPE_CHECKING:
    from cti_gateway.dispatch import Dispatch
    from interaction_log.events import Channel


class Waits:
    """Places are counted once after each change; how long contacts were in hands is known since the start."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._lengths: dict[str, Lengths] = {}
        self._places: dict[str, dict[str, int]] = {}

    def changed(self) -> None:
        """Somebody came, went or was moved."""
        self._places.clear()

    def had(self, line: str, began: float) -> None:
        """A contact of this line was in hands from then to now."""
        now = self._dispatch.hub.wall()
        self._lengths.setdefault(line, Lengths()).add(now, now - began)

    def place(self, interaction_id: str) -> tuple[int, float | None]:
        """See ``Dispatch.place``."""
        engine = self._dispatch.engine
        one = engine.lines.waiting.get(interaction_id)
        if one is None:
            return 0, None
        line = one.contact.queue
        position, lengths = self._order(line)[interaction_id], self._lengths.get(line)
        mean = lengths.mean(self._dispatch.hub.wall()) if lengths is not None else None
        return position, estimate(position, engine.slots(line, one.contact.channel), mean)

    def of(self, line: str, channel: Channel) -> float | None:
        """See ``Dispatch.wait_of``."""
        lengths = self._lengths.get(line)
        mean = lengths.mean(self._dispatch.hub.wall()) if lengths is not None else None
        return estimate(len(self._order(line)) + 1, self._dispatch.engine.slots(line, channel), mean)

    def _order(self, line: str) -> dict[str, int]:
        if line not in self._places:
            here = sorted(one.place for one in self._dispatch.engine.lines if one.contact.queue == line)
            self._places[line] = {place[2]: n for n, place in enumerate(here, 1)}
        return self._places[line]
