"""The live figures of queues: who waits, since when, and who could take a call. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from interaction_log import events as e
from routing.distributor import Distributor

_IN_CALL: Final = frozenset({"INUSE", "BUSY", "RINGING", "RINGINUSE", "ONHOLD"})
_OUT_OF_SERVICE: Final = frozenset({"UNAVAILABLE", "INVALID"})


@dataclass(slots=True)
class QueueFigures:
    """One queue now. ``longest_wait_since`` is the Unix second at which the longest waiting caller entered."""

    pbx: str
    queue: str
    label: str
    waiting: int = 0
    longest_wait_since: float | None = None
    ready: int = 0
    busy: int = 0
    not_ready: int = 0


def queue_figures(live: Distributor) -> list[QueueFigures]:
    """All queues that a PBX showed us or the settings name, by PBX and name, with who waits."""
    found = {(one.pbx, one.queue): one for one in member_figures(live)}
    _count_waiting(live, found)
    return list(found.values())


def member_figures(live: Distributor) -> list[QueueFigures]:
    """The same with who could take a call alone: who waits is counted as it happens (``routing.live``)."""
    names = {**live.settings.queues, **dict.fromkeys(live.queues_seen)}
    found = {key: QueueFigures(*key, _label(live, key)) for key in sorted(names)}
    _count_members(live, found)
    return list(found.values())


def _label(live: Distributor, key: tuple[str, str]) -> str:
    known = live.settings.queues.get(key)
    return (known.label if known is not None else "") or key[1]


def _count_waiting(live: Distributor, found: dict[tuple[str, str], QueueFigures]) -> None:
    for one in live.interactions.values():
        visit = None if one.ended else one.waiting_in()
        figures = found.get((one.pbx, visit.queue)) if visit is not None else None
        if visit is None or figures is None:
            continue
        figures.waiting += 1
        since = [t for t in (visit.entered_at, figures.longest_wait_since) if t is not None]
        figures.longest_wait_since = min(since, default=None)


def _count_members(live: Distributor, found: dict[tuple[str, str], QueueFigures]) -> None:
    for member in live.pauses.members():
        figures = found.get((member.pbx, member.queue))
        if figures is None:
            continue
        match _kind(live, member):
            case "ready":
                figures.ready += 1
            case "busy":
                figures.busy += 1
            case _:
                figures.not_ready += 1


def _kind(live: Distributor, member: e.MemberChanged) -> Literal["ready", "busy", "not_ready"]:
    state = live.device_states.get((member.pbx, member.device), "UNKNOWN")
    agent = live.owner(member.device, member.pbx)
    if state in _IN_CALL or (agent is not None and agent.state in ("OFFERED", "BUSY", "WRAP_UP")):
        return "busy"
    if member.paused or state in _OUT_OF_SERVICE:
        return "not_ready"
    return "ready"
