"""A person with a marker in every field of every table: the export finds them all, after the erasure no file does.

The tables are those of the register, so that a new one cannot be forgotten; how a row belongs to the person is found by
trying her ids, number and address in its columns.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from interaction_log import events as e
from interaction_log.privacy import export, receipts
from interaction_log.privacy.erase import StoredFile
from interaction_log.privacy.erased import ErasedList, erased_beside
from interaction_log.privacy.person import person_of
from interaction_log.privacy.reapply import reapply
from interaction_log.privacy.registers import load_all
from interaction_log.privacy.stored import Hold, NoFiles, Removed
from interaction_log.records import Conflict
from interaction_log.store import EventLog, Store, index, index_seal, personal, sealed_fields
from interaction_log.store import schema as s
from interaction_log.store.compact import compact
from interaction_log.store.engine import open_engine
from interaction_log.store.master_key import load, make
from interaction_log.store.sealed_text import SealedText
from interaction_log.store.search_tables import search_docs
from tests.fakes.postgres import Postgres, shared_postgres

MARK = "zqmark"
TEXT = (sa.String, SealedText)
NUMBER = "+8613812345678"
MAIL = "zqmark@example.com"
CALL = "00000000-0000-8000-8000-00000000abcd"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    yield from shared_postgres()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real("postgresql"))])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        (tmp_path / "db").mkdir()
        return f"sqlite:///{tmp_path}/db/log.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.migrated_database()


class Folder:
    """Recordings as bytes in memory."""

    def __init__(self) -> None:
        self.there: dict[str, bytes] = {}

    async def remove(self, one: StoredFile) -> Removed:
        return "deleted" if self.there.pop(one.id, None) is not None else "missing"

    async def read(self, one: StoredFile) -> tuple[str, bytes] | None:
        return (".wav", self.there[one.id]) if one.id in self.there else None


@dataclass
class Site:
    """One installation with its key, log and records."""

    url: str
    folder: Path
    log: EventLog
    store: Store
    files: Folder = field(default_factory=Folder)

    @property
    def key(self) -> Path:
        return self.folder / "key" / "master.key"

    async def say(self, *told: e.Event) -> None:
        seq = 0
        for event in told:
            seq = self.log.next_seq()
            self.log.append(e.Recorded(seq, event))
        await asyncio.wait_for(self.log.durable(seq), 20)
        async with asyncio.timeout(30):  # a slow disk under `plant` may have sent it to the journal for a moment
            while self.log.state.name != "ok" or self.log.state.backlog:  # noqa: ASYNC110 (a state)
                await asyncio.sleep(0.02)
        await asyncio.wait_for(self.log.shown(), 20)

    def close(self) -> None:
        self.log.close()
        self.store.close()


@pytest.fixture
def site(url: str, tmp_path: Path) -> Iterator[Site]:
    key = tmp_path / "key" / "master.key"
    master = make(key)
    log = EventLog.open(
        url, tmp_path / "db" / "journal", on_state=lambda _: None, journal_bytes=1_000_000, master=master
    )
    store = Store.open(url, default_region="CN", master_key=key)
    assert store.privacy is not None
    store.privacy.forget = log.forget
    one = Site(url, tmp_path, log, store)
    yield one
    one.close()


def call(at: float = 1_700_000_000.0, of: str = CALL, customer: str | None = None) -> list[e.Event]:
    """A finished call in which every personal field says who it was."""
    told: list[e.Event] = [
        e.InteractionStarted(
            at=at, interaction_id=of, pbx="main", channel="voice", direction="outbound", customer_address=NUMBER,
            customer_name=f"{MARK}-name", dialled=f"{MARK}-dialled", unique_id="1.1", linked_id="1.1",
        ),
        e.InteractionAmended(at=at, interaction_id=of, customer_name=f"{MARK}-amended"),
        e.QueueEntered(at=at, interaction_id=of, queue="support"),
        e.InteractionOffered(at=at, interaction_id=of, offer_id="o", device=f"Local/{MARK}-device", source="queue"),
        e.RecordingStarted(at=at, interaction_id=of, recording_id="rec", unique_id="1.1", file=f"/r/{MARK}-file.wav"),
        e.TransferStarted(
            at=at, interaction_id=of, transfer_id="t", kind="blind", device="PJSIP/1", target=f"exten:{MARK}-target"
        ),
        e.MessageLeft(
            at=at, interaction_id=of, message_id="m", mailbox="500@default", channel=f"Local/{MARK}-channel"
        ),
        e.MessageFiled(at=at, interaction_id=of, message_id="m", file=f"default/500/INBOX/{MARK}-msg"),
        e.CallbackRequested(
            at=at, callback_id="cb", pbx="main", queue="support", address=f"{MARK}-callback", since=at,
            expires_at=at + 60, requested_in=of,
        ),
        e.CallerFound(
            at=at, interaction_id=of, strength="candidates", candidates=[{"id": "x", "name": f"{MARK}-candidate"}]
        ),
        e.NoteWritten(at=at, interaction_id=of, agent="anna", text=f"{MARK}-note"),
        e.InteractionEnded(at=at + 60, interaction_id=of, outcome="answered", ended_by="customer"),
        e.InteractionWrappedUp(at=at + 70, interaction_id=of, agent="anna", disposition=None, notes=f"{MARK}-wrapup"),
    ]  # fmt: skip
    if customer is not None:
        told.insert(2, e.CustomerIdentified(at=at, interaction_id=of, customer_id=customer, agent="anna"))
    return told


async def planted(site: Site) -> str:
    """The person, her call, and a row of hers in every table of the register; her id."""
    made = await site.store.customers.create(
        {"name": f"{MARK}-customer", "phones": [NUMBER], "emails": [MAIL], "organisation": f"{MARK}-org"}
    )
    await site.say(*call(customer=made.id))
    site.files.there["rec"] = f"RIFF {MARK}-audio".encode()
    writing = site.store._writing
    left, known = list(personal.registered()), [made.id, CALL, NUMBER, MAIL]
    while left:  # a row may belong to her through a row of another table
        rest = []
        for one in left:
            keys = await writing(partial(plant, one=one, of=made.id, known=known))
            known += [key for key in keys or [] if key not in known]
            rest += [one] if keys is None else []
        assert len(rest) < len(left), f"no row of {[o.table.name for o in rest]} can be hers: how does `of` find one?"
        left = rest
    return made.id


def plant(connection: sa.Connection, one: personal.Personal, of: str, known: list[str]) -> list[str] | None:
    """Put a row with markers into this table, unless it has one already or has no text of its own.

    The ids of the rows that are there then; ``None``: no row of it could be hers yet.
    """
    person, _shared = person_of(connection, of)
    keys = [c.name for c in one.table.primary_key] + ["visitor"] * ("visitor" in one.table.c)

    def found() -> list[str]:
        rows = connection.execute(sa.select(one.table).where(one.of(person))).mappings()
        return [row[name] for row in rows for name in keys if isinstance(row[name], str)]

    texts = [c for c in one.table.c if isinstance(c.type, TEXT)]
    if not texts or connection.execute(sa.select(one.table).where(one.of(person)).limit(1)).first():
        return found()
    for column in texts:
        for value in known:
            row = {c.name: filled(one, c) for c in one.table.c} | {column.name: value}
            trial = connection.begin_nested()
            connection.execute(sa.insert(one.table).values(row))
            if connection.execute(sa.select(one.table).where(one.of(person)).limit(1)).first():
                trial.commit()
                return found()
            trial.rollback()
    return None


def filled(one: personal.Personal, column: sa.Column[Any]) -> Any:
    """A marker in what a deleted row or an emptied column holds, something harmless elsewhere."""
    if not isinstance(column.type, TEXT):
        kind = column.type.python_type
        return 7 if kind in (int, float) else kind()
    if one.erase == "delete" or column.name in one.columns:
        marker = f"{MARK}-{one.table.name}-{column.name}"
        return json.dumps({"x": marker}) if column.name in one.blanks else marker
    return "{}" if column.name in ("public", "details") else f"neutral-{one.table.name}-{column.name}"


def markers_in(text: bytes) -> set[bytes]:
    """The words that begin with the marker."""
    found = set()
    at = text.find(MARK.encode())
    while at >= 0:
        end = at
        while end < len(text) and (text[end : end + 1].isalnum() or text[end : end + 1] in b"-_@."):
            end += 1
        found.add(text[at:end])
        at = text.find(MARK.encode(), end)
    return found


TOKEN = sealed_fields.TEXT.encode()
BASE64 = rb"[A-Za-z0-9+/]+={0,2}"
Documents = Sequence[tuple[str, str]]
VIRTUAL = {"search_words"}
"""Its content is in tables of its own on SQLite, and codes only."""


def dumped(url: str) -> bytes:
    """Every row of every table, the index that is made by hand too."""
    engine = open_engine(url, writes=False)
    out = []
    with engine.connect() as connection:
        names = sorted(set(sa.inspect(connection).get_table_names()) - VIRTUAL)
        for name in names:
            rows = connection.exec_driver_sql(f'SELECT * FROM "{name}"').fetchall()
            out += [repr(row) for row in rows]
    engine.dispose()
    return "\n".join(out).encode()


def opened_too(content: bytes, site: Site) -> bytes:
    """With what whoever has the key could read of it: the site's key outlives an erasure."""
    master = load(site.key)
    texts = (master.open_text(one[len(TOKEN) :].decode()) for one in re.findall(TOKEN + BASE64, content))
    return b"\n".join([content, *(text.encode() for text in texts if text is not None)])


def opened_of_the_index(content: bytes, site: Site, documents: Documents) -> bytes:
    """What whoever has the site's keys as they are now reads of the index's sealed texts in these bytes."""
    sealed_fields.use(site.key)
    texts = []
    for one in set(re.findall(index_seal.SEALED.encode() + BASE64, content)):
        for end in range(len(index_seal.SEALED) + 44, len(one) + 1, 4):  # in a file another column may follow at once
            found = (index_seal.opened(kind, ref, "", one[:end].decode()) for kind, ref in documents)
            texts += ["\n".join(text) for text in found if text is not None]
    return "\n".join(texts).encode()


def on_disk(site: Site, *, also: Path | None = None) -> dict[str, set[bytes]]:
    """The markers in the bytes of every file of the site, and in every table."""
    found = {}
    for path in [one for top in (site.folder, also) if top for one in top.rglob("*") if one.is_file()]:
        content = opened_too(path.read_bytes(), site)
        found[str(path)] = markers_in(content) | ({NUMBER.encode()} if NUMBER.encode() in content else set())
    table = opened_too(dumped(site.url), site)
    found["tables"] = markers_in(table) | ({NUMBER.encode()} if NUMBER.encode() in table else set())
    return {name: marks for name, marks in found.items() if marks}


def postgres_folder(site: Site, request: pytest.FixtureRequest) -> Path | None:
    if not site.url.startswith("postgresql"):
        return None
    server: Postgres = request.getfixturevalue("postgres")
    with open_engine(site.url).connect() as connection:
        number = connection.exec_driver_sql(
            "SELECT oid FROM pg_database WHERE datname = current_database()"
        ).scalar_one()
    return server.folder / "data" / "base" / str(number)


async def test_events_hold_no_personal_word_in_clear(site: Site) -> None:
    load_all()
    await site.say(*call())
    with open_engine(site.url, writes=False).connect() as connection:
        rows = connection.execute(sa.select(s.events)).all()
    assert rows and not markers_in(repr(rows).encode()) - {b"zqmark-device"} and NUMBER not in repr(rows)
    stored = [one.event async for one in site.log.events_after(0, 100)]
    assert stored == call()


async def test_an_export_finds_every_marker(site: Site, tmp_path: Path) -> None:
    of = await planted(site)
    assert site.store.privacy is not None
    manifest = await export.write(site.store.privacy, of, site.files, tmp_path / "out.zip", 5.0)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        content = b"\n".join(archive.read(name) for name in archive.namelist())
        assert json.loads(archive.read("manifest.json")) == manifest
    expected = set()
    for one in personal.registered():
        if one.export:
            for column in one.table.c:
                if column.name in one.secret or not isinstance(column.type, TEXT):
                    continue
                if one.table.name in WRITTEN_BY_THE_LOG:
                    continue
                value = filled(one, column)
                expected |= markers_in(str(value).encode())
    told = {
        f"{MARK}-{word}".encode()
        for word in ("name", "dialled", "amended", "file.wav", "target", "channel", "msg", "callback", "note",
                     "wrapup", "candidate", "audio", "customer", "org")
    }  # fmt: skip
    found = markers_in(content)
    linked = {one for one in expected if one not in found}
    assert told <= found, told - found
    # In a planted row one column holds the link to the person in place of its marker.
    per_table: dict[bytes, int] = {}
    for word in linked:
        table = word.split(b"-")[1]
        per_table[table] = per_table.get(table, 0) + 1
    assert all(count <= 1 for count in per_table.values()), sorted(linked)
    assert {"rec"} == {one["id"] for one in manifest["files"] if one["kind"] == "recording"}


WRITTEN_BY_THE_LOG = frozenset(
    {"events", "interactions", "legs", "recordings", "voicemails", "missed_calls", "missed_tries", "customers",
     "customer_phones", "customer_emails", "event_keys", "quarantine", "search_docs", "holds"}
)  # fmt: skip
"""Their rows come from the person and her call, not from ``plant``."""


async def test_after_an_erasure_nothing_is_found(site: Site, request: pytest.FixtureRequest) -> None:
    of = await planted(site)
    privacy = site.store.privacy
    assert privacy is not None
    assert on_disk(site)["tables"], "the markers were there before"
    asked = await privacy.request(of, "admin", 1.0)
    done = await privacy.run(asked.id, site.files, time.time)
    assert done.state == "done" and done.done["events"] > 5, done
    assert not site.files.there
    if not site.url.startswith("postgresql"):
        compact(open_engine(site.url), whole=False)
        left = on_disk(site)
    else:
        compact(open_engine(site.url), whole=True)
        open_engine(site.url).connect().exec_driver_sql("CHECKPOINT")
        left = on_disk(site, also=postgres_folder(site, request))
    assert left == {}
    # Sums still add up: the interaction is there, nobody's.
    with open_engine(site.url, writes=False).connect() as connection:
        row = connection.execute(sa.select(s.interactions).where(s.interactions.c.id == CALL)).one()
    assert row.customer_id is None and row.talk_seconds is not None and row.outcome == "answered"
    whole, facts = receipts.check(str(done.receipt), load(site.key).public)
    assert whole and facts["rows"] == done.done and of not in str(done.receipt)
    changed = str(done.receipt).replace('"requested_by": "admin"', '"requested_by": "nobody"')
    assert not receipts.check(changed, load(site.key).public)[0]


async def test_a_copy_from_before_opens_no_text_of_the_index(site: Site, request: pytest.FixtureRequest) -> None:
    """Who kept a copy of the database, and has the keys as they are after the erasure, reads nothing of the person."""
    of = await planted(site)
    await site.store.customers.create({"name": "bystander", "notes": "stays readable"})
    await site.store.records.cases.create({"type": "complaint", "title": f"{MARK}-case", "customer_id": of}, "a", 1.0)
    await site.store.records.tasks.create({"title": f"{MARK}-task", "customer_id": of}, "anna", 1.0)
    stranger = "00000000-0000-8000-8000-00000000beef"  # nobody was identified, from her number
    await site.say(*call(at=1_600_000_000.0, of=stranger))
    while await site.store.feed.step():
        pass
    documents, copy = copied(site, request)
    assert {("interaction", CALL), ("interaction", stranger), ("customer", of)} < set(documents)
    assert {"case", "task"} < {kind for kind, _ in documents}
    told = {f"{MARK}-{word}".encode() for word in ("customer", "org", "wrapup", "case", "task")} | {MAIL.encode()}
    before = opened_of_the_index(copy, site, documents)
    assert told <= markers_in(before) and NUMBER.encode() in before and b"stays readable" in before
    privacy = site.store.privacy
    assert privacy is not None
    asked = await privacy.request(of, "admin", 1.0)
    done = await privacy.run(asked.id, site.files, time.time)
    assert done.state == "done" and done.done["keys of the index"] >= 3, "hers, her number's, her mail address's"
    after = opened_of_the_index(copy, site, documents)
    assert not markers_in(after) and NUMBER.encode() not in after, "a copy of before is noise"
    assert b"stays readable" in after
    # The number has a new owner some day: what is said then is kept and found, under another key.
    await site.say(*call(at=1_800_000_000.0, of="00000000-0000-8000-8000-00000000feed"))
    while await site.store.feed.step():
        pass
    fresh, copy = copied(site, request)
    assert NUMBER.encode() in opened_of_the_index(copy, site, fresh)


def copied(site: Site, request: pytest.FixtureRequest) -> tuple[Documents, bytes]:
    """Which documents are in the index; the rows of the index with the bytes of the database's files and its WAL."""
    engine = open_engine(site.url)
    with engine.connect() as connection:
        rows = connection.execute(sa.select(search_docs)).all()
        if site.url.startswith("postgresql"):
            connection.exec_driver_sql("CHECKPOINT")
    engine.dispose()
    assert all(row.title == "" and row.text.startswith(index_seal.SEALED) for row in rows)
    top = postgres_folder(site, request) or site.folder / "db"
    files = [path.read_bytes() for path in sorted(top.rglob("*")) if path.is_file()]
    return [(row.kind, row.ref) for row in rows], b"\n".join([repr(rows).encode(), *files])


async def test_what_the_writer_remembers_is_not_written_again(site: Site) -> None:
    of = await planted(site)
    privacy = site.store.privacy
    assert privacy is not None
    asked = await privacy.request(of, "admin", 1.0)
    await privacy.run(asked.id, site.files, time.time)
    await site.say(e.InteractionWrappedUp(at=9.0, interaction_id=CALL, agent="anna", disposition="done", notes=None))
    assert "tables" not in on_disk(site)
    assert not markers_in(dumped(site.url)) and NUMBER.encode() not in dumped(site.url)


async def test_a_hold_and_a_running_contact_stand_against_it(site: Site) -> None:
    of = await planted(site)
    privacy = site.store.privacy
    assert privacy is not None
    for kind, subject, period in (
        ("customer", of, None),
        ("interaction", CALL, None),
        ("period", None, 1_700_000_000.0),
    ):
        hold = Hold(
            id=kind, kind=kind, subject=subject, from_at=period, to_at=period, reason="court", set_by="admin",
            set_at=1.0, lifted_by=None, lifted_at=None,
        )  # fmt: skip
        await privacy.hold(hold)
        with pytest.raises(Conflict, match="legal hold"):
            await privacy.request(of, "admin", 1.0)
        assert [one.ref for one in (await privacy.preview(of)).obstacles] == [kind]
        await privacy.lift(kind, "admin", 2.0)
    await site.say(*call(of="00000000-0000-8000-8000-00000000dcba", customer=of)[:3])
    with pytest.raises(Conflict, match="running"):
        await privacy.request(of, "admin", 1.0)


@pytest.mark.timeout(400)  # every transaction of an erasure fails once: some seventy erasures
async def test_an_erasure_that_was_cut_off_goes_on(site: Site) -> None:
    """Fail at the Nth transaction, for every N; then run it again: the end is the same."""
    of = await planted(site)
    privacy = site.store.privacy
    assert privacy is not None
    asked = await privacy.request(of, "admin", 1.0)
    real, fuse = privacy.writing, [0]

    class Failing:
        async def __call__(self, work: Any) -> Any:
            fuse[0] -= 1
            if fuse[0] == 0:
                raise ConnectionError
            return await real(work)

    privacy.writing = Failing()  # type: ignore[assignment]
    failures, n = 0, 0
    while True:
        n += 1
        fuse[0] = n
        try:
            done = await privacy.run(asked.id, site.files, time.time)
            break
        except ConnectionError:
            failures += 1
    assert failures > 10 and done.state == "done"
    assert not markers_in(dumped(site.url)) and NUMBER.encode() not in dumped(site.url)


async def test_a_restore_brings_nobody_back(site: Site, tmp_path: Path) -> None:
    of = await planted(site)
    privacy = site.store.privacy
    assert privacy is not None
    # Somebody who was never identified rang from her number, too.
    await site.say(*call(at=1_600_000_000.0, of="00000000-0000-8000-8000-00000000beef"))
    engine = open_engine(site.url)
    before = snapshot(engine)
    asked = await privacy.request(of, "admin", time.time())
    await privacy.run(asked.id, site.files, time.time)
    assert not markers_in(dumped(site.url))
    put_back(engine, before)
    assert markers_in(dumped(site.url))
    with engine.begin() as connection:
        counts = reapply(connection, load(site.key), ErasedList(erased_beside(site.key)))
    assert counts["customers"] == 1 and counts["interactions"] == 2
    assert not markers_in(dumped(site.url)) and NUMBER.encode() not in dumped(site.url)
    engine.dispose()
    assert not markers_in(erased_beside(site.key).read_bytes())


def snapshot(engine: sa.Engine) -> dict[str, list[dict[str, Any]]]:
    with engine.connect() as connection:
        return {
            name: [dict(row._mapping) for row in connection.execute(sa.select(table))]
            for name, table in s.metadata.tables.items()
            if name not in ("lease", "meta")
        }


def put_back(engine: sa.Engine, rows: dict[str, list[dict[str, Any]]]) -> None:
    with engine.begin() as connection:
        for name, kept in rows.items():
            table = s.metadata.tables[name]
            connection.execute(sa.delete(table))
            if kept:
                connection.execute(sa.insert(table), kept)
        index.words_anew(connection, 0, 10_000)


async def test_a_number_of_two_customers_is_not_one_persons(site: Site) -> None:
    one = await site.store.customers.create({"name": "one", "phones": [NUMBER]})
    await site.store.customers.create({"name": "two", "phones": [NUMBER]})
    await site.say(*call())  # nobody was identified
    privacy = site.store.privacy
    assert privacy is not None
    preview = await privacy.preview(one.id)
    assert [shared.value for shared in preview.shared] == [NUMBER]
    asked = await privacy.request(one.id, "admin", 1.0)
    await privacy.run(asked.id, NoFiles(), time.time)
    with open_engine(site.url, writes=False).connect() as connection:
        assert connection.execute(sa.select(s.interactions.c.customer_address)).scalar_one() == NUMBER


async def test_a_file_that_cannot_be_deleted_keeps_it_open(site: Site) -> None:
    of = await planted(site)
    privacy = site.store.privacy
    assert privacy is not None
    asked = await privacy.request(of, "admin", 1.0)
    half = await privacy.run(asked.id, NoFiles(), time.time)
    assert half.state == "running" and half.why is not None and half.why.startswith("files:")
    assert await privacy.pending() == [asked.id]
    hold = Hold(
        id="h", kind="customer", subject=of, from_at=None, to_at=None, reason="court", set_by="admin", set_at=1.0,
        lifted_by=None, lifted_at=None,
    )  # fmt: skip
    await privacy.hold(hold)
    waits = await privacy.run(asked.id, site.files, time.time)
    assert (waits.state, waits.why) == ("running", "hold") and site.files.there
    await privacy.lift("h", "admin", 2.0)
    done = await privacy.run(asked.id, site.files, time.time)
    assert done.state == "done" and await privacy.pending() == []


def test_the_sqlite_library_overwrites_what_is_deleted(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/x.db")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA secure_delete").scalar() == 1
    engine.dispose()
    shutil.rmtree(tmp_path, ignore_errors=True)
