"""One budget over all channels: what is paused for it, and that nothing of it is left behind."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from interaction_log import events as e
from interaction_log.events import Channel
from routing import commands as c
from routing.capacity import Capacity
from routing.distributor import Distributor, Settings

ANNA = "PJSIP/1001"
channels = st.sampled_from(["chat", "email"])


class Desk:
    """Anna, ready, a member of one queue; chats and mails come and go."""

    def __init__(self, capacity: Capacity) -> None:
        self.live = Distributor(Settings(capacity=capacity, default_wrap_up_seconds=0))
        self.sent: list[c.Command] = []
        self.take(e.AgentSignedIn(at=1.0, agent="anna", name="Anna", devices=[ANNA]))
        self.take(e.StateChosen(at=1.0, agent="anna", state="READY", reason=None, command_id=None))
        self.member(None)

    def take(self, event: e.Event) -> None:
        for command in self.live.handle(event, 1.0):
            self.sent.append(command)
            if isinstance(command, c.Record):
                self.take(command.event)
            elif isinstance(command, c.PauseMember):
                self.member(command.reason)
            elif isinstance(command, c.ReleaseMember):
                self.member(None)

    def member(self, reason: str | None) -> None:
        self.take(
            e.MemberChanged(
                at=1.0, pbx="main", queue="q", interface=ANNA, device=ANNA, member_name="", penalty=0,
                paused=reason is not None, paused_reason=reason or "",
            )
        )  # fmt: skip

    def begin(self, i: str, channel: Channel) -> None:
        self.take(
            e.InteractionStarted(
                at=1.0, interaction_id=i, pbx="main", channel=channel, direction="inbound", customer_address=None,
                customer_name=None, dialled=None, unique_id=i, linked_id=i,
            )
        )  # fmt: skip
        self.take(e.AgentConnected(at=1.0, interaction_id=i, device="Console/anna"))

    def end(self, i: str, *, left_first: bool) -> None:
        if left_first:
            self.take(e.AgentDisconnected(at=1.0, interaction_id=i, device="Console/anna"))
        self.take(e.InteractionEnded(at=1.0, interaction_id=i, outcome="answered", ended_by="agent"))

    @property
    def paused(self) -> bool:
        (member,) = self.live.pauses.members()
        return member.paused


@given(
    st.builds(
        lambda chat, email, interrupts: Capacity(
            weights={"voice": 100, "chat": chat, "email": email}, interrupts={"voice": frozenset(interrupts)}
        ),
        st.integers(1, 100),
        st.integers(1, 100),
        st.sets(channels),
    ),
    st.lists(st.tuples(st.integers(0, 4), channels, st.booleans()), max_size=20),
)
def test_her_phone_is_paused_exactly_while_there_is_no_room_for_a_call(capacity: Capacity, work: list[Any]) -> None:
    desk = Desk(capacity)
    running: dict[str, Channel] = {}
    number = 0
    for slot, channel, flag in work:
        i = next((i for i in running if i.startswith(f"{slot}-")), None)
        if i is None:
            number += 1
            running[f"{slot}-{number}"] = channel
            desk.begin(f"{slot}-{number}", channel)
        else:
            del running[i]
            desk.end(i, left_first=flag)
        anna = desk.live.agents["anna"]
        assert sorted(anna.in_hand.values()) == sorted(running.values())
        assert desk.paused == (not capacity.room_for("voice", running.values()))
        assert anna.state == "READY"
    for i in list(running):
        desk.end(i, left_first=False)
    assert not desk.paused and desk.live.agents["anna"].in_hand == {}


def test_the_words_of_the_trade() -> None:
    usual = Capacity()
    assert usual.room_for("chat", ["chat", "chat"]) and not usual.room_for("chat", ["chat"] * 3)
    assert not usual.room_for("voice", ["chat"])  # nobody is left waiting in a chat
    assert usual.room_for("voice", ["email", "email"])  # a mail can wait
    assert not usual.room_for("chat", ["voice"])
