"""Channels, bridges and Local halves: who hears whom at this moment. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cti_gateway.tracking.parties import device_of, local_peer

if TYPE_CHECKING:
    from cti_gateway.tracking.contact import Contact


@dataclass(slots=True, eq=False)
class Channel:
    """One leg as the PBX has it. Times are Unix seconds of the PBX, ``None`` in a recording without timestamps."""

    name: str
    unique_id: str
    linked_id: str
    created_at: float | None
    incoming: bool
    number: str = ""
    caller_name: str = ""
    exten: str = ""
    context: str = ""
    device: str = ""
    peer: str | None = None
    is_local: bool = False
    up: bool = False
    bridge: str | None = None
    dialled_by: str | None = None
    contact: Contact | None = None
    consult: bool = False
    asks_queue: str = ""
    """The queue in which it waits for an agent who asks there on behalf of a customer."""
    originated: bool = False
    hangup_requested_at: float | None = None
    hangup_requested: bool = False
    request_cause: str = ""
    left_bridge_at: float | None = None
    application: str = ""
    application_data: str = ""
    """What a snapshot said that it does: both are unknown for channels that we saw come."""
    recording_file: str = ""
    recording: bool = False
    """It is recorded, and belongs to no contact yet."""
    recording_at: float | None = None
    recording_muted: bool = False

    def __post_init__(self) -> None:
        self.device = device_of(self.name)
        self.peer = local_peer(self.name)
        self.is_local = self.peer is not None


@dataclass(slots=True)
class Topology:
    """All channels that exist, and how they are joined."""

    by_id: dict[str, Channel] = field(default_factory=dict)
    by_name: dict[str, Channel] = field(default_factory=dict)
    bridges: dict[str, set[str]] = field(default_factory=dict)
    dialled: dict[str, list[str]] = field(default_factory=dict)

    def add(self, channel: Channel) -> None:
        """A channel exists."""
        self.by_id[channel.unique_id] = channel
        self.by_name[channel.name] = channel

    def remove(self, channel: Channel) -> None:
        """A channel is gone."""
        self.leave(channel)
        self.by_id.pop(channel.unique_id, None)
        self.dialled.pop(channel.unique_id, None)
        if self.by_name.get(channel.name) is channel:
            del self.by_name[channel.name]

    def get(self, unique_id: str) -> Channel | None:
        """The channel with this Uniqueid."""
        return self.by_id.get(unique_id)

    def pair(self, name: str, unique_id: str) -> Channel | None:
        """The channel, if name and Uniqueid are one that we know: else the block is not believed."""
        channel = self.by_id.get(unique_id)
        return channel if channel is not None and channel.name == name else None

    def dial(self, source: Channel, target: Channel) -> None:
        """``source`` rings ``target``."""
        target.dialled_by = source.unique_id
        self.dialled.setdefault(source.unique_id, []).append(target.unique_id)

    def enter(self, channel: Channel, bridge: str) -> None:
        """A channel joins a bridge (and leaves the one it was in)."""
        if channel.bridge == bridge:
            return
        self.leave(channel)
        channel.bridge = bridge
        self.bridges.setdefault(bridge, set()).add(channel.unique_id)

    def leave(self, channel: Channel) -> None:
        """A channel leaves its bridge."""
        if channel.bridge is None:
            return
        members = self.bridges.get(channel.bridge)
        if members is not None:
            members.discard(channel.unique_id)
            if not members:
                del self.bridges[channel.bridge]
        channel.bridge = None

    def other_half(self, channel: Channel) -> Channel | None:
        """The other half of a Local channel."""
        return self.by_name.get(channel.peer) if channel.peer is not None else None

    def heard_by(self, channel: Channel) -> list[Channel]:
        """All channels joined to this one through bridges and Local pairs, without itself and the Local halves."""
        seen = {channel.unique_id}
        todo = [channel]
        found: list[Channel] = []
        while todo:
            for near in self._near(todo.pop()):
                if near.unique_id not in seen:
                    seen.add(near.unique_id)
                    todo.append(near)
                    if not near.is_local:
                        found.append(near)
        return found

    def _near(self, channel: Channel) -> Iterator[Channel]:
        for unique_id in self.bridges.get(channel.bridge, ()) if channel.bridge is not None else ():
            yield self.by_id[unique_id]
        half = self.other_half(channel)
        if half is not None:
            yield half

    def origin(self, channel: Channel) -> Channel:
        """Whoever caused this channel to ring: up the dials and through Local pairs, as far as we know."""
        for _ in range(16):  # a chain of forwards; longer ones are loops
            above = self.by_id.get(channel.dialled_by) if channel.dialled_by is not None else None
            if above is None and channel.is_local:
                half = self.other_half(channel)
                if half is not None and half.dialled_by is not None:
                    above = half
            if above is None:
                return channel
            channel = above
        return channel

    def real_targets(self, channel: Channel) -> list[Channel]:
        """The phones that ring (or talk) behind a channel: itself, or what lies behind the Local pair."""
        if not channel.is_local:
            return [channel]
        half = self.other_half(channel)
        return self.dialled_from(half, channel) if half is not None else []

    def dialled_from(self, source: Channel, but: Channel | None = None) -> list[Channel]:
        """The phones that this channel rings or has rung, also through Local pairs, as far as they still exist."""
        found: list[Channel] = []
        for unique_id in self.dialled.get(source.unique_id, ()):
            target = self.by_id.get(unique_id)
            if target is not None and target is not but:
                found += self.real_targets(target)
        return found
