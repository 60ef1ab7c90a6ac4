"""The keys of ``[[queue]]`` that say how contacts are distributed, and what becomes of them."""

from __future__ import annotations

from typing import Any

import pytest

from config.settings import ConfigError, Settings, from_data
from cti_gateway.routing_setup import lists_of, queue_hours, rules_of
from routing.acd.model import Need, Overflow, QueueRule, Ring

PBX = {"name": "main", "username": "x", "secret": "y", "devices": ["PJSIP/1*"]}
OFFICE = {"name": "office", "timezone": "Asia/Shanghai", "periods": ["mon-fri 09:00-18:00"]}


def settings(tmp_path: Any, *queues: dict[str, Any], **more: Any) -> Settings:
    return from_data({"pbx": [PBX], "queue": list(queues), **more}, {}, tmp_path)


def test_nothing_said_is_the_usual_rule(tmp_path: Any) -> None:
    made = settings(tmp_path, {"name": "support"})
    (rule,) = rules_of(made.queue, queue_hours(made.queue, made.hours))
    assert rule == QueueRule(name="main:support", vip_head_start=60) and lists_of(made.queue) == {}


def test_every_key_arrives(tmp_path: Any) -> None:
    asked = {
        "name": "support", "agents": ["an*"], "teams": ["gold"], "hours": "office", "head_start": 5,
        "vip_head_start": 7, "order": "most_skilled", "offer_seconds": 8, "again_seconds": 9, "own_agent": ["last"],
        "patience": 10, "longest_wait": 11, "then": "callback",
        "ring": [{"needs": {"wine": 3}, "preferred": {"fr": 2}}, {"after": 30}],
        "overflow": [{"after": 40, "queue": "web"}],
    }  # fmt: skip
    made = settings(tmp_path, asked, {"name": "web", "pbx": ""}, hours=[OFFICE])
    times = queue_hours(made.queue, made.hours)
    support, web = rules_of(made.queue, times)
    assert web.name == "web" and web.hours is None
    assert support == QueueRule(
        name="main:support", teams=frozenset({"gold"}), hours=times["main", "support"], head_start=5,
        vip_head_start=7, order="most_skilled", offer_seconds=8, again_seconds=9, own_agent=("last",), patience=10,
        longest_wait=11, then="callback", rings=(Ring(0, (Need("wine", 3),), (Need("fr", 2),)), Ring(30)),
        overflow=(Overflow(40, "web"),),
    )  # fmt: skip
    assert lists_of(made.queue) == {"main:support": ("an*",)}


@pytest.mark.parametrize(
    ("queue", "complaint"),
    [
        ({"hours": "never"}, "names no [[hours]]"),
        ({"ring": [{"after": 3}]}, "the first has after = 0"),
        ({"ring": [{}, {"after": 9}, {"after": 9}]}, "each further one a greater after"),
        ({"overflow": [{"after": 3, "queue": "support"}]}, "names no other [[queue]]"),
        ({"overflow": [{"after": 3, "queue": "elsewhere"}]}, "names no other [[queue]]"),
        ({"order": "alphabetical"}, "queue[0].order"),
        ({"pbx": "other"}, "names no [[pbx]]"),
    ],
)
def test_what_leads_nowhere_stops_the_start(tmp_path: Any, queue: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, {"name": "support", **queue})
    assert complaint in " ".join(caught.value.lines)


def test_hours_of_the_call_entry_count_too_and_names_are_used_once(tmp_path: Any) -> None:
    made = settings(tmp_path, {"name": "support", "hours": "office"}, entry={"hours": [OFFICE]})
    assert made.entry is not None
    assert list(queue_hours(made.queue, made.entry.hours)) == [("main", "support")]
    with pytest.raises(ConfigError, match="two have the same name"):
        settings(tmp_path, {"name": "support"}, entry={"hours": [OFFICE]}, hours=[OFFICE])
