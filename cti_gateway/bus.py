"""What several processes tell each other through Redis: the live figures, and that the leader goes. Never the record.

The leader has one waiting place for each topic, where the newest word replaces the one before, and one task that sends
all of them in one pipeline, one round trip at a time. Redis may be away for as long as it likes: what waits is as
small as before, nobody waits for it, and who leads is decided by the lease in the database alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

BEAT_SECONDS: Final = 0.5
FORGOTTEN_SECONDS: Final = 3.0
"""After so long without a beat Redis forgets what a leader said: no follower shows figures of somebody who is gone."""
PATIENCE_SECONDS: Final = 1.0
"""How long Redis may take for an answer, and how long is waited before it is asked again."""
LIVE: Final = "callweave:live"
NEWS: Final = "callweave:news"
LEFT: Final = "left"
AWAY: Final = (RedisError, OSError, TimeoutError)


def connect(url: str) -> Redis:
    """A client; nothing is connected yet. Raises ``ValueError`` for a URL that is none."""
    return Redis.from_url(
        url,
        socket_connect_timeout=PATIENCE_SECONDS,
        socket_timeout=PATIENCE_SECONDS,
        decode_responses=True,
        health_check_interval=0,
    )


@dataclass(slots=True)
class BusState:
    """Whether Redis answers. ``since``: Unix seconds."""

    up: bool = False
    since: float = 0.0
    reason: str = "not asked yet"


class Bus:
    """The leader's end. ``figures()``: what is to be told now, by topic; asked at each beat, on the event loop."""

    def __init__(self, url: str, figures: Callable[[], Mapping[str, Any]], wall: Callable[[], float]) -> None:
        self._redis, self._figures, self._wall = connect(url), figures, wall
        self._waiting: dict[Any, Any] = {}
        self._task: asyncio.Task[None] | None = None
        self.state = BusState(since=wall())
        self.sent = 0
        """Round trips that worked."""

    def start(self) -> None:
        """Begin to tell."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Nothing more is told; :meth:`farewell` may follow."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def farewell(self) -> None:
        """The lease is given back: followers need not wait for their next look. At most a moment."""
        try:
            async with self._redis.pipeline(transaction=False) as batch:
                batch.delete(LIVE)
                batch.publish(NEWS, LEFT)
                await batch.execute()
        except AWAY:
            log.debug("Redis was not told that this leader goes")
        with contextlib.suppress(*AWAY):
            await self._redis.aclose()

    async def _run(self) -> None:
        while True:
            self._collect()
            try:
                await self._send()
            except AWAY as error:
                self._note(up=False, reason=type(error).__name__)
                await asyncio.sleep(PATIENCE_SECONDS)
            else:
                self._note(up=True, reason="")
                await asyncio.sleep(BEAT_SECONDS)

    def _collect(self) -> None:
        told = {**self._figures(), "at": self._wall()}
        self._waiting.update({topic: json.dumps(body) for topic, body in told.items()})

    async def _send(self) -> None:
        """All that waits in one round trip; what could not be sent waits on, unless something newer came."""
        batch, self._waiting = self._waiting, {}
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.hset(LIVE, mapping=batch)
                pipeline.pexpire(LIVE, int(FORGOTTEN_SECONDS * 1000))
                await pipeline.execute()
        except BaseException:
            self._waiting = batch | self._waiting
            raise
        self.sent += 1

    def _note(self, *, up: bool, reason: str) -> None:
        if (up, reason) == (self.state.up, self.state.reason):
            return
        if up != self.state.up or not up:
            log.log(logging.INFO if up else logging.WARNING, "Redis %s", "answers" if up else f"is away: {reason}")
        self.state = BusState(up, self._wall(), reason)


@dataclass(slots=True)
class Heard:
    """What the leader told last. ``figures`` empty: nothing, or it is forgotten."""

    figures: dict[str, Any] = field(default_factory=dict)
    up: bool = False


class Ear:
    """A follower's end: reads the figures, and calls ``gone`` when the leader says that it goes."""

    def __init__(self, url: str, gone: Callable[[], None]) -> None:
        self._redis, self._gone = connect(url), gone
        self._tasks: list[asyncio.Task[None]] = []
        self.heard = Heard()

    def start(self) -> None:
        """Begin to listen."""
        self._tasks = [asyncio.create_task(work) for work in (self._read(), self._listen())]

    async def stop(self) -> None:
        """End."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(*AWAY):
            await self._redis.aclose()

    async def _read(self) -> None:
        while True:
            try:
                found = await self._redis.hgetall(LIVE)
                self.heard = Heard({str(topic): json.loads(body) for topic, body in found.items()}, up=True)
            except (*AWAY, ValueError):
                self.heard = Heard()
            await asyncio.sleep(BEAT_SECONDS)

    async def _listen(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as news:
                    await news.subscribe(NEWS)
                    while True:
                        said = await news.get_message(ignore_subscribe_messages=True, timeout=PATIENCE_SECONDS / 2)
                        if said is not None and said["data"] == LEFT:
                            self._gone()
            except AWAY:
                await asyncio.sleep(PATIENCE_SECONDS)


def prometheus(figures: Mapping[str, Any]) -> str:
    """What a follower says at ``/metrics``: it does not lead, and what the leader told of the queues."""
    lines = ["# TYPE callweave_leads gauge", "callweave_leads 0"]
    queues = figures.get("queues") or []
    for name in ("waiting", "ready", "busy", "not_ready"):
        lines += [f"# TYPE callweave_live_{name} gauge"] if queues else []
        for one in queues:
            labels = ",".join(f"{key}={json.dumps(str(one[key]), ensure_ascii=False)}" for key in ("pbx", "queue"))
            lines.append(f"callweave_live_{name}{{{labels}}} {one[name]}")
    return "\n".join(lines) + "\n"
