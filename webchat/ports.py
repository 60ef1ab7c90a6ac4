"""What the visitors' server needs from the gateway, and the other way round, as protocols."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from webchat.wire import (
    Ack,
    Cobrowse,
    CobrowseFrame,
    Conversation,
    Fetch,
    LeaveMessage,
    Line,
    MailTranscript,
    Open,
    Page,
    Rate,
    RequestCallback,
    Say,
    SiteView,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who is at the other end. ``subject`` and ``attributes``: what the site's signed token says (``None``: nobody
    vouches for him; what he types about himself is no evidence)."""

    id: str
    site: str
    subject: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    """Where he connects from: for limits and bans only."""


class Chats(Protocol):
    """The conversations: fulfilled by ``cti_gateway.chat``. An :class:`Ack` comes after the commit."""

    async def site(self, site: str, queue: str) -> SiteView | None:
        """What the widget shows; ``None``: there is no such site or queue."""
        ...

    async def current(self, visitor: Visitor) -> Conversation | None:
        """His conversation, open or ended not long ago."""
        ...

    async def lines(self, visitor: Visitor, wanted: Fetch) -> list[Line]:
        """Lines of it, in order."""
        ...

    async def open(self, visitor: Visitor, wanted: Open) -> Ack:
        """Begin one, or answer with the one that is open already."""
        ...

    async def say(self, visitor: Visitor, wanted: Say) -> Ack:
        """Write a line."""
        ...

    def say_text(self, visitor: Visitor, wanted: Say, heard: Callable[[Ack | Exception], None]) -> bool:
        """As :meth:`say` for a line of text in an open conversation, without a task for each: ``heard`` is told after
        the commit, or what stands against it. ``False``: it is no such line. Raises SQLAlchemy's error where too much
        waits."""
        ...

    async def leave(self, visitor: Visitor) -> Ack:
        """End it."""
        ...

    async def signed_in(self, anonymous: str, visitor: Visitor) -> None:
        """The conversation of an anonymous visitor (his id) is this one's from now on, as the store has it already."""
        ...

    async def leave_message(self, visitor: Visitor, wanted: LeaveMessage) -> Ack:
        """Nobody is there: a message for later."""
        ...

    async def request_callback(self, visitor: Visitor, wanted: RequestCallback) -> Ack:
        """He wants to be called."""
        ...

    async def cancel_callback(self, visitor: Visitor) -> Ack:
        """He does not any more."""
        ...

    async def rate(self, visitor: Visitor, wanted: Rate) -> Ack:
        """How it was."""
        ...

    async def mail_transcript(self, visitor: Visitor, wanted: MailTranscript) -> Ack:
        """Send it by mail."""
        ...

    def typing(self, visitor: Visitor, on: bool) -> None:
        """He writes."""
        ...

    def seen(self, visitor: Visitor, number: int) -> None:
        """He has read so far."""
        ...

    def page(self, visitor: Visitor, wanted: Page) -> None:
        """He looks at another page."""
        ...

    def cobrowse(self, visitor: Visitor, wanted: Cobrowse) -> Ack:
        """He shows his page, or no more."""
        ...

    def cobrowse_frame(self, visitor: Visitor, wanted: CobrowseFrame) -> None:
        """A piece of it."""
        ...

    def presence(self, visitor: Visitor, tabs: int) -> None:
        """So many connections of his are open now."""
        ...


class VisitorScreens(Protocol):
    """The visitors' browsers: fulfilled by ``webchat.sockets``."""

    def tell(self, visitor: str, event: str, payload: Mapping[str, Any]) -> None:
        """Send to every connection of a visitor; never waits. Who is not there fetches later."""
        ...

    def connected(self, visitor: str) -> int:
        """How many connections he has."""
        ...

    def drop(self, visitor: str) -> None:
        """Close his connections (banned)."""
        ...

    def retire(self, visitor: str) -> None:
        """Close his connections, and take none any more: he is another visitor from now on."""
        ...
