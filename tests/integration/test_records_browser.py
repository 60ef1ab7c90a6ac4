"""Cases, tasks, fields, consents, relations and segments in a real browser, with a simulated PBX."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from cti_gateway.simulator.queue_call import QueueCall
from cti_gateway.simulator.server import SECRET, Simulator, SimulatorServer
from interaction_log.records import CustomField, FieldChoice, User
from interaction_log.store import Store
from tests.fakes.browser import Person, chromium  # noqa: F401 (fixture)
from tests.fakes.program import PASSWORD, Program, prepare

pytestmark = [pytest.mark.real("chromium"), pytest.mark.timeout(180)]
LEVEL = CustomField(
    code="level",
    labels={"en": "Level", "zh-CN": "级别"},
    type="choice",
    choices=[FieldChoice(code="gold", labels={"en": "Gold", "zh-CN": "金牌"})],
)
SEATS = CustomField(code="seats", labels={"en": "Seats", "zh-CN": "席位数"}, type="number")


class Site:
    """A program with a caller who is known."""

    def __init__(self, simulator: Simulator, program: Program, customer: str) -> None:
        self.simulator, self.program, self.customer = simulator, program, customer

    async def call(self) -> QueueCall:
        """A caller, once the PBX knows that Anna is ready."""
        anna = self.simulator.pbx.queues["support"].member("PJSIP/1001")
        async with asyncio.timeout(30):
            while anna is None or anna.paused:  # noqa: ASYNC110 (the simulator has no news of its own)
                await asyncio.sleep(0.02)
        return QueueCall(self.simulator.pbx, self.simulator.pbx.queues["support"], "13911112222", "")


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    simulator = Simulator()
    server = SimulatorServer(simulator)
    config = await prepare(tmp_path, port=await server.start(), secret=SECRET)
    store = await asyncio.to_thread(Store.open, f"sqlite:///{tmp_path / 'callweave.db'}", default_region="CN")
    wang = await store.customers.create({"name": "王芳", "phones": ["+8613911112222"]})
    await store.customers.create({"name": "京华贸易", "kind": "organisation"})
    await store.records.fields.put(LEVEL)
    await store.records.fields.put(SEATS)
    admin = User(name="root", display_name="Root", role="admin")
    await store.users.create(admin, PASSWORD)
    await asyncio.to_thread(store.close)
    try:
        async with Program(tmp_path, "--config", str(config)) as program:
            yield Site(simulator, program, wang.id)
    finally:
        await server.stop()


async def at_work(browser: Browser, site: Site, name: str, **how: str) -> Person:
    person = await Person.sit_down(browser, site.program.url, **how)  # type: ignore[arg-type]
    await person.sign_in(name, PASSWORD)
    await person.page.wait_for_url(lambda url: "sign-in" not in url)
    return person


async def test_one_click_makes_a_case_and_a_task_of_a_call(site: Site, chromium: Browser) -> None:  # noqa: F811
    anna = await at_work(chromium, site, "anna")
    await anna.expect("desk")
    await anna.press("state-ready")
    await site.call()
    await anna.expect("caller-name", "王芳", 20)
    await anna.press("answer")  # a caller who goes on ringing would bring her back to the desk
    await anna.expect("call-card")
    await anna.press("call-case")
    await expect(anna.see("case-type")).to_have_value("service_request")
    await anna.see("case-title").fill("Broken box · 包装破损")
    await anna.see("case-type").select_option("complaint")
    await anna.press("case-save")
    await anna.expect("open-case-1", "Broken box")
    await anna.press("call-task")
    await anna.see("task-title").fill("Call back")
    await anna.press("task-in-tomorrow")
    await anna.press("task-save")
    await anna.expect("caller-tasks", "Call back")

    await anna.press("nav-cases")
    row = await anna.expect("case-1", "王芳")
    await row.focus()
    await anna.page.keyboard.press("Enter")
    await anna.expect("case-state", "New")
    await expect(anna.see("case-contacts").locator("li")).to_have_count(1)  # the call
    await anna.press("case-to-waiting")
    await anna.expect("case-state", "Waiting")
    await anna.see("case-note").fill("asked for a photo")
    await anna.press("case-save")
    await anna.expect("case-1", "clock stands")
    await anna.press("nav-tasks")
    await anna.press("task-finish")
    await anna.expect("nothing")
    await anna.press("tasks-done")
    await expect(anna.page.locator('tr[data-state="done"]')).to_have_count(1)
    await anna.get_up()


async def test_a_due_task_is_told_and_counted(site: Site, chromium: Browser) -> None:  # noqa: F811
    anna = await at_work(chromium, site, "anna")
    await anna.press("nav-tasks")
    await anna.press("task-new")
    await anna.see("task-title").fill("Ring the bell")
    await anna.see("task-due").fill("2026-01-05 09:00")  # long ago
    await anna.press("task-save")
    await expect(anna.page.get_by_text("Task due: Ring the bell")).to_be_visible(timeout=15_000)
    await anna.expect("tasks-count", "1")
    await anna.get_up()


async def test_a_record_with_its_fields_consents_and_relations(site: Site, chromium: Browser) -> None:  # noqa: F811
    ben = await at_work(chromium, site, "ben", locale="zh-CN")
    await ben.page.goto(f"{site.program.url}/customers/{site.customer}?panel=record")
    await ben.expect("record-panel")
    await ben.press("customer-edit")
    await ben.see("field-level").select_option("gold")
    await ben.see("field-seats").fill("12")
    await ben.see("customer-value").fill("1200")
    await ben.see("customer-channel").select_option("email")
    await ben.press("customer-save")
    await ben.expect("record-fields", "金牌")
    await ben.expect("record-panel", "1,200")
    await ben.press("customer-panel-consent")
    await ben.press("consent-given")
    await ben.expect("consent-history", "同意")
    await ben.press("consent-withdrawn")
    await expect(ben.see("consent-history").locator("tr")).to_have_count(2)
    await ben.press("customer-panel-relations")
    await ben.see("relation-other").fill("京华")
    await ben.page.locator('[data-test^="pick-"]').first.click()
    await ben.press("relation-add")
    await ben.see("relations").get_by_text("京华贸易").click()
    await ben.expect("customer-page", "京华贸易")
    await ben.expect("relations", "王芳")  # the other end tells it the other way round
    await ben.expect("relations", "雇用")
    await ben.get_up()


async def test_an_administrator_defines_fields_types_and_segments(site: Site, chromium: Browser) -> None:  # noqa: F811
    root = await at_work(chromium, site, "root")
    await root.page.goto(f"{site.program.url}/admin/fields")
    await root.press("field-new")
    await root.see("field-code").fill("contract")
    await root.see("labels-en").fill("Contract")
    await root.see("labels-zh-CN").fill("合同编号")
    await root.press("field-save")
    await root.expect("custom-field-contract", "Contract")
    await root.page.goto(f"{site.program.url}/admin/case-types")
    await root.press("case-type-new")
    await root.see("case-type-code").fill("warranty")
    await root.see("labels-en").fill("Warranty")
    await root.see("labels-zh-CN").fill("保修")
    await root.press("case-type-save")
    await root.expect("case-type-warranty", "Warranty")
    await root.page.goto(f"{site.program.url}/admin/segments")
    await root.press("segment-new")
    await root.see("segment-name").fill("Firms")
    await root.see("filter-0-field").select_option("kind")
    await root.see("filter-0-value").fill("organisation")
    await root.expect("segment-count", re.compile(r"^1 "))
    await root.press("segment-save")
    await root.press("nav-customers")
    await root.see("customer-segment").select_option(label="Firms")
    await expect(root.page.locator("tr.open")).to_have_count(1)
    await root.expect("customers-page", "京华贸易")
    await root.get_up()
