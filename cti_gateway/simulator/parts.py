"""The parts of a PBX as values, and their header lines in the manager interface.

Names, order and spelling of the headers are those of Asterisk 22.10 on the wire (tests/golden).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

Headers = list[tuple[str, str]]

UNKNOWN: Final = "<unknown>"
CHANNEL_STATES: Final = {0: "Down", 4: "Ring", 5: "Ringing", 6: "Up"}
DOWN, RING, RINGING, UP = 0, 4, 5, 6

DEVICE_CODES: Final = {
    "UNKNOWN": 0,
    "NOT_INUSE": 1,
    "INUSE": 2,
    "BUSY": 3,
    "INVALID": 4,
    "UNAVAILABLE": 5,
    "RINGING": 6,
    "RINGINUSE": 7,
    "ONHOLD": 8,
}
"""``Status`` of a queue member by its device's state."""

EXTENSION_CODES: Final = {
    "NOT_INUSE": (0, "Idle"),
    "INUSE": (1, "InUse"),
    "BUSY": (2, "Busy"),
    "UNAVAILABLE": (4, "Unavailable"),
    "RINGING": (8, "Ringing"),
    "RINGINUSE": (9, "InUse&Ringing"),
    "ONHOLD": (16, "Hold"),
}

CAUSES: Final = {
    0: "Unknown",
    16: "Normal Clearing",
    17: "User busy",
    19: "User alerting, no answer",
    21: "Call Rejected",
}
"""Hang-up causes of Q.850 that occur here."""


@dataclass(eq=False)
class Bridge:
    """Where channels hear each other."""

    id: str
    channels: list[Channel] = field(default_factory=list)

    def headers(self, prefix: str = "") -> Headers:
        """The lines of any event about it."""
        return [
            (f"{prefix}BridgeUniqueid", self.id),
            (f"{prefix}BridgeType", "basic"),
            (f"{prefix}BridgeTechnology", "simple_bridge"),
            (f"{prefix}BridgeCreator", UNKNOWN),
            (f"{prefix}BridgeName", UNKNOWN),
            (f"{prefix}BridgeNumChannels", str(len(self.channels))),
            (f"{prefix}BridgeVideoSourceMode", "none"),
        ]


@dataclass(eq=False)
class Channel:
    """One leg. ``endpoint``: ``PJSIP/1001``."""

    name: str
    endpoint: str
    unique_id: str
    linked_id: str
    created: float
    state: int
    number: str
    caller_name: str
    context: str
    exten: str
    priority: int = 1
    connected_number: str = UNKNOWN
    connected_name: str = UNKNOWN
    application: str = "AppQueue"
    data: str = "(Outgoing Line)"
    bridge: Bridge | None = None
    on_hold: bool = False
    alive: bool = True

    def headers(self, prefix: str = "") -> Headers:
        """The snapshot lines of any event about it, as they are now."""
        return [
            (f"{prefix}Channel", self.name),
            (f"{prefix}ChannelState", str(self.state)),
            (f"{prefix}ChannelStateDesc", CHANNEL_STATES[self.state]),
            (f"{prefix}CallerIDNum", self.number),
            (f"{prefix}CallerIDName", self.caller_name),
            (f"{prefix}ConnectedLineNum", self.connected_number),
            (f"{prefix}ConnectedLineName", self.connected_name),
            (f"{prefix}Language", "en"),
            (f"{prefix}AccountCode", ""),
            (f"{prefix}Context", self.context),
            (f"{prefix}Exten", self.exten),
            (f"{prefix}Priority", str(self.priority)),
            (f"{prefix}Uniqueid", self.unique_id),
            (f"{prefix}Linkedid", self.linked_id),
        ]

    def connect(self, other: Channel) -> None:
        """Know the other side's number and name."""
        self.connected_number, self.connected_name = other.number, other.caller_name


@dataclass(eq=False)
class Member:
    """Somebody who takes a queue's calls."""

    interface: str
    name: str
    penalty: int = 0
    dynamic: bool = False
    paused: bool = False
    reason: str = ""
    login_time: int = 0
    calls_taken: int = 0
    last_call: int = 0
    last_pause: int = 0
    in_call: bool = False

    def _counts(self) -> Headers:
        return [
            ("StateInterface", self.interface),
            ("Membership", "dynamic" if self.dynamic else "static"),
            ("Penalty", str(self.penalty)),
            ("CallsTaken", str(self.calls_taken)),
            ("LastCall", str(self.last_call)),
            ("LastPause", str(self.last_pause)),
            ("LoginTime", str(self.login_time)),
            ("InCall", str(int(self.in_call))),
        ]

    def headers(self, queue: str, state: str) -> Headers:
        """The lines of ``QueueMemberStatus``, ``QueueMemberPause`` and their like."""
        return [
            ("Queue", queue),
            ("MemberName", self.name),
            ("Interface", self.interface),
            *self._counts(),
            ("Status", str(DEVICE_CODES[state])),
            ("Paused", str(int(self.paused))),
            ("PausedReason", self.reason),
            ("Ringinuse", "0"),
            ("Wrapuptime", "0"),
        ]

    def listed(self, queue: str, state: str) -> Headers:
        """The lines of ``QueueMember`` in the answer to ``QueueStatus``."""
        return [
            ("Queue", queue),
            ("Name", self.name),
            ("Location", self.interface),
            *self._counts(),
            ("Status", str(DEVICE_CODES[state])),
            ("Paused", str(int(self.paused))),
            ("PausedReason", self.reason),
            ("Wrapuptime", "0"),
        ]


@dataclass(eq=False)
class Queue:
    """Callers waiting for members; one member is rung after the other (``linear``)."""

    name: str
    exten: str
    members: list[Member]
    ring_seconds: float = 15.0
    give_up_seconds: float | None = None
    retry_seconds: float = 1.0
    completed: int = 0
    abandoned: int = 0
    hold_seconds: int = 0
    talk_seconds: int = 0

    def member(self, interface: str) -> Member | None:
        """The member with this interface."""
        return next((one for one in self.members if one.interface == interface), None)

    def headers(self, callers: int) -> Headers:
        """The lines of ``QueueParams``."""
        return [
            ("Queue", self.name),
            ("Max", "0"),
            ("Strategy", "linear"),
            ("Calls", str(callers)),
            ("Holdtime", str(self.hold_seconds)),
            ("TalkTime", str(self.talk_seconds)),
            ("Completed", str(self.completed)),
            ("Abandoned", str(self.abandoned)),
            ("ServiceLevel", "20"),
            ("ServicelevelPerf", "0.0"),
            ("ServicelevelPerf2", "0.0"),
            ("Weight", "0"),
        ]
