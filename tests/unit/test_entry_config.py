"""The ``[entry]`` section: what it means, what is refused, and what becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.settings import ConfigError, from_data
from cti_gateway.entry_setup import rules_of
from routing.hours import HoursError

PBX = {"name": "main", "username": "u", "secret": "s", "devices": ["PJSIP/10??"]}
ICS = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261225\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


def settings(folder: Path, **entry: Any) -> Any:
    return from_data({"pbx": [PBX], "entry": entry}, {}, folder)


def test_rules_are_made_of_it(tmp_path: Path) -> None:
    (tmp_path / "days.ics").write_text(ICS)
    office = {"name": "office", "timezone": "UTC", "periods": ["mon-sun 00:00-24:00"], "holidays": ["days.ics"]}
    queue = {"name": "support", "hours": "office", "dialled": ["4008*"], "overflow": "sales", "callback": True}
    made = settings(tmp_path, queue=[queue], hours=[office])
    rules = rules_of(made.entry, ["main", "other"])
    assert rules.keys() == {("main", "support"), ("other", "support")}
    one = rules["main", "support"]
    assert (one.dialled, one.overflow, one.callback, one.vip_priority) == (("4008*",), "sales", True, 10)
    assert one.open_at(1_798_200_000.0 - 86_400) and not one.open_at(1_798_200_000.0)  # 25 December 2026, noon
    assert made.entry.socket == tmp_path / "var/entry.sock"


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"queue": [{"name": "a", "hours": "nowhere"}]}, r"entry: queue\[0\].hours"),
        ({"queue": [{"name": "a", "pbx": "nowhere"}]}, r"entry.queue\[0\].pbx"),
        ({"queue": [{"name": "a,b"}]}, r"entry.queue\[0\].name"),
        ({"queue": [{"name": "a", "agent_queue": "one"}]}, r"entry.queue\[0\].agent_queue"),
        ({"allowed": ["everywhere"]}, r"entry.allowed\[0\]"),
        ({"hours": [{"name": "a", "timezone": "UTC"}] * 2}, "two have the same name"),
        ({"patience": 1}, "entry.patience: no such key"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, entry: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        settings(tmp_path, **entry)


@pytest.mark.parametrize(
    ("hours", "says"),
    [
        ({"timezone": "Mars/Olympus"}, "entry.hours office: .*no time zone"),
        ({"periods": ["always"]}, "entry.hours office: 'always' is no period"),
        ({"holidays": ["missing.ics"]}, "missing.ics: No such file"),
        ({"holidays": ["bad.ics"]}, "bad.ics: line 1"),
    ],
)
def test_hours_that_cannot_be_read(tmp_path: Path, hours: dict[str, Any], says: str) -> None:
    (tmp_path / "bad.ics").write_text("hello\n")
    made = settings(tmp_path, hours=[{"name": "office", "timezone": "UTC"} | hours])
    with pytest.raises(HoursError, match=says):
        rules_of(made.entry, ["main"])
