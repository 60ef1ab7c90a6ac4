"""Which records may be one person: found in small steps beside the calls, kept with their reasons, shown to people.

Each step is one short query and at most some milliseconds of comparing, in a reader's thread; between two steps others
have their turn. The score of a pair is what independent reasons add up to: 1 - (1-a)(1-b)…; see ``WEIGHTS``.
"""

from __future__ import annotations

import asyncio
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from typing import Any, Final

import sqlalchemy as sa
from rapidfuzz import fuzz

from interaction_log.persons import Suggestion
from interaction_log.records import NotFound
from interaction_log.store import cursor as cursors
from interaction_log.store import customer_rows, links
from interaction_log.store.identity_tables import customer_merges, merge_suggestions, shared_addresses
from interaction_log.store.personal import Personal, customer, either, register
from interaction_log.store.reading import Reading
from interaction_log.store.schema import customer_emails, customer_phones, customers
from interaction_log.store.writing import Writing

WEIGHTS: Final = {"same_number": 0.6, "same_mail": 0.7, "same_name": 0.75, "similar_name": 0.45}
"""How sure a reason alone makes us; names only within an organisation, or beside another reason."""
SIMILAR: Final = 85
"""From this ratio on (0 to 100, rapidfuzz) two names are similar; below they mostly are not."""
SHORTEST_NAME: Final = 4  # letters: in shorter names one other letter is another name (王小明, 王小红)
MOST_PEOPLE: Final = 8
"""An address that more people have looks like a switchboard: nobody is one person for that."""
STEP: Final = 5_000  # rows of an index that one step looks at
ORGANISATIONS: Final = 50  # in one step
TOGETHER: Final = 100  # pairs written in one transaction
NEIGHBOURS: Final = 20  # by name, in an organisation of more than this many people
MOST_PAIRS: Final = 20_000  # kept of one walk
_s: Final = merge_suggestions.c
_AGAIN: Final = (
    sa.update(merge_suggestions)
    .where(_s.one == sa.bindparam("new_one"), _s.other == sa.bindparam("new_other"))
    .values(score=sa.bindparam("new_score"), reasons=sa.bindparam("new_reasons"), at=sa.bindparam("new_at"))
)
_PUNCTUATION: Final = re.compile(r"[\W_]+")

register(Personal(table=merge_suggestions, of=either(customer(_s.one), customer(_s.other)), erase="delete"))


@dataclass(slots=True)
class Pairs:
    """What a walk has found so far: reasons by pair of ids, the lesser first."""

    found: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)

    def add(self, one: str, other: str, reason: str, value: str) -> None:
        """One more reason; pairs beyond ``MOST_PAIRS`` wait for the next walk."""
        key = (min(one, other), max(one, other))
        if one != other and (key in self.found or len(self.found) < MOST_PAIRS):
            self.found.setdefault(key, {}).setdefault(reason, value)


def score(reasons: Iterable[str]) -> int:
    """0 to 100: what independent reasons add up to."""
    doubt = 1.0
    for reason in reasons:
        doubt *= 1 - WEIGHTS[reason]
    return round(100 * (1 - doubt))


def plain_name(name: str) -> str:
    """As names are compared: without case, accents' forms and punctuation, words in order."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(sorted(_PUNCTUATION.sub(" ", text).split()))


def alike(one: str, other: str) -> str | None:
    """``same_name``, ``similar_name`` or nothing, for two ``plain_name``s."""
    if not one or not other:
        return None
    if one == other:
        return "same_name"
    if min(len(one), len(other)) < SHORTEST_NAME:
        return None
    return "similar_name" if fuzz.ratio(one, other, score_cutoff=SIMILAR) else None


class StoredSuggestions:
    """Pairs for people to decide; nothing is merged here."""

    def __init__(self, reading: Reading, writing: Writing):
        self._reading, self._writing = reading, writing

    async def page(self, limit: int, cursor: str | None) -> tuple[list[Suggestion], str | None]:
        """Those that nobody decided, the surest first; ``limit`` is capped at 100."""
        return await self._reading(partial(_page, limit=max(1, min(limit, 100)), after=cursor))

    async def dismiss(self, one: str, other: str, *, by: str, at: float) -> None:
        """They are two: not suggested again. Raises ``NotFound``."""
        first, second = sorted((one, other))
        query = sa.update(merge_suggestions).where(_s.one == first, _s.other == second)
        query = query.values(dismissed_at=at, dismissed_by=by)
        if await self._writing(lambda connection: connection.execute(query).rowcount) == 0:
            raise NotFound(f"{one} {other}")

    async def refresh(
        self, at: float, pause: Callable[[], Any] = lambda: asyncio.sleep(0)
    ) -> dict[tuple[str, str], list[str]]:
        """Walk all records in small steps and write down which pairs may be one. ``pause`` is awaited between steps.

        The result: the pairs with their reasons, without those that somebody dismissed or whose merge was undone.
        """
        pairs = Pairs()
        for table, column, reason in (
            (customer_phones, customer_phones.c.e164, "same_number"),
            (customer_emails, customer_emails.c.folded, "same_mail"),
        ):
            await self._walk(partial(_same_address, pairs=pairs, table=table, column=column, reason=reason), pause)
        await self._walk(partial(_organisations, pairs=pairs), pause)
        keys = list(pairs.found)
        for n in range(0, len(keys), 200):
            await self._reading(partial(_names, pairs=pairs, keys=keys[n : n + 200]))
            await pause()
        return await self._write(pairs, at, pause)

    async def _walk(self, step: Callable[..., str | None], pause: Callable[[], Any]) -> None:
        after: str | None = ""
        while after is not None:
            after = await self._reading(partial(step, after=after))
            await pause()

    async def _write(self, pairs: Pairs, at: float, pause: Callable[[], Any]) -> dict[tuple[str, str], list[str]]:
        """In short transactions; what was found before and is true no more goes away."""
        keys = sorted(pairs.found)
        open_pairs: dict[tuple[str, str], list[str]] = {}
        for n in range(0, len(keys), TOGETHER):
            some = {key: pairs.found[key] for key in keys[n : n + TOGETHER]}
            for key in await self._writing(partial(_put, found=some, at=at)):
                open_pairs[key] = list(some[key])
            await pause()
        stale = sa.delete(merge_suggestions).where(_s.at < at, _s.dismissed_at.is_(None))
        await self._writing(lambda connection: connection.execute(stale))
        return open_pairs


# --- one step each -------------------------------------------------------------------------------


def _same_address(
    connection: sa.Connection, pairs: Pairs, table: sa.Table, column: sa.Column[Any], reason: str, after: str
) -> str | None:
    """The pairs that share an address, in the next ``STEP`` rows of its index. The result: where to go on."""
    until = connection.execute(
        sa.select(column).where(column > after).order_by(column).limit(1).offset(STEP - 1)
    ).scalar()
    here = (column > after) if until is None else (column > after) & (column <= until)
    count = sa.func.count(table.c.customer_id.distinct())
    several = sa.select(column).where(here).group_by(column).having(count > 1, count <= 4 * MOST_PEOPLE)
    values = list(connection.execute(several).scalars())
    for n in range(0, len(values), 200):
        _pair(connection, pairs, table, column, reason, values[n : n + 200])
    return until


def _pair(
    connection: sa.Connection, pairs: Pairs, table: sa.Table, column: sa.Column[Any], reason: str, values: list[str]
) -> None:
    shared = sa.select(shared_addresses.c.value)
    query = sa.select(column, table.c.customer_id).where(column.in_(values), column.not_in(shared)).distinct()
    owners: dict[str, list[str]] = {}
    for value, of in connection.execute(query):
        owners.setdefault(value, []).append(of)
    heads = links.roots(connection, {of for ids in owners.values() for of in ids})
    for value, ids in owners.items():
        people = sorted({heads[of] for of in ids})
        if 1 < len(people) <= MOST_PEOPLE:
            for one, other in combinations(people, 2):
                pairs.add(one, other, reason, value)


def _organisations(connection: sa.Connection, pairs: Pairs, after: str) -> str | None:
    """Like names in each of the next organisations."""
    of = customers.c.organisation
    names = list(
        connection.execute(sa.select(of).where(of > after).distinct().order_by(of).limit(ORGANISATIONS)).scalars()
    )
    if not names:
        return None
    several = sa.select(of).where(of.in_(names)).group_by(of).having(sa.func.count() > 1)
    wanted = list(connection.execute(several).scalars())
    people = sa.select(of, customers.c.id, customers.c.name)
    people = people.where(of.in_(wanted), customers.c.id.not_in(links.merged())).order_by(of, customers.c.sort_name)
    within: dict[str, list[tuple[str, str]]] = {}
    for organisation, customer_id, name in connection.execute(people.limit(STEP)):
        within.setdefault(organisation, []).append((plain_name(name), customer_id))
    for organisation, members in within.items():
        for one, other in _neighbours(members):
            reason = alike(one[0], other[0])
            if reason is not None:
                pairs.add(one[1], other[1], reason, organisation)
    return names[-1] if len(names) == ORGANISATIONS else None


def _neighbours(members: Sequence[tuple[str, str]]) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """All pairs of a small organisation; in a large one those that are near each other by name."""
    if len(members) <= NEIGHBOURS:
        yield from combinations(members, 2)
        return
    ordered = sorted(members)
    for n, one in enumerate(ordered):
        for other in ordered[n + 1 : n + 1 + NEIGHBOURS]:
            yield one, other


def _names(connection: sa.Connection, pairs: Pairs, keys: list[tuple[str, str]]) -> None:
    """Like names are a further reason beside a common address."""
    ids = sorted({of for key in keys for of in key})
    rows = connection.execute(sa.select(customers.c.id, customers.c.name).where(customers.c.id.in_(ids)))
    names = {row.id: plain_name(row.name) for row in rows}
    for one, other in keys:
        if not {"same_name", "similar_name"} & set(pairs.found[one, other]):
            reason = alike(names.get(one, ""), names.get(other, ""))
            if reason is not None:
                pairs.add(one, other, reason, "")


def _put(connection: sa.Connection, found: dict[tuple[str, str], dict[str, str]], at: float) -> list[tuple[str, str]]:
    """Write these pairs; those that nobody decided against are the result."""
    ids = sorted({of for key in found for of in key})
    m = customer_merges.c
    undone = {
        (min(row.kept, row.merged), max(row.kept, row.merged))
        for row in connection.execute(
            sa.select(m.kept, m.merged).where(m.undone_at.is_not(None), m.kept.in_(ids) | m.merged.in_(ids))
        )
    }
    known = sa.select(_s.one, _s.other, _s.dismissed_at).where(_s.one.in_(ids), _s.other.in_(ids))
    there = {(row.one, row.other): row.dismissed_at for row in connection.execute(known)}
    undecided = [key for key in found if key not in undone and there.get(key) is None]
    rows = [
        {
            "one": key[0],
            "other": key[1],
            "score": score(found[key]),
            "reasons": json.dumps([{"code": code, "value": value} for code, value in found[key].items()]),
            "at": at,
        }
        for key in undecided
    ]
    old = [{f"new_{name}": value for name, value in row.items()} for row in rows if (row["one"], row["other"]) in there]
    new = [row for row in rows if (row["one"], row["other"]) not in there]
    if old:
        connection.execute(_AGAIN, old)
    if new:
        connection.execute(sa.insert(merge_suggestions), new)
    return undecided


def _page(connection: sa.Connection, limit: int, after: str | None) -> tuple[list[Suggestion], str | None]:
    """By score; pairs of which one is gone, or merged meanwhile, are left out."""
    query = sa.select(merge_suggestions).where(_s.dismissed_at.is_(None))
    query = query.where(_s.one.not_in(links.merged()), _s.other.not_in(links.merged()))
    query = query.where(*(of.in_(sa.select(customers.c.id).where(customers.c.id == of)) for of in (_s.one, _s.other)))
    if after is not None:
        number, one, other = cursors.read(after, int, str, str)
        later = sa.tuple_(_s.one, _s.other) > sa.tuple_(one, other)
        query = query.where((_s.score < number) | ((_s.score == number) & later))
    query = query.order_by(_s.score.desc(), _s.one, _s.other)
    rows = connection.execute(query.limit(limit + 1)).all()
    ids = list(dict.fromkeys(of for row in rows for of in (row.one, row.other)))
    people = {one.id: one for one in customer_rows.load(connection, ids)}
    found = [
        Suggestion(
            one=people[row.one],
            other=people[row.other],
            score=row.score,
            reasons=json.loads(row.reasons),
            at=row.at,
        )
        for row in rows[:limit]
    ]
    last = rows[limit - 1] if len(rows) > limit else None
    return found, None if last is None else cursors.write(last.score, last.one, last.other)
