"""The missed calls on SQLite and PostgreSQL: made from the log's events, worked by people, closed by themselves."""

from __future__ import annotations

import asyncio
import itertools
import random
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from interaction_log import events as e
from interaction_log.interaction import Interaction, fold
from interaction_log.missed import CALLING_SECONDS, MissedCall, MissedState, Work
from interaction_log.records import Conflict, NotFound, Refused
from interaction_log.store import EventLog, Store
from interaction_log.store.engine import open_engine
from interaction_log.store.missed import KEPT_SECONDS, missed_calls, missed_tries, voicemails
from interaction_log.store.missed_projection import project
from tests.contract.test_store import postgres, store, url  # noqa: F401 (fixtures)

AT = 1_795_293_080.0
LEI = "+8613800138000"
_ids = itertools.count(1)


def call(at: float, number: str | None = LEI, outcome: str = "abandoned", **more: Any) -> list[e.Event]:
    """The events of a whole call. ``direction``, ``queue``, ``pbx``, ``answered`` (seconds after its beginning)."""
    of = more.get("id", f"i{next(_ids)}")
    queue, answered = more.get("queue", "support"), more.get("answered")
    found: list[e.Event] = [
        e.InteractionStarted(
            at=at,
            interaction_id=of,
            pbx=more.get("pbx", "main"),
            channel="voice",
            direction=more.get("direction", "inbound"),
            customer_address=number,
            customer_name=more.get("name"),
            dialled="800",
            unique_id=of,
            linked_id=of,
        )
    ]
    inbound = more.get("direction", "inbound") == "inbound"
    if inbound:
        found.append(e.QueueEntered(at=at + 1, interaction_id=of, queue=queue, position=1))
        left: Any = "answered" if answered is not None else "abandoned"
        found.append(e.QueueLeft(at=at + 8, interaction_id=of, queue=queue, result=left))
    if answered is not None:
        found.append(e.AgentConnected(at=at + answered, interaction_id=of, device="PJSIP/1001"))
        found.append(e.AgentDisconnected(at=at + answered + 9, interaction_id=of, device="PJSIP/1001"))
    ended: Any = "answered" if answered is not None else outcome
    found.append(e.InteractionEnded(at=at + 60, interaction_id=of, outcome=ended, ended_by="customer"))
    return found


def made(events: list[e.Event]) -> Interaction:
    (one,) = fold(events).values()
    return one


def take(url: str, *calls: list[e.Event]) -> None:  # noqa: F811
    """As the log's writer does it, all in one transaction."""
    engine = open_engine(url)
    with engine.begin() as connection:
        project(connection, [made(events) for events in calls])
    engine.dispose()


async def entries(store: Store, state: MissedState | None = None, **more: Any) -> list[MissedCall]:  # noqa: F811
    usual = {"queue": None, "limit": 50, "cursor": None, "now": AT + 1000} | more
    return (await store.missed.page(state=state, **usual)).items


def work(state: MissedState, by: str = "anna", version: int = 1, at: float = AT + 100, **more: Any) -> Work:
    return Work(by=by, at=at, state=state, version=version, **more)


@pytest.mark.parametrize("outcome", ["abandoned", "timeout", "no_answer", "busy", "voicemail", "no_agent", "pbx_lost"])
async def test_every_way_to_reach_nobody_is_listed(store: Store, url: str, outcome: str) -> None:  # noqa: F811
    customer = await store.customers.create({"name": "李雷", "phones": [LEI]})
    one = made(call(AT, outcome=outcome, name="Li Lei"))
    one.customer_id = customer.id
    engine = open_engine(url)
    with engine.begin() as connection:
        project(connection, [one])
        project(connection, [one])  # the same again changes nothing
    engine.dispose()
    (entry,) = await entries(store)
    assert (entry.id, entry.number, entry.outcome, entry.queue, entry.pbx) == (one.id, LEI, outcome, "support", "main")
    assert (entry.tries, entry.state, entry.customer_name, entry.name) == (1, "open", "李雷", "Li Lei")
    assert (entry.first_at, entry.last_at, entry.waited_seconds) == (AT, AT, one.wait_seconds)


async def test_what_is_no_missed_call_is_not_listed(store: Store, url: str) -> None:  # noqa: F811
    take(
        url,
        call(AT, answered=8),
        call(AT, "1002", direction="internal", outcome="no_answer"),
        call(AT, direction="outbound", outcome="no_answer"),
        call(AT, direction="outbound", outcome="cancelled"),
        call(AT)[:-1],  # still waits
    )
    assert await entries(store) == []


async def test_one_entry_for_a_number_with_its_tries(store: Store, url: str) -> None:  # noqa: F811
    first, other = call(AT, id="first"), call(AT + 5, "+8613900139000", queue="sales")
    take(url, first, other)
    take(url, call(AT + 100, outcome="voicemail", queue="sales"), call(AT + 50))
    take(url, first)
    lei, han = await entries(store)
    assert (lei.id, lei.tries, lei.first_at, lei.last_at) == ("first", 3, AT, AT + 100)
    assert (lei.outcome, lei.queue) == ("voicemail", "sales")
    assert (han.number, han.tries) == ("+8613900139000", 1)
    assert [one.id for one in await entries(store, queue="sales")] == [lei.id, han.id]
    assert await entries(store, queue="support") == []


@pytest.mark.parametrize("seed", range(5))
async def test_calls_that_are_taken_in_together_come_to_the_same(store: Store, url: str, seed: int) -> None:  # noqa: F811
    """A group of the log's writer is one transaction, and what is in it depends on the moment."""
    rng = random.Random(seed)
    calls = []
    for n in range(30):
        number, queue = rng.choice([LEI, "+8613900139000", None]), rng.choice(["support", "sales"])
        kind = rng.choice([call, spoken])
        events = kind(AT + rng.randrange(1, 500), number, id=f"t{n}", queue=queue, file=f"f{n}", works="sales")
        calls.append(events if rng.random() < 0.8 else [x for x in events if not isinstance(x, e.QueueEntered)])
    calls.sort(key=lambda events: events[0].at)
    take(url, *calls[:20])
    take(url, *calls[10:])
    together = await entries(store)
    engine = open_engine(url)
    with engine.begin() as connection:
        for table in (voicemails, missed_tries, missed_calls):
            connection.execute(sa.delete(table))
    engine.dispose()
    for events in calls:
        take(url, events)
    assert await entries(store) == together
    assert sum(one.tries for one in together) == 30


async def test_callers_without_a_number_are_each_their_own(store: Store, url: str) -> None:  # noqa: F811
    take(url, call(AT, None), call(AT + 1, None), call(AT + 2, ""))
    assert [(one.number, one.tries) for one in await entries(store)] == [(None, 1)] * 3


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
async def test_a_later_answered_call_closes_it(store: Store, url: str, direction: str) -> None:  # noqa: F811
    take(url, call(AT), call(AT + 1, "+8613900139000"))
    reached = call(AT + 100, id=f"reached-{direction}", direction=direction, answered=5)
    take(url, reached[:-1])  # it closes when they talk, not when they are done
    (left,) = await entries(store)
    assert left.number == "+8613900139000"
    (done,) = await entries(store, "done")
    assert (done.resolved_by, done.changed_at, done.state) == (f"reached-{direction}", AT + 105, "done")
    take(url, reached)
    assert (await entries(store, "done"))[0] == done
    take(url, call(AT + 300, id="again"))
    (again, _) = await entries(store)
    assert (again.id, again.tries) == ("again", 1), "what was reached is over; the next missed call is new"


async def test_an_answer_from_before_closes_nothing(store: Store, url: str) -> None:  # noqa: F811
    """The same company calls on two lines: one is talking since before the other gave up."""
    take(url, call(AT))
    take(url, call(AT - 60, answered=5), call(AT - 30, direction="outbound", answered=2))
    assert [one.state for one in await entries(store)] == ["open"]


async def test_two_agents_do_not_call_the_same_person(store: Store, url: str) -> None:  # noqa: F811
    take(url, call(AT, id="one"))
    tries = await asyncio.gather(
        *(store.missed.work("one", work("calling", by)) for by in ("anna", "ben")), return_exceptions=True
    )
    (won,) = [one for one in tries if isinstance(one, MissedCall)]
    (lost,) = [one for one in tries if isinstance(one, Exception)]
    assert isinstance(lost, Conflict) and won.state == "calling" and won.version == 2
    other = "ben" if won.worked_by == "anna" else "anna"
    with pytest.raises(Conflict, match=f"{won.worked_by} is calling"):
        await store.missed.work("one", work("calling", other, won.version))
    with pytest.raises(Conflict):
        await store.missed.work("one", work("done", other, won.version))
    page = await store.missed.page(state=None, queue=None, limit=1, cursor=None, now=AT + 200)
    assert (page.open, page.calling) == (0, 1)
    late = await store.missed.work("one", work("calling", other, won.version, AT + 100 + CALLING_SECONDS))
    assert late.worked_by == other, "a browser that died keeps nobody from calling"
    taken = await store.missed.work("one", work("open", "sofia", late.version, late.changed_at or 0, oversees=True))
    assert (taken.state, taken.worked_by) == ("open", None)


async def test_the_result_of_the_call_back_is_on_the_list(store: Store, url: str) -> None:  # noqa: F811
    take(url, call(AT, id="one"))
    await store.missed.work("one", work("calling"))
    failed = call(AT + 200, id="back", direction="outbound", outcome="busy")
    take(url, failed)
    (entry,) = await entries(store)
    assert (entry.state, entry.worked_by, entry.call_id, entry.call_outcome) == ("open", "anna", "back", "busy")
    take(url, failed)
    assert await entries(store) == [entry]
    await store.missed.work("one", work("calling", "ben", entry.version))
    take(url, call(AT + 300, id="back2", direction="outbound", answered=4))
    (done,) = await entries(store, "done")
    assert (done.worked_by, done.resolved_by, done.call_id) == ("ben", "back2", "back")
    noted = await store.missed.work("one", work("done", "ben", done.version, result="resolved", note="Ruft 明天 an"))
    assert (noted.result, noted.note, noted.resolved_by) == ("resolved", "Ruft 明天 an", "back2")


async def test_closing_by_hand_and_what_is_refused(store: Store, url: str) -> None:  # noqa: F811
    take(url, call(AT, id="one"))
    with pytest.raises(NotFound):
        await store.missed.work("none", work("done"))
    with pytest.raises(Refused):
        await store.missed.work("one", work("done", note="x" * 2001))
    with pytest.raises(Conflict):
        await store.missed.work("one", work("done", version=7))
    done = await store.missed.work("one", work("done", result="wrong_number"))
    with pytest.raises(Conflict):
        await store.missed.work("one", work("calling", "ben", done.version))
    assert (await store.missed.work("one", work("open", "ben", done.version))).state == "open"


async def test_pages_and_age(store: Store, url: str) -> None:  # noqa: F811
    take(url, *(call(AT + n // 2, f"+86139001390{n:02}") for n in range(7)))
    seen, cursor = [], None
    while True:
        page = await store.missed.page(state="open", queue=None, limit=3, cursor=cursor, now=AT)
        seen += page.items
        cursor = page.next
        assert page.open == 7
        if cursor is None:
            break
    assert len({one.id for one in seen}) == len(seen) == 7
    assert [one.last_at for one in seen] == sorted((one.last_at for one in seen), reverse=True)
    with pytest.raises(Refused):
        await entries(store, cursor="bogus")
    assert await entries(store, now=AT + KEPT_SECONDS + 100) == []


async def test_the_log_makes_it_in_the_same_transaction(store: Store, url: str, tmp_path: Path) -> None:  # noqa: F811
    log = await asyncio.to_thread(
        EventLog.open, url, tmp_path / "journal", on_state=lambda _: None, journal_bytes=1_000_000
    )
    seq = 0
    for event in [*call(AT, id="lost", number="+86\0138"), *call(AT + 9, id="lost2"), *call(AT + 90, answered=3)]:
        seq = log.next_seq()
        log.append(e.Recorded(seq, event))
    await log.durable(seq)
    await asyncio.to_thread(log.close)
    assert {one.id for one in await entries(store)} == {"lost"}
    assert {one.id for one in await entries(store, "done")} == {"lost2"}
    engine = open_engine(url, writes=False)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM missed_tries")).scalar() == 2
    engine.dispose()


def spoken(at: float, number: str | None = LEI, **more: Any) -> list[e.Event]:
    """A call that ends in a mailbox; ``file``: the message was found, for the queue ``works``."""
    events = call(at, number, "voicemail", **more)
    of = events[0].interaction_id  # type: ignore[attr-defined]
    left = e.MessageLeft(
        at=at + 30, interaction_id=of, message_id=f"m-{of}", mailbox="500@default", channel="PJSIP/pstn-1"
    )
    filed = e.MessageFiled(
        at=at + 61,
        interaction_id=of,
        message_id=f"m-{of}",
        file=more.get("file"),
        pbx_id="p1",
        seconds=4.0,
        queue=more.get("works"),
    )
    return [*events[:-1], left, events[-1], *([filed] if "file" in more else [])]


async def test_a_message_belongs_to_its_entry(store: Store, url: str) -> None:  # noqa: F811
    take(url, call(AT), spoken(AT + 10, id="v1"))
    (entry,) = await entries(store)
    (message,) = entry.messages
    assert (entry.tries, entry.outcome, message.id, message.file) == (2, "voicemail", "m-v1", None)
    take(url, spoken(AT + 10, id="v1", file="default/500/INBOX/msg0000"))
    (entry,) = await entries(store)
    (message,) = entry.messages
    assert (message.file, message.seconds, message.mailbox) == ("default/500/INBOX/msg0000", 4.0, "500@default")
    assert (entry.tries, await store.missed.message("m-v1")) == (2, message)
    with pytest.raises(NotFound):
        await store.missed.message("m-none")


async def test_a_message_outside_every_queue_is_worked_by_the_mailbox_s_queue(store: Store, url: str) -> None:  # noqa: F811
    bare = [one for one in spoken(AT, id="v2") if not isinstance(one, e.QueueEntered | e.QueueLeft)]
    take(url, bare)
    assert [one.queue for one in await entries(store)] == [None]
    filed = spoken(AT, id="v2", file="x", works="sales")
    take(url, [one for one in filed if not isinstance(one, e.QueueEntered | e.QueueLeft)])
    assert [one.queue for one in await entries(store)] == ["sales"]


async def test_a_message_that_nobody_heard_keeps_its_entry_open(store: Store, url: str) -> None:  # noqa: F811
    take(url, spoken(AT, id="v3", file="x"))
    take(url, call(AT + 100, direction="outbound", answered=5, id="back"))
    (entry,) = await entries(store)
    assert (entry.state, entry.call_id, entry.call_outcome) == ("open", "back", "answered")
    assert (await store.missed.heard("m-v3", "anna", AT + 200)).heard_by == "anna"
    assert (await store.missed.heard("m-v3", "ben", AT + 300)).heard_by == "anna"
    take(url, call(AT + 400, direction="outbound", answered=5, id="again"))
    (entry,) = await entries(store, "done")
    assert entry.resolved_by == "again"


async def test_who_calls_back_and_reaches_closes_it_unheard(store: Store, url: str) -> None:  # noqa: F811
    take(url, spoken(AT, id="v4", file="x"))
    (entry,) = await entries(store)
    await store.missed.work(entry.id, work("calling", version=entry.version))
    take(url, call(AT + 100, direction="outbound", answered=5))
    assert [one.state for one in await entries(store, "done")] == ["done"]


async def test_a_message_after_a_talk_is_listed(store: Store, url: str) -> None:  # noqa: F811
    """An agent sent him to the mailbox."""
    take(url, spoken(AT, id="v5", answered=5, file="x"))
    (entry,) = await entries(store)
    assert (entry.state, entry.outcome, len(entry.messages)) == ("open", "answered", 1)
