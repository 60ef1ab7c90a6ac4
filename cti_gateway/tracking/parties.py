"""Whose channel is it: an agent's phone, or the outside? Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

_INSTANCE: Final = re.compile(r"-[0-9a-fA-F]+$")
_LOCAL: Final = re.compile(r"^(Local/.+);([12])$")
# Without configuration: the internal numbers of most sites have two to six digits; a trunk has a name.
_EXTENSION_LIKE: Final = re.compile(r"^[A-Za-z0-9]+/[0-9]{2,6}$")
_ANNOUNCERS: Final = (
    "CBAnn/",
    "CBRec/",
    "Announcer/",
    "Recorder/",
    "Message/",
    "AsyncGoto/",
    "Surrogate/",
    "Multicast",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxProfile:
    """What the site says of its PBX. ``devices`` and ``trunks`` are globs over ``PJSIP/name``.

    With ``devices`` given, everything else is outside. ``outbound_prefix`` is what people dial before an
    outside number. ``default_region``: ISO 3166-1 alpha-2, for numbers without a country code.
    ``queue_extensions``: (queue, number that agents' phones dial to reach it).
    """

    name: str = "pbx"
    devices: tuple[str, ...] = ()
    trunks: tuple[str, ...] = ()
    outbound_prefix: str = ""
    default_region: str = "CN"
    queue_extensions: tuple[tuple[str, str], ...] = ()

    def is_trunk(self, device: str) -> bool:
        """Whether the site calls it a trunk."""
        return any(fnmatchcase(device, glob) for glob in self.trunks)


def device_of(channel: str) -> str:
    """``PJSIP/1001-0000002a`` → ``PJSIP/1001``; a Local half → ``Local/1001@from-queue``."""
    local = _LOCAL.match(channel)
    return _INSTANCE.sub("", local.group(1) if local else channel)


def local_peer(channel: str) -> str | None:
    """The name of the other half of a Local channel, ``None`` for every other channel."""
    local = _LOCAL.match(channel)
    return f"{local.group(1)};{'2' if local.group(2) == '1' else '1'}" if local else None


def is_announcer(channel: str) -> bool:
    """Channels that Asterisk makes for itself: prompts of conferences, recorders."""
    return channel.startswith(_ANNOUNCERS)


@dataclass(slots=True)
class Parties:
    """Tells agents' phones from the outside, by the profile, by queue membership, else by the look of the name."""

    profile: PbxProfile
    _learnt: set[str] = field(default_factory=set)
    _known: dict[str, bool] = field(default_factory=dict)

    def learn(self, interfaces: Iterable[str]) -> None:
        """These are members of queues, so they are agents' phones."""
        for interface in interfaces:
            if interface and "/" in interface and interface not in self._learnt:
                self._learnt.add(interface)
                self._known.pop(interface, None)

    def has_learnt(self, interface: str) -> bool:
        """Whether this member was seen before."""
        return interface in self._learnt

    def is_agent(self, device: str) -> bool:
        """Whether a colleague sits there."""
        known = self._known.get(device)
        if known is None:
            known = self._known[device] = self._decide(device)
            if len(self._known) > 20_000:  # a site has some thousand endpoints; odd names shall not fill memory
                self._known.clear()
        return known

    def _decide(self, device: str) -> bool:
        if self.profile.is_trunk(device):
            return False
        if any(fnmatchcase(device, glob) for glob in self.profile.devices):
            return True
        if self.profile.devices:
            return False
        return device in self._learnt or _EXTENSION_LIKE.match(device) is not None
