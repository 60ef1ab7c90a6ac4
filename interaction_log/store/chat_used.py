"""Which of the sites' signed tokens were used, and from where, as long as they are good: in a transaction of the
caller's, so that a restart, or another process that takes over, knows it too.

Only keyed hashes are kept, of the ``jti`` and of the address.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from interaction_log.store.master_key import MasterKey
from interaction_log.store.personal import free
from interaction_log.store.schema import metadata

chat_used_tokens: Final = sa.Table(
    "chat_used_tokens",
    metadata,
    sa.Column("hash", sa.String, primary_key=True),  # keyed, of site and jti
    sa.Column("place", sa.String, nullable=False),  # keyed hash of the address
    sa.Column("until", sa.Double, nullable=False),
    sa.Index("chat_used_tokens_by_end", "until"),
)
free(chat_used_tokens, "keyed hashes of a token's id and of an address, for the minutes that the token is good")
_u: Final = chat_used_tokens.c


@dataclass(frozen=True, slots=True)
class Use:
    """Somebody at ``place`` (an address, an IPv6 network) shows a token that is good ``until`` then (Unix seconds)."""

    site: str
    jti: str
    place: str
    until: float


def take(connection: sa.Connection, use: Use, now: float, master: MasterKey | None) -> bool:
    """Use it; ``False``: it was used from another place before. The same place may, because an answer can get lost."""
    key, place = _hashed(f"{use.site}/{use.jti}", master), _hashed(use.place, master)
    row = connection.execute(sa.select(_u.place, _u.until).where(_u.hash == key)).first()
    if row is not None and row.until > now:
        return bool(row.place == place)
    if row is not None:
        connection.execute(sa.delete(chat_used_tokens).where(_u.hash == key))
    connection.execute(sa.insert(chat_used_tokens).values(hash=key, place=place, until=use.until))
    return True


def expire(connection: sa.Connection, now: float) -> int:
    """What is over goes; how many rows."""
    return int(connection.execute(sa.delete(chat_used_tokens).where(_u.until <= now)).rowcount)


def _hashed(text: str, master: MasterKey | None) -> str:
    if master is not None:
        return master.pseudonym("used", text)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
