"""Where each contact stands in its line, and how long that will last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti_gateway.seating import line_of
from routing.acd.estimate import Lengths, estimate

if TYPE_CHECKING:
    from cti_gateway.dispatch import Dispatch
    from interaction_log.events import Channel
    from interaction_log.interaction import Interaction


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

    def before(self, pbx: str, queue: str, since: float, *, vip: bool = False, but: str | None = None) -> int:
        """How many of this queue are due before a caller who came at ``since``, whatever their medium.

        Callers in the PBX's queue, and what waits here: chats, mails, callbacks at consoles; not who is in somebody's
        hands, nor what waits for its queue to open. ``but``: an address (E.164) whose contacts do not count: his own.
        """
        engine, line = self._dispatch.engine, line_of(pbx, queue)
        self._dispatch.know(line)
        rule, now, live = engine.rules[line], self._dispatch.hub.wall(), self._dispatch.hub.distributor
        mine = since - rule.head_start - (rule.vip_head_start if vip else 0.0)
        ids = [one.contact.id for one in engine.lines if one.contact.queue == line and not one.asleep]
        here = [(live.interactions.get(i), engine.lines.waiting[i].place[0]) for i in ids]
        calls = [i for i in live.interactions.values() if _waits_at(i, pbx, queue)]
        here += [(one, self._dispatch.place_of_caller(one, line, now)) for one in calls]
        return sum(place <= mine for one, place in here if one is None or but is None or one.customer_address != but)

    def _order(self, line: str) -> dict[str, int]:
        if line not in self._places:
            here = sorted(one.place for one in self._dispatch.engine.lines if one.contact.queue == line)
            self._places[line] = {place[2]: n for n, place in enumerate(here, 1)}
        return self._places[line]


def _waits_at(one: Interaction, pbx: str, queue: str) -> bool:
    """Whether this is a caller who waits in this queue of this PBX."""
    if one.channel != "voice" or one.ended or one.pbx != pbx:
        return False
    visit = one.waiting_in()
    return visit is not None and visit.queue == queue
