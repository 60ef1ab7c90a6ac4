"""Call control from the console on a real Asterisk: command, what the telephones saw, what the log says afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.fakes.patience import PATIENCE
from tests.fakes.program import Desk, Program, prepare
from tests.fakes.tone_phone import TonePhone, share
from tests.pbx.fixtures import pbx, stage  # noqa: F401 (fixtures)
from tests.pbx.phone import Call
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk")]
CUSTOMER, ANNA, BEN = 700.0, 1000.0, 1300.0
"""What they sing, in hertz."""
MORE = """
queue_extensions = {{ support = "800", sales = "801" }}
system_username = "callweave-system"
system_secret = "{secret}"
"""


class Site:
    """A real PBX, the program beside it, Anna and Ben at their consoles."""

    def __init__(self, stage: Stage, program: Program, anna: Desk, ben: Desk) -> None:  # noqa: F811
        self.stage, self.program, self.anna, self.ben = stage, program, anna, ben

    async def call(self, number: str = "13800138000") -> tuple[str, Call, Call]:
        """A customer whom Anna has: the interaction's id, his call, hers."""
        customer = self.stage.customer(number, "800")
        mine = await (await self.stage.anna.rings()).answer()
        busy = await self.anna.state("BUSY")
        await customer.up()
        await self.has("1001")
        return busy["interaction_id"], customer, mine

    async def has(self, *agents: str) -> None:
        """Wait until the customer was with these agents and is with the last of them now."""
        await self.program.only(lambda one: who(one) == list(agents) and one["segments"][-1]["to"] is None)

    async def waits(self, customer: Call) -> str:
        """Wait until this caller is in a queue; the interaction."""
        await customer.up()
        return str((await self.program.only(lambda one: any(v["left_at"] is None for v in one["queue_visits"])))["id"])

    async def paused(self, device: str, paused: str = "1") -> None:
        """Wait until the PBX sends this phone no calls of any of its queues (``"0"``: those of all)."""
        async with asyncio.timeout(PATIENCE):
            while True:
                members = await self.stage.pbx.ami.listed("QueueStatus", "QueueMember")
                if all(one["Paused"] == paused for one in members if one["StateInterface"] == device):
                    return
                await asyncio.sleep(0.05)

    async def transfer(self, desk: Desk, state: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """The word about a transfer that it is so far."""
        said = await desk.wait("transfer", lambda m: m["transfer"]["state"] == state, seconds)
        return dict(said["transfer"])

    async def over(self, *calls: Call) -> dict[str, Any]:
        """Everybody hangs up, nothing is left on the PBX; the one interaction of the log, whose parts add up."""
        for call in calls:
            await call.hang_up()
        await self.stage.pbx.no_channels()
        one = await self.program.only()
        parts = sum(s["to"] - s["from"] for s in one["segments"])
        assert parts == pytest.approx(one["talk_seconds"], abs=0.01)
        if one["direction"] == "inbound" and not (one["parked"] or one["transfers"] or one["conference"]):
            assert one["wait_seconds"] + parts == pytest.approx(one["ended_at"] - one["started_at"], abs=1.0)
        return one


def who(one: dict[str, Any]) -> list[str]:
    return [segment["agent"].removeprefix("PJSIP/") for segment in one["segments"]]


@pytest_asyncio.fixture
async def site(stage: Stage, tmp_path: Path) -> AsyncIterator[Site]:  # noqa: F811
    secret = stage.pbx.secret
    config = await prepare(tmp_path, port=stage.pbx.ports.ami, secret=secret, more=MORE.format(secret=secret))
    async with (
        Program(tmp_path, "--config", str(config)) as program,
        Desk(program, "anna") as anna,
        Desk(program, "ben") as ben,
    ):
        assert (await anna.done("set_state", state="READY"))["ok"]
        await anna.state("READY")
        made = Site(stage, program, anna, ben)
        await made.paused("PJSIP/1001", "0")  # else a pause of before is taken for one that is still on its way
        yield made
        await stage.pbx.no_channels()
        assert "Traceback" not in program.errors()


# --- blind -------------------------------------------------------------------------------------------


async def test_blind_transfer_to_a_colleague(site: Site) -> None:
    i, customer, mine = await site.call()
    assert (await site.anna.done("transfer", interaction_id=i, to="ben", kind="blind"))["ok"]
    ben = await site.stage.ben.rings()
    await mine.ended()
    await site.anna.state("WRAP_UP")
    pop = await site.ben.wait("screen_pop")
    assert pop["interaction"]["id"] == i and pop["customer"]["name"] == "李雷"
    await ben.answer(0.3)
    done = await site.transfer(site.anna, "completed")
    assert (done["from"], done["to"], done["kind"]) == ("anna", "ben", "blind")
    await site.ben.state("BUSY")
    await site.has("1001", "1002")
    one = await site.over(customer)
    assert who(one) == ["1001", "1002"] and one["transfers"][-1]["completed"]


async def test_blind_transfer_that_is_declined_comes_back(site: Site) -> None:
    i, customer, mine = await site.call()
    assert (await site.anna.done("transfer", interaction_id=i, to="ben", kind="blind"))["ok"]
    ben = await site.stage.ben.rings()
    await mine.ended()
    await ben.reject(486, after=0.5)
    again = await (await site.stage.anna.rings()).answer(0.3)
    back = await site.transfer(site.anna, "returned")
    assert back["error"]["code"] == "not_taken"
    await site.anna.state("BUSY")
    await site.has("1001", "1001")
    one = await site.over(again)
    await customer.ended()
    assert who(one) == ["1001", "1001"]


async def test_blind_transfer_to_a_queue(site: Site) -> None:
    i, customer, mine = await site.call()
    assert (await site.anna.done("transfer", interaction_id=i, to="sales", kind="blind"))["ok"]
    await site.transfer(site.anna, "completed")
    await mine.ended()
    chen = await (await site.stage.chen.rings()).answer(0.3)
    await site.has("1001", "1003")
    one = await site.over(chen)
    await customer.ended()
    assert who(one) == ["1001", "1003"] and one["queues"] == ["support", "sales"]
    assert one["transfers"] == [{"kind": "blind", "from": "PJSIP/1001", "to": "queue:sales", "completed": True}]


async def test_blind_transfer_outside(site: Site) -> None:
    i, customer, mine = await site.call()
    assert (await site.anna.done("transfer", interaction_id=i, to="+86 139 0013 9000", kind="blind"))["ok"]
    other = await (await site.stage.outside.rings()).answer(0.3)
    assert other.dialled == "13900139000"
    await mine.ended()
    await site.stage.together("PJSIP/pstn", "PJSIP/pstn")
    one = await site.over(customer)
    assert who(one) == ["1001"] and one["transfers"][0]["from"] == "PJSIP/1001"


# --- attended ----------------------------------------------------------------------------------------


async def consult(site: Site, to: str = "ben") -> tuple[str, Call, Call, Call]:
    i, customer, mine = await site.call()
    assert (await site.anna.done("transfer", interaction_id=i, to=to, kind="attended"))["ok"]
    ben = await site.stage.ben.rings()
    await site.transfer(site.anna, "ringing")
    await ben.answer(0.2)
    await site.transfer(site.anna, "consulting")
    return i, customer, mine, ben


async def test_attended_transfer(site: Site) -> None:
    i, customer, mine, ben = await consult(site)
    card = await site.ben.wait("screen_pop")
    assert card["consultation"] and card["customer"]["name"] == "李雷" and card["interaction"]["id"] == i
    await site.anna.done("note", interaction_id=i, text="wants a refund")
    await site.ben.wait("interaction", lambda m: m["interaction"]["notes"] == "wants a refund")
    foreign = await site.ben.command("note", interaction_id=i, text="mine")
    assert foreign["error"]["code"] == "not_yours"  # asked, not in charge
    assert (await site.anna.done("complete_transfer", interaction_id=i))["ok"]
    assert (await site.transfer(site.anna, "completed"))["kind"] == "attended"
    await mine.ended()
    await site.anna.state("WRAP_UP")
    await site.ben.state("BUSY")
    closed = await site.ben.wait("screen_pop_closed")
    assert closed["interaction_id"] == i
    await site.ben.done("note", interaction_id=i, text="paid")  # it is hers now
    await site.has("1001", "1002")
    one = await site.over(customer)
    await ben.ended()
    assert who(one) == ["1001", "1002"]
    assert one["transfers"] == [{"kind": "attended", "from": "PJSIP/1001", "to": "PJSIP/1002", "completed": True}]


async def test_attended_transfer_called_off(site: Site) -> None:
    i, customer, mine, ben = await consult(site)
    assert (await site.anna.done("cancel_transfer", interaction_id=i))["ok"]
    await site.transfer(site.anna, "cancelled")
    await ben.ended()
    assert (await site.ben.wait("screen_pop_closed"))["interaction_id"] == i
    assert not mine.ended_at
    one = await site.over(customer)
    assert who(one) == ["1001"] and not any(t["completed"] for t in one["transfers"])


async def test_attended_transfer_declined(site: Site) -> None:
    i, customer, mine = await site.call()
    assert (await site.anna.done("transfer", interaction_id=i, to="ben", kind="attended"))["ok"]
    await (await site.stage.ben.rings()).reject(486, after=0.4)
    failed = await site.transfer(site.anna, "failed")
    assert failed["error"]["code"] == "not_taken"
    assert not mine.ended_at
    one = await site.over(customer)
    assert who(one) == ["1001"]


async def test_attended_transfer_completed_while_it_rings(site: Site) -> None:
    i, customer, mine = await site.call()
    assert (await site.anna.done("transfer", interaction_id=i, to="ben", kind="attended"))["ok"]
    ben = await site.stage.ben.rings()
    await site.transfer(site.anna, "ringing")
    assert (await site.anna.done("complete_transfer", interaction_id=i))["ok"]
    await mine.ended()
    await ben.answer(0.6)
    await site.transfer(site.anna, "completed")
    await site.has("1001", "1002")
    one = await site.over(customer)
    assert who(one) == ["1001", "1002"]


async def test_swap_and_complete(site: Site) -> None:
    i, customer, _, ben = await consult(site)
    first = await site.anna.done("swap_transfer", interaction_id=i)
    assert first["ok"], first
    second = await site.anna.done("swap_transfer", interaction_id=i)
    assert second["ok"], second
    assert (await site.anna.done("complete_transfer", interaction_id=i))["ok"]
    await site.transfer(site.anna, "completed")
    await site.has("1001", "1002")
    one = await site.over(ben)
    await customer.ended()
    assert who(one) == ["1001", "1002"]


async def voices(stage: Stage) -> tuple[TonePhone, TonePhone, TonePhone]:  # noqa: F811
    """Customer, Anna and Ben speak in tones of their own (music on hold is 440 Hz)."""
    ports = stage.pbx.ports
    made = (
        TonePhone("pstn", ports.pstn, ports.sip, host="127.0.0.2", hertz=CUSTOMER),
        TonePhone("1001", ports.desks["1001"], ports.sip, hertz=ANNA),
        TonePhone("1002", ports.desks["1002"], ports.sip, hertz=BEN),
    )
    for phone in (stage.outside, stage.anna, stage.ben):
        await phone.close()
    stage.outside, stage.desks["1001"], stage.desks["1002"] = made
    for phone in made:
        await phone.open()
    return made


async def both(phone: TonePhone, one: float, other: float) -> None:
    """Wait until two voices are mixed."""
    async with asyncio.timeout(PATIENCE):
        while not phone._heard or min(share(list(phone._heard), hertz) for hertz in (one, other)) < 0.25:  # noqa: ASYNC110
            await asyncio.sleep(0.1)  # sound has no event


async def test_who_hears_whom(site: Site) -> None:
    customer, anna, ben = await voices(site.stage)
    i, his, hers, bens = await consult(site)
    await asyncio.gather(anna.until_it_hears(BEN), ben.until_it_hears(ANNA))
    await asyncio.gather(customer.until_it_hears_no(ANNA), customer.until_it_hears_no(BEN))
    await ben.until_it_hears_no(CUSTOMER)
    assert (await site.anna.done("swap_transfer", interaction_id=i))["ok"]
    await asyncio.gather(anna.until_it_hears(CUSTOMER), customer.until_it_hears(ANNA))
    await ben.until_it_hears_no(ANNA)
    assert (await site.anna.done("swap_transfer", interaction_id=i))["ok"]
    await asyncio.gather(anna.until_it_hears(BEN), customer.until_it_hears_no(ANNA))
    joined = await site.anna.done("conference", interaction_id=i)
    assert joined["ok"], joined
    await asyncio.gather(both(customer, ANNA, BEN), both(anna, CUSTOMER, BEN), both(ben, CUSTOMER, ANNA))
    await hers.hang_up()
    await asyncio.gather(customer.until_it_hears(BEN), ben.until_it_hears(CUSTOMER))
    await site.over(his)
    await bens.ended()


async def test_customer_hangs_up_during_the_consultation(site: Site) -> None:
    _, customer, mine, ben = await consult(site)
    await customer.hang_up()
    assert (await site.transfer(site.anna, "failed"))["error"]["code"] == "customer_gone"
    one = await site.over(mine, ben)
    assert who(one) == ["1001"] and one["ended_by"] == "customer"


async def test_attended_transfer_outside(site: Site) -> None:
    i, customer, mine = await site.call()
    assert (await site.anna.done("transfer", interaction_id=i, to="13900139000", kind="attended"))["ok"]
    other = await (await site.stage.outside.rings()).answer(0.3)
    await site.transfer(site.anna, "consulting")
    assert (await site.anna.done("complete_transfer", interaction_id=i))["ok"]
    await site.transfer(site.anna, "completed")
    await mine.ended()
    await site.stage.together("PJSIP/pstn", "PJSIP/pstn")
    assert not other.ended_at
    one = await site.over(customer)
    assert who(one) == ["1001"]


# --- three -------------------------------------------------------------------------------------------


async def test_conference_and_drop(site: Site) -> None:
    i, customer, mine = await site.call()
    ack = await site.anna.command("conference", interaction_id=i, to="ben")
    assert ack["ok"], ack
    ben = await (await site.stage.ben.rings()).answer(0.3)
    result = await site.anna.wait("command_result", lambda m: m["id"] == ack["id"], 20)
    assert result["ok"], result
    assert (await site.transfer(site.anna, "completed"))["kind"] == "conference"
    await site.stage.together("PJSIP/1001", "PJSIP/1002", "PJSIP/pstn")
    await site.program.only(lambda one: "1002" in who(one))
    dropped = await site.anna.done("drop_party", interaction_id=i)
    assert dropped["ok"], dropped
    await ben.ended()
    await site.stage.together("PJSIP/1001", "PJSIP/pstn")
    assert not mine.ended_at and not customer.ended_at
    one = await site.over(customer)
    assert who(one)[0] == "1001" and "1002" in who(one)


# --- hold, tones, parking, picking up ----------------------------------------------------------------


async def test_hold_and_resume(site: Site) -> None:
    site.stage.anna.obeys = True
    i, customer, mine = await site.call()
    assert (await site.anna.done("hold", interaction_id=i))["ok"]
    assert len(mine.holds) == 1
    again = await site.anna.command("hold", interaction_id=i)
    assert again["error"]["code"] == "already"
    await site.stage.talk(0.6)
    assert (await site.anna.done("resume", interaction_id=i))["ok"]
    one = await site.over(customer)
    assert one["hold_seconds"] == pytest.approx(mine.hold_seconds, abs=0.5)


async def test_a_phone_that_does_not_obey(site: Site) -> None:
    i, customer, _ = await site.call()
    result = await site.anna.done("hold", interaction_id=i)
    assert result["error"]["code"] == "phone_did_not_obey"
    await site.over(customer)


async def test_tones(site: Site) -> None:
    i, customer, _ = await site.call()
    assert (await site.anna.done("send_dtmf", interaction_id=i, digits="15#*"))["ok"]
    await customer.until(lambda: customer.digits == "15#*", 3)
    await site.over(customer)


async def test_park_and_retrieve(site: Site) -> None:
    i, customer, mine = await site.call()
    assert (await site.anna.done("park", interaction_id=i))["ok"]
    await mine.ended()
    ack = await site.anna.command("retrieve", interaction_id=i)
    assert ack["ok"], ack
    again = await (await site.stage.anna.rings()).answer(0.2)
    result = await site.anna.wait("command_result", lambda m: m["id"] == ack["id"])
    assert result["ok"], result
    await site.has("1001", "1001")
    one = await site.over(again)
    await customer.ended()
    assert one["parked"] and who(one) == ["1001", "1001"]


async def test_pick_up_a_waiting_caller(site: Site) -> None:
    await site.anna.done("set_state", state="NOT_READY", reason="lunch")
    await site.anna.state("NOT_READY")
    await site.paused("PJSIP/1001")
    await site.stage.nobody_free("1002")
    customer = site.stage.customer("13911112222", "800")
    ack = await site.anna.command("pick_up", interaction_id=await site.waits(customer))
    assert ack["ok"], ack
    mine = await (await site.stage.anna.rings()).answer(0.3)
    result = await site.anna.wait("command_result", lambda m: m["id"] == ack["id"])
    assert result["ok"], result
    await site.anna.state("BUSY")
    await site.has("1001")
    one = await site.over(mine)
    await customer.ended()
    assert who(one) == ["1001"] and one["outcome"] == "answered"


async def test_who_was_picked_up_hears_no_mailbox_afterwards(site: Site) -> None:
    """Behind this queue the dialplan takes a message: not after a talk."""
    await site.anna.done("set_state", state="NOT_READY", reason="lunch")
    await site.stage.nobody_free("1006")
    await site.stage.pbx.ami.action("QueueAdd", (), Queue="night", Interface="PJSIP/1001", Paused="true")
    await site.anna.wait("agent_state", lambda m: "night" in m["agent"]["queues"])
    customer = site.stage.customer("13911112222", "803")
    ack = await site.anna.command("pick_up", interaction_id=await site.waits(customer))
    assert ack["ok"], ack
    mine = await (await site.stage.anna.rings()).answer(0.3)
    assert (await site.anna.wait("command_result", lambda m: m["id"] == ack["id"]))["ok"]
    await site.has("1001")
    await mine.hang_up()
    await customer.ended()
    one = await site.over()
    assert who(one) == ["1001"] and one["outcome"] == "answered"


# --- what is refused ---------------------------------------------------------------------------------


async def test_nobody_acts_on_the_call_of_another(site: Site) -> None:
    i, customer, mine = await site.call()
    for name, more in (
        ("hold", {}),
        ("mute", {}),
        ("unmute", {}),
        ("send_dtmf", {"digits": "1"}),
        ("transfer", {"to": "ben", "kind": "blind"}),
        ("complete_transfer", {}),
        ("cancel_transfer", {}),
        ("swap_transfer", {}),
        ("conference", {}),
        ("drop_party", {}),
        ("park", {}),
        ("retrieve", {}),
    ):
        ack = await site.ben.command(name, interaction_id=i, **more)
        assert not ack["ok"] and ack["error"]["code"] == "not_yours", (name, ack)
    assert not mine.ended_at
    await site.over(customer)


BAD = (
    "1003\r\nAction: Hangup",
    "1003\n",
    "PJSIP/1003&PJSIP/1004",
    "${SHELL(id)}",
    "1" * 300,
    "٠١٢٣",
    "1003,from-pstn,1",
    "",
    "agent:nobody",
    "queue:closed-down",
)


async def test_injection_is_refused_with_the_field_named(site: Site) -> None:
    i, customer, mine = await site.call()
    before = len(await site.stage.pbx.channels())
    for text in BAD:
        for kind in ("blind", "attended"):
            ack = await site.anna.command("transfer", interaction_id=i, to=text, kind=kind)
            assert not ack["ok"] and ack["error"]["field"] == "to", (text, ack)
        ack = await site.anna.command("conference", interaction_id=i, to=text)
        assert not ack["ok"] and ack["error"]["field"] == "to", (text, ack)
    for digits in ("1\r\n", "1,2", "x", "1" * 300, "١"):
        ack = await site.anna.command("send_dtmf", interaction_id=i, digits=digits)
        assert not ack["ok"] and ack["error"]["field"] == "digits", (digits, ack)
    assert len(await site.stage.pbx.channels()) == before and not mine.ended_at
    assert site.anna.of("transfer") == []
    await site.over(customer)


async def test_the_same_command_again_does_nothing_twice(site: Site) -> None:
    i, customer, _ = await site.call()
    body = {"id": "same", "interaction_id": i, "digits": "7"}
    for _ in range(3):
        assert (await site.anna._client.call("send_dtmf", body, namespace="/agent"))["ok"]
    assert (await site.anna.wait("command_result", lambda m: m["id"] == "same"))["ok"]
    assert (await site.anna.done("send_dtmf", interaction_id=i, digits="8"))["ok"]
    await customer.until(lambda: "8" in customer.digits, 3)
    assert customer.digits == "78"
    await site.over(customer)
