"""Every command on a call, end to end, again and again, on the newest and on the oldest Asterisk that we know.

``CALLWEAVE_REPEAT=10`` repeats each ten times without any second try (default: once). After each repetition no channel
is left and the log's legs add up. Customer, Anna and Ben sing, so that who hears whom is proved by tone.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from interaction_log.rights import Team
from interaction_log.store import Store
from tests.fakes.patience import PATIENCE
from tests.fakes.program import Desk, Program, prepare
from tests.fakes.tone_phone import TonePhone, share
from tests.pbx import bootstrap
from tests.pbx.asterisk import Pbx
from tests.pbx.fixtures import need_asterisk
from tests.pbx.phone import Call
from tests.pbx.stage import Stage

REPEAT: Final = int(os.environ.get("CALLWEAVE_REPEAT", "1"))
pytestmark = [
    pytest.mark.real("asterisk"),
    pytest.mark.timeout(120 + 40 * REPEAT),
    pytest.mark.xdist_group("commands-repeated"),
]
CUSTOMER, ANNA, BEN = 700.0, 1000.0, 1300.0
"""What they sing, in hertz; music on hold is 440."""
MORE = """
queue_extensions = {{ support = "800", sales = "801" }}
system_username = "callweave-system"
system_secret = "{secret}"

[[queue]]
name = "sales"
caller_id = "+862150001001"
wrap_up_seconds = 0
"""


class Floor:
    """A PBX, the program, Anna and Ben at consoles and singing desk phones, a singing customer."""

    def __init__(self, on: Stage, program: Program, anna: Desk, ben: Desk) -> None:
        self.stage, self.program, self.anna, self.ben = on, program, anna, ben
        self.i = ""
        self.mark = 0

    # --- the words of the plays ----------------------------------------------------------------------

    def voice(self, name: str) -> TonePhone:
        """The singing telephone of somebody."""
        found = getattr(self.stage, name)
        assert isinstance(found, TonePhone)
        return found

    async def hear(self, one: str, other: str) -> None:
        """Wait until these two hear each other, and nobody else."""
        tones = {"outside": CUSTOMER, "anna": ANNA, "ben": BEN}
        await asyncio.gather(self.voice(one).until_it_hears(tones[other]), self.voice(other).until_it_hears(tones[one]))

    async def deaf(self, one: str, other: str) -> None:
        """Wait until these two do not hear each other."""
        tones = {"outside": CUSTOMER, "anna": ANNA, "ben": BEN}
        await asyncio.gather(
            self.voice(one).until_it_hears_no(tones[other]), self.voice(other).until_it_hears_no(tones[one])
        )

    async def hear_all(self) -> None:
        """Wait until each hears both others."""
        for name, tones in (("outside", (ANNA, BEN)), ("anna", (CUSTOMER, BEN)), ("ben", (CUSTOMER, ANNA))):
            phone = self.voice(name)
            async with asyncio.timeout(PATIENCE):
                while not phone._heard or min(share(list(phone._heard), t) for t in tones) < 0.25:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)  # sound has no event

    async def call(self) -> tuple[Call, Call]:
        """A customer whom Anna has: his call, hers."""
        customer = self.stage.customer("13800138000", "800")
        mine = await (await self.stage.anna.rings()).answer()
        self.i = str((await self.anna.state("BUSY"))["interaction_id"])
        await self.hear("outside", "anna")
        return customer, mine

    async def done(self, desk: Desk, name: str, **more: Any) -> None:
        """The command on this call, and its observed outcome."""
        outcome = await desk.done(name, interaction_id=self.i, **more)
        assert outcome["ok"], (name, outcome["error"])

    async def transfer(self, state: str) -> dict[str, Any]:
        """Wait for a word about this call's transfer that it is so far."""
        said = await self.anna.wait(
            "transfer",
            lambda m: m["transfer"]["interaction_id"] == self.i and m["transfer"]["state"] == state,
        )
        return dict(said["transfer"])

    async def consult(self, to: str = "ben") -> Call:
        """Anna asks Ben; the customer hears neither."""
        await self.done(self.anna, "transfer", to=to, kind="attended")
        ben = await self.stage.ben.rings()
        await self.transfer("ringing")
        await ben.answer(0.2)
        await self.transfer("consulting")
        await self.hear("anna", "ben")
        return ben

    async def logged(self) -> dict[str, Any]:
        """This call as the log has it, once it is over; its legs add up."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = [one for one in await self.program.interactions() if one["id"] == self.i]
                if found and found[0]["ended_at"] is not None:
                    break
                await asyncio.sleep(0.1)
        one = found[0]
        assert sum(s["to"] - s["from"] for s in one["segments"]) == pytest.approx(one["talk_seconds"], abs=0.01)
        assert sum(h["seconds"] for h in one["holds"]) == pytest.approx(one["hold_seconds"], abs=0.01)
        return one

    async def over(self, *calls: Call, who: str) -> dict[str, Any]:
        """Everybody hangs up, no channel is left; who had the customer, by the log."""
        for call in calls:
            await call.hang_up()
        await self.stage.pbx.no_channels()
        one = await self.logged()
        assert " ".join(s["agent"].removeprefix("PJSIP/") for s in one["segments"]) == who, one["segments"]
        return one

    async def paused(self, device: str) -> None:
        """Wait until the PBX sends this phone no calls of a queue."""
        async with asyncio.timeout(PATIENCE):
            while True:
                members = await self.stage.pbx.ami.listed("QueueStatus", "QueueMember")
                if all(one["Paused"] == "1" for one in members if one["StateInterface"] == device):
                    return
                await asyncio.sleep(0.05)

    async def sales(self) -> tuple[Call, Call]:
        """A customer calls the queue in which all ring: his call, and hers."""
        customer = self.stage.customer("13800138000", "801")
        await asyncio.gather(self.stage.chen.rings(), self.stage.dora.rings())
        return customer, await self.stage.anna.rings()

    async def free(self, device: str) -> None:
        """Wait until the PBX has no pause of this phone."""
        async with asyncio.timeout(PATIENCE):
            while any(paused for paused, _ in (await self.queues(device)).values()):  # noqa: ASYNC110 (it must be asked)
                await asyncio.sleep(0.05)

    async def queues(self, device: str) -> dict[str, tuple[bool, str]]:
        """Pause and reason by queue, as the PBX has them."""
        members = await self.stage.pbx.ami.listed("QueueStatus", "QueueMember")
        return {m["Queue"]: (m["Paused"] == "1", m["PausedReason"]) for m in members if m["StateInterface"] == device}

    async def queue(self, desk: Desk, name: str, queue: str, **more: Any) -> None:
        """A command on a queue of one's own, and its observed outcome."""
        outcome = await desk.done(name, queue=queue, **more)
        assert outcome["ok"], (name, outcome["error"])

    # --- between two repetitions ---------------------------------------------------------------------

    async def ready(self) -> None:
        """Anna ready, Ben here and not in the queue, nothing left of before."""
        await self.stage.pbx.no_channels()
        for phone in self.stage.phones:
            assert phone.incoming.empty(), phone.user
        self.i = ""
        for desk, wanted in ((self.anna, "READY"), (self.ben, "NOT_READY")):
            desk.got = [one for one in desk.got if one[0] in ("snapshot", "agent_state")][-1:]
            more = {"reason": "lunch"} if wanted == "NOT_READY" else {}
            assert (await desk.done("set_state", state=wanted, **more))["ok"]
            await desk.state(wanted)
        await self.paused("PJSIP/1002")


async def _sing(on: Stage) -> None:
    ports = on.pbx.ports
    for phone in (on.outside, on.anna, on.ben):
        await phone.close()
    on.outside = TonePhone("pstn", ports.pstn, ports.sip, host="127.0.0.2", hertz=CUSTOMER)
    on.desks["1001"] = TonePhone("1001", ports.desks["1001"], ports.sip, hertz=ANNA)
    on.desks["1002"] = TonePhone("1002", ports.desks["1002"], ports.sip, hertz=BEN)
    for phone in (on.outside, on.anna, on.ben):
        await phone.open()


async def _give_queues(folder: Path) -> None:
    """The queue ``sales`` is one that Anna may join and leave herself."""
    store = await asyncio.to_thread(Store.open, f"sqlite:///{folder / 'callweave.db'}", default_region="CN")
    await store.teams.put_team(
        Team(code="west", label="West", members=("anna", "ben", "sofia"), queues=("sales", "support"))
    )
    await asyncio.to_thread(store.close)


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["sid", "bullseye"], ids=["22", "16"])
async def floor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Floor]:
    need_asterisk()
    try:
        pbx = Pbx(release=request.param)
    except bootstrap.Missing as missing:
        pytest.skip(str(missing))
    folder: Path = tmp_path_factory.mktemp("commands")
    async with pbx:
        on = Stage(pbx, folder, "commands")
        await on.open()
        try:
            await _sing(on)
            on.anna.obeys = True
            more = MORE.format(secret=pbx.secret)
            config = await prepare(folder, port=pbx.ports.ami, secret=pbx.secret, wrap_up=0, more=more)
            await _give_queues(folder)
            async with (
                Program(folder, "--config", str(config)) as program,
                Desk(program, "anna") as anna,
                Desk(program, "ben") as ben,
            ):
                yield Floor(on, program, anna, ben)
                await on.pbx.no_channels()
                assert await program.end() == 0
                assert "Traceback" not in program.errors()
        finally:
            await on.close()


# --- the commands ------------------------------------------------------------------------------------


async def dial(f: Floor) -> None:
    """Anna's phone rings first, then the customer's, who sees the queue's number."""
    ack = await f.anna.command("dial", to="13900139000", queue="sales")
    assert ack["ok"], ack
    mine = await (await f.stage.anna.rings()).answer(0.1)
    his = await (await f.stage.outside.rings()).answer(0.2)
    assert (mine.number, his.number) == ("913900139000", "+862150001001")
    assert (await f.anna.wait("command_result", lambda m: m["id"] == ack["id"]))["ok"]
    f.i = str((await f.anna.state("BUSY"))["interaction_id"])
    await f.hear("outside", "anna")
    one = await f.over(mine, who="1001")
    await his.ended()
    assert (one["direction"], one["outcome"]) == ("outbound", "answered")


async def answer(f: Floor) -> None:
    """Her phone is told to lift."""
    customer = f.stage.customer("13800138000", "800")
    mine = await f.stage.anna.rings()
    f.i = str((await f.anna.wait("screen_pop"))["interaction"]["id"])
    await f.done(f.anna, "answer")
    await mine.up()
    await f.hear("outside", "anna")
    await f.over(customer, who="1001")


async def hang_up(f: Floor) -> None:
    customer, mine = await f.call()
    await f.done(f.anna, "hang_up")
    await mine.ended()
    await customer.ended()
    assert (await f.over(who="1001"))["ended_by"] == "agent"


async def hold_and_resume(f: Floor) -> None:
    customer, mine = await f.call()
    await f.done(f.anna, "hold")
    await f.deaf("outside", "anna")
    await f.done(f.anna, "resume")
    await f.hear("outside", "anna")
    one = await f.over(customer, who="1001")
    assert one["hold_seconds"] == pytest.approx(mine.hold_seconds, abs=0.5)


async def mute_and_unmute(f: Floor) -> None:
    customer, _ = await f.call()
    await f.done(f.anna, "mute")
    await f.voice("outside").until_it_hears_no(ANNA)
    await f.voice("anna").until_it_hears(CUSTOMER)
    again = await f.anna.command("mute", interaction_id=f.i)
    assert again["error"]["code"] == "already"
    await f.done(f.anna, "unmute")
    await f.hear("outside", "anna")
    await f.over(customer, who="1001")


async def send_dtmf(f: Floor) -> None:
    customer, _ = await f.call()
    await f.done(f.anna, "send_dtmf", digits="15#*")
    await customer.until(lambda: customer.digits == "15#*", 3)
    await f.over(customer, who="1001")


async def transfer_blind_to_agent(f: Floor) -> None:
    customer, mine = await f.call()
    await f.done(f.anna, "transfer", to="ben", kind="blind")
    await (await f.stage.ben.rings()).answer(0.3)
    await mine.ended()
    await f.transfer("completed")
    await f.hear("outside", "ben")
    await f.over(customer, who="1001 1002")


async def transfer_blind_returned(f: Floor) -> None:
    customer, mine = await f.call()
    await f.done(f.anna, "transfer", to="ben", kind="blind")
    await (await f.stage.ben.rings()).reject(486, after=0.3)
    await mine.ended()
    again = await (await f.stage.anna.rings()).answer(0.3)
    assert (await f.transfer("returned"))["error"]["code"] == "not_taken"
    await f.hear("outside", "anna")
    one = await f.over(again, who="1001 1001")
    await customer.ended()
    assert not any(t["completed"] for t in one["transfers"])


async def transfer_blind_to_queue(f: Floor) -> None:
    customer, mine = await f.call()
    await f.done(f.anna, "transfer", to="sales", kind="blind")
    chen, dora = await f.stage.chen.rings(), await f.stage.dora.rings()
    await chen.answer(0.3)
    await dora.ended()
    await mine.ended()
    await f.voice("outside").until_it_hears_no(ANNA)
    one = await f.over(chen, who="1001 1003")
    await customer.ended()
    assert one["queues"] == ["support", "sales"]


async def transfer_blind_to_extension(f: Floor) -> None:
    customer, mine = await f.call()
    await f.done(f.anna, "transfer", to="690", kind="blind")
    await mine.ended()
    await f.voice("outside").until_it_hears(CUSTOMER)  # the echo
    one = await f.over(customer, who="1001")
    assert one["transfers"][0]["to"] == "exten:690"


async def transfer_blind_outside(f: Floor) -> None:
    customer, mine = await f.call()
    await f.done(f.anna, "transfer", to="13900139000", kind="blind")
    other = await (await f.stage.outside.rings()).answer(0.2)
    await mine.ended()
    await f.over(customer, who="1001")
    await other.ended()


async def transfer_attended(f: Floor) -> None:
    customer, mine = await f.call()
    ben = await f.consult()
    await f.deaf("outside", "anna")
    await f.done(f.anna, "complete_transfer")
    await mine.ended()
    await f.transfer("completed")
    await f.hear("outside", "ben")
    one = await f.over(customer, who="1001 1002")
    await ben.ended()
    assert [t["completed"] for t in one["transfers"]] == [True]


async def transfer_attended_while_it_rings(f: Floor) -> None:
    customer, mine = await f.call()
    await f.done(f.anna, "transfer", to="ben", kind="attended")
    ben = await f.stage.ben.rings()
    await f.transfer("ringing")
    await f.done(f.anna, "complete_transfer")
    await mine.ended()
    await ben.answer(0.5)
    await f.transfer("completed")
    await f.hear("outside", "ben")
    await f.over(customer, who="1001 1002")


async def cancel_transfer(f: Floor) -> None:
    customer, _ = await f.call()
    ben = await f.consult()
    await f.done(f.anna, "cancel_transfer")
    await f.transfer("cancelled")
    await ben.ended()
    await f.hear("outside", "anna")
    await f.over(customer, who="1001")


async def cancel_transfer_while_it_rings(f: Floor) -> None:
    customer, _ = await f.call()
    await f.done(f.anna, "transfer", to="ben", kind="attended")
    ben = await f.stage.ben.rings()
    await f.transfer("ringing")
    await f.done(f.anna, "cancel_transfer")
    await f.transfer("cancelled")
    await ben.ended()
    await f.hear("outside", "anna")
    await f.over(customer, who="1001")


async def transfer_attended_refused(f: Floor) -> None:
    customer, _ = await f.call()
    await f.done(f.anna, "transfer", to="ben", kind="attended")
    await (await f.stage.ben.rings()).reject(486, after=0.3)
    assert (await f.transfer("failed"))["error"]["code"] == "not_taken"
    await f.hear("outside", "anna")
    await f.over(customer, who="1001")


async def swap_transfer(f: Floor) -> None:
    customer, _ = await f.call()
    ben = await f.consult()
    await f.done(f.anna, "swap_transfer")
    await f.hear("outside", "anna")
    await f.deaf("anna", "ben")
    await f.done(f.anna, "swap_transfer")
    await f.hear("anna", "ben")
    await f.done(f.anna, "complete_transfer")
    await f.transfer("completed")
    await f.hear("outside", "ben")
    await f.over(ben, who="1001 1002")
    await customer.ended()


async def conference_and_drop_party(f: Floor) -> None:
    customer, _ = await f.call()
    ack = await f.anna.command("conference", interaction_id=f.i, to="ben")
    assert ack["ok"], ack
    ben = await (await f.stage.ben.rings()).answer(0.3)
    result = await f.anna.wait("command_result", lambda m: m["id"] == ack["id"], 20)
    assert result["ok"], result
    await f.hear_all()
    await f.done(f.anna, "drop_party")
    await ben.ended()
    await f.hear("outside", "anna")
    await f.over(customer, who="1001 1002")


async def conference_of_a_consultation(f: Floor) -> None:
    customer, mine = await f.call()
    ben = await f.consult()
    await f.done(f.anna, "conference")
    await f.hear_all()
    await mine.hang_up()
    await f.hear("outside", "ben")
    await f.over(customer, who="1001 1002")
    await ben.ended()


async def park_and_retrieve(f: Floor) -> None:
    customer, mine = await f.call()
    await f.done(f.anna, "park")
    await mine.ended()
    await f.voice("outside").until_it_hears_no(ANNA)
    ack = await f.anna.command("retrieve", interaction_id=f.i)
    assert ack["ok"], ack
    again = await (await f.stage.anna.rings()).answer(0.2)
    result = await f.anna.wait("command_result", lambda m: m["id"] == ack["id"])
    assert result["ok"], result
    await f.hear("outside", "anna")
    one = await f.over(again, who="1001 1001")
    await customer.ended()
    assert one["parked"]


async def pick_up(f: Floor) -> None:
    assert (await f.anna.done("set_state", state="NOT_READY", reason="lunch"))["ok"]
    await f.anna.state("NOT_READY")
    await f.paused("PJSIP/1001")
    customer = await f.stage.customer("13911112222", "800").up()
    async with asyncio.timeout(PATIENCE):
        while True:
            waiting = [one for one in await f.program.interactions() if one["ended_at"] is None]
            if waiting and waiting[0]["queue"] == "support":
                break
            await asyncio.sleep(0.05)
    f.i = waiting[0]["id"]
    ack = await f.anna.command("pick_up", interaction_id=f.i)
    assert ack["ok"], ack
    mine = await (await f.stage.anna.rings()).answer(0.2)
    result = await f.anna.wait("command_result", lambda m: m["id"] == ack["id"])
    assert result["ok"], result
    await f.hear("outside", "anna")
    await f.over(mine, who="1001")
    await customer.ended()


async def pause_and_resume_in_one_queue(f: Floor) -> None:
    """A call for that queue does not ring here; one for another does, and after the resume so does the first."""
    await f.queue(f.anna, "join_queue", "sales")
    await f.queue(f.anna, "pause_queue", "support", reason="lunch")
    assert (await f.queues("PJSIP/1001"))["support"] == (True, "callweave:lunch")
    assert not (await f.queues("PJSIP/1001"))["sales"][0] and (await f.anna.state("READY"))["state"] == "READY"
    waits = await f.stage.customer("13911112222", "800").up()
    rings, mine = await f.sales()
    pop = await f.anna.wait("screen_pop")
    f.i = str(pop["interaction"]["id"])
    assert (pop["queue"], mine.number) == ("sales", "13800138000")
    await mine.answer(0.1)
    await f.anna.state("BUSY")
    await mine.hang_up()
    await rings.ended()
    assert [s["agent"] for s in (await f.logged())["segments"]] == ["PJSIP/1001"]
    await f.anna.state("READY")
    assert f.stage.anna.incoming.empty()
    await f.queue(f.anna, "resume_queue", "support")
    mine = await (await f.stage.anna.rings()).answer(0.1)
    f.i = str((await f.anna.state("BUSY"))["interaction_id"])
    await f.over(mine, who="1001")
    await waits.ended()
    await f.queue(f.anna, "leave_queue", "sales")


async def join_and_leave(f: Floor) -> None:
    """She comes into a queue with her pause in one action, and is rung there once she is ready."""
    assert (await f.anna.done("set_state", state="NOT_READY", reason="lunch"))["ok"]
    await f.paused("PJSIP/1001")
    await f.queue(f.anna, "join_queue", "sales")
    assert (await f.queues("PJSIP/1001"))["sales"] == (True, "callweave:lunch")
    assert (await f.anna.done("set_state", state="READY"))["ok"]
    await f.free("PJSIP/1001")
    customer, mine = await f.sales()
    await mine.answer(0.1)
    f.i = str((await f.anna.state("BUSY"))["interaction_id"])
    await f.hear("outside", "anna")
    await f.over(mine, who="1001")
    await customer.ended()
    await f.queue(f.anna, "leave_queue", "sales")
    assert "sales" not in await f.queues("PJSIP/1001")


PLAYS: Final[tuple[Callable[[Floor], Awaitable[None]], ...]] = (
    dial,
    answer,
    hang_up,
    hold_and_resume,
    mute_and_unmute,
    send_dtmf,
    transfer_blind_to_agent,
    transfer_blind_returned,
    transfer_blind_to_queue,
    transfer_blind_to_extension,
    transfer_blind_outside,
    transfer_attended,
    transfer_attended_while_it_rings,
    cancel_transfer,
    cancel_transfer_while_it_rings,
    transfer_attended_refused,
    swap_transfer,
    conference_and_drop_party,
    conference_of_a_consultation,
    park_and_retrieve,
    pick_up,
    join_and_leave,
    pause_and_resume_in_one_queue,
)


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.__name__)
async def test_it_works_every_time(floor: Floor, play: Callable[[Floor], Awaitable[None]]) -> None:
    for number in range(REPEAT):
        await floor.ready()
        try:
            await play(floor)
            await floor.stage.pbx.no_channels()
        except BaseException:
            print(f"repetition {number + 1} of {REPEAT}")
            await floor.stage.pbx.hangup_all()
            for phone in floor.stage.phones:
                while not phone.incoming.empty():
                    phone.incoming.get_nowait()
            raise
