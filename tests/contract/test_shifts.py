"""Planned shifts: taken from files, and adherence against a count of every second, on both databases."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from interaction_log import events as e
from interaction_log.records import Refused, User
from interaction_log.reports import Question
from interaction_log.shifts import FITS
from interaction_log.store import EventLog, Store
from interaction_log.store.reports import as_json
from interaction_log.store.reports_tables import shifts
from tests.contract.test_store import postgres as postgres  # noqa: PLC0414 (the fixture)
from tests.contract.test_store import store as store  # noqa: PLC0414
from tests.contract.test_store import tell
from tests.contract.test_store import url as url  # noqa: PLC0414

DAY = 1_793_491_200.0  # 2026-11-01 00:00 UTC
HEAD = b"agent,from,to,kind\n"


@pytest.fixture
def log(url: str, tmp_path: Path) -> Iterator[EventLog]:
    one = EventLog.open(url, tmp_path / "journal", on_state=print, journal_bytes=1_000_000)
    yield one
    one.close()


async def staffed(store: Store, *names: str) -> None:
    for name in names:
        await store.users.create(User(name=name, display_name=name, role="agent"), "long enough password")


async def test_rows_that_are_wrong_are_named(store: Store) -> None:
    await staffed(store, "anna")
    rows = (
        b"anna,2026-11-01T09:00,2026-11-01T12:00,\n"
        b"anna,2026-11-01T11:00,2026-11-01T13:00,work\n"
        b"ben,2026-11-01T09:00,2026-11-01T12:00,work\n"
        b"anna,today,2026-11-01T12:00,work\n"
        b"anna,2026-11-02T09:00,2026-11-02T09:00,work\n"
        b"anna,2026-11-02T09:00,2026-11-02T10:00,nap\n"
    )
    report = await store.shifts().import_csv(HEAD + rows, zone="Asia/Shanghai")
    assert (report.read, report.taken) == (6, 1)
    assert [(one.line, one.field) for one in report.refused] == [
        (3, "from"), (4, "agent"), (5, "from"), (6, "to"), (7, "kind"),
    ]  # fmt: skip
    with pytest.raises(Refused, match="column"):
        await store.shifts().import_csv(b"agent,from\n")
    with pytest.raises(Refused, match="empty"):
        await store.shifts().import_csv(b"")
    again = await store.shifts().import_csv(HEAD + b"anna,2026-11-01T10:00,2026-11-01T11:00,break\n", zone="UTC")
    assert (again.taken, again.replaced) == (1, 0), "09:00 to 12:00 there ends at 04:00 UTC"
    assert await store.shifts().count() == 2


@pytest.mark.parametrize("step", ["15min", "hour", "day"])
async def test_adherence_against_every_second(store: Store, log: EventLog, step: str) -> None:
    rng = random.Random(7)
    names = ("anna", "ben", "cao")
    await staffed(store, *names)
    changes, told = defaultdict[str, list[tuple[int, str]]](list), list[e.Event]()
    for at in sorted(rng.sample(range(-40_000, 86_400), 240)):
        name = rng.choice(names[:2])  # cao never came
        state = rng.choice(["READY", "OFFERED", "BUSY", "WRAP_UP", "NOT_READY", "LOGGED_OUT"])
        changes[name].append((at, state))
        told.append(e.AgentStateChanged(at=DAY + at, agent=name, state=state))  # type: ignore[arg-type]
    await tell(log, *told)
    plan = [
        (name, n * 3_600 + 500, n * 3_600 + 3_000, ("work", "break")[n % 3 == 2]) for name in names for n in range(24)
    ]
    lines = "".join(f"{name},{stamp(begin)},{stamp(end)},{kind}\n" for name, begin, end, kind in plan)
    await store.shifts().import_csv(HEAD + lines.encode(), zone="UTC")
    now = 70_000
    question = Question(report="agents", start=DAY, end=DAY + 86_400, step=step)  # type: ignore[arg-type]
    table = as_json(await store.reports.table(question, DAY + now))
    length = {"15min": 900, "hour": 3_600, "day": 86_400}[step]
    planned, adhered = defaultdict[tuple[str, int], int](int), defaultdict[tuple[str, int], int](int)
    for name, begin, end, kind in plan:
        for second in range(begin, min(end, now)):
            state = next((s for at, s in reversed(changes[name]) if at <= second), "LOGGED_OUT")
            planned[name, second // length] += 1
            adhered[name, second // length] += state in FITS[kind]  # type: ignore[index]
    found = {(row["key"], row["period"]): row for row in table["rows"]}
    for at, seconds in planned.items():
        assert found[at]["planned"] == seconds, at
        assert found[at]["adherence"] == round(100 * adhered[at] / seconds, 2), at


def stamp(second: int) -> str:
    """Of the day, as a file has it."""
    return f"2026-11-01T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"


async def test_a_plan_is_replaced_whole(store: Store) -> None:
    await staffed(store, "anna")
    first = "".join(f"anna,2026-11-0{n}T09:00,2026-11-0{n}T17:00,work\n" for n in (1, 2, 3))
    await store.shifts().import_csv(HEAD + first.encode())
    report = await store.shifts().import_csv(HEAD + b"anna,2026-11-02T08:00,2026-11-02T16:00,work\n")
    assert (report.taken, report.replaced) == (1, 1)
    rows = await store.shifts()._reading(
        lambda c: c.execute(sa.select(shifts.c.from_at).order_by(shifts.c.from_at)).all()
    )
    assert [(row[0] - DAY) / 3_600 for row in rows] == [9, 32, 57]
