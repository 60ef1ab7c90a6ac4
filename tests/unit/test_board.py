"""Queue figures: each agent is told of her queues, only what is new, and not behind a wall of messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent_console.wire import QueueView
from cti_gateway.board import AGENTS_IN_A_ROW, FIGURES, GATHER_SECONDS, ROUND, STEP_SECONDS, QueueBoard


def view(queue: str, waiting: int) -> QueueView:
    return {
        "pbx": "main", "queue": queue, "label": queue, "waiting": waiting, "longest_wait_since": None,
        "ready": 1, "busy": 0, "not_ready": 0,
    }  # fmt: skip


class Floor:
    """Queues with so many waiting, and who serves which."""

    def __init__(self) -> None:
        self.waiting = {"sales": 0, "support": 0}
        self.serves = {"anna": ["sales"], "ben": ["support"], "sofia": []}

    def queues(self) -> list[QueueView]:
        return [view(name, waiting) for name, waiting in self.waiting.items()]

    def queues_of(self, agent: str) -> list[str]:
        return self.serves.get(agent, [])


class Screens:
    """What was shown since the last look."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self.shown: list[tuple[str, dict[str, int]]] = []

    def audience(self) -> list[str]:
        return list(self._floor.serves)

    def publish(self, agent: str, name: str, payload: Mapping[str, Any]) -> int:
        self.shown.append((agent, {one["queue"]: one["waiting"] for one in payload["queues"]}))
        return 0

    def publish_supervisors(self, name: str, payload: Mapping[str, Any]) -> int:
        return self.publish("supervisors", name, payload)

    def news(self) -> dict[str, dict[str, int]]:
        shown, self.shown = self.shown, []
        return dict(shown)


class Timers:
    """Timers that run out when the test says so."""

    def __init__(self) -> None:
        self.started: dict[str, float] = {}

    def running(self, key: str) -> bool:
        return key in self.started

    def start(self, key: str, seconds: float) -> None:
        self.started[key] = seconds


class Stage:
    def __init__(self) -> None:
        self.floor, self.timers = Floor(), Timers()
        self.screens = Screens(self.floor)
        screens: Any = self.screens
        timers: Any = self.timers
        self.board = QueueBoard(self.floor, lambda: screens, timers)

    def run_out(self, key: str) -> bool:
        del self.timers.started[key]
        return self.board.fired(key)

    async def counted(self) -> dict[str, dict[str, int]]:
        """A second later, and the round to its end."""
        self.board.changed()
        self.run_out(FIGURES)
        while ROUND in self.timers.started:
            self.run_out(ROUND)
        return self.screens.news()


async def test_each_agent_is_told_of_her_queues_and_who_serves_none_of_all() -> None:
    stage = Stage()
    both = {"sales": 0, "support": 0}
    assert await stage.counted() == {"supervisors": both, "anna": {"sales": 0}, "ben": {"support": 0}, "sofia": both}


async def test_only_what_changed_is_told() -> None:
    stage = Stage()
    await stage.counted()
    stage.floor.waiting["sales"] = 2
    told = {"supervisors": {"sales": 2, "support": 0}, "anna": {"sales": 2}, "sofia": {"sales": 2}}
    assert await stage.counted() == told
    assert await stage.counted() == {}


async def test_who_joins_a_queue_is_told_of_it_though_nothing_changed_there() -> None:
    stage = Stage()
    await stage.counted()
    stage.floor.serves["anna"] = ["sales", "support"]
    stage.floor.waiting["sales"] = 1
    assert (await stage.counted())["anna"] == {"sales": 1, "support": 0}


async def test_a_figure_that_went_back_after_a_snapshot_is_told_again() -> None:
    """The snapshot said 1; it is 0 again, as at the last count: without telling, the console would say 1 for ever."""
    stage = Stage()
    await stage.counted()
    stage.board.shown("anna")
    stage.board.shown(None)
    told = await stage.counted()
    assert told["anna"] == {"sales": 0}
    assert told["supervisors"] == {"sales": 0, "support": 0}
    assert "ben" not in told


async def test_a_round_serves_one_by_one_with_pauses_and_starts_again_for_what_changed_meanwhile() -> None:
    stage = Stage()
    stage.floor.serves = {f"agent{n}": ["sales"] for n in range(3 * AGENTS_IN_A_ROW)}
    stage.board.changed()
    stage.run_out(FIGURES)
    assert len(stage.screens.news()) == 1 + 1  # and the supervisors
    pauses = [stage.timers.started[ROUND]]
    for _ in range(2 * AGENTS_IN_A_ROW - 1):
        stage.run_out(ROUND)
        assert len(stage.screens.news()) == 1
        pauses.append(stage.timers.started[ROUND])
    assert pauses == ([0.0] * (AGENTS_IN_A_ROW - 1) + [STEP_SECONDS]) * 2
    stage.floor.waiting["sales"] = 9
    stage.board.changed()
    stage.run_out(FIGURES)
    told: dict[str, dict[str, int]] = stage.screens.news()
    while ROUND in stage.timers.started:
        stage.run_out(ROUND)
        told |= stage.screens.news()
    assert {agent: told[agent] for agent in stage.floor.serves} == {one: {"sales": 9} for one in stage.floor.serves}


async def test_no_count_twice_within_a_second() -> None:
    stage = Stage()
    stage.board.changed()
    assert stage.timers.started[FIGURES] == GATHER_SECONDS
    stage.run_out(FIGURES)
    stage.board.changed()
    assert 0.5 < stage.timers.started[FIGURES] <= 1.0
    assert not stage.board.fired("other")
