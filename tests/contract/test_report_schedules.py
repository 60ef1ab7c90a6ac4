"""Reports by mail on SQLite and PostgreSQL, to a real SMTP server: each run once, also over a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cti_gateway.schedules import MailServer, ReportPost, posting
from interaction_log.periods import moment
from interaction_log.records import Conflict, NotFound
from interaction_log.schedules import RETRY_SECONDS, Message
from interaction_log.store import Store
from tests.contract.test_reports import database
from tests.fakes.month import month, write
from tests.fakes.postgres import Postgres, shared_postgres
from tests.fakes.smtp import SmtpServer

ZONE = "Europe/Berlin"
MADE = moment("2026-11-01", ZONE) + 3_600
SEVEN = moment("2026-11-01", ZONE) + 7 * 3_600
GIVEN: dict[str, Any] = {
    "name": "Morgenzahlen 晨报",
    "question": {"report": "queues", "step": "hour"},
    "every": "day",
    "at_minute": 7 * 60,
    "zone": ZONE,
    "recipients": ["boss@example.com", "sofia@example.com"],
    "format": "csv",
}


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    yield from shared_postgres()


@dataclass
class Site:
    store: Store
    smtp: SmtpServer
    clock: list[float]

    def post(self, post: Any = None) -> ReportPost:
        server = MailServer(host="127.0.0.1", port=self.smtp.port, sender="cti@example.com", tls="none")
        wall = lambda: self.clock[0]  # noqa: E731
        return ReportPost(self.store.schedules, self.store.reports, post or posting(server), wall, "example.com")

    async def states(self) -> list[str]:
        return [run.state for run in await self.store.schedules.runs()]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real("postgresql"))])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    url = database(request, request.param, tmp_path)
    write(url, month(moment("2026-10-30", ZONE), contacts=200, days=4, agents=4))
    store = await asyncio.to_thread(Store.open, url, default_region="CN")
    async with SmtpServer() as smtp:
        yield Site(store, smtp, [SEVEN])
    await asyncio.to_thread(store.close)


async def test_a_report_is_sent_when_it_is_due_and_once(site: Site) -> None:
    one = await site.store.schedules.create(GIVEN, "sofia", MADE)
    post = site.post()
    site.clock[0] = SEVEN - 1
    assert await post.look() == 0 and site.smtp.mails == []
    site.clock[0] = SEVEN
    assert await post.look() == 1
    assert await post.look() == await site.post().look() == 0, "also after a restart"
    (kept,) = site.smtp.mails
    assert kept.recipients == GIVEN["recipients"] and kept.sender == "cti@example.com"
    assert kept.mail["Message-ID"].strip() == f"<report.{one.id}.{int(SEVEN)}@example.com>"
    assert kept.mail["Auto-Submitted"] == "auto-generated"
    (file,) = [part for part in kept.mail.walk() if part.get_filename()]
    assert file.get_filename() == "queues-2026-10-31.csv"
    rows = file.get_payload(decode=True).decode("utf-8-sig").splitlines()  # type: ignore[union-attr]
    assert rows[0].startswith("from,to,queue,offered")
    assert rows[1].startswith("2026-10-31T") and rows[-1].startswith("2026-10-31T00:00:00+01:00,2026-11-01T")
    assert await site.states() == ["sent"]


async def test_what_was_missed_while_the_program_was_away_is_sent(site: Site) -> None:
    await site.store.schedules.create(GIVEN, "sofia", MADE)
    site.clock[0] = SEVEN + 2 * 86_400 + 5
    assert await site.post().look() == 3
    names = [part.get_filename() for one in site.smtp.mails for part in one.mail.walk() if part.get_filename()]
    assert names == [f"queues-2026-{day}.csv" for day in ("10-31", "11-01", "11-02")]
    site.clock[0] += 100 * 86_400
    runs = await site.store.schedules.plan(site.clock[0])
    assert 6 <= len(runs) <= 8, "not a hundred mails after a long holiday"


async def test_of_two_programs_one_sends(site: Site) -> None:
    await site.store.schedules.create(GIVEN, "sofia", MADE)
    first, second = site.post(), site.post()
    sent = await asyncio.gather(first.look(), second.look(), return_exceptions=True)
    done = sum(one for one in sent if isinstance(one, int))
    assert done == len(site.smtp.mails) == 1


async def test_an_end_while_it_is_handed_over_leaves_a_doubt_and_no_second_mail(site: Site) -> None:
    one = await site.store.schedules.create(GIVEN, "sofia", MADE)
    reached = asyncio.Event()

    async def endless(message: Message) -> None:
        reached.set()
        await asyncio.Event().wait()

    dying = asyncio.ensure_future(site.post(endless).look())
    await asyncio.wait_for(reached.wait(), 20)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    assert await site.states() == ["sending"]
    assert await site.store.schedules.adopt(SEVEN + 10) == 1
    site.clock[0] = SEVEN + 10
    assert await site.post().look() == 0 and await site.states() == ["unknown"]
    await site.store.schedules.again(one.id, SEVEN, SEVEN + 20)
    assert await site.post().look() == 1 and len(site.smtp.mails) == 1
    with pytest.raises(NotFound):
        await site.store.schedules.again(one.id, SEVEN + 1, SEVEN)


async def test_a_server_that_refuses_is_asked_again_later(site: Site) -> None:
    await site.store.schedules.create(GIVEN, "sofia", MADE)
    site.smtp.refuse = 1
    post = site.post()
    assert await post.look() == 0 and await site.states() == ["due"]
    (run,) = await site.store.schedules.runs()
    assert run.attempts == 1 and run.error is not None and "example.com" not in run.error
    assert await post.look() == 0, "not at once"
    site.clock[0] += RETRY_SECONDS + 1
    assert await post.look() == 1 and await site.states() == ["sent"]


async def test_schedules_are_changed_by_one_at_a_time(site: Site) -> None:
    stored = site.store.schedules
    one = await stored.create(GIVEN, "sofia", MADE)
    changed = await stored.update(one.id, GIVEN | {"enabled": False}, 1)
    assert changed.version == 2 and not changed.enabled and changed.recipients == GIVEN["recipients"]
    with pytest.raises(Conflict):
        await stored.update(one.id, GIVEN, 1)
    assert await site.post().look() == 0, "it is switched off"
    await stored.delete(one.id)
    assert await stored.all() == [] == await stored.runs()
    with pytest.raises(NotFound):
        await stored.get(one.id)
