"""The whole program against a real Asterisk: a pop in a Socket.IO client, pauses in the queue, deaths in mid-call."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.fakes.patience import PATIENCE
from tests.fakes.program import Desk, Program, prepare
from tests.pbx.fixtures import pbx, stage  # noqa: F401 (fixtures)
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk")]


class Site:
    """A real PBX with its phones, the program beside it."""

    def __init__(self, stage: Stage, program: Program) -> None:  # noqa: F811
        self.stage, self.program = stage, program

    async def members(self, device: str) -> list[dict[str, str]]:
        """The memberships of a phone as Asterisk has them."""
        members = await self.stage.pbx.ami.listed("QueueStatus", "QueueMember")
        return [one for one in members if one["StateInterface"] == device]

    async def paused(self, reason: str | None, device: str = "PJSIP/1001", seconds: float = PATIENCE) -> None:
        """Wait until Asterisk has the phone paused for this reason, or not paused, in all its queues."""
        async with asyncio.timeout(seconds):
            while True:
                members = await self.members(device)
                if {one["PausedReason"] if one["Paused"] == "1" else None for one in members} == {reason}:
                    return
                await asyncio.sleep(0.05)


@pytest_asyncio.fixture
async def site(stage: Stage, tmp_path: Path) -> AsyncIterator[Site]:  # noqa: F811
    config = await prepare(tmp_path, port=stage.pbx.ports.ami, secret=stage.pbx.secret)
    async with Program(tmp_path, "--config", str(config)) as program:
        yield Site(stage, program)
        if program.process is not None and program.process.returncode is None:
            assert await program.end() == 0
        assert "Traceback" not in program.errors()


async def ready(desk: Desk) -> None:
    assert (await desk.done("set_state", state="READY"))["ok"]
    await desk.state("READY")


async def test_a_call_pops_the_customer_and_the_pause_is_in_the_queue(site: Site) -> None:
    async with Desk(site.program, "anna") as anna:
        await ready(anna)
        customer = site.stage.customer("13800138000", "800", name="Li Lei")
        rings = await site.stage.anna.rings()
        pop = await anna.wait("screen_pop")
        assert pop["customer"]["name"] == "李雷" and pop["queue"] == "support"
        i = pop["interaction"]["id"]
        refused = await anna.done("answer", interaction_id=i)
        assert refused["error"]["code"] == "lift_the_phone"
        await rings.answer()
        await anna.state("BUSY")
        await site.paused("callweave:wrapup")
        await site.stage.together("PJSIP/1001", "PJSIP/pstn")
        assert (await anna.done("hang_up", interaction_id=i))["ok"]
        await customer.ended()
        await anna.state("WRAP_UP")
        await site.paused("callweave:wrapup")
        await anna.done("wrap_up", interaction_id=i, disposition="resolved", notes="fine")
        await anna.state("READY")
        await site.paused(None)
        assert anna.chain_is_whole()
        logged = await site.program.only(lambda one: one["disposition"])
        assert (logged["outcome"], logged["ended_by"], logged["disposition"]) == ("answered", "agent", "resolved")


async def test_pauses_both_ways_and_their_release_at_the_end(site: Site) -> None:
    async with Desk(site.program, "anna") as anna:
        await ready(anna)
        await anna.done("set_state", state="NOT_READY", reason="lunch")
        await site.paused("callweave:lunch")
        await asyncio.sleep(0.5)  # a release within the moment of our own pause is taken for its echo
        await site.stage.pbx.pause("PJSIP/1001", False)
        await anna.state("READY")
        await site.paused(None)
        others = ("PJSIP/1001", "Local/1001@from-queue/n", "Local/1001@from-queue")  # all that she is a member by
        for interface in others:
            await site.stage.pbx.pause(interface)
        assert (await anna.state("NOT_READY"))["reason"].startswith("pbx:")
        for interface in others:
            await site.stage.pbx.pause(interface, False)
        await anna.state("READY")
        await anna.done("set_state", state="NOT_READY", reason="lunch")
        await site.paused("callweave:lunch")
        assert await site.program.end() == 0
        await site.paused(None)


async def test_dialling_a_customer(site: Site) -> None:
    async with Desk(site.program, "anna") as anna:
        await ready(anna)
        ack = await anna.command("dial", to="+86 138 0013 8000")
        assert ack["ok"], ack
        mine = await site.stage.anna.rings()
        await mine.answer()
        assert (await anna.wait("command_result", lambda m: m["id"] == ack["id"]))["ok"]
        customer = await site.stage.outside.rings()
        await customer.answer(0.5)
        await anna.state("BUSY")
        shown = await anna.wait("interaction", lambda m: m["interaction"]["customer_name_known"])
        assert shown["interaction"]["direction"] == "outbound"
        assert shown["interaction"]["customer_address"] == "+8613800138000"
        await customer.hang_up()
        await anna.state("WRAP_UP")


async def test_our_own_death_in_mid_call(site: Site) -> None:
    async with Desk(site.program, "anna") as anna, Desk(site.program, "ben") as ben:
        await ready(anna)
        await ready(ben)
        first = site.stage.customer("13800138000", "800")
        await (await site.stage.anna.rings()).answer()
        await anna.state("BUSY")
        second = site.stage.customer("13911112222", "800")
        await (await site.stage.ben.rings()).answer()
        busy = await ben.state("BUSY")
        await ben.done("note", interaction_id=busy["interaction_id"], text="hello")  # acknowledged: it is on disk
    await site.program.kill()
    await second.hang_up()
    third = await site.stage.customer("13700000000", "800").up()
    before = time.monotonic()
    await site.program.start()
    async with Desk(site.program, "anna") as anna, Desk(site.program, "ben") as ben:
        await anna.state("BUSY")
        await ben.state("WRAP_UP")
        assert time.monotonic() - before < 10
        mine = (await anna.wait("snapshot"))["interactions"]
        assert [one["state"] for one in mine] == ["talking"]
        await site.paused("callweave:wrapup", "PJSIP/1001")
        await first.hang_up()
        await anna.state("WRAP_UP")
        await third.hang_up()
        log = await outcomes(site, 3)
    assert sorted(log) == ["abandoned", "answered", "answered"]


async def outcomes(site: Site, count: int, seconds: float = PATIENCE) -> list[Any]:
    """The outcomes of all interactions, once so many are there and none is open."""
    async with asyncio.timeout(seconds):
        while True:
            log = await site.program.interactions()
            found = [one["outcome"] for one in log]
            if len(found) == count and None not in found:
                return found
            assert len(found) <= count, log
            await asyncio.sleep(0.2)


async def test_the_death_of_asterisk_in_mid_call(site: Site) -> None:
    async with Desk(site.program, "anna") as anna:
        await ready(anna)
        site.stage.customer("13800138000", "800")
        await (await site.stage.anna.rings()).answer()
        await anna.state("BUSY")
        site.stage.customer("13911112222", "800")
        async with asyncio.timeout(PATIENCE):
            while len(await site.program.interactions()) < 2:  # noqa: ASYNC110 (over REST)
                await asyncio.sleep(0.1)
        await site.stage.pbx.kill()
        lost = await anna.wait("notice", lambda n: n["code"] == "pbx_lost")
        assert lost["pbx"][0]["state"] == "lost"
        await site.stage.pbx.restart()
        before = time.monotonic()
        back = await anna.wait("notice", lambda n: n["code"] == "pbx_restored", 15)
        assert back["pbx"][0]["state"] == "up"
        await anna.state("WRAP_UP")
        assert time.monotonic() - before < 10
        log = {one["customer_address"]: one for one in await site.program.log()}
    answered, waiting = log["+8613800138000"], log["+8613911112222"]
    assert (answered["outcome"], answered["ended_by"], answered["inferred"]) == ("answered", "system", True)
    assert (waiting["outcome"], waiting["ended_by"]) == ("pbx_lost", "system")
    assert len(log) == 2


async def test_a_frozen_asterisk_and_a_reload(site: Site) -> None:
    async with Desk(site.program, "anna") as anna:
        await ready(anna)
        site.stage.customer("13800138000", "800")
        await (await site.stage.anna.rings()).answer()
        await anna.state("BUSY")
        await site.stage.pbx.cli("core reload")
        site.stage.customer("13911112222", "800")  # whoever calls after it is told of after it
        log = await site.program.log(lambda log: len(log) == 2)
        assert [one["ended_at"] for one in log] == [None, None]
        agent = anna.agent()
        assert agent is not None and agent["state"] == "BUSY"


async def test_we_are_frozen_in_mid_call(site: Site) -> None:
    """Asterisk drops a client that does not read; when we wake up, what happened meanwhile is found."""
    async with Desk(site.program, "anna") as anna:
        await ready(anna)
        customer = site.stage.customer("13800138000", "800")
        mine = await (await site.stage.anna.rings()).answer()
        await anna.state("BUSY")
        assert site.program.process is not None
        site.program.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(2)  # how long nobody reads, before and after the call's end, is what is tested
        await customer.hang_up()
        await asyncio.sleep(6)
        site.program.process.send_signal(signal.SIGCONT)
        before = time.monotonic()
        await anna.state("WRAP_UP")
        assert time.monotonic() - before < 10
        one = await site.program.only()
        assert one["outcome"] == "answered" and one["talk_seconds"] == pytest.approx(mine.talk_seconds, abs=1.0)
