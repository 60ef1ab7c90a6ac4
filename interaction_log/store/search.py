"""Searching: newest first, window by window back in time, until a page is full.

Both databases are asked for the same coded terms (``interaction_log.tokens``) and answer with numbers of documents,
which are in the order of time; each document is then looked at: does its text really hold what was asked for, may it
be seen? So what is found is the same everywhere, and a word that is in millions of documents costs a page only.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from interaction_log import tokens
from interaction_log.found import MOST_PER_PAGE, FoundPage, Question, Scope
from interaction_log.masking import mask_personal
from interaction_log.store import cursor as cursors
from interaction_log.store import index_seal, links
from interaction_log.store.index import SECOND, WEEK, bucket, doc_of, labels_of
from interaction_log.store.reading import Reading
from interaction_log.store.search_shown import Hit, named, show
from interaction_log.store.search_tables import FILLING, KEYED, search_docs, search_state
from interaction_log.tokens import Tree, Wanted

PATIENCE_SECONDS: Final = 0.06
"""After so long a page is given as it is, with the cursor to go on: a disk and a list of words may be slow."""
NEWEST: Final = 2_000
"""Documents of the first window: a frequent word fills its page there."""
WIDEST: Final = 128
"""Weeks in one question."""
LEAP: Final = 8
"""After an empty window of so many weeks it is worth asking where the next document is."""
_CANDIDATES: Final = 60
_d: Final = search_docs.c


class StoredSearch:
    """What is in the index, for those who may see it. Nothing is found where nothing is asked for."""

    def __init__(self, reading: Reading):
        self._reading = reading

    async def find(self, question: Question, scope: Scope) -> FoundPage:
        """A page. Raises ``Refused`` for a foreign cursor; a text without any word finds nothing."""
        return await self._reading(partial(_find, question=question, scope=scope))

    async def members(self, customer_id: str) -> tuple[str, ...]:
        """All records that are one person with this one."""
        return await self._reading(lambda connection: tuple(links.members(connection, customer_id)))


def _find(connection: sa.Connection, question: Question, scope: Scope) -> FoundPage:
    """Asked for first: what is put in while it looks is not missed by both."""
    filling = connection.execute(_FILLING).scalar()
    return replace(find(connection, question, scope), filling=filling != "null")


_FILLING: Final = sa.select(search_state.c.value).where(search_state.c.key == FILLING)


def find(connection: sa.Connection, question: Question, scope: Scope) -> FoundPage:
    """The same in the caller's thread."""
    wanted = tokens.wanted(question.text)
    tree = _tree(question, scope, wanted)
    if tree is None or (question.text.strip() and not wanted):
        return FoundPage()
    low, high, keys = _bounds(connection, question)
    limit = max(1, min(question.limit, MOST_PER_PAGE))
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_BY_INDEX)
    search = _Search(connection, question, scope, wanted, tree, keys)
    found = search.page(low, high, limit + 1)
    following, reached = None, None
    if len(found) > limit:
        following = cursors.write(found[limit - 1].number)
    elif search.stopped_at is not None:
        following, reached = cursors.write(search.stopped_at), float(search.stopped_at // SECOND)
    items = [show(one, wanted) for one in found[:limit]]
    return FoundPage(items=named(connection, items), next=following, reached=reached)


def _tree(question: Question, scope: Scope, wanted: Sequence[Wanted]) -> Tree | None:
    parts: list[Tree] = []
    words = tokens.tree(wanted)
    if words is not None:
        parts.append(words)
    for labels in _filters(question):
        parts.append(_any_of(labels))
    if not scope.everything:
        if not scope.labels:
            return None
        parts.append(_any_of(sorted(scope.labels)))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else ("and", tuple(parts))


def _filters(question: Question) -> Iterator[list[str]]:
    """Groups of labels: a document has one of each group."""
    if question.kinds:
        yield [f"kind:{one}" for one in question.kinds]
    for name in ("queue", "agent", "channel"):
        if value := getattr(question, name):
            yield [f"{name}:{value}"]
    if question.customer_ids:
        yield [f"customer:{one}" for one in question.customer_ids]


def _any_of(labels: Sequence[str]) -> Tree:
    some = tuple(f"={label}" for label in labels)
    return some[0] if len(some) == 1 else ("or", some)


def _bounds(connection: sa.Connection, question: Question) -> tuple[int, int, tuple[bytes, ...]]:
    """The numbers of the documents that are asked for: from ``low``, below ``high``; and with which keys their terms
    were made, beside the site's with none while those of an older version are made anew."""
    low = int(question.start or 0) * SECOND
    end = 1 << 62 if question.end is None else (int(question.end) + 1) * SECOND
    last = sa.select(sa.func.max(_d.id)).where(_d.id < end).scalar_subquery()
    high, oldest, keyed = connection.execute(sa.select(last, _OLDEST, _KEYED)).one()
    key = index_seal.term_key()
    keys = (key,) if keyed is not None or not key else (key, b"")
    if high is None or oldest is None:
        return 0, 0, keys
    top = int(high) + 1
    if question.cursor is not None:
        (before,) = cursors.read(question.cursor, int)
        top = min(top, before)
    return max(low, int(oldest)), top, keys


_OLDEST: Final = sa.select(sa.func.min(_d.id)).scalar_subquery()
_KEYED: Final = sa.select(search_state.c.value).where(search_state.c.key == KEYED).scalar_subquery()


class _Search:
    """One search on one connection."""

    def __init__(
        self,
        connection: sa.Connection,
        question: Question,
        scope: Scope,
        wanted: Sequence[Wanted],
        tree: Tree,
        keys: Sequence[bytes],
    ):
        self._connection = connection
        self._question = question
        self._scope = scope
        self._wanted = wanted
        self._filters = list(_filters(question))
        self._tree = tree
        self._keys = keys
        self._lite = connection.dialect.name == "sqlite"
        self.stopped_at: int | None = None

    def page(self, low: int, high: int, count: int) -> list[Hit]:
        """Up to ``count`` documents, newest first. ``stopped_at``: there may be more below this number."""
        began = last = time.monotonic()
        found: list[Hit] = []
        weeks = 0
        while len(found) < count and high > low:
            floor = max(low, self._floor(high, weeks))
            ids = self._candidates(floor, high, near=not weeks)
            found += itertools.islice(self._good(ids), count - len(found))
            now = time.monotonic()
            high = ids[-1] if len(ids) == _CANDIDATES else floor
            if len(ids) < _CANDIDATES:
                high = high if ids or weeks < LEAP else self._next(low, high)
                weeks = _wider(weeks, now - last, PATIENCE_SECONDS - (now - began))
            if now - began > PATIENCE_SECONDS and high > low:
                self.stopped_at = high
                break
            last = now
        return found

    def _next(self, low: int, high: int) -> int:
        """Just above the next document below ``high``: years without any are leapt over."""
        query = sa.select(sa.func.max(_d.id)).where(_d.id < high, _d.id >= low)
        top = self._connection.execute(query).scalar()
        return low if top is None else int(top) + 1

    def _floor(self, high: int, weeks: int) -> int:
        """Where the window below ``high`` begins; at first it holds the newest documents, then whole weeks."""
        if weeks:
            week = (high - 1) // SECOND // WEEK
            return (week - weeks + 1) * WEEK * SECOND
        query = sa.select(_d.id).where(_d.id < high).order_by(_d.id.desc()).offset(NEWEST).limit(1)
        there: int | None = self._connection.execute(query).scalar()
        return max(there or 0, high - 8 * WEEK * SECOND)

    def _candidates(self, low: int, high: int, *, near: bool) -> list[int]:
        values: dict[str, Any] = {"low": low, "high": high, "most": _CANDIDATES}
        if self._lite:
            words = " OR ".join(tokens.rendered(self._tree, "", key, both=" AND ", either=" OR ") for key in self._keys)
            return list(self._connection.execute(_LITE, values | {"words": words}).scalars())
        weeks = range(low // SECOND // WEEK, (high - 1) // SECOND // WEEK + 1)
        buckets = [(bucket(week * WEEK * SECOND), key) for week in weeks for key in self._keys]
        words = "|".join(tokens.rendered(self._tree, one, key, both="&", either="|") for one, key in buckets)
        query = _NEAR if near else _FAR
        return list(self._connection.exec_driver_sql(query.format(words=words, **values)).scalars())

    def _good(self, ids: Sequence[int]) -> Iterator[Hit]:
        """Those that really hold it and may be seen, in this order."""
        if not ids:
            return
        rows = {row[0]: row for row in self._connection.execute(sa.select(search_docs).where(_d.id.in_(ids)))}
        for of in ids:
            if (row := rows.get(of)) is not None and self._may(row) and (hit := self._hit(row)) is not None:
                yield hit

    def _may(self, row: Any) -> bool:
        """Whether it is of this time and what it is filtered by, and may be seen: before its text is opened."""
        start, end = self._question.start, self._question.end
        if (start is not None and row.at < start) or (end is not None and row.at >= end):
            return False
        if self._scope.everything and not self._filters:
            return True
        labels = labels_of(row)
        return self._scope.allows(labels) and not any(set(group).isdisjoint(labels) for group in self._filters)

    def _hit(self, row: Any) -> Hit | None:
        """The document as it is shown to whoever asks, if it holds the words: nothing is found by what she is not
        shown."""
        doc = doc_of(row)
        if doc is None:
            return None
        if self._scope.veiled:
            doc = replace(doc, title=mask_personal(doc.title), text=mask_personal(doc.text))
        title, text = list(tokens.pieces(doc.title)), list(tokens.pieces(doc.text))
        for one in self._wanted:
            if not any(one.marks(title, title=True)) and not any(one.marks(text, title=False)):
                return None
        return Hit(row[0], doc, title, text)


def _wider(weeks: int, took: float, left: float) -> int:
    """How many weeks the next window may have, after one of so many took so long: as many as fit into what is left.

    The cost grows with the square of the weeks (measured with 10⁷ contacts on PostgreSQL: 8 take 9 ms, 45 take 260).
    """
    if not weeks:
        return 1
    fitting = int(weeks * math.sqrt(max(0.0, left) / took)) if took > 0 else WIDEST
    return max(1, min(weeks * 8, WIDEST, fitting))


_LITE: Final = sa.text(
    "SELECT rowid FROM search_words WHERE search_words MATCH :words AND rowid >= :low AND rowid < :high "
    "ORDER BY rowid DESC LIMIT :most"
)
# PostgreSQL's planner knows too little of the words to choose: the few newest documents are read by number and each is
# tested, older ones are read by the words (``id + 0``: and not by number), and the newest of them taken. The values
# stand in the text (digits, letters and brackets of ours), or it would plan once for all windows.
_NEAR: Final = (
    "WITH near AS MATERIALIZED (SELECT id, words FROM search_words WHERE id >= {low} AND id < {high}) "
    "SELECT id FROM near WHERE words @@ '{words}'::tsquery ORDER BY id DESC LIMIT {most}"
)
_FAR: Final = (
    "WITH hits AS MATERIALIZED (SELECT id FROM search_words WHERE words @@ '{words}'::tsquery "
    "AND id + 0 >= {low} AND id + 0 < {high}) SELECT id FROM hits ORDER BY id DESC LIMIT {most}"
)
_BY_INDEX: Final = "SET LOCAL enable_seqscan = off; SET LOCAL jit = off"
