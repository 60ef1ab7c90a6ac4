"""Limits, as transcripts: offers that nobody answers, pauses, wrap-ups by rule, states and calls that do not end."""

from __future__ import annotations

from typing import Any

import pytest

from interaction_log import events as e
from interaction_log.interaction import Interaction
from routing import commands as c
from routing.limits import LimitRules, Limits, PauseLimit
from routing.wrap_up import Mode, WrapUpRule
from tests.unit.test_distributor import ANNA, BEN, Desk, of


class Floor(Desk):
    """The desk with limits behind the distributor, as the hub puts them."""

    def __init__(self, rules: LimitRules | None = None, wrap_up: int = 30) -> None:
        super().__init__(wrap_up)
        self.alive: dict[str, bool | None] = {}
        self.limits = Limits(self.live, rules or LimitRules(), self._alive)

    def _alive(self, one: Interaction) -> bool | None:
        return self.alive.get(one.id, True)

    def take(self, event: e.Event) -> list[c.Command]:
        commands = self.live.handle(event, self.now) + self.limits.handle(event, self.now)
        for command in list(commands):
            if isinstance(command, c.Record):
                commands += self.take(command.event)
        self.all += commands
        return commands

    def miss(self, n: int, result: Any = "no_answer") -> list[c.Command]:
        self.call(f"m{n}")
        self.ring(i=f"m{n}")
        return self.ring_ends(result, i=f"m{n}")

    def rule(self, mode: Mode, **more: Any) -> None:
        self.live.settings.wrap_up["main", "support"] = WrapUpRule(mode=mode, **more)

    def talk(self, i: str = "i1") -> list[c.Command]:
        self.call(i)
        self.ring(i=i)
        self.answer(i=i)
        return self.leave(i=i)


def codes(commands: list[c.Command]) -> list[str]:
    return [one.code for one in of(commands, c.Notify, c.NotifySupervisors)]


# --- not responding ----------------------------------------------------------------------------------


def test_three_missed_in_a_row_make_her_not_ready_and_paused() -> None:
    floor = Floor()
    floor.member()
    floor.sign_in()
    assert not codes(floor.miss(1)) and not codes(floor.miss(2, "declined"))
    told = floor.miss(3)
    assert codes(told) == ["not_responding", "agent_not_responding"]
    assert (floor.anna.state, floor.anna.reason) == ("NOT_READY", "not_responding")
    assert of(told, c.PauseMember)[0].reason == "callweave:not_responding"
    floor.choose("READY")
    assert not codes(floor.miss(4)) and floor.anna.state == "READY"


def test_an_answered_call_forgives_those_before() -> None:
    floor = Floor(wrap_up=0)
    floor.sign_in()
    for n in range(10):
        floor.miss(2 * n)
        floor.miss(2 * n + 1)
        floor.talk(f"t{n}")
    assert floor.anna.state == "READY"


@pytest.mark.parametrize("result", ["cancelled", "failed"])
def test_what_was_no_fault_of_hers_does_not_count(result: str) -> None:
    floor = Floor()
    floor.sign_in()
    assert not [code for n in range(9) for code in codes(floor.miss(n, result))]


def test_a_ring_that_crossed_her_pause_and_a_direct_call_do_not_count() -> None:
    floor = Floor(LimitRules(missed_offers=1))
    floor.sign_in()
    floor.call("d")
    offer = e.InteractionOffered(at=1.0, interaction_id="d", offer_id=f"d/{ANNA}", device=ANNA, source="direct")
    floor.take(offer)
    assert not codes(floor.ring_ends("no_answer", i="d"))
    floor.choose("NOT_READY", "lunch")
    assert not codes(floor.miss(1)) and floor.anna.reason == "lunch"


def test_zero_means_never() -> None:
    floor = Floor(LimitRules(missed_offers=0))
    floor.sign_in()
    assert not [code for n in range(20) for code in codes(floor.miss(n))]


# --- pauses ------------------------------------------------------------------------------------------

TIMER = "limit:state:anna"


@pytest.mark.parametrize(
    ("action", "notice", "state"),
    [
        ("notice", "pause_over", "NOT_READY"),
        ("ready", "pause_ended_ready", "READY"),
        ("logged_out", "pause_ended_logged_out", "LOGGED_OUT"),
    ],
)
def test_a_pause_that_lasts_too_long(action: Any, notice: str, state: str) -> None:
    floor = Floor(LimitRules(pauses={"lunch": PauseLimit(seconds=3600, action=action)}))
    floor.sign_in()
    assert c.StartTimer(TIMER, 3600) in floor.choose("NOT_READY", "lunch")
    floor.now += 3600
    assert codes(floor.fire(TIMER)) == ["pause_too_long", notice]
    assert floor.anna.state == state


def test_other_reasons_and_a_pause_that_ended_have_no_limit() -> None:
    floor = Floor(LimitRules(pauses={"lunch": PauseLimit(seconds=60)}))
    floor.sign_in()
    assert not [t for t in of(floor.choose("NOT_READY", "coffee"), c.StartTimer) if t.key == TIMER]
    floor.choose("NOT_READY", "lunch")
    assert c.CancelTimer(TIMER) in floor.choose("READY")
    assert not codes(floor.fire(TIMER))


def test_a_limit_counts_from_the_pauses_beginning_also_over_a_restart() -> None:
    floor = Floor(LimitRules(pauses={"lunch": PauseLimit(seconds=3600)}))
    floor.sign_in()
    floor.choose("NOT_READY", "lunch")
    again = Limits(floor.live, floor.limits.rules, lambda one: True)
    assert c.StartTimer(TIMER, 3000) in again.restore(floor.now + 600)
    assert c.StartTimer(TIMER, 0) in again.restore(floor.now + 9000)


# --- wrap-up -----------------------------------------------------------------------------------------


def wrapped(commands: list[c.Command]) -> list[str | None]:
    events = [one.event for one in of(commands, c.Record)]
    return [event.disposition for event in events if isinstance(event, e.InteractionWrappedUp)]


def test_a_timed_wrap_up_writes_its_disposition_by_itself() -> None:
    floor = Floor()
    floor.rule("timed", disposition="other")
    floor.sign_in()
    floor.talk()
    assert wrapped(floor.fire("wrap_up:anna")) == ["other"] and floor.anna.state == "READY"
    floor.talk("i2")
    assert wrapped(floor.choose("READY")) == ["other"]


def test_an_optional_wrap_up_is_skipped_at_once_and_leaves_nothing() -> None:
    floor = Floor()
    floor.rule("optional", disposition="other")
    floor.sign_in()
    floor.talk()
    assert floor.anna.state == "WRAP_UP"
    assert wrapped(floor.choose("READY")) == [None] and floor.anna.state == "READY"


@pytest.mark.parametrize("seconds", [0, 30])
def test_a_mandatory_wrap_up_ends_with_a_disposition_only(seconds: int) -> None:
    floor = Floor(wrap_up=seconds)
    floor.member()
    floor.rule("mandatory", alarm_seconds=300)
    floor.sign_in()
    told = floor.talk()
    assert floor.anna.state == "WRAP_UP" and floor.anna.until is None
    assert not [t for t in of(told, c.StartTimer) if t.key.startswith("wrap_up")]
    assert c.StartTimer(TIMER, 300) in told
    for state in ("READY", "NOT_READY"):
        floor.choose(state, "lunch")
        assert floor.anna.state == "WRAP_UP"
    floor.now += 300
    assert codes(floor.fire(TIMER)) == ["stuck_wrap_up"] and floor.anna.state == "WRAP_UP"
    done = e.InteractionWrappedUp(at=1.0, interaction_id="i1", agent="anna", disposition="sold", notes=None)
    floor.take(done)
    assert (floor.anna.state, floor.anna.reason) == ("NOT_READY", "lunch")  # what she chose meanwhile


def test_whoever_leaves_may_leave() -> None:
    floor = Floor()
    floor.rule("mandatory")
    floor.sign_in()
    floor.talk()
    floor.choose("LOGGED_OUT")
    assert floor.anna.state == "LOGGED_OUT"


# --- what does not end -------------------------------------------------------------------------------


def test_a_ring_and_a_wrap_up_that_do_not_end_are_told_to_supervisors() -> None:
    floor = Floor(wrap_up=60)
    floor.sign_in()
    floor.call()
    assert c.StartTimer(TIMER, 120) in floor.ring()
    floor.now += 120
    (alarm,) = of(floor.fire(TIMER), c.NotifySupervisors)
    assert (alarm.code, alarm.params["agent"], alarm.params["seconds"]) == ("stuck_offered", "anna", "120")
    floor.answer()
    assert c.StartTimer(TIMER, 900) in floor.leave()


def test_a_dead_call_is_told_once_and_only_while_the_link_is_up() -> None:
    floor = Floor()
    floor.sign_in()
    floor.call()
    for alive, seconds, expected in [
        (True, 0, []),
        (False, 15, []),
        (None, 90, []),  # the link is down: nothing is known
        (False, 15, []),
        (False, 59, []),
        (False, 2, ["dead_call"]),
        (False, 60, []),
    ]:
        floor.now += seconds
        floor.alive["i1"] = alive
        assert codes(floor.fire("limit:sweep")) == expected
    floor.end()
    assert codes(floor.fire("limit:sweep")) == []


def test_who_is_made_a_member_behind_our_back_is_seen() -> None:
    floor = Floor()
    floor.sign_in()
    assert c.ShowAgent("anna") in floor.member(queue="sales")
    assert c.ShowAgent("anna") not in floor.member(queue="sales", paused="boss")[:1]
    assert c.ShowAgent("anna") in floor.member(queue="sales", removed=True)
    assert c.ShowAgent("anna") not in floor.member(device=BEN)
