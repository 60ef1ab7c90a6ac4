"""Notes and custom fields that are marked as sensitive, sealed inside a customer's stored JSON.

A value is an envelope of its own: a random key, wrapped by the site's master key, and the value under it, bound to the
customer's id. So a caller's record is still read with one query, and the row takes the key with it when it is erased.
The master key is the process's (``use``): where none is given (tests, tools that open a store without it) values stay
in clear, and sealed ones are left out.
"""

from __future__ import annotations

import base64
import json
import logging
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from interaction_log.store.master_key import KeyFault, MasterKey, load
from interaction_log.store.person_keys import PersonKeys, load_or_make

ANY: Final = "sealed:"
"""How every value that is sealed begins."""
MARK: Final = "sealed:2:"
TEXT: Final = "sealed:3:"
"""Of texts under the site's own key (``sealed_text``)."""
_NONCE_BYTES: Final = 12
_log: Final = logging.getLogger(__name__)


class _Site:
    """Which key this process has."""

    path: Path | None = None
    master: MasterKey | None = None
    people: tuple[Path, PersonKeys | None] | None = None


def use(key_file: Path) -> None:
    """Seal and open with this key from now on, and with the keys of the index beside it. Raises ``KeyFault``."""
    _Site.master, _Site.path, _Site.people = load(key_file), key_file, None


def forget() -> None:
    """Have no key any more, as before :func:`use`: for a process that works at one site after another."""
    _Site.master, _Site.path, _Site.people = None, None, None


def index_beside(key_file: Path) -> Path:
    """Where the keys of the full-text index are: beside the key."""
    return key_file.with_name(key_file.name + ".index")


def people() -> PersonKeys | None:
    """The keys of the full-text index; ``None`` without the site's key, or where they cannot be kept."""
    path, known = _Site.path, _Site.people
    if _Site.master is None or path is None:
        return None
    if known is None or known[0] is not path:
        _Site.people = known = path, _tree(index_beside(path))
    return known[1]


def _tree(path: Path) -> PersonKeys | None:
    try:
        return load_or_make(path)
    except (KeyFault, OSError) as error:
        _log.warning("%s: %s; texts of the index are under the site's key", path.name, type(error).__name__)
        return None


def master() -> MasterKey | None:
    """The key of this process."""
    return _Site.master


def key_file() -> Path | None:
    """For a child of this process."""
    return _Site.path


def sealed(public: dict[str, Any], codes: Collection[str]) -> dict[str, Any]:
    """A customer's public object with its notes and these of its fields sealed, to be stored."""
    found, master, of = public["fields"], _Site.master, str(public["id"])
    if master is None:
        return public
    if public.get("notes"):
        public = {**public, "notes": seal_text(public["notes"])}
    if not found or not any(code in found for code in codes):
        return public
    return {**public, "fields": {c: _seal(master, of, v) if c in codes else v for c, v in found.items()}}


def opened(text: str) -> dict[str, Any]:
    """The public object of a stored text."""
    found: dict[str, Any] = json.loads(text)
    return opened_in(found) if ANY in text else found


def opened_in(public: dict[str, Any]) -> dict[str, Any]:
    """The same of an object that was parsed; what cannot be opened is not among its fields."""
    of = str(public["id"])
    fields = {code: open_value(of, value) for code, value in public.get("fields", {}).items()}
    kept = {code: value for code, value in fields.items() if value is not None}
    notes = {"notes": open_text(public["notes"])} if public.get("notes") else {}
    return {**public, **notes, "fields": kept}


def seal_text(text: str | None) -> str | None:
    """As it is stored. Nothing, and what is sealed with this key already, stays as it is."""
    master = _Site.master
    if not text or master is None or (text.startswith(TEXT) and master.open_text(text.removeprefix(TEXT)) is not None):
        return text
    return TEXT + master.seal_text(text)


def open_text(text: str | None) -> str | None:
    """As it was written; what this process cannot open stays as it is, and is not lost when it is written back."""
    if text is None or not text.startswith(TEXT):
        return text
    found = _Site.master.open_text(text.removeprefix(TEXT)) if _Site.master is not None else None
    return text if found is None else found


def _seal(master: MasterKey, of: str, value: object) -> str:
    key, nonce = AESGCM.generate_key(256), os.urandom(_NONCE_BYTES)
    content = AESGCM(key).encrypt(nonce, json.dumps(value).encode(), of.encode())
    return f"{MARK}{master.wrap(key)}:{base64.b64encode(nonce + content).decode()}"


def seal_value(of: str, value: object) -> Any:
    """One value, bound to ``of`` (an id), to be stored; in clear where this process has no key."""
    return value if _Site.master is None else _seal(_Site.master, of, value)


def open_value(of: str, value: Any) -> Any:
    """One value of this id; ``None``: it cannot be opened."""
    if not (isinstance(value, str) and value.startswith(MARK)):
        return value
    wrapped, _, content = value.removeprefix(MARK).partition(":")
    key = _Site.master.unwrap(wrapped) if _Site.master is not None else None
    if key is None:
        return None
    raw = base64.b64decode(content)
    try:
        return json.loads(AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], of.encode()))
    except InvalidTag:
        return None
