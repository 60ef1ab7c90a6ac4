"""Scenarios: transfers by the telephone's own keys (REFER, two lines), for every shape of member."""

from __future__ import annotations

from tests.pbx.asterisk import Timing
from tests.pbx.members import ALL, LOCAL, NO_TRANSFER, Members, among
from tests.pbx.phone import Call
from tests.pbx.stage import (
    UNPROMISED,
    Expected,
    Stage,
    device,
    hold,
    hold_until_moved,
    offer,
    segment,
    segments_moved,
    transfer,
)


# ---- Blind -------------------------------------------------------------------------------------------------
@among(*LOCAL)
async def blind_transfer_to_queue(s: Stage, at: Members) -> list[Expected]:
    """Anna sends the customer to the sales queue (REFER); Chen answers there, Dora's telephone stops."""
    customer, anna = await at.answered(s, "13800138200")
    await anna.refer("801")
    chen, dora = await s.chen.rings(), await s.dora.rings()
    await chen.answer(after=1.1)
    await dora.ended()
    await s.talk(1.6)
    await chen.hang_up()
    await customer.ended()
    return [
        at.told(
            customer,
            anna,
            queues=[at.queue, "sales"],
            offers=[offer(anna, "answered"), offer(chen, "answered"), offer(dora, "cancelled")],
            segments=segments_moved(anna, chen),
            transfers=[transfer("blind", anna, "queue:sales", True)],
        )
    ]


@among(*LOCAL)
async def blind_transfer_to_extension(s: Stage, at: Members) -> list[Expected]:
    """Anna sends the customer to the voice mailbox (an extension that is no telephone); the customer hangs up there."""
    customer, anna = await at.answered(s, "13800138201")
    await anna.refer("500")
    await s.talk(2.0)
    await customer.hang_up()
    move = transfer("blind", anna, "exten:500", False) | {"completed": UNPROMISED}
    segments = [segment(anna, end=anna.referred_at)]
    return [at.told(customer, anna, segments=segments, transfers=[move], ended_by="customer")]


@among(*LOCAL)
async def blind_transfer_to_outside(s: Stage, at: Members) -> list[Expected]:
    """Anna sends the customer to a number outside (REFER to 9…), which answers; the customer hangs up."""
    customer, anna = await at.answered(s, "13800138202")
    await anna.refer("913900139000")
    other = await (await s.outside.rings()).answer(after=0.8)
    await s.talk(1.6)
    await customer.hang_up()
    await other.ended()
    move = transfer("blind", anna, "", True) | {"to": UNPROMISED, "completed": UNPROMISED}
    segments = [segment(anna, end=anna.referred_at)]
    return [at.told(customer, anna, segments=segments, transfers=[move], ended_by="customer")]


@among(*LOCAL, timing=Timing(ring=3))
async def blind_transfer_not_answered(s: Stage, at: Members) -> list[Expected]:
    """Anna sends the customer to Chen, whose telephone rings in vain; after 3 s the PBX ends the call."""
    customer, anna = await at.answered(s, "13800138203")
    await anna.refer("1003")
    chen = await (await s.chen.rings()).ended()
    await customer.ended()
    return [
        at.told(
            customer,
            anna,
            offers=[offer(anna, "answered"), offer(chen, "no_answer")],
            segments=[segment(anna, end=anna.referred_at)],
            transfers=[transfer("blind", anna, "PJSIP/1003", False)],
            ended_by="system",
        )
    ]


# ---- Attended, by a second line ----------------------------------------------------------------------------
async def _asks(s: Stage, anna: Call) -> tuple[Call, Call]:
    """Anna holds the customer and asks Chen on her second line."""
    await anna.hold()
    asking = s.anna.call("1003")
    chen = await (await s.chen.rings()).answer(after=0.8)
    await asking.up()
    await s.talk(1.2)
    return asking, chen


@among(*LOCAL)
async def consultation_aborted(s: Stage, at: Members) -> list[Expected]:
    """Anna holds the customer, asks Chen on her second line, and goes back to the customer."""
    customer, anna = await at.answered(s, "13800138204")
    asking, chen = await _asks(s, anna)
    await asking.hang_up()
    await chen.ended()
    await anna.unhold()
    await s.talk(1.3)
    await customer.hang_up()
    await anna.ended()
    return [at.told(customer, anna, segments=[segment(anna)], holds=hold(anna))]


@among(*ALL)
async def consultation_declined(s: Stage, at: Members) -> list[Expected]:
    """Anna holds the customer and rings Chen, who presses reject; she goes back to the customer."""
    customer, anna = await at.answered(s, "13800138205")
    await anna.hold()
    asking = s.anna.call("1003")
    await (await s.chen.rings()).reject(486, after=0.9)
    await asking.ended()
    await anna.unhold()
    await s.talk(1.3)
    await anna.hang_up()
    await customer.ended()
    return [at.told(customer, anna, segments=[segment(anna)], holds=hold(anna)) | NO_TRANSFER]


@among(*ALL)
async def lines_swapped(s: Stage, at: Members) -> list[Expected]:
    """Anna asks Chen, goes back to the customer while Chen is on hold, asks Chen again, and connects them."""
    customer, anna = await at.answered(s, "13800138206")
    asking, chen = await _asks(s, anna)
    await asking.hold()
    await anna.unhold()
    await s.talk(1.2)
    await anna.hold()
    await asking.unhold()
    await s.talk(1.0)
    await anna.refer_to(asking)
    await s.talk(1.6)
    await chen.hang_up()
    await customer.ended()
    first = {"by": device(anna), "seconds": anna.holds[0][1] - anna.holds[0][0]}
    return [
        at.told(
            customer,
            anna,
            segments=segments_moved(anna, chen),
            transfers=[transfer("attended", anna, "PJSIP/1003", True)],
            holds=[first, *hold_until_moved(anna)],
        )
    ]


@among(*ALL, timing=Timing(ring=10))
async def attended_transfer_refer_ringing(s: Stage, at: Members) -> list[Expected]:
    """Anna rings Chen on her second line and connects the customer (REFER with Replaces) while it still rings."""
    customer, anna = await at.answered(s, "13800138207")
    await anna.hold()
    asking = s.anna.call("1003")
    chen = await s.chen.rings()
    await asking.ringing()
    await s.talk(0.8)
    await anna.refer_to(asking)
    await chen.answer(after=2.5)
    await s.talk(1.6)
    await customer.hang_up()
    await chen.ended()
    return [
        at.told(
            customer,
            anna,
            segments=segments_moved(anna, chen),
            transfers=[transfer("attended", anna, "PJSIP/1003", True)],
            holds=hold_until_moved(anna),
            offers=UNPROMISED,
        )
    ]
