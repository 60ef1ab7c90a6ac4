"""Planned shifts out of a CSV file: which columns, which times, what is wrong with a row. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from interaction_log.periods import known_zone

Planned = Literal["work", "break"]
KINDS: Final[tuple[Planned, ...]] = ("work", "break")
COLUMNS: Final = ("agent", "from", "to", "kind")
NEEDED: Final = ("agent", "from", "to")
LONGEST_SECONDS: Final = 86_400.0
"""A row of more than a day is a slip of the pen."""
FITS: Final[Mapping[Planned, tuple[str, ...]]] = {
    "work": ("READY", "OFFERED", "BUSY", "WRAP_UP"),
    "break": ("NOT_READY", "LOGGED_OUT"),
}
"""The states in which an agent keeps to what is planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A stretch that is planned for an agent, ``start`` ≤ t < ``end`` in Unix seconds."""

    agent: str
    start: float
    end: float
    kind: Planned = "work"


@dataclass(frozen=True, slots=True)
class RefusedShift:
    """A row that was not taken: where it stands, which column, why."""

    line: int
    field: str
    reason: str


@dataclass(slots=True)
class ShiftReport:
    """What became of a file: rows read, taken, those of before that they replaced, refused."""

    read: int = 0
    taken: int = 0
    replaced: int = 0
    refused: list[RefusedShift] = field(default_factory=list)


def shift(cells: Mapping[str, str], *, zone: str, agents: frozenset[str]) -> Shift:
    """The shift of a row. Raises ``ValueError`` with the column and the reason as its two arguments."""
    for name in NEEDED:
        if not cells.get(name):
            raise ValueError(name, "is missing")
    if cells["agent"] not in agents:
        raise ValueError("agent", "there is no such user")
    start, end = _time("from", cells["from"], zone), _time("to", cells["to"], zone)
    if not 0.0 < end - start <= LONGEST_SECONDS:
        raise ValueError("to", "is not after the beginning, or more than a day later")
    kind = cells.get("kind") or "work"
    if kind not in KINDS:
        raise ValueError("kind", "is neither work nor break")
    return Shift(agent=cells["agent"], start=start, end=end, kind="work" if kind == "work" else "break")


def _time(name: str, text: str, zone: str) -> float:
    """Without an offset it is the time on the clock there; in the hour that comes twice, the first."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(name, "is no time (2026-11-01T09:00)") from None
    return (at if at.tzinfo is not None else at.replace(tzinfo=known_zone(zone))).timestamp()


def heading(cells: Sequence[str]) -> list[str | None]:
    """The columns' names; raises ``ValueError`` naming what is missing. Columns that we do not know are passed over."""
    names = [cell.strip().casefold() for cell in cells]
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise ValueError(f"the file has no column {', '.join(missing)}")
    return [name if name in COLUMNS else None for name in names]


def overlapping(shifts: Sequence[tuple[int, Shift]]) -> list[int]:
    """The lines of shifts that overlap one that stands before them, of the same agent."""
    found, last = [], dict[str, float]()
    for line, one in sorted(shifts, key=lambda row: (row[1].start, row[0])):
        if one.start < last.get(one.agent, 0.0):
            found.append(line)
        else:
            last[one.agent] = one.end
    return sorted(found)
