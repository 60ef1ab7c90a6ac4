"""A supervisor's live page, the wallboard and an agent's desk in a real browser, beside the simulated PBX.

Pictures go to test-artefacts.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Expect

from cti_gateway.simulator.queue_call import QueueCall
from cti_gateway.simulator.server import SECRET, Simulator, SimulatorServer
from interaction_log.records import Choice
from interaction_log.store import Store
from tests.fakes.browser import Person, chromium  # noqa: F401 (fixture)
from tests.fakes.overseer import Overseer
from tests.fakes.program import PASSWORD, Desk, Program, prepare

pytestmark = [pytest.mark.real("chromium"), pytest.mark.timeout(300)]
expect = Expect()
expect.set_options(timeout=30_000)  # other tests run beside this one
SECONDS = 30.0


class Lab:
    """The simulator in this process, the program as a child beside it."""

    def __init__(self, simulator: Simulator, program: Program) -> None:
        self.simulator, self.program = simulator, program

    def call(self, number: str, name: str) -> QueueCall:
        return QueueCall(self.simulator.pbx, self.simulator.pbx.queues["support"], number, name)


@pytest_asyncio.fixture
async def lab(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Lab]:
    """Parameters: the actions that our manager user may not use."""
    simulator = Simulator()
    simulator.answers.without = frozenset(getattr(request, "param", ()))
    server = SimulatorServer(simulator)
    config = await prepare(tmp_path, port=await server.start(), secret=SECRET)
    config.write_text(config.read_text() + '[supervision]\ntimezone = "Asia/Shanghai"\n')
    store = await asyncio.to_thread(Store.open, f"sqlite:///{tmp_path / 'callweave.db'}", default_region="CN")
    await store.catalogue.put_skill(Choice(code="mandarin", labels={"en": "Mandarin", "zh-CN": "普通话"}))
    await asyncio.to_thread(store.close)
    program = Program(tmp_path, "--config", str(config))
    try:
        await program.start(within=90.0)
        yield Lab(simulator, program)
        assert "Traceback" not in program.errors()
    finally:
        await program.kill()
        await server.stop()


async def at_the_live_page(browser: Browser, program: Program, **how: Any) -> Person:
    sofia = await Person.sit_down(browser, program.url, **how)
    await sofia.sign_in("sofia", PASSWORD)
    await sofia.expect("nav-live", seconds=SECONDS)
    await sofia.press("nav-live")
    await expect(sofia.see("live-link")).to_have_attribute("data-link", "live")
    return sofia


async def test_callers_who_wait_raise_an_alarm_that_clears(lab: Lab, chromium: Browser) -> None:  # noqa: F811
    async with Desk(lab.program, "anna") as anna:
        await anna.done("set_state", state="NOT_READY", reason="lunch")
        sofia = await at_the_live_page(chromium, lab.program, width=1440, height=900)
        await sofia.expect("no-alarms")
        await sofia.press("to-rules")
        await sofia.press("rule-new")
        await sofia.see("rule-name").fill("Long line")
        await sofia.see("rule-limit").fill("2")
        await sofia.see("rule-clear-after").fill("0")
        await sofia.see("rule-level").select_option("critical")
        await sofia.photograph("live-1-rule")
        await sofia.press("rule-save")
        await expect(sofia.see("alarm-rules-page")).to_contain_text("2 or more waiting")
        await sofia.press("nav-live")
        first, second = lab.call("13800138000", "Li Lei"), lab.call("13911112222", "Han Mei")
        alarm = await sofia.expect("alarm-threshold", "Long line", SECONDS)
        await expect(alarm).to_contain_text("2 waiting")
        row = sofia.see("live-queue-support")
        await expect(row).to_have_attribute("data-alarm", "critical")
        await expect(row.locator("[data-test=waiting]")).to_have_text("2")
        await expect(sofia.see("live-waiting")).to_contain_text("李雷")
        await sofia.photograph("live-2-alarm")
        wall = await sofia.another_tab()  # somebody who comes late
        await wall.page.goto(f"{lab.program.url}/wallboard")
        await wall.expect("wall-alarm", "Critical", SECONDS)
        await expect(wall.see("wall-waiting")).to_have_text("2")
        await expect(wall.see("wall-footer")).to_contain_text("2 waiting")
        await wall.page.set_viewport_size({"width": 1920, "height": 1080})
        await wall.photograph("wallboard-1-alarm")
        await sofia.press("alarm-acknowledge")
        await sofia.expect("alarm-seen", "Sofia", SECONDS)
        first.give_up()
        await expect(sofia.see("alarm-threshold")).to_have_count(0)
        await sofia.expect("no-alarms", seconds=SECONDS)
        await expect(wall.see("wall-alarm")).to_have_count(0)
        await expect(row.locator("[data-test=offered]")).to_have_text("2")
        second.give_up()
        await expect(row.locator("[data-test=waiting]")).to_have_text("0")
        await wall.page.set_viewport_size({"width": 1280, "height": 720})
        await wall.photograph("wallboard-2-calm")
        await sofia.press("to-rules")
        await sofia.press("alarm-history")
        await expect(sofia.see("past-threshold")).to_contain_text("Sofia")
        await sofia.photograph("live-3-past")
        await wall.page.close()
        await sofia.get_up()


async def test_a_message_arrives_is_read_and_answered(lab: Lab, chromium: Browser) -> None:  # noqa: F811
    sofia = await at_the_live_page(chromium, lab.program, width=1440, height=900)
    anna = await Person.sit_down(chromium, lab.program.url)
    await anna.sign_in("anna", PASSWORD)
    await anna.expect("desk", seconds=SECONDS)
    await expect(sofia.see("live-agent-anna")).to_have_attribute("data-state", "NOT_READY")
    await sofia.see("message-to").select_option("anna")
    await sofia.see("message-text").fill("Please take the next caller, he called twice.")
    await sofia.see("message-urgent").check()
    await sofia.page.keyboard.press("Tab")
    await sofia.press("message-send")
    await expect(sofia.see("receipts")).to_have_text("0 of 1 read")
    await anna.expect("message-body", "he called twice", SECONDS)
    await anna.page.reload()  # it stays until it is read
    await anna.expect("message-body", "he called twice", SECONDS)
    await anna.photograph("live-4-message")
    await anna.see("message-answer").fill("I will.")
    await anna.page.keyboard.press("Enter")
    await anna.gone("staff-messages", SECONDS)
    await expect(sofia.see("receipts").last).to_have_text("1 of 1 read")
    await expect(sofia.see("live-messages")).to_contain_text("I will.")
    await sofia.photograph("live-5-messages")
    async with lab.program.http(await lab.program.sign_in("sofia")) as http:
        assert (await http.get("/api/alarms")).status_code == 200
    await anna.get_up()
    await sofia.get_up()


async def test_a_waiting_caller_is_given_to_an_agent_in_the_demo(lab: Lab, chromium: Browser) -> None:  # noqa: F811
    """The demo's telephone system does what a real one does (``tests/contract/test_simulator.py``)."""
    lab.simulator.answers.lift_seconds = 0.5  # as the demo's agents lift
    async with Desk(lab.program, "anna") as anna, Overseer(lab.program, "sofia") as other:
        await anna.done("set_state", state="NOT_READY", reason="lunch")
        sofia = await at_the_live_page(chromium, lab.program, width=1440, height=900)
        lab.simulator.pbx.pause("PJSIP/1002", True, "away")
        call = lab.call("13800138000", "Li Lei")
        await expect(sofia.see("live-waiting")).to_contain_text("李雷")
        await sofia.press("assign")
        await sofia.see("assign-agent").select_option("anna")
        await sofia.see("assign-why").fill("she knows him")
        await sofia.press("assign-do")
        await anna.state("BUSY", SECONDS)
        assert (await other.wait("command_result", seconds=SECONDS))["ok"]
        call.pbx.calls[call.caller].hang_up(call.caller)
        await anna.state("WRAP_UP", SECONDS)
        await sofia.get_up()


@pytest.mark.parametrize("lab", [("bridge",)], indirect=True)
async def test_where_nobody_can_be_picked_out_of_the_line_the_button_says_so(
    lab: Lab,
    chromium: Browser,  # noqa: F811
) -> None:
    async with Desk(lab.program, "anna") as anna, Overseer(lab.program, "sofia") as other:
        await anna.done("set_state", state="NOT_READY", reason="lunch")
        sofia = await at_the_live_page(chromium, lab.program, width=1440, height=900)
        lab.call("13800138000", "Li Lei")
        await expect(sofia.see("live-waiting")).to_contain_text("李雷")
        await expect(sofia.see("assign")).to_be_disabled()
        await expect(sofia.see("assign")).to_have_attribute("title", re.compile("does not let us bring"))
        waits = await other.wait("interaction", lambda m: m["interaction"]["queues"] == ["support"], SECONDS)
        sent = {"interaction_id": waits["interaction"]["id"], "agent": "anna", "why": "she knows him"}
        assert (await other.command("assign", **sent))["error"]["code"] == "cannot_bring"
        await sofia.get_up()


async def test_a_skill_is_set_live_and_a_lost_link_is_shown(lab: Lab, chromium: Browser) -> None:  # noqa: F811
    async with Desk(lab.program, "anna"), Overseer(lab.program, "sofia") as other:
        sofia = await at_the_live_page(chromium, lab.program, locale="zh-CN", dark=True, width=1440, height=900)
        await sofia.press("live-agent-anna")
        await sofia.see("skill-choose").select_option("mandarin")
        await sofia.see("skill-level").select_option("4")
        await sofia.see("oversee-why").fill("passed the course")
        await sofia.press("skill-set")
        await sofia.expect("agent-skills", "普通话 4", SECONDS)
        await other.wait("agent_state", lambda m: m["agent"].get("skills") == {"mandarin": 4}, SECONDS)
        await sofia.photograph("live-8-zh-dark")
        await sofia.press("to-wallboard")
        await sofia.expect("wall-support", seconds=SECONDS)
        await sofia.expect("wallboard", "大屏")
        await sofia.photograph("wallboard-3-zh")
        await lab.program.kill()
        await sofia.expect("wall-lost", re.compile("正在重新连接"), SECONDS)
        await sofia.photograph("wallboard-4-lost")
        await sofia.get_up()
