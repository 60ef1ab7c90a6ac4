"""Why does she get no calls? Facts in, findings out, the most important first. Pure.

A finding is a code with its parameters; the words are in the catalogues of the browser (``why.CODE``). What is found
is what stands between a waiting caller and this agent's phone, in the order in which she or her supervisor should
look at it: first what keeps every call away, then what keeps some away, then what only delays them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from interaction_log.events import AgentState, DeviceState
from routing.agents import PAUSE_PREFIX, PBX_PREFIX

Weight = Literal["blocks", "limits", "info"]
"""``blocks``: no call can come; ``limits``: from some queues, or later than others; ``info``: nothing is wrong."""

DEAD_PHONE: Final = frozenset({"UNAVAILABLE", "INVALID"})
"""app_queue does not ring such a phone (``app_queue.c``, ``member_status_available``)."""
IN_USE: Final = frozenset({"INUSE", "BUSY", "RINGING", "RINGINUSE", "ONHOLD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """One device that is hers by her user record. ``taken_by``: who else sits there now."""

    device: str
    state: DeviceState = "UNKNOWN"
    taken_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A pause in one queue: by whom (as she is called), why, since when; ``own``: she asked for it herself."""

    reason: str
    by: str
    since: float
    own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One membership of one queue. ``ahead``: colleagues with a lower penalty who could take a call now."""

    pbx: str
    queue: str
    device: str
    paused: bool = False
    paused_reason: str = ""
    held: Held | None = None
    """Our own pause in this one queue."""
    penalty: int = 0
    ringinuse: bool = True
    ahead: int = 0
    waiting: int = 0
    skilled: bool = False
    """The queue asks for skills."""
    wanted: int | None = None
    """The penalty by her skills; ``None``: by them she does not serve this queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of one agent at one moment. Times are Unix seconds.

    ``holders``: the reasons for which we want her phone paused; ``links_down``: PBXs that cannot be heard now.
    ``known_devices``: devices of which any PBX told anything (a typing error in a user record shows here).
    """

    agent: str
    state: AgentState = "LOGGED_OUT"
    reason: str | None = None
    since: float = 0.0
    until: float | None = None
    needs_disposition: bool = False
    phones: tuple[Phone, ...] = ()
    places: tuple[Place, ...] = ()
    holders: tuple[str, ...] = ()
    links_down: tuple[str, ...] = ()
    known_devices: frozenset[str] = frozenset()
    last_call: float | None = None
    in_hand: Mapping[str, int] = field(default_factory=dict)
    """Her chats and mails, those too that she wraps up: how many, by channel."""
    capacity_used: int = 0
    call_takes: int = 100
    capacity: int = 100
    room_for_a_call: bool = True
    skills_missing: tuple[str, ...] = ()
    """Queues that only agents with certain skills serve, and she is not one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found. ``at`` is the moment that it is about (since, until), in Unix seconds."""

    code: str
    weight: Weight
    params: dict[str, str] = field(default_factory=dict)
    at: float | None = None


def explain(facts: Facts) -> list[Finding]:
    """All findings, the most important first; never empty."""
    found = [*_of_herself(facts), *_of_links(facts), *_of_phones(facts), *_of_queues(facts)]
    blocked = any(one.weight == "blocks" for one in found)
    if not blocked:
        found.append(_free(facts))
    if facts.last_call is not None:
        found.append(Finding("last_call", "info", at=facts.last_call))
    order: Final = {"blocks": 0, "limits": 1, "info": 2}
    return sorted(found, key=lambda one: order[one.weight])


def _free(facts: Facts) -> Finding:
    waiting = sum(place.waiting for place in facts.places)
    if waiting:
        return Finding("callers_wait", "info", {"waiting": str(waiting)})
    return Finding("nobody_waits", "info")


# --- what she chose, or what her work is -------------------------------------------------------------


def _of_herself(facts: Facts) -> Iterator[Finding]:
    if facts.state == "LOGGED_OUT":
        yield Finding("logged_out", "blocks", at=facts.since or None)
    elif facts.state == "WRAP_UP":
        code = "needs_disposition" if facts.needs_disposition else "wrap_up"
        yield Finding(code, "blocks", at=facts.until)
    elif facts.state in ("BUSY", "OFFERED"):
        yield Finding("in_call" if facts.state == "BUSY" else "rings_now", "blocks", at=facts.since)
    elif facts.state == "NOT_READY":
        yield _not_ready(facts)
    if facts.in_hand:
        yield _capacity(facts)


def _capacity(facts: Facts) -> Finding:
    """What her chats and mails take of her."""
    counts = {channel: str(count) for channel, count in facts.in_hand.items()}
    params = {"chat": "0", "email": "0"} | counts | {"used": str(facts.capacity_used), "budget": str(facts.capacity)}
    params["call"] = str(facts.call_takes)
    return Finding("capacity", "info", params) if facts.room_for_a_call else Finding("full", "blocks", params)


def _not_ready(facts: Facts) -> Finding:
    reason = facts.reason or ""
    if reason.startswith(PBX_PREFIX):
        return Finding("paused_by_others", "blocks", {"reason": reason.removeprefix(PBX_PREFIX)}, facts.since)
    if reason == "not_responding":
        return Finding("not_responding", "blocks", at=facts.since)
    if reason == "signed_in":
        return Finding("not_yet_ready", "blocks", at=facts.since)
    return Finding("not_ready", "blocks", {"reason": reason}, facts.since)


# --- links and phones --------------------------------------------------------------------------------


def _of_links(facts: Facts) -> Iterator[Finding]:
    for pbx in facts.links_down:
        yield Finding("link_down", "limits", {"pbx": pbx})


def _of_phones(facts: Facts) -> Iterator[Finding]:
    if not facts.phones:
        yield Finding("no_phone", "blocks")
        return
    bad = [finding for phone in facts.phones if (finding := _phone(facts, phone)) is not None]
    only_some: Weight = "blocks" if len(bad) == len(facts.phones) else "limits"
    for code, params in bad:
        yield Finding(code, only_some, params)


def _phone(facts: Facts, phone: Phone) -> tuple[str, dict[str, str]] | None:
    """What is wrong with one phone."""
    if phone.taken_by is not None:
        return "phone_taken", {"device": phone.device, "by": phone.taken_by}
    if phone.state in DEAD_PHONE:
        return "phone_unreachable", {"device": phone.device}
    if facts.known_devices and phone.device not in facts.known_devices and not facts.links_down:
        return "phone_unknown", {"device": phone.device}
    calls_known = facts.state in ("BUSY", "OFFERED", "WRAP_UP")
    if phone.state in IN_USE and not calls_known and not _rings_in_use(facts, phone.device):
        return "phone_in_use", {"device": phone.device, "state": phone.state.lower()}
    return None


def _rings_in_use(facts: Facts, device: str) -> bool:
    return any(place.ringinuse for place in facts.places if place.device == device)


# --- queues ------------------------------------------------------------------------------------------


def _of_queues(facts: Facts) -> Iterator[Finding]:
    if not facts.phones or facts.state == "LOGGED_OUT":
        return
    for queue in facts.skills_missing:
        yield Finding("skills_missing", "limits", {"queue": queue})
    if not facts.places:
        yield Finding("no_queue", "blocks")
        return
    stopped = [p for p in facts.places if p.held is not None or _by_others(p)]
    weight: Weight = "blocks" if len(stopped) == len(facts.places) else "limits"
    for place in stopped:
        yield from _paused_there(place, weight)
    yield from _left_behind(facts)
    yield from _behind_others(facts)


def _by_others(place: Place) -> bool:
    return place.paused and not place.paused_reason.startswith(PAUSE_PREFIX)


def _paused_there(place: Place, weight: Weight) -> Iterator[Finding]:
    """Who paused her in this one queue, and why."""
    if place.held is not None:
        code = "paused_herself_in_queue" if place.held.own else "held_in_queue"
        params = {"queue": place.queue, "reason": place.held.reason, "by": place.held.by}
        yield Finding(code, weight, params, place.held.since)
    if _by_others(place):
        yield Finding("paused_in_queue", weight, {"queue": place.queue, "reason": place.paused_reason})


def _left_behind(facts: Facts) -> Iterator[Finding]:
    """A pause of ours that nobody wants any more: the PBX did not take the release (yet)."""
    if facts.holders:
        return
    for place in facts.places:
        if place.held is None and place.paused and place.paused_reason.startswith(PAUSE_PREFIX):
            reason = place.paused_reason.removeprefix(PAUSE_PREFIX)
            yield Finding("our_pause_remains", "limits", {"queue": place.queue, "reason": reason})


def _behind_others(facts: Facts) -> Iterator[Finding]:
    for place in facts.places:
        params = {"queue": place.queue, "penalty": str(place.penalty), "ahead": str(place.ahead)}
        by_skills = place.skilled and place.wanted == place.penalty
        if place.penalty and place.ahead:
            yield Finding("behind_skilled" if by_skills else "behind_others", "limits", params)
        if place.skilled and place.wanted not in (None, place.penalty):
            yield Finding("penalty_by_hand", "info", params | {"wanted": str(place.wanted)})
