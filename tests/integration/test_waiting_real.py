"""Callers wait on a real Asterisk; an agent who is not ready sees them at her desk and picks them up in a browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Expect

from tests.fakes.browser import Person, chromium  # noqa: F401 (fixture)
from tests.fakes.program import PASSWORD, Program, prepare
from tests.pbx.fixtures import pbx, stage  # noqa: F401 (fixtures)
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk"), pytest.mark.real("chromium"), pytest.mark.timeout(240)]
expect = Expect()
expect.set_options(timeout=20_000)  # other tests run beside this one


@pytest_asyncio.fixture
async def program(stage: Stage, tmp_path: Path) -> AsyncIterator[Program]:  # noqa: F811
    config = await prepare(tmp_path, port=stage.pbx.ports.ami, secret=stage.pbx.secret, wrap_up=0)
    async with Program(tmp_path, "--config", str(config)) as running:
        yield running
        assert "Traceback" not in running.errors()


async def waiting(program: Program, count: int) -> list[str]:
    """The ids of the waiting callers by the API, in their order, once there are so many."""
    async with program.http(await program.sign_in("anna")) as http, asyncio.timeout(30):
        while True:
            items = (await http.get("/api/waiting")).json()["items"]
            if len(items) == count:
                return [one["interaction_id"] for one in items]
            await asyncio.sleep(0.1)


async def test_waiting_callers_are_picked_up(stage: Stage, program: Program, chromium: Browser) -> None:  # noqa: F811
    anna = await Person.sit_down(chromium, program.url)
    await anna.sign_in("anna", PASSWORD)
    await anna.expect("desk")
    await anna.press("state-not-ready")
    await anna.page.keyboard.press("1")
    await expect(anna.see("state")).to_have_attribute("data-state", "NOT_READY")
    await stage.nobody_free("1002")
    await anna.gone("waiting")
    first = await stage.customer("13800138000", "800").up()
    second = await stage.customer("13911112222", "800").up()
    one, two = await waiting(program, 2)
    row = anna.see(f"waiting-{one}")
    await expect(row).to_contain_text("李雷")
    await expect(row).to_contain_text("138 0013 8000")
    await expect(anna.see(f"waiting-{two}")).to_contain_text("139 1111 2222")
    since = row.locator(".since")
    before = await since.inner_text()
    await expect(since).not_to_have_text(before)  # it ticks
    await anna.photograph("waiting-1-en")
    await anna.page.set_viewport_size({"width": 390, "height": 780})
    await row.scroll_into_view_if_needed()
    await anna.photograph("waiting-2-phone")
    await anna.page.set_viewport_size({"width": 1280, "height": 720})

    await anna.page.keyboard.press("u")
    await expect(row.locator("[data-test=pick-up]")).to_be_focused()
    await anna.page.keyboard.press("ArrowDown")
    await expect(anna.see(f"waiting-{two}").locator("[data-test=pick-up]")).to_be_focused()
    await anna.page.keyboard.press("ArrowUp")
    await anna.page.keyboard.press("Enter")
    mine = await (await stage.anna.rings()).answer(0.3)
    await anna.expect("call-card", "李雷")
    await expect(anna.see(f"waiting-{one}")).to_have_count(0)
    other = anna.see(f"waiting-{two}").locator("[data-test=pick-up]")
    await expect(other).to_have_attribute("aria-disabled", "true")
    await anna.photograph("waiting-3-in-call")
    await mine.hang_up()
    await first.ended()

    await expect(other).to_have_attribute("aria-disabled", "false")
    await other.click()
    again = await (await stage.anna.rings()).answer(0.3)
    await anna.expect("call-card", "139 1111 2222")
    await anna.gone("waiting")
    await again.hang_up()
    await second.ended()
    log = {entry["customer_address"]: entry for entry in await program.interactions()}
    assert {number: log[number]["outcome"] for number in log} == {
        "+8613800138000": "answered",
        "+8613911112222": "answered",
    }
    await anna.get_up()


async def test_a_caller_of_another_queue_is_not_shown(stage: Stage, program: Program) -> None:  # noqa: F811
    await stage.nobody_free("1006")
    await stage.customer("13800138000", "803").up()
    async with program.http(await program.sign_in("anna")) as http:
        async with asyncio.timeout(30):
            while not await program.interactions():  # noqa: ASYNC110 (over REST)
                await asyncio.sleep(0.1)
        assert (await http.get("/api/waiting")).json() == {"items": []}
    async with program.http() as nobody:
        assert (await nobody.get("/api/waiting")).status_code == 401
