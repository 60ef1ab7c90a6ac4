"""What speaks for who somebody is, and how strongly. One table of rules; pure.

A customer is a set of claims: this number, this mail address, this login belongs to him, says this source. A rule says
for each piece of evidence whether it identifies (``known``), suggests (``maybe``), or never does (``never``). The
first rule that fits decides; ``docs/identity.md`` shows the same table, and a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, cast

from interaction_log.records import Match, Refused

Kind = Literal["phone", "email", "login"]
Source = Literal["network", "mail", "site", "typed", "record", "agent", "confirmed"]
"""Who says it: the telephone network, a mail, the company's web site (signed), the visitor himself (typed), our own
record, an agent who chose this person during a contact, somebody who confirmed it in the record."""
Strength = Literal["known", "maybe", "never"]
Presentation = Literal["allowed", "restricted", "unavailable"]
"""ITU-T Q.951 / RFC 3323: may the number be shown; ``unavailable``: the network has none."""
Attestation = Literal["A", "B", "C", "failed"]
"""STIR/SHAKEN (ATIS-1000074 §5.2.3): full, partial, gateway; ``failed``: there was a signature and it is not right."""
Authority = Literal["network", "user_passed", "user_failed", "user_unscreened"]
"""Q.931 octet 3a: did the network itself provide or check the number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One piece. ``value``: E.164, a case-folded address, a login. ``exact`` false: only the national number is equal.

    ``authenticated``: what DMARC (or SPF and DKIM aligned) said of the sender; ``None``: not checked.
    ``None`` elsewhere: not given.
    """

    kind: Kind
    value: str
    source: Source
    presentation: Presentation | None = None
    authority: Authority | None = None
    attestation: Attestation | None = None
    authenticated: bool | None = None
    exact: bool = True
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a site decides. ``unattested``: what a caller's number without any STIR/SHAKEN signature says."""

    unattested: Strength = "known"


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of the table. ``strength`` ``None``: as the site's policy says."""

    name: str
    strength: Strength | None
    fits: Callable[[Evidence], bool]


RULES: Final[tuple[Rule, ...]] = (
    Rule("withheld", "never", lambda e: e.kind == "phone" and e.presentation in ("restricted", "unavailable")),
    Rule("forged", "never", lambda e: e.kind == "phone" and e.attestation == "failed"),
    Rule("screening_failed", "never", lambda e: e.kind == "phone" and e.authority == "user_failed"),
    Rule("typed", "never", lambda e: e.source == "typed"),
    Rule("mail_refused", "never", lambda e: e.source == "mail" and e.authenticated is False),
    Rule("shared", "maybe", lambda e: e.shared),
    Rule("similar", "maybe", lambda e: not e.exact),
    Rule("confirmed", "known", lambda e: e.source == "confirmed"),
    Rule("record", "known", lambda e: e.source == "record"),
    Rule("chosen", "maybe", lambda e: e.source == "agent"),
    Rule("site_login", "known", lambda e: e.source == "site"),
    Rule("mail_passed", "known", lambda e: e.source == "mail" and e.authenticated is True),
    Rule("mail_unchecked", "maybe", lambda e: e.source == "mail"),
    Rule("attested", "known", lambda e: e.kind == "phone" and e.attestation == "A"),
    Rule("weakly_attested", "maybe", lambda e: e.kind == "phone" and e.attestation in ("B", "C")),
    Rule("network", None, lambda e: True),
)
"""In order; the last one fits whatever the network says of a number without a signature."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The strength and the rule that says so."""

    strength: Strength
    rule: str


def judge(evidence: Evidence, policy: Policy = Policy()) -> Verdict:
    """What this piece says."""
    rule = next(one for one in RULES if one.fits(evidence))
    return Verdict(rule.strength or policy.unattested, rule.name)


def bounded(match: Match, verdict: Verdict) -> Match:
    """A match by the number alone, no stronger than what the evidence of this call allows."""
    if verdict.strength == "known" or match.strength == "unknown":
        return match
    if verdict.strength == "never":
        return Match(strength="unknown")
    if match.strength == "known":
        return replace(match, strength="maybe")
    return match


def ranked(people: Sequence[Mapping[str, Any]], chosen: Sequence[str]) -> list[dict[str, Any]]:
    """Candidates, first those that agents chose for this address before, the last choice first. ``chosen``: ids."""
    place = {of: n for n, of in enumerate(chosen)}
    return sorted((dict(one) for one in people), key=lambda one: place.get(str(one["id"]), len(place)))


_PRESENTATIONS: Final[Mapping[int, Presentation]] = {0: "allowed", 1: "restricted", 2: "unavailable", 3: "unavailable"}
_AUTHORITIES: Final[Mapping[int, Authority]] = {0: "user_unscreened", 1: "user_passed", 2: "user_failed", 3: "network"}


def calling_presentation(octet: str | None) -> tuple[Presentation | None, Authority | None]:
    """Asterisk's ``callingpres``: Q.931 octet 3a, bits 6-7 presentation, 1-2 screening. ``None``: no such number."""
    if octet is None or not octet.isascii() or not octet.isdigit() or int(octet) > 0x7F:
        return None, None
    bits = int(octet)
    return _PRESENTATIONS[bits >> 5 & 3], _AUTHORITIES[bits & 3]


_NOT_CHECKED: Final = frozenset(
    [
        "disabled",
        "missing_identity_hdr",
        "internal_error",
        "invalid_arguments",
        "invalid_or_no_callerid",
        "cert_retrieval_failure",
        "cert_cache_miss",
        "cert_cache_invalid",
        "cert_cache_expired",
    ]
)
"""Asterisk's words (res_stir_shaken) for: there was no signature, or we could not fetch what checks it."""


def attestation(verified: str | None, level: str | None) -> Attestation | None:
    """Asterisk's ``STIR_SHAKEN(0,verify_result)`` and ``STIR_SHAKEN(0,attestation)``. ``None``: nothing was signed."""
    said, letter = (verified or "").strip().lower(), (level or "").strip().upper()
    if not said or said in _NOT_CHECKED:
        return None
    if said != "success":
        return "failed"
    return cast("Attestation", letter) if letter in ("A", "B", "C") else "C"


def folded(kind: Kind, value: str) -> str:
    """How an address is compared. Raises ``Refused`` for an empty or oversized one."""
    text = value.strip()
    if not text or len(text) > 254 or not text.isprintable():
        raise Refused("value", "1 to 254 characters")
    return text if kind == "phone" else text.casefold()
