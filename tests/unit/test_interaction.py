"""What events add up to."""

from interaction_log import events as e
from interaction_log.interaction import Interaction, Segment, Transfer, fold, segment_result


def test_an_answered_call_adds_up() -> None:
    i = "i1"
    story = [
        e.InteractionStarted(
            at=1.0,
            interaction_id=i,
            pbx="main",
            channel="voice",
            direction="inbound",
            customer_address="+8613800138000",
            customer_name=None,
            dialled="800",
            unique_id="1.1",
            linked_id="1.1",
        ),
        e.QueueEntered(at=2.0, interaction_id=i, queue="support"),
        e.InteractionOffered(at=3.0, interaction_id=i, offer_id="o", device="PJSIP/1001", source="queue"),
        e.OfferEnded(at=5.0, interaction_id=i, offer_id="o", device="PJSIP/1001", result="answered", ring_seconds=2.0),
        e.QueueLeft(at=5.0, interaction_id=i, queue="support", result="answered"),
        e.AgentConnected(at=5.0, interaction_id=i, device="PJSIP/1001"),
        e.AgentDisconnected(at=9.0, interaction_id=i, device="PJSIP/1001"),
        e.InteractionEnded(at=9.0, interaction_id=i, outcome="answered", ended_by="customer"),
    ]
    once = fold(story)[i].public()
    assert (once["wait_seconds"], once["talk_seconds"], once["outcome"]) == (3.0, 4.0, "answered")
    assert fold([x for event in story for x in (event, event)])[i].public() == once


def test_every_event_survives_its_payload() -> None:
    event = e.MemberChanged(
        at=1.0,
        pbx="p",
        queue="q",
        interface="Local/1@x/n",
        device="PJSIP/1",
        member_name="A",
        paused=True,
        paused_reason="callweave:wrapup",
        penalty=0,
    )
    assert e.from_payload("MemberChanged", e.to_payload(event)) == event


def moved(**more: object) -> Interaction:
    """Two agents had the customer, one after the other, until 20."""
    one = Interaction("i", ended=True, ended_at=20.2, ended_by="customer")
    one.segments = [Segment("PJSIP/1001", 1.0, 9.0, open=False), Segment("PJSIP/1002", 10.0, 20.0, open=False)]
    for name, value in more.items():
        setattr(one, name, value)
    return one


def test_each_stretch_tells_how_it_ended() -> None:
    sent = Transfer("t", "blind", "PJSIP/1001", "PJSIP/1002", completed=True)
    assert [segment_result(moved(transfers=[sent]), n) for n in (0, 1)] == ["transferred", "customer"]
    assert [segment_result(moved(parked=True), n) for n in (0, 1)] == ["parked", "customer"]
    assert [segment_result(moved(conference=True), n) for n in (0, 1)] == ["left", "customer"]
    assert segment_result(moved(ended_by=None), 1) == "system"
    assert segment_result(moved(parked=True, ended_at=60.0), 1) == "parked"  # nobody took the customer back
    running = moved(ended=False, ended_at=None)
    running.segments[1] = Segment("PJSIP/1002", 10.0)
    assert segment_result(running, 1) is None
