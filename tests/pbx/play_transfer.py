"""Scenarios: transfers, holds, consultations, conference, parking, pickup."""

from __future__ import annotations

import time

from tests.pbx.asterisk import Timing
from tests.pbx.members import NO_TRANSFER, UNSURE_HOLD
from tests.pbx.phone import Call
from tests.pbx.stage import (
    UNPROMISED,
    Expected,
    Stage,
    hold,
    hold_until_moved,
    inbound,
    offer,
    segment,
    segments_moved,
    transfer,
)
from tests.pbx.table import ALL_KINDS, scenario


@scenario(kinds=ALL_KINDS)
async def blind_transfer_refer(s: Stage) -> list[Expected]:
    """Anna sends the customer on to Chen by her telephone's transfer key (REFER); Chen answers."""
    customer = s.customer("13800138002")
    anna = await (await s.anna.rings()).answer(after=0.9)
    await s.talk(1.8)
    await anna.refer("1003")
    chen = await (await s.chen.rings()).answer(after=1.5)
    await s.talk(2.2)
    await customer.hang_up()
    await chen.ended()
    return [
        inbound(
            customer,
            "answered",
            offers=[offer(anna, "answered"), offer(chen, "answered")],
            segments=segments_moved(anna, chen),
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
    await s.talk(2.4)
    await chen.hang_up()
    await customer.ended()
    return [
        inbound(
            customer,
            "answered",
            offers=[offer(anna, "answered")],
            segments=segments_moved(anna, chen),
            transfers=[transfer("attended", anna, "PJSIP/1003", True)],
            holds=hold_until_moved(anna),
        )
    ]


async def _answered(s: Stage, number: str, dialled: str = "800", talk: float = 1.4) -> tuple[Call, Call]:
    """The beginning of most of these: Anna has the customer, and they have talked a little."""
    customer = s.customer(number, dialled)
    anna = await (await s.anna.rings()).answer(after=0.8)
    await s.talk(talk)
    return customer, anna


# ---- Blind -------------------------------------------------------------------------------------------------
@scenario()
async def blind_transfer_to_queue(s: Stage) -> list[Expected]:
    """Anna sends the customer to the sales queue (REFER); Chen answers there, Dora's telephone stops."""
    customer, anna = await _answered(s, "13800138040")
    await anna.refer("801")
    chen, dora = await s.chen.rings(), await s.dora.rings()
    await chen.answer(after=1.3)
    await dora.ended()
    await s.talk(2.0)
    await chen.hang_up()
    await customer.ended()
    return [
        inbound(
            customer,
            "answered",
            queues=["support", "sales"],
            offers=[offer(anna, "answered"), offer(chen, "answered"), offer(dora, "cancelled")],
            segments=segments_moved(anna, chen),
            transfers=[transfer("blind", anna, "queue:sales", True)],
        )
    ]


@scenario(late=True)
async def blind_transfer_to_queue_abandoned(s: Stage) -> list[Expected]:
    """Anna sends the customer to sales, where nobody is free; the customer gives up there."""
    await s.nobody_free("1003", "1004")
    await s.record()
    customer, anna = await _answered(s, "13800138041")
    await anna.refer("801")
    await s.talk(2.6)
    await customer.hang_up()
    return [
        inbound(
            customer,
            "answered",
            queues=["support", "sales"],
            offers=[offer(anna, "answered")],
            segments=[segment(anna, end=anna.referred_at)],
            transfers=[transfer("blind", anna, "queue:sales", False)],
            ended_by="customer",
        )
    ]


@scenario()
async def blind_transfer_to_extension(s: Stage) -> list[Expected]:
    """Anna sends the customer to the voice mailbox (an extension that is no telephone); the customer hangs up there."""
    customer, anna = await _answered(s, "13800138042")
    await anna.refer("500")
    await s.talk(2.4)
    await customer.hang_up()
    move = transfer("blind", anna, "exten:500", False) | {"completed": UNPROMISED}
    return [
        inbound(
            customer,
            "answered",
            offers=[offer(anna, "answered")],
            segments=[segment(anna, end=anna.referred_at)],
            transfers=[move],
            ended_by="customer",
        )
    ]


@scenario(timing=Timing(ring=3))
async def blind_transfer_not_answered(s: Stage) -> list[Expected]:
    """Anna sends the customer to Chen, whose telephone rings in vain; after 3 s the PBX ends the call."""
    customer, anna = await _answered(s, "13800138043")
    await anna.refer("1003")
    chen = await (await s.chen.rings()).ended()
    await customer.ended()
    return [
        inbound(
            customer,
            "answered",
            offers=[offer(anna, "answered"), offer(chen, "no_answer")],
            segments=[segment(anna, end=anna.referred_at)],
            transfers=[transfer("blind", anna, "PJSIP/1003", False)],
            ended_by="system",
        )
    ]


@scenario(timing=Timing(ring=8))
async def blind_transfer_caller_gone(s: Stage) -> list[Expected]:
    """Anna sends the customer to Chen; while Chen's telephone rings the customer hangs up."""
    customer, anna = await _answered(s, "13800138044")
    await anna.refer("1003")
    chen = await s.chen.rings()
    await s.talk(1.5)
    await customer.hang_up()
    await chen.ended()
    return [
        inbound(
            customer,
            "answered",
            offers=[offer(anna, "answered"), offer(chen, "cancelled")],
            segments=[segment(anna, end=anna.referred_at)],
            transfers=[transfer("blind", anna, "PJSIP/1003", False)],
            ended_by="customer",
        )
    ]


@scenario(tolerance=1.0)
async def blind_transfer_keys(s: Stage) -> list[Expected]:
    """Anna presses #1 and Chen's number (the PBX's own blind transfer); Chen answers."""
    customer, anna = await _answered(s, "13800138045")
    await anna.dtmf("#1")
    await s.talk(1.2)
    await anna.dtmf("1003")
    chen = await (await s.chen.rings()).answer(after=0.9)
    await s.talk(2.0)
    await customer.hang_up()
    await chen.ended()
    return [
        inbound(
            customer,
            "answered",
            offers=[offer(anna, "answered"), offer(chen, "answered")],
            segments=[segment(anna, end=chen.rang_at), segment(chen)],
            transfers=[transfer("blind", anna, "PJSIP/1003", True)],
        )
        | UNSURE_HOLD
    ]


@scenario()
async def blind_transfer_action(s: Stage) -> list[Expected]:
    """A client transfers by the AMI action BlindTransfer; Chen answers."""
    customer, anna = await _answered(s, "13800138046")
    channel = await s.channel(anna)
    await s.pbx.ami.action("BlindTransfer", (), Channel=channel, Context="from-internal", Exten="1003")
    chen = await (await s.chen.rings()).answer(after=1.1)
    await s.talk(1.7)
    await chen.hang_up()
    await customer.ended()
    return [
        inbound(
            customer,
            "answered",
            offers=[offer(anna, "answered"), offer(chen, "answered")],
            segments=[segment(anna, end=chen.rang_at), segment(chen)],
            transfers=[transfer("blind", anna, "PJSIP/1003", True)],
        )
    ]


@scenario()
async def redirect_action(s: Stage) -> list[Expected]:
    """A client moves the customer by the AMI action Redirect; Anna's leg is dropped by the PBX, Chen answers."""
    customer, anna = await _answered(s, "13800138047")
    channel = await s.channel(customer)
    await s.pbx.ami.action("Redirect", (), Channel=channel, Context="from-internal", Exten="1003", Priority=1)
    chen = await (await s.chen.rings()).answer(after=1.1)
    await s.talk(1.7)
    await customer.hang_up()
    await chen.ended()
    return [
        inbound(
            customer,
            "answered",
            offers=[offer(anna, "answered"), offer(chen, "answered")],
            segments=[segment(anna, end=chen.rang_at), segment(chen)],
            transfers=[transfer("redirect", anna, "PJSIP/1003", True)],
        )
    ]


# ---- Attended ----------------------------------------------------------------------------------------------
async def _atxfer(s: Stage, anna: Call, number: str) -> None:
    """Start the PBX's own attended transfer."""
    channel = await s.channel(anna)
    await s.pbx.ami.action("Atxfer", (), Channel=channel, Context="from-internal", Exten=number)


@scenario(tolerance=1.0)
async def attended_transfer_action(s: Stage) -> list[Expected]:
    """A client starts Atxfer; Chen answers, they talk, Anna hangs up: Chen has the customer."""
    customer, anna = await _answered(s, "13800138050")
    await _atxfer(s, anna, "1003")
    chen = await (await s.chen.rings()).answer(after=1.1)
    await s.talk(1.8)
    await anna.hang_up()
    await s.talk(2.5)
    await customer.hang_up()
    await chen.ended()
    return [
        inbound(
            customer,
            "answered",
            offers=[offer(anna, "answered")],
            segments=[segment(anna), segment(chen, start=anna.ended_at)],
            transfers=[transfer("attended", anna, "PJSIP/1003", True)],
        )
        | UNSURE_HOLD
    ]


@scenario(tolerance=1.0)
async def attended_transfer_keys(s: Stage) -> list[Expected]:
    """Anna presses *2 and Chen's number; Chen answers; Anna presses *2 again: Chen has the customer."""
    customer, anna = await _answered(s, "13800138051")
    await anna.dtmf("*2")
    await s.talk(1.2)
    await anna.dtmf("1003")
    chen = await (await s.chen.rings()).answer(after=0.9)
    await s.talk(1.5)
    await anna.dtmf("*2")
    await anna.ended()
    await s.talk(2.2)
    await chen.hang_up()
    await customer.ended()
    return [
        inbound(
            customer,
            "answered",
            offers=[offer(anna, "answered")],
            segments=[segment(anna), segment(chen, start=anna.ended_at)],
            transfers=[transfer("attended", anna, "PJSIP/1003", True)],
        )
        | UNSURE_HOLD
    ]


@scenario(tolerance=1.0)
async def attended_transfer_aborted(s: Stage) -> list[Expected]:
    """Atxfer to Chen, who answers; Anna presses *1 and is back with the customer; she hangs up at the end."""
    customer, anna = await _answered(s, "13800138052")
    await _atxfer(s, anna, "1003")
    chen = await (await s.chen.rings()).answer(after=0.9)
    await s.talk(1.5)
    await anna.dtmf("*1")
    await chen.ended()
    await s.talk(2.0)
    await anna.hang_up()
    await customer.ended()
    return [
        inbound(customer, "answered", offers=[offer(anna, "answered")], segments=[segment(anna)])
        | UNSURE_HOLD
        | NO_TRANSFER
    ]


@scenario(tolerance=1.0)
async def attended_transfer_declined(s: Stage) -> list[Expected]:
    """Atxfer to Chen, who presses reject: Anna is back with the customer."""
    customer, anna = await _answered(s, "13800138053")
    await _atxfer(s, anna, "1003")
    await (await s.chen.rings()).reject(486, after=1.0)
    await s.talk(3.5)
    await customer.hang_up()
    await anna.ended()
    return [
        inbound(customer, "answered", offers=[offer(anna, "answered")], segments=[segment(anna)])
        | UNSURE_HOLD
        | NO_TRANSFER
    ]


@scenario(tolerance=1.0, timing=Timing(ring=10))
async def attended_transfer_ringing(s: Stage) -> list[Expected]:
    """Atxfer to Chen; Anna hangs up while Chen's telephone still rings; Chen answers two seconds later."""
    customer, anna = await _answered(s, "13800138054")
    await _atxfer(s, anna, "1003")
    chen = await s.chen.rings()
    await s.talk(1.5)
    await anna.hang_up()
    await chen.answer(after=3.5)
    await s.talk(2.0)
    await customer.hang_up()
    await chen.ended()
    result = inbound(
        customer,
        "answered",
        segments=[segment(anna), segment(chen)],
        transfers=[transfer("attended", anna, "PJSIP/1003", True)],
    )
    # Whether the ring that began as a consultation counts as an offer is not said anywhere.
    result["offers"] = UNPROMISED
    return [result | UNSURE_HOLD]


@scenario(tolerance=1.0)
async def attended_transfer_target_gone(s: Stage) -> list[Expected]:
    """Atxfer to Chen, who answers and hangs up again during the consultation: Anna is back with the customer."""
    customer, anna = await _answered(s, "13800138055")
    await _atxfer(s, anna, "1003")
    chen = await (await s.chen.rings()).answer(after=0.8)
    await s.talk(1.4)
    await chen.hang_up()
    await s.talk(2.6)
    await anna.hang_up()
    await customer.ended()
    return [
        inbound(customer, "answered", offers=[offer(anna, "answered")], segments=[segment(anna)])
        | UNSURE_HOLD
        | NO_TRANSFER
    ]


@scenario()
async def consultation_aborted(s: Stage) -> list[Expected]:
    """Anna holds the customer, asks Chen on her second line, and goes back to the customer."""
    customer, anna = await _answered(s, "13800138056")
    await anna.hold()
    asking = s.anna.call("1003")
    chen = await (await s.chen.rings()).answer(after=0.9)
    await asking.up()
    await s.talk(1.4)
    await asking.hang_up()
    await chen.ended()
    await anna.unhold()
    await s.talk(1.6)
    await customer.hang_up()
    await anna.ended()
    return [inbound(customer, "answered", offers=[offer(anna, "answered")], segments=[segment(anna)], holds=hold(anna))]


@scenario()
async def consultation_not_answered(s: Stage) -> list[Expected]:
    """Anna holds the customer and rings Chen, who does not lift; she gives up and goes back."""
    customer, anna = await _answered(s, "13800138057")
    await anna.hold()
    asking = s.anna.call("1003")
    chen = await s.chen.rings()
    await s.talk(2.0)
    await asking.hang_up()
    await chen.ended()
    await anna.unhold()
    await s.talk(1.2)
    await anna.hang_up()
    await customer.ended()
    return [inbound(customer, "answered", offers=[offer(anna, "answered")], segments=[segment(anna)], holds=hold(anna))]


@scenario()
async def two_transfers(s: Stage) -> list[Expected]:
    """Anna sends the customer blind to Chen; Chen asks Dora and connects her (REFER with Replaces)."""
    customer, anna = await _answered(s, "13800138058")
    await anna.refer("1003")
    chen = await (await s.chen.rings()).answer(after=0.8)
    await s.talk(1.5)
    asking = s.chen.call("1004")
    dora = await (await s.dora.rings()).answer(after=0.7)
    await asking.up()
    await s.talk(1.2)
    await chen.refer_to(asking)
    await s.talk(2.0)
    await customer.hang_up()
    await dora.ended()
    return [
        inbound(
            customer,
            "answered",
            offers=[offer(anna, "answered"), offer(chen, "answered")],
            segments=[
                segment(anna, end=anna.referred_at),
                segment(chen, end=chen.referred_at),
                segment(dora, start=chen.referred_at),
            ],
            transfers=[
                transfer("blind", anna, "PJSIP/1003", True),
                transfer("attended", chen, "PJSIP/1004", True),
            ],
        )
    ]


# ---- Hold --------------------------------------------------------------------------------------------------
@scenario(kinds=ALL_KINDS)
async def hold_and_resume(s: Stage) -> list[Expected]:
    """Anna puts the customer on hold twice."""
    customer, anna = await _answered(s, "13800138060")
    await anna.hold()
    await s.talk(2.0)
    await anna.unhold()
    await s.talk(1.0)
    await anna.hold()
    await s.talk(1.1)
    await anna.unhold()
    await s.talk(1.0)
    await customer.hang_up()
    await anna.ended()
    return [inbound(customer, "answered", offers=[offer(anna, "answered")], segments=[segment(anna)], holds=hold(anna))]


@scenario()
async def hold_ended_by_hangup(s: Stage) -> list[Expected]:
    """The customer hangs up while on hold."""
    customer, anna = await _answered(s, "13800138061")
    await anna.hold()
    await s.talk(2.2)
    await customer.hang_up()
    await anna.ended()
    return [inbound(customer, "answered", offers=[offer(anna, "answered")], segments=[segment(anna)], holds=hold(anna))]


# ---- Conference, parking, pickup ---------------------------------------------------------------------------
@scenario(tolerance=4.5)
async def conference(s: Stage) -> list[Expected]:
    """A client moves Anna and the customer into a room (Redirect of both); Chen dials in; the customer leaves first.

    People join the room only after its prompts, so that durations are rough.
    """
    customer, anna = await _answered(s, "13800138062")
    ours, theirs = await s.channel(anna), await s.channel(customer)
    await s.pbx.ami.action(
        "Redirect",
        (),
        Channel=theirs,
        Context="from-internal",
        Exten="770",
        Priority=1,
        ExtraChannel=ours,
        ExtraContext="from-internal",
        ExtraExten="770",
        ExtraPriority=1,
    )
    await s.talk(4.5)
    chen = s.chen.call("770")
    await chen.up()
    await s.talk(6.0)
    await customer.hang_up()
    await s.talk(0.6)
    await anna.hang_up()
    await chen.hang_up()
    result = inbound(
        customer,
        "answered",
        conference=True,
        offers=[offer(anna, "answered")],
        segments=[segment(anna, end=customer.ended_at), segment(chen, end=customer.ended_at)],
        ended_by="customer",
    )
    # Two agents at once: whether their sum is talk time is the tracker's to say.
    result["talk_seconds"] = UNPROMISED
    return [result]


@scenario(timing=Timing(parking=15), tolerance=1.0)
async def park_and_retrieve(s: Stage) -> list[Expected]:
    """Anna parks the customer (REFER to 700), Chen dials the place and takes over."""
    customer, anna = await _answered(s, "13800138063")
    await anna.refer("700")
    await s.talk(4.0)
    chen = await s.chen.call("701").up()
    await s.talk(2.4)
    await chen.hang_up()
    await customer.ended()
    return [
        inbound(
            customer,
            "answered",
            parked=True,
            offers=[offer(anna, "answered")],
            segments=[segment(anna, end=anna.referred_at), segment(chen)],
            ended_by="agent",
        )
    ]


@scenario(timing=Timing(parking=15), tolerance=1.0)
async def park_action_and_retrieve(s: Stage) -> list[Expected]:
    """A client parks the customer by the AMI action Park; Chen dials the place; the customer hangs up."""
    customer, anna = await _answered(s, "13800138064")
    ours, theirs = await s.channel(anna), await s.channel(customer)
    parked_at = time.time()
    await s.pbx.ami.action("Park", (), Channel=theirs, TimeoutChannel=ours)
    await s.talk(2.5)
    chen = await s.chen.call("701").up()
    await s.talk(2.2)
    await customer.hang_up()
    await chen.ended()
    return [
        inbound(
            customer,
            "answered",
            parked=True,
            offers=[offer(anna, "answered")],
            segments=[segment(anna, end=parked_at), segment(chen)],
        )
    ]


@scenario(timing=Timing(parking=4), tolerance=1.0)
async def park_timeout(s: Stage) -> list[Expected]:
    """Anna parks the customer and nobody takes him; after 4 s her telephone rings again, and she answers."""
    customer, anna = await _answered(s, "13800138065")
    await anna.refer("700")
    again = await (await s.anna.rings()).answer(after=1.0)
    await s.talk(1.8)
    await customer.hang_up()
    await again.ended()
    result = inbound(
        customer,
        "answered",
        parked=True,
        segments=[segment(anna, end=anna.referred_at), segment(again)],
    )
    # Whether the ring of the come-back is an offer is not said anywhere.
    result["offers"] = UNPROMISED
    return [result]


@scenario(timing=Timing(parking=15), tolerance=1.0)
async def park_abandoned(s: Stage) -> list[Expected]:
    """The customer hangs up in the parking place."""
    customer, anna = await _answered(s, "13800138066")
    await anna.refer("700")
    await s.talk(4.4)
    await customer.hang_up()
    return [
        inbound(
            customer,
            "answered",
            parked=True,
            offers=[offer(anna, "answered")],
            segments=[segment(anna, end=anna.referred_at)],
            ended_by="customer",
        )
    ]


@scenario()
async def direct_pickup(s: Stage) -> list[Expected]:
    """A direct call rings at Anna's; Ben takes it by *8 and her number."""
    customer = s.customer("13800138067", "1001")
    anna = await s.anna.rings()
    await s.talk(1.4)
    ben = await s.ben.call("*81001").up()
    await anna.ended()
    await s.talk(2.2)
    await ben.hang_up()
    await customer.ended()
    return [inbound(customer, "answered", queues=[], offers=[offer(anna, "cancelled")], segments=[segment(ben)])]


@scenario()
async def supervisor_listens(s: Stage) -> list[Expected]:
    """During a call a supervisor (Jan) listens in by an originated ChanSpy; the call is one interaction as ever."""
    customer, anna = await _answered(s, "13800138068")
    channel = await s.channel(anna)
    await s.pbx.ami.action(
        "Originate",
        (),
        Channel="PJSIP/1010",
        Application="ChanSpy",
        Data=f"{channel},uqE",
        CallerID="Tap",
        Async="true",
    )
    jan = await (await s.jan.rings()).answer(after=0.5)
    await s.talk(2.5)
    await customer.hang_up()
    await anna.ended()
    await jan.ended()
    return [inbound(customer, "answered", offers=[offer(anna, "answered")], segments=[segment(anna)])]


# ---- Further shapes ----------------------------------------------------------------------------------------
@scenario()
async def direct_attended_transfer(s: Stage) -> list[Expected]:
    """A direct call (no queue): Anna asks Ben on her second line and connects him (REFER with Replaces)."""
    customer, anna = await _answered(s, "13800138170", "1001")
    await anna.hold()
    asking = s.anna.call("1002")
    ben = await (await s.ben.rings()).answer(after=0.8)
    await asking.up()
    await s.talk(1.3)
    await anna.refer_to(asking)
    await s.talk(1.9)
    await customer.hang_up()
    await ben.ended()
    return [
        inbound(
            customer,
            "answered",
            queues=[],
            offers=[offer(anna, "answered")],
            segments=segments_moved(anna, ben),
            transfers=[transfer("attended", anna, "PJSIP/1002", True)],
            holds=hold_until_moved(anna),
        )
    ]


@scenario()
async def blind_transfer_to_outside(s: Stage) -> list[Expected]:
    """Anna sends the customer to a number outside (REFER to 9…), which answers; the customer hangs up.

    Somebody outside is no agent: there is no segment, offer or name for him.
    """
    customer, anna = await _answered(s, "13800138171")
    await anna.refer("913900139000")
    other = await (await s.outside.rings()).answer(after=1.0)
    await s.talk(2.0)
    await customer.hang_up()
    await other.ended()
    move = transfer("blind", anna, "", True) | {"to": UNPROMISED, "completed": UNPROMISED}
    return [
        inbound(
            customer,
            "answered",
            offers=[offer(anna, "answered")],
            segments=[segment(anna, end=anna.referred_at)],
            transfers=[move],
            ended_by="customer",
        )
    ]


@scenario(tolerance=1.0)
async def attended_transfer_to_queue(s: Stage) -> list[Expected]:
    """Anna calls the sales queue on her second line, Chen answers there, Anna connects the customer with Chen.

    Her own way through the queue is a consultation, not a contact of its own.
    """
    customer, anna = await _answered(s, "13800138172")
    await anna.hold()
    asking = s.anna.call("801")
    chen, dora = await s.chen.rings(), await s.dora.rings()
    await chen.answer(after=0.9)
    await dora.ended()
    await asking.up()
    await s.talk(1.5)
    await anna.refer_to(asking)
    await s.talk(2.1)
    await customer.hang_up()
    await chen.ended()
    move = transfer("attended", anna, "", True) | {"to": UNPROMISED}
    return [
        inbound(
            customer,
            "answered",
            segments=segments_moved(anna, chen),
            transfers=[move],
            holds=hold_until_moved(anna),
            offers=UNPROMISED,
            queues=["support"],
        )
        | {"queues": UNPROMISED}
    ]


@scenario(tolerance=1.0)
async def attended_transfer_threeway(s: Stage) -> list[Expected]:
    """Atxfer to Chen; Anna presses *3: all three talk together; Anna leaves, Chen goes on with the customer."""
    customer, anna = await _answered(s, "13800138173")
    await _atxfer(s, anna, "1003")
    chen = await (await s.chen.rings()).answer(after=0.9)
    await s.talk(1.4)
    together = time.time()
    await anna.dtmf("*3")
    await s.talk(2.5)
    await anna.hang_up()
    await s.talk(2.0)
    await customer.hang_up()
    await chen.ended()
    result = inbound(
        customer,
        "answered",
        offers=[offer(anna, "answered")],
        segments=[segment(anna), segment(chen, start=together)],
    )
    # How three at once are called (conference, transfer), and whether two agents count twice, is not said anywhere.
    open_questions = dict.fromkeys(("conference", "transfers", "talk_seconds"), UNPROMISED)
    return [result | UNSURE_HOLD | open_questions]


@scenario(late=True)
async def redirect_waiting(s: Stage) -> list[Expected]:
    """A client takes a waiting customer out of the queue (Redirect to Chen), who answers. He never gave up."""
    await s.nobody_free("1001", "1002")
    await s.record()
    customer = s.customer("13800138174")
    await customer.up()
    await s.talk(2.0)
    channel = await s.channel(customer)
    await s.pbx.ami.action("Redirect", (), Channel=channel, Context="from-internal", Exten="1003", Priority=1)
    chen = await (await s.chen.rings()).answer(after=1.0)
    await s.talk(1.8)
    await chen.hang_up()
    await customer.ended()
    return [
        inbound(customer, "answered", offers=[offer(chen, "answered")], segments=[segment(chen)], transfers=UNPROMISED)
    ]
