"""Mail in the database: positions, contacts, letters that were taken, letters to be sent.

What is awaited is committed when it returns, and the same id again does nothing twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.chats import StoredLine
from interaction_log.mails import LetterKind, MailContact, Outgoing, Position, TakenLetter
from interaction_log.records import NotFound
from interaction_log.store.chat_lines import stored_file, stored_line
from interaction_log.store.chat_rows import Seal, row_name
from interaction_log.store.chat_tables import chat_files, chat_lines, chats
from interaction_log.store.mail_tables import mail_boxes, mail_contacts, mail_letters, mail_outbox
from interaction_log.store.master_key import MasterKey
from interaction_log.store.reading import Reading
from interaction_log.store.writing import Writing

_c: Final = mail_contacts.c
_o: Final = mail_outbox.c
_SEALED: Final = ("address", "name", "subject", "answers", "wrote", "proved")
_CLEAR: Final = ("id", "conversation", "box", "queue", "opened_at", "held_at")
_HELD: Final = _c.held_at.is_not(None) & _c.ended_at.is_(None)
MOST_FOUND: Final = 10
_WAITS: Final = _o.sent_at.is_(None) & _o.failed.is_(None)
_CONTACTS: Final = sa.select(mail_contacts, chats.c.key).join(chats, chats.c.id == _c.conversation)


class StoredMails:
    """All of it. Without a master key what people say stands in clear (tools, tests)."""

    def __init__(self, reading: Reading, writing: Writing, master: MasterKey | None = None):
        self._reading, self._writing, self._master = reading, writing, master

    # --- mailboxes -----------------------------------------------------------------------------------

    async def position(self, box: str) -> Position | None:
        """How far it is read; ``None``: never."""
        query = sa.select(mail_boxes.c.validity, mail_boxes.c.uid).where(mail_boxes.c.name == box)
        row = await self._reading(lambda connection: connection.execute(query).first())
        return Position(row.validity, row.uid) if row is not None else None

    async def move(self, box: str, position: Position, at: float) -> None:
        """It is read so far."""
        await self._writing(partial(_move, box=box, position=position, at=at))

    # --- letters and contacts ------------------------------------------------------------------------

    async def conversations(self, begin: str) -> list[str]:
        """Those whose id begins so."""
        query = sa.select(chats.c.id).where(chats.c.id >= begin, chats.c.id < begin + "g").limit(MOST_FOUND)
        return await self._reading(lambda connection: list(connection.execute(query).scalars()))

    async def letter(self, letter: str) -> TakenLetter | None:
        """One that was taken."""
        query = sa.select(mail_letters).where(mail_letters.c.id == letter)
        row = await self._reading(lambda connection: connection.execute(query).first())
        return TakenLetter(row.id, row.kind, row.conversation, row.contact) if row is not None else None

    async def keep(
        self, letter: str, kind: LetterKind, at: float, conversation: str | None = None, contact: str | None = None
    ) -> None:
        """This letter was taken; said again, the last word counts."""
        values = {"kind": kind, "at": at, "conversation": conversation, "contact": contact}
        await self._writing(partial(_keep, letter=letter, values=values))

    async def open(self, new: MailContact) -> MailContact:
        """A contact begins; the same id again: the one that there is. Raises ``NotFound`` (no such conversation)."""
        return await self._writing(partial(_begin, new=new, master=self._master))

    async def change(self, contact: MailContact) -> None:
        """To whom, about what and in answer to what is written now. Raises ``NotFound``."""
        await self._writing(partial(_change, one=contact, master=self._master))

    async def end(self, contact: str, at: float) -> None:
        """It is over; the conversation is kept from now on for as long as one that ended now. Raises ``NotFound``."""
        await self._writing(partial(_end, of=contact, at=at))

    async def contact(self, contact: str) -> MailContact:
        """One. Raises ``NotFound``."""
        return await self._reading(partial(_one, of=contact, master=self._master))

    async def contacts(self, conversation: str) -> list[MailContact]:
        """All of a conversation, the newest first."""
        query = _CONTACTS.where(_c.conversation == conversation).order_by(_c.opened_at.desc(), _c.id.desc())
        return await self._reading(partial(_contacts, query=query, master=self._master))

    async def open_ones(self) -> list[MailContact]:
        """All that have not ended and are not held back, the oldest first: for a start."""
        query = _CONTACTS.where(_c.ended_at.is_(None), _c.held_at.is_(None)).order_by(_c.opened_at, _c.id)
        return await self._reading(partial(_contacts, query=query, master=self._master))

    async def begun(self, since: float, *, sender: str | None = None, box: str | None = None) -> int:
        """How many contacts somebody was asked to answer since then: those of a sender, or of a mailbox."""
        query = sa.select(sa.func.count()).select_from(mail_contacts).where(_c.opened_at > since, _c.held_at.is_(None))
        query = query.where(_c.sender == sender) if sender is not None else query
        query = query.where(_c.box == box) if box is not None else query
        return int(await self._reading(lambda connection: connection.execute(query).scalar_one()))

    async def held(self, limit: int = 200) -> list[MailContact]:
        """Those that are held back, the oldest first."""
        query = _CONTACTS.where(_HELD).order_by(_c.held_at, _c.id).limit(limit)
        return await self._reading(partial(_contacts, query=query, master=self._master))

    async def held_count(self) -> tuple[int, float | None]:
        """How many are held back, and since when the oldest."""
        query = sa.select(sa.func.count(), sa.func.min(_c.held_at)).select_from(mail_contacts).where(_HELD)
        row = await self._reading(lambda connection: connection.execute(query).one())
        return int(row[0]), row[1]

    async def let_in(self, contact: str, at: float) -> MailContact:
        """One that was held back waits like all others from now on. Raises ``NotFound``: it is not held (any more)."""
        return await self._writing(partial(_let_in, of=contact, at=at, master=self._master))

    async def conversation_of(self, interaction_id: str) -> str:
        """Where what was written in this contact stands: its own conversation, if it is none by mail."""
        query = sa.select(_c.conversation).where(_c.id == interaction_id)
        found = await self._reading(lambda connection: connection.execute(query).scalar())
        return str(found) if found is not None else interaction_id

    async def line(self, conversation: str, line: str) -> StoredLine | None:
        """A line by its id; ``None``: it is not there (yet). Raises ``NotFound`` (no such conversation)."""
        return await self._reading(partial(_line, of=conversation, line=line, master=self._master))

    # --- to be sent ----------------------------------------------------------------------------------

    async def put(self, one: Outgoing) -> None:
        """It is to be sent; the same id again: nothing new."""
        await self._writing(partial(_put, one=one))

    async def due(self, now: float, limit: int = 50) -> list[Outgoing]:
        """What is to be sent now, the oldest first."""
        query = sa.select(mail_outbox).where(_WAITS, _o.next_at <= now).order_by(_o.made_at, _o.id).limit(limit)
        rows = await self._reading(lambda connection: connection.execute(query).all())
        return [_outgoing(row) for row in rows]

    async def next_due(self) -> float | None:
        """When the next one is to be sent; ``None``: nothing waits."""
        query = sa.select(sa.func.min(_o.next_at)).where(_WAITS)
        return await self._reading(lambda connection: connection.execute(query).scalar())

    async def unsent(self, conversation: str) -> bool:
        """Whether a line of this conversation waits to be sent."""
        query = sa.select(_o.id).where(_WAITS, _o.conversation == conversation, _o.kind == "line").limit(1)
        return await self._reading(lambda connection: connection.execute(query).first() is not None)

    async def waiting(self) -> tuple[int, float | None]:
        """How many wait, and since when the oldest."""
        query = sa.select(sa.func.count(), sa.func.min(_o.made_at)).select_from(mail_outbox).where(_WAITS)
        row = await self._reading(lambda connection: connection.execute(query).one())
        return int(row[0]), row[1]

    async def sent(self, one: str, at: float) -> None:
        """The mail server took it."""
        await self._writing(partial(_set, of=one, values={"sent_at": at}))

    async def later(self, one: str, next_at: float) -> None:
        """Not now: again at that time."""
        await self._writing(partial(_set, of=one, values={"next_at": next_at, "tries": _o.tries + 1}))

    async def put_off(self, one: str, next_at: float) -> None:
        """It is not written yet: look again at that time."""
        await self._writing(partial(_set, of=one, values={"next_at": next_at}))

    async def failed(self, one: str, why: str) -> None:
        """It is not tried any more."""
        await self._writing(partial(_set, of=one, values={"failed": why}))


def _move(connection: sa.Connection, box: str, position: Position, at: float) -> None:
    values = {"validity": position.validity, "uid": position.uid, "at": at}
    if connection.execute(sa.update(mail_boxes).where(mail_boxes.c.name == box).values(values)).rowcount == 0:
        connection.execute(sa.insert(mail_boxes).values({"name": box, **values}))


def _keep(connection: sa.Connection, letter: str, values: dict[str, Any]) -> None:
    if connection.execute(sa.update(mail_letters).where(mail_letters.c.id == letter).values(values)).rowcount == 0:
        connection.execute(sa.insert(mail_letters).values({"id": letter, **values}))


def _begin(connection: sa.Connection, new: MailContact, master: MasterKey | None) -> MailContact:
    row = connection.execute(_CONTACTS.where(_c.id == new.id)).first()
    if row is not None:
        return _contact(row, master)
    seal = _seal(connection, new.conversation, master)
    told = {**{name: getattr(new, name) for name in _CLEAR}, "sender": new.sender or None}
    connection.execute(sa.insert(mail_contacts).values({**told, "content": _closed(seal, new)}))
    return new


def _let_in(connection: sa.Connection, of: str, at: float, master: MasterKey | None) -> MailContact:
    if connection.execute(
        sa.update(mail_contacts).where(_c.id == of, _HELD).values(held_at=None, opened_at=at)
    ).rowcount == 0:  # fmt: skip
        raise NotFound(of)
    return _one(connection, of, master)


def _change(connection: sa.Connection, one: MailContact, master: MasterKey | None) -> None:
    content = _closed(_seal(connection, one.conversation, master), one)
    if connection.execute(sa.update(mail_contacts).where(_c.id == one.id).values(content=content)).rowcount == 0:
        raise NotFound(one.id)


def _end(connection: sa.Connection, of: str, at: float) -> None:
    conversation = connection.execute(sa.select(_c.conversation).where(_c.id == of)).scalar()
    if conversation is None:
        raise NotFound(of)
    connection.execute(sa.update(mail_contacts).where(_c.id == of, _c.ended_at.is_(None)).values(ended_at=at))
    over = (chats.c.id == conversation) & (chats.c.state == "ended")
    connection.execute(sa.update(chats).where(over).values(ended_at=at))


def _seal(connection: sa.Connection, conversation: str, master: MasterKey | None) -> Seal:
    key = connection.execute(sa.select(chats.c.key).where(chats.c.id == conversation)).scalar()
    if key is None:
        raise NotFound(conversation)
    return Seal.of(master, key)


def _closed(seal: Seal, one: MailContact) -> str:
    told = asdict(one)
    return seal.close(row_name("mail_contacts", one.id), {name: told[name] for name in _SEALED if told[name]})


def _one(connection: sa.Connection, of: str, master: MasterKey | None) -> MailContact:
    row = connection.execute(_CONTACTS.where(_c.id == of)).first()
    if row is None:
        raise NotFound(of)
    return _contact(row, master)


def _contacts(connection: sa.Connection, query: sa.Select[Any], master: MasterKey | None) -> list[MailContact]:
    return [_contact(row, master) for row in connection.execute(query)]


def _contact(row: Any, master: MasterKey | None) -> MailContact:
    content = Seal.of(master, row.key).open(row_name("mail_contacts", row.id), row.content)
    return MailContact(
        id=row.id, conversation=row.conversation, box=row.box, queue=row.queue, opened_at=row.opened_at,
        ended_at=row.ended_at, address=content.get("address", ""), name=content.get("name", ""),
        subject=content.get("subject", ""), answers=tuple(content.get("answers", ())), sender=row.sender or "",
        held_at=row.held_at, wrote=content.get("wrote", ""), proved=content.get("proved", ""),
    )  # fmt: skip


def _line(connection: sa.Connection, of: str, line: str, master: MasterKey | None) -> StoredLine | None:
    seal = _seal(connection, of, master)
    lines = chat_lines.c
    row = connection.execute(sa.select(chat_lines).where(lines.id == line, lines.conversation == of)).first()
    if row is None:
        return None
    files = {}
    if row.file:
        file = connection.execute(sa.select(chat_files).where(chat_files.c.id == row.file)).first()
        files = {row.file: stored_file(file, seal)} if file is not None else {}
    return stored_line(row, seal, files)


def _put(connection: sa.Connection, one: Outgoing) -> None:
    if connection.execute(sa.select(_o.id).where(_o.id == one.id)).first() is None:
        connection.execute(sa.insert(mail_outbox).values(asdict(one)))


def _set(connection: sa.Connection, of: str, values: dict[str, Any]) -> None:
    connection.execute(sa.update(mail_outbox).where(_o.id == of, _WAITS).values(values))


def _outgoing(row: Any) -> Outgoing:
    told: Sequence[str] = ("id", "conversation", "kind", "made_at", "next_at", "contact", "tries")
    return Outgoing(**{name: getattr(row, name) for name in told})
