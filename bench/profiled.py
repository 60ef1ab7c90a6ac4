"""The product under cProfile between two signals: SIGUSR1 begins, SIGUSR2 ends and writes the file.

``python -m bench.profiled FILE run --config …``; the pop bench does it when ``BENCH_PROFILE`` names a file, and
profiles its rounds only (not the start, not the consoles' arrival).
"""

from __future__ import annotations

import cProfile
import signal
import sys
import time
from types import FrameType


def main() -> int:
    """Run the program, ready to be profiled."""
    from cti_gateway.main import main as program  # noqa: PLC0415

    file = sys.argv[1]
    profile = cProfile.Profile(time.thread_time)  # the loop alone, whoever else has the machine

    def begin(number: int, frame: FrameType | None) -> None:
        profile.enable()

    def end(number: int, frame: FrameType | None) -> None:
        profile.disable()
        profile.dump_stats(file)

    signal.signal(signal.SIGUSR1, begin)
    signal.signal(signal.SIGUSR2, end)
    return program(sys.argv[2:])


if __name__ == "__main__":
    raise SystemExit(main())
