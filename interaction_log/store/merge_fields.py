"""What a merge does to the record that is kept, and how exactly that is taken back. Pure; records are JSON objects.

The record that is merged stays as it is, whole. The one that is kept may take single fields of it (a human chooses
where both say something and differ) and takes its numbers and mails at the end of its own. What was there before is
written down, so that merges can be undone in any order:

- a **field** that several merges set is a chain: who is taken out hands his "before" to the next one;
- a **list** is the record's own entries, and then what each merge that stands brings, in order of the merges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from interaction_log.records import Refused
from interaction_log.store.fields import MOST_ADDRESSES

LISTS: Final = ("phones", "emails")
OWN: Final = "fields"
"""The site's own fields, each by itself: ``fields.colour``."""
_NEVER: Final = frozenset({"id", *LISTS, OWN})
_EMPTY: Final[tuple[Any, ...]] = (None, "", False, [], {})


@dataclass(slots=True)
class Laid:
    """What a merge changed. ``set``: before and after by field; ``added``, ``gone`` by list: what it brought that
    was not there, and what of that somebody removed by hand since."""

    set: dict[str, list[Any]] = field(default_factory=dict)
    added: dict[str, list[str]] = field(default_factory=dict)
    gone: dict[str, list[str]] = field(default_factory=dict)

    def stored(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field of both records. ``conflict``: both say something, and not the same. ``take``: the merged one's value."""

    field: str
    kept: Any
    merged: Any
    conflict: bool
    take: bool


def differences(kept: Mapping[str, Any], merged: Mapping[str, Any]) -> list[Difference]:
    """What a human looks at before a merge; ``take`` is what happens if nobody says anything: gaps are filled."""
    found = []
    for name in _names(kept, merged):
        here, there = read(kept, name), read(merged, name)
        if here == there or there in _EMPTY:
            continue
        empty = here in _EMPTY
        found.append(Difference(field=name, kept=here, merged=there, conflict=not empty, take=empty))
    return found


def _names(*records: Mapping[str, Any]) -> list[str]:
    plain = dict.fromkeys(name for one in records for name in one if name not in _NEVER)
    own = dict.fromkeys(f"{OWN}.{name}" for one in records for name in one.get(OWN) or {})
    return [*plain, *own]


def read(record: Mapping[str, Any], name: str) -> Any:
    """A field, or one of the site's own."""
    if name.startswith(OWN + "."):
        return (record.get(OWN) or {}).get(name.removeprefix(OWN + "."))
    return record.get(name)


def changes(record: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` by field as ``fields.check`` wants them: the site's own fields together."""
    found = {name: value for name, value in values.items() if not name.startswith(OWN + ".")}
    own = {name.removeprefix(OWN + "."): value for name, value in values.items() if name.startswith(OWN + ".")}
    if own:
        together = {**(record.get(OWN) or {}), **own}
        found[OWN] = {name: value for name, value in together.items() if value is not None}
    return found


def laid_over(kept: Mapping[str, Any], merged: Mapping[str, Any], take: Sequence[str] | None) -> Laid:
    """What a merge sets. ``take``: the fields to take from the merged record; ``None``: fill the gaps only."""
    found = {one.field: one for one in differences(kept, merged)}
    if take is None:
        take = [one.field for one in found.values() if one.take]
    known = _names(kept, merged)
    for name in take:
        if name not in known:
            raise Refused("take", "there is no such field")
    return Laid(set={name: [found[name].kept, found[name].merged] for name in take if name in found})


def taken_back(record: Mapping[str, Any], laid: Laid, later: Sequence[Laid]) -> dict[str, Any]:
    """The fields that get their old values back. ``later``: merges into the same record that stand, in order; the
    next one of a field inherits its "before". A field that somebody changed since stays as he left it."""
    values: dict[str, Any] = {}
    for name, (before, after) in laid.set.items():
        following = next((one for one in later if name in one.set), None)
        if following is not None:
            if following.set[name][0] == after:
                following.set[name][0] = before
        elif read(record, name) == after:
            values[name] = before
    return values


Standing = Sequence[tuple[Laid, Sequence[str]]]
"""Merges into one record that stand, in order, each with the merged record's own list."""


def listed(now: Sequence[str], name: str, standing: Standing, undone: Sequence[Laid] = ()) -> list[str]:
    """The list ``name`` of a record anew: its own entries, then what each merge that stands brings.

    Their ``added`` and ``gone`` are brought up to date. ``undone``: merges whose entries go.
    """
    all_laid = [*(laid for laid, _ in standing), *undone]
    brought = {one for laid in all_laid for one in laid.added.get(name, ())}
    found = [one for one in now if one not in brought]
    for laid, entries in standing:
        gone = [*laid.gone.get(name, ()), *(one for one in laid.added.get(name, ()) if one not in now)]
        new = [one for one in entries if one not in found and one not in gone][: max(0, MOST_ADDRESSES - len(found))]
        laid.added[name], laid.gone[name] = new, list(dict.fromkeys(gone))
        found += new
    return found
