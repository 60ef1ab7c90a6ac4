"""Who may not chat for a time: what REST needs to set it, and to have it kept at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from interaction_log.chats import Ban


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatBans:
    """``place``: what bans of an address count by (``None``: it is no address); ``changed``: a ban was set (his
    connections are cut, his conversation ends) or lifted (``None``)."""

    place: Callable[[str], str | None]
    changed: Callable[[Ban | None], None]


def view(one: Ban) -> dict[str, Any]:
    """As the page shows it. Times are Unix seconds."""
    return {"kind": one.kind, "value": one.value, "until": one.until, "by": one.by, "at": one.at, "why": one.why}
