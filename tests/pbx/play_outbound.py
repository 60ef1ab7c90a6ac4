"""Scenarios: calls to the outside, dialled at the telephone or started by a client, and calls between agents."""

from __future__ import annotations

import time
from typing import Any

from tests.pbx.asterisk import Timing
from tests.pbx.phone import Call
from tests.pbx.stage import UNPROMISED, Expected, Stage, hold, offer, outbound, segment, transfer
from tests.pbx.table import scenario


# ---- Dialled at the telephone ------------------------------------------------------------------------------
@scenario()
async def outbound_answered(s: Stage) -> list[Expected]:
    """Anna dials a customer, who answers and later hangs up."""
    anna = s.anna.call("913800138080")
    customer = await (await s.outside.rings()).answer(after=1.5)
    await s.talk(2.4)
    await customer.hang_up()
    await anna.ended()
    return [outbound(anna, customer, "13800138080", "answered")]


@scenario()
async def outbound_agent_hangs_up(s: Stage) -> list[Expected]:
    """Anna dials a customer, holds him for a moment, and hangs up."""
    anna = s.anna.call("902150888888")
    customer = await (await s.outside.rings()).answer(after=0.9)
    await anna.up()
    await s.talk(1.2)
    await anna.hold()
    await s.talk(1.3)
    await anna.unhold()
    await s.talk(1.0)
    await anna.hang_up()
    await customer.ended()
    return [
        outbound(
            anna,
            customer,
            "02150888888",
            "answered",
            holds=hold(anna),
            hold_seconds=anna.hold_seconds,
        )
    ]


@scenario()
async def outbound_busy(s: Stage) -> list[Expected]:
    """The customer is busy (486)."""
    anna = s.anna.call("913800138081")
    customer = await (await s.outside.rings()).reject(486, after=0.4)
    await anna.ended()
    return [outbound(anna, customer, "13800138081", "busy")]


@scenario(timing=Timing(out_ring=4))
async def outbound_no_answer(s: Stage) -> list[Expected]:
    """The customer's telephone rings 4 s in vain; the PBX gives up."""
    anna = s.anna.call("913800138082")
    customer = await (await s.outside.rings()).ended()
    await anna.ended()
    return [outbound(anna, customer, "13800138082", "no_answer")]


@scenario()
async def outbound_network_no_answer(s: Stage) -> list[Expected]:
    """The network says after a while that nobody answers (480)."""
    anna = s.anna.call("913800138083")
    customer = await (await s.outside.rings()).reject(480, after=2.0)
    await anna.ended()
    return [outbound(anna, customer, "13800138083", "no_answer")]


@scenario()
async def outbound_cancelled(s: Stage) -> list[Expected]:
    """Anna gives up while the customer's telephone rings."""
    anna = s.anna.call("913800138084")
    customer = await s.outside.rings()
    await s.talk(2.2)
    await anna.hang_up()
    await customer.ended()
    return [outbound(anna, customer, "13800138084", "cancelled")]


@scenario()
async def outbound_unknown_number(s: Stage) -> list[Expected]:
    """The network knows no such number (404)."""
    s.outside.answers_with_ringing = False
    anna = s.anna.call("913800138085")
    customer = await (await s.outside.rings()).reject(404, after=0.2)
    await anna.ended()
    return [outbound(anna, customer, "13800138085", "failed")]


@scenario()
async def outbound_trunk_refuses(s: Stage) -> list[Expected]:
    """The trunk has no line free (503)."""
    s.outside.answers_with_ringing = False
    anna = s.anna.call("913800138086")
    customer = await (await s.outside.rings()).reject(503, after=0.2)
    await anna.ended()
    return [outbound(anna, customer, "13800138086", "failed")]


@scenario()
async def outbound_transferred(s: Stage) -> list[Expected]:
    """Anna dials a customer and sends him to Chen (REFER)."""
    anna = s.anna.call("913800138087")
    customer = await (await s.outside.rings()).answer(after=0.8)
    await anna.up()
    await s.talk(1.5)
    await anna.refer("1003")
    chen = await (await s.chen.rings()).answer(after=0.9)
    await s.talk(1.8)
    await customer.hang_up()
    await chen.ended()
    answered, moved = customer.answered_at, anna.referred_at
    return [
        outbound(
            anna,
            customer,
            "13800138087",
            "answered",
            offers=[offer(chen, "answered")],
            segments=[segment(anna, start=answered, end=moved), segment(chen)],
            transfers=[transfer("blind", anna, "PJSIP/1003", True)],
        )
    ]


# ---- Click-to-call -----------------------------------------------------------------------------------------
@scenario(kinds=("", ".least"))
async def originate_answered(s: Stage) -> list[Expected]:
    """A client calls Anna's telephone, she lifts, then the customer is called, who answers; Anna hangs up."""
    await s.originate("1001", "13800138090")
    anna = await (await s.anna.rings()).answer(after=0.9)
    customer = await (await s.outside.rings()).answer(after=1.4)
    await s.talk(2.2)
    await anna.hang_up()
    await customer.ended()
    return [outbound(anna, customer, "13800138090", "answered")]


@scenario()
async def originate_local_answered(s: Stage) -> list[Expected]:
    """As originate-answered, but the client calls Anna through a Local channel."""
    await s.originate("1001", "13800138091", channel="Local/1001@from-internal")
    anna = await (await s.anna.rings()).answer(after=0.9)
    customer = await (await s.outside.rings()).answer(after=1.2)
    await s.talk(2.6)
    await customer.hang_up()
    await anna.ended()
    return [outbound(anna, customer, "13800138091", "answered")]


async def _failed(number: str, started: float, agent: Call | None) -> list[Expected]:
    """The customer was never called; what is promised is one failed interaction."""
    more: Expected = {"started_at": started if agent is None else agent.started_at}
    if agent is None:
        more["ended_at"] = UNPROMISED
    return [outbound(agent, None, number, "failed", **more)]


@scenario()
async def originate_not_lifted(s: Stage) -> list[Expected]:
    """Anna does not lift within 3 s: the customer is never called."""
    started = time.time()
    await s.originate("1001", "13800138092", seconds=3)
    anna = await (await s.anna.rings()).ended()
    return await _failed("13800138092", started, anna)


@scenario()
async def originate_declined(s: Stage) -> list[Expected]:
    """Anna presses reject: the customer is never called."""
    started = time.time()
    await s.originate("1001", "13800138093")
    anna = await (await s.anna.rings()).reject(603, after=1.0)
    return await _failed("13800138093", started, anna)


@scenario()
async def originate_unregistered(s: Stage) -> list[Expected]:
    """The agent's telephone (1020) is not registered: there is nothing but a failed OriginateResponse."""
    mark, started = len(s.pbx.ami.events), time.time()
    await s.originate("1020", "13800138094")
    await s.pbx.ami.wait(lambda block: block.get("Event") == "OriginateResponse", since=mark)
    return await _failed("13800138094", started, None)


@scenario()
async def originate_customer_busy(s: Stage) -> list[Expected]:
    """Anna lifts, the customer is busy."""
    await s.originate("1001", "13800138095")
    anna = await (await s.anna.rings()).answer(after=0.7)
    customer = await (await s.outside.rings()).reject(486, after=0.8)
    await anna.ended()
    return [outbound(anna, customer, "13800138095", "busy")]


@scenario(timing=Timing(out_ring=4))
async def originate_customer_no_answer(s: Stage) -> list[Expected]:
    """Anna lifts, the customer's telephone rings in vain."""
    await s.originate("1001", "13800138096")
    anna = await (await s.anna.rings()).answer(after=0.7)
    customer = await (await s.outside.rings()).ended()
    await anna.ended()
    return [outbound(anna, customer, "13800138096", "no_answer")]


@scenario()
async def originate_cancelled(s: Stage) -> list[Expected]:
    """Anna lifts and gives up while the customer's telephone rings."""
    await s.originate("1001", "13800138097")
    anna = await (await s.anna.rings()).answer(after=0.7)
    customer = await s.outside.rings()
    await s.talk(1.6)
    await anna.hang_up()
    await customer.ended()
    return [outbound(anna, customer, "13800138097", "cancelled")]


# ---- Between agents ----------------------------------------------------------------------------------------
def internal(caller: Call, called: Call, result: str, outcome: Any, **more: Any) -> Expected:
    """A call between two of our telephones. Whose segments are listed is not promised."""
    return {
        "channel": "voice",
        "direction": "internal",
        "queue": None,
        "queues": [],
        "outcome": outcome,
        "started_at": caller.started_at,
        "answered_at": called.answered_at,
        "ended_at": called.ended_at,
        "wait_seconds": None,
        "hold_seconds": 0.0,
        "offers": [offer(called, result)],
        "transfers": [],
        "holds": [],
        "conference": False,
        "parked": False,
        **more,
    }


@scenario()
async def internal_answered(s: Stage) -> list[Expected]:
    """Anna calls Ben, who answers; Ben hangs up."""
    anna = s.anna.call("1002")
    ben = await (await s.ben.rings()).answer(after=1.1)
    await s.talk(2.0)
    await ben.hang_up()
    await anna.ended()
    return [internal(anna, ben, "answered", "answered")]


@scenario(timing=Timing(ring=3))
async def internal_not_answered(s: Stage) -> list[Expected]:
    """Anna calls Ben, whose telephone rings in vain; the PBX gives up after 3 s."""
    anna = s.anna.call("1002")
    ben = await (await s.ben.rings()).ended()
    await anna.ended()
    return [internal(anna, ben, "no_answer", "no_answer", answered_at=None)]


@scenario()
async def internal_given_up(s: Stage) -> list[Expected]:
    """Anna calls Ben and hangs up while his telephone rings."""
    anna = s.anna.call("1002")
    ben = await s.ben.rings()
    await s.talk(1.7)
    await anna.hang_up()
    await ben.ended()
    # Which word the caller's own giving up gets in an internal call is not said anywhere.
    return [internal(anna, ben, "cancelled", UNPROMISED, answered_at=None)]
