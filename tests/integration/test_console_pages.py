"""Every page of the console, seen by a machine: axe-core finds nothing, no text is cut, everything fits a phone.

One browser walks over all pages as agent, supervisor and administrator, on the demo's data.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from interaction_log.demo import PASSWORD
from tests.fakes.axe import violations
from tests.fakes.browser import Person, chromium  # noqa: F401 (fixture)
from tests.fakes.program import Program

pytestmark = [pytest.mark.real("chromium"), pytest.mark.timeout(240)]
PAGES: Final[dict[str, dict[str, str]]] = {
    "anna": {
        "/": '[data-test="state"][data-state="NOT_READY"]',
        "/missed": '[data-test="nothing"]',
        "/cases": '[data-test="case-1"]',
        "/tasks": "tbody tr.open",
        "/customers": "tbody tr.open",
        "/search?q=王": '[data-test="found-customer"]',
        "/knowledge": '[data-test="knowledge-item"]',
    },
    "sofia": {
        "/live": '[data-test="live-queue-support"]',
        "/wallboard": '[data-test="wall-support"]',
        "/alarms": '[data-test="nothing"]',
        "/interactions": "tbody tr.open",
        "/reports": '[data-test="report-row"]',
        "/imports": '[data-test="nothing"]',
        "/duplicates": "tbody",
        "/canned-replies": '[data-test="canned-row-hello"]',
    },
    "admin": {
        "/admin/users": '[data-test="user-anna"]',
        "/admin/roles": '[data-test="role-agent"]',
        "/admin/teams": '[data-test="team-service"]',
        "/admin/queues": '[data-test="queue-row-support"]',
        "/admin/pause-reasons": '[data-test="choice-break"]',
        "/admin/dispositions": '[data-test="choice-resolved"]',
        "/admin/skills": '[data-test="nothing"]',
        "/admin/campaigns": "tbody tr.open",
        "/admin/fields": '[data-test="custom-field-level"]',
        "/admin/case-types": '[data-test="case-type-complaint"]',
        "/admin/segments": "tbody tr.open",
        "/admin/purposes": '[data-test="purpose-marketing"]',
        "/admin/privacy": '[data-test="nothing"]',
        "/admin/devices": '[data-test="device-PJSIP/1001"]',
        "/admin/chat-sites": '[data-test="chat-sites-page"]',
        "/admin/health": '[data-test="part-log"]',
        "/admin/audit": "tbody",
    },
}
"""Whose page it is, and what is on it when it is there."""

SHEETS: Final = {
    "anna": [
        ("/cases", '[data-test="case-1"]', "case-sheet"),
        ("/tasks", '[data-test="task-new"]', "task-sheet"),
        ("/customers", '[data-test="customer-new"]', "customer-sheet"),
    ],
    "sofia": [
        ("/alarms", '[data-test="rule-new"]', "rule-sheet"),
        ("/interactions", "tbody tr.open", "interaction-sheet"),
        ("/reports", '[data-test="total-offered"]', "behind-sheet"),
        ("/canned-replies", '[data-test="canned-row-hello"]', "canned-sheet"),
    ],
    "admin": [
        ("/admin/users", '[data-test="user-anna"]', "user-sheet"),
        ("/admin/roles", '[data-test="role-new"]', "role-sheet"),
        ("/admin/teams", '[data-test="team-service"]', "team-sheet"),
        ("/admin/queues", '[data-test="queue-row-support"]', "queue-sheet"),
        ("/admin/dispositions", '[data-test="choice-resolved"]', "choice-sheet"),
        ("/admin/fields", '[data-test="custom-field-level"]', "field-sheet"),
        ("/admin/case-types", '[data-test="case-type-complaint"]', "case-type-sheet"),
        ("/admin/segments", "tbody tr.open", "segment-sheet"),
        ("/admin/purposes", '[data-test="purpose-marketing"]', "purpose-sheet"),
    ],
}
"""Whose page, what opens a sheet there, and the sheet."""

WIDER: Final = """() => [...document.querySelectorAll('*')].filter((one) =>
  one.clientWidth > 0 && one.scrollWidth > one.clientWidth + 1
  && ['auto', 'scroll'].includes(getComputedStyle(one).overflowX)
  && !one.matches('nav, .table-panel, .wide')).map((one) => `${one.className} ${one.scrollWidth - one.clientWidth}`)
  .concat(document.documentElement.scrollWidth > innerWidth ? ['the page'] : [])"""
"""What scrolls sideways, other than rows of links and tables of many numbers."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def program(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    folder: Path = tmp_path_factory.mktemp("pages")
    async with Program(folder, "--demo") as running:
        yield running
        assert "Traceback" not in running.errors()


async def there(page: Page, url: str, sign: str) -> None:
    """The page is shown, and the console is connected (but on the wallboard, which says it otherwise)."""
    await page.goto(url)
    await expect(page.locator(sign).first).to_be_attached(timeout=20_000)
    await expect(page.locator('[aria-busy="true"]')).to_have_count(0)


async def come(browser: Browser, program: Program, name: str, *, dark: bool, width: int = 1280) -> Person:
    locale = "zh-CN" if dark else "en"
    person = await Person.sit_down(browser, program.url, dark=dark, locale=locale, width=width)
    await person.sign_in(name, PASSWORD)
    await person.page.wait_for_url(lambda url: "sign-in" not in url)
    return person


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_axe_finds_nothing_on_any_page(program: Program, chromium: Browser, dark: bool) -> None:  # noqa: F811
    found: dict[str, list[str]] = {}
    for name, pages in PAGES.items():
        person = await come(chromium, program, name, dark=dark)
        for path, sign in pages.items():
            await there(person.page, f"{program.url}{path}", sign)
            if of_page := await violations(person.page):
                found[path] = of_page
        await person.get_up()
    assert found == {}


@pytest.mark.parametrize("dark", [False, True], ids=["english", "chinese"])
async def test_a_phone_shows_every_page_without_scrolling_sideways(
    program: Program,
    chromium: Browser,  # noqa: F811
    dark: bool,
) -> None:
    found: dict[str, list[str]] = {}
    for name, pages in PAGES.items():
        person = await come(chromium, program, name, dark=dark, width=390)
        for path, sign in pages.items():
            await there(person.page, f"{program.url}{path}", sign)
            if wider := await person.page.evaluate(WIDER):
                found[path] = wider
        await person.get_up()
    assert found == {}


WITHIN: Final = "(test) => Boolean(document.querySelector(`[data-test='${test}']`)?.contains(document.activeElement))"
MARKED: Final = """() => { const one = document.activeElement, style = getComputedStyle(one);
  return one === document.body || (style.outlineStyle !== 'none' && style.outlineWidth !== '0px') }"""


async def opened(person: Person, opener: str, sheet: str) -> list[str]:
    """Open a sheet by keyboard, walk in it, close it; what axe finds in it."""
    page = person.page
    await page.locator(opener).first.focus()
    await page.keyboard.press("Enter")
    await person.expect(sheet)
    await page.wait_for_function(WITHIN, arg=sheet)
    found = await violations(page)
    for _ in range(8):
        await page.keyboard.press("Shift+Tab")
        assert await page.evaluate(WITHIN, sheet), f"{sheet} lets the focus go"
    await page.keyboard.press("Escape")
    await expect(person.see(sheet)).to_be_hidden()
    await expect(page.locator(opener).first).to_be_focused()
    return found


async def test_sheets_keep_the_focus_and_give_it_back(program: Program, chromium: Browser) -> None:  # noqa: F811
    found: dict[str, list[str]] = {}
    for name, sheets in SHEETS.items():
        person = await come(chromium, program, name, dark=False)
        for path, opener, sheet in sheets:
            await there(person.page, f"{program.url}{path}", opener)
            if of_sheet := await opened(person, opener, sheet):
                found[sheet] = of_sheet
        await person.get_up()
    assert found == {}


async def menus(anna: Person) -> None:
    """Her queues, the reasons and the help: opened and left by keyboard, the focus goes back."""
    keys = anna.page.keyboard
    await anna.expect("own-queues")
    await keys.press("q")
    await anna.expect("own-queue-sales", "You are not in it")
    await anna.see("join-own-sales").focus()
    await keys.press("Enter")
    await anna.expect("own-queue-sales", "You take its calls")
    assert await violations(anna.page) == []
    await keys.press("Escape")
    await expect(anna.see("own-queues")).to_be_focused()
    await anna.see("state-not-ready").focus()
    await keys.press("n")
    await expect(anna.see("reason-break")).to_be_focused()
    await keys.press("Escape")
    await expect(anna.see("state-not-ready")).to_be_focused()
    await keys.press("?")
    await anna.expect("shortcut-help")
    assert await violations(anna.page) == []
    await keys.press("Escape")
    await expect(anna.see("state-not-ready")).to_be_focused()


async def walk(anna: Person, steps: int) -> None:
    """Tab through the desk: what has the focus is marked."""
    for _ in range(steps):
        await anna.page.keyboard.press("Tab")
        assert await anna.page.evaluate(MARKED), await anna.page.evaluate("document.activeElement.outerHTML")


async def a_call(anna: Person) -> str:
    """Answered, noted, ended, wrapped up: whose call it was."""
    keys = anna.page.keyboard
    card = anna.page.locator("[data-interaction-id]").first
    await expect(card).to_have_attribute("data-phase", "ringing", timeout=20_000)
    of = await card.get_attribute("data-interaction-id")
    await keys.press("a")
    await expect(card).to_have_attribute("data-phase", "talking")
    await walk(anna, 12)
    await keys.press("Alt+t")
    await keys.type("询问价格")
    await keys.press("Alt+h")
    await expect(card).to_have_attribute("data-phase", "wrap_up")
    await keys.press("Alt+1")
    await keys.press("Control+Enter")
    await expect(anna.page.locator(f'[data-interaction-id="{of}"]')).to_have_count(0)
    return str(of)


async def test_a_call_from_the_ring_to_the_next_one_without_a_mouse(tmp_path: Path, chromium: Browser) -> None:  # noqa: F811
    async with Program(tmp_path, "--demo") as program:
        anna = await come(chromium, program, "anna", dark=False)
        await anna.expect("queues")
        await menus(anna)
        await anna.page.keyboard.press("r")
        first = await a_call(anna)
        second = anna.page.locator('[data-interaction-id][data-phase="ringing"]')
        await expect(second).to_be_visible(timeout=20_000)
        assert await second.get_attribute("data-interaction-id") != first
        await anna.get_up()
        log = await program.interactions("sofia", PASSWORD)
        told = next(one for one in log if one["id"] == first)
        assert (told["disposition"], told["notes"]) == ("resolved", "询问价格")
        assert "Traceback" not in program.errors()
