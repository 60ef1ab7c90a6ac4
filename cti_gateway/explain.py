"""The facts behind "why does she get no calls?", from the live state; ``routing.why`` draws the conclusions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from agent_console.wire import WhyView
from interaction_log import events as e
from interaction_log.devices import split
from interaction_log.records import User
from routing.agents import Agent
from routing.skills import penalty_for
from routing.why import IN_USE, Facts, Held, Phone, Place, explain

if TYPE_CHECKING:
    from cti_gateway.hub import Hub

_CANNOT_TAKE: Final = IN_USE | {"UNAVAILABLE", "INVALID"}


def why(hub: Hub, name: str) -> WhyView | None:
    """What stands between the callers and this agent; ``None`` for somebody who is no agent."""
    user, agent = hub.people.get(name), hub.distributor.agents.get(name)
    if user is None and agent is None:
        return None
    facts = facts_of(hub, name, user, agent or Agent(name, name))
    return {
        "agent": name,
        "at": hub.wall(),
        "findings": [{"code": f.code, "weight": f.weight, "params": f.params, "at": f.at} for f in explain(facts)],
    }


def facts_of(hub: Hub, name: str, user: User | None, agent: Agent) -> Facts:
    """All that is known of her now."""
    live = hub.distributor
    seats = list(dict.fromkeys([*(user.devices if user is not None else ()), *agent.devices]))
    return Facts(
        agent=name,
        state=agent.state,
        reason=agent.reason,
        since=agent.since,
        until=agent.until,
        needs_disposition=live.needs_disposition(agent),
        phones=tuple(_phone(hub, name, seat) for seat in seats),
        places=tuple(_places(hub, seats, user.skills if user is not None else {}, agent)),
        holders=tuple(agent.pause_holders()),
        links_down=tuple(pbx.name for pbx in hub.pbxs.values() if pbx.ready_since is None),
        known_devices=frozenset(known_devices(hub)),
        last_call=hub.limits.last_call.get(name),
        in_hand=Counter([*agent.in_hand.values(), *agent.after_work()]),
        capacity_used=live.settings.capacity.used([*agent.in_hand.values(), *agent.after_work()]),
        call_takes=live.settings.capacity.weights["voice"],
        capacity=live.settings.capacity.budget,
        room_for_a_call=agent.room_for_a_call,
        skills_missing=tuple(_skills_missing(hub, user, agent)),
    )


def _skills_missing(hub: Hub, user: User | None, agent: Agent) -> list[str]:
    """Queues whose members follow the skills, and her skills do not fit. Only of PBXs where she has a phone."""
    live, skills = hub.distributor, user.skills if user is not None else {}
    asking = [q for key, q in live.settings.queues.items() if q.skill_members and q.skills and key in live.queues_seen]
    return [q.name for q in asking if live.devices_of(agent, q.pbx) and penalty_for(skills, q) is None]


def known_devices(hub: Hub) -> set[str]:
    """All telephones of which a PBX told us anything."""
    live = hub.distributor
    return {device for _, device in live.device_states} | {m.device for m in live.pauses.members()}


def _phone(hub: Hub, name: str, seat: str) -> Phone:
    pbx, device = split(seat)
    live = hub.distributor
    states = [live.device_states.get((p, device)) for p in hub.pbxs if pbx in (None, p)]
    owner = live.owner(device, pbx)
    return Phone(
        device=device,
        state=next((state for state in states if state is not None), "UNKNOWN"),
        taken_by=owner.display_name if owner is not None and owner.name != name else None,
    )


def _places(hub: Hub, seats: list[str], skills: Mapping[str, int], agent: Agent) -> list[Place]:
    members = hub.distributor.pauses.members()
    wanted = [split(seat) for seat in seats]
    hers = [m for m in members if any(device == m.device and pbx in (None, m.pbx) for pbx, device in wanted)]
    return [replace(_place(hub, member, members, skills), held=_held(hub, agent, member)) for member in hers]


def _held(hub: Hub, agent: Agent, member: e.MemberChanged) -> Held | None:
    """Who holds her pause in this one queue."""
    found = agent.held_in((member.pbx, member.queue))
    if found is None:
        return None
    holder, pause = found
    user = hub.people.get(pause.by)
    by = user.display_name if user is not None else pause.by
    return Held(reason=pause.reason, by=by, since=pause.since, own=holder == "agent")


def _place(hub: Hub, member: e.MemberChanged, members: list[e.MemberChanged], skills: Mapping[str, int]) -> Place:
    queue = hub.distributor.settings.queues.get((member.pbx, member.queue))
    rivals = [m for m in members if (m.pbx, m.queue) == (member.pbx, member.queue) and m.penalty < member.penalty]
    return Place(
        pbx=member.pbx,
        queue=member.queue,
        device=member.device,
        paused=member.paused,
        paused_reason=member.paused_reason,
        penalty=member.penalty,
        ringinuse=member.ringinuse,
        ahead=sum(1 for rival in rivals if _can_take(hub, rival)),
        waiting=_waiting(hub, member),
        skilled=queue is not None and bool(queue.skills),
        wanted=penalty_for(skills, queue) if queue is not None and queue.skills else None,
    )


def _can_take(hub: Hub, member: e.MemberChanged) -> bool:
    state = hub.distributor.device_states.get((member.pbx, member.device), "UNKNOWN")
    return not member.paused and state not in _CANNOT_TAKE


def _waiting(hub: Hub, member: e.MemberChanged) -> int:
    waits = [
        one.waiting_in()
        for one in hub.distributor.interactions.values()
        if one.pbx == member.pbx and one.channel == "voice" and not one.ended
    ]
    return sum(1 for visit in waits if visit is not None and visit.queue == member.queue)
