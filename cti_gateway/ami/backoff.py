"""How long to wait before the next attempt to connect. Pure: chance is an argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

Why = Literal["unreachable", "refused"]

QUICK: Final = (0.5, 2.0)
"""First and longest wait, in seconds, for a PBX that is away. It stays short however long that lasts: the state has to
be right 5 s after the link is back, and a connection attempt each two seconds costs nobody anything."""

SLOW: Final = (5.0, 60.0)
"""The same for a PBX that does not want us (wrong secret, another service on the port): somebody has to change
something, and a PBX may lock out who tries often."""


class Backoff:
    """Doubling waits, each shortened by chance to between half and all of it, so that many do not come at once."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._failures: dict[Why, int] = {}

    def succeeded(self) -> None:
        """The link was up for a while: begin anew."""
        self._failures.clear()

    def wait(self, why: Why) -> float:
        """Seconds until the next attempt after a failure of this kind."""
        first, longest = QUICK if why == "unreachable" else SLOW
        failures = self._failures.get(why, 0)
        self._failures = {why: failures + 1}
        doubled: float = min(longest, first * 2 ** min(failures, 10))
        return doubled * (0.5 + 0.5 * self._chance())
