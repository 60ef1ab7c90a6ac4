"""Her own queues at a simulated PBX, the program as a process of its own: joining, leaving, pauses in one queue by two
holders, what others change, and deaths of the program."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cti_gateway.simulator.parts import Member, Queue
from cti_gateway.simulator.queue_call import QueueCall
from cti_gateway.simulator.server import SECRET, USERNAME, Simulator, SimulatorServer
from interaction_log.rights import Team
from interaction_log.store import Store
from tests.fakes.overseer import Overseer
from tests.fakes.patience import PATIENCE
from tests.fakes.program import Desk, Program, prepare

ANNA = "PJSIP/1001"


@dataclass
class Floor:
    """A PBX with three queues, Anna in two of them; ``sales`` and ``vip`` are those of her team."""

    simulator: Simulator
    program: Program
    url: str

    def member(self, queue: str) -> Member | None:
        return self.simulator.pbx.queues[queue].member(ANNA)

    def paused(self) -> dict[str, str]:
        """The reasons of Anna's pauses by queue, as the PBX has them."""
        found = {name: self.member(name) for name in self.simulator.pbx.queues}
        return {name: one.reason for name, one in found.items() if one is not None and one.paused}

    async def until(self, test: Callable[[], object], seconds: float = PATIENCE) -> None:
        async with asyncio.timeout(seconds):
            while not test():  # noqa: ASYNC110 (the simulator has no news of its own)
                await asyncio.sleep(0.02)

    async def right(self) -> None:
        """Wait until the program has heard its PBX."""
        async with asyncio.timeout(PATIENCE), self.program.http() as http:
            while (await http.get("/readyz")).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def trail(self) -> list[tuple[str, str, str]]:
        store = await asyncio.to_thread(Store.open, self.url, default_region="CN")
        try:
            rows = reversed(await store.audit.page(500))
            return [(r.entry.actor, r.entry.action, r.entry.outcome) for r in rows]
        finally:
            await asyncio.to_thread(store.close)


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[Floor]:
    members = [[Member(ANNA, "Anna")], [Member(ANNA, "Anna", dynamic=True)], []]
    names = [("support", "800"), ("sales", "801"), ("vip", "802")]
    queues = [Queue(name, exten, of, ring_seconds=20.0) for (name, exten), of in zip(names, members, strict=True)]
    simulator = Simulator(queues=queues)
    server = SimulatorServer(simulator)
    config = await prepare(tmp_path, port=await server.start(), secret=SECRET, username=USERNAME, wrap_up=0)
    url = f"sqlite:///{tmp_path / 'callweave.db'}"
    store = await asyncio.to_thread(Store.open, url, default_region="CN")
    await store.teams.put_team(Team(code="west", label="West", members=("anna", "sofia"), queues=("sales", "vip")))
    await asyncio.to_thread(store.close)
    try:
        async with Program(tmp_path, "--config", str(config)) as program:
            on = Floor(simulator, program, url)
            await on.right()
            yield on
            assert "Traceback" not in program.errors()
    finally:
        await server.stop()


def places(desk: Desk) -> dict[str, dict[str, Any]]:
    """What is shown of Anna's queues."""
    agent = desk.agent()
    assert agent is not None
    return {one["queue"]: one for one in agent["places"]}


async def shown(desk: Desk, test: Callable[[dict[str, dict[str, Any]]], object]) -> None:
    await desk.wait("agent_state", lambda m: test({one["queue"]: one for one in m["agent"]["places"]}))


async def ready(desk: Desk) -> None:
    assert (await desk.done("set_state", state="READY"))["ok"]
    await desk.state("READY")


async def test_she_joins_and_leaves_what_is_given_to_her(floor: Floor) -> None:
    async with Desk(floor.program, "anna") as anna:
        await anna.state("NOT_READY")
        assert {queue: (one["member"], one["own"]) for queue, one in places(anna).items()} == {
            "support": (True, False),
            "sales": (True, True),
            "vip": (False, True),
        }
        assert (await anna.done("join_queue", queue="vip"))["ok"]
        member = floor.member("vip")
        assert member is not None and (member.paused, member.reason) == (True, "callweave:signed_in")
        await ready(anna)
        await floor.until(lambda: not floor.paused())
        assert (await anna.done("leave_queue", queue="sales"))["ok"]
        assert floor.member("sales") is None
        await shown(anna, lambda p: not p["sales"]["member"] and p["vip"]["member"])
        for name, queue, code in (
            ("leave_queue", "support", "queue_not_given"),
            ("join_queue", "support", "queue_not_given"),
            ("join_queue", "vip", "in_queue_already"),
            ("leave_queue", "sales", "not_your_queue"),
            ("join_queue", "nothing", "unknown_queue"),
            ("resume_queue", "vip", "not_paused_there"),
        ):
            assert (await anna.command(name, queue=queue))["error"]["code"] == code
        assert (await anna.command("join_queue", queue="vip", pbx="other"))["error"]["code"] == "unknown_pbx"
        # what others do to her memberships is taken over
        floor.simulator.pbx.remove_member(floor.simulator.pbx.queues["vip"], ANNA)
        await shown(anna, lambda p: not p["vip"]["member"])
    async with asyncio.timeout(PATIENCE):
        while ("anna", "leave_queue", "done") not in await floor.trail():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert ("anna", "join_queue", "done") in await floor.trail()


async def test_a_pause_in_one_queue_with_two_holders(floor: Floor) -> None:
    async with Desk(floor.program, "anna") as anna, Overseer(floor.program, "sofia") as sofia:
        await ready(anna)
        await floor.until(lambda: not floor.paused())
        assert (await anna.command("pause_queue", queue="sales", reason="gym"))["error"]["field"] == "reason"
        assert (await anna.command("pause_queue", queue="vip", reason="lunch"))["error"]["code"] == "not_your_queue"
        assert (await anna.done("pause_queue", queue="sales", reason="lunch"))["ok"]
        assert floor.paused() == {"sales": "callweave:lunch"} and (await anna.state("READY"))["queues"]
        assert (await sofia.done("pause_queue", agent="anna", queue="sales", reason="training", why="new"))["ok"]
        await floor.until(lambda: floor.paused() == {"sales": "callweave:training"})
        told = await anna.wait("notice", lambda m: m["code"] == "queue_paused")
        assert told["params"] == {"queue": "sales", "reason": "training", "by": "Sofia"}
        await shown(anna, lambda p: [h["holder"] for h in p["sales"]["pauses"]] == ["supervisor", "agent"])
        (finding,) = [one for one in await sofia.why("anna") if one["code"] == "held_in_queue"]
        assert finding["params"] == {"queue": "sales", "reason": "training", "by": "Sofia"}

        # two reasons, one released, still paused
        assert (await anna.done("resume_queue", queue="sales"))["ok"]
        assert floor.paused() == {"sales": "callweave:training"}
        assert (await anna.command("resume_queue", queue="sales"))["error"]["code"] == "held_by_supervisor"

        # a call for that queue does not ring here, one of another does
        waiting = QueueCall(floor.simulator.pbx, floor.simulator.pbx.queues["sales"], "13800138000", "Li Lei")
        ringing = QueueCall(floor.simulator.pbx, floor.simulator.pbx.queues["support"], "13900139000", "Han Mei")
        pop = await anna.wait("screen_pop")
        assert pop["queue"] == "support" and waiting.stage == "waiting"
        ringing.hang_up(ringing.caller)
        await anna.state("READY")

        # the pause of all queues wins, and leaves the one behind
        assert (await anna.done("set_state", state="NOT_READY", reason="lunch"))["ok"]
        await floor.until(lambda: floor.paused() == {"support": "callweave:lunch", "sales": "callweave:lunch"})
        await ready(anna)
        await floor.until(lambda: floor.paused() == {"sales": "callweave:training"})

        # a supervisor's word ends it, and the caller who waits rings
        assert (await sofia.done("resume_queue", agent="anna", queue="sales", why="done"))["ok"]
        await floor.until(lambda: not floor.paused())
        assert (await anna.wait("screen_pop", lambda m: m["queue"] == "sales"))["queue"] == "sales"
        waiting.hang_up(waiting.caller)
        again = await sofia.command("resume_queue", agent="anna", queue="sales", why="done")
        assert again["error"]["code"] == "not_paused_there"
    trail = await floor.trail()
    for entry in (("anna", "pause_queue", "done"), ("sofia", "pause_queue", "accepted")):
        assert entry in trail


async def test_what_others_do_in_one_queue_is_shown_and_taken_over(floor: Floor) -> None:
    pbx = floor.simulator.pbx
    async with Desk(floor.program, "anna") as anna:
        await ready(anna)
        await floor.until(lambda: not floor.paused())
        pbx.pause(ANNA, True, "boss", "sales")
        await shown(anna, lambda p: [(h["holder"], h["reason"]) for h in p["sales"]["pauses"]] == [("pbx", "boss")])
        pbx.pause(ANNA, False, "", "sales")
        assert (await anna.done("pause_queue", queue="sales", reason="lunch"))["ok"]
        pbx.pause(ANNA, False, "", "sales")
        told = await anna.wait("notice", lambda m: m["code"] == "released_at_pbx")
        assert told["params"]["queue"] == "sales" and not floor.paused()
        assert not places(anna)["sales"]["pauses"] and (await anna.state("READY"))["reason"] is None


async def test_it_outlives_our_death_and_is_released_when_we_stop(floor: Floor) -> None:
    async with Desk(floor.program, "anna") as anna:
        await ready(anna)
        await floor.until(lambda: not floor.paused())
        assert (await anna.done("pause_queue", queue="sales", reason="lunch"))["ok"]
    await floor.program.kill()
    assert floor.paused() == {"sales": "callweave:lunch"}
    await floor.program.start()
    await floor.right()
    async with Desk(floor.program, "anna") as anna:
        await anna.state("READY")
        assert [(h["holder"], h["reason"], h["by"]) for h in places(anna)["sales"]["pauses"]] == [
            ("agent", "lunch", "anna")
        ]
        assert floor.paused() == {"sales": "callweave:lunch"}
        assert (await anna.done("resume_queue", queue="sales"))["ok"] and not floor.paused()
        assert (await anna.done("pause_queue", queue="sales", reason="lunch"))["ok"]
    assert await floor.program.end() == 0
    assert not floor.paused()
    await floor.program.start()  # the pause was hers, and she has not let go
    await floor.until(lambda: floor.paused().get("sales") == "callweave:lunch")
