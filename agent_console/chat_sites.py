"""The sites whose pages have a chat, as administrators see them: what is configured, and whether anybody comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from interaction_log.store.chats import StoredChats


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSite:
    """What the configuration says of one site. ``keys``: id and algorithm of the keys with which it signs its users,
    never a key; ``forms``: codes of the fields by queue, those of all under the empty name; ``closing``: seconds by
    queue, those of all under the empty name."""

    key: str
    origins: Sequence[str]
    queues: Sequence[str]
    keys: Sequence[Mapping[str, str]] = ()
    forms: Mapping[str, Sequence[str]] = field(default_factory=dict)
    consent: str | None = None
    offers: Sequence[str] = ()
    """Of ``message``, ``callback``, ``files``, ``trail``, ``cobrowse``."""
    closing: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSites:
    """All of them. ``connected``: how many browsers of visitors are connected now, by site."""

    stored: StoredChats
    sites: Sequence[ChatSite] = ()
    connected: Callable[[], Mapping[str, int]] = dict

    async def views(self, address: str) -> list[dict[str, Any]]:
        """As the page shows them. ``address``: where our own pages are, without a slash at the end."""
        return [await self._view(one, address) for one in self.sites]

    async def _view(self, one: ChatSite, address: str) -> dict[str, Any]:
        open_now, last_at = await self.stored.of_site(one.key)
        kept = await self.stored.consents(one.key)
        return {
            **asdict(one),
            "consents": [{"version": text.version, "since": text.since, "text": dict(text.text)} for text in kept],
            "connected": self.connected().get(one.key, 0),
            "open": open_now,
            "last_at": last_at,
            "script": f'<script src="{address}/chat/widget.js" data-site="{one.key}" async></script>',
        }
