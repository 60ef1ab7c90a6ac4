"""A letter as it came, read: who, in answer to what, the new text, what it quotes, its files, who or what wrote it.

``read`` never fails: what is broken is read as far as it goes. Pure.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any, Final, Literal

from email_channel.charsets import header_text, text_of
from email_channel.html_text import text_of_html
from email_channel.quotes import new_text
from email_channel.tokens import tokens_in

Kind = Literal["letter", "auto", "bounce", "own"]
"""Written by somebody, by a machine in his name, by a mail server that could not deliver; ``own``: sent by us."""
MOST_TEXT: Final = 20_000
"""Characters of a line; the whole letter is kept to ``MOST_WHOLE``."""
MOST_WHOLE: Final = 100_000
MOST_PARTS: Final = 200
MOST_FILES: Final = 20
_SPACE: Final = uuid.UUID("6f1d2f0e-6a53-5d4c-9a3e-0f1f5b7a9c11")
_ADDRESS: Final = re.compile(r"[^\s@<>\"'(),;:\\\[\]]{1,64}@[^\s@<>\"'(),;:\\\[\]]{1,190}")
_IDS: Final = re.compile(r"<[^<>\s]{1,500}>")
_RESULT: Final = re.compile(r"\bdmarc\s*=\s*(\w+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Attached:
    """A file of a letter."""

    name: str
    type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """``id``: a UUID, the same for the same letter. ``tokens``: all that look like ours, the surest first.

    ``address`` is what stands in From, and ``answer_to`` where an answer is wanted. ``authenticated``: what our own
    mail server says of the sender (DMARC); ``None``: nothing. ``at``: the Date header, Unix seconds, if it is one.
    """

    id: str
    kind: Kind
    message_id: str
    references: tuple[str, ...]
    tokens: tuple[str, ...]
    name: str
    address: str
    answer_to: str
    subject: str
    at: float | None
    text: str
    whole: str
    files: tuple[Attached, ...]
    left_out: tuple[str, ...]
    authenticated: bool | None


def read(raw: bytes, own: Sequence[str] = (), authserv: str = "") -> Letter:
    """The letter. ``own``: our addresses; ``authserv``: the name of our server in its results (RFC 8601)."""
    message = message_from_bytes(raw)
    name, address = _who(message, "from")
    subject, whole = header_text(_raw(message, "subject"))[:500], _body(message)[:MOST_WHOLE]
    files, left_out = _files(message)
    ids = _ids(message)
    message_id = next(iter(_IDS.findall(_raw(message, "message-id"))), "")
    kind = _kind(message, address, [one.casefold() for one in own])
    return Letter(
        id=str(uuid.uuid5(_SPACE, message_id or hashlib.sha256(raw).hexdigest())),
        kind=kind,
        message_id=message_id,
        references=tuple(ids[-20:]),
        tokens=tuple(tokens_in(_places(message, ids, subject, raw if kind == "bounce" else b""))),
        name=name[:80],
        address=address,
        answer_to=_who(message, "reply-to")[1] or address,
        subject=subject,
        at=_date(_raw(message, "date")),
        text=new_text(whole)[:MOST_TEXT],
        whole=whole,
        files=tuple(files),
        left_out=tuple(left_out),
        authenticated=_authenticated(message, authserv),
    )


# --- headers -----------------------------------------------------------------------------------------------


def _raw(message: Message, name: str) -> str:
    """The first header of this name, unfolded, with bytes that are no ASCII as surrogates."""
    found = next((value for key, value in message.raw_items() if key.lower() == name), "")
    return " ".join(str(found).split())


def _all(message: Message, *names: str) -> list[str]:
    return [str(value) for key, value in message.raw_items() if key.lower() in names]


def _who(message: Message, name: str) -> tuple[str, str]:
    """Name and address of the first mailbox in a header; empty where there is none."""
    try:
        pairs = getaddresses([_raw(message, name)])
    except Exception:  # the library stumbles over some of what is sent
        pairs = []
    for shown, address in pairs:
        if address.isascii() and _ADDRESS.fullmatch(address):
            return header_text(shown), address
    return header_text(_raw(message, name))[:80], ""


def _ids(message: Message) -> list[str]:
    """What it answers to, the oldest first."""
    found = [one for text in _all(message, "references") for one in _IDS.findall(text)]
    answered = [one for text in _all(message, "in-reply-to") for one in _IDS.findall(text)]
    return list(dict.fromkeys([*found, *answered]))


def _places(message: Message, ids: list[str], subject: str, bounced: bytes) -> Iterator[str]:
    """Where our token may stand: the newest answered letter first, the subject last."""
    yield from reversed(ids)
    yield from _all(message, "to", "cc", "delivered-to", "x-original-to")
    yield subject
    yield bounced[:MOST_WHOLE].decode("latin-1")


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError, AttributeError):
        return None


def _authenticated(message: Message, authserv: str) -> bool | None:
    """The topmost result of our own server; what a sender wrote under another name counts for nothing."""
    for text in _all(message, "authentication-results") if authserv else ():
        said = " ".join(text.split())
        if said.split(";", 1)[0].split(" ")[0].casefold() == authserv.casefold():
            found = _RESULT.search(said)
            return {"pass": True, "fail": False}.get(found.group(1).lower()) if found else None
    return None


def _kind(message: Message, address: str, own: list[str]) -> Kind:
    """Who wrote it (RFC 3834, RFC 3464): what a machine wrote is answered by nobody."""
    local = address.partition("@")[0].casefold()
    report = message.get_content_type() == "multipart/report"
    null = _raw(message, "return-path") == "<>"
    if report or local in ("mailer-daemon", "postmaster") or (null and not _raw(message, "auto-submitted")):
        return "bounce"
    if address.casefold() in own or tokens_in([_raw(message, "message-id")]):
        return "own"  # the Message-ID of what we sent has a token: it came back, whoever stands in From now
    said = _raw(message, "auto-submitted").partition(";")[0].strip().lower()
    bulk = _raw(message, "precedence").lower() in ("bulk", "junk", "list", "auto_reply")
    marks = ("x-autoreply", "x-autorespond", "x-autoresponse", "x-auto-reply", "list-id", "list-unsubscribe")
    if (said and said != "no") or bulk or null or any(_raw(message, one) for one in marks):
        return "auto"
    return "letter"


# --- the body ----------------------------------------------------------------------------------------------


def _leaves(message: Message) -> list[Message]:
    """Parts without parts, in order; what is forwarded as a letter stays one part."""
    found: list[Message] = []
    stack: list[Message] = [message]
    while stack and len(found) < MOST_PARTS:
        one = stack.pop()
        inside: Any = one.get_payload()
        if one.is_multipart() and one.get_content_type() != "message/rfc822":
            stack += [part for part in reversed(inside) if isinstance(part, Message)]
        else:
            found.append(one)
    return found


def _body(message: Message) -> str:
    """Its text: plain parts, else HTML parts as text."""
    plain, html = list[str](), list[str]()
    for part in _leaves(message):
        if _is_file(part):
            continue
        kind = part.get_content_type()
        if kind == "text/plain" or part.get_content_maintype() == "multipart":  # one without a boundary
            plain.append(_text(part))
        elif kind == "text/html":
            html.append(text_of_html(_text(part)))
    said = "\n".join(one.strip() for one in plain if one.strip())
    text = said or "\n".join(one for one in html if one)
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _text(part: Message) -> str:
    try:
        charset = part.get_param("charset")
    except Exception:  # a parameter that cannot be read
        charset = None
    return text_of(_bytes(part), charset if isinstance(charset, str) else None)


def _bytes(part: Message) -> bytes:
    try:
        content = part.get_payload(decode=True)
    except Exception:  # an encoding that does not decode: the bytes as they are
        content = str(part.get_payload()).encode("utf-8", "surrogateescape")
    return content if isinstance(content, bytes) else b""


# --- files -------------------------------------------------------------------------------------------------


def _is_file(part: Message) -> bool:
    kind = (_raw(part, "content-disposition").partition(";")[0]).strip().lower()
    return kind == "attachment" or (_name(part) != "" and part.get_content_maintype() != "text")


def _files(message: Message) -> tuple[list[Attached], list[str]]:
    """Files, and the names of those that are too many. Pictures that the HTML shows are files too."""
    files, left_out = list[Attached](), list[str]()
    for number, part in enumerate(_leaves(message), 1):
        kind = part.get_content_type()
        said = kind in ("text/plain", "text/html") or part.get_content_maintype() == "multipart"
        if said and not _is_file(part):
            continue
        name = _name(part) or f"part-{number}"
        content = part.as_bytes() if kind == "message/rfc822" else _bytes(part)
        if not content:
            continue
        if len(files) < MOST_FILES:
            files.append(Attached(name, kind, content))
        else:
            left_out.append(name)
    return files, left_out


def _name(part: Message) -> str:
    try:
        name = part.get_filename() or ""
    except Exception:  # RFC 2231 gone wrong
        name = "file"
    return header_text(name)[:200]
