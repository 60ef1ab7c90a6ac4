"""A process that writes to the log until it is killed; each line it prints was durable before.

``python -m tests.fakes.log_child URL JOURNAL FIRST_CALL``
"""

from __future__ import annotations

import asyncio
import sys

from interaction_log.events import Recorded
from interaction_log.store import EventLog
from tests.fakes.call_events import calls


async def write(url: str, journal: str, first: int) -> None:
    log = EventLog.open(url, journal, on_state=lambda _state: None, journal_bytes=4_000_000)
    print("open", *(one.id for one in log.open_interactions()), flush=True)
    given: list[int] = []
    for n, event in enumerate(calls(1_000_000, 40, first)):
        seq = log.next_seq()
        log.append(Recorded(seq, event))
        given.append(seq)
        if n % 50 == 49:
            print("given", given[-1], flush=True)
            await log.durable(given[-7])
            print("durable", *given[:-6], flush=True)
            given = given[-6:]


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], sys.argv[2], int(sys.argv[3])))
