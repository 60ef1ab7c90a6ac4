"""SIGKILL to our own process again and again, at random points of calls: nothing doubled, lost or left open."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from cti_gateway.simulator.queue_call import QueueCall
from cti_gateway.simulator.server import SECRET, Simulator, SimulatorServer
from tests.fakes.program import Desk, Program, prepare

ROUNDS = 6
SEED = 20261121


class Rounds:
    """One call each round, one death in each call."""

    def __init__(self, simulator: Simulator, program: Program) -> None:
        self.simulator, self.program = simulator, program
        self.chance = random.Random(SEED)
        self.told: list[str] = []

    async def until(self, which: Any, seconds: float = 12.0) -> None:
        async with asyncio.timeout(seconds):
            while not which():  # noqa: ASYNC110 (the simulator has no news of its own)
                await asyncio.sleep(0.01)

    async def settled(self, count: int) -> list[dict[str, Any]]:
        """The log, once so many calls are in it and none is open."""
        async with asyncio.timeout(12):
            while True:
                log = await self.program.interactions()
                assert len(log) <= count, log
                if len(log) == count and all(one["outcome"] for one in log):
                    return log
                await asyncio.sleep(0.1)

    async def die(self, call: QueueCall, ends_meanwhile: bool) -> None:
        """Death at a random moment from now on, perhaps the caller leaves before we are back."""
        await asyncio.sleep(self.chance.uniform(0.15, 0.4))  # what happened until here had time to reach the disk
        await self.program.kill()
        if ends_meanwhile:
            call.hang_up(call.caller)
        await self.program.start()
        await self.right_again()

    async def right_again(self) -> None:
        """The program serves before its PBX has answered: what happens until then is a gap."""
        async with asyncio.timeout(12), self.program.http() as http:
            while (await http.get("/readyz")).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def play(self, number: int) -> str:
        """One call; what must become of it."""
        stage = self.chance.choice(["waiting", "ringing", "talking", "talking"])
        ends_meanwhile = self.chance.random() < 0.5
        self.told.append(f"{stage}{', ends meanwhile' if ends_meanwhile else ''}")
        pbx = self.simulator.pbx
        if stage == "waiting":
            pbx.pause("PJSIP/1001", True, "meeting", "")
        call = QueueCall(pbx, pbx.queues["support"], f"1380013{number:04}", "")
        if stage != "waiting":
            await self.until(lambda: pbx.ringing_at("PJSIP/1001"))
        if stage == "talking":
            self._lift()
            await self.until(lambda: call.stage == "talking")
        await self.die(call, ends_meanwhile)
        if ends_meanwhile:
            pbx.pause("PJSIP/1001", False, "", "")
            return "answered" if stage == "talking" else "pbx_lost"
        return await self._finish(call)

    def _lift(self) -> None:
        ringing = self.simulator.pbx.ringing_at("PJSIP/1001")
        if ringing is not None:
            self.simulator.pbx.calls[ringing].answer(ringing)

    async def _finish(self, call: QueueCall) -> str:
        """After the death the call goes on as if nothing had been."""
        pbx = self.simulator.pbx
        pbx.pause("PJSIP/1001", False, "", "")
        if call.stage != "talking":
            await self.until(lambda: pbx.ringing_at("PJSIP/1001"))
            self._lift()
            await self.until(lambda: call.stage == "talking")
        await asyncio.sleep(0.1)
        call.hang_up(call.caller)
        return "answered"


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_deaths_at_random_points(tmp_path: Path) -> None:
    simulator = Simulator()
    server = SimulatorServer(simulator)
    config = await prepare(tmp_path, port=await server.start(), secret=SECRET, wrap_up=0)
    simulator.pbx.pause("PJSIP/1002", True, "nobody there", "")
    try:
        async with Program(tmp_path, "--config", str(config)) as program:
            rounds = Rounds(simulator, program)
            async with Desk(program, "anna") as anna:
                await anna.done("set_state", state="READY")
                await anna.state("READY")
            expected: list[str] = []
            for number in range(ROUNDS):
                member = simulator.pbx.queues["support"].member("PJSIP/1001")
                await rounds.until(lambda m=member: not m.paused)  # type: ignore[misc]
                expected.append(await rounds.play(number))
                log = await rounds.settled(number + 1)
                by_start = sorted(log, key=lambda one: one["started_at"])
                assert [one["outcome"] for one in by_start] == expected, rounds.told
                for one in log:
                    assert one["started_at"] <= (one["answered_at"] or one["started_at"]) <= one["ended_at"], one
                    assert all(offer["result"] for offer in one["offers"]), one
            async with Desk(program, "anna") as anna:
                await anna.state("READY")
    finally:
        await server.stop()
