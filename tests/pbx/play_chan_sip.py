"""Scenarios on the older SIP driver (chan_sip): names like SIP/1201-00000001; only for releases that still have it."""

from __future__ import annotations

from tests.pbx.asterisk import Timing
from tests.pbx.stage import Expected, Stage, inbound, offer, outbound, segment, segments_moved, transfer
from tests.pbx.table import scenario


@scenario(chan_sip=True)
async def chansip_answered(s: Stage) -> list[Expected]:
    """A customer in queue 602 (Local members, SIP telephones); Anna answers, the customer hangs up."""
    customer = s.customer("13800138160", "812", name="Li Lei")
    anna = await (await s.old("1201").rings()).answer(after=1.0)
    await s.talk(2.4)
    await customer.hang_up()
    await anna.ended()
    return [inbound(customer, "answered", queues=["602"], offers=[offer(anna, "answered")], segments=[segment(anna)])]


@scenario(chan_sip=True)
async def chansip_no_answer_then_other(s: Stage) -> list[Expected]:
    """Anna's telephone rings in vain, then Ben's, who answers."""
    customer = s.customer("13800138161", "812")
    anna = await (await s.old("1201").rings()).ended()
    ben = await (await s.old("1202").rings()).answer(after=0.9)
    await s.talk(2.0)
    await ben.hang_up()
    await customer.ended()
    offers = [offer(anna, "no_answer"), offer(ben, "answered")]
    return [inbound(customer, "answered", queues=["602"], offers=offers, segments=[segment(ben)])]


@scenario(chan_sip=True)
async def chansip_blind_transfer(s: Stage) -> list[Expected]:
    """Anna sends the customer to 1203 (REFER), who answers."""
    customer = s.customer("13800138162", "812")
    anna = await (await s.old("1201").rings()).answer(after=0.8)
    await s.talk(2.0)
    await anna.refer("1203")
    chen = await (await s.old("1203").rings()).answer(after=1.0)
    await s.talk(2.0)
    await customer.hang_up()
    await chen.ended()
    return [
        inbound(
            customer,
            "answered",
            queues=["602"],
            offers=[offer(anna, "answered"), offer(chen, "answered")],
            segments=segments_moved(anna, chen),
            transfers=[transfer("blind", anna, "SIP/1203", True)],
        )
    ]


@scenario(chan_sip=True)
async def chansip_attended_transfer(s: Stage) -> list[Expected]:
    """Anna asks 1203 on a second line and connects the customer (REFER with Replaces)."""
    customer = s.customer("13800138163", "812")
    anna = await (await s.old("1201").rings()).answer(after=0.8)
    await s.talk(1.6)
    asking = s.old("1201").call("1203")
    chen = await (await s.old("1203").rings()).answer(after=0.9)
    await asking.up()
    await s.talk(1.4)
    await anna.refer_to(asking)
    await s.talk(2.0)
    await chen.hang_up()
    await customer.ended()
    return [
        inbound(
            customer,
            "answered",
            queues=["602"],
            offers=[offer(anna, "answered")],
            segments=segments_moved(anna, chen),
            transfers=[transfer("attended", anna, "SIP/1203", True)],
        )
    ]


@scenario(chan_sip=True, timing=Timing(out_ring=6))
async def chansip_outbound(s: Stage) -> list[Expected]:
    """Anna dials a customer through the trunk (prefix 8), who answers and hangs up."""
    anna = s.old("1201").call("813800138164")
    customer = await (await s.outside.rings()).answer(after=1.1)
    await anna.up()
    await s.talk(2.0)
    await customer.hang_up()
    await anna.ended()
    return [outbound(anna, customer, "13800138164", "answered")]
