"""What a browser may say to the PBX through the relay: one whole SIP message in its own name. Pure.

Asterisk identifies an endpoint by the user of ``From`` and checks its password; where a site has one password for all
browser telephones, that alone would let an agent register as a colleague. So the relay looks at the name as well.
Everything that Asterisk and this module could read differently (folded lines, lone line breaks, several messages in
one frame, repeated headers) is refused; JsSIP sends none of it. RFC 3261, RFC 7118 section 5.
"""

from __future__ import annotations

import re
from typing import Final

MAX_MESSAGE: Final = 64 * 1024
"""Bytes of one SIP message; Asterisk takes no larger one (``PJSIP_MAX_PKT_LEN`` is less still)."""
_KEEP_ALIVE: Final = re.compile(r"(?:\r\n){0,2}")
_REQUEST: Final = re.compile(r"[A-Z]{1,16} \S+ SIP/2\.0")
_RESPONSE: Final = re.compile(r"SIP/2\.0 [1-6]\d\d [^\r\n]*")
_USER: Final = re.compile(r"sips?:([^@;>\s\"]+)@", re.IGNORECASE)
_DIGEST_USER: Final = re.compile(r"(?:^|[\s,])username\s*=\s*\"([^\"\\]*)\"", re.IGNORECASE)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_TAG: Final = re.compile(r";\s*tag=", re.IGNORECASE)
_COMPACT: Final = {"f": "from", "t": "to", "l": "content-length"}
_ONCE: Final = frozenset({"from", "to", "content-length", "authorization", "proxy-authorization"})


class Refused(Exception):
    """The frame is not passed on; the text says why, without anything of the frame."""


def check(frame: str, username: str) -> None:
    """Raise :class:`Refused` unless the frame is a keep-alive or one SIP message that ``username`` may send."""
    if len(frame.encode("utf-8", "surrogatepass")) > MAX_MESSAGE:
        raise Refused("too long")
    if _KEEP_ALIVE.fullmatch(frame):
        return
    head, end, body = frame.partition("\r\n\r\n")
    if not end:
        raise Refused("no end of the headers")
    first, *lines = head.split("\r\n")
    headers = _headers(lines)
    if headers.get("content-length", "0") != str(len(body.encode())):
        raise Refused("the length is not that of the body")
    if _RESPONSE.fullmatch(first):
        return
    if not _REQUEST.fullmatch(first):
        raise Refused("no SIP message")
    _check_name(headers, username)


def _headers(lines: list[str]) -> dict[str, str]:
    """The headers that matter, by their long names in lower case."""
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or line[0] in " \t" or _CONTROL.search(line):
            raise Refused("a header line that is none")
        key = name.strip().lower()
        key = _COMPACT.get(key, key)
        if key in _ONCE and key in found:
            raise Refused("a header twice")
        found[key] = value.strip()
    return found


def _check_name(headers: dict[str, str], username: str) -> None:
    for key in ("authorization", "proxy-authorization"):
        if key in headers and _DIGEST_USER.findall(headers[key]) != [username]:
            raise Refused("another user's name")
    # Within a call the PBX knows the dialog; From is then what the PBX called us by.
    if _TAG.search(headers.get("to", "")):
        return
    if _USER.findall(headers.get("from", "")) != [username]:
        raise Refused("another user's name")
