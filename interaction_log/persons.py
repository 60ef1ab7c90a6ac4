"""Merges, claims, shared addresses and suggestions as plain values. Times are Unix seconds. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from interaction_log.evidence import Kind, Source, Strength
from interaction_log.records import Customer


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Two records that are one person. ``by`` null: the site's ``rule`` did it. ``taken``: fields that the record
    that was kept took from the other one."""

    id: str
    kept: str
    merged: str
    at: float
    by: str | None
    rule: str | None = None
    reasons: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    undone_at: float | None = None
    undone_by: str | None = None
    kept_name: str | None = None
    merged_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDifference:
    """A field that differs. ``conflict``: both records say something. ``take``: the merged record's value is taken,
    unless a human says otherwise."""

    field: str
    kept: Any
    merged: Any
    conflict: bool
    take: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePreview:
    """What a merge would do: nothing is written. ``interactions``: how many each of them has."""

    kept: Customer
    merged: Customer
    differences: list[FieldDifference]
    phones: list[str]
    emails: list[str]
    interactions: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """This address belongs to this customer, says ``source``. ``strength`` by ``rule``: see ``evidence.RULES``."""

    id: str
    customer_id: str
    kind: Kind
    value: str
    source: Source
    strength: Strength
    rule: str
    first_at: float
    last_at: float
    details: dict[str, Any] = field(default_factory=dict)
    interaction_id: str | None = None
    by: str | None = None
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An address that was seen with a customer: what a claim is made of."""

    customer_id: str
    kind: Kind
    value: str
    source: Source
    strength: Strength
    rule: str
    at: float
    details: dict[str, Any] = field(default_factory=dict)
    interaction_id: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedAddress:
    """A number or mailbox that several people use. ``people``: how many records have it."""

    value: str
    kind: Kind
    note: str | None
    at: float
    by: str
    people: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedHint:
    """A number that looks shared: ``people`` records have it; ``organisation``: the one that they all belong to."""

    value: str
    kind: Kind
    people: int
    organisation: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Two records that may be one person. ``reasons``: ``same_number``, ``same_mail``, ``same_name``,
    ``similar_name``, with the value that says so. ``score``: 0 to 100."""

    one: Customer
    other: Customer
    score: int
    reasons: list[dict[str, str]]
    at: float
