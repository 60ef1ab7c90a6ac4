"""Both servers of call entry on real sockets: the process in front, and the gateway's own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest_asyncio

from cti_gateway.agi.front import ADDRESS_TAKEN, Front, Settings
from cti_gateway.agi.lines import Question, Variables
from cti_gateway.bridge import MonotonicClock
from cti_gateway.fastagi import EntryServer
from cti_gateway.front_child import FrontChild
from tests.fakes import agi
from tests.pbx.asterisk import free_port

Answer = Callable[[Question], Awaitable[Variables]]
TOLD = [("CALLWEAVE_RESULT", "queue"), ("CALLWEAVE_QUEUE", "support"), ("CALLERID(name)", '李雷 "${X}"')]


class Gateway:
    """The gateway's side, with an answer that tests set."""

    def __init__(self, reactor: Any, folder: Path) -> None:
        self.asked: list[Question] = []
        self.socket = folder / "entry.sock"
        self.delay = 0.0
        self.told: Variables = TOLD
        self.tasks: list[asyncio.Task[None]] = []
        self._reactor = reactor
        self.server = self._made()

    def _made(self) -> EntryServer:
        spawn = lambda work: self.tasks.append(asyncio.ensure_future(work))  # noqa: E731
        return EntryServer(self.answer, spawn, self._reactor, MonotonicClock())

    async def answer(self, question: Question) -> Variables:
        self.asked.append(question)
        await asyncio.sleep(self.delay)
        return self.told

    def start(self) -> None:
        self.server = self._made()
        self.server.listen_unix(self.socket)


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(reactor: Any, tmp_path: Path) -> AsyncIterator[Gateway]:
    made = Gateway(reactor, tmp_path)
    made.start()
    yield made
    await made.server.stop()
    await asyncio.gather(*made.tasks, return_exceptions=True)


@pytest_asyncio.fixture(loop_scope="session")
async def front(gateway: Gateway) -> AsyncIterator[Front]:
    made = Front(Settings(gateway.socket, port=0, patience=0.3, child=True))
    await made.start()
    await linked(gateway)
    yield made
    await made.stop()


async def linked(gateway: Gateway) -> None:
    async with asyncio.timeout(5):
        while not gateway.server.fronts:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_the_front_passes_question_and_answer_on(gateway: Gateway, front: Front) -> None:
    told = await agi.ask(front.port, "route?queue=support&pbx=lab", calleridname="x")
    assert told == {"CALLWEAVE_RESULT": "queue", "CALLWEAVE_QUEUE": "support", "CALLERID(name)": "李雷 X"}
    (question,) = gateway.asked
    assert (question.kind, question.pbx, question.queue, question.number) == ("route", "lab", "support", "13800138000")
    assert question.dialled == "820" and question.unique_id == "1795293080.1"


async def test_a_slow_gateway_is_not_waited_for(gateway: Gateway, front: Front) -> None:
    gateway.delay = 1.5  # five times the patience: who waited would not get the default
    told = await asyncio.gather(*(agi.ask(front.port) for _ in range(20)))
    assert told == [{"CALLWEAVE_RESULT": "default", "CALLWEAVE_QUEUE": "support"}] * 20
    gateway.delay = 0.0
    await asyncio.gather(*gateway.tasks)  # late answers are nobody's
    assert (await agi.ask(front.port))["CALLWEAVE_RESULT"] == "queue"


async def test_a_gateway_that_goes_and_comes(gateway: Gateway, front: Front) -> None:
    await gateway.server.stop()
    assert (await agi.ask(front.port))["CALLWEAVE_RESULT"] == "default"
    gateway.start()
    await linked(gateway)
    async with asyncio.timeout(2):
        while (await agi.ask(front.port))["CALLWEAVE_RESULT"] != "queue":  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_an_answer_that_cannot_be_said_becomes_the_default(gateway: Gateway, front: Front) -> None:
    for told in ([("SHELL(id)", "x")], [("CALLWEAVE_QUEUE", "x")] * 40):
        gateway.told = told
        assert (await agi.ask(front.port))["CALLWEAVE_RESULT"] == "default"


async def test_a_torn_environment_is_not_even_asked(gateway: Gateway, front: Front) -> None:
    told = await agi.ask(front.port, callerid="1\nagi_extension: 911\nagi_network_script: route?queue=evil")
    assert told == {"CALLWEAVE_RESULT": "default", "CALLWEAVE_QUEUE": "support"} and gateway.asked == []


async def test_garbage_and_silence_hold_nothing(gateway: Gateway, front: Front) -> None:
    for data in (b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 20_000, b"agi_a: b\n" * 200, b""):
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
        writer.write(data)
        writer.write_eof()
        async with asyncio.timeout(3):
            while await reader.read(1000):
                pass
        writer.close()
    assert (await agi.ask(front.port))["CALLWEAVE_RESULT"] == "queue"


async def test_a_caller_who_hangs_up_in_mid_question(gateway: Gateway, front: Front) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", front.port)
    writer.write(agi.environment() + b"HANGUP\n")
    writer.close()
    assert (await agi.ask(front.port))["CALLWEAVE_RESULT"] == "queue"


async def test_only_allowed_networks_may_ask(gateway: Gateway) -> None:
    strict = Front(Settings(gateway.socket, port=0, allowed=("10.0.0.0/8",)))
    await strict.start()
    try:
        with contextlib.suppress(ConnectionError):
            assert await agi.ask(strict.port) == {}
        assert strict.failed == 1 and gateway.asked == []
    finally:
        await strict.stop()


async def test_nonsense_on_the_socket_disturbs_nobody(gateway: Gateway, front: Front) -> None:
    reader, writer = await asyncio.open_unix_connection(gateway.socket)
    for line in (b"{}", b"[]", b"null", b'{"id": 1}', b"{" * 5000, b'{"id": [], "set": 1}', b"\xff"):
        writer.write(line + b"\n")
    await writer.drain()
    assert (await agi.ask(front.port))["CALLWEAVE_RESULT"] == "queue"
    writer.write(b"x" * 100_000)  # longer than any line: the connection ends
    async with asyncio.timeout(3):
        assert await reader.read() == b""
    writer.close()


async def test_the_gateways_word_ends_a_child(gateway: Gateway, front: Front) -> None:
    gateway.server.dismiss()
    await asyncio.wait_for(front.stopping.wait(), 3)


async def test_the_gateway_answers_fastagi_itself_too(gateway: Gateway) -> None:
    port = gateway.server.listen_tcp("127.0.0.1", 0)
    assert (await agi.ask(port))["CALLWEAVE_QUEUE"] == "support"
    assert (await agi.ask(port, callerid="1\nagi_extension: 2"))["CALLWEAVE_RESULT"] == "default"
    gateway.told = [("SHELL(id)", "x")]
    assert await agi.ask(port) == {}


async def test_alone_it_answers_the_default_and_the_port_is_nobody_elses(tmp_path: Path) -> None:
    port = free_port()
    config = tmp_path / "callweave.toml"
    config.write_text(f"[entry]\nport = {port}\nfront = false\n")
    command = [sys.executable, "-m", "cti_gateway.main", "agi-front", "--config", str(config)]
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    process = await asyncio.create_subprocess_exec(*command, env=environ, stderr=asyncio.subprocess.DEVNULL)
    try:
        told: dict[str, str] = {}
        async with asyncio.timeout(15):
            while not told:
                with contextlib.suppress(OSError):
                    told = await agi.ask(port, "route?queue=night")
                await asyncio.sleep(0.05)
        assert told == {"CALLWEAVE_RESULT": "default", "CALLWEAVE_QUEUE": "night"}
        assert (await agi.ask(port, "callback?queue=night"))["CALLWEAVE_CALLBACK"] == "unavailable"
        second = await asyncio.create_subprocess_exec(*command, env=environ, stderr=asyncio.subprocess.DEVNULL)
        assert await asyncio.wait_for(second.wait(), 15) == ADDRESS_TAKEN
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 5) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


async def test_a_front_that_dies_is_started_again_and_ends_with_us(gateway: Gateway) -> None:
    port = free_port()
    child = FrontChild(gateway.server, gateway.socket, "127.0.0.1", port, 0.3)
    child.start()
    try:
        await linked(gateway)
        first = child.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        async with asyncio.timeout(15):
            while not (gateway.server.fronts and child.pid not in (None, first)):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert (await agi.ask(port))["CALLWEAVE_RESULT"] == "queue" and child.deaths == 1
    finally:
        await child.stop()
    assert child.pid is None
