"""Who a visitor is: our own random token, and the short-lived one in which a site signs its user (a JWT, RFC 7519).

Of our token only its SHA-256 is kept. A site's key has one algorithm, which the token cannot choose (RFC 8725 §3.1);
which key it is says ``kid``, so that keys are changed one after the other. Pure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

TOKEN_BYTES: Final = 32
LONGEST_TOKEN: Final = 4_096
LEEWAY: Final = 30.0
"""Seconds that two clocks may differ."""
MOST_ATTRIBUTES: Final = 20
LONGEST_ATTRIBUTE: Final = 500
LONGEST_SUBJECT: Final = 200
SHORTEST_SECRET: Final = 32
"""Bytes of an HS256 secret (RFC 7518 §3.2)."""
_OURS: Final = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})


class BadToken(ValueError):
    """A signed token is not taken; the text says why, for the site's developers, and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class UserKey:
    """A key of a site. ``key``: the secret's bytes for HS256, the public key (PEM) for EdDSA."""

    kid: str
    alg: Literal["EdDSA", "HS256"]
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class User:
    """Whom a site vouches for."""

    subject: str
    attributes: Mapping[str, str]
    jti: str
    expires_at: float


def token_hash(token: str) -> str:
    """What is kept of a visitor's token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def usable(token: object) -> bool:
    """Whether it can be a token of ours at all."""
    return isinstance(token, str) and 20 <= len(token) <= 200 and token.isascii() and token.isprintable()


def check_key(key: UserKey) -> str | None:
    """What is wrong with a key; ``None``: it can be used."""
    if key.alg == "HS256":
        return None if len(key.key) >= SHORTEST_SECRET else f"an HS256 secret has {SHORTEST_SECRET} bytes or more"
    try:
        found = load_pem_public_key(key.key)
    except ValueError:
        return "is no public key in PEM"
    return None if isinstance(found, Ed25519PublicKey) else "is no Ed25519 key"


def user_of(token: str, keys: Sequence[UserKey], *, issuer: str, audience: str, longest: float, now: float) -> User:
    """The user of a signed token. ``longest``: seconds that it may live. Raises ``BadToken``."""
    if len(token) > LONGEST_TOKEN:
        raise BadToken("it is too long")
    claims = _signed(token, keys)
    _in_time(claims, longest, now)
    if claims.get("iss") != issuer:
        raise BadToken("iss is not the site's key")
    told = claims.get("aud")
    if audience not in (told if isinstance(told, list) else [told]):
        raise BadToken("aud is not what is expected")
    subject, jti = claims.get("sub"), claims.get("jti")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or not _storable(subject):
        raise BadToken(f"sub is needed: a text of 1 to {LONGEST_SUBJECT} characters")
    if not isinstance(jti, str) or not 0 < len(jti) <= 100:
        raise BadToken("jti is needed: a text of 1 to 100 characters, another one for each token")
    return User(subject, _attributes(claims), jti, float(claims["exp"]))


def _signed(token: str, keys: Sequence[UserKey]) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise BadToken("it is no JWT") from None
    named = [one for one in keys if one.kid == header.get("kid")]
    if not named:
        raise BadToken("kid names no key of this site")
    key = named[0]
    unchecked = {f"verify_{name}": False for name in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")}
    try:
        claims = jwt.decode(token, key.key, algorithms=[key.alg], options=unchecked)  # type: ignore[arg-type]
    except jwt.InvalidAlgorithmError:
        raise BadToken(f"alg is not {key.alg}, the one of this key") from None
    except jwt.PyJWTError:
        raise BadToken("the signature is not right") from None
    return claims


def _in_time(claims: Mapping[str, Any], longest: float, now: float) -> None:
    for name in ("exp", "iat"):
        if not _is_time(claims.get(name)):
            raise BadToken(f"{name} is needed, in Unix seconds")
    if "nbf" in claims and not _is_time(claims["nbf"]):
        raise BadToken("nbf is no time in Unix seconds")
    if claims["exp"] <= now - LEEWAY:
        raise BadToken("it is over (exp)")
    if max(claims["iat"], claims.get("nbf", 0)) > now + LEEWAY:
        raise BadToken("it is not good yet (iat, nbf)")
    if claims["exp"] - claims["iat"] > longest:
        raise BadToken(f"it lives longer than {longest:.0f} seconds (exp - iat)")


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 2**40


def _attributes(claims: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name, value in claims.items():
        if name in _OURS or value is None:
            continue
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if len(name) > 60 or len(text) > LONGEST_ATTRIBUTE or not _storable(name + text):
            raise BadToken(f"an attribute has at most {LONGEST_ATTRIBUTE} characters")
        found[name] = text
    if len(found) > MOST_ATTRIBUTES:
        raise BadToken(f"there are more than {MOST_ATTRIBUTES} attributes")
    return found


def _storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)
