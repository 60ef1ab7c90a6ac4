"""Scenarios: queue members that are Local channels, as FreePBX makes them: kept (600) and optimised away (601)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from tests.pbx.asterisk import Timing
from tests.pbx.stage import Expected, Stage, hold, hold_until_moved, inbound, offer, segment, segments_moved, transfer
from tests.pbx.table import Play, scenario

PlayAt = Callable[[Stage, str, str], Coroutine[Any, Any, list[Expected]]]
KEPT, OPTIMISED = ("806", "600"), ("807", "601")


def both(play: PlayAt, timing: Timing | None = None, kinds: tuple[str, ...] = ("",)) -> None:
    """Register the scenario for both shapes: local-kept-… and local-optimised-…"""
    for shape, (number, queue) in (("kept", KEPT), ("optimised", OPTIMISED)):
        register(shape, play, number, queue, timing, kinds)


def register(shape: str, play: PlayAt, number: str, queue: str, timing: Timing | None, kinds: tuple[str, ...]) -> None:
    """Register it for one shape."""

    async def at(s: Stage) -> list[Expected]:
        return await play(s, number, queue)

    at.__name__ = f"local_{shape}_{play.__name__}"
    how = "kept (/n)" if shape == "kept" else "optimised away"
    at.__doc__ = f"{play.__doc__} The members are Local channels, {how}, in the FreePBX shape."
    entry: Play = at
    scenario(timing=timing, kinds=kinds, tolerance=1.0)(entry)


async def answered(s: Stage, number: str, queue: str) -> list[Expected]:
    """Anna answers, the customer hangs up."""
    customer = s.customer("13800138070", number)
    anna = await (await s.anna.rings()).answer(after=1.1)
    await s.talk(4.0)
    await customer.hang_up()
    await anna.ended()
    return [inbound(customer, "answered", queues=[queue], offers=[offer(anna, "answered")], segments=[segment(anna)])]


async def agent_hangs_up(s: Stage, number: str, queue: str) -> list[Expected]:
    """Anna answers and hangs up."""
    customer = s.customer("13800138071", number)
    anna = await (await s.anna.rings()).answer(after=0.8)
    await s.talk(2.0)
    await anna.hang_up()
    await customer.ended()
    return [inbound(customer, "answered", queues=[queue], offers=[offer(anna, "answered")], segments=[segment(anna)])]


async def abandoned(s: Stage, number: str, queue: str) -> list[Expected]:
    """Anna's telephone rings; the customer gives up."""
    customer = s.customer("13800138072", number)
    anna = await s.anna.rings()
    await s.talk(1.9)
    await customer.hang_up()
    await anna.ended()
    return [inbound(customer, "abandoned", queues=[queue], offers=[offer(anna, "cancelled")], ended_by="customer")]


async def no_answer_then_other(s: Stage, number: str, queue: str) -> list[Expected]:
    """Anna's telephone rings in vain, then Ben's, who answers."""
    customer = s.customer("13800138073", number)
    anna = await (await s.anna.rings()).ended()
    ben = await (await s.ben.rings()).answer(after=1.0)
    await s.talk(2.2)
    await ben.hang_up()
    await customer.ended()
    offers = [offer(anna, "no_answer"), offer(ben, "answered")]
    return [inbound(customer, "answered", queues=[queue], offers=offers, segments=[segment(ben)])]


async def declined_then_other(s: Stage, number: str, queue: str) -> list[Expected]:
    """Anna presses reject, Ben answers."""
    customer = s.customer("13800138074", number)
    anna = await (await s.anna.rings()).reject(486, after=0.9)
    ben = await (await s.ben.rings()).answer(after=1.0)
    await s.talk(2.0)
    await customer.hang_up()
    await ben.ended()
    offers = [offer(anna, "declined"), offer(ben, "answered")]
    return [inbound(customer, "answered", queues=[queue], offers=offers, segments=[segment(ben)])]


async def blind_transfer(s: Stage, number: str, queue: str) -> list[Expected]:
    """Anna sends the customer to Chen (REFER), who answers."""
    customer = s.customer("13800138075", number)
    anna = await (await s.anna.rings()).answer(after=0.8)
    await s.talk(3.0)
    await anna.refer("1003")
    chen = await (await s.chen.rings()).answer(after=1.1)
    await s.talk(2.0)
    await chen.hang_up()
    await customer.ended()
    return [
        inbound(
            customer,
            "answered",
            queues=[queue],
            offers=[offer(anna, "answered"), offer(chen, "answered")],
            segments=segments_moved(anna, chen),
            transfers=[transfer("blind", anna, "PJSIP/1003", True)],
        )
    ]


async def attended_transfer(s: Stage, number: str, queue: str) -> list[Expected]:
    """Anna holds the customer, asks Chen on a second line and connects them (REFER with Replaces)."""
    customer = s.customer("13800138076", number)
    anna = await (await s.anna.rings()).answer(after=0.8)
    await s.talk(3.0)
    await anna.hold()
    asking = s.anna.call("1003")
    chen = await (await s.chen.rings()).answer(after=0.9)
    await asking.up()
    await s.talk(1.4)
    await anna.refer_to(asking)
    await s.talk(2.2)
    await customer.hang_up()
    await chen.ended()
    return [
        inbound(
            customer,
            "answered",
            queues=[queue],
            offers=[offer(anna, "answered")],
            segments=segments_moved(anna, chen),
            transfers=[transfer("attended", anna, "PJSIP/1003", True)],
            holds=hold_until_moved(anna),
        )
    ]


async def hold_and_resume(s: Stage, number: str, queue: str) -> list[Expected]:
    """Anna puts the customer on hold and takes him back."""
    customer = s.customer("13800138077", number)
    anna = await (await s.anna.rings()).answer(after=0.7)
    await s.talk(2.0)
    await anna.hold()
    await s.talk(1.6)
    await anna.unhold()
    await s.talk(1.2)
    await anna.hang_up()
    await customer.ended()
    return [
        inbound(
            customer,
            "answered",
            queues=[queue],
            offers=[offer(anna, "answered")],
            segments=[segment(anna)],
            holds=hold(anna),
        )
    ]


both(answered, kinds=("", ".least"))
both(agent_hangs_up)
both(abandoned)
both(no_answer_then_other)
both(declined_then_other)
both(blind_transfer)
both(attended_transfer)
both(hold_and_resume)
