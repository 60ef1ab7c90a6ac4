"""Whether a call is recorded: the queue's policy, what follows from what happens, and when somebody must be told. Pure.

Policies: ``always`` (the PBX records, the agent cannot stop it), ``on_demand`` (the agent starts and stops), ``never``
(nobody may; a PBX that records all the same is reported). A pause for card data is allowed under each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from interaction_log import events as e
from interaction_log.interaction import Interaction
from interaction_log.recordings import running_on
from routing import commands as c

Policy = Literal["always", "on_demand", "never"]

MISSING_SECONDS: Final = 5.0
"""So long after agent and customer are connected a call of an ``always`` queue must be recorded."""
AGAIN_SECONDS: Final = 5.0
"""Between two tries to resume a recording that could not be resumed."""
_PREFIX: Final = "recording:"


@dataclass(frozen=True, slots=True)
class RecordingRule:
    """What holds for the calls of one queue. ``consent``: the announcement that must come first; empty: none."""

    policy: Policy = "on_demand"
    consent: str = ""


@dataclass(frozen=True, slots=True)
class RecordingRules:
    """What holds for all. ``configured``: there is a place for recordings, so that agents may start them."""

    configured: bool = False
    direct: RecordingRule = RecordingRule()
    """Calls that came through no queue."""
    queues: Mapping[tuple[str, str], RecordingRule] = field(default_factory=dict)
    """By PBX and queue; one that is not here has the default."""
    card_pause_seconds: float = 120.0
    agents_may_listen: bool = False

    def of(self, one: Interaction) -> RecordingRule:
        """The rule of a call: that of the queue that it waits in, was answered in, or was in last."""
        waiting = one.waiting_in()
        queue = waiting.queue if waiting is not None else one.queue
        return self.direct if queue is None else self.queues.get((one.pbx, queue), RecordingRule())


@dataclass(frozen=True, slots=True)
class ResumeRecording:
    """The pause is over: write audio again."""

    interaction_id: str


@dataclass(frozen=True, slots=True)
class PauseRecording:
    """Another recording of the call began while this pause lasts: it gets silence too, until the same moment."""

    interaction_id: str
    by: str | None
    resume_at: float


Command = c.Command | ResumeRecording | PauseRecording


class RecordingWatch:
    """Follows the recordings of all calls. ``call``: the interaction of an id, with the event applied already."""

    def __init__(self, rules: RecordingRules, call: Callable[[str], Interaction | None]) -> None:
        self.rules, self._call = rules, call
        self._told: set[str] = set()  # calls that are recorded against the rule, reported
        self._failed: set[str] = set()  # calls whose recording could not be resumed, reported
        self._methods: dict[type[e.Event], Callable[[Any, Interaction, float], list[Command]]] = {
            e.QueueEntered: self._against_the_rule,
            e.AgentConnected: self._connected,
            e.RecordingStarted: self._started,
            e.RecordingPaused: self._paused,
            e.RecordingResumed: self._resumed,
            e.RecordingStopped: self._stopped,
            e.InteractionEnded: self._ended,
        }

    @property
    def hears(self) -> set[type[e.Event]]:
        """The kinds of events from which anything follows."""
        return {e.TimerFired, *self._methods}

    def handle(self, event: e.Event, now: float) -> list[Command]:
        """Take one event in and say what follows from it. ``now``: Unix seconds."""
        if isinstance(event, e.TimerFired):
            return self._timer_fired(event.key)
        method = self._methods.get(type(event))
        if method is None or not isinstance(event, e.InteractionEvent):
            return []
        one = self._call(event.interaction_id)
        return method(event, one, now) if one is not None and one.channel == "voice" else []

    def restore(self, calls: Iterable[Interaction], now: float) -> list[Command]:
        """After our own end: pauses go on, those whose time ran out end soon."""
        found: list[Command] = []
        for one in calls:
            recording = one.recording()
            gap = recording.gap if recording is not None else None
            if gap is not None and gap.until is not None and not one.ended:
                found.append(c.StartTimer(_resume_timer(one.id), max(AGAIN_SECONDS, gap.until - now)))
        return found

    # --- recorded or not -----------------------------------------------------------------------------

    def _started(self, event: e.RecordingStarted, one: Interaction, now: float) -> list[Command]:
        found: list[Command] = [c.CancelTimer(_missing_timer(one.id)), *self._against_the_rule(event, one, now)]
        if len(running_on(one.recordings, event.unique_id)) == 2:  # not every PBX can pause both
            found.append(c.NotifySupervisors("warning", "recorded_twice", _params(one)))
        return found + self._pause_lasts(one)

    def _pause_lasts(self, one: Interaction) -> list[Command]:
        """Card data is being told at this moment: a recording that begins now must not hear it."""
        gaps = [r.gap for r in one.recordings if r.open and r.gap is not None and r.gap.until is not None]
        return [PauseRecording(one.id, gap.by, gap.until or 0.0) for gap in gaps[:1]]

    def not_paused(self, interaction_id: str, why: str) -> list[Command]:
        """It did not work: the agent must not take card data now."""
        one = self._call(interaction_id)
        if one is None or one.ended:
            return []
        params = _params(one) | {"agent": _paused_by(one), "reason": why}
        told: list[Command] = [c.NotifySupervisors("error", "recording_not_paused", params)]
        return told + [c.Notify(agent, "error", "recording_not_paused", params) for agent in [_paused_by(one)] if agent]

    def _connected(self, event: e.AgentConnected, one: Interaction, now: float) -> list[Command]:
        if self.rules.of(one).policy == "always" and one.recording() is None and one.direction != "internal":
            return [c.StartTimer(_missing_timer(one.id), MISSING_SECONDS)]
        return self._against_the_rule(event, one, now)

    def _against_the_rule(self, _: e.Event, one: Interaction, now: float) -> list[Command]:
        """A call without a queue yet may still come into one: it counts when somebody talks."""
        certain = bool(one.queues) or any(s.open for s in one.segments)
        if not certain or one.recording() is None or one.id in self._told or self.rules.of(one).policy != "never":
            return []
        self._told.add(one.id)
        return [c.NotifySupervisors("error", "recording_forbidden", _params(one))]

    def _missing(self, one: Interaction) -> list[Command]:
        talking = any(s.open for s in one.segments)
        if one.ended or not talking or one.recording() is not None or self.rules.of(one).policy != "always":
            return []
        return [c.NotifySupervisors("error", "recording_missing", _params(one))]

    # --- pauses --------------------------------------------------------------------------------------

    def _paused(self, event: e.RecordingPaused, one: Interaction, now: float) -> list[Command]:
        if event.resume_at is None:
            return []
        return [c.StartTimer(_resume_timer(one.id), max(0.0, event.resume_at - now))]

    def _resumed(self, event: e.RecordingResumed, one: Interaction, _: float) -> list[Command]:
        self._failed.discard(one.id)
        found: list[Command] = [c.CancelTimer(_resume_timer(one.id))]
        if event.automatic:
            params = _params(one) | {"agent": _paused_by(one), "seconds": f"{_last_gap(one):.0f}"}
            found.append(c.NotifySupervisors("warning", "recording_pause_ran_out", params))
            found += [c.Notify(agent, "warning", "recording_resumed", {}) for agent in [_paused_by(one)] if agent]
        return found

    def not_resumed(self, interaction_id: str, why: str) -> list[Command]:
        """It did not work: told once, tried again while the call lasts."""
        one = self._call(interaction_id)
        if one is None or one.ended or one.recording() is None:
            return []
        found: list[Command] = [c.StartTimer(_resume_timer(one.id), AGAIN_SECONDS)]
        if one.id not in self._failed:
            self._failed.add(one.id)
            params = _params(one) | {"agent": _paused_by(one), "reason": why}
            found.append(c.NotifySupervisors("error", "recording_not_resumed", params))
            found += [c.Notify(agent, "error", "recording_not_resumed", params) for agent in [_paused_by(one)] if agent]
        return found

    def _stopped(self, _: e.RecordingStopped, one: Interaction, now: float) -> list[Command]:
        return [] if one.recording() is not None else [c.CancelTimer(_resume_timer(one.id))]

    def _ended(self, _: e.InteractionEnded, one: Interaction, now: float) -> list[Command]:
        self._told.discard(one.id)
        self._failed.discard(one.id)
        return [c.CancelTimer(_resume_timer(one.id)), c.CancelTimer(_missing_timer(one.id))]

    def _timer_fired(self, key: str) -> list[Command]:
        kind, _, interaction_id = key.removeprefix(_PREFIX).partition(":")
        one = self._call(interaction_id) if key.startswith(_PREFIX) else None
        if one is None or one.ended:
            return []
        if kind == "missing":
            return self._missing(one)
        recording = one.recording()
        return [ResumeRecording(one.id)] if recording is not None and recording.gap is not None else []


def _params(one: Interaction) -> dict[str, str]:
    return {"queue": one.queue or "", "pbx": one.pbx}


def _paused_by(one: Interaction) -> str:
    gaps = [gap for recording in one.recordings for gap in recording.gaps]
    return (gaps[-1].by or "") if gaps else ""


def _last_gap(one: Interaction) -> float:
    gaps = [gap for recording in one.recordings for gap in recording.gaps]
    return gaps[-1].seconds if gaps else 0.0


def _resume_timer(interaction_id: str) -> str:
    return f"{_PREFIX}resume:{interaction_id}"


def _missing_timer(interaction_id: str) -> str:
    return f"{_PREFIX}missing:{interaction_id}"
