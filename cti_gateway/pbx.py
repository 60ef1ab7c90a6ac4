"""One PBX: its link, its calls, its queue members, and what we ask it to do.

Messages go in and events come out, in the order of the stream. After each (re)connect the PBX tells its whole state
on the event connection, so that the answers have their place among the events (DESIGN 4).
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from cti_gateway.ami import actions
from cti_gateway.ami.actions import Action
from cti_gateway.ami.codec import Message
from cti_gateway.ami.encode import EncodeError
from cti_gateway.ami.session import ActionFailed, ActionTimedOut, AskFailed, Reply
from cti_gateway.calls import CallTracker
from cti_gateway.dialling import dial_string
from cti_gateway.members import TABLE as MEMBER_EVENTS
from cti_gateway.members import Members
from cti_gateway.service import LinkState
from cti_gateway.tracking.parties import PbxProfile
from interaction_log import events as e
from interaction_log.interaction import Interaction
from routing.pauses import is_ours

log = logging.getLogger(__name__)

DIAL_SECONDS: Final = 45.0
"""After so long without an ``OriginateResponse`` the agent is told (FAULTS N12)."""
CALLER_ID: Final = "CALLWEAVE_CALLER_ID"
RING_SECONDS: Final = 30.0
"""How long the agent's own phone rings for a call that she dialled."""
RETRY_SECONDS: Final = 1.0
STARTING_SECONDS: Final = 0.5
"""Pause between questions to a PBX that is still starting."""
LOOK_AGAIN_SECONDS: Final = 5.0
"""At most so often the PBX is asked about a block that nobody believes."""
RING: Final = "DialBegin"
"""What this event says is handed on at once: a screen pop does not wait for what came in the same read."""
RELEASE_SECONDS: Final = 2.0
"""How long the end of the process waits for its pauses to be released."""
HUNG_UP_SECONDS: Final = 5.0
"""A call that ends so soon after a console hung up was ended by it."""
GIVE_UP_SECONDS: Final = 4 * 3600.0
"""A PBX that is away for so long has no call of before any more (DESIGN 4)."""
MEMBER_LOOKS: Final = 100
MEMBER_SECONDS: Final = 0.02
"""How often, and how far apart, a new member is looked for."""
RELOAD_LOOKS: Final[tuple[float, ...]] = (0.5, 3.0)
"""Seconds after a ``Reload`` at which the queues are read again: it is announced before it is done.
Spelled as a tuple of any length for the compiler (ADR 12)."""
OUTBOUND_CONTEXT: Final = "from-internal"
"""Where agents' phones dial, as FreePBX and our sample configuration name it."""

_KNOWN_BETTER: Final = frozenset(
    {
        e.InteractionEnded,
        e.RecordingPaused,
        e.RecordingResumed,
        e.RecordingStarted,
        e.RecordingStopped,
        e.SuspiciousBlockSeen,
    }
)
"""The only events about which :class:`Pbx` knows more than the PBX told, or which it holds back."""
_NOT_ALLOWED: Final = re.compile(r"permission|not allowed|forbidden|unknown command", re.IGNORECASE)


class Link(Protocol):
    """What is needed of ``service.PbxLink``."""

    @property
    def name(self) -> str:
        """The PBX's name."""
        ...

    @property
    def state(self) -> LinkState:
        """State of the event connection."""
        ...

    @property
    def version(self) -> str:
        """AMI version, empty before the PBX has greeted."""
        ...

    def start(self) -> None:
        """Begin to connect."""
        ...

    async def stop(self) -> None:
        """Close."""
        ...

    async def ask(self, action: Action, timeout: float = 5.0, *, action_id: str | None = None) -> Reply:  # noqa: ASYNC109
        """Ask on the action connection."""
        ...

    async def ask_in_order(self, action: Action, timeout: float = 5.0) -> Reply:  # noqa: ASYNC109
        """Ask on the event connection."""
        ...


class SystemLink(Protocol):
    """What is needed of the second user's ``service.AmiLink``."""

    def start(self) -> None:
        """Begin to connect."""
        ...

    async def stop(self) -> None:
        """Close."""
        ...

    async def ask(self, action: Action) -> Reply:
        """Ask."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of something that an agent asked for. ``code`` and ``message`` say why not."""

    ok: bool
    code: str | None = None
    message: str | None = None


Sink = Callable[[list[e.Event], float], object]
Spawn = Callable[[Coroutine[Any, Any, None]], object]


NEEDED: Final = {
    "dial": "originate",
    "keypad": "playdtmf",
    "transfer": "atxfer",
    "conference": "atxfer",
    "park": "park",
    "pick_up": "bridge",
}
"""The action without which this cannot be done from the console."""


class Pbx:
    """One Asterisk. ``sink(events, received_at)`` takes what happens; ``spawn`` keeps background work alive."""

    def __init__(
        self,
        profile: PbxProfile,
        sink: Sink,
        spawn: Spawn,
        *,
        wall: Callable[[], float] = time.time,
        context: str = OUTBOUND_CONTEXT,
    ) -> None:
        self.profile = profile
        self.cannot: tuple[str, ...] = ()
        """What agents ask for in vain: keys of ``NEEDED``."""
        self.tracker = CallTracker(profile)
        self.members = Members(profile)
        self.states: dict[str, LinkState] = {}
        self.ready_since: float | None = None
        """Since when what we know is right; ``None`` while the link is down or being resynchronised."""
        self.messages = 0
        self.gaps = 0
        self.lost_since: float | None = None
        self.on_refused: Callable[[str, str], None] = lambda name, reason: None
        """Called with the PBX's name and its words when it refuses our login."""
        self.on_gone: Callable[[str, str], None] = lambda name, channel: None
        """Called with the PBX's name and a channel's when that was hung up."""
        self.on_heard: Callable[[], None] = lambda: None
        """Called after the messages of one read were taken in."""
        self.credit: Callable[[e.Event], e.Event] = lambda event: event
        """Adds to an event what only we know: whose wish it was."""
        self._sink, self._spawn, self._wall, self._context = sink, spawn, wall, context
        self._link: Link | None = None
        self._system: SystemLink | None = None
        self._life = 0
        self._looked_at = float("-inf")
        self._wanted: dict[str, tuple[str | None, dict[str, str]]] = {}
        self._pausing: set[str] = set()
        self._dials: dict[str, asyncio.Future[Message]] = {}
        self._hung_up: dict[str, float] = {}

    @property
    def name(self) -> str:
        """The PBX's name in the configuration."""
        return self.profile.name

    @property
    def link(self) -> Link:
        """The link; must be attached before."""
        assert self._link is not None
        return self._link

    def attach(self, link: Link, system: SystemLink | None = None) -> None:
        """Connect with the wire. The link is made with :meth:`on_messages` and :meth:`on_state`.

        ``system``: the optional second manager user, who may tell phones to answer.
        """
        self._link, self._system = link, system

    def start(self) -> None:
        """Begin to connect."""
        self.link.start()
        if self._system is not None:
            self._system.start()

    async def stop(self) -> None:
        """Close all connections."""
        await self.link.stop()
        if self._system is not None:
            await self._system.stop()

    def restore(self, interactions: Iterable[Interaction], last_word: float | None) -> None:
        """What the log says was open, and when the PBX spoke last; it will say itself what became of them."""
        self.tracker.restore(interactions, last_word)

    def hush(self) -> None:
        """Tell nothing any more: the process ends, and what it does to the PBX from here on is no news."""
        self._life += 1
        self.ready_since = None
        self._wanted.clear()
        self._sink = _nobody

    # --- from the wire -------------------------------------------------------------------------------

    def on_messages(self, messages: list[Message], received_at: float) -> None:
        """Take what one read completed. Never waits."""
        self.messages += len(messages)
        events: list[e.Event] = []
        for message in messages:
            events += self.tracker.feed(message, received_at)
            if message.name in MEMBER_EVENTS:
                events += self.members.feed(message, received_at)
            elif message.name in _NOTED:
                _NOTED[message.name](self, message)
            elif message.name == RING and events:
                self._sink(self._as_we_know(events), received_at)
                events = []
        if events:
            self._sink(self._as_we_know(events), received_at)
        self.on_heard()

    def _as_we_know(self, events: list[e.Event]) -> list[e.Event]:
        """The events with what only we know of them, without those that are not worth telling."""
        if _KNOWN_BETTER.isdisjoint(map(type, events)):
            return events
        found: list[e.Event] = []
        for event in events:
            if type(event) not in _KNOWN_BETTER:
                found.append(event)
            elif self._worth_telling(event):
                found.append(self._credited(event))
        return found

    def on_state(self, state: LinkState) -> None:
        """A connection came up or went down."""
        self.states[state.role] = state
        if state.role != "events":
            return
        if state.up:
            self._life += 1
            self._spawn(self._resynchronise(self._life))
        elif state.name in ("lost", "refused"):
            self._life += 1
            if self.ready_since is not None:
                self._lost(state.reason)
            if state.name == "refused":
                self.on_refused(self.name, state.reason)

    def _lost(self, reason: str) -> None:
        self.gaps += 1
        self.ready_since = None
        self.lost_since = now = self._wall()
        # Calls that end in the gap end at the last message received: the tracker knows its time by the PBX's clock.
        self._sink(self.tracker.link_lost(now if self.tracker.last_at is None else None, reason), now)
        self._spawn(self._give_up(self._life))

    async def _give_up(self, life: int) -> None:
        """A PBX that never comes back: what was open is closed."""
        await asyncio.sleep(GIVE_UP_SECONDS)
        if life == self._life:
            self._sink(self.tracker.give_up(None), self._wall())

    # --- resynchronisation ---------------------------------------------------------------------------

    async def _resynchronise(self, life: int) -> None:
        """Ask until the PBX has told everything, or this connection is over."""
        while life == self._life and self.link.state.up:
            try:
                await self._read_all(life)
                return
            except AskFailed as error:
                log.warning("PBX %s: its state could not be read: %s", self.name, error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _read_all(self, life: int) -> None:
        self.tracker.begin_resync(self._wall())
        await self._started()
        await self.link.ask_in_order(actions.core_show_channels())
        await self._read_queues()
        await self._read_device_states()
        await self._read_commands()
        if life != self._life:
            return
        self.ready_since = now = self._wall()
        self.lost_since = None
        self._sink(self.tracker.end_resync(now), now)

    async def _started(self) -> None:
        """While it starts, the PBX's start time reads 1969 or 1970 (AMI-FACTS 5)."""
        while True:
            status = (await self.link.ask_in_order(actions.core_status())).response
            if not status.get("CoreStartupDate").startswith(("1969", "1970")):
                return
            await asyncio.sleep(STARTING_SECONDS)

    async def _read_queues(self) -> None:
        """Queues, members and waiting callers. A PBX without app_queue has none."""
        self.members.begin_resync()
        try:
            await self.link.ask_in_order(actions.queue_status())
        except AskFailed as error:
            self.members.forget_listing()
            if not isinstance(error, ActionFailed):
                raise
            log.warning("PBX %s: its queues cannot be read: %s", self.name, error)
            return
        self._sink(self.members.end_resync(self._wall()), self._wall())

    async def _read_device_states(self) -> None:
        try:
            await self.link.ask_in_order(actions.device_state_list())
        except ActionFailed as error:
            log.info("PBX %s: its device states cannot be read: %s", self.name, error)

    async def _read_commands(self) -> None:
        """What our manager user may ask for (``ListCommands`` names nothing else): buttons say why they cannot work."""
        try:
            listed = (await self.link.ask_in_order(actions.list_commands())).response.headers()
        except ActionFailed as error:
            log.info("PBX %s: its commands cannot be read: %s", self.name, error)
            return
        commands = {name.lower() for name, _ in listed}
        self.cannot = tuple(what for what, command in NEEDED.items() if command not in commands)

    def _worth_telling(self, event: e.Event) -> bool:
        """A block that names no channel we know is reported, and the PBX is asked which channels there are
        (AMI-FACTS 6.23). Whoever can write such blocks must fill no log with them: the rest is counted only."""
        if not isinstance(event, e.SuspiciousBlockSeen):
            return True
        now = self._wall()
        if abs(now - self._looked_at) <= LOOK_AGAIN_SECONDS:
            return False
        self._looked_at = now
        if self.ready_since is not None:
            self._spawn(self._look())
        return True

    async def _look(self) -> None:
        try:
            await self.link.ask_in_order(actions.core_show_channels())
        except AskFailed as error:
            log.warning("PBX %s: its channels could not be read: %s", self.name, error)

    def _booted(self, _: Message) -> None:
        """The PBX was still starting when it told its state: it tells it again. (At a login it comes before that.)"""
        if self.ready_since is not None:
            self._life += 1
            self._spawn(self._resynchronise(self._life))

    def _reloaded(self, _: Message) -> None:
        self._spawn(self._look_at_queues())

    async def _look_at_queues(self) -> None:
        before = 0.0
        for after in RELOAD_LOOKS:
            await asyncio.sleep(after - before)
            before = after
            try:
                await self._read_queues()
            except AskFailed as error:
                log.warning("PBX %s: its queues could not be read: %s", self.name, error)

    # --- pauses --------------------------------------------------------------------------------------

    def pause(self, device: str, reason: str | None, still: Iterable[tuple[str, str]] = ()) -> None:
        """Pause a phone in all its queues with our reason, or end our pause (``None``) but in the queues ``still``,
        each with its own reason. The last wish counts."""
        self._wanted[device] = (reason, dict(still))
        if device not in self._pausing:
            self._pausing.add(device)
            self._spawn(self._pause(device))

    async def _pause(self, device: str) -> None:
        try:
            while device in self._wanted:
                for action in self._pause_actions(device, *self._wanted.pop(device)):
                    await self.link.ask(action)
        except (AskFailed, EncodeError) as error:  # the distributor sees no change and asks again
            log.warning("PBX %s: %s could not be paused or released: %s", self.name, device, error)
        finally:
            self._pausing.discard(device)

    def _pause_actions(self, device: str, reason: str | None, still: Mapping[str, str]) -> list[Action]:
        """One action for all queues, or one for each where somebody else's pause must stay or not all are the same."""
        found: list[Action] = []
        by_interface: dict[str, list[e.MemberChanged]] = {}
        for member in self.members.of_device(device):
            by_interface.setdefault(member.interface, []).append(member)
        for interface, members in by_interface.items():
            mine = [m for m in members if not m.paused or is_ours(m)]
            alike = len(mine) == len(members) and not any(m.queue in still for m in mine)
            for queue in [None] if alike else [m.queue for m in mine]:
                why = still.get(queue, reason) if queue is not None else reason
                found.append(actions.queue_pause(interface, why is not None, queue=queue, reason=why))
        return found

    async def release_ours(self) -> int:
        """End all our pauses, for the end of the process; how many were told. Waits at most two seconds."""
        ours = [m for m in self.members.members.values() if is_ours(m)]
        asked = [self.link.ask(actions.queue_pause(m.interface, False, queue=m.queue)) for m in ours]
        if not asked or not self.link.state.up:
            for coroutine in asked:
                coroutine.close()
            return 0
        done, late = await asyncio.wait([asyncio.ensure_future(a) for a in asked], timeout=RELEASE_SECONDS)
        for task in late:
            task.cancel()
        failed = [task for task in done if task.exception() is not None]
        if failed or late:
            log.warning("PBX %s: %d pauses were not released", self.name, len(failed) + len(late))
        return len(done) - len(failed)

    # --- calls ---------------------------------------------------------------------------------------

    def placed_by(self, interaction_id: str) -> str | None:
        """The phone that began an outbound or internal call."""
        contact = self.tracker.contacts.get(interaction_id)
        if contact is None:
            return None
        first = contact.caller or contact.customer
        return first.device if first is not None and self.tracker.parties.is_agent(first.device) else None

    async def hang_up(self, interaction_id: str, device: str) -> Outcome:
        """End this phone's own leg."""
        channel = self.tracker.channel_of(interaction_id, device)
        if channel is None:
            return Outcome(False, "not_in_call", "Your phone is not in this call.")
        self._hung_up[interaction_id] = self._wall()
        return await self._do(actions.hangup(channel))

    def _credited(self, event: e.Event) -> e.Event:
        """The PBX does not tell whose wish a ``Hangup`` action was (recorded: the agent leaves the bridge, then the
        customer's channel is asked to hang up); we know that it was ours."""
        if not isinstance(event, e.InteractionEnded):
            return self.credit(event)
        asked = self._hung_up.pop(event.interaction_id, None)
        if asked is None or abs(self._wall() - asked) > HUNG_UP_SECONDS or event.ended_by == "customer":
            return event
        return replace(event, ended_by="agent")

    async def answer(self, device: str) -> Outcome:
        """Tell a phone to lift itself, where its make can and our manager user may."""
        action = Action("PJSIPNotify", (("Endpoint", device.partition("/")[2]), ("Variable", "Event=talk")))
        actions.check_endpoint(device)
        outcome = await self._do(action, self._system.ask if self._system is not None else None)
        if outcome.code == "refused_by_pbx":
            text = "Lift the phone: this PBX user may not answer for you."
            return Outcome(False, "lift_the_phone", text)
        return outcome

    def can_dial(self, number: str) -> bool:
        """Whether ``number`` is one."""
        try:
            dial_string(number, self.profile)
        except EncodeError:
            return False
        return True

    async def dial(self, device: str, number: str, caller_id: str = "") -> Outcome:
        """Ring the agent's phone; when she lifts it, the PBX dials ``number``. The outcome is that she lifted it.

        ``caller_id``: what the called one shall see, for the dialplan as the variable ``CALLWEAVE_CALLER_ID``. The
        caller id of the action itself is what the agent's phone shows: the number that it is about to dial.
        """
        try:
            exten = dial_string(number, self.profile)
            action = actions.originate(
                device,
                exten=exten,
                context=self._context,
                timeout=RING_SECONDS,
                caller_number=exten,
                variables=((CALLER_ID, caller_id),) if caller_id else (),
            )
        except EncodeError:
            return Outcome(False, "invalid_number", "This is not a number that can be dialled.")
        return (await self.lift(action))[0]

    async def lift(self, originate: Action) -> tuple[Outcome, str | None]:
        """Ring a phone; the outcome is that it was lifted, and the channel that it has now."""
        action_id = f"dial-{secrets.token_hex(8)}"
        answered: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._dials[action_id] = answered
        try:
            outcome = await self._do(originate, lambda a: self.link.ask(a, action_id=action_id))
            return await self._dial_outcome(answered) if outcome.ok else (outcome, None)
        finally:
            del self._dials[action_id]

    @property
    def context(self) -> str:
        """Where agents' phones dial."""
        return self._context

    async def _dial_outcome(self, answered: asyncio.Future[Message]) -> tuple[Outcome, str | None]:
        try:
            response = await asyncio.wait_for(answered, DIAL_SECONDS)
        except TimeoutError:
            return Outcome(False, "no_outcome", "The PBX did not say what became of the call."), None
        if response.get("Response") == "Success":
            return Outcome(True), response.get("Channel") or None
        return Outcome(False, "phone_not_lifted", "Your phone was not lifted or cannot be reached."), None

    @property
    def ami_version(self) -> str:
        """As the PBX greets: ``11.0.0`` is Asterisk 22, ``5.0.4`` is 16."""
        return self.link.version

    @property
    def has_system(self) -> bool:
        """Whether there is a second manager user."""
        return self._system is not None

    async def do(self, action: Action, *, system: bool = False) -> Outcome:
        """Ask; ``system``: as the second manager user. A refusal comes back in words."""
        return await self._do(action, self._system.ask if system and self._system is not None else None)

    async def add_member(
        self, queue: str, interface: str, *, reason: str | None, penalty: int = 0, member_name: str | None = None
    ) -> Outcome:
        """Make a phone a member; with ``reason`` it comes in paused. Asterisk 16 takes the pause and not its reason
        (measured): it is given behind, or the pause would count as somebody else's."""
        paused = reason is not None
        add = actions.queue_add(
            queue, interface, paused=paused, reason=reason, penalty=penalty, member_name=member_name
        )
        outcome = await self._do(add)
        if not outcome.ok or reason is None:
            return outcome
        member = await self._member_seen((queue, interface))
        if member is not None and member.paused and member.paused_reason != reason:
            return await self._do(actions.queue_pause(interface, True, queue=queue, reason=reason))
        return outcome

    async def _member_seen(self, key: tuple[str, str]) -> e.MemberChanged | None:
        for _ in range(MEMBER_LOOKS):
            if key in self.members.members:
                break
            await asyncio.sleep(MEMBER_SECONDS)
        return self.members.members.get(key)

    def _originated(self, message: Message) -> None:
        waiting = self._dials.get(message.action_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(message)

    def _gone(self, message: Message) -> None:
        self.on_gone(self.name, message.get("Channel"))

    async def _do(self, action: Action, ask: Callable[[Action], Awaitable[Reply]] | None = None) -> Outcome:
        """Ask, and put a refusal into words."""
        try:
            await (ask or self.link.ask)(action)
        except ActionFailed as error:
            code = "refused_by_pbx" if _NOT_ALLOWED.search(error.reason) else "failed"
            return Outcome(False, code, f"The PBX refused: {error.reason}")
        except ActionTimedOut:
            return Outcome(False, "no_answer_from_pbx", "The PBX did not answer in time.")
        except AskFailed:
            return Outcome(False, "pbx_lost", "There is no link to the PBX.")
        except EncodeError as error:
            return Outcome(False, "invalid", str(error))
        return Outcome(True)


def _nobody(events: list[e.Event], received_at: float) -> None:
    """Take events and do nothing."""


_NOTED: Final[dict[str, Callable[[Pbx, Message], None]]] = {
    "OriginateResponse": Pbx._originated,
    "Hangup": Pbx._gone,
    "Reload": Pbx._reloaded,
    "FullyBooted": Pbx._booted,
}
