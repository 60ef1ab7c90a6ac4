"""What the console server is built from."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from agent_console.alarms import AlarmAccess
from agent_console.chats import ChatAccess
from agent_console.consoles import Consoles
from agent_console.imports import ImportAccess
from agent_console.lines import Lines
from agent_console.phones import BrowserPhones
from agent_console.ports import Clock, Live
from agent_console.privacy import Privacy
from agent_console.recordings import RecordingAccess
from agent_console.reports import ReportAccess
from interaction_log.store.knowledge_store import StoredKnowledge
from interaction_log.store.site_records import SiteRecords
from interaction_log.store.surveys_store import StoredSurveys
from routing.identity_ports import Identity
from routing.ports import Catalogue, Customers, History, Interactions, Missed, Search, Teams, Trail, Users

DIST = Path(__file__).resolve().parent / "web" / "dist"


class Visitors(Protocol):
    """The ASGI application for visitors of web sites, below ``/chat/``: ``webchat.app.visitor_app``."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        ...

    def start(self) -> None:
        """Begin the work in the background."""
        ...

    async def stop(self) -> None:
        """End it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleDeps:
    """Stores, the hub, and the settings that matter here. Times in seconds.

    ``trusted_proxies``: networks whose ``X-Forwarded-For`` is believed. ``public_url``: where browsers find us, if
    that differs from the ``Host`` they send; with ``https`` the session cookie is ``Secure``.
    """

    users: Users
    customers: Customers
    interactions: Interactions
    catalogue: Catalogue
    live: Live
    consoles: Consoles
    missed: Missed | None = None
    reports: ReportAccess | None = None
    alarms: AlarmAccess | None = None
    """Thresholds and alarms; absent: none."""
    search: Search | None = None
    history: History | None = None
    teams: Teams | None = None
    """Roles and teams; absent: the built-in roles alone."""
    trail: Trail | None = None
    """The audit trail, to be read."""
    records: SiteRecords | None = None
    """Typed fields, consents, relations, segments, tasks, cases."""
    calendars: Sequence[str] = ()
    """The names of the hours in which due times may count."""
    identity: Identity | None = None
    """Merges, claims, shared numbers; absent: none of that."""
    imports: ImportAccess | None = None
    """Files of customers, in and out; absent: none."""
    knowledge: StoredKnowledge | None = None
    """Articles and call scripts."""
    surveys: StoredSurveys | None = None
    """What customers answered when they were asked how it was."""
    chats: ChatAccess | None = None
    """Transcripts and files of chats, and canned replies."""
    lines: Lines | None = None
    voicemail: Callable[[str, str], Path | None] = lambda pbx, mailbox: None
    """The voicemail folder of this PBX, where messages of this mailbox may be heard."""
    recordings: RecordingAccess | None = None
    """Absent: no recording is played."""
    privacy: Privacy | None = None
    """Exports, erasures, holds, retention; absent: no master key."""
    crm: Sequence[Mapping[str, Any]] = ()
    """``wire.CrmPage``s, in the order in which they are tried."""
    visitors: Visitors | None = None
    """Absent: nobody chats."""
    version: str = "0"
    dist: Path = DIST
    browser_phones: Sequence[BrowserPhones] = ()
    public_url: str | None = None
    tls: bool = False
    """We serve https ourselves."""
    trusted_proxies: Sequence[str] = ()
    session_seconds: float = 12 * 3600.0
    revocation_check_seconds: float = 2.5  # and the store may be 2 s behind: together under 5 s
    queue_limit: int = 500
    commands_per_second: float = 20.0
    command_burst: float = 60.0
    sign_ins_per_minute: int = 10
    languages: Sequence[str] = field(default=("en", "zh-CN"))
    now: Clock = time.monotonic
    wall: Clock = time.time

    @property
    def secure_cookie(self) -> bool:
        """Whether browsers reach us by TLS only."""
        return self.tls or (self.public_url or "").startswith("https:")
