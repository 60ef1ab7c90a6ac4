"""Two processes beside a real Asterisk: the one that leads is killed in mid-call, while callers wait and a phone rings;
the other takes over within five seconds. No call is lost, doubled or left open, and pauses are as they were."""

# ruff: noqa: F811 (fixtures; the PBX and the log must be asked)
from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from interaction_log.store.schema import events
from tests.fakes.patience import PATIENCE
from tests.fakes.program import Desk, Program
from tests.integration.test_end_to_end_real import Site, ready
from tests.integration.test_failover import FAILOVER_SECONDS, Pair, both, people
from tests.pbx.fixtures import pbx, stage  # noqa: F401
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk"), pytest.mark.timeout(240)]
LI, WANG, ZHAO = "+8613800138000", "+8613911112222", "+8613922223333"


@pytest.fixture
async def pair(stage: Stage, tmp_path: Path) -> AsyncIterator[Pair]:
    url = f"sqlite:///{tmp_path / 'callweave.db'}"
    await people(url, tmp_path)
    on = Pair(None, url, tmp_path, stage.pbx.ports.ami, "callweave", stage.pbx.secret)
    try:
        yield on
    finally:
        await on.close()


async def calls(program: Program, count: int) -> dict[str, dict[str, Any]]:
    """The log by customer, once it has so many."""
    log = await program.log(lambda log: len(log) == count)
    return {one["customer_address"]: one for one in log}


async def fails_over(on: Pair, first: Program, second: Program) -> None:
    """The leader is killed, and nobody sees it but by its silence; the other one leads in time and hears the PBX."""
    on.elsewhere()
    await first.kill()
    died = time.time()
    await on.led_by(second, FAILOVER_SECONDS)
    led = on.holder()[1] - died
    assert led <= FAILOVER_SECONDS
    await on.leads(second)
    print(f"the follower led {led:.2f} s after the death, and heard the PBX after {time.time() - died:.2f} s")


async def popped(desk: Desk, of: str) -> None:
    """Wait until this console shows the pop of this contact: what it was told when it came, or since."""
    async with asyncio.timeout(PATIENCE):
        while True:
            pops = [*desk.of("screen_pop"), *(pop for shown in desk.of("snapshot") for pop in shown["offers"])]
            if any(pop["interaction"]["id"] == of for pop in pops):
                return
            await asyncio.sleep(0.05)


def told(on: Pair) -> Counter[str]:
    """How often the log has each kind of event."""
    with on.engine.connect() as connection:
        rows: Any = connection.execute(sa.select(events.c.type, sa.func.count()).group_by(events.c.type))
        return Counter({row[0]: row[1] for row in rows})


async def test_killed_in_mid_call_while_a_caller_waits(pair: Pair, stage: Stage) -> None:
    """The call goes on at the same agent's, who stays paused for her wrap-up; who waited is popped and answered."""
    first, second = await both(pair)
    await (await pair.follows(second)).aclose()
    before, after = Site(stage, first), Site(stage, second)
    async with Desk(first, "anna") as anna, Desk(first, "ben") as ben:
        await ready(anna)
        await ben.done("set_state", state="NOT_READY", reason="lunch")
        await before.paused("callweave:lunch", "PJSIP/1002")
        talking = stage.customer(LI, "800")
        await (await stage.anna.rings()).answer()
        busy = await anna.state("BUSY")
        await before.paused("callweave:wrapup")
        waiting = await stage.customer(WANG, "800").up()
        known = await calls(first, 2)
        assert known[LI]["id"] == busy["interaction_id"]
        await anna.done("note", interaction_id=busy["interaction_id"], text="hello")  # acknowledged: it is on a disk
    await fails_over(pair, first, second)
    async with Desk(second, "anna") as anna, Desk(second, "ben") as ben:
        assert (await anna.state("BUSY"))["interaction_id"] == known[LI]["id"]
        assert (await ben.state("NOT_READY"))["reason"] == "lunch"
        await after.paused("callweave:wrapup")
        await after.paused("callweave:lunch", "PJSIP/1002")
        await stage.together("PJSIP/1001", "PJSIP/pstn")
        await talking.hang_up()
        await anna.state("WRAP_UP")
        await after.paused("callweave:wrapup")
        await anna.done("wrap_up", interaction_id=known[LI]["id"], disposition="resolved", notes="")
        await anna.state("READY")
        hers = await (await stage.anna.rings()).answer()
        pop = await anna.wait("screen_pop", lambda p: p["interaction"]["id"] == known[WANG]["id"])
        assert pop["queue"] == "support" and pop["interaction"]["customer_address"] == WANG
        await anna.state("BUSY")
        await waiting.hang_up()
        await hers.ended()
        log = {one["id"]: (one["outcome"], len(one["segments"])) for one in await second.log()}
        assert log == {known[LI]["id"]: ("answered", 1), known[WANG]["id"]: ("answered", 1)}
        assert (await ben.state("NOT_READY"))["reason"] == "lunch"
        await after.paused("callweave:lunch", "PJSIP/1002")
    kinds = told(pair)
    assert (kinds["InteractionStarted"], kinds["InteractionEnded"]) == (2, 2)
    assert "Traceback" not in second.errors()


async def test_killed_while_a_phone_rings_and_callers_come_and_go(pair: Pair, stage: Stage) -> None:
    """Her console has the pop again; who gave up meanwhile is closed; who came meanwhile waits."""
    first, second = await both(pair)
    await (await pair.follows(second)).aclose()
    async with Desk(first, "anna") as anna, Desk(first, "ben") as ben:
        await ready(anna)
        await ben.done("set_state", state="NOT_READY", reason="lunch")
        await Site(stage, first).paused("callweave:lunch", "PJSIP/1002")
        rung = stage.customer(LI, "800")
        await stage.anna.rings()
        pop = await anna.wait("screen_pop")
        leaves = await stage.customer(WANG, "800").up()
        known = await calls(first, 2)
        await anna.done("note", interaction_id=pop["interaction"]["id"], text="hello")
    pair.elsewhere()
    await first.kill()
    died = time.time()
    await leaves.hang_up()
    comes = await stage.customer(ZHAO, "800").up()
    await pair.led_by(second, FAILOVER_SECONDS)
    assert pair.holder()[1] - died <= FAILOVER_SECONDS
    await pair.leads(second)
    async with Desk(second, "anna") as anna:
        await popped(anna, known[LI]["id"])
        log = await calls(second, 3)
        assert log[LI]["id"] == known[LI]["id"] and log[WANG]["id"] == known[WANG]["id"]
        assert log[WANG]["outcome"] in ("pbx_lost", "abandoned")  # nobody saw how it ended, or the follower was quick
        assert log[ZHAO]["ended_at"] is None
        await rung.hang_up()
        await comes.hang_up()
        done = await second.log()
        assert [one["outcome"] for one in done if one["customer_address"] != WANG] == ["abandoned"] * 2
    kinds = told(pair)
    assert (kinds["InteractionStarted"], kinds["InteractionEnded"]) == (3, 3)
    assert "Traceback" not in second.errors()
