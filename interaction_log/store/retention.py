"""How long what is kept stays, by channel and queue, and what is over now.

A site's rules are read in order: the first one that fits a contact (its channel, its queue) says how many days; what no
rule fits stays. Legal holds go before every rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import sqlalchemy as sa

from interaction_log.privacy import erase
from interaction_log.privacy.person import held
from interaction_log.store import index
from interaction_log.store.callbacks import callbacks
from interaction_log.store.chat_tables import chat_files, chat_lines, chats
from interaction_log.store.missed import missed_calls, missed_tries, voicemails
from interaction_log.store.personal import Person
from interaction_log.store.privacy_tables import event_keys
from interaction_log.store.recordings import recordings
from interaction_log.store.schema import events, interactions, legs, queue_visits

DAY_SECONDS: Final = 86_400.0
What = Literal["events", "interactions", "notes", "recordings", "voicemails", "missed", "callbacks", "chats"]
KINDS: Final[tuple[What, ...]] = get_args(What)
PAGE: Final = 100
EVENTS_PAGE: Final = 1_000
_i: Final = interactions.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """``days`` (1 or more) after its end, ``what`` of contacts of this channel and queue (``None``: any) is over."""

    what: What
    days: int
    channel: str | None = None
    queue: str | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """The rows that are over now: their keys, and after which the next page begins (``None``: there is none)."""

    rows: list[Any]
    after: tuple[Any, ...] | None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a kind is: its table, key and age, and which contact it belongs to."""

    table: sa.Table
    age: sa.ColumnElement[Any]
    also: sa.ColumnElement[bool]
    channel: sa.ColumnElement[Any]
    queue: sa.ColumnElement[Any]
    interaction: sa.ColumnElement[Any]
    customer: sa.ColumnElement[Any]
    joined: bool = False


def _of_contact(table: sa.Table, age: sa.ColumnElement[Any], also: sa.ColumnElement[bool], joined: bool) -> _Place:
    return _Place(table, age, also, _i.channel, _i.queue, _i.id, _i.customer_id, joined)


_ENDED: Final = sa.func.coalesce(_i.ended_at, _i.sorted_at)
_VOICE: Final = sa.literal("voice")
_PLACES: Final[dict[str, _Place]] = {
    "interactions": _of_contact(interactions, _ENDED, _i.ended.is_(sa.true()), joined=False),
    "notes": _of_contact(interactions, _ENDED, _i.ended.is_(sa.true()) & _i.notes.is_not(None), joined=False),
    "recordings": _of_contact(
        recordings,
        recordings.c.ended_at,
        recordings.c.deleted_at.is_(None) & recordings.c.running.is_(sa.false()) & (recordings.c.file != ""),
        joined=True,
    ),
    "voicemails": _of_contact(voicemails, voicemails.c.at, voicemails.c.file.is_not(None), joined=True),
    "missed": _Place(
        missed_calls, missed_calls.c.last_at, sa.true(), _VOICE, missed_calls.c.queue, missed_calls.c.id,
        missed_calls.c.customer_id,
    ),
    "chats": _Place(
        chats, sa.func.coalesce(chats.c.ended_at, chats.c.opened_at), chats.c.state == "ended", sa.literal("chat"),
        chats.c.queue, chats.c.id, sa.select(_i.customer_id).where(_i.id == chats.c.id).scalar_subquery(),
    ),
    "callbacks": _Place(
        callbacks, callbacks.c.requested_at, callbacks.c.state.in_(("done", "failed", "expired")), _VOICE,
        callbacks.c.queue, callbacks.c.requested_in, sa.null(),
    ),
}  # fmt: skip


def days_of(rules: Sequence[Rule], what: What, channel: str | None, queue: str | None) -> int | None:
    """How many days the first rule that fits says; ``None``: it stays."""
    for one in rules:
        if one.what == what and one.channel in (None, channel) and one.queue in (None, queue):
            return one.days
    return None


def _over(rules: Sequence[Rule], what: str, place: _Place, now: float) -> sa.ColumnElement[bool]:
    """Older than the first rule that fits allows."""
    found: list[sa.ColumnElement[bool]] = []
    before: list[sa.ColumnElement[bool]] = []
    for one in (rule for rule in rules if rule.what == what):
        fits: sa.ColumnElement[bool] = sa.true()
        if one.channel is not None:
            fits = fits & (place.channel == one.channel)
        if one.queue is not None:
            fits = fits & (sa.func.coalesce(place.queue, "") == one.queue)
        earlier = [sa.not_(other) for other in before]
        found.append(sa.and_(fits, *earlier, place.age < now - one.days * DAY_SECONDS))
        before.append(fits)
    return sa.or_(sa.false(), *found)


def _which(
    connection: sa.Connection, rules: Sequence[Rule], what: str, now: float, select: sa.Select[Any]
) -> sa.Select[Any]:
    place = _PLACES[what]
    if place.joined:
        select = select.join(interactions, _i.id == place.table.c.interaction_id)
    kept = held(connection).covers(place.interaction, place.customer, place.age)
    return select.where(place.also, _over(rules, what, place, now), sa.not_(kept))


def due(
    connection: sa.Connection, rules: Sequence[Rule], what: What, now: float, after: tuple[Any, ...] = (),
    limit: int = PAGE,
) -> Due:  # fmt: skip
    """The next rows of this kind that are over; for events their numbers (``due_events``)."""
    if what == "events":
        return due_events(connection, rules, now, after)
    key = _PLACES[what].table.c.id
    query = _which(connection, rules, what, now, sa.select(_PLACES[what].table)).order_by(key).limit(limit)
    if after:
        query = query.where(key > after[0])
    rows = [dict(row) for row in connection.execute(query).mappings()]
    return Due(rows, (rows[-1]["id"],) if len(rows) == limit else None)


def count(connection: sa.Connection, rules: Sequence[Rule], what: What, now: float) -> int:
    """How many are over now."""
    if what == "events":
        return _count_events(connection, rules, now)
    table = _PLACES[what].table
    query = _which(connection, rules, what, now, sa.select(sa.func.count()).select_from(table))
    return int(connection.execute(query).scalar_one())


# --- events --------------------------------------------------------------------------------------
# They are looked through in the order of the log: what is over stands at its beginning.


def _count_events(connection: sa.Connection, rules: Sequence[Rule], now: float) -> int:
    found, after = 0, ()  # type: tuple[int, tuple[Any, ...] | None]
    while after is not None:
        page = due_events(connection, rules, now, after)
        found, after = found + len(page.rows), page.after
    return found


def due_events(connection: sa.Connection, rules: Sequence[Rule], now: float, after: tuple[Any, ...] = ()) -> Due:
    """Numbers of events that are over: of contacts that ended, and of nobody's (agents, links) by their own time."""
    shortest = min((one.days for one in rules if one.what == "events"), default=None)
    if shortest is None:
        return Due([], None)
    e = events.c
    last = after[0] if after else -1
    query = sa.select(e.seq, e.interaction_id, e.at).where(e.seq > last).order_by(e.seq).limit(EVENTS_PAGE)
    rows = connection.execute(query).all()
    if not rows:
        return Due([], None)
    newest = now - shortest * DAY_SECONDS
    if all(row.at is not None and row.at > newest for row in rows):
        return Due([], None)
    contacts = _contacts(connection, {row.interaction_id for row in rows if row.interaction_id is not None})
    over = [row.seq for row in rows if _event_over(rules, row, contacts, now)]
    return Due(over, (rows[-1].seq,) if len(rows) == EVENTS_PAGE else None)


def _contacts(connection: sa.Connection, ids: set[str]) -> dict[str, Any]:
    kept = held(connection).covers(_i.id, _i.customer_id, _ENDED).label("held")
    found: dict[str, Any] = {}
    every = sorted(ids)
    for n in range(0, len(every), 500):
        query = sa.select(_i.id, _i.channel, _i.queue, _i.ended, _ENDED.label("at"), kept)
        for row in connection.execute(query.where(_i.id.in_(every[n : n + 500]))):
            found[row.id] = row
    return found


def _event_over(rules: Sequence[Rule], row: Any, contacts: dict[str, Any], now: float) -> bool:
    contact = contacts.get(row.interaction_id) if row.interaction_id is not None else None
    if contact is None:
        days = days_of(rules, "events", None, None)
        return days is not None and row.at is not None and row.at < now - days * DAY_SECONDS
    days = days_of(rules, "events", contact.channel, contact.queue)
    over = days is not None and contact.ended and contact.at < now - days * DAY_SECONDS
    return bool(over and not contact.held)


# --- doing it ------------------------------------------------------------------------------------


def expire(connection: sa.Connection, what: What, rows: Sequence[Any]) -> int:
    """Delete (or empty) one page of ``due``; files were deleted before. In a transaction that writes."""
    if not rows:
        return 0
    if what == "events":
        _expire_events(connection, rows)
        return len(rows)
    ids = [row["id"] for row in rows]
    if what == "interactions":
        expire_interactions(connection, ids)
    elif what == "notes":
        connection.execute(sa.update(interactions).where(_i.id.in_(ids)).values(notes=None))
        index.drop_many(connection, "interaction", ids)
    elif what == "missed":
        connection.execute(sa.delete(missed_tries).where(missed_tries.c.entry.in_(ids)))
        connection.execute(sa.update(voicemails).where(voicemails.c.entry.in_(ids)).values(entry=None))
        connection.execute(sa.delete(missed_calls).where(missed_calls.c.id.in_(ids)))
    elif what == "chats":
        for table, key in ((chat_lines, chat_lines.c.conversation), (chat_files, chat_files.c.conversation)):
            connection.execute(sa.delete(table).where(key.in_(ids)))
        connection.execute(sa.delete(chats).where(chats.c.id.in_(ids)))
        index.drop_many(connection, "interaction", ids)
    elif what in ("voicemails", "callbacks"):
        table = _PLACES[what].table
        connection.execute(sa.delete(table).where(table.c.id.in_(ids)))
    return len(ids)


def _expire_events(connection: sa.Connection, seqs: Sequence[int]) -> None:
    for n in range(0, len(seqs), 500):
        some = list(seqs[n : n + 500])
        connection.execute(sa.delete(event_keys).where(event_keys.c.n.in_(some)))
        connection.execute(sa.delete(events).where(events.c.seq.in_(some)))


def expire_interactions(connection: sa.Connection, ids: Sequence[str]) -> None:
    """Contacts with all that hangs on them."""
    erase.whole(connection, Person(customers=(), interactions=tuple(ids)))
    index.drop_many(connection, "interaction", list(ids))
    for table, key in ((legs, legs.c.interaction_id), (queue_visits, queue_visits.c.interaction_id)):
        connection.execute(sa.delete(table).where(key.in_(ids)))
    connection.execute(sa.delete(interactions).where(_i.id.in_(ids)))
