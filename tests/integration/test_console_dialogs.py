"""What opens on the console, seen by a machine and worked by keyboard: axe-core finds nothing in it, the focus stays
where it belongs and goes back with Escape, and dates speak the console's language. One program for all of it.
"""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from cti_gateway.simulator.queue_call import QueueCall
from cti_gateway.simulator.server import SECRET, USERNAME, Simulator, SimulatorServer
from interaction_log.demo import PASSWORD
from tests.fakes.axe import violations
from tests.fakes.browser import Person, chromium  # noqa: F401 (fixture)
from tests.fakes.program import Program

pytestmark = [pytest.mark.real("chromium"), pytest.mark.timeout(240)]

HAS_FOCUS: Final = "(one) => one.contains(document.activeElement)"
MARKED: Final = """() => { const one = document.activeElement, style = getComputedStyle(one);
  return one === document.body || ['outlineStyle', 'boxShadow'].some((name) => style[name] !== 'none')
    || style.backgroundColor !== 'rgba(0, 0, 0, 0)' }"""
"""An outline, or as entries of a menu have it, another ground."""
MENUS: Final = ("sound", "theme", "language", "user-menu", "why-button", "own-queues", "state-not-ready")


TOML: Final = """
[http]
port = 0
[database]
url = "sqlite:///{folder}/dialogs.db"
journal = "{folder}/journal"
[[pbx]]
name = "lab"
port = {port}
username = "{user}"
secret = "{secret}"
devices = ["PJSIP/10??"]
trunks = ["PJSIP/pstn"]
outbound_prefix = "9"
[[queue]]
name = "support"
label = "Support"
wrap_up_seconds = 900
[[queue]]
name = "sales"
label = "Sales"
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def simulator() -> Simulator:
    """A telephone system at which nobody calls but who is told to, and nobody hangs up by himself."""
    simulator = Simulator(rng=random.Random(1))
    simulator.answers.lift_seconds = 0.2  # telephones obey the console
    return simulator


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def program(tmp_path_factory: pytest.TempPathFactory, simulator: Simulator) -> AsyncIterator[Program]:
    folder: Path = tmp_path_factory.mktemp("dialogs")
    server = SimulatorServer(simulator)
    config = folder / "callweave.toml"
    config.touch(mode=0o600)
    config.write_text(TOML.format(folder=folder, port=await server.start(), user=USERNAME, secret=SECRET))
    try:
        async with Program(folder, "--demo", "--pbx", "real", "--config", str(config)) as running:
            yield running
            assert "Traceback" not in running.errors()
    finally:
        await server.stop()


async def come(browser: Browser, program: Program, name: str, path: str = "/", *, dark: bool = False) -> Person:
    person = await Person.sit_down(browser, program.url, dark=dark)
    await person.sign_in(name, PASSWORD)
    await person.page.wait_for_url(lambda url: "sign-in" not in url)
    await person.page.goto(f"{program.url}{path}")
    return person


async def opened(page: Page, opener: Locator, what: Locator, *, holds: bool = True) -> list[str]:
    """Open it with Enter, walk in it with Tab, leave it with Escape; what axe finds. ``holds``: the focus cannot leave
    but into the browser's own bar, as HTML's dialogs allow it."""
    await opener.focus()
    await page.keyboard.press("Enter")
    await expect(what).to_be_visible()
    await page.wait_for_function(HAS_FOCUS, arg=await what.element_handle())
    found = await violations(page)
    for _ in range(6):
        await page.keyboard.press("Tab")
        inside = await what.evaluate(HAS_FOCUS) or await page.evaluate("document.activeElement === document.body")
        assert inside or not holds, await page.evaluate("document.activeElement.outerHTML")
        assert await page.evaluate(MARKED), await page.evaluate("document.activeElement.outerHTML")
        if not inside:
            break
    if await what.is_visible():
        if not await what.evaluate(HAS_FOCUS):
            await page.keyboard.press("Shift+Tab")
        await page.keyboard.press("Escape")
        await expect(what).to_be_hidden()
        await expect(opener).to_be_focused()
    return found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_menus_open_with_enter_and_give_the_focus_back(
    program: Program,
    chromium: Browser,  # noqa: F811
    dark: bool,
) -> None:
    anna = await come(chromium, program, "anna", dark=dark)
    await anna.expect("queues")
    found: dict[str, list[str]] = {}
    for name in MENUS:
        opener = anna.see(name)
        await opener.focus()
        await anna.page.keyboard.press("Enter")
        panel = anna.page.locator(".menu-panel")
        await expect(panel).to_be_visible()
        if of_menu := await violations(anna.page):
            found[name] = of_menu
        assert await anna.page.evaluate(MARKED), name
        await anna.page.keyboard.press("Escape")
        await expect(panel).to_have_count(0)
        await expect(opener).to_be_focused()
    assert found == {}
    await anna.get_up()


async def test_what_opens_in_a_call(program: Program, simulator: Simulator, chromium: Browser) -> None:  # noqa: F811
    """The transfer, the conference, a case, a task and the customer, all from the card of a call."""
    anna = await come(chromium, program, "anna")
    await anna.expect("queues")
    await anna.page.keyboard.press("r")
    await expect(anna.see("state")).to_have_attribute("data-state", "READY")
    call = QueueCall(simulator.pbx, simulator.pbx.queues["support"], "13800138000")
    card = anna.page.locator("[data-interaction-id]").first
    await expect(card).to_have_attribute("data-phase", "ringing")
    await anna.page.keyboard.press("a")
    await expect(card).to_have_attribute("data-phase", "talking")
    found: dict[str, list[str]] = {}
    for opener, what in (
        ("control-transfer", "transfer-dialog"),
        ("control-conference", "transfer-dialog"),
        ("call-case", "case-sheet"),
        ("call-task", "task-sheet"),
    ):
        if of_it := await opened(anna.page, anna.see(opener), anna.see(what)):
            found[opener] = of_it
    assert found == {}
    await transfer_by_keyboard(anna)
    await anna.press("change-customer")
    await anna.expect("identify")
    for tab in ("create", "find"):
        await anna.press(f"identify-{tab}")
        assert await violations(anna.page) == [], tab
    call.hang_up(call.caller)
    await expect(card).to_have_attribute("data-phase", "wrap_up")
    assert await violations(anna.page) == []
    last = anna.see("wrap-up").get_by_role("radio").last
    await expect(last).to_be_in_viewport(ratio=1)  # all of them are seen
    await anna.page.keyboard.press("Alt+1")
    await anna.page.keyboard.press("Control+Enter")
    await expect(anna.page.locator("[data-interaction-id]")).to_have_count(0)
    await anna.get_up()


async def transfer_by_keyboard(anna: Person) -> None:
    """The arrows choose while one types; Escape leaves also what was written."""
    await anna.see("control-transfer").focus()
    await anna.page.keyboard.press("x")
    find = await anna.expect("transfer-find")
    await expect(find).to_be_focused()
    await anna.page.keyboard.press("ArrowDown")
    await expect(anna.see("transfer-to-queue:sales")).to_have_attribute("aria-selected", "true")
    await anna.page.keyboard.press("ArrowDown")
    await expect(anna.see("transfer-to-queue:support")).to_have_attribute("aria-selected", "true")
    await anna.page.keyboard.type("sal")
    await expect(anna.see("transfer-to-queue:sales")).to_have_attribute("aria-selected", "true")
    await anna.page.keyboard.press("Escape")
    await anna.gone("transfer-dialog")
    await expect(anna.see("control-transfer")).to_be_focused()


async def test_what_supervisors_open(program: Program, chromium: Browser) -> None:  # noqa: F811
    """Two records side by side, an import, a schedule, the panel of an agent."""
    sofia = await come(chromium, program, "sofia", "/duplicates")
    page = sofia.page
    await sofia.press("suggestions-look")
    pair = page.locator('tr[data-test^="pair-"]').first
    found = {"merge": await opened(page, pair, sofia.see("merge-sheet"))}
    await page.goto(f"{program.url}/customers")
    found["import"] = await opened(page, sofia.see("customer-import"), sofia.see("import-sheet"))
    await page.goto(f"{program.url}/reports")
    await sofia.press("reports-schedules")
    found["schedule"] = await opened(page, sofia.see("new-schedule"), sofia.see("schedule-sheet"))
    await page.goto(f"{program.url}/live")
    agent = sofia.see("live-agent-anna")
    found["agent"] = await opened(page, agent, sofia.see("agent-panel"), holds=False)
    assert {name: one for name, one in found.items() if one} == {}
    await sofia.get_up()


async def test_an_entry_of_the_audit_trail_opens_and_closes(program: Program, chromium: Browser) -> None:  # noqa: F811
    async with httpx.AsyncClient(base_url=program.url, trust_env=False, timeout=60) as http:
        session = await http.post("/api/session", json={"username": "admin", "password": PASSWORD})
        http.cookies.clear()
        token = {"Authorization": f"Bearer {session.json()['token']}"}
        made = {"name": "dora", "display_name": "Dora", "role": "agent", "password": "a long password"}
        assert (await http.post("/api/users", json=made, headers=token)).status_code == 201
    admin = await come(chromium, program, "admin", "/admin/audit")
    row = admin.page.locator("tbody tr.open").first.get_by_role("button")
    await row.focus()
    await admin.page.keyboard.press("Enter")
    await expect(row).to_have_attribute("aria-expanded", "true")
    assert await violations(admin.page) == []
    await admin.page.keyboard.press("Escape")
    await expect(row).to_have_attribute("aria-expanded", "false")
    await expect(row).to_be_focused()
    await admin.get_up()


async def test_dates_speak_the_console_s_language(program: Program, chromium: Browser) -> None:  # noqa: F811
    """In an English browser the Chinese console has Chinese calendars; days are written as ISO 8601 has them."""
    sofia = await come(chromium, program, "sofia", "/reports")
    await sofia.press("language")
    await sofia.press("language-zh-CN")
    first = await sofia.expect("report-first")
    await expect(first).to_have_value(re.compile(r"\d{4}-\d\d-\d\d"))
    await first.click()
    panel = sofia.page.locator(".n-date-panel")
    await expect(panel).to_contain_text(re.compile(r"年.*月"))
    assert await violations(sofia.page) == []
    await sofia.page.keyboard.press("Escape")
    await expect(panel).to_have_count(0)
    async with sofia.page.expect_request(re.compile(r"/api/reports/table\?.*from=2026-02-01")):
        await first.fill("2026-02-01")
    assert await sofia.page.locator("input[type=date], input[type=time], input[type=datetime-local]").count() == 0
    await sofia.get_up()
