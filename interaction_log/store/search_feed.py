"""Brings interactions into the index behind the log's back: from a number of the log on, in short transactions.

The log's writer does nothing for it. The number up to which all is in the index is kept in the database, so a crash
costs the last few again, which changes nothing. What was there before the index is filled in while nothing else is to
be done; ``reindex`` does all of it at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from interaction_log import tokens
from interaction_log.store import index, index_customers, index_interactions, sealed_fields, sealing
from interaction_log.store.customer_rows import load, searchable
from interaction_log.store.reading import Reading
from interaction_log.store.schema import PROJECTED_SEQ, customers, events, interactions, meta
from interaction_log.store.search_tables import FILLING, search_docs, search_state
from interaction_log.store.writing import Writing

_log: Final = logging.getLogger(__name__)
EVENTS: Final = 2_000
"""Read at a time."""
DOCUMENTS: Final = 50
"""In one transaction: some 10 ms, and a pause after each, so that the log never waits for SQLite's lock long."""
IDLE_SECONDS: Final = 1.0
"""What comes gathers for so long: at ten calls a second one transaction instead of twenty, and a pop may meet each."""
PAUSE_SECONDS: Final = 0.05
FAILED_SECONDS: Final = 10.0
_ALONE: Final = 2_000
"""Rows that are looked at for texts in clear, where nobody else writes."""
BESIDE_SECONDS: Final = 0.02
"""Between the transactions of a ``reindex`` beside the program: its log has its turn."""
_SEQ, _VERSION = "seq", "version"
_s = search_state.c
_i = interactions.c


class SearchFeed:
    """``start`` and ``stop`` its task; one of them for a database."""

    def __init__(self, reading: Reading, writing: Writing):
        self._reading = reading
        self._writing = writing
        self._task: asyncio.Task[None] | None = None
        self.behind = 0
        """Events that are not looked at yet, when it looked last; for metrics."""

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """End after the transaction that runs."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                pause = PAUSE_SECONDS if await self.step() else IDLE_SECONDS
            except Exception as error:
                _log.warning("the search index is behind: %s", type(error).__name__)
                pause = FAILED_SECONDS
            await asyncio.sleep(pause)

    async def step(self) -> bool:
        """One piece of work; whether there is more."""
        news = await self._reading(_news)
        if news is None:
            await self._writing(_begin)
            return True
        there, last, ids, more = news
        if there.get(_VERSION) != tokens.VERSION:
            _log.warning("the search index was made by other rules: run `cti db reindex --all`")
            there.pop(FILLING, None)
        if last > there[_SEQ]:
            await self._take_in(last, ids)
        if there.get(FILLING) is not None:
            await self._writing(partial(_fill, place=there[FILLING], most=DOCUMENTS))
            return True
        if more or sealed_fields.master() is None or there.get(sealing.STATE, sealing.STATE) is None:
            return more
        return await self._writing(sealing.step)

    async def _take_in(self, last: int, ids: list[str]) -> None:
        """These interactions, all changes up to event ``last``; the place is kept with the last of them: a commit costs
        the calls that run more than all else here."""
        rest = ids
        while len(rest) > DOCUMENTS:
            await self._writing(partial(_put, ids=rest[:DOCUMENTS]))
            await asyncio.sleep(PAUSE_SECONDS)
            rest = rest[DOCUMENTS:]
        await self._writing(partial(_put, ids=rest, upto=last))


def state(connection: sa.Connection) -> dict[str, Any]:
    """How far the index is."""
    return {row.key: json.loads(row.value) for row in connection.execute(sa.select(search_state))}


def _keep(connection: sa.Connection, key: str, value: Any) -> None:
    text = json.dumps(value)
    if connection.execute(sa.update(search_state).where(_s.key == key).values(value=text)).rowcount == 0:
        connection.execute(sa.insert(search_state).values(key=key, value=text))


def _begin(connection: sa.Connection) -> None:
    """The first time: from now on by the log, and before that from the newest back."""
    last = connection.execute(sa.select(sa.func.max(events.c.seq))).scalar() or 0
    _keep(connection, FILLING, {"customers": ""})
    _keep(connection, _VERSION, tokens.VERSION)
    _keep(connection, _SEQ, _readable(connection, last))


def _readable(connection: sa.Connection, last: int) -> int:
    """Up to which event the projections are there."""
    marked = connection.execute(sa.select(meta.c.value).where(meta.c.key == PROJECTED_SEQ)).scalar()
    return last if marked is None else min(last, marked)


def _news(connection: sa.Connection) -> tuple[dict[str, Any], int, list[str], bool] | None:
    """How far the index is and what came since (see ``_changed``); ``None``: it was never begun."""
    there = state(connection)
    return (there, *_changed(connection, there[_SEQ])) if _SEQ in there else None


def _changed(connection: sa.Connection, after: int) -> tuple[int, list[str], bool]:
    """The number of the last event looked at, the interactions that those above ``after`` tell of, whether there are
    more."""
    e = events.c
    upto = _readable(connection, 1 << 62)
    query = sa.select(e.seq, e.interaction_id).where(e.seq > after, e.seq <= upto).order_by(e.seq).limit(EVENTS)
    rows = connection.execute(query).all()
    if not rows:
        return after, [], False
    ids = dict.fromkeys(row.interaction_id for row in rows if row.interaction_id)
    return rows[-1].seq, list(ids), len(rows) == EVENTS


def _put(connection: sa.Connection, ids: Sequence[str], upto: int | None = None) -> None:
    if ids:
        index.put_many(connection, index_interactions.docs(connection, ids))
    if upto is not None:
        _keep(connection, _SEQ, upto)


def _fill(connection: sa.Connection, place: dict[str, Any], most: int) -> tuple[dict[str, Any] | None, int]:
    """Put the next old ones in; where to go on (``None``: done) is kept, and returned with how many they were."""
    following: dict[str, Any] | None
    if "customers" in place:
        following, count = _fill_customers(connection, place["customers"], most)
    else:
        following, count = _fill_interactions(connection, place["interactions"], most)
    _keep(connection, FILLING, following)
    return following, count


def _fill_customers(connection: sa.Connection, after: str, most: int) -> tuple[dict[str, Any], int]:
    query = sa.select(customers.c.id).where(customers.c.id > after).order_by(customers.c.id).limit(most)
    ids = list(connection.execute(query).scalars())
    if not ids:
        return {"interactions": None}, 0
    index_customers.put(connection, searchable(connection, load(connection, ids)))
    return {"customers": ids[-1]}, len(ids)


def _fill_interactions(connection: sa.Connection, before: Any, most: int) -> tuple[dict[str, Any] | None, int]:
    query = sa.select(_i.id, _i.sorted_at).order_by(_i.sorted_at.desc(), _i.id.desc()).limit(most)
    if before is not None:
        query = query.where(sa.tuple_(_i.sorted_at, _i.id) < sa.tuple_(before[0], before[1]))
    rows = connection.execute(query).all()
    if not rows:
        return None, 0
    _put(connection, [row.id for row in rows])
    return {"interactions": [rows[-1].sorted_at, rows[-1].id]}, len(rows)


# --- all at once ---------------------------------------------------------------------------------


def reindex(writing: Writing, *, everything: bool, progress: Callable[[int, int], None]) -> int:
    """Look at every customer and interaction and put in what is missing or differs; returns how many were looked at.

    ``everything``: throw all terms away first and make them anew, needed after a change of the rules, and seal what
    stands in clear; nobody else may write then. ``progress(done, all)`` is told after each transaction. In the caller's
    thread.
    """
    total = writing.now(_count)
    done = 0
    some = 4 * DOCUMENTS if everything else DOCUMENTS
    if everything:
        writing.now(_empty)
        done = _words_anew(writing, total, progress)
    writing.now(_begin)
    place: dict[str, Any] | None = {"customers": ""}
    while place is not None:
        place, count = writing.now(partial(_fill, place=place, most=some))
        done += count
        progress(done, total)
        if not everything:
            time.sleep(BESIDE_SECONDS)
    while everything and writing.now(partial(sealing.step, most=_ALONE)):
        pass
    return done


def _count(connection: sa.Connection) -> int:
    tables = (customers, interactions)
    return sum(connection.execute(sa.select(sa.func.count()).select_from(one)).scalar_one() for one in tables)


def _empty(connection: sa.Connection) -> None:
    lite = connection.dialect.name == "sqlite"
    connection.execute(sa.text(_EMPTY_LITE if lite else "TRUNCATE search_words"))
    connection.execute(sa.delete(search_docs).where(search_docs.c.kind == index_interactions.KIND))


_EMPTY_LITE: Final = "INSERT INTO search_words (search_words) VALUES ('delete-all')"


def _words_anew(writing: Writing, total: int, progress: Callable[[int, int], None]) -> int:
    """The terms of what stays: documents of other parts, whose records only they can read."""
    after: int | None = -1
    while after is not None:
        after = writing.now(partial(index.words_anew, after=after, most=2 * DOCUMENTS))
        progress(0, total)
    return 0
