"""The command line of `cti`: what is typed, apart from what is done with it.

`parser()` reads the command line. `main` loads the configuration and passes it; each module of this package does one
command. Exit codes: 0 done, 1 failed, 2 wrong use (also a configuration or an input file that cannot be used).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from cti_gateway import __version__, compiled
from cti_gateway.cli import (
    agi_front,
    audit,
    backup,
    customers,
    db,
    doctor,
    init,
    privacy,
    queue,
    record,
    replay,
    reports,
    restore,
    route,
    run,
    user,
)

DONE: Final = 0
FAILED: Final = 1
WRONG_USE: Final = 2

DEFAULT_CONFIG: Final = Path("callweave.toml")


def parser() -> argparse.ArgumentParser:
    """The whole command line. `command` names the command, for `main` to choose."""
    made = argparse.ArgumentParser(prog="cti", description="Callweave: calls, chat and mail in one interaction log.")
    made.add_argument("--version", action="version", version=f"callweave {__version__} ({_built()})")
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (
        run,
        init,
        doctor,
        user,
        customers,
        queue,
        db,
        audit,
        privacy,
        backup,
        restore,
        replay,
        record,
        reports,
        route,
    ):
        module.add_parser(commands)
    agi_front.add_parser(commands)
    for one in _leaves(commands):
        if one.get_default("takes_config") is not False:
            text = "configuration (default: CTI_CONFIG, else callweave.toml here if there is one)"
            one.add_argument("--config", type=Path, metavar="FILE", help=text)
    return made


def _leaves(commands: Any) -> Iterator[argparse.ArgumentParser]:
    """The commands, of those with verbs the verbs: behind the last word is where options are typed."""
    for one in commands.choices.values():
        verbs = next((action for action in one._actions if isinstance(action, argparse._SubParsersAction)), None)
        if verbs is None:
            yield one
        else:
            yield from _leaves(verbs)


def config_path(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Path | None:
    """The configuration file that is meant; None: there is none, defaults and the environment count."""
    given: Path | None = getattr(arguments, "config", None)
    if given is not None:
        return given
    if named := environ.get("CTI_CONFIG"):
        return Path(named)
    return DEFAULT_CONFIG if DEFAULT_CONFIG.is_file() else None


def _built() -> str:
    state = compiled.state()
    return "compiled" if state.on else f"plain Python: {state.why}"
