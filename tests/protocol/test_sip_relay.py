"""The relay of SIP over WebSocket: who may, what passes, what ends it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

from agent_console.phones import BrowserPhones
from agent_console.sip_relay import ELSEWHERE, POLICY, TAKEN
from tests.fakes.console_stage import Stage, stage
from tests.unit.test_sip_frames import BAD, GOOD

HUSH = "sip password that nobody shall see"


class Pbx:
    """Asterisk's WebSocket, as far as the relay sees it."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.lines: list[ServerConnection] = []
        self.news = asyncio.Event()
        self.deaf = False
        self.over = asyncio.Event()

    async def serve(self, line: ServerConnection) -> None:
        self.lines.append(line)
        self.news.set()
        if self.deaf:
            await self.over.wait()
            return
        async for text in line:
            self.got.append(str(text))
            self.news.set()

    async def has(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.got) < count:
                self.news.clear()
                await self.news.wait()


@contextlib.asynccontextmanager
async def site(**settings: object) -> AsyncIterator[tuple[Stage, Pbx]]:
    pbx = Pbx()
    async with serve(pbx.serve, "127.0.0.1", 0, subprotocols=["sip"]) as server:  # type: ignore[list-item]
        port = next(iter(server.sockets)).getsockname()[1]
        phones = BrowserPhones(
            pbx="main", websocket_url=f"ws://127.0.0.1:{port}/ws", devices=["PJSIP/11??"], secret=HUSH
        )
        async with stage(browser_phones=[phones], **settings) as on:
            for name, device in (("anna", "PJSIP/1101"), ("ben", "PJSIP/1002")):
                on.store.users.records[name].devices[:] = [device]
            try:
                yield on, pbx
            finally:
                pbx.over.set()


async def line(on: Stage, name: str, query: str = "", path: str = "/sip/main", **headers: str) -> ClientConnection:
    """A browser's connection."""
    if name and not headers:
        headers = {"Cookie": f"callweave_session={await on.token(name)}", "Origin": on.url}
    url = on.url.replace("http", "ws") + path + query
    return await connect(url, subprotocols=["sip"], additional_headers=headers, proxy=None)  # type: ignore[list-item]


async def code(connection: ClientConnection, seconds: float = 6.0) -> int:
    """How it was closed."""
    async with asyncio.timeout(seconds):
        await connection.wait_closed()
    return connection.close_code or 0


async def test_both_ways() -> None:
    async with site() as (on, pbx):
        browser = await line(on, "anna")
        assert browser.subprotocol == "sip"
        for text in GOOD.values():
            await browser.send(text)
        await pbx.has(len(GOOD))
        assert pbx.got == list(GOOD.values())
        assert pbx.lines[0].subprotocol == "sip"
        await pbx.lines[0].send("INVITE …")
        assert await browser.recv() == "INVITE …"
        await browser.close()
        async with asyncio.timeout(5):
            await pbx.lines[0].wait_closed()


async def test_the_account_is_the_own_one() -> None:
    async with site() as (on, _), on.http() as http:
        anna = (await http.get("/api/phone", headers=await on.headers("anna"))).json()
        assert anna == {
            "kind": "browser",
            "device": "PJSIP/1101",
            "sip_uri": "sip:1101@callweave.invalid",
            "username": "1101",
            "password": HUSH,
            "ws_path": "/sip/main",
            "pbx": "main",
        }
        got = await http.get("/api/phone", headers=await on.headers("ben"))
        assert got.json() == {"kind": "desk"}
        assert got.headers["cache-control"] == "no-store"
        assert (await http.get("/api/phone")).status_code == 401


@pytest.mark.parametrize("who", ["nobody", "ben", "foreign", "no origin", "other pbx", "no subprotocol", "wrong token"])
async def test_who_may_not(who: str) -> None:
    async with site() as (on, pbx):
        cookie = f"callweave_session={await on.token('ben' if who == 'ben' else 'anna')}"
        headers = {"Cookie": cookie, "Origin": on.url}
        if who == "nobody":
            del headers["Cookie"]
        if who == "foreign":
            headers["Origin"] = "http://evil.example"
        if who == "no origin":
            del headers["Origin"]
        if who == "wrong token":
            headers["Cookie"] = "callweave_session=guessed"
        url = on.url.replace("http", "ws") + ("/sip/second" if who == "other pbx" else "/sip/main")
        sip = [] if who == "no subprotocol" else ["sip"]
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, subprotocols=sip or None, additional_headers=headers, proxy=None)  # type: ignore[arg-type]
        assert refused.value.response.status_code == 403
        assert pbx.lines == []


@pytest.mark.parametrize("name", BAD)
async def test_a_frame_that_is_refused_ends_it(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with site() as (on, pbx):
        browser = await line(on, "anna")
        with contextlib.suppress(ConnectionClosed):
            await browser.send(BAD[name])
        assert await code(browser) in (POLICY, 1009)  # 1009: the server's own limit of a frame
        assert pbx.got == []
        assert not any("sip:110" in one.getMessage() for one in caplog.records if one.name.startswith("agent_console"))


async def test_bytes_are_refused() -> None:
    async with site() as (on, pbx):
        browser = await line(on, "anna")
        await browser.send(b"REGISTER")
        assert await code(browser) == POLICY
        assert pbx.got == []


async def test_it_ends_with_the_session() -> None:
    async with site(revocation_check_seconds=0.1) as (on, pbx):
        headers = await on.headers("anna")
        browser = await line(on, "anna", **headers)
        async with on.http() as http:
            await http.delete("/api/session", headers=headers)
        assert await code(browser, 5) == POLICY
        again = await line(on, "anna")
        on.store.users.records["anna"].devices[:] = ["PJSIP/1105"]  # she sits at another telephone now
        assert await code(again, 5) == POLICY
        assert all([await _closed(one) for one in pbx.lines])


async def _closed(connection: ServerConnection) -> bool:
    async with asyncio.timeout(5):
        await connection.wait_closed()
    return True


async def test_one_place_at_a_time() -> None:
    async with site() as (on, pbx):
        first = await line(on, "anna", "?tab=a")
        second = await line(on, "anna", "?tab=b")
        assert await code(second) == ELSEWHERE
        assert first.close_code is None
        again = await line(on, "anna", "?tab=a")  # the same tab after a cut that we did not notice
        assert await code(first) == TAKEN
        third = await line(on, "anna", "?tab=b&take=1")
        assert await code(again) == TAKEN
        await third.send(GOOD["register"])
        await pbx.has(1)


async def test_the_pbx_goes_away_and_is_not_there() -> None:
    async with site() as (on, pbx):
        browser = await line(on, "anna", "?tab=a")
        await browser.send(GOOD["register"])
        await pbx.has(1)
        await pbx.lines[0].close()
        assert await code(browser) == 1013
    phones = BrowserPhones(pbx="main", websocket_url="ws://127.0.0.1:1/ws", devices=["PJSIP/*"], secret=HUSH)
    async with stage(browser_phones=[phones]) as on:
        assert await code(await line(on, "anna")) == 1013


async def test_a_browser_that_sends_faster_than_the_pbx_reads_is_held_back() -> None:
    async with site() as (on, pbx):
        pbx.deaf = True
        browser = await line(on, "anna")
        text = GOOD["a body"].replace("v=0", "v=" + "0" * 60_000).replace("Content-Length: 11", "Content-Length: 60010")
        sent = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                for _ in range(2_000):
                    await browser.send(text)
                    sent += 1
        assert sent < 500  # 120 MB would have passed; what waits are the sockets' own buffers
        browser.transport.abort()
