"""`cti doctor`: look at everything that an installation needs, and say in plain words what is right and wrong.

It changes nothing. (To see whether events arrive it sets one member's penalty to the value that it has.)
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import socket
import ssl
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from asterisk.ami import AMIClient, SimpleAction

from cti_gateway import compiled
from cti_gateway.ami import actions
from cti_gateway.ami.blocking import BlockingAmi, BlockingError
from cti_gateway.ami.codec import Message
from cti_gateway.cli import browser_telephones, chat_sites, db, folders, mailboxes, site_files
from cti_gateway.cli.output import complain, say, say_json
from cti_gateway.diagnosis import NOISE, Facts, Finding, MemberFacts, PbxFacts, PortFacts, RedisFacts, diagnose, worst
from cti_gateway.settings_types import CommandSettings, HttpTable, PbxSettings

ANSWER_SECONDS = 5.0
_MARKS = {"ok": "ok     ", "hint": "hint   ", "warning": "WARNING", "error": "ERROR  "}


def add_parser(commands: Any) -> None:
    """`cti doctor [--json] [--listen N] [--queues-conf FILE] [--manager-conf FILE] [--asterisk-conf FOLDER]`."""
    one: argparse.ArgumentParser = commands.add_parser(
        "doctor", help="say what is right and wrong with the installation"
    )
    one.add_argument("--json", action="store_true")
    one.add_argument("--listen", type=float, default=1.0, metavar="N", help="seconds to listen for events (default 1)")
    one.add_argument("--queues-conf", type=Path, metavar="FILE", help="the PBX's queues.conf, to look at it too")
    one.add_argument("--manager-conf", type=Path, metavar="FILE", help="the PBX's manager.conf, to look at it too")
    one.add_argument(
        "--asterisk-conf", type=Path, metavar="FOLDER", help="the PBX's /etc/asterisk, to look at browser telephones"
    )


def run(arguments: argparse.Namespace, settings: CommandSettings) -> int:
    """Print the report; 1 when there is an error in it, 2 when a given file cannot be read."""
    try:
        facts = collect(settings, arguments.listen, arguments.queues_conf, arguments.manager_conf)
        devices = [device for found in facts.database.agents.values() for device in found]
        browsers = browser_telephones.findings(settings, devices, arguments.asterisk_conf)
    except site_files.SiteFileError as error:
        complain("doctor", str(error))
        return 2
    findings = [*diagnose(facts), *browsers, *folders.findings(settings), *chat_sites.findings(settings)]
    findings += [*mailboxes.findings(settings), built()]
    failed = worst(findings) == "error"
    if arguments.json:
        say_json({"ok": not failed, "findings": [asdict(one) for one in findings]})
    else:
        report(findings)
    return 1 if failed else 0


def built() -> Finding:
    """Whether the hot modules are compiled."""
    state = compiled.state()
    if state.on:
        return Finding("ok", "compiled", f"The modules that every event goes through are compiled ({state.why}).")
    text = f"Every event goes through plain Python ({state.why}): all works, at about 1.4 times the processor time."
    return Finding("hint", "not-compiled", text, "With a C compiler and Python's headers, make setup compiles them.")


def report(findings: Sequence[Finding]) -> None:
    """The findings for people."""
    for one in findings:
        say(f"{_MARKS[one.severity]}  {one.text}")
        if one.advice:
            say(f"         → {one.advice}")
    counts = Counter(one.severity for one in findings)
    say("")
    say(", ".join(f"{counts[one]} {one}{'' if counts[one] == 1 else 's'}" for one in ("error", "warning", "hint")))


def collect(
    settings: CommandSettings, listen: float, queues_conf: Path | None = None, manager_conf: Path | None = None
) -> Facts:
    """Look at everything."""
    pbxs = [look_at_pbx(one, settings, listen, queues_conf, manager_conf) for one in settings.pbx]
    redis = look_at_redis(settings.redis.url.get_secret_value()) if settings.redis is not None else None
    return Facts(pbxs, db.look(settings.database.url), look_at_port(settings.http), redis)


def look_at_redis(url: str) -> RedisFacts:
    """Does the bus of several processes answer?"""
    from redis import Redis, RedisError  # noqa: PLC0415

    client = Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2)
    try:
        client.ping()
    except (RedisError, OSError) as error:
        return RedisFacts(type(error).__name__)  # its text may name the password's user
    finally:
        client.close()
    return RedisFacts()


# ---- The console's port ----------------------------------------------------------------------------------------
def look_at_port(table: HttpTable) -> PortFacts:
    """Can the console server listen, or does it already?"""
    address = f"{table.host}:{table.port}"
    family = socket.AF_INET6 if ":" in table.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((table.host, table.port))
        except OSError:
            return PortFacts(address, free=False, ours=_is_ours(table))
    return PortFacts(address, free=True)


def _is_ours(table: HttpTable) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(table.host, table.host)  # noqa: S104
    connection: http.client.HTTPConnection = http.client.HTTPConnection(host, table.port, timeout=2)
    if table.certificate is not None:  # only whether it is ours is asked: the certificate has a finding of its own
        unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, table.port, timeout=2, context=unchecked)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = answer.read(65536)
        return answer.status in (200, 503) and (b'"pbx' in body or b'"role": "follower"' in body)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


# ---- A PBX -----------------------------------------------------------------------------------------------------
def look_at_pbx(
    pbx: PbxSettings, settings: CommandSettings, listen: float, queues_conf: Path | None, manager_conf: Path | None
) -> PbxFacts:
    """Everything about one PBX."""
    address = f"{pbx.host}:{pbx.port}"
    try:
        link = BlockingAmi(
            pbx.host, pbx.port, tls=pbx.tls, tls_verify=pbx.tls_verify, tls_ca=pbx.tls_ca, timeout=ANSWER_SECONDS
        )
    except BlockingError as error:
        return PbxFacts(pbx.name, address, reachable=False, error=str(error))
    with link:
        try:
            link.log_in(pbx.username, pbx.secret.get_secret_value(), auth=pbx.auth, events=True)
        except BlockingError as error:
            return PbxFacts(pbx.name, address, reachable=True, error=str(error), ami_version=link.version)
        seen = _ask(link, listen)
    second_commands, second_error = (
        (None, "")
        if pbx.tls or (pbx.auth == "md5" and not _is_local(pbx.host))
        else (second_opinion(pbx.host, pbx.port, pbx.username, pbx.secret.get_secret_value()))
    )
    return PbxFacts(
        pbx.name,
        address,
        reachable=True,
        logged_in=True,
        ami_version=link.version,
        second_commands=second_commands,
        second_error=second_error,
        device_globs=tuple(pbx.devices),
        trunk_globs=tuple(pbx.trunks),
        configured_queues=tuple(one.name for one in settings.queue if one.pbx == pbx.name),
        queue_conf=site_files.queues(queues_conf) if queues_conf else (),
        manager_conf=site_files.manager(manager_conf, pbx.username) if manager_conf else None,
        **seen,
    )


def _is_local(host: str) -> bool:
    """The other client sends the secret in clear: only where nobody can listen."""
    return host in {"127.0.0.1", "::1", "localhost"}


def _ask(link: BlockingAmi, listen: float) -> dict[str, Any]:
    commands = frozenset(key for key, _ in link.ask(actions.list_commands()).headers()) - {"Response", "ActionID"}
    facts: dict[str, Any] = {"commands": commands, "clock_difference": _clock_difference(link)}
    with contextlib.suppress(BlockingError):
        facts["asterisk_version"] = link.ask(actions.core_settings()).get("AsteriskVersion")
    with contextlib.suppress(BlockingError):
        facts["devices"] = [one.get("Device") for one in link.listing(actions.device_state_list())]
    with contextlib.suppress(BlockingError):
        status = link.listing(actions.queue_status())
        facts["queues"] = [one.get("Queue") for one in status if one.name == "QueueParams"]
        facts["members"] = members(status)
        _provoke(link, status)
    time.sleep(max(0.0, listen))
    told = [one for one in link.events if one.name != "FullyBooted"]
    facts["event_seen"] = bool(told)
    facts["event_stamped"] = any(one.timestamp is not None for one in told)
    facts["noise"] = Counter(one.name for one in told if one.name in NOISE)
    return facts


def members(status: Sequence[Message]) -> list[MemberFacts]:
    """The queue members of an answer to ``QueueStatus``."""
    return [
        MemberFacts(
            queue=one.get("Queue"),
            interface=one.get("Location"),
            device=one.get("StateInterface") or one.get("Location"),
            name=one.get("Name"),
            paused=one.get("Paused") == "1",
            reason=one.get("PausedReason"),
            status=int(one.get("Status") or 0),
        )
        for one in status
        if one.name == "QueueMember"
    ]


def _clock_difference(link: BlockingAmi) -> float | None:
    """By a ping, half of its way taken off."""
    before = time.time()
    stamp = link.ask(actions.ping()).timestamp
    after = time.time()
    return None if stamp is None else round(stamp - (before + after) / 2, 3)


def _provoke(link: BlockingAmi, status: Sequence[Message]) -> None:
    """Let the PBX send an event: a member's penalty is set to what it is."""
    member = next((one for one in status if one.name == "QueueMember"), None)
    if member is None:
        return
    with contextlib.suppress(BlockingError, ValueError):
        penalty = int(member.get("Penalty"))
        link.ask(actions.queue_penalty(member.get("Location"), penalty, queue=member.get("Queue")))


# ---- A second opinion --------------------------------------------------------------------------------------------
def second_opinion(host: str, port: int, username: str, secret: str) -> tuple[frozenset[str] | None, str]:
    """What asterisk-ami, a client that others wrote, is allowed to do there; or why it could not log in."""
    client = AMIClient(address=host, port=port, timeout=ANSWER_SECONDS)
    try:
        login = client.login(username, secret).response
        if login is None or login.is_error():
            return None, "no answer" if login is None else str(login.keys.get("Message", "refused"))
        answer = client.send_action(SimpleAction("ListCommands")).response
        if answer is None:
            return None, "no answer to ListCommands"
        return frozenset(answer.keys) - {"ActionID"}, ""
    except OSError as error:
        return None, error.strerror or str(error)
    finally:
        with contextlib.suppress(OSError, AttributeError):
            if not client.finished.is_set():
                client.logoff()  # else its thread ends only after its time-out
            client.disconnect()
