"""The conservation check against plain Python, over any rows at all; and over what the log makes of calls."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interaction_log import events as e
from interaction_log import metrics
from interaction_log.metrics import OUTCOMES, STATES
from interaction_log.periods import periods
from interaction_log.reports import Question
from interaction_log.store import EventLog, reports_check, upgrade_to_head
from interaction_log.store import reports as stored
from interaction_log.store.engine import open_engine
from interaction_log.store.reading import Reading
from interaction_log.store.schema import agent_states, interactions, queue_visits
from tests.fakes.call_events import calls

START = 1_795_000_000 // 3_600 * 3_600
HOURS = 3
RESULTS = ("answered", "abandoned", "timeout", "no_agent", "left", "pbx_lost")
visit = st.tuples(
    st.sampled_from(["a", "b"]),
    st.integers(0, HOURS * 3_600_000 - 1),
    st.integers(0, 600_000),
    st.sampled_from([*RESULTS, *RESULTS, None, "strange"]),
)
contact = st.tuples(st.lists(visit, min_size=1, max_size=3), st.booleans())
span = st.tuples(st.sampled_from([*STATES, "LOGGED_OUT", "LOGGED_OUT"]), st.integers(0, 3_000_000))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    url = f"sqlite:///{tmp_path_factory.mktemp('sums')}/log.db"
    upgrade_to_head(url)
    one = open_engine(url)
    yield one
    one.dispose()


def write(connection: sa.Connection, contacts: list[Any], agents: list[Any]) -> None:
    for table in (interactions, queue_visits, agent_states):
        connection.execute(sa.delete(table))
    for n, (visits, ended) in enumerate(contacts):
        row = {
            "id": f"i{n}",
            "began": n + 1,
            "pbx": "main",
            "channel": "voice",
            "direction": "inbound",
            "sorted_at": START,
        }
        row |= {"started_at": START, "ended": ended, "talk_seconds": 0.0, "hold_seconds": 0.0, "public": "{}"}
        connection.execute(sa.insert(interactions).values(row))
        for k, (queue, at, wait, result) in enumerate(visits):
            entered = START + at / 1000
            left = None if result is None else entered + wait / 1000
            waited = None if left is None else left - entered
            row = {"interaction_id": f"i{n}", "n": k, "queue": queue, "entered_at": entered, "left_at": left}
            connection.execute(sa.insert(queue_visits).values(row | {"wait_seconds": waited, "result": result}))
    seq = 0
    for agent, spans in enumerate(agents):
        at, last = START * 1000 - 500_000, len(spans) - 1
        for n, (state, length) in enumerate(spans):
            seq += 1
            row = {"seq": seq, "agent": f"g{agent}", "state": state, "from_at": at / 1000}
            at += length
            row |= {"to_at": None, "to_seq": None} if n == last else {"to_at": at / 1000, "to_seq": seq + 1}
            connection.execute(sa.insert(agent_states).values(row))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(contact, max_size=6), st.lists(st.lists(span, max_size=8), max_size=3))
def test_the_check_counts_as_plain_python_does(engine: sa.Engine, contacts: list[Any], agents: list[Any]) -> None:
    cut = periods(START, START + HOURS * 3_600, "hour", "UTC")
    now = float(cut.end - 600)
    with engine.begin() as connection:
        write(connection, contacts, agents)
        visits = reports_check.visits(connection, cut)
        states = reports_check.states(connection, cut.start, cut.end, now)
        question = Question(report="queues", start=cut.start, end=cut.end, step="hour")
        table = stored._one(0, connection, stored.Asked(question, cut, now, stored.EVERYTHING))
    fine: Counter[str] = Counter()
    odd = 0
    for rows, ended in contacts:
        for n, (_queue, _at, _wait, result) in enumerate(rows):
            waits = result is None and not ended and n == len(rows) - 1
            fine["waiting" if waits else result or "none"] += 1
            odd += not waits and result not in RESULTS
    assert visits.offered == sum(len(rows) for rows, _ended in contacts)
    assert sum(one.difference for one in visits.unbalanced) == odd
    assert all(visits.outcomes[name] == fine[name] for name in (*RESULTS, "waiting"))
    sums = metrics.added(table.values())
    assert sums.get("offered", 0) == visits.offered
    assert sums.get("offered", 0) == sum(sums.get(name, 0) for name in (*OUTCOMES, "unaccounted"))
    assert sums.get("unaccounted", 0) == odd
    assert states.signed_in == states.in_states == signed_in(agents, cut.end, now)
    assert states.faults == []


def signed_in(agents: list[Any], end: int, now: float) -> int:
    """Milliseconds in any state but LOGGED_OUT within the time."""
    total, stop = 0, int(min(end, now) * 1000)
    for spans in agents:
        at = START * 1000 - 500_000
        for n, (state, length) in enumerate(spans):
            until = stop if n == len(spans) - 1 else at + length
            if state != "LOGGED_OUT":
                total += max(0, min(until, stop) - max(at, START * 1000))
            at += length
    return total


async def test_what_the_log_makes_of_calls_adds_up(tmp_path: Path) -> None:
    """Sixty calls at once, the last ones still running."""
    url = f"sqlite:///{tmp_path}/log.db"
    log = await asyncio.to_thread(EventLog.open, url, tmp_path / "journal", on_state=lambda state: None)
    told = list(calls(60, 20))[:-90]
    seq = 0
    for event in told:
        seq = log.next_seq()
        log.append(e.Recorded(seq, event))
    await asyncio.wait_for(log.durable(seq), 30)
    await asyncio.to_thread(log.close)
    reading = Reading(url)
    at = [event.at for event in told if event.at is not None]
    question = Question(report="queues", start=min(at) - 3_600, end=max(at) + 3_600)
    check = await stored.StoredReports(reading).check(question, max(at) + 60)
    assert check.unbalanced == [] and check.offered == sum(isinstance(event, e.QueueEntered) for event in told)
    assert check.outcomes["waiting"] + check.outcomes["answered"] == check.offered
    assert check.agents == 10
    await asyncio.to_thread(reading.close)
