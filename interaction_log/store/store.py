"""The records beside the log, opened together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from interaction_log.store.alarms import StoredAlarms
from interaction_log.store.audit import StoredAudit
from interaction_log.store.callbacks import StoredCallbacks
from interaction_log.store.canned import StoredCanned
from interaction_log.store.catalogue import StoredCatalogue
from interaction_log.store.chats import StoredChats
from interaction_log.store.customer_views import CustomerViews
from interaction_log.store.customers import StoredCustomers
from interaction_log.store.history import StoredHistory
from interaction_log.store.identity_records import StoredIdentity
from interaction_log.store.imports_store import StoredImports
from interaction_log.store.interactions import StoredInteractions
from interaction_log.store.knowledge_store import StoredKnowledge
from interaction_log.store.mails import StoredMails
from interaction_log.store.migrate import upgrade_to_head
from interaction_log.store.missed import StoredMissed
from interaction_log.store.orders import StoredOrders
from interaction_log.store.reading import Reading
from interaction_log.store.recording_keys import StoredRecordingKeys
from interaction_log.store.recordings import StoredRecordings
from interaction_log.store.report_schedules import StoredSchedules
from interaction_log.store.reports import StoredReports
from interaction_log.store.search import StoredSearch
from interaction_log.store.search_feed import SearchFeed
from interaction_log.store.shifts import StoredShifts
from interaction_log.store.site_records import SiteRecords
from interaction_log.store.staff_messages import StoredMessages
from interaction_log.store.surveys_store import StoredSurveys
from interaction_log.store.teams import StoredTeams
from interaction_log.store.told import StoredTold
from interaction_log.store.users import StoredUsers
from interaction_log.store.writing import Writing

if TYPE_CHECKING:
    from interaction_log.privacy.stored import StoredPrivacy


@dataclass(slots=True)
class Store:
    """Customers, interactions, users and catalogue of one installation. Needs no lease: commands may open it too."""

    customers: StoredCustomers
    interactions: StoredInteractions
    users: StoredUsers
    catalogue: StoredCatalogue
    callbacks: StoredCallbacks
    missed: StoredMissed
    recordings: StoredRecordings
    audit: StoredAudit
    teams: StoredTeams
    imports: StoredImports
    knowledge: StoredKnowledge
    surveys: StoredSurveys
    records: SiteRecords
    search: StoredSearch
    history: StoredHistory
    feed: SearchFeed
    _reading: Reading
    _writing: Writing
    identity: StoredIdentity = field(init=False)
    reports: StoredReports = field(init=False)
    customer_views: CustomerViews = field(init=False)
    schedules: StoredSchedules = field(init=False)
    alarms: StoredAlarms = field(init=False)
    messages: StoredMessages = field(init=False)
    chats: StoredChats = field(init=False)
    mails: StoredMails = field(init=False)
    told: StoredTold = field(init=False)
    canned: StoredCanned = field(init=False)
    recording_keys: StoredRecordingKeys = field(init=False)
    privacy: StoredPrivacy | None = None
    """Absent: opened without the site's master key."""

    def __post_init__(self) -> None:
        self.reports, self.customer_views = StoredReports(self._reading), CustomerViews(self._reading)
        self.schedules = StoredSchedules(self._reading, self._writing)
        self.alarms = StoredAlarms(self._reading, self._writing)
        self.told = StoredTold(self._reading)
        self.messages = StoredMessages(self._reading, self._writing)
        self.identity = StoredIdentity.over(self._reading, self._writing, self.customers)
        master = self.privacy.master if self.privacy is not None else None
        self.canned = StoredCanned(self._reading, self._writing)
        self.chats = StoredChats(self._reading, self._writing, master)
        self.mails = StoredMails(self._reading, self._writing, master)
        self.recording_keys = StoredRecordingKeys(self._reading, self._writing, master)

    @classmethod
    def open(cls, url: str, *, default_region: str, master_key: Path | None = None) -> Store:
        """Bring the schema up to date and open. Blocks. ``default_region``: ISO 3166-1 alpha-2, for local numbers.
        ``master_key``: the file; sealed fields, exports and erasures need it.

        Raises ``SchemaTooNew``, ``ValueError`` (no such database, ``KeyFault``) or SQLAlchemy's errors.
        """
        from interaction_log.privacy.stored import opened  # noqa: PLC0415 (it stands on this package)

        upgrade_to_head(url)
        reading, writing = Reading(url), Writing(url)
        users = StoredUsers(reading, writing)
        return cls(
            StoredCustomers(reading, writing, default_region),
            StoredInteractions(reading),
            users,
            StoredCatalogue(reading, writing),
            StoredCallbacks(reading, writing),
            StoredMissed(reading, writing),
            StoredRecordings(reading, writing),
            StoredAudit(reading, writing),
            StoredTeams(reading, writing, users.forget),
            StoredImports(reading, writing, url, default_region),
            StoredKnowledge(reading, writing),
            StoredSurveys(reading, writing),
            SiteRecords.over(reading, writing),
            StoredSearch(reading),
            StoredHistory(reading),
            SearchFeed(reading, writing),
            reading,
            writing,
            opened(reading, writing, master_key) if master_key is not None else None,
        )

    def shifts(self) -> StoredShifts:
        """What agents are planned to do."""
        return StoredShifts(self._reading, self._writing)

    def orders(self, region: str) -> StoredOrders:
        """What customers bought. ``region``: ISO 3166-1 alpha-2, for local telephone numbers."""
        return StoredOrders(self._reading, self._writing, region)

    def follow(self, shown: Callable[[], Awaitable[None]]) -> None:
        """Questions about interactions wait for ``shown`` first (``EventLog.shown``); the look-up of a caller never."""
        self._reading.follow(shown)

    def close(self) -> None:
        """Wait for what runs, then close the connections. Blocks, normally for milliseconds."""
        self.users.close()
        self.chats.close()
        self._writing.close()
        self._reading.close()
