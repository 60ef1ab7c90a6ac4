"""Events as rows of the table ``events`` and back. On the hot path: a row is a tuple, its payload ASCII JSON.

What of an event names or quotes a person (``PERSONAL``) never stands there in clear: it is sealed with the key of its
interaction (``keys``) and stands in the payload under ``~``. Where the key was destroyed, those fields are empty.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields
from operator import attrgetter
from typing import Any, Final

import orjson

from interaction_log import events as e
from interaction_log.events import SCHEMA_VERSION, TYPES, Event, InteractionEvent, Recorded, from_payload
from interaction_log.store.keys import NONE, Ciphers, key_number

PERSONAL: Final[dict[type[Event], tuple[str, ...]]] = {
    e.InteractionStarted: ("customer_address", "customer_name", "dialled"),
    e.InteractionAmended: ("customer_address", "customer_name", "dialled"),
    e.TransferStarted: ("target",),
    e.TransferRedirected: ("target",),
    e.RecordingStarted: ("file",),
    e.RecordingNamed: ("file",),
    e.MessageLeft: ("channel",),
    e.MessageFiled: ("file",),
    e.CallerFound: ("customer", "candidates", "timeline", "open_cases"),
    e.NoteWritten: ("text",),
    e.InteractionWrappedUp: ("notes",),
    e.CallbackRequested: ("address",),
}
"""The fields that are sealed. Files are among them because dialplans put the caller's number into names of files."""
SEALED: Final = "~"

Bare = tuple[int, str | None, str, float | None, bool, int, str]
Row = tuple[Any, ...]
"""In the order of the table's columns; a row whose key is not stored yet carries it behind them (``key_of``)."""
COLUMNS: Final = 8

_decode: Final = json.JSONDecoder().decode


def _no_json(value: object) -> object:
    raise TypeError(f"{type(value).__name__} is no JSON value")


# The encoder that ``json.dumps`` makes anew for every call, made once: a third of its time. Python's own fallback
# where there is no C one. No check for cycles (events are trees), ASCII only, no spaces.
_json: Final[Any] = json.encoder
_parts: Final[Callable[[Any, int], Iterable[str]]] = (
    _json.c_make_encoder(None, _no_json, _json.encode_basestring_ascii, None, ":", ",", False, False, True)
    if _json.c_make_encoder is not None
    else lambda value, _level: json.JSONEncoder(separators=(",", ":")).iterencode(value)
)
_PLAIN: Final = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
_ESCAPED: Final = "callweave-json"  # a codec's error handler: characters beyond ASCII as JSON writes them


def _escape(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    quoted: str = _json.encode_basestring_ascii(error.object[error.start : error.end])
    return quoted[1:-1], error.end


codecs.register_error(_ESCAPED, _escape)


def encode(value: object) -> str:
    """ASCII JSON. Raises ``TypeError`` or ``ValueError`` for what JSON does not know."""
    try:
        text = orjson.dumps(value, None, _PLAIN).decode()
    except TypeError:  # half a character, a number of more than 64 bits, a key that is no text
        return "".join(_parts(value, 0))
    return text if text.isascii() else text.encode("ascii", _ESCAPED).decode()


def _reader(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda event: tuple(getattr(event, name) for name in names)


def _shape(cls: type[Event]) -> tuple[Any, ...]:
    """Name, fields and their reader; personal fields, their reader and what they are when empty; whose row it is."""
    of_interaction = issubclass(cls, InteractionEvent)
    apart = {"at", "inferred", *(["interaction_id"] if of_interaction else [])}  # not repeated in the payload
    secret = PERSONAL.get(cls, ())
    names = tuple(f.name for f in fields(cls) if f.name not in apart and f.name not in secret)
    empty = tuple(_empty(cls).values())
    return cls.__name__, names, _reader(names), secret, _reader(secret), empty, _whose(cls, of_interaction)


def _whose(cls: type[Event], of_interaction: bool) -> Callable[[Any], str | None]:
    """Whose row it is: of an interaction, else of the one it came from, so that it goes with that one."""
    if of_interaction:
        return attrgetter("interaction_id")
    if cls is e.CallbackRequested:
        return lambda event: event.requested_in or event.callback_id
    return lambda _event: None


def _empty(cls: type[Event]) -> dict[str, Any]:
    """What stands for a field that cannot be read any more: its default, else the empty value of its type."""
    found: dict[str, Any] = {}
    known = {f.name: f for f in fields(cls)}
    for name in PERSONAL.get(cls, ()):
        f = known[name]
        if f.default_factory is not MISSING:
            found[name] = f.default_factory()
        else:
            found[name] = None if "None" in str(f.type) else ""
    return found


_SHAPES: Final = {cls: _shape(cls) for cls in TYPES.values()}
_EMPTY: Final = {cls.__name__: _empty(cls) for cls in PERSONAL}


def to_row(recorded: Recorded) -> tuple[Bare, str | None]:
    """The row of an event without ``began``, and its personal fields as JSON, ``None`` where they are empty.

    Raises ``TypeError`` or ``ValueError`` for what JSON does not know.
    """
    event: Any = recorded.event
    name, names, read, personal, read_personal, empty, whose = _SHAPES[type(event)]
    payload = encode(dict(zip(names, read(event), strict=False)))  # as many of the one as of the other
    secret = None
    if personal:
        values = read_personal(event)
        if values != empty:
            secret = encode(dict(zip(personal, values, strict=False)))
    return (recorded.seq, whose(event), name, event.at, event.inferred, SCHEMA_VERSION, payload), secret


def with_sealed(payload: str, token: str) -> str:
    """The payload with what was sealed of it (``keys.Cipher.seal``)."""
    return f'{payload[:-1]}{"," if len(payload) > 2 else ""}"{SEALED}":"{token}"}}'


def key_of(row: Row) -> tuple[int, str] | None:
    """Number and wrapped key that travel with this row, until they are stored."""
    return (row[COLUMNS][0], row[COLUMNS][1]) if len(row) > COLUMNS else None


def from_row(row: Any, keys: Ciphers = NONE) -> Event | None:
    """The event of a row; ``None`` for a type that this version does not know (a newer one wrote it).

    ``keys``: those of ``keys.Keys.read``; what they do not open is empty.
    """
    seq, of, name, at, inferred, _version, payload, *_ = row
    if name not in TYPES:
        return None
    found: dict[str, Any] = _EMPTY.get(name, {}) | _decode(payload)
    token = found.pop(SEALED, None)
    if token is not None:
        cipher = keys.get(key_number(payload) or 0)
        text = cipher.open(seq, token) if cipher is not None else None
        found |= _decode(text) if text is not None else {}
    found["at"], found["inferred"] = at, bool(inferred)
    if of is not None:
        found["interaction_id"] = of
    return from_payload(name, found)
