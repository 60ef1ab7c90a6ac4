"""The demo's callers: they come when somebody is ready, and one agent suffices."""

from __future__ import annotations

import random

from cti_gateway.ami.codec import Codec, Message
from cti_gateway.simulator.clock import VirtualClock
from cti_gateway.simulator.server import SECRET, USERNAME, Simulator
from cti_gateway.simulator.traffic import DemoTraffic


class Demo:
    """The demo on virtual time, with a gateway that only keeps what it hears."""

    def __init__(self, seed: int = 1) -> None:
        self.clock = VirtualClock()
        self.simulator = Simulator(clock=self.clock, rng=random.Random(seed))
        self.traffic = DemoTraffic(self.simulator, [("13800138000", "Li Lei"), ("13911112222", "Han")])
        self.traffic.start()
        self.codec = Codec()
        self.events: list[Message] = []
        self.gateway = self.simulator.converse(self.hear)

    def hear(self, data: bytes) -> None:
        self.events += [one for one in self.codec.feed(data) if one.kind == "event"]

    def act(self, *lines: str) -> None:
        self.gateway.receive(("\r\n".join(lines) + "\r\n\r\n").encode())

    def log_in(self, *, pause: bool = True) -> None:
        self.act("Action: Login", f"Username: {USERNAME}", f"Secret: {SECRET}")
        if pause:
            for line in ("1001", "1002"):
                self.pause(line, "callweave:logged_out")

    def pause(self, line: str, reason: str) -> None:
        self.act("Action: QueuePause", f"Interface: PJSIP/{line}", "Paused: true", f"Reason: {reason}")

    def release(self, line: str) -> None:
        self.act("Action: QueuePause", f"Interface: PJSIP/{line}", "Paused: false")

    def talk(self, line: str) -> None:
        self.act("Action: PJSIPNotify", f"Endpoint: {line}", "Variable: Event=talk")

    def seen(self, name: str) -> list[Message]:
        return [one for one in self.events if one.name == name]


def test_nobody_calls_before_the_gateway_is_there() -> None:
    demo = Demo()
    demo.clock.run(60)
    demo.log_in()
    demo.clock.run(60)
    assert not demo.seen("Newchannel")


def test_the_first_call_rings_within_ten_seconds_of_ready_and_is_the_first_caller() -> None:
    for seed in range(20):
        demo = Demo(seed)
        demo.log_in()
        demo.clock.run(5)
        demo.release("1001")
        demo.clock.run(10)
        called = demo.seen("AgentCalled")
        assert called
        assert called[0].get("CallerIDNum") == "13800138000"
        assert called[0].get("Interface") == "PJSIP/1001"


def test_one_agent_takes_call_after_call_and_a_pause_is_honoured() -> None:
    demo = Demo(7)
    demo.log_in()
    demo.release("1001")
    for _ in range(12):
        connected = len(demo.seen("AgentConnect"))
        for _ in range(200):
            demo.clock.run(1)
            if demo.simulator.pbx.ringing_at("PJSIP/1001"):
                demo.talk("1001")
                demo.clock.run(0.1)
                break
        assert len(demo.seen("AgentConnect")) == connected + 1
        demo.pause("1001", "callweave:wrapup")
        demo.clock.run(200)
        assert demo.simulator.pbx.talking_at("PJSIP/1001") is None
        assert len(demo.seen("AgentConnect")) == connected + 1
        demo.release("1001")
    reasons = {one.get("Reason") for one in demo.seen("AgentComplete")}
    assert "caller" in reasons


def test_click_to_call_reaches_customers() -> None:
    demo = Demo(3)
    demo.log_in()
    ended: set[str] = set()
    for number in range(20):
        demo.act(
            *("Action: Originate", f"ActionID: o{number}", "Channel: PJSIP/1001", "Context: from-internal"),
            *("Exten: 913800138000", "Priority: 1", "CallerID: 13800138000", "Async: true"),
        )
        demo.clock.run(120)  # the agent's telephone lifts by itself
        ended |= {one.get("DialStatus") for one in demo.seen("DialEnd")}
        assert not demo.simulator.pbx.channels
    assert {"ANSWER", "BUSY", "NOANSWER"} <= ended


def test_wrong_secret_and_no_login_are_refused() -> None:
    demo = Demo()
    said: list[bytes] = []
    stranger = demo.simulator.converse(said.append)
    stranger.receive(b"Action: CoreShowChannels\r\n\r\n")
    assert b"Permission denied" in said[-1]
    stranger.receive(b"Action: Login\r\nUsername: callweave\r\nSecret: wrong\r\n\r\n")
    assert b"Authentication failed" in said[-1]
    assert stranger.closed
