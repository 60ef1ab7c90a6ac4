"""Between Twisted and asyncio: the one module where Deferreds become awaitables, and a clock for Twisted that is right.

Deferreds live in ``service.py`` and below; everything else awaits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer  # type: ignore[import-untyped]

T = TypeVar("T")


def as_future(deferred: Deferred[T]) -> asyncio.Future[T]:
    """Return an awaitable for a Deferred; cancelling it cancels the Deferred."""
    return deferred.asFuture(asyncio.get_running_loop())


@implementer(IDelayedCall)
class Timer:
    """One call in the future on the loop's own clock."""

    def __init__(self, loop: asyncio.AbstractEventLoop, delay: float, call: Callable[[], object]) -> None:
        self._loop = loop
        self._call = call
        self._called = False
        self._cancelled = False
        self._arm(delay)

    def _arm(self, delay: float) -> None:
        self._time = self._loop.time() + delay
        self._handle = self._loop.call_later(delay, self._run)

    def _run(self) -> None:
        self._called = True
        self._call()

    def _check(self) -> None:
        if self._called:
            raise AlreadyCalled
        if self._cancelled:
            raise AlreadyCancelled

    def getTime(self) -> float:
        """When it is due, in the clock's seconds."""
        return self._time

    def active(self) -> bool:
        """Whether it is still to come."""
        return not (self._called or self._cancelled)

    def cancel(self) -> None:
        """Call it off; raises AlreadyCalled or AlreadyCancelled."""
        self._check()
        self._cancelled = True
        self._handle.cancel()

    def reset(self, secondsFromNow: float) -> None:
        """Move it to so many seconds from now."""
        self._check()
        self._handle.cancel()
        self._arm(secondsFromNow)

    def delay(self, secondsLater: float) -> None:
        """Move it by so many seconds."""
        self.reset(self._time + secondsLater - self._loop.time())


@implementer(IReactorTime)
class MonotonicClock:
    """Time for Twisted's services that does not jump.

    ``reactor.seconds`` is the wall clock: set back by an hour, its timers wait an hour. asyncio's loops use the
    monotonic clock.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop or asyncio.get_running_loop()

    def seconds(self) -> float:
        """Monotonic seconds since some moment."""
        return self._loop.time()

    def callLater(self, delay: float, callable: Callable[..., object], *args: object, **kwargs: object) -> Timer:
        """Call in `delay` seconds; at once if that is past."""
        return Timer(self._loop, max(0.0, delay), lambda: callable(*args, **kwargs))

    def getDelayedCalls(self) -> tuple[IDelayedCall, ...]:
        """Nothing: the loop keeps its own book."""
        return ()
