"""Looks for garbage by the clock."""

from __future__ import annotations

import asyncio
import gc

import pytest

from cti_gateway import memory
from cti_gateway.memory import Looks, paced
from tests.fakes.patience import PATIENCE


def test_the_more_there_was_to_look_at_the_sooner_the_next_look() -> None:
    assert paced(0.1, memory.LOOK_SECONDS) == 0.1
    assert paced(0.1, memory.LOOK_SECONDS * 4) == pytest.approx(0.025)
    assert paced(0.1, memory.LOOK_SECONDS / 100) == pytest.approx(0.2)
    assert paced(0.1, 0.0) == pytest.approx(0.2)
    assert paced(0.02, 1.0) == memory._SOONEST and paced(0.4, 0.0) == memory._LATEST


class Ring:
    """Only the collector frees it."""

    def __init__(self) -> None:
        self.me = self


async def test_garbage_is_found_though_as_much_goes_as_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    found = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Told(Ring):
        def __del__(self) -> None:
            loop.call_soon_threadsafe(found.set)

    before = gc.get_threshold()
    gc.set_threshold(1_000_000, 1_000, 1_000)  # none by count
    monkeypatch.setattr(memory, "_LATEST", 0.01)
    looks = Looks()
    looks.start()
    try:
        Told()
        async with asyncio.timeout(PATIENCE):
            await found.wait()
    finally:
        await looks.stop()
        gc.set_threshold(*before)


async def test_the_oldest_are_looked_at_when_memory_grew(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    monkeypatch.setattr(gc, "collect", lambda generation=2: looked.append(generation) or 0)
    looks, peak = Looks(), memory.peak_kilobytes()
    monkeypatch.setattr(memory, "peak_kilobytes", lambda: peak * 2)
    looks._look()
    looks._full_at -= memory.FULL_SECONDS + 1
    looks._look()
    looks._full_at -= memory.FULL_SECONDS + 1
    looks._look()  # it has grown no more
    await looks.stop()
    assert looked == [1, 2, 1]
