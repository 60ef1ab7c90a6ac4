"""A supervisor writes an article and a script; an agent has the script beside the call, and it fills the record."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from interaction_log.demo import PASSWORD
from tests.fakes.browser import Person, chromium  # noqa: F401 (fixture)
from tests.fakes.program import Program

pytestmark = [pytest.mark.real("chromium"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture
async def program(tmp_path: Path) -> AsyncIterator[Program]:
    async with Program(tmp_path, "--demo") as running:
        yield running


async def write(sofia: Person) -> None:
    """An article that only a search finds, and a script for calls of the queue "support"."""
    await sofia.press("nav-knowledge")
    await sofia.press("new-article")
    await sofia.press("language-en")
    await sofia.see("editor-title").fill("Refunds")
    await sofia.see("editor-body").fill("Within **14 days**. <script>alert(1)</script> [x](javascript:alert(1))")
    await sofia.photograph("knowledge-1-editor")
    await sofia.press("editor-save")
    await sofia.expect("knowledge-state", "draft")
    await sofia.press("knowledge-publish")
    await sofia.expect("knowledge-state", "published")
    await expect(sofia.see("knowledge-reading").locator("strong")).to_have_text("14 days")
    await expect(sofia.see("knowledge-reading")).to_contain_text("<script>alert(1)</script>")
    await expect(sofia.see("knowledge-reading").locator("a")).to_have_count(0)

    await sofia.press("new-script")
    await sofia.press("language-en")
    await sofia.see("editor-title").fill("First call")
    await sofia.see("editor-queues").fill("support")
    await sofia.page.keyboard.press("Enter")
    await sofia.see("step-title-0").fill("Ask for the company")
    await sofia.see("step-body-0").fill("May I ask **where you work**?")
    await sofia.see("step-fields-0").fill("organisation")
    await sofia.page.keyboard.press("Enter")
    await sofia.press("editor-save")
    await sofia.expect("knowledge-state", "draft")
    await sofia.press("knowledge-publish")
    await sofia.expect("knowledge-state", "published")
    await sofia.photograph("knowledge-2-script")


async def test_written_published_found_and_filled_in(program: Program, chromium: Browser) -> None:  # noqa: F811
    sofia = await Person.sit_down(chromium, program.url)
    await sofia.sign_in("sofia", PASSWORD)
    await write(sofia)
    await sofia.get_up()

    anna = await Person.sit_down(chromium, program.url)
    await anna.sign_in("anna", PASSWORD)
    await anna.expect("desk")
    await anna.press("state-ready")
    await anna.expect("pop", seconds=40)  # the first caller of the demo is a customer
    await anna.press("answer")
    await anna.expect("call-card", seconds=20)
    if not await anna.see("call-knowledge").first.is_visible():
        await anna.press("guide")
    await anna.expect("script-step", "Ask for the company")
    field = anna.see("script-organisation")
    await expect(field).to_be_enabled()
    await expect(field).to_have_value("京华贸易")  # as the record has it
    await field.fill("Jinghua Ltd")
    await anna.photograph("knowledge-3-desk")
    await anna.press("script-end")
    await anna.expect("script-ended")
    await anna.press("guide-list")
    await anna.see("guide-search").fill("refunds")
    await anna.press("guide-item")
    await anna.expect("guide-title", "Refunds")
    await anna.page.goto(f"{program.url}/customers")
    await expect(anna.page.locator("tr", has_text=re.compile("Jinghua Ltd"))).to_have_count(1)
    await anna.get_up()
