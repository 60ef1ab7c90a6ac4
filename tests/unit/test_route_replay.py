"""A period of the log once more, as it was and with other people, hours and skills."""

from __future__ import annotations

from dataclasses import replace

import pytest

from interaction_log.events import DistributorTold
from routing.acd.model import Command, Contact, Divert, Need, Offer, QueueRule, Ring, Seat
from routing.acd.replay import Change, Fate, Record, Shift, exact, played
from routing.acd.told import STARTED, ToldEngine, contact_of, contact_said, seat_of, seat_said
from routing.capacity import Capacity
from routing.hours import hours

RULE = QueueRule(name="help", offer_seconds=20)


def seat(name: str, ready: bool = True, at: float = 0.0, **skills: int) -> Seat:
    return Seat(name, ready, frozenset({"help"}), skills, idle_since=at)


def contact(of: str, at: float) -> Contact:
    return Contact(id=of, queue="help", channel="chat", due_at=at)


class Day:
    """A day that is played with a real engine, second by second: who is asked takes it after three seconds."""

    def __init__(self, *rules: QueueRule, capacity: Capacity | None = None) -> None:
        self.told: list[DistributorTold] = []
        self.rules, self.capacity = rules or (RULE,), capacity or Capacity(weights={"chat": 100, "voice": 100})
        self.engine = ToldEngine(self.rules, self.capacity, self.told.append)
        self.offered: dict[str, tuple[str, float]] = {}
        self.decisions: list[tuple[str, str]] = []

    def heard(self, commands: list[Command], now: float) -> None:
        for one in commands:
            if isinstance(one, Offer):
                self.offered[one.contact] = one.agent, now
                self.decisions.append((one.contact, one.agent))
            else:
                self.offered.pop(one.contact, None)

    def comes(self, of: str, now: float) -> None:
        self.heard(self.engine.due(contact(of, now), now), now)

    def is_there(self, one: Seat, now: float) -> None:
        self.heard(self.engine.agent(one, now), now)

    def takes(self, of: str, now: float) -> None:
        agent, _ = self.offered.pop(of)
        assert self.engine.accepted(of, agent, now)
        self.heard(self.engine.next_for(agent, now), now)

    def ends(self, of: str, now: float) -> None:
        self.heard(self.engine.left(of, now), now)

    def record(self) -> Record:
        return exact(self.told, self.rules, self.capacity)

    def with_change(self, **change: object) -> dict[str, Fate]:
        made = Change(rules=self.rules, **change) if "rules" not in change else Change(**change)  # type: ignore[arg-type]
        return played(self.told, self.record(), made, self.capacity)


@pytest.fixture
def day() -> Day:
    """Anna alone: three come within a minute, each takes two minutes; the fourth gives up after half a minute."""
    made = Day()
    made.is_there(seat("anna"), 0.0)
    made.comes("a", 10.0)
    made.takes("a", 13.0)
    made.comes("b", 20.0)
    made.comes("c", 60.0)
    made.comes("d", 70.0)
    made.ends("d", 100.0)
    made.ends("a", 133.0)
    made.takes("b", 136.0)
    made.ends("b", 256.0)
    made.takes("c", 259.0)
    made.ends("c", 379.0)
    return made


def facts(fates: dict[str, Fate]) -> dict[str, tuple[str | None, float | None, str]]:
    return {of: (one.agent, one.waited, one.result) for of, one in fates.items()}


def test_the_record_is_what_was(day: Day) -> None:
    record = day.record()
    assert record.decisions == day.decisions == [("a", "anna"), ("b", "anna"), ("c", "anna")]
    assert facts(record.fates) == {
        "a": ("anna", 3.0, "answered"),
        "b": ("anna", 116.0, "answered"),
        "c": ("anna", 199.0, "answered"),
        "d": (None, 30.0, "left"),
    }


def test_played_without_a_change_it_is_the_same(day: Day) -> None:
    assert facts(day.with_change()) == facts(day.record().fates)


def test_one_more_agent_shortens_the_waits(day: Day) -> None:
    shift = Shift(seat=seat("dora"), start=0.0, end=1000.0)
    fates = day.with_change(shifts=(shift,))
    assert facts(fates) == {
        "a": ("anna", 3.0, "answered"),
        "b": ("dora", 3.0, "answered"),
        "c": ("anna", 76.0, "answered"),  # when anna has done with the first
        "d": (None, 30.0, "left"),
    }
    more = day.with_change(shifts=(shift, Shift(seat=seat("eve"), start=0.0, end=1000.0)))
    assert more["c"].agent == "eve" and more["d"].result == "left"


def test_a_shift_that_ends_gets_nothing_more(day: Day) -> None:
    fates = day.with_change(shifts=(Shift(seat=seat("dora"), start=0.0, end=30.0),))
    assert fates["b"].agent == "dora" and fates["c"].agent == "anna"


def test_without_her_all_wait_and_who_gave_up_gives_up(day: Day) -> None:
    fates = day.with_change(without=frozenset({"anna"}))
    assert [one.result for one in fates.values()] == ["waiting", "waiting", "waiting", "left"]


def test_other_hours_send_away_who_comes_outside_them(day: Day) -> None:
    closed = replace(RULE, hours=hours("UTC", ["mon-sun 09:00-10:00"]), then="message")
    assert {one.result for one in day.with_change(rules=(closed,)).values()} == {"diverted"}


def test_other_skills_and_other_rules() -> None:
    picky = replace(RULE, rings=(Ring(0, (Need("fr", 3),)), Ring(50)))
    day = Day(picky)
    day.is_there(seat("anna", fr=1), 0.0)
    day.comes("a", 10.0)
    day.heard(day.engine.advance(60.0), 60.0)
    day.takes("a", 63.0)
    day.ends("a", 70.0)
    assert day.record().fates["a"].waited == 53.0
    assert day.with_change(skills={"anna": {"fr": 4}})["a"].waited == 3.0
    assert day.with_change(rules=(RULE,))["a"].waited == 3.0


def test_what_was_sent_on_is_sent_on() -> None:
    day = Day()
    day.is_there(seat("anna"), 0.0)
    day.is_there(replace(seat("ben", at=1.0), in_hand={}), 1.0)
    day.comes("a", 10.0)
    day.takes("a", 13.0)
    sent = day.engine.hand("a", "ben", 40.0, back_to="anna")
    assert sent is not None
    day.heard(sent, 40.0)
    day.takes("a", 44.0)
    day.ends("a", 90.0)
    assert day.record().decisions == day.decisions == [("a", "anna"), ("a", "ben")]
    assert facts(day.with_change()) == facts(day.record().fates) == {"a": ("anna", 3.0, "answered")}


def test_a_restart_in_the_period_begins_anew_with_what_was_known(day: Day) -> None:
    day.told.append(DistributorTold(at=400.0, what=STARTED))
    fresh = ToldEngine(day.rules, day.capacity, day.told.append)
    fresh.holds(contact("e", 380.0), "anna")
    fresh.agent(seat("anna"), 400.0)
    assert fresh.due(contact("f", 401.0), 401.0) == []  # she has one in hand
    (offer,) = fresh.left("e", 410.0)
    assert isinstance(offer, Offer)
    assert day.record().decisions[-1] == ("f", "anna")


def test_what_the_log_has_is_the_same_again() -> None:
    made = replace(contact("c", 5.0), needs=(Need("fr", 2),), own="anna", since=9.0, head_start=60.0)
    assert contact_of("c", contact_said(made)) == made
    one = Seat("anna", True, frozenset({"b", "a"}), {"fr": 2}, frozenset({"gold"}), 7.0, beside=("voice",))
    assert seat_of("anna", seat_said(one)) == one


def test_a_late_answer_is_told_and_changes_nothing(day: Day) -> None:
    assert not day.engine.accepted("d", "anna", 400.0)
    assert not any(isinstance(one, Divert) for one in day.engine.advance(500.0))
    assert day.record().decisions == day.decisions
