"""The simulated PBX itself: channels, bridges, devices, queues and their members. Pure but for its clock.

Every change tells `emit` what an Asterisk would have told, in the order in which a real one told it when it was
recorded. Calls are classes of their own (`queue_call`, `outbound_call`) that use the verbs here.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Sequence
from typing import Protocol

from cti_gateway.simulator.clock import Clock
from cti_gateway.simulator.parts import (
    CAUSES,
    DOWN,
    EXTENSION_CODES,
    RING,
    RINGING,
    UNKNOWN,
    UP,
    Bridge,
    Channel,
    Headers,
    Member,
    Queue,
)

Emit = Callable[[str, str, Headers], None]
"""Takes an event: its name, its class (``call``, ``agent``, …) and its lines."""

TRUNK = "PJSIP/pstn"


class Call(Protocol):
    """A call that is going on, to which people at telephones and actions do things."""

    def answer(self, channel: Channel) -> bool:
        """Lift a ringing telephone; False when it does not ring."""
        ...

    def decline(self, channel: Channel) -> bool:
        """Refuse to lift a ringing telephone (486)."""
        ...

    def toggle_hold(self, channel: Channel) -> bool:
        """Put the other side on hold, or take it back."""
        ...

    def hang_up(self, channel: Channel, *, by_action: bool = False, cause: int = 16) -> None:
        """A person puts the receiver down, or (`by_action`) the action ``Hangup`` ends the channel."""
        ...

    def redirect(self, channel: Channel, context: str, exten: str) -> bool:
        """Send a channel somewhere else; False when there is nothing there."""
        ...


class Waiting(Protocol):
    """A caller who waits in a queue."""

    caller: Channel
    joined: float


class Pbx:
    """All that is there. `lines`: the agents' telephones with their owners' names."""

    def __init__(
        self, emit: Emit, clock: Clock, rng: random.Random, queues: Sequence[Queue], lines: dict[str, str]
    ) -> None:
        self.emit = emit
        self.clock = clock
        self.rng = rng
        self.started = clock.now()
        self.queues = {one.name: one for one in queues}
        self.lines = lines
        self.channels: dict[str, Channel] = {}
        self.calls: dict[Channel, Call] = {}
        self.waiting: dict[str, list[Waiting]] = {name: [] for name in self.queues}
        """Those who wait, by queue, in order."""
        self.processed = 0
        self.on_change: list[Callable[[], None]] = []
        """Called when a member or a device changed: waiting calls look again for somebody."""
        self._serial = 0
        self._devices = dict.fromkeys([TRUNK, *lines], "NOT_INUSE")
        self._available: dict[str, bool] = {}
        for queue in queues:
            for member in queue.members:
                member.login_time = int(self.started)

    # ---- Channels ----------------------------------------------------------------------------------------------
    def channel(
        self,
        call: Call,
        endpoint: str,
        *,
        state: int,
        number: str,
        name: str,
        context: str,
        exten: str,
        linked: Channel | None = None,
    ) -> Channel:
        """A new channel, told as ``Newchannel``."""
        unique = f"{int(self.clock.now())}.{self._serial}"
        made = Channel(
            name=f"{endpoint}-{self._serial:08x}",
            endpoint=endpoint,
            unique_id=unique,
            linked_id=linked.linked_id if linked else unique,
            created=self.clock.now(),
            state=state,
            number=number,
            caller_name=name,
            context=context,
            exten=exten,
        )
        self._serial += 1
        self.channels[made.name] = made
        self.calls[made] = call
        self.tell("Newchannel", made)
        return made

    def local(self, call: Call, exten: str, linked: Channel) -> tuple[Channel, Channel]:
        """The two halves of a Local channel, told as two ``Newchannel``."""
        number = self._serial
        halves = []
        for half, state in ((1, DOWN), (2, RING)):
            made = Channel(
                name=f"Local/{exten}@from-internal-{number:08x};{half}",
                endpoint=f"Local/{exten}@from-internal",
                unique_id=f"{int(self.clock.now())}.{self._serial}",
                linked_id=linked.linked_id,
                created=self.clock.now(),
                state=state,
                number=UNKNOWN,
                caller_name=UNKNOWN,
                context="from-internal",
                exten=exten,
            )
            self._serial += 1
            self.channels[made.name] = made
            self.calls[made] = call
            self.tell("Newchannel", made)
            halves.append(made)
        return halves[0], halves[1]

    def tell(self, name: str, channel: Channel, *more: tuple[str, str], kind: str = "call") -> None:
        """An event about a channel."""
        self.emit(name, kind, [*channel.headers(), *more])

    def tell_pair(
        self, name: str, channel: Channel | None, dest: Channel | Headers, *more: tuple[str, str], kind: str = "call"
    ) -> None:
        """An event about two channels. `dest` may be lines kept from before."""
        lines = dest.headers("Dest") if isinstance(dest, Channel) else dest
        self.emit(name, kind, [*(channel.headers() if channel else []), *lines, *more])

    def state(self, channel: Channel, state: int) -> None:
        """Tell ``Newstate``; the device follows by `device_changed`."""
        channel.state = state
        self.tell("Newstate", channel)

    def hang_up(self, channel: Channel, cause: int = 16, tech_cause: str = "") -> None:
        """The channel is gone: ``Hangup``, then its device's new state."""
        tech = [("TechCause", tech_cause)] if tech_cause else []
        self.tell("Hangup", channel, ("Cause", str(cause)), ("Cause-txt", CAUSES.get(cause, "Unknown")), *tech)
        channel.alive = False
        self.channels.pop(channel.name, None)
        self.calls.pop(channel, None)
        self.device_changed(channel.endpoint)

    # ---- Bridges -----------------------------------------------------------------------------------------------
    def bridge(self, *channels: Channel, made: Callable[[], None] | None = None) -> Bridge:
        """Connect these, in this order. `made`: what happens before the first comes in."""
        new = Bridge(str(uuid.UUID(int=self.rng.getrandbits(128), version=4)))
        self.emit("BridgeCreate", "call", new.headers())
        if made is not None:
            made()
        for one in channels:
            new.channels.append(one)
            one.bridge = new
            self.emit("BridgeEnter", "call", [*new.headers(), *one.headers()])
        return new

    def enter(self, other: Channel, channel: Channel, instead_of: Channel | None = None) -> None:
        """Come to where this one is, perhaps in the place of a channel that is optimised away."""
        bridge = other.bridge
        if bridge is None:
            self.bridge(other, channel)
            return
        bridge.channels.append(channel)
        channel.bridge = bridge
        swap = [("SwapUniqueid", instead_of.unique_id)] if instead_of is not None else []
        self.emit("BridgeEnter", "call", [*bridge.headers(), *channel.headers(), *swap])

    def leave(self, *channels: Channel) -> None:
        """These leave their bridge, in this order; an empty bridge is gone."""
        for one in channels:
            bridge = one.bridge
            if bridge is None:
                continue
            bridge.channels.remove(one)
            one.bridge = None
            self.emit("BridgeLeave", "call", [*bridge.headers(), *one.headers()])
            if not bridge.channels:
                self.emit("BridgeDestroy", "call", bridge.headers())

    # ---- Devices -----------------------------------------------------------------------------------------------
    def device_state(self, endpoint: str) -> str:
        """The state of a device by its channels."""
        return self._devices.get(endpoint, "INVALID")

    def _state_of(self, endpoint: str) -> str:
        mine = [one for one in self.channels.values() if one.endpoint == endpoint]
        ringing = any(one.state in (RINGING, DOWN) for one in mine)
        busy = any(one.state not in (RINGING, DOWN) for one in mine)
        if mine and all(one.on_hold for one in mine):
            return "ONHOLD"
        if ringing:
            return "RINGINUSE" if busy else "RINGING"
        return "INUSE" if busy else "NOT_INUSE"

    def device_changed(self, endpoint: str) -> None:
        """Tell the new state of a device, of its hint, and of its memberships, if it is new."""
        state = self._state_of(endpoint)
        if self._devices.get(endpoint) == state or endpoint.startswith("Local/"):
            return
        self._devices[endpoint] = state
        if endpoint in self.lines:
            self._tell_hint(endpoint, state)
        self.emit("DeviceStateChange", "call", [("Device", endpoint), ("State", state)])
        for queue in self.queues.values():
            member = queue.member(endpoint)
            if member is not None:
                self.emit("QueueMemberStatus", "agent", member.headers(queue.name, state))
                self.availability(queue)
        self.changed()

    def _tell_hint(self, endpoint: str, state: str) -> None:
        code, text = EXTENSION_CODES[state]
        exten = endpoint.partition("/")[2]
        hint = [("Exten", exten), ("Context", "from-internal"), ("Hint", endpoint)]
        self.emit("ExtensionStatus", "call", [*hint, ("Status", str(code)), ("StatusText", text)])

    def availability(self, queue: Queue) -> None:
        """Tell the device ``Queue:<name>_avail`` when somebody became free, or nobody is any more."""
        free = any(self.is_free(one) for one in queue.members)
        if self._available.get(queue.name) != free:
            self._available[queue.name] = free
            state = "NOT_INUSE" if free else "INUSE"
            self.emit("DeviceStateChange", "call", [("Device", f"Queue:{queue.name}_avail"), ("State", state)])

    def is_free(self, member: Member) -> bool:
        """Whether a queue would ring this member."""
        return not member.paused and self.device_state(member.interface) == "NOT_INUSE"

    def changed(self) -> None:
        """Let those look again who wait for somebody."""
        for call in list(self.on_change):
            call()

    def devices(self) -> Headers:
        """All known devices with their states."""
        pauses = [
            (f"Queue:{queue.name}_pause_{one.interface}", "INUSE" if one.paused else "NOT_INUSE")
            for queue in self.queues.values()
            for one in queue.members
        ]
        return [*self._devices.items(), *pauses]

    # ---- Members -----------------------------------------------------------------------------------------------
    def pause(self, interface: str, paused: bool, reason: str = "", queue: str = "") -> bool:
        """Pause or release a member in one queue or all; False when there is no such member."""
        found = False
        for one in [self.queues[queue]] if queue in self.queues else [] if queue else self.queues.values():
            member = one.member(interface)
            if member is None:
                continue
            found = True
            if member.paused != paused:
                self._tell_pause_device(one, member, paused)
                if paused:
                    member.last_pause = int(self.clock.now())
            member.paused, member.reason = paused, reason if paused else ""
            self.availability(one)
            self.emit("QueueMemberPause", "agent", member.headers(one.name, self.device_state(interface)))
        if found:
            self.changed()
        return found

    def _tell_pause_device(self, queue: Queue, member: Member, paused: bool) -> None:
        device = f"Queue:{queue.name}_pause_{member.interface}"
        self.emit("DeviceStateChange", "call", [("Device", device), ("State", "INUSE" if paused else "NOT_INUSE")])

    def add_member(self, queue: Queue, member: Member) -> bool:
        """Add a dynamic member; False when the interface is there already."""
        if queue.member(member.interface) is not None:
            return False
        member.dynamic, member.login_time = True, int(self.clock.now())
        queue.members.append(member)
        self._tell_pause_device(queue, member, member.paused)
        self.emit("QueueMemberAdded", "agent", member.headers(queue.name, self.device_state(member.interface)))
        self.changed()
        return True

    def remove_member(self, queue: Queue, interface: str) -> bool:
        """Remove a member; False when there is none."""
        member = queue.member(interface)
        if member is None:
            return False
        queue.members.remove(member)
        self.emit("QueueMemberRemoved", "agent", member.headers(queue.name, self.device_state(interface)))
        return True

    # ---- People at telephones ------------------------------------------------------------------------------------
    def ringing_at(self, endpoint: str) -> Channel | None:
        """The channel that rings at this telephone."""
        return next((one for one in self.channels.values() if one.endpoint == endpoint and one.state == RINGING), None)

    def talking_at(self, endpoint: str) -> Channel | None:
        """The channel that talks at this telephone."""
        return next((one for one in self.channels.values() if one.endpoint == endpoint and one.state == UP), None)
