"""Data keys: one for each interaction's events; destroying one shreds what they said of people.

An event's key is made when the first event with a personal field is written and bears the number under which the
interaction began. It stands, wrapped by the site's master key, in ``event_keys``; who erases a person deletes it there,
and what was sealed with it is noise wherever a copy of it still lies. AES-256-GCM; the nonce of an event is its number,
which is never used twice.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from interaction_log.store.master_key import KeyFault, MasterKey
from interaction_log.store.privacy_tables import event_keys
from interaction_log.store.schema import meta
from interaction_log.store.statements import Among

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
MASTER_KEY: Final = "master_key"  # in ``meta``: which master key this database is sealed with
_WRAPPED: Final = Among(sa.select(event_keys.c.n, event_keys.c.wrapped), event_keys.c.n)


class Cipher:
    """The data key number ``n``. ``saved``: its row is on a disk; until then every row sealed with it carries it."""

    __slots__ = ("_aead", "n", "saved", "wrapped")

    def __init__(self, n: int, key: bytes, wrapped: str, *, saved: bool):
        self.n, self.wrapped, self.saved = n, wrapped, saved
        self._aead = AESGCM(key)

    def seal(self, seq: int, text: str) -> str:
        """``text`` of event ``seq``. A number seals one text only."""
        sealed = self._aead.encrypt(seq.to_bytes(_NONCE_BYTES, "big"), text.encode(), None)
        return f"{self.n}.{binascii.b2a_base64(sealed, newline=False).decode()}"

    def open(self, seq: int, token: str) -> str | None:
        """What was sealed; ``None``: it was changed, or belongs to another event."""
        try:
            sealed = base64.b64decode(token.partition(".")[2])
            return self._aead.decrypt(seq.to_bytes(_NONCE_BYTES, "big"), sealed, None).decode()
        except (InvalidTag, ValueError):
            return None


Ciphers = Mapping[int, Cipher]
NONE: Final[Ciphers] = {}


class Keys:
    """Makes and reads data keys."""

    def __init__(self, master: MasterKey):
        self.master = master

    def cipher(self, n: int) -> Cipher:
        """A new key; its row must be written with what it seals."""
        key = os.urandom(_KEY_BYTES)
        return Cipher(n, key, self.master.wrap(key), saved=False)

    def read(self, connection: sa.Connection, rows: Iterable[Sequence[Any]], also: Iterable[int] = ()) -> Ciphers:
        """The keys that these stored events were sealed with, as far as they still exist, and those of ``also``."""
        wanted = {n for row in rows if (n := key_number(row[6])) is not None}.union(also)
        found: dict[int, Cipher] = {}
        for n, wrapped in _WRAPPED(connection, sorted(wanted)):
            key = self.master.unwrap(wrapped)
            if key is not None:
                found[n] = Cipher(n, key, wrapped, saved=True)
        return found


def check_master(connection: sa.Connection, master: MasterKey) -> None:
    """Note which master key seals this database; raises ``KeyFault`` where it was another one until now."""
    known = connection.execute(sa.select(meta.c.value).where(meta.c.key == MASTER_KEY)).scalar()
    if known is None:
        connection.execute(sa.insert(meta).values(key=MASTER_KEY, value=master.number))
    elif known != master.number:
        raise KeyFault("this database is sealed with another master key: bring back the key file that it was used with")


def key_number(payload: str) -> int | None:
    """The number of the key that sealed a part of this event's payload (``rows``), ``None``: nothing is sealed."""
    at = payload.rfind('"~":"')
    if at < 0:
        return None
    number = payload[at + 5 :].partition(".")[0]
    return int(number) if number.isdigit() else None
