"""The link against a real Asterisk: rights, lists, limits, a flood, a sudden death."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from cti_gateway.ami import actions
from cti_gateway.ami.codec import Message
from cti_gateway.ami.encode import MAX_LINE, encode_action
from cti_gateway.ami.session import ActionFailed
from cti_gateway.service import AmiLink, LinkSettings, PbxLink
from tests.fakes.patience import PATIENCE
from tests.pbx.asterisk import Pbx

pytestmark = [pytest.mark.real("asterisk"), pytest.mark.timeout(180)]

# A user whose session Asterisk closes after 100 ms of an unread socket: its default, which many sites have.
HASTY = """
[hasty]
secret = @SECRET@
read = user
write = user
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pbx() -> AsyncIterator[Pbx]:
    async with Pbx() as running:
        conf = running.folder / "manager.conf"
        conf.write_text(conf.read_text() + HASTY.replace("@SECRET@", running.secret))
        await running.cli("manager reload")
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def _loop_outlives_the_reactor(reactor: Any) -> None:
    """Else the reactor's shutdown leaves a ``loop.stop()`` behind that breaks into pytest's own closing of the loop."""
    with contextlib.suppress(ValueError):
        reactor._eventTriggers["shutdown"].during.remove((reactor.crash, (), {}))


class Seen:
    def __init__(self) -> None:
        self.messages: list[Message] = []

    def on_messages(self, messages: list[Message], received_at: float) -> None:
        self.messages += messages


class Counted:
    """Takes a flood as the tracker does: looks at each message and keeps none."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.longest_pause = 0.0
        self.longest_idle = 0.0
        """Seconds between two reads in which this process did not compute: it had nothing to read, or no core."""
        self._last: tuple[float, float] | None = None

    def on_messages(self, messages: list[Message], received_at: float) -> None:
        now, computed = time.monotonic(), time.process_time()
        self.numbers += [int(m.get("Number")) for m in messages if m.name == "UserEvent"]
        if self.numbers:
            pause, work = (now - self._last[0], computed - self._last[1]) if self._last else (0.0, 0.0)
            self.longest_pause = max(self.longest_pause, pause)
            self.longest_idle = max(self.longest_idle, pause - work)
            self._last = now, computed


async def until(reached: Any, within: float = PATIENCE) -> None:
    async with asyncio.timeout(within):
        while not reached():  # noqa: ASYNC110 (what is waited for has no event)
            await asyncio.sleep(0.02)


def settings(pbx: Pbx, username: str = "callweave", **changes: Any) -> LinkSettings:
    given: dict[str, Any] = {"secret": pbx.secret} | changes
    return LinkSettings(name="real", host="127.0.0.1", port=pbx.ports.ami, username=username, **given)


@contextlib.asynccontextmanager
async def linked(
    reactor: Any, given: LinkSettings, seen: Seen | Counted | None = None, **options: Any
) -> AsyncIterator[AmiLink]:
    link = AmiLink(given, reactor, on_messages=(seen or Seen()).on_messages, **options)
    link.start()
    try:
        await until(lambda: link.state.name in {"up", "refused"})
        yield link
    finally:
        await link.stop()


@pytest.mark.parametrize("auth", ["md5", "plain"])
async def test_login(pbx: Pbx, reactor: Any, auth: str) -> None:
    async with linked(reactor, settings(pbx, auth=auth)) as link:
        assert link.state.up
        assert int(link.version.partition(".")[0]) >= 5
        assert (await link.ask(actions.ping())).response.get("Ping") == "Pong"


async def test_wrong_secret(pbx: Pbx, reactor: Any) -> None:
    async with linked(reactor, settings(pbx, secret="wrong")) as link:
        assert link.state.name == "refused"
        assert link.state.reason == "the PBX refuses the login of 'callweave': Authentication failed"


async def test_lists_and_answers_with_the_least_rights(pbx: Pbx, reactor: Any) -> None:
    seen = Seen()
    link = PbxLink.to(settings(pbx), reactor, on_messages=seen.on_messages)
    link.start()
    try:
        await until(lambda: link.events.state.up and link.actions.state.up)
        for ask in (link.ask, link.ask_in_order):
            names = {item.name for item in (await ask(actions.queue_status())).items}
            assert {"QueueParams", "QueueMember"} <= names
            assert {item.name for item in (await ask(actions.queue_summary())).items} == {"QueueSummary"}
            states = (await ask(actions.device_state_list())).items
            assert "PJSIP/1001" in {item.get("Device") for item in states}
            assert (await ask(actions.core_show_channels())).items == []
            assert (await ask(actions.bridge_list())).items == []
            assert (await ask(actions.core_status())).response.get("CoreCurrentCalls") == "0"
            assert "Asterisk" in (await ask(actions.core_settings())).response.get("AsteriskVersion") or True
            assert "QueueStatus" in (await ask(actions.list_commands())).response
        with pytest.raises(ActionFailed, match="No such channel"):
            await link.ask(actions.hangup("PJSIP/1001-ffffffff"))
        with pytest.raises(ActionFailed, match="Permission denied"):
            await link.ask(actions.command("core show uptime"))
        assert seen.messages[0].name == "Success"
        assert link.events.unknown_responses == 0
    finally:
        await link.stop()


async def test_lists_that_need_more_rights(pbx: Pbx, reactor: Any) -> None:
    async with linked(reactor, settings(pbx, "lab")) as link:
        endpoints = (await link.ask(actions.pjsip_show_endpoints())).items
        assert "1001" in {item.get("ObjectName") for item in endpoints}
        assert (await link.ask(actions.pjsip_show_aors())).items
        output = (await link.ask(actions.command("core show version"))).response.output
        assert output[0].startswith("Asterisk ")
        with pytest.raises(ActionFailed):
            await link.ask(actions.bridge_info("00000000-0000-0000-0000-000000000000"))


async def test_a_members_life(pbx: Pbx, reactor: Any) -> None:
    async with linked(reactor, settings(pbx)) as link:
        queue = (await link.ask(actions.queue_status())).items[0].get("Queue")
        added = actions.queue_add(
            queue, "PJSIP/1010", paused=True, penalty=2, reason="callweave:new", member_name="Jan"
        )
        with contextlib.suppress(ActionFailed):
            await link.ask(actions.queue_remove(queue, "PJSIP/1010"))
        await link.ask(added)
        await link.ask(actions.queue_penalty("PJSIP/1010", 5, queue))
        await link.ask(actions.queue_pause("PJSIP/1010", True, queue=queue, reason="callweave:wrapup"))
        items = (await link.ask(actions.queue_status(queue, "PJSIP/1010"))).items
        (member,) = [item for item in items if item.name == "QueueMember"]
        assert (member.get("Penalty"), member.get("Paused")) == ("5", "1")
        assert "callweave:wrapup" in (member.get("PausedReason"), member.get("Reason"))
        await link.ask(actions.queue_remove(queue, "PJSIP/1010"))


async def test_limits_are_asterisks_own(pbx: Pbx, reactor: Any) -> None:
    """What the encoder lets through arrives whole; one byte or one header more does not."""
    seen = Seen()
    async with linked(reactor, settings(pbx, "lab"), seen) as link:
        text = "x" * (MAX_LINE - len("Text: \r\n"))
        await link.ask(actions.user_event("Longest", [("Text", text)]))
        await until(lambda: any(m.get("UserEvent") == "Longest" for m in seen.messages))
        (longest,) = [m for m in seen.messages if m.get("UserEvent") == "Longest"]
        assert longest.get("Text") == text
        many = [(f"H{number}", str(number)) for number in range(125)]
        await link.ask(actions.user_event("Most", many))
        await until(lambda: any(m.get("UserEvent") == "Most" for m in seen.messages))
        (most,) = [m for m in seen.messages if m.get("UserEvent") == "Most"]
        assert most.get("H124") == "124"
        # Past our own encoder:
        whole = encode_action("UserEvent", [("UserEvent", "TooLong"), ("Text", text)], "raw-1")
        link._connection.wire.write(whole.replace(b"Text: ", b"Text: y"))  # type: ignore[union-attr]
        await link.ask(actions.ping())
        cut = [m for m in seen.messages if m.get("UserEvent") == "TooLong"]
        assert not cut or cut[0].get("Text") != "y" + text


WRITE_TIMEOUT = 0.1
"""Seconds: Asterisk's own, of the user ``hasty``; who does not read for so long is cut off."""
TRIES = 15


async def test_f7_a_flood_with_asterisks_default_write_timeout(pbx: Pbx, reactor: Any) -> None:
    """Nothing of it is lost. Who had no core for longer than Asterisk waits was cut off for that, and tries again."""
    for _ in range(TRIES):
        gaps, flood = await _flood(pbx, reactor)
        if gaps and flood.longest_idle > WRITE_TIMEOUT:
            continue
        break
    assert gaps == 0
    assert flood.numbers == list(range(FLOOD))


FLOOD = 20_000
STEP = 250


async def _flood(pbx: Pbx, reactor: Any) -> tuple[int, Counted]:
    """Ten thousand events a second for two seconds: how often the link was cut, and what came."""
    flood = Counted()
    pieces = [b"".join(_user_event(number) for number in range(at, at + STEP)) for at in range(0, FLOOD, STEP)]
    async with linked(reactor, settings(pbx, "hasty"), flood) as link:
        _, writer = await _logged_in(pbx)
        begin = time.monotonic()
        for count, piece in enumerate(pieces, 1):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(begin + 2 * count / len(pieces) - time.monotonic())
        await until(lambda: link.gaps or len(flood.numbers) == FLOOD)
        took = time.monotonic() - begin
        print(f"{FLOOD} events in {took:.1f} s, longest pause between reads {flood.longest_pause * 1000:.0f} ms")
        writer.close()
        return link.gaps, flood


def _user_event(number: int) -> bytes:
    filler = [(f"Filler{i}", "a value of a usual length") for i in range(12)]
    return encode_action("UserEvent", [("UserEvent", "Flood"), *filler, ("Number", str(number))], f"f{number}")


async def _logged_in(pbx: Pbx) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A plain connection that writes fast and reads its answers away."""
    reader, writer = await asyncio.open_connection("127.0.0.1", pbx.ports.ami)
    login = actions.login_plain("lab", pbx.secret, events=False)
    writer.write(encode_action(login.name, login.headers, "1"))

    async def drain() -> None:
        with contextlib.suppress(ConnectionError):
            while await reader.read(65_536):
                pass

    writer._drained = asyncio.ensure_future(drain())  # type: ignore[attr-defined]
    return reader, writer


async def test_f4_sudden_death_and_return(pbx: Pbx, reactor: Any) -> None:
    seen = Seen()
    async with linked(reactor, settings(pbx), seen) as link:
        begin = time.monotonic()
        await pbx.kill()
        await until(lambda: not link.state.up, 5)
        assert time.monotonic() - begin < 5
        seen.messages.clear()
        await pbx.restart()
        back = time.monotonic()
        await until(lambda: link.state.up, 10)
        await link.ask(actions.queue_status())
        assert time.monotonic() - back < 10
        await until(lambda: any(m.name == "FullyBooted" for m in seen.messages))
        (booted,) = [m for m in seen.messages if m.name == "FullyBooted"][:1]
        assert int(booted.get("Uptime")) < 30
        assert link.gaps == 1
