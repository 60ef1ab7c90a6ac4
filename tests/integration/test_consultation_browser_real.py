"""A colleague who is asked sees the customer, the history and the live notes: two Chromiums, telephones in both."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.fakes.browser_phone import Talker
from tests.integration.test_browser_phone_real import ANNA, BEN, CUSTOMER, Site, answered, browsers, site  # noqa: F401
from tests.pbx.fixtures import pbx, stage  # noqa: F401 (fixtures)

pytestmark = [pytest.mark.real("asterisk"), pytest.mark.real("chromium"), pytest.mark.timeout(180)]
FIRST, LIVE = "delivered late · 晚到", "delivered late · 晚到, wants a refund"


async def notes(person: Talker, text: str) -> None:
    """Wait until the notes of the card are these."""
    area = person.see("notes").locator("textarea").or_(person.see("notes")).first
    await expect(area).to_have_value(text)


async def write(person: Talker, text: str) -> None:
    await person.see("notes").locator("textarea").or_(person.see("notes")).first.fill(text)


async def ask(anna: Talker, ben: Talker) -> None:
    """Anna asks Ben from the card; both telephones are in the browser, and he sees whom it is about."""
    await anna.page.locator("body").click(position={"x": 5, "y": 5})
    await anna.page.keyboard.press("x")
    await anna.expect("transfer-dialog")
    await anna.see("transfer-find").fill("be")
    await anna.expect("transfer-to-agent:ben")
    await anna.press("transfer-go")
    await expect(ben.page.locator('[data-phase="asked"]')).to_be_visible()
    await ben.expect("caller-name", "李雷")
    await ben.press("loose-answer")
    await expect(anna.see("transfer-bar")).to_have_attribute("data-state", "consulting")
    await anna.until_it_hears(BEN)
    await ben.until_it_hears(ANNA)


async def test_asked_then_back_then_asked_again_and_handed_over(site: Site) -> None:  # noqa: F811
    async with site.at("anna") as anna, site.at("ben", ready=False) as ben:
        await ben.line("ready")
        before = await answered(site, anna)
        await write(anna, "first call")
        await anna.press("hang-up")
        await before.ended()
        await anna.press("finish")
        await anna.expect("state", "Ready")
        customer = await answered(site, anna)
        await write(anna, FIRST)
        await ask(anna, ben)
        await expect(ben.page.get_by_text("first call").first).to_be_visible()  # the history
        await notes(ben, FIRST)
        await write(anna, LIVE)
        await notes(ben, LIVE)
        await ben.photograph("consult-1-asked-browser")
        await anna.page.locator("body").click(position={"x": 5, "y": 5})
        await anna.page.keyboard.press("z")  # back
        await expect(ben.page.locator('[data-phase="asked"]')).to_have_count(0)
        await anna.until_it_hears(CUSTOMER)
        await site.ear.until_it_hears(ANNA)
        await expect(anna.page.locator('[data-phase="talking"]')).to_be_visible()
        await ask(anna, ben)
        await anna.page.locator("body").click(position={"x": 5, "y": 5})
        await anna.page.keyboard.press("x")  # hand over
        await ben.until_it_hears(CUSTOMER)
        await site.ear.until_it_hears(BEN)
        await expect(ben.page.locator('[data-phase="talking"]')).to_be_visible()
        await notes(ben, LIVE)
        await write(ben, LIVE + ", paid")  # it is his now
        await anna.expect("wrap-up")
        await ben.photograph("consult-2-his")
        await customer.hang_up()
        await site.stage.pbx.no_channels()
        logged = (await site.program.interactions())[0]
        assert [one["agent"] for one in logged["segments"]] == ["PJSIP/1101", "PJSIP/1102"]
        assert [(t["kind"], t["completed"]) for t in logged["transfers"]] == [("attended", True)]
