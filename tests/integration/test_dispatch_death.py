"""Our own death in mid-chat (``kill -9``): the log has who had what and who waited, in which order."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent_console import wire
from cti_gateway import attendance
from cti_gateway.gateway import agent_of, to_be_wrapped_up
from cti_gateway.hub import Hub
from interaction_log import events as e
from interaction_log.store import EventLog
from interaction_log.store.seats import last_states
from routing.capacity import WrapUpHolds
from tests.fakes.dispatch_child import load, made, state


class Child:
    """The process, and what it said last."""

    def __init__(self, url: str, journal: Path, *more: str) -> None:
        self._arguments = (url, str(journal), *more)

    async def __aenter__(self) -> Child:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.fakes.dispatch_child", *self._arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def say(self, *words: str) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write((" ".join(words) + "\n").encode())
        async with asyncio.timeout(60):
            return json.loads(await self._process.stdout.readline())

    async def die(self) -> None:
        self._process.kill()  # SIGKILL: nothing is put in order
        await self._process.wait()


@asynccontextmanager
async def again(url: str, journal: Path, holds: WrapUpHolds = "everything") -> AsyncIterator[Hub]:
    """The process after it, with all that the log has."""
    log = await asyncio.to_thread(EventLog.open, url, journal, on_state=lambda _: None, journal_bytes=1_000_000)
    hub = made(log, holds)
    try:
        await load(hub)
        states = await asyncio.to_thread(last_states, url)
        ended = await to_be_wrapped_up(log, states)
        await hub.restore(log.open_interactions() + ended, [agent_of(one, hub.people) for one in states])
        yield hub
    finally:
        await hub.drain(1.0)
        await asyncio.to_thread(log.close)


async def test_killed_in_mid_chat_everything_is_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, journal = f"sqlite:///{tmp_path}/log.db", tmp_path / "journal"
    chats = [str(uuid.uuid4()) for _ in range(5)]
    async with Child(url, journal) as child:
        await child.say("sign_in", "anna")
        for one in chats[:3]:
            await child.say("chat", one)
            await child.say("answer", one, "anna")
        await child.say("end", chats[1])
        before = [await child.say("chat", one) for one in chats[3:]][-1]
        assert before["held"] == dict.fromkeys(sorted((chats[0], chats[2])), "anna") and before["line"] == chats[3:]
        await child.die()
    async with again(url, journal) as hub:
        assert state(hub) == before
        anna = hub.distributor.agents["anna"]
        assert sorted(anna.in_hand) == sorted((chats[0], chats[2]))
        monkeypatch.setattr(attendance, "GRACE_SECONDS", 0.02)
        hub.presence("anna", 0)  # her console does not come back
        async with asyncio.timeout(10):
            while hub.dispatch.engine.held:  # noqa: ASYNC110 (any state)
                await asyncio.sleep(0.01)
        assert state(hub)["line"] == [chats[0], chats[2], *chats[3:]]  # ahead of who came later


@pytest.mark.parametrize("holds", ["everything", "weight"])
async def test_killed_while_wrap_ups_wait_behind_another_all_of_them_follow(tmp_path: Path, holds: WrapUpHolds) -> None:
    """Three chats end one after the other: the first is wrapped up, the others wait; none is lost with the process."""
    url, journal = f"sqlite:///{tmp_path}/log.db", tmp_path / "journal"
    chats = [str(uuid.uuid4()) for _ in range(3)]
    async with Child(url, journal, holds) as child:
        await child.say("sign_in", "anna")
        for one in chats:
            await child.say("chat", one)
            await child.say("answer", one, "anna")
        before = [await child.say("end", one) for one in chats][-1]
        first = [chats[0]] if holds == "everything" else [None, chats[0]]
        assert before["wrap_ups"] == {"anna": [*first, *chats[1:]]}
        waiting = await child.say("chat", str(uuid.uuid4()))
        assert len(waiting["line"]) == 1 and waiting["held"] == {}  # there is no room: they keep their weight
        await child.die()
    async with again(url, journal, holds) as hub:
        assert state(hub)["wrap_ups"] == before["wrap_ups"]
        hub.presence("anna", 1)
        anna, engine = hub.distributor.agents["anna"], hub.dispatch.engine
        assert anna.after_work() == ["chat"] * 3 and not anna.room_for_a_call
        assert {one["id"] for one in hub.snapshot("anna")["interactions"]} == set(chats)  # they are on her desk again
        assert engine.crew.seats["anna"].offered is None
        for one in chats:
            done = wire.WrapUp(id=f"w{one}", interaction_id=one, disposition=None, notes="written after the restart")
            said = hub.submit("anna", "wrap_up", done)
            assert (said if isinstance(said, dict) else await said) == {"ok": True}
        assert state(hub)["wrap_ups"] == {} and anna.state == "OFFERED"  # and who waited is offered now


async def test_killed_in_a_wrap_up_its_time_goes_on_and_the_next_follows(tmp_path: Path) -> None:
    url, journal = f"sqlite:///{tmp_path}/log.db", tmp_path / "journal"
    chats = [str(uuid.uuid4()) for _ in range(2)]
    async with Child(url, journal) as child:
        await child.say("sign_in", "anna")
        for one in chats:
            await child.say("chat", one)
            await child.say("answer", one, "anna")
        for one in chats:
            await child.say("end", one)
        await child.die()
    async with again(url, journal) as hub:
        anna = hub.distributor.agents["anna"]
        assert anna.wrapping == chats[0] and hub.timers.running("wrap_up:anna")
        hub.take([e.TimerFired(at=hub.wall(), key="wrap_up:anna")])
        assert (anna.wrapping, list(anna.to_wrap)) == (chats[1], [])
        hub.take([e.TimerFired(at=hub.wall(), key="wrap_up:anna")])
        assert anna.chosen == anna.rest() == "READY" and not anna.after_work()
