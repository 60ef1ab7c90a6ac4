"""A call on a real Asterisk pops the right customer in a real browser."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from interaction_log.store import Store
from tests.fakes.browser import Person, chromium  # noqa: F401 (fixture)
from tests.fakes.program import PASSWORD, Program, prepare
from tests.pbx.asterisk import Timing
from tests.pbx.fixtures import pbx, stage  # noqa: F401 (fixtures)
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk"), pytest.mark.real("chromium"), pytest.mark.timeout(180)]
TIMING = Timing(queue_ring=12)
"""Longer than a browser on a busy machine needs to show that it rings; one telephone is left ringing."""


@pytest_asyncio.fixture
async def program(stage: Stage, tmp_path: Path) -> AsyncIterator[Program]:  # noqa: F811
    config = await prepare(tmp_path, port=stage.pbx.ports.ami, secret=stage.pbx.secret)
    store = await asyncio.to_thread(Store.open, f"sqlite:///{tmp_path / 'callweave.db'}", default_region="CN")
    for name in ("王芳", "Fang Wang"):  # two people with one number
        await store.customers.create({"name": name, "phones": ["+8613911112222"], "organisation": "京华贸易"})
    await asyncio.to_thread(store.close)
    async with Program(tmp_path, "--config", str(config)) as running:
        yield running


@asynccontextmanager
async def at_work(browser: Browser, program: Program, name: str, **how: Any) -> AsyncIterator[Person]:
    person = await Person.sit_down(browser, program.url, **how)
    await person.sign_in(name, PASSWORD)
    await person.expect("desk")
    await person.press("state-ready")
    try:
        yield person
    finally:
        await person.get_up()


async def test_pop_answer_reload_hang_up_wrap_up(stage: Stage, program: Program, chromium: Browser) -> None:  # noqa: F811
    async with at_work(chromium, program, "anna") as anna:
        customer = stage.customer("13800138000", "800")
        rings = await stage.anna.rings()
        await anna.expect("caller-name", "李雷")
        await anna.expect("caller-number", "138 0013 8000")
        await anna.expect("call-queue", re.compile("support", re.IGNORECASE))
        await anna.photograph("real-1-pop")
        await anna.press("answer")  # this telephone cannot be told to: the console says what to do
        await anna.expect("call-error", re.compile("lift|handset|phone", re.IGNORECASE))
        await rings.answer()
        await anna.expect("call-card")
        await anna.see("notes").locator("textarea").or_(anna.see("notes")).first.fill("wants 200 pieces · 要两百件")
        await anna.expect("notes-state", re.compile("saved", re.IGNORECASE))
        await anna.page.reload()
        await anna.expect("call-card")
        await expect(anna.see("call-card")).to_have_count(1)
        await expect(anna.see("notes").locator("textarea").or_(anna.see("notes")).first).to_have_value(
            "wants 200 pieces · 要两百件"
        )
        await anna.photograph("real-2-after-reload")
        await rings.hang_up()
        await customer.ended()
        await anna.expect("wrap-up")
        await anna.press("disposition-resolved")
        await anna.photograph("real-3-wrap-up")
        await anna.press("finish")
        await anna.gone("call-card")
        await anna.expect("state", "Ready")
        logged = await program.only(lambda one: one["disposition"] and one["ended_at"])
        assert (logged["outcome"], logged["ended_by"], logged["disposition"]) == ("answered", "agent", "resolved")
        assert logged["notes"] == "wants 200 pieces · 要两百件"


async def test_two_browsers_and_two_tabs(stage: Stage, program: Program, chromium: Browser) -> None:  # noqa: F811
    async with (
        at_work(chromium, program, "anna") as anna,
        at_work(chromium, program, "ben", locale="zh-CN", dark=True) as ben,
    ):
        tab = await anna.another_tab()
        stage.customer("13800138000", "800")
        rings = await stage.anna.rings()
        await anna.expect("caller-name", "李雷")
        await tab.expect("caller-name", "李雷")
        assert await ben.see("pop").count() == 0
        await rings.ended()
        other = await stage.ben.rings()
        await ben.expect("caller-name", "李雷")
        await ben.photograph("real-4-zh-dark-pop")
        await anna.gone("pop")
        await tab.gone("pop")
        await other.answer()
        await ben.expect("call-card")
        await other.hang_up()
        await ben.expect("wrap-up")
        assert await anna.see("call-card").count() == 0
        logged = await program.only()
        assert [(o["agent"], o["result"]) for o in logged["offers"]] == [
            ("PJSIP/1001", "no_answer"),
            ("PJSIP/1002", "answered"),
        ]


async def test_choose_among_candidates(stage: Stage, program: Program, chromium: Browser) -> None:  # noqa: F811
    async with at_work(chromium, program, "anna") as anna:
        stage.customer("13911112222", "800")
        rings = await stage.anna.rings()
        await anna.expect("candidates")
        await anna.photograph("real-5-candidates")
        await rings.answer()
        await anna.expect("call-card")
        await anna.page.get_by_text("Fang Wang").first.click()
        await anna.expect("caller-name", "Fang Wang")
        await rings.hang_up()
        await anna.expect("wrap-up")
        await anna.press("finish")
        logged = await program.only(lambda one: one["customer_id"])
        assert logged["customer_id"]


async def test_an_unknown_caller_becomes_a_customer(stage: Stage, program: Program, chromium: Browser) -> None:  # noqa: F811
    async with at_work(chromium, program, "anna", width=390, height=844) as anna:
        stage.customer("13700001234", "800", name="Zhao Min")
        rings = await stage.anna.rings()
        await anna.expect("create-name")
        await expect(anna.see("create-name")).to_have_value("Zhao Min")
        await expect(anna.see("create-phone")).to_have_value(re.compile(r"137\s?0000\s?1234"))
        await anna.photograph("real-6-phone-width-unknown")
        await anna.press("create-submit")
        await anna.expect("caller-name", "Zhao Min")
        await rings.answer()
        await anna.expect("call-card")
        await rings.hang_up()
        await anna.expect("wrap-up")
        logged = await program.only(lambda one: one["customer_id"])
        assert logged["customer_id"]
