"""Conversations by text, as the store keeps them and the other parts speak of them. Pure.

A conversation is one interaction of the channel ``chat`` and has its id. Times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    from interaction_log.values import dataclass

ChatAuthor = Literal["visitor", "agent", "system"]
LineKind = Literal["text", "file", "event"]
ChatState = Literal["waiting", "offered", "talking", "ended"]
ChatEnding = Literal["visitor", "agent", "idle", "closed", "message", "callback", "mail"]
Scan = Literal["waiting", "clean", "refused"]
"""What the site's scanner said of a file; only a ``clean`` one is given out (also where the site has no scanner)."""
BanKind = Literal["visitor", "address"]
MOST_LINES: Final = 200
"""Of one question for lines."""
MOST_PAGES: Final = 50
"""Of a visitor's trail that are kept, the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConversation:
    """``id``: of its interaction; ``client_id``: the UUID that the visitor's browser made, once in the database.

    ``name`` is the vouched or typed name, ``form`` what was typed before the chat, ``consent`` the version that was
    agreed to. A message that is left, or a wish to be called, begins as ``ended``.
    """

    id: str
    client_id: str
    visitor: str
    site: str
    queue: str
    at: float
    language: str = "en"
    name: str | None = None
    form: Mapping[str, str] = field(default_factory=dict)
    consent: str | None = None
    page: str | None = None
    state: ChatState = "waiting"
    ended_by: ChatEnding | None = None
    callback: Mapping[str, Any] | None = None
    """A ``webchat.wire.CallbackView``."""
    transcript: Mapping[str, Any] | None = None
    """Where it is to be sent by mail: ``{address, go_on}``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredConversation:
    """As :class:`NewConversation`; ``last``: the highest number of a line, 0 before the first. ``again``: it was there
    before (the same ``client_id``). What was erased is empty."""

    id: str
    client_id: str
    visitor: str
    site: str
    queue: str
    opened_at: float
    language: str
    state: ChatState
    agent: str | None
    ended_at: float | None
    ended_by: ChatEnding | None
    seen_by_visitor: int
    seen_by_agent: int
    consent: str | None
    rating: int | None
    last: int
    last_at: float | None
    """When the last line was written."""
    name: str | None = None
    form: Mapping[str, str] = field(default_factory=dict)
    page: str | None = None
    pages: tuple[Mapping[str, Any], ...] = ()
    """The trail, oldest first: ``{url, title, at}``."""
    comment: str | None = None
    callback: Mapping[str, Any] | None = None
    transcript: Mapping[str, Any] | None = None
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptConsent:
    """What visitors of a site agreed to under this version, from ``since`` (Unix seconds) on. ``text`` by language."""

    site: str
    version: str
    since: float
    text: Mapping[str, str]


class ChatChanges(TypedDict, total=False):
    """What ``StoredChats.update`` may set; what is left out stays."""

    state: ChatState
    queue: str
    agent: str | None
    ended_at: float | None
    ended_by: ChatEnding | None
    seen_by_visitor: int
    seen_by_agent: int
    rating: int | None
    name: str | None
    page: str | None
    pages: list[Mapping[str, Any]]
    comment: str | None
    callback: Mapping[str, Any] | None
    transcript: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLine:
    """``id``: the UUID of who wrote it, once in the database. ``author``: the agent's user name; ``name``: what the
    other side sees. ``file``: the id of a stored file of this conversation."""

    id: str
    by: ChatAuthor
    at: float
    text: str = ""
    kind: LineKind = "text"
    author: str | None = None
    name: str | None = None
    file: str | None = None
    mail: Mapping[str, str] | None = None
    """Of a line by mail: ``address``, ``subject``, and ``whole``, the letter with all that it quoted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatFile:
    """A file of a conversation; its content lies in the folder of files under its random ``id``."""

    id: str
    conversation: str
    name: str
    type: str
    size: int
    sha256: str
    by: ChatAuthor
    at: float
    scan: Scan
    kept: bool = True
    """Whether the content is still there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLine:
    """``number`` counts from 1 in its conversation, without gaps. ``again``: it was there before (the same ``id``)."""

    conversation: str
    number: int
    id: str
    by: ChatAuthor
    at: float
    kind: LineKind
    text: str
    author: str | None = None
    name: str | None = None
    file: ChatFile | None = None
    again: bool = False
    mail: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVisitor:
    """A visitor of a site. ``subject`` and ``attributes``: what the site's signed token said last (``None``: he is
    anonymous). ``expires_at``: when the token that was shown ends."""

    id: str
    site: str
    subject: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    expires_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """Who may not chat until then. ``value``: a visitor's id, or an address (IPv6: its /64)."""

    kind: BanKind
    value: str
    until: float
    by: str
    at: float
    why: str = ""
