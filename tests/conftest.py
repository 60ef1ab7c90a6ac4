"""One loop for the whole session, uvloop, with Twisted's asyncio reactor as a guest on it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import inspect
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final

import pytest
import pytest_asyncio
import uvloop

from cti_gateway import compiled

LIMIT_SHARE: Final = 0.9
"""Of a test's time-out: the rest is for its fixtures to clean up."""
SHRINKING_SECONDS: Final = 420
"""Hypothesis looks for the smallest failing example for up to 300 s; the usual limit would end the worker instead, and
nobody would see what failed."""
if os.environ.get(compiled.SWITCH) == "1":  # tests/integration/test_compiled.py
    if not compiled.use().on:
        raise RuntimeError(compiled.state().why)
else:  # tests look into the sources; programs that they start use what there is
    compiled.stay_with_sources("tests")
from interaction_log.store import sealed_fields  # noqa: E402 (they import what may be compiled)
from tests import quick  # noqa: E402

quick.begin()
gc.set_threshold(5_000, 10, 10)  # looking for garbage among what is imported took a sixth of the time
pytest_plugins: list[str] = ["tests.real_report", "tests.modules_together"]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


def pytest_collection_finish() -> None:
    """What is imported and collected is no garbage."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """An async test that waits for ever fails at its limit and cleans up; a property may take its time to shrink.

    pytest-timeout's signal reaches only the C code of uvloop, where the exception is lost (measured); its thread ends
    the whole worker, and is for what is left.
    """
    for item in items:
        if "property" in item.path.parts and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(SHRINKING_SECONDS))
        if (
            isinstance(item, pytest.Function)
            and inspect.iscoroutinefunction(item.obj)
            and not hasattr(item.obj, "hypothesis")
        ):
            marker = item.get_closest_marker("timeout")
            seconds = marker.args[0] if marker is not None and marker.args else float(item.config.getini("timeout"))
            item.obj = _limited(item.obj, seconds * LIMIT_SHARE)


def _limited(test: Callable[..., Awaitable[None]], seconds: float) -> Callable[..., Awaitable[None]]:
    @functools.wraps(test)
    async def limited(*arguments: Any, **fixtures: Any) -> None:
        async with asyncio.timeout(seconds):
            await test(*arguments, **fixtures)

    return limited


@pytest.fixture(autouse=True, scope="module")
def _keys_of_modules() -> Iterator[None]:
    with _kept_key():
        yield


@pytest.fixture(autouse=True)
def _keys_of_tests(_keys_of_modules: None) -> Iterator[None]:
    with _kept_key():
        yield


@contextlib.contextmanager
def _kept_key() -> Iterator[None]:
    """The site's key is the process's: a store that a test opened with one must not seal what the next test writes for
    a program that has another."""
    site = sealed_fields._Site
    before = site.path, site.master
    yield
    site.path, site.master = before


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
