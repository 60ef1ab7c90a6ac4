"""Merges of customers: previewed, done, listed, undone in any order. See ``links`` and ``merge_fields``."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.persons import FieldDifference, Merge, MergePreview
from interaction_log.records import Conflict, Customer, NotFound, Refused
from interaction_log.store import customer_rows, items, links, merge_fields
from interaction_log.store.custom_fields import defined
from interaction_log.store.fields import Checked, phone
from interaction_log.store.identity_tables import customer_links, customer_merges, merge_suggestions
from interaction_log.store.merge_fields import LISTS, OWN, Laid
from interaction_log.store.personal import Personal, customer, either, register
from interaction_log.store.reading import Reading
from interaction_log.store.schema import interactions
from interaction_log.store.sealed_fields import open_value, sealed
from interaction_log.store.typed import values_of
from interaction_log.store.writing import Writing

SAME: Final = "is the same person already"
UNDONE: Final = "This merge was undone already."
_m: Final = customer_merges.c

register(Personal(table=customer_merges, of=either(customer(_m.kept), customer(_m.merged)), erase="delete"))
register(
    Personal(
        table=customer_links,
        of=either(customer(customer_links.c.member), customer(customer_links.c.root)),
        erase="delete",
        order=91,  # while it stands, it tells who is meant
    )
)


class StoredMerges:
    """``region``: for numbers (ISO 3166-1 alpha-2). ``changed`` is called after every change, for caches."""

    def __init__(self, reading: Reading, writing: Writing, region: str, changed: Callable[[], None]):
        self._reading, self._writing, self._region, self._changed = reading, writing, region, changed

    async def preview(self, kept: str, merged: str) -> MergePreview:
        """What a merge would do. Raises ``NotFound``; ``Refused`` where both are one person already."""
        return await self._reading(partial(_preview, kept=kept, merged=merged))

    async def merge(
        self,
        kept: str,
        merged: str,
        *,
        at: float,
        by: str | None,
        take: Sequence[str] | None = None,
        reasons: Sequence[str] = (),
        rule: str | None = None,
    ) -> Merge:
        """Make ``merged`` a part of ``kept``. ``take``: fields to take over; ``None``: fill gaps only.

        Raises ``NotFound``, ``Refused``.
        """
        row = {"at": at, "by": by, "rule": rule, "reasons": json.dumps(list(reasons))}
        work = partial(do, kept=kept, merged=merged, take=take, row=row, region=self._region)
        done = await self._writing(work)
        self._changed()
        return done

    async def undo(self, merge_id: str, *, at: float, by: str) -> Merge:
        """Both are what they were. Raises ``NotFound``; ``Conflict`` for one that is undone."""
        undone = await self._writing(partial(undo, merge_id=merge_id, at=at, by=by, region=self._region))
        self._changed()
        return undone

    async def of(self, customer_id: str) -> list[Merge]:
        """All merges of this person, those that were undone too, the newest first."""
        return await self._reading(partial(_of, customer_id=customer_id))

    async def members(self, customer_id: str) -> list[Customer]:
        """The records that are this person, the head first. Raises ``NotFound``."""

        def work(connection: sa.Connection) -> list[Customer]:
            found = customer_rows.load(connection, links.members(connection, customer_id))
            if not found:
                raise NotFound(customer_id)
            return found

        return await self._reading(work)


# --- one transaction each ------------------------------------------------------------------------


def do(
    connection: sa.Connection,
    kept: str,
    merged: str,
    take: Sequence[str] | None,
    row: Mapping[str, Any],
    region: str,
) -> Merge:
    """Write a merge of these two persons. ``row``: at, by, rule, reasons."""
    _one_at_a_time(connection)
    here, there = _heads(connection, kept, merged)
    laid = merge_fields.laid_over(asdict(here), asdict(there), take)
    n = connection.execute(sa.select(sa.func.coalesce(sa.func.max(_m.n), 0))).scalar_one() + 1
    new = {
        "id": str(uuid.uuid4()),
        "n": n,
        "kept": here.id,
        "merged": there.id,
        "laid": _stored(connection, here.id, laid),
    }
    connection.execute(sa.insert(customer_merges).values(**new, **row))
    _write(connection, here, {name: after for name, (_, after) in laid.set.items()}, region)
    _relist(connection, here.id, region)
    links.rebuild(connection, [here.id])
    _settled(connection, here.id)
    done = _load(connection, [new["id"]])[0]
    _show(connection, done)
    return done


def undo(connection: sa.Connection, merge_id: str, at: float, by: str, region: str) -> Merge:
    """Take one merge back, in any order with others."""
    _one_at_a_time(connection)
    row = connection.execute(sa.select(customer_merges).where(_m.id == merge_id)).first()
    if row is None:
        raise NotFound(merge_id)
    if row.undone_at is not None:
        raise Conflict(UNDONE)
    connection.execute(sa.update(customer_merges).where(_m.id == merge_id).values(undone_at=at, undone_by=by))
    laid = _laid(row)
    standing = _standing(connection, row.kept)
    later = [(one, _laid(one)) for one in standing if one.n > row.n]
    record = customer_rows.load(connection, [row.kept])
    if record:
        values = merge_fields.taken_back(asdict(record[0]), laid, [changed for _, changed in later])
        for merge, changed in later:
            _keep(connection, merge, changed)
        _write(connection, record[0], values, region)
        _relist(connection, row.kept, region, [laid])
    links.rebuild(connection, [row.kept, row.merged])
    undone = _load(connection, [merge_id])[0]
    _show(connection, undone)
    return undone


def release(connection: sa.Connection, ids: Iterable[str], *, at: float, by: str, region: str) -> int:
    """Undo all merges in which one of these records stands: before they are removed. The result: how many."""
    wanted = sorted(set(ids))
    count = 0
    for n in range(0, len(wanted), 500):
        some = wanted[n : n + 500]
        query = sa.select(_m.id).where(_m.undone_at.is_(None), _m.kept.in_(some) | _m.merged.in_(some))
        for of in connection.execute(query.order_by(_m.n.desc())).scalars().all():
            undo(connection, of, at, by, region)
            count += 1
    return count


def _one_at_a_time(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":  # SQLite's writers have the whole file already
        connection.execute(sa.text("LOCK TABLE customer_merges IN EXCLUSIVE MODE"))


def _heads(connection: sa.Connection, kept: str, merged: str) -> tuple[Customer, Customer]:
    first, second = links.root(connection, kept), links.root(connection, merged)
    if first == second:
        raise Refused("other", SAME)
    found = {one.id: one for one in customer_rows.load(connection, [first, second])}
    for of in (first, second):
        if of not in found:
            raise NotFound(of)
    return found[first], found[second]


def _preview(connection: sa.Connection, kept: str, merged: str) -> MergePreview:
    here, there = _heads(connection, kept, merged)
    both = {name: merge_fields.listed(getattr(here, name), name, [(Laid(), getattr(there, name))]) for name in LISTS}
    found = merge_fields.differences(asdict(here), asdict(there))
    return MergePreview(
        kept=here,
        merged=there,
        differences=[FieldDifference(**asdict(one)) for one in found],
        phones=both["phones"],
        emails=both["emails"],
        interactions=(_count(connection, here.id), _count(connection, there.id)),
    )


def _count(connection: sa.Connection, customer_id: str) -> int:
    ids = links.members(connection, customer_id)
    query = sa.select(sa.func.count()).where(interactions.c.customer_id.in_(ids))
    return int(connection.execute(query).scalar_one())


def _of(connection: sa.Connection, customer_id: str) -> list[Merge]:
    """Also undone ones that once belonged to this person: found from record to record."""
    seen, level = set[str](), set(links.members(connection, customer_id))
    ids: dict[str, int] = {}
    while level:
        near = sa.select(_m.id, _m.n, _m.kept, _m.merged, _m.undone_at).where(_m.kept.in_(level) | _m.merged.in_(level))
        rows = connection.execute(near).all()
        seen |= level
        ids |= {row.id: row.n for row in rows}
        level = {of for row in rows if row.undone_at is None for of in (row.kept, row.merged)} - seen
    return _load(connection, sorted(ids, key=lambda of: -ids[of]))


def _load(connection: sa.Connection, ids: Sequence[str]) -> list[Merge]:
    rows = {row.id: row for row in connection.execute(sa.select(customer_merges).where(_m.id.in_(ids)))}
    people = [of for row in rows.values() for of in (row.kept, row.merged)]
    names = {one.id: one.name for one in customer_rows.load(connection, list(dict.fromkeys(people)))}
    return [_merge(rows[of], names) for of in ids if of in rows]


def _merge(row: Any, names: Mapping[str, str]) -> Merge:
    return Merge(
        id=row.id,
        kept=row.kept,
        merged=row.merged,
        at=row.at,
        by=row.by,
        rule=row.rule,
        reasons=json.loads(row.reasons),
        taken=list(_laid(row).set),
        undone_at=row.undone_at,
        undone_by=row.undone_by,
        kept_name=names.get(row.kept),
        merged_name=names.get(row.merged),
    )


# --- the record that is kept -----------------------------------------------------------------------


def _laid(row: Any) -> Laid:
    """What a merge changed. Values of sensitive fields are sealed, for the record that was kept."""
    found = Laid(**json.loads(row.laid))
    found.set = {name: [open_value(row.kept, one) for one in pair] for name, pair in found.set.items()}
    return found


def _stored(connection: sa.Connection, kept: str, laid: Laid) -> str:
    told = laid.stored()
    own = {name for name in laid.set if name.startswith(OWN + ".")}
    sensitive = {f"{OWN}.{one.code}" for one in defined(connection) if one.sensitive} & own if own else set()
    for name in sensitive:
        told["set"][name] = [_sealed(kept, name, one) for one in laid.set[name]]
    return json.dumps(told)


def _sealed(kept: str, name: str, value: Any) -> Any:
    if value is None:
        return None
    return sealed({"id": kept, OWN: {name: value}}, {name})[OWN][name]


def _keep(connection: sa.Connection, merge: Any, laid: Laid) -> None:
    told = _stored(connection, merge.kept, laid)
    connection.execute(sa.update(customer_merges).where(_m.id == merge.id).values(laid=told))


def _standing(connection: sa.Connection, kept: str) -> list[Any]:
    query = sa.select(customer_merges).where(_m.kept == kept, _m.undone_at.is_(None)).order_by(_m.n)
    return list(connection.execute(query).all())


def _relist(connection: sa.Connection, of: str, region: str, undone: Sequence[Laid] = ()) -> None:
    """Numbers and mails of this record anew, and of those that it is merged into: they have them from here."""
    record = customer_rows.load(connection, [of])
    if not record:
        return
    rows = _standing(connection, of)
    merged = {one.id: one for one in customer_rows.load(connection, [row.merged for row in rows])}
    laid = [_laid(row) for row in rows]
    lists: dict[str, Any] = {}
    for name in LISTS:
        brought = [getattr(merged[row.merged], name) if row.merged in merged else [] for row in rows]
        lists[name] = merge_fields.listed(getattr(record[0], name), name, list(zip(laid, brought, strict=True)), undone)
    for row, one in zip(rows, laid, strict=True):
        _keep(connection, row, one)
    _write(connection, record[0], lists, region)
    up = sa.select(_m.kept).where(_m.merged == of, _m.undone_at.is_(None))
    parent = connection.execute(up).scalar()
    if parent is not None:
        _relist(connection, parent, region)


def _write(connection: sa.Connection, record: Customer, values: Mapping[str, Any], region: str) -> None:
    """These stood in a record, so they were checked; a definition that changed since must not stop an undo."""
    changed = replace(record, **merge_fields.changes(asdict(record), values))
    if changed != record:
        numbers = [phone(text, region, "phones") for text in changed.phones]
        own = values_of(changed.fields, defined(connection)) if changed.fields != record.fields else None
        customer_rows.change(connection, [Checked(changed, numbers, own)])


def _show(connection: sa.Connection, merge: Merge) -> None:
    """In the timeline of the record that was kept; an undone merge stays there, with who undid it."""
    names = " ← ".join(name for name in (merge.kept_name, merge.merged_name) if name)
    public = {"merged": merge.merged, "rule": merge.rule, "undone_at": merge.undone_at, "undone_by": merge.undone_by}
    items.put(connection, items.Item("merge", merge.id, merge.kept, merge.at, names, "", merge.by, public))


def _settled(connection: sa.Connection, head: str) -> None:
    """Suggestions within one person are answered."""
    s = merge_suggestions.c
    ids = links.members(connection, head)
    connection.execute(sa.delete(merge_suggestions).where(s.one.in_(ids), s.other.in_(ids)))
