"""A promised callback in a real browser: its place, the missed call that is not worked twice, calling it off."""

# ruff: noqa: F811 (fixtures)
from __future__ import annotations

import asyncio
import contextlib
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Expect

from tests.fakes.browser import Person, chromium  # noqa: F401 (fixture)
from tests.fakes.entry_site import ZHAO, Site, site
from tests.fakes.program import PASSWORD
from tests.pbx.fixtures import pbx, stage  # noqa: F401 (fixtures)
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk"), pytest.mark.real("chromium"), pytest.mark.timeout(240)]
expect = Expect()
expect.set_options(timeout=20_000)  # other tests run beside this one

LI, WU = "13800138000", "13700137000"
# The first in line is called at once, so that somebody must stand before him for a promise that waits.
QUEUE = "callback = true\ncallback_by = 'queue'\ncallback_waiting = 9"


async def asked(http: httpx.AsyncClient, path: str, which: Any, seconds: float = 30.0) -> dict[str, Any]:
    """The first item of this list that is so, once there is one."""
    async with asyncio.timeout(seconds):
        while True:
            for one in (await http.get(path)).json()["items"]:
                if which(one):
                    return dict(one)
            await asyncio.sleep(0.1)


async def promised(at: Site, number: str, waiting: int) -> None:
    """He waits behind others, presses 2 and hangs up; so many are in the PBX's queue then.

    A key at the beginning of the announcement of a place is lost (22.10): people press again.
    """
    caller = await at.stage.customer(number, "820").up()
    await at.waiting("helpdesk", waiting + 1, within=30)
    for _ in range(6):
        await caller.dtmf("2")
        with contextlib.suppress(TimeoutError):
            await at.waiting("helpdesk", waiting, within=3)
            break
    await at.waiting("helpdesk", waiting, within=1)
    await caller.hang_up()


async def test_a_promise_is_seen_and_called_off(stage: Stage, tmp_path: Path, chromium: Browser) -> None:
    async with site(stage, tmp_path, QUEUE) as at, at.program.http(await at.program.sign_in("hua")) as http:
        await stage.nobody_free("1007", "1008")
        first = await stage.customer(ZHAO, "820").up()
        second = await stage.customer(WU, "820").up()
        await at.waiting("helpdesk", 2)
        await promised(at, LI, 2)
        one = await asked(http, "/api/callbacks", lambda c: c["number"] == f"+86{LI}")
        assert (one["state"], one["place"], one["queue"], one["customer_name"]) == ("waiting", 3, "helpdesk", "李雷")
        missed = await asked(http, "/api/missed", lambda m: m["number"] == f"+86{LI}")
        assert missed["callback"]["id"] == one["id"]
        body = {"state": "calling", "version": missed["version"]}
        refused = await http.post(f"/api/missed/{missed['id']}", json=body)
        assert refused.status_code == 409 and "promised a callback" in refused.json()["detail"]

        gustav = await Person.sit_down(chromium, at.program.url)
        await gustav.sign_in("gustav", PASSWORD)
        await gustav.press("nav-missed")
        row = gustav.see(f"missed-{missed['id']}")
        await expect(row.locator("[data-test=missed-callback]")).to_contain_text("place 3")
        await expect(row.locator("[data-test=missed-call]")).to_have_count(0)
        await gustav.photograph("callback-1-missed")
        await gustav.press("missed-callbacks")
        line = gustav.see(f"callback-{one['id']}")
        await expect(line).to_contain_text("李雷")
        await expect(line.locator("[data-test=callback-status]")).to_have_text("Place 3 in the line")
        await gustav.photograph("callback-2-open")
        await first.hang_up()  # he gave up: the others are nearer now
        await expect(line.locator("[data-test=callback-status]")).to_have_text("Place 2 in the line")
        await gustav.page.set_viewport_size({"width": 390, "height": 780})
        await expect(line).to_be_visible()
        await gustav.photograph("callback-3-phone")
        await gustav.page.set_viewport_size({"width": 1280, "height": 720})
        await line.focus()
        await gustav.page.keyboard.press("Delete")
        await expect(line).to_have_attribute("data-state", "failed")
        await expect(line).to_contain_text("Cancelled")
        await gustav.photograph("callback-4-called-off")
        over = await asked(http, "/api/callbacks?state=closed", lambda c: c["id"] == one["id"])
        assert (over["state"], over["result"]) == ("failed", "cancelled")
        assert (await http.post(f"/api/callbacks/{one['id']}/cancel")).status_code == 404
        await gustav.press("missed-todo")
        await expect(row.locator("[data-test=missed-call]")).to_have_count(1)
        await gustav.get_up()
        await second.hang_up()


async def test_its_turn_comes_and_it_cannot_be_called_off(stage: Stage, tmp_path: Path, chromium: Browser) -> None:
    async with site(stage, tmp_path, QUEUE) as at, at.program.http(await at.program.sign_in("hua")) as http:
        await stage.nobody_free("1007", "1008")
        caller = await stage.customer(LI, "820").up()
        await at.waiting("helpdesk", 1)
        await caller.dtmf("2")
        one = await asked(http, "/api/callbacks", lambda c: c["state"] == "dialling")
        await caller.hang_up()
        refused = await http.post(f"/api/callbacks/{one['id']}/cancel")
        assert refused.status_code == 409 and "turn now" in refused.json()["detail"]
        hua = await Person.sit_down(chromium, at.program.url, locale="zh-CN", dark=True)
        await hua.sign_in("hua", PASSWORD)
        await hua.press("nav-missed")
        await hua.press("missed-callbacks")
        line = hua.see(f"callback-{one['id']}")
        await expect(line).to_contain_text("正轮到此客户")
        await expect(line.locator("[data-test=callback-cancel]")).to_have_count(0)
        await hua.photograph("callback-5-zh-dark")
        await stage.pbx.pause("PJSIP/1007", False)
        agent = await (await stage.gustav.rings()).answer(after=0.3)
        li = await (await stage.outside.rings()).answer(after=0.3)
        over = await asked(http, "/api/callbacks?state=closed", lambda c: c["id"] == one["id"])
        assert over["result"] == "answered"
        await expect(line).to_contain_text(re.compile("已接通"), timeout=20_000)
        await li.hang_up()
        await agent.ended()
        done = await asked(http, "/api/missed?state=done", lambda m: m["number"] == f"+86{LI}")
        assert done["resolved_by"] is not None
        await hua.get_up()
