"""A site whose dialplan asks at call entry: the program, a real Asterisk, and the FastAGI between them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import psutil

from interaction_log.records import User
from interaction_log.store import Store
from tests.fakes import agi
from tests.fakes.patience import PATIENCE
from tests.fakes.program import Program, prepare
from tests.pbx.asterisk import free_port
from tests.pbx.phone import Call
from tests.pbx.stage import Stage

ENTRY = """
[entry]
port = {port}
{entry}
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

    async def waiting(self, queue: str, count: int, within: float = PATIENCE) -> list[str]:
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

    async def variable_of_anybody(self, name: str) -> str:
        """A variable of the only channel from outside."""
        (one,) = [c for c in await self.stage.pbx.channels() if c["Channel"].startswith("PJSIP/pstn")]
        return (await self.stage.pbx.ami.action("Getvar", Channel=one["Channel"], Variable=name))["Value"]

    async def front_is_there(self) -> None:
        """Wait until the process in front takes connections; remember it."""
        async with asyncio.timeout(PATIENCE):
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
        async with asyncio.timeout(PATIENCE):
            while (await agi.ask(self.port, "route?queue=helpdesk"))["CALLWEAVE_RESULT"] == "default":  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def remembers(self, number: str, device: str) -> None:
        """Wait until this customer's talk is in the record, and the telephone that had it is seen to be free."""
        async with self.program.http(await self.program.sign_in("sofia")) as http, asyncio.timeout(PATIENCE):
            (customer,) = (await http.get("/api/customers", params={"q": number})).json()["items"]
            while True:
                lines = (await http.get(f"/api/customers/{customer['id']}/timeline")).json()["items"]
                phones = (await http.get("/api/devices")).json()["items"]
                free = any(p["device"] == device and p["state"] == "not_inuse" for p in phones)
                if free and any(line["talk_seconds"] > 0 for line in lines):
                    return
                await asyncio.sleep(0.05)

    async def free(self, *desks: str) -> None:
        """Wait until these members are not paused."""
        async with asyncio.timeout(PATIENCE):
            while True:
                members = await self.stage.pbx.ami.listed("QueueStatus", "QueueMember", Queue="helpdesk")
                if all(m["Paused"] == "0" for m in members if m["Location"].partition("/")[2] in desks):
                    return
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def site(stage: Stage, folder: Path, queue: str = "", entry: str = "") -> AsyncIterator[Site]:
    """The program with an ``[entry]``; ``queue`` and ``entry`` are further lines of its tables."""
    port = free_port()
    await stage.pbx.cli(f"dialplan set global CALLWEAVE_ENTRY 127.0.0.1:{port}")
    more = ENTRY.format(port=port, queue=queue, entry=entry)
    pbx = stage.pbx
    config = await prepare(folder, port=pbx.ports.ami, secret=pbx.secret, more=more, wrap_up=0, people=PEOPLE)
    store = await asyncio.to_thread(Store.open, f"sqlite:///{folder / 'callweave.db'}", default_region="CN")
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
