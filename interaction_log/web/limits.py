"""How often somebody may do something. Pure: the time is an argument (seconds, monotonic)."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Bucket:
    """A token bucket: ``burst`` at once, ``rate`` a second in the long run."""

    rate: float
    burst: float
    tokens: float = field(init=False)
    at: float | None = None

    def __post_init__(self) -> None:
        self.tokens = self.burst

    def take(self, now: float) -> bool:
        """Take one token, or say no."""
        if self.at is not None:
            self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Window:
    """At most ``limit`` attempts per key in ``seconds``; at most ``keys`` keys are remembered (the oldest go)."""

    def __init__(self, limit: int, seconds: float, keys: int = 10_000):
        self.limit = limit
        self.seconds = seconds
        self.keys = keys
        self._attempts: OrderedDict[str, deque[float]] = OrderedDict()

    def attempt(self, key: str, now: float) -> float:
        """Count an attempt; 0 if it is allowed, else the seconds to wait. Refused attempts do not count."""
        wait = self.wait(key, now)
        if wait == 0.0:
            self.count(key, now)
        return wait

    def wait(self, key: str, now: float) -> float:
        """The seconds until one more is allowed; 0: now. Nothing is counted."""
        attempts = self._attempts.get(key, deque())
        while attempts and attempts[0] <= now - self.seconds:
            attempts.popleft()
        return attempts[0] + self.seconds - now if len(attempts) >= self.limit else 0.0

    def count(self, key: str, now: float) -> None:
        """Count one."""
        self._attempts.setdefault(key, deque()).append(now)
        self._attempts.move_to_end(key)
        if len(self._attempts) > self.keys:
            self._attempts.popitem(last=False)

    def forget(self, key: str) -> None:
        """Begin again for this key (after a success)."""
        self._attempts.pop(key, None)
