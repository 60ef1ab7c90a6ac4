"""The site's master key: a file outside the database that everything sealed in it hangs on.

From its 32 random bytes HKDF-SHA-256 makes one key each for wrapping data keys (AES key wrap, RFC 3394), for keyed
hashes (HMAC-SHA-256: the erasure list, pseudonyms), for signing receipts (Ed25519), for texts (AES-256-GCM), and two
for the full-text index.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
import os
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_MARK: Final = "callweave-master-key-1"
_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class KeyFault(ValueError):
    """The key file is missing, damaged or readable by others; the text says which, and never the key."""


class MasterKey:
    """What can be done with it; the key itself cannot be asked for."""

    def __init__(self, secret: bytes):
        self._wrapping = _derived(secret, b"wrap")
        self._hashing = _derived(secret, b"hash")
        self._signing = Ed25519PrivateKey.from_private_bytes(_derived(secret, b"sign"))
        self._texts = AESGCM(_derived(secret, b"text"))
        self.terms = _derived(secret, b"terms")
        """For the hashes of the full-text index (``tokens.coded``)."""
        self.index = AESGCM(_derived(secret, b"index"))
        """For texts of the full-text index that are about nobody."""

    def wrap(self, key: bytes) -> str:
        """A data key so that it may stand in the database."""
        return base64.b64encode(aes_key_wrap(self._wrapping, key)).decode()

    def unwrap(self, text: str) -> bytes | None:
        """The data key; ``None``: it was wrapped by another master key, or changed."""
        try:
            return aes_key_unwrap(self._wrapping, base64.b64decode(text))
        except (InvalidUnwrap, binascii.Error, ValueError):
            return None

    def seal_text(self, text: str) -> str:
        """AES-256-GCM with a nonce of its own, base64."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._texts.encrypt(nonce, text.encode("utf-8", "surrogatepass"), None)
        return binascii.b2a_base64(nonce + sealed, newline=False).decode()

    def open_text(self, text: str) -> str | None:
        """What ``seal_text`` made this of; ``None``: it was another key's, or changed."""
        try:
            raw = binascii.a2b_base64(text)
            return self._texts.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], None).decode("utf-8", "surrogatepass")
        except (InvalidTag, binascii.Error, ValueError):
            return None

    def pseudonym(self, kind: str, text: str) -> str:
        """The keyed hash of a name, a number or an id, 32 hexadecimal digits: equal for equals, and no way back."""
        return hmac.digest(self._hashing, f"{kind}:{text}".encode(), "sha256").hex()[:32]

    def sign(self, text: bytes) -> str:
        """Ed25519, base64."""
        return base64.b64encode(self._signing.sign(text)).decode()

    @property
    def public(self) -> str:
        """The key that checks signatures, base64 (32 bytes)."""
        return base64.b64encode(self._signing.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

    @property
    def number(self) -> int:
        """Tells master keys apart, says nothing about them (63 bits)."""
        return int(self.pseudonym("key", "number")[:16], 16) >> 1


def verified(public: str, signature: str, text: bytes) -> bool:
    """Whether the owner of ``public`` signed this text."""
    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(public)).verify(base64.b64decode(signature), text)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def load(path: Path) -> MasterKey:
    """The key in this file. Raises ``KeyFault``."""
    try:
        mode = path.stat().st_mode
        text = path.read_text("ascii").split()
    except FileNotFoundError:
        raise KeyFault(
            f"{path} is missing: bring it back from where it is kept; without it sealed data is lost"
        ) from None
    except (OSError, UnicodeDecodeError):
        raise KeyFault(f"{path} cannot be read") from None
    if stat.S_IMODE(mode) & (stat.S_IROTH | stat.S_IWOTH):
        raise KeyFault(f"{path} can be read or written by everybody; say: chmod o= {path}")
    secret = b""
    with contextlib.suppress(binascii.Error, IndexError):
        secret = base64.b64decode(text[1], validate=True)
    if text[:1] != [_MARK] or len(secret) != _BYTES:
        raise KeyFault(f"{path} is no master key")
    return MasterKey(secret)


def make(path: Path) -> MasterKey:
    """A new key in a new file that only its owner can read. Raises ``KeyFault`` where there is a file already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{_MARK} {base64.b64encode(os.urandom(_BYTES)).decode()}\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # never over another one, and never half a file
    except FileExistsError:
        raise KeyFault(f"{path} exists already") from None
    finally:
        draft.unlink(missing_ok=True)
    return load(path)


def load_or_make(path: Path) -> MasterKey:
    """The key in this file, which is made if there is none."""
    if not path.exists():
        with contextlib.suppress(KeyFault):  # another process was faster
            return make(path)
    return load(path)


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, b"callweave " + purpose).derive(secret)
