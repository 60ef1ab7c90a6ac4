"""A supervisor takes a file of customers in and back again at the browser: mapping, dry run, import, undo."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.fakes.browser import Person, chromium  # noqa: F401 (fixture)
from tests.fakes.program import PASSWORD, Program, prepare

pytestmark = [pytest.mark.real("chromium"), pytest.mark.timeout(180)]
ROWS = 400


@pytest_asyncio.fixture
async def program(tmp_path: Path) -> AsyncIterator[Program]:
    config = await prepare(tmp_path, port=9, secret="nobody listens there")
    async with Program(tmp_path, "--config", str(config)) as running:
        yield running


def people(path: Path) -> Path:
    lines = ["Who,Ring them at,E-mail,Tag"]
    lines += [f"Person {n},+86139{n:08d},person{n}@example.com,x" for n in range(10_000_000, 10_000_000 + ROWS)]
    lines += ["李雷,+8613800138000,lilei@example.com,", "Nobody,12,,"]
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(("locale", "dark"), [("en", False), ("zh-CN", True)])
async def test_mapped_tried_taken_and_undone(
    program: Program,
    chromium: Browser,  # noqa: F811
    tmp_path: Path,
    locale: str,
    dark: bool,
) -> None:
    sofia = await Person.sit_down(chromium, program.url, locale=locale, dark=dark)
    await sofia.sign_in("sofia", PASSWORD)
    await sofia.press("nav-customers")
    await sofia.press("customer-import")
    await sofia.see("import-file").set_input_files(people(tmp_path / "people.csv"))

    await sofia.expect("import-mapping", seconds=30)
    await expect(sofia.see("mapping-1")).to_have_value("phones")  # by what stands in it
    await expect(sofia.see("mapping-2")).to_have_value("emails")
    await expect(sofia.see("import-try")).to_be_disabled()
    await sofia.see("mapping-0").select_option("name")
    await sofia.see("mapping-name").fill("From the shop")
    await sofia.press("mapping-remember")
    await expect(sofia.see("mapping-named").locator("option")).to_have_count(2)
    await sofia.photograph(f"imports-1-mapping-{locale}")

    await sofia.press("import-try")
    await sofia.expect("import-plan", seconds=60)
    await sofia.expect("will-create", str(ROWS))
    await sofia.expect("will-update", "1")
    await sofia.expect("will-refuse", "1")
    await sofia.press("rows-same")
    await sofia.expect("import-row", "李雷")
    await sofia.photograph(f"imports-2-tried-{locale}")

    await sofia.press("import-run")
    await sofia.page.reload()  # it goes on
    await sofia.expect("import-result", seconds=60)
    await sofia.expect("count-created", str(ROWS))
    await sofia.photograph(f"imports-3-done-{locale}")
    await sofia.press("nav-customers")
    await sofia.see("customer-search").fill("Person 10000007")
    await expect(sofia.page.locator('tr:has-text("Person 10000007")')).to_have_count(1)

    await sofia.page.goto(f"{program.url}/imports")
    await sofia.photograph(f"imports-4-list-{locale}")
    await sofia.press("import")
    await sofia.press("import-undo")
    await sofia.press("import-undo-sure")
    await expect(sofia.see("import-page")).to_have_attribute("data-state", "undone", timeout=60_000)
    await sofia.expect("count-undone", str(ROWS + 1))
    await sofia.press("nav-customers")
    await expect(sofia.page.locator('tr[data-test^="customer-"]')).to_have_count(1)
    await sofia.get_up()


async def test_it_goes_on_after_the_program_was_killed(program: Program, tmp_path: Path) -> None:
    lines = ["name,phone", *(f"Person {n},+86139{n:08d}" for n in range(10_000_000, 10_003_000))]
    async with program.http(await program.sign_in("sofia")) as http:
        given = await http.post("/api/imports", files={"file": ("p.csv", "\n".join(lines).encode())})
        of = given.json()["id"]
        await http.post(f"/api/imports/{of}/read")
        await _until(http, of, lambda job: job["state"] == "read")
        await http.post(f"/api/imports/{of}/run")
        await _until(http, of, lambda job: job["done"] > 0 or job["state"] == "done")
    await program.kill()
    await program.start()
    async with program.http(await program.sign_in("sofia")) as http:
        job = await _until(http, of, lambda job: job["state"] == "done")
        assert job["counts"] == {"created": 3_000}
        assert (
            len((await http.get("/api/customers", params={"q": "Person 1000299", "limit": 50})).json()["items"]) == 10
        )


async def _until(http: httpx.AsyncClient, of: str, so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The import, once it is so."""
    async with asyncio.timeout(90):
        while True:
            job: dict[str, Any] = (await http.get(f"/api/imports/{of}")).json()
            if so(job):
                return job
            await asyncio.sleep(0.1)  # as a console asks


async def test_what_is_no_file_of_customers_is_said(program: Program, chromium: Browser, tmp_path: Path) -> None:  # noqa: F811
    sofia = await Person.sit_down(chromium, program.url)
    await sofia.sign_in("sofia", PASSWORD)
    await sofia.press("nav-customers")
    await sofia.press("customer-import")
    broken = tmp_path / "people.xlsx"
    broken.write_bytes(b"PK\x03\x04 and nothing else")
    await sofia.see("import-file").set_input_files(broken)
    await sofia.expect("form-error", "Excel", seconds=30)
    await sofia.get_up()
