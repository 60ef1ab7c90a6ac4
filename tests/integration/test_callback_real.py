"""Callbacks on a real Asterisk: asked for by a key, the place kept, the customer called, the result in the log."""

# ruff: noqa: F811, ASYNC110 (fixtures; the PBX must be asked)
from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.entry_site import ZHAO, Site, site
from tests.fakes.patience import PATIENCE
from tests.pbx.fixtures import pbx, stage  # noqa: F401
from tests.pbx.phone import Call
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk"), pytest.mark.timeout(150)]

LI = "13800138000"
QUEUE = "callback = true\ncallback_by = 'queue'\ncallback_waiting = 9"


_STORED = "SELECT * FROM callbacks WHERE COALESCE(result, '') <> 'not_promised' ORDER BY requested_at"


def stored(folder: Path) -> list[dict[str, Any]]:
    """The callbacks as the database has them; not those that were never promised, because storing took too long."""
    with sqlite3.connect(folder / "callweave.db") as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(_STORED)]


def logged(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    """What the log says of callbacks."""
    with sqlite3.connect(folder / "callweave.db") as database:
        rows = database.execute("SELECT type, payload FROM events WHERE type LIKE 'Callback%' ORDER BY seq")
        return [(row[0], json.loads(row[1])) for row in rows]


async def until(which: Any, within: float = PATIENCE) -> None:
    async with asyncio.timeout(within):
        while not which():
            await asyncio.sleep(0.1)


async def pressed(at: Site, caller: Call, folder: Path) -> None:
    """He presses 2 until he is promised a call: the queue does not listen yet when it says that he waits, and where
    storing takes too long he is back in it."""
    async with asyncio.timeout(2 * PATIENCE):
        while not stored(folder):
            if await at.stage.pbx.ami.listed("QueueStatus", "QueueEntry", Queue="helpdesk"):
                await caller.dtmf("2", gap=0.5)
            else:
                await asyncio.sleep(0.1)


async def promised(at: Site, folder: Path) -> None:
    """Li waits, presses 2, hears that he will be called, and hangs up."""
    caller = await at.stage.customer(LI, "820").up()
    await at.waiting("helpdesk", 1)
    await pressed(at, caller, folder)  # he is out of the queue; what stands in for him may be in it already
    await caller.hang_up()


async def test_the_place_is_kept_and_the_customer_called_before_who_came_later(stage: Stage, tmp_path: Path) -> None:
    async with site(stage, tmp_path, QUEUE) as at:
        await stage.nobody_free("1007", "1008")
        await promised(at, tmp_path)
        later = await stage.customer(ZHAO, "820").up()
        # What stands in for Li takes his place, before Zhao, who may have been in the queue earlier than it.
        assert await at.waiting("helpdesk", 2) == [f"9{LI}", ZHAO]
        await stage.pbx.pause("PJSIP/1007", False)
        agent = await (await stage.gustav.rings()).answer(after=0.3)
        li = await (await stage.outside.rings()).answer(after=0.5)
        await until(lambda: stored(tmp_path)[0]["state"] == "done")
        assert await at.waiting("helpdesk", 1) == [ZHAO]
        await stage.talk(0.5)
        await li.hang_up()
        await agent.ended()
        zhao = await (await stage.gustav.rings()).answer()
        await at.waiting("helpdesk", 0)
        await zhao.hang_up()
        await later.ended()
        assert stored(tmp_path)[0]["result"] == "answered" and stored(tmp_path)[0]["attempts"] == 1
        await until(lambda: len(logged(tmp_path)) == 3)
        assert [name for name, _ in logged(tmp_path)] == ["CallbackRequested", "CallbackAttempted", "CallbackClosed"]
        of = logged(tmp_path)[2][1]["closed_by"]
        log = await at.program.log(lambda log: any(one["id"] == of and one["ended_at"] for one in log))
        (call,) = [one for one in log if one["id"] == of]
        assert (call["direction"], call["outcome"], call["customer_address"]) == ("outbound", "answered", f"+86{LI}")
        assert call["segments"][0]["agent"] == "PJSIP/1007"


async def test_a_repeat_call_finds_its_place_and_closes_the_callback(stage: Stage, tmp_path: Path) -> None:
    async with site(stage, tmp_path, QUEUE) as at:
        await stage.nobody_free("1007", "1008")
        await promised(at, tmp_path)
        await stage.customer(ZHAO, "820").up()
        assert await at.waiting("helpdesk", 2) == [f"9{LI}", ZHAO]
        again = await stage.customer(LI, "820").up()
        async with asyncio.timeout(PATIENCE):  # nothing stands in for who waits himself
            while await at.waiting("helpdesk", 2) != [LI, ZHAO]:
                await asyncio.sleep(0.1)
        assert await at.variable(again, "CALLWEAVE_KEEPS_PLACE") == "1"
        await until(lambda: stored(tmp_path)[0]["state"] == "waiting")
        await stage.pbx.pause("PJSIP/1007", False)
        await (await stage.gustav.rings()).answer()
        await until(lambda: stored(tmp_path)[0]["state"] == "done")
        assert stored(tmp_path)[0]["result"] == "called_again"


async def test_a_customer_who_is_busy_is_tried_again_and_then_it_failed(stage: Stage, tmp_path: Path) -> None:
    async with site(stage, tmp_path, QUEUE, entry="callback_attempts = 2\ncallback_retry_seconds = 1") as at:
        await stage.nobody_free("1007", "1008")
        await promised(at, tmp_path)
        await stage.pbx.pause("PJSIP/1007", False)
        for _ in range(2):
            agent = await (await stage.gustav.rings()).answer(after=0.2)
            await (await stage.outside.rings()).reject(486)
            await agent.ended()
        await until(lambda: stored(tmp_path)[0]["state"] == "failed")
        one = stored(tmp_path)[0]
        assert (one["result"], one["attempts"]) == ("busy", 2)


async def test_who_calls_is_told_how_many_of_all_media_are_before_him(stage: Stage, tmp_path: Path) -> None:
    """A callback that waits at consoles stands in no queue of Asterisk's, and is before him all the same."""
    async with site(stage, tmp_path, "callback = true") as at:
        await stage.pbx.cli("dialplan set global CALLWEAVE_SAY_AHEAD yes")
        await stage.nobody_free("1007", "1008")
        await promised(at, tmp_path)
        # Until his hang-up was read he counts twice: as who waits, and by what he was promised.
        await at.program.log(lambda log: any(one["channel"] == "voice" and one["ended_at"] for one in log))
        zhao = await stage.customer(ZHAO, "820").up()
        assert await at.waiting("helpdesk", 1) == [ZHAO]  # nothing stands in for Li
        assert await at.variable(zhao, "CALLWEAVE_AHEAD") == "1"
        assert await at.variable(zhao, "CALLWEAVE_POSITION") == ""
        li = await stage.customer(LI, "820").up()
        assert await at.waiting("helpdesk", 2) == [LI, ZHAO]
        assert await at.variable(li, "CALLWEAVE_KEEPS_PLACE") == "1"
        assert await at.variable(li, "CALLWEAVE_AHEAD") == "0"
        assert await at.variable(li, "CALLWEAVE_POSITION") == "1"
        await stage.pbx.cli("dialplan set global CALLWEAVE_SAY_AHEAD no")


async def test_it_survives_our_death(stage: Stage, tmp_path: Path) -> None:
    async with site(stage, tmp_path, QUEUE) as at:
        await stage.nobody_free("1007", "1008")
        await promised(at, tmp_path)
        await at.waiting("helpdesk", 1)
        await at.program.kill()
        await at.program.start()
        await at.answers()
        assert stored(tmp_path)[0]["state"] == "dialling"
        await stage.pbx.pause("PJSIP/1007", False)
        await (await stage.gustav.rings()).answer()
        await (await stage.outside.rings()).answer(after=0.3)
        await until(lambda: stored(tmp_path)[0]["state"] == "done")
        await stage.pbx.hangup_all()
        assert stage.outside.incoming.empty()


async def test_foreign_short_and_withheld_numbers_are_not_called_back(stage: Stage, tmp_path: Path) -> None:
    async with site(stage, tmp_path, QUEUE) as at:
        await stage.nobody_free("1007", "1008")
        for number in ("+19005550123", "1002", "anonymous", "110"):
            caller = await stage.customer(number, "820").up()
            await at.waiting("helpdesk", 1)
            async with asyncio.timeout(PATIENCE):
                while await at.variable_of_anybody("CALLWEAVE_CALLBACK") != "refused":
                    await caller.dtmf("2", gap=0.5)
            await at.waiting("helpdesk", 1)  # back in the line
            await stage.pbx.hangup_all()
        assert stored(tmp_path) == []
