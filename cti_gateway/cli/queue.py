"""`cti queue release`: end our pauses from outside, when the gateway is not there to do it (systemd `ExecStopPost`)."""

from __future__ import annotations

import argparse
from typing import Any

from cti_gateway.ami import actions
from cti_gateway.ami.blocking import BlockingAmi, BlockingError
from cti_gateway.cli.link import chosen, connect
from cti_gateway.cli.output import complain, say, say_json
from cti_gateway.diagnosis import OUR_PAUSES
from cti_gateway.settings_types import CommandSettings


def add_parser(commands: Any) -> None:
    """`cti queue release [--pbx NAME] [--json]`."""
    one: argparse.ArgumentParser = commands.add_parser("queue", help="look after the PBX's queues")
    verbs = one.add_subparsers(dest="verb", required=True, metavar="VERB")
    release = verbs.add_parser("release", help="end the pauses that Callweave set, so that calls ring again")
    release.add_argument("--pbx", metavar="NAME", help="only this one")
    release.add_argument("--json", action="store_true")


def run(arguments: argparse.Namespace, settings: CommandSettings) -> int:
    """Release on every PBX; 1 when one could not be asked."""
    released: list[dict[str, str]] = []
    failed = False
    pbxs = chosen(settings, arguments.pbx)
    if not pbxs:
        complain(
            "queue release", "the configuration has no such [[pbx]]" if arguments.pbx else "no [[pbx]] is configured"
        )
        return 2
    for pbx in pbxs:
        try:
            with connect(pbx) as link:
                released += [{"pbx": pbx.name, **one} for one in release(link)]
        except BlockingError as error:
            complain("queue release", f"{pbx.name}: {error}")
            failed = True
    if arguments.json:
        say_json(released)
    else:
        for one in released:
            say(f"{one['pbx']}: {one['interface']} released in {one['queue']} (was paused: {one['reason']})")
        say(f"{len(released)} released")
    return 1 if failed else 0


def release(link: BlockingAmi) -> list[dict[str, str]]:
    """End all pauses of ours; returns them."""
    released = []
    for member in link.listing(actions.queue_status()):
        reason, interface, queue = member.get("PausedReason"), member.get("Location"), member.get("Queue")
        if member.name != "QueueMember" or member.get("Paused") != "1" or not reason.startswith(OUR_PAUSES):
            continue
        link.ask(actions.queue_pause(interface, False, queue=queue))
        released.append({"queue": queue, "interface": interface, "reason": reason})
    return released
