"""From rooms and stored lines to what visitors (``webchat.wire``) and agents (``agent_console.wire``) see. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from agent_console.chats import agent_line, file_view, is_private
from agent_console.wire import ChatView
from cti_gateway.chat.room import Room
from interaction_log.chats import StoredConversation, StoredLine
from webchat.wire import CallbackView, Conversation, Line

PRIVATE = "private"
"""What the visitor is shown in the place of a line that he may not read: its number must not be missing."""


def visitor_line(line: StoredLine) -> Line:
    """One line as the visitor sees it."""
    if is_private(line):
        hidden: Line = {
            "number": line.number,
            "id": line.id,
            "by": "system",
            "name": None,
            "at": line.at,
            "kind": "event",
            "text": PRIVATE,
        }
        return hidden
    shown: Line = {
        "number": line.number,
        "id": line.id,
        "by": line.by,
        "name": line.name,
        "at": line.at,
        "kind": line.kind,
        "text": line.text,
    }
    return {**shown, "file": file_view(line.file)} if line.file is not None else shown


def conversation_view(room: Room, agent: str | None, callback: Mapping[str, Any] | None) -> Conversation:
    """How it is, for the visitor. ``agent``: the name that he sees of who talks to him."""
    waits = room.state in ("waiting", "offered")
    return {
        "id": room.id,
        "state": room.state,
        "queue": room.queue,
        "agent": agent,
        "position": room.shown[0] if waits else None,
        "estimate": room.shown[1] if waits else None,
        "last": room.last,
        "seen": room.answered,
        "ended_by": room.ended_by,
        "rating": room.rating,
        "callback": cast("CallbackView | None", callback),
        "cobrowse": room.cobrowse,
    }


def stored_view(one: StoredConversation) -> Conversation:
    """The same of a conversation that is over."""
    return {
        "id": one.id,
        "state": one.state,
        "queue": one.queue,
        "agent": one.agent,
        "position": None,
        "estimate": None,
        "last": one.last,
        "seen": one.seen_by_agent,
        "ended_by": one.ended_by,
        "rating": one.rating,
        "callback": cast("CallbackView | None", one.callback),
        "cobrowse": "off",
    }


def chat_view(room: Room, agent: str, *, whole: bool) -> ChatView:
    """How it is, for one of its agents. ``whole``: with the newest lines (an update has none)."""
    view: ChatView = {
        "interaction_id": room.id,
        "state": room.state,
        "queue": room.queue,
        "visitor": {
            "name": room.name,
            "verified": room.verified,
            "language": room.language,
            "online": room.online,
            "page": room.page,
            "trail": [{"at": page.at, "url": page.url, "title": page.title} for page in room.trail],
            "form": dict(room.form),
        },
        "last": room.last,
        "seen": room.seen,
        "read": room.read.get(agent, 0),
        "members": list(room.members),
        "joined": [one for one, silent in room.joined.items() if one == agent or not silent],
        "idle_at": room.idle_at,
        "cobrowse": room.cobrowse,
        "lines": [agent_line(line) for line in room.lines] if whole else [],
    }
    if room.by_mail:
        view["by_mail"] = True
    return view
