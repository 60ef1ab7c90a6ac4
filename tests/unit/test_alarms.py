"""Thresholds that raise and clear: hysteresis, delays, quiet hours, rates, and what a change of rules leaves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interaction_log.alarms import AlarmRule
from routing.alarms import Alarms, Change, Cleared, Raised, Reading
from routing.live import ChannelFigures
from routing.live_window import Key

NOON = 720
SUPPORT: Key = ("main", "support", "voice")
CHATS: Key = ("main", "support", "chat")
SALES: Key = ("main", "sales", "voice")


def rule(**given: Any) -> AlarmRule:
    usual: dict[str, Any] = {"id": "r", "name": "Long line", "measure": "waiting", "limit": 3, "clear_after": 0.0}
    return AlarmRule(**usual | given)


def reading(key: Key = SUPPORT, ready: int = 1, **figures: Any) -> Reading:
    return Reading(key, ChannelFigures(**figures), ready)


def sums(offered: int, answered_in: int = 0, abandoned: int = 0, short: int = 0, waiting: int = 0) -> dict[str, int]:
    return {
        "offered": offered, "answered_in": answered_in, "abandoned": abandoned, "abandoned_short": short,
        "waiting": waiting,
    }  # fmt: skip


class Watch:
    """Alarms with a clock that the test moves."""

    def __init__(self, *rules: AlarmRule) -> None:
        self.alarms = Alarms()
        self.now = 1_000.0
        self.alarms.set_rules(rules, self.now)

    def look(self, *readings: Reading, after: float = 1.0, minute: int = NOON) -> list[Change]:
        self.now += after
        return self.alarms.look(readings, self.now, minute)


def kinds(changes: list[Change]) -> list[str]:
    return [type(one).__name__ for one in changes]


def test_it_raises_once_and_clears_once() -> None:
    watch = Watch(rule())
    assert watch.look(reading(waiting=2)) == []
    changes = watch.look(reading(waiting=3))
    assert changes == [Raised(("r", *SUPPORT), rule(), 3.0, watch.now)]
    assert watch.look(reading(waiting=7)) == [] and watch.alarms.raised() == [("r", *SUPPORT)]
    assert watch.alarms.value(("r", *SUPPORT)) == 7
    assert watch.look(reading(waiting=2)) == [Cleared(("r", *SUPPORT), watch.now, "measured")]
    assert watch.alarms.raised() == []


def test_a_value_on_the_edge_does_not_make_it_come_and_go() -> None:
    watch = Watch(rule(limit=5, clear_at=2))
    assert kinds(watch.look(reading(waiting=5))) == ["Raised"]
    for waiting in (4, 5, 3, 5):
        assert watch.look(reading(waiting=waiting)) == []
    assert kinds(watch.look(reading(waiting=2))) == ["Cleared"]


def test_what_passes_quickly_raises_and_clears_nothing() -> None:
    watch = Watch(rule(raise_after=30.0, clear_after=10.0))
    assert watch.look(reading(waiting=9)) == []
    assert watch.look(reading(waiting=0), after=20) == []
    assert watch.look(reading(waiting=9), after=20) == []
    assert watch.look(reading(waiting=9), after=29) == []
    assert kinds(watch.look(reading(waiting=9), after=1)) == ["Raised"]
    assert watch.look(reading(waiting=0), after=5) == []
    assert watch.look(reading(waiting=9), after=5) == []
    assert watch.look(reading(waiting=0), after=5) == []
    assert kinds(watch.look(reading(waiting=0), after=10)) == ["Cleared"]


def test_the_longest_wait_grows_with_the_clock_alone() -> None:
    watch = Watch(rule(measure="longest_wait", limit=60))
    caller = reading(waiting=1, longest_wait_since=1_000.0)
    assert watch.look(caller, after=59) == []
    assert kinds(watch.look(caller, after=1)) == ["Raised"]
    assert kinds(watch.look(reading())) == ["Cleared"]


@pytest.mark.parametrize(
    ("measure", "limit", "counts", "bad"),
    [
        ("service_level", 80, sums(10, answered_in=7), True),
        ("service_level", 80, sums(10, answered_in=8), False),
        ("service_level", 80, sums(4, answered_in=0), False),  # fewer than ``least``
        ("service_level", 80, sums(9, answered_in=0, short=3, waiting=2), False),
        ("abandon_rate", 20, sums(10, abandoned=2), True),
        ("abandon_rate", 20, sums(10, abandoned=1), False),
    ],
)
def test_rates_count_from_so_many_contacts_on(measure: Any, limit: float, counts: dict[str, int], bad: bool) -> None:
    watch = Watch(rule(measure=measure, limit=limit, window="hour", least=5))
    assert bool(watch.look(reading(hour=counts))) is bad
    assert watch.look(reading(half_hour=counts, hour=counts)) == []


def test_a_rate_of_nobody_clears() -> None:
    watch = Watch(rule(measure="service_level", limit=80))
    assert kinds(watch.look(reading(half_hour=sums(10)))) == ["Raised"]
    assert kinds(watch.look(reading(half_hour=sums(0)))) == ["Cleared"]


def test_nobody_is_ready_while_somebody_waits() -> None:
    watch = Watch(rule(measure="nobody_ready", limit=1))
    assert watch.look(reading(ready=0)) == []
    assert watch.look(reading(ready=1, waiting=4)) == []
    assert kinds(watch.look(reading(ready=0, waiting=1))) == ["Raised"]
    assert kinds(watch.look(reading(ready=1, waiting=1))) == ["Cleared"]
    always = Watch(rule(measure="nobody_ready", limit=0))
    assert kinds(always.look(reading(ready=0))) == ["Raised"]


def test_each_queue_and_channel_has_its_own_or_all_one_together() -> None:
    several = (reading(SUPPORT, waiting=3), reading(CHATS, waiting=1), reading(SALES, waiting=3))
    each = Watch(rule())
    assert [one.target for one in each.look(*several)] == [("r", *SUPPORT), ("r", *SALES)]
    together = Watch(rule(limit=7, combined=True))
    assert [one.target for one in together.look(*several)] == [("r", "", "", "")]
    both = Watch(rule(limit=4, combined=True, queue="support"))
    assert [one.target for one in both.look(*several)] == [("r", "", "support", "")]
    chats = Watch(rule(limit=1, channel="chat"))
    assert [one.target for one in chats.look(*several)] == [("r", *CHATS)]


def test_agents_of_two_channels_of_one_queue_are_counted_once() -> None:
    watch = Watch(rule(measure="nobody_ready", limit=1, combined=True))
    assert watch.look(reading(SUPPORT, ready=1, waiting=1), reading(CHATS, ready=1)) == []
    assert kinds(watch.look(reading(SUPPORT, ready=0, waiting=1), reading(CHATS, ready=0))) == ["Raised"]


@pytest.mark.parametrize(
    ("quiet", "minute", "raises"),
    [((1_320, 360), 0, False), ((1_320, 360), 359, False), ((1_320, 360), 360, True), ((1_320, 360), 1_320, False),
     ((720, 780), 719, True), ((720, 780), 720, False), ((720, 780), 780, True), (None, 0, True)],
)  # fmt: skip
def test_in_quiet_hours_nothing_is_raised(quiet: tuple[int, int] | None, minute: int, raises: bool) -> None:
    watch = Watch(rule(quiet=quiet))
    assert bool(watch.look(reading(waiting=3), minute=minute)) is raises


def test_quiet_hours_clear_what_is_raised() -> None:
    watch = Watch(rule(quiet=(0, 60)))
    assert kinds(watch.look(reading(waiting=3), minute=1_439)) == ["Raised"]
    assert kinds(watch.look(reading(waiting=0), minute=0)) == ["Cleared"]


def test_a_changed_rule_ends_its_alarms_and_begins_anew() -> None:
    watch = Watch(rule(), rule(id="other", limit=1))
    watch.look(reading(waiting=5))
    changed = watch.alarms.set_rules([replace(rule(), limit=9, version=2), rule(id="other", limit=1)], watch.now)
    assert changed == [Cleared(("r", *SUPPORT), watch.now, "rule")]
    assert watch.alarms.raised() == [("other", *SUPPORT)]
    assert kinds(watch.look(reading(waiting=9))) == ["Raised"]
    assert kinds(watch.alarms.set_rules([replace(rule(), enabled=False)], watch.now)) == ["Cleared", "Cleared"]
    assert watch.look(reading(waiting=9)) == []


def test_after_a_restart_it_is_raised_still_and_raised_no_second_time() -> None:
    watch = Watch(rule())
    watch.alarms.restore([("r", *SUPPORT), ("gone", *SUPPORT)])
    assert watch.alarms.raised() == [("r", *SUPPORT)]
    assert watch.look(reading(waiting=3)) == []
    assert kinds(watch.look(reading(waiting=0))) == ["Cleared"]


def test_the_alarm_of_a_queue_that_is_gone_clears() -> None:
    watch = Watch(rule())
    watch.look(reading(waiting=3))
    assert kinds(watch.look()) == ["Cleared"]


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 30), st.integers(0, 1_439)), max_size=60), st.data())
def test_raised_and_cleared_alternate(steps: list[tuple[int, int, int]], data: st.DataObject) -> None:
    """Whatever comes: never twice the same, and what is said to be raised is what was raised and not cleared."""
    limit = data.draw(st.integers(1, 8))
    one = rule(
        limit=limit,
        clear_at=data.draw(st.none() | st.integers(0, limit - 1)),
        raise_after=float(data.draw(st.sampled_from([0, 10]))),
        clear_after=float(data.draw(st.sampled_from([0, 10]))),
        quiet=data.draw(st.none() | st.tuples(st.integers(0, 1_439), st.integers(0, 1_439))),
    )
    watch, raised = Watch(one), False
    for waiting, after, minute in steps:
        for change in watch.look(reading(waiting=waiting), after=after, minute=minute):
            assert isinstance(change, Raised) is not raised
            assert waiting >= limit if isinstance(change, Raised) else waiting < limit
            raised = not raised
        assert bool(watch.alarms.raised()) is raised
