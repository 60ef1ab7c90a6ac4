"""The compiled modules do what the sources do: the same tests of what they are made of, once more, over them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence

import pytest

from cti_gateway import compiled

TESTS = (
    "tests/contract/test_missed.py",
    "tests/contract/test_recordings.py",
    "tests/contract/test_store.py",
    "tests/contract/test_store_log.py",
    "tests/golden",
    "tests/property/test_agents.py",
    "tests/property/test_ami_codec.py",
    "tests/property/test_capacity.py",
    "tests/property/test_live.py",
    "tests/property/test_queue_pauses.py",
    "tests/property/test_resync.py",
    "tests/property/test_segments.py",
    "tests/property/test_store_rows.py",
    "tests/property/test_tracker.py",
    "tests/property/test_transfers.py",
    "tests/protocol/test_conformance.py",
    "tests/protocol/test_console_sockets.py",
    "tests/protocol/test_hub.py",
    "tests/protocol/test_live_hub.py",
    "tests/protocol/test_witness.py",
    "tests/unit/test_ami_codec.py",
    "tests/unit/test_console_feed.py",
    "tests/unit/test_distributor.py",
    "tests/unit/test_members.py",
    "tests/unit/test_nearby.py",
    "tests/unit/test_phone_numbers.py",
    "tests/unit/test_store_csv.py",
    "tests/unit/test_store_inbox.py",
    "tests/unit/test_why.py",
)
PATCHES = "tests/protocol/test_hub.py::test_an_event_that_breaks_the_decision_stops_nothing[handle]"
"""It puts another method in the place of the distributor's; nobody can do that to an extension."""
AT_LEAST = 1_500
AT_ONCE = 4
"""They wait for links and disks more than they compute."""


def ran(command: Sequence[str], **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "CALLWEAVE"))}
    return subprocess.run(
        [sys.executable, *command], cwd=compiled.ROOT, env=clean | environ, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_same_tests_pass_over_the_extensions() -> None:
    made = ran(["scripts/compile.py"])
    version = ran(["-m", "cti_gateway.main", "--version"]).stdout
    if made.returncode:  # a machine without a compiler: the program says so, and runs
        assert "plain Python" in version, made.stdout + made.stderr
        return
    assert "(compiled)" in version
    options = ["-q", "-p", "no:cacheprovider", "-n", str(AT_ONCE), "-k", "not postgresql", "--deselect", PATCHES]
    done = ran(["-m", "pytest", *options, *TESTS], CALLWEAVE_COMPILED="1")
    passed = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert passed is not None and int(passed[1]) >= AT_LEAST
