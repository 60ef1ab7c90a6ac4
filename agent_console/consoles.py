"""Who has a console open, and the one way by which messages reach them. The hub calls it; it never waits."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from agent_console.feed import KEEP_SECONDS, AgentFeed, Message
from agent_console.lens import Lens, through
from agent_console.ports import Clock, NextSeq
from interaction_log.records import User
from interaction_log.rights import EVERYTHING, Sight
from interaction_log.web.emit import Emitter, Sent

AGENTS: Final = "/agent"
SUPERVISORS: Final = "/supervisor"
SLICE: Final = 5
"""Desks that a broadcast reaches in one round of the loop: about 0.3 ms of work, behind which a pop may wait."""


@dataclass(slots=True, eq=False)
class Console:
    """One connected console. ``last``: the number it was sent last; the ``prev`` of the next message."""

    sid: str
    eio_sid: str
    namespace: str
    user: User
    token: str
    last: int = 0
    lens: Lens | None = None
    """What of a message its person may see; ``None``: all."""
    sight: Sight = EVERYTHING


@dataclass(slots=True)
class Counts:
    """For the metrics; they only grow."""

    messages: int = 0
    dropped_consoles: int = 0
    snapshots: int = 0
    resumed: int = 0
    refused_commands: int = 0
    limited: int = 0
    bad_packets: int = 0


@dataclass(slots=True)
class _Desk:
    """An agent's feed and open consoles. ``left_at``: when the last console went away."""

    feed: AgentFeed = field(default_factory=AgentFeed)
    consoles: dict[str, Console] = field(default_factory=dict)
    left_at: float = float("-inf")
    waiting: list[Message] = field(default_factory=list)
    """Broadcasts that are kept already and not sent yet."""


class Consoles:
    """Fulfils ``ports.Screens``. ``next_seq`` gives the global numbers, ``now`` is monotonic."""

    def __init__(self, next_seq: NextSeq, now: Clock = time.monotonic):
        self._next_seq = next_seq
        self._now = now
        self._desks: dict[str, _Desk] = {}
        self._supervisors = _Desk()
        self._behind: deque[_Desk] = deque()
        self._emitter: Emitter | None = None
        self._cut: Callable[[Console, str], None] = lambda console, why: None
        self.counts = Counts()
        self.observe: Callable[[str, str, Mapping[str, Any]], None] = lambda agent, name, payload: None

    def attach(self, emitter: Emitter, cut: Callable[[Console, str], None]) -> None:
        """Connect with the server: ``cut(console, why)`` closes a connection."""
        self._emitter = emitter
        self._cut = cut

    # --- what the hub calls (ports.Screens) ---

    def publish(self, agent: str, name: str, payload: Mapping[str, Any]) -> int:
        """Send to all consoles of this agent and keep it for those that come back."""
        return self._publish(agent, name, payload, body_of(payload))

    def publish_each(self, agents: Iterable[str], name: str, payload: Mapping[str, Any]) -> None:
        """See ``ports.Screens``."""
        body = body_of(payload)
        for agent in agents:
            self._publish(agent, name, payload, body)

    def _publish(self, agent: str, name: str, payload: Mapping[str, Any], body: str) -> int:
        seq = self._next_seq()
        self._append(self._desk(agent), seq, name, body)
        self.observe(agent, name, payload)
        return seq

    def flash(self, agent: str, name: str, payload: Mapping[str, Any]) -> int:
        """Send to all consoles of this agent that are open now; it takes a number and is not kept."""
        desk, seq = self._desk(agent), self._next_seq()
        message = Message(seq, desk.feed.pass_over(seq, self._now()), name, body_of(payload))
        if desk.waiting:
            self._catch_up(desk)
        for console in tuple(desk.consoles.values()):
            self._send(desk, console, message)
        return seq

    def publish_all(self, name: str, payload: Mapping[str, Any]) -> int:
        """One message, one number, to every agent who has or had a console open; encoded once."""
        seq, body = self._next_seq(), body_of(payload)
        self._forget_absent()
        now, idle = self._now(), not self._behind
        for desk in self._desks.values():
            message = desk.feed.append(seq, name, body, now)
            if desk.consoles:
                desk.waiting.append(message)
                self._behind.append(desk)
        if idle:
            self._send_some()
        return seq

    def _send_some(self) -> None:
        """A broadcast goes out in slices: between them the loop serves what is urgent, a pop above all."""
        for _ in range(min(SLICE, len(self._behind))):
            self._catch_up(self._behind.popleft())
        if self._behind:
            asyncio.get_running_loop().call_soon(self._send_some)

    def _catch_up(self, desk: _Desk) -> None:
        """What waits for this desk goes before anything newer."""
        waiting, desk.waiting = desk.waiting, []
        for message in waiting:
            for console in tuple(desk.consoles.values()):
                self._send(desk, console, message)

    def publish_supervisors(self, name: str, payload: Mapping[str, Any]) -> int:
        """To everybody at ``/supervisor``, encoded once. Nothing is kept for nobody: who comes later has a snapshot."""
        if not self.overseen:
            self._supervisors.feed = AgentFeed()
            return 0
        seq = self._next_seq()
        self._append(self._supervisors, seq, name, body_of(payload))
        return seq

    @property
    def overseen(self) -> bool:
        """See ``ports.Screens``."""
        desk = self._supervisors
        return bool(desk.consoles) or self._now() - desk.left_at < KEEP_SECONDS

    def audience(self) -> list[str]:
        """See ``ports.Screens``."""
        self._forget_absent()
        return list(self._desks)

    def connected(self, agent: str) -> int:
        """How many consoles this agent has open now."""
        desk = self._desks.get(agent)
        return len(desk.consoles) if desk else 0

    def disconnect(self, agent: str) -> int:
        """Cut all connections of this user, in both namespaces; the number of them is returned."""
        return self.cut_where(lambda console: console.user.name == agent, "closed by the server")

    # --- what the server calls ---

    def join(self, console: Console, after: int | None, snapshot: Callable[[], Mapping[str, Any]]) -> None:
        """Add a console: send what it missed after ``after``, or else a snapshot, in one step with joining."""
        desk = self._desk_of(console)
        self._catch_up(desk)
        missed = self._resumable(desk, after)
        desk.consoles[console.sid] = console
        if missed is None or after is None:
            self.counts.snapshots += 1
            seq, body = self._next_seq(), body_of(snapshot())
            console.last = desk.feed.mark(seq, self._now())
            self._send(desk, console, Message(seq, console.last, "snapshot", body))
            return
        self.counts.resumed += 1
        console.last = after
        for message in missed:
            self._send(desk, console, message, replay=True)

    def can_resume(self, namespace: str, name: str, after: int | None) -> bool:
        """Whether ``join`` will need no snapshot (what it takes from the database can be spared)."""
        desk = self._supervisors if namespace == SUPERVISORS else self._desks.get(name)
        return desk is not None and self._resumable(desk, after) is not None

    def leave(self, console: Console) -> bool:
        """Forget a console; whether it was still there."""
        desk = self._desk_of(console)
        if desk.consoles.pop(console.sid, None) is None:
            return False
        desk.left_at = self._now()
        return True

    def all(self) -> list[Console]:
        """Every connected console."""
        return [c for desk in (*self._desks.values(), self._supervisors) for c in desk.consoles.values()]

    def cut_where(self, which: Callable[[Console], bool], why: str) -> int:
        """Cut every console that ``which`` names."""
        found = [console for console in self.all() if which(console)]
        for console in found:
            self.cut(console, why)
        return len(found)

    def cut(self, console: Console, why: str) -> None:
        """Cut one console, if it is still connected."""
        if console.sid in self._desk_of(console).consoles:
            self._cut(console, why)

    def open_of(self, name: str, namespace: str) -> int:
        """How many consoles this user has open in this namespace."""
        if namespace == SUPERVISORS:
            return sum(1 for console in self._supervisors.consoles.values() if console.user.name == name)
        return self.connected(name)

    def agents_connected(self) -> int:
        """How many agents have at least one console open."""
        return sum(1 for desk in self._desks.values() if desk.consoles)

    # --- inner parts ---

    def _desk(self, agent: str) -> _Desk:
        desk = self._desks.get(agent)
        if desk is None:
            desk = self._desks[agent] = _Desk(left_at=self._now())
        return desk

    def _desk_of(self, console: Console) -> _Desk:
        return self._supervisors if console.namespace == SUPERVISORS else self._desk(console.user.name)

    def _resumable(self, desk: _Desk, after: int | None) -> list[Message] | None:
        return None if after is None else desk.feed.resume(after, self._now())

    def _append(self, desk: _Desk, seq: int, name: str, body: str) -> None:
        message = desk.feed.append(seq, name, body, self._now())
        if desk.waiting:
            self._catch_up(desk)
        for console in tuple(desk.consoles.values()):
            self._send(desk, console, message)

    def _send(self, desk: _Desk, console: Console, message: Message, replay: bool = False) -> None:
        if self._emitter is None or console.sid not in desk.consoles:
            return
        body = message.body if console.lens is None else through(console.lens, message.name, message.body)
        if body is None:
            return
        payload = f'{{"seq":{message.seq},"prev":{console.last}{body}'
        sent = self._emitter.send(console.sid, console.eio_sid, console.namespace, message.name, payload, replay)
        if sent is Sent.QUEUED:
            console.last = message.seq
            self.counts.messages += 1
        elif sent is Sent.FULL:
            self.counts.dropped_consoles += 1
            self._cut(console, "does not read")

    def _forget_absent(self) -> None:
        before = self._now() - KEEP_SECONDS
        absent = [a for a, desk in self._desks.items() if not desk.consoles and desk.left_at < before]
        for agent in absent:
            del self._desks[agent]


def body_of(payload: Mapping[str, Any]) -> str:
    """The JSON of ``payload`` without its opening brace, ready to follow ``seq`` and ``prev``.

    What UTF-8 or 64 bits cannot carry (half a surrogate pair in a caller's name) goes the slow way, as ASCII.
    """
    try:
        text = orjson.dumps(payload).decode()
    except TypeError:
        text = json.dumps(_finite(payload), separators=(",", ":"))
    return "}" if text == "{}" else "," + text[1:]


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(child) for key, child in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_finite(child) for child in value]
    return value
