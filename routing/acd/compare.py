"""What a replay would have changed: sums by queue, and the contacts with another agent or wait. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from routing.acd.replay import Fate

SAME_SECONDS: Final = 1.0
"""A wait that differs by less is the same."""
USUAL_LEVEL_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Sums:
    """Of one line. ``mean_wait``: of those answered; ``in_time``: share of all contacts that were answered within the
    queue's service level (those who still wait are left out)."""

    contacts: int
    answered: int
    left: int
    diverted: int
    waiting: int
    mean_wait: float | None
    in_time: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A contact whose agent, wait or end differs."""

    contact: str
    recorded: Fate
    replayed: Fate


def sums(fates: Mapping[str, Fate], levels: Mapping[str, float]) -> dict[str, Sums]:
    """By line; ``levels``: the seconds of each line's service level."""
    by_line: dict[str, list[Fate]] = {}
    for one in fates.values():
        by_line.setdefault(one.line, []).append(one)
    return {line: _sum(found, levels.get(line, USUAL_LEVEL_SECONDS)) for line, found in by_line.items()}


def _sum(fates: list[Fate], level: float) -> Sums:
    answered = [one.waited or 0.0 for one in fates if one.result == "answered"]
    count = {result: sum(1 for one in fates if one.result == result) for result in ("left", "diverted", "waiting")}
    over = len(fates) - count["waiting"]
    in_time = sum(1 for wait in answered if wait <= level)
    return Sums(
        contacts=len(fates),
        answered=len(answered),
        left=count["left"],
        diverted=count["diverted"],
        waiting=count["waiting"],
        mean_wait=sum(answered) / len(answered) if answered else None,
        in_time=in_time / over if over else None,
    )


def differences(recorded: Mapping[str, Fate], replayed: Mapping[str, Fate]) -> list[Difference]:
    """In the order in which they became due."""
    pairs = [Difference(of, one, replayed[of]) for of, one in recorded.items() if _differ(one, replayed[of])]
    return sorted(pairs, key=lambda one: (one.recorded.due_at, one.contact))


def _differ(one: Fate, other: Fate) -> bool:
    if (one.agent, one.result) != (other.agent, other.result):
        return True
    return abs((one.waited or 0.0) - (other.waited or 0.0)) >= SAME_SECONDS
