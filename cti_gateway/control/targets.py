"""Where a call can be sent: what somebody typed or chose becomes what the PBX dials. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from cti_gateway.ami.encode import EncodeError
from cti_gateway.dialling import dial_string
from cti_gateway.tracking.parties import PbxProfile

TargetKind = Literal["agent", "queue", "extension", "number"]

_OWN_NUMBER: Final = re.compile(r"[0-9]{2,6}", re.ASCII)
_INTERNAL: Final = re.compile(r"[0-9*#]{1,6}", re.ASCII)
# Phones that ring nobody now; BUSY and INUSE may still take a second call.
_OUT: Final = frozenset({"UNAVAILABLE", "INVALID"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is not done, in plain words; ``field`` names the input at fault."""

    code: str
    message: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call can be sent. ``device``: the phone that rings there, if it is one of ours; ``name``: for people."""

    kind: TargetKind
    exten: str
    name: str
    agent: str | None = None
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """What is known of the PBX and the people at it. ``agents``: phone by user name, of those who are signed in."""

    profile: PbxProfile
    context: str
    agents: Mapping[str, str] = field(default_factory=dict)
    people: frozenset[str] = frozenset()
    queues: frozenset[str] = frozenset()
    device_states: Mapping[str, str] = field(default_factory=dict)
    system: bool = False
    """Whether there is a second manager user, who may speak to phones."""


def find_target(text: str, site: Site) -> Target | Refusal:
    """An agent by user name, a queue by its name, an extension, or a number outside.

    ``agent:``, ``queue:`` and ``number:`` before it say which is meant where a name could be two things.
    """
    kind, name = _parts(text)
    if kind in ("agent", "") and name in site.people:
        return _agent(name, site)
    if kind in ("queue", "") and name in site.queues:
        return _queue(name, site)
    if kind in ("agent", "queue"):
        return Refusal("unknown_target", "There is no such colleague or queue.", "to")
    return _number(name, site)


def _parts(text: str) -> tuple[str, str]:
    kind, colon, name = text.partition(":")
    return (kind, name) if colon and kind in ("agent", "queue", "number") else ("", text)


def _agent(name: str, site: Site) -> Target | Refusal:
    device = site.agents.get(name)
    if device is None:
        return Refusal("not_there", "This colleague is not signed in at a phone.", "to")
    exten = number_of(device)
    if exten is None:
        return Refusal("no_number", "The phone of this colleague has no number that the PBX could dial.", "to")
    if site.device_states.get(device) in _OUT:
        return Refusal("not_reachable", "The phone of this colleague cannot be reached now.", "to")
    return Target("agent", exten, name, agent=name, device=device)


def _queue(name: str, site: Site) -> Target | Refusal:
    known = dict(site.profile.queue_extensions).get(name)
    exten = known or (name if _OWN_NUMBER.fullmatch(name) else None)
    if exten is None:
        text = "Nobody said which number leads to this queue (queue_extensions of the PBX)."
        return Refusal("no_number", text, "to")
    return Target("queue", exten, name)


def _number(text: str, site: Site) -> Target | Refusal:
    try:
        exten = dial_string(text, site.profile)
    except EncodeError:
        return Refusal("invalid_number", "This is no colleague, no queue and no number that can be dialled.", "to")
    if not _INTERNAL.fullmatch(exten):
        return Target("number", exten, text.strip())
    return Target("extension", exten, exten, device=_phone_at(exten, site))


def _phone_at(exten: str, site: Site) -> str | None:
    """The phone of ours that rings there; none at a mailbox, a room, a menu."""
    known = (f"{technology}/{exten}" for technology in ("PJSIP", "SIP"))
    return next((device for device in known if device in site.device_states), None)


def number_of(device: str) -> str | None:
    """The number at which a phone of ours is dialled: its own name where that is one (``PJSIP/1001``)."""
    name = device.partition("/")[2]
    return name if _OWN_NUMBER.fullmatch(name) else None
