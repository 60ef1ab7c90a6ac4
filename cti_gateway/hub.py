"""The hub: events in, one after the other, each to its end; effects out. Nothing here waits.

    event → live state and decision (``Distributor.handle``) → number → log → effects

What a command does is in :data:`EFFECTS`; whatever needs I/O is spawned and comes back as an event.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, Final, Protocol

from agent_console.ports import DeviceView, Part, Screens, Topic
from agent_console.wire import Ack, AgentView, ClientCommand, WhyView
from cti_gateway.board import QueueBoard
from cti_gateway.control.runner import Control
from cti_gateway.desk import Desk, caller_found
from cti_gateway.explain import why
from cti_gateway.listeners import Listeners
from cti_gateway.pbx import Pbx
from cti_gateway.recording import Recording
from cti_gateway.skilled import Skilled
from cti_gateway.supervision import Supervision
from cti_gateway.timers import Timers
from cti_gateway.windows import Windows
from interaction_log import events as e
from interaction_log.evidence import Evidence
from interaction_log.interaction import Interaction
from interaction_log.records import Match, QueueSettings, User
from routing import commands as c
from routing.agents import Agent
from routing.distributor import Distributor
from routing.limits import LimitRules, Limits
from routing.ports import Catalogue, Customers, Log, Users

log = logging.getLogger(__name__)

NOT_LOGGED: Final = frozenset({e.TimerFired, e.CallerFound, e.DeviceStateChanged, e.QueueSeen})
"""Live state only: CallerFound would copy customer records into the log (``CustomerIdentified`` refers to them)."""
LOOKUP_SECONDS: Final = 5.0
"""After so long a look-up is given up, and the caller is unknown."""
CALLS_SECONDS: Final = 1.0
"""Supervisors see a call's changes at most so often."""
CALLS: Final = "hub:calls"


class LogHealth(Protocol):
    """How the log is: ``interaction_log.store.LogState``."""

    @property
    def name(self) -> str:
        """``ok``, ``journaling`` or ``degraded``."""
        ...

    @property
    def backlog(self) -> int:
        """Events that are not in the database yet."""
        ...

    @property
    def since(self) -> float:
        """Unix seconds."""
        ...

    @property
    def reason(self) -> str | None:
        """Why not ok."""
        ...

    @property
    def lost(self) -> int:
        """Events that reached no disk."""
        ...


class Hub:
    """Fulfils ``agent_console.ports.Live``. Everything runs on the one event loop."""

    def __init__(
        self,
        distributor: Distributor,
        event_log: Log,
        customers: Customers,
        users: Users,
        catalogue: Catalogue,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.distributor, self.log, self.wall = distributor, event_log, wall
        self.customers, self.users, self.catalogue = customers, users, catalogue
        self.pbxs: dict[str, Pbx] = {}
        self.people: dict[str, User] = {}
        self.pause_reasons: set[str] = set()
        self.counts: dict[str, float] = dict.fromkeys(("events", "pops", "lookups_failed", "events_failed"), 0)
        self.log_health: Callable[[], LogHealth | None] = lambda: None
        self.timers = Timers(self._timer_fired)
        self.windows = Windows(self)
        self.board = QueueBoard(self.windows, lambda: self.screens, self.timers)
        self.desk = Desk(self)
        self.limits = Limits(distributor, LimitRules(), self._alive)
        self.supervision = Supervision(self)
        self.skilled = Skilled(self)
        self.control = Control(self)
        self.desk.add(self.control.methods)
        self.recording = Recording(self)
        self.desk.add(self.recording.methods)
        self.tasks: set[asyncio.Task[None]] = set()
        self.last_seq = 0
        self.weigh: Callable[[str, Match], Match] = lambda interaction_id, match: match
        """What the evidence of this call leaves of a match by its number (``witness``)."""
        self.vouch: Callable[[str, Evidence], None] = lambda interaction_id, evidence: None
        """Take what call entry learnt of a caller's number."""
        self.received_at: float | None = None
        """When the bytes came in that the event being handled now is made of (Unix seconds)."""
        self._before, self._after = Listeners(), Listeners()
        self._let_listen()
        self._screens: Screens | None = None
        self._backlog: deque[tuple[e.Event, float | None]] = deque()
        self._busy = False
        self._to_show: dict[tuple[str, str], None] = {}
        self._to_oversee: dict[str, None] = {}

    def listen(self, listener: Callable[[Any], None], kinds: Iterable[type[e.Event]]) -> None:
        """``listener`` takes events of these kinds after their commands were carried out; it must not wait."""
        self._after.add(listener, kinds)

    def _let_listen(self) -> None:
        """Who must know of an event before its commands are carried out, and who looks at what came of it."""
        self._before.add(self.windows.noted, Windows.HEARS)
        self._before.add(self.control.saw, Control.HEARS)
        self._before.add(self.recording.saw, self.recording.hears)
        self._after.add(self._know_queue, (e.QueueSeen,))
        self._after.add(self.supervision.noted, Supervision.HEARS)
        self._after.add(self.skilled.noted, Skilled.HEARS)

    @property
    def screens(self) -> Screens:
        """The consoles; must be attached before."""
        assert self._screens is not None
        return self._screens

    def attach(self, screens: Screens) -> None:
        """Connect with the consoles."""
        self._screens = screens

    # --- the step ------------------------------------------------------------------------------------

    def take(self, events: Iterable[e.Event], received_at: float | None = None) -> int:
        """Handle events in order; returns the number of the last one that was logged."""
        self._backlog.extend((event, received_at) for event in events)
        if not self._busy:
            self._busy = True
            try:
                while self._backlog:
                    self._step(*self._backlog.popleft())
                self._show_changes()
            finally:
                self._busy = False
        return self.last_seq

    def _step(self, event: e.Event, received_at: float | None) -> None:
        self.received_at = received_at
        commands = self._decide(event)
        if isinstance(event, e.InteractionStarted) and event.direction != "inbound":
            commands += self._credit(event)
        if type(event) not in NOT_LOGGED:
            self.last_seq = self.log.next_seq()
            self.log.append(e.Recorded(self.last_seq, event))
        self.counts["events"] += 1
        self._before.tell(event)
        if commands:
            concluded = [(command.event, received_at) for command in commands if isinstance(command, c.Record)]
            self._backlog.extendleft(reversed(concluded))
            for command in commands:
                self.carry_out(command)
        if isinstance(event, e.InteractionEvent):
            self._oversee(event.interaction_id)
        self._after.tell(event)

    def _decide(self, event: e.Event) -> list[c.Command]:
        try:
            now = self.wall()
            return self.distributor.handle(event, now) + self.limits.handle(event, now)
        except Exception:  # one bad event must not stop the next; it is in the log for who looks for the cause
            self.counts["events_failed"] += 1
            log.exception("the decision about a %s failed", type(event).__name__)
            return []

    def _credit(self, event: e.InteractionStarted) -> list[c.Command]:
        """A call that one of our phones began is that agent's from the start; the tracker knows which phone."""
        device = self.pbxs[event.pbx].placed_by(event.interaction_id) if event.pbx in self.pbxs else None
        return self.distributor.placed_by(event.interaction_id, device) if device is not None else []

    def carry_out(self, command: c.Command) -> None:
        """Do what a command says; a failure is logged and stops nothing."""
        try:
            EFFECTS[type(command)](self, command)
        except Exception:
            self.counts["events_failed"] += 1
            log.exception("a %s could not be carried out", type(command).__name__)

    # --- effects -------------------------------------------------------------------------------------

    def _pop_screen(self, command: c.PopScreen) -> None:
        self.counts["pops"] += 1
        self._to_show.pop((command.agent, command.interaction_id), None)
        self.screens.publish(command.agent, "screen_pop", self.windows.open_pop(command))

    def _update_pop(self, command: c.UpdatePop) -> None:
        self.screens.publish(command.agent, "screen_pop_updated", self.windows.update_pop(command))

    def _close_pop(self, command: c.ClosePop) -> None:
        self.windows.close_pop(command)
        body = {"interaction_id": command.interaction_id, "reason": command.reason}
        self.screens.publish(command.agent, "screen_pop_closed", body)

    def show_consultation(self, agent: str, interaction_id: str) -> None:
        """A colleague is asked about this customer."""
        self.screens.publish(agent, "screen_pop", self.windows.open_consultation(agent, interaction_id))

    def close_consultation(self, agent: str, interaction_id: str, reason: c.CloseReason) -> None:
        """The asking is over; where the call is hers now, its card goes on."""
        self._close_pop(c.ClosePop(agent, interaction_id, reason))

    def _show_interaction(self, command: c.ShowInteraction) -> None:
        self._to_show[command.agent, command.interaction_id] = None

    def _show_changes(self) -> None:
        """One message for each agent and interaction that changed, however many events did it."""
        changed, self._to_show = self._to_show, {}
        for agent, interaction_id in changed:
            view = self.windows.interaction(interaction_id)
            if view is not None:
                self.screens.publish(agent, "interaction", {"interaction": view})

    def _oversee(self, interaction_id: str) -> None:
        """Supervisors see each call that changed, at most once a second, however many events did it."""
        if not self.screens.overseen:
            return
        self._to_oversee[interaction_id] = None
        if not self.timers.running(CALLS):
            self.timers.start(CALLS, CALLS_SECONDS)

    def _publish_calls(self) -> None:
        changed, self._to_oversee = self._to_oversee, {}
        for interaction_id in changed:
            view = self.windows.interaction(interaction_id)
            if view is not None:
                self.screens.publish_supervisors("interaction", {"interaction": view})

    def _alive(self, one: Interaction) -> bool | None:
        """Whether the PBX has a channel of this call; ``None`` while it cannot be heard."""
        pbx = self.pbxs.get(one.pbx)
        if pbx is None or pbx.ready_since is None:
            return None
        return any(unique_id in pbx.tracker.topology.by_id for unique_id in one.unique_ids)

    def _show_agent(self, command: c.ShowAgent) -> None:
        body = {"agent": self.windows.agent(command.agent)}
        self.screens.publish(command.agent, "agent_state", body)
        self.screens.publish_supervisors("agent_state", body)

    def _show_queues(self, _: c.ShowQueues) -> None:
        self.board.changed()

    def _notify(self, command: c.Notify) -> None:
        body = {"level": command.level, "code": command.code, "params": command.params, "pbx": self.windows.pbxs()}
        if command.agent is not None:
            self.screens.publish(command.agent, "notice", body)
        else:
            self.screens.publish_all("notice", body)
            self.screens.publish_supervisors("notice", body)

    def _notify_supervisors(self, command: c.NotifySupervisors) -> None:
        body = {"level": command.level, "code": command.code, "params": command.params}
        self.screens.publish_supervisors("notice", body)

    def _report(self, command: c.ReportOutcome) -> None:
        body: dict[str, Any] = {"id": command.command_id, "ok": command.ok}
        if command.code is not None and not command.ok:
            body["error"] = {"code": command.code, "message": command.message or command.code}
        self.screens.publish(command.agent, "command_result", body)

    def _pause_member(self, command: c.PauseMember) -> None:
        self.pbxs[command.pbx].pause(command.device, command.reason)

    def _release_member(self, command: c.ReleaseMember) -> None:
        self.pbxs[command.pbx].pause(command.device, None)

    def _find_caller(self, command: c.FindCaller) -> None:
        self.spawn(self._look_up(command.interaction_id, self._weighed(command)))

    async def _weighed(self, command: c.FindCaller) -> Match:
        return self.weigh(command.interaction_id, await self.customers.find_caller(command.address))

    async def _look_up(self, interaction_id: str, question: Coroutine[Any, Any, Match]) -> None:
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                match = await question
        except Exception as error:  # whatever the store says: the pop must come
            self.counts["lookups_failed"] += 1
            log.warning("a caller could not be looked up: %s", type(error).__name__)
            match = Match(strength="unknown")
        self.take([caller_found(self.wall(), interaction_id, match)])

    def _timer_fired(self, key: str) -> None:
        if key == CALLS:
            self._publish_calls()
        elif not self.board.fired(key):
            self.take([e.TimerFired(at=self.wall(), key=key)])

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Background work with a strong reference; its errors are logged."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._reap)
        return task

    def _reap(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("background work failed", exc_info=task.exception())

    def _know_queue(self, event: e.QueueSeen) -> None:
        """A queue that only the PBX knew is one that administrators may set up."""
        if (event.pbx, event.queue) not in self.distributor.settings.queues:
            made = QueueSettings(name=event.queue, pbx=event.pbx, label=event.queue)
            self.distributor.settings.queues[event.pbx, event.queue] = made
            self.spawn(self.catalogue.put_queue(made))

    # --- beginning and end ---------------------------------------------------------------------------

    def add(self, pbx: Pbx) -> None:
        """A PBX whose events come here."""
        self.pbxs[pbx.name] = pbx
        pbx.on_refused = self._refused
        pbx.on_gone = self.supervision.taps.gone
        self.control.add(pbx)
        self.recording.add(pbx)

    def _refused(self, pbx: str, reason: str) -> None:
        self.carry_out(c.Notify(None, "error", "pbx_refused", {"pbx": pbx, "reason": reason}))

    def log_changed(self, state: LogHealth) -> None:
        """The log turned to its journal, came back, or loses events: people are told."""
        level: c.NoticeLevel = "info" if state.name == "ok" else "warning" if state.name == "journaling" else "error"
        code = "log_ok" if state.name == "ok" else "log_degraded"
        if self._screens is not None:
            self.carry_out(c.Notify(None, level, code, {"reason": state.reason or ""}))

    async def load(self) -> None:
        """Read what decisions need from the store."""
        self.people = {user.name: user for user in await self.users.all()}
        await self._read_queues()
        self.pause_reasons = {choice.code for choice in await self.catalogue.pause_reasons() if not choice.retired}

    async def _read_queues(self) -> None:
        self.distributor.settings.queues = {(q.pbx, q.name): q for q in await self.catalogue.queues()}

    async def restore(self, interactions: list[Interaction], agents: list[Agent]) -> None:
        """Take over what the log says of the time before. Call after :meth:`load`, before any event."""
        restored = self.distributor.restore(interactions, agents, self.wall())
        for command in restored + self.limits.restore(self.wall()):
            if isinstance(command, c.Record):
                self.take([command.event])
            else:
                self.carry_out(command)
        self.recording.restore(interactions)
        for one in interactions:
            if one.customer_id is not None:
                await self._look_up(one.id, self.customers.match_of(one.customer_id))
            elif one.customer_address is not None and one.direction != "internal":
                await self._look_up(one.id, self.customers.find_caller(one.customer_address))

    async def drain(self, seconds: float) -> None:
        """Stop the timers and wait for background work, at most so long."""
        self.timers.cancel_all()
        if self.tasks:
            _, late = await asyncio.wait(set(self.tasks), timeout=seconds)
            for task in late:
                task.cancel()

    # --- ports.Live: what the console server asks ------------------------------------------------------

    def snapshot(self, agent: str) -> dict[str, Any]:
        """See ``ports.Live``."""
        self.board.shown(agent)
        return self.windows.snapshot(agent)

    def supervisor_snapshot(self) -> dict[str, Any]:
        """See ``ports.Live``."""
        self.board.shown(None)
        return self.windows.supervisor_snapshot() | {"taps": self.supervision.taps.views()}

    def agents(self) -> list[AgentView]:
        """See ``ports.Live``."""
        return self.windows.agents()

    def devices(self) -> list[DeviceView]:
        """See ``ports.Live``."""
        return self.windows.devices()

    def health(self) -> list[Part]:
        """See ``ports.Live``."""
        return self.windows.health()

    def counters(self) -> Mapping[str, float]:
        """See ``ports.Live``."""
        return self.windows.counters()

    def gauges(self) -> Mapping[str, float]:
        """See ``ports.Live``."""
        return self.windows.gauges()

    def submit(self, agent: str, name: str, command: ClientCommand) -> Ack | Coroutine[Any, Any, Ack]:
        """See ``ports.Live``."""
        return self.desk.submit(agent, name, command)

    def oversee(self, supervisor: str, name: str, command: ClientCommand) -> Ack | Awaitable[Ack]:
        """See ``ports.Live``."""
        return self.supervision.submit(supervisor, name, command)

    def why(self, agent: str) -> WhyView | None:
        """See ``ports.Live``."""
        return why(self, agent)

    def attempted(self, user: str, what: str) -> None:
        """See ``ports.Live``."""
        self.supervision.refused(user, "forbidden", what)

    def administered(self, actor: str, action: str, subject: str, details: Mapping[str, str]) -> None:
        """See ``ports.Live``."""
        self.supervision.note(actor, action, subject, dict(details))

    def presence(self, agent: str, consoles: int) -> None:
        """See ``ports.Live``: her first console is her signing in."""
        if consoles == 1 and agent in self.people:
            self.desk.arrived(agent)
        elif consoles == 1:
            self.spawn(self._newcomer(agent))

    async def _newcomer(self, name: str) -> None:
        """Somebody whom a command line tool added while we ran."""
        self.people = {user.name: user for user in await self.users.all()}
        self.desk.arrived(name)

    def changed(self, topic: Topic, key: str) -> None:
        """See ``ports.Live``."""
        self.spawn(_CHANGES[topic](self, key))

    async def _user_changed(self, name: str) -> None:
        self.people = {user.name: user for user in await self.users.all()}
        self.desk.seat_changed(name)
        self.skilled.agent_changed(name)
        if name in self.distributor.agents:
            self._show_agent(c.ShowAgent(name))

    async def _queue_changed(self, _: str) -> None:
        await self._read_queues()
        self.skilled.queues_changed()
        self._show_queues(c.ShowQueues())

    async def _reasons_changed(self, _: str) -> None:
        self.pause_reasons = {choice.code for choice in await self.catalogue.pause_reasons() if not choice.retired}

    async def _nothing_changed(self, _: str) -> None:
        """Dispositions are read when they are shown."""

    async def _customer_changed(self, customer_id: str) -> None:
        for one in list(self.distributor.interactions.values()):
            if one.customer_id == customer_id and not one.ended:
                await self._look_up(one.id, self.customers.match_of(customer_id))


EFFECTS: Final[dict[type, Callable[[Hub, Any], object]]] = {
    c.Record: lambda hub, command: None,  # was put before what waits
    c.FindCaller: Hub._find_caller,
    c.PopScreen: Hub._pop_screen,
    c.UpdatePop: Hub._update_pop,
    c.ClosePop: Hub._close_pop,
    c.ShowInteraction: Hub._show_interaction,
    c.ShowAgent: Hub._show_agent,
    c.ShowQueues: Hub._show_queues,
    c.Notify: Hub._notify,
    c.NotifySupervisors: Hub._notify_supervisors,
    c.ReportOutcome: Hub._report,
    c.PauseMember: Hub._pause_member,
    c.ReleaseMember: Hub._release_member,
    c.StartTimer: lambda hub, command: hub.timers.start(command.key, command.seconds),
    c.CancelTimer: lambda hub, command: hub.timers.cancel(command.key),
}

_CHANGES: Final[dict[Topic, Callable[[Hub, str], Coroutine[Any, Any, None]]]] = {
    "users": Hub._user_changed,
    "queues": Hub._queue_changed,
    "pause_reasons": Hub._reasons_changed,
    "dispositions": Hub._nothing_changed,
    "skills": Hub._nothing_changed,
    "customers": Hub._customer_changed,
}
