"""Lines of conversations on their way into the database: each gets its number in the transaction that writes it.

The last numbers and keys of the conversations that talk now are remembered by the one thread that writes; a transaction
that failed makes it forget them all. So new lines of known conversations need one statement and no question: an id that
was used before stands against it by the table's own rule, and then all of the group are looked at.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from interaction_log.chats import ChatFile, NewLine, StoredLine
from interaction_log.records import Conflict, NotFound, Refused
from interaction_log.store.chat_rows import Seal, row_name
from interaction_log.store.chat_tables import chat_files, chat_lines, chats
from interaction_log.store.master_key import MasterKey
from interaction_log.store.statements import Among, Statement

_l: Final = chat_lines.c
_f: Final = chat_files.c
_REMEMBERED: Final = 20_000
_LAST: Final = sa.select(sa.func.max(_l.number)).where(_l.conversation == chats.c.id).correlate(chats).scalar_subquery()
_BY_ID: Final = Among(sa.select(chat_lines), _l.id)
_NUMBER: Final = sa.func.coalesce(_LAST, sa.literal_column("0")).label("last")
_ROOMS: Final = Among(sa.select(chats.c.id, chats.c.key, _NUMBER), chats.c.id)
_SQLITE: Final = sqlite.dialect()
_FILES: Final = Among(sa.select(chat_files), _f.id)


@dataclass(frozen=True, slots=True)
class Said:
    """A line that is to be written."""

    conversation: str
    line: NewLine


@dataclass(slots=True)
class Room:
    """What the writer knows of a conversation."""

    seal: Seal
    last: int


Answer = StoredLine | Exception
QUICK: Final = 64
"""So many lines go into one statement; of more, each costs little anyway."""


class LineWriter:
    """Belongs to the writer's thread."""

    def __init__(self, master: MasterKey | None):
        self._master = master
        self._rooms: OrderedDict[str, Room] = OrderedDict()
        self._inserts: dict[str, Statement] = {}
        self._texts: dict[int, str] = {}

    def forget(self, conversation: str | None = None) -> None:
        """What is known of this conversation, or of all."""
        if conversation is None:
            self._rooms.clear()
        else:
            self._rooms.pop(conversation, None)

    def quick(self, driver: sqlite3.Connection, jobs: Sequence[object]) -> list[Answer] | None:
        """Write new lines by one statement; ``None``: nothing was done, :meth:`write` them.

        Raises ``sqlite3.OperationalError``.
        """
        if len(jobs) > QUICK:
            return None
        self._look_up(driver, jobs)
        numbers: dict[str, int] = {}
        values: list[Any] = []
        lines: dict[str, StoredLine] = {}
        for said in jobs:
            if not isinstance(said, Said) or said.line.file is not None or said.line.id in lines:
                return None
            room = self._rooms.get(said.conversation)
            if room is None or not room.seal.usable:
                return None
            number = numbers[said.conversation] = numbers.get(said.conversation, room.last) + 1
            try:
                values += _row(said, number, room.seal)
            except UnicodeError:
                return None
            lines[said.line.id] = _stored(said, number, None)
        try:
            driver.execute(self._text(len(lines)), values).close()
        except sqlite3.OperationalError:
            raise
        except sqlite3.Error:
            return None
        for conversation, last in numbers.items():
            self._rooms[conversation].last = last
            self._rooms.move_to_end(conversation)
        return list(lines.values())

    def _look_up(self, driver: sqlite3.Connection, jobs: Sequence[object]) -> None:
        """Get to know the conversations of these lines. That nothing is written before the lines are is not needed: a
        number that was given meanwhile stands against them."""
        # Asked one by one: a set less the keys of a dict goes through all the keys, which are thousands.
        missing = {one.conversation for one in jobs if isinstance(one, Said) and one.conversation not in self._rooms}
        for of, key, last in _ROOMS.at_driver(driver, _SQLITE, sorted(missing)) if missing else ():
            self._rooms[of] = Room(Seal.of(self._master, key), last)
        while len(self._rooms) > _REMEMBERED:
            self._rooms.popitem(last=False)

    def _text(self, count: int) -> str:
        text = self._texts.get(count)
        if text is None:
            rows: list[dict[str, Any]] = [
                {c.name: sa.bindparam(f"{c.name}_{n}") for c in chat_lines.c} for n in range(count)
            ]
            text = str(sa.insert(chat_lines).values(rows).compile(dialect=_SQLITE))
            self._texts[count] = text
        return text

    def write(self, connection: sa.Connection, jobs: Sequence[Said]) -> list[Answer]:
        """In order; the same id again is answered with what is stored."""
        known = {row.id: row for row in _BY_ID(connection, sorted({one.line.id for one in jobs}))}
        talked = {one.conversation for one in jobs} | {row.conversation for row in known.values()}
        rooms = self._known(connection, talked)
        files = _files(connection, jobs, known, rooms)
        new: dict[str, StoredLine] = {}
        rows: list[tuple[Any, ...]] = []
        answers = [self._one(one, known, rooms, files, new, rows) for one in jobs]
        self._insert(connection, rows)
        while len(self._rooms) > _REMEMBERED:
            self._rooms.popitem(last=False)
        return answers

    def _known(self, connection: sa.Connection, wanted: set[str]) -> dict[str, Room]:
        missing = sorted(one for one in wanted if one not in self._rooms)
        for row in _ROOMS(connection, missing):
            self._rooms[row.id] = Room(Seal.of(self._master, row.key), row.last)
        found = {}
        for one in wanted:
            if one in self._rooms:
                self._rooms.move_to_end(one)
                found[one] = self._rooms[one]
        return found

    def _one(
        self, said: Said, known: dict[str, Any], rooms: dict[str, Room], files: dict[str, ChatFile],
        new: dict[str, StoredLine], rows: list[tuple[Any, ...]],
    ) -> Answer:  # fmt: skip
        line, room = said.line, rooms.get(said.conversation)
        if room is None or not room.seal.usable:
            return NotFound(said.conversation)
        again = _again(said, known, files, new, room)
        if again is not None:
            return again
        file = files.get(line.file) if line.file is not None else None
        if line.file is not None and (file is None or file.conversation != said.conversation or file.scan != "clean"):
            return Refused("file", "there is no such file in this conversation")
        number = room.last + 1
        try:
            rows.append(_row(said, number, room.seal))
        except UnicodeError:
            return Refused("text", "has a character that cannot be stored")
        room.last = number
        stored = _stored(said, number, file)
        new[line.id] = stored
        return stored

    def _insert(self, connection: sa.Connection, rows: list[tuple[Any, ...]]) -> None:
        name = connection.dialect.name
        if name not in self._inserts:
            bound = sa.insert(chat_lines).values({c.name: sa.bindparam(c.name) for c in chat_lines.c})
            self._inserts[name] = Statement(connection.dialect, bound)
        self._inserts[name].run(connection, rows)


def _row(said: Said, number: int, seal: Seal) -> tuple[Any, ...]:
    """In the order of the table's columns. Raises ``UnicodeError`` for half a surrogate pair."""
    line = said.line
    content: dict[str, Any] = {"text": line.text} if line.name is None else {"text": line.text, "name": line.name}
    if line.mail is not None:
        content["mail"] = dict(line.mail)
    sealed = seal.close(row_name("chat_lines", said.conversation, number), content)
    return said.conversation, number, line.id, line.by, line.author, line.at, line.kind, line.file, sealed


def _stored(said: Said, number: int, file: ChatFile | None) -> StoredLine:
    line = said.line
    return StoredLine(
        conversation=said.conversation, number=number, id=line.id, by=line.by, at=line.at, kind=line.kind,
        text=line.text, author=line.author, name=line.name, file=file, mail=line.mail,
    )  # fmt: skip


def _again(
    said: Said, known: dict[str, Any], files: dict[str, ChatFile], new: dict[str, StoredLine], room: Room
) -> Answer | None:
    """The answer to an id that was used before, in the database or in this group."""
    row, other = known.get(said.line.id), new.get(said.line.id)
    if row is None and other is None:
        return None
    if said.conversation != (row.conversation if row is not None else other.conversation if other else None):
        return Conflict("this id was used in another conversation")
    if row is not None:
        return stored_line(row, room.seal, files, again=True)
    assert other is not None
    return replace(other, again=True)


def _files(
    connection: sa.Connection, jobs: Sequence[Said], known: dict[str, Any], rooms: dict[str, Room]
) -> dict[str, ChatFile]:
    wanted = {one.line.file for one in jobs if one.line.file} | {row.file for row in known.values() if row.file}
    found = {}
    for row in _FILES(connection, sorted(wanted)) if wanted else ():
        if row.conversation in rooms:
            found[row.id] = stored_file(row, rooms[row.conversation].seal)
    return found


def stored_file(row: Any, seal: Seal) -> ChatFile:
    """A row of the files."""
    name = seal.open(row_name("chat_files", row.id), row.content).get("name", "")
    return ChatFile(
        id=row.id, conversation=row.conversation, name=name, type=row.type, size=row.size, sha256=row.sha256,
        by=row.by, at=row.at, scan=row.scan, kept=row.kept,
    )  # fmt: skip


def stored_line(row: Any, seal: Seal, files: dict[str, ChatFile], *, again: bool = False) -> StoredLine:
    """A row of the lines; what cannot be opened is empty."""
    content = seal.open(row_name("chat_lines", row.conversation, row.number), row.content)
    return StoredLine(
        conversation=row.conversation, number=row.number, id=row.id, by=row.by, at=row.at, kind=row.kind,
        text=content.get("text", ""), author=row.author, name=content.get("name"),
        file=files.get(row.file) if row.file else None, again=again, mail=content.get("mail"),
    )  # fmt: skip
