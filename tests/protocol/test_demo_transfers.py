"""What the card of a call offers works at the built-in telephone system, or it is said which does not."""

from __future__ import annotations

from typing import Any

import pytest

from agent_console import wire
from interaction_log import events as e
from tests.protocol.test_hub import Floor, floor  # noqa: F401 (fixture)


class Talk:
    """Anna talks with a customer, Ben is ready."""

    def __init__(self, on: Floor) -> None:
        self.on, self.i, self.n = on, "", 0

    async def begin(self) -> Talk:
        await self.on.sign_in()
        self.call, self.i = await self.on.talk()
        await self.on.sign_in("ben")
        return self

    async def send(self, name: str, agent: str = "anna", **more: Any) -> dict[str, Any]:
        """The observed outcome."""
        self.n += 1
        command = wire.CLIENT_COMMANDS[name](id=f"t{self.n}", interaction_id=self.i, **more)
        ack = await self.on.exchange.command(agent, name, command)
        assert ack["ok"], ack
        return dict(await self.on.screens.wait(agent, "command_result", lambda m: m["id"] == command.id))

    async def transfer(self, *states: str) -> None:
        """Wait until the latest transfer has one of these states."""

        def there() -> bool:
            told = self.on.screens.of("anna", "transfer")
            return bool(told) and told[-1]["transfer"]["state"] in states

        await self.on.exchange.until(there)

    def lift(self, line: str = "PJSIP/1002") -> None:
        channel = self.on.simulator.pbx.ringing_at(line)
        assert channel is not None
        assert self.on.simulator.pbx.calls[channel].answer(channel)

    async def ring(self, line: str = "PJSIP/1002") -> None:
        await self.on.exchange.until(lambda: self.on.simulator.pbx.ringing_at(line))

    async def over(self) -> dict[str, Any]:
        """The customer hangs up; what the record says. Nothing is left at the telephone system."""
        pbx = self.on.simulator.pbx
        pbx.calls[self.call.caller].hang_up(self.call.caller)
        await self.on.exchange.until(lambda: self.on.log.of(e.InteractionEnded) and not pbx.channels)
        return self.on.hub.distributor.interactions[self.i].public()


@pytest.fixture
async def talk(floor: Floor) -> Talk:  # noqa: F811
    return await Talk(floor).begin()


async def test_asking_a_colleague_who_takes_the_call(talk: Talk) -> None:
    sent = await talk.send("transfer", to="agent:ben", kind="attended")
    assert sent["ok"], sent
    await talk.transfer("ringing")
    await talk.ring()
    card = await talk.on.screens.wait("ben", "screen_pop")
    assert card["consultation"] and card["customer"]["name"] == "李雷"
    talk.lift()
    await talk.transfer("consulting")
    assert (await talk.send("complete_transfer"))["ok"]
    await talk.transfer("completed")
    await talk.on.exchange.until(lambda: talk.on.state() == "WRAP_UP" and talk.on.state("ben") == "BUSY")
    record = await talk.over()
    assert [(t["kind"], t["to"], t["completed"]) for t in record["transfers"]] == [("attended", "PJSIP/1002", True)]
    assert [s["agent"] for s in record["segments"]] == ["PJSIP/1001", "PJSIP/1002"]


async def test_back_to_the_customer_before_and_after_the_colleague_lifted(talk: Talk) -> None:
    for lifted in (False, True):
        await talk.send("transfer", to="agent:ben", kind="attended")
        await talk.ring()
        await talk.transfer("ringing")
        if lifted:
            talk.lift()
            await talk.transfer("consulting")
        assert (await talk.send("cancel_transfer"))["ok"]
        await talk.transfer("cancelled")
    assert talk.on.state() == "BUSY"
    record = await talk.over()
    assert [s["agent"] for s in record["segments"]] == ["PJSIP/1001"]


async def test_a_colleague_who_rejects(talk: Talk) -> None:
    await talk.send("transfer", to="agent:ben", kind="attended")
    await talk.ring()
    channel = talk.on.simulator.pbx.ringing_at("PJSIP/1002")
    assert channel is not None
    talk.on.simulator.pbx.calls[channel].decline(channel)
    await talk.transfer("failed")
    await talk.over()


async def test_sending_at_once_and_back_when_nobody_takes_it(talk: Talk) -> None:
    assert (await talk.send("transfer", to="agent:ben", kind="blind"))["ok"]
    await talk.ring()
    await talk.transfer("ringing")
    await talk.on.exchange.until(lambda: talk.on.simulator.pbx.talking_at("PJSIP/1001") is None)
    talk.lift()
    await talk.transfer("completed")
    await talk.on.exchange.until(lambda: talk.on.state("ben") == "BUSY")
    record = await talk.over()
    assert [s["agent"] for s in record["segments"]] == ["PJSIP/1001", "PJSIP/1002"]


async def test_all_three(talk: Talk) -> None:
    await talk.send("transfer", to="agent:ben", kind="attended")
    await talk.ring()
    talk.lift()
    await talk.transfer("consulting")
    assert (await talk.send("conference"))["ok"]
    await talk.transfer("completed")
    assert (await talk.send("drop_party"))["ok"]
    await talk.over()


async def test_what_cannot_be_done_is_named(floor: Floor) -> None:  # noqa: F811
    (pbx,) = floor.hub.windows.pbxs()
    assert set(pbx["cannot"]) == {"park"}
