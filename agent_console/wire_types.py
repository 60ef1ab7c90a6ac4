"""``python -m agent_console.wire_types [--check]``: the browser's types and the event catalogue, from ``wire.py``.

Writes ``agent_console/web/src/wire.ts`` and ``docs/events.md``.
With ``--check`` nothing is written; exit 1 says that a file is not what ``wire.py`` gives.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from agent_console import wire
from interaction_log.typescript import Declarations, interface_map, write

ROOT = Path(__file__).resolve().parent.parent
TYPESCRIPT = ROOT / "agent_console" / "web" / "src" / "wire.ts"
CATALOGUE = ROOT / "docs" / "events.md"
MADE = "Made from agent_console/wire.py by `python -m agent_console.wire_types`; do not edit."
INTRODUCTION = """\
Socket.IO namespace `/agent`. Connect with `auth={token, after?}` or with the session cookie; `after` is the last `seq`
that was seen. Each message of the server has a number `seq`, and `prev`, the number before it on this connection:
where `prev` is not what you saw last, connect again with `after`. An offset that the server does not know any more (or
never gave) is answered with a `snapshot`. Times are Unix seconds. Unknown fields are to be ignored.
"""
SUPERVISORS = """\
## Supervisor to server

Namespace `/supervisor`, for supervisors and administrators; it gets `snapshot`, `agent_state`, `interaction`, `queues`,
`taps`, `alarms`, `staff_message`, `notice` and `command_result` of all. Commands are acknowledged as those of agents.
Each is kept in the audit trail with its `why`, refused ones too.
"""
WIRE = Declarations(wire, wire.Numbered)


def typescript() -> str:
    """The whole of ``wire.ts``."""
    names = "".join(f'  "{name}",\n' for name in wire.SERVER_EVENTS)
    heard, asked = "(message: {}) => void", "(command: {}, ack: (answer: Ack) => void) => void"
    return "\n".join(
        [
            f"// {MADE}\n// Times are Unix seconds.\n",
            *(WIRE.interface(kind) for kind in WIRE.declared()),
            interface_map("SERVER_EVENTS", "Server to console: event name to message.", wire.SERVER_EVENTS),
            interface_map("CLIENT_COMMANDS", "Console to server: event name to command.", wire.CLIENT_COMMANDS),
            interface_map(
                "SUPERVISOR_COMMANDS", "Supervisor to server: event name to command.", wire.SUPERVISOR_COMMANDS
            ),
            interface_map("ServerToClientEvents", "For `Socket<ServerToClientEvents, …>`.", wire.SERVER_EVENTS, heard),
            interface_map(
                "ClientToServerEvents", "For `Socket<…, ClientToServerEvents>`.", wire.CLIENT_COMMANDS, asked
            ),
            f"export const SERVER_EVENT_NAMES = [\n{names}] as const satisfies readonly (keyof SERVER_EVENTS)[];\n",
        ]
    )


def catalogue() -> str:
    """The whole of ``docs/events.md``."""
    commands = {**wire.CLIENT_COMMANDS, **wire.SUPERVISOR_COMMANDS}
    used = {*wire.SERVER_EVENTS.values(), *commands.values()}
    things = [k for k in WIRE.declared() if k not in used and not issubclass(k, wire.ClientCommand)]
    return "\n".join(
        [
            f"# Events of the console\n\n<!-- {MADE} -->\n",
            INTRODUCTION,
            "## Server to console\n",
            *(WIRE.section(name, kind) for name, kind in wire.SERVER_EVENTS.items()),
            "## Console to server\n\nEach is acknowledged within a second with `Ack`; the same `id` again does nothing"
            " twice.\n",
            *(WIRE.section(name, kind) for name, kind in wire.CLIENT_COMMANDS.items()),
            SUPERVISORS,
            *(WIRE.section(name, kind) for name, kind in wire.SUPERVISOR_COMMANDS.items()),
            "## What the messages are made of\n",
            *(WIRE.section(kind.__name__, kind) for kind in things),
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or compare them (``--check``). Exit code 0 or 1."""
    parser = argparse.ArgumentParser(prog="python -m agent_console.wire_types", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 where a file is out of date")
    check = parser.parse_args(arguments).check
    made = {TYPESCRIPT: typescript(), CATALOGUE: catalogue()}
    return write(made, ROOT, check=check, tell=print)


if __name__ == "__main__":
    sys.exit(main())
