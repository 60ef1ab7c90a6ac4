"""Somebody looks for a contact at the browser, with Ctrl+K and on the page, and reads the customer's timeline: a
supervisor everything, an agent what is hers, in both languages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import sqlalchemy as sa
from playwright.async_api import Browser, Route, expect

from interaction_log.store import upgrade_to_head
from interaction_log.store.engine import open_engine
from interaction_log.store.index import Doc
from interaction_log.store.index import put as put_document
from interaction_log.store.items import Item, put
from interaction_log.store.schema import interactions, legs
from interaction_log.store.search_tables import FILLING, search_state
from tests.fakes.browser import Person, chromium  # noqa: F401 (fixture)
from tests.fakes.patience import PATIENCE
from tests.fakes.program import PASSWORD, Program, prepare

pytestmark = [pytest.mark.real("chromium"), pytest.mark.timeout(180)]
AT = 1_790_000_000.0
WANG = "11111111-1111-4111-8111-111111111111"


def contact(of: str, n: int, notes: str, customer: str | None = WANG, queue: str = "support") -> dict[str, Any]:
    row = dict.fromkeys(interactions.c.keys())
    transfer = {"kind": "blind", "from": "PJSIP/1001", "to": "queue:sales", "completed": True}
    visit = {"queue": queue, "entered_at": AT, "left_at": AT + 4, "wait_seconds": 4.0, "result": "answered"}
    public = {"transfers": [transfer], "recordings": [], "queue_visits": [visit], "ended_at": AT + 60}
    row |= {"id": of, "began": n, "pbx": "main", "channel": "voice", "direction": "inbound", "sorted_at": AT + n}
    row |= {"started_at": AT + n, "ended": True, "ended_at": AT + 60, "outcome": "answered", "queue": queue}
    row |= {"customer_id": customer, "customer_address": "+8613800138000", "notes": notes, "public": json.dumps(public)}
    return row | {"talk_seconds": 41.0, "wait_seconds": 4.0, "hold_seconds": 0.0}


def fill(url: str) -> None:
    """Contacts of before, as the log's projections have them, and a case."""
    upgrade_to_head(url)
    engine = open_engine(url)
    with engine.begin() as connection:
        rows = [
            contact("i1", 1, "客户的路由器坏了，周五上门"),
            contact("i2", 2, "routers for the branch", None, "sales"),
        ]
        rows += [contact(f"older{n}", -n, f"call {n}") for n in range(60)]
        connection.execute(sa.insert(interactions), rows)
        leg = {"kind": "segment", "n": 0, "device": "PJSIP/1001", "queue": "support", "to_at": AT + 60, "result": None}
        told = [("i1", "anna"), ("i2", "ben")]
        connection.execute(
            sa.insert(legs), [leg | {"interaction_id": of, "agent": agent, "from_at": AT} for of, agent in told]
        )
        put(connection, Item("case", "k1", WANG, AT + 5, "Router repair", "Waits for a part", "sofia"))
        put_document(connection, Doc("case", "k1", WANG, AT + 5, "Router repair", "waits for a part", "support"))
    engine.dispose()


@pytest_asyncio.fixture
async def program(tmp_path: Path) -> AsyncIterator[Program]:
    config = await prepare(tmp_path, port=9, secret="nobody listens there")
    url = f"sqlite:///{tmp_path}/callweave.db"
    fill(url)
    async with Program(tmp_path, "--config", str(config)) as running:
        async with httpx.AsyncClient(base_url=running.url, trust_env=False, timeout=20) as http:
            session = await http.post("/api/session", json={"username": "sofia", "password": PASSWORD})
            http.headers["Authorization"] = f"Bearer {session.json()['token']}"
            http.cookies.clear()
            await add_wang(http, url)
        await indexed(url)
        yield running
        assert "Traceback" not in running.errors()


async def add_wang(http: httpx.AsyncClient, url: str) -> None:
    """A customer, and the contacts and the case are his."""
    answer = await http.post("/api/customers", json={"name": "王小明", "phones": ["+8613800138000"]})
    assert answer.status_code == 201, answer.text
    of = answer.json()["id"]
    engine = open_engine(url)
    with engine.begin() as connection:
        for table in ("interactions", "timeline_items", "search_docs"):
            text = f"UPDATE {table} SET customer_id = :of WHERE customer_id = :was"
            connection.execute(sa.text(text), {"of": of, "was": WANG})
    engine.dispose()


async def indexed(url: str) -> None:
    """What was there before the start is in the index: a word is looked for once, when it is typed."""
    engine = open_engine(url, writes=False)
    filling = sa.select(search_state.c.value).where(search_state.c.key == FILLING)
    async with asyncio.timeout(PATIENCE):
        while True:
            with engine.connect() as connection:
                if connection.execute(filling).scalar() == "null":
                    break
            await asyncio.sleep(0.05)
    engine.dispose()


async def still_filling(route: Route) -> None:
    await route.fulfill(json={"items": [], "next": None, "reached": None, "filling": True})


@pytest.mark.parametrize(("locale", "dark"), [("en", False), ("zh-CN", True)])
async def test_found_with_ctrl_k_and_read_in_the_timeline(
    program: Program,
    chromium: Browser,  # noqa: F811
    locale: str,
    dark: bool,
) -> None:
    sofia = await Person.sit_down(chromium, program.url, locale=locale, dark=dark)
    await sofia.sign_in("sofia", PASSWORD)
    await sofia.expect("nav-search")
    await sofia.page.keyboard.press("Control+k")
    await sofia.see("quick-words").fill("小明")
    await sofia.expect("quick-customer", "王小明")
    await sofia.see("quick-words").fill("路由器 上门")
    found = await sofia.expect("quick-interaction", "路由器坏了")
    await expect(found.locator("mark")).to_have_text(["路由器", "上门"])
    await sofia.photograph(f"search-1-quick-{locale}")
    await sofia.page.keyboard.press("Enter")

    await sofia.expect("customer-page", "王小明")
    await sofia.expect("timeline-detail")
    await sofia.expect("timeline-legs", "Anna")
    await sofia.expect("timeline-transfers", "sales")
    await sofia.photograph(f"search-2-timeline-{locale}")
    await sofia.press("timeline-newest")
    await sofia.expect("entry-case", "Router repair")
    lines = sofia.see("timeline-line")
    await expect(lines).to_have_count(50)
    await sofia.press("timeline-older")
    await expect(lines).to_have_count(62)
    await lines.first.focus()
    await sofia.page.keyboard.press("ArrowDown")
    await expect(lines.nth(1)).to_be_focused()
    await sofia.press("timeline-kind-case")
    await expect(lines).to_have_count(1)
    await sofia.press("timeline-kind-survey")
    await sofia.expect("timeline-none")
    await sofia.get_up()


async def test_the_page_has_filters_and_keys_and_shows_an_agent_what_is_hers(
    program: Program,
    chromium: Browser,  # noqa: F811
) -> None:
    sofia = await Person.sit_down(chromium, program.url)
    await sofia.sign_in("sofia", PASSWORD)
    await sofia.press("nav-search")
    await sofia.expect("search-none")
    await sofia.page.route("**/api/search?*", still_filling, times=1)
    await sofia.see("search-words").fill("call ")
    await sofia.expect("search-none", "still being filled")
    await sofia.expect("found-interaction", "call 0")  # it asked again
    found = sofia.see("found-interaction")
    await expect(found).to_have_count(30)
    await sofia.press("search-more")
    await expect(found).to_have_count(60)
    await sofia.see("search-words").fill("rout")
    await sofia.expect("found-case", "Router repair")
    await sofia.see("search-words").fill("routers")
    await sofia.expect("found-interaction", "branch")
    await sofia.see("search-words").fill("8000")
    await sofia.expect("found-customer", "王小明")
    await sofia.see("search-kind").select_option("customer")
    await expect(found).to_have_count(0)
    await sofia.photograph("search-3-page")
    await sofia.see("search-words").focus()
    await sofia.page.keyboard.press("ArrowDown")
    await sofia.page.keyboard.press("Enter")
    await sofia.expect("customer-page", "王小明")
    await sofia.get_up()

    anna = await Person.sit_down(chromium, program.url)
    await anna.sign_in("anna", PASSWORD)
    await anna.press("nav-search")
    await anna.see("search-words").fill("路由器")
    await anna.expect("found-interaction", "路由器坏了")
    await anna.see("search-words").fill("routers")  # Ben's, of another queue
    await expect(anna.see("search-found")).to_have_count(0)
    await anna.expect("search-none")
    await anna.see("search-words").fill("王小")
    await anna.expect("found-customer", "王小明")
    await anna.get_up()
