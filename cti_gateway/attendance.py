"""Who is there to be asked: agents' states, telephones and consoles, as they change, for the distributor.

What changes is noted, and taken over when somebody waits: an installation without chats pays a set for it. When an
agent becomes free while a caller waits longer than what she would be given, she is left to Asterisk for a moment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from cti_gateway.seating import queue_of
from interaction_log import events as e

if TYPE_CHECKING:
    from cti_gateway.dispatch import Dispatch
    from routing.acd.model import Seat

GRACE_SECONDS: Final = 20.0
"""So long an agent may be without a console (a page is loaded anew) before what she has goes to others."""
YIELD_SECONDS: Final = 2.0
"""So long an agent who becomes free is left to a caller who waits longer than anybody else: Asterisk needs a second to
ring her (app_queue looks once a second)."""
_GONE: Final = "dispatch:gone:"
_YIELD: Final = "dispatch:yield:"


class Attendance:
    """Keeps the engine's seats as the agents are. ``methods``: what it hears, by kind of event."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._hub = dispatch.hub
        self._stale: dict[str, None] = {}
        self._yielding: set[str] = set()
        """Agents who are left to a caller now."""
        self.methods: dict[type[e.Event], Callable[[Any], None]] = {
            e.InteractionOffered: self._rang,
            e.AgentStateChanged: self._state_changed,
            e.StateChosen: self._changed,
            e.AgentSignedIn: self._changed,
            e.QueuePaused: self._changed,
            e.QueueResumed: self._changed,
            e.MemberChanged: self._at_a_phone,
            e.DeviceStateChanged: self._at_a_phone,
        }

    def restore(self) -> None:
        """Everybody as the log says; consoles that do not come back within the grace are gone."""
        for name, agent in self._hub.distributor.agents.items():
            if agent.signed_in:
                self._stale[name] = None
                self._hub.timers.start(_GONE + name, GRACE_SECONDS)
        self.settle()

    # --- what happens --------------------------------------------------------------------------------

    def presence(self, agent: str, consoles: int) -> None:
        """So many consoles of hers are open."""
        self._dispatch.seating.consoles[agent] = consoles
        if consoles:
            self._hub.timers.cancel(_GONE + agent)
        elif agent in self._dispatch.engine.crew.seats:
            self._hub.timers.start(_GONE + agent, GRACE_SECONDS)
        self.changed(agent)

    def changed(self, agent: str) -> None:
        """Something of hers is other than it was."""
        self._stale[agent] = None
        if self._dispatch.engine.lines.waiting:
            self.settle()

    def _changed(self, event: e.StateChosen | e.AgentSignedIn | e.QueuePaused | e.QueueResumed) -> None:
        self.changed(event.agent)

    def _state_changed(self, event: e.AgentStateChanged) -> None:
        self.changed(event.agent)
        if event.state == "LOGGED_OUT":
            self.settle()

    def _at_a_phone(self, event: e.MemberChanged | e.DeviceStateChanged) -> None:
        agent = self._hub.distributor.owner(event.device, event.pbx)
        if agent is not None:
            self.changed(agent.name)

    def _rang(self, event: e.InteractionOffered) -> None:
        """A telephone that rings across our pause: what she is offered meanwhile goes to others."""
        one = self._hub.distributor.interactions.get(event.interaction_id)
        agent = self._hub.distributor.owner(event.device, one.pbx) if one is not None else None
        if agent is not None and one is not None and one.channel == "voice":
            self.changed(agent.name)

    def fired(self, key: str) -> bool:
        """A timer ran out; whether it was ours."""
        if key.startswith(_GONE):
            self._vanish(key.removeprefix(_GONE))
        elif key.startswith(_YIELD):
            self._yielding.discard(key.removeprefix(_YIELD))
            self._seat(key.removeprefix(_YIELD), patient=False)
        return key.startswith((_GONE, _YIELD))

    # --- seats ---------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Take over what changed since somebody waited last."""
        stale, self._stale = self._stale, {}
        for name in stale:
            self._seat(name)

    def _seat(self, name: str, *, patient: bool = True) -> None:
        engine, agent = self._dispatch.engine, self._hub.distributor.agents.get(name)
        if agent is None or not agent.signed_in:
            self._vanish(name)
            return
        seat, old = self._dispatch.seating.seat(agent), engine.crew.seats.get(name)
        if old is not None:
            seat.idle_since = max(old.idle_since, seat.idle_since)
        if not seat.ready or _calls(seat):
            self._yields_no_more(name)
        elif name in self._yielding or (patient and self._first_a_call(seat, old)):
            seat.ready = False
        if old is not None and _same(old, seat):
            return
        self._dispatch.run(engine.agent(seat, self._hub.wall()))

    def _vanish(self, name: str) -> None:
        """What she had goes back into its place in line."""
        engine = self._dispatch.engine
        self._yields_no_more(name)
        if name not in engine.crew.seats:
            return
        hers = [contact for contact, (_, who) in engine.held.items() if who == name]
        for contact in [c for c in hers if engine.held[c][0].channel == "callback"]:
            hers.remove(contact)  # the customer is being called: that goes on without a console
            self._dispatch.finish(contact)
        commands = engine.gone(name, self._hub.wall())
        for contact in hers:
            self._dispatch.offers.taken_away(contact, name)
        self._dispatch.run(commands)

    # --- callers of the same queues ------------------------------------------------------------------

    def _first_a_call(self, seat: Seat, old: Seat | None) -> bool:
        """Whether she became free and a caller is before what she would be given: Asterisk rings her for him."""
        if seat.in_hand or (old is not None and (old.in_hand or (old.ready and not _calls(old)))):
            return False  # full with chats she is paused there, and who was free before was passed over
        due = self._dispatch.engine.oldest_for(seat, self._hub.wall())
        if due is None or self._callers_before(due, seat) <= len(self._yielding):
            return False
        self._yielding.add(seat.name)
        self._hub.timers.start(_YIELD + seat.name, YIELD_SECONDS)
        return True

    def _callers_before(self, due: float, seat: Seat) -> int:
        """How many wait in the PBX's queues that she serves since before that moment, and ring at nobody's yet."""
        places = {queue_of(line) for line in seat.queues}
        count = 0
        for one in self._hub.distributor.interactions.values():
            if one.channel == "voice" and not one.ended:
                visit = one.waiting_in()
                waits = visit is not None and (one.pbx, visit.queue) in places and not one.open_offers()
                count += waits and visit is not None and visit.entered_at is not None and visit.entered_at < due
        return count

    def _yields_no_more(self, name: str) -> None:
        if name in self._yielding:
            self._yielding.discard(name)
            self._hub.timers.cancel(_YIELD + name)


def _calls(seat: Seat) -> bool:
    """Whether a call rings at her or she talks in one."""
    return "voice" in seat.beside


def _same(old: Seat, new: Seat) -> bool:
    known = (old.ready, old.queues, old.skills, old.teams, old.beside, old.cannot)
    return known == (new.ready, new.queues, new.skills, new.teams, new.beside, new.cannot)
