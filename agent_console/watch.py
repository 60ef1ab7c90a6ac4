"""Cuts consoles whose session ended, whose user was disabled, or whose role changed, wherever that was done."""

from __future__ import annotations

import asyncio
import logging

from agent_console.consoles import SUPERVISORS, Console
from agent_console.deps import ConsoleDeps
from agent_console.sensitive import Sensitive
from agent_console.sessions import sight_of
from interaction_log.records import User

LOG = logging.getLogger(__name__)


async def watch_sessions(deps: ConsoleDeps, sensitive: Sensitive | None = None) -> None:
    """Look at every session every ``revocation_check_seconds``, until cancelled."""
    while True:
        began = deps.now()
        await _check(deps, by_session(deps.consoles.all()))
        if sensitive is not None and any(console.lens is not None for console in deps.consoles.all()):
            await sensitive.refresh()
        await asyncio.sleep(max(0.25, deps.revocation_check_seconds - (deps.now() - began)))


def by_session(consoles: list[Console]) -> dict[str, list[Console]]:
    """The consoles of each session."""
    found: dict[str, list[Console]] = {}
    for console in consoles:
        found.setdefault(console.token, []).append(console)
    return found


async def _check(deps: ConsoleDeps, sessions: dict[str, list[Console]]) -> None:
    """One question for all: hundreds of them one by one kept the look-ups of callers waiting."""
    try:
        users = await deps.users.session_users(list(sessions))
    except Exception as error:  # the database is away: nobody is cut for that
        LOG.debug("the sessions could not be checked: %s", type(error).__name__)
        return
    for token, consoles in sessions.items():
        user = users.get(token)
        for console in consoles:
            if not still_good(console, user):
                deps.consoles.cut(console, "session ended")
            elif user is not None and await _moved(deps, console, user):
                deps.consoles.cut(console, "sees something else now")


async def _moved(deps: ConsoleDeps, console: Console, user: User) -> bool:
    """Whether a supervisor sees other people now than when this console connected."""
    if console.namespace != SUPERVISORS:
        return False
    try:
        return await sight_of(deps, user) != console.sight
    except Exception:  # the database is away: nobody is cut for that
        return False


def still_good(console: Console, user: User | None) -> bool:
    """Whether the session is what it was when the console connected."""
    if user is None or user.disabled:
        return False
    before = console.user
    return (user.role, user.own_role, user.rights) == (before.role, before.own_role, before.rights)
