"""Filling the full-text index with what is there already: a new one, one whose keys are gone, one of an older version.

In small steps in idle time, each kind of record after the other, with the place kept in ``search_state``; or all at
once (``cti db reindex``).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from interaction_log import tokens
from interaction_log.store import cases, index, index_customers, index_interactions, index_seal, sealed_fields, sealing
from interaction_log.store import tasks as task_rows
from interaction_log.store.customer_rows import load, searchable
from interaction_log.store.records_tables import cases as cases_table
from interaction_log.store.records_tables import tasks
from interaction_log.store.schema import PROJECTED_SEQ, customers, events, interactions, meta
from interaction_log.store.search_tables import FILLING, KEYED, RENEWING, TREE, search_docs, search_state
from interaction_log.store.writing import Writing

DOCUMENTS: Final = 50
"""In one transaction: some 10 ms, and a pause after each, so that the log never waits for SQLite's lock long."""
_LOOKED_AT: Final = 500
"""Numbers of documents at a time that are looked through for those of an older version."""
_ALONE: Final = 2_000
"""Rows that are looked at for texts in clear, where nobody else writes."""
BESIDE_SECONDS: Final = 0.02
"""Between the transactions of a ``reindex`` beside the program: its log has its turn."""
SEQ, VERSION = "seq", "version"
_s: Final = search_state.c
_i: Final = interactions.c
_d: Final = search_docs.c


def state(connection: sa.Connection) -> dict[str, Any]:
    """How far the index is."""
    return {row.key: json.loads(row.value) for row in connection.execute(sa.select(search_state))}


def keep(connection: sa.Connection, key: str, value: Any) -> None:
    """Note how far it is."""
    text = json.dumps(value)
    if connection.execute(sa.update(search_state).where(_s.key == key).values(value=text)).rowcount == 0:
        connection.execute(sa.insert(search_state).values(key=key, value=text))


def begin(connection: sa.Connection) -> None:
    """The first time: from now on by the log, and before that from the newest back."""
    last = connection.execute(sa.select(sa.func.max(events.c.seq))).scalar() or 0
    keep(connection, FILLING, {"customers": ""})
    keep(connection, VERSION, tokens.VERSION)
    keep(connection, SEQ, readable(connection, last))
    keep(connection, TREE, tree())


def tree() -> int | None:
    """Which keys the texts about people are sealed with now."""
    people = sealed_fields.people()
    return None if people is None else people.number


def begin_again(connection: sa.Connection, *, known: bool) -> None:
    """Its keys are others than those that it was made with; ``known``: those of before are named, so it must be filled
    again of the records."""
    keep(connection, TREE, tree())
    if known:
        keep(connection, FILLING, {"customers": ""})


def readable(connection: sa.Connection, last: int) -> int:
    """Up to which event the projections are there."""
    marked = connection.execute(sa.select(meta.c.value).where(meta.c.key == PROJECTED_SEQ)).scalar()
    return last if marked is None else min(last, marked)


def put_interactions(connection: sa.Connection, ids: Sequence[str], upto: int | None = None) -> None:
    """Put these in; ``upto``: all changes up to this event are in then."""
    if ids:
        index.put_many(connection, index_interactions.docs(connection, ids))
    if upto is not None:
        keep(connection, SEQ, upto)


# --- from the records ----------------------------------------------------------------------------


def fill(connection: sa.Connection, place: dict[str, Any], most: int) -> tuple[dict[str, Any] | None, int]:
    """Put the next old ones in; where to go on (``None``: done) is kept, and returned with how many they were."""
    ((kind, after),) = place.items()
    following, count = _FILL[kind](connection, after, most)
    keep(connection, FILLING, following)
    return following, count


def _fill_customers(connection: sa.Connection, after: str, most: int) -> tuple[dict[str, Any] | None, int]:
    ids = _ids(connection, customers, after, most)
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
        return {"cases": ""}, 0
    put_interactions(connection, [row.id for row in rows])
    return {"interactions": [rows[-1].sorted_at, rows[-1].id]}, len(rows)


def _fill_cases(connection: sa.Connection, after: str, most: int) -> tuple[dict[str, Any] | None, int]:
    ids = _ids(connection, cases_table, after, most)
    for of in ids:
        cases.show_again(connection, of)
    return ({"cases": ids[-1]} if ids else {"tasks": ""}), len(ids)


def _fill_tasks(connection: sa.Connection, after: str, most: int) -> tuple[dict[str, Any] | None, int]:
    ids = _ids(connection, tasks, after, most)
    for of in ids:
        task_rows.show_again(connection, of)
    return ({"tasks": ids[-1]} if ids else None), len(ids)


def _ids(connection: sa.Connection, table: sa.Table, after: str, most: int) -> list[str]:
    query = sa.select(table.c.id).where(table.c.id > after).order_by(table.c.id).limit(most)
    return list(connection.execute(query).scalars())


_FILL: Final[dict[str, Callable[[sa.Connection, Any, int], tuple[dict[str, Any] | None, int]]]] = {
    "customers": _fill_customers,
    "interactions": _fill_interactions,
    "cases": _fill_cases,
    "tasks": _fill_tasks,
}


# --- from an older version -----------------------------------------------------------------------


def renew(connection: sa.Connection, after: int, most: int = DOCUMENTS) -> None:
    """Seal the texts and hash the terms of the next documents behind this number that an older version put in, up to
    ``most``; the place is kept. When there are none left, searches ask for terms of the site's key only."""
    in_new = _d.text.startswith(index_seal.SEALED)
    rows = connection.execute(
        sa.select(_d.id, in_new.label("new")).where(_d.id > after).order_by(_d.id).limit(_LOOKED_AT)
    ).all()
    old = [row.id for row in rows if not row.new]
    if old:
        index.renew(connection, old[:most])
    if len(old) > most:
        keep(connection, RENEWING, old[most - 1])
    elif len(rows) == _LOOKED_AT:
        keep(connection, RENEWING, rows[-1].id)
    else:
        keep(connection, KEYED, True)
        connection.execute(sa.delete(search_state).where(_s.key == RENEWING))


# --- all at once ---------------------------------------------------------------------------------


def reindex(writing: Writing, *, everything: bool, progress: Callable[[int, int], None]) -> int:
    """Look at every record and put in what is missing or differs; returns how many were looked at.

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
    writing.now(begin)
    place: dict[str, Any] | None = {"customers": ""}
    while place is not None:
        place, count = writing.now(partial(fill, place=place, most=some))
        done += count
        progress(done, total)
        if not everything:
            time.sleep(BESIDE_SECONDS)
    while everything and writing.now(partial(sealing.step, most=_ALONE)):
        pass
    return done


def _count(connection: sa.Connection) -> int:
    every = (customers, interactions, cases_table, tasks)
    return sum(connection.execute(sa.select(sa.func.count()).select_from(one)).scalar_one() for one in every)


def _empty(connection: sa.Connection) -> None:
    lite = connection.dialect.name == "sqlite"
    connection.execute(sa.text(_EMPTY_LITE if lite else "TRUNCATE search_words"))
    connection.execute(sa.delete(search_docs).where(_d.kind == index_interactions.KIND))
    connection.execute(sa.delete(search_state).where(_s.key.in_((KEYED, RENEWING))))


_EMPTY_LITE: Final = "INSERT INTO search_words (search_words) VALUES ('delete-all')"


def _words_anew(writing: Writing, total: int, progress: Callable[[int, int], None]) -> int:
    """The terms of what stays: documents of other parts, whose records only they can read."""
    after: int | None = -1
    while after is not None:
        after = writing.now(partial(index.words_anew, after=after, most=2 * DOCUMENTS))
        progress(0, total)
    return 0
