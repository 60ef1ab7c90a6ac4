"""Which threads take the processor from nobody."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from interaction_log.precedence import beside
from interaction_log.store.engine import open_engine
from interaction_log.store.reading import Reading
from interaction_log.store.writing import Writing

pytestmark = pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="a scheduler of Linux")


def policy() -> int:
    """Of the calling thread."""
    return os.sched_getscheduler(threading.get_native_id())


def test_a_thread_says_it_of_itself_alone() -> None:
    before = policy()
    with ThreadPoolExecutor(1, initializer=beside) as threads:
        assert threads.submit(policy).result() == os.SCHED_BATCH
    assert policy() == before


async def test_the_threads_of_the_store_are_beside_the_loop(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    open_engine(url).connect().close()
    reading, writing = Reading(url), Writing(url)
    try:
        assert await reading(lambda connection: policy()) == os.SCHED_BATCH
        assert await writing(lambda connection: policy()) == os.SCHED_BATCH
    finally:
        reading.close()
        writing.close()


def test_a_system_that_knows_no_policies_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    before = policy()
    monkeypatch.setattr(os, "sched_setscheduler", refused)
    beside()
    assert policy() == before
