"""Names of things: interaction ids and telephone numbers. Pure."""

from __future__ import annotations

import functools
import hashlib
import re
from typing import NamedTuple

import phonenumbers

from interaction_log.home_numbers import plan_of

_NOT_A_NUMBER = frozenset({"", "anonymous", "unknown", "<unknown>", "restricted", "private", "unavailable", "s"})
_TELEPHONE = re.compile(r"\+?[0-9]{3,15}", re.ASCII)


def interaction_id(pbx: str, boot: str, first_unique_id: str) -> str:
    """UUIDv8 (RFC 9562 §5.8) from what makes a call unique, so that the same call found again has the same id."""
    digest = bytearray(hashlib.blake2b("\x00".join((pbx, boot, first_unique_id)).encode(), digest_size=16).digest())
    digest[6] = (digest[6] & 0x0F) | 0x80
    digest[8] = (digest[8] & 0x3F) | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class PhoneNumber(NamedTuple):
    """A telephone number that the numbering plan knows. ``national``: its national significant number.

    A tuple, because imports bring it from another process: a compiled frozen dataclass cannot be unpickled.
    """

    e164: str
    national: str
    extension: str | None


_KEPT = 16_384  # the callers of a day; one entry is about 0.3 kB
_known: dict[str, PhoneNumber] = {}
"""Numbers that were read, by E.164: who looks a caller up has his address, and reading it again takes 70 µs."""


@functools.lru_cache(maxsize=_KEPT)
def parse_phone(text: str, default_region: str) -> PhoneNumber | None:
    """The number in E.164, or ``None`` for what is no valid number (ITU-T E.164 by libphonenumber's plan).

    ``default_region`` is an ISO 3166-1 alpha-2 code for numbers without a country code.
    """
    known = _known.get(text)
    return known if known is not None else _read(text, default_region)


def _read(text: str, default_region: str) -> PhoneNumber | None:
    home = plan_of(default_region)
    plain = home.valid(text) if home is not None else None
    if home is None or plain is None:
        return _asked(text, default_region)
    return _remembered(PhoneNumber(f"+{home.country_code}{text}", text, None)) if plain else None


def _asked(text: str, default_region: str) -> PhoneNumber | None:
    """By the library, for any spelling."""
    try:
        parsed = phonenumbers.parse(text, default_region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    national = phonenumbers.national_significant_number(parsed)
    _remembered(PhoneNumber(e164, national, None))
    return PhoneNumber(e164, national, parsed.extension)


def _remembered(number: PhoneNumber) -> PhoneNumber:
    if len(_known) >= _KEPT:
        _known.clear()
    _known[number.e164] = number
    return number


@functools.lru_cache(maxsize=_KEPT)
def caller_address(presented: str, default_region: str, outbound_prefix: str = "") -> str | None:
    """A presented number as a customer's address: E.164 if valid, else as presented; ``None`` if withheld.

    Only ASCII digits with an optional ``+`` are tried as a number: anything else is kept as it came.
    """
    text = presented.strip()
    if text.lower() in _NOT_A_NUMBER:
        return None
    if not _TELEPHONE.fullmatch(text):
        return text
    if outbound_prefix and text.startswith(outbound_prefix):
        stripped = parse_phone(text[len(outbound_prefix) :], default_region)
        if stripped is not None:
            return stripped.e164
    number = parse_phone(text, default_region)
    return number.e164 if number is not None else text
