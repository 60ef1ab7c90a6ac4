"""The full-text index: documents go in and out inside the transaction that changes what they tell of.

The terms are made by ``interaction_log.tokens`` and coded there, so both databases hold and match the same ones.
Whoever changes how terms are made raises ``tokens.VERSION``.
"""

from __future__ import annotations

import functools
import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from interaction_log import tokens
from interaction_log.store import index_seal
from interaction_log.store.search_tables import KEYED, RENEWING, search_docs, search_state

SECOND: Final = 1 << 16
"""Numbers of documents in each second."""
WEEK: Final = 7 * 86_400
_CHUNK: Final = 400
_LATEST: Final = float(1 << 40)
_COLUMNS: Final = ("kind", "ref", "customer_id", "at", "title", "text", "queue", "agent", "channel", "team", "more")
_LABELS: Final = ("kind", "queue", "agent", "channel", "team")
_d = search_docs.c


@dataclass(frozen=True, slots=True)
class Doc:
    """What is found. ``kind`` and ``ref`` together are unique; ``at``: Unix seconds, newest are found first.

    ``queue``, ``agent``, ``channel``, ``team`` are for filters and for who may see it; ``more``: further ones, as
    ``queue:sales`` (a call that was in two queues). ``title``: its words are found by their beginnings too.
    """

    kind: str
    ref: str
    customer_id: str | None
    at: float
    title: str
    text: str
    queue: str | None = None
    agent: str | None = None
    channel: str | None = None
    team: str | None = None
    more: tuple[str, ...] = ()

    def labels(self) -> list[str]:
        """What it is filtered by."""
        return labels_of(self)

    def codes(self, bucket: str = "", key: bytes | None = None) -> str:
        """Its terms as the database keeps them. ``key``: if not this process's."""
        secret = index_seal.term_key() if key is None else key
        return _codes(self.title, self.text, tuple(self.labels()), bucket, secret)


@functools.lru_cache(maxsize=1_024)
def _codes(title: str, text: str, labels: tuple[str, ...], bucket: str, key: bytes) -> str:
    """Kept for a moment, so that who writes many (an import) can have them made before its transaction begins."""
    return " ".join(sorted(tokens.coded(term, bucket, key) for term in tokens.terms(title, text, labels)))


def labels_of(some: Any) -> list[str]:
    """What a document, or its row, is filtered by."""
    own = [f"{name}:{value}" for name in _LABELS if (value := getattr(some, name))]
    if some.customer_id:
        own.append(f"customer:{some.customer_id}")
    more = some.more or ()
    return own + (more.split("\n") if isinstance(more, str) else list(more))


def bucket(doc_id: int) -> str:
    """The week of a document, as PostgreSQL's terms begin: there each week has its own lists, so that a word that
    is in millions of documents is read week by week."""
    return f"{(doc_id // SECOND) // WEEK}/"


def doc_of(row: Any) -> Doc | None:
    """The document of a row of ``search_docs``; ``None``: its text cannot be opened (any more)."""
    _, kind, ref, customer_id, at, title, text, queue, agent, channel, team, more = row
    clear = index_seal.opened(kind, ref, title, text)
    if clear is None:
        return None
    return Doc(kind, ref, customer_id, at, *clear, queue, agent, channel, team, tuple(more.split("\n")) if more else ())


def _outside(row: Any) -> Doc:
    """What can be told of a document that cannot be opened: by what it is filtered."""
    _, kind, ref, customer_id, at, _, _, queue, agent, channel, team, more = row
    return Doc(kind, ref, customer_id, at, "", "", queue, agent, channel, team, tuple(more.split("\n")) if more else ())


def put(connection: sa.Connection, doc: Doc) -> None:
    """Put it in, or replace what is there of this kind and ref. In the caller's transaction."""
    put_many(connection, [doc])


def put_many(connection: sa.Connection, docs: Iterable[Doc]) -> int:
    """The same for many, some hundred at a time are quickest. The result: how many were new or differed."""
    latest = list({(one.kind, one.ref): _storable(one) for one in docs}.values())
    return sum(_put(connection, latest[n : n + _CHUNK]) for n in range(0, len(latest), _CHUNK))


def drop(connection: sa.Connection, kind: str, ref: str) -> None:
    """Take it out; nothing happens where there is none."""
    drop_many(connection, kind, [ref])


def drop_many(connection: sa.Connection, kind: str, refs: Sequence[str]) -> None:
    """The same for many."""
    for n in range(0, len(refs), _CHUNK):
        _remove(connection, list(_known(connection, kind, refs[n : n + _CHUNK]).values()))


def drop_customers(connection: sa.Connection, customer_ids: Sequence[str], most: int = 1_000) -> int:
    """Take up to ``most`` documents out that tell of these customers; call again until the result is 0."""
    keys = {index_seal.term_key(), b""}  # those that an older version put in have none yet
    codes = [tokens.coded(tokens.OF_CUSTOMER + one, key=key) for one in customer_ids for key in keys]
    if not codes:
        return 0
    lite = connection.dialect.name == "sqlite"
    query = _FIND_LITE if lite else _FIND
    ids = connection.execute(query, {"words": (" OR " if lite else " | ").join(codes), "most": most}).scalars().all()
    rows = list(connection.execute(sa.select(search_docs).where(_d.id.in_(ids), _d.customer_id.in_(customer_ids))))
    _remove(connection, rows)
    return len(rows)


def _put(connection: sa.Connection, docs: list[Doc]) -> int:
    known: dict[tuple[str, str], Any] = {}
    for kind in {one.kind for one in docs}:
        found = _known(connection, kind, [one.ref for one in docs if one.kind == kind])
        known |= {(kind, ref): row for ref, row in found.items()}
    changed = [one for one in docs if (old := known.get((one.kind, one.ref))) is None or _differs(old, one)]
    _remove(connection, [known[one.kind, one.ref] for one in changed if (one.kind, one.ref) in known])
    _insert(connection, changed)
    return len(changed)


def _differs(row: Any, doc: Doc) -> bool:
    """From what is there; or an older version put that in."""
    older = index_seal.term_key() and not row.text.startswith(index_seal.SEALED)
    return bool(older) or doc_of(row) != doc


def _known(connection: sa.Connection, kind: str, refs: Sequence[str]) -> dict[str, Any]:
    query = sa.select(search_docs).where(_d.kind == kind, _d.ref.in_(list(refs)))
    return {row.ref: row for row in connection.execute(query)}


def _insert(connection: sa.Connection, docs: list[Doc]) -> None:
    if not docs:
        return
    _insert_at(connection, _numbers(connection, docs), docs)


def _insert_at(connection: sa.Connection, ids: Sequence[int], docs: Sequence[Doc]) -> None:
    rows = [_row(one, of) for of, one in zip(ids, docs, strict=True)]
    connection.execute(sa.insert(search_docs), rows)
    _add_words(connection, ids, docs)
    if not index_seal.term_key():  # whoever has the key must look for terms without one again
        connection.execute(sa.delete(search_state).where(search_state.c.key.in_((KEYED, RENEWING))))


def _add_words(connection: sa.Connection, ids: Sequence[int], docs: Sequence[Doc]) -> None:
    lite = connection.dialect.name == "sqlite"
    words = [{"id": of, "words": one.codes("" if lite else bucket(of))} for of, one in zip(ids, docs, strict=True)]
    connection.execute(_ADD_LITE if lite else _ADD, words)


def words_anew(connection: sa.Connection, after: int, most: int) -> int | None:
    """Make the terms of the documents above this number anew, of an index that was emptied; the last one's number."""
    rows = connection.execute(sa.select(search_docs).where(_d.id > after).order_by(_d.id).limit(most)).all()
    if not rows:
        return None
    old = [row for row in rows if not row.text.startswith(index_seal.SEALED)]
    renewed = {row.id: values for row in old if (values := _sealed(row)) is not None}
    if renewed and index_seal.term_key():
        connection.execute(_RENEW, list(renewed.values()))
    _add_words(connection, [row.id for row in rows], [doc_of(row) or _outside(row) for row in rows])
    return int(rows[-1].id)


def renew(connection: sa.Connection, ids: Sequence[int]) -> None:
    """Seal the texts of these documents and make their terms with the site's key: an older version put them in. What
    cannot be opened stays as it is."""
    rows = connection.execute(sa.select(search_docs).where(_d.id.in_(ids))).all()
    there = [(row, doc) for row in rows if (doc := doc_of(row)) is not None]
    if there:
        _remove(connection, [row for row, _ in there])
        _insert_at(connection, [row.id for row, _ in there], [doc for _, doc in there])


def _sealed(row: Any) -> dict[str, Any] | None:
    doc = doc_of(row)
    if doc is None:
        return None
    title, text = index_seal.sealed(doc.kind, doc.ref, doc.customer_id, doc.title, doc.text)
    return {"of": row.id, "title": title, "text": text}


def _row(doc: Doc, of: int) -> dict[str, Any]:
    values = {name: getattr(doc, name) for name in _COLUMNS}
    title, text = index_seal.sealed(doc.kind, doc.ref, doc.customer_id, doc.title, doc.text)
    return {**values, "id": of, "title": title, "text": text, "more": "\n".join(doc.more) or None}


_RENEW: Final = (
    sa.update(search_docs)
    .where(_d.id == sa.bindparam("of"))
    .values(title=sa.bindparam("title"), text=sa.bindparam("text"))
)
_ADD_LITE: Final = sa.text("INSERT INTO search_words (rowid, words) VALUES (:id, :words)")
_ADD: Final = sa.text("INSERT INTO search_words (id, words) VALUES (:id, CAST(:words AS tsvector))")
_REMOVE_LITE: Final = sa.text("INSERT INTO search_words (search_words, rowid, words) VALUES ('delete', :id, :words)")
_FIND_LITE: Final = sa.text("SELECT rowid FROM search_words WHERE search_words MATCH :words LIMIT :most")
_FIND: Final = sa.text("SELECT id FROM search_words WHERE words @@ CAST(:words AS tsquery) LIMIT :most")
_REMOVE: Final = sa.text("DELETE FROM search_words WHERE id = :id")


def _remove(connection: sa.Connection, rows: Sequence[Any]) -> None:
    if not rows:
        return
    if connection.dialect.name == "sqlite":  # an index without content must be told what was in it
        old = [{"id": row.id, "words": words} for row in rows if (words := _old_codes(row))]
        if old:
            connection.execute(_REMOVE_LITE, old)
    else:
        connection.execute(_REMOVE, [{"id": row.id} for row in rows])
    connection.execute(sa.delete(search_docs).where(_d.id == sa.bindparam("of")), [{"of": row.id} for row in rows])


def _old_codes(row: Any) -> str:
    """The terms of a document that is there. Of what cannot be opened only those that it is filtered by are known: the
    others lead to no document then."""
    key = index_seal.term_key()
    keyed = row.text.startswith(index_seal.SEALED)
    if keyed and not key:
        return ""
    return (doc_of(row) or _outside(row)).codes("", key if keyed else b"")


def _numbers(connection: sa.Connection, docs: Sequence[Doc]) -> list[int]:
    """A free number for each, near its second. Derived from the document, so that equal times have one order."""
    wanted = [first_number(one) for one in docs]
    given: dict[int, int] = {}  # number: whose
    waiting = list(range(len(docs)))
    step = 1
    while waiting:
        candidates = [wanted[n] for n in waiting]
        taken = set(connection.execute(sa.select(_d.id).where(_d.id.in_(candidates))).scalars()) | set(given)
        again = []
        for n in waiting:
            if wanted[n] in taken:
                wanted[n] += step
                again.append(n)
            else:
                taken.add(wanted[n])
                given[wanted[n]] = n
        waiting, step = again, min(step * 2, 1 << 12)
    return wanted


def first_number(doc: Doc) -> int:
    """Where a document's number is looked for: its second, and 16 bits of what it is."""
    low = zlib.crc32(f"{doc.kind}:{doc.ref}".encode("utf-8", "surrogatepass")) & (SECOND - 1)
    return int(doc.at) * SECOND + low


def _storable(doc: Doc) -> Doc:
    """As every database stores it: a time that is one, text without NUL and lone surrogates, no endless text."""
    at = min(max(doc.at, 0.0), _LATEST) if math.isfinite(doc.at) else 0.0
    texts = {name: _clean(getattr(doc, name)) for name in _COLUMNS if name not in ("at", "more")}
    more = tuple(dict.fromkeys(one.replace("\n", " ") for one in map(_clean, doc.more) if one))
    return Doc(at=at, more=more, **texts)  # type: ignore[arg-type]


def _clean(text: str | None) -> str | None:
    if text is None:
        return None
    text = text[: tokens.MOST_CHARACTERS]
    if text.isascii():
        return text.replace("\0", "")
    return text.replace("\0", "").encode("utf-8", "replace").decode()
