"""After the agent has hung up the caller is asked how it was, by keys, on a real Asterisk."""

# ruff: noqa: F811, ASYNC110 (fixtures; the program is asked over REST)
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.fakes.entry_site import WANG, Site, site
from tests.fakes.patience import PATIENCE
from tests.fakes.program import Desk
from tests.pbx.fixtures import pbx, stage  # noqa: F401
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk"), pytest.mark.timeout(120)]


@pytest_asyncio.fixture(loop_scope="session")
async def desk_site(stage: Stage, tmp_path: Path) -> AsyncIterator[Site]:
    async with site(stage, tmp_path) as made:
        yield made


async def in_survey(at: Site) -> None:
    """Wait until the only caller is asked for a key."""
    async with asyncio.timeout(PATIENCE):
        while not any(c.get("Application") == "Read" for c in await at.stage.pbx.channels()):
            await asyncio.sleep(0.05)


async def answers(at: Site, wanted: int) -> list[dict[str, Any]]:
    """The answers of the customer, once there are so many."""
    async with at.program.http(await at.program.sign_in("sofia")) as http, asyncio.timeout(PATIENCE):
        (customer,) = (await http.get("/api/customers", params={"q": WANG})).json()["items"]
        while True:
            found = (await http.get(f"/api/customers/{customer['id']}/surveys")).json()["items"]
            if len(found) == wanted:
                return list(found)
            await asyncio.sleep(0.05)


async def test_the_caller_presses_a_key_after_the_agent_hung_up(desk_site: Site) -> None:
    stage = desk_site.stage
    async with Desk(desk_site.program, "hua") as hua:
        await stage.nobody_free("1007")
        await hua.done("set_state", state="READY")
        await desk_site.free("1008")
        caller = stage.customer(WANG, "821")
        talk = await (await stage.hua.rings()).answer(after=0.2)
        await caller.up()
        await stage.talk(0.5)
        await talk.hang_up()
        await in_survey(desk_site)
        await hua.state("WRAP_UP")  # she does not wait for the caller's answer
        await caller.dtmf("9")  # no answer: asked again
        async with asyncio.timeout(PATIENCE):
            while await desk_site.variable(caller, "CALLWEAVE_TRY") != "2":
                await asyncio.sleep(0.05)
        await in_survey(desk_site)
        await caller.dtmf("4")
        (one,) = await answers(desk_site, 1)
        assert (one["kind"], one["score"], one["channel"], one["queue"]) == ("csat", 4, "voice", "helpdesk")
        assert one["agent"] in ("hua", "PJSIP/1008")
        await caller.ended()
        (call,) = [c for c in await desk_site.program.log() if c["id"] == one["interaction_id"]]
        assert call["outcome"] == "answered"
