"""Skills as penalties: what an administrator says an agent can do decides how early her phone rings in a queue. Pure.

A queue may ask for skills: each with a table from the agent's level (0: has it not) to Asterisk's penalty. Asterisk
rings members with a greater penalty only when nobody with a lower one is free. Of several skills the worst counts.
A level that a table leaves out means that she does not serve the queue.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from interaction_log.events import MemberChanged
from interaction_log.records import QueueSettings

LEVELS: Final = range(1, 6)
"""1: a beginner, 5: an expert."""

Kind = Literal["add", "remove", "penalty"]
Place = tuple[str, str]
"""PBX and queue."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do at a PBX. ``name``: the member's interface (for ``add``: the phone)."""

    kind: Kind
    pbx: str
    queue: str
    name: str
    penalty: int = 0


def penalty_for(levels: Mapping[str, int], queue: QueueSettings) -> int | None:
    """The penalty of somebody with these skills; ``None``: she does not serve this queue."""
    found = [table.get(str(levels.get(skill, 0))) for skill, table in queue.skills.items()]
    return None if any(one is None for one in found) else max((one for one in found if one is not None), default=0)


def changes(
    levels: Mapping[str, int],
    queues: Iterable[QueueSettings],
    members: Sequence[MemberChanged],
    phones: Mapping[str, Sequence[str]],
    leave_alone: Container[Place] = (),
) -> list[Change]:
    """What is to be done so that an agent's memberships are as her skills say.

    ``members``: her phones' memberships now; ``phones``: her phones by PBX; ``leave_alone``: what somebody decided for
    her otherwise. Queues that ask for no skill are left alone too.
    """
    asking = [q for q in queues if q.skills and phones.get(q.pbx) and (q.pbx, q.name) not in leave_alone]
    return [change for queue in asking for change in _in(queue, penalty_for(levels, queue), members, phones)]


def _in(
    queue: QueueSettings, wanted: int | None, members: Sequence[MemberChanged], phones: Mapping[str, Sequence[str]]
) -> list[Change]:
    place = (queue.pbx, queue.name)
    mine = [m for m in members if (m.pbx, m.queue) == place]
    if wanted is None:
        return [Change("remove", *place, m.interface) for m in mine] if queue.skill_members else []
    if not mine:
        return [Change("add", *place, phones[queue.pbx][0], wanted)] if queue.skill_members else []
    return [Change("penalty", *place, m.interface, wanted) for m in mine if m.penalty != wanted]
