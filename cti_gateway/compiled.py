"""The hot modules as extensions: ``make setup`` compiles them where it can, and a start takes them, or says why not.

They are the same sources, compiled by mypyc (``scripts/compile.py``) into ``build/compiled``. That folder has a list of
every source that went into them, with its hash: where one differs, all of them are left alone and the sources are
used. It is all or nothing, because compiled modules know each other's insides.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.machinery
import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / "build" / "compiled"
MANIFEST: Final = "manifest.json"
SWITCH: Final = "CALLWEAVE_COMPILED"
"""``0`` in the environment: use the sources in any case."""

MODULES: Final = (
    "agent_console.consoles",
    "agent_console.views",
    "cti_gateway.ami.codec",
    "cti_gateway.attendance",
    "cti_gateway.calls",
    "cti_gateway.dispatch",
    "cti_gateway.hub",
    "cti_gateway.listeners",
    "cti_gateway.live_figures",
    "cti_gateway.lookups",
    "cti_gateway.members",
    "cti_gateway.pbx",
    "cti_gateway.recording",
    "cti_gateway.showing",
    "cti_gateway.timers",
    "cti_gateway.tracking.bridging",
    "cti_gateway.tracking.channels",
    "cti_gateway.tracking.contact",
    "cti_gateway.tracking.dialling",
    "cti_gateway.tracking.lifecycle",
    "cti_gateway.tracking.members",
    "cti_gateway.tracking.mend",
    "cti_gateway.tracking.outcome",
    "cti_gateway.tracking.parties",
    "cti_gateway.tracking.queueing",
    "cti_gateway.tracking.recording",
    "cti_gateway.tracking.registry",
    "cti_gateway.tracking.snapshot",
    "cti_gateway.tracking.transferring",
    "cti_gateway.windows",
    "interaction_log.devices",
    "interaction_log.home_numbers",
    "interaction_log.identity",
    "interaction_log.interaction",
    "interaction_log.messages",
    "interaction_log.recordings",
    "interaction_log.store.caller",
    "interaction_log.store.customers",
    "interaction_log.store.inbox",
    "interaction_log.store.keys",
    "interaction_log.store.missed_projection",
    "interaction_log.store.numbers",
    "interaction_log.store.projection",
    "interaction_log.store.rows",
    "interaction_log.store.statements",
    "routing.agents",
    "routing.capacity",
    "routing.distributor",
    "routing.limits",
    "routing.live",
    "routing.pauses",
    "routing.places",
    "routing.pops",
    "routing.recording",
    "routing.seats",
    "routing.starting",
    "routing.states",
    "routing.wrap_up",
)
"""What is compiled: typed, and asked for every event. Classes that are made at run time stay as they are."""

READ: Final = (
    "agent_console.ports",
    "agent_console.wire",
    "interaction_log.events",
    "interaction_log.evidence",
    "interaction_log.records",
    "interaction_log.rights",
    "interaction_log.values",
    "routing.commands",
    "routing.ports",
)
"""Sources whose types and constants the compiler takes into what it makes. Whatever else is imported it asks while the
program runs, as Python does: so a change elsewhere makes nothing stale, and little is to be read."""


@dataclass(frozen=True, slots=True)
class State:
    """Whether this process runs the extensions. ``why`` says it in plain words."""

    on: bool
    why: str


class _Finder(MetaPathFinder):
    """Finds the extensions before Python's own finders find the sources."""

    def __init__(self, files: dict[str, Path]) -> None:
        self.files = files

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The extension of this name."""
        file = self.files.get(fullname)
        if file is None:
            return None
        loader = ExtensionFileLoader(fullname, str(file))
        return importlib.util.spec_from_file_location(fullname, file, loader=loader)


class _Process:
    state: State | None = None


def state() -> State:
    """What :func:`use` found; nothing is used before it was called."""
    return _Process.state or State(False, "not asked for")


def stay_with_sources(why: str) -> None:
    """Use the sources in this process, whatever there is (tests look into them)."""
    _Process.state = _Process.state or State(False, why)


def use(folder: Path = FOLDER) -> State:
    """From here on import the compiled modules, if they are what the sources say. Call it before importing any of them;
    the first call counts. Never raises."""
    if _Process.state is None:
        _Process.state = _use(folder)
    return _Process.state


def _use(folder: Path) -> State:
    if os.environ.get(SWITCH) == "0":
        return State(False, f"{SWITCH}=0")
    if any(name in sys.modules for name in MODULES):
        return State(False, "the sources are loaded already")
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        reason = mismatch(manifest)
        if reason is not None:
            return State(False, reason)
        finder = _Finder({name: folder / file for name, file in manifest["files"].items()})
        return _loaded(finder, manifest["first"])
    except FileNotFoundError:
        return State(False, "not compiled")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return State(False, f"what was compiled cannot be read: {type(error).__name__}")


def _loaded(finder: _Finder, first: str) -> State:
    """The library that all share is loaded at once: a machine that cannot do it shows that here."""
    sys.meta_path.insert(0, finder)
    try:
        importlib.import_module(first)
    except ImportError as error:
        sys.meta_path.remove(finder)
        return State(False, f"what was compiled cannot be loaded: {error}")
    return State(True, f"{len(MODULES)} modules")


def mismatch(manifest: dict[str, Any]) -> str | None:
    """Why these extensions are not for this Python or these sources; ``None``: they are."""
    if manifest["python"] != python() or manifest["modules"] != list(MODULES):
        return "compiled for another Python or another version"
    for name, expected in manifest["sources"].items():
        if digest(ROOT / name) != expected:
            return f"{name} changed since it was compiled"
    return None


def python() -> str:
    """This interpreter, as far as extensions must fit it."""
    return f"{sys.version} {sys.platform} {importlib.machinery.EXTENSION_SUFFIXES[0]}"


def digest(file: Path) -> str:
    """The hash of a source; empty without one."""
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
