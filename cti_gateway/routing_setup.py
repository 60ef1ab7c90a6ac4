"""The distribution of contacts put together from its configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from cti_gateway.entry_setup import hours_of
from cti_gateway.seating import Key, line_of
from routing.acd.model import Need, Overflow, QueueRule, Ring
from routing.hours import Hours

if TYPE_CHECKING:
    from config.entry import EntryHours
    from config.routing import Ring as RingTable
    from config.settings import Queue


def queue_hours(queues: Sequence[Queue], times: Iterable[EntryHours]) -> dict[Key, Hours]:
    """Business hours by PBX and queue; who is not in it is always open. Raises ``HoursError``."""
    named = {one.name: hours_of(one) for one in times}
    return {(queue.pbx, queue.name): named[queue.hours] for queue in queues if queue.hours}


def rules_of(queues: Sequence[Queue], hours: Mapping[Key, Hours]) -> list[QueueRule]:
    """The rule of each queue's line."""
    return [_rule(queue, queues, hours.get((queue.pbx, queue.name))) for queue in queues]


def lists_of(queues: Sequence[Queue]) -> dict[str, tuple[str, ...]]:
    """Who serves which line beside the PBX's members."""
    return {line_of(queue.pbx, queue.name): queue.agents for queue in queues if queue.agents}


def _rule(queue: Queue, queues: Sequence[Queue], hours: Hours | None) -> QueueRule:
    return QueueRule(
        name=line_of(queue.pbx, queue.name),
        head_start=queue.head_start,
        vip_head_start=queue.vip_head_start,
        rings=tuple(map(_ring, queue.ring)) or (Ring(),),
        order=queue.order,
        teams=frozenset(queue.teams),
        offer_seconds=queue.offer_seconds,
        again_seconds=queue.again_seconds,
        own_agent=queue.own_agent,
        patience=queue.patience,
        overflow=tuple(Overflow(over.after, _line(over.queue, queue.pbx, queues)) for over in queue.overflow),
        longest_wait=queue.longest_wait or None,
        then=queue.then,
        hours=hours,
    )


def _line(name: str, pbx: str, queues: Sequence[Queue]) -> str:
    """Of the same PBX, else of none."""
    return line_of(pbx if any((one.pbx, one.name) == (pbx, name) for one in queues) else "", name)


def _ring(table: RingTable) -> Ring:
    return Ring(table.after, _needs(table.needs), _needs(table.preferred))


def _needs(levels: Mapping[str, int]) -> tuple[Need, ...]:
    return tuple(sorted(Need(skill, level) for skill, level in levels.items()))
