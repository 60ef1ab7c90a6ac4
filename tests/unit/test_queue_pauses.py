"""Pauses in one queue: held by the agent, by a supervisor, and beside a pause in all queues."""

from __future__ import annotations

from typing import Any

from interaction_log import events as e
from routing import commands as c
from routing.agents import QueuePause
from tests.unit.test_distributor import ANNA, Desk, of

PAUSES = (c.PauseMember, c.ReleaseMember)
SALES = ("main", "sales")


def still(*queues: tuple[str, str]) -> c.ReleaseMember:
    """What makes the PBX pause her in these queues and in no other."""
    return c.ReleaseMember("main", ANNA, tuple((queue, f"callweave:{reason}") for queue, reason in queues))


class Two(Desk):
    """Anna, ready, in two queues."""

    def __init__(self) -> None:
        super().__init__()
        self.member()
        self.member(queue="sales")
        self.sign_in()
        self.member()

    def pause(self, reason: str = "training", holder: Any = "agent", queue: str = "sales") -> list[c.Command]:
        by = "anna" if holder == "agent" else "sofia"
        return self.take(
            e.QueuePaused(at=self.now, agent="anna", pbx="main", queue=queue, holder=holder, reason=reason, by=by)
        )

    def resume(self, holder: Any = "agent", queue: str = "sales") -> list[c.Command]:
        return self.take(
            e.QueueResumed(at=self.now, agent="anna", pbx="main", queue=queue, holder=holder, by="somebody")
        )


def test_she_is_paused_in_one_queue_and_stays_ready() -> None:
    desk = Two()
    assert of(desk.pause(), *PAUSES) == [still(("sales", "training"))]
    assert not of(desk.member(queue="sales", paused="callweave:training"), *PAUSES, c.Notify)
    assert desk.anna.state == "READY"
    assert desk.anna.held_in(SALES) == ("agent", QueuePause("training", "anna", desk.now))
    assert of(desk.resume(), *PAUSES) == [still()]
    assert not of(desk.member(queue="sales"), *PAUSES, c.Notify) and not desk.anna.queue_pauses


def test_two_holders_one_released_still_paused() -> None:
    desk = Two()
    desk.pause("training")
    desk.member(queue="sales", paused="callweave:training")
    assert of(desk.pause("quality", "supervisor"), *PAUSES) == [still(("sales", "quality"))]
    desk.member(queue="sales", paused="callweave:quality")
    assert not of(desk.resume("agent"), *PAUSES)
    assert desk.anna.held_queues() == {SALES: "callweave:quality"}
    assert of(desk.resume("supervisor"), *PAUSES) == [still()]
    assert not of(desk.resume("supervisor"), *PAUSES)  # nothing twice


def test_a_pause_in_all_queues_wins_and_leaves_the_one_behind() -> None:
    desk = Two()
    desk.pause()
    desk.member(queue="sales", paused="callweave:training")
    assert of(desk.choose("NOT_READY", "lunch"), *PAUSES) == [c.PauseMember("main", ANNA, "callweave:lunch")]
    for queue in ("support", "sales"):
        assert not of(desk.member(queue=queue, paused="callweave:lunch"), *PAUSES)
    assert of(desk.choose("READY"), *PAUSES) == [still(("sales", "training"))]
    desk.member()
    assert not of(desk.member(queue="sales", paused="callweave:training"), *PAUSES)
    assert desk.anna.state == "READY"


def test_let_go_of_during_a_pause_in_all_it_is_gone_after_it() -> None:
    desk = Two()
    desk.pause()
    desk.member(queue="sales", paused="callweave:training")
    desk.choose("NOT_READY", "lunch")
    for queue in ("support", "sales"):
        desk.member(queue=queue, paused="callweave:lunch")
    assert not of(desk.resume(), *PAUSES)
    assert of(desk.choose("READY"), *PAUSES) == [still()]


def test_what_somebody_ends_at_the_pbx_is_taken_over_with_a_notice() -> None:
    desk = Two()
    desk.pause()
    desk.pause("quality", "supervisor")
    desk.member(queue="sales", paused="callweave:quality")
    found = desk.member(queue="sales")
    ended = [r.event for r in of(found, c.Record)]
    assert [(one.queue, one.holder, one.by) for one in ended] == [("sales", "agent", ""), ("sales", "supervisor", "")]
    assert [n.code for n in of(found, c.Notify)] == ["released_at_pbx"]
    assert not of(found, *PAUSES) and not desk.anna.queue_pauses and desk.anna.state == "READY"


def test_a_pause_of_others_in_that_queue_stays_theirs() -> None:
    desk = Two()
    desk.member(queue="sales", paused="boss")
    assert not of(desk.pause(), *PAUSES)  # she is paused there
    assert of(desk.member(queue="sales"), *PAUSES) == [still(("sales", "training"))]  # they let go, she does not


def test_a_membership_that_comes_later_comes_into_the_pause() -> None:
    desk = Two()
    desk.pause(queue="vip")
    assert of(desk.member(queue="vip"), *PAUSES) == [still(("vip", "training"))]


def test_of_somebody_unknown_nothing_follows() -> None:
    desk = Desk()
    unknown = {"at": 1.0, "agent": "nobody", "pbx": "main", "queue": "sales", "holder": "agent", "by": "x"}
    assert desk.take(e.QueuePaused(reason="lunch", **unknown)) == []
    assert desk.take(e.QueueResumed(**unknown)) == []


def test_after_a_restart_it_is_adopted() -> None:
    desk = Two()
    desk.pause()
    again = Desk()
    again.live.restore([], [desk.anna], again.now)
    assert not of(again.member(queue="sales", paused="callweave:training"), *PAUSES)
    assert of(again.member(queue="support", paused="callweave:training"), *PAUSES) == [still(("sales", "training"))]
