"""The laboratory itself: does it start clean, do its telephones and SIPp do what they say, does it end clean?"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.pbx import sipp
from tests.pbx.asterisk import SAMPLE, Pbx, Ports
from tests.pbx.fixtures import pbx, stage
from tests.pbx.record import Recorder
from tests.pbx.stage import Stage

__all__ = ["pbx", "stage"]
pytestmark = pytest.mark.real("asterisk")


async def test_no_part_of_the_sample_configuration_is_refused(pbx: Pbx) -> None:
    lines = [line for line in pbx.log().splitlines() if "Invalid keyword" in line or "Ignoring unknown option" in line]
    assert not lines
    assert "linear" in (await pbx.cli("queue show support")).splitlines()[0]


async def test_least_rights_user_cannot_run_commands(pbx: Pbx) -> None:
    shown = await pbx.cli("manager show user callweave")
    rights = {key.strip(): value.strip() for key, _, value in (one.partition(":") for one in shown.splitlines())}
    assert set(rights["read perm"].split(",")) == {"system", "call", "agent", "user"}
    assert set(rights["write perm"].split(",")) == {"call", "agent", "originate", "reporting"}


async def test_a_call_through_the_queue(stage: Stage) -> None:
    customer = stage.customer(name="Li Lei")
    anna = await (await stage.anna.rings()).answer(after=0.2)
    await customer.hang_up()
    await anna.ended()
    await stage.pbx.no_channels()
    events = [line[4] for line in stage.pbx.queue_log()]
    assert events[-3:] == ["ENTERQUEUE", "CONNECT", "COMPLETECALLER"]


async def test_a_call_that_a_test_leaves_behind_is_cleaned_up_by_the_fixture(stage: Stage) -> None:
    stage.customer()
    await (await stage.anna.rings()).answer()
    await stage.pbx.pause("PJSIP/1002")


async def test_nothing_is_left_from_the_test_before(stage: Stage) -> None:
    assert await stage.pbx.channels() == []
    members = await stage.pbx.ami.listed("QueueStatus", "QueueMember", Queue="support")
    assert {one["Paused"] for one in members} == {"0"}


async def test_killed_and_back(stage: Stage) -> None:
    await stage.pbx.kill()
    await stage.pbx.restart()
    customer = stage.customer()
    await stage.anna.rings()
    await customer.hang_up()


async def test_two_side_by_side(stage: Stage) -> None:
    async with Pbx() as other:
        assert other.ports.ami != stage.pbx.ports.ami
        folder = other.folder
        customer = stage.customer()
        await stage.anna.rings()
        assert not await other.channels()
        await customer.hang_up()
    assert not folder.exists()


def _everything_but_the_noise(_: Ports) -> dict[str, str]:
    """A user with all rights who has the event filters that we recommend."""
    sample = (SAMPLE / "manager.conf").read_text(encoding="utf-8")
    filters = [line for line in sample.splitlines() if line.startswith("eventfilter")]
    return {"manager.conf": "\n".join(["", "[filtered]", "secret = filtered", "read = all", *filters, ""])}


async def test_the_recommended_event_filters_work(tmp_path: Path) -> None:
    async with Pbx(extra=_everything_but_the_noise, cel=True) as own:
        on = Stage(own, tmp_path, "filters")
        await on.open()
        recorder = await Recorder.start(tmp_path / "filtered.ami", own.ports.ami, "filtered", "filtered")
        try:
            customer = on.customer()
            anna = await (await on.anna.rings()).answer()
            await anna.dtmf("1")
            await customer.hang_up()
            await own.no_channels()
            await recorder.quiet()
        finally:
            await recorder.stop()
            await on.close()
        seen = {line for line in (tmp_path / "filtered.ami").read_bytes().split(b"\r\n") if line.startswith(b"Event: ")}
    assert b"Event: AgentComplete" in seen
    assert {b"Event: VarSet", b"Event: Newexten", b"Event: CEL", b"Event: DTMFBegin"}.isdisjoint(seen)


async def test_sipp_calls_in_a_row(pbx: Pbx, tmp_path: Path) -> None:
    agents = [sipp.agent(pbx, desk, tmp_path, ring=0.2) for desk in ("1001", "1002")]
    try:
        people = [("13800138000", "Li Lei", "800"), ("02150888888", "Han Meimei", "800")]
        load = sipp.callers(pbx, people, tmp_path, count=6, rate=2, talk=1.5)
        try:
            assert await load.done(30) == 0, (tmp_path / "caller.log").read_text()[-2000:]
        finally:
            await load.stop()
        await pbx.no_channels()
        completed = [line for line in pbx.queue_log() if line[4].startswith("COMPLETE")]
        assert completed
    finally:
        await asyncio.gather(*(one.stop() for one in agents))
