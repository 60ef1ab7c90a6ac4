"""What was real in a test run, told before pytest's own summary; and no skip where nothing may be skipped.

``@pytest.mark.real("asterisk")`` marks a test that talks to a real server. On Debian as root everything can be
installed, so that a skip there is an error (``CALLWEAVE_SKIPS=allowed`` lifts that, for a machine without a network).
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path
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
    """Note on each test what it needs."""
    for item in items:
        item.user_properties += [(_KEY, name) for name in _names(item)]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """A test with a real server gets one more try, and the run names it: it has a fault or found one, look into it."""
    if not _names(item):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = _try(item)
    if any(report.failed for report in reports):
        first = [report for report in reports if report.failed]
        if first[0].when == "setup":  # a fixture of the module that failed is kept as failed: make those anew
            _end_fixtures(item, item.session)
        item._initrequest()  # type: ignore[attr-defined]
        reports = _try(item)
        for report in reports:
            report.sections.append(("first try failed", "\n".join(str(one.longrepr) for one in first)))
            report.user_properties.append((_AGAIN, _why(first[0])))
    reports += _end_fixtures(item, nextitem)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _try(item: pytest.Item) -> list[pytest.TestReport]:
    """Run it and end its own fixtures; those of its module and of the session stay for a second try.

    Some of them cannot be made twice in one process (Twisted's reactor), whether or not a next test needs them.
    """
    return runtestprotocol(item, log=False, nextitem=item.parent)  # type: ignore[arg-type]


def _end_fixtures(item: pytest.Item, needed: pytest.Item | pytest.Session | None) -> list[pytest.TestReport]:
    """End the fixtures of modules and of the session that this one does not need; what went wrong."""
    call = pytest.CallInfo.from_call(
        lambda: item.session._setupstate.teardown_exact(needed),  # type: ignore[arg-type]
        when="teardown",
        reraise=(pytest.exit.Exception,),
    )
    return [item.ihook.pytest_runtest_makereport(item=item, call=call)] if call.excinfo is not None else []


def _why(report: pytest.TestReport) -> str:
    """Where and how a test failed, in a line."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is None:
        return f"{report.when}: {str(report.longrepr).strip().splitlines()[-1]}"
    return f"{report.when}, {Path(crash.path).name}:{crash.lineno}: {crash.message.splitlines()[0][:200]}"


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
    stats = terminalreporter.stats
    for line in second_tries(stats.get("passed", [])):
        terminalreporter.write_line(f"passed only at the second try: {line}")
    for line in second_tries(stats.get("failed", []) + stats.get("error", [])):
        terminalreporter.write_line(f"failed at both tries: {line}")
    passed = [one for one in stats.get("passed", []) if one.when == "call"]
    terminalreporter.write_line(closing_line(passed))


def second_tries(reports: list[Any]) -> list[str]:
    """The tests among these that were tried twice, each with how the first try failed."""
    return sorted(
        {
            f"{one.nodeid} (first: {value})"
            for one in reports
            for key, value in getattr(one, "user_properties", ())  # a module that could not be collected has none
            if key == _AGAIN
        }
    )
