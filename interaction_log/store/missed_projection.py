"""The list of missed calls as the log's writer keeps it up, in the transaction of the interactions.

The writer never reads a decision of people to write it back: what both may change is changed by conditions in SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.interaction import Interaction
from interaction_log.missed import is_failed_call, is_missed, reached_at
from interaction_log.store.missed import clean, missed_calls, missed_tries, voicemails
from interaction_log.store.statements import Among, Prepared, inserting

_m: Final = missed_calls.c
_v: Final = voicemails.c
_given: Final = sa.bindparam
_TODO: Final = _m.state != sa.literal_column("'done'")
_ENTRY: Final = _m.id == _given("entry")
_VERSION: Final = _m.version + sa.literal_column("1")

_TRIES: Final = Among(sa.select(missed_tries), missed_tries.c.interaction_id)
_OPEN: Final = Among(sa.select(_m.number, _m.id, _m.last_at).where(_TODO), _m.number)


def _again() -> sa.Update:
    last = ("pbx", "queue", "last_at", "waited_seconds", "outcome")
    values: dict[str, Any] = {name: _given(f"of_{name}") for name in last}
    return (
        sa.update(missed_calls)
        .where(_ENTRY)
        .values(tries=_m.tries + sa.literal_column("1"), version=_VERSION, **values)
    )


def _identified() -> sa.Update:
    which = _ENTRY & _m.customer_id.is_distinct_from(_given("whom"))
    return sa.update(missed_calls).where(which).values(customer_id=_given("whom"))


_ENTER: Final = Prepared(lambda dialect: inserting(dialect, missed_calls))
_AGAIN: Final = Prepared(lambda dialect: _again())
_IDENTIFIED: Final = Prepared(lambda dialect: _identified())
_TRIED: Final = Prepared(lambda dialect: inserting(dialect, missed_tries))


def _message(dialect: sa.Dialect) -> Any:
    """A message of a call, with what is known of it now; who heard it stays."""
    names = ("id", "interaction_id", "entry", "pbx", "mailbox", "at", "seconds", "file", "pbx_id")
    statement = inserting(dialect, voicemails, names)
    told = {name: statement.excluded[name] for name in ("at", "seconds", "file", "pbx_id")}
    return statement.on_conflict_do_update(index_elements=["id"], set_=told)


_MESSAGE: Final = Prepared(_message)
_QUEUE: Final = Prepared(
    lambda dialect: sa.update(missed_calls).where(_ENTRY, _m.queue.is_(None)).values(queue=_given("of_queue"))
)

_HERE: Final = _TODO & (_m.number == _given("of_number"))
_UNHEARD: Final = sa.exists().where(_v.entry == _m.id, _v.heard_at.is_(None))
_CALLING: Final = _m.state == sa.literal_column("'calling'")
_BEFORE: Final = _HERE & (_m.last_at <= _given("reached"))


def _done() -> sa.Update:
    values: dict[str, Any] = {
        "state": sa.literal_column("'done'"),
        "resolved_by": _given("call"),
        "changed_at": _given("reached"),
    }
    return sa.update(missed_calls).where(_BEFORE, _CALLING | ~_UNHEARD).values(version=_VERSION, **values)


def _talked() -> sa.Update:
    values: dict[str, Any] = {
        "call_outcome": sa.literal_column("'answered'"),
        "call_id": _given("call"),
        "called_at": _given("began"),
    }
    which = _m.call_id.is_distinct_from(_given("call"))
    return sa.update(missed_calls).where(_BEFORE, which).values(version=_VERSION, **values)


def _failed() -> sa.Update:
    newer = _m.called_at.is_(None) | (_m.called_at < _given("began"))
    called: dict[str, Any] = {"call_id": _given("call"), "call_outcome": _given("how"), "called_at": _given("began")}
    statement = sa.update(missed_calls).where(_HERE, newer, _m.first_at <= _given("began"))
    return statement.values(state=sa.literal_column("'open'"), version=_VERSION, **called)


_DONE: Final = Prepared(lambda dialect: _done())
_TALKED: Final = Prepared(lambda dialect: _talked())
_FAILED: Final = Prepared(lambda dialect: _failed())


def project(connection: sa.Connection, changed: Sequence[Interaction]) -> None:
    """Take in interactions as they are now; the same again changes nothing. In the writer's transaction."""
    missed = sorted((one for one in changed if is_missed(one)), key=lambda one: one.started_at or 0.0)
    if missed:
        _Tries(connection, missed).write()
    called = [one for one in changed if reached_at(one) is not None or is_failed_call(one)]
    waiting = {row.number for row in _open(connection, called)}  # nearly always none, by one look into a small index
    for one in called:
        if clean(one.customer_address) in waiting:
            _called(connection, one)


def _open(connection: sa.Connection, calls: Iterable[Interaction]) -> list[Any]:
    """What is on the list for the numbers of these calls, and not done."""
    return _OPEN(connection, sorted({number for one in calls if (number := clean(one.customer_address))}))


class _Tries:
    """Missed calls that are taken in together: one statement for all that they have in common, not one for each."""

    def __init__(self, connection: sa.Connection, missed: list[Interaction]) -> None:
        self._connection, self._missed = connection, missed
        self._known: dict[str, str] = {
            row.interaction_id: row.entry for row in _TRIES(connection, [m.id for m in missed])
        }
        self._open: dict[str, dict[str, float]] = {}
        """When each entry that is to be done was called last, by number and entry."""
        for row in _open(connection, (one for one in missed if one.id not in self._known)):
            self._open.setdefault(row.number, {})[row.id] = row.last_at
        self._rows: dict[Prepared, list[dict[str, Any]]] = {
            statement: [] for statement in (_ENTER, _AGAIN, _IDENTIFIED, _TRIED, _MESSAGE)
        }
        self._queues: dict[str, str] = {}
        """Of entries that have none, told by a message that came after its call."""

    def write(self) -> None:
        """All of them, in order."""
        for one in self._missed:
            entry = self._known.get(one.id)
            if entry is None:
                entry = self._known[one.id] = self._tried(one)
            else:
                self._told_more(entry, one)
            self._rows[_MESSAGE] += _messages(entry, one)
        for statement, rows in self._rows.items():
            statement.run(self._connection, rows)
        _QUEUE.run(self._connection, [{"entry": entry, "of_queue": queue} for entry, queue in self._queues.items()])

    def _tried(self, one: Interaction) -> str:
        """A further try of a number that is on the list, or a new entry. Without a number each call is its own."""
        at, number = one.started_at or 0.0, clean(one.customer_address) or None
        there = self._open.setdefault(number, {}) if number is not None else {}
        entry = max(there, key=there.__getitem__) if there else one.id
        last = {
            "pbx": clean(one.pbx),
            "queue": clean(_queue_of(one)),
            "last_at": at,
            "waited_seconds": one.wait_seconds,
            "outcome": one.outcome,
        }
        if there:
            self._rows[_AGAIN].append({"entry": entry, **{f"of_{name}": value for name, value in last.items()}})
            self._queues.pop(entry, None)  # this try says which, or that it had none
            self._identified(entry, one)
        else:
            who = {"number": number, "name": clean(one.customer_name), "customer_id": one.customer_id}
            self._rows[_ENTER].append({**_NEW, "id": entry, "first_at": at, **who, **last})
        there[entry] = at
        self._rows[_TRIED].append({"interaction_id": one.id, "entry": entry})
        return entry

    def _told_more(self, entry: str, one: Interaction) -> None:
        """This call is on the list; who it was, or what he left, is known by now."""
        self._identified(entry, one)
        queue = clean(_queue_of(one)) if one.messages else None
        if queue is not None:
            self._queues.setdefault(entry, queue)

    def _identified(self, entry: str, one: Interaction) -> None:
        """Who it was may become known after the call."""
        if one.customer_id is not None:
            self._rows[_IDENTIFIED].append({"entry": entry, "whom": one.customer_id})


_NEW: Final[dict[str, Any]] = {**dict.fromkeys(missed_calls.c.keys()), "tries": 1, "state": "open", "version": 1}


def _queue_of(one: Interaction) -> str | None:
    """Who works it: the queue that he waited in, else that of the mailbox."""
    return one.queue or next((m.queue for m in reversed(one.messages) if m.queue is not None), None)


def _messages(entry: str, one: Interaction) -> list[dict[str, Any]]:
    """The messages of this call, with what is known of them now."""
    of = {"interaction_id": one.id, "entry": entry, "pbx": clean(one.pbx)}
    told = [
        {"id": m.id, "mailbox": clean(m.mailbox), "at": m.at, "seconds": m.seconds, "file": clean(m.file)}
        | {"pbx_id": clean(m.pbx_id)}
        for m in one.messages
    ]
    return [of | row for row in told]


def _called(connection: sa.Connection, one: Interaction) -> None:
    """The number was reached, by whichever call; or we called and reached nobody.

    A message that nobody has heard keeps its entry open, unless this is the call back: it may be about something else.
    """
    reached = reached_at(one)
    call = {"of_number": clean(one.customer_address), "call": one.id, "began": one.started_at or 0.0}
    if reached is not None:
        _DONE.run(connection, [call | {"reached": reached}])
        _TALKED.run(connection, [call | {"reached": reached}])
    else:
        _FAILED.run(connection, [call | {"how": one.outcome}])
