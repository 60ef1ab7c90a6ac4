"""Who serves which queue, who is paused, and what the phones do: messages of one PBX in, events out. Pure.

Only changes become events. Between :meth:`Members.begin_resync` and :meth:`Members.end_resync` the PBX lists all
that it has; what it does not list any more is gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Final, cast, get_args

from cti_gateway.ami.codec import Message
from cti_gateway.tracking.parties import PbxProfile
from cti_gateway.tracking.queueing import is_whole_pause_block
from interaction_log import events as e

_DEVICE: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*/[^@;:&]+", re.ASCII)
_NUMBER: Final = re.compile(r"(?:hint:|Local/)([0-9*#]{1,16})@", re.ASCII)
_TECHNOLOGIES: Final = ("PJSIP", "SIP")
_DEVICE_STATES: Final = frozenset(get_args(e.DeviceState))

Key = tuple[str, str]


class Members:
    """The queue members and device states of one PBX."""

    def __init__(self, profile: PbxProfile) -> None:
        self.profile = profile
        self.members: dict[Key, e.MemberChanged] = {}
        """By queue and interface."""
        self._of: dict[str, dict[Key, e.MemberChanged]] = {}
        """The same by telephone: a site has hundreds of members."""
        self.device_states: dict[str, e.DeviceState] = {}
        """Of telephones and of what serves a queue: nobody sits at another trunk, and half of what a PBX tells is of
        it."""
        self._trunks: set[str] = set()
        """Such trunks as were heard of."""
        self._queues: set[str] = set()
        self._listed: set[Key] | None = None

    # --- what others ask -----------------------------------------------------------------------------

    def of_device(self, device: str) -> list[e.MemberChanged]:
        """The memberships of a phone."""
        return list(self._of.get(device, {}).values())

    def knows(self, device: str) -> bool:
        """Whether this PBX told of the phone."""
        return device in self.device_states or bool(self._of.get(device))

    def device_of(self, interface: str, state_interface: str) -> str:
        """The phone behind a member: ``Local/1001@from-queue/n`` and ``hint:1001@ext-local`` mean ``PJSIP/1001``."""
        for text in (state_interface, interface):
            if _DEVICE.fullmatch(text) and not text.startswith("Local/"):
                return text
        for text in (state_interface, interface):
            number = _NUMBER.match(text)
            if number is not None:
                named = [f"{technology}/{number[1]}" for technology in _TECHNOLOGIES]
                return next((d for d in named if self._is_ours(d)), named[0])
        return interface.removesuffix("/n")

    def _is_ours(self, device: str) -> bool:
        return any(fnmatchcase(device, glob) for glob in self.profile.devices)

    def _is_trunk(self, device: str) -> bool:
        """Whether this is a trunk of the site that never served a queue: what was told of once is told of on."""
        return not self.knows(device) and self.profile.is_trunk(device)

    # --- resynchronisation ---------------------------------------------------------------------------

    def forget_listing(self) -> None:
        """The list could not be had: who is a member stays as it was."""
        self._listed = None

    def begin_resync(self) -> None:
        """A whole list of members follows."""
        self._listed = set()

    def end_resync(self, at: float | None) -> list[e.Event]:
        """The list is complete: who was not in it is no member any more."""
        listed, self._listed = self._listed, None
        gone = [] if listed is None else [key for key in self.members if key not in listed]
        return [event for key in gone for event in self._remove(key, at, inferred=True)]

    # --- messages ------------------------------------------------------------------------------------

    def feed(self, message: Message, received_at: float | None = None) -> list[e.Event]:
        """One message; the changes that it tells. (``TABLE`` names those that it reads.)"""
        step = TABLE.get(message.name) if message.kind == "event" else None
        return step(self, message, received_at) if step is not None else []

    def _queue(self, m: Message, received_at: float | None) -> list[e.Event]:
        return self._queue_seen(m.get("Queue"), m.timestamp or received_at)

    def _queue_seen(self, queue: str, at: float | None) -> list[e.Event]:
        if not queue or queue in self._queues:
            return []
        self._queues.add(queue)
        return [e.QueueSeen(at=at, pbx=self.profile.name, queue=queue)]

    def _pause(self, m: Message, received_at: float | None) -> list[e.Event]:
        return self._member(m, received_at) if is_whole_pause_block(m) else []  # a caller can write into the stream

    def _status(self, m: Message, received_at: float | None) -> list[e.Event]:
        """Comes with every change of a phone, mostly with nothing new for us: three headers tell that."""
        known = self.members.get((m.get("Queue"), m.get("Interface")))
        if known is not None and not known.paused and m.get("Paused") == "0" and self._listed is None:
            return []
        return self._member(m, received_at)

    def _member(self, m: Message, received_at: float | None) -> list[e.Event]:
        interface = m.get("Interface") or m.get("Location")
        queue = m.get("Queue")
        if not interface or not queue:
            return []
        key = (queue, interface)
        if self._listed is not None:
            self._listed.add(key)
        found = self._changed(key, m, m.timestamp or received_at)
        if _same(found, self.members.get(key)):
            return []
        self._forget(key)
        self._trunks.discard(found.device)
        self.members[key] = self._of.setdefault(found.device, {})[key] = found
        return [*self._queue_seen(queue, found.at), found]

    def _forget(self, key: Key) -> e.MemberChanged | None:
        old = self.members.pop(key, None)
        if old is not None:
            del self._of[old.device][key]
        return old

    def _changed(self, key: Key, m: Message, at: float | None) -> e.MemberChanged:
        paused = m.get("Paused") == "1"
        return e.MemberChanged(
            at=at,
            pbx=self.profile.name,
            queue=key[0],
            interface=key[1],
            device=self.device_of(key[1], m.get("StateInterface")),
            member_name=m.get("MemberName") or m.get("Name"),
            paused=paused,
            paused_reason=(m.get("PausedReason") or m.get("Reason")) if paused else "",
            penalty=_number(m.get("Penalty")),
            ringinuse=m.get("Ringinuse", "1") != "0",
        )

    def _removed(self, m: Message, received_at: float | None) -> list[e.Event]:
        return self._remove((m.get("Queue"), m.get("Interface")), m.timestamp or received_at)

    def _remove(self, key: Key, at: float | None, *, inferred: bool = False) -> list[e.Event]:
        old = self._forget(key)
        if old is None:
            return []
        return [
            e.MemberChanged(
                at=at,
                inferred=inferred,
                pbx=old.pbx,
                queue=old.queue,
                interface=old.interface,
                device=old.device,
                member_name=old.member_name,
                paused=False,
                paused_reason="",
                penalty=old.penalty,
                removed=True,
            )
        ]

    def _device_state(self, m: Message, received_at: float | None) -> list[e.Event]:
        device, state = m.get("Device"), m.get("State")
        if self.device_states.get(device) == state or device in self._trunks:
            return []
        if state not in _DEVICE_STATES or not _DEVICE.fullmatch(device) or device.startswith("Local/"):
            return []
        if self._is_trunk(device):
            self._trunks.add(device)
            return []
        known = cast("e.DeviceState", state)
        self.device_states[device] = known
        at = m.timestamp or received_at
        return [e.DeviceStateChanged(at=at, pbx=self.profile.name, device=device, state=known)]


def _same(one: e.MemberChanged, other: e.MemberChanged | None) -> bool:
    if other is None:
        return False
    return (one.device, one.paused, one.paused_reason, one.penalty) == (
        other.device,
        other.paused,
        other.paused_reason,
        other.penalty,
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


TABLE: Final[dict[str, Callable[[Members, Message, float | None], list[e.Event]]]] = {
    "QueueParams": Members._queue,
    "QueueMember": Members._member,
    "QueueMemberAdded": Members._member,
    "QueueMemberStatus": Members._status,
    "QueueMemberPenalty": Members._member,
    "QueueMemberPause": Members._pause,
    "QueueMemberRemoved": Members._removed,
    "DeviceStateChange": Members._device_state,
}
