"""What is searched for and what is found. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

MOST_PER_PAGE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What somebody may see: ``everything``, or whatever has one of these ``labels`` (``kind:customer``,
    ``queue:support``, ``agent:anna``, ``team:north``). ``veiled``: numbers and mail addresses only as they are shown
    to her (``masking.mask_personal``), so that no search tells what a mask hides."""

    everything: bool = False
    labels: frozenset[str] = frozenset()
    veiled: bool = False

    def allows(self, labels: Collection[str]) -> bool:
        """Whether a document with these labels may be seen."""
        return self.everything or not self.labels.isdisjoint(labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A search: all words of ``text``, and each filter that is given. Times are Unix seconds, ``start`` ≤ t < ``end``.

    ``customer_ids``: any of them (the records that are one person).
    """

    text: str = ""
    kinds: tuple[str, ...] = ()
    start: float | None = None
    end: float | None = None
    queue: str | None = None
    agent: str | None = None
    channel: str | None = None
    customer_ids: tuple[str, ...] = ()
    limit: int = 30
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One document. ``marks`` are ranges in ``snippet``, ``title_marks`` in ``title`` (characters: start, end)."""

    kind: str
    ref: str
    at: float
    title: str
    snippet: str
    title_marks: list[tuple[int, int]]
    marks: list[tuple[int, int]]
    customer_id: str | None = None
    customer_name: str | None = None
    queue: str | None = None
    agent: str | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPage:
    """Newest first. ``next``: cursor of the following page, ``None`` at the end.

    ``reached``: the search stopped at this time (Unix seconds) because it took long; ``next`` goes on from there.
    ``filling``: what was kept before there was an index is still being put in, so some of it may be missing.
    """

    items: list[Found] = field(default_factory=list)
    next: str | None = None
    reached: float | None = None
    filling: bool = False
