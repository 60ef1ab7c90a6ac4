"""A test with a real server gets a second try, with the same session, and the run says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAD = """
import pytest

made, tries = [], []
pytestmark = pytest.mark.real("nothing")


@pytest.fixture(scope="session")
def once():
    made.append("once")
    assert made.count("once") == 1, "made twice"
    yield


@pytest.fixture
def own(once):
    yield
    made.append("own is gone")
"""


def run(folder: Path, tests: str, *arguments: str) -> str:
    (folder / "test_it.py").write_text(HEAD + tests)
    environ = os.environ | {"PYTHONPATH": str(ROOT), "CALLWEAVE_SKIPS": "allowed"}
    for name in ("PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER", "PYTEST_CURRENT_TEST"):
        environ.pop(name, None)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.real_report", *arguments]
    markers = ["-o", "markers=real", "-o", "asyncio_default_fixture_loop_scope=session", "-W", "ignore"]
    return subprocess.run(
        [*command, *markers, "test_it.py"], cwd=folder, env=environ, capture_output=True, text=True, check=False
    ).stdout


def test_the_last_test_of_all_may_be_tried_again(tmp_path: Path) -> None:
    said = run(tmp_path, "\n\ndef test_last(own):\n    tries.append(1)\n    assert len(tries) == 2, 'too early'\n")
    assert "1 passed" in said and "made twice" not in said
    (line,) = [line for line in said.splitlines() if line.startswith("passed only at the second try")]
    assert "test_it.py::test_last" in line and "too early" in line and "call, test_it.py:" in line


def test_what_fails_twice_is_said_once_and_ends_its_fixtures_each_time(tmp_path: Path) -> None:
    tests = """

def test_wrong(own):
    assert 1 == 2


def test_after(own):
    assert made == ["once", "own is gone", "own is gone"]
"""
    said = run(tmp_path, tests)
    assert "1 failed, 1 passed" in said
    assert [line for line in said.splitlines() if "tries:" in line or "try:" in line] == [
        "failed at both tries: test_it.py::test_wrong (first: call, test_it.py:22: assert 1 == 2)"
    ]


def test_a_fixture_of_the_module_that_failed_is_made_anew(tmp_path: Path) -> None:
    tests = """

@pytest.fixture(scope="module")
def server(once):
    tries.append(1)
    assert len(tries) == 2, "no port"
    yield
    made.append("server is gone")


def test_with_it(server):
    assert tries == [1, 1]


def test_and_again(server, own):
    assert tries == [1, 1] and made == ["once"]
"""
    said = run(tmp_path, tests)
    assert "2 passed" in said and "(first: setup, test_it.py:" in said


def test_a_fixture_that_does_not_end_is_an_error(tmp_path: Path) -> None:
    tests = """

@pytest.fixture(scope="module")
def server():
    yield
    assert 0, "it stays"


def test_with_it(server):
    pass
"""
    said = run(tmp_path, tests)
    assert "1 passed, 1 error" in said and "it stays" in said
