"""Conversations in the database: begin, change, read. In a transaction of the caller's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.chats import MOST_PAGES, ChatChanges, NewConversation, StoredConversation, StoredLine
from interaction_log.records import Conflict, NotFound, Refused
from interaction_log.store.chat_lines import stored_file, stored_line
from interaction_log.store.chat_rows import Content, Seal, row_name
from interaction_log.store.chat_tables import chat_files, chat_lines, chats
from interaction_log.store.master_key import MasterKey

EXPECTED: Final = (NotFound, Conflict, Refused)
"""What stands against one job and is no fault of its group."""
_c: Final = chats.c
_l: Final = chat_lines.c
_SEALED: Final = ("name", "page", "pages", "comment", "callback", "transcript")
_mine: Final = sa.select(_l.number).where(_l.conversation == _c.id).order_by(_l.number.desc()).limit(1)
_LAST: Final = sa.func.coalesce(_mine.correlate(chats).scalar_subquery(), 0).label("last")
_LAST_AT: Final = _mine.with_only_columns(_l.at).correlate(chats).scalar_subquery().label("last_at")
_QUERY: Final = sa.select(chats, _LAST, _LAST_AT)


def begin(connection: sa.Connection, wanted: NewConversation, master: MasterKey | None) -> StoredConversation:
    """A new one, or the one that this client's id has begun. Raises ``Conflict``, ``Refused``."""
    row = connection.execute(_QUERY.where(_c.client_id == wanted.client_id)).first()
    if row is not None:
        if row.visitor != wanted.visitor:
            raise Conflict("this id was used by another visitor")
        return _conversation(row, master, again=True)
    seal = Seal.new(master)
    content = {
        "name": wanted.name, "form": dict(wanted.form), "page": wanted.page, "callback": wanted.callback,
        "transcript": wanted.transcript,
    }  # fmt: skip
    ended = wanted.state == "ended"
    values = {
        "id": wanted.id, "client_id": wanted.client_id, "visitor": wanted.visitor, "site": wanted.site,
        "queue": wanted.queue, "opened_at": wanted.at, "language": wanted.language, "state": wanted.state,
        "ended_at": wanted.at if ended else None, "ended_by": wanted.ended_by, "seen_by_visitor": 0,
        "seen_by_agent": 0, "consent": wanted.consent, "key": seal.wrapped,
        "content": _closed(seal, wanted.id, content),
    }  # fmt: skip
    connection.execute(sa.insert(chats).values(values))
    return one(connection, wanted.id, master)


def _closed(seal: Seal, of: str, content: Content) -> str:
    try:
        return seal.close(row_name("chats", of), {k: v for k, v in content.items() if v is not None})
    except UnicodeError:
        raise Refused("form", "has a character that cannot be stored") from None


def change(connection: sa.Connection, of: str, changes: ChatChanges, master: MasterKey | None) -> StoredConversation:
    """Set what is given. Raises ``NotFound``, ``Refused``."""
    row = connection.execute(sa.select(chats).where(_c.id == of)).first()
    if row is None:
        raise NotFound(of)
    told: Mapping[str, Any] = dict(changes)
    values = {name: value for name, value in told.items() if name not in _SEALED}
    if len(values) < len(told):
        seal = Seal.of(master, row.key)
        if not seal.usable:
            raise NotFound(of)
        new = {name: told[name] for name in _SEALED if name in told}
        if "pages" in new:
            new["pages"] = list(new["pages"] or ())[-MOST_PAGES:]
        values["content"] = _closed(seal, of, seal.open(row_name("chats", of), row.content) | new)
    if values:
        connection.execute(sa.update(chats).where(_c.id == of).values(values))
    return one(connection, of, master)


def one(connection: sa.Connection, of: str, master: MasterKey | None) -> StoredConversation:
    """Raises ``NotFound``."""
    row = connection.execute(_QUERY.where(_c.id == of)).first()
    if row is None:
        raise NotFound(of)
    return _conversation(row, master)


def of_visitor(
    connection: sa.Connection, visitor: str, limit: int, master: MasterKey | None
) -> list[StoredConversation]:
    """The newest first."""
    query = _QUERY.where(_c.visitor == visitor).order_by(_c.opened_at.desc(), _c.id.desc()).limit(limit)
    return [_conversation(row, master) for row in connection.execute(query)]


def open_ones(connection: sa.Connection, master: MasterKey | None) -> list[StoredConversation]:
    """Oldest first."""
    query = _QUERY.where(_c.state != "ended").order_by(_c.opened_at, _c.id)
    return [_conversation(row, master) for row in connection.execute(query)]


def of_site(connection: sa.Connection, site: str) -> tuple[int, float | None]:
    """How many are open, and when the last one began."""
    count = sa.select(sa.func.count()).where(_c.site == site, _c.state != "ended")
    last = sa.select(_c.opened_at).where(_c.site == site).order_by(_c.opened_at.desc()).limit(1)
    return int(connection.execute(count).scalar_one()), connection.execute(last).scalar()


def lines(
    connection: sa.Connection, of: str, after: int, before: int | None, limit: int, master: MasterKey | None
) -> list[StoredLine]:
    """In order."""
    key = connection.execute(sa.select(_c.key).where(_c.id == of)).scalar()
    if key is None:
        return []
    seal = Seal.of(master, key)
    query = sa.select(chat_lines).where(_l.conversation == of, _l.number > after)
    if before is not None:
        query = query.where(_l.number < before)
    order = _l.number if before is None else _l.number.desc()
    rows = connection.execute(query.order_by(order).limit(limit)).all()
    names = {row.file for row in rows if row.file}
    found = {}
    if names:
        for row in connection.execute(sa.select(chat_files).where(chat_files.c.id.in_(names))):
            found[row.id] = stored_file(row, seal)
    told = [stored_line(row, seal, found) for row in rows]
    return told if before is None else told[::-1]


def _conversation(row: Any, master: MasterKey | None, *, again: bool = False) -> StoredConversation:
    content = Seal.of(master, row.key).open(row_name("chats", row.id), row.content)
    return StoredConversation(
        id=row.id, client_id=row.client_id, visitor=row.visitor, site=row.site, queue=row.queue,
        opened_at=row.opened_at, language=row.language, state=row.state, agent=row.agent, ended_at=row.ended_at,
        ended_by=row.ended_by, seen_by_visitor=row.seen_by_visitor, seen_by_agent=row.seen_by_agent,
        consent=row.consent, rating=row.rating, last=row.last, last_at=row.last_at, name=content.get("name"),
        form=content.get("form", {}), page=content.get("page"), pages=tuple(content.get("pages", ())),
        comment=content.get("comment"), callback=content.get("callback"), transcript=content.get("transcript"),
        again=again,
    )  # fmt: skip
