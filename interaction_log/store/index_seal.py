"""How the full-text index's texts stand in the database: sealed, each under the key of whom it is about.

Title and text together are AES-256-GCM, bound to their document, under a key of the customer's, or of the address
where nobody was identified (``person_keys``): when that is destroyed, every copy of the row is noise, also in a backup
or a WAL of before. What is about nobody (articles, tasks of the house) is under a key of the site's. The stored text
says where its key is, by a hash that only the site's key can make of a customer.
"""

from __future__ import annotations

import binascii
import os
from collections.abc import Iterable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from interaction_log.store import sealed_fields
from interaction_log.store.person_keys import PersonKeys, first_place
from interaction_log.store.sealed_fields import open_text

SEALED: Final = "sealed:4:"
"""How a text begins that is sealed so; its terms are hashed with the site's key then."""
_PLACE_BYTES: Final = 5
_NONCE_BYTES: Final = 12
_SITE: Final = b"\xff" * _PLACE_BYTES


def term_key() -> bytes:
    """What the terms are hashed with; empty in a process without the site's key."""
    master = sealed_fields.master()
    return b"" if master is None else master.terms


def _owner(kind: str, customer_id: str | None, title: str) -> str | None:
    """Whose key it is; a contact of nobody has the address as its title."""
    if customer_id is not None:
        return f"customer:{customer_id}"
    return f"address:{title}" if kind == "interaction" and title else None


def sealed(kind: str, ref: str, customer_id: str | None, title: str, text: str) -> tuple[str, str]:
    """Title and text as they are stored; in clear in a process without the site's key."""
    master, people = sealed_fields.master(), sealed_fields.people()
    if master is None:
        return title, text
    where, cipher = _SITE, master.index
    owner = _owner(kind, customer_id, title)
    if people is not None and owner is not None:
        place = people.place(owner, master.terms)
        where, cipher = place.to_bytes(_PLACE_BYTES, "big"), people.cipher(place) or cipher
    nonce = os.urandom(_NONCE_BYTES)
    content = cipher.encrypt(nonce, f"{title}\0{text}".encode("utf-8", "surrogatepass"), f"{kind}:{ref}".encode())
    return "", SEALED + binascii.b2a_base64(where + nonce + content, newline=False).decode()


def opened(kind: str, ref: str, title: str, text: str) -> tuple[str, str] | None:
    """Title and text as they were written; ``None``: the key was destroyed, or is not this process's."""
    if not text.startswith(SEALED):
        older = open_text(text) or ""
        return None if older.startswith(sealed_fields.TEXT) else (title, older)
    master, people = sealed_fields.master(), sealed_fields.people()
    if master is None:
        return None
    try:
        raw = binascii.a2b_base64(text[len(SEALED) :])
        where = raw[:_PLACE_BYTES]
        cipher = master.index if where == _SITE else _cipher(people, where)
        if cipher is None:
            return None
        start = _PLACE_BYTES + _NONCE_BYTES
        clear = cipher.decrypt(raw[_PLACE_BYTES:start], raw[start:], f"{kind}:{ref}".encode())
    except (InvalidTag, ValueError):
        return None
    found, _, rest = clear.decode("utf-8", "surrogatepass").partition("\0")
    return found, rest


def _cipher(people: PersonKeys | None, where: bytes) -> AESGCM | None:
    return None if people is None else people.cipher(int.from_bytes(where, "big"))


def destroy(customers: Iterable[str], addresses: Iterable[str] = ()) -> int:
    """Nobody reads the texts about these any more, in no copy; how many keys there were. On the disk when this returns.

    An id never comes back, an address may: what is written about it later has the next key. Raises ``KeyFault``."""
    master, people = sealed_fields.master(), sealed_fields.people()
    if master is None or people is None:
        return 0
    places = [first_place(f"customer:{one}", master.terms) for one in customers]
    places += [people.place(f"address:{one}", master.terms) for one in addresses]
    return people.destroy(places)
