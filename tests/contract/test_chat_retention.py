"""Chats whose time is over, and chats of a person who is erased: rows, files and what the full text knows of them."""

# ruff: noqa: F811 (fixtures)
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
import sqlalchemy as sa

from cti_gateway.retention import PrivacyWork, SiteFiles
from interaction_log import events as e
from interaction_log.chats import NewConversation, NewLine
from interaction_log.store import EventLog, Store
from interaction_log.store.chat_folder import ChatFolder
from interaction_log.store.chat_tables import chat_files, chat_lines, chats
from interaction_log.store.master_key import load, make
from interaction_log.store.retention import Rule
from interaction_log.store.search_tables import search_docs
from tests.contract.test_store import postgres, url  # noqa: F401 (fixtures)
from tests.fakes.exchange import Screens

AT = 1_700_000_000.0
DAY = 86_400.0


class Site:
    """A store, its log, and a folder of files."""

    def __init__(self, store: Store, log: EventLog, folder: ChatFolder) -> None:
        self.store, self.log, self.folder = store, log, folder
        self.files: list[str] = []

    async def chat(self, of: str, at: float, customer: str | None = None) -> None:
        """One that ended a minute later, with a line and a file."""
        store = self.store.chats
        wanted = NewConversation(id=of, client_id=f"c-{of}", visitor="v1", site="shop", queue="web", at=at)
        await store.open(wanted)
        await store.say(of, NewLine(id=f"l-{of}", by="visitor", at=at, text="umbrella"))
        got = await self.folder.receive(_content(), 100)
        self.files.append(got.id)
        await store.put_file(
            of, id=got.id, name="bill.pdf", type="application/pdf", size=got.size, sha256=got.sha256, by="visitor",
            at=at, scan="clean",
        )  # fmt: skip
        await store.update(of, state="ended", ended_at=at + 60, ended_by="agent")
        started = e.InteractionStarted(
            at=at, interaction_id=of, pbx="", channel="chat", direction="inbound", customer_address=None,
            customer_name=None, dialled=None, unique_id="", linked_id="",
        )  # fmt: skip
        over = e.InteractionEnded(at=at + 60, interaction_id=of, outcome="answered", ended_by="agent")
        who = e.CustomerIdentified(at=at, interaction_id=of, customer_id=customer, agent="anna")
        for event in (started, who, over) if customer else (started, over):
            self.log.append(e.Recorded(self.log.next_seq(), event))
        await self.log.shown()
        while await self.store.feed.step():
            pass

    async def count(self, table: sa.Table) -> int:
        query = sa.select(sa.func.count()).select_from(table)
        return await self.store._reading(lambda connection: int(connection.execute(query).scalar_one()))

    def there(self) -> list[bool]:
        """Which files are still in the folder."""
        return [Path(*map(str, self.folder.place(of))).exists() for of in self.files]

    def work(self, *rules: Rule) -> PrivacyWork:
        hub: Any = type("Hub", (), {"wall": staticmethod(lambda: AT), "screens": Screens(), "pbxs": {}})()
        hub.administered = lambda *told: None
        return PrivacyWork(hub, self.store, SiteFiles(None, {}, None, self.folder), rules)


async def _content() -> AsyncIterator[bytes]:
    yield b"%PDF-1.4"


@pytest_asyncio.fixture
async def site(url: str, tmp_path: Path) -> AsyncIterator[Site]:
    key = tmp_path / "key" / "master.key"
    make(key)
    store = await asyncio.to_thread(Store.open, url, default_region="CN", master_key=key)
    log = await asyncio.to_thread(EventLog.open, url, tmp_path / "events.journal", on_state=print, master=load(key))
    store.follow(log.shown)
    assert store.privacy is not None
    store.privacy.forget = log.forget
    try:
        yield Site(store, log, ChatFolder(tmp_path / "files"))
    finally:
        await asyncio.to_thread(log.close)
        await asyncio.to_thread(store.close)


async def test_what_was_written_goes_and_that_there_was_a_chat_stays(site: Site) -> None:
    await site.chat("old", AT - 40 * DAY)
    await site.chat("new", AT - 10 * DAY)
    work = site.work(Rule(what="chats", days=30))
    assert (await work.due())["chats"] == 1
    assert (await work.sweep())["chats"] == 1
    assert [await site.count(table) for table in (chats, chat_lines, chat_files)] == [1, 1, 1]
    assert site.there() == [False, True]
    assert (await site.store.interactions.get("old"))["channel"] == "chat"
    words = [row.ref for row in await site.store._reading(lambda c: list(c.execute(sa.select(search_docs))))]
    assert words == ["new"]
    assert (await work.sweep())["chats"] == 0


async def test_with_the_contact_all_of_it_goes(site: Site) -> None:
    await site.chat("old", AT - 40 * DAY)
    await site.work(Rule(what="interactions", days=30)).sweep()
    assert [await site.count(table) for table in (chats, chat_lines, chat_files)] == [0, 0, 0]
    assert site.there() == [False]


async def test_an_erased_person_leaves_no_file(site: Site) -> None:
    made = await site.store.customers.create({"name": "Li Lei"})
    await site.chat("hers", AT - DAY, made.id)
    await site.chat("others", AT - DAY)
    work = site.work()
    await work.request(made.id, "sofia")
    await work.erase_pending()
    assert [await site.count(table) for table in (chats, chat_lines, chat_files)] == [1, 1, 1]
    assert site.there() == [False, True]


async def test_a_folder_that_is_away_keeps_the_rows(site: Site, tmp_path: Path) -> None:
    await site.chat("old", AT - 40 * DAY)
    (tmp_path / "files").rename(tmp_path / "elsewhere")
    assert (await site.work(Rule(what="chats", days=30)).sweep())["chats"] == 0
    assert await site.count(chats) == 1
