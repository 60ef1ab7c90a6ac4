"""Cuts consoles whose session ended, whose user was disabled, or whose role changed, wherever that was done."""

from __future__ import annotations

import asyncio
import logging

from agent_console.consoles import Console
from agent_console.deps import ConsoleDeps
from interaction_log.records import User

LOG = logging.getLogger(__name__)


async def watch_sessions(deps: ConsoleDeps) -> None:
    """Look at every session every ``revocation_check_seconds``, until cancelled."""
    while True:
        began = deps.now()
        for token, consoles in by_session(deps.consoles.all()).items():
            await _check(deps, token, consoles)
        await asyncio.sleep(max(0.25, deps.revocation_check_seconds - (deps.now() - began)))


def by_session(consoles: list[Console]) -> dict[str, list[Console]]:
    """The consoles of each session."""
    found: dict[str, list[Console]] = {}
    for console in consoles:
        found.setdefault(console.token, []).append(console)
    return found


async def _check(deps: ConsoleDeps, token: str, consoles: list[Console]) -> None:
    try:
        user = await deps.users.session_user(token)
    except Exception as error:  # the database is away: nobody is cut for that
        LOG.debug("a session could not be checked: %s", type(error).__name__)
        return
    for console in consoles:
        if not still_good(console, user):
            deps.consoles.cut(console, "session ended")


def still_good(console: Console, user: User | None) -> bool:
    """Whether the session is what it was when the console connected."""
    return user is not None and not user.disabled and user.role == console.user.role
