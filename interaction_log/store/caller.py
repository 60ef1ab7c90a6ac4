"""Who may a caller be? Exact E.164: known; the national significant number: maybe; several people: candidates."""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from dataclasses import replace
from typing import Any, Final

import orjson
import sqlalchemy as sa

from interaction_log.identity import parse_phone
from interaction_log.records import Customer, Match
from interaction_log.store.customer_rows import EXACT, NATIONAL, view
from interaction_log.store.statements import Question
from interaction_log.store.timeline import NEWEST, line

MOST_CANDIDATES: Final = 10
TIMELINE: Final = 5
_SHORTEST: Final = 6  # digits: shorter numbers are extensions and services, the same in every country
_NOBODY: Final = view(Customer(id="", name=""))  # a record written by an older version lacks newer fields
_DIGITS: Final = re.compile(r"\+?0*([0-9]+)", re.ASCII)


class PhoneBook:
    """The questions about a caller, for one database. ``driver`` is its driver's own connection."""

    def __init__(self, dialect: sa.Dialect, region: str):
        self._exact = Question(dialect, EXACT)
        self._similar = Question(dialect, NATIONAL)
        self._newest = Question(dialect, NEWEST)
        self._region = region

    def find(self, driver: Any, address: str) -> Match:
        """The people behind an address, without their history."""
        if address.startswith("+"):  # E.164 already, as the tracker presents it: mostly there is no need to parse
            exact = self._exact.ask(driver, number=address, most=MOST_CANDIDATES)
            if exact:
                return _match(exact, sure=True)
        number = parse_phone(address, self._region)
        if number is not None and number.e164 != address:
            exact = self._exact.ask(driver, number=number.e164, most=MOST_CANDIDATES)
            if exact:
                return _match(exact, sure=True)
        national = number.national if number is not None else _national(address)
        similar = self._similar.ask(driver, number=national, most=MOST_CANDIDATES) if national else []
        return _match(similar, sure=False)

    def with_history(self, driver: Any, match: Match) -> Match:
        """The same with the last interactions, if it is one person."""
        if match.customer is None:
            return match
        lines = [line(row) for row in self._newest.ask(driver, customer=match.customer["id"], most=TIMELINE)]
        return replace(match, timeline=lines)


def _national(address: str) -> str | None:
    """The digits of what is no valid number here: a foreign national number with its trunk prefix, perhaps."""
    found = _DIGITS.fullmatch(address)
    return found[1] if found is not None and len(found[1]) >= _SHORTEST else None


def _match(found: list[tuple[Any, ...]], *, sure: bool) -> Match:
    people: list[dict[str, Any]] = [{**_NOBODY, **orjson.loads(text)} for (text,) in found]
    if not people:
        return Match(strength="unknown")
    if len(people) > 1:
        return Match(strength="candidates", candidates=people)
    return Match(strength="known" if sure else "maybe", customer=people[0])


class Recent:
    """The last callers' matches, for at most ``seconds``; emptied by every change of a customer here."""

    def __init__(self, size: int = 4_096, seconds: float = 30.0):
        self._size, self._seconds = size, seconds
        self._found: OrderedDict[str, tuple[float, Match]] = OrderedDict()
        self._generation = 0
        self._lock = threading.Lock()

    def get(self, address: str) -> Match | None:
        """What was found lately."""
        with self._lock:
            until, match = self._found.get(address, (0.0, None))
            return match if until > time.monotonic() else None

    @property
    def generation(self) -> int:
        """To be read before the query whose result is ``put``."""
        return self._generation

    def put(self, address: str, match: Match, generation: int) -> None:
        """Keep it, unless customers changed while it was looked up."""
        with self._lock:
            if generation != self._generation:
                return
            self._found[address] = (time.monotonic() + self._seconds, match)
            self._found.move_to_end(address)
            if len(self._found) > self._size:
                self._found.popitem(last=False)

    def clear(self) -> None:
        """Customers changed."""
        with self._lock:
            self._generation += 1
            self._found.clear()
