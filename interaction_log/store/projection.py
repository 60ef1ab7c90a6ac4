"""What the events add up to, as rows: interactions, legs, queue visits, agent states, seats, link events.

The writer's thread folds each event once, in order, with the one table ``interaction.APPLY``. An interaction
that is not in memory (long closed, or closed before the start) is folded anew from its stored events, inside
the transaction that adds the event. Only rows that differ from what was committed last are written.

Rebuilding: an open interaction is loaded at the start from its events; ``meta.projected_seq`` tells from where
on events may be missing in the projections (the writer defers them under a flood).
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from interaction_log import devices
from interaction_log import events as e
from interaction_log.interaction import Interaction, Offer, Segment, segment_result
from interaction_log.store import missed_projection, recordings
from interaction_log.store.keys import NONE, Cipher, Ciphers, Keys
from interaction_log.store.rows import Row, encode, from_row
from interaction_log.store.schema import events, interactions, legs, seats
from interaction_log.store.sealed_fields import seal_text
from interaction_log.store.statements import Among, Statements

_log: Final = logging.getLogger(__name__)
KEPT_CLOSED: Final = 2_000  # closed interactions that stay in memory, for wrap-up and corrections (some 5 kB each)
_CHUNK: Final = 500  # ids in one IN (…)
_UNSTORABLE: Final = {0: None} | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_QUEUE: Final = list(interactions.c.keys()).index("queue")
_KNOWN: Final = Among(sa.select(interactions.c.id, interactions.c.began), interactions.c.id)
_SAT: Final = Among(sa.select(legs.c.interaction_id, legs.c.kind, legs.c.n, legs.c.agent), legs.c.interaction_id)
_SMALL: Final = frozenset(
    {"AgentStateChanged", "AgentSignedIn", "LinkLost", "LinkRestored", "QueuePaused", "QueueResumed"}
)


@dataclass(slots=True)
class Live:
    """An interaction in memory, with its rows as they were committed last (by table and key)."""

    interaction: Interaction
    began: int  # the number of its first event
    cipher: Cipher | None = None
    started: bool = False
    committed: dict[tuple[str, Any], tuple[Any, ...]] = field(default_factory=dict)
    sat: dict[tuple[str, int], str | None] = field(default_factory=dict)
    """Who sat there when it rang, or was talked: a leg (its kind and number) keeps its person when seats change."""

    def apply(self, event: e.InteractionEvent) -> None:
        """Fold one event in."""
        self.started = self.started or type(event) is e.InteractionStarted
        self.interaction.apply(event)


@dataclass(slots=True)
class Changes:
    """The rows that one transaction writes, and what becomes true with its commit."""

    interactions: list[tuple[Any, ...]] = field(default_factory=list)
    legs: list[tuple[Any, ...]] = field(default_factory=list)
    visits: list[tuple[Any, ...]] = field(default_factory=list)
    recordings: list[tuple[Any, ...]] = field(default_factory=list)  # what is said of them; ``recordings`` writes it
    committed: list[tuple[Live, tuple[str, Any], tuple[Any, ...]]] = field(default_factory=list)

    def put(self, live: Live, table: str, key: Any, row: tuple[Any, ...]) -> None:
        """Write this row, unless it is there already."""
        at = (table, key)
        if live.committed.get(at) != row:
            getattr(self, table).append(row)
            self.committed.append((live, at, row))

    def of(self, table: str) -> list[Interaction]:
        """The interactions of which something is written there."""
        return [live.interaction for live, at, _ in self.committed if at[0] == table]


class Projection:
    """The interactions in memory and what of them must still be written. For the writer's thread only."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._lives: dict[str, Live] = {}
        self._closed: OrderedDict[str, None] = OrderedDict()
        self._dirty: dict[str, None] = {}
        self._fresh: set[str] = set()  # began just now: perhaps known from before
        self._stale: dict[str, set[int]] = {}  # to be folded anew from the stored events; where they may have begun
        self._states: list[tuple[Any, ...]] = []
        self._last: dict[str, tuple[Any, ...]] = {}  # each agent's last state that was committed: the next one ends it
        self._links: list[tuple[Any, ...]] = []
        self._queue_pauses: list[tuple[Any, ...]] = []
        self._pauses_ended: list[tuple[Any, ...]] = []
        self._seats: dict[str, tuple[Any, ...]] = {}
        self._seated: dict[str, str] = {}  # who sits at a device

    # --- taking events in ------------------------------------------------------------------------

    def take(self, seq: int, event: e.Event) -> int | None:
        """Fold one event, once, in order. The result is its row's ``began``."""
        if not isinstance(event, e.InteractionEvent):
            self._take_other(seq, event)
            return None
        of = event.interaction_id
        live = self._lives.get(of)
        if live is None:
            if of in self._stale or type(event) is not e.InteractionStarted:
                self._stale.setdefault(of, set())
                return None
            live = self._lives[of] = Live(Interaction(of), seq, started=True)
            self._fresh.add(of)
        live.interaction.apply(event)
        self._dirty[of] = None
        return live.began

    def _take_other(self, seq: int, event: e.Event) -> None:
        if isinstance(event, e.AgentStateChanged):
            self._states.append(
                (seq, event.agent, event.state, event.reason, event.interaction_id, event.at, None, None)
            )
        elif isinstance(event, e.AgentSignedIn):
            if any(self._seated.get(device, event.agent) != event.agent for device in event.devices):
                self._settle()
            for device in event.devices:
                self._seats[device] = (device, event.agent, seq)
                self._seated[device] = event.agent
        elif isinstance(event, e.LinkLost | e.LinkRestored):
            self._links.append((seq, event.pbx, type(event).__name__, event.at, encode(e.to_payload(event))))
        elif isinstance(event, e.QueuePaused | e.QueueResumed):
            place = (event.agent, clean(event.pbx), clean(event.queue), event.holder)
            self._pauses_ended.append((event.at, seq, *place, seq))  # a new reason of the same holder ends the old one
            if isinstance(event, e.QueuePaused):
                self._queue_pauses.append((seq, *place, clean(event.reason), event.by, event.at, None, None))

    def take_rows(self, rows: Iterable[Row]) -> None:
        """Catch up with stored events: the small projections now, interactions with the next transaction."""
        for row in rows:
            if row[2] in _SMALL:
                event = readable(row)  # agents and links: nothing is sealed
                if event is not None:
                    self.take(row[0], event)
            elif row[1] is not None:
                self.reload(row[1])
                if row[7] is not None:
                    self._stale[row[1]].add(row[7])

    def reload(self, of: str) -> None:
        """Fold this interaction anew from the stored events with the next transaction."""
        live = self._lives.get(of)
        began = self._stale.setdefault(of, set())
        if live is not None:
            began.add(live.began)
        self._forget(of)

    def cipher(self, of: str | None, seq: int, keys: Keys) -> Cipher:
        """The key for event ``seq`` of interaction ``of``: that of the interaction, else one of its own."""
        live = self._lives.get(of) if of is not None else None
        if live is None:
            return keys.cipher(seq)
        if live.cipher is None:
            live.cipher = keys.cipher(live.began)
        return live.cipher

    def forget(self, of: str) -> None:
        """It was erased in the database: nothing of it is written again."""
        self._forget(of)
        self._stale.pop(of, None)

    def _forget(self, of: str) -> None:
        self._lives.pop(of, None)
        self._closed.pop(of, None)
        self._dirty.pop(of, None)
        self._fresh.discard(of)

    @property
    def waiting(self) -> bool:
        """Whether the stored projections are behind the events taken."""
        return bool(self._dirty or self._stale or self._small)

    @property
    def _small(self) -> bool:
        return bool(self._states or self._seats or self._links or self._pauses_ended)

    def open(self) -> list[Interaction]:
        """The interactions that have not ended."""
        return [live.interaction for live in self._lives.values() if live.started and not live.interaction.ended]

    # --- writing ---------------------------------------------------------------------------------

    def write_small(self, connection: sa.Connection, statements: Statements) -> None:
        """Agent states, seats, link events and pauses in single queues; idempotent by number."""
        last: dict[str, tuple[Any, ...]] = {}
        rows: dict[int, tuple[Any, ...]] = {}
        firsts: list[tuple[Any, ...]] = []
        for row in self._states:
            seq, agent, *_, at, _to_at, _to_seq = row
            before = last.get(agent) or self._last.get(agent)
            if before is None or before[0] >= seq:
                firsts.append((at, seq, agent, seq))
            else:
                rows[before[0]] = (*before[:-2], at, seq)
            rows[seq] = last[agent] = row
        statements.agent_states.run(connection, list(rows.values()))
        statements.end_states.run(connection, firsts)
        statements.seats.run(connection, list(self._seats.values()))
        statements.links.run(connection, self._links)
        statements.queue_pauses.run(connection, self._queue_pauses)
        statements.end_queue_pauses.run(connection, self._pauses_ended)

    def write(self, connection: sa.Connection, statements: Statements) -> Changes:
        """Write all that changed. Call ``confirm`` with the result after the commit."""
        if self._small:
            self.write_small(connection, statements)
        self._reload_known(connection)
        changes = Changes()
        for of in self._dirty:
            self._collect(self._lives[of], changes)
        statements.interactions.run(connection, changes.interactions)
        statements.legs.run(connection, changes.legs)
        statements.visits.run(connection, changes.visits)
        missed_projection.project(connection, changes.of("interactions"))
        recordings.project(connection, changes.of("recordings"))
        return changes

    def confirm_small(self, *, written: bool = True) -> None:
        """The small rows are committed; or, not ``written``, given up."""
        for row in self._states:
            if written:
                self._last[row[1]] = row
            else:
                self._last.pop(row[1], None)
        self._states.clear()
        self._seats.clear()
        self._links.clear()
        self._queue_pauses.clear()
        self._pauses_ended.clear()

    def confirm(self, changes: Changes) -> None:
        """The rows are committed."""
        if self._small:
            self.confirm_small()
        for live, at, row in changes.committed:
            live.committed[at] = row
        for of in self._dirty:
            if self._lives[of].interaction.ended:
                self._closed[of] = None
                self._closed.move_to_end(of)
        self._dirty.clear()
        self._fresh.clear()
        while len(self._closed) > KEPT_CLOSED:
            self._forget(next(iter(self._closed)))

    def dirty(self) -> list[str]:
        """What ``write`` would write."""
        return [*self._dirty, *self._stale]

    def only(self, of: str) -> Projection:
        """A view with one interaction, to write it alone when together they failed."""
        one = Projection(self._keys)
        one._lives, one._seated = self._lives, self._seated
        if of in self._stale:
            one._stale[of] = self._stale[of]
        else:
            one._dirty[of] = None
        return one

    def drop(self, of: str) -> None:
        """Done with this one, written or given up; it is folded anew if it is heard of again."""
        self._forget(of)
        self._stale.pop(of, None)

    # --- loading ---------------------------------------------------------------------------------

    def load_open(self, connection: sa.Connection, behind: int | None) -> None:
        """At the start: the open interactions, and those whose projections may be behind event ``behind``."""
        self._seated.update({row[0]: row[1] for row in connection.execute(sa.select(seats.c.device, seats.c.agent))})
        if behind is not None:
            late = sa.select(events).where(events.c.seq > behind).order_by(events.c.seq)
            self.take_rows(tuple(row) for row in connection.execute(late))
        still = sa.select(interactions.c.id, interactions.c.began).where(interactions.c.ended.is_(sa.false()))
        begun = {row.id: {row.began} for row in connection.execute(still) if row.id not in self._stale}
        self._lives.update(_seated_then(connection, _load(connection, begun, self._keys)))

    def _reload_known(self, connection: sa.Connection) -> None:
        for row in _KNOWN(connection, sorted(self._fresh)):
            self.reload(row.id)
        self._fresh.clear()
        if not self._stale:
            return
        for row in _KNOWN(connection, sorted(self._stale)):
            self._stale[row.id].add(row.began)
        for of, live in _seated_then(connection, _load(connection, self._stale, self._keys)).items():
            self._lives[of] = live
            self._dirty[of] = None
        self._stale.clear()

    # --- rows ------------------------------------------------------------------------------------

    def _collect(self, live: Live, changes: Changes) -> None:
        if not live.started:  # its beginning has expired, or never came: nothing to show
            return
        i = live.interaction
        row = _interaction_row(i, live.began)
        changes.put(live, "interactions", None, row)
        queue = row[_QUEUE]
        for n, offer in enumerate(i.offers):
            changes.put(live, "legs", ("offer", n), self._offer_row(live, n, offer))
        for n, segment in enumerate(i.segments):
            changes.put(live, "legs", ("segment", n), self._segment_row(live, n, segment, queue))
        for n, v in enumerate(i.queue_visits):
            changes.put(live, "visits", n, (i.id, n, clean(v.queue), v.entered_at, v.left_at, v.seconds, v.result))

        if i.recordings:
            changes.put(live, "recordings", None, _recorded(i))

    def _sat_at(self, pbx: str, device: str) -> str | None:
        """Who sat there: by the telephone's full name, else by its own. A console says it itself."""
        console = devices.at_console(device)
        if console is not None:
            return clean(console)
        return self._seated.get(devices.at(pbx, device)) or self._seated.get(device)

    def _settle(self) -> None:
        """Somebody takes another's seat: what is not written yet was still the other's."""
        for of in self._dirty:
            live = self._lives[of]
            for n, offer in enumerate(live.interaction.offers):
                self._who(live, "offer", n, offer)
            for n, segment in enumerate(live.interaction.segments):
                self._who(live, "segment", n, segment)

    def _who(self, live: Live, kind: str, n: int, leg: Offer | Segment) -> str | None:
        who = live.sat.get((kind, n)) or self._sat_at(live.interaction.pbx, leg.agent)
        if who is not None:
            live.sat[kind, n] = who
        return who

    def _offer_row(self, live: Live, n: int, offer: Offer) -> tuple[Any, ...]:
        i = live.interaction
        until = None if offer.at is None or offer.ring_seconds is None else offer.at + offer.ring_seconds
        agent = self._who(live, "offer", n, offer)
        return (i.id, "offer", n, clean(offer.agent), agent, clean(offer.queue), offer.at, until, offer.result)

    def _segment_row(self, live: Live, n: int, segment: Segment, queue: str | None) -> tuple[Any, ...]:
        i = live.interaction
        agent = self._who(live, "segment", n, segment)
        return (
            i.id,
            "segment",
            n,
            clean(segment.agent),
            agent,
            queue,
            segment.start,
            segment.end,
            segment_result(i, n),
        )


def clean(text: str | None) -> str | None:
    """Text that every database stores: without NUL, lone surrogates replaced. The events keep the original."""
    if text is None or text.isascii():
        return text if text is None or "\0" not in text else text.replace("\0", "")
    return text.translate(_UNSTORABLE)


def _recorded(i: Interaction) -> tuple[Any, ...]:
    """What ``recordings.project`` writes of them: asked for each time, it would cost more than the rest of a group."""
    each = ((r.id, r.start, r.end, r.open, r.file, r.deleted_at) for r in i.recordings)
    return (i.queue, *each)


def _interaction_row(i: Interaction, began: int) -> tuple[Any, ...]:
    public = i.public()
    return (
        i.id,
        began,
        clean(i.pbx),
        i.channel,
        i.direction,
        i.started_at or 0.0,
        i.started_at,
        i.answered_at,
        i.ended_at,
        i.ended,
        i.outcome,
        clean(public["queue"]),
        i.customer_id,
        clean(i.customer_address),
        clean(i.disposition),
        seal_text(clean(i.notes)),
        public["talk_seconds"],
        public["wait_seconds"],
        public["hold_seconds"],
        encode(public),
        i.campaign,
    )


def folded(connection: sa.Connection, ids: Iterable[str], keys: Keys) -> list[Interaction]:
    """These interactions as their stored events tell them, ended or not; without those of which no event is left."""
    query = sa.select(interactions.c.id, interactions.c.began).where(interactions.c.id.in_(list(ids)))
    begun: dict[str, set[int]] = {row.id: {row.began} for row in connection.execute(query)}
    return [live.interaction for live in _load(connection, begun, keys).values() if live.started]


def _load(connection: sa.Connection, begun: dict[str, set[int]], keys: Keys) -> dict[str, Live]:
    """The interactions folded from their stored events. ``begun``: the numbers under which each may be found."""
    found: dict[str, Live] = {}
    for chunk in _chunks(sorted(begun)):
        first = {of: min(begun[of]) for of in chunk if begun[of]}
        for of in chunk:
            _unite(connection, begun[of])
        mine = sa.select(events).where(events.c.began.in_(first.values()))
        late = sa.select(events).where(events.c.began.is_(None), events.c.interaction_id.in_(chunk))
        rows = [tuple(row) for query in (mine, late) for row in connection.execute(query)]
        ciphers = keys.read(connection, rows, also=first.values())
        for row in sorted(rows):
            _fold(found, first, row, ciphers)
    return found


def _seated_then(connection: sa.Connection, found: dict[str, Live]) -> dict[str, Live]:
    """With who sat where, as it was written then: events name telephones, and people have moved since."""
    for row in _SAT(connection, sorted(found)):
        if row[3] is not None:
            found[row[0]].sat[row[1], row[2]] = row[3]
    return found


def _unite(connection: sa.Connection, numbers: set[int]) -> None:
    """A call that began again after we had forgotten it: its events belong to the first beginning."""
    first, *others = sorted(numbers) or [0]
    if others:
        connection.execute(sa.update(events).where(events.c.began.in_(others)).values(began=first))


def _fold(found: dict[str, Live], first: dict[str, int], row: Row, ciphers: Ciphers) -> None:
    event = readable(row, ciphers)
    if isinstance(event, e.InteractionEvent):
        of = event.interaction_id
        began: int = first[of] if of in first else row[0]
        found.setdefault(of, Live(Interaction(of), began, ciphers.get(began))).apply(event)


def readable(row: Row, ciphers: Ciphers = NONE) -> e.Event | None:
    """The event of a stored row, ``None`` if another version wrote it and we cannot read it: the rest still counts."""
    try:
        return from_row(row, ciphers)
    except (TypeError, ValueError) as error:
        _log.warning("event %d cannot be read: %s", row[0], error)
        return None


def _chunks(items: list[str]) -> Iterable[list[str]]:
    return (items[n : n + _CHUNK] for n in range(0, len(items), _CHUNK))
