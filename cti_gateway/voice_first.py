"""One line over calls and all else, though callers wait in Asterisk's queues: who has waited longer goes first.

An agent who becomes free (by her state, or because a contact or an offer of hers is over) while a caller who may ring
at her is before what she would be given is left to Asterisk: until he rings (at her or at somebody else), leaves, or
somebody older than all callers comes. State tells all of that, so no time is involved; only where Asterisk, for reasons
that we cannot see, does not ring her at all, ``seconds`` end it. In the other case, an older chat, she is asked at once
and her phone is never released in between (``hub``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cti_gateway.seating import line_for
from interaction_log import events as e
from routing.pauses import is_ours

if TYPE_CHECKING:
    from cti_gateway.dispatch import Dispatch
    from routing.acd.model import Seat
    from routing.agents import Agent

SECONDS: Final = 6.0
"""``app_queue`` looks again for somebody free after ``retry`` seconds (its default is 5), and the ring is a second
away; ``[agents] voice_first_seconds``."""
TIMER: Final = "dispatch:yield:"


class VoiceFirst:
    """Who is left to callers now. ``seconds``: at most so long."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._hub = dispatch.hub
        self.seconds = SECONDS
        self._left: dict[str, None] = {}

    def __contains__(self, agent: str) -> bool:
        return agent in self._left

    def __bool__(self) -> bool:
        return bool(self._left)

    def begins(self, agent: Agent, seat: Seat, old: Seat | None) -> bool:
        """Whether she became free for a call just now, and a caller is before what she would be given."""
        crew = self._dispatch.engine.crew
        free_before = old is not None and old.ready and crew.room(old, "voice")
        if free_before or self.seconds <= 0 or not self._caller_first(agent, seat, len(self._left)):
            return False  # who was free before was passed over
        self._left[agent.name] = None
        self._hub.timers.start(TIMER + agent.name, self.seconds)
        return True

    def ends(self, name: str) -> None:
        """She is not left to them any more."""
        if name in self._left:
            del self._left[name]
            self._hub.timers.cancel(TIMER + name)

    def no_more(self) -> list[str]:
        """Those for whom no caller is first any more; they are not left to callers from now on."""
        over: list[str] = []
        for n, name in enumerate(list(self._left)):
            agent, seat = self._hub.distributor.agents[name], self._dispatch.engine.crew.seats.get(name)
            if seat is None or not self._caller_first(agent, self._dispatch.seating.seat(agent), n - len(over)):
                over.append(name)
                self.ends(name)
        return over

    # --- who is before whom --------------------------------------------------------------------------

    def _caller_first(self, agent: Agent, seat: Seat, others: int) -> bool:
        """Whether there is an older caller for her beside those for ``others`` who are left to callers already."""
        engine, now = self._dispatch.engine, self._hub.wall()
        old = engine.crew.seats.get(agent.name)
        seat.in_hand, seat.offered = (old.in_hand, old.offered) if old is not None else ({}, None)
        due = engine.oldest_for(seat, now) if engine.crew.room(seat, "voice") else None  # by what was decided, not told
        return due is not None and self._before(due, agent, now, others + 1) > others

    def _before(self, due: float, agent: Agent, now: float, enough: int) -> int:
        """How many callers before that place may ring at her and ring at nobody's yet; counted up to ``enough``."""
        places, count = self._rung_in(agent), 0
        for one in self._hub.distributor.interactions.values() if places else ():
            visit = one.waiting_in() if one.channel == "voice" and not one.ended else None
            if visit is not None and (one.pbx, visit.queue) in places and not one.open_offers():
                line = line_for(one, visit.queue, self._hub.distributor.settings.queues)
                self._dispatch.know(line)
                count += self._dispatch.place_of_caller(one, line, now) < due
            if count >= enough:
                break
        return count

    def _rung_in(self, agent: Agent) -> set[tuple[str, str]]:
        """The PBX's queues in which a caller may ring at her as soon as our pause is over."""
        live = self._hub.distributor
        if not self._dispatch.seating.can_be_rung(agent):
            return set()
        members = live.pauses.members_of(agent.devices)
        free = {(m.pbx, m.queue) for m in members if not m.paused or is_ours(m)}
        return {place for place in free if not agent.queue_pauses.get(place)}

    def moved(self, event: e.QueueLeft | e.InteractionOffered | e.InteractionEnded) -> bool:
        """Whether this may end it for somebody: a caller rings, or does not wait any more."""
        one = self._hub.distributor.interactions.get(event.interaction_id)
        return bool(self._left) and one is not None and one.channel == "voice"
