"""The blocking client on pyst2: what it must survive, against the simulator and against a server that misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import asterisk.ami
import asterisk.config
import asterisk.manager
import pytest

from cti_gateway.ami import actions
from cti_gateway.ami.blocking import BlockingAmi, BlockingError, Refused
from cti_gateway.ami.encode import EncodeError
from cti_gateway.cli.doctor import second_opinion
from cti_gateway.cli.queue import release
from cti_gateway.simulator.server import SECRET, USERNAME, Simulator, SimulatorServer
from tests.pbx.asterisk import free_port

_T = TypeVar("_T")


@pytest.fixture
async def simulator() -> AsyncIterator[tuple[Simulator, int]]:
    made = Simulator()
    server = SimulatorServer(made)
    yield made, await server.start()
    await server.stop()


async def with_link(port: int, work: Callable[[BlockingAmi], _T]) -> _T:
    """Do it logged in, in a thread."""

    def whole() -> _T:
        with BlockingAmi("127.0.0.1", port, timeout=3) as link:
            link.log_in(USERNAME, SECRET)
            return work(link)

    return await asyncio.to_thread(whole)


def test_both_packages_called_asterisk_can_be_imported() -> None:
    assert asterisk.ami.AMIClient
    assert asterisk.config.Config
    assert asterisk.manager.Manager


async def test_actions_and_lists(simulator: tuple[Simulator, int]) -> None:
    def work(link: BlockingAmi) -> None:
        assert link.version == "11.0.0"
        assert link.ask(actions.ping()).get("Ping") == "Pong"
        status = link.listing(actions.queue_status())  # pyst2 hands it over in one piece
        assert [one.get("Location") for one in status if one.name == "QueueMember"] == ["PJSIP/1001", "PJSIP/1002"]
        assert len(link.listing(actions.device_state_list())) == 6
        with pytest.raises(Refused, match="No such channel"):
            link.ask(actions.hangup("PJSIP/none-1"))
        with pytest.raises(EncodeError):
            link.ask(actions.Action("Ping", (("X", "a\r\nAction: Logoff"),)))

    await with_link(simulator[1], work)


async def test_our_pauses_are_released_and_others_kept(simulator: tuple[Simulator, int]) -> None:
    pbx = simulator[0].pbx
    pbx.pause("PJSIP/1001", True, "callweave:logged_out")
    pbx.pause("PJSIP/1002", True, "lunch")
    released = await with_link(simulator[1], release)
    assert [one["interface"] for one in released] == ["PJSIP/1001"]
    assert [one.paused for one in pbx.queues["support"].members] == [False, True]


async def test_both_kinds_of_login_and_a_wrong_secret(simulator: tuple[Simulator, int]) -> None:
    def work() -> None:
        with BlockingAmi("127.0.0.1", simulator[1]) as link:
            link.log_in(USERNAME, SECRET, auth="plain")
        with BlockingAmi("127.0.0.1", simulator[1]) as link, pytest.raises(Refused, match="Authentication failed"):
            link.log_in(USERNAME, "wrong")

    await asyncio.to_thread(work)


async def test_the_second_opinion_agrees_and_knows_a_refusal(simulator: tuple[Simulator, int]) -> None:
    commands, error = await asyncio.to_thread(second_opinion, "127.0.0.1", simulator[1], USERNAME, SECRET)
    assert commands is not None
    assert "QueuePause" in commands
    assert error == ""
    commands, error = await asyncio.to_thread(second_opinion, "127.0.0.1", simulator[1], USERNAME, "wrong")
    assert commands is None
    assert "failed" in error


async def test_nobody_there() -> None:
    with pytest.raises(BlockingError, match="refused"):
        await asyncio.to_thread(BlockingAmi, "127.0.0.1", free_port())


@contextlib.asynccontextmanager
async def saying(banner: bytes, answer: bytes) -> AsyncIterator[int]:
    """A server that says this, and answers everything by that."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(banner)
        with contextlib.suppress(OSError):
            while block := await reader.read(4096):
                action_id = block.partition(b"ActionID: ")[2].partition(b"\r\n")[0]
                if answer:
                    writer.write(answer.replace(b"@", action_id))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def test_another_service_is_told_apart() -> None:
    async with saying(b"SSH-2.0-OpenSSH_9.2/p1\r\n", b"") as port:
        with pytest.raises(BlockingError, match="no manager interface"):
            await asyncio.to_thread(BlockingAmi, "127.0.0.1", port)
    async with saying(b"", b"") as port:
        with pytest.raises(BlockingError, match="no manager interface"):
            await asyncio.to_thread(lambda: BlockingAmi("127.0.0.1", port, timeout=0.3))


async def test_silence_has_an_end() -> None:
    def work(port: int) -> None:
        with BlockingAmi("127.0.0.1", port, timeout=0.3) as link, pytest.raises(BlockingError, match="no answer"):
            link.ask(actions.ping())

    async with saying(b"Asterisk Call Manager/11.0.0\r\n", b"") as port:
        await asyncio.to_thread(work, port)


async def test_channel_variables_do_not_end_the_client() -> None:
    """pyst2 itself dies of them on Python 3: `dict` has no `has_key`."""
    answer = (
        b"Response: Success\r\nActionID: @\r\nEventList: start\r\n\r\n"
        b"Event: CoreShowChannel\r\nActionID: @\r\nChannel: PJSIP/1001-1\r\n"
        b"ChanVariable: A=1\r\nChanVariable: B=x=y\r\nChanVariable: odd\r\n\r\n"
        b"Event: CoreShowChannelsComplete\r\nActionID: @\r\nEventList: Complete\r\n\r\n"
    )

    def work(port: int) -> list[str]:
        with BlockingAmi("127.0.0.1", port, timeout=2) as link:
            return link.listing(actions.core_show_channels())[0].get_all("ChanVariable")

    async with saying(b"Asterisk Call Manager/11.0.0\r\n", answer) as port:
        assert await asyncio.to_thread(work, port) == ["A=1", "B=x=y", "odd"]
    with pytest.raises(AttributeError, match="has_key"):
        asterisk.manager.ManagerMsg(["Event: X\r\n", "ChanVariable: A=1\r\n"])
