"""Engine.IO 4 and Socket.IO 5 by the book, on our server: uvicorn with our protocol classes, our ASGI application
around python-socketio, our strict packets and patient sockets.

What is asked here is what the protocols' authors ask in their own conformance suites (in socketio/socket.io, MIT; they
themselves are run by ``scripts/conformance.py``), case by case, said anew: a server with the ping interval 300 ms, the
time-out 200 ms and a payload of a million bytes, that sends back what it gets. Where no echo is needed, the consoles'
and the visitors' own servers are asked too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from agent_console.server import Server, listen
from tests.fakes.chat_stage import ORIGIN, chat_stage
from tests.fakes.console_stage import stage
from tests.fakes.echo_server import INTERVAL, TIMEOUT, Echo

EACH: Final = "\x1e"
SECONDS: Final = 5.0
pytestmark = pytest.mark.timeout(60)


class Client:
    """Requests to one of the two applications."""

    def __init__(self, http: aiohttp.ClientSession, base: str) -> None:
        self.http, self.base = http, base

    async def ask(self, query: str, method: str = "GET", body: str | None = None) -> tuple[int, str]:
        async with self.http.request(method, f"{self.base}?{query}", data=body) as answer:
            return answer.status, await answer.text()

    async def begin(self) -> str:
        """A session by long polling."""
        status, text = await self.ask("EIO=4&transport=polling")
        assert status == 200
        return str(json.loads(text[1:])["sid"])

    async def poll(self, sid: str) -> tuple[int, str]:
        return await self.ask(f"EIO=4&transport=polling&sid={sid}")

    async def push(self, sid: str, body: str) -> tuple[int, str]:
        return await self.ask(f"EIO=4&transport=polling&sid={sid}", "POST", body)

    async def open(self, query: str = "EIO=4&transport=websocket") -> aiohttp.ClientWebSocketResponse:
        return await self.http.ws_connect(f"{self.base}?{query}", autoping=True)

    async def refused(self, query: str) -> bool:
        """Whether no WebSocket can be had so."""
        try:
            line = await self.open(query)
        except aiohttp.WSServerHandshakeError:
            return True
        return await closed(line)

    async def opened(self) -> aiohttp.ClientWebSocketResponse:
        """A WebSocket after the engine's greeting."""
        line = await self.open()
        assert (await heard(line)).startswith("0")
        return line

    async def joined(self, namespace: str = "") -> aiohttp.ClientWebSocketResponse:
        """A WebSocket that has joined a namespace and heard what came with that."""
        line = await self.opened()
        await line.send_str(f"40{namespace}")
        await heard(line)
        await heard(line)
        return line


async def heard(line: aiohttp.ClientWebSocketResponse) -> Any:
    """The next message that is no ping; pings are answered."""
    async with asyncio.timeout(SECONDS):
        while True:
            message = await line.receive()
            if message.type == aiohttp.WSMsgType.TEXT and message.data == "2":
                await line.send_str("3")
                continue
            assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
            return message.data


async def closed(line: aiohttp.ClientWebSocketResponse) -> bool:
    """Whether the server closes it, whatever it says before."""
    async with asyncio.timeout(SECONDS):
        while not line.closed:
            message = await line.receive()
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR):
                return True
    return True


@pytest.fixture
async def server() -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    running = Server(Echo(), listen("127.0.0.1", 0))
    await running.start()
    http = aiohttp.ClientSession()
    try:
        yield http, f"http://127.0.0.1:{running.port}"
    finally:
        await http.close()
        with contextlib.suppress(TimeoutError):
            await running.stop()


@pytest.fixture
def engine(server: tuple[aiohttp.ClientSession, str]) -> Client:
    return Client(server[0], f"{server[1]}/engine.io/")


@pytest.fixture
def io(server: tuple[aiohttp.ClientSession, str]) -> Client:
    return Client(server[0], f"{server[1]}/socket.io/")


@pytest.fixture(params=["engine.io", "socket.io"])
def either(request: pytest.FixtureRequest, server: tuple[aiohttp.ClientSession, str]) -> Client:
    return Client(server[0], f"{server[1]}/{request.param}/")


# --- Engine.IO: the handshake ------------------------------------------------------------------------


def greeted(text: str, upgrades: list[str]) -> None:
    assert text.startswith("0")
    value = json.loads(text[1:])
    assert set(value) == {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}
    assert isinstance(value["sid"], str) and value["upgrades"] == upgrades
    assert (value["pingInterval"], value["pingTimeout"], value["maxPayload"]) == (300, 200, 1_000_000)


async def test_a_session_is_opened_by_polling(either: Client) -> None:
    status, text = await either.ask("EIO=4&transport=polling")
    assert status == 200
    greeted(text, ["websocket"])


async def test_a_session_is_opened_by_websocket(either: Client) -> None:
    line = await either.open()
    greeted(await heard(line), [])
    await line.close()


@pytest.mark.parametrize("query", ["transport=polling", "EIO=abc&transport=polling", "EIO=4", "EIO=4&transport=abc"])
async def test_a_wrong_query_is_refused(either: Client, query: str) -> None:
    assert (await either.ask(query))[0] == 400
    assert await either.refused(query.replace("polling", "websocket"))


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_session_begins_with_get(either: Client, method: str) -> None:
    assert (await either.ask("EIO=4&transport=polling", method))[0] == 400


# --- Engine.IO: messages -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "payload", ["4hello", EACH.join(["4test1", "4test2", "4test3"]), EACH.join(["4hello", "bAQIDBA=="])]
)
async def test_polling_carries_one_packet_and_several_and_binary_ones(engine: Client, payload: str) -> None:
    sid = await engine.begin()
    assert (await engine.push(sid, payload)) == (200, "ok")
    status, text = await engine.poll(sid)
    assert (status, text) == (200, payload)


async def test_a_payload_that_is_none_ends_the_session(engine: Client) -> None:
    sid = await engine.begin()
    assert (await engine.push(sid, "abc"))[0] == 400
    assert (await engine.poll(sid))[0] == 400


async def test_two_polls_at_once_end_the_session(engine: Client) -> None:
    sid = await engine.begin()
    first = asyncio.create_task(engine.poll(sid))
    await asyncio.sleep(0.01)  # the order of two connections has no event
    second = await engine.poll(sid)
    assert sorted([(await first)[0], second[0]]) == [200, 400]
    assert (await engine.poll(sid))[0] == 400


async def test_a_websocket_carries_text_and_bytes(engine: Client) -> None:
    line = await engine.opened()
    await line.send_str("4hello")
    assert await heard(line) == "4hello"
    await line.send_bytes(bytes([1, 2, 3, 4]))
    assert await heard(line) == bytes([1, 2, 3, 4])
    await line.close()


async def test_a_frame_that_is_no_packet_ends_the_websocket(either: Client) -> None:
    line = await either.opened()
    await line.send_str("abc")
    assert await closed(line)


# --- Engine.IO: heartbeat, end, upgrade --------------------------------------------------------------


async def test_polling_is_pinged_and_answers(either: Client) -> None:
    sid = await either.begin()
    for _ in range(3):
        assert await either.poll(sid) == (200, "2")
        assert (await either.push(sid, "3"))[0] == 200


async def test_a_websocket_is_pinged_and_answers(either: Client) -> None:
    line = await either.opened()
    for _ in range(3):
        assert (await line.receive(SECONDS)).data == "2"
        await line.send_str("3")
    await line.close()


async def test_silence_ends_a_polling_session(either: Client) -> None:
    sid = await either.begin()
    await asyncio.sleep(INTERVAL + TIMEOUT + 0.1)  # this silence is what is tested
    assert (await either.poll(sid))[0] == 400


async def test_silence_ends_a_websocket(either: Client) -> None:
    assert await closed(await either.opened())


async def test_polling_is_closed_by_the_client(either: Client) -> None:
    sid = await either.begin()
    poll = asyncio.create_task(either.poll(sid))
    await asyncio.sleep(0.02)  # the order of two connections has no event
    assert (await either.push(sid, "1"))[0] == 200
    assert await poll == (200, "6")
    assert (await either.poll(sid))[0] == 400


async def test_a_websocket_is_closed_by_the_client(either: Client) -> None:
    line = await either.opened()
    await line.send_str("1")
    assert await closed(line)


async def upgraded(client: Client, sid: str) -> aiohttp.ClientWebSocketResponse:
    line = await client.open(f"EIO=4&transport=websocket&sid={sid}")
    await line.send_str("2probe")
    assert (await line.receive(SECONDS)).data == "3probe"
    return line


async def test_polling_becomes_a_websocket(engine: Client) -> None:
    sid = await engine.begin()
    line = await upgraded(engine, sid)
    assert await engine.poll(sid) == (200, "6")
    await line.send_str("5")
    await line.send_str("4hello")
    assert await heard(line) == "4hello"
    await line.close()


async def test_after_the_upgrade_nothing_else_is_taken_for_the_session(either: Client) -> None:
    sid = await either.begin()
    line = await upgraded(either, sid)
    await line.send_str("5")
    status, _ = await either.poll(sid)
    assert status == 400
    assert await closed(await either.open(f"EIO=4&transport=websocket&sid={sid}"))
    assert (await line.receive(SECONDS)).data == "2"  # it lives, and no packet that should end a poll comes here
    await line.close()


# --- Socket.IO ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "prefix", "given"),
    [
        ("40", "40", '42["auth",{}]'),
        ('40{"token":"123"}', "40", '42["auth",{"token":"123"}]'),
        ("40/custom,", "40/custom,", '42/custom,["auth",{}]'),
        ('40/custom,{"token":"abc"}', "40/custom,", '42/custom,["auth",{"token":"abc"}]'),
    ],
)
async def test_a_namespace_is_joined(io: Client, asked: str, prefix: str, given: str) -> None:
    line = await io.opened()
    await line.send_str(asked)
    answers = [await heard(line), await heard(line)]
    assert answers[0].startswith(prefix)
    welcome = json.loads(answers[0].removeprefix(prefix))
    assert set(welcome) == {"sid"} and isinstance(welcome["sid"], str)
    assert answers[1] == given
    await line.close()


async def test_an_unknown_namespace_is_refused(io: Client) -> None:
    line = await io.opened()
    await line.send_str("40/random")
    assert await heard(line) == '44/random,{"message":"Invalid namespace"}'
    await line.close()


@pytest.mark.parametrize("said", ["4abc", "42{}", '42abc["message"]', "42[]"])
async def test_a_packet_that_is_none_ends_the_connection(io: Client, said: str) -> None:
    line = await io.opened()
    await line.send_str(said)
    assert await closed(line)


async def test_leaving_a_namespace(io: Client) -> None:
    line = await io.joined()
    await line.send_str("40/custom")
    await heard(line)
    await heard(line)
    await line.send_str("41/custom")
    await line.send_str('42["message","message to main namespace"]')
    assert await heard(line) == '42["message-back","message to main namespace"]'
    await line.close()


async def test_leaving_the_last_namespace(io: Client) -> None:
    line = await io.joined()
    await line.send_str("41")
    assert await closed(line)


async def test_text_there_and_back(io: Client) -> None:
    line = await io.joined()
    await line.send_str('42["message",1,"2",{"3":[true]}]')
    assert await heard(line) == '42["message-back",1,"2",{"3":[true]}]'
    await line.send_str('42456["message-with-ack",1,"2",{"3":[false]}]')
    assert await heard(line) == '43456[1,"2",{"3":[false]}]'
    await line.close()


async def test_binary_there_and_back(io: Client) -> None:
    line = await io.joined()
    holes = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'
    for asked, answered in (
        (f'452-["message",{holes}]', f'452-["message-back",{holes}]'),
        (f'452-789["message-with-ack",{holes}]', f"462-789[{holes}]"),
    ):
        await line.send_str(asked)
        await line.send_bytes(bytes([1, 2, 3]))
        await line.send_bytes(bytes([4, 5, 6]))
        assert [await heard(line) for _ in range(3)] == [answered, bytes([1, 2, 3]), bytes([4, 5, 6])]
    await line.close()


# --- the consoles' and the visitors' own servers -----------------------------------------------------


@pytest.fixture(params=["consoles", "visitors"])
async def ours(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Client]:
    """The servers as they run. They want to know who comes; what lies below is the same protocol."""
    async with contextlib.AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession(headers={"Origin": ORIGIN}))
        if request.param == "consoles":
            on = await stack.enter_async_context(stage())
            del http.headers["Origin"]
            yield Client(http, f"{on.url}/socket.io/")
        else:
            site = await stack.enter_async_context(chat_stage(tmp_path))
            yield Client(http, f"{site.base}/chat/socket.io/")


async def test_our_servers_greet_by_the_book(ours: Client) -> None:
    status, text = await ours.ask("EIO=4&transport=polling")
    value = json.loads(text[1:])
    assert status == 200 and text.startswith("0")
    assert set(value) == {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}
    assert value["upgrades"] == ["websocket"] and value["pingInterval"] >= 1000 <= value["pingTimeout"]
    line = await ours.open()
    assert json.loads((await heard(line))[1:])["upgrades"] == []
    await line.close()


@pytest.mark.parametrize("query", ["transport=polling", "EIO=abc&transport=polling", "EIO=4", "EIO=4&transport=abc"])
async def test_our_servers_refuse_a_wrong_query(ours: Client, query: str) -> None:
    assert (await ours.ask(query))[0] == 400
    assert await ours.refused(query.replace("polling", "websocket"))


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_our_servers_begin_with_get(ours: Client, method: str) -> None:
    assert (await ours.ask("EIO=4&transport=polling", method))[0] == 400


async def test_our_servers_end_a_session_by_the_book(ours: Client) -> None:
    sid = await ours.begin()
    poll = asyncio.create_task(ours.poll(sid))
    await asyncio.sleep(0.02)  # the order of two connections has no event
    assert await ours.push(sid, "1") == (200, "ok")
    assert await poll == (200, "6")
    assert (await ours.poll(sid))[0] == 400
    sid = await ours.begin()
    assert (await ours.push(sid, "abc"))[0] == 400
    assert (await ours.poll(sid))[0] == 400
    line = await ours.opened()
    await line.send_str("1")
    assert await closed(line)


async def test_our_servers_upgrade_by_the_book(ours: Client) -> None:
    sid = await ours.begin()
    line = await upgraded(ours, sid)
    assert await ours.poll(sid) == (200, "6")
    await line.send_str("5")
    await line.send_str("40/random")
    assert await heard(line) == '44/random,{"message":"Invalid namespace"}'
    assert (await ours.poll(sid))[0] == 400
    second = await ours.open(f"EIO=4&transport=websocket&sid={sid}")
    assert await closed(second)  # opened, then closed: not a refusal of HTTP
    await line.send_str("40/other")  # and the first one stays
    assert await heard(line) == '44/other,{"message":"Invalid namespace"}'
    await line.close()


async def test_our_servers_survive_an_upgrade_that_comes_to_nothing(ours: Client) -> None:
    sid = await ours.begin()
    line = await ours.open(f"EIO=4&transport=websocket&sid={sid}")
    await line.close()  # before the probe
    async with asyncio.timeout(SECONDS):
        while True:
            again = await ours.open(f"EIO=4&transport=websocket&sid={sid}")
            with contextlib.suppress(ConnectionError):
                await again.send_str("2probe")
            answer = await again.receive()
            if answer.data == "3probe":
                break
            await asyncio.sleep(0.02)  # the server has not seen the first one go
    await again.send_str("5")
    await again.send_str("40/random")
    assert await heard(again) == '44/random,{"message":"Invalid namespace"}'
    await again.close()
