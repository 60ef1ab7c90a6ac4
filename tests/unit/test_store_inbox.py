"""How the log's events gather before they are written. Times are long or nought: nothing here depends on speed."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable

from interaction_log import events as e
from interaction_log.events import Recorded
from interaction_log.store.inbox import FLOOD, FLOOD_SECONDS, Inbox

LONG = 60.0


def event(seq: int) -> Recorded:
    return Recorded(seq, e.QueueSeen(at=1.0, pbx="main", queue="support"))


class Taking:
    """A thread that takes from an inbox, as the writer's does."""

    def __init__(self, inbox: Inbox, patience: float = LONG, linger: float = LONG):
        self._groups: queue.SimpleQueue[list[int]] = queue.SimpleQueue()
        self._inbox, self._patience, self._linger = inbox, patience, linger
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not (self._inbox.stopping and self._inbox.empty):
            self._groups.put([one.seq for one in self._inbox.take(self._patience, self._linger)])

    def group(self) -> list[int]:
        """The next group; fails if it does not come well before the lingering ends."""
        return self._groups.get(timeout=LONG / 3)

    @property
    def quiet(self) -> bool:
        """Whether no further group was taken."""
        return self._groups.empty()

    def end(self) -> None:
        self._inbox.stop()
        self._thread.join(LONG / 3)
        assert not self._thread.is_alive()


def test_events_gather_until_somebody_waits() -> None:
    inbox = Inbox(LONG, 500)
    taking = Taking(inbox)
    for seq in range(1, 6):
        inbox.put(event(seq))
    assert taking.quiet
    inbox.hurry()
    assert taking.group() == [1, 2, 3, 4, 5]
    inbox.put(event(6))
    inbox.hurry()
    assert taking.group() == [6]
    inbox.put(event(7))
    assert taking.quiet  # the wish was for the group before
    taking.end()
    assert taking.group() == [7]


def test_a_wish_before_the_thread_looks_is_not_forgotten() -> None:
    inbox = Inbox(LONG, 500)
    inbox.put(event(1))
    inbox.hurry()
    assert [one.seq for one in inbox.take(LONG)] == [1]


def test_the_gathering_is_bounded_by_the_inbox_and_by_the_taker() -> None:
    for inbox, linger in ((Inbox(0.01, 500), LONG), (Inbox(LONG, 500), 0.01), (Inbox(0.0, 500), LONG)):
        inbox.put(event(1))
        began = time.monotonic()
        assert [one.seq for one in inbox.take(LONG, linger)] == [1]
        assert time.monotonic() - began < LONG / 3


def test_a_full_group_does_not_wait_and_neither_does_what_is_left() -> None:
    inbox = Inbox(LONG, 3, full=3)
    for seq in range(1, 8):
        inbox.put(event(seq))
    taking = Taking(inbox)
    assert [taking.group() for _ in range(3)] == [[1, 2, 3], [4, 5, 6], [7]]
    taking.end()


def test_who_waits_behind_a_full_group_does_not_wait_longer() -> None:
    inbox = Inbox(LONG, 3)
    for seq in range(1, 5):
        inbox.put(event(seq))
    inbox.hurry()
    assert [one.seq for one in inbox.take(LONG)] == [1, 2, 3]
    assert [one.seq for one in inbox.take(LONG)] == [4]


class Rounds(threading.Event):
    """Nobody waits; so many events come in each round of a gathering, and no time passes."""

    def __init__(self, *counts: int) -> None:
        super().__init__()
        self._counts, self._seq = list(counts), 0
        self.waited: list[float] = []
        self.inbox: Inbox

    def come(self, count: int) -> None:
        for _ in range(count):
            self._seq += 1
            self.inbox.put(event(self._seq))

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0.0)
        self.come(self._counts.pop(0) if self._counts else 0)
        return self.is_set()


def gathered(counts: Iterable[int], linger: float = 0.1, patience: float = LONG, full: int = 500) -> tuple[int, int]:
    """How many events one group has, and how many rounds it gathered."""
    rounds = Rounds(*counts)
    rounds.inbox = Inbox(linger, 10_000, full, rounds)
    rounds.come(1)
    taken = rounds.inbox.take(LONG, patience)
    assert [one.seq for one in taken] == list(range(1, len(taken) + 1))
    assert sum(rounds.waited) <= max(linger, FLOOD_SECONDS) + 1e-9
    return len(taken), len(rounds.waited)


def test_in_a_flood_a_group_gathers_on_and_not_for_ever() -> None:
    assert gathered([FLOOD - 1, FLOOD]) == (FLOOD, 1)
    assert gathered([FLOOD, 3, FLOOD]) == (FLOOD + 4, 2)
    assert gathered([FLOOD] * 9) == (3 * FLOOD + 1, 3)  # 0.1, 0.1 and 0.05 s
    assert gathered([FLOOD] * 9, patience=0.15) == (2 * FLOOD + 1, 2)  # the taker does not wait longer
    assert gathered([FLOOD] * 9, linger=0.0) == (1, 0)


def test_in_a_flood_a_full_group_is_not_waited_with() -> None:
    assert gathered([FLOOD] * 9, full=2 * FLOOD) == (2 * FLOOD + 1, 2)


def test_a_stop_ends_the_gathering_and_loses_nothing() -> None:
    inbox = Inbox(LONG, 500)
    taking = Taking(inbox)
    inbox.put(event(1))
    inbox.put(event(2))
    taking.end()
    assert taking.group() == [1, 2]
    assert inbox.stopping and inbox.empty


def test_nothing_comes_when_nothing_is_there() -> None:
    assert Inbox(LONG, 500).take(0.0) == []
