"""The one writer thread: takes events in groups, commits each group with its projections, survives its database.

Groups of up to ``BATCH`` rows gather for a moment (``inbox``). In ordinary times the projections are in the same
transaction as their events. Under a flood (groups of ``FLOOD`` and more) they are put off to the next lull,
``DEFER_SECONDS`` at most: an interaction is not written again for each of its events. ``meta.projected_seq`` says so
until they are written, and a start after a crash catches up from there.

When the database is away, groups go to the journal; it is drained in order before anything newer is written. A row
that the database refuses is put aside alone (``quarantine``). Being away, being full and losing the lease are told
through ``on_state``.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, Literal

import sqlalchemy as sa

from interaction_log.events import Recorded
from interaction_log.precedence import beside
from interaction_log.store.failures import in_words, meaning
from interaction_log.store.inbox import FLOOD, Inbox
from interaction_log.store.journal import Journal, JournalFull
from interaction_log.store.keys import Cipher, Keys
from interaction_log.store.projection import Changes, Projection, clean
from interaction_log.store.rows import COLUMNS, Row, key_of, to_row, with_sealed
from interaction_log.store.schema import PROJECTED_SEQ, meta, quarantine
from interaction_log.store.session import LeaseLost, Session
from interaction_log.store.statements import Statements

BATCH: Final = 500
DEFER_SECONDS: Final = 0.25
_LULL_SECONDS: Final = 0.01  # nothing came for so long: the flood is over
_IDLE_SECONDS: Final = 0.75  # the lease is renewed as often
_BACKOFF_SECONDS: Final = (0.1, 0.2, 0.4, 0.8, 1.0)
LED_BY_ANOTHER: Final = "another process leads: this one stops"
_SEQ: Final[Callable[[Row], int]] = itemgetter(0)
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LogState:
    """How the log is. ``degraded``: what comes now is lost (``lost`` counts), or another process leads.

    ``backlog``: events not yet in the database. ``since``: Unix seconds. ``reason``: plain words, no secrets.
    """

    name: Literal["ok", "journaling", "degraded"]
    backlog: int
    since: float
    reason: str | None = None
    lost: int = 0


@dataclass(slots=True)
class Counters:
    """For metrics; written by the writer's thread only."""

    rows_written: int = 0
    batches: int = 0
    last_batch_seconds: float = 0.0
    journalled: int = 0
    quarantined: int = 0
    lost: int = 0


class Writer:
    """The thread's work. ``settled(upto, count)``: ``count`` more events, up to number ``upto``, are on a disk, or
    stand in ``lost`` (ranges of numbers, both ends included); or the projections are up to ``shown_seq`` now."""

    def __init__(
        self,
        *,
        session: Session,
        statements: Statements,
        journal: Journal,
        projection: Projection,
        keys: Keys,
        settled: Callable[[int, int], None],
        on_state: Callable[[LogState], None],
        linger: float,
    ):
        self.inbox = Inbox(linger, BATCH)
        self.counters = Counters()
        self.state = LogState("ok", 0, time.time())
        self._session = session
        self._statements = statements
        self._journal = journal
        self._projection = projection
        self._keys = keys
        self._unsaved: dict[int, Cipher] = {}  # made, and not yet on a disk
        self._forgetting: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._settled = settled
        self._on_state = on_state
        self.lost: list[tuple[int, int]] = []
        self.shown_seq = 0  # all events up to this one can be read in the projections
        self._taken_seq = 0
        self._losing = False  # the last range of ``lost`` goes on
        self._aside: list[int] = []  # of this round, put aside before any writing
        self._marked: int | None = None  # what meta.projected_seq says
        self._deferred_at = 0.0
        self._failures = 0
        self._retry_at = 0.0
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)

    # --- start and stop --------------------------------------------------------------------------

    def recover(self, marked: int | None) -> None:
        """Before the start: put the journal's events in and bring the projections up to date. Raises if it cannot."""
        self._marked = marked
        while len(self._journal):
            rows = self._journal.peek()
            self._projection.take_rows(rows)
            self._insert(rows)
            self._journal.drop()
        if self._projection.waiting or self._marked is not None:
            self._project_apart()

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Write what is there (to the journal if need be), give the lease back, end."""
        self.inbox.stop()
        self._thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Whether the thread works."""
        return self._thread.is_alive()

    def _run(self) -> None:
        beside()
        while not (self.inbox.stopping and self.inbox.empty):
            try:
                self._step()
            except Exception as error:  # a fault of ours must not end the log: what was taken goes to the journal
                _log.exception("the log's writer failed")
                self._away(error)
        self._session.close()

    # --- one round -------------------------------------------------------------------------------

    def _step(self) -> None:
        taken = self._take()
        self._forget()
        rows = self._fold(taken)
        try:
            if len(self._journal) == 0 and not self._waits():
                self._settle(rows)
            elif rows:
                self._spill(rows)
        finally:
            self._round_done(taken)
        if len(self._journal) and not self._waits():
            self._drain()

    def _take(self) -> list[Recorded]:
        if len(self._journal) and not self._waits() and self._journal.nearly_full:
            return []  # the database is back: first make room
        return self.inbox.take(self._patience(), self._put_off() if self._projection.waiting else _IDLE_SECONDS)

    def _patience(self) -> float:
        if self._session.lost:
            return _IDLE_SECONDS
        if self._waits():
            return max(0.0, min(_IDLE_SECONDS, self._retry_at - time.monotonic()))
        if len(self._journal):
            return 0.0
        return min(_LULL_SECONDS, self._put_off()) if self._projection.waiting else _IDLE_SECONDS

    def _put_off(self) -> float:
        """How much longer the projections may stay behind, in seconds."""
        if self._marked is None or self.inbox.stopping:
            return 0.0
        return max(0.0, self._deferred_at + DEFER_SECONDS - time.monotonic())

    def _waits(self) -> bool:
        return time.monotonic() < self._retry_at or self._session.lost

    def _fold(self, taken: list[Recorded]) -> list[Row]:
        rows: list[Row] = []
        take = self._projection.take
        if taken:
            self._taken_seq = max(self._taken_seq, taken[-1].seq)
        for one in taken:
            try:
                row, secret = to_row(one)
                rows.append(self._sealed((*row, take(one.seq, one.event)), secret))
            except Exception as error:
                self._put_aside(one, error)
                self._aside.append(one.seq)
        return rows

    def _sealed(self, row: Row, secret: str | None) -> Row:
        """The row with its personal fields; the key goes with it as long as it is not known to be stored."""
        if secret is None:
            return row
        cipher = self._projection.cipher(row[1] if row[7] is not None else None, row[0], self._keys)
        payload = with_sealed(row[6], cipher.seal(row[0], secret))
        if cipher.saved:
            return (*row[:6], payload, row[7])
        self._unsaved[cipher.n] = cipher
        return (*row[:6], payload, row[7], (cipher.n, cipher.wrapped))

    def _keys_saved(self, rows: Sequence[Row]) -> None:
        if not self._unsaved:
            return
        for row in rows:
            if (key := key_of(row)) is not None and (cipher := self._unsaved.pop(key[0], None)) is not None:
                cipher.saved = True

    def forget(self, interactions: Iterable[str]) -> None:
        """What is remembered of these closed interactions is not true any more: they were erased. From any thread."""
        for one in interactions:
            self._forgetting.put(one)

    def _forget(self) -> None:
        while not self._forgetting.empty():
            self._projection.forget(self._forgetting.get_nowait())

    # --- writing ---------------------------------------------------------------------------------

    def _settle(self, rows: list[Row]) -> None:
        """Write a group, or find it another place."""
        project = not rows or self._put_off() == 0.0 if self._marked is not None else len(rows) < FLOOD
        if not (rows or (project and self._projection.waiting) or self._session.due or self._failures):
            return
        began = time.monotonic()
        try:
            self._write(rows, project)
            self._done(rows)
        except Exception as error:
            self._rescue(rows, error)
        self.counters.last_batch_seconds = time.monotonic() - began

    def _write(self, rows: list[Row], project: bool) -> None:
        """One transaction: the rows, and their projections or the mark that they are behind."""
        mark = self._mark(rows, project)
        changes = self._session.run(lambda connection: self._fill(connection, rows, project, mark))
        if mark is not None and self._marked is None:
            self._deferred_at = time.monotonic()
        self._marked = mark
        if changes is not None:
            self._projection.confirm(changes)
        self._written(rows)
        if mark is None:
            self._show(rows)

    def _fill(self, connection: sa.Connection, rows: list[Row], project: bool, mark: int | None) -> Changes | None:
        self._store_events(connection, rows)
        changes = self._projection.write(connection, self._statements) if project else None
        if mark != self._marked:
            connection.execute(sa.delete(meta).where(meta.c.key == PROJECTED_SEQ))
            if mark is not None:
                connection.execute(sa.insert(meta).values(key=PROJECTED_SEQ, value=mark))
        return changes

    def _store_events(self, connection: sa.Connection, rows: list[Row]) -> None:
        keys = dict(key for row in rows if (key := key_of(row)) is not None)
        if keys:
            self._statements.event_keys.run(connection, list(keys.items()))
            rows = [row[:COLUMNS] for row in rows]
        self._statements.events.run(connection, rows)

    def _show(self, rows: Sequence[Row]) -> None:
        """The projections are up to date; who waits is told here, unless it is told of the rows anyway."""
        self.shown_seq = self._taken_seq
        if not rows:
            self._settled(0, 0)

    def _mark(self, rows: list[Row], project: bool) -> int | None:
        if project:
            return None
        if not rows:
            return self._marked
        below = min(map(_SEQ, rows)) - 1
        return below if self._marked is None else min(below, self._marked)

    def _written(self, rows: Sequence[Row]) -> None:
        self._failures, self._retry_at, self._losing = 0, 0.0, False
        self._keys_saved(rows)
        self.counters.rows_written += len(rows)
        if len(self._journal) == 0 and self.state.name != "ok":
            self._session.patience(away=False)
            self._tell("ok", None)

    def _done(self, rows: Sequence[Row]) -> None:
        """These are on a disk now, or lost."""
        if rows:
            self._settled(max(map(_SEQ, rows)), len(rows))

    def _round_done(self, taken: list[Recorded]) -> None:
        if taken:
            self.counters.batches += 1
        if self._aside:
            self._settled(max(self._aside), len(self._aside))
            self._aside.clear()

    # --- when it fails ---------------------------------------------------------------------------

    def _rescue(self, rows: list[Row], error: Exception) -> None:
        if not _at_fault(error):
            self._away(error)
            self._spill(rows)
            return
        _log.warning("a group of %d events was refused (%s): trying them apart", len(rows), in_words(error))
        try:
            self._insert(rows)
            self._done(rows)
            rows = []
            self._project_apart()
        except Exception as second:
            self._away(second)
            self._spill(rows)

    def _insert(self, rows: list[Row]) -> None:
        """The rows alone, in halves until a bad one stands by itself. Raises if the database is away."""
        if not rows:
            return
        try:
            self._write(rows, project=False)
        except Exception as error:
            if meaning(error) != "bad":
                raise
            if len(rows) == 1:
                self._refuse(rows[0], error)
                return
            self._insert(rows[: len(rows) // 2])
            self._insert(rows[len(rows) // 2 :])

    def _refuse(self, row: Row, error: Exception) -> None:
        self._quarantine(row, repr(row[:COLUMNS]), error)  # if that fails, the row is tried again later
        if row[1] is not None:
            self._projection.reload(row[1])

    def _project_apart(self) -> None:
        """All projections; if that fails, the small ones and each interaction by itself."""
        try:
            self._write([], project=True)
            return
        except Exception as error:
            if not _at_fault(error):
                raise
        self._small_apart()
        for of in self._projection.dirty():
            self._project_one(of)
        self._write([], project=True)

    def _small_apart(self) -> None:
        written = True
        try:
            self._session.run(lambda connection: self._projection.write_small(connection, self._statements))
        except Exception as error:
            if not _at_fault(error):
                raise
            written = False
            self.counters.quarantined += 1
            _log.error("agent states cannot be projected: %s", in_words(error))
        self._projection.confirm_small(written=written)

    def _project_one(self, of: str) -> None:
        one = self._projection.only(of)
        try:
            one.confirm(self._session.run(lambda connection: one.write(connection, self._statements)))
        except Exception as error:
            if not _at_fault(error):
                raise
            self.counters.quarantined += 1
            _log.error("interaction %r cannot be projected: %s", of, in_words(error))
        self._projection.drop(of)

    def _put_aside(self, one: Recorded, error: Exception) -> None:
        """An event that is no row: its text is sealed with a key of its own."""
        seq, what, of = one.seq, type(one.event).__name__, getattr(one.event, "interaction_id", None)
        cipher = self._keys.cipher(seq)
        text = repr(one.event).encode("ascii", "backslashreplace").decode()[:100_000]
        row = (seq, of, what, None, False, 0, "", None, (cipher.n, cipher.wrapped))
        try:
            self._quarantine(row, cipher.seal(seq, text), error)
        except Exception as second:
            self._count_refused(seq)
            _log.error("event %d (%s) is not in the quarantine either: %s", seq, what, in_words(second))

    def _quarantine(self, row: Row, content: str, error: Exception) -> None:
        seq, of, what = row[:3]
        _log.error("event %d (%s) cannot be stored: %s", seq, what, type(error).__name__)  # its text may quote the row
        text = content.encode("ascii", "backslashreplace").decode().replace("\0", "\\0")
        whose = clean(of) if isinstance(of, str) else None
        values = {"seq": seq, "what": what, "error": _reason(error), "content": text, "interaction_id": whose}
        key = key_of(row)

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.delete(quarantine).where(quarantine.c.seq == seq))
            connection.execute(sa.insert(quarantine).values(values))
            self._statements.event_keys.run(connection, [key] if key is not None else [])

        self._session.run(work)
        self._count_refused(seq)

    def _count_refused(self, seq: int) -> None:
        self.counters.quarantined += 1
        self.lost.append((seq, seq))
        self._losing = False

    def _away(self, error: Exception) -> None:
        wait = _BACKOFF_SECONDS[min(self._failures, len(_BACKOFF_SECONDS) - 1)]
        self._failures += 1
        self._retry_at = time.monotonic() + wait
        self._session.patience(away=True)
        if isinstance(error, LeaseLost):
            self._tell("degraded", LED_BY_ANOTHER)
        elif self.state.name == "ok":
            _log.warning("the database is away, events go to the journal: %s", in_words(error))
            self._tell("journaling", in_words(error))

    def _spill(self, rows: list[Row]) -> None:
        """Keep the rows in the journal."""
        if not rows:
            return
        if self._session.lost:  # who leads now hears the same himself: kept, it would be told twice one day
            self._lose(rows, LeaseLost("another process leads"))
            return
        try:
            self._journal.append(rows)
        except (JournalFull, OSError) as error:
            self._lose(rows, error)
            return
        self._losing = False
        self._keys_saved(rows)
        self.counters.journalled += len(rows)
        self._done(rows)

    def _lose(self, rows: list[Row], error: Exception) -> None:
        self.counters.lost += len(rows)
        known: dict[type[Exception], str] = {JournalFull: "the journal is full", LeaseLost: LED_BY_ANOTHER}
        reason = known.get(type(error)) or in_words(error)
        if self.state.name != "degraded":
            _log.critical("events are lost: %s", reason)
        self._tell("degraded", reason)
        first, last = min(map(_SEQ, rows)), max(map(_SEQ, rows))
        if self._losing:
            first = self.lost.pop()[0]
        self.lost.append((first, last))
        self._losing = True
        self._done(rows)

    def _drain(self) -> None:
        """Put the journal's oldest group into the database."""
        rows = self._journal.peek()
        last = len(rows) >= len(self._journal)
        try:
            self._insert(rows)
        except Exception as error:
            self._away(error)
            return
        self._journal.drop()
        if last:
            self._rest()

    def _rest(self) -> None:
        try:
            self._project_apart()
        except Exception as error:
            self._away(error)

    def _tell(self, name: Literal["ok", "journaling", "degraded"], reason: str | None) -> None:
        since = self.state.since if self.state.name == name else time.time()
        changed = self.state.name != name or self.state.reason != reason
        self.state = LogState(name, len(self._journal), since, reason, self.counters.lost)
        if changed:
            self._on_state(self.state)


def _reason(error: Exception) -> str:
    """Which error it was. Not its text: databases quote the values that they refuse."""
    return type(getattr(error, "orig", None) or error).__name__


def _at_fault(error: Exception) -> bool:
    """Whether the rows or our code failed, not the database or the lease."""
    return not isinstance(error, LeaseLost) and meaning(error) in ("bad", "bug")
