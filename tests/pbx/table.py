"""The table that scenarios put themselves into.

Each scenario is an async function on a `Stage`. It returns the interactions that must come out (DESIGN: the object
that `cti replay` prints), in order of their start. The expectations follow from what the telephones did, by their own
clocks; nobody looked at AMI for them. A field that is left out is not promised.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.pbx.asterisk import Timing
from tests.pbx.stage import Expected, Stage

Play = Callable[[Stage], Awaitable[list[Expected]]]


@dataclass(frozen=True)
class Scenario:
    """`kinds`: which AMI users record ("" least rights with filters, ".full" everything, ".least" call,agent only).

    `late`: the scenario begins its recording(s) itself. `tolerance`: seconds within which durations must agree.
    `chan_sip`: with the older SIP driver, only where it still is.
    """

    name: str
    about: str
    play: Play
    kinds: tuple[str, ...] = ("",)
    late: bool = False
    timing: Timing = field(default_factory=Timing)
    tolerance: float = 0.5
    chan_sip: bool = False


SCENARIOS: dict[str, Scenario] = {}
ALL_KINDS = ("", ".full", ".least")


def scenario(
    *,
    kinds: tuple[str, ...] = ("",),
    late: bool = False,
    timing: Timing | None = None,
    tolerance: float = 0.5,
    chan_sip: bool = False,
) -> Callable[[Play], Play]:
    """Put a scenario into the table, named as its function, explained by its docstring."""

    def register(play: Play) -> Play:
        name = play.__name__.replace("_", "-")
        about = " ".join((play.__doc__ or "").split())
        SCENARIOS[name] = Scenario(name, about, play, kinds, late, timing or Timing(), tolerance, chan_sip)
        return play

    return register
