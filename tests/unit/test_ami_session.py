"""The session without a socket: login, answers, lists, silence."""

from __future__ import annotations

import hashlib

import pytest

from cti_gateway.ami import actions
from cti_gateway.ami.codec import Message
from cti_gateway.ami.session import (
    LOST_AFTER,
    PING_AFTER,
    STEP_SECONDS,
    TABLE,
    ActionFailed,
    ActionTimedOut,
    AskFailed,
    Credentials,
    Input,
    LinkDown,
    Reply,
    Session,
    State,
)
from tests.fakes.ami_server import BANNER, block, error, event, listing, success


def sent(session: Session) -> list[Message]:
    return [Message(raw) for raw in session.take_output().split(b"\r\n\r\n") if raw]


def fresh(auth: str = "md5", events: bool = True) -> Session:
    return Session(Credentials("cti", "hush", auth, events), "t0", 0.0)  # type: ignore[arg-type]


def ready(events: bool = True) -> Session:
    session = fresh("plain", events)
    session.receive(BANNER, 0.0)
    (login,) = sent(session)
    session.receive(success(login), 0.0)
    assert session.state is State.READY
    return session


def outcome(session: Session) -> Reply | AskFailed:
    ((_, result),) = session.take_outcomes()
    return result


def test_md5_login():
    session = fresh(events=False)
    assert session.receive(BANNER[:9], 0.1) == []
    assert sent(session) == []
    session.receive(BANNER[9:], 0.1)
    (challenge,) = sent(session)
    assert (challenge.get("Action"), challenge.get("AuthType")) == ("Challenge", "MD5")
    session.receive(success(challenge, Challenge="42"), 0.2)
    (login,) = sent(session)
    assert login.get("Key") == hashlib.md5(b"42hush").hexdigest()
    assert (login.get("Username"), login.get("Events"), "Secret" in login) == ("cti", "off", False)
    assert b"hush" not in login.raw
    messages = session.receive(success(login) + event("FullyBooted", Uptime="1"), 0.3)
    assert session.state is State.READY
    assert [m.name for m in messages] == ["Success", "FullyBooted"]


def test_plain_login():
    session = fresh("plain")
    session.receive(BANNER, 0.0)
    (login,) = sent(session)
    assert (login.get("Secret"), login.get("Events")) == ("hush", "on")


def test_refused_login_says_why_and_hides_the_secret():
    session = fresh("plain")
    session.receive(BANNER, 0.0)
    (login,) = sent(session)
    session.receive(error(login, "Authentication failed"), 0.0)
    assert session.state is State.REFUSED
    assert session.reason == "the PBX refuses the login of 'cti': Authentication failed"
    assert "hush" not in repr(session._credentials)
    assert session.receive(event("X"), 1.0) == []


def test_n11_another_service_and_no_banner():
    session = fresh()
    session.receive(b"SSH-2.0-OpenSSH\r\n", 0.0)
    assert (session.state, "no Asterisk manager interface" in session.reason) == (State.REFUSED, True)
    session = fresh()
    session.receive(event("X"), 0.0)
    assert (session.state, "without the banner" in session.reason) == (State.REFUSED, True)


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_each_step_of_the_login_has_a_deadline(steps: int):
    session = fresh()
    if steps >= 1:
        session.receive(BANNER, 0.0)
    if steps == 2:
        (challenge,) = sent(session)
        session.receive(success(challenge, Challenge="1"), 0.0)
    for half in range(int(2 * STEP_SECONDS)):
        session.tick(half / 2)
    assert session.state not in {State.CLOSED, State.READY}
    session.tick(STEP_SECONDS)
    assert session.state is State.CLOSED
    assert "does not answer" in session.reason


def test_credentials_that_cannot_be_sent():
    session = Session(Credentials("cti", "a\r\nb", "plain"), "t", 0.0)
    session.receive(BANNER, 0.0)
    assert session.state is State.REFUSED
    assert session.reason == "the login cannot be sent: Secret: has a control character"
    assert session.take_output() == b""


def test_the_table_is_whole():
    ends = {State.REFUSED, State.CLOSED}
    for state in set(State) - ends:
        assert TABLE[state, Input.LOST][0] is State.CLOSED
        assert TABLE[state, Input.SILENCE][0] is State.CLOSED
    assert not any(state in ends for state, _ in TABLE)
    assert {after for after, _ in TABLE.values()} == set(State) - {State.AWAITING_BANNER}


def test_answers_find_their_questions():
    session = ready()
    first = session.send(actions.core_status(), 1.0, 5.0)
    second = session.send(actions.getvar("X"), 1.0, 5.0)
    assert first != second
    asked = {m.get("Action"): m for m in sent(session)}
    session.receive(error(asked["Getvar"], "No such channel") + success(asked["CoreStatus"], CoreCurrentCalls="3"), 1.1)
    results = dict(session.take_outcomes())
    assert isinstance(results[second], ActionFailed)
    assert str(results[second]) == "No such channel"
    reply = results[first]
    assert isinstance(reply, Reply)
    assert (reply.response.get("CoreCurrentCalls"), reply.items) == ("3", [])


def test_before_login_nothing_is_sent():
    session = fresh()
    with pytest.raises(LinkDown):
        session.send(actions.core_status(), 0.0, 1.0)
    assert session.take_output() == b""


def test_a_list_keeps_its_place_among_the_events():
    session = ready()
    session.send(actions.core_show_channels(), 1.0, 5.0)
    (asked,) = sent(session)
    stream = listing(
        asked,
        [("CoreShowChannel", {"Uniqueid": "1"}), ("CoreShowChannel", {"Uniqueid": "2"})],
        "CoreShowChannelsComplete",
    )
    at = stream.index(b"Event: CoreShowChannel\r\n", 120)
    stream = event("Hangup", Uniqueid="0") + stream[:at] + event("Newchannel", Uniqueid="3") + stream[at:]
    messages = session.receive(stream, 1.1)
    names = ["Hangup", "Success", "CoreShowChannel", "Newchannel", "CoreShowChannel", "CoreShowChannelsComplete"]
    assert [m.name for m in messages] == names
    reply = outcome(session)
    assert isinstance(reply, Reply)
    assert [item.get("Uniqueid") for item in reply.items] == ["1", "2"]


def test_lists_of_old_versions_without_marks():
    session = ready()
    session.send(actions.queue_status(), 1.0, 5.0)
    (asked,) = sent(session)
    tag = {"ActionID": asked.action_id}
    session.receive(success(asked, Message="Queue status will follow") + event("QueueParams", Queue="a", **tag), 1.1)
    assert session.take_outcomes() == []
    session.receive(event("QueueStatusComplete", **tag), 1.2)
    reply = outcome(session)
    assert isinstance(reply, Reply)
    assert [item.name for item in reply.items] == ["QueueParams"]


def test_a_list_nobody_foresaw():
    session = ready()
    session.send(actions.Action("BrandNewList"), 1.0, 5.0)
    (asked,) = sent(session)
    session.receive(listing(asked, [("Thing", {})], "BrandNewListComplete"), 1.1)
    reply = outcome(session)
    assert isinstance(reply, Reply)
    assert len(reply.items) == 1


def test_a_list_broken_off():
    session = ready()
    session.send(actions.core_show_channels(), 1.0, 5.0)
    (asked,) = sent(session)
    tag = ("ActionID", asked.action_id)
    session.receive(
        success(asked, EventList="start")
        + block(("Event", "CoreShowChannelsComplete"), ("EventList", "Cancelled"), tag),
        1.1,
    )
    assert isinstance(outcome(session), ActionFailed)


def test_an_empty_list_that_is_an_error():
    session = ready()
    session.send(actions.pjsip_show_endpoints(), 1.0, 5.0)
    (asked,) = sent(session)
    session.receive(error(asked, "No endpoints found"), 1.1)
    assert str(outcome(session)) == "No endpoints found"


def test_command_output():
    session = ready()
    session.send(actions.command("core show uptime"), 1.0, 5.0)
    (asked,) = sent(session)
    session.receive(success(asked, Message="Command output follows", Output="System uptime: 1 s"), 1.1)
    reply = outcome(session)
    assert isinstance(reply, Reply)
    assert reply.response.output == ["System uptime: 1 s"]


def test_n6_unknown_and_repeated_responses():
    session = ready()
    session.send(actions.core_status(), 1.0, 5.0)
    (asked,) = sent(session)
    stranger = Message.of([("ActionID", "99")])
    messages = session.receive(
        success(stranger) + success(asked) + success(asked) + block(("Response", "Success")), 1.1
    )
    assert len(messages) == 4
    assert isinstance(outcome(session), Reply)
    assert session.unknown_responses == 3
    session.receive(success(asked), 1.2)
    assert session.unknown_responses == 4


def test_events_with_foreign_action_ids_are_events():
    session = ready()
    messages = session.receive(event("OriginateResponse", ActionID="other-1", Response="Success"), 1.0)
    assert [m.name for m in messages] == ["OriginateResponse"]
    assert session.unknown_responses == 0


def test_each_action_has_a_deadline_and_late_answers_are_dropped():
    session = ready()
    for second in range(3):
        session.tick(float(second))
    session.send(actions.core_status(), 2.0, 1.5)
    (asked,) = sent(session)
    session.tick(3.0)
    assert session.take_outcomes() == []
    session.tick(3.5)
    assert isinstance(outcome(session), ActionTimedOut)
    session.receive(success(asked), 3.6)
    assert session.take_outcomes() == []
    assert session.unknown_responses == 1


def test_a_long_list_has_its_deadline_since_the_last_item():
    session = ready()
    session.send(actions.core_show_channels(), 0.0, 2.0)
    (asked,) = sent(session)
    session.receive(success(asked, EventList="start"), 1.5)
    for second in range(2, 10):
        session.receive(event("CoreShowChannel", ActionID=asked.action_id), float(second))
        session.tick(second + 0.5)
    assert session.take_outcomes() == []
    session.tick(11.5)
    assert isinstance(outcome(session), ActionTimedOut)


def test_the_caller_may_choose_the_action_id():
    session = ready()
    assert session.send(actions.core_status(), 0.0, 1.0, "mine-1") == "mine-1"
    assert sent(session)[0].action_id == "mine-1"
    with pytest.raises(ValueError, match="in use"):
        session.send(actions.core_status(), 0.0, 1.0, "mine-1")


def test_f2_silence_is_found():
    session = ready()
    at = 0.0
    pings = []
    while session.state is State.READY:
        at += 0.5
        session.tick(at)
        pings += [(at, m.get("Action")) for m in sent(session)]
    assert pings == [(PING_AFTER, "Ping")]
    assert at == LOST_AFTER < 15
    assert "silent" in session.reason


def test_pings_keep_a_quiet_link():
    session = ready()
    count = 0
    for half in range(1, 240):
        session.tick(half / 2)
        for ping in sent(session):
            count += 1
            session.receive(success(ping, Ping="Pong"), half / 2)
    assert session.state is State.READY
    assert count == 23
    assert session.take_outcomes() == []


def test_events_alone_keep_a_link_without_pings():
    session = ready()
    for half in range(1, 100):
        session.receive(event("X"), half / 2)
        session.tick(half / 2)
    assert sent(session) == []


def test_f11_our_own_sleep_is_not_the_links_silence():
    session = ready()
    session.tick(1.0)
    session.send(actions.core_status(), 1.0, 5.0)
    (asked,) = sent(session)
    session.tick(31.0)
    assert session.state is State.READY
    assert session.take_outcomes() == []
    session.receive(success(asked), 31.1)
    assert isinstance(outcome(session), Reply)


def test_a_lost_link_ends_all_waiting():
    session = ready()
    session.send(actions.core_status(), 1.0, 5.0)
    session.send(actions.core_show_channels(), 1.0, 5.0)
    session.lost(2.0, "the connection broke")
    results = [result for _, result in session.take_outcomes()]
    assert [type(result) for result in results] == [LinkDown, LinkDown]
    assert str(results[0]) == "the connection broke"
    assert session.state is State.CLOSED
    with pytest.raises(LinkDown, match="the connection broke"):
        session.send(actions.core_status(), 2.0, 5.0)


def test_smuggled_blocks_answer_nothing():
    session = ready()
    session.send(actions.core_status(), 1.0, 5.0)
    (asked,) = sent(session)
    session.receive(block(("Foo", "x"), ("Response", "Success"), ("ActionID", asked.action_id)), 1.1)
    session.receive(event("Newchannel", CallerIDNum="1\r\nResponse: Success", ActionID=asked.action_id), 1.1)
    assert session.take_outcomes() == []
