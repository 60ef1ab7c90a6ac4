"""A supervisor finds two records of one person at the browser, merges them and takes it back; numbers are shared."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.fakes.browser import Person, chromium  # noqa: F401 (fixture)
from tests.fakes.program import PASSWORD, Program, prepare

pytestmark = [pytest.mark.real("chromium"), pytest.mark.timeout(180)]
NUMBER, OFFICE = "+442079460018", "+861050881234"


@pytest_asyncio.fixture
async def program(tmp_path: Path) -> AsyncIterator[Program]:
    config = await prepare(tmp_path, port=9, secret="nobody listens there")
    async with Program(tmp_path, "--config", str(config)) as running:
        yield running


class Api:
    """The same program by REST."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def add(self, name: str, phones: list[str], **more: Any) -> str:
        answer = await self.http.post("/api/customers", json={"name": name, "phones": phones, **more})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def read(self, path: str) -> Any:
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest_asyncio.fixture
async def api(program: Program) -> AsyncIterator[Api]:
    async with httpx.AsyncClient(base_url=program.url, trust_env=False, timeout=20) as http:
        session = await http.post("/api/session", json={"username": "sofia", "password": PASSWORD})
        http.headers["Authorization"] = f"Bearer {session.json()['token']}"
        http.cookies.clear()
        yield Api(http)


@pytest.mark.parametrize(("locale", "dark"), [("en", False), ("zh-CN", True)])
async def test_compared_merged_and_undone(
    program: Program,
    api: Api,
    chromium: Browser,  # noqa: F811
    locale: str,
    dark: bool,
) -> None:
    emily = await api.add("Emily Carter", [NUMBER], language="en")
    other = await api.add("Emily Carter", [NUMBER, OFFICE], language="fr", organisation="Carter & Sons")
    sofia = await Person.sit_down(chromium, program.url, locale=locale, dark=dark)
    await sofia.sign_in("sofia", PASSWORD)
    await sofia.press("nav-customers")
    await sofia.press("duplicates")
    await sofia.press("suggestions-look")
    first, second = sorted([emily, other])
    row = await sofia.expect(f"pair-{first}-{second}", "90%")
    await sofia.photograph(f"identity-1-suggestions-{locale}")

    await row.focus()
    await sofia.page.keyboard.press("Enter")
    await sofia.expect("merge-preview")
    if first != emily:
        await sofia.press("merge-swap")
    await expect(sofia.see("merge-preview")).to_have_attribute("data-kept", emily)
    await expect(sofia.see("take-language-kept")).to_be_checked()
    await expect(sofia.see("take-organisation-merged")).to_be_checked()  # a gap is filled
    await sofia.see("take-language-merged").check()
    await sofia.photograph(f"identity-2-compare-{locale}")
    await sofia.press("merge-do")
    await sofia.gone(f"pair-{first}-{second}")
    merged = await api.read(f"/api/customers/{other}")
    assert (merged["id"], merged["language"], merged["phones"]) == (emily, "fr", [NUMBER, OFFICE])

    await sofia.page.goto(f"{program.url}/customers/{emily}?panel=identity")
    await sofia.expect("members", "Emily Carter")
    await sofia.expect(f"claim-record-{OFFICE}")
    await sofia.photograph(f"identity-3-panel-{locale}")
    await sofia.press("merge-undo")
    await sofia.gone("merge-undo")
    await sofia.gone("members")
    for of, language in ((emily, "en"), (other, "fr")):
        assert (await api.read(f"/api/customers/{of}"))["language"] == language
    assert (await api.read("/api/customers/suggestions"))["items"] == [], "people said that they are two"
    await sofia.get_up()


async def test_a_shared_number_is_marked_at_the_customers_page(
    program: Program,
    api: Api,
    chromium: Browser,  # noqa: F811
) -> None:
    wang = await api.add("王小明", [OFFICE], organisation="京华")
    sofia = await Person.sit_down(chromium, program.url)
    await sofia.sign_in("sofia", PASSWORD)
    await sofia.expect("nav-customers")
    await sofia.page.goto(f"{program.url}/customers/{wang}?panel=identity")
    await sofia.see(f"share-{OFFICE}").check()
    await expect(sofia.see(f"claim-record-{OFFICE}")).to_contain_text("suggests")
    shared = await api.read("/api/customers/shared-numbers")
    assert [one["value"] for one in shared["items"]] == [OFFICE]
    await sofia.see("claim-value").fill("12")
    await sofia.press("claim-confirm")
    await expect(sofia.page.locator(".form-error")).to_be_visible()  # no telephone number
    await sofia.see("claim-value").fill(NUMBER)
    await sofia.press("claim-confirm")
    await sofia.expect(f"claim-confirmed-{NUMBER}", "sofia")
    await sofia.press(f"withdraw-confirmed-{NUMBER}")
    await sofia.gone(f"claim-confirmed-{NUMBER}")
    await sofia.page.goto(f"{program.url}/duplicates")
    await sofia.press("suggestions-shared")
    await sofia.expect(f"shared-{OFFICE}")
    await sofia.get_up()
