"""The event loop: uvloop with Twisted's reactor on it, before anything imports ``twisted.internet.reactor``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import uvloop
from twisted.internet import asyncioreactor

from cti_gateway.composition.failures import CannotStart
from interaction_log.precedence import beside

log = logging.getLogger(__name__)

FAILED: Final = 1
SWITCH_SECONDS: Final = 0.0005
"""How long a thread that computes (a look-up, the log's writer) may keep the loop waiting; Python's default is 5 ms."""


def run_loop(work: Coroutine[Any, Any, int]) -> int:
    """Run ``work`` on uvloop with Twisted's reactor; returns its result, 1 if it fails."""
    sys.setswitchinterval(SWITCH_SECONDS)
    loop = uvloop.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(thread_name_prefix="beside", initializer=beside))
    asyncio.set_event_loop(loop)
    asyncioreactor.install(loop)  # type: ignore[no-untyped-call]
    from twisted.internet import reactor as installed  # noqa: PLC0415

    reactor: Any = installed
    code = [FAILED]

    async def whole() -> None:
        try:
            code[0] = await work
        except CannotStart as error:
            print(f"cti: {error}", file=sys.stderr)
        except Exception:
            log.exception("the program failed")
        finally:
            reactor.stop()

    tasks: list[asyncio.Task[None]] = []
    reactor.callWhenRunning(lambda: tasks.append(loop.create_task(whole())))
    reactor.run(installSignalHandlers=False)
    _clean_up(loop)
    return code[0]


def _clean_up(loop: asyncio.AbstractEventLoop) -> None:
    """engine.io leaves its ping sleepers behind."""
    rest = asyncio.all_tasks(loop)
    for task in rest:
        task.cancel()
    with contextlib.suppress(Exception):
        loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
