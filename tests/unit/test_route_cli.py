"""`cti route replay` as it is typed, on a stored day."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cti_gateway.cli import route
from cti_gateway.cli.commands import parser
from interaction_log import events as e
from interaction_log.store import EventLog, Store
from routing.acd.model import QueueRule
from tests.unit.test_route_replay import Day, seat

MIDNIGHT = 1_795_305_600.0
"""2026-11-22 00:00 UTC: all times of the day count from there."""
RULES = [QueueRule(name="main:help")]


def a_day() -> Day:
    """Anna alone takes one, and the second gives up; the day before she took another."""
    day = Day(QueueRule(name="help"))
    day.told.append(e.DistributorTold(at=MIDNIGHT - 90_000, what="started"))
    day.is_there(seat("anna"), MIDNIGHT - 80_000)
    day.comes("old", MIDNIGHT - 70_000)
    day.takes("old", MIDNIGHT - 69_990)
    day.ends("old", MIDNIGHT - 69_000)
    day.comes("one", MIDNIGHT + 100)
    day.takes("one", MIDNIGHT + 103)
    day.comes("two", MIDNIGHT + 110)
    day.ends("two", MIDNIGHT + 150)
    day.ends("one", MIDNIGHT + 400)
    return day


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    url = f"sqlite:///{tmp_path}/log.db"
    log = EventLog.open(url, tmp_path / "journal", on_state=lambda _: None, journal_bytes=1_000_000)
    for told in a_day().told:
        seq = log.next_seq()
        log.append(e.Recorded(seq, told))
    await log.durable(seq)
    log.close()
    made = Store.open(url, default_region="CN")
    yield made
    made.close()


async def said(store: Store, *words: str) -> int:
    arguments = parser().parse_args(["route", "replay", "--from", "2026-11-22", "--to", "2026-11-23", *words])
    day = a_day()
    arguments.rules, arguments.capacity = list(day.rules), day.capacity
    return await route.run(arguments, *(getattr(store, part) for part in route.PARTS))


async def replayed(store: Store, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert await said(store, "--json", *words) == 0
    return json.loads(capsys.readouterr().out)


async def test_unchanged_nothing_differs(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    found = await replayed(store, capsys)
    queue = found["queues"]["help"]
    assert queue["recorded"] == queue["replayed"] and found["contacts"] == []
    assert (queue["recorded"]["contacts"], queue["recorded"]["answered"], queue["recorded"]["left"]) == (2, 1, 1)
    assert queue["recorded"]["mean_wait"] == 3.0 and queue["recorded"]["in_time"] == 0.5


async def test_with_one_more_of_a_file(store: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    staff = tmp_path / "staff.toml"
    staff.write_text('[[agent]]\nname = "dora"\nqueues = ["help"]\nfrom = "2026-11-22"\nto = "2026-11-23"\n')
    found = await replayed(store, capsys, "--staff", str(staff))
    (one,) = found["contacts"]
    assert one["contact"] == "two" and one["recorded"]["result"] == "left"
    assert (one["replayed"]["agent"], one["replayed"]["result"]) == ("dora", "answered")
    assert found["queues"]["help"]["replayed"]["in_time"] == 1.0


async def test_without_her_and_with_other_hours(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    found = await replayed(store, capsys, "--without", "anna")
    assert {one["contact"]: one["replayed"]["result"] for one in found["contacts"]} == {"one": "waiting"}
    found = await replayed(store, capsys, "--hours", "help=mon-fri 09:00-18:00")
    assert [one["replayed"]["result"] for one in found["contacts"]] == ["diverted", "diverted"]
    found = await replayed(store, capsys, "--skills", "anna:fr=5")
    assert found["contacts"] == []


async def test_for_people(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert await said(store, "--without", "anna") == 0
    text = capsys.readouterr().out
    assert "recorded" in text and "replayed" in text and "1 of 2 contacts differ" in text
    assert "answered by anna after 3.0 s  →  waiting" in text


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--hours", "help"), "say QUEUE=PERIODS"),
        (("--hours", "help=mon 9-17"), "is no period"),
        (("--skills", "anna=5"), "NAME:SKILL=LEVEL"),
        (("--skills", "anna:fr=9"), "0 to 5"),
        (("--staff", "/nowhere/staff.toml"), "No such file"),
        (("--from", "yesterday"), "yesterday"),
    ],
)
async def test_what_cannot_be_understood(
    store: Store, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], why: str
) -> None:
    assert await said(store, *words) == 2
    assert why in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    ['colour = "blue"', '[[agent]]\nname = "dora"', '[[agent]]\nname = "d"\nqueues = []\nfrom = "x"\nto = "y"', "[["],
)
async def test_a_staff_file_that_is_none(
    store: Store, capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str
) -> None:
    staff = tmp_path / "staff.toml"
    staff.write_text(text)
    assert await said(store, "--staff", str(staff)) == 2
    assert "cti route replay" in capsys.readouterr().err
