"""What the visitors' server is built from."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from interaction_log.chats import Ban
from interaction_log.store.chat_folder import ChatFolder
from interaction_log.store.chats import StoredChats
from interaction_log.web.origin import from_our_page
from webchat.gate import AddressGate, Bans, Proofs, SiteGate
from webchat.ports import Chats
from webchat.sites import Site
from webchat.tabs import Tabs

BANS_SECONDS: Final = 2.0
"""So old at most is the list of bans that somebody who comes is looked up in."""
WIDGET: Final = Path(__file__).resolve().parent / "widget" / "dist"


@dataclass(slots=True, kw_only=True)
class VisitorDeps:
    """``sites`` by their keys. ``folder``: where files lie; ``None``: none are taken. ``now``: monotonic seconds,
    ``wall``: Unix seconds. ``pages``: the widget's script and what belongs to it; ``shop``:
    the application of ``/chat/demo``, where there is one."""

    chats: Chats
    store: StoredChats
    sites: Mapping[str, Site]
    folder: ChatFolder | None = None
    pages: Path = WIDGET
    shop: Any = None
    public_url: str | None = None
    trusted_proxies: Sequence[str] = ()
    now: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    random: Callable[[int], bytes] = os.urandom
    tabs: Tabs = field(default_factory=Tabs)
    bans: Bans = field(default_factory=Bans)
    addresses: AddressGate = field(default_factory=AddressGate)
    gates: dict[str, SiteGate] = field(init=False)
    proofs: Proofs = field(init=False)
    _bans_at: float = field(init=False, default=float("-inf"))

    def __post_init__(self) -> None:
        self.gates = {key: SiteGate(site) for key, site in self.sites.items()}
        self.proofs = Proofs(self.random(32))
        self.tabs.presence = self.chats.presence

    async def refresh_bans(self) -> None:
        """The store's list, if ours is old."""
        if self.now() - self._bans_at >= BANS_SECONDS:
            self._bans_at = self.now()
            self.bans = Bans(await self.store.bans(self.wall()))

    def bans_changed(self, ban: Ban | None) -> None:
        """One was set (who is meant is cut) or lifted: the list is read anew for whoever comes next."""
        self._bans_at = float("-inf")
        if ban is not None and ban.kind == "visitor":
            self.tabs.drop(ban.value)
        elif ban is not None:
            self.tabs.drop_from(ban.value)

    def own_page(self, scope: Any) -> bool:
        """Whether a page that we serve ourselves asks (the demo)."""
        return from_our_page(scope["headers"], self.public_url) is True
