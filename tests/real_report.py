"""What was real in a test run, told before pytest's own summary; and no skip where nothing may be skipped.

``@pytest.mark.real("asterisk")`` marks a test that talks to a real server. All of a module run in one xdist group, so
that they share its servers. On Debian as root everything can be installed, so that a skip there is an error
(``CALLWEAVE_SKIPS=allowed`` lifts that, for a machine without a network).
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Generator
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.pbx import bootstrap

ORDER = ("asterisk", "postgresql", "chromium")
_KEY = "real"
_AGAIN = "second try"


def _names(item: pytest.Item) -> list[str]:
    return [str(name) for mark in item.iter_markers("real") for name in mark.args]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note on each test what it needs, and keep those of a module that need a real server together."""
    for item in items:
        names = _names(item)
        item.user_properties += [(_KEY, name) for name in names]
        if names and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """A test with a real server gets one more try, and the run names it: it has a fault or found one, look into it."""
    if not _names(item):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    if any(report.failed for report in reports):
        first = "\n".join(str(report.longrepr) for report in reports if report.failed)
        item._initrequest()  # type: ignore[attr-defined]
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        for report in reports:
            report.sections.append(("first try failed", first))
            report.user_properties.append((_AGAIN, item.nodeid))
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@functools.cache
def _no_skips() -> bool:
    return bootstrap.is_debian_root() and os.environ.get("CALLWEAVE_SKIPS") != "allowed"


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.outcome != "skipped" or hasattr(report, "wasxfail") or not _no_skips():
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"Skipped where nothing may be skipped (root on Debian): {reason}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test is a failed one where everything can be installed."""
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a module that skips itself."""
    report = yield
    _refuse_skip(report)
    return report


def _first_number(*command: str) -> str:
    """The first version number that a program prints."""
    if shutil.which(command[0]) is None:
        return "?"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"\d+(\.\d+)*", done.stdout)
    return found[0] if found else "?"


def _version(name: str) -> str:
    match name:
        case "asterisk":
            return bootstrap.version(bootstrap.asterisk_root())
        case "postgresql":
            return _first_number("psql", "--version").split(".")[0]
        case "redis":
            return _first_number("redis-server", "--version")
        case "chromium":
            return _first_number("chromium", "--version").split(".")[0]
        case _:
            return ""


def closing_line(passed: list[Any]) -> str:
    """``real: asterisk 22.10.1, postgresql 15, chromium 156, N tests``."""
    real = [{value for key, value in one.user_properties if key == _KEY} for one in passed]
    names = set().union(*real)
    ordered = [name for name in ORDER if name in names] + sorted(names - set(ORDER))
    versions = [f"{name} {_version(name)}".strip() for name in ordered] or ["nothing"]
    return f"real: {', '.join(versions)}, {sum(map(bool, real))} tests"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the line."""
    passed = [one for one in terminalreporter.stats.get("passed", []) if one.when == "call"]
    for again in sorted({value for one in passed for key, value in one.user_properties if key == _AGAIN}):
        terminalreporter.write_line(f"passed only at the second try: {again}")
    terminalreporter.write_line(closing_line(passed))
