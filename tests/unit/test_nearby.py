"""A look-up in the loop's own thread, while the database is near."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from interaction_log.store.caller import PhoneBook
from interaction_log.store.engine import open_engine
from interaction_log.store.migrate import upgrade_to_head
from interaction_log.store.nearby import REST_SECONDS, SLOW_SECONDS, Nearby


class Clock:
    """Goes on when it is told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    """An empty SQLite database."""
    made = open_engine(f"sqlite:///{tmp_path}/near.db", writes=False, size=1)
    yield made
    made.dispose()


def one(connection: Any) -> int:
    """The shortest question."""
    return int(connection.execute("SELECT 1").fetchone()[0])


def test_it_answers_at_once_and_holds_no_transaction(engine: sa.Engine) -> None:
    near = Nearby(engine, Clock())
    assert near.ask(one) == 1
    assert near.ask(lambda connection: connection.in_transaction) is False
    near.close()


def test_a_slow_answer_is_given_and_is_the_last_one_for_a_while(engine: sa.Engine) -> None:
    clock = Clock()
    near = Nearby(engine, clock)

    def slow(connection: Any) -> int:
        clock.now += SLOW_SECONDS * 1.5
        return one(connection)

    assert near.ask(slow) == 1
    assert near.ask(one) is None
    clock.now += REST_SECONDS - 1
    assert near.ask(one) is None
    clock.now += 1
    assert near.ask(one) == 1
    near.close()


def test_after_a_failure_others_are_asked(engine: sa.Engine) -> None:
    clock = Clock()
    near = Nearby(engine, clock)
    assert near.ask(lambda connection: connection.execute("SELECT nothing")) is None
    assert near.ask(one) is None
    clock.now += REST_SECONDS
    assert near.ask(one) == 1
    near.close()


def test_a_server_elsewhere_is_never_waited_for() -> None:
    engine = sa.create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")  # connects only when asked
    assert Nearby(engine).ask(one) is None


def test_a_stranger_costs_one_statement(tmp_path: Path) -> None:
    """Each lets the interpreter go and waits for the writer to give it back: under load that is most of it (ADR 12)."""
    url = f"sqlite:///{tmp_path}/log.db"
    upgrade_to_head(url)
    reader = open_engine(url, writes=False, size=1)
    near, asked = Nearby(reader, Clock()), list[str]()
    book = PhoneBook(reader.dialect, "CN")
    near.ask(lambda connection: connection.set_trace_callback(asked.append))
    for address in ("+8613912345678", "02079460018"):
        found = near.ask(lambda connection, of=address: book.find(connection, of))
        assert found is not None and found.strength == "unknown"
        assert len(asked) == 1
        asked.clear()
    near.close()
    reader.dispose()
