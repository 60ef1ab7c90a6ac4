"""Who is there to be asked: agents' states, telephones and consoles, as they change, for the distributor.

What changes is noted, and taken over when somebody waits: an installation without chats pays a set for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from cti_gateway.voice_first import TIMER, VoiceFirst
from interaction_log import events as e

if TYPE_CHECKING:
    from cti_gateway.dispatch import Dispatch
    from routing.acd.model import Seat

GRACE_SECONDS: Final = 20.0
"""So long an agent may be without a console (a page is loaded anew) before what she has goes to others."""
_GONE: Final = "dispatch:gone:"


class Attendance:
    """Keeps the engine's seats as the agents are. ``methods``: what it hears, by kind of event."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._hub = dispatch.hub
        self._stale: dict[str, None] = {}
        self.voice = VoiceFirst(dispatch)
        self._rung: dict[str, dict[str, None]] = {}
        """Whose telephones rang, by call: that they do no more may change nothing else of them."""
        self.methods: dict[type[e.Event], Callable[[Any], None]] = {
            e.InteractionOffered: self._rang,
            e.OfferEnded: self._rings_no_more,
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
            self._rung.setdefault(one.id, {})[agent.name] = None
            self.changed(agent.name)
        self.caller_moved(event)

    def _rings_no_more(self, event: e.OfferEnded | e.InteractionEnded) -> None:
        for name in self._rung.get(event.interaction_id, ()):
            self.changed(name)

    def call_ended(self, event: e.InteractionEnded) -> None:
        """Whose telephone rang for it or talked in it has that room again."""
        self._rings_no_more(event)
        self._rung.pop(event.interaction_id, None)
        self.caller_moved(event)

    def fired(self, key: str) -> bool:
        """A timer ran out; whether it was ours."""
        if key.startswith(_GONE):
            self._vanish(key.removeprefix(_GONE))
        elif key.startswith(TIMER):
            self.voice.ends(key.removeprefix(TIMER))
            self._seat(key.removeprefix(TIMER), patient=False)
        return key.startswith((_GONE, TIMER))

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
        if not seat.ready or "voice" in seat.beside:
            self.voice.ends(name)
        elif name in self.voice or (patient and self.voice.begins(agent, seat, old)):
            seat.ready = False
        if old is not None and _same(old, seat):
            return
        self._dispatch.run(engine.agent(seat, self._hub.wall()))

    def _vanish(self, name: str) -> None:
        """What she had goes back into its place in line."""
        engine = self._dispatch.engine
        self.voice.ends(name)
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

    def caller_moved(self, event: e.QueueLeft | e.InteractionOffered | e.InteractionEnded) -> None:
        """Somebody may be left to a caller who rings elsewhere now, or waits no more."""
        if self.voice.moved(event):
            self.look_at_callers()

    def look_at_callers(self) -> None:
        """Who is left to a caller is asked, if nobody is before what she would be given any more."""
        for name in self.voice.no_more() if self.voice else ():
            self._seat(name, patient=False)


def _same(old: Seat, new: Seat) -> bool:
    known = (old.ready, old.queues, old.skills, old.teams, old.beside, old.cannot)
    return known == (new.ready, new.queues, new.skills, new.teams, new.beside, new.cannot)
