"""What of a message this console's person may see: numbers masked, other teams' agents and calls left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final

from agent_console.sensitive import Sensitive
from agent_console.veil import SEES, SEES_SENSITIVE
from agent_console.wire import AgentView
from interaction_log.devices import split
from interaction_log.masking import veiled, without_fields
from interaction_log.records import User
from interaction_log.rights import Sight, has

Lens = Callable[[str, Mapping[str, Any]], Mapping[str, Any] | None]
"""A message's name and payload to what is shown of it; ``None``: nothing."""
SUPERVISORS: Final = "/supervisor"


def lens_of(
    user: User, namespace: str, sight: Sight, agents: Callable[[], Sequence[AgentView]], sensitive: Sensitive
) -> Lens | None:
    """Through what this person's console looks; ``None``: it sees all that it is sent, which costs nothing.

    ``agents``: every agent as she is now (``Live.agents``), for the telephones of those in sight.
    """
    masks, hides = not has(user, SEES), not has(user, SEES_SENSITIVE)
    narrow = namespace == SUPERVISORS and not sight.everything
    if not masks and not narrow and not hides:
        return None

    def look(name: str, payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
        shown = narrowed(name, payload, sight, partial(_devices, sight, agents)) if narrow else payload
        if shown is not None and hides:
            shown = without_fields(shown, sensitive.codes)
        return veiled(shown) if masks and shown is not None else shown

    return look


def _devices(sight: Sight, agents: Callable[[], Sequence[AgentView]]) -> frozenset[str]:
    mine = (agent for agent in agents() if sight.sees_agent(agent["agent"]))
    return frozenset(split(seat)[1] for agent in mine for seat in agent["devices"])


def narrowed(
    name: str, payload: Mapping[str, Any], sight: Sight, devices: Callable[[], Collection[str]] = frozenset
) -> Mapping[str, Any] | None:
    """What a supervisor with this sight is told of a message to all supervisors."""
    shown = payload
    match name:
        case "queues" | "taps" | "alarms":
            shown = _lists(payload, sight, ())
        case "snapshot":
            shown = _lists(payload, sight, devices())
    empty = name == "queues" and not shown["queues"]
    return shown if not empty and _concerns(name, payload, sight, devices) else None


def _concerns(name: str, payload: Mapping[str, Any], sight: Sight, devices: Callable[[], Collection[str]]) -> bool:
    if name == "agent_state":
        return sight.sees_agent(payload["agent"]["agent"])
    if name == "interaction":
        return sight.sees(payload["interaction"], devices())
    if name == "staff_message":
        return _sees_message(sight, payload["message"])
    agent = payload.get("params", {}).get("agent") if name == "notice" else None
    return agent is None or sight.sees_agent(agent)


def _lists(payload: Mapping[str, Any], sight: Sight, devices: Collection[str]) -> Mapping[str, Any]:
    kept: Mapping[str, Callable[[Any], bool]] = {
        "agents": lambda one: sight.sees_agent(one["agent"]),
        "queues": lambda one: sight.sees_queue(one["queue"]),
        "interactions": lambda one: sight.sees(one, devices),
        "taps": lambda one: sight.sees_agent(one["agent"]),
        "alarms": lambda one: _sees_alarm(sight, one),
        "cleared": lambda one: _sees_alarm(sight, one),
        "messages": lambda one: _sees_message(sight, one),
    }
    seen = {key: [one for one in payload[key] if test(one)] for key, test in kept.items() if key in payload}
    return {**payload, **seen}


def _sees_alarm(sight: Sight, alarm: Mapping[str, Any]) -> bool:
    """Of a queue or an agent in sight; what is about everything is for who sees everything."""
    return sight.sees_queue(alarm["queue"]) or sight.sees_agent(alarm["params"].get("agent"))


def _sees_message(sight: Sight, message: Mapping[str, Any]) -> bool:
    """From or to an agent in sight."""
    return any(map(sight.sees_agent, (message["by"], *(one["agent"] for one in message.get("readers", ())))))


def through(lens: Lens, name: str, body: str) -> str | None:
    """The rest of a message as ``consoles.body_of`` made it, as this lens shows it; ``None``: not at all."""
    payload = json.loads("{" + body[1:]) if body.startswith(",") else {}
    shown = lens(name, payload)
    if shown is None:
        return None
    text = json.dumps(shown, separators=(",", ":"))
    return "}" if text == "{}" else "," + text[1:]
