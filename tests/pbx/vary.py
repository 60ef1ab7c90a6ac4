"""Play scenarios again and again and hold the tracker against each: `python -m tests.pbx.vary [names…] --times 3`.

The order of events within one moment differs from play to play, most on a busy machine (`--jobs 8`). A play that the
tracker tells otherwise than the telephones is kept in `--keep`: rename it, and it is a golden trace.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from cti_gateway.calls import PbxProfile
from cti_gateway.replay import interactions
from tests.golden.story import Story
from tests.pbx.golden import record, usual
from tests.pbx.scenarios import SCENARIOS


class Play(Story):
    """A story in another folder than the golden ones."""

    folder: Path

    @property
    def expectation(self) -> dict[str, Any]:
        """The document of this play."""
        loaded: dict[str, Any] = json.loads((self.folder / f"{self.name}.json").read_text(encoding="utf-8"))
        return loaded

    @property
    def main(self) -> list[bytes]:
        """The segments as the user with least rights got them."""
        names = self.expectation["files"]
        return [(self.folder / name).read_bytes() for name in names if ".full." not in name and ".least." not in name]


def differences(name: str, folder: Path) -> list[str]:
    """Where the tracker tells it otherwise."""
    play = Play(name)
    object.__setattr__(play, "folder", folder)
    profiles: tuple[PbxProfile, ...] = (play.configured, play.unconfigured)
    return [one for profile in profiles for one in play.differences(interactions(play.main, profile)[0], "main")]


async def vary(names: list[str], times: int, jobs: int, keep: Path) -> int:
    """Play each so often; return how many were told otherwise."""
    gate = asyncio.Semaphore(jobs)
    different = 0

    async def play(name: str, number: int) -> None:
        nonlocal different
        async with gate:
            with tempfile.TemporaryDirectory() as folder:
                await record(SCENARIOS[name], Path(folder))
                if found := differences(name, Path(folder)):
                    different += 1
                    shutil.copytree(folder, keep / f"{name}-{number}", dirs_exist_ok=True)
                    print(f"{name} {number}: {found}", flush=True)

    await asyncio.gather(*(play(name, number) for number in range(times) for name in names))
    return different


def main() -> int:
    """Read the command line; 1 when something was told otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.pbx.vary", description=__doc__)
    parser.add_argument("names", nargs="*", help="scenarios (default: all)")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=3, help="how many PBXs side by side (default 3)")
    parser.add_argument("--keep", type=Path, default=Path("test-artefacts/vary"))
    arguments = parser.parse_args()
    names = arguments.names or usual("sid")
    different = asyncio.run(vary(names, arguments.times, arguments.jobs, arguments.keep))
    print(f"{len(names) * arguments.times} plays, {different} told otherwise")
    return 1 if different else 0


if __name__ == "__main__":
    raise SystemExit(main())
