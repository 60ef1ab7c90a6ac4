"""Queue members and our pauses of them. Pure.

Asterisk knows one pause for each queue of a member, and everybody may set it. A pause is ours when its reason begins
with ``callweave:``; what others set is never ended by us. What we want is compared with what the PBX shows: a
difference becomes a command, and while a command is on its way nothing is concluded from what is seen.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from interaction_log.devices import at, split
from interaction_log.events import MemberChanged
from routing.agents import PAUSE_PREFIX, Place
from routing.commands import CancelTimer, Command, PauseMember, ReleaseMember, StartTimer

SETTLE_SECONDS: Final = 2.0
"""How long a pause may take to be seen; an AMI round trip takes milliseconds, a busy PBX up to a second."""
LONGEST_SETTLE_SECONDS: Final = 60.0
"""A pause that the PBX refuses is tried again, ever more rarely."""

NOT_OBEYED_AFTER: Final = 3
"""Asked so often in vain (14 s), the agent is told."""

Sight = Literal["nothing", "ours_removed"]
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Wish:
    """The pauses that we want of a phone: one in all queues, which goes before those in single ones."""

    everywhere: str | None = None
    queues: Mapping[str, str] = field(default_factory=dict)

    def of(self, queue: str) -> str | None:
        """The reason for which it shall be paused there."""
        return self.everywhere or self.queues.get(queue)

    @property
    def empty(self) -> bool:
        """Whether no pause is wanted at all."""
        return self.everywhere is None and not self.queues


_NONE: Final = _Wish()


@dataclass(slots=True)
class _Phone:
    """One device at one PBX: its memberships by queue and interface, and what we want of it."""

    members: dict[tuple[str, str], MemberChanged] = field(default_factory=dict)
    wanted: _Wish = _NONE
    tries: int = 0


def is_ours(member: MemberChanged) -> bool:
    """Whether the member is paused by us."""
    return member.paused and member.paused_reason.startswith(PAUSE_PREFIX)


def queues_among(members: list[MemberChanged]) -> list[str]:
    """The queues of these memberships, each once."""
    return list({m.queue: None for m in members})


def penalties_among(members: list[MemberChanged]) -> dict[str, int]:
    """The lowest penalty in each queue; those without one are left out."""
    found: dict[str, int] = {}
    for member in members:
        found[member.queue] = min(member.penalty, found.get(member.queue, member.penalty))
    return {queue: penalty for queue, penalty in found.items() if penalty}


class Pauses:
    """What is paused, what shall be, and the commands between.

    Devices are given as people sit at them (``interaction_log.devices``). ``taken``: the seats that somebody has; a
    seat without a PBX's name leaves out the telephones whose full name is among them.
    """

    def __init__(self, taken: Container[str] = ()) -> None:
        self._taken = taken
        self._phones: dict[Key, _Phone] = {}
        self._keys: dict[str, list[Key]] = {}  # by device: a site has thousands

    def members(self) -> list[MemberChanged]:
        """All queue members of all PBXs, as they are now."""
        return [m for phone in self._phones.values() for m in phone.members.values()]

    def queues_of(self, devices: list[str]) -> list[str]:
        """The queues that these devices serve, each once."""
        return queues_among(self._of(devices))

    def places_of(self, devices: list[str]) -> set[tuple[str, str]]:
        """PBX and queue of all memberships of these devices."""
        return {(m.pbx, m.queue) for m in self._of(devices)}

    def members_of(self, devices: list[str]) -> list[MemberChanged]:
        """The memberships of these devices, as they are now."""
        return self._of(devices)

    def _of(self, devices: list[str]) -> list[MemberChanged]:
        keys = [key for device in devices for key in self._keys_of(device)]
        return [m for key in keys for m in self._phones[key].members.values()]

    def _keys_of(self, seat: str) -> list[Key]:
        pbx, device = split(seat)
        keys = self._keys.get(device, ())
        if pbx is not None:
            return [key for key in keys if key[0] == pbx]
        return [key for key in keys if at(*key) not in self._taken]

    def _phone(self, key: Key) -> _Phone:
        phone = self._phones.get(key)
        if phone is None:
            phone = self._phones[key] = _Phone()
            self._keys.setdefault(key[1], []).append(key)
        return phone

    def seen(self, event: MemberChanged) -> Sight:
        """Take in what the PBX shows. ``ours_removed``: somebody else ended a pause that we still want."""
        phone, place = self._phone((event.pbx, event.device)), (event.queue, event.interface)
        before = phone.members.get(place)
        if event.removed:
            phone.members.pop(place, None)
            return "nothing"
        phone.members[place] = event
        ended = before is not None and is_ours(before) and not event.paused
        return "ours_removed" if ended and phone.tries == 0 and phone.wanted.of(event.queue) is not None else "nothing"

    def foreign(self, devices: list[str]) -> str | None:
        """The reason of a pause by others in **all** queues of these devices; ``None`` where a call can still come."""
        members = self._of(devices)
        if not members or any(not m.paused or is_ours(m) for m in members):
            return None
        return members[0].paused_reason

    def want(self, device: str, reason: str | None, queues: Mapping[Place, str] | None = None) -> list[Command]:
        """From now on ``device`` shall be paused with ``reason`` in all its queues, or (``None``) not by us but in
        ``queues``: a reason by PBX and queue."""
        commands: list[Command] = []
        for key in self._keys_of(device):
            phone = self._phones[key]
            single = {queue: why for (pbx, queue), why in queues.items() if pbx == key[0]} if queues else {}
            wish = _Wish(reason, single) if reason is not None or single else _NONE
            changed, under_way = phone.wanted != wish, phone.tries > 0
            phone.wanted = wish
            phone.tries = 0 if changed else phone.tries
            commands += self._settle(key, phone, again=changed, blind=changed and under_way)
        return commands

    def settled(self, pbx: str, device: str) -> list[Command]:
        """The time for a command to be seen is over: ask again if it was not."""
        phone = self._phones.get((pbx, device))
        return self._settle((pbx, device), phone, again=True) if phone is not None else []

    def disobeyed(self, pbx: str, device: str) -> bool:
        """Whether a pause was asked for in vain, just often enough to say so once."""
        phone = self._phones.get((pbx, device))
        return phone is not None and not phone.wanted.empty and phone.tries == NOT_OBEYED_AFTER + 1

    def reconcile(self, pbx: str) -> list[Command]:
        """After a resynchronisation: all differences at this PBX become commands."""
        return [c for k, phone in self._phones.items() if k[0] == pbx for c in self._settle(k, phone, again=True)]

    def _settle(self, key: Key, phone: _Phone, *, again: bool, blind: bool = False) -> list[Command]:
        """``blind``: a command for something else is under way, so what is seen now will not stay."""
        timer = f"pause:{key[0]}:{key[1]}"
        if not (blind and phone.members) and all(_agrees(m, phone.wanted.of(m.queue)) for m in phone.members.values()):
            waiting, phone.tries = phone.tries > 0, 0
            return [CancelTimer(timer)] if waiting else []
        if phone.tries > 0 and not again:
            return []
        delay = min(LONGEST_SETTLE_SECONDS, SETTLE_SECONDS * 2**phone.tries)
        phone.tries += 1
        return [_command(key, phone.wanted), StartTimer(timer, delay)]


def _command(key: Key, wish: _Wish) -> Command:
    if wish.everywhere is not None:
        return PauseMember(*key, wish.everywhere)
    return ReleaseMember(*key, tuple(sorted(wish.queues.items())))


def _agrees(member: MemberChanged, wanted: str | None) -> bool:
    if wanted is None:
        return not is_ours(member)
    return member.paused and (not is_ours(member) or member.paused_reason == wanted)
