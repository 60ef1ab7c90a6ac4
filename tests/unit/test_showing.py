"""When the screens see what: a ring at once, the rest at the end of the step or a moment later, one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from cti_gateway.showing import CHANGES, CHANGES_SECONDS, Showing
from routing import commands as c


class Screens:
    overseen = False

    def __init__(self) -> None:
        self.told: list[tuple[str, str, Any]] = []

    def publish(self, agent: str, name: str, payload: Mapping[str, Any]) -> None:
        self.told.append((agent, name, payload))

    def publish_each(self, agents: Iterable[str], name: str, payload: Mapping[str, Any]) -> None:
        for agent in agents:
            self.publish(agent, name, payload)

    def publish_supervisors(self, name: str, payload: Mapping[str, Any]) -> None:
        pass

    def news(self) -> list[tuple[str, str]]:
        told, self.told = self.told, []
        return [(agent, name) for agent, name, _ in told]


class Hub:
    """The parts that showing asks."""

    def __init__(self) -> None:
        self.busy = True
        self.counts: Counter[str] = Counter()
        self.screens, self.windows, self.timers = Screens(), self, self
        self.started: dict[str, float] = {}
        self.states = {"anna": "READY", "ben": "READY"}

    def open_pop(self, command: c.PopScreen) -> dict[str, Any]:
        return {"interaction_id": command.interaction_id}

    def close_pop(self, command: c.ClosePop) -> None:
        pass

    def agent(self, name: str) -> dict[str, Any]:
        return {"agent": name, "state": self.states[name]}

    def interaction(self, interaction_id: str) -> dict[str, Any]:
        return {"id": interaction_id}

    def running(self, key: str) -> bool:
        return key in self.started

    def start(self, key: str, seconds: float) -> None:
        self.started[key] = seconds

    def run_out(self, showing: Showing) -> None:
        del self.started[CHANGES]
        assert showing.fired(CHANGES)


def made() -> tuple[Hub, Showing]:
    hub = Hub()
    stands_for_it: Any = hub
    return hub, Showing(stands_for_it)


def answered(showing: Showing) -> None:
    """Her telephone rang for i1, and she answered."""
    showing.show_interaction(c.ShowInteraction("anna", "i1"))
    showing.show_agent(c.ShowAgent("anna"))
    showing.close_pop(c.ClosePop("anna", "i1", "answered"))


IN_ORDER = [("anna", "screen_pop_closed"), ("anna", "agent_state"), ("anna", "interaction")]


def test_what_somebody_waits_for_is_shown_at_the_end_of_the_step() -> None:
    hub, showing = made()
    answered(showing)
    assert hub.screens.news() == []
    showing.changes()
    assert hub.screens.news() == IN_ORDER
    assert not hub.started


def test_what_a_pbx_said_is_shown_a_moment_later_and_one_by_one() -> None:
    hub, showing = made()
    answered(showing)
    showing.soon()
    assert hub.started == {CHANGES: CHANGES_SECONDS}
    for message in IN_ORDER:
        assert hub.screens.news() == []
        hub.run_out(showing)
        assert hub.screens.news() == [message]
        assert hub.started == {CHANGES: 0.0}, "the sockets are looked at in between"
    hub.run_out(showing)
    assert hub.screens.news() == []
    assert not hub.started


def test_a_ring_waits_for_none_of_it_but_for_the_end_of_her_own_pop_before() -> None:
    hub, showing = made()
    showing.close_pop(c.ClosePop("ben", "i1", "answered_by_other"))
    answered(showing)
    showing.soon()
    showing.pop_screen(c.PopScreen("anna", "i1", None))
    assert hub.screens.news() == [("anna", "screen_pop_closed"), ("anna", "screen_pop")]
    hub.run_out(showing)
    assert hub.screens.news() == [("ben", "screen_pop_closed")]


def test_what_changes_again_meanwhile_is_shown_once_as_it_is_then() -> None:
    hub, showing = made()
    for state in ("OFFERED", "BUSY"):
        hub.states["anna"] = state
        showing.show_agent(c.ShowAgent("anna"))
        showing.soon()
    hub.run_out(showing)
    assert hub.screens.told == [("anna", "agent_state", {"agent": {"agent": "anna", "state": "BUSY"}})]


def test_an_answer_finds_the_states_shown_before_it() -> None:
    hub, showing = made()
    answered(showing)
    showing.soon()
    showing.report(c.ReportOutcome("anna", "x1", ok=True))
    assert hub.screens.news() == [*IN_ORDER[:2], ("anna", "command_result")]


def test_outside_of_a_step_nothing_waits() -> None:
    hub, showing = made()
    hub.busy = False
    showing.close_pop(c.ClosePop("anna", "i1", "cancelled"))
    showing.show_agent(c.ShowAgent("ben"))
    assert hub.screens.news() == [("anna", "screen_pop_closed"), ("ben", "agent_state")]
