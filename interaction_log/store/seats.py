"""Where everything was when the process before ours ended: agents, their devices, the last word of the PBX."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from interaction_log.events import AgentState, QueuePaused
from interaction_log.store.engine import open_engine
from interaction_log.store.schema import agent_states, events, seats
from interaction_log.store.voice_tables import lasting


@dataclass(frozen=True, slots=True, kw_only=True)
class LastState:
    """An agent's last recorded state. ``until`` in WRAP_UP only; ``devices`` are those she sat down at last.

    ``to_wrap``: interactions whose wrap-up was still to come, or ran beside other work.
    """

    agent: str
    state: AgentState
    reason: str | None
    interaction_id: str | None
    since: float
    until: float | None
    devices: list[str]
    queue_pauses: tuple[QueuePaused, ...] = ()
    to_wrap: tuple[str, ...] = ()

    @property
    def wraps_up(self) -> tuple[str, ...]:
        """All that she has to wrap up, the one that runs first."""
        running = self.interaction_id if self.state == "WRAP_UP" else None
        return self.to_wrap if running is None else (running, *self.to_wrap)


def last_states(url: str) -> list[LastState]:
    """One for each agent that ever had a state. Blocks; call it after ``EventLog.open``, which drains the journal."""
    engine = open_engine(url, writes=False, size=1)
    try:
        with engine.connect() as connection:
            devices: dict[str, list[str]] = {}
            for row in connection.execute(sa.select(seats.c.device, seats.c.agent).order_by(seats.c.device)):
                devices.setdefault(row.agent, []).append(row.device)
            paused: dict[str, list[QueuePaused]] = {}
            for row in connection.execute(lasting()):
                paused.setdefault(row.agent, []).append(_pause(row))
            return [
                _state(row, devices.get(row.agent, []), tuple(paused.get(row.agent, ())))
                for row in connection.execute(_QUERY)
            ]
    finally:
        engine.dispose()


_OURS = frozenset(
    {
        "AgentSignedIn",
        "AgentStateChanged",
        "CustomerIdentified",
        "InteractionWrappedUp",
        "LinkLost",
        "LinkRestored",
        "NoteWritten",
        "QueuePaused",
        "QueueResumed",
        "StateChosen",
    }
)
_LOOK_BACK = 1_000  # people do less than a thousand things between two words of a PBX


def last_word(url: str) -> float | None:
    """When a PBX told us something last, by its own clock; ``None`` if it never did. Blocks."""
    engine = open_engine(url, writes=False, size=1)
    try:
        with engine.connect() as connection:
            query = sa.select(events.c.type, events.c.at).order_by(events.c.seq.desc()).limit(_LOOK_BACK)
            told = [row.at for row in connection.execute(query) if row.type not in _OURS and row.at is not None]
            return max(told[:20], default=None)  # channels are in order each, not among each other
    finally:
        engine.dispose()


_NEWEST = sa.select(sa.func.max(agent_states.c.seq)).group_by(agent_states.c.agent)
_QUERY = (
    sa.select(agent_states, events.c.payload)
    .join(events, events.c.seq == agent_states.c.seq, isouter=True)
    .where(agent_states.c.seq.in_(_NEWEST))
    .order_by(agent_states.c.agent)
)


def _pause(row: Any) -> QueuePaused:
    return QueuePaused(
        at=row.from_at,
        agent=row.agent,
        pbx=row.pbx,
        queue=row.queue,
        holder=row.holder,
        reason=row.reason,
        by=row.by,
    )


def _state(row: sa.Row[tuple[object, ...]], devices: list[str], queue_pauses: tuple[QueuePaused, ...]) -> LastState:
    payload = json.loads(row.payload) if row.payload else {}
    return LastState(
        agent=row.agent,
        state=row.state,
        reason=row.reason,
        interaction_id=row.interaction_id,
        since=row.from_at or 0.0,
        until=payload.get("until"),
        devices=devices,
        queue_pauses=queue_pauses,
        to_wrap=tuple(payload.get("to_wrap", ())),
    )
