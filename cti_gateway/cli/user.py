"""`cti user`: who may sign in, and which telephones are hers."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
import time
from dataclasses import asdict
from typing import Any, Final

from cti_gateway.cli.output import complain, say, say_json
from interaction_log.records import AuditEntry, Conflict, NotFound, Refused, User
from routing.ports import Audit, Users


def add_parser(commands: Any) -> None:
    """`cti user add|list|password|disable|enable`."""
    one: argparse.ArgumentParser = commands.add_parser("user", help="users, their passwords and telephones")
    verbs = one.add_subparsers(dest="verb", required=True, metavar="VERB")
    add = verbs.add_parser("add", help="add a user")
    add.add_argument("name")
    add.add_argument("--role", choices=["agent", "supervisor", "admin"], default="agent")
    add.add_argument("--display-name", metavar="TEXT", help="what others see (default: the name)")
    add.add_argument(
        "--device",
        action="append",
        default=[],
        metavar="PJSIP/1001",
        help="may be given several times; where two PBXs have a telephone of this name: berlin:PJSIP/1001",
    )
    add.add_argument("--language", choices=["en", "zh-CN"])
    _add_password(add)
    listing = verbs.add_parser("list", help="show all users")
    listing.add_argument("--json", action="store_true")
    password = verbs.add_parser("password", help="set a new password and end the user's sessions")
    password.add_argument("name")
    _add_password(password)
    for verb in ("disable", "enable"):
        text = "lock a user out and end her sessions" if verb == "disable" else "let a user in again"
        verbs.add_parser(verb, help=text).add_argument("name")


def _add_password(one: argparse.ArgumentParser) -> None:
    one.add_argument("--password-stdin", action="store_true", help="read the password from standard input")


async def run(arguments: argparse.Namespace, users: Users, trail: Audit | None = None) -> int:
    """Do it; 1 when it is refused. What was changed goes into the audit trail, like an administrator's doing."""
    try:
        match arguments.verb:
            case "add":
                await _add(arguments, users)
            case "list":
                await _list(arguments, users)
            case "password":
                await users.set_password(arguments.name, read_password(arguments))
                await users.close_sessions_of(arguments.name)
                say(f"{arguments.name} has a new password")
            case "disable" | "enable":
                await _set_disabled(arguments, users)
        await _record(arguments, trail)
    except (Refused, Conflict, NotFound) as error:
        complain(f"user {arguments.verb}", _plain(error, getattr(arguments, "name", "")))
        return 1
    return 0


_ACTIONS: Final = {
    "add": "create_user",
    "password": "set_password",
    "disable": "change_user",
    "enable": "change_user",
}
"""As REST names them."""


async def _record(arguments: argparse.Namespace, trail: Audit | None) -> None:
    action = _ACTIONS.get(arguments.verb)
    if trail is None or action is None:
        return
    details = {"by": "cti user"}
    if arguments.verb == "add":
        details |= {"role": arguments.role, "devices": " ".join(arguments.device)}
    elif action == "change_user":
        details["disabled"] = str(arguments.verb == "disable").lower()
    entry = AuditEntry(at=time.time(), actor=actor(), action=action, subject=arguments.name, details=details)
    await trail.append(entry)


def actor() -> str:
    """Who sits at the terminal; no name of ours has a colon in it."""
    try:
        return f"os:{getpass.getuser()}"
    except (KeyError, OSError):  # no entry in the password file
        return f"os:{os.getuid()}"


def _plain(error: Exception, name: str) -> str:
    match error:
        case NotFound():
            return f"there is no user {name}"
        case Conflict():
            return f"{name}: {error}"
        case _:
            return str(error)


def read_password(arguments: argparse.Namespace) -> str:
    """The password, from standard input (its first line) or typed twice without being shown."""
    if arguments.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != first:
        raise Refused("password", "the two differ")
    return first


async def _add(arguments: argparse.Namespace, users: Users) -> None:
    user = User(
        name=arguments.name,
        display_name=arguments.display_name or arguments.name,
        role=arguments.role,
        devices=arguments.device,
        language=arguments.language,
    )
    await users.create(user, read_password(arguments))
    say(f"{user.name} added as {user.role}")


async def _list(arguments: argparse.Namespace, users: Users) -> None:
    found = await users.all()
    if arguments.json:
        say_json([asdict(one) for one in found])
        return
    for one in found:
        state = " (disabled)" if one.disabled else ""
        say(f"{one.name:16} {one.role:11} {one.display_name:20} {' '.join(one.devices)}{state}")


async def _set_disabled(arguments: argparse.Namespace, users: Users) -> None:
    disabled = arguments.verb == "disable"
    await users.update(arguments.name, {"disabled": disabled})
    if disabled:
        await users.close_sessions_of(arguments.name)
    say(f"{arguments.name} is {'disabled' if disabled else 'enabled'}")
