"""Muting a desk phone: what is refused, what the agent's consoles are told, and when the mute is over."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from cti_gateway.control.facts import Facts
from cti_gateway.control.mutes import Mutes
from cti_gateway.control.targets import Refusal
from cti_gateway.pbx import Outcome
from interaction_log import events as e

CHANNEL = "PJSIP/1001-00000001"
FACTS = Facts("i-1", "PJSIP/1001", mine=CHANNEL, has_leg=True)


class Pbx:
    """Takes actions and says they were done."""

    def __init__(self, *, obeys: bool = True) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.obeys = obeys
        self.tracker = SimpleNamespace(topology=SimpleNamespace(by_id={"1.1": SimpleNamespace(name=CHANNEL)}))

    async def do(self, action: Any, *, system: bool = False) -> Outcome:
        assert system
        self.asked.append((action.name, dict(action.headers)))
        return Outcome(self.obeys, None if self.obeys else "failed")


class Control:
    """Finds the call and does the work at once."""

    def __init__(self, pbx: Pbx, *, system: bool = True) -> None:
        self.pbx, self.system = pbx, system
        self.refusal: Refusal | None = None

    def pbx_of(self, interaction_id: str) -> Pbx:
        return self.pbx

    def on_my_phone(self, agent: str, command: Any, refuse: Any, work: Any) -> Any:
        self.refusal = refuse(FACTS, self.system)
        return None if self.refusal is not None else asyncio.ensure_future(work(self.pbx, FACTS, CHANNEL))


def stand(**more: bool) -> tuple[Mutes, Control, list[tuple[str, str, dict[str, Any]]]]:
    told: list[tuple[str, str, dict[str, Any]]] = []
    screens = SimpleNamespace(publish=lambda agent, name, body: told.append((agent, name, body)))
    control = Control(Pbx(obeys=more.get("obeys", True)), system=more.get("system", True))
    hub: Any = SimpleNamespace(screens=screens)
    return Mutes(hub, control), control, told  # type: ignore[arg-type]


COMMAND: Any = SimpleNamespace(interaction_id="i-1")


async def test_muted_and_heard_again() -> None:
    mutes, control, told = stand()
    await mutes.command("anna", COMMAND, True)
    assert control.pbx.asked == [("MuteAudio", {"Channel": CHANNEL, "Direction": "in", "State": "on"})]
    assert told == [("anna", "muted", {"interaction_id": "i-1", "muted": True})] and mutes.of("anna") == ["i-1"]
    assert mutes.command("anna", COMMAND, True) is None and control.refusal is not None
    assert control.refusal.code == "already"
    await mutes.command("anna", COMMAND, False)
    assert control.pbx.asked[-1][1]["State"] == "off" and mutes.of("anna") == []


async def test_what_the_pbx_refuses_is_no_mute() -> None:
    mutes, _, told = stand(obeys=False)
    assert not (await mutes.command("anna", COMMAND, True)).ok  # type: ignore[misc,union-attr]
    assert told == [] and mutes.of("anna") == []


def test_without_the_second_user_it_says_why() -> None:
    mutes, control, _ = stand(system=False)
    mutes.command("anna", COMMAND, True)
    assert control.refusal is not None and control.refusal.code == "use_the_phone"


async def test_the_mute_goes_with_the_channel_and_with_the_call() -> None:
    mutes, control, told = stand()
    await mutes.command("anna", COMMAND, True)
    mutes.heard(control.pbx)  # type: ignore[arg-type]
    assert mutes.of("anna") == ["i-1"]
    control.pbx.tracker.topology.by_id.clear()
    mutes.heard(control.pbx)  # type: ignore[arg-type]
    assert mutes.of("anna") == [] and told[-1][2]["muted"] is False
    await mutes.command("anna", COMMAND, True)
    mutes.saw(e.InteractionEnded(at=1.0, interaction_id="i-1", outcome="answered", ended_by="customer"))
    assert mutes.of("anna") == []


async def test_nobody_stays_muted_when_we_stop() -> None:
    mutes, control, _ = stand()
    await mutes.command("anna", COMMAND, True)
    await mutes.release()
    assert control.pbx.asked[-1][1]["State"] == "off" and mutes.of("anna") == []
