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
        for token in {console.token for console in deps.consoles.all()}:
            await _check(deps, token)
        await asyncio.sleep(max(0.5, deps.revocation_check_seconds - (deps.now() - began)))


async def _check(deps: ConsoleDeps, token: str) -> None:
    try:
        user = await deps.users.session_user(token)
    except Exception as error:  # the database is away: nobody is cut for that
        LOG.debug("a session could not be checked: %s", type(error).__name__)
        return
    deps.consoles.cut_where(lambda console: console.token == token and not still_good(console, user), "session ended")


def still_good(console: Console, user: User | None) -> bool:
    """Whether the session is what it was when the console connected."""
    return user is not None and not user.disabled and user.role == console.user.role
