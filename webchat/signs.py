"""Signs that pass by (he types, he has seen so far, he looks at another page): thinned out, never kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any

LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class _Sign:
    """When it was passed on last, and the one that waits for its turn."""

    at: float
    next: Any = None
    timer: asyncio.TimerHandle | None = None


class Signs:
    """Those of one connection. ``send(name, command)`` passes one on; ``now``: monotonic seconds."""

    __slots__ = ("_kept", "_now", "_send")

    def __init__(self, send: Callable[[str, Any], None], now: Callable[[], float]):
        self._send, self._now = send, now
        self._kept: dict[str, _Sign] = {}

    def give(self, name: str, command: Any, every: float) -> None:
        """Pass it on, at most once in ``every`` seconds, and always the last one."""
        now = self._now()
        sign = self._kept.setdefault(name, _Sign(now - every))
        sign.next = command
        if sign.timer is None:
            wait = max(0.0, sign.at + every - now)
            if wait == 0.0:
                self._pass(name, sign)
            else:
                sign.timer = asyncio.get_running_loop().call_later(wait, self._pass, name, sign)

    def end(self, dropped: Container[str]) -> None:
        """Pass on what waits now, but these: what he saw last, he saw."""
        for name, sign in self._kept.items():
            if sign.timer is not None:
                sign.timer.cancel()
                sign.timer = None
                if name not in dropped:
                    self._pass(name, sign)

    def _pass(self, name: str, sign: _Sign) -> None:
        command, sign.next, sign.timer, sign.at = sign.next, None, None, self._now()
        try:
            self._send(name, command)
        except Exception:
            LOG.exception("the sign %r failed", name)
