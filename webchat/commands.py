"""A visitor's commands, checked against the limits and handed to the conversations."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import sqlalchemy as sa

from webchat.deps import VisitorDeps
from webchat.ports import Visitor
from webchat.session import Kind
from webchat.tabs import Tab
from webchat.wire import Ack, Failure, Say

LOG = logging.getLogger(__name__)


def refused(code: str, message: str, *, field: str | None = None, wait: float | None = None) -> Ack:
    """An answer that says no. ``code`` is one of the widget's texts; ``wait``: seconds until it may be tried again."""
    error: Failure = {"code": code, "message": message}
    if field:
        error["field"] = field
    if wait is not None:
        error["wait"] = round(wait, 1)
    return {"ok": False, "error": error}


def _fault(name: str, error: Exception) -> Ack:
    if isinstance(error, sa.exc.SQLAlchemyError | OSError):  # nothing was written, or nobody knows: he sends it again
        LOG.warning("%s of a visitor: %s", name, type(error).__name__)
        return refused("unavailable", "This cannot be kept just now.", wait=1.0)
    LOG.error("%s of a visitor failed", name, exc_info=error)
    return refused("failed", "Something went wrong on our side.", wait=5.0)


class Commands:
    """What each command does."""

    def __init__(self, deps: VisitorDeps):
        self._deps, chats = deps, deps.chats
        self._asked: Mapping[str, Callable[[Visitor, Any], Awaitable[Ack]]] = {
            "open": chats.open,
            "say": chats.say,
            "fetch": self._fetch,
            "leave": lambda visitor, _: chats.leave(visitor),
            "leave_message": chats.leave_message,
            "request_callback": chats.request_callback,
            "cancel_callback": lambda visitor, _: chats.cancel_callback(visitor),
            "rate": chats.rate,
            "mail_transcript": chats.mail_transcript,
            "cobrowse": self._cobrowse,
        }
        self._signs: Mapping[str, Callable[[Visitor, Any], None]] = {
            "typing": lambda visitor, wanted: chats.typing(visitor, wanted.on),
            "seen": lambda visitor, wanted: chats.seen(visitor, wanted.number),
            "page": chats.page,
            "cobrowse_frame": chats.cobrowse_frame,
        }

    def take(
        self, tab: Tab, kind: Kind, name: str, command: Any, answered: Callable[[Ack], None]
    ) -> Coroutine[Any, Any, None] | None:
        """``answered`` hears the answer; what is returned is to be awaited for that, if anything."""
        gate, now = self._deps.gates[tab.visitor.site], self._deps.now()
        wait = 0.0
        if kind == "write":
            wait = gate.line(tab.visitor.id, tab.place, now)
        elif kind == "begin":
            wait = gate.begin(tab.visitor.id, tab.place, now)
        if wait:
            answered(refused("too_many", "Please wait a moment.", wait=wait))
        elif name != "say" or not self._say(tab.visitor, command, answered):
            return self._done(self._asked[name], tab.visitor, name, command, answered)
        return None

    def _say(self, visitor: Visitor, command: Say, answered: Callable[[Ack], None]) -> bool:
        def heard(answer: Ack | Exception) -> None:
            answered(_fault("say", answer) if isinstance(answer, Exception) else answer)

        try:
            return self._deps.chats.say_text(visitor, command, heard)
        except Exception as error:
            answered(_fault("say", error))
            return True

    async def _done(
        self,
        method: Callable[[Visitor, Any], Awaitable[Ack]],
        visitor: Visitor,
        name: str,
        command: Any,
        answered: Callable[[Ack], None],
    ) -> None:
        try:
            answer = await method(visitor, command)
        except Exception as error:
            answer = _fault(name, error)
        answered(answer)

    def sign(self, visitor: Visitor, name: str, command: Any) -> None:
        """Pass a sign on."""
        self._signs[name](visitor, command)

    async def _fetch(self, visitor: Visitor, wanted: Any) -> Ack:
        return {"ok": True, "lines": await self._deps.chats.lines(visitor, wanted)}

    async def _cobrowse(self, visitor: Visitor, wanted: Any) -> Ack:
        return self._deps.chats.cobrowse(visitor, wanted)
