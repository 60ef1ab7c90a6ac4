"""All rooms: made and moved by the hub's events, shown to the visitor's tabs and to the agents in them.

What is said is written by ``speech``; this is who hears it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from agent_console.chats import agent_line
from cti_gateway.chat.room import Room
from cti_gateway.chat.views import chat_view, conversation_view, visitor_line
from interaction_log import events as e
from interaction_log.chats import StoredLine
from interaction_log.devices import at_console
from webchat.ports import VisitorScreens
from webchat.wire import Conversation

if TYPE_CHECKING:
    from cti_gateway.hub import Hub

TYPING_SECONDS: Final = 6.0
"""How long a sign that somebody writes is good."""


class Nobody:
    """No visitor's browser is connected: until the visitors' server is there, and in tests."""

    def tell(self, visitor: str, event: str, payload: Any) -> None:
        """Nobody hears it."""

    def connected(self, visitor: str) -> int:
        """None."""
        return 0

    def drop(self, visitor: str) -> None:
        """Nobody is there."""

    def retire(self, visitor: str) -> None:
        """Nobody is there."""


class Watcher(Protocol):
    """Who must know when a room changes: clocks, the store, the mail."""

    def __call__(self, room: Room) -> None:
        """It changed."""
        ...


class Rooms:
    """The open conversations, and those that ended just now. Fulfils what the hub's snapshots ask."""

    HEARS: Final = frozenset(
        {
            e.QueueEntered,
            e.InteractionOffered,
            e.OfferEnded,
            e.AgentConnected,
            e.AgentDisconnected,
            e.TransferStarted,
            e.InteractionWrappedUp,
            e.InteractionEnded,
        }
    )

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.screens: VisitorScreens = Nobody()
        self.all: dict[str, Room] = {}
        self.of_visitor: dict[str, Room] = {}
        """The one that a visitor has, or had last."""
        self.callbacks: dict[str, Any] = {}
        """What the visitor is shown of his callback, by conversation."""
        self.on_event: Callable[[Room, str, str | None], None] = lambda room, code, name: None
        """Something happened that stands in the transcript: ``joined``, ``left``, ``transferred`` …"""
        self.show_soon: Watcher = self.show
        """As :meth:`show`, for what changes often (``clocks`` thins it out)."""
        self.on_change: list[Watcher] = []
        self.on_taken: list[Watcher] = []
        self.on_end: list[Watcher] = []
        self._methods: dict[type[e.Event], Callable[[Room, Any], None]] = {
            e.QueueEntered: self._queued,
            e.InteractionOffered: self._offered,
            e.OfferEnded: self._offer_ended,
            e.AgentConnected: self._connected,
            e.AgentDisconnected: self._disconnected,
            e.TransferStarted: self._transferred,
            e.InteractionWrappedUp: self._wrapped_up,
            e.InteractionEnded: self._ended,
        }

    # --- which -----------------------------------------------------------------------------------------

    def add(self, room: Room) -> None:
        """A conversation begins, or is taken over."""
        self.all[room.id] = room
        if not room.by_mail:
            self.of_visitor[room.visitor] = room

    def forget(self, room: Room) -> None:
        """It is long over."""
        self.all.pop(room.id, None)
        self.callbacks.pop(room.id, None)
        if self.of_visitor.get(room.visitor) is room:
            del self.of_visitor[room.visitor]

    def hand_over(self, before: str, visitor: str) -> Room | None:
        """The open conversation of one visitor is another's from now on; his tabs come again, as the other."""
        self.screens.retire(before)
        room = self.open_of(before)
        if room is not None:
            del self.of_visitor[before]
            room.visitor = visitor
            self.of_visitor[visitor] = room
        return room

    def open_of(self, visitor: str) -> Room | None:
        """The visitor's conversation that is not over."""
        room = self.of_visitor.get(visitor)
        return room if room is not None and room.state != "ended" else None

    def with_agent(self, agent: str) -> list[Room]:
        """Those that she is in, is asked for, or still wraps up."""
        return [room for room in self.all.values() if agent in room.audience]

    def views(self, agent: str) -> list[Any]:
        """What her console draws itself from."""
        return [chat_view(room, agent, whole=True) for room in self.with_agent(agent)]

    # --- what is shown ---------------------------------------------------------------------------------

    def label(self, agent: str) -> str:
        """The name under which the visitor knows an agent."""
        user = self.hub.people.get(agent)
        return user.display_name if user is not None else agent

    def conversation(self, room: Room) -> Conversation:
        """As the visitor sees it."""
        first = next(iter(room.members), None)
        return conversation_view(room, self.label(first) if first else None, self.callbacks.get(room.id))

    def tell_visitor(self, room: Room) -> None:
        """How it is now, to all of his tabs."""
        if room.by_mail:
            return
        self.screens.tell(room.visitor, "conversation", self.conversation(room))

    def show(self, room: Room, to: Iterable[str] | None = None, *, whole: bool = False) -> None:
        """How it is now, to those agents (none named: to all who see it)."""
        for agent in room.audience if to is None else to:
            view = chat_view(room, agent, whole=whole)
            self.hub.screens.publish(agent, "chat", {"chat": view})

    def take_away(self, room: Room, agent: str) -> None:
        """It is not this agent's any more."""
        if agent not in room.audience:
            view = chat_view(room, agent, whole=False)
            self.hub.screens.publish(agent, "chat", {"chat": view, "gone": True})

    def tell_line(self, room: Room, line: StoredLine) -> None:
        """A line was written: to every tab of the visitor and to everybody in the room. Again: nothing happens."""
        if not room.keep(line):
            return
        if not room.by_mail:
            self.screens.tell(room.visitor, "line", {"conversation": room.id, "line": visitor_line(line)})
        body = {"interaction_id": room.id, "line": agent_line(line)}
        for agent in room.audience:
            self.hub.screens.publish(agent, "chat_line", body)

    def show_typing(
        self, room: Room, by: Literal["visitor", "agent"], name: str | None, until: float, but: str = ""
    ) -> None:
        """Somebody writes: shown to the others in the room now, and never kept."""
        body = {"interaction_id": room.id, "name": name, "by": by, "until": until}
        for agent in room.people:
            if agent != but:
                self.hub.screens.flash(agent, "chat_typing", body)

    def changed(self, room: Room, *, visitor: bool = True) -> None:
        """Tell everybody how it is now."""
        if visitor:
            self.tell_visitor(room)
        self.show(room)
        for watcher in self.on_change:
            watcher(room)

    # --- what the hub tells ----------------------------------------------------------------------------

    def noted(self, event: e.InteractionEvent) -> None:
        """One of the events of :data:`HEARS`, after it was taken in."""
        room = self.all.get(event.interaction_id)
        if room is not None:
            self._methods[type(event)](room, event)

    def _queued(self, room: Room, event: e.QueueEntered) -> None:
        room.queue = event.queue
        self.changed(room)

    def _offered(self, room: Room, event: e.InteractionOffered) -> None:
        agent = at_console(event.device)
        if agent is None:
            return
        room.asked[agent] = None
        news = room.move("offered")
        self.show(room, [agent], whole=True)
        if news:
            self.changed(room)

    def _offer_ended(self, room: Room, event: e.OfferEnded) -> None:
        agent = at_console(event.device) or ""
        if room.asked.pop(agent, 0) == 0 or event.result == "answered":
            return
        self.take_away(room, agent)
        if not room.asked and room.move("offer_over"):
            self.changed(room)

    def _connected(self, room: Room, event: e.AgentConnected) -> None:
        agent = at_console(event.device)
        if agent is None or agent in room.members:
            return
        room.asked.pop(agent, None)
        room.members[agent] = None
        room.move("connected")
        self.show(room, [agent], whole=True)
        self.changed(room)
        self.on_event(room, "joined", self.label(agent))
        for watcher in self.on_taken:
            watcher(room)

    def _disconnected(self, room: Room, event: e.AgentDisconnected) -> None:
        agent = at_console(event.device)
        if agent is None or agent not in room.members or room.ended_by is not None:
            return  # with the end of it she still has it, to wrap up
        del room.members[agent]
        if room.sent_on_by != agent:
            self.on_event(room, "left", self.label(agent))
        room.sent_on_by = None
        self.take_away(room, agent)
        if not room.members:
            room.move("alone")
        self.changed(room)

    def queue_label(self, queue: str) -> str:
        """The queue's name for people."""
        known = self.hub.distributor.settings.queues.values()
        return next((one.label for one in known if one.name == queue and one.label), queue)

    def _transferred(self, room: Room, event: e.TransferStarted) -> None:
        kind, _, queue = event.target.partition(":")
        agent = at_console(event.target)
        name = self.queue_label(queue) if kind == "queue" else self.label(agent or event.target)
        room.sent_on_by = at_console(event.device)
        self.on_event(room, "transferred", name)

    def _wrapped_up(self, room: Room, event: e.InteractionWrappedUp) -> None:
        if room.state == "ended" and room.members.pop(event.agent, 0) is None:
            self.take_away(room, event.agent)

    def _ended(self, room: Room, event: e.InteractionEnded) -> None:
        asked, room.asked = list(room.asked), {}
        if not room.move("ended"):
            return
        room.ended_by = room.ended_by or "closed"
        room.cobrowse = "off"
        for agent in asked:
            self.take_away(room, agent)
        for watcher in self.on_end:
            watcher(room)
        self.changed(room)
        joined, room.joined = list(room.joined), {}
        for supervisor in joined:
            self.take_away(room, supervisor)
