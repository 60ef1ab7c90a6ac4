"""The compiled modules do what the sources do: golden traces and properties once more, over the extensions."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence

import pytest

from cti_gateway import compiled

TESTS = (
    "tests/golden",
    "tests/property/test_agents.py",
    "tests/property/test_ami_codec.py",
    "tests/property/test_capacity.py",
    "tests/property/test_queue_pauses.py",
    "tests/property/test_resync.py",
    "tests/property/test_segments.py",
    "tests/property/test_tracker.py",
    "tests/property/test_transfers.py",
    "tests/unit/test_ami_codec.py",
)
AT_LEAST = 100


def ran(command: Sequence[str], **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "CALLWEAVE"))}
    return subprocess.run(
        [sys.executable, *command], cwd=compiled.ROOT, env=clean | environ, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_golden_traces_and_properties_over_the_extensions() -> None:
    made = ran(["scripts/compile.py"])
    version = ran(["-m", "cti_gateway.main", "--version"]).stdout
    if made.returncode:  # a machine without a compiler: the program says so, and runs
        assert "plain Python" in version, made.stdout + made.stderr
        return
    assert "(compiled)" in version
    done = ran(["-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS], CALLWEAVE_COMPILED="1")
    passed = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert passed is not None and int(passed[1]) >= AT_LEAST
