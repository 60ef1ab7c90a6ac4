"""Articles and call scripts: drafts that somebody writes, versions that agents read, and all that were before."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from interaction_log.knowledge import Draft, Step, Text, check, step_of, words
from interaction_log.records import Conflict, NotFound
from interaction_log.store import index
from interaction_log.store.knowledge_tables import knowledge, knowledge_versions
from interaction_log.store.reading import Reading
from interaction_log.store.writing import Writing

_k, _v = knowledge.c, knowledge_versions.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version. ``state``: ``draft`` (newer than what is published), ``published``, ``old``. Times: Unix seconds."""

    n: int
    state: str
    by: str
    at: float
    published_by: str | None
    published_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An article or a script in one of its versions. ``newest``: the number of the last one; ``published``: of the one
    that agents read."""

    id: str
    kind: str
    queues: list[str]
    campaigns: list[str]
    position: int
    published: int | None
    newest: int
    retired: bool
    version: Version
    texts: dict[str, Text]
    steps: list[Step]


class StoredKnowledge:
    """All methods raise ``NotFound`` for an id that is none."""

    def __init__(self, reading: Reading, writing: Writing, clock: Callable[[], float] = time.time):
        self._reading = reading
        self._writing = writing
        self._clock = clock

    async def all(self, *, drafts: bool) -> list[Item]:
        """Everything, by position and id: the newest versions, or what is published."""
        found = await self._reading(lambda connection: _all(connection, drafts))
        return found if drafts else [one for one in found if not one.retired]

    async def for_desk(self, queue: str | None, campaign: str | None) -> list[Item]:
        """What is published for calls of this queue or campaign: scripts first."""
        found = await self.all(drafts=False)
        mine = [
            one
            for one in found
            if (queue is not None and queue in one.queues) or (campaign is not None and campaign in one.campaigns)
        ]
        return sorted(mine, key=lambda one: (one.kind != "script", one.position, one.id))

    async def get(self, of: str, n: int | None = None) -> Item:
        """This version; without a number the newest."""
        return await self._reading(lambda connection: _one(connection, of, n))

    async def published(self, of: str) -> Item:
        """What agents read."""

        def work(connection: sa.Connection) -> Item:
            n = connection.execute(sa.select(_k.published).where(_k.id == of)).scalar()
            if n is None:
                raise NotFound(of)
            return _one(connection, of, n)

        return await self._reading(work)

    async def versions(self, of: str) -> list[Version]:
        """All of them, the newest first."""

        def work(connection: sa.Connection) -> list[Version]:
            published = _row(connection, of).published
            query = sa.select(knowledge_versions).where(_v.knowledge_id == of).order_by(_v.n.desc())
            return [_version(row, published) for row in connection.execute(query)]

        return await self._reading(work)

    async def write(self, of: str | None, draft: Draft, by: str, based_on: int | None = None) -> Item:
        """Write a draft: a new version, or over the draft that there is. ``based_on``: the newest version that the
        writer saw; ``Conflict`` when there is a newer one. Raises ``Refused``."""
        check(draft)
        made = of or str(uuid.uuid4())

        def work(connection: sa.Connection) -> Item:
            if of is None:
                connection.execute(sa.insert(knowledge).values(_head(draft, made)))
            newest = _newest(connection, made)
            if of is not None and based_on is not None and based_on != newest:
                raise Conflict("This entry was changed meanwhile.")
            self._put(connection, made, draft, by, newest)
            return _one(connection, made, None)

        return await self._writing(work)

    def _put(self, connection: sa.Connection, of: str, draft: Draft, by: str, newest: int) -> None:
        values = {
            "texts": json.dumps({language: asdict(text) for language, text in draft.texts.items()}),
            "steps": json.dumps([asdict(step) for step in draft.steps]),
            "by": by,
            "at": self._clock(),
        }
        row = _row(connection, of)
        if row.kind != draft.kind:
            raise Conflict("It exists already, or was changed meanwhile.")
        mine = (_v.knowledge_id == of) & (_v.n == newest)
        over = newest > 0 and connection.execute(sa.select(_v.published_at).where(mine)).scalar() is None
        if over:
            connection.execute(sa.update(knowledge_versions).where(mine).values(values))
        else:
            connection.execute(sa.insert(knowledge_versions).values(knowledge_id=of, n=newest + 1, **values))
        head = {name: value for name, value in _head(draft, of).items() if name in ("queues", "campaigns", "position")}
        connection.execute(sa.update(knowledge).where(_k.id == of).values(head))

    async def publish(self, of: str, n: int, by: str) -> Item:
        """Let agents read this version; an old one too. What was published before stays readable by its number."""

        def work(connection: sa.Connection) -> Item:
            found = _one(connection, of, n)
            told = {"published_by": by, "published_at": self._clock()}
            mine = (_v.knowledge_id == of) & (_v.n == n)
            connection.execute(sa.update(knowledge_versions).where(mine).values(told))
            connection.execute(sa.update(knowledge).where(_k.id == of).values(published=n, retired=False))
            title, text = words(found.texts, found.steps)
            at = told["published_at"]
            index.put(connection, index.Doc(found.kind, of, None, float(at), title, text))  # type: ignore[arg-type]
            return _one(connection, of, n)

        return await self._writing(work)

    async def retire(self, of: str) -> Item:
        """Nobody shall find it any more; its versions stay."""

        def work(connection: sa.Connection) -> Item:
            row = _row(connection, of)
            connection.execute(sa.update(knowledge).where(_k.id == of).values(retired=True))
            index.drop(connection, row.kind, of)
            return _one(connection, of, None)

        return await self._writing(work)


def _head(draft: Draft, of: str) -> dict[str, Any]:
    lists = {"queues": json.dumps(draft.queues), "campaigns": json.dumps(draft.campaigns)}
    return {"id": of, "kind": draft.kind, "position": draft.position, "retired": False, **lists}


def _row(connection: sa.Connection, of: str) -> Any:
    row = connection.execute(sa.select(knowledge).where(_k.id == of)).first()
    if row is None:
        raise NotFound(of)
    return row


def _newest(connection: sa.Connection, of: str) -> int:
    return int(connection.execute(sa.select(sa.func.max(_v.n)).where(_v.knowledge_id == of)).scalar() or 0)


def _one(connection: sa.Connection, of: str, n: int | None) -> Item:
    row, newest = _row(connection, of), _newest(connection, of)
    query = sa.select(knowledge_versions).where(_v.knowledge_id == of, _v.n == (newest if n is None else n))
    version = connection.execute(query).first()
    if version is None:
        raise NotFound(of)
    return _item(row, version, newest)


def _all(connection: sa.Connection, drafts: bool) -> list[Item]:
    newest = sa.select(_v.knowledge_id, sa.func.max(_v.n).label("n")).group_by(_v.knowledge_id)
    numbers: dict[str, int] = {row.knowledge_id: row.n for row in connection.execute(newest)}
    rows: Sequence[Any] = connection.execute(sa.select(knowledge).order_by(_k.position, _k.id)).all()
    found = []
    for row in rows:
        n = numbers.get(row.id) if drafts else row.published
        query = sa.select(knowledge_versions).where(_v.knowledge_id == row.id, _v.n == n)
        version = connection.execute(query).first() if n is not None else None
        if version is not None:
            found.append(_item(row, version, numbers[row.id]))
    return found


def _version(row: Any, published: int | None) -> Version:
    state = "published" if row.n == published else "draft" if row.published_at is None else "old"
    times = {"published_by": row.published_by, "published_at": row.published_at}
    return Version(n=row.n, state=state, by=row.by, at=row.at, **times)


def _item(row: Any, version: Any, newest: int) -> Item:
    texts = {language: Text(**text) for language, text in json.loads(version.texts).items()}
    return Item(
        id=row.id,
        kind=row.kind,
        queues=json.loads(row.queues),
        campaigns=json.loads(row.campaigns),
        position=row.position,
        published=row.published,
        newest=newest,
        retired=bool(row.retired),
        version=_version(version, row.published),
        texts=texts,
        steps=[step_of(one) for one in json.loads(version.steps)],
    )
