"""The hub: events in, one after the other, each to its end; effects out. Nothing here waits.

    event → live state and decision (``Distributor.handle``) → number → log → effects

What a command does is in one table (:meth:`Hub._effects`); whatever needs I/O is spawned and comes back as an event.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from itertools import repeat
from typing import Any, Final

from agent_console.ports import DeviceView, Part, Screens, Topic
from agent_console.wire import Ack, AgentView, ClientCommand, WhyView
from cti_gateway.alarming import Alarming
from cti_gateway.board import QueueBoard
from cti_gateway.campaigns import Campaigns
from cti_gateway.changes import Changes
from cti_gateway.control.runner import Control
from cti_gateway.desk import Desk
from cti_gateway.dispatch import Dispatch
from cti_gateway.explain import why
from cti_gateway.listeners import Listeners
from cti_gateway.live_figures import LiveFigures
from cti_gateway.log_health import LogHealth
from cti_gateway.lookups import LookUps
from cti_gateway.memberships import Memberships
from cti_gateway.pbx import Pbx
from cti_gateway.phones import Phones
from cti_gateway.recording import Recording
from cti_gateway.showing import Showing
from cti_gateway.skilled import Skilled
from cti_gateway.staff_messages import StaffMessages
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
        self.parts: list[Callable[[], Part]] = []
        """Further parts whose health is told."""
        self.log_health: Callable[[], LogHealth | None] = lambda: None
        self._make_parts()
        self._leave_open()
        self.tasks: set[asyncio.Task[None]] = set()
        self.last_seq = 0
        self.received_at: float | None = None
        """When the bytes came in that the event being handled now is made of (Unix seconds)."""
        self._before, self._after = Listeners(), Listeners()
        self._carry = self._effects()
        self._let_listen()
        self._screens: Screens | None = None
        self._backlog: deque[tuple[e.Event, float | None]] = deque()
        self.busy = False
        """Whether events are being handled: what changed is shown after the last of them."""

    def _leave_open(self) -> None:
        """What others put in that know more than the hub: chats, and who weighs evidence."""
        self.chat_views: Callable[[str], list[Any]] = lambda agent: []
        """The chats of an agent, for her snapshot (``cti_gateway.chat``)."""
        self.weigh: Callable[[str, Match], Match] = lambda interaction_id, match: match
        """What the evidence of this call leaves of a match by its number (``witness``)."""
        self.find_at_once: Callable[[str], Match | None] = lambda address: None
        """Look a caller up without waiting, where that can be done (``None``: it cannot)."""
        self.vouch: Callable[[str, Evidence], None] = lambda interaction_id, evidence: None
        """Take what call entry learnt of a caller's number."""

    def _make_parts(self) -> None:
        """Who does what of the work, each with this hub; who comes later uses who came before."""
        self.timers = Timers(self._timer_fired)
        self.phones = Phones(self)
        self.lookups = LookUps(self)
        self.windows = Windows(self)
        self.showing = Showing(self)
        self.live = LiveFigures(self)
        self.alarms = Alarming(self)
        self.messages = StaffMessages(self)
        self.board = QueueBoard(self.windows, lambda: self.screens, self.timers, self.alarms.look)
        self.desk = Desk(self)
        self.limits = Limits(self.distributor, LimitRules(), self._alive)
        self.campaigns = Campaigns(self.take, self._placed_by, self.wall)
        self.supervision = Supervision(self)
        self.skilled = Skilled(self)
        self.dispatch = Dispatch(self)
        self.control = Control(self)
        self.desk.add(self.control.methods)
        self.recording = Recording(self)
        self.desk.add(self.recording.methods)
        self.desk.add(self.messages.methods)
        self.memberships = Memberships(self)
        self.desk.add(self.memberships.methods)
        self.changes = Changes(self)

    def listen(self, listener: Callable[[Any], None], kinds: Iterable[type[e.Event]]) -> None:
        """``listener`` takes events of these kinds after their commands were carried out; it must not wait."""
        self._after.add(listener, kinds)

    def _effects(self) -> dict[type[c.Command], Callable[[Any], object]]:
        """What carries out each command."""
        show = self.showing
        return {
            c.Record: lambda command: None,  # put before what waits (_step)
            c.FindCaller: self.lookups.find,
            c.PopScreen: show.pop_screen,
            c.UpdatePop: show.update_pop,
            c.ClosePop: show.close_pop,
            c.ShowInteraction: show.show_interaction,
            c.ShowAgent: show.show_agent,
            c.ShowQueues: self.board.changed,
            c.Notify: show.notify,
            c.NotifySupervisors: self._tell_supervisors,
            c.ReportOutcome: show.report,
            c.PauseMember: self.phones.want,
            c.ReleaseMember: self.phones.want,
            c.StartTimer: lambda command: self.timers.start(command.key, command.seconds),
            c.CancelTimer: lambda command: self.timers.cancel(command.key),
        }

    def _let_listen(self) -> None:
        """Who must know of an event before its commands are carried out, and who looks at what came of it."""
        self._before.add(self.windows.noted, Windows.HEARS)
        self._before.add(self.control.saw, Control.HEARS)
        self._before.add(self.recording.saw, self.recording.hears)
        self._after.add(self._know_queue, (e.QueueSeen,))
        self._after.add(self.supervision.noted, Supervision.HEARS)
        self._after.add(self.live.noted, LiveFigures.HEARS)
        self._after.add(self.skilled.noted, Skilled.HEARS)
        self._after.add(self.dispatch.noted, self.dispatch.hears)
        self._after.add(self.campaigns.noted, Campaigns.HEARS)

    @property
    def screens(self) -> Screens:
        """The consoles; must be attached before."""
        assert self._screens is not None
        return self._screens

    def attach(self, screens: Screens) -> None:
        """Connect with the consoles."""
        self._screens = screens

    # --- the step ------------------------------------------------------------------------------------

    def take(self, events: Iterable[e.Event], received_at: float | None = None, *, patient: bool = False) -> int:
        """Handle events in order; returns the number of the last one that was logged.

        What changed is shown at the end, except a ring, which is shown at once. ``patient``: nobody waits for an
        answer, so it is shown a moment later; as is what a PBX said (``received_at``).
        """
        self._backlog.extend(zip(events, repeat(received_at)))
        if not self.busy:
            self.busy = True
            try:
                while self._backlog:
                    self._step(*self._backlog.popleft())
                self.phones.tell()
                if patient or received_at is not None:
                    self.showing.soon()
                else:
                    self.showing.changes()
            finally:
                self.busy = False
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
        concluded: list[tuple[e.Event, float | None]] = []
        for command in commands:
            if isinstance(command, c.Record):
                concluded.append((command.event, received_at))
            else:
                self.carry_out(command)
        if concluded:  # before what waits
            self._backlog.extendleft(reversed(concluded))
        if isinstance(event, e.InteractionEvent):
            self.showing.oversee(event.interaction_id)
        self._after.tell(event)

    def _decide(self, event: e.Event) -> list[c.Command]:
        try:
            now = self.wall()
            commands = self.distributor.handle(event, now)
            commands += self.limits.handle(event, now)
        except Exception:  # one bad event must not stop the next; it is in the log for who looks for the cause
            self.counts["events_failed"] += 1
            log.exception("the decision about a %s failed", type(event).__name__)
            return []
        return commands

    def _credit(self, event: e.InteractionStarted) -> list[c.Command]:
        """A call that one of our phones began is that agent's from the start; the tracker knows which phone."""
        device = self._placed_by(event.pbx, event.interaction_id)
        return self.distributor.placed_by(event.interaction_id, device) if device is not None else []

    def _placed_by(self, pbx: str, interaction_id: str) -> str | None:
        return self.pbxs[pbx].placed_by(interaction_id) if pbx in self.pbxs else None

    def carry_out(self, command: c.Command) -> None:
        """Do what a command says; a failure is logged and stops nothing."""
        try:
            self._carry[type(command)](command)
        except Exception:
            self.counts["events_failed"] += 1
            log.exception("a %s could not be carried out", type(command).__name__)

    # --- effects -------------------------------------------------------------------------------------

    def _alive(self, one: Interaction) -> bool | None:
        """Whether the PBX has a channel of this call; ``None`` while it cannot be heard."""
        pbx = self.pbxs.get(one.pbx)
        if pbx is None or pbx.ready_since is None:
            return None
        return any(unique_id in pbx.tracker.topology.by_id for unique_id in one.unique_ids)

    def _tell_supervisors(self, command: c.NotifySupervisors) -> None:
        self.showing.notify_supervisors(command)
        self.alarms.noticed(command)

    def _timer_fired(self, key: str) -> None:
        ours = (self.showing.fired, self.board.fired, self.dispatch.fired, self.alarms.fired)
        if not any(fired(key) for fired in ours):
            self.take([e.TimerFired(at=self.wall(), key=key)], patient=True)

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
        await self.changes.load()

    async def restore(self, interactions: list[Interaction], agents: list[Agent]) -> None:
        """Take over what the log says of the time before. Call after :meth:`load`, before any event."""
        restored = self.distributor.restore(interactions, agents, self.wall())
        for command in restored + self.limits.restore(self.wall()):
            if isinstance(command, c.Record):
                self.take([command.event])
            else:
                self.carry_out(command)
        self.recording.restore(interactions)
        self.dispatch.restore(interactions)
        self.live.restore(one for one in interactions if not one.ended)
        for one in interactions:
            await self.lookups.again(one)

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
        return self.windows.supervisor_snapshot() | {
            "taps": self.supervision.taps.views(),
            "alarms": self.alarms.views(),
            "messages": self.messages.recent(),
            "zone": self.live.counts.zone.key,
        }

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
        self.dispatch.presence(agent, consoles)

    async def _newcomer(self, name: str) -> None:
        """Somebody whom a command line tool added while we ran."""
        self.people = {user.name: user for user in await self.users.all()}
        self.desk.arrived(name)

    def changed(self, topic: Topic, key: str) -> None:
        """See ``ports.Live``."""
        self.changes.changed(topic, key)
