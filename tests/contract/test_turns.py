"""Who writes to SQLite next: in the order of asking, and neither the log nor the chats keep the other out."""

from __future__ import annotations

import asyncio
import os
import threading
import uuid
from pathlib import Path

import sqlalchemy as sa

from interaction_log import events as e
from interaction_log.chats import NewConversation, NewLine
from interaction_log.store import EventLog, Store
from interaction_log.store.imports_turns import Lending, Lent
from interaction_log.store.turns import NOBODYS, Turn, turn_of
from tests.fakes.call_events import call

AT = 1_795_293_080.0


def test_who_asked_first_is_next() -> None:
    turn, order = Turn(), list[int]()
    assert turn.take(1)
    threads = []
    for n in range(10):
        asked = len(turn._waiting)

        def work(n: int = n) -> None:
            with turn(30):
                order.append(n)

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        while len(turn._waiting) == asked:
            pass
    turn.give()
    for thread in threads:
        thread.join(30)
    assert order == list(range(10)) and turn.take(0)


def test_who_waits_too_long_goes_on_without_it_and_leaves_the_line() -> None:
    turn = Turn()
    assert turn.take(0)
    assert not turn.take(0.01)
    with turn(0.01):
        pass
    assert not turn._waiting
    turn.give()
    assert turn.take(0)


def test_a_process_beside_stands_in_the_same_line() -> None:
    turn, order = Turn(), list[str]()
    lending = Lending(turn)
    lent = Lent(*(os.dup(one) for one in lending.theirs))
    lending.start()
    assert lent.take(1) and not turn.take(0)  # it has the turn, nobody else
    ours = threading.Thread(target=lambda: (turn.take(30), order.append("ours"), turn.give()))
    ours.start()
    while not turn._waiting:
        pass
    lent.give()
    assert lent.take(1)  # it asked again at once: we were first
    assert order == ["ours"]
    ours.join(30)
    lent.give()
    assert turn.take(30)


def test_who_dies_with_the_turn_gives_it_back() -> None:
    turn = Turn()
    lending = Lending(turn)
    theirs = [os.dup(one) for one in lending.theirs]
    lending.start()
    assert Lent(*theirs).take(1)
    for one in theirs:
        os.close(one)
    assert turn.take(30)


def test_where_the_program_is_gone_nobody_waits_for_it() -> None:
    gets, gives = os.pipe()
    asked, asks = os.pipe()
    os.close(gives)
    os.close(asked)
    lent = Lent(gets, asks)
    assert not lent.take(1)
    lent.give()
    os.close(gets)
    os.close(asks)


def test_one_line_for_each_file_and_none_elsewhere(tmp_path: Path) -> None:
    one, same, other = (sa.create_engine(f"sqlite:///{tmp_path}/{name}.db") for name in ("a", "a", "b"))
    assert turn_of(one) is turn_of(same) is not turn_of(other)
    assert turn_of(sa.create_engine("postgresql+psycopg://nobody@localhost/x")) is NOBODYS
    assert not NOBODYS.take(0)


async def test_the_log_and_the_chats_write_beside_each_other(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    log = await asyncio.to_thread(
        EventLog.open, url, tmp_path / "journal", on_state=lambda _: None, journal_bytes=1_000_000
    )
    store = await asyncio.to_thread(Store.open, url, default_region="CN")
    stored, events, enough = 0, 0, asyncio.Event()

    async def talk(n: int) -> None:
        nonlocal stored
        of = f"c{n}"
        await store.chats.open(
            NewConversation(id=of, client_id=of, visitor="v", site="s", queue="q", at=AT, name=str(n))
        )
        for _ in range(60):
            await store.chats.say(of, NewLine(id=str(uuid.uuid4()), by="visitor", at=AT, text="x" * 100))
            stored += 1

    async def tell() -> None:
        nonlocal events
        told = [event for n in range(40) for event in call(n, AT + n)]
        for event in told:
            if enough.is_set():
                return
            seq = log.next_seq()
            log.append(e.Recorded(seq, event))
            await log.durable(seq)
            events += 1

    telling = asyncio.ensure_future(tell())
    await asyncio.gather(*(talk(n) for n in range(50)))
    enough.set()
    await telling
    await asyncio.to_thread(log.close)
    groups = store.chats.writer.groups
    await asyncio.to_thread(store.close)
    assert stored == 3_000 and groups < 1_500, groups
    assert events >= 10, f"the log wrote {events} events beside {groups} groups of chats"
