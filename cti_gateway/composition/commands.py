"""Every command but ``run``: it gets the settings, or the part of the store that it works on."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import inspect
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

from config.settings import Settings, load, load_offline
from cti_gateway.cli import commands as cli
from cti_gateway.composition.database import master_key
from interaction_log.store import sealed_fields

DONE, FAILED = 0, 1
_STORE_PARTS: Final = {
    "customers": ("imports", "audit"),
    "user": ("users", "audit"),
    "audit": ("audit",),
    "reports": ("reports", "interactions", "orders"),
    "route": ("told", "catalogue"),
}


def run_command(arguments: argparse.Namespace) -> int:
    """Do what the command line asks for; returns the exit code. Raises ``ConfigError``."""
    module = importlib.import_module(f"cti_gateway.cli.{arguments.command.replace('-', '_')}")
    if arguments.command == "init":  # it makes the configuration
        return int(module.run(arguments))
    path = cli.config_path(arguments, os.environ)
    if arguments.command == "replay":  # it connects to nothing
        return int(module.run(arguments, load_offline(path) if path is not None else None))
    settings = load(path, os.environ)
    parts = _STORE_PARTS.get(arguments.command)
    if parts is not None and settings is not None:
        _add_settings(arguments, settings)
        return asyncio.run(_with_store(settings, partial(_on_parts, module.run, arguments, parts)))
    if arguments.command == "db" and arguments.verb == "reindex" and settings is not None:
        sealed_fields.use(master_key(settings))  # what is indexed is sealed
    result = module.run(arguments, settings)
    return int(asyncio.run(result) if inspect.iscoroutine(result) else result)


def _add_settings(arguments: argparse.Namespace, settings: Settings) -> None:
    """What two of the commands that work on the store need of the configuration beside it."""
    if arguments.command == "reports":
        trunks = [glob for pbx in settings.pbx for glob in pbx.trunks]
        arguments.region = settings.phone.default_region
        arguments.trunk = getattr(arguments, "trunk", None) or trunks
    if arguments.command == "route":
        from cti_gateway.composition.rules import capacity, routing_rules  # noqa: PLC0415 (only this command needs it)

        arguments.rules, arguments.capacity = routing_rules(settings), capacity(settings)


async def _on_parts(run: Any, arguments: argparse.Namespace, parts: Sequence[str], store: Any) -> int:
    return int(await run(arguments, *(getattr(store, part) for part in parts)))


async def _with_store(settings: Settings, work: Callable[[Any], Awaitable[int]]) -> int:
    from cti_gateway.composition.database import master_key, not_opened, open_store  # noqa: PLC0415 (not all need it)
    from interaction_log.store import SchemaTooNew  # noqa: PLC0415

    try:
        store = await asyncio.to_thread(open_store, settings, master_key(settings))
    except (SchemaTooNew, ValueError) as error:
        print(f"cti: {error}", file=sys.stderr)
        return FAILED
    except Exception as error:
        print(f"cti: {not_opened(settings.database.url, error)}", file=sys.stderr)
        return FAILED
    try:
        return await work(store)
    finally:
        await asyncio.to_thread(store.close)
