"""Call entry on a real Asterisk: the dialplan asks, the program answers, and somebody answers when it cannot."""

# ruff: noqa: F811, ASYNC110 (fixtures; the PBX must be asked)
from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
import pytest_asyncio

from interaction_log.records import User
from interaction_log.store import Store
from tests.fakes import agi
from tests.fakes.program import PASSWORD, Desk, Program, prepare
from tests.pbx.asterisk import free_port
from tests.pbx.fixtures import pbx, stage  # noqa: F401
from tests.pbx.phone import Call
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk"), pytest.mark.timeout(120)]

ENTRY = """
[entry]
port = {port}
[[entry.queue]]
name = "helpdesk"
vip_priority = 10
last_agent_days = 30
agent_seconds = 3
language = "zh"
{queue}
[[entry.hours]]
name = "never"
timezone = "Asia/Shanghai"
"""
PEOPLE = (
    User(name="gustav", display_name="Gustav", role="agent", devices=["PJSIP/1007"]),
    User(name="hua", display_name="Hua", role="agent", devices=["PJSIP/1008"]),
)
WANG, ZHAO = "13911112222", "13922223333"


class Site:
    """The program and the stage, connected by FastAGI."""

    def __init__(self, program: Program, stage: Stage, port: int) -> None:
        self.program, self.stage, self.port = program, stage, port
        self.fronts: list[psutil.Process] = []

    async def waiting(self, queue: str, count: int, within: float = 10) -> list[str]:
        """The numbers that wait in a queue, in order, once there are so many."""
        async with asyncio.timeout(within):
            while True:
                entries = await self.stage.pbx.ami.listed("QueueStatus", "QueueEntry", Queue=queue)
                if len(entries) == count:
                    return [e["CallerIDNum"] for e in sorted(entries, key=lambda e: int(e["Position"]))]
                await asyncio.sleep(0.05)

    async def variable(self, call: Call, name: str) -> str:
        """A variable of this caller's channel."""
        channel = await self.stage.channel(call)
        return (await self.stage.pbx.ami.action("Getvar", Channel=channel, Variable=name))["Value"]

    async def front_is_there(self) -> None:
        """Wait until the process in front takes connections; remember it."""
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    break
                await asyncio.sleep(0.05)
        assert self.program.process is not None
        children = psutil.Process(self.program.process.pid).children()
        self.fronts += [one for one in children if "cti_gateway.agi.front" in one.cmdline()]

    async def answers(self) -> None:
        """Wait until the program itself answers."""
        async with asyncio.timeout(10):
            while (await agi.ask(self.port, "route?queue=helpdesk"))["CALLWEAVE_RESULT"] == "default":
                await asyncio.sleep(0.05)

    async def free(self, *desks: str) -> None:
        """Wait until these members are not paused."""
        async with asyncio.timeout(10):
            while True:
                members = await self.stage.pbx.ami.listed("QueueStatus", "QueueMember", Queue="helpdesk")
                if all(m["Paused"] == "0" for m in members if m["Location"].partition("/")[2] in desks):
                    return
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def site(stage: Stage, folder: Path, queue: str = "") -> AsyncIterator[Site]:
    port = free_port()
    await stage.pbx.cli(f"dialplan set global CALLWEAVE_ENTRY 127.0.0.1:{port}")
    more = ENTRY.format(port=port, queue=queue)
    config = await prepare(folder, port=stage.pbx.ports.ami, secret=stage.pbx.secret, more=more, wrap_up=0)
    store = await asyncio.to_thread(Store.open, f"sqlite:///{folder / 'callweave.db'}", default_region="CN")
    for user in PEOPLE:
        await store.users.create(user, PASSWORD)
    await store.customers.create({"name": '王 ${SHELL(id)} "VIP"', "phones": [f"+86{WANG}"], "vip": True})
    await asyncio.to_thread(store.close)
    async with Program(folder, "--config", str(config)) as program:
        made = Site(program, stage, port)
        await made.front_is_there()
        await made.answers()
        try:
            yield made
        finally:
            await stage.pbx.hangup_all()
            for front in made.fronts:
                with contextlib.suppress(psutil.NoSuchProcess):
                    front.kill()


@pytest_asyncio.fixture(loop_scope="session")
async def desk_site(stage: Stage, tmp_path: Path) -> AsyncIterator[Site]:
    async with site(stage, tmp_path) as made:
        yield made


async def test_a_vip_overtakes_and_is_greeted_with_a_name_that_does_nothing(desk_site: Site) -> None:
    stage = desk_site.stage
    await stage.nobody_free("1007", "1008")
    first = stage.customer("13800138000", "820")
    await desk_site.waiting("helpdesk", 1)
    second = stage.customer(WANG, "820", name="whoever")
    assert await desk_site.waiting("helpdesk", 2) == [WANG, "13800138000"]
    assert await desk_site.variable(second, "CALLWEAVE_RESULT") == "queue"
    assert await desk_site.variable(second, "CALLWEAVE_WHY") == "known+vip"
    assert await desk_site.variable(second, "CALLERID(name)") == "王 SHELL(id) VIP"
    assert await desk_site.variable(first, "CHANNEL(language)") == "zh"
    said = await desk_site.variable(first, "CALLWEAVE_ID")
    log = await desk_site.program.interactions()
    assert said in {one["id"] for one in log}
    for call in (first, second):
        await call.hang_up()


async def test_closed_hours_lead_to_the_message(stage: Stage, tmp_path: Path) -> None:
    async with site(stage, tmp_path, 'hours = "never"\nclosed = "night"') as closed:
        call = await stage.customer("13800138000", "820").up()
        assert await closed.variable(call, "CALLWEAVE_RESULT") == "closed"
        assert await closed.variable(call, "CALLWEAVE_TARGET") == "night"
        assert await closed.waiting("helpdesk", 0) == []
        await call.hang_up()


async def _in_default(at: Site, number: str) -> float:
    """A caller, until she waits in the default queue; seconds from the call to there."""
    began = time.monotonic()
    call = at.stage.customer(number, "820")
    async with asyncio.timeout(10):
        while "helpdesk" not in await at.stage.pbx.cli("core show channels concise"):
            await asyncio.sleep(0.01)
        await at.waiting("helpdesk", 1)
    took = time.monotonic() - began
    assert await at.variable(call, "CALLWEAVE_RESULT") == "default"
    await call.hang_up()
    await at.waiting("helpdesk", 0)
    return took


async def test_frozen_killed_and_back_again(desk_site: Site) -> None:
    stage, process = desk_site.stage, desk_site.program.process
    await stage.nobody_free("1007", "1008")
    assert process is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        frozen = [await _in_default(desk_site, "13800138000") for _ in range(2)]
    finally:
        os.kill(process.pid, signal.SIGCONT)
    await desk_site.program.kill()
    dead = await _in_default(desk_site, "13800138000")
    desk_site.fronts[0].kill()
    alone = await _in_default(desk_site, "13800138000")
    print(f"frozen {frozen} dead {dead:.3f} without anybody {alone:.3f}")
    assert max(*frozen, dead, alone) < 1.0
    await desk_site.program.start()
    await desk_site.front_is_there()
    await desk_site.answers()
    call = stage.customer("13800138000", "820")
    await desk_site.waiting("helpdesk", 1)
    assert await desk_site.variable(call, "CALLWEAVE_RESULT") == "queue"
    await call.hang_up()


async def test_a_front_of_an_earlier_life_serves_the_next_gateway_and_ends_with_it(desk_site: Site) -> None:
    stage = desk_site.stage
    await stage.nobody_free("1007", "1008")
    await desk_site.program.kill()
    old = desk_site.fronts[0]
    assert old.is_running()
    await desk_site.program.start()
    await desk_site.answers()
    assert old.is_running()
    call = stage.customer(WANG, "820")
    await desk_site.waiting("helpdesk", 1)
    assert await desk_site.variable(call, "CALLWEAVE_RESULT") == "queue"
    await call.hang_up()
    assert await desk_site.program.end() == 0
    await asyncio.to_thread(old.wait, 3)


async def test_the_last_agent_is_asked_first_then_everybody(desk_site: Site) -> None:
    stage, program = desk_site.stage, desk_site.program
    async with Desk(program, "gustav") as gustav, Desk(program, "hua") as hua:
        for desk in (gustav, hua):
            await desk.done("set_state", state="READY")
        await desk_site.free("1007", "1008")
        await gustav.done("set_state", state="NOT_READY", reason="lunch")
        first = stage.customer(WANG, "820")
        talk = await (await stage.hua.rings()).answer(after=0.2)
        await stage.talk(0.5)
        await talk.hang_up()
        await first.ended()
        await gustav.done("set_state", state="READY")
        await hua.state("WRAP_UP")
        await hua.done("set_state", state="READY")
        await desk_site.free("1007", "1008")
        again = stage.customer(WANG, "820")
        ring = await stage.hua.rings()  # Gustav comes first in the queue, yet Hua had this customer
        assert await desk_site.variable(again, "CALLWEAVE_AGENT") == "agent-1008"
        everybody = await stage.gustav.rings()
        await ring.ended()
        await everybody.answer()
        await again.up()
        await again.hang_up()
    log = await program.interactions()
    assert next(one["queues"] for one in log if one["queues"]) == ["agent-1008", "helpdesk"]


SMUGGLED = (
    "1\r\nagi_extension: 999\r\nagi_network_script: route?queue=sales",
    "1\r\n\r\n200 result=1\r\nHANGUP\r\n",
    "${SHELL(touch x)}",
    "9" * 300,
    "١٣٨٠٠١٣٨",
)


async def test_what_a_caller_writes_sets_nothing(desk_site: Site) -> None:
    stage = desk_site.stage
    await stage.nobody_free("1007", "1008")
    told = []
    for number in SMUGGLED:
        call = stage.customer(quote(number), "820", name="x <1> ${EXTEN}, y")
        async with asyncio.timeout(10):  # by the console: what she wrote tears AMI's lists
            while "!Queue!helpdesk" not in (console := await stage.pbx.cli("core show channels concise")):
                await asyncio.sleep(0.05)
        channel, found = console.split("!")[0], {}
        for name in ("CALLWEAVE_RESULT", "CALLWEAVE_QUEUE", "QUEUE_PRIO", "CALLWEAVE_AGENT"):
            found[name] = (await stage.pbx.ami.action("Getvar", Channel=channel, Variable=name))["Value"]
        told.append(found.pop("CALLWEAVE_RESULT"))
        assert found == {"CALLWEAVE_QUEUE": "helpdesk", "QUEUE_PRIO": "0", "CALLWEAVE_AGENT": ""}
        await call.hang_up()
        await stage.pbx.no_channels()
    assert told == ["default", "default", "queue", "queue", "queue"]


async def test_twenty_calls_a_second_are_answered_within_50_ms(desk_site: Site) -> None:
    took = []

    async def one(number: int) -> None:
        began = time.monotonic()
        told = await agi.ask(desk_site.port, "route?queue=helpdesk", callerid=f"1390000{number:04}")
        took.append(time.monotonic() - began)
        assert told["CALLWEAVE_RESULT"] == "queue"

    calls = []
    for number in range(100):
        calls.append(asyncio.ensure_future(one(number)))
        await asyncio.sleep(0.05)
    await asyncio.gather(*calls)
    took.sort()
    print(f"p50 {took[50] * 1000:.1f} ms, p95 {took[95] * 1000:.1f} ms, longest {took[-1] * 1000:.1f} ms")
    assert took[95] < 0.05 and took[-1] < 0.5
