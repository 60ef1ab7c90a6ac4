"""Interactions in the full-text index, made of the log's projections. Never in the log's own transactions."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.store import chat_words
from interaction_log.store.index import Doc
from interaction_log.store.schema import dispositions, interactions, legs, queue_visits, queues, users
from interaction_log.store.sealed_fields import open_text
from interaction_log.store.statements import Among

KIND: Final = "interaction"
_i = interactions.c
_NAMES: Final = (
    "id", "customer_id", "sorted_at", "channel", "queue", "disposition", "notes", "customer_address", "public",
)  # fmt: skip
_DONE: Final = Among(sa.select(*(_i[name] for name in _NAMES)).where(_i.ended.is_(sa.true())), _i.id)
_WHO: Final = Among(
    sa.select(legs.c.interaction_id, legs.c.n, legs.c.agent, legs.c.device).where(
        legs.c.kind == sa.literal_column("'segment'")
    ),
    legs.c.interaction_id,
)
_WHERE: Final = Among(sa.select(queue_visits.c.interaction_id, queue_visits.c.queue), queue_visits.c.interaction_id)


def docs(connection: sa.Connection, ids: Sequence[str]) -> list[Doc]:
    """Those of them that have ended: an open one is put in when it ends."""
    rows = _DONE(connection, list(ids))
    here = [row.id for row in rows]
    had, been = defaultdict(list), defaultdict(list)
    for row in sorted(_WHO(connection, here), key=lambda one: one.n):
        had[row.interaction_id].append(row.agent or row.device)
    for row in _WHERE(connection, here):
        been[row.interaction_id].append(row.queue)
    names = _Names(connection, {one for some in had.values() for one in some})
    said = chat_words.words(connection, [row.id for row in rows if row.channel in ("chat", "email")])
    return [_doc(row, had[row.id], been[row.id], names, said.get(row.id, "")) for row in rows]


class _Names:
    """What people call agents, queues and dispositions: they search for that, not for our codes."""

    def __init__(self, connection: sa.Connection, agents: Iterable[str]):
        who = sa.select(users.c.name, users.c.display_name).where(users.c.name.in_(list(agents)))
        self._agents = {row.name: row.display_name for row in connection.execute(who)}
        self._queues = {row.name: row.label for row in connection.execute(sa.select(queues.c.name, queues.c.label))}
        told = connection.execute(sa.select(dispositions.c.code, dispositions.c.labels))
        self._dispositions = {row.code: list(json.loads(row.labels).values()) for row in told}

    def agents(self, some: Iterable[str]) -> str:
        """Their names, and the names with which they sign in."""
        return _line(word for one in some for word in (self._agents.get(one), one))

    def queues(self, some: Iterable[str]) -> str:
        """Their labels and names."""
        return _line(word for one in some for word in (self._queues.get(one), one))

    def disposition(self, code: str | None) -> str:
        """Its labels in all languages, and the code."""
        return _line([*self._dispositions.get(code, ()), code]) if code else ""


def _line(words: Iterable[str | None]) -> str:
    return " · ".join(dict.fromkeys(word for word in words if word))


def _doc(row: Any, agents: list[str], been: list[str], names: _Names, said: str) -> Doc:
    called = json.loads(row.public).get("customer_name")
    who = list(dict.fromkeys(agents))
    visited = sorted({*been, *filter(None, [row.queue])})
    notes, disposition = open_text(row.notes), names.disposition(row.disposition)
    lines = [notes, called, disposition, names.queues(visited), names.agents(who), said]
    return Doc(
        KIND,
        row.id,
        row.customer_id,
        row.sorted_at,
        row.customer_address or "",
        "\n".join(filter(None, lines)),
        queue=row.queue,
        agent=who[-1] if who else None,
        channel=row.channel,
        more=(*(f"queue:{q}" for q in visited if q != row.queue), *(f"agent:{a}" for a in who[:-1])),
    )
