"""People who call the demo's queue, and customers who are called: enough to try everything with one agent."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from cti_gateway.simulator.brought_call import BroughtCall
from cti_gateway.simulator.clock import Timer
from cti_gateway.simulator.consultation import Consultation
from cti_gateway.simulator.outbound_call import OutboundCall
from cti_gateway.simulator.parts import UP
from cti_gateway.simulator.queue_call import QueueCall
from cti_gateway.simulator.server import Simulator

TICK_SECONDS = 0.5
SETTLE_SECONDS = 2.0
"""After the gateway came: time to pause those members whose agents are not there."""

PATIENT_SECONDS = 10.0
LIFT_SECONDS = 1.5
"""After which an agent who dials lifts."""

FALLBACK_CALLERS = (
    ("13800138000", "Li Lei"),
    ("13911112222", "Han Meimei"),
    ("02150888888", "Wang Fang"),
    ("00441632960961", "Alice Smith"),
    ("13700000000", ""),
)


@dataclass(frozen=True)
class Habits:
    """How long things take, in seconds (from, to), and how likely they are."""

    ready_to_call: tuple[float, float] = (2.0, 4.0)
    between_calls: tuple[float, float] = (3.0, 6.0)
    talk: tuple[float, float] = (20.0, 45.0)
    patience: tuple[float, float] = (50.0, 80.0)
    impatience: tuple[float, float] = (6.0, 9.0)
    impatient: float = 0.12
    second_caller: float = 0.25
    talks_on: float = 0.3
    """Share of callers who wait for the agent to hang up (they talk for three minutes at most)."""
    well_behaved: int = 2
    """The first so many callers neither give up early nor come in pairs."""


class DemoTraffic:
    """Calls in as soon as somebody is ready, again after each call; sometimes gives up, sometimes comes in pairs.

    `callers`: numbers as the network presents them, with names; the first is the first to call.
    """

    def __init__(
        self,
        simulator: Simulator,
        callers: Sequence[tuple[str, str]] = FALLBACK_CALLERS,
        *,
        habits: Habits | None = None,
        rng: random.Random | None = None,
        queue: str = "support",
    ) -> None:
        self._simulator = simulator
        self._pbx = simulator.pbx
        self._queue = self._pbx.queues[queue]
        self._callers = list(callers)
        self._habits = habits or Habits()
        self._rng = rng or simulator.rng
        self._timer: Timer | None = None
        self._calls: list[QueueCall] = []
        self._watched_since: float | None = None
        self._next_at: float | None = None
        self.placed = 0
        """Calls so far."""

    def start(self) -> None:
        """Begin; the event loop (or the virtual clock) runs it. Agents who dial lift their own telephones."""
        self._simulator.answers.customer = self.customer
        self._simulator.answers.colleague = self.colleague
        self._simulator.answers.brought = self.brought
        self._simulator.answers.lift_seconds = LIFT_SECONDS
        self._timer = self._pbx.clock.later(TICK_SECONDS, self._tick)

    def stop(self) -> None:
        """No more calls; those that are there go on."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _between(self, limits: tuple[float, float]) -> float:
        return self._rng.uniform(*limits)

    def _tick(self) -> None:
        self._timer = self._pbx.clock.later(TICK_SECONDS, self._tick)
        now = self._pbx.clock.now()
        if not self._simulator.is_watched:
            self._watched_since = self._next_at = None
            return
        if self._watched_since is None:
            self._watched_since = now
        free = any(self._pbx.is_free(one) for one in self._queue.members)
        nobody_waits = not any(one.stage in ("waiting", "ringing") for one in self._calls)
        if now - self._watched_since < SETTLE_SECONDS or not (free and nobody_waits):
            self._next_at = None
        elif self._next_at is None:
            habit = self._habits.between_calls if self.placed else self._habits.ready_to_call
            self._next_at = now + self._between(habit)
        elif now >= self._next_at:
            self._next_at = None
            self._call_in()

    def _next_caller(self) -> tuple[str, str]:
        busy = {one.caller.number for one in self._calls}
        for _ in self._callers:
            caller = self._callers[self.placed % len(self._callers)]
            self.placed += 1
            if caller[0] not in busy:
                return caller
        return "", ""  # everybody is on the telephone: an anonymous caller

    def _call_in(self) -> QueueCall:
        number, name = self._next_caller()
        call = QueueCall(self._pbx, self._queue, number or "anonymous", name, ended=self._ended)
        self._calls.append(call)
        call.on_stage.append(self._on_stage)
        hasty = self.placed > self._habits.well_behaved and self._rng.random() < self._habits.impatient
        patience = self._between(self._habits.impatience if hasty else self._habits.patience)
        self._pbx.clock.later(patience, lambda: self._give_up(call))
        return call

    @staticmethod
    def _give_up(call: QueueCall) -> None:
        if call.stage in ("waiting", "ringing"):
            call.hang_up(call.caller)

    def _on_stage(self, call: QueueCall) -> None:
        if call.stage != "talking":
            return
        talks_on = self._rng.random() < self._habits.talks_on
        self._pbx.clock.later(180.0 if talks_on else self._between(self._habits.talk), lambda: self._bye(call))
        if self.placed >= self._habits.well_behaved and self._rng.random() < self._habits.second_caller:
            self._pbx.clock.later(self._between((3.0, 8.0)), self._call_in_second)

    def _call_in_second(self) -> None:
        if self._simulator.is_watched and not any(one.stage in ("waiting", "ringing") for one in self._calls):
            self._call_in()

    def _bye(self, call: QueueCall) -> None:
        """The caller has said all, whoever has him now; who is put on music or rings somebody is patient."""
        now = self._pbx.calls.get(call.caller)
        if now is None:
            return
        if isinstance(now, Consultation) and now.stage in ("ringing", "asking"):
            self._pbx.clock.later(PATIENT_SECONDS, lambda: self._bye(call))
        elif call.caller.bridge is not None or call.stage == "talking":
            now.hang_up(call.caller)
        else:
            self._pbx.clock.later(PATIENT_SECONDS, lambda: self._bye(call))

    def _ended(self, call: QueueCall) -> None:
        if call in self._calls:
            self._calls.remove(call)

    def colleague(self, asked: Consultation) -> None:
        """A colleague is asked: who serves no queue here is nobody's console, and lifts by himself."""
        line = asked.target.endpoint
        if all(queue.member(line) is None for queue in self._pbx.queues.values()):
            self._pbx.clock.later(self._between((2.0, 4.0)), lambda: asked.answer(asked.target))

    def brought(self, call: BroughtCall) -> None:
        """A supervisor gave him to somebody: he talks as long as others do."""
        self._pbx.clock.later(self._between(self._habits.talk), lambda: self._customer_goes(call))

    # ---- People who are called -----------------------------------------------------------------------------------
    def customer(self, call: OutboundCall) -> None:
        """Somebody's telephone rings because an agent dialled: mostly he answers."""
        chance = self._rng.random()
        if chance < 0.75:
            self._pbx.clock.later(self._between((3.0, 6.0)), lambda: self._customer_talks(call))
        elif chance < 0.9:
            self._pbx.clock.later(self._between((2.0, 4.0)), call.customer_busy)

    def _customer_talks(self, call: OutboundCall) -> None:
        call.customer_answers()
        self._pbx.clock.later(self._between(self._habits.talk), lambda: self._customer_goes(call))

    @staticmethod
    def _customer_goes(call: OutboundCall) -> None:
        customer = call.customer
        if customer is not None and customer.alive and customer.state == UP:
            call.hang_up(customer)
