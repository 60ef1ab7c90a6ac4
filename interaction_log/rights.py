"""What a person may see and do: named rights, the built-in roles, and whose contacts she sees. Pure.

A role is a set of rights. The three built-in ones are here; a site makes more of its own (``StoredTeams``), each from
a built-in one, whose screens it has. The table of which route and which command needs which right is
``agent_console.access``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from interaction_log.records import Role

RIGHTS: Final[Mapping[str, str]] = {
    # one's own work
    "desk.use": "have a desk: take calls, write notes, wrap up, ask colleagues",
    "desk.queues": "join and leave the queues that are given to one",
    "calls.dial": "call numbers and customers",
    "missed.work": "see and work missed calls, messages and callbacks",
    "missed.oversee": "change what a colleague works on",
    # customers
    "customers.read": "search and read customers and their history",
    "customers.write": "create and change customers, choose who a caller is",
    "customers.delete": "delete customers",
    "customers.import": "take customers from files",
    "customers.export": "write customers into files",
    "customers.merge": "join two records of one person, and part them again",
    "customers.see_numbers": "see telephone numbers and mail addresses whole",
    "customers.see_sensitive": "see fields that are marked as sensitive",
    "cases.work": "see and work cases, tasks and reminders",
    # the log
    "interactions.read_own": "read one's own contacts",
    "interactions.read_team": "read the contacts of one's teams (of everybody, while there is no team)",
    "interactions.read_all": "read everybody's contacts",
    "recordings.hear": "hear recordings of contacts that one may read",
    "recordings.delete": "delete recordings",
    "reports.read": "read reports and what is behind their numbers",
    "reports.write": "define and schedule reports",
    "surveys.ask": "send a customer a link that asks how content he is",
    # knowledge
    "knowledge.read": "read articles and scripts",
    "knowledge.write": "write and publish articles and scripts",
    # supervision
    "live.read": "watch queues, agents, telephones and the state of the program",
    "supervise.listen": "listen, whisper and barge in",
    "supervise.states": "set agents' states",
    "supervise.queues": "put agents into queues and take them out",
    "supervise.take_over": "take over an agent's call",
    "supervise.assign": "give a waiting contact to an agent",
    "supervise.skills": "change agents' skills",
    "supervise.message": "send messages to agents",
    "supervise.alarms": "set thresholds of alarms, and acknowledge alarms",
    # administration
    "catalogue.write": "set up queues, reasons, dispositions, skills, fields, segments, surveys",
    "users.write": "manage users, their roles and teams",
    "roles.write": "make roles and teams",
    "audit.read": "read the audit trail",
    "privacy.export": "hand a person all that is known of her",
    "privacy.erase": "erase a person",
    "privacy.rules": "set retention, holds and keys",
}
"""What each right lets a person do, in plain English; the screens have their own texts under ``right.NAME``."""

_AGENT: Final = frozenset(
    {
        "desk.use",
        "desk.queues",
        "calls.dial",
        "missed.work",
        "customers.read",
        "customers.write",
        "customers.see_numbers",
        "customers.see_sensitive",
        "cases.work",
        "interactions.read_own",
        "knowledge.read",
    }
)
_SUPERVISOR: Final = _AGENT | {
    "missed.oversee",
    "customers.delete",
    "customers.import",
    "customers.export",
    "customers.merge",
    "interactions.read_team",
    "recordings.hear",
    "reports.read",
    "reports.write",
    "knowledge.write",
    "surveys.ask",
    "live.read",
    "supervise.listen",
    "supervise.states",
    "supervise.queues",
    "supervise.take_over",
    "supervise.assign",
    "supervise.skills",
    "supervise.message",
    "supervise.alarms",
}
BUILT_IN: Final[Mapping[Role, frozenset[str]]] = {
    "agent": _AGENT,
    "supervisor": _SUPERVISOR,
    "admin": frozenset(RIGHTS),
}
"""The rights of the roles that are always there."""


class Person(Protocol):
    """What is asked of a user here (``records.User`` has it)."""

    @property
    def name(self) -> str:
        """Her unique name."""
        ...

    @property
    def role(self) -> Role:
        """The built-in role."""
        ...

    @property
    def rights(self) -> tuple[str, ...] | None:
        """Those of her own role; ``None``: those of ``role``."""
        ...


def rights_of(user: Person) -> frozenset[str]:
    """All rights of a person."""
    return BUILT_IN.get(user.role, frozenset()) if user.rights is None else frozenset(user.rights)


def has(user: Person, *rights: str) -> bool:
    """Whether she has all of these rights."""
    return rights_of(user).issuperset(rights)


def oversees(user: Person) -> bool:
    """Whether she reads contacts of others."""
    mine = rights_of(user)
    return "interactions.read_all" in mine or "interactions.read_team" in mine


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """People who belong together, with the queues that are theirs. ``code`` never changes."""

    code: str
    label: str
    members: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRole:
    """A role of the site's own. ``base``: the built-in role whose screens it has; ``labels``: text by language."""

    code: str
    labels: dict[str, str]
    base: Role
    rights: tuple[str, ...]
    version: int = 1


@dataclass(frozen=True, slots=True)
class Sight:
    """Whose contacts a person sees: everybody's, or those of these agents and these queues."""

    everything: bool = False
    agents: frozenset[str] = field(default_factory=frozenset)
    queues: frozenset[str] = field(default_factory=frozenset)

    def sees_agent(self, name: str | None) -> bool:
        """Whether this agent is in sight."""
        return self.everything or name in self.agents

    def sees_queue(self, name: str | None) -> bool:
        """Whether this queue is in sight."""
        return self.everything or name in self.queues

    def sees(self, interaction: Mapping[str, Any], devices: Collection[str] = ()) -> bool:
        """Whether a running contact is in sight: an agent of ours rang or talked, or it was in a queue of ours.

        ``interaction``: a public object (DESIGN 6.1), whose agents are devices; ``devices``: those at which the agents
        in sight sit now. For contacts of the past the answer is ``store.visibility``'s.
        """
        if self.everything:
            return True
        visited = [interaction.get("queue"), *interaction.get("queues", ())]
        if any(map(self.sees_queue, visited)):
            return True
        parts = [*interaction.get("segments", ()), *interaction.get("offers", ())]
        return any(part["agent"] in devices or self.sees_agent(part["agent"]) for part in parts)


EVERYTHING: Final = Sight(everything=True)


def sight_of(user: Person, teams: Collection[Team]) -> Sight:
    """Whose contacts this person sees.

    While there is no team at all, who reads by team reads everything. As soon as there is one, she sees the people
    and queues of her own teams, and without a team only herself: taking somebody out of a team never shows her more.
    """
    mine = rights_of(user)
    if "interactions.read_all" in mine or ("interactions.read_team" in mine and not teams):
        return EVERYTHING
    if "interactions.read_team" not in mine:
        return Sight(agents=frozenset({user.name}))
    hers = [team for team in teams if user.name in team.members]
    return Sight(
        agents=frozenset({user.name}.union(*(team.members for team in hers))),
        queues=frozenset().union(*(team.queues for team in hers)),
    )


def unknown(rights: Iterable[str]) -> list[str]:
    """Those that are no rights."""
    return sorted(set(rights) - set(RIGHTS))
