"""The one ordered log as the hub sees it: numbers, ``append``, ``durable``; all that is slow runs elsewhere."""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import copy
import functools
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from interaction_log.events import Event, Recorded
from interaction_log.interaction import Interaction
from interaction_log.store import lease
from interaction_log.store.engine import WRITER_BUSY_SECONDS, open_engine
from interaction_log.store.inbox import LINGER_SECONDS
from interaction_log.store.journal import SIZE, Journal, JournalLocked, holder_of
from interaction_log.store.keys import Keys, check_master
from interaction_log.store.lease import LeaseHeld
from interaction_log.store.master_key import MasterKey, load_or_make
from interaction_log.store.migrate import upgrade_to_head
from interaction_log.store.numbers import Numbers
from interaction_log.store.projection import Projection, folded, readable
from interaction_log.store.reading import Reading
from interaction_log.store.schema import PROJECTED_SEQ, events, meta
from interaction_log.store.session import Session
from interaction_log.store.statements import Statements
from interaction_log.store.watch import Watch
from interaction_log.store.writer import Counters, LogState, Writer

MAX_BACKLOG: Final = 200_000  # events in memory, about 0.2 GB; only a stuck disk under a flood comes there
KEY_FILE: Final = "master.key"
_PAGE: Final = 1_000
_STOP_SECONDS: Final = 8.0
_seq: Final = itemgetter(0)


class NotDurable(RuntimeError):
    """This event did not reach a disk: it was lost, or the log was closed before."""


class EventLog:
    """Fulfils ``routing.ports.Log``. Its methods belong to the event loop's thread, ``open`` and ``close`` to any."""

    def __init__(
        self,
        url: str,
        engine: sa.Engine,
        journal: Journal,
        numbers: Numbers,
        owner: lease.Owner,
        linger: float,
        master: MasterKey,
    ):
        self._engine = engine
        self._owner = owner
        self._journal = journal
        self._numbers = numbers
        self._reading = Reading(url)
        self._keys = Keys(master)
        self._projection = Projection(self._keys)
        self._session = Session(engine, owner, numbers)
        self._watch = Watch(self._session)
        self._on_state: Callable[[LogState], None] = lambda _state: None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._writer = Writer(
            session=self._session,
            statements=Statements(engine.dialect),
            journal=journal,
            projection=self._projection,
            keys=self._keys,
            settled=self._settled,
            on_state=self._tell,
            linger=linger,
        )
        self._inbox = self._writer.inbox
        self._open: list[Interaction] = []
        self._appended = 0
        self._appended_seq = 0
        self._durable_seq = 0
        self._settled_count = 0
        self._shed = 0
        self._lost: list[tuple[int, int]] = []
        self._waiters: deque[tuple[int, asyncio.Future[None]]] = deque()  # by number
        self._watchers: deque[tuple[int, asyncio.Future[None]]] = deque()  # those of ``shown``
        self._closed = False

    @classmethod
    def open(
        cls,
        url: str,
        journal_path: Path | str,
        *,
        on_state: Callable[[LogState], None],
        journal_bytes: int = SIZE,
        linger: float = LINGER_SECONDS,
        master: MasterKey | None = None,
    ) -> EventLog:
        """Bring the schema up to date, take the lead, drain the journal, load what is open, start the writer.

        Blocks: call it in a thread or before the loop runs. ``on_state`` is called in the loop's thread once the
        first event was appended, before that in the writer's. ``linger``: how many seconds a group of events gathers
        at most while nobody waits for it. ``master``: what personal fields are sealed with; without one, a key file
        beside the journal, made if need be. Raises ``LeaseHeld``, ``SchemaTooNew``, ``ValueError``
        (no such database) or SQLAlchemy's errors.
        """
        journal = _journal(Path(journal_path), journal_bytes)
        engine = open_engine(url, busy_seconds=WRITER_BUSY_SECONDS, size=1, idle_seconds=lease.IDLE_SECONDS)
        owner = lease.Owner.this_process()
        try:
            lease.await_free(engine)
            upgrade_to_head(url)
            lease.acquire(engine, owner)
            master = master or load_or_make(Path(journal_path).with_name(KEY_FILE))
            log = cls(url, engine, journal, Numbers(journal), owner, linger, master)
            keeper = open_engine(url, busy_seconds=lease.RENEW_SECONDS, size=1)
            try:
                with lease.kept(keeper, owner):
                    log._start(on_state)
            finally:
                keeper.dispose()
        except BaseException:
            owner.forget()
            engine.dispose()
            journal.close()
            raise
        return log

    def _start(self, on_state: Callable[[LogState], None]) -> None:
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":  # what is open may be much to read
                connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            self._numbers.start(connection)
            check_master(connection, self._keys.master)
            marked = connection.execute(sa.select(meta.c.value).where(meta.c.key == PROJECTED_SEQ)).scalar()
            self._projection.load_open(connection, marked)
        self._writer.recover(marked)
        self._open = copy.deepcopy(self._projection.open())  # the writer goes on folding its own
        self._on_state = on_state
        self._writer.start()
        self._watch.start()

    # --- the hub's side --------------------------------------------------------------------------

    def next_seq(self) -> int:
        """The next number, from a durable block."""
        return self._numbers.take()

    def append(self, recorded: Recorded) -> None:
        """Hand an event over; numbers must grow. Never waits, never raises: what a full backlog sheds is counted."""
        if self._loop is None:
            with contextlib.suppress(RuntimeError):
                self._loop = asyncio.get_running_loop()
        self._appended_seq = max(self._appended_seq, recorded.seq)
        if self._closed or self._appended - self._settled_count >= MAX_BACKLOG:
            self._shed += 1
            self._remember_lost(recorded.seq)
            return
        self._appended += 1
        self._inbox.put(recorded)

    async def durable(self, seq: int) -> None:
        """Return when ``seq`` and all appended before it are on disk; raises ``NotDurable`` if it was lost.

        A number that was not appended yet counts as the last one that was.
        """
        await self.settled(seq)

    def settled(self, seq: int) -> asyncio.Future[None]:
        """The same as a future, for those who wait for many."""
        self._loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = self._loop.create_future()
        if seq >= self._appended_seq:
            seq = self._appended_seq
            self._waiters.append((seq, waiter))
        else:
            bisect.insort(self._waiters, (seq, waiter), key=_seq)
        if self._durable_seq >= seq or self._closed:  # after it stands there: the writer may have been faster
            self._wake()
        else:
            self._inbox.hurry()
        return waiter

    async def shown(self) -> None:
        """Return when all that was appended before can be read, projections too (under a flood they come later).

        While the database is away it returns as soon as the journal has it: nothing new can be read then.
        """
        self._loop = asyncio.get_running_loop()
        if self._writer.shown_seq >= self._appended_seq:
            return
        watcher: asyncio.Future[None] = self._loop.create_future()
        self._watchers.append((self._appended_seq, watcher))
        self._inbox.hurry()
        self._wake()  # after it stands there: the writer may have been faster
        await watcher

    def open_interactions(self) -> list[Interaction]:
        """As they were found at the start; the caller's own."""
        return self._open

    async def interactions_of(self, ids: Collection[str]) -> list[Interaction]:
        """These interactions as their stored events tell them, ended or not."""
        return await self._reading(functools.partial(folded, ids=ids, keys=self._keys)) if ids else []

    async def events_after(self, seq: int, limit: int) -> AsyncIterator[Recorded]:
        """Committed events above ``seq`` in order, ``limit`` at most; what the journal holds is not among them."""
        while limit > 0:
            wanted = min(limit, _PAGE)
            page = await self._reading(functools.partial(_page, seq=seq, limit=wanted, keys=self._keys))
            for number, event in page:
                if event is not None:
                    yield Recorded(number, event)
            if len(page) < wanted:
                return
            limit -= wanted
            seq = page[-1][0]

    def forget(self, interactions: Iterable[str]) -> None:
        """These closed interactions were erased: what is remembered of them is not written again. From any thread."""
        self._writer.forget(interactions)

    @property
    def backlog(self) -> int:
        """Events appended and not yet on a disk."""
        return self._appended - self._settled_count

    @property
    def state(self) -> LogState:
        """How the log is now; ``backlog`` counts what is not in the database."""
        state = self._writer.state
        lost = self._writer.counters.lost + self._shed
        if not self._writer.alive and not self._closed:
            state = LogState("degraded", 0, time.time(), "the log's writer has ended")
        return replace(state, backlog=self.backlog + len(self._journal), lost=lost)

    @property
    def deposed(self) -> bool:
        """Whether another process leads now: nothing that happens here is written any more."""
        return self._session.lost

    @property
    def behind(self) -> bool:
        """Whether projections of events that are stored are still to be written (under a flood, or after one)."""
        return self._projection.waiting

    @property
    def counters(self) -> Counters:
        """For metrics."""
        return self._writer.counters

    @property
    def journal_bytes(self) -> int:
        """What the journal holds, for metrics."""
        return self._journal.used_bytes

    def close(self) -> None:
        """Write what is there, give the lease and the unused numbers back. Blocks, normally for milliseconds."""
        if self._closed:
            return
        self._closed = True
        self._writer.stop(_STOP_SECONDS)
        self._watch.stop()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)
        self._reading.close()
        if not self._writer.alive:  # else the thread still uses them; the process ends anyway
            self._owner.forget()
            self._engine.dispose()
            self._journal.close()

    # --- the writer's side -----------------------------------------------------------------------

    def _settled(self, upto: int, count: int) -> None:
        """In the writer's thread. What it sets is read after the push of a waiter, so none is forgotten."""
        self._settled_count += count
        self._durable_seq = max(self._durable_seq, upto)
        if (self._waiters or self._watchers) and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        waiters, settled = self._waiters, self._durable_seq
        some_lost = bool(self._lost or self._writer.lost)
        while waiters and (waiters[0][0] <= settled or self._given_up()):
            seq, waiter = waiters.popleft()
            if waiter.done():
                continue
            if seq > settled or (some_lost and self._was_lost(seq)):
                waiter.set_exception(NotDurable(f"event {seq} was not stored"))
            else:
                waiter.set_result(None)
        while self._watchers and (self._watchers[0][0] <= self._readable() or self._given_up()):
            watcher = self._watchers.popleft()[1]
            if not watcher.done():
                watcher.set_result(None)

    def _readable(self) -> int:
        """Up to which event readers find what they will find."""
        return self._writer.shown_seq if self._writer.state.name == "ok" else self._durable_seq

    def _was_lost(self, seq: int) -> bool:
        return any(first <= seq <= last for ranges in (self._writer.lost, self._lost) for first, last in ranges)

    def _given_up(self) -> bool:
        return self._closed and not self._writer.alive

    def _remember_lost(self, seq: int) -> None:
        if self._lost and self._lost[-1][1] == seq - 1:
            self._lost[-1] = (self._lost[-1][0], seq)
        else:
            self._lost.append((seq, seq))

    def _tell(self, state: LogState) -> None:
        if self._loop is None:
            self._on_state(state)
            return
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._on_state, state)


def _journal(path: Path, size: int) -> Journal:
    try:
        return Journal(path, size)
    except JournalLocked as error:
        raise LeaseHeld(f"this host (it holds {path.name})", holder_of(path), None) from error


def _page(connection: sa.Connection, seq: int, limit: int, keys: Keys) -> list[tuple[int, Event | None]]:
    query = sa.select(events).where(events.c.seq > seq).order_by(events.c.seq).limit(limit)
    rows = [tuple(row) for row in connection.execute(query)]
    ciphers = keys.read(connection, rows)
    return [(row[0], readable(row, ciphers)) for row in rows]
