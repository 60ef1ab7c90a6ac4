"""A person at a browser: headless Chromium on a console."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect

from tests.fakes.patience import PATIENCE
from tests.pbx import bootstrap

ROOT = Path(__file__).parents[2]
expect.set_options(timeout=PATIENCE * 1000)
ARTEFACTS = ROOT / "test-artefacts"
"""Screenshots are kept here, to be looked at."""
# Chromium as root has no sandbox of its own; the rest keeps it from calling home, which a closed network refuses.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium_path() -> str:
    """Debian's Chromium; made by ``make test`` on a Debian machine where we are root."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None and bootstrap.is_debian_root():
        bootstrap.need(["chromium"])
        found = shutil.which("chromium")
    if found is None:
        pytest.skip("no chromium on PATH and no right to install it")
    return found


def need_app() -> None:
    """The built app, or a clear word."""
    if not (ROOT / "agent_console" / "web" / "dist" / "index.html").is_file():
        pytest.fail("the browser app is not built: make setup")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for a module, gone before the next module's begins; each person has a context of her own."""
    need_app()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


class Person:
    """Somebody at a console. What she does is a method, what she sees an expectation with a deadline."""

    def __init__(self, page: Page, context: BrowserContext, url: str) -> None:
        self.page, self.context, self.url = page, context, url
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    @classmethod
    async def sit_down(
        cls, browser: Browser, url: str, *, locale: str = "en", width: int = 1280, height: int = 720, dark: bool = False
    ) -> Self:
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            locale=locale,
            color_scheme="dark" if dark else "light",
            permissions=["notifications"],
        )
        page = await context.new_page()
        await page.goto(f"{url}/")
        return cls(page, context, url)

    async def another_tab(self) -> Person:
        page = await self.context.new_page()
        await page.goto(f"{self.url}/")
        return Person(page, self.context, self.url)

    def see(self, test: str) -> Locator:
        return self.page.locator(f'[data-test="{test}"]')

    async def sign_in(self, name: str, password: str) -> None:
        await self.see("username").locator("visible=true").first.fill(name)
        await self.see("password").locator("visible=true").first.fill(password)
        await self.page.keyboard.press("Enter")

    async def expect(self, test: str, text: str | re.Pattern[str] | None = None, seconds: float = PATIENCE) -> Locator:
        """It is there (with this text) before the deadline."""
        found = self.see(test).first
        await expect(found).to_be_visible(timeout=seconds * 1000)
        if text is not None:
            await expect(found).to_contain_text(text, timeout=seconds * 1000)
        return found

    async def gone(self, test: str, seconds: float = PATIENCE) -> None:
        await expect(self.see(test)).to_have_count(0, timeout=seconds * 1000)

    async def press(self, test: str) -> None:
        await self.see(test).first.click()

    async def photograph(self, name: str) -> None:
        ARTEFACTS.mkdir(exist_ok=True)
        await self.page.screenshot(path=ARTEFACTS / f"{name}.png")

    async def get_up(self) -> None:
        assert self.errors == []
        with contextlib.suppress(Exception):
            await self.context.close()
