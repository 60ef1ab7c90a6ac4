"""The command ``cti``. What it runs is made in ``cti_gateway.composition``, which alone reads the configuration.

The event loop comes first (uvloop with Twisted's reactor on it), before anything can import
``twisted.internet.reactor``; and what is compiled is found before anything that is compiled is imported. So
everything is imported where it is needed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from cti_gateway import compiled
from cti_gateway.memory import expect_growth

DONE, FAILED, WRONG_USE = 0, 1, 2
DEMO_DATABASE: Final = "sqlite:///var/demo.db"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code: 0 done, 1 failed, 2 wrong use."""
    expect_growth()
    compiled.use()  # before anything imports what is compiled
    from config.settings import ConfigError  # noqa: PLC0415
    from cti_gateway.cli import commands as cli  # noqa: PLC0415
    from cti_gateway.composition.commands import run_command  # noqa: PLC0415

    arguments = cli.parser().parse_args(argv)
    try:
        return _run(arguments) if arguments.command == "run" else run_command(arguments)
    except ConfigError as error:
        print("\n".join(f"cti {arguments.command}: {line}" for line in error.lines), file=sys.stderr)
        return WRONG_USE
    except KeyboardInterrupt:
        return FAILED
    except BrokenPipeError:  # whoever read our output went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _run(arguments: argparse.Namespace) -> int:
    """``cti run``: without a ``[[pbx]]`` the demo brings its own, simulated one."""
    from config.settings import load  # noqa: PLC0415
    from cti_gateway.cli import commands as cli  # noqa: PLC0415

    demo = bool(arguments.demo)
    path = None if demo and arguments.config is None else cli.config_path(arguments, os.environ)
    settings = load(path, _environ(os.environ, getattr(arguments, "port", None), demo and path is None))
    wanted = getattr(arguments, "pbx", None)
    if not settings.pbx and (not demo or wanted == "real"):
        print("cti run: the configuration names no [[pbx]]; `cti init` makes one", file=sys.stderr)
        return WRONG_USE
    from cti_gateway.composition.loop import run_loop  # noqa: PLC0415
    from cti_gateway.composition.program import AGAIN, serve  # noqa: PLC0415

    code = run_loop(serve(settings, demo=demo, simulated=demo and (not settings.pbx or wanted == "sim")))
    if code == AGAIN:  # with a clean memory, as the follower that it is now
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606
    return code


def _environ(environ: Mapping[str, str], port: int | None, own_database: bool) -> dict[str, str]:
    """What the command line says, as the environment would say it."""
    found = dict(environ)
    if own_database:
        found.setdefault("CTI_DATABASE__URL", DEMO_DATABASE)
        found.setdefault("CTI_DATABASE__JOURNAL", "var/demo-journal")
    if port is not None:
        found["CTI_HTTP__PORT"] = str(port)
    return found


if __name__ == "__main__":
    sys.exit(main())
