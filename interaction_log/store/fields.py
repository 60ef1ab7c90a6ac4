"""What may stand in a customer's record, checked field by field. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from interaction_log.identity import PhoneNumber, parse_phone
from interaction_log.records import Customer, CustomField, Refused
from interaction_log.store.typed import typed, values_of

NAME_LENGTH: Final = 200
NOTES_LENGTH: Final = 20_000
NO_USER: Final = "there is no user of this name"
MOST_ADDRESSES: Final = 20
_EMAIL: Final = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]+\.[^@\s.,;<>\"]{2,}")
_NUMBER: Final = re.compile(
    r"([+＋]?[\d \u00a0\u3000()（）.\-–－/]+?)(?:\s*(?:;\s*ext=|,?\s*ext\.?|x|\#|转)\s*(\d{1,8}))?", re.IGNORECASE
)
_ROUNDED: Final = re.compile(r"[0-9]+(\.[0-9]+)?[eE]\+?[0-9]+|[0-9]+\.[0-9]{1,2}|\.?#+", re.ASCII)
_EMAIL_LENGTH: Final = 254  # RFC 5321 §4.5.3.1.3, without the angle brackets
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")  # the shape of RFC 5646
_FIELDS: Final = frozenset(
    {"name", "phones", "emails", "organisation", "language", "vip", "notes", "agent", "kind", "channel", "value"}
)
CHANNELS: Final = ("voice", "chat", "email")
KINDS: Final = ("person", "organisation")
MOST_VALUE: Final = 1e12


@dataclass(frozen=True, slots=True)
class Checked:
    """A customer whose fields are right, with the numbers as the numbering plan has them.

    ``values``: of custom fields, for filters: text and number by field; ``None``: those that are stored stay.
    """

    customer: Customer
    numbers: list[PhoneNumber]
    values: dict[str, tuple[str | None, float | None]] | None = None

    @property
    def search(self) -> str:
        """What a search looks into, case-folded."""
        c = self.customer
        parts = [c.name, c.organisation or "", *c.phones, *(n.national for n in self.numbers), *c.emails]
        return "\n".join(parts).casefold()


def check(base: Customer, fields: Mapping[str, Any], region: str, site: Sequence[CustomField] | None = None) -> Checked:
    """``base`` with ``fields`` laid over it. Raises ``Refused`` with the name of the first field that is wrong.

    ``site``: the fields that the site defined; with them ``fields`` may hold some of their values (``None`` empties
    one), and a new record needs the required ones. Without them what the record has of them stays as it is.
    """
    for name in fields:
        if name not in _FIELDS and (name != "fields" or site is None):
            raise Refused(name, "there is no such field")
    numbers = [phone(text, region, f"phones.{n}") for n, text in enumerate(_texts("phones", fields, base.phones))]
    numbers = list({written(number): number for number in numbers}.values())
    emails = [email(text, f"emails.{n}") for n, text in enumerate(_texts("emails", fields, base.emails))]
    customer = replace(
        base,
        name=_line("name", fields.get("name", base.name)) or _missing(),
        phones=[written(number) for number in numbers],
        emails=list(dict.fromkeys(emails)),
        organisation=_line("organisation", fields.get("organisation", base.organisation)),
        language=_language(fields.get("language", base.language)),
        vip=_flag(fields.get("vip", base.vip)),
        notes=_notes(fields.get("notes", base.notes)),
        agent=_user(fields.get("agent", base.agent)),
        kind=_one_of("kind", fields.get("kind", base.kind), KINDS),
        channel=_one_of("channel", fields.get("channel", base.channel), (None, *CHANNELS)),
        value=_worth(fields.get("value", base.value)),
    )
    if site is None:
        return Checked(customer, numbers)
    new = not base.name or "kind" in fields
    customer = replace(customer, fields=typed(base.fields, fields.get("fields"), site, customer.kind, new))
    return Checked(customer, numbers, values_of(customer.fields, site))


def phone(text: str, region: str, field: str) -> PhoneNumber:
    """The number, or ``Refused``. Nothing is guessed: words, letters for digits and rounded numbers are refused."""
    text = text.strip()
    if _ROUNDED.fullmatch(text):
        raise Refused(field, f"{text[:40]!r} was rounded by a spreadsheet: format the column as text")
    found = _NUMBER.fullmatch(text) if len(text) <= 64 else None
    extension = f";ext={found[2]}" if found is not None and found[2] else ""
    number = parse_phone(found[1] + extension, region) if found is not None else None
    if number is None:
        raise Refused(field, f"{text[:40]!r} is no valid telephone number")
    return number


def written(number: PhoneNumber) -> str:
    """E.164, with ``;ext=N`` where there is an extension (RFC 3966)."""
    return f"{number.e164};ext={number.extension}" if number.extension else number.e164


def email(text: str, field: str) -> str:
    """The address, or ``Refused``."""
    text = text.strip()
    if len(text) > _EMAIL_LENGTH or not _EMAIL.fullmatch(text) or not _plain(text):
        raise Refused(field, f"{text[:80]!r} is no e-mail address")
    return text


def _missing() -> str:
    raise Refused("name", "a name is needed")


def _texts(field: str, fields: Mapping[str, Any], old: list[str]) -> list[str]:
    value = fields.get(field, old)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Refused(field, "a list of texts is needed")
    if len(value) > MOST_ADDRESSES:
        raise Refused(field, f"{MOST_ADDRESSES} at most")
    return value


def _line(field: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise Refused(field, "a text is needed")
    text = " ".join(value.split())
    if len(text) > NAME_LENGTH:
        raise Refused(field, f"longer than {NAME_LENGTH} characters")
    if not _plain(text):
        raise Refused(field, "holds control characters")
    return text or None


def _language(value: object) -> str | None:
    text = _line("language", value)
    if text is not None and not _LANGUAGE.fullmatch(text):
        raise Refused("language", f"{text[:20]!r} is no language tag (en, zh-CN)")
    return text


def _user(value: object) -> str | None:
    """A user's name; whether there is one is for the caller to find out."""
    text = _line("agent", value)
    if text is not None and len(text) > 64:
        raise Refused("agent", NO_USER)
    return text


def _notes(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise Refused("notes", "a text is needed")
    if len(value) > NOTES_LENGTH:
        raise Refused("notes", f"longer than {NOTES_LENGTH} characters")
    if not _plain(value.translate({10: " ", 13: " ", 9: " "})):
        raise Refused("notes", "holds control characters")
    return value.strip() or None


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Refused("vip", "true or false is needed")
    return value


def _one_of(field: str, value: object, choices: tuple[str | None, ...]) -> Any:
    if value not in choices:
        raise Refused(field, f"one of {', '.join(one for one in choices if one)}")
    return value


def _worth(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_VALUE:
        raise Refused("value", f"0 to {MOST_VALUE:.0f}")
    return float(value)


def _plain(text: str) -> bool:
    """No control characters and no lone surrogates (no database stores them)."""
    return text.isprintable() or not any(unicodedata.category(c) in ("Cc", "Cs") for c in text)
