"""What the console and the hub need from the store, as protocols; ``interaction_log.store`` fulfils them.

All ``async`` methods run their SQL away from the event loop. They raise ``interaction_log.records.Refused``
(bad input, names the field), ``NotFound`` and ``Conflict``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from typing import Any, Protocol

from interaction_log.events import Recorded
from interaction_log.found import FoundPage, Question, Scope
from interaction_log.interaction import Interaction
from interaction_log.messages import StoredMessage
from interaction_log.missed import MissedCall, MissedPage, MissedState, Work
from interaction_log.pages import InteractionPage
from interaction_log.recordings import RecordingFile
from interaction_log.records import AuditEntry, Campaign, Choice, Customer, ImportReport, Match, QueueSettings, User
from interaction_log.rights import EVERYTHING, OwnRole, Sight, Team
from interaction_log.trail import AuditCheck, AuditFilter, AuditRow, Head

__all__ = [
    "Audit",
    "Catalogue",
    "Customers",
    "History",
    "InteractionPage",
    "Interactions",
    "Log",
    "Missed",
    "Search",
    "Teams",
    "Trail",
    "Users",
]


class Customers(Protocol):
    """The customer records."""

    async def find_caller(self, address: str) -> Match:
        """Who may this be? Exact E.164: known; national significant number: maybe; several: candidates."""
        ...

    async def get(self, customer_id: str) -> Customer:
        """The record; raises ``NotFound``."""
        ...

    async def match_of(self, customer_id: str) -> Match:
        """The same as ``find_caller`` gives, for a customer that somebody chose (``strength`` known)."""
        ...

    async def create(self, fields: dict[str, Any]) -> Customer:
        """A new record from these fields; raises ``Refused``."""
        ...

    async def update(self, customer_id: str, fields: dict[str, Any]) -> Customer:
        """Change these fields; raises ``NotFound``, ``Refused``."""
        ...

    async def delete(self, customer_id: str) -> None:
        """Remove the record; its interactions stay."""
        ...

    async def search(
        self, text: str, limit: int, cursor: str | None, segment: str | None = None, names: bool = False
    ) -> tuple[list[Customer], str | None]:
        """Customers (of a segment) whose name, organisation, number or mail contains ``text``; keyset paging.
        ``names``: by name and organisation only."""
        ...

    async def timeline(self, customer_id: str, limit: int, before: float | None) -> list[dict[str, Any]]:
        """The history, newest first, before a time (Unix seconds)."""
        ...

    async def import_csv(self, data: bytes, dry_run: bool) -> ImportReport:
        """Take customers from a file; nothing is written in a dry run."""
        ...


class Search(Protocol):
    """Full-text search."""

    async def find(self, question: Question, scope: Scope) -> FoundPage:
        """A page of what is found and may be seen; raises ``Refused`` for a foreign cursor."""
        ...

    async def members(self, customer_id: str) -> tuple[str, ...]:
        """All records that are one person with this one."""
        ...


class History(Protocol):
    """All that happened with a person."""

    async def page(
        self, customer_id: str, kinds: Collection[str], limit: int, cursor: str | None, before: float | None = None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Entries of these kinds (none: of all), newest first, and the next page's cursor; raises ``Refused``.
        ``before``: Unix seconds, where the first page begins."""
        ...


class Interactions(Protocol):
    """Reading the log's projections."""

    async def page(
        self,
        *,
        start: float | None,
        end: float | None,
        queue: str | None,
        agent: str | None,
        customer_id: str | None,
        limit: int,
        cursor: str | None,
        sight: Sight = EVERYTHING,
    ) -> InteractionPage:
        """One page of the log, newest first."""
        ...

    async def get(self, interaction_id: str) -> dict[str, Any]:
        """One interaction; raises ``NotFound``."""
        ...

    async def in_sight(self, interaction_id: str, sight: Sight) -> bool:
        """Whether this one is in sight."""
        ...

    async def recent_of_agent(self, devices: Iterable[str], agent: str, limit: int) -> list[dict[str, Any]]:
        """What this agent, or somebody at these devices, had last."""
        ...

    async def decisions(self, interaction_id: str) -> list[dict[str, Any]]:
        """Whom the distributor chose for it and why, in order; empty for calls."""
        ...

    async def gaps(self, limit: int) -> list[dict[str, Any]]:
        """The times in which a PBX link was lost (``LinkLost``/``LinkRestored``), newest first."""
        ...


class Users(Protocol):
    """Users, their passwords (argon2id) and their sessions (opaque tokens, stored hashed)."""

    async def all(self) -> list[User]:
        """Everybody."""
        ...

    async def get(self, name: str) -> User:
        """The user; raises ``NotFound``."""
        ...

    async def create(self, user: User, password: str) -> User:
        """A new user; raises ``Conflict``, ``Refused``."""
        ...

    async def update(self, name: str, fields: dict[str, Any]) -> User:
        """Change these fields; raises ``Conflict`` for an old version."""
        ...

    async def set_password(self, name: str, password: str) -> None:
        """Raises ``Refused`` for one that is too short or too long."""
        ...

    async def check_password(self, name: str, password: str) -> User | None:
        """Takes the same time for unknown names."""
        ...

    async def open_session(self, name: str, lifetime_seconds: float) -> str:
        """A new token."""
        ...

    async def session_user(self, token: str) -> User | None:
        """``None`` for unknown, expired and revoked tokens and disabled users."""
        ...

    async def session_users(self, tokens: Sequence[str]) -> dict[str, User]:
        """The same for many at once, those with a good session only. Does not keep a session alive by itself."""
        ...

    async def close_session(self, token: str) -> None:
        """This token is good no more."""
        ...

    async def close_sessions_of(self, name: str) -> None:
        """No token of this user is good any more."""
        ...


class Catalogue(Protocol):
    """Queues, pause reasons, dispositions, skills, campaigns: small tables that administrators edit."""

    async def queues(self) -> list[QueueSettings]:
        """All queues."""
        ...

    async def put_queue(self, queue: QueueSettings) -> None:
        """Make it or change it."""
        ...

    async def pause_reasons(self) -> list[Choice]:
        """All reasons, in order."""
        ...

    async def put_pause_reason(self, choice: Choice) -> None:
        """Make it or change it."""
        ...

    async def dispositions(self) -> list[Choice]:
        """All dispositions, in order."""
        ...

    async def put_disposition(self, choice: Choice) -> None:
        """Make it or change it."""
        ...

    async def skills(self) -> list[Choice]:
        """All skills, in order."""
        ...

    async def put_skill(self, choice: Choice) -> None:
        """Make it or change it."""
        ...

    async def campaigns(self) -> list[Campaign]:
        """All campaigns, in order."""
        ...

    async def put_campaign(self, campaign: Campaign) -> None:
        """Make it or change it."""
        ...


class Audit(Protocol):
    """The trail of what people with power did."""

    async def append(self, entry: AuditEntry) -> None:
        """On disk when it returns."""
        ...


class Trail(Protocol):
    """The audit trail, to be read."""

    async def page(self, limit: int, before: int | None, only: AuditFilter | None) -> list[AuditRow]:
        """The newest first, with numbers below ``before``."""
        ...

    async def actions(self) -> list[str]:
        """The names of all acts in it."""
        ...

    async def verify(self, noted: Head | None = None) -> AuditCheck:
        """Whether it is whole, and goes on from ``noted``."""
        ...


class Teams(Protocol):
    """Roles of the site's own, and teams. ``put_…`` raise ``Refused`` and ``Conflict`` (an old version)."""

    async def roles(self) -> list[OwnRole]:
        """The site's own roles."""
        ...

    async def put_role(self, role: OwnRole) -> OwnRole:
        """Make it or change it."""
        ...

    async def remove_role(self, code: str) -> None:
        """Raises ``NotFound``, or ``Conflict`` while somebody has it."""
        ...

    async def teams(self) -> list[Team]:
        """All teams with their members."""
        ...

    async def put_team(self, team: Team) -> Team:
        """Make it or change it."""
        ...

    async def remove_team(self, code: str) -> None:
        """Raises ``NotFound``."""
        ...

    async def sight(self, user: User) -> Sight:
        """Whose contacts this person sees."""
        ...


class Missed(Protocol):
    """The missed calls, as a list that people work."""

    async def page(
        self, *, state: MissedState | None, queue: str | None, limit: int, cursor: str | None, now: float
    ) -> MissedPage:
        """Entries newest first; ``state`` ``None``: all that is to be done."""
        ...

    async def get(self, entry_id: str) -> MissedCall:
        """One page of the log, newest first."""
        ...

    async def work(self, entry_id: str, work: Work) -> MissedCall:
        """Change an entry, if it is still as ``work.version`` says and nobody else has it."""
        ...

    async def message(self, message_id: str) -> StoredMessage:
        """One message that a caller left. Raises ``NotFound``."""
        ...

    async def heard(self, message_id: str, by: str, at: float) -> StoredMessage:
        """Somebody played it; the first one stays."""
        ...


class Recordings(Protocol):
    """The files of recorded calls, by opaque id."""

    async def get(self, recording_id: str) -> RecordingFile:
        """Raises ``NotFound``."""
        ...

    async def older_than(self, before: float, after_id: str, limit: int) -> list[RecordingFile]:
        """Finished ones that ended before, whose file is still there, by id from ``after_id`` on."""
        ...

    async def deleted(self, recording_id: str, at: float) -> None:
        """The file is gone."""
        ...


class Log(Protocol):
    """The one ordered log. ``append`` never waits and never raises for a database that is away."""

    def next_seq(self) -> int:
        """The next number, from a durable block."""
        ...

    def append(self, recorded: Recorded) -> None:
        """Hand it over; returns at once."""
        ...

    async def durable(self, seq: int) -> None:
        """Return when ``seq`` and all before it are on disk (database or journal)."""
        ...

    def open_interactions(self) -> list[Interaction]:
        """As they were found at the start."""
        ...

    def events_after(self, seq: int, limit: int) -> AsyncIterator[Recorded]:
        """Events with a greater number, in order."""
        ...
