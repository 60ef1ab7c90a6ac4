"""Imports as jobs, on SQLite and PostgreSQL: tried, taken, taken back, gone on with after a crash."""

# ruff: noqa: F811 (fixtures)
from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import pytest
import sqlalchemy as sa

from interaction_log.records import Conflict, CustomField, FieldChoice, NotFound, Refused
from interaction_log.store import Store, imports_job, imports_undo, items
from interaction_log.store.custom_fields import StoredFields
from interaction_log.store.engine import open_engine
from interaction_log.store.imports_store import KEPT_SECONDS, Import, ImportRow, StoredImports
from interaction_log.store.items import Item
from interaction_log.store.records_tables import customer_values
from interaction_log.store.schema import customer_emails, customer_phones, customers
from interaction_log.store.search_tables import search_docs
from tests.contract.test_store import postgres, store, url  # noqa: F401 (fixtures)

HEADER = "name,phone,email,company,notes\n"
FILE = (
    HEADER
    + """Anna,+8613800138001,anna@example.com,Jinghua,new
Bo,+8613800138002,,,
Cai,+8613800138003,cai@example.com,,
Dong,12,,,
Emil,+8613800138001,,,twice in the file
"""
).encode()


async def step(store: Store, url: str, of: str, name: str | None = None) -> Import:
    """Begin a step and work at it, as the child process does."""
    if name is not None:
        await store.imports.begin(of, name, "sofia")
    await asyncio.to_thread(imports_job.work, url, of, "CN", f"test {time.monotonic()}")
    return await store.imports.get(of)


async def tried(store: Store, url: str, data: bytes = FILE, **how: Any) -> Import:
    of = await store.imports.put_file("people.csv", data, "sofia")
    await step(store, url, of)
    job = await store.imports.suggest(of, None)
    await store.imports.choose(of, job.mapping, how.get("duplicates", "update"), how.get("rename", False))
    return await step(store, url, of, "reading")


async def taken(store: Store, url: str, data: bytes = FILE, **how: Any) -> Import:
    job = await tried(store, url, data, **how)
    return await step(store, url, job.id, "importing")


async def rows(store: Store, job: Import, **how: Any) -> list[ImportRow]:
    return (await store.imports.rows(job.id, limit=500, **how))[0]


def content(url: str) -> dict[str, list[Any]]:
    """All that the database says of customers, what a search finds of them too."""
    engine = open_engine(url, writes=False)
    try:
        with engine.connect() as connection:
            tables = (customers, customer_phones, customer_emails, customer_values, search_docs)
            return {t.name: sorted(map(tuple, connection.execute(sa.select(t))), key=repr) for t in tables}
    finally:
        engine.dispose()


async def some_customers(store: Store, people: Iterable[tuple[str, str]]) -> list[str]:
    return [(await store.customers.create({"name": name, "phones": [phone]})).id for name, phone in people]


async def test_a_dry_run_changes_nothing_and_says_of_every_row_what_will_be(store: Store, url: str) -> None:
    bo, _ = await some_customers(store, [("Bo", "+8613800138002"), ("Somebody", "+8613800138003")])
    before = content(url)
    job = await tried(store, url)
    assert content(url) == before
    assert (job.state, job.kind, job.total, job.file) == ("read", "csv", 5, "people.csv")
    assert job.mapping == ["name", "phones", "emails", "organisation", "notes"]
    assert job.counts == {
        "waiting": 3,
        "waiting.same": 1,
        "waiting.other": 1,
        "refused": 2,
        "refused.file": 1,
    }
    found = await rows(store, job)
    assert [(r.line, r.state, r.same) for r in found] == [
        (2, "waiting", None),
        (3, "waiting", "same"),
        (4, "waiting", "other"),
        (5, "refused", None),
        (6, "refused", "file"),
    ]
    assert (found[1].customer_id, found[1].customer_name) == (bo, "Bo")
    assert found[1].reason == "the same name and +8613800138002"
    assert found[2].reason == "+8613800138003 belongs to Somebody"
    assert (found[3].field, found[3].reason) == ("phones.0", "'12' is no valid telephone number")
    assert found[4].reason == "+8613800138001 stands in line 2 already"
    assert found[3].row == {"name": "Dong", "phone": "12", "email": "", "company": "", "notes": ""}
    assert [r.line for r in await rows(store, job, same="any")] == [3, 4, 6]
    assert [r.line for r in await rows(store, job, state="refused", after=4)] == [6]


async def test_rows_are_taken_and_taken_back(store: Store, url: str) -> None:
    await some_customers(store, [("Bo", "+8613800138002"), ("Somebody", "+8613800138003")])
    before = content(url)
    data = FILE.replace(b"Bo,+8613800138002,,,", b"bo,+8613800138002,bo@example.com,,regular")
    job = await taken(store, url, data)
    assert job.counts == {
        "created": 1,
        "updated": 1,
        "updated.same": 1,
        "refused": 3,
        "refused.other": 1,
        "refused.file": 1,
    }
    assert job.state == "done" and job.samples == [] and job.finished_at is not None
    found = {c.name: c for c in (await store.customers.search("", 50, None))[0]}
    assert set(found) == {"Anna", "Bo", "Somebody"}
    assert found["Bo"].emails == ["bo@example.com"] and found["Bo"].notes == "regular"
    undone = await step(store, url, job.id, "undoing")
    assert content(url) == before
    assert undone.state == "undone" and undone.undone_by == "sofia"
    assert undone.counts["undone"] == 2


@pytest.mark.parametrize(
    ("duplicates", "rename", "names"),
    [
        ("update", True, ["Anna", "Bo", "Cai"]),
        ("skip", False, ["Anna", "Bo", "Somebody"]),
        ("new", False, ["Anna", "Bo", "Bo", "Cai", "Emil", "Somebody"]),
    ],
)
async def test_duplicates_as_it_was_chosen(
    store: Store, url: str, duplicates: str, rename: bool, names: list[str]
) -> None:
    await some_customers(store, [("Bo", "+8613800138002"), ("Somebody", "+8613800138003")])
    before = content(url)
    job = await taken(store, url, duplicates=duplicates, rename=rename)
    assert [c.name for c in (await store.customers.search("", 50, None))[0]] == names
    assert (job.counts.get("skipped", 0), job.counts.get("unchanged", 0)) == {
        "update": (0, 1),
        "skip": (2, 0),
        "new": (0, 0),
    }[duplicates]
    await step(store, url, job.id, "undoing")
    assert content(url) == before


async def test_several_customers_of_one_number_are_never_guessed(store: Store, url: str) -> None:
    await some_customers(store, [("Bo", "+8613800138002"), ("Bo", "+8613800138002")])
    job = await taken(store, url, rename=True)
    (refused,) = [r for r in await rows(store, job, state="refused") if r.line == 3]
    assert refused.reason == "a number or mail of this row belongs to Bo already"


async def test_what_was_touched_since_stays_and_is_told(store: Store, url: str) -> None:
    bo = (await store.customers.create({"name": "Bo", "phones": ["+8613800138002"], "organisation": "Old"})).id
    data = (HEADER + "Bo,+8613800138002,bo@example.com,New,from the file\nAnna,+8613800138001,,,\n").encode()
    job = await taken(store, url, data)
    (anna,) = [r.customer_id for r in await rows(store, job, state="created")]
    assert anna is not None
    await store.customers.update(bo, {"organisation": "Newer"})
    await store.customers.update(anna, {"vip": True})
    undone = await step(store, url, job.id, "undoing")
    assert undone.counts["kept"] == 2
    assert [r.reason for r in await rows(store, job, state="kept")] == [
        "changed since: organisation",
        "was changed since",
    ]
    now = await store.customers.get(bo)
    assert (now.organisation, now.notes, now.emails) == ("Newer", None, [])
    assert (await store.customers.get(anna)).vip
    await store.customers.update(bo, {"organisation": "New"})  # what stood in the way is gone: the undo can be finished
    await store.customers.update(anna, {"vip": False})
    again = await step(store, url, job.id, "undoing")
    assert "kept" not in again.counts
    assert (await store.customers.get(bo)).organisation == "Old"
    with pytest.raises(NotFound):
        await store.customers.get(anna)


async def test_a_step_goes_on_where_a_crash_left_it(store: Store, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports_job, "CLAIM_SECONDS", 0.0)  # the dead one's claim is over at once
    many = HEADER + "".join(f"Person {n},+86138{n:08d},,,\n" for n in range(10_000_000, 10_000_030))
    job = await tried(store, url, many.encode())
    for name, state in (("importing", "done"), ("undoing", "undone")):
        await store.imports.begin(job.id, name, "sofia")
        left = 0
        while (await store.imports.get(job.id)).state == name:
            await asyncio.to_thread(_die_after, url, job.id, 2)
            now = await store.imports.get(job.id)
            if now.state == name and now.done:
                left += 1
                wanted = now.done if name == "importing" else 30 - now.done
                assert len((await store.customers.search("", 50, None))[0]) == wanted
            if left > 2:
                await step(store, url, job.id)
        assert (await store.imports.get(job.id)).state == state


def _die_after(url: str, of: str, transactions: int) -> None:
    """Work, and be killed after so many transactions (nothing is cleaned up)."""
    reading, writing = open_engine(url, writes=False, size=1), open_engine(url, size=2)
    try:
        row = imports_job.claim(writing, of, f"victim {time.monotonic()}", time.time())
        assert row is not None
        left = [transactions]

        def goes_on() -> bool:
            left[0] -= 1
            if left[0] < 0:
                raise SystemExit
            return True

        job = imports_job.Job(writing, reading, of, "CN", row.worker, goes_on)
        job.pace.rows = 7
        try:
            from interaction_log.store import imports_apply

            {"importing": imports_apply, "undoing": imports_undo}[row.state].run(job)  # type: ignore[attr-defined]
        except SystemExit:
            return
    finally:
        reading.dispose()
        writing.dispose()


async def test_only_one_works_at_it(store: Store, url: str) -> None:
    job = await tried(store, url)
    await store.imports.begin(job.id, "importing", "sofia")
    engine = open_engine(url)
    try:
        assert imports_job.claim(engine, job.id, "another", time.time()) is not None
        assert imports_job.claim(engine, job.id, "second", time.time()) is None
        assert await asyncio.to_thread(imports_job.work, url, job.id, "CN", "third") == "busy"
        assert await store.imports.unfinished() == []
    finally:
        engine.dispose()


async def test_a_step_that_kills_its_process_again_and_again_is_given_up(store: Store, url: str) -> None:
    job = await tried(store, url)
    await store.imports.begin(job.id, "importing", "sofia")
    engine = open_engine(url)
    try:
        for n in range(imports_job.ATTEMPTS):
            assert imports_job.claim(engine, job.id, f"victim {n}", time.time() + 1000 * n) is not None
            with engine.begin() as connection:
                connection.execute(sa.text("UPDATE imports SET worker = NULL"))
    finally:
        engine.dispose()
    failed = await step(store, url, job.id)
    assert failed.state == "failed" and failed.failure is not None
    again = await step(store, url, job.id, "importing")
    assert again.state == "done" and again.failure is None


async def test_only_what_comes_next_can_be_begun(store: Store, url: str) -> None:
    job = await tried(store, url)
    with pytest.raises(Conflict):
        await store.imports.begin(job.id, "undoing", "sofia")
    await step(store, url, job.id, "importing")
    for name in ("reading", "importing"):
        with pytest.raises(Conflict):
            await store.imports.begin(job.id, name, "sofia")
    with pytest.raises(Conflict):
        await store.imports.drop(job.id)
    with pytest.raises(Conflict):
        await store.imports.choose(job.id, job.mapping, "skip", False)
    with pytest.raises(NotFound):
        await store.imports.get("none")


async def test_a_file_that_is_none_is_failed_with_the_reason_and_can_be_dropped(store: Store, url: str) -> None:
    of = await store.imports.put_file("a.xlsx", b"PK\x03\x04 no zip", "sofia")
    job = await step(store, url, of)
    assert job.state == "failed" and job.failure == {"field": "file", "message": "is no Excel file that can be read"}
    await store.imports.drop(of)
    with pytest.raises(NotFound):
        await store.imports.get(of)
    with pytest.raises(Refused):
        await store.imports.put_file("empty.csv", b" \n", "sofia")


async def test_a_mapping_is_remembered_by_name(store: Store, url: str) -> None:
    data = b"Who,Reach,Old no.\nAnna,13800138001,7\n"
    of = await store.imports.put_file("a.csv", data, "sofia")
    job = await step(store, url, of)
    assert job.headings == ["Who", "Reach", "Old no."] and job.samples == [["Anna", "13800138001", "7"]]
    assert (await store.imports.suggest(of, None)).mapping == [None, "phones", None]
    with pytest.raises(Refused):
        await store.imports.begin(of, "reading", "sofia")
    await store.imports.choose(of, ["name", "phones", None], "skip", False)
    await store.imports.remember(" From the  shop ", of, "sofia")
    other = await store.imports.put_file("b.csv", b"Reach,Who\n13800138002,Bo\n", "sofia")
    await step(store, url, other)
    assert (await store.imports.suggest(other, "From the shop")).mapping == ["phones", "name"]
    await store.imports.forget("From the shop")
    assert await store.imports.mappings() == {}


async def test_the_list_and_the_report(store: Store, url: str) -> None:
    first, second = await taken(store, url), await tried(store, url, HEADER.encode() + b"=1+1,+8613800138009,,,\n")
    page, following = await store.imports.page(1, None)
    rest, end = await store.imports.page(1, following)
    assert [page[0].id, rest[0].id, end] == [second.id, first.id, None]
    pieces = [
        piece async for piece in store.imports.report(second.id, lambda row: [str(row.line), row.state] + [""] * 4)
    ]
    assert "".join(pieces).splitlines()[1] == "2,refused,,,,,'=1+1,+8613800138009,,,"


async def test_fields_of_the_site_are_filled_in_their_types_and_taken_back_one_by_one(store: Store, url: str) -> None:
    tier = CustomField(
        code="tier",
        labels={"en": "Tier", "zh-CN": "等级"},
        type="choice",
        choices=[FieldChoice(code="gold", labels={"en": "Gold", "zh-CN": "金"})],
    )
    for one in (tier, *(CustomField(code=c, labels={"en": c.title()}, type=c) for c in ("number", "date", "flag"))):  # type: ignore[arg-type]
        await StoredFields(store._reading, store._writing).put(one)
    bo = await store.customers.create({"name": "Bo", "phones": ["+8613800138002"], "fields": {"number": 1.0}})
    before = content(url)
    data = "name,phone,等级,number!,date,flag,value\n"
    data += 'Bo,13800138002,金,"1,234.5",2026-01-31,是,99\n'
    data += "A,13800138001,lead,,,,\n"
    of = await store.imports.put_file("a.csv", data.encode(), "sofia")
    await step(store, url, of)
    job = await store.imports.suggest(of, None)
    assert job.mapping == ["name", "phones", "fields.tier", None, "fields.date", "fields.flag", "value"]
    columns = [*job.mapping[:3], "fields.number", *job.mapping[4:]]
    await store.imports.choose(of, columns, "update", False)
    job = await step(store, url, of, "reading")
    assert [(r.field, r.reason) for r in await rows(store, job, state="refused")] == [("fields.tier", "one of gold")]
    await step(store, url, of, "importing")
    now = await store.customers.get(bo.id)
    assert now.fields == {"tier": "gold", "number": 1234.5, "date": "2026-01-31", "flag": True} and now.value == 99
    await step(store, url, of, "undoing")
    assert content(url) == before


async def test_a_customer_who_is_in_use_by_now_stays(store: Store, url: str) -> None:
    before = content(url)
    job = await taken(store, url, (HEADER + "Anna,+8613800138001,,,\nBo,+8613800138002,,,\n").encode())
    anna, _bo = [r.customer_id for r in await rows(store, job, state="created")]
    assert anna is not None
    item = Item("note", "n1", anna, 1.0, "She called")
    await store.imports._writing(lambda connection: items.put(connection, item))
    undone = await step(store, url, job.id, "undoing")
    (kept,) = await rows(store, job, state="kept")
    assert (undone.counts["kept"], kept.customer_id, kept.reason) == (1, anna, imports_undo.IN_USE)
    await store.imports._writing(lambda connection: items.drop(connection, "note", "n1"))
    await step(store, url, job.id, "undoing")
    assert content(url) == before


async def test_rows_of_a_merged_person_are_hers_once(store: Store, url: str) -> None:
    first, second = await some_customers(store, [("Anna", "+8613800138001"), ("Anna B.", "+8613800138002")])
    await store.identity.merges.merge(first, second, at=1.0, by="sofia")
    job = await tried(store, url, (HEADER + "Anna,+8613800138001;+8613800138002,a@example.com,,\n").encode())
    (row,) = await rows(store, job)
    assert (row.same, row.customer_id) == ("same", first)


async def test_rows_that_were_not_taken_are_forgotten_after_a_month(store: Store, url: str) -> None:
    job = await taken(store, url)
    assert await store.imports.scrub() == 0
    late = StoredImports(store._reading, store._writing, url, "CN", lambda: time.time() + KEPT_SECONDS + 60)
    assert await late.scrub() == 2
    assert [r.row for r in await rows(store, job, state="refused")] == [{}, {}]
    assert await late.scrub() == 0
