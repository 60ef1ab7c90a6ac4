"""Timers by name on the loop's monotonic clock (a wall clock that is set back would stop them, DESIGN 4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Timers:
    """Calls ``fired(key)`` when a timer runs out. The same key again replaces the timer before it."""

    def __init__(self, fired: Callable[[str], None]) -> None:
        self._fired = fired
        self._running: dict[str, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._running)

    def start(self, key: str, seconds: float) -> None:
        """Run out in so many seconds (0: in the loop's next round)."""
        self.cancel(key)
        self._running[key] = asyncio.get_running_loop().call_later(max(0.0, seconds), self._run_out, key)

    def running(self, key: str) -> bool:
        """Whether it is still to run out."""
        return key in self._running

    def cancel(self, key: str) -> None:
        """Forget it; an unknown key is fine."""
        handle = self._running.pop(key, None)
        if handle is not None:
            handle.cancel()

    def cancel_all(self) -> None:
        """Forget all."""
        for key in list(self._running):
            self.cancel(key)

    def _run_out(self, key: str) -> None:
        del self._running[key]
        self._fired(key)
