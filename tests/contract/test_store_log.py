"""The log: the same tests on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import HealthCheck, given, settings

from interaction_log import events as e
from interaction_log.interaction import Interaction, fold
from interaction_log.store import EventLog, LeaseHeld, LogState, NotDurable, SchemaTooNew, Store, upgrade_to_head
from interaction_log.store import schema as s
from interaction_log.store.engine import open_engine
from interaction_log.store.search_tables import compared
from interaction_log.store.seats import last_states
from interaction_log.store.voice_tables import queue_pauses
from tests.fakes.call_events import call, calls, events_of, histories
from tests.fakes.postgres import Postgres, shared_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    yield from shared_postgres()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real("postgresql"))])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/log.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.migrated_database()


class Site:
    """One installation, opened and closed as often as a test wants."""

    def __init__(self, url: str, folder: Path):
        self.url = url
        self.folder = folder
        self.states: list[LogState] = []
        self._log: EventLog | None = None
        self.reader = open_engine(url, writes=False)

    @property
    def log(self) -> EventLog:
        if self._log is None:
            self._log = EventLog.open(
                self.url, self.folder / "journal", on_state=self.states.append, journal_bytes=1_000_000
            )
        return self._log

    def shut(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None

    def say(self, *told: e.Event) -> int:
        seq = 0
        for event in told:
            seq = self.log.next_seq()
            self.log.append(e.Recorded(seq, event))
        return seq

    async def keep(self, *told: e.Event) -> int:
        seq = self.say(*told)
        await asyncio.wait_for(self.log.durable(seq), 20)
        return seq

    async def events(self) -> list[e.Recorded]:
        return [one async for one in self.log.events_after(0, 100_000)]

    def rows(self, statement: sa.Select[Any]) -> list[dict[str, Any]]:
        with self.reader.connect() as connection:
            return [dict(row._mapping) for row in connection.execute(statement)]


@pytest.fixture
def site(url: str, tmp_path: Path) -> Iterator[Site]:
    one = Site(url, tmp_path)
    yield one
    one.shut()
    one.reader.dispose()


async def projected(site: Site) -> dict[str, Any]:
    """Every projected interaction's public object with the columns beside it. Waits until none is put off."""
    deadline = time.monotonic() + 10
    while site.rows(sa.select(s.meta).where(s.meta.c.key == s.PROJECTED_SEQ)):
        assert time.monotonic() < deadline, "the projections stay behind"
        await asyncio.sleep(0.02)
    return {row["id"]: row for row in site.rows(sa.select(s.interactions))}


def assert_same(row: dict[str, Any], expected: Interaction) -> None:
    assert json.loads(row["public"]) == json.loads(json.dumps(expected.public()))
    assert row["ended"] == expected.ended
    assert row["customer_id"] == expected.customer_id


async def test_what_was_appended_comes_back_in_order(site: Site) -> None:
    told = list(calls(5, 3))
    last = await site.keep(*told)
    found = await site.events()
    assert [one.event for one in found] == told
    assert found[-1].seq == last and [one.seq for one in found] == sorted(one.seq for one in found)
    assert [one.event for one in [one async for one in site.log.events_after(found[9].seq, 7)]] == told[10:17]


@pytest.mark.parametrize("cls", list(e.TYPES.values()), ids=list(e.TYPES))
def test_every_event_survives_its_row(cls: type[e.Event]) -> None:
    from interaction_log.store.keys import Keys
    from interaction_log.store.master_key import MasterKey
    from interaction_log.store.rows import PERSONAL, from_row, to_row, with_sealed

    cipher = Keys(MasterKey(bytes(32))).cipher(3)

    @settings(max_examples=20, deadline=None)
    @given(events_of(cls))
    def check(event: e.Event) -> None:
        row, secret = to_row(e.Recorded(7, event))
        payload = row[6] if secret is None else with_sealed(row[6], cipher.seal(7, secret))
        stored = json.loads(json.dumps([*row[:6], payload, None]))  # also through the journal
        assert from_row(stored, {3: cipher}) == event
        assert payload.isascii()
        blind = from_row(stored)  # its key is destroyed
        assert blind is not None and not any(getattr(blind, name) for name in PERSONAL.get(cls, ()))

    check()


async def test_an_ordinary_call_is_projected_with_its_legs(site: Site) -> None:
    seated = e.AgentSignedIn(at=1.0, agent="agent0", name="A", devices=["PJSIP/1001"])
    told = list(call(0))
    await site.keep(seated, *told)
    found = await projected(site)
    expected = fold([one for one in told if isinstance(one, e.InteractionEvent)])
    (of,) = expected
    assert_same(found[of], expected[of])
    assert found[of]["disposition"] == "resolved" and found[of]["notes"] == "好" and found[of]["queue"] == "support"
    legs = site.rows(sa.select(s.legs).order_by(s.legs.c.kind))
    assert [(leg["kind"], leg["device"], leg["agent"], leg["result"]) for leg in legs] == [
        ("offer", "PJSIP/1001", "agent0", "answered"),
        ("segment", "PJSIP/1001", "agent0", "customer"),
    ]
    (visit,) = site.rows(sa.select(s.queue_visits))
    assert visit["wait_seconds"] == pytest.approx(5.0) and visit["result"] == "answered"
    states = site.rows(sa.select(s.agent_states).order_by(s.agent_states.c.seq))
    assert [row["state"] for row in states] == ["OFFERED", "BUSY", "WRAP_UP"]
    assert [row["to_seq"] for row in states] == [states[1]["seq"], states[2]["seq"], None]


async def test_pauses_in_single_queues_are_kept_until_their_holder_lets_go(site: Site) -> None:
    def paused(at: float, holder: e.PauseHolder, reason: str, queue: str = "sales") -> e.Event:
        return e.QueuePaused(at=at, agent="anna", pbx="main", queue=queue, holder=holder, reason=reason, by="sofia")

    def resumed(at: float, holder: e.PauseHolder, queue: str = "sales") -> e.Event:
        return e.QueueResumed(at=at, agent="anna", pbx="main", queue=queue, holder=holder, by="anna")

    state = e.AgentStateChanged(at=1.0, agent="anna", state="READY", reason=None, until=None, interaction_id=None)
    await site.keep(state, paused(1.0, "agent", "lunch"), paused(2.0, "supervisor", "training"))
    await site.keep(
        resumed(3.0, "agent"), paused(4.0, "agent", "a"), paused(5.0, "agent", "b"), paused(6.0, "agent", "c", "vip")
    )
    await site.keep(resumed(7.0, "agent", "vip"), resumed(8.0, "agent", "vip"))
    rows = site.rows(sa.select(queue_pauses).order_by(queue_pauses.c.seq))
    assert [(row["holder"], row["reason"], row["from_at"], row["to_at"]) for row in rows] == [
        ("agent", "lunch", 1.0, 3.0),
        ("supervisor", "training", 2.0, None),
        ("agent", "a", 4.0, 5.0),
        ("agent", "b", 5.0, None),
        ("agent", "c", 6.0, 7.0),
    ]
    (last,) = last_states(site.url)
    assert [(one.queue, one.holder, one.reason, one.at) for one in last.queue_pauses] == [
        ("sales", "supervisor", "training", 2.0),
        ("sales", "agent", "b", 5.0),
    ]


async def test_under_a_flood_the_projections_catch_up(site: Site) -> None:
    told = list(calls(300, 80))
    await site.keep(*told)
    found = await projected(site)
    expected = fold([one for one in told if isinstance(one, e.InteractionEvent)])
    assert len(found) == len(expected) == 300
    for of, one in expected.items():
        assert_same(found[of], one)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories())
async def test_the_projection_is_the_fold_of_the_events(site: Site, history: list[e.Event]) -> None:
    batch = uuid.uuid4().hex
    told = [type(one)(**{**e.to_payload(one), "interaction_id": batch + one.interaction_id}) for one in history]  # type: ignore[attr-defined]
    await site.keep(*told)
    found = await projected(site)
    for of, one in fold(told).items():  # type: ignore[arg-type]
        assert_same(found[of], one)


async def test_a_restart_finds_what_is_open_and_never_reuses_a_number(site: Site) -> None:
    begun, finished = list(call(1))[:9], list(call(2))
    last = await site.keep(*begun, *finished)
    site.shut()
    (still,) = site.log.open_interactions()
    assert still.public() == fold(begun)[begun[0].interaction_id].public()  # type: ignore[arg-type,attr-defined]
    assert site.log.next_seq() > last
    rest = list(call(1))[9:]
    await site.keep(*rest)
    row = (await projected(site))[still.id]
    assert_same(row, fold([one for one in [*begun, *rest] if isinstance(one, e.InteractionEvent)])[still.id])
    site.shut()
    assert site.log.open_interactions() == []


async def test_late_events_reach_an_interaction_that_is_no_longer_in_memory(site: Site) -> None:
    told = list(call(3))
    await site.keep(*told)
    site.shut()
    of = told[0].interaction_id  # type: ignore[attr-defined]
    late = [
        e.NoteWritten(at=2e9, interaction_id=of, agent="anna", text="later"),
        e.InteractionAmended(at=2e9, interaction_id=of, outcome="voicemail"),
    ]
    await site.keep(*late)
    everything = [one for one in [*told, *late] if isinstance(one, e.InteractionEvent)]
    assert_same((await projected(site))[of], fold(everything)[of])


async def test_a_call_that_begins_again_after_a_restart_keeps_its_past(site: Site) -> None:
    told = list(call(4))
    await site.keep(*told)
    site.shut()
    again = list(call(4))[:2]
    await site.keep(*again)
    of = told[0].interaction_id  # type: ignore[attr-defined]
    everything = [one for one in [*told, *again] if isinstance(one, e.InteractionEvent)]
    assert_same((await projected(site))[of], fold(everything)[of])


async def test_an_event_without_a_beginning_is_kept_and_not_shown(site: Site) -> None:
    await site.keep(e.NoteWritten(at=1.0, interaction_id="nobody", agent="anna", text="?"))
    assert await projected(site) == {} and len(await site.events()) == 1


async def test_the_same_number_twice_is_one_row(site: Site) -> None:
    await site.keep(*call(5))
    before = await site.events()
    for one in before[:4]:
        site.log.append(one)
    await site.keep(*call(6))
    assert (await site.events())[: len(before)] == before


async def test_projections_that_were_put_off_are_made_up_for_at_the_start(site: Site) -> None:
    away = e.QueuePaused(at=2.0, agent="agent7", pbx="main", queue="q", holder="agent", reason="lunch", by="agent7")
    told = [e.AgentSignedIn(at=1.0, agent="agent7", name="A", devices=["PJSIP/1008"]), *call(7), *list(call(8))[:5]]
    await site.keep(away, *told)
    site.shut()
    paused = site.rows(sa.select(queue_pauses))
    expected = {row["id"]: row for row in site.rows(sa.select(s.interactions))}
    states = site.rows(sa.select(s.agent_states))
    writer = open_engine(site.url)
    with writer.begin() as connection:  # as after a crash under a flood
        for table in (s.interactions, s.legs, s.queue_visits, s.agent_states, s.seats, queue_pauses):
            connection.execute(sa.delete(table))
        connection.execute(sa.insert(s.meta).values(key=s.PROJECTED_SEQ, value=0))
    writer.dispose()
    assert [one.id for one in site.log.open_interactions()] == [told[-1].interaction_id]  # type: ignore[attr-defined]
    assert await projected(site) == expected
    assert site.rows(sa.select(s.agent_states)) == states
    assert site.rows(sa.select(queue_pauses)) == paused != []
    assert {leg["agent"] for leg in site.rows(sa.select(s.legs))} == {"agent7", None}


async def test_a_bad_event_does_not_poison_the_others(site: Site) -> None:
    good, others = list(call(9)), list(call(10))
    unstorable = e.NoteWritten(at=1.0, interaction_id="half \ud800", agent="anna", text="x")
    no_json = e.CallerFound(at=1.0, interaction_id="x", strength="known", customer={"id": object()})
    bad_seq = site.log.next_seq()
    site.say(*good[:5])
    site.log.append(e.Recorded(bad_seq + 6, unstorable))
    site.log.next_seq()
    last = await site.keep(*good[5:], no_json, *others)
    assert last
    assert [one.event for one in await site.events()] == [*good, *others]
    assert len(await projected(site)) == 2
    assert {row["what"] for row in site.rows(sa.select(s.quarantine))} == {"NoteWritten", "CallerFound"}
    assert site.log.counters.quarantined >= 2 and site.log.state.name == "ok"
    with pytest.raises(NotDurable):
        await site.log.durable(bad_seq + 6)


async def test_text_that_a_database_refuses_is_kept_in_the_event_and_cleaned_in_the_projection(site: Site) -> None:
    told = list(call(11, caller="\0+86\ud83d"))
    await site.keep(*told)
    assert [one.event for one in await site.events()] == told
    (row,) = (await projected(site)).values()
    assert row["customer_address"] == "+86\ufffd"
    assert json.loads(row["public"])["customer_address"] == "\0+86\ud83d"
    odd = e.AgentStateChanged(at=1.0, agent="\0\ud800", state="READY")
    await site.keep(odd, *call(12))
    assert len(await projected(site)) == 2 and site.log.state.name == "ok"


async def test_gaps_of_a_link_can_be_read(site: Site) -> None:
    lost = e.LinkLost(at=10.0, pbx="main", reason="cut")
    back = e.LinkRestored(at=14.0, pbx="main", gap_seconds=4.0, restarted=False, closed=1, opened=0)
    await site.keep(lost, back)
    store = Store.open(site.url, default_region="CN")
    try:
        found = await store.interactions.gaps(10)
    finally:
        store.close()
    assert [one["type"] for one in found] == ["LinkRestored", "LinkLost"]
    assert found[0]["gap_seconds"] == 4.0 and found[1]["reason"] == "cut" and found[1]["pbx"] == "main"


async def test_a_second_process_is_refused(site: Site, tmp_path: Path) -> None:
    await site.keep(*call(13))
    with pytest.raises(LeaseHeld, match="works on this database since"):
        EventLog.open(site.url, tmp_path / "other", on_state=print, journal_bytes=100_000)
    with pytest.raises(LeaseHeld):
        EventLog.open(site.url, tmp_path / "journal", on_state=print, journal_bytes=100_000)
    await site.keep(*call(14))  # the first goes on
    site.shut()
    EventLog.open(site.url, tmp_path / "other", on_state=print, journal_bytes=100_000).close()


def _occupy(site: Site, **values: Any) -> None:
    with site.reader.connect() as connection:
        now = time.time()
        if connection.dialect.name == "postgresql":
            now = float(connection.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
    row = {"id": 1, "owner": "x", "host": "elsewhere", "pid": 77, "pid_started": 5, "since": now}
    writer = open_engine(site.url)
    with writer.begin() as connection:
        connection.execute(sa.delete(s.lease))
        connection.execute(sa.insert(s.lease).values({**row, "expires_at": now + 2, **values}))
    writer.dispose()


async def test_the_lease_of_a_dead_owner_is_taken_over(site: Site) -> None:
    from interaction_log.store.lease import _host

    upgrade_to_head(site.url)
    _occupy(site)
    began = time.monotonic()
    await site.keep(*call(15))
    assert 1.0 < time.monotonic() - began < 10.0  # on another host: its time has run out
    site.shut()
    _occupy(site, host=_host(), expires_at=9e9)
    began = time.monotonic()
    await site.keep(*call(16))
    assert time.monotonic() - began < 8.0  # on this host: there is no such process


async def test_who_loses_the_lease_stops_writing(site: Site) -> None:
    await site.keep(*call(17))
    count = len(await site.events())
    _occupy(site, expires_at=9e9)
    for _ in range(100):
        if site.log.state.name == "degraded":
            break
        await asyncio.sleep(0.05)
    assert "another process leads" in (site.log.state.reason or "")
    assert site.states[-1].name == "degraded"
    site.say(*call(18))
    await asyncio.sleep(0.2)  # what should not be written would need a moment
    assert len(site.rows(sa.select(s.events.c.seq))) == count


def test_the_schema_is_what_the_migrations_make(url: str) -> None:
    upgrade_to_head(url)
    engine = open_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": compared})
        assert compare_metadata(context, s.metadata) == []
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(SchemaTooNew, match=r"9999.*newer Callweave"):
        upgrade_to_head(url)


def test_numbers_grow_and_go_on_after_a_close(site: Site) -> None:
    first = [site.log.next_seq() for _ in range(5)]
    assert first == list(range(first[0], first[0] + 5))
    site.shut()
    assert site.log.next_seq() == first[-1] + 1


async def test_more_than_a_block_of_numbers(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from interaction_log.store import numbers

    monkeypatch.setattr(numbers, "BLOCK", 20)
    given_out: list[int] = []
    for n in range(12):
        given_out += [site.log.next_seq() for _ in range(9)]
        await site.keep(*list(call(n))[:1])
    assert len(set(given_out)) == len(given_out) and given_out == sorted(given_out)
    (reserved,) = site.rows(sa.select(s.meta.c.value).where(s.meta.c.key == s.SEQ_RESERVED))
    assert reserved["value"] >= given_out[-1] - 20
    given_out += list(itertools.islice(iter(site.log.next_seq, None), 200))  # faster than the writer reserves
    site.shut()
    assert site.log.next_seq() > given_out[-1]
