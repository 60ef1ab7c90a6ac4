"""What the console server needs from the running exchange, and what it gives to it. The hub fulfils :class:`Live`.

Everything here is called on the one event loop, synchronously; nothing may block. ``agent`` is always a user's
name. Times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypedDict

from agent_console.wire import Ack, AgentView, ClientCommand, WhyView

Topic = Literal["users", "queues", "pause_reasons", "dispositions", "skills", "campaigns", "customers"]


class DeviceView(TypedDict):
    """A phone that a PBX told us of. ``state``: Asterisk's device state in lower case (``not_inuse``, ``inuse`` …)."""

    pbx: str
    device: str
    state: str
    agent: str | None
    queues: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The health of one dependency: ``database``, ``journal``, ``pbx main`` …

    ``age_seconds``: how old the knowledge is (since it was last seen to work, or not to).
    ``required``: the program is not ready without it (``/readyz`` answers 503).
    """

    name: str
    ok: bool
    state: str
    age_seconds: float
    detail: str | None = None
    required: bool = True


class Live(Protocol):
    """The state of this moment, and the door for commands. ``cti_gateway.hub`` fulfils it."""

    def snapshot(self, agent: str) -> dict[str, Any]:
        """``wire.Snapshot`` without ``seq`` and ``prev``.

        The console server adds ``role``, ``server_time``, ``recent``, ``pause_reasons`` and ``dispositions``
        where this leaves them out. Works for users without a device (a supervisor, an administrator) too.
        """
        ...

    def supervisor_snapshot(self) -> dict[str, Any]:
        """``{agents, queues, interactions, pbx}``: everybody, every queue, every open interaction."""
        ...

    def agents(self) -> list[AgentView]:
        """Every agent as she is now."""
        ...

    def devices(self) -> list[DeviceView]:
        """Every phone that is known."""
        ...

    def health(self) -> list[Part]:
        """The parts that the hub knows of: PBX links, log, journal, lookups."""
        ...

    def counters(self) -> Mapping[str, float]:
        """Numbers that only grow, by metric name without prefix and ``_total`` (``ami_events``)."""
        ...

    def gauges(self) -> Mapping[str, float]:
        """Numbers of now, by metric name without prefix (``interactions_open``)."""
        ...

    def submit(self, agent: str, name: str, command: ClientCommand) -> Ack | Awaitable[Ack]:
        """Take a validated command (a model of ``wire.CLIENT_COMMANDS``); accepted or refused.

        Called once per (agent, ``command.id``). It refuses commands on interactions that are not this agent's (code
        ``not_found``). What is observed later goes out as ``command_result``. For ``identify`` either ``customer_id``
        or ``create`` is set; ``create`` has only fields that ``Customers.create`` takes.
        ``pop_shown`` never arrives here, the console server measures with it.
        """
        ...

    def oversee(self, supervisor: str, name: str, command: ClientCommand) -> Ack | Awaitable[Ack]:
        """The same for a command of ``wire.SUPERVISOR_COMMANDS``; its ``command_result`` goes to the supervisors."""
        ...

    def why(self, agent: str) -> WhyView | None:
        """What stands between the callers and this agent; ``None``: there is no such agent."""
        ...

    def attempted(self, user: str, what: str) -> None:
        """This user was refused ``what`` (a route, a namespace) because of her role; it goes into the audit trail."""
        ...

    def administered(self, actor: str, action: str, subject: str, details: Mapping[str, str]) -> None:
        """An administrator did this; it goes into the audit trail."""
        ...

    def changed(self, topic: Topic, key: str) -> None:
        """Somebody changed this record in the store: read it again. An import gives the key ``*``."""
        ...

    def presence(self, agent: str, consoles: int) -> None:
        """This agent now has so many consoles connected (0: the last one went away)."""
        ...


class Screens(Protocol):
    """What the hub calls to show things; ``agent_console.consoles.Consoles`` fulfils it. Never waits, never raises
    for a console that is gone or slow."""

    def publish(self, agent: str, name: str, payload: Mapping[str, Any]) -> int:
        """Send to all consoles of this agent; ``seq`` and ``prev`` are added here. The ``seq`` is returned."""
        ...

    def flash(self, agent: str, name: str, payload: Mapping[str, Any]) -> int:
        """The same, for what is worth nothing later (somebody writes): it is not kept for who resumes."""
        ...

    def publish_each(self, agents: Iterable[str], name: str, payload: Mapping[str, Any]) -> None:
        """The same to each of these agents, each with a number of its own; encoded once."""
        ...

    def publish_all(self, name: str, payload: Mapping[str, Any]) -> int:
        """The same to every agent, encoded once."""
        ...

    def publish_supervisors(self, name: str, payload: Mapping[str, Any]) -> int:
        """The same to everybody connected to ``/supervisor``."""
        ...

    @property
    def overseen(self) -> bool:
        """Whether a supervisor is connected, or may come back and resume: else nothing need be made for them."""
        ...

    def audience(self) -> list[str]:
        """The agents who have a console open, or had one lately and may resume."""
        ...

    def connected(self, agent: str) -> int:
        """How many consoles this agent has open now."""
        ...

    def disconnect(self, agent: str) -> int:
        """Cut all consoles of this agent; they may come back if their session is still good."""
        ...


NextSeq = Callable[[], int]
Clock = Callable[[], float]
Addresses = Sequence[str]
