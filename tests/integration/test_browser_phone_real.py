"""The telephone in the browser: two Chromiums, a real Asterisk, our relay between them; sound is proved by its pitch."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from interaction_log.records import User
from tests.fakes import program as programs
from tests.fakes.browser import need_app
from tests.fakes.browser_phone import Talker, launch
from tests.fakes.program import PASSWORD, Program, prepare
from tests.fakes.tone_phone import TonePhone
from tests.pbx.fixtures import pbx, stage  # noqa: F401 (fixtures)
from tests.pbx.phone import Call
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk"), pytest.mark.real("chromium"), pytest.mark.timeout(120)]
CUSTOMER, ANNA, BEN = 1000, 700, 1300
"""Hertz of what each of them says; music on hold is 440."""
PEOPLE = (
    User(name="anna", display_name="Anna", role="agent", devices=["PJSIP/1101"]),
    User(name="ben", display_name="Ben", role="agent", devices=["PJSIP/1102"]),
    User(name="emil", display_name="Emil", role="agent", devices=["PJSIP/1005"]),
    User(name="sofia", display_name="Sofia", role="supervisor"),
)


@dataclass
class Wires:
    """TCP between our relay and the PBX, which can be cut."""

    port: int
    server: asyncio.Server | None = None
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> int:
        """The port to use instead."""
        self.server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        return int(self.server.sockets[0].getsockname()[1])

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.port)
        self.open |= {writer, back}
        await asyncio.wait([asyncio.ensure_future(_pump(reader, back)), asyncio.ensure_future(_pump(there, writer))])
        self.open -= {writer, back}

    def cut(self) -> None:
        """Everything at once, without a word."""
        for writer in list(self.open):
            writer.transport.abort()

    async def stop(self) -> None:
        self.cut()
        if self.server is not None:
            self.server.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@dataclass
class Site:
    """All that a test needs."""

    stage: Stage
    program: Program
    wires: Wires
    ear: TonePhone
    browsers: dict[str, Browser]

    def customer(self, dialled: str = "800") -> Call:
        """Somebody outside calls, playing a tone."""
        return self.stage.customer("13800138000", dialled)

    @asynccontextmanager
    async def at(self, name: str, *, ready: bool = True, microphone: bool = True) -> AsyncIterator[Talker]:
        """Somebody signs in at her browser."""
        person = await Talker.arrive(self.browsers[name], self.program.url, microphone=microphone)
        try:
            await person.sign_in(name, PASSWORD)
            await person.expect("desk")
            if ready:
                await person.ready()
            yield person
            assert person.errors == []
        finally:
            await person.context.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browsers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Browser]]:
    """One for each of the two tones."""
    need_app()
    folder = tmp_path_factory.mktemp("tones")
    async with async_playwright() as playwright:
        anna, ben = await launch(playwright, folder, ANNA), await launch(playwright, folder, BEN)
        try:
            yield {"anna": anna, "ben": ben, "emil": ben}
        finally:
            await asyncio.gather(anna.close(), ben.close())


@pytest_asyncio.fixture
async def site(
    stage: Stage,  # noqa: F811
    browsers: dict[str, Browser],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Site]:
    monkeypatch.setattr(programs, "PEOPLE", PEOPLE)
    await stage.nobody_free("1001", "1002")  # the desk phones come before the browsers in the queue
    await stage.outside.close()
    ear = TonePhone("pstn", stage.pbx.ports.pstn, stage.pbx.ports.sip, host="127.0.0.2", hertz=CUSTOMER)
    stage.outside = await ear.open()
    wires = Wires(stage.pbx.ports.http)
    more = (
        f'websocket_url = "ws://127.0.0.1:{await wires.start()}/ws"\n'
        f'browser_devices = ["PJSIP/11??"]\nbrowser_secret = "{stage.pbx.secret}"'
    )
    config = await prepare(tmp_path, port=stage.pbx.ports.ami, secret=stage.pbx.secret, more=more)
    config.write_text(config.read_text().replace('["PJSIP/10??"]', '["PJSIP/10??", "PJSIP/11??"]'))
    async with Program(tmp_path, "--config", str(config)) as program:
        yield Site(stage, program, wires, ear, browsers)
        assert stage.pbx.secret not in program.errors()
    await wires.stop()


async def answered(site: Site, agent: Talker) -> Call:
    """A customer in the queue, answered with the console's button; they hear each other."""
    customer = site.customer()
    await agent.expect("pop")
    await agent.press("answer")
    await agent.expect("call-card")
    await agent.until_it_hears(CUSTOMER)
    return customer


async def test_answer_hold_mute_keys_hang_up(site: Site) -> None:
    async with site.at("anna") as anna:
        customer = await answered(site, anna)
        await site.ear.until_it_hears(ANNA)
        await anna.photograph("phone-1-talking")
        await anna.press("phone-hold")
        await anna.expect("hold")
        await site.ear.until_it_hears_no(ANNA)
        await anna.until_it_hears_no(CUSTOMER)
        await anna.press("phone-hold")
        await site.ear.until_it_hears(ANNA)
        await anna.until_it_hears(CUSTOMER)
        await anna.press("phone-mute")
        await site.ear.until_it_hears_no(ANNA)
        await anna.until_it_hears(CUSTOMER)
        await anna.press("phone-mute")
        await site.ear.until_it_hears(ANNA)
        await anna.press("phone-keys")
        for key in "15#":
            mark = len(site.stage.pbx.ami.events)
            await anna.press(f"phone-key-{key}")
            await site.stage.pbx.ami.wait(
                lambda b, key=key: b.get("Event") == "DTMFEnd" and b.get("Digit") == key and "1101" in b["Channel"],
                since=mark,
            )
        await anna.photograph("phone-2-keys")
        await anna.press("hang-up")
        await customer.ended()
        await anna.expect("wrap-up")
        await site.stage.pbx.no_channels()
        (logged,) = await site.program.interactions()
        assert (logged["outcome"], logged["ended_by"]) == ("answered", "agent")
        assert len(logged["holds"]) == 1
