"""Scenarios: transfers as the console does them (AMI actions, docs/adr/0008), for every shape of member."""

from __future__ import annotations

import time

from tests.pbx.asterisk import Timing
from tests.pbx.members import ALL, LOCAL, NATIVE, NO_TRANSFER, UNSURE_HOLD, Members, among
from tests.pbx.phone import Call
from tests.pbx.stage import UNPROMISED, Expected, Stage, offer, segment, transfer


# ---- The console's own words -------------------------------------------------------------------------------
async def _sends(s: Stage, anna: Call, number: str) -> None:
    """BlindTransfer."""
    channel = await s.channel(anna)
    await s.pbx.ami.action("BlindTransfer", (), Channel=channel, Context="from-internal", Exten=number)


async def _asks(s: Stage, anna: Call, number: str = "1003") -> str:
    """Atxfer; Anna's channel."""
    channel = await s.channel(anna)
    await s.pbx.ami.action("Atxfer", (), Channel=channel, Context="from-internal", Exten=number)
    return channel


async def _press(s: Stage, channel: str, keys: str) -> None:
    """As if Anna had pressed the keys."""
    for key in keys:
        await s.pbx.ami.action("PlayDTMF", (), Channel=channel, Digit=key, Receive="true")


async def _leaves(s: Stage, channel: str, call: Call) -> None:
    """The console hangs up Anna's channel."""
    await s.pbx.ami.action("Hangup", (), Channel=channel)
    await call.ended()


async def _consults(s: Stage, anna: Call) -> tuple[str, Call]:
    """Anna and Chen talk, the customer hears music."""
    channel = await _asks(s, anna)
    chen = await (await s.chen.rings()).answer(after=0.8)
    await s.talk(1.3)
    return channel, chen


# ---- Blind -------------------------------------------------------------------------------------------------
@among(*LOCAL)
async def blind_transfer_action(s: Stage, at: Members) -> list[Expected]:
    """A client transfers by the AMI action BlindTransfer; Chen answers."""
    customer, anna = await at.answered(s, "13800138210")
    await _sends(s, anna, "1003")
    chen = await (await s.chen.rings()).answer(after=0.9)
    await s.talk(1.5)
    await chen.hang_up()
    await customer.ended()
    return [
        at.told(
            customer,
            anna,
            offers=[offer(anna, "answered"), offer(chen, "answered")],
            segments=[segment(anna, end=chen.rang_at), segment(chen)],
            transfers=[transfer("blind", anna, "PJSIP/1003", True)],
        )
    ]


@among(*ALL)
async def blind_transfer_action_to_queue(s: Stage, at: Members) -> list[Expected]:
    """A client sends the customer to the sales queue by BlindTransfer; Chen answers there."""
    customer, anna = await at.answered(s, "13800138211")
    await _sends(s, anna, "801")
    chen, dora = await s.chen.rings(), await s.dora.rings()
    await chen.answer(after=0.9)
    await dora.ended()
    await s.talk(1.5)
    await customer.hang_up()
    await chen.ended()
    return [
        at.told(
            customer,
            anna,
            queues=[at.queue, "sales"],
            offers=[offer(anna, "answered"), offer(chen, "answered"), offer(dora, "cancelled")],
            segments=[segment(anna, end=chen.rang_at), segment(chen)],
            transfers=[transfer("blind", anna, "queue:sales", True)],
        )
    ]


@among(*ALL)
async def blind_transfer_action_to_extension(s: Stage, at: Members) -> list[Expected]:
    """A client sends the customer to the voice mailbox by BlindTransfer; the customer hangs up there."""
    customer, anna = await at.answered(s, "13800138212")
    await _sends(s, anna, "500")
    await anna.ended()
    await s.talk(1.8)
    await customer.hang_up()
    move = transfer("blind", anna, "exten:500", False) | {"completed": UNPROMISED}
    return [at.told(customer, anna, segments=[segment(anna)], transfers=[move], ended_by="customer")]


@among(*ALL)
async def blind_transfer_action_to_outside(s: Stage, at: Members) -> list[Expected]:
    """A client sends the customer to a number outside by BlindTransfer; it answers; the customer hangs up."""
    customer, anna = await at.answered(s, "13800138213")
    await _sends(s, anna, "913900139000")
    other = await (await s.outside.rings()).answer(after=0.8)
    await s.talk(1.6)
    await customer.hang_up()
    await other.ended()
    move = transfer("blind", anna, "", True) | {"to": UNPROMISED, "completed": UNPROMISED}
    segments = [segment(anna, end=anna.ended_at)]
    return [at.told(customer, anna, segments=segments, transfers=[move], ended_by="customer")]


# ---- To a colleague: blind is an attended one that is left at the first ring ---------------------------------
@among(*LOCAL, timing=Timing(ring=10))
async def attended_transfer_ringing(s: Stage, at: Members) -> list[Expected]:
    """Atxfer to Chen; the console hangs up Anna while Chen's telephone still rings; Chen answers then."""
    customer, anna = await at.answered(s, "13800138214")
    channel = await _asks(s, anna)
    chen = await s.chen.rings()
    await s.talk(0.4)  # a sender who leaves within the same moment is not missed by the PBX (docs/adr/0008)
    await _leaves(s, channel, anna)
    await chen.answer(after=2.0)
    await s.talk(1.6)
    await customer.hang_up()
    await chen.ended()
    told = at.told(
        customer,
        anna,
        segments=[segment(anna), segment(chen)],
        transfers=[transfer("attended", anna, "PJSIP/1003", True)],
    )
    # Whether the ring that began as a consultation counts as an offer is not said anywhere.
    return [told | UNSURE_HOLD | {"offers": UNPROMISED}]


@among(*ALL, timing=Timing(ring=10))
async def transfer_returned(s: Stage, at: Members) -> list[Expected]:
    """Atxfer to Chen, left at the first ring; Chen declines; the PBX rings Anna again, who takes the customer back."""
    customer, anna = await at.answered(s, "13800138215")
    channel = await _asks(s, anna)
    chen = await s.chen.rings()
    await s.talk(0.4)  # a sender who leaves within the same moment is not missed by the PBX (docs/adr/0008)
    await _leaves(s, channel, anna)
    await chen.reject(486, after=1.2)
    again = await (await s.anna.rings()).answer(after=0.9)
    await s.talk(1.8)
    await customer.hang_up()
    await again.ended()
    told = at.told(customer, anna, segments=[segment(anna), segment(again)])
    # Whether Chen's ring and that of the come-back are offers is not said anywhere.
    return [told | UNSURE_HOLD | NO_TRANSFER | {"offers": UNPROMISED}]


@among(NATIVE, timing=Timing(ring=3))
async def transfer_returned_in_vain(s: Stage, at: Members) -> list[Expected]:
    """Atxfer to Chen, left at the first ring; nobody lifts; Anna is rung again; the customer has gone meanwhile."""
    customer, anna = await at.answered(s, "13800138216")
    channel = await _asks(s, anna)
    chen = await s.chen.rings()
    await s.talk(0.4)  # a sender who leaves within the same moment is not missed by the PBX (docs/adr/0008)
    await _leaves(s, channel, anna)
    await chen.ended()
    again = await s.anna.rings()
    await s.talk(1.0)
    await customer.hang_up()
    await again.ended()
    told = at.told(customer, anna, segments=[segment(anna)], ended_by="customer")
    return [told | UNSURE_HOLD | NO_TRANSFER | {"offers": UNPROMISED}]


# ---- Attended ----------------------------------------------------------------------------------------------
@among(*LOCAL)
async def attended_transfer_action(s: Stage, at: Members) -> list[Expected]:
    """Atxfer to Chen, who answers; they talk; the console hangs up Anna: Chen has the customer."""
    customer, anna = await at.answered(s, "13800138217")
    channel, chen = await _consults(s, anna)
    await _leaves(s, channel, anna)
    await s.talk(1.8)
    await customer.hang_up()
    await chen.ended()
    return [
        at.told(
            customer,
            anna,
            segments=[segment(anna), segment(chen, start=anna.ended_at)],
            transfers=[transfer("attended", anna, "PJSIP/1003", True)],
        )
        | UNSURE_HOLD
    ]


@among(*ALL)
async def attended_transfer_cancelled(s: Stage, at: Members) -> list[Expected]:
    """Atxfer to Chen, who answers; CancelAtxfer: Anna is back with the customer."""
    customer, anna = await at.answered(s, "13800138218")
    channel, chen = await _consults(s, anna)
    await s.pbx.ami.action("CancelAtxfer", (), Channel=channel)
    await chen.ended()
    await s.talk(1.6)
    await anna.hang_up()
    await customer.ended()
    return [at.told(customer, anna, segments=[segment(anna)]) | UNSURE_HOLD | NO_TRANSFER]


@among(*ALL, timing=Timing(ring=10))
async def attended_transfer_cancelled_ringing(s: Stage, at: Members) -> list[Expected]:
    """Atxfer to Chen; CancelAtxfer while his telephone rings: Anna is back with the customer."""
    customer, anna = await at.answered(s, "13800138219")
    channel = await _asks(s, anna)
    chen = await s.chen.rings()
    await s.talk(0.9)
    await s.pbx.ami.action("CancelAtxfer", (), Channel=channel)
    await chen.ended()
    await s.talk(1.6)
    await customer.hang_up()
    await anna.ended()
    return [at.told(customer, anna, segments=[segment(anna)]) | UNSURE_HOLD | NO_TRANSFER]


@among(*LOCAL)
async def attended_transfer_declined(s: Stage, at: Members) -> list[Expected]:
    """Atxfer to Chen, who presses reject: Anna is back with the customer."""
    customer, anna = await at.answered(s, "13800138220")
    await _asks(s, anna)
    await (await s.chen.rings()).reject(486, after=0.9)
    await s.talk(3.0)
    await customer.hang_up()
    await anna.ended()
    return [at.told(customer, anna, segments=[segment(anna)]) | UNSURE_HOLD | NO_TRANSFER]


@among(*ALL)
async def attended_transfer_swapped(s: Stage, at: Members) -> list[Expected]:
    """Atxfer to Chen; *4 to the customer and *4 to Chen again; the console hangs up Anna: Chen has the customer."""
    customer, anna = await at.answered(s, "13800138221")
    channel, chen = await _consults(s, anna)
    await _press(s, channel, "*4")
    await s.talk(1.5)
    await _press(s, channel, "*4")
    await s.talk(1.5)
    await _leaves(s, channel, anna)
    await s.talk(1.5)
    await chen.hang_up()
    await customer.ended()
    return [
        at.told(
            customer,
            anna,
            segments=[segment(anna), segment(chen, start=anna.ended_at)],
            transfers=[transfer("attended", anna, "PJSIP/1003", True)],
        )
        | UNSURE_HOLD
    ]


# ---- Three -------------------------------------------------------------------------------------------------
# How three at once are called (conference, transfer), and whether two agents count twice, is not said anywhere.
_OPEN: Expected = dict.fromkeys(("conference", "transfers", "talk_seconds"), UNPROMISED)


@among(*LOCAL)
async def attended_transfer_threeway(s: Stage, at: Members) -> list[Expected]:
    """Atxfer to Chen; *3: all three talk together; Anna leaves, Chen goes on with the customer."""
    customer, anna = await at.answered(s, "13800138222")
    channel, chen = await _consults(s, anna)
    together = time.time()
    await _press(s, channel, "*3")
    await s.talk(2.2)
    await _leaves(s, channel, anna)
    await s.talk(1.6)
    await customer.hang_up()
    await chen.ended()
    told = at.told(customer, anna, segments=[segment(anna), segment(chen, start=together)])
    return [told | UNSURE_HOLD | _OPEN]


@among(*ALL)
async def threeway_then_dropped(s: Stage, at: Members) -> list[Expected]:
    """Atxfer to Chen; *3: all three talk; the console drops Chen, Anna goes on with the customer."""
    customer, anna = await at.answered(s, "13800138223")
    channel, chen = await _consults(s, anna)
    together = time.time()
    await _press(s, channel, "*3")
    await s.talk(2.2)
    await s.pbx.ami.action("Hangup", (), Channel=await s.channel(chen))
    await chen.ended()
    await s.talk(1.6)
    await anna.hang_up()
    await customer.ended()
    told = at.told(customer, anna, segments=[segment(anna), segment(chen, start=together)])
    return [told | UNSURE_HOLD | _OPEN]


# ---- Attended, to where no telephone of ours is --------------------------------------------------------------
@among(*ALL)
async def attended_transfer_action_to_outside(s: Stage, at: Members) -> list[Expected]:
    """Atxfer to a number outside, which answers; the console hangs up Anna; the customer hangs up in the end."""
    customer, anna = await at.answered(s, "13800138224")
    channel = await _asks(s, anna, "913900139000")
    other = await (await s.outside.rings()).answer(after=0.8)
    await s.talk(1.3)
    await _leaves(s, channel, anna)
    await s.talk(1.6)
    await customer.hang_up()
    await other.ended()
    move = transfer("attended", anna, "", True) | {"to": UNPROMISED, "completed": UNPROMISED}
    return [at.told(customer, anna, segments=[segment(anna)], transfers=[move], ended_by="customer") | UNSURE_HOLD]


@among(*ALL)
async def attended_transfer_action_to_queue(s: Stage, at: Members) -> list[Expected]:
    """Atxfer to the sales queue, where Chen answers; the console hangs up Anna: Chen has the customer."""
    customer, anna = await at.answered(s, "13800138225")
    channel = await _asks(s, anna, "801")
    chen, dora = await s.chen.rings(), await s.dora.rings()
    await chen.answer(after=0.9)
    await dora.ended()
    await s.talk(1.3)
    await _leaves(s, channel, anna)
    await s.talk(1.8)
    await customer.hang_up()
    await chen.ended()
    move = transfer("attended", anna, "", True) | {"to": UNPROMISED}
    told = at.told(
        customer,
        anna,
        segments=[segment(anna), segment(chen, start=anna.ended_at)],
        transfers=[move],
    )
    return [told | UNSURE_HOLD | {"offers": UNPROMISED, "queues": UNPROMISED}]


@among(*ALL)
async def attended_transfer_action_to_queue_waiting(s: Stage, at: Members) -> list[Expected]:
    """Atxfer to the sales queue; the console hangs up Anna while it rings there; Chen answers the customer."""
    customer, anna = await at.answered(s, "13800138226")
    channel = await _asks(s, anna, "801")
    chen, dora = await s.chen.rings(), await s.dora.rings()
    await s.talk(0.6)
    await _leaves(s, channel, anna)
    await chen.answer(after=1.6)
    await dora.ended()
    await s.talk(1.6)
    await chen.hang_up()
    await customer.ended()
    told = at.told(
        customer,
        anna,
        queues=[at.queue, "sales"],
        segments=[segment(anna), segment(chen)],
        transfers=[transfer("attended", anna, "queue:sales", True)],
    )
    return [told | UNSURE_HOLD | {"offers": UNPROMISED}]
