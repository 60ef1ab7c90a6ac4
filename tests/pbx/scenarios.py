"""The scenarios of the golden traces: what people do at their telephones, and what must be seen of it.

Each scenario is an async function on a `Stage`. It returns the interactions that must come out (DESIGN: the object
that `cti replay` prints), in order of their start. The expectations follow from what the telephones did, by their own
clocks; nobody looked at AMI for them. A field that is left out is not promised.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.pbx.asterisk import Timing
from tests.pbx.stage import Expected, Stage, inbound, offer, segment, transfer

Play = Callable[[Stage], Awaitable[list[Expected]]]


@dataclass(frozen=True)
class Scenario:
    """`kinds`: which AMI users record ("" least rights with filters, ".full" everything, ".least" call,agent only).

    `late`: the scenario begins its recording(s) itself. `tolerance`: seconds within which durations must agree.
    """

    name: str
    about: str
    play: Play
    kinds: tuple[str, ...] = ("",)
    late: bool = False
    timing: Timing = field(default_factory=Timing)
    tolerance: float = 0.5


SCENARIOS: dict[str, Scenario] = {}
ALL_KINDS = ("", ".full", ".least")


def scenario(
    *, kinds: tuple[str, ...] = ("",), late: bool = False, timing: Timing | None = None, tolerance: float = 0.5
) -> Callable[[Play], Play]:
    """Put a scenario into the table, named as its function, explained by its docstring."""

    def register(play: Play) -> Play:
        name = play.__name__.replace("_", "-")
        about = " ".join((play.__doc__ or "").split())
        SCENARIOS[name] = Scenario(name, about, play, kinds, late, timing or Timing(), tolerance)
        return play

    return register


# ---- Queue: answered and not ------------------------------------------------------------------------------
@scenario(kinds=ALL_KINDS)
async def answered(s: Stage) -> list[Expected]:
    """A customer waits in support, Anna answers, they talk, the customer hangs up."""
    customer = s.customer(name="Li Lei")
    anna = await (await s.anna.rings()).answer(after=1.6)
    await s.talk(3.2)
    await customer.hang_up()
    await anna.ended()
    return [inbound(customer, "answered", offers=[offer(anna, "answered")], segments=[segment(anna)])]


@scenario()
async def answered_agent_hangs_up(s: Stage) -> list[Expected]:
    """As answered, but Anna hangs up."""
    customer = s.customer("02150888888", name="Wang Fang")
    anna = await (await s.anna.rings()).answer(after=0.8)
    await s.talk(2.3)
    await anna.hang_up()
    await customer.ended()
    return [inbound(customer, "answered", offers=[offer(anna, "answered")], segments=[segment(anna)])]


@scenario(late=True)
async def abandoned_waiting(s: Stage) -> list[Expected]:
    """Nobody is free (all paused); the customer waits and gives up."""
    await s.nobody_free("1001", "1002")
    await s.record()
    customer = s.customer("13911112222")
    await customer.up()
    await s.talk(3.4)
    await customer.hang_up()
    return [inbound(customer, "abandoned", ended_by="customer")]


@scenario()
async def ring_no_answer_then_other(s: Stage) -> list[Expected]:
    """Anna's telephone rings in vain, then Ben's, who answers; Ben hangs up."""
    customer = s.customer("13800138001")
    anna = await s.anna.rings()
    await anna.ended()
    ben = await (await s.ben.rings()).answer(after=1.2)
    await s.talk(2.0)
    await ben.hang_up()
    await customer.ended()
    offers = [offer(anna, "no_answer"), offer(ben, "answered")]
    return [inbound(customer, "answered", offers=offers, segments=[segment(ben)])]


@scenario(kinds=ALL_KINDS)
async def blind_transfer_refer(s: Stage) -> list[Expected]:
    """Anna sends the customer on to Chen by her telephone's transfer key (REFER); Chen answers."""
    customer = s.customer("13800138002")
    anna = await (await s.anna.rings()).answer(after=0.9)
    await s.talk(1.8)
    await anna.refer("1003")
    moved = anna.phone.log[-1][0]
    chen = await (await s.chen.rings()).answer(after=1.5)
    await s.talk(2.2)
    await customer.hang_up()
    await chen.ended()
    return [
        inbound(
            customer,
            "answered",
            offers=[offer(anna, "answered"), offer(chen, "answered")],
            segments=[segment(anna, end=min(moved, anna.ended_at or moved)), segment(chen)],
            transfers=[transfer("blind", anna, "PJSIP/1003", True)],
        )
    ]


@scenario(kinds=ALL_KINDS)
async def attended_transfer_refer(s: Stage) -> list[Expected]:
    """Anna puts the customer on hold, asks Chen on a second line, and connects them (REFER with Replaces)."""
    customer = s.customer("13800138003")
    anna = await (await s.anna.rings()).answer(after=0.7)
    await s.talk(1.5)
    await anna.hold()
    asking = s.anna.call("1003")
    chen = await (await s.chen.rings()).answer(after=1.0)
    await asking.up()
    await s.talk(1.6)
    await anna.refer_to(asking)
    moved = asking.ended_at or anna.phone.log[-1][0]
    await s.talk(2.4)
    await chen.hang_up()
    await customer.ended()
    return [
        inbound(
            customer,
            "answered",
            offers=[offer(anna, "answered")],
            segments=[segment(anna, end=moved), segment(chen, start=moved)],
            transfers=[transfer("attended", anna, "PJSIP/1003", True)],
            holds=[{"by": "PJSIP/1001", "seconds": moved - anna.holds[0][0]}],
        )
    ]
