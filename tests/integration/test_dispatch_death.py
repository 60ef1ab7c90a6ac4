"""Our own death in mid-chat (``kill -9``): the log has who had what and who waited, in which order."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from cti_gateway import attendance
from cti_gateway.gateway import agent_of
from interaction_log.store import EventLog
from interaction_log.store.seats import last_states
from tests.fakes.dispatch_child import load, made, state


class Child:
    """The process, and what it said last."""

    def __init__(self, url: str, journal: Path) -> None:
        self._url, self._journal = url, journal

    async def __aenter__(self) -> Child:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.fakes.dispatch_child", self._url, str(self._journal),
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
    log = await asyncio.to_thread(EventLog.open, url, journal, on_state=lambda _: None, journal_bytes=1_000_000)
    hub = made(log)
    try:
        await load(hub)
        agents = [agent_of(one, hub.people) for one in await asyncio.to_thread(last_states, url)]
        await hub.restore(log.open_interactions(), agents)
        assert state(hub) == before
        anna = hub.distributor.agents["anna"]
        assert sorted(anna.in_hand) == sorted((chats[0], chats[2]))
        monkeypatch.setattr(attendance, "GRACE_SECONDS", 0.02)
        hub.presence("anna", 0)  # her console does not come back
        async with asyncio.timeout(10):
            while hub.dispatch.engine.held:  # noqa: ASYNC110 (any state)
                await asyncio.sleep(0.01)
        assert state(hub)["line"] == [chats[0], chats[2], *chats[3:]]  # ahead of who came later
    finally:
        await hub.drain(1.0)
        await asyncio.to_thread(log.close)
