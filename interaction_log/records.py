"""Plain values that the store keeps and the other parts speak of. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

Role = Literal["agent", "supervisor", "admin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A person (or organisation) that we know. ``phones``: E.164, with ``;ext=N`` where there is an extension.

    ``agent``: the user who looks after this customer; his calls are led to her first. ``channel``: which he prefers.
    ``value``: what he is worth to the site, in its currency. ``fields``: what the site keeps beside, by the field's
    code: text, number, date (``2026-01-31``), code of a choice, or flag.
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
    kind: Literal["person", "organisation"] = "person"
    channel: Literal["voice", "chat", "email"] | None = None
    value: float | None = None
    fields: dict[str, str | float | bool] = field(default_factory=dict)


FieldType = Literal["text", "number", "date", "choice", "flag"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChoice:
    """One of the values of a field to choose from."""

    code: str
    labels: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomField:
    """A field that the site defined. ``of``: whose records have it. ``sensitive``: never searched or filtered by."""

    code: str
    labels: dict[str, str]
    type: FieldType
    of: Literal["person", "organisation", "any"] = "any"
    required: bool = False
    sensitive: bool = False
    choices: list[FieldChoice] = field(default_factory=list)
    position: int = 0
    retired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What a customer may agree to. ``texts``: what he is asked, by language; ``version``: of these texts."""

    code: str
    labels: dict[str, str]
    texts: dict[str, str] = field(default_factory=dict)
    version: str = "1"
    position: int = 0
    retired: bool = False


ConsentState = Literal["given", "refused", "withdrawn"]
CONSENT_CHANNELS: Final = ("any", "voice", "chat", "email", "sms", "post")


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What a customer said about one purpose on one channel. ``by``: who wrote it down; ``source``: how he said it."""

    id: str
    customer_id: str
    purpose: str
    channel: str
    state: ConsentState
    at: float
    by: str | None
    version: str
    source: str
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A relation as seen from one end: this customer ``kind`` the other (``works_for``), whose name is there."""

    id: str
    kind: str
    customer_id: str
    name: str
    note: str | None
    at: float
    by: str


OPPOSITE: Final = {
    "works_for": "employs",
    "employs": "works_for",
    "family": "family",
    "parent_of": "child_of",
    "child_of": "parent_of",
    "partner": "partner",
    "assists": "assisted_by",
    "assisted_by": "assists",
    "pays_for": "paid_by",
    "paid_by": "pays_for",
    "subsidiary_of": "owns",
    "owns": "subsidiary_of",
    "knows": "knows",
}
"""The kinds of relations, and what each is called from the other end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a caller's address says about who it is, with all that a pop shows of the person.

    ``also``: ids of records that were merged into ``customer``: they are the same person. A candidate has beside the
    public record ``why`` it is one: ``number``, ``shared``, ``similar``, ``chosen``.
    """

    strength: Literal["known", "maybe", "candidates", "unknown"]
    customer: dict[str, Any] | None = None
    candidates: list[dict[str, Any]] = field(default_factory=list)
    timeline: list[dict[str, Any]] = field(default_factory=list)
    open_cases: list[dict[str, Any]] = field(default_factory=list)
    also: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person who signs in. ``name`` is unique and never changes; ``devices`` are the phones she may sit at.

    ``skills``: level by code, 1 to 5 (``routing.skills``). ``own_role``: a role of the site's own, made from ``role``;
    ``rights`` are then its rights (``interaction_log.rights.has`` asks). ``teams``: their codes.
    """

    name: str
    display_name: str
    role: Role
    devices: list[str] = field(default_factory=list)
    language: str | None = None
    disabled: bool = False
    version: int = 1
    skills: dict[str, int] = field(default_factory=dict)
    own_role: str | None = None
    rights: tuple[str, ...] | None = None
    teams: tuple[str, ...] = ()


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
class Campaign(Choice):
    """What contacts are made for. ``caller_id``: what the called one sees (empty: as the queue says); ``numbers``:
    who dials one of these (as the PBX reports it), called because of it."""

    caller_id: str = ""
    numbers: list[str] = field(default_factory=list)


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
