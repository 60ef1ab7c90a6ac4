"""Scenarios: PBX trouble, connecting in mid-call, odd and hostile callers, a busy minute."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.pbx.asterisk import Timing
from tests.pbx.phone import Call
from tests.pbx.stage import (
    UNPROMISED,
    Expected,
    Stage,
    device,
    inbound,
    offer,
    outbound,
    segment,
    segments_moved,
    transfer,
)
from tests.pbx.table import scenario


async def _restarted(s: Stage) -> list[Expected]:
    """After the PBX is back: one ordinary call in the second segment."""
    await s.record(segments=True, snapshot=True)
    customer = s.customer("13800138109")
    anna = await (await s.anna.rings()).answer(after=0.8)
    await s.talk(1.6)
    await customer.hang_up()
    await anna.ended()
    return [inbound(customer, "answered", offers=[offer(anna, "answered")], segments=[segment(anna)])]


def _drop(s: Stage) -> None:
    """The telephones notice that their PBX is gone."""
    for phone in s.phones:
        for call in list(phone.calls.values()):
            call.drop()


def _lost(customer: Call, outcome: str, **more: Any) -> Expected:
    """A call that the PBX took with it: its end is only as exact as the last message before."""
    result = inbound(customer, outcome, ended_by="system", inferred=True, **more)
    return result | dict.fromkeys(("ended_at", "wait_seconds", "talk_seconds"), UNPROMISED)


@scenario(late=True, timing=Timing(queue_ring=20))
async def pbx_killed(s: Stage) -> list[Expected]:
    """SIGKILL while one call is answered, one rings and one waits; the PBX comes back, a new call follows.

    The first segment simply ends; the second begins with the snapshots that a client asks for.
    """
    await s.record(segments=True)
    talking = s.customer("13800138100")
    anna = await (await s.anna.rings()).answer(after=0.7)
    await s.talk(0.8)
    ringing = s.customer("13800138101")
    ben = await s.ben.rings()
    waiting = s.customer("13800138102")
    await waiting.up()
    await s.talk(1.5)
    await s.pbx.kill()
    await s.stop_recording()
    _drop(s)
    await s.pbx.restart()
    after = await _restarted(s)
    gone = {"agent": "PJSIP/1002", "result": UNPROMISED, "at": ben.rang_at}
    return [
        _lost(
            talking,
            "answered",
            offers=[offer(anna, "answered")],
            segments=[{"agent": device(anna), "from": anna.answered_at, "to": anna.ended_at}],
        )
        | {"segments": [{"agent": device(anna), "from": anna.answered_at}]},
        _lost(ringing, "pbx_lost", offers=[gone]),
        _lost(waiting, "pbx_lost"),
        *after,
    ]


@scenario(late=True)
async def pbx_restarted(s: Stage) -> list[Expected]:
    """`core restart now` during a call: the PBX hangs up both, says Shutdown, and is back; a new call follows."""
    await s.record(segments=True)
    talking = s.customer("13800138103")
    anna = await (await s.anna.rings()).answer(after=0.7)
    await s.talk(1.8)
    await _restart_now(s)
    await talking.ended()
    await anna.ended()
    await s.stop_recording()
    await s.pbx.booted()
    after = await _restarted(s)
    return [
        inbound(talking, "answered", offers=[offer(anna, "answered")], segments=[segment(anna)], ended_by=UNPROMISED),
        *after,
    ]


@scenario(late=True)
async def pbx_restarted_waiting(s: Stage) -> list[Expected]:
    """`core restart now` while a customer waits in a queue. He did not give up, whatever QueueCallerAbandon says."""
    await s.nobody_free("1001", "1002")
    await s.record(segments=True)
    waiting = s.customer("13800138104")
    await waiting.up()
    await s.talk(1.8)
    await _restart_now(s)
    await waiting.ended()
    await s.stop_recording()
    await s.pbx.booted()
    # Pauses of members of persistent queues survive a restart.
    for desk in ("1001", "1002"):
        await s.pbx.pause(f"PJSIP/{desk}", False)
    after = await _restarted(s)
    return [inbound(waiting, "pbx_lost", ended_by="system"), *after]


async def _restart_now(s: Stage) -> None:
    old = s.pbx.ami
    await asyncio.gather(old.action("Command", (), Command="core restart now"), return_exceptions=True)
    await asyncio.wait_for(old.closed.wait(), 15)
    await s.pbx.forget()


@scenario()
async def reload(s: Stage) -> list[Expected]:
    """`core reload` in mid-call: nothing happens to the call."""
    customer = s.customer("13800138105")
    anna = await (await s.anna.rings()).answer(after=0.7)
    await s.talk(1.2)
    await s.pbx.cli("core reload")
    await s.talk(2.2)
    await anna.hang_up()
    await customer.ended()
    return [inbound(customer, "answered", offers=[offer(anna, "answered")], segments=[segment(anna)])]


@scenario(late=True, timing=Timing(queue_ring=20), tolerance=2.0)
async def connected_late(s: Stage) -> list[Expected]:
    """The recording begins while Anna talks, Ben's telephone rings, a third customer waits, and Chen has called out."""
    one = s.customer("13800138110")
    anna = await (await s.anna.rings()).answer(after=0.8)
    chen = s.chen.call("913800138113")
    four = await (await s.outside.rings()).answer(after=0.6)
    await s.talk(1.2)
    two = s.customer("13800138111")
    ben = await s.ben.rings()
    await s.talk(1.3)
    three = s.customer("13800138112")
    await three.up()
    await s.talk(1.4)
    await s.record(snapshot=True)
    await s.talk(1.2)
    await ben.answer()
    await s.talk(1.6)
    await one.hang_up()
    again = await (await s.anna.rings()).answer(after=0.9)
    await chen.hang_up()
    await s.talk(1.5)
    await ben.hang_up()
    await again.hang_up()
    for call in (two, three, four):
        await call.ended()
    # How the ring of an answer nobody saw is listed is not promised; the ring that is seen is one offer.
    return [
        inbound(one, "answered", segments=[segment(anna)], offers=UNPROMISED),
        outbound(chen, four, "13800138113", "answered"),
        inbound(two, "answered", offers=[{"agent": "PJSIP/1002", "result": "answered"}], segments=[segment(ben)]),
        inbound(three, "answered", offers=[offer(again, "answered")], segments=[segment(again)]),
    ]


@scenario(late=True, timing=Timing(queue_ring=20), tolerance=2.0)
async def connected_late_consultation(s: Stage) -> list[Expected]:
    """The recording begins while Anna holds a customer and talks to Chen; then she connects them."""
    customer = s.customer("13800138114")
    anna = await (await s.anna.rings()).answer(after=0.8)
    await s.talk(1.0)
    await anna.hold()
    asking = s.anna.call("1003")
    chen = await (await s.chen.rings()).answer(after=0.7)
    await asking.up()
    await s.talk(1.2)
    await s.record(snapshot=True)
    await s.talk(1.4)
    await anna.refer_to(asking)
    await s.talk(2.0)
    await customer.hang_up()
    await chen.ended()
    return [
        inbound(
            customer,
            "answered",
            offers=UNPROMISED,
            segments=segments_moved(anna, chen),
            transfers=[transfer("attended", anna, "PJSIP/1003", True)],
        )
        | {"holds": UNPROMISED, "hold_seconds": UNPROMISED}
    ]


# ---- Names and numbers -------------------------------------------------------------------------------------
def _raw(data: bytes) -> str:
    """Bytes that are no UTF-8, for a SIP header."""
    return data.decode("utf-8", "surrogateescape")


async def _short(s: Stage, number: str, **more: Any) -> Call:
    """A caller who waits a moment and gives up."""
    customer = s.customer(number, "800", **more)
    await customer.up()
    await s.talk(0.5)
    return await customer.hang_up()


@scenario(late=True)
async def odd_names(s: Stage) -> list[Expected]:
    """Callers whose display names are GBK bytes, UTF-8, quotes, backslashes, very long, control characters."""
    await s.nobody_free("1001", "1002")
    await s.record()
    names: list[tuple[str, Any]] = [
        (_raw("张伟".encode("gbk")), UNPROMISED),
        ("李小龙", "李小龙"),
        ('Bob \\"The Boss\\" O\'Neil', UNPROMISED),
        ("C:\\\\temp\\\\x", UNPROMISED),
        ("名" * 60, UNPROMISED),
        ("a\x01b\x1b[31mc", UNPROMISED),
        ("Key: Value", "Key: Value"),
        ("Zoë 😀", "Zoë 😀"),
    ]
    found = []
    for index, (name, seen) in enumerate(names):
        customer = await _short(s, f"1380013812{index}", name=name)
        found.append(inbound(customer, "abandoned", ended_by="customer", customer_name=seen))
    return found


@scenario(late=True)
async def odd_numbers(s: Stage) -> list[Expected]:
    """Callers without a usable number: anonymous, hidden with P-Asserted-Identity, empty, text, foreign, very short."""
    await s.nobody_free("1001", "1002")
    await s.record()
    hidden = ("P-Asserted-Identity: <sip:13800138130@example.invalid>", "Privacy: id")
    calls = [
        await _short(s, "anonymous", name="Anonymous"),
        await _short(s, "anonymous", name="Anonymous", headers=hidden),
        await _short(s, ""),
        await _short(s, "sip-user.name"),
        await _short(s, "+4930123456"),
        await _short(s, "008613800138131"),
        await _short(s, "110"),
        await _short(s, "13800138132%3bext%3d5"),
    ]
    return [
        inbound(call, "abandoned", ended_by="customer")
        | {"customer_number": UNPROMISED, "customer_address": UNPROMISED}
        for call in calls
    ]


# The empty line in the number cuts every block of the call in two: its Uniqueid is never seen beside its Channel.
# What becomes of such a call is not promised; that nothing else is harmed is.
CUT_UP: Expected = {"promised": False}


def _unpromised_number(result: Expected) -> Expected:
    return result | {"customer_number": UNPROMISED, "customer_address": UNPROMISED}


@scenario(kinds=("", ".full"))
async def injected_header(s: Stage) -> list[Expected]:
    """A caller writes CR LF and `Event: Hangup` into his number: every event of the call has a second Event header."""
    customer = s.customer("13800138140%0d%0aEvent%3a%20Hangup%0d%0aCause%3a%2016")
    anna = await (await s.anna.rings()).answer(after=0.9)
    await s.talk(2.2)
    await anna.hang_up()
    await customer.ended()
    return [
        _unpromised_number(inbound(customer, "answered", offers=[offer(anna, "answered")], segments=[segment(anna)]))
    ]


@scenario(kinds=("", ".full"))
async def injected_event(s: Stage) -> list[Expected]:
    """A caller writes a whole fake Hangup of another call's channel into his number; that call goes on."""
    victim = s.customer("13800138141")
    anna = await (await s.anna.rings()).answer(after=0.8)
    await s.talk(0.8)
    name = (await s.channel(anna)).replace("/", "%2f")
    attacker = s.customer(f"1%0d%0a%0d%0aEvent%3a%20Hangup%0d%0aChannel%3a%20{name}%0d%0a")
    ben = await (await s.ben.rings()).answer(after=0.7)
    await s.talk(1.6)
    await attacker.hang_up()
    await ben.ended()
    await s.talk(1.0)
    await victim.hang_up()
    await anna.ended()
    return [
        inbound(victim, "answered", offers=[offer(anna, "answered")], segments=[segment(anna)]),
        _unpromised_number(inbound(attacker, "answered", offers=[offer(ben, "answered")], segments=[segment(ben)]))
        | CUT_UP,
    ]


@scenario()
async def injected_known_pair(s: Stage) -> list[Expected]:
    """As injected-event, but the attacker has guessed the Uniqueid too (seconds and a small number): it fits in."""
    victim = s.customer("13800138142")
    anna = await (await s.anna.rings()).answer(after=0.8)
    await s.talk(0.8)
    name = await s.channel(anna)
    unique = next(one["Uniqueid"] for one in await s.pbx.channels() if one["Channel"] == name)
    fake = (
        f"1%0d%0a%0d%0aEvent%3a%20Hangup%0d%0aChannel%3a%20{name.replace('/', '%2f')}%0d%0aUniqueid%3a%20{unique}%0d%0a"
    )
    attacker = s.customer(fake)
    ben = await (await s.ben.rings()).answer(after=0.7)
    await s.talk(1.6)
    await attacker.hang_up()
    await ben.ended()
    await s.talk(1.0)
    await victim.hang_up()
    await anna.ended()
    return [
        inbound(victim, "answered", offers=[offer(anna, "answered")], segments=[segment(anna)]),
        _unpromised_number(inbound(attacker, "answered", offers=[offer(ben, "answered")], segments=[segment(ben)]))
        | CUT_UP,
    ]


@scenario(kinds=("", ".full"))
async def injected_pause(s: Stage) -> list[Expected]:
    """A caller writes a fake QueueMemberPause of Anna into his number; she is not paused and answers him."""
    fake = "2%0d%0a%0d%0aEvent%3a%20QueueMemberPause%0d%0aInterface%3a%20PJSIP%2f1001%0d%0aPaused%3a%201"
    customer = s.customer(fake)
    anna = await (await s.anna.rings()).answer(after=0.8)
    await s.talk(1.4)
    await customer.hang_up()
    await anna.ended()
    return [
        _unpromised_number(inbound(customer, "answered", offers=[offer(anna, "answered")], segments=[segment(anna)]))
        | CUT_UP
    ]


# ---- Many at once ------------------------------------------------------------------------------------------
@scenario(timing=Timing(queue_ring=6))
async def busy_minute(s: Stage) -> list[Expected]:
    """Six calls at once: two queues, a direct call, a call out, a give-up, a transfer."""

    async def support_one() -> Expected:
        customer = s.customer("13800138150", "800")
        anna = await (await s.anna.rings()).answer(after=1.0)
        await s.talk(5.0)
        await customer.hang_up()
        await anna.ended()
        return inbound(customer, "answered", offers=[offer(anna, "answered")], segments=[segment(anna)])

    async def support_two() -> Expected:
        await s.talk(0.7)
        customer = s.customer("13800138151", "800")
        ben = await (await s.ben.rings()).answer(after=1.5)
        await s.talk(2.0)
        await ben.refer("1008")
        hua = await (await s.hua.rings()).answer(after=1.0)
        await s.talk(2.0)
        await hua.hang_up()
        await customer.ended()
        return inbound(
            customer,
            "answered",
            offers=[offer(ben, "answered"), offer(hua, "answered")],
            segments=segments_moved(ben, hua),
            transfers=[transfer("blind", ben, "PJSIP/1008", True)],
        )

    async def sales() -> Expected:
        await s.talk(0.3)
        customer = s.customer("13800138152", "801")
        chen, dora = await s.chen.rings(), await s.dora.rings()
        await dora.answer(after=2.0)
        await chen.ended()
        await s.talk(3.0)
        await dora.hang_up()
        await customer.ended()
        offers = [offer(chen, "cancelled"), offer(dora, "answered")]
        return inbound(customer, "answered", queues=["sales"], offers=offers, segments=[segment(dora)])

    async def direct() -> Expected:
        await s.talk(1.1)
        customer = s.customer("13800138153", "1007")
        gustav = await (await s.gustav.rings()).answer(after=0.8)
        await s.talk(3.3)
        await customer.hang_up()
        await gustav.ended()
        return inbound(customer, "answered", queues=[], offers=[offer(gustav, "answered")], segments=[segment(gustav)])

    async def out() -> Expected:
        await s.talk(1.4)
        ines = s.ines.call("913800138154")
        customer = await (await s.outside.rings()).answer(after=1.2)
        await s.talk(2.6)
        await ines.hang_up()
        await customer.ended()
        return outbound(ines, customer, "13800138154", "answered")

    async def gone() -> Expected:
        await s.talk(1.8)
        customer = s.customer("13800138155", "803")
        fang = await s.fang.rings()
        await s.talk(1.6)
        await customer.hang_up()
        await fang.ended()
        return inbound(customer, "abandoned", queues=["night"], offers=[offer(fang, "cancelled")], ended_by="customer")

    plays = (support_one(), sales(), support_two(), direct(), out(), gone())
    return sorted(await asyncio.gather(*plays), key=lambda one: one["started_at"])
