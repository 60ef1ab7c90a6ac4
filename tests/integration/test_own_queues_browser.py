"""An agent's own queues at her desk, by mouse and keyboard, in both languages; and a supervisor who looks on."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.fakes.browser import Person, chromium  # noqa: F401 (fixture)
from tests.fakes.program import PASSWORD
from tests.integration.test_queue_pauses import Floor, floor  # noqa: F401 (fixture)

pytestmark = [pytest.mark.real("chromium"), pytest.mark.timeout(120)]


async def test_she_joins_leaves_and_pauses_in_one(floor: Floor, chromium: Browser) -> None:  # noqa: F811
    anna = await Person.sit_down(chromium, floor.program.url, width=1280, height=900)
    await anna.sign_in("anna", PASSWORD)
    await anna.press("state-ready")
    await floor.until(lambda: not floor.paused())
    await anna.page.locator("body").press("q")
    await anna.expect("own-queue-support", "You take its calls")
    await expect(anna.see("leave-own-support")).to_have_count(0)  # not hers to leave
    await anna.press("join-own-vip")
    await floor.until(lambda: floor.member("vip") is not None)
    await anna.expect("own-queue-vip", "You take its calls")
    await anna.see("pause-sales").select_option("lunch")
    await anna.expect("own-queue-sales", "Paused by you")
    await anna.expect("own-queues-paused", "1")
    assert floor.paused() == {"sales": "callweave:lunch"}
    await expect(anna.see("state")).to_have_attribute("data-state", "READY")
    await anna.photograph("own-queues")

    sofia = await Person.sit_down(chromium, floor.program.url, width=1360, height=900, locale="zh-CN")
    await sofia.sign_in("sofia", PASSWORD)
    await sofia.press("nav-live")
    await sofia.press("live-agent-anna")
    await sofia.expect("held-sales", "坐席自行暂停")
    await sofia.see("oversee-why").fill("培训")
    await sofia.see("force-reason").select_option("training")
    await sofia.press("pause-sales")
    await floor.until(lambda: floor.paused() == {"sales": "callweave:training"})
    await sofia.photograph("own-queues-supervisor.zh-CN")

    await anna.expect("own-queue-sales", "Paused by your supervisor")
    await anna.see("resume-sales").focus()
    await anna.page.keyboard.press("Enter")  # her own pause is over, the supervisor's is not
    await expect(anna.see("resume-sales")).to_have_count(0)
    assert floor.paused() == {"sales": "callweave:training"}
    await sofia.press("resume-sales")
    await floor.until(lambda: not floor.paused())
    await anna.expect("own-queue-sales", "You take its calls")
    await anna.press("leave-own-vip")
    await floor.until(lambda: floor.member("vip") is None)
    await anna.expect("own-queue-vip", "You are not in it")
    await anna.get_up()
    await sofia.get_up()
