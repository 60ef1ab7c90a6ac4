"""Reports on SQLite and PostgreSQL against a second count in plain Python, cell by cell, list by list."""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from interaction_log import metrics
from interaction_log.periods import moment
from interaction_log.records import Refused
from interaction_log.reports import Question, Table
from interaction_log.rights import Sight
from interaction_log.store import upgrade_to_head
from interaction_log.store.engine import open_engine
from interaction_log.store.reading import Reading
from interaction_log.store.reports import StoredReports, as_json
from interaction_log.store.schema import agent_states, queue_visits
from tests.fakes.month import Month, month, write
from tests.fakes.postgres import Postgres, shared_postgres
from tests.fakes.recount import Recount, differences

ZONE = "Europe/Berlin"
START, END = moment("2026-10-01", ZONE), moment("2026-11-01", ZONE)  # the clocks go back on the 25th
NOW = END - 2 * 86_400.0 + 86_400.0 * 4
DAYS = 31


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    yield from shared_postgres()


@dataclass
class Site:
    url: str
    month: Month
    reports: StoredReports
    reading: Reading

    def question(self, report: Any, **more: Any) -> Question:
        return replace(Question(report=report, start=START, end=END, zone=ZONE), **more)

    async def table(self, report: Any, **more: Any) -> Table:
        return await self.reports.table(self.question(report, **more), NOW)

    def recount(self, step: str) -> Recount:
        return Recount(self.month, ZONE, step, now=NOW, end=END)


def database(request: pytest.FixtureRequest, kind: str, folder: Path) -> str:
    if kind == "sqlite":
        url = f"sqlite:///{folder}/log.db"
        upgrade_to_head(url)
        return url
    server: Postgres = request.getfixturevalue("postgres")
    return server.migrated_database()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real("postgresql"))])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    url = database(request, request.param, tmp_path)
    made = month(START, contacts=2_000, days=DAYS, agents=12)
    write(url, made)
    reading = Reading(url)
    yield Site(url, made, StoredReports(reading), reading)
    await asyncio.to_thread(reading.close)


@pytest.mark.parametrize("step", ["30min", "hour", "day", "week", "month"])
async def test_queues_against_a_second_count(site: Site, step: Any) -> None:
    table = await site.table("queues", step=step)
    assert differences(site.recount(step).queues(), as_json(table)) == []


async def test_contacts_against_a_second_count(site: Site) -> None:
    recount = site.recount("day")
    vip = {row["id"]: "vip" if row["vip"] else "other" for row in site.month.customers}
    for group, key in (
        ("all", lambda row: "all"),
        ("channel", lambda row: row["channel"]),
        ("segment", lambda row: vip.get(row["customer_id"])),
    ):
        found = {at: one for at, one in recount.contacts(key).items() if at[0] is not None}
        answer = as_json(await site.table("contacts", group=group))
        answer["rows"] = [row for row in answer["rows"] if row["key"] is not None]
        assert differences(found, answer) == [], group


@pytest.mark.parametrize("step", ["hour", "day"])
async def test_agents_against_a_second_count(site: Site, step: Any) -> None:
    assert differences(site.recount(step).agents(), as_json(await site.table("agents", step=step))) == []


async def test_each_number_opens_the_interactions_behind_it(site: Site) -> None:
    pick = random.Random(7)
    for report, step in (("queues", "day"), ("contacts", "day"), ("agents", "week")):
        table = await site.table(report, step=step)
        counted = [one for one in metrics.of(report) if one.unit == "count" and one.listed is not None]
        for cell in pick.sample(list(table.cells), 6):
            for one in pick.sample(counted, min(8, len(counted))):
                edges = table.periods.edges
                behind = await site.reports.behind(
                    site.question(report, step=step),
                    one.name,
                    key=cell.key,
                    period=(edges[cell.period], edges[cell.period + 1]),
                    limit=500,
                    now=NOW,
                )
                expected = one.value(cell.sums)
                assert behind.count == expected, (one.name, cell)
                if one.name != "transfers" and report != "agents":  # an interaction may be there twice
                    ids = [item["id"] for item in behind.items]
                    assert len(set(ids)) == len(ids) <= (expected or 0)
                    assert len(ids) >= (expected or 0) * 0.9


async def test_a_list_is_read_page_by_page(site: Site) -> None:
    question = site.question("queues", step="month")
    first = await site.reports.behind(question, "answered", key="support", limit=20, now=NOW)
    second = await site.reports.behind(question, "answered", key="support", limit=20, cursor=first.next, now=NOW)
    assert first.next is not None and len(first.items) == len(second.items) == 20
    assert not {item["id"] for item in first.items} & {item["id"] for item in second.items}
    with pytest.raises(Refused):
        await site.reports.behind(question, "occupancy", now=NOW)
    with pytest.raises(Refused):
        await site.reports.behind(site.question("agents"), "occupancy", now=NOW)


async def test_filters_and_thresholds_narrow_the_same_way(site: Site) -> None:
    whole = await site.table("queues", step="month")
    one = await site.table("queues", step="month", queue="sales")
    assert one.total() == whole.of_key("sales")
    strict = await site.table("queues", step="month", level=0.0, short=0.0)
    assert strict.total()["answered_in"] == sum(
        row["result"] == "answered" and row["wait_seconds"] <= 0 for row in site.month.visits
    )
    assert strict.total()["abandoned_short"] == 0
    voice = await site.table("contacts", step="month", channel="voice")
    by_channel = await site.table("contacts", step="month", group="channel")
    assert voice.total() == by_channel.of_key("voice")
    every, calls = await site.table("agents", step="month"), await site.table("agents", step="month", channel="voice")
    assert calls.groups() and set(calls.groups()) <= set(every.groups())


async def test_who_sees_a_team_sees_its_numbers(site: Site) -> None:
    sight = Sight(agents=frozenset({"agent003"}), queues=frozenset({"sales"}))
    hers = {leg["interaction_id"] for leg in site.month.legs if leg["agent"] == "agent003"}
    hers |= {row["interaction_id"] for row in site.month.visits if row["queue"] == "sales"}
    table = await site.reports.table(site.question("queues", step="month"), NOW, sight)
    assert table.total()["offered"] == sum(row["interaction_id"] in hers for row in site.month.visits)
    agents = await site.reports.table(site.question("agents", step="month"), NOW, sight)
    assert {cell.key for cell in agents.cells if cell.sums.get("signed_in")} == {"agent003"}
    behind = await site.reports.behind(
        site.question("queues"), "offered", key="billing", limit=500, now=NOW, sight=sight
    )
    assert behind.items and {item["id"] for item in behind.items} <= hers


async def test_the_month_adds_up_and_a_fault_is_named(site: Site) -> None:
    check = await site.reports.check(site.question("queues"), NOW)
    assert check.holds, check
    assert check.offered == len(site.month.visits) and check.hours == DAYS * 24 + 1
    assert check.signed_in_seconds == check.state_seconds > 0
    lost = next(row for row in site.month.visits if row["result"] == "abandoned")
    state = next(row for row in site.month.states if row["state"] == "BUSY" and row["to_at"])
    engine = open_engine(site.url)
    with engine.begin() as connection:
        which = (queue_visits.c.interaction_id == lost["interaction_id"]) & (queue_visits.c.n == lost["n"])
        connection.execute(sa.update(queue_visits).where(which).values(result=None))
        connection.execute(
            sa.update(agent_states).where(agent_states.c.seq == state["seq"]).values(to_at=state["to_at"] + 3.0)
        )
    engine.dispose()
    check = await site.reports.check(site.question("queues"), NOW)
    assert not check.holds
    (hour,) = check.unbalanced
    assert hour.queue == lost["queue"] and hour.difference == 1 and hour.interactions == [lost["interaction_id"]]
    (fault,) = check.faults
    assert fault.agent == state["agent"] and fault.kind == "overlap" and fault.seconds == pytest.approx(3.0)
    assert check.state_seconds - check.signed_in_seconds == pytest.approx(3.0)
    table = await site.table("queues", step="month")
    assert metrics.values("queues", table.total())["unaccounted"] == 1


async def test_the_days_of_a_change_of_clocks_hold_all_their_hours(site: Site) -> None:
    day = await site.table("queues", step="day")
    long_one = next(n for n in range(DAYS) if day.periods.label(n).startswith("2026-10-25"))
    edges = day.periods.edges
    assert edges[long_one + 1] - edges[long_one] == 25 * 3_600
    hours = await site.table("queues", step="hour", start=edges[long_one], end=edges[long_one + 1])
    assert len(hours.periods) == 25
    assert hours.total() == day.of_period(long_one)
    assert [hours.periods.label(n)[11:] for n in (1, 2, 3, 4)] == [
        "01:00:00+02:00",
        "02:00:00+02:00",
        "02:00:00+01:00",
        "03:00:00+01:00",
    ]


@functools.lru_cache(maxsize=1)
def big_month() -> Month:
    """Made once for both databases."""
    return month(START, contacts=200_000, days=DAYS)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.real("postgresql"))])
async def test_a_month_of_two_hundred_thousand(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    """The whole month, on both databases."""
    made = big_month()
    url = database(request, kind, tmp_path)
    write(url, made)
    reading = Reading(url)
    try:
        whole = Site(url, made, StoredReports(reading), reading)
        recount = whole.recount("day")
        assert differences(recount.queues(), as_json(await whole.table("queues"))) == []
        found = recount.contacts(lambda row: row["channel"])
        assert differences(found, as_json(await whole.table("contacts", group="channel"))) == []
        assert differences(recount.agents(), as_json(await whole.table("agents"))) == []
        check = await whole.reports.check(whole.question("queues"), NOW)
        assert check.holds, check
        assert check.offered == len(made.visits)
    finally:
        await asyncio.to_thread(reading.close)
