"""Plain national numbers read by the numbering plan's own patterns, without the library's way through all spellings.

Nearly every caller of a site presents one of its own country, and ``phonenumbers`` takes 40 µs for it: it looks for
text around the number, extensions, letters, prefixes, and then asks each type of number. Here a number that is digits
alone and begins with no prefix is held against the same patterns: the same answer (``tests/unit/test_phone_numbers.py``
compares them for all countries), in 3 µs. Whatever is less plain is the library's. Pure.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

import phonenumbers

_TYPES = (
    "mobile", "fixed_line", "premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan",
    "voicemail",
)  # fmt: skip
"""The kinds of numbers of which a valid one is one; the commonest first."""


@dataclass(frozen=True, slots=True)
class _Kind:
    lengths: tuple[int, ...]
    """Empty: those of the country."""
    pattern: re.Pattern[str]

    def has(self, digits: str) -> bool:
        """Whether this number is of this kind."""
        return (not self.lengths or len(digits) in self.lengths) and self.pattern.fullmatch(digits) is not None


@dataclass(frozen=True, slots=True)
class HomePlan:
    """The numbering plan of one country. ``more``: how numbers begin that are more than a national one: the country's
    code, the way out of the country, the trunk prefix or a carrier's, a zero."""

    country_code: int
    more: re.Pattern[str]
    every: _Kind
    kinds: tuple[_Kind, ...]

    def valid(self, digits: str) -> bool | None:
        """Whether this is a valid national number, as it stands; ``None`` where the library must be asked."""
        if not _NATIONAL.fullmatch(digits) or self.more.match(digits):
            return None
        return self.every.has(digits) and any(kind.has(digits) for kind in self.kinds)


_NATIONAL = re.compile(r"[1-9][0-9]{2,14}", re.ASCII)


@functools.lru_cache(maxsize=64)
def plan_of(region: str) -> HomePlan | None:
    """The plan of a region (ISO 3166-1 alpha-2); ``None`` for one that is unknown or shares its code with others."""
    name = region.upper()
    known = phonenumbers.PhoneMetadata.metadata_for_region(name, None)
    if known is None or known.country_code is None:
        return None
    every = _kind(known.general_desc)
    kinds = tuple(kind for name in _TYPES if (kind := _kind(getattr(known, name))) is not None)
    if every is None or phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(known.country_code) != (name,):
        return None
    more = ("0", str(known.country_code), known.international_prefix, known.national_prefix_for_parsing)
    return HomePlan(known.country_code, re.compile("|".join(f"(?:{one})" for one in more if one)), every, kinds)


def _kind(known: phonenumbers.PhoneNumberDesc | None) -> _Kind | None:
    if known is None or not known.national_number_pattern:
        return None
    return _Kind(tuple(known.possible_length), re.compile(known.national_number_pattern))
