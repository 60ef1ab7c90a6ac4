"""What is right and wrong with an installation, in plain words. Pure: facts in, findings out.

`cti doctor` collects the facts. Each finding says what is the matter and what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final, Literal

from interaction_log.devices import split

Severity = Literal["ok", "hint", "warning", "error"]

CLOCK_TOLERANCE: Final = 2.0
"""Seconds by which the PBX's clock may differ before reports look odd."""

OLDEST_AMI: Final = (2, 10)
"""Asterisk 13; older ones lack the events that calls are followed by."""

OUR_PAUSES: Final = "callweave:"

NEEDED_RIGHTS: Final[Mapping[str, tuple[str, str]]] = {
    "CoreShowChannels": ("reporting", "after a lost connection the calls cannot be read"),
    "QueuePause": ("agent", "agents' pauses and wrap-up do not reach the queues"),
    "Redirect": ("call", "calls cannot be transferred or hung up from the console"),
    "Originate": ("originate", "numbers cannot be dialled from the console"),
}
"""Action → the write right that it needs, and what does not work without it."""

BROAD_RIGHTS: Final[Mapping[str, str]] = {
    "Command": "command",
    "UpdateConfig": "config",
    "ModuleLoad": "system",
    "DBPut": "system",
}
"""Action → the write right that we do not need, and that would let an intruder take over the PBX."""

NOISE: Final = ("VarSet", "Newexten", "RTCPSent", "RTCPReceived", "CEL", "DTMFBegin", "DTMFEnd", "TestEvent")
"""Events that ``eventfilter`` lines should keep away."""


@dataclass(frozen=True)
class Finding:
    """One line of the report. ``code`` is stable, for scripts."""

    severity: Severity
    code: str
    text: str
    advice: str = ""


@dataclass(frozen=True)
class MemberFacts:
    """One queue member, as the PBX lists it."""

    queue: str
    interface: str
    device: str
    name: str
    paused: bool
    reason: str
    status: int


@dataclass(frozen=True)
class QueueConf:
    """What a site's ``queues.conf`` says of a queue; ``None``: not said there."""

    name: str
    joinempty: str | None = None
    leavewhenempty: str | None = None
    ringinuse: str | None = None
    wrapuptime: str | None = None


@dataclass(frozen=True)
class ManagerConf:
    """What a site's ``manager.conf`` says of us; ``None``: not said there."""

    timestampevents: str | None = None
    writetimeout: str | None = None
    read: frozenset[str] | None = None
    write: frozenset[str] | None = None
    filters: int = 0


@dataclass(frozen=True)
class PbxFacts:
    """What was found out about one PBX."""

    name: str
    address: str
    reachable: bool
    error: str = ""
    logged_in: bool = False
    ami_version: str = ""
    asterisk_version: str = ""
    commands: frozenset[str] = frozenset()
    second_commands: frozenset[str] | None = None
    """What the other client saw; ``None``: it was not asked."""
    second_error: str = ""
    clock_difference: float | None = None
    """The PBX's clock minus ours, in seconds."""
    event_seen: bool = False
    event_stamped: bool = False
    noise: Mapping[str, int] = field(default_factory=dict)
    queues: Sequence[str] = ()
    members: Sequence[MemberFacts] = ()
    devices: Sequence[str] = ()
    device_globs: Sequence[str] = ()
    trunk_globs: Sequence[str] = ()
    configured_queues: Sequence[str] = ()
    queue_conf: Sequence[QueueConf] = ()
    manager_conf: ManagerConf | None = None


@dataclass(frozen=True)
class DatabaseFacts:
    """What was found out about the database."""

    kind: str
    reachable: bool
    error: str = ""
    schema: str | None = None
    wanted: str = ""
    writable: bool = False
    agents: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Agents and their devices."""


@dataclass(frozen=True)
class PortFacts:
    """Whether the console server can listen. ``ours``: it is our own server that runs there."""

    address: str
    free: bool
    ours: bool = False


@dataclass(frozen=True)
class RedisFacts:
    """Whether the bus of several processes answers; ``error`` empty: it does."""

    error: str = ""


@dataclass(frozen=True)
class Facts:
    """Everything."""

    pbxs: Sequence[PbxFacts]
    database: DatabaseFacts
    port: PortFacts
    redis: RedisFacts | None = None
    """``None``: no ``[redis]`` is configured."""


def diagnose(facts: Facts) -> list[Finding]:
    """All findings, in the order in which a person would look."""
    found = list(_database(facts.database))
    found += _port(facts.port)
    found += _redis(facts.redis)
    if not facts.pbxs:
        found.append(Finding("error", "no-pbx", "No PBX is configured.", "Run cti init, or write a [[pbx]] table."))
    for pbx in facts.pbxs:
        found += _pbx(pbx, facts)
    return found


def worst(findings: Iterable[Finding]) -> Severity:
    """The gravest severity."""
    order: list[Severity] = ["ok", "hint", "warning", "error"]
    return max((one.severity for one in findings), key=order.index, default="ok")


# ---- Beside the PBX ----------------------------------------------------------------------------------------------
def _database(facts: DatabaseFacts) -> Iterator[Finding]:
    if not facts.reachable:
        yield Finding(
            "error", "database-away", f"The database ({facts.kind}) is not reachable: {facts.error}.", "See [database]."
        )
        return
    if facts.schema is None:
        yield Finding("hint", "database-new", "The database is empty; the first start makes its tables.")
    elif facts.schema != facts.wanted:
        yield Finding(
            "warning",
            "database-schema",
            f"The database has schema {facts.schema}, this version uses {facts.wanted}.",
            "A start brings it up to date (cti db upgrade does it at once). Make a backup before.",
        )
    if facts.writable:
        yield Finding("ok", "database", f"The database ({facts.kind}) is reachable and writable.")
    else:
        yield Finding(
            "error",
            "database-readonly",
            f"The database ({facts.kind}) cannot be written: {facts.error or 'no right'}.",
            "The user that runs cti needs write permission on the file and its folder, or on the tables.",
        )


def _port(facts: PortFacts) -> Iterator[Finding]:
    if facts.free:
        yield Finding("ok", "port", f"The console's address {facts.address} is free.")
    elif facts.ours:
        yield Finding("ok", "port-ours", f"Callweave is running on {facts.address}.")
    else:
        yield Finding(
            "error",
            "port-taken",
            f"Another program listens on {facts.address}, where the console should.",
            "End it, or choose another [http] port.",
        )


def _redis(facts: RedisFacts | None) -> Iterator[Finding]:
    if facts is None:
        return
    if not facts.error:
        yield Finding("ok", "redis", "Redis answers: processes that follow show live figures.")
        return
    text = f"Redis does not answer: {facts.error}. Everything works without it; followers show no figures."
    yield Finding("warning", "redis-away", text, "See [redis]; without several processes it is not needed.")


# ---- One PBX -------------------------------------------------------------------------------------------------------
def _pbx(facts: PbxFacts, all_facts: Facts) -> Iterator[Finding]:
    if not facts.reachable:
        yield Finding(
            "error",
            "pbx-unreachable",
            f"{facts.name}: no manager interface at {facts.address}: {facts.error}.",
            "Check host and port, that manager.conf has enabled=yes and a bindaddr that we reach, and the firewall.",
        )
        return
    if not facts.logged_in:
        yield Finding(
            "error",
            "login-refused",
            f"{facts.name}: the PBX refuses our login: {facts.error}.",
            "Compare username and secret with manager.conf, look at its permit= and deny= lines, then say "
            "'manager reload' on the PBX.",
        )
        return
    yield Finding("ok", "pbx", f"{facts.name}: logged in to Asterisk {facts.asterisk_version or '?'}.")
    yield from _version(facts)
    yield from _rights(facts)
    yield from _second(facts)
    yield from _clock(facts)
    yield from _events(facts)
    yield from _queues(facts)
    yield from _devices(facts, all_facts.database.agents)
    yield from _pauses(facts, running=all_facts.port.ours)
    yield from _queue_conf(facts)


def _version(facts: PbxFacts) -> Iterator[Finding]:
    try:
        major, minor = (int(part) for part in facts.ami_version.split(".")[:2])
    except ValueError:
        yield Finding("warning", "ami-version", f"{facts.name}: unknown AMI version {facts.ami_version!r}.")
        return
    if (major, minor) < OLDEST_AMI:
        text = f"{facts.name}: AMI version {facts.ami_version} belongs to an Asterisk older than 13."
        yield Finding("error", "ami-version", text, "Callweave needs Asterisk 13 or newer; 18 and newer is tested.")
    else:
        yield Finding("ok", "ami-version", f"{facts.name}: AMI version {facts.ami_version}.")


def _rights(facts: PbxFacts) -> Iterator[Finding]:
    missing: dict[str, str] = {}
    for action, (right, without) in NEEDED_RIGHTS.items():
        if action not in facts.commands:
            missing[right] = without
    for right, without in missing.items():
        yield Finding(
            "error", "right-missing", f"{facts.name}: the right write={right} is missing: {without}.", _WRITE_LINE
        )
    broad = sorted({right for action, right in BROAD_RIGHTS.items() if action in facts.commands})
    if broad:
        yield Finding(
            "warning",
            "rights-broad",
            f"{facts.name}: our user may do more than we need: write={','.join(broad)}. "
            "Whoever gets hold of its secret can change the PBX.",
            _WRITE_LINE,
        )
    if not missing and not broad:
        yield Finding("ok", "rights", f"{facts.name}: the rights are what we need, and no more.")
    if "PJSIPNotify" not in facts.commands:
        text = f"{facts.name}: desk phones cannot be answered or put on hold from the console (PJSIPNotify)."
        advice = (
            "That is as it should be for the first user; a second one (system_username) may have write=system,call."
        )
        yield Finding("hint", "no-phone-control", text, advice)


_WRITE_LINE = (
    "In manager.conf: read = system,call,agent,user and write = call,agent,originate,reporting; "
    "then 'manager reload' on the PBX."
)


def _second(facts: PbxFacts) -> Iterator[Finding]:
    """A second client, written by others, looked at the same PBX."""
    if facts.second_error:
        text = f"{facts.name}: a second client (asterisk-ami) could not log in: {facts.second_error}."
        yield Finding("warning", "second-opinion", text, "Too few connections allowed, or a permit= line in between?")
    elif facts.second_commands is not None and facts.second_commands != facts.commands:
        odd = ", ".join(sorted(facts.second_commands ^ facts.commands)[:5])
        yield Finding("warning", "second-opinion", f"{facts.name}: two clients saw different rights ({odd}).")


def _clock(facts: PbxFacts) -> Iterator[Finding]:
    difference = facts.clock_difference
    if difference is None:
        return
    if abs(difference) > CLOCK_TOLERANCE:
        ahead = "ahead of" if difference > 0 else "behind"
        yield Finding(
            "warning",
            "clock",
            f"{facts.name}: its clock is {abs(difference):.0f} s {ahead} ours.",
            "Keep both by NTP: call times come from the PBX, all others from here.",
        )
    else:
        yield Finding("ok", "clock", f"{facts.name}: its clock agrees with ours.")


def _events(facts: PbxFacts) -> Iterator[Finding]:
    conf = facts.manager_conf
    if facts.event_seen and not facts.event_stamped:
        yield Finding(
            "warning",
            "no-timestamps",
            f"{facts.name}: events carry no time; ours is used, which is late when the network is.",
            "In manager.conf under [general]: timestampevents = yes; then 'manager reload'.",
        )
    elif not facts.event_seen:
        text = f"{facts.name}: no event came while we listened, so timestampevents and read= could not be checked."
        yield Finding("hint", "no-events", text, "Ask again while a call is going on (--listen 30).")
    else:
        yield Finding("ok", "events", f"{facts.name}: events arrive and carry their time.")
    noisy = sorted(name for name in NOISE if facts.noise.get(name))
    if noisy:
        yield Finding(
            "hint",
            "noise",
            f"{facts.name}: sends events that nobody reads: {', '.join(noisy)}.",
            "eventfilter lines in manager.conf keep them away: cti init prints them.",
        )
    if conf is not None:
        yield from _manager_conf(facts, conf)


def _manager_conf(facts: PbxFacts, conf: ManagerConf) -> Iterator[Finding]:
    timeout = conf.writetimeout
    if timeout is None or not timeout.isdigit() or int(timeout) < 1000:
        yield Finding(
            "warning",
            "writetimeout",
            f"{facts.name}: writetimeout is {timeout or '100 (the default)'} ms: a short pause of ours cuts the link.",
            "In manager.conf in our user's section: writetimeout = 5000; then 'manager reload'.",
        )
    if conf.read is not None and (missing := {"system", "call", "agent", "user"} - conf.read - _all(conf.read)):
        yield Finding(
            "error" if missing & {"call", "agent"} else "warning",
            "read-missing",
            f"{facts.name}: the right read={','.join(sorted(missing))} is missing: we do not see everything.",
            _WRITE_LINE,
        )


def _all(rights: frozenset[str]) -> set[str]:
    return {"system", "call", "agent", "user"} if "all" in rights else set()


def _queues(facts: PbxFacts) -> Iterator[Finding]:
    for name in facts.configured_queues:
        if name not in facts.queues:
            yield Finding(
                "error",
                "queue-unknown",
                f"{facts.name}: there is no queue {name}, which our configuration names.",
                f"Queues there: {', '.join(facts.queues) or 'none'}.",
            )
    if not facts.queues:
        yield Finding("warning", "no-queues", f"{facts.name}: the PBX has no queues.", "See queues.conf.")
        return
    staffed = {one.queue for one in facts.members}
    for name in facts.configured_queues:
        if name in facts.queues and name not in staffed:
            yield Finding("warning", "queue-empty", f"{facts.name}: queue {name} has no members.")
    count = len(facts.members)
    yield Finding("ok", "queues", f"{facts.name}: {len(facts.queues)} queues with {count} memberships.")


def _matches(name: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)


def _devices(facts: PbxFacts, agents: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    known = set(facts.devices)
    seats = [(*split(seat), name) for name, devices in agents.items() for seat in devices]
    owned = {device: name for pbx, device, name in seats if pbx in (None, facts.name)}
    for device, name in sorted(owned.items()):
        if known and device not in known and _matches(device, facts.device_globs):
            yield Finding(
                "error",
                "device-unknown",
                f"{facts.name}: the PBX does not know {device}, the telephone of {name}.",
                "A typing error, or the telephone was removed.",
            )
    for glob in facts.device_globs:
        if known and not _matches_any(known, glob):
            text = f"{facts.name}: no telephone of the PBX matches devices {glob}."
            yield Finding("warning", "glob-empty", text, "See devices in [[pbx]].")
    unowned = sorted({one.device for one in facts.members if one.device not in owned})
    if agents and unowned:
        yield Finding(
            "hint",
            "member-unowned",
            f"{facts.name}: queue members whose telephone belongs to no agent: {', '.join(unowned[:8])}.",
            "Their calls are logged, but nobody gets a screen pop: cti user add … --device.",
        )
    outside = sorted({one.device for one in facts.members if not _matches(one.device, facts.device_globs)})
    if outside:
        yield Finding(
            "error",
            "member-not-device",
            f"{facts.name}: queue members that our devices do not match: {', '.join(outside[:8])}.",
            "Calls to them look like calls to the outside: add them to devices in [[pbx]].",
        )


def _matches_any(names: Iterable[str], glob: str) -> bool:
    return any(fnmatchcase(one, glob) for one in names)


def _pauses(facts: PbxFacts, *, running: bool) -> Iterator[Finding]:
    left = sorted({one.interface for one in facts.members if one.paused and one.reason.startswith(OUR_PAUSES)})
    if left and not running:
        yield Finding(
            "warning",
            "pauses-left",
            f"{facts.name}: members are still paused by us though Callweave does not run: {', '.join(left[:8])}.",
            "They get no calls. cti queue release ends these pauses; a start of cti run takes them over.",
        )


_COUNTS_PAUSED: Final = {"strict", "paused"}
_YES: Final = {"yes", "true", "on", "1", "y", "t"}
_NO: Final = {"no", "false", "off", "0", "n", "f"}


def _words(text: str | None) -> set[str]:
    return {one.strip().lower() for one in (text or "").split(",")}


def _counts_paused(queue: QueueConf) -> bool:
    """Whether paused members count as nobody (app_queue.c, parse_empty_options)."""
    join, leave = _words(queue.joinempty), _words(queue.leavewhenempty)
    return bool((join | leave) & _COUNTS_PAUSED or join & _NO or leave & _YES)


def _queue_conf(facts: PbxFacts) -> Iterator[Finding]:
    for queue in facts.queue_conf:
        if facts.configured_queues and queue.name not in facts.configured_queues:
            continue
        if (queue.ringinuse or "yes").lower() in _YES:
            yield Finding(
                "warning",
                "ringinuse",
                f"{facts.name}: queue {queue.name} rings telephones that are in use (ringinuse).",
                "In queues.conf: ringinuse = no.",
            )
        waits = (queue.wrapuptime or "0").isdigit() and int(queue.wrapuptime or 0) >= 2
        if _counts_paused(queue) and not waits:
            yield Finding(
                "warning",
                "joinempty",
                f"{facts.name}: queue {queue.name} turns callers away while its members are paused, "
                "which they are during wrap-up.",
                "In queues.conf: wrapuptime = 2 (we then pause at the end of the call), or joinempty = yes.",
            )
