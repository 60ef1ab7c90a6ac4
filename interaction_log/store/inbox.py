"""Events on their way to the writer's thread, which takes them in groups.

A commit costs about the same for one event as for twenty, and while it works it takes the loop's one interpreter
lock and perhaps its core. So a group gathers for a moment after its first event, and in a flood for some moments more,
unless somebody waits for it.
"""

from __future__ import annotations

import queue
import threading
from typing import Final

from interaction_log.events import Recorded

LINGER_SECONDS: Final = 0.05
"""How long a group gathers when nobody waits for it. A call makes five bursts of events within seconds: at ten calls a
second this makes one commit of three. What a kill takes with it is at most this much of what the PBX told us, which
the PBX tells again: running calls are opened as they are, ended ones are closed. What people write is never in it:
they wait until it is on disk, and that ends the gathering. A tenth of a second is what people notice; this is half."""
FLOOD: Final = 32
"""So many events of ours in one gathering are a flood: 640 a second, where ten calls a second make 120."""
FLOOD_SECONDS: Final = 0.25
"""How long a group gathers in a flood, and so what a kill takes with it then. Beside a busy loop the writer comes a few
rows further each time that the loop lets the interpreter go, and both pay for every change: recorded calls as fast as
they can be read cost 15 µs an event of the PBX when each 0.05 s were written, 13 when each 0.25 s (ADR 12)."""
FULL: Final = 2_000
"""So many are written without waiting for more: 8,000 a second, some 2 MB."""


class Inbox:
    """``put`` and ``hurry`` belong to the loop's thread, ``take`` to the writer's, ``stop`` to any.

    ``linger``: seconds of one gathering. ``most``: events in a group. ``full``: so many are not waited with.
    ``wish``: somebody waits (a test's own, which lets no time pass).
    """

    def __init__(self, linger: float, most: int, full: int = FULL, wish: threading.Event | None = None):
        self._queue: queue.SimpleQueue[Recorded | None] = queue.SimpleQueue()
        self._hurry = wish or threading.Event()
        self._linger = linger
        self._most = most
        self._full = full
        self.stopping = False

    def put(self, one: Recorded) -> None:
        """Hand an event over; wakes the thread only if it has none."""
        self._queue.put(one)
        if self._queue.qsize() >= self._full:
            self.hurry()

    def hurry(self) -> None:
        """Somebody waits for what is in here: take it now."""
        if not self._hurry.is_set():
            self._hurry.set()

    def stop(self) -> None:
        """Nothing comes after this; what is there is still taken."""
        self._queue.put(None)
        self._hurry.set()

    @property
    def empty(self) -> bool:
        """Whether nothing is left."""
        return self._queue.empty()

    def take(self, patience: float, linger: float = float("inf")) -> list[Recorded]:
        """The next group, ``most`` at most; empty if nothing came within ``patience`` seconds.

        It gathers for ``linger`` seconds at most, and never longer than the inbox was made for; in a flood again and
        again, up to ``FLOOD_SECONDS``.
        """
        taken: list[Recorded] = []
        try:
            one = self._queue.get(timeout=patience)
            if one is not None:
                self._gather(min(linger, self._linger), min(linger, FLOOD_SECONDS))
            while one is not None:
                taken.append(one)
                if len(taken) == self._most:
                    self.hurry()  # what is left may have somebody who waits, and does not say so again
                    return taken
                one = self._queue.get_nowait()
            self.stopping = True
        except queue.Empty:
            pass
        return taken

    def _gather(self, seconds: float, longest: float) -> None:
        """Clears the wish before the queue is emptied: whoever wishes later has put his event in before that."""
        while seconds > 0:
            before = self._queue.qsize()
            if self._hurry.wait(seconds) or self._queue.qsize() - before < FLOOD:
                break
            longest -= seconds
            seconds = min(seconds, longest)
        self._hurry.clear()
