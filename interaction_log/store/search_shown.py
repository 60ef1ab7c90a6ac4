"""What a search shows of a document that it found: its marks, the text around them, whose it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from interaction_log.found import Found
from interaction_log.store import links
from interaction_log.store.index import Doc
from interaction_log.store.schema import customers
from interaction_log.tokens import Piece, Wanted

SNIPPET: Final = 160
BEFORE_MARK: Final = 40
_MOST_MARKS: Final = 20


class Hit(NamedTuple):
    """A document that was found, with the words in its title and its text."""

    number: int
    doc: Doc
    title: list[Piece]
    text: list[Piece]


def show(hit: Hit, wanted: Sequence[Wanted]) -> Found:
    """It with the places in it that hold the words."""
    doc = hit.doc
    in_title = _united(mark for one in wanted for mark in one.marks(hit.title, title=True))
    in_text = _united(mark for one in wanted for mark in one.marks(hit.text, title=False))
    snippet, marks = _snippet(doc.text, in_text)
    return Found(
        kind=doc.kind,
        ref=doc.ref,
        at=doc.at,
        title=doc.title,
        snippet=snippet,
        title_marks=in_title,
        marks=marks,
        customer_id=doc.customer_id,
        queue=doc.queue,
        agent=doc.agent,
        channel=doc.channel,
    )


def _united(marks: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """In order, overlapping ones as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(marks)[: _MOST_MARKS * 4]:
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found[:_MOST_MARKS]


def _snippet(text: str, marks: list[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    """The text around the first mark, with an ellipsis where it was cut, and the marks in it."""
    if not text:
        return "", []
    first = marks[0][0] if marks else 0
    start = max(0, first - BEFORE_MARK) if len(text) > SNIPPET else 0
    end = min(len(text), start + SNIPPET)
    head, tail = "…" if start else "", "…" if end < len(text) else ""
    shift = len(head) - start
    shown = [(s + shift, min(e, end) + shift) for s, e in marks if s >= start and s < end]
    return f"{head}{text[start:end]}{tail}", shown


def named(connection: sa.Connection, items: list[Found]) -> list[Found]:
    """With the name of whom it is about: the head of the person, where records were merged."""
    ids = {one.customer_id for one in items if one.customer_id}
    if not ids:
        return items
    heads = links.roots(connection, ids)
    query = sa.select(customers.c.id, customers.c.name).where(customers.c.id.in_(set(heads.values())))
    names = {row.id: row.name for row in connection.execute(query)}
    return [_with_name(one, heads, names) for one in items]


def _with_name(one: Found, heads: dict[str, str], names: dict[str, str]) -> Found:
    if one.customer_id is None:
        return one
    head = heads.get(one.customer_id, one.customer_id)
    values: dict[str, Any] = {name: getattr(one, name) for name in Found.__dataclass_fields__}
    return Found(**values | {"customer_id": head, "customer_name": names.get(head)})
