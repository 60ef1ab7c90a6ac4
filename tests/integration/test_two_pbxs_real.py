"""Two real Asterisks side by side, 22 and 16, with telephones of the same names: one program, one view."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from interaction_log.store import Store
from tests.fakes.patience import PATIENCE
from tests.fakes.program import Desk, Program, prepare
from tests.pbx import bootstrap
from tests.pbx.asterisk import Pbx
from tests.pbx.fixtures import clean, pbx, stage  # noqa: F401 (fixtures)
from tests.pbx.phone import Call
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk"), pytest.mark.timeout(120)]

TOML = """
[http]
port = 0
[database]
url = "sqlite:///callweave.db"
journal = "journal"
"""
ONE = """
[[pbx]]
name = "{name}"
port = {port}
username = "callweave"
secret = "{secret}"
devices = ["PJSIP/10??"]
trunks = ["PJSIP/pstn"]
outbound_prefix = "9"
[[queue]]
pbx = "{name}"
name = "support"
wrap_up_seconds = 0
"""
SEATS = {"anna": ["new:PJSIP/1001"], "ben": ["old:PJSIP/1001"]}
CUSTOMER = "13800138000"


@pytest_asyncio.fixture
async def old_stage(tmp_path: Path, stage: Stage) -> AsyncIterator[Stage]:  # noqa: F811 (needs the machine checked)
    """A second PBX, of the oldest release that we know, with phones of the same names."""
    try:
        old = Pbx(release="bullseye")
    except bootstrap.Missing as missing:
        pytest.skip(str(missing))
    folder = tmp_path / "old"
    folder.mkdir()
    async with old:
        on = Stage(old, folder, "old")
        await on.open()
        try:
            yield on
        finally:
            await on.close()


@pytest_asyncio.fixture
async def program(tmp_path: Path, stage: Stage, old_stage: Stage) -> AsyncIterator[Program]:  # noqa: F811
    config = await prepare(tmp_path, port=1, secret="-")
    parts = [("new", stage.pbx), ("old", old_stage.pbx)]
    config.write_text(TOML + "".join(ONE.format(name=n, port=p.ports.ami, secret=p.secret) for n, p in parts))
    store = await asyncio.to_thread(Store.open, f"sqlite:///{tmp_path / 'callweave.db'}", default_region="CN")
    for name, seats in SEATS.items():
        await store.users.update(name, {"devices": seats})
    await asyncio.to_thread(store.close)
    async with Program(tmp_path, "--config", str(config)) as running:
        yield running
        assert await running.end() == 0
        assert "Traceback" not in running.errors(), running.errors()


async def ready(desk: Desk) -> None:
    assert (await desk.done("set_state", state="READY"))["ok"]
    await desk.state("READY")


async def links(program: Program, wanted: dict[str, str], seconds: float = PATIENCE) -> None:
    """Wait until the health page says so of each PBX."""
    async with program.http(await program.sign_in("sofia")) as http, asyncio.timeout(seconds):
        while True:
            parts = (await http.get("/api/health")).json()["parts"]
            found = {p["name"].removeprefix("pbx "): p["state"] for p in parts if p["name"].startswith("pbx ")}
            if wanted.items() <= found.items():
                return
            await asyncio.sleep(0.1)


def pops(desk: Desk) -> int:
    return len(desk.of("screen_pop"))


@contextmanager
def undisturbed(desk: Desk) -> Iterator[None]:
    """What happens meanwhile is no concern of this agent's."""
    before, state = pops(desk), desk.agent()
    yield
    assert pops(desk) == before
    assert desk.agent() == state


async def connected(on: Stage, desk: Desk) -> tuple[Call, Call, str]:
    """A customer calls, the agent at PJSIP/1001 of this PBX takes it."""
    before = desk.got[-1][1]["seq"]
    customer = on.customer(CUSTOMER, "800")
    rings = await on.anna.rings()
    pop = await desk.wait("screen_pop", lambda m: m["seq"] > before)
    assert pop["customer"]["name"] == "李雷" and pop["waited_seconds"] < 5
    await rings.answer()
    await desk.state("BUSY")
    return customer, rings, str(pop["interaction"]["id"])


async def over(call: Call, desk: Desk, seconds: float = PATIENCE) -> None:
    await call.hang_up()
    await desk.state("READY", seconds)


async def test_equal_phones_on_two_pbxs(stage: Stage, old_stage: Stage, program: Program) -> None:  # noqa: F811
    assert " 22." in await stage.pbx.cli("core show version")
    assert " 16." in await old_stage.pbx.cli("core show version")
    async with Desk(program, "anna") as anna, Desk(program, "ben") as ben:
        await ready(anna)
        await ready(ben)
        await links(program, {"new": "up", "old": "up"})

        with undisturbed(ben):
            first, *_, one = await connected(stage, anna)
            await over(first, anna)
        with undisturbed(anna):
            second, *_, two = await connected(old_stage, ben)
            await over(second, ben)

        third, *_, three = await connected(stage, anna)  # both at once
        fourth, *_, four = await connected(old_stage, ben)
        refused = await ben.command("hang_up", interaction_id=three)
        assert not refused["ok"] and refused["error"]["code"] == "not_yours"
        assert (await ben.done("hang_up", interaction_id=four))["ok"]
        await fourth.ended()
        await ben.state("READY")
        assert (anna.agent() or {})["state"] == "BUSY"
        await over(third, anna)

        logged = {item["id"]: item for item in await program.log()}
        assert {i: logged[i]["pbx"] for i in (one, two, three, four)} == {
            one: "new",
            two: "old",
            three: "new",
            four: "old",
        }
        assert {logged[i]["outcome"] for i in logged} == {"answered"} and len(logged) == 4
        await mine(program, "anna", {one, three})
        await mine(program, "ben", {two, four})

        # Only the phone of her own PBX is paused with her.
        await anna.done("set_state", state="NOT_READY", reason="lunch")
        await paused(stage, "callweave:lunch")
        await paused(old_stage, None)


async def mine(program: Program, name: str, ids: set[str]) -> None:
    """Whose calls these are, the log knows by the seat."""
    async with program.http(await program.sign_in(name)) as http:
        items = (await http.get("/api/interactions", params={"limit": 50})).json()["items"]
    assert {item["id"] for item in items} == ids


async def paused(on: Stage, reason: str | None, seconds: float = PATIENCE) -> None:
    async with asyncio.timeout(seconds):
        while True:
            members = await on.pbx.ami.listed("QueueStatus", "QueueMember")
            mine = [one for one in members if one["StateInterface"] == "PJSIP/1001"]
            if {one["PausedReason"] if one["Paused"] == "1" else None for one in mine} == {reason}:
                return
            await asyncio.sleep(0.05)


def lost(message: dict[str, Any]) -> bool:
    return bool(message["code"] == "pbx_lost")


async def test_one_dies_the_other_goes_on(stage: Stage, old_stage: Stage, program: Program) -> None:  # noqa: F811
    async with Desk(program, "anna") as anna, Desk(program, "ben") as ben:
        await ready(anna)
        await ready(ben)
        await links(program, {"new": "up", "old": "up"})
        here, *_, alive = await connected(stage, anna)
        await connected(old_stage, ben)
        began = time.monotonic()
        dead = ben.of("screen_pop")[-1]["interaction"]["id"]
        await asyncio.sleep(1.0)  # so long they talk: the log must say as much

        await old_stage.pbx.kill()
        lived = time.monotonic() - began
        for desk in (anna, ben):
            notice = await desk.wait("notice", lost)
            assert notice["params"]["pbx"] == "old"
            assert {one["pbx"]: one["state"] == "up" for one in notice["pbx"]} == {"new": True, "old": False}
        assert (anna.agent() or {})["state"] == "BUSY"
        await over(here, anna)
        again, *_, later = await connected(stage, anna)  # calls on the other PBX go on
        await over(again, anna)

        await old_stage.pbx.restart()
        await links(program, {"new": "up", "old": "up"})
        await ben.wait("notice", lambda m: m["code"] == "pbx_restored" and m["params"]["pbx"] == "old", 20)
        await ben.state("READY", 10)  # her call died with the PBX
        await clean(old_stage.pbx)
        back, *_, new_life = await connected(old_stage, ben)
        await over(back, ben)

        logged = {item["id"]: item for item in await program.log()}
        assert [lost(n) and n["params"]["pbx"] for n in anna.of("notice") if lost(n)] == ["old"]
        assert logged[dead]["outcome"] == "answered" and logged[dead]["ended_by"] == "system"
        assert (
            logged[dead]["inferred"] and logged[dead]["talk_seconds"] < lived + 2
        )  # it ends at the last word of that PBX
        assert {logged[i]["outcome"] for i in (alive, later, new_life)} == {"answered"}
        assert not any(logged[i]["inferred"] for i in (alive, later, new_life))
        assert anna.chain_is_whole() and ben.chain_is_whole()
