"""Messages that callers left in voicemail: what the events add up to, and as they are stored. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from interaction_log import events as e


@dataclass(slots=True)
class Message:
    """One message. ``filed``: it was looked for; ``file``: its name below the voicemail folder without suffix."""

    id: str
    mailbox: str
    channel: str
    at: float | None
    filed: bool = False
    file: str | None = None
    pbx_id: str | None = None
    seconds: float | None = None
    queue: str | None = None

    def public(self) -> dict[str, Any]:
        """As REST and ``cti replay`` show it; where the file is stays inside."""
        return {"id": self.id, "at": self.at, "mailbox": self.mailbox, "seconds": self.seconds}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """A message as it stands in the store. ``heard_by``, ``heard_at``: who played it first, and when."""

    id: str
    interaction_id: str
    pbx: str
    mailbox: str
    at: float | None
    seconds: float | None
    file: str | None
    pbx_id: str | None
    heard_by: str | None = None
    heard_at: float | None = None


def left(messages: list[Message], event: e.MessageLeft) -> None:
    """One more; told twice it is the same."""
    if all(one.id != event.message_id for one in messages):
        messages.append(Message(event.message_id, event.mailbox, event.channel, event.at))


def filed(messages: list[Message], event: e.MessageFiled) -> None:
    """Where it is, how long it is, whose it is."""
    for one in messages:
        if one.id == event.message_id:
            one.filed, one.queue = True, event.queue
            one.file, one.pbx_id, one.seconds = event.file, event.pbx_id, event.seconds
