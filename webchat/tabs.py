"""The visitors' connections: who is where, and what goes to whom. Fulfils ``webchat.ports.VisitorScreens``.

A visitor has several tabs; each gets everything. A tab that does not read is cut: it connects again and fetches. While
a tab is being welcomed, what comes is held back, so that nothing is missing between the welcome and the next line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from interaction_log.web.emit import Emitter, Sent
from interaction_log.web.strict_json import Codec
from webchat.ports import Visitor

NAMESPACE: Final = "/chat"
QUEUE_LIMIT: Final = 200
"""Messages that wait for a tab that reads slowly."""
HELD_LIMIT: Final = 500
RETIRED: Final = 1_000
"""So many are remembered: connections that are just being made, not those of an hour ago, which have no token."""


@dataclass(slots=True, eq=False)
class Tab:
    """One connection that signed in."""

    sid: str
    eio_sid: str
    visitor: Visitor
    place: str
    after: int = 0
    held: list[tuple[str, str]] | None = field(default_factory=list)
    """What came before the welcome was sent; ``None``: it was."""


class Tabs:
    """All of them. ``presence(visitor, tabs)`` is told when their number changes."""

    def __init__(self) -> None:
        self._of: dict[str, list[Tab]] = {}
        self.emitter: Emitter | None = None
        self.cut: Callable[[Tab], None] = lambda tab: None
        self.presence: Callable[[Visitor, int], None] = lambda visitor, tabs: None
        self.retired: dict[str, None] = {}
        """Who signed in, as the anonymous visitors that they were: a connection that began before comes again."""
        self.count = self.sent = self.cuts = 0

    def join(self, tab: Tab) -> None:
        """It is there from now on."""
        self._of.setdefault(tab.visitor.id, []).append(tab)
        self.count += 1
        self.presence(tab.visitor, self.connected(tab.visitor.id))

    def leave(self, tab: Tab) -> None:
        """It is gone; told twice, the second does nothing."""
        mine = self._of.get(tab.visitor.id, [])
        if tab not in mine:
            return
        mine.remove(tab)
        self.count -= 1
        if not mine:
            del self._of[tab.visitor.id]
        self.presence(tab.visitor, self.connected(tab.visitor.id))

    def welcome(self, tab: Tab, message: Mapping[str, Any]) -> None:
        """The first message, and then what came meanwhile."""
        held, tab.held = tab.held or [], None
        self._send(tab, "welcome", text_of(message))
        for event, payload in held:
            self._send(tab, event, payload)

    def _send(self, tab: Tab, event: str, payload: str) -> None:
        if tab.held is not None:
            tab.held.append((event, payload))
            if len(tab.held) > HELD_LIMIT:
                self._cut(tab)
            return
        assert self.emitter is not None
        self.sent += 1
        if self.emitter.send(tab.sid, tab.eio_sid, NAMESPACE, event, payload) is Sent.FULL:
            self._cut(tab)

    def _cut(self, tab: Tab) -> None:
        self.cuts += 1
        self.cut(tab)

    # --- VisitorScreens ------------------------------------------------------------------------------

    def tell(self, visitor: str, event: str, payload: Mapping[str, Any]) -> None:
        """Send to every connection of a visitor; never waits. Who is not there fetches later."""
        tabs = self._of.get(visitor)
        if tabs:
            text = text_of(payload)
            for tab in list(tabs):
                self._send(tab, event, text)

    def connected(self, visitor: str) -> int:
        """How many connections he has."""
        return len(self._of.get(visitor, ()))

    def by_site(self) -> dict[str, int]:
        """How many connections there are from each site's pages."""
        found: dict[str, int] = {}
        for tabs in self._of.values():
            site = tabs[0].visitor.site
            found[site] = found.get(site, 0) + len(tabs)
        return found

    def drop(self, visitor: str) -> None:
        """Close his connections (banned)."""
        for tab in list(self._of.get(visitor, ())):
            self.cut(tab)

    def drop_from(self, place: str) -> None:
        """Close all connections from an address (banned)."""
        for tab in [tab for tabs in self._of.values() for tab in tabs if tab.place == place]:
            self.cut(tab)

    def retire(self, visitor: str) -> None:
        """Close his connections, and take none any more: he is another visitor from now on."""
        self.retired[visitor] = None
        while len(self.retired) > RETIRED:
            self.retired.pop(next(iter(self.retired)))
        self.drop(visitor)


def text_of(message: Mapping[str, Any]) -> str:
    """As JSON."""
    try:
        return orjson.dumps(message).decode()
    except orjson.JSONEncodeError:  # half of a surrogate pair, in the name of a field that was refused
        return Codec.dumps(message, separators=(",", ":"))
