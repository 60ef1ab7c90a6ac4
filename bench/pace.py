"""The pace of a real PBX: when the messages of a caller's first ring left Asterisk, taken from the recordings.

The simulator says all of a moment at once. A real one takes milliseconds from a caller's channel to the ring, with
pauses between its messages, and a program that reads them is at work on one of them when the next comes.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.codec import GOLDEN
from cti_gateway.ami.codec import Message
from cti_gateway.simulator.clock import Clock
from cti_gateway.simulator.parts import Headers

BEGIN: Final = "Newchannel"
JOINED: Final = "QueueCallerJoin"
RING: Final = "DialBegin"
MOST_SECONDS: Final = 0.05
"""From the channel to the ring: who took longer waited for an agent, or heard something first."""
Emit = Callable[[str, str, Headers], None]
Way = tuple[tuple[str, float], ...]
"""Events from a caller's channel to the first ring, with the seconds since the channel."""


def recorded(folder: Path = GOLDEN) -> list[Way]:
    """The way of every recorded caller who came into a queue and for whom a telephone rang at once."""
    files = sorted(file for file in folder.glob("*.ami") if not {".full", ".least"} & set(file.suffixes))
    return [way for file in files for way in ways(file.read_bytes().split(b"\r\n\r\n"))]


def ways(blocks: Iterable[bytes]) -> list[Way]:
    """Of one recording. Messages of other calls, and those without a time, are left out."""
    found: list[Way] = []
    begun: dict[str, list[tuple[str, float]]] = {}
    over: set[str] = set()
    for message in map(Message, blocks):
        call, at = _call(message), message.timestamp
        if at is None or not call or call in over:
            continue
        if message.name == BEGIN or call in begun:
            begun.setdefault(call, []).append((message.name, at))
        if message.name == RING and call in begun:
            over.add(call)
            steps = begun.pop(call)
            if any(name == JOINED for name, _ in steps) and at - steps[0][1] < MOST_SECONDS:
                found.append(tuple((name, at - steps[0][1]) for name, at in steps))
    return found


def _call(message: Message) -> str:
    return message.get("Linkedid") or message.get("DestLinkedid")


@dataclass(slots=True)
class _Call:
    """A call whose first ring is still to come. ``steps``: what is left of a recorded way."""

    began: float
    steps: deque[tuple[str, float]]
    waiting: deque[tuple[str, str, Headers]] = field(default_factory=deque)


class Paced:
    """In the place of the simulator's ``emit``: each call's messages up to its first ring go out at the pace of a
    recorded one, in their order; all others at once. A message that names no call belongs to the call that spoke
    before it in the same moment."""

    def __init__(self, emit: Emit, ways: list[Way], rng: random.Random, clock: Clock) -> None:
        self._emit, self._ways, self._rng, self._clock = emit, ways, rng, clock
        self._calls: dict[str, _Call] = {}
        self._over: set[str] = set()
        self._speaks: str | None = None

    def __call__(self, name: str, kind: str, lines: Headers) -> None:
        """A message of the simulator's."""
        key = next((value for header, value in lines if header in ("Linkedid", "DestLinkedid")), self._speaks)
        call = self._calls.get(key) if key is not None else None
        if call is None and key is not None and key not in self._over and name == BEGIN:
            way = self._rng.choice(self._ways)
            self._calls[key] = _Call(self._clock.now(), deque(way[1:]))
            self._speak(key)
            self._emit(name, kind, lines)
        elif call is None or key is None:
            self._emit(name, kind, lines)
        else:
            self._speak(key)
            call.waiting.append((name, kind, lines))
            if len(call.waiting) == 1:
                self._wait(key, call)

    def _speak(self, key: str) -> None:
        if self._speaks is None:
            self._clock.later(0.0, self._quiet)
        self._speaks = key

    def _quiet(self) -> None:
        self._speaks = None

    def _wait(self, key: str, call: _Call) -> None:
        """The next message goes out when its like did; at once what the recorded call did not say."""
        name, wait = call.waiting[0][0], 0.0
        if any(step == name for step, _ in call.steps):
            while (step := call.steps.popleft())[0] != name:
                pass
            wait = max(0.0, call.began + step[1] - self._clock.now())
        self._clock.later(wait, lambda: self._out(key, call))

    def _out(self, key: str, call: _Call) -> None:
        name, kind, lines = call.waiting.popleft()
        self._emit(name, kind, lines)
        if name == RING:
            self._over.add(key)
            del self._calls[key]
            while call.waiting:
                self._emit(*call.waiting.popleft())
        elif call.waiting:
            self._wait(key, call)
