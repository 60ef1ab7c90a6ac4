"""Any sequence of imports, claims, merges and undos keeps each interaction with exactly one customer and loses none;
and when all merges are undone, in whatever order, every record is what it was."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from interaction_log.persons import Seen
from interaction_log.records import Customer
from interaction_log.store import (
    claims,
    customer_rows,
    imports_apply,
    imports_read,
    imports_undo,
    links,
    merges,
    upgrade_to_head,
)
from interaction_log.store.caller import PhoneBook
from interaction_log.store.engine import open_engine
from interaction_log.store.fields import check
from interaction_log.store.identity_tables import customer_links, customer_merges
from interaction_log.store.imports_job import Job
from interaction_log.store.imports_tables import import_rows
from interaction_log.store.imports_tables import imports as imports_table
from interaction_log.store.schema import customers, interactions
from interaction_log.store.timeline import timeline

NUMBERS = [f"+8613800{n:06}" for n in range(138000, 138012)]
NAMES = ["王小明", "Emily Carter", "E. Carter", "李静", ""]
BY = {"at": 1.0, "by": "sofia", "rule": None, "reasons": "[]"}

imports = st.tuples(
    st.just("import"),
    st.lists(
        st.tuples(st.sampled_from(NAMES[:-1]), st.lists(st.sampled_from(NUMBERS), max_size=3, unique=True)),
        min_size=1,
        max_size=3,
    ),
)
files = st.tuples(
    st.just("file"),
    st.lists(st.tuples(st.sampled_from(NAMES[:-1]), st.sampled_from(NUMBERS)), min_size=1, max_size=4),
    st.sampled_from(["update", "skip", "new"]),
)
steps = st.one_of(
    imports,
    files,
    st.tuples(st.just("takeback"), st.integers(0, 30)),
    st.tuples(st.just("call"), st.integers(0, 30)),
    st.tuples(st.just("claim"), st.integers(0, 30), st.sampled_from(NUMBERS), st.sampled_from(["agent", "network"])),
    st.tuples(st.just("merge"), st.integers(0, 30), st.integers(0, 30), st.sampled_from([None, [], ["name"]])),
    st.tuples(st.just("undo"), st.integers(0, 30)),
)


class Here(Job):
    """An import that is worked at on the connection of the test."""

    def __init__(self, connection: sa.Connection, of: str):
        super().__init__(engine=connection.engine, reading=connection.engine, id=of, region="CN", worker="test")
        self.connection = connection

    def read(self, work: Any) -> Any:
        return work(self.connection)

    def write(self, work: Any, rows: int = 0) -> Any:
        return work(self.connection)

    @property
    def gentle(self) -> bool:
        return False


@dataclass
class World:
    """What was done, and what must be true after each step."""

    connection: sa.Connection
    first: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)
    standing: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    """Imports of files, taken back or not."""
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def do(self, step: tuple[Any, ...]) -> None:
        getattr(self, "_" + step[0])(*step[1:])

    def _some(self, n: int) -> str | None:
        return sorted(self.first)[n % len(self.first)] if self.first else None

    def _import(self, people: list[tuple[str, list[str]]]) -> None:
        new = []
        for name, phones in people:
            blank = Customer(id=f"c{next(self.ids):03}", name="")
            new.append(check(blank, {"name": name, "phones": phones}, "CN"))
        customer_rows.add(self.connection, new)
        self.first |= {one.customer.id: asdict(one.customer) for one in new}

    def _file(self, people: list[tuple[str, str]], duplicates: str) -> None:
        """A file is imported; each has another organisation, so who is known already is changed."""
        of = f"f{next(self.ids):03}"
        job = dict.fromkeys(imports_table.c.keys())
        job |= {
            "id": of,
            "created_at": 1.0,
            "by": "sofia",
            "file": "x.csv",
            "kind": "csv",
            "bytes": 1,
            "headings": "[]",
        }
        job |= {"state": "importing", "headings": "[]", "samples": "[]"}
        job |= {"mapping": '["name", "phones", "organisation"]', "counts": "{}"}
        job |= {"duplicates": duplicates, "rename": False, "total": len(people), "done": 0, "attempts": 0}
        self.connection.execute(sa.insert(imports_table).values(job))
        cells = [json.dumps([name, number, f"of {of}"]) for name, number in people]
        rows = [{"import_id": of, "n": n, "line": n, "state": "waiting", "content": c} for n, c in enumerate(cells, 1)]
        self.connection.execute(sa.insert(import_rows), rows)
        imports_apply.run(Here(self.connection, of))
        self.taken.append(of)
        now = self.records()
        self.first |= {one: now[one] for one in self._rows_of(of, "created")}

    def _rows_of(self, of: str, state: str) -> list[str]:
        mine = (import_rows.c.import_id == of) & (import_rows.c.state == state)
        return [
            one for one in self.connection.execute(sa.select(import_rows.c.customer_id).where(mine)).scalars() if one
        ]

    def _takeback(self, n: int) -> None:
        """Who came with the file and is in nothing else goes, and nobody else."""
        if not self.taken:
            return
        of = self.taken[n % len(self.taken)]
        came = {*self._rows_of(of, "created"), *self._rows_of(of, "kept")}
        imports_undo.run(Here(self.connection, of))
        gone = set(self.first) - set(self.records())
        assert gone <= came, "only who came with it goes"
        assert not gone & set(self.calls.values()), "nobody goes who has contacts"
        merged = {one for merge in self.standing for one in self._both(merge)}
        assert not gone & merged, "nobody goes who is merged"
        for one in gone:
            del self.first[one]

    def _both(self, merge: str) -> tuple[str, str]:
        row = self.connection.execute(sa.select(customer_merges).where(customer_merges.c.id == merge)).one()
        return row.kept, row.merged

    def _call(self, n: int) -> None:
        """Written with the id of the record as it was found then: that of the head."""
        of = self._some(n)
        if of is not None:
            key, head = f"i{next(self.ids):03}", links.root(self.connection, of)
            self.connection.execute(sa.insert(interactions).values(**row(key, head, float(len(self.calls)))))
            self.calls[key] = head

    def _claim(self, n: int, number: str, source: Any) -> None:
        of = self._some(n)
        if of is not None:
            seen = Seen(
                customer_id=of, kind="phone", value=number, source=source, strength="maybe", rule="chosen", at=1.0
            )
            claims._saw(self.connection, [seen])

    def _merge(self, n: int, m: int, take: list[str] | None) -> None:
        one, other = self._some(n), self._some(m)
        if one is None or other is None or links.root(self.connection, one) == links.root(self.connection, other):
            return
        self.standing.append(merges.do(self.connection, one, other, take, BY, "CN").id)

    def _undo(self, n: int) -> None:
        if self.standing:
            merge = self.standing.pop(n % len(self.standing))
            merges.undo(self.connection, merge, 2.0, "sofia", "CN")

    def holds(self) -> None:
        """Each interaction is in the history of exactly one person, with the id that it was written with."""
        heads = {links.root(self.connection, of) for of in self.first}
        found = [
            line["interaction_id"] for head in sorted(heads) for line in timeline(self.connection, head, 500, None)
        ]
        assert sorted(found) == sorted(self.calls)
        rows = self.connection.execute(sa.select(interactions.c.id, interactions.c.customer_id))
        assert {row.id: row.customer_id for row in rows} == self.calls
        everybody = [of for head in sorted(heads) for of in links.members(self.connection, head)]
        assert sorted(everybody) == sorted(self.first), "each record is of exactly one person"
        self._numbers_lead_to_heads(heads)

    def _numbers_lead_to_heads(self, heads: set[str]) -> None:
        owners = {number: {of for of in self.first if number in self.first[of]["phones"]} for number in NUMBERS}
        book = PhoneBook(self.connection.dialect, "CN")
        driver: Any = self.connection.connection.driver_connection
        for number, whose in owners.items():
            match = book.find(driver, number)
            people = [match.customer] if match.customer else match.candidates
            found = {one["id"] for one in people}
            assert found <= heads
            assert found >= {links.root(self.connection, of) for of in whose}, "a number leads to whose it is"

    def records(self) -> dict[str, dict[str, Any]]:
        rows = self.connection.execute(sa.select(customers.c.id, customers.c.public))
        return {row.id: json.loads(row.public) for row in rows}


def unchanged(records: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What no file changes: each brings another organisation."""
    return {of: {name: value for name, value in one.items() if name != "organisation"} for of, one in records.items()}


def row(key: str, customer_id: str, at: float) -> dict[str, Any]:
    """An interaction that is over."""
    return {
        "id": key,
        "began": int(key[1:]),
        "pbx": "main",
        "channel": "voice",
        "direction": "inbound",
        "sorted_at": at,
        "ended": True,
        "customer_id": customer_id,
        "talk_seconds": 0.0,
        "hold_seconds": 0.0,
        "public": "{}",
    }


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    url = f"sqlite:///{tmp_path_factory.mktemp('merges')}/merges.db"
    upgrade_to_head(url)
    engine = open_engine(url)
    yield engine
    engine.dispose()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(
    first=("import", [("李静", [NUMBERS[0]])]),
    history=[
        *[("file", [("Emily Carter", NUMBERS[1]), ("王小明", NUMBERS[0]), ("E. Carter", NUMBERS[2])], how)
          for how in ("new", "update")],
        ("call", 2), ("merge", 1, 0, ["name"]), ("takeback", 0), ("takeback", 1), ("undo", 0), ("takeback", 0),
        ("merge", 0, 1, None), ("takeback", 1),
    ],
    order=random.Random(1),
)  # fmt: skip
@given(first=imports, history=st.lists(steps, max_size=14), order=st.randoms(use_true_random=False))
def test_no_sequence_loses_an_interaction_and_undoing_gives_back_what_was(
    engine: sa.Engine, first: Any, history: list[Any], order: Any
) -> None:
    with engine.connect() as connection, connection.begin() as transaction, pytest.MonkeyPatch.context() as patch:
        world = World(connection)
        patch.setattr(imports_read, "uuid", SimpleNamespace(uuid4=lambda: f"c{next(world.ids):03}"))
        for step in [first, *history]:
            world.do(step)
            world.holds()
        order.shuffle(world.standing)
        while world.standing:
            world._undo(0)
            world.holds()
        assert unchanged(world.records()) == unchanged(world.first)
        assert connection.execute(sa.select(sa.func.count()).select_from(customer_links)).scalar() == 0
        transaction.rollback()


@given(
    kept=st.lists(st.sampled_from("abcdefgh"), unique=True),
    brought=st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True), max_size=4),
    order=st.randoms(use_true_random=False),
)
def test_lists_are_what_they_were_after_any_order_of_undoing(
    kept: list[str], brought: list[list[str]], order: Any
) -> None:
    from interaction_log.store.merge_fields import Laid, listed

    now, standing = list(kept), list[tuple[Laid, list[str]]]()
    for entries in brought:
        standing.append((Laid(), entries))
        now = listed(now, "phones", standing)
        assert len(set(now)) == len(now) and set(now) == {*kept, *(one for _, some in standing for one in some)}
    while standing:
        gone, _ = standing.pop(order.randrange(len(standing)))
        now = listed(now, "phones", standing, [gone])
        assert set(now) == {*kept, *(one for _, some in standing for one in some)}
    assert now == kept
