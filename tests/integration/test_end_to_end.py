"""The whole program as a process: the simulator, a real socket, real files, real signals."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest_asyncio

from cti_gateway.simulator.queue_call import QueueCall
from cti_gateway.simulator.server import SECRET, Simulator, SimulatorServer
from interaction_log.store import Store
from tests.fakes.patience import PATIENCE
from tests.fakes.program import PASSWORD, Desk, Program, prepare


class Lab:
    """The simulator in this process, the program as a child beside it."""

    def __init__(self, simulator: Simulator, program: Program) -> None:
        self.simulator, self.program = simulator, program

    def call(self, number: str = "13800138000", name: str = "Li Lei") -> QueueCall:
        return QueueCall(self.simulator.pbx, self.simulator.pbx.queues["support"], number, name)

    def member(self, interface: str = "PJSIP/1001") -> Any:
        return self.simulator.pbx.queues["support"].member(interface)

    async def until(self, which: Any, seconds: float = PATIENCE) -> None:
        async with asyncio.timeout(seconds):
            while not which():  # noqa: ASYNC110 (the simulator has no news of its own)
                await asyncio.sleep(0.02)


@pytest_asyncio.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    simulator = Simulator()
    server = SimulatorServer(simulator)
    config = await prepare(tmp_path, port=await server.start(), secret=SECRET)
    try:
        async with Program(tmp_path, "--config", str(config)) as program:
            yield Lab(simulator, program)
    finally:
        await server.stop()


async def test_the_demo_from_the_first_ring_to_the_second_caller(tmp_path: Path) -> None:
    async with Program(tmp_path, "--demo") as program:
        assert any("password demo" in line for line in program.said) or program.url
        async with Desk(program, "anna", "demo") as anna:
            assert (await anna.state("NOT_READY"))["reason"] == "signed_in"
            before = time.monotonic()
            assert (await anna.done("set_state", state="READY"))["ok"]
            pop = await anna.wait("screen_pop")
            assert time.monotonic() - before < 10
            assert pop["customer"]["name"] == "王小明" and pop["strength"] == "known" and pop["timeline"]
            assert pop["queue"] == "support" and 0 <= pop["emitted_at"] - pop["pbx_received_at"] < 0.5
            i = pop["interaction"]["id"]
            assert (await anna.done("answer", interaction_id=i))["ok"]
            assert (await anna.wait("screen_pop_closed"))["reason"] == "answered"
            await anna.state("BUSY")
            assert (await anna.done("note", interaction_id=i, text="询问价格"))["ok"]
            assert (await anna.done("hang_up", interaction_id=i))["ok"]
            wrapping = await anna.state("WRAP_UP")
            assert 0 < wrapping["until"] - time.time() <= 30
            assert (await anna.done("wrap_up", interaction_id=i, disposition="resolved", notes=None))["ok"]
            await anna.state("READY")
            second = await anna.wait("screen_pop", lambda p: p["interaction"]["id"] != i, 15)
            assert second["customer"]["name"] == "Emily Carter"
            assert anna.chain_is_whole()
        log = await program.interactions("sofia", "demo")
        first = next(one for one in log if one["id"] == i)
        assert (first["outcome"], first["disposition"], first["notes"]) == ("answered", "resolved", "询问价格")
        async with program.http() as http:
            assert (await http.get("/healthz")).status_code == 200
            assert (await http.get("/readyz")).json()["ready"]
            assert "callweave_pop_emitted_seconds_count" in (await http.get("/metrics")).text
        began = time.monotonic()
        assert await program.end(signal.SIGINT) == 0
        assert time.monotonic() - began < 10
        assert "Traceback" not in program.errors() and "ERROR" not in program.errors()


async def test_a_second_start_of_the_demo_is_quick_and_a_second_process_is_refused(tmp_path: Path) -> None:
    async with Program(tmp_path, "--demo") as program:
        second = Program(tmp_path, "--demo")
        try:
            await second.start()
            raise AssertionError("a second process started on the same database")
        except RuntimeError as error:
            assert "works on this database" in str(error) and "Traceback" not in str(error)
        assert await program.end() == 0
        await program.start()
        assert program.process is not None
        times = psutil.Process(program.process.pid).cpu_times()
        assert times.user + times.system < 5  # by its own clock: other tests have the machine too
        assert await program.end() == 0


async def test_demo_accounts_are_refused_outside_the_demo(tmp_path: Path) -> None:
    async with Program(tmp_path, "--demo") as program:
        await program.end()
    config = tmp_path / "real.toml"
    config.touch(mode=0o600)
    config.write_text(
        '[database]\nurl = "sqlite:///var/demo.db"\njournal = "var/demo-journal"\n'
        '[[pbx]]\nname = "x"\nusername = "u"\nsecret = "s"\ndevices = ["PJSIP/10??"]\n'
    )
    refused = Program(tmp_path, "--config", str(config))
    try:
        await refused.start()
        raise AssertionError("it started")
    except RuntimeError as error:
        assert "demo account" in str(error)


async def test_the_demo_does_not_touch_a_sites_database(tmp_path: Path) -> None:
    config = await prepare(tmp_path, port=1, secret="s")
    refused = Program(tmp_path, "--demo", "--config", str(config))
    try:
        await refused.start()
        raise AssertionError("it started")
    except RuntimeError as error:
        assert "other users" in str(error)


async def test_our_own_death_in_mid_call(lab: Lab) -> None:
    """Two agents in calls, one caller waits; SIGKILL; meanwhile one call ends and one begins."""
    async with Desk(lab.program, "anna") as anna, Desk(lab.program, "ben") as ben:
        for desk in (anna, ben):
            await desk.done("set_state", state="READY")
        first = lab.call()
        pop = await anna.wait("screen_pop")
        await anna.done("answer", interaction_id=pop["interaction"]["id"])
        await anna.state("BUSY")
        second = lab.call("13911112222", "Han Meimei")
        other = await ben.wait("screen_pop")
        await ben.done("answer", interaction_id=other["interaction"]["id"])
        await ben.state("BUSY")
        await anna.done("note", interaction_id=pop["interaction"]["id"], text="halfway")
        token = anna.token
    await lab.program.kill()
    second.hang_up(second.caller)
    third = lab.call("13700000000", "")
    before = time.monotonic()
    await lab.program.start()
    async with Desk(lab.program, "ben") as ben:
        anna = Desk(lab.program, "anna")
        await anna.open(token)  # the session survives
        snapshot = await anna.wait("snapshot")
        await ben.state("WRAP_UP")
        assert time.monotonic() - before < 10
        assert snapshot["agent"]["state"] == "BUSY"
        assert [one["state"] for one in snapshot["interactions"]] == ["talking"]
        assert snapshot["interactions"][0]["notes"] == "halfway"
        assert snapshot["interactions"][0]["customer_name_known"] == "李雷"
        await lab.until(lambda: lab.member("PJSIP/1001").paused)
        first.hang_up(first.caller)
        await anna.state("WRAP_UP")
        await anna.done("wrap_up", interaction_id=pop["interaction"]["id"], disposition="resolved", notes=None)
        late = await anna.wait("screen_pop")
        assert late["interaction"]["customer_address"] == "+8613700000000"
        third.hang_up(third.caller)
        await anna.wait("screen_pop_closed")
        log = await lab.program.log()
        await anna.close()
    assert sorted(one["outcome"] for one in log) == ["abandoned", "answered", "answered"]
    assert len({one["id"] for one in log}) == 3
    by_id = {one["id"]: one for one in log}
    assert not by_id[pop["interaction"]["id"]]["inferred"] or by_id[pop["interaction"]["id"]]["ended_by"] == "customer"
    assert by_id[other["interaction"]["id"]]["inferred"]


async def test_sigterm_releases_our_pauses_and_a_start_takes_them_up_again(lab: Lab) -> None:
    async with Desk(lab.program, "anna") as anna:
        await anna.done("set_state", state="NOT_READY", reason="lunch")
        await lab.until(lambda: lab.member().reason == "callweave:lunch")
        assert lab.member().paused
        assert await lab.program.end() == 0
    assert not lab.member().paused
    await lab.program.start()
    await lab.until(lambda: lab.member().reason == "callweave:lunch")
    assert lab.member().paused
    async with Desk(lab.program, "anna") as anna:
        agent = (await anna.wait("snapshot"))["agent"]
        assert (agent["state"], agent["reason"]) == ("NOT_READY", "lunch")


async def test_wrong_passwords_and_foreign_tokens(lab: Lab) -> None:
    async with lab.program.http() as http:
        for name, password in (("anna", "demo"), ("nobody", PASSWORD)):
            answer = await http.post("/api/session", json={"username": name, "password": password})
            assert answer.status_code == 401


async def test_another_phone_that_was_given_to_her_while_we_were_down_counts(lab: Lab, tmp_path: Path) -> None:
    async with Desk(lab.program, "anna") as anna:
        await anna.done("set_state", state="READY")
        await lab.until(lambda: not lab.member("PJSIP/1001").paused)
    assert await lab.program.end() == 0
    store = await asyncio.to_thread(Store.open, f"sqlite:///{tmp_path / 'callweave.db'}", default_region="CN")
    await store.users.update("anna", {"devices": ["PJSIP/1003"]})
    await asyncio.to_thread(store.close)
    await lab.program.start()
    async with Desk(lab.program, "anna") as anna:
        assert (await anna.wait("snapshot"))["agent"]["devices"] == ["PJSIP/1003"]
