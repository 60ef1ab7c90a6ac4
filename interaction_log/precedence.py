"""Who takes the processor from whom: threads beside the loop wait until it has nothing to do.

By itself Linux lets a thread that wakes take the processor from the one that runs, and then keep it for a few
milliseconds. Beside a log that writes, the loop stood ready and waited 2 ms a call for the only processor (ADR 9).
"""

from __future__ import annotations

import os


def beside() -> None:
    """Let the calling thread take the processor from nobody when it wakes (``SCHED_BATCH``, sched(7)); its share stays
    the same. Anybody may say so of herself; a system that knows no such thing goes on as it was.

    For the first line of a thread, or the ``initializer`` of an executor. Not for a thread for which the loop's next
    answer waits (``store.group``).
    """
    try:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except (AttributeError, OSError):
        return
