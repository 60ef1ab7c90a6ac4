"""In a parallel run the tests of a module with a real server are in one process, the others where there is room."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.modules_together import unit

ROOT = Path(__file__).parents[2]
SERVED = """
import pytest

pytestmark = pytest.mark.real("nothing")


@pytest.mark.parametrize("number", range(8))
def test_served(number):
    pass
"""


def test_single_tests_are_units_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text(SERVED)
    (tmp_path / "test_b.py").write_text("def test_b(): pass")
    assert unit(tmp_path, "test_a.py::test_served[1]") == unit(tmp_path, "test_a.py::test_served[2]")
    assert unit(tmp_path, "test_b.py::test_b[1]") != unit(tmp_path, "test_b.py::test_b[2]")


def run(folder: Path, *options: str) -> str:
    """What pytest says of the tests in this folder, with two processes and our units."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    environ["PYTHONPATH"] = str(ROOT)
    plugins = ["-p", "no:cacheprovider", "-p", "tests.modules_together", "-o", "markers=real", "-W", "ignore"]
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", *plugins, *options, "."]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False).stdout


def test_a_module_with_a_server_runs_in_one_process(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"test_{name}.py").write_text(SERVED)
    said = run(tmp_path, "-v")
    where = set(re.findall(r"\[(gw\d)\].*PASSED (test_[ab])", said))
    assert sorted(module for _, module in where) == ["test_a", "test_b"], said
    assert "16 passed" in said and len({worker for worker, _ in where}) == 2, said


def test_a_worker_that_ends_ends_the_run_and_says_by_which_test(tmp_path: Path) -> None:
    """Begun anew, each ends by the same test, and the run may not end at all (``scripts/test.sh``)."""
    restarts = re.search(r"--max-worker-restart \d+", (ROOT / "scripts" / "test.sh").read_text())
    assert restarts is not None
    (tmp_path / "test_a.py").write_text(SERVED)
    (tmp_path / "test_b.py").write_text("import os\n\n\ndef test_b():\n    os._exit(1)\n")
    said = run(tmp_path, "-q", *restarts[0].split())
    assert "1 failed" in said and re.search(r"FAILED test_b.py::test_b - worker 'gw\d' crashed", said), said
