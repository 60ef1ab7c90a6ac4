"""Look-up by number, a page of a timeline, and search, in SQLite and PostgreSQL, as the site grows.

A site is generated (one customer for ten contacts, three years) and loaded in bulk; at each size the same questions
are asked, one after the other, through the store's own functions. ``SCALE=full``: 10⁷ contacts and 10⁶ customers.
"""

from __future__ import annotations

import gc
import math
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import psycopg
import sqlalchemy as sa

from bench.search_site import COLUMNS, EACH, FREQUENT, QUEUES, Site, copied, customer_id, phone, tuples
from interaction_log.found import Question, Scope
from interaction_log.store import sealed_fields, upgrade_to_head
from interaction_log.store.caller import PhoneBook
from interaction_log.store.engine import open_engine
from interaction_log.store.history import page
from interaction_log.store.index import bucket, doc_of
from interaction_log.store.master_key import make
from interaction_log.store.search import find
from interaction_log.store.search_fill import keep
from interaction_log.store.search_tables import KEYED, search_docs
from tests.fakes.postgres import Postgres, private_postgres

PLAIN: Final = (100_000, 300_000)
FULL: Final = (100_000, 1_000_000, 10_000_000)
LOOKUP_MS, TIMELINE_MS, SEARCH_MS = 2.0, 10.0, 100.0
FLAT: Final = 3.0
"""How much slower the median may become from the first size to the last and still be called flat."""
_AGENT: Final = Scope(labels=frozenset({"kind:customer", "queue:queue3", "queue:queue5", "agent:agent7"}))
_ALL: Final = Scope(everything=True)
Figures = dict[str, Any]


@dataclass
class Times:
    """Of one kind of question, in milliseconds: by the clock, and of our own thread's CPU (with SQLite that is all)."""

    ms: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def take(self, work: Callable[[], Any]) -> Any:
        began, worked = time.perf_counter(), time.thread_time()
        found = work()
        self.ms.append((time.perf_counter() - began) * 1e3)
        self.cpu.append((time.thread_time() - worked) * 1e3)
        return found

    def shown(self) -> dict[str, float]:
        return {"p50": _at(self.ms, 0.5), "p99": _at(self.ms, 0.99), "cpu_p99": _at(self.cpu, 0.99)}


def _at(some: list[float], share: float) -> float:
    ordered = sorted(some)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


# --- loading -------------------------------------------------------------------------------------


class Lite:
    """SQLite: loaded without a journal, its indexes made afterwards; what is measured reads as the program does."""

    name, by_week = "SQLite", False

    def __init__(self, folder: Path):
        self.file = folder / "search.db"
        self.url = f"sqlite:///{self.file}"
        upgrade_to_head(self.url)

    def load(self, site: Site, first: int, last: int) -> None:
        connection = sqlite3.connect(self.file, isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-2000000", "locking_mode=EXCLUSIVE"):
            connection.execute(f"PRAGMA {pragma}").close()
        connection.execute("INSERT INTO search_words (search_words, rank) VALUES ('hashsize', 67108864)")
        listed = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({})"
        made = connection.execute(listed.format(", ".join(f"'{one}'" for one in COLUMNS))).fetchall()
        for name, _ in made:
            connection.execute(f"DROP INDEX {name}")
        connection.execute("BEGIN")
        for batch in site.batches(first, last, tuples):
            for table, rows in batch.items():
                names = COLUMNS[table] if table != "search_words" else ("rowid", "words")
                marks = ", ".join("?" * len(names))
                connection.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)
        connection.execute("COMMIT")
        for _, definition in made:
            connection.execute(definition)
        connection.execute("INSERT INTO search_words (search_words, rank) VALUES ('hashsize', 1048576)")
        connection.execute("PRAGMA locking_mode=NORMAL").close()
        connection.execute("ANALYZE").close()
        connection.execute("PRAGMA journal_mode=WAL").close()
        connection.close()

    def sizes(self) -> dict[str, int]:
        with closing(sqlite3.connect(self.file)) as connection:
            pages, size = (connection.execute(f"PRAGMA {one}").fetchone()[0] for one in ("page_count", "page_size"))
            terms = connection.execute("SELECT sum(length(block)) FROM search_words_data").fetchone()[0]
        return {"database": pages * size, "terms": terms or 0}


_KEYS: Final = (
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE contype = 'p' AND conrelid::regclass::text IN ({})"
)


class Server:
    """PostgreSQL: loaded with COPY, the indexes made afterwards."""

    name, by_week = "PostgreSQL", True

    def __init__(self, server: Postgres):
        self._server = server
        self.url = server.new_database()
        upgrade_to_head(self.url)

    def load(self, site: Site, first: int, last: int) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SET maintenance_work_mem = '1GB'")
            tables = ", ".join(f"'{one}'" for one in COLUMNS)
            listed = f"SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ({tables})"
            made = [row for row in connection.execute(listed).fetchall() if not row[0].endswith("_pkey")]
            keys = connection.execute(_KEYS.format(tables)).fetchall()
            for name, _ in made:
                connection.execute(f"DROP INDEX {name}")
            for table, name, _ in keys:
                connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
            for batch in site.batches(first, last, copied):
                for table, rows in batch.items():
                    with connection.cursor().copy(f"COPY {table} ({', '.join(COLUMNS[table])}) FROM STDIN") as copy:
                        copy.write(rows)
            for table, name, definition in keys:
                connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
            for _, definition in made:
                connection.execute(definition)
            connection.execute("VACUUM ANALYZE")

    def sizes(self) -> dict[str, int]:
        with psycopg.connect(self.url) as connection:
            whole = connection.execute("SELECT pg_database_size(current_database())").fetchone()
            terms = connection.execute("SELECT pg_total_relation_size('search_words')").fetchone()
        return {"database": whole[0] if whole else 0, "terms": terms[0] if terms else 0}


@contextmanager
def _server() -> Iterator[Postgres]:
    with private_postgres() as server:
        server.stop()
        with (server.folder / "data" / "postgresql.conf").open("a") as conf:
            conf.write("shared_buffers=1GB\nfull_page_writes=off\nwork_mem=16MB\n")
            conf.write("fsync=off\nsynchronous_commit=off\nwal_level=minimal\nmax_wal_senders=0\n")  # for loading
            conf.write("max_wal_size=16GB\ncheckpoint_timeout=1h\nmax_parallel_maintenance_workers=2\n")
        server.start()
        yield server


# --- asking --------------------------------------------------------------------------------------


def _measure(url: str, contacts: int, rounds: int) -> dict[str, Times]:
    engine = open_engine(url, writes=False)
    rng = random.Random(5)
    people = contacts // EACH
    times: dict[str, Times] = {}
    pooled = engine.raw_connection()
    driver: Any = pooled.driver_connection
    book = PhoneBook(engine.dialect, "CN")
    for n in range(rounds * 10):
        which = Times() if n < 20 else times.setdefault("look-up", Times())
        who = rng.randrange(people)
        match = which.take(partial(book.find, driver, phone(who)))
        assert match.customer is not None and match.customer["id"] == customer_id(who)
    if engine.dialect.name == "postgresql":
        driver.rollback()
    pooled.close()
    with engine.connect() as connection:
        _timelines(connection, rng, people, rounds, times)
        _searches(connection, rng, contacts, rounds, times)
    engine.dispose()
    return times


def _timelines(
    connection: sa.Connection, rng: random.Random, people: int, rounds: int, times: dict[str, Times]
) -> None:
    for n in range(rounds * 3):
        which = Times() if n < 10 else times.setdefault("timeline", Times())
        who = 0 if n % 4 == 0 else rng.randrange(people)  # every fourth: the one with a hundredth of all contacts
        entries, cursor = which.take(partial(page, connection, customer_id(who), (), 50, None))
        if who == 0:
            assert len(entries) == 50
            which.take(partial(page, connection, customer_id(0), (), 50, cursor))


def _searches(
    connection: sa.Connection, rng: random.Random, contacts: int, rounds: int, times: dict[str, Times]
) -> None:
    def contact() -> int:
        return rng.randrange(contacts)

    questions: dict[str, Callable[[], tuple[Question, Scope]]] = {
        "one contact's number": lambda: (Question(text=f"{contact() + 1_000_000_000}"[1:].lstrip("0").zfill(4)), _ALL),
        "telephone number": lambda: (Question(text=phone(contact() // EACH)), _ALL),
        "last 6 digits": lambda: (Question(text=phone(contact() // EACH)[-6:]), _ALL),
        "name": lambda: (
            Question(text=rng.choice(["王小明", "李秀英", "smith", "mül", "nov"]), kinds=("customer",)),
            _ALL,
        ),
        "word in a quarter of all": lambda: (Question(text=FREQUENT), _ALL),
        "several words": lambda: (
            Question(text=rng.choice(["客户 退款", "call friday", "料金 プラン", "invoice credit"])),
            _ALL,
        ),
        "word, queue, month": lambda: (
            Question(
                text="路由器", queue=rng.choice(QUEUES), start=Site.at(Site(contacts, by_week=False), contacts // 2)
            ),
            _ALL,
        ),
        "an agent's view": lambda: (Question(text=rng.choice(["退款", "router", "배송", "考虑"])), _AGENT),
        "of one customer": lambda: (Question(text="客户", customer_ids=(customer_id(contact() // EACH),)), _ALL),
        "words that never meet": lambda: (Question(text="invoice 退款"), _ALL),
        "nothing has it": lambda: (Question(text="xylophone"), _ALL),
    }
    for name, made in questions.items():
        for n in range(max(20, rounds // 4)):
            which = Times() if n < 3 else times.setdefault(f"search: {name}", Times())
            question, scope = made()
            which.take(partial(find, connection, question, scope))


def _keyed(url: str) -> None:
    """Say that all terms are hashed with the site's key, as the program does when it has looked at all."""
    engine = open_engine(url)
    with engine.begin() as connection:
        keep(connection, KEYED, True)
    engine.dispose()


def _checked(url: str, site: Site) -> None:
    """The generated terms are those that the store would have made."""
    engine = open_engine(url, writes=False)
    with engine.connect() as connection:
        for row in connection.execute(sa.select(search_docs).limit(200)):
            doc = doc_of(row)
            assert doc is not None, "sealed with this key"
            week = bucket(row.id) if site.by_week else ""
            assert set(site.codes(doc, row.id).split()) == set(doc.codes(week).split()), doc
    engine.dispose()


# --- the run -------------------------------------------------------------------------------------


def run(
    sizes: tuple[int, ...] = PLAIN, rounds: int = 100, databases: tuple[str, ...] = ("SQLite", "PostgreSQL")
) -> Figures:
    """Load and ask, size by size; the figures by database and size."""
    found: Figures = {"sizes": list(sizes), "databases": {}}
    if "SQLite" in databases:
        with tempfile.TemporaryDirectory(prefix="cw-search-") as folder:
            found["databases"]["SQLite"] = _grow(Lite(Path(folder)), sizes, rounds)
    if "PostgreSQL" in databases:
        with _server() as server:
            found["databases"]["PostgreSQL"] = _grow(Server(server), sizes, rounds)
    return found


def _grow(database: Lite | Server, sizes: tuple[int, ...], rounds: int) -> list[Figures]:
    with tempfile.TemporaryDirectory(prefix="cw-keys-") as folder:
        key_file = Path(folder) / "master.key"
        make(key_file)
        sealed_fields.use(key_file)
        return _sized(database, Site(sizes[-1], by_week=database.by_week, key_file=key_file), sizes, rounds)


def _sized(database: Lite | Server, site: Site, sizes: tuple[int, ...], rounds: int) -> list[Figures]:
    steps = []
    loaded = 0
    for size in sizes:
        began = time.monotonic()
        database.load(site, loaded, size)
        seconds = time.monotonic() - began
        if not loaded:
            _keyed(database.url)
            _checked(database.url, site)
        loaded = size
        gc.collect()
        times = _measure(database.url, size, rounds)
        searches = [some for name, some in times.items() if name.startswith("search")]
        together = Times([one for some in searches for one in some.ms], [one for some in searches for one in some.cpu])
        asked = {name: some.shown() for name, some in {**times, "search": together}.items()}
        steps.append({"contacts": size, "load_seconds": seconds, "bytes": database.sizes(), "ms": asked})
        print(f"{database.name}, {size:,} contacts: loaded in {seconds:.0f} s", flush=True)
    return steps


def _cell(one: dict[str, float]) -> str:
    return f"{one['p50']:.2f} / {one['p99']:.2f} ({one['cpu_p99']:.2f})"


def table(found: Figures) -> str:
    """What was measured, as Markdown: median / 99th percentile (99th percentile of our CPU) in milliseconds."""
    names = next(iter(found["databases"].values()))[-1]["ms"]
    heads = [f"{db} {step['contacts']:,}" for db, steps in found["databases"].items() for step in steps]
    rows = [f"| ms, p50 / p99 (CPU p99) | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    every = [step for steps in found["databases"].values() for step in steps]
    for name in names:
        cells = [_cell(step["ms"][name]) for step in every]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    for what in ("database", "terms"):
        cells = [f"{step['bytes'][what] / 1e6:,.0f} MB" for step in every]
        rows.append(f"| size of the {what} | {' | '.join(cells)} |")
    each = [f"{step['bytes']['database'] / step['contacts']:,.0f} B" for step in every]
    rows.append(f"| size of the database, by contact | {' | '.join(each)} |")
    loaded = [f"{step['load_seconds']:,.0f} s" for step in every]
    rows.append(f"| loaded in | {' | '.join(loaded)} |")
    return "\n".join([*rows, "", *_growth(found)])


def _growth(found: Figures) -> list[str]:
    """How medians and sizes grew from the first size to the last, in words."""
    rows = []
    for name, steps in found["databases"].items():
        first, last = steps[0], steps[-1]
        grown = {what: last["ms"][what]["p50"] / first["ms"][what]["p50"] for what in ("look-up", "timeline", "search")}
        grown["size"] = last["bytes"]["database"] / first["bytes"]["database"]
        told = ", ".join(f"{what} × {ratio:.2f}" for what, ratio in grown.items())
        rows.append(f"{name}, contacts × {last['contacts'] / first['contacts']:g}: {told}")
    return rows


def promises(found: Figures) -> list[tuple[str, str, str, bool | None]]:
    """What was measured, the figure, what was promised, whether it is met: at the largest size, and how it grew."""
    rows: list[tuple[str, str, str, bool | None]] = []
    for name, steps in found["databases"].items():
        first, last = steps[0], steps[-1]
        for what, most in (("look-up", LOOKUP_MS), ("timeline", TIMELINE_MS), ("search", SEARCH_MS)):
            figure = last["ms"][what]["p99"]
            label = f"{name}, {last['contacts']:,} contacts: {what}, p99"
            rows.append((label, f"{figure:.2f} ms", f"≤ {most:g} ms", figure <= most))
        grown = {what: last["ms"][what]["p50"] / first["ms"][what]["p50"] for what in ("look-up", "timeline")}
        text = ", ".join(f"{what} × {ratio:.2f}" for what, ratio in grown.items())
        label = f"{name}: median from {first['contacts']:,} to {last['contacts']:,}"
        rows.append((label, text, f"flat (≤ × {FLAT:g})", max(grown.values()) <= FLAT))
    return rows
