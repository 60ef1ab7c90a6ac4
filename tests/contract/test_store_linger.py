"""What waits for the log ends its gathering, and who looks sees what he did. ``LONG``: nothing here ends by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from interaction_log import events as e
from interaction_log.records import NotFound
from interaction_log.store import EventLog, Store
from interaction_log.store.inbox import FLOOD
from interaction_log.store.reading import FRESH_SECONDS
from tests.fakes.call_events import call, calls

LONG = 60.0
SOON = LONG / 3
Opened = Callable[[float], EventLog]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/log.db"


@pytest.fixture
def opened(url: str, tmp_path: Path) -> Iterator[Opened]:
    """Opens the log with a linger; one at a time."""
    logs: list[EventLog] = []

    def again(linger: float) -> EventLog:
        for log in logs:
            log.close()
        logs.append(EventLog.open(url, tmp_path / "journal", on_state=print, journal_bytes=1_000_000, linger=linger))
        return logs[-1]

    yield again
    for log in logs:
        log.close()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    one = Store.open(url, default_region="CN")
    yield one
    one.close()


def say(log: EventLog, *told: e.Event) -> int:
    seq = 0
    for event in told:
        seq = log.next_seq()
        log.append(e.Recorded(seq, event))
    return seq


async def stored(log: EventLog) -> list[e.Event]:
    return [one.event async for one in log.events_after(0, 100_000)]


async def test_who_waits_for_the_disk_ends_the_gathering(opened: Opened) -> None:
    log = opened(LONG)
    told = list(call(1))
    say(log, *told[:9])
    assert await stored(log) == [] and log.backlog == 9
    async with asyncio.timeout(SOON):
        await log.durable(say(log, *told[9:]))
    assert await stored(log) == told and log.backlog == 0


async def test_many_who_wait_are_told_in_whatever_order_they_came(opened: Opened) -> None:
    log = opened(LONG)
    numbers = [say(log, event) for event in call(1)]
    waiting = [log.settled(seq) for seq in (numbers[5], numbers[2], numbers[-1], numbers[0], numbers[-1] + 100)]
    waiting[3].cancel()
    async with asyncio.timeout(SOON):
        await asyncio.gather(*waiting, return_exceptions=True)
    assert [one.cancelled() for one in waiting] == [False, False, False, True, False]


async def test_a_close_writes_what_gathers(opened: Opened) -> None:
    log = opened(LONG)
    told = list(call(1))
    say(log, *told)
    began = time.monotonic()
    log.close()
    assert time.monotonic() - began < SOON
    assert await stored(opened(LONG)) == told


async def test_without_anybody_who_waits_it_is_written_all_the_same(opened: Opened) -> None:
    log = opened(0.02)
    told = list(call(1))
    say(log, *told)
    deadline = time.monotonic() + SOON
    while log.backlog:
        assert time.monotonic() < deadline, "nothing was written"
        await asyncio.sleep(0.01)
    assert await stored(log) == told


async def test_who_looks_sees_what_the_log_was_given_before(opened: Opened, store: Store) -> None:
    log = opened(LONG)
    store.follow(log.shown)
    told = list(call(1))
    of = told[0].interaction_id  # type: ignore[attr-defined]
    say(log, e.AgentSignedIn(at=1.0, agent="agent1", name="A", devices=["PJSIP/1002"]), *told)
    usual: dict[str, Any] = {"start": None, "end": None, "queue": None, "agent": None, "limit": 10, "cursor": None}
    page = await store.interactions.page(customer_id=None, **usual)
    assert [one["id"] for one in page.items] == [of]
    say(log, e.NoteWritten(at=2e9, interaction_id=of, agent="agent1", text="später"))
    assert (await store.interactions.get(of))["notes"] == "später"
    say(log, *call(11))
    assert len(await store.interactions.recent_of_agent(["PJSIP/1002"], "agent1", 5)) == 2
    say(log, *list(call(2, caller="+8613900139000"))[:2])
    say(log, e.InteractionEnded(at=3e9, interaction_id=_of(2), outcome="abandoned", ended_by="customer"))
    missed = await store.missed.page(state=None, queue=None, limit=5, cursor=None, now=1_795_300_000.0)
    assert [one.id for one in missed.items] == [_of(2)]
    say(log, *call(3))
    assert "c3" in [one["customer_id"] for one in (await store.interactions.page(customer_id="c3", **usual)).items]
    say(log, e.CustomerIdentified(at=3e9, interaction_id=_of(2), customer_id="c9", agent="agent1"))
    assert [one["interaction_id"] for one in await store.customers.timeline("c9", 5, None)] == [_of(2)]


async def test_a_flood_is_seen_whole_by_who_looks_behind_it(opened: Opened, store: Store) -> None:
    log = opened(LONG)
    store.follow(log.shown)
    told = list(calls(20 * FLOOD // 14, 20))
    say(log, *told)
    async with asyncio.timeout(SOON):
        await log.shown()
    assert not log.behind
    for of in {one.interaction_id for one in told if isinstance(one, e.InteractionEvent)}:
        assert (await store.interactions.get(of))["ended_at"] is not None


async def test_a_look_up_of_a_caller_does_not_wait(opened: Opened, store: Store) -> None:
    log = opened(LONG)
    store.follow(log.shown)
    say(log, *call(1))
    assert (await store.customers.find_caller("+8613800138000")).strength == "unknown"
    assert log.backlog == 14


async def test_a_log_that_does_not_answer_keeps_no_reader(store: Store) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    store.follow(never)
    async with asyncio.timeout(SOON + FRESH_SECONDS):
        with pytest.raises(NotFound):
            await store.interactions.get("nobody")


def _of(n: int) -> str:
    return next(iter(call(n))).interaction_id  # type: ignore[attr-defined, no-any-return]
