"""Whatever happens in whatever order, agents, pops and pauses stay consistent."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from interaction_log import events as e
from routing import commands as c
from routing.agents import TABLE, Agent
from routing.distributor import Distributor, Settings

DEVICES = ["PJSIP/1001", "PJSIP/1002", "PJSIP/1003"]
devices = st.sampled_from(DEVICES)
agents = st.sampled_from(["anna", "ben"])
ids = st.sampled_from(["i1", "i2", "i3"])
directions = st.sampled_from(["inbound", "outbound", "internal"])
reasons = st.sampled_from(["", "callweave:wrapup", "callweave:lunch", "supervisor"])


@given(st.sampled_from(sorted(TABLE)), st.sampled_from(["READY", "NOT_READY", "LOGGED_OUT"]))
def test_every_target_of_the_table_is_a_state(state: Any, chosen: Any) -> None:
    agent = Agent("anna", "Anna", state=state, chosen=chosen)
    for trigger in TABLE[state]:
        assert agent.next_state(trigger) in TABLE


class Floor(RuleBasedStateMachine):
    """Two agents, three devices, three calls, and a PBX that obeys or does not."""

    def __init__(self) -> None:
        super().__init__()
        self.live = Distributor(Settings())
        self.now = 1000.0
        self.shown: dict[tuple[str, str], int] = {}
        self.timers: dict[str, float] = {}

    def take(self, event: e.Event) -> None:
        self.now += 1
        for command in self.live.handle(event, self.now):
            self.carry_out(command)

    def carry_out(self, command: c.Command) -> None:
        match command:
            case c.Record(event):
                self.take(event)
            case c.PopScreen(agent, interaction_id):
                key = (agent, interaction_id)
                self.shown[key] = self.shown.get(key, 0) + 1
            case c.UpdatePop(agent, interaction_id):
                assert self.shown.get((agent, interaction_id)) == 1
            case c.ClosePop(agent, interaction_id):
                self.shown[agent, interaction_id] -= 1
            case c.StartTimer(key, seconds):
                assert seconds >= 0
                self.timers[key] = seconds
            case c.CancelTimer(key):
                self.timers.pop(key, None)
            case c.PauseMember(_, _, reason):
                assert reason.startswith("callweave:")

    @rule(agent=agents, places=st.lists(devices, unique=True, max_size=2))
    def sign_in(self, agent: str, places: list[str]) -> None:
        self.take(e.AgentSignedIn(at=self.now, agent=agent, name=agent, devices=places))

    @rule(agent=agents, state=st.sampled_from(["READY", "NOT_READY", "LOGGED_OUT"]))
    def choose(self, agent: str, state: Any) -> None:
        self.take(e.StateChosen(at=self.now, agent=agent, state=state, reason="lunch"))

    @rule(i=ids, direction=directions, address=st.sampled_from([None, "+8613800138000"]))
    def start(self, i: str, direction: Any, address: str | None) -> None:
        self.take(
            e.InteractionStarted(
                at=self.now,
                interaction_id=i,
                pbx="main",
                channel="voice",
                direction=direction,
                customer_address=address,
                customer_name=None,
                dialled=None,
                unique_id=i,
                linked_id=i,
            )
        )

    @rule(i=ids, strength=st.sampled_from(["known", "maybe", "unknown"]), who=st.sampled_from(["c1", "c2"]))
    def found(self, i: str, strength: Any, who: str) -> None:
        customer = None if strength == "unknown" else {"id": who}
        self.take(e.CallerFound(at=self.now, interaction_id=i, strength=strength, customer=customer))

    @rule(i=ids, device=devices)
    def ring(self, i: str, device: str) -> None:
        self.take(
            e.InteractionOffered(
                at=self.now, interaction_id=i, offer_id=f"{i}{device}", device=device, source="queue", queue="support"
            )
        )

    @rule(i=ids, device=devices, result=st.sampled_from(["answered", "no_answer", "cancelled"]))
    def ring_ends(self, i: str, device: str, result: Any) -> None:
        self.take(
            e.OfferEnded(
                at=self.now, interaction_id=i, offer_id=f"{i}{device}", device=device, result=result, ring_seconds=1.0
            )
        )

    @rule(i=ids, device=devices)
    def connect(self, i: str, device: str) -> None:
        self.take(e.AgentConnected(at=self.now, interaction_id=i, device=device))

    @rule(i=ids, device=devices)
    def disconnect(self, i: str, device: str) -> None:
        self.take(e.AgentDisconnected(at=self.now, interaction_id=i, device=device))

    @rule(i=ids)
    def end(self, i: str) -> None:
        self.take(e.InteractionEnded(at=self.now, interaction_id=i, outcome="answered", ended_by="customer"))

    @rule(i=ids, agent=agents)
    def wrap_up(self, i: str, agent: str) -> None:
        self.take(e.InteractionWrappedUp(at=self.now, interaction_id=i, agent=agent, disposition="solved", notes=None))

    @rule(device=devices, queue=st.sampled_from(["a", "b"]), reason=reasons, removed=st.booleans())
    def member(self, device: str, queue: str, reason: str, removed: bool) -> None:
        self.take(
            e.MemberChanged(
                at=self.now,
                pbx="main",
                queue=queue,
                interface=device,
                device=device,
                member_name="",
                paused=bool(reason),
                paused_reason=reason,
                penalty=0,
                removed=removed,
            )
        )

    @rule(data=st.data())
    def timer(self, data: st.DataObject) -> None:
        if self.timers:
            key = data.draw(st.sampled_from(sorted(self.timers)))
            del self.timers[key]
            self.take(e.TimerFired(at=self.now, key=key))

    @invariant()
    def states_fit(self) -> None:
        for agent in self.live.agents.values():
            if agent.signed_in:
                assert (agent.state == "BUSY") == bool(agent.talking), agent
            if agent.answering is not None:
                assert f"answering:{agent.name}" in self.timers, agent
            if agent.state == "OFFERED":
                assert agent.offers or f"answering:{agent.name}" in self.timers, agent
            if agent.state == "READY":
                assert not (agent.offers or agent.talking or agent.answering) and agent.pbx_reason is None, agent
            assert (agent.until is not None) == (agent.state == "WRAP_UP"), agent
            if agent.state == "WRAP_UP":
                assert agent.wrapping is not None and f"wrap_up:{agent.name}" in self.timers, agent

    @invariant()
    def pops_fit(self) -> None:
        shown = {key for key, count in self.shown.items() if count}
        assert all(count in (0, 1) for count in self.shown.values())
        assert shown == {key for key, pop in self.live.pops.open.items() if pop.shown}
        for agent, interaction_id in self.live.pops.open:
            assert interaction_id in self.live.agents[agent].offers.values()

    @invariant()
    def nobody_rings_forever(self) -> None:
        for key, pop in self.live.pops.open.items():
            assert pop.shown or f"pop:{key[1]}:{key[0]}" in self.timers

    @invariant()
    def a_wanted_pause_is_there_or_asked_for(self) -> None:
        for agent in self.live.agents.values():
            owned = [d for d in agent.devices if self.live.owner(d) is agent]
            for member in self.live.pauses.members():
                if member.device in owned and agent.pause_holders() and not member.paused:
                    assert f"pause:main:{member.device}" in self.timers


TestFloor = Floor.TestCase
TestFloor.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
