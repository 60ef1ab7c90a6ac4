"""Which tests one process of a parallel run takes: all of a module that needs a real server, the others one by one.

So the Asterisk, the Chromium or the program of a module is started once, not once in each process. The largest
modules come first, the single tests fill up the end. pytest-xdist's own groups (``--dist loadgroup``) do that by a
name that it adds to a test's id; since pytest 9.2 the id is no longer what it writes to, and no test was in any group.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Final

import pytest
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

SIGN: Final = "mark.real("
"""In the text of a module: it needs a real server."""


class ModulesTogether(LoadScopeScheduling):  # type: ignore[misc]
    """Work is handed out in units; which tests are one unit is said by a name for each test."""

    def _split_scope(self, nodeid: str) -> str:
        return unit(self.config.rootpath, nodeid)


def unit(root: Path, test: str) -> str:
    """The name of the unit that a test (by its id, below the root) belongs to."""
    module = test.partition("::")[0]
    return module if _needs_a_server(root / module) else test


@functools.cache
def _needs_a_server(path: Path) -> bool:
    return path.is_file() and SIGN in path.read_text(encoding="utf-8")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Any:
    """``--dist loadgroup`` means this; any other word what xdist means by it."""
    return ModulesTogether(config, log) if config.getvalue("dist") == "loadgroup" else None
