"""Brings interactions into the index behind the log's back: from a number of the log on, in short transactions.

The log's writer does nothing for it. The number up to which all is in the index is kept in the database, so a crash
costs the last few again, which changes nothing. While nothing else is to be done, what was there before the index is
filled in (``search_fill``), and what an older version put in is sealed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from interaction_log import tokens
from interaction_log.store import sealed_fields, sealing
from interaction_log.store.reading import Reading
from interaction_log.store.schema import events
from interaction_log.store.search_fill import (
    DOCUMENTS,
    SEQ,
    VERSION,
    begin,
    begin_again,
    fill,
    put_interactions,
    readable,
    renew,
    state,
    tree,
)
from interaction_log.store.search_tables import FILLING, KEYED, RENEWING, TREE
from interaction_log.store.writing import Writing

_log: Final = logging.getLogger(__name__)
EVENTS: Final = 2_000
"""Read at a time."""
IDLE_SECONDS: Final = 1.0
"""What comes gathers for so long: at ten calls a second one transaction instead of twenty, and a pop may meet each."""
PAUSE_SECONDS: Final = 0.05
FAILED_SECONDS: Final = 10.0


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
            await self._writing(begin)
            return True
        there, last, ids, more = news
        if there.get(VERSION) != tokens.VERSION:
            _log.warning("the search index was made by other rules: run `cti db reindex --all`")
            there.pop(FILLING, None)
        if last > there[SEQ]:
            await self._take_in(last, ids)
        if sealed_fields.master() is not None and there.get(TREE) != tree():
            await self._other_keys(known=there.get(TREE) is not None)
            return True
        if there.get(FILLING) is not None:
            await self._writing(partial(fill, place=there[FILLING], most=DOCUMENTS))
            return True
        if more or sealed_fields.master() is None:
            return more
        return await self._seal(there)

    async def _other_keys(self, *, known: bool) -> None:
        if known:
            _log.warning("the keys of the search index are not those that it was made with: it is filled again")
        await self._writing(partial(begin_again, known=known))

    async def _seal(self, there: dict[str, Any]) -> bool:
        """What an older version put in, or left in clear elsewhere; whether there may be more."""
        if there.get(KEYED) is None:
            await self._writing(partial(renew, after=there.get(RENEWING, -1)))
            return True
        if there.get(sealing.STATE, sealing.STATE) is None:
            return False
        return await self._writing(sealing.step)

    async def _take_in(self, last: int, ids: Sequence[str]) -> None:
        """These interactions, all changes up to event ``last``; the place is kept with the last of them: a commit costs
        the calls that run more than all else here."""
        rest = ids
        while len(rest) > DOCUMENTS:
            await self._writing(partial(put_interactions, ids=rest[:DOCUMENTS]))
            await asyncio.sleep(PAUSE_SECONDS)
            rest = rest[DOCUMENTS:]
        await self._writing(partial(put_interactions, ids=rest, upto=last))


def _news(connection: sa.Connection) -> tuple[dict[str, Any], int, list[str], bool] | None:
    """How far the index is and what came since (see ``_changed``); ``None``: it was never begun."""
    people = sealed_fields.people()
    if people is not None:
        people.refresh()
    there = state(connection)
    return (there, *_changed(connection, there[SEQ])) if SEQ in there else None


def _changed(connection: sa.Connection, after: int) -> tuple[int, list[str], bool]:
    """The number of the last event looked at, the interactions that those above ``after`` tell of, whether there are
    more."""
    e = events.c
    upto = readable(connection, 1 << 62)
    query = sa.select(e.seq, e.interaction_id).where(e.seq > after, e.seq <= upto).order_by(e.seq).limit(EVENTS)
    rows = connection.execute(query).all()
    if not rows:
        return after, [], False
    ids = dict.fromkeys(row.interaction_id for row in rows if row.interaction_id)
    return rows[-1].seq, list(ids), len(rows) == EVENTS
