"""Who could take a queue's calls: only to tell a queue that ran empty from one that timed out. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from cti_gateway.ami.codec import Message

# Device states that cannot ring (Asterisk include/asterisk/devicestate.h): invalid and unavailable.
_AWAY: Final = frozenset({"4", "5"})


@dataclass(slots=True)
class QueueMembers:
    """Members by queue, as the PBX last told them."""

    _able: dict[str, dict[str, bool]] = field(default_factory=dict)
    _emptied: dict[str, float | None] = field(default_factory=dict)

    def take(self, m: Message, interface: str, at: float | None) -> None:
        """A member's status, pause, arrival or removal."""
        queue = m.get("Queue")
        if not queue or not interface:
            return
        members = self._able.setdefault(queue, {})
        able = None if m.name == "QueueMemberRemoved" else m.get("Paused") != "1" and m.get("Status") not in _AWAY
        if members.get(interface) == able:
            return
        before = any(members.values())
        if able is None:
            del members[interface]
        else:
            members[interface] = able
        if any(members.values()):
            self._emptied.pop(queue, None)
        elif before:
            self._emptied[queue] = at

    def emptied_since(self, queue: str, entered_at: float | None) -> bool:
        """Whether the last able member went away while the caller waited (app_queue's ``leavewhenempty``)."""
        at = self._emptied.get(queue)
        return at is not None and entered_at is not None and at >= entered_at
