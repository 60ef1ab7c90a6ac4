"""The distributor at work: the hub's events go to ``routing.acd``, what it says becomes events again.

It distributes what has no telephone: an interaction of another channel than voice waits from ``QueueEntered`` on, is
offered at ``Console/NAME``, and is out of line with ``QueueLeft`` or ``InteractionEnded``. The engine is ahead of the
events that tell of its decisions, and it is asked by nobody but this; so no race can give an agent more than fits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from agent_console import wire
from agent_console.wire import Ack
from cti_gateway.attendance import Attendance
from cti_gateway.desk import OK, no
from cti_gateway.offers import Offers
from cti_gateway.pbx import Outcome
from cti_gateway.seating import Seating, line_for, line_of
from cti_gateway.sending import Sending
from cti_gateway.waits import Waits
from interaction_log import events as e
from interaction_log.devices import at_console
from interaction_log.interaction import Interaction
from routing.acd.engine import Engine
from routing.acd.model import Contact, Divert, Following, QueueRule, Withdraw
from routing.acd.told import STARTED, ToldEngine

if TYPE_CHECKING:
    from cti_gateway.console_callbacks import ConsoleCallbacks
    from cti_gateway.hub import Hub
    from interaction_log.callback import Callback
    from routing.acd.model import Command

CLOCK: Final = "dispatch:clock"
OFFER_OVER: Final = no("offer_over", "This is not offered to you any more.", "interaction_id")


class Dispatch:
    """Who has what of our own media. ``on_divert``: what follows when a contact waited as long as its queue allows."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.seating = Seating(hub)
        self.engine: Engine = ToldEngine((), hub.distributor.settings.capacity, self._told)
        self.offers = Offers(self)
        self.attendance = Attendance(self)
        self.waits = Waits(self)
        self._decided: deque[Command] = deque()
        self._anew: dict[str, None] = {}
        """Who is looked at anew once all that was decided is told: what she had, or was offered, is over."""
        self._telling = False
        self._sending = Sending(self)
        self.on_divert: Callable[[str, Following], None] = self._end_diverted
        self.callbacks: ConsoleCallbacks | None = None
        """Callbacks that stand in the same line; ``callback`` takes further ones."""
        self.prefer: dict[str, str] = {}
        """Agents whom single interactions shall have if they are there, by interaction id: say it before it waits."""
        self.passing: set[str] = set()
        """Interactions that are in a queue for the record only: a message that was left there."""
        self._methods: dict[type[e.Event], Callable[[Any], None]] = {
            e.QueueEntered: self._queue_entered,
            e.QueueLeft: self._queue_left,
            e.InteractionEnded: self._ended,
            e.CallerFound: self._found,
            e.AgentDisconnected: self._disconnected,
            **self.attendance.methods,
        }

    @property
    def hears(self) -> Iterable[type[e.Event]]:
        """The kinds of events that :meth:`noted` takes."""
        return self._methods

    def noted(self, event: e.Event) -> None:
        """One of them, after it was taken in."""
        self._methods[type(event)](event)

    # --- settings ------------------------------------------------------------------------------------

    def configure(self, rules: Iterable[QueueRule], lists: dict[str, tuple[str, ...]]) -> None:
        """Rules by line (``seating.line_of``), and who serves which line beside the PBX's members. Before any event."""
        self.engine = ToldEngine(rules, self.hub.distributor.settings.capacity, self._told)
        self.seating.lists = lists

    def _told(self, event: e.DistributorTold) -> None:
        self.hub.take([event])

    def know(self, line: str) -> None:
        """A queue that nothing was said about follows the usual rules."""
        if line not in self.engine.rules:
            self.engine.rules[line] = QueueRule(name=line)

    # --- contacts ------------------------------------------------------------------------------------

    def _ours(self, interaction_id: str) -> Interaction | None:
        one = self.hub.distributor.interactions.get(interaction_id)
        return one if one is not None and one.channel != "voice" else None

    def _queue_entered(self, event: e.QueueEntered) -> None:
        one = self._ours(event.interaction_id)
        if one is None or one.ended or one.id in self.passing:
            return
        line = line_for(one, event.queue, self.hub.distributor.settings.queues)
        self.know(line)
        waiting, held = self.engine.lines.waiting.get(one.id), self.engine.held.get(one.id)
        now = self.hub.wall()
        if waiting is not None or held is not None:
            there = waiting.contact.queue if waiting is not None else ""
            if held is not None or there != line:
                hers, work = self.of_whom(one.id), self.not_free_yet(one.id)
                self.run(self.engine.move(one.id, line, now, work=work), anew=hers)
            return
        self.settle()
        self.run(self.engine.due(self._contact(one, line, now), now))
        self.offers.nobody(one.id)

    def _contact(self, one: Interaction, line: str, now: float) -> Contact:
        """As it stands in line: its age is that of its first queue, whatever happened since."""
        entered = [v.entered_at for v in one.queue_visits if v.entered_at is not None]
        due = min(entered, default=one.started_at or now)
        own, head_start = self._of_customer(one, line)
        since = entered[-1] if len(entered) > 1 else None
        return Contact(
            id=one.id, queue=line, channel=one.channel, due_at=due, head_start=head_start, own=own, since=since
        )

    def place_of_caller(self, one: Interaction, line: str, now: float) -> float:
        """Where a caller would stand in our line (due, less the head start), who waits in the PBX's queue."""
        contact = self._contact(one, line, now)
        return contact.due_at - contact.head_start - self.engine.rules[line].head_start

    def _of_customer(self, one: Interaction, line: str) -> tuple[str | None, float]:
        """Whom he shall have, and how far he is ahead, by what is known of him."""
        rule, match = self.engine.rules[line], self.hub.distributor.pops.match(one.id)
        customer = match.customer if match is not None and match.strength == "known" else None
        if match is None or customer is None:
            return self.prefer.get(one.id), 0.0
        last = (item.get("agent") for item in match.timeline)
        found = {"customer": customer.get("agent"), "last": next((agent for agent in last if agent), None)}
        own = self.prefer.get(one.id) or next((found[which] for which in rule.own_agent if found[which]), None)
        return own, rule.vip_head_start if customer.get("vip") else 0.0

    def _found(self, event: e.CallerFound) -> None:
        """He is known only now: perhaps somebody's own, or important."""
        one = self.engine.lines.waiting.get(event.interaction_id)
        interaction = self.hub.distributor.interactions.get(event.interaction_id)
        if one is not None and interaction is not None:
            own, head_start = self._of_customer(interaction, one.contact.queue)
            self.run(self.engine.known(event.interaction_id, own, head_start, self.hub.wall()))

    def _queue_left(self, event: e.QueueLeft) -> None:
        self.attendance.caller_moved(event)
        if event.result != "answered" and event.interaction_id in self.engine.lines.waiting:
            self.finish(event.interaction_id)

    def _ended(self, event: e.InteractionEnded) -> None:
        one = self._ours(event.interaction_id)
        if one is None:
            self.attendance.call_ended(event)
            return
        self.prefer.pop(one.id, None)
        self.finish(one.id)
        waits = one.waiting_in()
        left: list[e.Event] = [
            e.AgentDisconnected(at=event.at, interaction_id=one.id, device=segment.agent)
            for segment in one.segments
            if segment.open
        ]
        if waits is not None:
            result: e.QueueResult = "timeout" if event.outcome == "timeout" else "abandoned"
            left.append(e.QueueLeft(at=event.at, interaction_id=one.id, queue=waits.queue, result=result))
        self.hub.take(left)

    def _disconnected(self, event: e.AgentDisconnected) -> None:
        agent, held = at_console(event.device), self.engine.held.get(event.interaction_id)
        if agent is not None and held is not None and held[1] == agent:
            self.finish(event.interaction_id)

    def had(self, interaction_id: str) -> None:
        """It leaves an agent's hands."""
        began = self.offers.accepted_at.pop(interaction_id, None)
        one = self.hub.distributor.interactions.get(interaction_id)
        if one is not None and one.queue_visits and began is not None:
            line = line_for(one, one.queue_visits[-1].queue, self.hub.distributor.settings.queues)
            self.waits.had(line, began)

    def _end_diverted(self, interaction_id: str, then: Following) -> None:
        ended = e.InteractionEnded(
            at=self.hub.wall(), interaction_id=interaction_id, outcome="timeout", ended_by="system"
        )
        self.hub.take([ended])

    # --- starting again ------------------------------------------------------------------------------

    def restore(self, interactions: Iterable[Interaction]) -> None:
        """Take over what the log says of the time before: who waits, who has what; offers of before are void.

        Agents whose consoles do not come back within the grace lose what they had.
        """
        now = self.hub.wall()
        self._told(e.DistributorTold(at=now, what=STARTED))
        for one in interactions:
            if one.channel == "voice" or one.ended:
                continue
            self.hub.take(_void(one, now))
            line = line_for(one, one.queue or "", self.hub.distributor.settings.queues)
            visit, agent = one.waiting_in(), _agent_of(one)
            if visit is not None:
                line = line_for(one, visit.queue, self.hub.distributor.settings.queues)
                self.know(line)
                self.run(self.engine.due(self._contact(one, line, now), now))
            elif agent is not None:
                self.know(line)
                self.engine.holds(self._contact(one, line, now), agent)
                self.offers.accepted_at[one.id] = one.segments[-1].start or now
        self.attendance.restore()

    # --- agents --------------------------------------------------------------------------------------

    def presence(self, agent: str, consoles: int) -> None:
        """So many consoles of hers are open."""
        self.attendance.presence(agent, consoles)

    def changed(self, agent: str) -> None:
        """Something of hers is other than it was: skills, teams, queues."""
        self.attendance.changed(agent)

    def queues_changed(self) -> None:
        """An administrator changed a queue: who serves it may be others."""
        for name in list(self.engine.crew.seats):
            self.attendance.changed(name)

    def settle(self) -> None:
        """Take over what changed at the agents since somebody waited last."""
        self.attendance.settle()

    def finish(self, interaction_id: str) -> None:
        """In nobody's hands any more, and in no line."""
        self.had(interaction_id)
        if interaction_id not in self.engine.held and interaction_id not in self.engine.lines.waiting:
            return
        hers = self.of_whom(interaction_id)
        work = any(self._others_wait(interaction_id) or self.hub.distributor.wraps_up(n, interaction_id) for n in hers)
        self.run(self.engine.left(interaction_id, self.hub.wall(), work), anew=hers)

    def of_whom(self, interaction_id: str) -> tuple[str, ...]:
        """Who has it, or is asked to take it."""
        held, waiting = self.engine.held.get(interaction_id), self.engine.lines.waiting.get(interaction_id)
        name = held[1] if held is not None else waiting.offered if waiting is not None else None
        return (name,) if name is not None else ()

    def not_free_yet(self, interaction_id: str) -> bool:
        """Whether who has it, or is asked, is looked at anew when it is not hers any more: her wrap-up, or a caller may
        be first. Say so to the engine, and :meth:`run` what it says with ``anew``."""
        held = self.engine.held.get(interaction_id)
        return self._others_wait(interaction_id) or (
            held is not None and self.hub.distributor.leaves_work(held[1], interaction_id)
        )

    def _others_wait(self, interaction_id: str) -> bool:
        waiting = self.engine.lines.waiting
        return len(waiting) > (interaction_id in waiting)

    # --- what the engine says ------------------------------------------------------------------------

    def run(
        self,
        commands: Iterable[Command],
        before: Callable[[], object] = lambda: None,
        anew: Iterable[str] = (),
    ) -> None:
        """Its decisions become events, in their order: what follows from telling one is told after all before it.

        ``before`` tells what led to them; what the engine decides meanwhile comes after them. ``anew``: whose contact
        or offer is over by them. What she is in now (a wrap-up) and older callers come before what is next for her.
        """
        self.waits.changed()
        self._decided.extend(commands)
        self._anew.update(dict.fromkeys(anew))
        if self._telling:
            before()
            return
        self._telling = True
        try:
            with self.hub.phones.held():
                before()
                self._tell_all()
        finally:
            self._telling = False
        self.attendance.look_at_callers()
        self._wind()

    def _tell_all(self) -> None:
        """And whoever had something that is over is given what is next."""
        while self._decided or self._anew:
            while self._decided:
                self._tell(self._decided.popleft())
            for name in list(self._anew):
                del self._anew[name]
                self.attendance.changed(name)
                self._decided.extend(self.engine.next_for(name, self.hub.wall()))

    def _tell(self, command: Command) -> None:
        if isinstance(command, Divert):
            self.offers.waited_too_long(command)
            self.on_divert(command.contact, command.then)
        else:
            self.offers.tell(command)

    def _wind(self) -> None:
        """The next moment at which time alone changes something."""
        at = self.engine.next_at
        if at is not None:
            self.hub.timers.start(CLOCK, max(0.01, at - self.hub.wall()))

    def fired(self, key: str) -> bool:
        """A timer ran out; whether it was ours."""
        if key == CLOCK:
            self.settle()
            commands = self.engine.advance(self.hub.wall(), work=len(self.engine.lines.waiting) > 1)
            self.run(commands, anew=[one.agent for one in commands if isinstance(one, Withdraw)])
            return True
        return self.attendance.fired(key) or (self.callbacks is not None and self.callbacks.fired(key))

    # --- what agents ask for -------------------------------------------------------------------------

    def answer(self, agent: str, command: wire.Answer) -> Ack:
        """She takes what she is offered."""
        interaction_id, now = command.interaction_id, self.hub.wall()
        if not self.engine.accepted(interaction_id, agent, now):
            return OFFER_OVER
        self.offers.accepted(interaction_id, agent)
        self.hub.desk.tell(agent, command.id, Outcome(True))
        if self.callbacks is not None and self.engine.held[interaction_id][0].channel == "callback":
            self.callbacks.accepted(interaction_id, agent)
        self.run(self.engine.next_for(agent, self.hub.wall()))
        return OK

    def decline(self, agent: str, command: wire.Decline) -> Ack:
        """She does not take it; ``reason`` is kept."""
        one = self.engine.lines.waiting.get(command.interaction_id)
        if one is None or one.offered != agent:
            return OFFER_OVER
        i, work = command.interaction_id, self.not_free_yet(command.interaction_id)
        commands = self.engine.declined(i, agent, self.hub.wall(), work)
        self.run(commands, lambda: self.offers.declined(i, agent, command.reason), anew=(agent,))
        self.hub.desk.tell(agent, command.id, Outcome(True))
        return OK

    def send_on(self, interaction_id: str, agent: str, to: str) -> Ack:
        """Transfer what she has to ``queue:NAME`` or to a user name; it keeps its age."""
        return self._sending.send_on(interaction_id, agent, to)

    async def callback(self, wanted: Callback) -> bool:
        """Somebody is to be called, in the place of ``since`` and not before ``not_before``. On disk when it returns.

        False: callbacks are not taken here (no ``callbacks``), there are too many, or the store is away.
        """
        return self.callbacks is not None and await self.callbacks.promise(wanted)

    # --- what others ask -----------------------------------------------------------------------------

    def place(self, interaction_id: str) -> tuple[int, float | None]:
        """Its place in line (from 1), and in how many seconds it will be taken, as far as that can be said.

        (0, ``None``) where it does not wait.
        """
        return self.waits.place(interaction_id)

    def before(self, pbx: str, queue: str, since: float, *, vip: bool = False, but: str | None = None) -> int:
        """How many of this queue are due before a caller who came at ``since``, over all media (``Waits.before``)."""
        return self.waits.before(pbx, queue, since, vip=vip, but=but)

    def wait_of(self, pbx: str, queue: str) -> float | None:
        """In how many seconds a chat that comes now will be taken, as far as that can be said (the widget asks)."""
        return self.waits.of(line_of(pbx, queue), "chat")

    def attended(self, pbx: str, queue: str) -> bool:
        """Whether anybody who serves this queue is there: at a console, wanting to work, perhaps wrapping up."""
        line = line_of(pbx, queue)
        self.know(line)
        self.settle()
        seats = self.engine.crew.seats.values()
        agents, here = self.hub.distributor.agents, self.seating.present
        serving = (seat for seat in seats if line in seat.queues and self.engine.crew.in_team(seat, line))
        return any(here(agents[seat.name]) for seat in serving if seat.name in agents)


def _agent_of(one: Interaction) -> str | None:
    """Who has it."""
    return next((at_console(segment.agent) for segment in reversed(one.segments) if segment.open), None)


def _void(one: Interaction, now: float) -> list[e.Event]:
    """Offers that an earlier process made: nobody can answer them any more."""
    return [
        e.OfferEnded(
            at=now, inferred=True, interaction_id=one.id, offer_id=offer.offer_id, device=offer.agent,
            result="cancelled", ring_seconds=max(0.0, now - offer.at) if offer.at is not None else None,
        )
        for offer in one.open_offers()
    ]  # fmt: skip
