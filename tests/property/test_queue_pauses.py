"""Holders of pauses come and go, for one queue and for all; the PBX answers late, and others interfere: in the end she
is paused exactly where somebody still holds a pause, or others hold theirs."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from interaction_log import events as e
from routing import commands as c
from routing.distributor import Distributor, Settings

ANNA = "PJSIP/1001"
QUEUES = ["sales", "support", "vip"]
queues, holders = st.sampled_from(QUEUES), st.sampled_from(["agent", "supervisor"])
steps = st.one_of(
    st.tuples(st.just("pause"), queues, holders, st.sampled_from(["training", "quality"])),
    st.tuples(st.just("resume"), queues, holders),
    st.tuples(st.just("choose"), st.sampled_from(["READY", "lunch", "LOGGED_OUT"])),
    st.tuples(st.just("foreign"), queues, st.booleans()),
    st.tuples(st.just("answer")),
    st.tuples(st.just("timer")),
)


class Exchange:
    """A PBX with Anna in three queues: it does what it is told when its turn comes, all of it in order."""

    def __init__(self) -> None:
        self.live = Distributor(Settings())
        self.paused: dict[str, str] = dict.fromkeys(QUEUES, "")
        self.todo: list[c.PauseMember | c.ReleaseMember] = []
        self.timers: set[str] = set()
        self.take(e.AgentSignedIn(at=1.0, agent="anna", name="Anna", devices=[ANNA]))
        for queue in QUEUES:
            self.tell(queue)

    def take(self, event: e.Event) -> None:
        for command in self.live.handle(event, 1.0):
            match command:
                case c.Record(recorded):
                    self.take(recorded)
                case c.PauseMember() | c.ReleaseMember():
                    self.todo.append(command)
                case c.StartTimer(key, _):
                    self.timers.add(key)
                case c.CancelTimer(key):
                    self.timers.discard(key)

    def tell(self, queue: str) -> None:
        reason = self.paused[queue]
        self.take(
            e.MemberChanged(
                at=1.0, pbx="main", queue=queue, interface=ANNA, device=ANNA, member_name="", penalty=0,
                paused=bool(reason), paused_reason=reason,
            )
        )  # fmt: skip

    def obey(self) -> None:
        """The oldest command is carried out, as ``Pbx`` does: pauses of others are left alone."""
        if not self.todo:
            return
        command = self.todo.pop(0)
        wanted = dict.fromkeys(QUEUES, command.reason) if isinstance(command, c.PauseMember) else dict(command.still)
        mine = [q for q, reason in self.paused.items() if not reason or reason.startswith("callweave:")]
        self.paused.update({queue: wanted.get(queue, "") for queue in mine})
        for queue in mine:
            self.tell(queue)

    def settle(self) -> None:
        """Everything asked for is done, and what was not seen is asked for again, until nothing is left."""
        for _ in range(20):
            while self.todo:
                self.obey()
            for key in sorted(self.timers):
                self.timers.discard(key)
                self.take(e.TimerFired(at=1.0, key=key))
            if not self.todo:
                return
        raise AssertionError("it never comes to rest")


def act(on: Exchange, held: dict[tuple[str, Any], str], step: Any) -> None:
    common = {"at": 1.0, "agent": "anna", "pbx": "main", "by": "x"}
    match step:
        case ("pause", queue, holder, reason):
            held[queue, holder] = reason
            on.take(e.QueuePaused(queue=queue, holder=holder, reason=reason, **common))
        case ("resume", queue, holder):
            held.pop((queue, holder), None)
            on.take(e.QueueResumed(queue=queue, holder=holder, **common))
        case ("choose", "lunch"):
            on.take(e.StateChosen(at=1.0, agent="anna", state="NOT_READY", reason="lunch"))
        case ("choose", state):
            on.take(e.StateChosen(at=1.0, agent="anna", state=state))
        case ("foreign", queue, begins):
            on.settle()  # who it was that ended a pause can be told only while nothing of ours is under way
            if begins or on.paused[queue] == "boss":
                on.paused[queue] = "boss" if begins else ""
                on.tell(queue)
        case ("answer",):
            on.obey()
        case ("timer",):
            for key in sorted(on.timers)[:1]:
                on.timers.discard(key)
                on.take(e.TimerFired(at=1.0, key=key))


@given(st.lists(steps, max_size=30))
def test_she_is_paused_exactly_where_somebody_holds_her(work: list[Any]) -> None:
    on, held = Exchange(), dict[tuple[str, Any], str]()
    for step in work:
        act(on, held, step)
    on.settle()
    everywhere = on.live.agents["anna"].pause_holders()
    for queue in QUEUES:
        found = on.paused[queue]
        mine = [held[queue, holder] for holder in ("supervisor", "agent") if (queue, holder) in held]
        if found == "boss":
            continue
        wanted = everywhere[0] if everywhere else f"callweave:{mine[0]}" if mine else ""
        assert found == wanted, (queue, work)
