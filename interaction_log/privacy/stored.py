"""Requests of privacy as the store keeps them: previews, erasures with their receipts, legal holds."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import sqlalchemy as sa

from interaction_log.privacy import erase, receipts
from interaction_log.privacy.erase import Part, StoredFile
from interaction_log.privacy.erased import ErasedList, erased_beside
from interaction_log.privacy.person import Obstacle, Shared, exists, from_text, obstacles, person_of, to_text
from interaction_log.privacy.registers import load_all
from interaction_log.records import Conflict, NotFound, Refused
from interaction_log.store import index_seal, sealed_fields
from interaction_log.store.compact import compact
from interaction_log.store.keys import Keys
from interaction_log.store.master_key import MasterKey, load
from interaction_log.store.personal import Person, its_interactions, registered
from interaction_log.store.privacy_tables import erasures, holds
from interaction_log.store.reading import Reading
from interaction_log.store.schema import customers, interactions
from interaction_log.store.writing import Writing

log = logging.getLogger(__name__)
_e: Final = erasures.c
_h: Final = holds.c
MOST: Final = 500
LONGEST_REASON: Final = 500
Removed = Literal["deleted", "missing", "kept"]


class Files(Protocol):
    """The files of recordings and messages, wherever they are."""

    async def remove(self, one: StoredFile) -> Removed:
        """``kept``: it is not where it should be, or could not be deleted; it is tried again."""
        ...

    async def read(self, one: StoredFile) -> tuple[str, bytes] | None:
        """A name's ending (``.wav``) and the content; ``None``: it is not there."""
        ...


class NoFiles:
    """Where no folder is configured: nothing can be deleted or read."""

    async def remove(self, one: StoredFile) -> Removed:
        """It stays."""
        return "kept"

    async def read(self, one: StoredFile) -> tuple[str, bytes] | None:
        """It cannot be read."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What an erasure would do, and what stands against it. ``files``: how many by kind."""

    customer_ids: list[str]
    parts: list[Part]
    files: dict[str, int]
    shared: list[Shared]
    obstacles: list[Obstacle]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """A request: ``waiting``, ``running``, ``done`` or ``refused`` (``why``). Times: Unix seconds; rows by table."""

    id: str
    pseudonym: str
    state: str
    requested_by: str
    requested_at: float
    done: dict[str, int]
    why: str | None
    finished_at: float | None
    receipt: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Nothing of it is deleted while it stands. ``kind``: ``customer``, ``interaction`` (``subject`` is the id) or
    ``period`` (of contacts that began between ``from_at`` and ``to_at``)."""

    id: str
    kind: str
    subject: str | None
    from_at: float | None
    to_at: float | None
    reason: str
    set_by: str
    set_at: float
    lifted_by: str | None
    lifted_at: float | None


def opened(reading: Reading, writing: Writing, key_file: Path) -> StoredPrivacy:
    """With the site's key file, and the list of the erased beside it. Raises ``KeyFault``."""
    sealed_fields.use(key_file)
    return StoredPrivacy(reading, writing, load(key_file), ErasedList(erased_beside(key_file)))


class StoredPrivacy:
    """``forget(ids)``: the log forgets these interactions (``EventLog.forget``); ``erased()``: caches are emptied."""

    def __init__(self, reading: Reading, writing: Writing, master: MasterKey, erased_list: ErasedList):
        load_all()
        self.reading, self.writing, self.keys = reading, writing, Keys(master)
        self.erased_list = erased_list
        self.forget: Callable[[Iterable[str]], None] = lambda _ids: None
        self.erased: Callable[[], None] = lambda: None

    @property
    def master(self) -> MasterKey:
        """The site's key."""
        return self.keys.master

    # --- erasing ---------------------------------------------------------------------------------

    async def preview(self, customer_id: str) -> Preview:
        """What would be erased. Raises ``NotFound``."""
        return await self.reading.fresh(partial(_preview, customer_id=customer_id))

    async def request(self, customer_id: str, by: str, at: float) -> Erasure:
        """Ask for an erasure; ``run`` does it. Raises ``NotFound``, or ``Conflict`` where something stands against
        it."""
        await self.preview(customer_id)  # waits for the log
        return await self.writing(partial(self._request, customer_id=customer_id, by=by, at=at))

    def _request(self, connection: sa.Connection, customer_id: str, by: str, at: float) -> Erasure:
        if not exists(connection, customer_id):
            raise NotFound(customer_id)
        person, _shared = person_of(connection, customer_id)
        _refuse(obstacles(connection, person))
        row: dict[str, Any] = {
            "id": uuid.uuid4().hex,
            "pseudonym": self.pseudonym(person.customers[0]),
            "state": "waiting",
            "requested_by": by,
            "requested_at": at,
            "person": to_text(person),
            "done": "{}",
        }
        connection.execute(sa.insert(erasures).values(row))
        return _one(connection, row["id"])

    def pseudonym(self, customer_id: str) -> str:
        """What stands for a customer in receipts and in the trail: a keyed hash."""
        return self.master.pseudonym("customer", customer_id)

    async def pending(self) -> list[str]:
        """Erasures that wait, and those that were cut off, oldest first."""
        query = sa.select(_e.id).where(_e.state.in_(("waiting", "running"))).order_by(_e.requested_at, _e.id)
        return await self.reading(lambda connection: list(connection.execute(query).scalars()))

    async def get(self, erasure_id: str) -> Erasure:
        """One. Raises ``NotFound``."""
        return await self.reading(partial(_one, of=erasure_id))

    async def erasures(self, limit: int = 100) -> list[Erasure]:
        """The newest first."""
        query = sa.select(erasures).order_by(_e.requested_at.desc(), _e.id).limit(max(1, min(limit, MOST)))
        return await self.reading(lambda connection: [_erasure(row) for row in connection.execute(query)])

    async def run(self, erasure_id: str, files: Files, wall: Callable[[], float]) -> Erasure:
        """Do it, or go on with it. It stays ``running`` while a file cannot be deleted; call again later."""
        begun = await self.writing(partial(_begin, of=erasure_id))
        if begun is None:
            return await self.get(erasure_id)
        person = from_text(begun)
        await self.reading(lambda _: self.erased_list.add(self.master, erasure_id, person, wall()))
        kept = await self._files(person, files, erasure_id)
        if kept:
            await self.writing(partial(_kept, of=erasure_id, why=f"files:{kept}"))
            return await self.get(erasure_id)
        ids = await self.reading(partial(_interactions, person=person))
        self.forget(ids)
        for one in registered():
            after: tuple[Any, ...] | None = ()
            while after is not None:
                done = await self.writing(partial(_step, one=one, person=person, of=erasure_id, after=after))
                after = done.after
        self.forget(ids)
        self.erased()
        addresses = (*person.numbers, *person.mails)
        keys = await self.reading(lambda _: index_seal.destroy(person.customers, addresses))
        await self.writing(partial(_count, of=erasure_id, more={"keys of the index": keys} if keys else {}))
        await self.reading(lambda connection: compact(connection.engine, whole=False))
        return await self.writing(partial(self._finish, of=erasure_id, at=wall()))

    async def _files(self, person: Person, files: Files, erasure_id: str) -> int:
        """Delete them; how many stayed."""
        every = await self.reading(lambda connection: list(erase.files(connection, person)))
        counts: dict[str, int] = {}
        for one in every:
            result = await files.remove(one)
            name = f"{one.kind} files {result}"
            counts[name] = counts.get(name, 0) + 1
        kept = sum(n for name, n in counts.items() if name.endswith("kept"))
        gone = {name: n for name, n in counts.items() if name.endswith("deleted")}
        await self.writing(partial(_count, of=erasure_id, more=gone))
        return kept

    def _finish(self, connection: sa.Connection, of: str, at: float) -> Erasure:
        row = _one(connection, of)
        facts = {
            "id": row.id,
            "pseudonym": row.pseudonym,
            "requested_by": row.requested_by,
            "requested_at": row.requested_at,
            "finished_at": at,
            "rows": row.done,
        }
        values = {"state": "done", "person": None, "finished_at": at, "why": None}
        receipt = receipts.make(self.master, facts)
        connection.execute(sa.update(erasures).where(_e.id == of).values(**values, receipt=receipt))
        return _one(connection, of)

    # --- holds -----------------------------------------------------------------------------------

    async def hold(self, one: Hold) -> Hold:
        """Set it. Raises ``Refused`` for one that makes no sense, ``NotFound`` for an unknown subject."""
        if not one.reason.strip() or len(one.reason) > LONGEST_REASON:
            raise Refused("reason", "say why, in at most 500 characters")
        if one.kind == "period" and one.from_at is None and one.to_at is None:
            raise Refused("from", "a period needs a beginning or an end")
        if one.from_at is not None and one.to_at is not None and one.to_at < one.from_at:
            raise Refused("to", "the period ends before it begins")
        return await self.writing(partial(_hold, one=one))

    async def lift(self, hold_id: str, by: str, at: float) -> Hold:
        """End it. Raises ``NotFound``, ``Conflict`` where it was lifted before."""
        return await self.writing(partial(_lift, of=hold_id, by=by, at=at))

    async def holds(self, *, all_of_them: bool = False) -> list[Hold]:
        """Those that stand, or all, newest first."""
        query = sa.select(holds).order_by(_h.set_at.desc(), _h.id).limit(MOST)
        if not all_of_them:
            query = query.where(_h.lifted_at.is_(None))
        return await self.reading(lambda connection: [Hold(**row._mapping) for row in connection.execute(query)])


def _refuse(found: list[Obstacle]) -> None:
    if any(one.kind == "open" for one in found):
        raise Conflict("a contact of this customer is running")
    if found:
        raise Conflict("a legal hold stands on this customer's data")


def _preview(connection: sa.Connection, customer_id: str) -> Preview:
    if not exists(connection, customer_id):
        raise NotFound(customer_id)
    person, shared = person_of(connection, customer_id)
    files: dict[str, int] = {}
    for one in erase.files(connection, person):
        files[one.kind] = files.get(one.kind, 0) + 1
    return Preview(
        customer_ids=list(person.customers),
        parts=erase.parts(connection, person),
        files=files,
        shared=shared,
        obstacles=obstacles(connection, person),
    )


def _begin(connection: sa.Connection, of: str) -> str | None:
    """The person of an erasure that is to be done; what has come in its way meanwhile ends it."""
    row = connection.execute(sa.select(erasures).where(_e.id == of)).first()
    if row is None:
        raise NotFound(of)
    if row.person is None or row.state not in ("waiting", "running"):
        return None
    found = obstacles(connection, from_text(row.person))
    here = sa.update(erasures).where(_e.id == of)
    if found:
        kinds = ",".join(sorted({one.kind for one in found}))
        refused = {"state": "refused", "person": None} if row.state == "waiting" else {}  # what began goes on after it
        connection.execute(here.values(why=kinds, **refused))
        return None
    connection.execute(here.values(state="running"))
    return str(row.person)


def _interactions(connection: sa.Connection, person: Person) -> list[str]:
    return list(connection.execute(sa.select(interactions.c.id).where(its_interactions(person))).scalars())


def _step(connection: sa.Connection, one: Any, person: Person, of: str, after: Any) -> erase.Done:
    done = erase.step(connection, one, person, after)
    if done.rows:
        _count(connection, of, {one.table.name: done.rows})
    return done


def _count(connection: sa.Connection, of: str, more: dict[str, int]) -> None:
    text = connection.execute(sa.select(_e.done).where(_e.id == of)).scalar()
    counts = json.loads(text or "{}")
    for name, rows in more.items():
        counts[name] = counts.get(name, 0) + rows
    connection.execute(sa.update(erasures).where(_e.id == of).values(done=json.dumps(counts, sort_keys=True)))


def _kept(connection: sa.Connection, of: str, why: str) -> None:
    connection.execute(sa.update(erasures).where(_e.id == of).values(why=why))


def _one(connection: sa.Connection, of: str) -> Erasure:
    row = connection.execute(sa.select(erasures).where(_e.id == of)).first()
    if row is None:
        raise NotFound(of)
    return _erasure(row)


def _erasure(row: Any) -> Erasure:
    values = {name: value for name, value in row._mapping.items() if name not in ("person", "done")}
    return Erasure(**values, done=json.loads(row.done))


def _hold(connection: sa.Connection, one: Hold) -> Hold:
    table = {"customer": customers, "interaction": interactions}.get(one.kind)
    if table is not None:
        found = connection.execute(sa.select(table.c.id).where(table.c.id == one.subject)).first()
        if found is None:
            raise NotFound(str(one.subject))
    row = asdict(one)
    connection.execute(sa.insert(holds).values(row))
    return one


def _lift(connection: sa.Connection, of: str, by: str, at: float) -> Hold:
    here = sa.select(holds).where(_h.id == of)
    row = connection.execute(here).first()
    if row is None:
        raise NotFound(of)
    if row.lifted_at is not None:
        raise Conflict("it was lifted before")
    connection.execute(sa.update(holds).where(_h.id == of).values(lifted_by=by, lifted_at=at))
    return Hold(**connection.execute(here).one()._mapping)
