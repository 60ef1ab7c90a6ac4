"""CPU time per line of chat, of the loop's thread and of the others: in the whole program and in the bare echo.

A machine that is busy with other things tells no latency, but a thread's CPU time is its own. ``python -m
bench.chat_cpu [ROUNDS [SECONDS]]`` prints both sides; ``BENCH_PROFILE=FILE`` writes a profile of the program's rounds.
"""

from __future__ import annotations

import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import uvloop

from bench import chat, chat_visitors, child, site

VISITORS: Final = 1_000
EVERY_SECONDS: Final = 2.0
"""As many lines a second as 5,000 visitors write who write every ten seconds."""
LIMITS: Final = """lines_per_minute = 6000.0
line_burst = 1000
site_lines_per_second = 10000.0
site_line_burst = 20000
"""


@dataclass(frozen=True)
class Spent:
    """Seconds on a core, and how often a thread gave it up by itself, by thread."""

    seconds: dict[int, float]
    switches: dict[int, int]

    @classmethod
    def of(cls, pid: int) -> Self:
        """Up to now."""
        seconds, switches = {}, {}
        for task in Path(f"/proc/{pid}/task").iterdir():
            seconds[int(task.name)] = int((task / "schedstat").read_text().split()[0]) / 1e9
            status = (task / "status").read_text()
            switches[int(task.name)] = int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])
        return cls(seconds, switches)

    def since(self, before: Self, lines: int, pid: int) -> dict[str, float]:
        """Microseconds and switches for each line: of the loop (the first thread), the busiest other one, the rest."""
        spent = {one: (at - before.seconds.get(one, 0.0)) * 1e6 / lines for one, at in self.seconds.items()}
        turns = {one: (n - before.switches.get(one, 0)) / lines for one, n in self.switches.items()}
        others = sorted((one for one in spent if one != pid), key=lambda one: -spent[one])
        return {
            "loop": spent[pid],
            "writer": spent[others[0]] if others else 0.0,
            "others": sum(spent[one] for one in others[1:]),
            "switches": sum(turns.values()),
        }


async def run(rounds: int, seconds: float) -> dict[str, dict[str, float]]:
    """The least of some rounds, which alternate between the sides."""
    mine, _ = child.cores()
    chat_visitors.EVERY_SECONDS = EVERY_SECONDS  # type: ignore[misc]
    with tempfile.TemporaryDirectory(prefix="callweave-bench-") as name:
        folder = Path(name)
        place = await site.make(folder, agents=1, customers=100, wrap_up_seconds=1, queues=())
        config = chat.write_config(place, 9)  # nobody listens there
        config.write_text(config.read_text() + LIMITS)
        async with (
            child.Child.product(config, core=mine) as product,
            chat.echo(folder, mine) as echo,
            chat.echo(folder, mine, "direct") as direct,
        ):
            sides = {}
            for title, server in (("callweave", product), ("echo", echo), ("echo, read directly", direct)):
                took: list[float] = []
                visitors = [chat_visitors.Visitor(took) for _ in range(VISITORS)]
                await chat_visitors.come(server.port, visitors, tokens=server is product)
                sides[title] = (server, visitors)
            found: dict[str, list[dict[str, float]]] = {title: [] for title in sides}
            for number in range(rounds + 1):  # the first one warms up
                for title, side in sides.items():
                    spent = await _round(*side, seconds)
                    if number:
                        found[title].append(spent)
    return {title: {key: min(one[key] for one in some) for key in some[0]} for title, some in found.items()}


async def _round(server: child.Child, visitors: list[chat_visitors.Visitor], seconds: float) -> dict[str, float]:
    server.profile(True)
    before = Spent.of(server.pid)
    lines = len(await chat_visitors.talk(visitors, seconds, random.Random(7)))
    spent = Spent.of(server.pid).since(before, lines, server.pid)
    server.profile(False)
    if any(one.refused or one.lost for one in visitors):
        raise RuntimeError("some lines were refused")
    return spent


def table(result: dict[str, dict[str, float]]) -> str:
    """For people."""
    titles = list(next(iter(result.values())))
    lines = [f"{'µs of CPU per line':<24}" + "".join(f"{title:>10}" for title in titles)]
    lines += [f"{name:<24}" + "".join(f"{one[title]:>10.1f}" for title in titles) for name, one in result.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    given = sys.argv[1:]
    outcome = uvloop.run(run(int(given[0]) if given else 8, float(given[1]) if len(given) > 1 else 2.0))
    print(table(outcome))
