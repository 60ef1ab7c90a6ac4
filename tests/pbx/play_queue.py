"""Scenarios: calls from outside to a queue or to one telephone."""

from __future__ import annotations

import time

from tests.pbx.asterisk import Timing
from tests.pbx.stage import UNPROMISED, Expected, Stage, inbound, offer, segment
from tests.pbx.table import ALL_KINDS, scenario


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


@scenario()
async def abandoned_ringing(s: Stage) -> list[Expected]:
    """Anna's telephone rings; the customer hangs up before she lifts."""
    customer = s.customer("13911112223", name="Han Meimei")
    anna = await s.anna.rings()
    await s.talk(2.1)
    await customer.hang_up()
    await anna.ended()
    return [inbound(customer, "abandoned", offers=[offer(anna, "cancelled")], ended_by="customer")]


@scenario(late=True, timing=Timing(give_up=3))
async def queue_timeout(s: Stage) -> list[Expected]:
    """Nobody is free; after 3 s the queue gives up, the PBX says goodbye and hangs up."""
    await s.nobody_free("1001", "1002")
    await s.record()
    customer = s.customer("13800138010", "804")
    await customer.ended()
    return [inbound(customer, "timeout", ended_by="system")]


@scenario(timing=Timing(give_up=3, queue_ring=8))
async def queue_timeout_ringing(s: Stage) -> list[Expected]:
    """Anna's telephone rings until the queue gives up after 3 s; the PBX says goodbye and hangs up."""
    customer = s.customer("13800138011", "804")
    anna = await (await s.anna.rings()).ended()
    await customer.ended()
    return [inbound(customer, "timeout", offers=[offer(anna, "no_answer")], ended_by="system")]


@scenario(late=True, kinds=ALL_KINDS, timing=Timing(give_up=3), tolerance=1.0)
async def timeout_voicemail(s: Stage) -> list[Expected]:
    """Nobody is free; after 3 s the caller is asked for a message, speaks for some seconds and hangs up."""
    await s.nobody_free("1006")
    await s.record()
    customer = s.customer("13800138012", "803")
    await customer.up()
    await s.talk(6.5)
    await customer.hang_up()
    return [inbound(customer, "voicemail", queues=["night"], ended_by="customer", wait_seconds=3.0)]


@scenario(timing=Timing(ring=3), kinds=ALL_KINDS, tolerance=1.0)
async def direct_voicemail(s: Stage) -> list[Expected]:
    """A direct call to Anna rings 3 s, then the caller leaves a message."""
    customer = s.customer("13800138013", "21001")
    anna = await (await s.anna.rings()).ended()
    await s.talk(4.5)
    await customer.hang_up()
    return [
        inbound(
            customer,
            "voicemail",
            queues=[],
            ended_by="customer",
            offers=[offer(anna, "no_answer")],
            wait_seconds=(anna.ended_at or 0) - customer.started_at,
        )
    ]


@scenario()
async def declined_then_other(s: Stage) -> list[Expected]:
    """Anna presses reject (486) after a second, Ben answers."""
    customer = s.customer("13800138014")
    anna = await (await s.anna.rings()).reject(486, after=1.1)
    ben = await (await s.ben.rings()).answer(after=0.9)
    await s.talk(2.0)
    await customer.hang_up()
    await ben.ended()
    offers = [offer(anna, "declined"), offer(ben, "answered")]
    return [inbound(customer, "answered", offers=offers, segments=[segment(ben)])]


@scenario()
async def ringall_loser_cancelled(s: Stage) -> list[Expected]:
    """Sales rings Chen and Dora together; Dora lifts, Chen's telephone stops ringing."""
    customer = s.customer("13800138015", "801")
    chen, dora = await s.chen.rings(), await s.dora.rings()
    await dora.answer(after=1.4)
    await chen.ended()
    await s.talk(2.2)
    await dora.hang_up()
    await customer.ended()
    offers = [offer(chen, "cancelled"), offer(dora, "answered")]
    return [inbound(customer, "answered", queues=["sales"], offers=offers, segments=[segment(dora)])]


@scenario()
async def ringall_abandoned(s: Stage) -> list[Expected]:
    """Sales rings Chen and Dora together; the caller, who was never answered by the PBX, cancels."""
    customer = s.customer("13800138016", "801")
    chen, dora = await s.chen.rings(), await s.dora.rings()
    await s.talk(1.8)
    await customer.hang_up()
    await chen.ended()
    await dora.ended()
    offers = [offer(chen, "cancelled"), offer(dora, "cancelled")]
    return [inbound(customer, "abandoned", queues=["sales"], offers=offers, ended_by="customer")]


@scenario(kinds=ALL_KINDS)
async def join_empty(s: Stage) -> list[Expected]:
    """The queue has no members and does not let callers in (JOINEMPTY); the PBX says goodbye and hangs up.

    No queue event is sent at all: without VarSet and Newexten nothing tells that there was a queue, so it is not
    promised here.
    """
    customer = s.customer("13800138017", "808")
    await customer.ended()
    result = inbound(customer, "no_agent", ended_by="system")
    return [result | dict.fromkeys(("queue", "queues", "wait_seconds"), UNPROMISED)]


@scenario(late=True, kinds=ALL_KINDS)
async def leave_empty(s: Stage) -> list[Expected]:
    """The only member rings in vain and goes on a break meanwhile: the queue sends the caller away (LEAVEEMPTY).

    Only VarSet (QUEUESTATUS) tells this from a time-out.
    """
    await s.pbx.ami.action("QueueAdd", (), Queue="closed", Interface="PJSIP/1007", Paused="false")
    await s.record()
    customer = s.customer("13800138018", "808")
    gustav = await s.gustav.rings()
    await s.talk(1.5)
    await s.pbx.pause("PJSIP/1007")
    await gustav.ended()
    await customer.ended()
    return [
        inbound(customer, "no_agent", queues=["closed"], offers=[offer(gustav, "no_answer")], ended_by="system")
        | {"only_in_full": ["outcome"]}
    ]


@scenario(timing=Timing(give_up=3), late=True)
async def overflow_to_second_queue(s: Stage) -> list[Expected]:
    """Nobody is free in support; after 3 s the dialplan hands the caller to sales, where Dora answers."""
    await s.nobody_free("1001", "1002")
    await s.record()
    customer = s.customer("13800138019", "805")
    chen, dora = await s.chen.rings(), await s.dora.rings()
    await dora.answer(after=1.2)
    await chen.ended()
    await s.talk(2.0)
    await customer.hang_up()
    await dora.ended()
    result = inbound(
        customer,
        "answered",
        queues=["support", "sales"],
        offers=[offer(chen, "cancelled"), offer(dora, "answered")],
        segments=[segment(dora)],
    )
    # Which of the two is "the" queue is the tracker's to say; both must be named.
    result["queue"] = UNPROMISED
    return [result]


@scenario(timing=Timing(give_up=3), late=True)
async def overflow_then_abandoned(s: Stage) -> list[Expected]:
    """Nobody is free in support nor in sales; the caller gives up in the second queue."""
    await s.nobody_free("1001", "1002", "1003", "1004")
    await s.record()
    customer = s.customer("13800138020", "805")
    await customer.up()
    await s.talk(5.4)
    await customer.hang_up()
    result = inbound(customer, "abandoned", queues=["support", "sales"], ended_by="customer")
    result["queue"] = UNPROMISED
    return [result]


@scenario()
async def menu_then_queue(s: Stage) -> list[Expected]:
    """A menu; the caller presses 2 and comes to sales, where Chen answers."""
    customer = s.customer("13800138021", "810")
    await customer.up()
    await s.talk(1.5)
    await customer.dtmf("2")
    entered = time.time()
    chen, dora = await s.chen.rings(), await s.dora.rings()
    await chen.answer(after=0.8)
    await dora.ended()
    await s.talk(1.6)
    await customer.hang_up()
    await chen.ended()
    return [
        inbound(
            customer,
            "answered",
            queues=["sales"],
            offers=[offer(chen, "answered"), offer(dora, "cancelled")],
            segments=[segment(chen)],
            wait_seconds=(chen.answered_at or 0) - entered,
        )
    ]


@scenario(late=True)
async def one_agent_two_calls(s: Stage) -> list[Expected]:
    """Only Anna works; the second caller waits until she has done with the first."""
    await s.nobody_free("1002")
    await s.record()
    first = s.customer("13800138022")
    anna = await (await s.anna.rings()).answer(after=0.7)
    await s.talk(0.8)
    second = s.customer("13800138023")
    await second.up()
    await s.talk(2.2)
    await anna.hang_up()
    again = await (await s.anna.rings()).answer(after=1.0)
    await s.talk(1.5)
    await second.hang_up()
    await again.ended()
    return [
        inbound(first, "answered", offers=[offer(anna, "answered")], segments=[segment(anna)]),
        inbound(second, "answered", offers=[offer(again, "answered")], segments=[segment(again)]),
    ]


@scenario(late=True)
async def two_queues_long_waits(s: Stage) -> list[Expected]:
    """Callers wait in support and in sales at the same time; one gives up, the others are answered late."""
    await s.nobody_free("1001", "1002", "1003", "1004")
    await s.record()
    one = s.customer("13800138024", "800")
    await s.talk(0.6)
    two = s.customer("13800138025", "801")
    await s.talk(0.6)
    three = s.customer("13800138026", "800")
    await s.talk(3.4)
    await three.hang_up()
    await s.talk(1.0)
    await s.pbx.pause("PJSIP/1002", False)
    ben = await (await s.ben.rings()).answer(after=0.6)
    await s.talk(2.0)
    await s.pbx.pause("PJSIP/1004", False)
    dora = await (await s.dora.rings()).answer(after=0.9)
    await s.talk(1.3)
    await one.hang_up()
    await dora.hang_up()
    await two.ended()
    return [
        inbound(one, "answered", offers=[offer(ben, "answered")], segments=[segment(ben)]),
        inbound(two, "answered", queues=["sales"], offers=[offer(dora, "answered")], segments=[segment(dora)]),
        inbound(three, "abandoned", ended_by="customer"),
    ]


@scenario()
async def pause_around_call(s: Stage) -> list[Expected]:
    """A client pauses Anna at the answer and releases her after the call; the call is as any other."""
    customer = s.customer("13800138027")
    anna = await (await s.anna.rings()).answer(after=0.8)
    await s.pbx.ami.action("QueuePause", (), Interface="PJSIP/1001", Paused="true", Reason="callweave:wrapup")
    await s.talk(1.8)
    await anna.hang_up()
    await customer.ended()
    await s.talk(0.6)
    await s.pbx.ami.action("QueuePause", (), Interface="PJSIP/1001", Paused="false")
    return [inbound(customer, "answered", offers=[offer(anna, "answered")], segments=[segment(anna)])]


# ---- Direct ----------------------------------------------------------------------------------------------
@scenario()
async def direct_answered(s: Stage) -> list[Expected]:
    """A call from outside straight to Anna's number; she answers, and hangs up."""
    customer = s.customer("13800138030", "1001", name="Zhao")
    anna = await (await s.anna.rings()).answer(after=1.2)
    await s.talk(2.1)
    await anna.hang_up()
    await customer.ended()
    return [inbound(customer, "answered", queues=[], offers=[offer(anna, "answered")], segments=[segment(anna)])]


@scenario(timing=Timing(ring=3))
async def direct_not_answered(s: Stage) -> list[Expected]:
    """A direct call rings 3 s in vain; the PBX ends it."""
    customer = s.customer("13800138031", "1001")
    anna = await (await s.anna.rings()).ended()
    await customer.ended()
    return [inbound(customer, "no_answer", queues=[], offers=[offer(anna, "no_answer")], ended_by="system")]


@scenario()
async def direct_abandoned(s: Stage) -> list[Expected]:
    """A direct call rings; the caller hangs up before anybody lifts."""
    customer = s.customer("13800138032", "1001")
    anna = await s.anna.rings()
    await s.talk(1.7)
    await customer.hang_up()
    await anna.ended()
    return [inbound(customer, "abandoned", queues=[], offers=[offer(anna, "cancelled")], ended_by="customer")]


@scenario()
async def direct_busy(s: Stage) -> list[Expected]:
    """A direct call to Anna, who presses reject."""
    customer = s.customer("13800138033", "1001")
    anna = await (await s.anna.rings()).reject(486, after=0.9)
    await customer.ended()
    result = inbound(customer, "busy", queues=[], offers=[offer(anna, "declined")])
    result["ended_by"] = UNPROMISED
    return [result]


@scenario()
async def assigned_waiting(s: Stage) -> list[Expected]:
    """Nobody is free; a client rings Anna for the waiting caller and joins the two (Originate, Bridge)."""
    await s.nobody_free("1001", "1002")
    caller = await s.customer("13800138077", "800").up()
    await s.talk(1.2)
    bringing = {"Channel": "PJSIP/1001", "Application": "Wait", "Data": "30", "Timeout": "8000", "Async": "true"}
    await s.pbx.ami.action("Originate", (), CallerID="13800138077", **bringing)
    anna = await (await s.anna.rings()).answer(after=0.9)
    await s.talk(0.4)
    together = {"Channel1": await s.channel(caller), "Channel2": await s.channel(anna)}
    joined = time.time()
    await s.pbx.ami.action("Bridge", (), **together)
    await s.talk(1.6)
    await caller.hang_up()
    await anna.ended()
    return [inbound(caller, "answered", segments=[segment(anna, start=joined)])]
