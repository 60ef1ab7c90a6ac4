"""Supervisors at a real Asterisk: what they hear and who hears them (by tone), states, queues, why, and the record.

The manager user of the sample configuration is used, which has ``originate`` and no ``system``: that ChanSpy works here
is the measurement that it needs no more.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from interaction_log.records import User
from interaction_log.store import Store
from tests.fakes.overseer import Overseer
from tests.fakes.patience import PATIENCE
from tests.fakes.program import Desk, Program, prepare
from tests.fakes.tone_phone import LOUD, WINDOW, TonePhone, loudness, share
from tests.pbx.fixtures import pbx, stage  # noqa: F401 (fixtures)
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk")]

ANNA, BEN, CUSTOMER, SOFIA = 700, 1300, 1000, 1900
PLENTY, NOTHING = 0.15, 0.02
"""Shares of the sound's power: of two or three tones of the same loudness each has a half or a third."""
MORE_PEOPLE = (
    User(name="carla", display_name="Carla", role="agent", devices=["PJSIP/1110"]),  # never registered
    User(name="ines", display_name="Ines", role="agent", devices=["PJSIP/1009"]),  # in no queue
)
WHY = "helps a new colleague"


class Ears:
    """Telephones that play a tone each and hear."""

    def __init__(self, on: Stage) -> None:
        self.stage = on

    async def open(self) -> None:
        on = self.stage
        for desk, hertz in (("1001", ANNA), ("1002", BEN), ("1010", SOFIA)):
            old = on.desks[desk]
            await old.close()
            on.desks[desk] = await TonePhone(desk, old.port, on.pbx.ports.sip, hertz=hertz).open()
        await on.outside.close()
        ports = on.pbx.ports
        on.outside = await TonePhone("pstn", ports.pstn, ports.sip, host="127.0.0.2", hertz=CUSTOMER).open()

    def portion(self, phone: object, hertz: int) -> float:
        """How much of what this telephone hears now is this tone."""
        assert isinstance(phone, TonePhone)
        heard = list(phone._heard)
        return share(heard, hertz) if len(heard) == WINDOW and loudness(heard) > LOUD else 0.0

    async def hears(self, phone: object, *tones: int, seconds: float = PATIENCE) -> None:
        """Wait until it hears exactly these of all tones."""
        everything = (ANNA, BEN, CUSTOMER, SOFIA)
        async with asyncio.timeout(seconds):
            while not all(  # noqa: ASYNC110 (sound has no event)
                self.portion(phone, hertz) > PLENTY if hertz in tones else self.portion(phone, hertz) < NOTHING
                for hertz in everything
            ):
                await asyncio.sleep(0.05)

    async def never_hears(self, phone: object, hertz: int, seconds: float = 1.5) -> None:
        """Sampled ten times in each quarter of a second that is looked at."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while loop.time() < until:
            assert self.portion(phone, hertz) < NOTHING
            await asyncio.sleep(0.025)


class Floor:
    """The PBX, the program, Anna and Ben at their desks, and Sofia, who oversees them and has the phone 1010."""

    def __init__(self, on: Stage, program: Program, anna: Desk, ben: Desk, sofia: Overseer, url: str) -> None:
        self.stage, self.program, self.anna, self.ben, self.sofia, self.url = on, program, anna, ben, sofia, url
        self.ears = Ears(on)

    async def members(self, device: str) -> dict[str, tuple[bool, str, int]]:
        """Paused, reason and penalty by queue, as Asterisk has them."""
        listed = await self.stage.pbx.ami.listed("QueueStatus", "QueueMember")
        mine = [one for one in listed if one["Location"] == device]
        return {one["Queue"]: (one["Paused"] == "1", one["PausedReason"], int(one["Penalty"])) for one in mine}

    async def trail(self) -> list[tuple[str, str, str, str]]:
        """Actor, action, subject and outcome, the oldest first; the chain is whole."""
        store = await asyncio.to_thread(Store.open, self.url, default_region="CN")
        try:
            assert (await store.audit.verify()).broken_at is None
            rows = reversed(await store.audit.page(500))
            return [(r.entry.actor, r.entry.action, r.entry.subject, r.entry.outcome) for r in rows]
        finally:
            await asyncio.to_thread(store.close)

    async def talk(self) -> tuple[object, object, str]:
        """A customer talks with Anna: the two calls and the interaction."""
        customer = self.stage.customer("13800138000", "800")
        call = await (await self.stage.anna.rings()).answer()
        busy = await self.anna.state("BUSY")
        return customer, call, str(busy["interaction_id"])


@pytest_asyncio.fixture
async def floor(stage: Stage, tmp_path: Path) -> AsyncIterator[Floor]:  # noqa: F811
    more = "[supervision]\ntell_agent = true\n[agents]\nmissed_offers = 2\n"
    pbx_ = stage.pbx
    config = await prepare(tmp_path, port=pbx_.ports.ami, secret=pbx_.secret, wrap_up=1, people=MORE_PEOPLE)
    config.write_text(config.read_text() + more)
    url = f"sqlite:///{tmp_path / 'callweave.db'}"
    store = await asyncio.to_thread(Store.open, url, default_region="CN")
    await store.users.update("sofia", {"devices": ["PJSIP/1010"]})
    await asyncio.to_thread(store.close)
    async with contextlib.AsyncExitStack() as stack:
        program = await stack.enter_async_context(Program(tmp_path, "--config", str(config)))
        anna = await stack.enter_async_context(Desk(program, "anna"))
        ben = await stack.enter_async_context(Desk(program, "ben"))
        sofia = await stack.enter_async_context(Overseer(program, "sofia"))
        await anna.done("set_state", state="READY")
        await anna.state("READY")
        yield Floor(stage, program, anna, ben, sofia, url)
        assert await program.end() == 0
        assert "Traceback" not in program.errors()


async def test_listen_whisper_and_barge_by_tone(floor: Floor) -> None:
    ears, on, sofia = floor.ears, floor.stage, floor.sofia
    await ears.open()
    customer, _, i = await floor.talk()
    await ears.hears(on.anna, CUSTOMER)
    await ears.hears(on.outside, ANNA)
    for mode, agent_hears, customer_hears in (
        ("listen", (CUSTOMER,), (ANNA,)),
        ("whisper", (CUSTOMER, SOFIA), (ANNA,)),
        ("barge", (CUSTOMER, SOFIA), (ANNA, SOFIA)),
    ):
        ack = await sofia.command("listen", agent="anna", mode=mode, why=WHY)
        assert ack["ok"], ack
        phone = await (await on.jan.rings()).answer()
        assert (await sofia.wait("command_result", lambda m, n=ack["id"]: m["id"] == n))["ok"]
        await ears.hears(on.jan, ANNA, CUSTOMER)
        await ears.hears(on.anna, *agent_hears)
        await ears.hears(on.outside, *customer_hears)
        if mode != "barge":
            await ears.never_hears(on.outside, SOFIA)
        told = await floor.anna.wait("notice", lambda m, mode=mode: m["params"].get("mode") == mode)
        assert told["code"] == "supervised" and told["params"]["by"] == "Sofia"
        (tap,) = await sofia.taps("up")
        assert (tap["agent"], tap["mode"], tap["interaction_id"]) == ("anna", mode, i)
        if mode == "whisper":
            continue  # another mode takes the place of this one
        assert (await sofia.done("stop_listening"))["ok"]
        await phone.ended()
        await sofia.taps()
    await ears.hears(on.outside, ANNA)
    await customer.hang_up()  # type: ignore[attr-defined]
    logged = await floor.program.only()
    assert len(logged["segments"]) == 1 and logged["transfers"] == [] and not logged["conference"]
    trail = await floor.trail()
    assert trail.count(("sofia", "listen", "anna", "accepted")) == 3


async def test_the_tap_follows_the_customer_and_ends_with_the_call(floor: Floor) -> None:
    ears, on, sofia = floor.ears, floor.stage, floor.sofia
    await ears.open()
    await floor.ben.done("set_state", state="READY")
    customer, call, _ = await floor.talk()
    ack = await sofia.command("listen", agent="anna", mode="whisper", why=WHY)
    first = await (await on.jan.rings()).answer()
    assert (await sofia.wait("command_result", lambda m: m["id"] == ack["id"]))["ok"]
    await ears.hears(on.anna, CUSTOMER, SOFIA)
    referred = asyncio.ensure_future(call.refer("1002"))  # type: ignore[attr-defined]
    at_ben = await on.ben.rings()
    await first.ended()
    await sofia.taps("following")
    await at_ben.answer()
    await referred
    second = await (await on.jan.rings()).answer()
    await ears.hears(on.jan, BEN, CUSTOMER)
    await ears.hears(on.ben, CUSTOMER, SOFIA)
    await ears.never_hears(on.outside, SOFIA)
    (tap,) = await sofia.taps("up")
    assert tap["agent"] == "ben"
    await floor.ben.wait("notice", lambda m: m["code"] == "supervised")
    await customer.hang_up()  # type: ignore[attr-defined]
    await second.ended()
    await sofia.taps()
    trail = await floor.trail()
    assert ("sofia", "listen_follows", "ben", "done") in trail


async def test_the_tap_follows_through_a_transfer_that_was_asked_first(floor: Floor) -> None:
    """While Anna asks Ben the supervisor stays with Anna; the customer never hears her; then she is with Ben."""
    ears, on, sofia = floor.ears, floor.stage, floor.sofia
    await ears.open()
    customer, call, i = await floor.talk()
    ack = await sofia.command("listen", agent="anna", mode="whisper", why=WHY)
    first = await (await on.jan.rings()).answer()
    assert (await sofia.wait("command_result", lambda m: m["id"] == ack["id"]))["ok"]
    await ears.hears(on.anna, CUSTOMER, SOFIA)
    assert (await floor.anna.done("transfer", interaction_id=i, to="ben", kind="attended"))["ok"]
    at_ben = await (await on.ben.rings()).answer(after=0.2)
    await floor.anna.wait("transfer", lambda m: m["transfer"]["state"] == "consulting")
    await ears.hears(on.jan, ANNA, BEN)
    await ears.hears(on.anna, BEN, SOFIA)
    await ears.never_hears(on.outside, SOFIA)
    assert (await floor.anna.done("complete_transfer", interaction_id=i))["ok"]
    await call.ended()  # type: ignore[attr-defined]
    await first.ended()
    second = await (await on.jan.rings()).answer()
    await ears.hears(on.jan, BEN, CUSTOMER)
    await ears.hears(on.ben, CUSTOMER, SOFIA)
    await ears.never_hears(on.outside, SOFIA)
    (tap,) = await sofia.taps("up")
    assert (tap["agent"], tap["interaction_id"]) == ("ben", i)
    await customer.hang_up()  # type: ignore[attr-defined]
    await at_ben.ended()
    await second.ended()
    await sofia.taps()
    assert ("sofia", "listen_follows", "ben", "done") in await floor.trail()


async def tapped(sofia: Overseer, seconds: float = 10.0) -> dict[str, Any]:
    """Wait until there is one tap that hears, by the snapshot or by what came after it."""
    async with asyncio.timeout(seconds):
        while True:
            said = [body["taps"] for name, body in sofia.got if name in ("snapshot", "taps") and "taps" in body]
            if said and [one["state"] for one in said[-1]] == ["up"]:
                return dict(said[-1][0])
            await asyncio.sleep(0.05)


async def test_a_tap_goes_on_over_our_own_end_and_is_known_again(floor: Floor) -> None:
    ears, on = floor.ears, floor.stage
    await ears.open()
    customer, _, i = await floor.talk()
    ack = await floor.sofia.command("listen", agent="anna", mode="whisper", why=WHY)
    phone = await (await on.jan.rings()).answer()
    assert (await floor.sofia.wait("command_result", lambda m: m["id"] == ack["id"]))["ok"]
    await floor.program.kill()
    await ears.hears(on.anna, CUSTOMER, SOFIA)
    await floor.program.start()
    async with Overseer(floor.program, "sofia") as again:
        tap = await tapped(again)
        assert (tap["supervisor"], tap["agent"], tap["mode"], tap["interaction_id"]) == ("sofia", "anna", "whisper", i)
        assert (await again.done("stop_listening"))["ok"]
        await phone.ended()
        await ears.hears(on.anna, CUSTOMER)
        await customer.hang_up()  # type: ignore[attr-defined]
        await on.pbx.no_channels()


async def test_a_supervisor_who_hangs_up_is_gone_and_may_stop_while_it_rings(floor: Floor) -> None:
    on, sofia = floor.stage, floor.sofia
    customer, _, _ = await floor.talk()
    ack = await sofia.command("listen", agent="anna", mode="listen", why=WHY)
    ringing = await on.jan.rings()
    assert (await sofia.done("stop_listening"))["ok"]
    await ringing.ended()
    assert not (await sofia.wait("command_result", lambda m: m["id"] == ack["id"], 20))["ok"]
    await sofia.command("listen", agent="anna", mode="listen", why=WHY)
    phone = await (await on.jan.rings()).answer()
    await sofia.taps("up")
    await phone.hang_up()
    await sofia.taps()
    await customer.hang_up()  # type: ignore[attr-defined]


async def test_taking_over(floor: Floor) -> None:
    on, sofia = floor.stage, floor.sofia
    customer, call, i = await floor.talk()
    await sofia.command("listen", agent="anna", mode="listen", why=WHY)
    tapped = await (await on.jan.rings()).answer()
    await sofia.taps("up")
    ack = await sofia.command("take_over", agent="anna", interaction_id=i, why="complaint")
    assert ack["ok"], ack
    await tapped.ended()
    mine = await (await on.jan.rings()).answer()
    assert (await sofia.wait("command_result", lambda m: m["id"] == ack["id"]))["ok"]
    await call.ended()  # type: ignore[attr-defined]
    await floor.anna.state("WRAP_UP")
    await floor.program.only(lambda one: [s["agent"] for s in one["segments"]] == ["PJSIP/1001", "PJSIP/1010"])
    await customer.hang_up()  # type: ignore[attr-defined]
    await mine.ended()
    logged = await floor.program.only()
    assert [(t["kind"], t["to"], t["completed"]) for t in logged["transfers"]] == [("redirect", "PJSIP/1010", True)]
    assert [s["agent"] for s in logged["segments"]] == ["PJSIP/1001", "PJSIP/1010"]


async def test_forced_states_and_queues(floor: Floor) -> None:
    sofia, anna = floor.sofia, floor.anna
    assert (await sofia.done("force_state", agent="anna", state="NOT_READY", reason="lunch", why="goes home"))["ok"]
    assert (await anna.state("NOT_READY"))["reason"] == "lunch"
    told = await anna.wait("notice", lambda m: m["code"] == "state_forced")
    assert told["params"] == {"state": "NOT_READY", "reason": "lunch", "by": "Sofia"}
    # she is paused, so she comes into the new queue paused, by one and the same action
    ami = floor.stage.pbx.ami
    since = len(ami.events)
    assert (await sofia.done("join_queue", agent="anna", queue="sales", penalty=3, why="many calls"))["ok"]
    assert (await floor.members("PJSIP/1001"))["sales"] == (True, "callweave:lunch", 3)
    added = await ami.wait(lambda b: b.get("Event") == "QueueMemberAdded", since=since)
    assert (added["Queue"], added["Paused"], added["PausedReason"]) == ("sales", "1", "callweave:lunch")
    await sofia.wait("agent_state", lambda m: m["agent"]["agent"] == "anna" and "sales" in m["agent"]["queues"])
    assert (await sofia.done("join_queue", agent="anna", queue="sales", penalty=1, why="many calls"))["ok"]
    assert (await floor.members("PJSIP/1001"))["sales"][2] == 1
    assert (await sofia.done("force_state", agent="anna", state="READY", why="back"))["ok"]
    await anna.state("READY")
    async with asyncio.timeout(5):
        while any(paused for paused, _, _ in (await floor.members("PJSIP/1001")).values()):  # noqa: ASYNC110 (the PBX must be asked)
            await asyncio.sleep(0.05)
    assert (await sofia.done("leave_queue", agent="anna", queue="sales", why="enough"))["ok"]
    assert "sales" not in await floor.members("PJSIP/1001")
    static = await sofia.done("leave_queue", agent="anna", queue="support", why="enough")
    assert static["ok"] or static["error"]["code"] == "static_member", static
    await floor.stage.pbx.ami.action("QueueAdd", (), Queue="vip", Interface="PJSIP/1001", Paused="false")
    await sofia.wait("agent_state", lambda m: m["agent"]["agent"] == "anna" and "vip" in m["agent"]["queues"])
    for wrong, code in (
        ({"agent": "nobody"}, "not_signed_in"),
        ({"queue": "nothing"}, "unknown_queue"),
    ):
        refused = await sofia.command("join_queue", **({"agent": "anna", "queue": "sales", "why": "x"} | wrong))
        assert refused["error"]["code"] == code
    refused = await sofia.command("listen", agent="anna", mode="listen", why="x")
    assert refused["error"]["code"] == "agent_not_in_call"
    assert (await sofia.done("force_state", agent="anna", state="LOGGED_OUT", why="went home"))["ok"]
    await anna.state("LOGGED_OUT")
    with pytest.raises(Exception, match="connect"):
        await Overseer(floor.program, "anna").open()
    trail = await floor.trail()
    assert ("sofia", "join_queue", "nobody", "refused") in trail
    assert ("sofia", "listen", "anna", "refused") in trail
    assert ("anna", "forbidden", "/supervisor", "refused") in trail


async def test_why_anna_gets_no_calls(floor: Floor) -> None:
    sofia, pbx_, anna = floor.sofia, floor.stage.pbx, floor.anna
    assert await sofia.why_codes("anna") == ["nobody_waits"]
    await pbx_.pause("PJSIP/1001", queue="support")
    await until_why(sofia, "anna", "paused_in_queue")
    (paused,) = [one for one in await sofia.why("anna") if one["code"] == "paused_in_queue"]
    assert paused["params"]["queue"] == "support" and paused["weight"] == "limits"
    await pbx_.pause("PJSIP/1001", False)
    await anna.done("set_state", state="NOT_READY", reason="lunch")
    assert (await sofia.why("anna"))[0]["params"] == {"reason": "lunch"}
    async with floor.program.http(sofia.token) as http:
        assert (await http.get("/api/agents/nobody/why")).status_code == 404
    assert (await sofia.why_codes("carla"))[0] == "logged_out"
    async with Desk(floor.program, "carla") as carla, Desk(floor.program, "ines") as ines:
        for one in (carla, ines):
            await one.done("set_state", state="READY")
        assert await sofia.why_codes("carla") == ["phone_unreachable", "no_queue"]
        assert await sofia.why_codes("ines") == ["no_queue"]
        await floor.stage.pbx.ami.action("QueueAdd", (), Queue="sales", Interface="PJSIP/1009", Paused="false")
        await until_why(sofia, "ines", "nobody_waits")


async def until_why(sofia: Overseer, agent: str, code: str, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while code not in await sofia.why_codes(agent):  # noqa: ASYNC110 (the PBX must be asked)
            await asyncio.sleep(0.05)


async def test_two_missed_calls_make_her_not_ready(floor: Floor) -> None:
    customer = floor.stage.customer("13800138000", "800")
    for _ in range(2):
        await (await floor.stage.anna.rings()).ended()
    assert (await floor.anna.state("NOT_READY", 15))["reason"] == "not_responding"
    assert (await floor.anna.wait("notice", lambda m: m["code"] == "not_responding"))["params"]["missed"] == "2"
    told = await floor.sofia.wait("notice", lambda m: m["code"] == "agent_not_responding")
    assert told["params"]["agent"] == "anna"
    async with asyncio.timeout(5):
        while (await floor.members("PJSIP/1001"))["support"][:2] != (True, "callweave:not_responding"):  # noqa: ASYNC110 (the PBX must be asked)
            await asyncio.sleep(0.05)
    assert (await floor.sofia.why_codes("anna"))[0] == "not_responding"
    await customer.hang_up()
