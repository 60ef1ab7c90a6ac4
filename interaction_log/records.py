"""Plain values that the store keeps and the other parts speak of. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["agent", "supervisor", "admin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A person (or organisation) that we know. ``phones``: E.164, with ``;ext=N`` where there is an extension.

    ``agent``: the user who looks after this customer; his calls are led to her first.
    """

    id: str
    name: str
    phones: list[str] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    organisation: str | None = None
    language: str | None = None
    vip: bool = False
    notes: str | None = None
    agent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a caller's address says about who it is, with all that a pop shows of the person."""

    strength: Literal["known", "maybe", "candidates", "unknown"]
    customer: dict[str, Any] | None = None
    candidates: list[dict[str, Any]] = field(default_factory=list)
    timeline: list[dict[str, Any]] = field(default_factory=list)
    open_cases: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person who signs in. ``name`` is unique and never changes; ``devices`` are the phones she may sit at.

    ``skills``: level by code, 1 to 5 (``routing.skills``).
    """

    name: str
    display_name: str
    role: Role
    devices: list[str] = field(default_factory=list)
    language: str | None = None
    disabled: bool = False
    version: int = 1
    skills: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """What we know of a queue beside what the PBX knows. Times in seconds.

    ``skills``: what it asks for, by the skill's code: penalty by level (``"0"`` to ``"5"``; see ``routing.skills``).
    ``skill_members``: agents whose skills fit become members, others do not stay.
    """

    name: str
    pbx: str
    label: str
    service_level_seconds: int = 20
    wrap_up_seconds: int = 30
    skills: dict[str, dict[str, int]] = field(default_factory=dict)
    skill_members: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A pause reason, disposition or skill. ``labels``: text by language (``en``, ``zh-CN``); ``queues`` empty: all."""

    code: str
    labels: dict[str, str]
    queues: list[str] = field(default_factory=list)
    position: int = 0
    retired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to whom. ``outcome``: ``done``, ``refused``, ``failed``; ``reason``: what the actor said why.

    Names of users, devices and queues and ids of interactions only: no secret, no number, no customer's name.
    """

    at: float
    actor: str
    action: str
    subject: str
    outcome: str = "done"
    reason: str | None = None
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """A row of an import that was not taken, with the reason in plain words."""

    line: int
    field: str | None
    reason: str
    row: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did."""

    read: int
    created: int
    updated: int
    refused: list[RefusedRow]


class Refused(ValueError):
    """Bad input. ``field`` names what is wrong, the message says why; never carries a secret's value."""

    def __init__(self, field_name: str, message: str):
        super().__init__(f"{field_name}: {message}")
        self.field = field_name
        self.message = message


class NotFound(LookupError):
    """No such thing."""


class Conflict(ValueError):
    """It exists already, or it was changed meanwhile."""
