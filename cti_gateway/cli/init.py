"""`cti init`: attach Callweave to an Asterisk. Asks for host and secret, finds the rest on the PBX, writes the TOML.

Prints the lines for ``manager.conf`` too, with the least rights that are needed.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cti_gateway.ami import actions
from cti_gateway.ami.blocking import BlockingAmi, BlockingError
from cti_gateway.cli import site_files
from cti_gateway.cli.doctor import members
from cti_gateway.cli.output import complain, say
from cti_gateway.diagnosis import NOISE, MemberFacts

_TECHNOLOGIES: Final = ("PJSIP/", "SIP/", "IAX2/", "DAHDI/")
_NUMBERED: Final = re.compile(r"([A-Za-z0-9]+)/([0-9]{2,6})")
HASHED_FILTERS: Final = {18: (18, 26), 20: (20, 11), 21: (21, 6)}
"""Since when ``eventfilter(action(exclude),name(…))`` is known, by branch; from 22.1 on always."""


@dataclass
class Found:
    """What there is on the PBX."""

    version: str = ""
    queues: list[str] = field(default_factory=list)
    members: list[MemberFacts] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    trunks_seen: list[str] = field(default_factory=list)
    """Devices that carried calls with numbers of the outside while we looked."""


def add_parser(commands: Any) -> None:
    """`cti init [--host …] … [--yes]`."""
    one: argparse.ArgumentParser = commands.add_parser("init", help="attach Callweave to your Asterisk")
    one.set_defaults(takes_config=False)
    one.add_argument("--output", type=Path, default=Path("callweave.toml"), metavar="FILE", help="file to write")
    one.add_argument("--force", action="store_true", help="overwrite it")
    one.add_argument("--name", default="main", help="how Callweave calls this PBX (default: main)")
    one.add_argument("--host")
    one.add_argument("--port", type=int)
    one.add_argument("--username")
    one.add_argument("--secret-stdin", action="store_true", help="read the secret from standard input")
    one.add_argument("--tls", action="store_true")
    one.add_argument("--device", action="append", metavar="GLOB", help="agents' telephones, as PJSIP/10?? (repeatable)")
    one.add_argument("--trunk", action="append", metavar="GLOB", help="where outside calls pass (repeatable)")
    one.add_argument("--outbound-prefix", metavar="9", help="dialled before an outside number")
    one.add_argument("--region", metavar="CN", help="country of numbers without a country code")
    one.add_argument("--queues-conf", type=Path, metavar="FILE", help="the PBX's queues.conf, for its settings")
    one.add_argument("--yes", action="store_true", help="ask nothing: take what is given, guessed or the default")


def run(arguments: argparse.Namespace) -> int:
    """Ask, look, write; 1 when the PBX cannot be used, 2 for wrong use."""
    if arguments.output.exists() and not arguments.force:
        complain("init", f"{arguments.output} is there already; --force overwrites it")
        return 2
    host = _answer(arguments, "host", "Asterisk's address", "127.0.0.1")
    port = int(_answer(arguments, "port", "Port of its manager interface", "5038"))
    username = _answer(arguments, "username", "Manager user", "callweave")
    secret = sys.stdin.readline().rstrip("\r\n") if arguments.secret_stdin else _secret(arguments)
    if not secret:
        complain("init", "no secret was given (--secret-stdin)")
        return 2
    try:
        found = look(host, port, username, secret, tls=arguments.tls)
        conf = {one.name: one for one in site_files.queues(arguments.queues_conf)} if arguments.queues_conf else {}
    except (BlockingError, site_files.SiteFileError) as error:
        complain("init", f"{host}:{port}: {error}")
        say("The lines for manager.conf on the PBX ('manager reload' reads them):\n")
        say(manager_lines(username, ""))
        return 1
    tell(found)
    for one in conf.values():
        if one.name in found.queues and (one.ringinuse or "yes").lower() not in ("no", "false", "off", "0"):
            say(f"note: queue {one.name} rings telephones that are in use; in queues.conf: ringinuse = no")
    devices, trunks = guess(found)
    settings = {
        "host": host,
        "port": port,
        "username": username,
        "secret": secret,
        "tls": arguments.tls,
        "devices": _globs(arguments, "device", "Agents' telephones", devices),
        "trunks": _globs(arguments, "trunk", "Trunks", trunks),
        "outbound_prefix": _answer(arguments, "outbound_prefix", "Prefix of outside numbers (none: -)", "-").strip("-"),
    }
    region = _answer(arguments, "region", "Country of numbers without a country code", "CN")
    write(arguments.output, toml(arguments.name, settings, region, found.queues))
    say(f"\n{arguments.output} is written (only you can read it: it holds the secret).")
    say("\nLeast rights for this user, in manager.conf on the PBX ('manager reload' reads them):\n")
    say(manager_lines(username, found.version))
    say(f"Next: cti doctor --config {arguments.output}, then cti run --config {arguments.output}")
    return 0


# ---- Asking ----------------------------------------------------------------------------------------------------
def _answer(arguments: argparse.Namespace, name: str, question: str, default: str) -> str:
    given = getattr(arguments, name)
    if given is not None:
        return str(given)
    if arguments.yes:
        return default
    return input(f"{question} [{default}]: ").strip() or default


def _secret(arguments: argparse.Namespace) -> str:
    return "" if arguments.yes else getpass.getpass("Its secret: ")


def _globs(arguments: argparse.Namespace, name: str, question: str, guessed: Sequence[str]) -> list[str]:
    given: list[str] | None = getattr(arguments, name)
    if given:
        return given
    if arguments.yes:
        return list(guessed)
    return (input(f"{question} [{' '.join(guessed)}]: ").split()) or list(guessed)


# ---- Looking ---------------------------------------------------------------------------------------------------
def look(host: str, port: int, username: str, secret: str, *, tls: bool = False) -> Found:
    """Everything that the PBX shows this user; what it does not show stays empty. Raises BlockingError."""
    found = Found()
    with BlockingAmi(host, port, tls=tls) as link:
        link.log_in(username, secret)
        found.version = _or_nothing(lambda: link.ask(actions.core_settings()).get("AsteriskVersion")) or ""
        status = link.listing(actions.queue_status())
        found.queues = sorted(one.get("Queue") for one in status if one.name == "QueueParams")
        found.members = members(status)
        names = {one.get("Device") for one in _or_nothing(lambda: link.listing(actions.device_state_list())) or []}
        endpoints = _or_nothing(lambda: link.listing(actions.pjsip_show_endpoints())) or []
        names |= {f"PJSIP/{one.get('ObjectName')}" for one in endpoints if one.get("ObjectName")}
        found.devices = sorted(name for name in names if name.startswith(_TECHNOLOGIES))
        channels = _or_nothing(lambda: link.listing(actions.core_show_channels())) or []
        agents = {one.device for one in found.members}
        used = {one.get("Channel").rpartition("-")[0] for one in channels}
        found.trunks_seen = sorted(used - agents - {name for name in used if _NUMBERED.fullmatch(name)})
    return found


def _or_nothing(ask: Any) -> Any:
    """The answer; None when the right for it is missing."""
    try:
        return ask()
    except BlockingError:
        return None


def tell(found: Found) -> None:
    """What was found, for people."""
    say(f"Asterisk {found.version or '(version unknown)'}")
    for queue in found.queues:
        inside = [one for one in found.members if one.queue == queue]
        say(f"  queue {queue}: {', '.join(f'{one.device} {one.name}'.strip() for one in inside) or 'no members'}")
    say(f"  telephones and trunks: {', '.join(found.devices) or 'none shown'}")


def guess(found: Found) -> tuple[list[str], list[str]]:
    """Globs of the agents' telephones, and the trunks: what has no number for a name and is no queue's member."""
    agents = {one.device for one in found.members if one.device.startswith(_TECHNOLOGIES)}
    numbered = {one for one in found.devices if _NUMBERED.fullmatch(one)}
    telephones = agents | numbered
    trunks = {one for one in found.devices if one not in telephones} | set(found.trunks_seen)
    return globs(telephones) or ["PJSIP/*"], sorted(trunks)


def globs(devices: Iterable[str]) -> list[str]:
    """As few patterns as say the same: ``PJSIP/1001 PJSIP/1002 …`` → ``PJSIP/10??``; other names stay."""
    groups: dict[tuple[str, str, int], int] = {}
    others: set[str] = set()
    for one in devices:
        match = _NUMBERED.fullmatch(one)
        if match is None:
            others.add(one)
            continue
        technology, number = match[1], match[2]
        keep = max(1, len(number) - 2)
        key = (technology, number[:keep], len(number) - keep)
        groups[key] = groups.get(key, 0) + 1
    return sorted(f"{technology}/{start}{'?' * rest}" for technology, start, rest in groups) + sorted(others)


# ---- Writing ---------------------------------------------------------------------------------------------------
def toml(name: str, settings: dict[str, Any], region: str, queues: Sequence[str]) -> str:
    """The configuration. (A JSON text, list and number is one of TOML too.)"""
    lines = ["# Written by cti init. It holds a secret: keep it unreadable for others.", ""]
    lines += ["[phone]", f"default_region = {json.dumps(region)}", "", "[[pbx]]", f"name = {json.dumps(name)}"]
    lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in settings.items()]
    for queue in queues:
        lines += ["", "[[queue]]", f"name = {json.dumps(queue)}", f"label = {json.dumps(queue.capitalize())}"]
        lines += ["service_level_seconds = 20", "wrap_up_seconds = 30"]
    return "\n".join(lines) + "\n"


def write(path: Path, text: str) -> None:
    """Write it so that nobody else can read it, not even for a moment; whole or not at all."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def has_hashed_filters(version: str) -> bool:
    """Whether this Asterisk knows ``eventfilter(…,name(…))``; unknown versions are taken for new ones."""
    match = re.match(r"(\d+)\.(\d+)", version)
    if match is None:
        return True
    major, minor = int(match[1]), int(match[2])
    return (major, minor) >= HASHED_FILTERS.get(major, (22, 1))


def manager_lines(username: str, version: str) -> str:
    """The section for ``manager.conf``: least rights (DESIGN 4), and no noise, in the form that the version knows."""
    new = [f"eventfilter(action(exclude),name({name})) =" for name in NOISE]
    old = [f"eventfilter = !Event: {name}" for name in NOISE]
    hashed = has_hashed_filters(version)
    chosen, other = (new, old) if hashed else (old, new)
    since = "18.26, 20.11, 21.6, 22.1 and newer"
    return "\n".join(
        [
            "[general]",
            "timestampevents = yes",
            "",
            f"[{username}]",
            "secret = …",
            "deny = 0.0.0.0/0.0.0.0",
            "permit = 127.0.0.1/255.255.255.255   ; the machine that Callweave runs on",
            "read = system,call,agent,user",
            "write = call,agent,originate,reporting",
            "writetimeout = 5000",
            *chosen,
            f"; On {'older Asterisks (not ' + since + ')' if hashed else since} the same is written:",
            *(f"; {line}" for line in other),
            "",
        ]
    )
