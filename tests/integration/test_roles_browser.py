"""An administrator makes a role and a team, and looks it up in the audit trail; the trainee sees masked numbers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from cti_gateway.simulator.server import SECRET, Simulator, SimulatorServer
from interaction_log.records import User
from tests.fakes.browser import Person, chromium  # noqa: F401 (fixture)
from tests.fakes.program import PASSWORD, Program, prepare

pytestmark = [pytest.mark.real("chromium"), pytest.mark.timeout(180)]
ROOT = User(name="root", display_name="Root", role="admin")


@pytest_asyncio.fixture
async def program(tmp_path: Path) -> AsyncIterator[Program]:
    server = SimulatorServer(Simulator())
    config = await prepare(tmp_path, port=await server.start(), secret=SECRET, people=(ROOT,))
    try:
        async with Program(tmp_path, "--config", str(config)) as running:
            yield running
    finally:
        await server.stop()


async def at_work(browser: Browser, program: Program, name: str, page: str, **how: str) -> Person:
    person = await Person.sit_down(browser, program.url, **how)  # type: ignore[arg-type]
    await person.sign_in(name, PASSWORD)
    await person.page.wait_for_url(lambda url: "sign-in" not in url)
    await person.page.goto(f"{program.url}{page}")
    return person


async def test_a_role_and_a_team_are_made_and_on_record(program: Program, chromium: Browser) -> None:  # noqa: F811
    root = await at_work(chromium, program, "root", "/admin/roles")
    await root.press("role-new")
    await root.see("role-code").fill("trainee")
    await root.see("role-label-en").fill("Trainee")
    await root.see("role-label-zh-CN").fill("实习坐席")
    numbers = root.see("right-customers.see_numbers")
    await expect(numbers).to_be_checked()  # the rights of the built-in role have come
    await numbers.uncheck()
    await root.press("role-save")
    await root.expect("role-trainee", "Trainee")

    await root.press("admin-teams")
    await root.press("team-new")
    await root.see("team-code").fill("red")
    await root.see("team-label").fill("Red")
    await root.see("member-anna").check()
    await root.press("team-save")
    await root.expect("team-red", "Anna")

    await root.press("admin-users")
    await root.press("user-ben")
    await expect(root.see("user-team-red")).not_to_be_checked()
    await root.see("user-role").select_option(":trainee")
    await root.press("user-save")
    await expect(root.see("user-sheet")).to_be_hidden()

    await root.press("admin-audit")
    await root.expect("audit-1", "Role changed")
    await root.press("audit-check")
    await root.expect("audit-verdict", "whole")
    await root.see("audit-action").select_option("change_team")
    await expect(root.page.locator('[data-test="audit-page"] tbody tr')).to_have_count(1)
    await root.get_up()

    ben = await at_work(chromium, program, "ben", "/customers", locale="zh-CN")
    await expect(ben.page.get_by_text("+86138****8000")).to_be_visible()
    await expect(ben.page.get_by_text("13800138000")).to_have_count(0)
    await ben.get_up()


async def test_a_role_of_the_sites_own_opens_its_pages_and_no_others(program: Program, chromium: Browser) -> None:  # noqa: F811
    async with program.http() as http:
        token = (await http.post("/api/session", json={"username": "root", "password": PASSWORD})).json()["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        role = {"labels": {"en": "Auditor"}, "base": "supervisor", "rights": ["audit.read"], "version": 1}
        assert (await http.put("/api/roles/auditor", json=role, headers=bearer)).status_code == 200
        change = {"role": "supervisor", "own_role": "auditor"}
        assert (await http.patch("/api/users/sofia", json=change, headers=bearer)).status_code == 200
    sofia = await at_work(chromium, program, "sofia", "/admin")
    await sofia.expect("audit-page")
    await expect(sofia.see("admin-users")).to_have_count(0)
    await sofia.get_up()
