"""A supervisor reads reports, opens a number, checks the sums, imports orders and schedules a mail, in a browser."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.fakes.browser import Person, chromium  # noqa: F401 (fixture)
from tests.fakes.month import Month, month, write
from tests.fakes.program import PASSWORD, Program, prepare

pytestmark = [pytest.mark.real("chromium"), pytest.mark.timeout(180)]
ORDERS = "number,customer,ordered_at,amount,currency,product\nA-1,c000001,2026-01-02,120.50,CNY,Sensor\n"


async def filled(folder: Path) -> Month:
    """A database with some days of contacts until yesterday, and a PBX that is away."""
    await prepare(folder, port=1, secret="none")
    start = (time.time() // 86_400 - 6) * 86_400
    made = month(start, contacts=600, days=5, agents=6)
    await asyncio.to_thread(write, f"sqlite:///{folder / 'callweave.db'}", made)
    return made


async def test_a_supervisor_reads_reports(tmp_path: Path, chromium: Browser) -> None:  # noqa: F811
    made = await filled(tmp_path)
    async with Program(tmp_path, "--config", str(tmp_path / "callweave.toml")) as program:
        sofia = await Person.sit_down(chromium, program.url, width=1400, height=960)
        await sofia.sign_in("sofia", PASSWORD)
        await sofia.press("nav-reports")
        await sofia.expect("report-chart")
        await sofia.see("report-zone").select_option("UTC")
        await sofia.see("report-step").select_option("whole")
        await sofia.expect("total-offered", str(len(made.visits)))
        await sofia.see("report-step").select_option("day")
        await sofia.press("by-both")
        await expect(sofia.see("report-row").nth(5)).to_be_visible()
        await expect(sofia.see("report-chart").locator("canvas")).to_be_visible()
        await sofia.photograph("reports-1-queues")
        await drill(sofia)
        await checked(sofia, made)
        await orders(sofia, tmp_path)
        await schedule(sofia)
        assert sofia.errors == []
        await sofia.get_up()
        await chinese(chromium, program)


async def drill(sofia: Person) -> None:
    """A number and the list behind it."""
    cell = sofia.see("cell-abandoned").first
    number = int(await cell.inner_text())
    await cell.click()
    await sofia.expect("behind-count", re.compile(rf"^{number}\b"))
    await expect(sofia.see("behind-row")).to_have_count(number)
    await sofia.photograph("reports-2-behind")
    await sofia.page.keyboard.press("Escape")
    await sofia.gone("behind-row")


async def checked(sofia: Person, made: Month) -> None:
    """The sums."""
    await sofia.press("reports-check")
    await sofia.expect("check-verdict", "Everything adds up")
    await sofia.expect("check-sum", re.compile(r"^\d+ = "))
    await sofia.photograph("reports-3-check")


async def orders(sofia: Person, folder: Path) -> None:
    """The views of customers."""
    file = folder / "orders.csv"
    file.write_text(ORDERS + "A-2,nobody,2026-01-02,1.00,CNY,\n")
    await sofia.press("reports-customers")
    await sofia.press("view-value")
    await sofia.expect("note-no_orders")
    await sofia.see("orders-file").set_input_files(file)
    await sofia.expect("orders-said", "1 orders new, 0 again, 1 rows refused")
    await sofia.expect("part-best_customers", "120.50")
    await sofia.press("view-campaigns")
    await sofia.press("view-profile")
    await sofia.expect("part-by_kind")
    await sofia.photograph("reports-4-customers")


async def schedule(sofia: Person) -> None:
    """A report by mail."""
    await sofia.press("reports-schedules")
    await sofia.expect("no-mail")
    await sofia.press("new-schedule")
    await sofia.see("schedule-name").fill("Morning numbers")
    await sofia.see("schedule-recipients").fill("not an address")
    await sofia.press("schedule-save")
    await expect(sofia.see("schedule-sheet")).to_contain_text("is no mail address")
    await sofia.see("schedule-recipients").fill("boss@example.com")
    await sofia.press("schedule-save")
    await sofia.expect("schedule-row", "Morning numbers")
    await sofia.photograph("reports-5-schedules")


async def chinese(browser: Browser, program: Program) -> None:
    """The same page for a Chinese reader, in the dark and on a small screen."""
    sofia = await Person.sit_down(browser, program.url, locale="zh-CN", width=900, height=900, dark=True)
    await sofia.sign_in("sofia", PASSWORD)
    await sofia.press("nav-reports")
    await sofia.expect("report-table", "进线量")
    await sofia.see("report").select_option("agents")
    await sofia.expect("report-table", "占用率")
    await sofia.photograph("reports-6-chinese")
    await sofia.get_up()


async def test_an_agent_sees_no_reports(tmp_path: Path, chromium: Browser) -> None:  # noqa: F811
    await prepare(tmp_path, port=1, secret="none")
    async with Program(tmp_path, "--config", str(tmp_path / "callweave.toml")) as program:
        anna = await Person.sit_down(chromium, program.url)
        await anna.sign_in("anna", PASSWORD)
        await anna.expect("nav-customers")
        await anna.gone("nav-reports")
        await anna.page.goto(f"{program.url}/reports")
        await anna.expect("desk")
        await anna.get_up()
