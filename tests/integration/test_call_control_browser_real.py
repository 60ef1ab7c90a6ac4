"""Call control at the card: two people at real browsers, desk phones, a real Asterisk."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.fakes.browser import Person, chromium  # noqa: F401 (fixture)
from tests.fakes.program import PASSWORD, Program, prepare
from tests.pbx.fixtures import pbx, stage  # noqa: F401 (fixtures)
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk"), pytest.mark.real("chromium"), pytest.mark.timeout(180)]
SYSTEM = '\nsystem_username = "callweave-system"\nsystem_secret = "{secret}"'


async def run(folder: Path, stage: Stage, more: str) -> Program:  # noqa: F811
    config = await prepare(folder, port=stage.pbx.ports.ami, secret=stage.pbx.secret, more=more)
    return Program(folder, "--config", str(config))


@pytest_asyncio.fixture
async def program(stage: Stage, tmp_path: Path) -> AsyncIterator[Program]:  # noqa: F811
    stage.anna.obeys = True
    more = 'queue_extensions = { support = "800", sales = "801" }' + SYSTEM.format(secret=stage.pbx.secret)
    async with await run(tmp_path, stage, more) as running:
        yield running


async def sit(browser: Browser, program: Program, name: str, *, locale: str = "en", dark: bool = False) -> Person:
    person = await Person.sit_down(browser, program.url, locale=locale, dark=dark, height=800)
    await person.sign_in(name, PASSWORD)
    await person.expect("desk")
    return person


async def test_hold_keys_ask_and_hand_over(stage: Stage, program: Program, chromium: Browser) -> None:  # noqa: F811
    anna = await sit(chromium, program, "anna")
    ben = await sit(chromium, program, "ben", locale="zh-CN", dark=True)
    await anna.press("state-ready")
    customer = stage.customer("13800138000", "800")
    mine = await (await stage.anna.rings()).answer()
    await anna.expect("call-control")
    await anna.see("notes").locator("textarea").or_(anna.see("notes")).first.fill("wants a refund · 要退款")
    await anna.page.locator("body").click(position={"x": 5, "y": 5})
    await anna.page.keyboard.press("o")
    await anna.expect("hold")
    await anna.photograph("control-1-held")
    await anna.page.keyboard.press("x")  # says why not while the customer hears music
    await anna.expect("control-error", re.compile("hold", re.IGNORECASE))
    await anna.page.keyboard.press("o")
    await anna.gone("hold")
    assert len(mine.holds) == 1
    await anna.page.keyboard.press("k")
    await anna.press("control-key-5")
    await customer.until(lambda: customer.digits == "5", 3)
    await anna.photograph("control-2-keys")
    await anna.page.keyboard.press("x")
    await anna.expect("transfer-dialog")
    await anna.see("transfer-find").fill("be")
    await anna.expect("transfer-to-agent:ben")
    await anna.photograph("control-3-dialog")
    await anna.press("transfer-go")
    rings = await stage.ben.rings()
    await anna.expect("transfer-bar", re.compile("ringing"))
    await ben.expect("caller-name", "李雷")
    await expect(ben.page.locator('[data-phase="asked"]')).to_be_visible()
    await rings.answer(0.3)  # Asterisk lets it ring for 15 s (features.conf): what needs no ring is looked at later
    await expect(ben.see("notes").locator("textarea").or_(ben.see("notes")).first).to_have_value(
        "wants a refund · 要退款"
    )
    await expect(anna.see("transfer-bar")).to_have_attribute("data-state", "consulting")
    await anna.photograph("control-4-consulting")
    await ben.photograph("control-5-asked")
    await anna.page.keyboard.press("s")
    await stage.together("PJSIP/1001", "PJSIP/pstn")
    await anna.page.keyboard.press("x")
    await mine.ended(8)
    await expect(ben.page.locator('[data-phase="talking"]')).to_be_visible()
    await ben.photograph("control-6-handed-over")
    await expect(anna.page.locator('[data-phase="wrap_up"]')).to_be_visible()
    await customer.hang_up()
    await rings.ended()
    await stage.pbx.no_channels()
    logged = await program.only()
    assert [s["agent"] for s in logged["segments"]] == ["PJSIP/1001", "PJSIP/1002"]
    for person in (anna, ben):
        await person.get_up()


async def test_a_blind_transfer_comes_back(stage: Stage, program: Program, chromium: Browser) -> None:  # noqa: F811
    anna = await sit(chromium, program, "anna")
    ben = await sit(chromium, program, "ben")
    await anna.press("state-ready")
    customer = stage.customer("13800138000", "800")
    mine = await (await stage.anna.rings()).answer()
    await anna.expect("call-control")
    await anna.press("control-transfer")
    await anna.press("transfer-to-agent:ben")
    await anna.press("transfer-blind")
    await anna.press("transfer-go")
    rings = await stage.ben.rings()
    await mine.ended(5)
    await rings.reject(486, after=0.5)
    again = await (await stage.anna.rings()).answer(0.2)
    await expect(anna.see("transfer-bar")).to_have_attribute("data-state", "returned")
    await anna.photograph("control-7-returned")
    await anna.press("control-park")
    await again.ended(5)
    await anna.expect("control-retrieve")
    await anna.photograph("control-8-parked")
    await anna.press("control-retrieve")
    third = await (await stage.anna.rings()).answer(0.2)
    await expect(anna.page.locator('[data-phase="talking"]')).to_be_visible()
    await third.hang_up()
    await customer.ended()
    await stage.pbx.no_channels()
    for person in (anna, ben):
        await person.get_up()


async def test_what_cannot_be_done_says_why(stage: Stage, tmp_path: Path, chromium: Browser) -> None:  # noqa: F811
    async with await run(tmp_path, stage, "") as program:
        anna = await sit(chromium, program, "anna", locale="zh-CN")
        await anna.press("state-ready")
        customer = stage.customer("13800138000", "800")
        await (await stage.anna.rings()).answer()
        hold = await anna.expect("control-hold")
        await expect(hold).to_have_attribute("aria-disabled", "true")
        await expect(hold).to_have_attribute("title", re.compile("话机"))
        mute = await anna.expect("control-mute")
        await expect(mute).to_have_attribute("aria-disabled", "true")
        await expect(mute).to_have_attribute("title", re.compile("静音"))
        await anna.expect("control-why", re.compile("话机"))
        await anna.photograph("control-9-no-hold")
        await customer.hang_up()
        await stage.pbx.no_channels()
        await anna.get_up()
