"""One loop for the whole session, uvloop, with Twisted's asyncio reactor as a guest on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
import uvloop

pytest_plugins: list[str] = ["tests.real_report"]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def reactor() -> AsyncIterator[Any]:
    """Twisted's reactor on pytest's loop. Never stopped by ``reactor.stop()``: that would stop pytest's loop."""
    from twisted.internet import asyncioreactor

    asyncioreactor.install(asyncio.get_running_loop())
    from twisted.internet import reactor as installed

    installed.startRunning(installSignalHandlers=False)  # type: ignore[attr-defined]
    # Its own last step would be loop.stop(), and that would hit whatever pytest runs then.
    installed._eventTriggers["shutdown"].during.remove((installed.crash, (), {}))  # type: ignore[attr-defined]
    yield installed
    done = asyncio.Event()
    installed.addSystemEventTrigger("after", "shutdown", done.set)  # type: ignore[attr-defined]
    installed.fireSystemEvent("shutdown")  # type: ignore[attr-defined]
    await done.wait()
