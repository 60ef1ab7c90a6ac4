"""What somebody's search may find."""

from __future__ import annotations

from agent_console.deps import ConsoleDeps
from agent_console.sessions import sight_of
from agent_console.veil import SEES
from interaction_log.found import Scope
from interaction_log.records import User
from interaction_log.rights import has

KINDS = {
    "customers.read": ("customer",),
    "knowledge.read": ("article", "script"),
    "cases.work": ("case", "task"),
}
"""Kinds of documents that a right shows whole."""


async def visible(deps: ConsoleDeps, user: User) -> Scope:
    """Everything, or: what her rights show, the contacts of the queues that she serves now, and those that she (and
    whoever else is in her sight) had."""
    sight = await sight_of(deps, user)
    veiled = not has(user, SEES)
    if sight.everything:
        return Scope(everything=True, veiled=veiled)
    labels = {f"kind:{kind}" for right, kinds in KINDS.items() if has(user, right) for kind in kinds}
    labels |= {f"queue:{queue}" for queue in {*sight.queues, *_serves(deps, user.name)}}
    labels |= {f"agent:{agent}" for agent in sight.agents}
    return Scope(labels=frozenset(labels), veiled=veiled)


def _serves(deps: ConsoleDeps, name: str) -> list[str]:
    return next((list(one.get("queues", ())) for one in deps.live.agents() if one["agent"] == name), [])
