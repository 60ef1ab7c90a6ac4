"""Visitors, their tokens, and who is banned, in a transaction of the caller's."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.chats import Ban, BanKind, StoredVisitor
from interaction_log.records import NotFound, Refused
from interaction_log.store import chat_used
from interaction_log.store.chat_rows import Seal, row_name
from interaction_log.store.chat_tables import chat_bans, chat_tokens, chat_visitors, chats
from interaction_log.store.master_key import MasterKey

_v: Final = chat_visitors.c
_t: Final = chat_tokens.c
_b: Final = chat_bans.c


@dataclass(frozen=True, slots=True)
class New:
    """A token that is to be made, for whom."""

    site: str
    token: str
    at: float
    expires_at: float
    subject: str | None
    attributes: Mapping[str, str]


def make(connection: sa.Connection, new: New, master: MasterKey | None) -> StoredVisitor:
    """Write the token, and the visitor where there is none. Raises ``Refused``."""
    known = of_token(connection, new.token, new.at, master)
    if known is not None:
        return known
    of = _written(connection, new, master)
    connection.execute(sa.insert(chat_tokens).values(hash=new.token, visitor=of, expires_at=new.expires_at))
    return StoredVisitor(
        id=of, site=new.site, subject=new.subject, attributes=new.attributes, expires_at=new.expires_at
    )


def _written(connection: sa.Connection, new: New, master: MasterKey | None) -> str:
    """The visitor's id: of a subject always the same one, of whom this is said from now on."""
    subject = _hashed(new.site, new.subject, master) if new.subject is not None else None
    query = sa.select(chat_visitors).where(_v.site == new.site, _v.subject == subject)
    row = connection.execute(query).first() if subject is not None else None
    of = row.id if row is not None else uuid.uuid4().hex
    seal = Seal.of(master, row.key) if row is not None else Seal.new(master)
    content = _closed(seal, of, {"subject": new.subject, "attributes": dict(new.attributes)})
    if row is None:
        values = {
            "id": of, "site": new.site, "subject": subject, "made_at": new.at, "key": seal.wrapped, "content": content,
        }  # fmt: skip
        connection.execute(sa.insert(chat_visitors).values(values))
    elif seal.usable:
        connection.execute(sa.update(chat_visitors).where(_v.id == of).values(content=content))
    return of


def sign_in(connection: sa.Connection, new: New, master: MasterKey | None) -> tuple[str, StoredVisitor] | None:
    """The site vouches for somebody who talks already: his open conversation and his tokens become those of
    ``new.subject``. Who he was, and who he is; ``None``: there is nothing to be joined, because somebody is vouched for
    already, nobody talks, or that user has another conversation open. Raises ``Refused``."""
    known = of_token(connection, new.token, new.at, master)
    if known is None or known.subject is not None or known.site != new.site or new.subject is None:
        return None
    talks = sa.select(chats.c.id).where(chats.c.state != "ended")
    if connection.execute(talks.where(chats.c.visitor == known.id)).first() is None:
        return None
    hashed = _hashed(new.site, new.subject, master)
    user = sa.select(_v.id).where(_v.site == new.site, _v.subject == hashed)
    if connection.execute(talks.where(chats.c.visitor.in_(user))).first() is not None:
        return None
    of = _written(connection, new, master)
    moved = sa.update(chats).where(chats.c.visitor == known.id, chats.c.state != "ended")
    connection.execute(moved.values(visitor=of))
    connection.execute(sa.update(chat_tokens).where(_t.visitor == known.id).values(visitor=of))
    connection.execute(sa.update(chat_tokens).where(_t.hash == new.token).values(expires_at=new.expires_at))
    return known.id, StoredVisitor(
        id=of, site=new.site, subject=new.subject, attributes=new.attributes, expires_at=new.expires_at
    )


def _hashed(site: str, subject: str, master: MasterKey | None) -> str:
    if master is not None:
        return master.pseudonym("visitor", f"{site}/{subject}")
    return hashlib.sha256(f"{site}/{subject}".encode("utf-8", "surrogatepass")).hexdigest()


def _closed(seal: Seal, of: str, content: dict[str, Any]) -> str:
    try:
        return seal.close(row_name("chat_visitors", of), content)
    except UnicodeError:
        raise Refused("user_token", "has a character that cannot be stored") from None


def of_token(connection: sa.Connection, token: str, now: float, master: MasterKey | None) -> StoredVisitor | None:
    """Whose it is."""
    query = sa.select(chat_visitors, _t.expires_at).join(chat_tokens, _t.visitor == _v.id)
    row = connection.execute(query.where(_t.hash == token, _t.expires_at > now)).first()
    return _visitor(row, master, row.expires_at) if row is not None else None


def one(connection: sa.Connection, of: str, master: MasterKey | None) -> StoredVisitor:
    """Raises ``NotFound``."""
    row = connection.execute(sa.select(chat_visitors).where(_v.id == of)).first()
    if row is None:
        raise NotFound(of)
    return _visitor(row, master, 0.0)


def attest(connection: sa.Connection, of: str, attributes: Mapping[str, str], master: MasterKey | None) -> None:
    """What is said of him from now on. Raises ``NotFound``, ``Refused``."""
    row = connection.execute(sa.select(chat_visitors).where(_v.id == of)).first()
    if row is None:
        raise NotFound(of)
    seal = Seal.of(master, row.key)
    known = seal.open(row_name("chat_visitors", of), row.content)
    if known.get("attributes") != dict(attributes):
        content = _closed(seal, of, known | {"attributes": dict(attributes)})
        connection.execute(sa.update(chat_visitors).where(_v.id == of).values(content=content))


def _visitor(row: Any, master: MasterKey | None, expires_at: float) -> StoredVisitor:
    content = Seal.of(master, row.key).open(row_name("chat_visitors", row.id), row.content)
    return StoredVisitor(
        id=row.id,
        site=row.site,
        subject=content.get("subject"),
        attributes=content.get("attributes", {}),
        expires_at=expires_at,
    )


def prolong(connection: sa.Connection, token: str, expires_at: float) -> None:
    """Raises ``NotFound``."""
    if connection.execute(sa.update(chat_tokens).where(_t.hash == token).values(expires_at=expires_at)).rowcount == 0:
        raise NotFound("token")


def expire(connection: sa.Connection, now: float) -> int:
    """What is over goes; how many rows."""
    tokens = connection.execute(sa.delete(chat_tokens).where(_t.expires_at <= now)).rowcount
    bans_gone = connection.execute(sa.delete(chat_bans).where(_b.until <= now)).rowcount + chat_used.expire(
        connection, now
    )
    alone = ~sa.exists().where(_t.visitor == _v.id) & ~sa.exists().where(chats.c.visitor == _v.id)
    return int(tokens + bans_gone + connection.execute(sa.delete(chat_visitors).where(alone)).rowcount)


def ban(connection: sa.Connection, one: Ban) -> None:
    """Set it, or replace it."""
    connection.execute(sa.delete(chat_bans).where(_b.kind == one.kind, _b.value == one.value))
    connection.execute(sa.insert(chat_bans).values(asdict(one)))


def lift_ban(connection: sa.Connection, kind: BanKind, value: str) -> None:
    """Raises ``NotFound``."""
    if connection.execute(sa.delete(chat_bans).where(_b.kind == kind, _b.value == value)).rowcount == 0:
        raise NotFound(value)


def bans(connection: sa.Connection, now: float) -> list[Ban]:
    """Those that stand."""
    rows = connection.execute(sa.select(chat_bans).where(_b.until > now).order_by(_b.kind, _b.value))
    return [Ban(**row._mapping) for row in rows]
