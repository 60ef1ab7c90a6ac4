"""What events add up to."""

from interaction_log import events as e
from interaction_log.interaction import fold


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
