"""What a real Asterisk answers and tells when members join, leave, and are paused in one queue; the simulator says the
same, word by word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import pytest

from cti_gateway.simulator.parts import Member, Queue
from cti_gateway.simulator.server import SECRET, USERNAME, Simulator, SimulatorServer
from tests.pbx import bootstrap
from tests.pbx.ami import Ami, AmiRefused
from tests.pbx.asterisk import Pbx
from tests.pbx.fixtures import need_asterisk

pytestmark = [pytest.mark.real("asterisk"), pytest.mark.timeout(120)]

FANG: Final = "PJSIP/1006"
"""A member of the queue ``night`` in queues.conf, and of no other."""
CHANGES: Final = ("QueueMemberAdded", "QueueMemberPause", "QueueMemberRemoved")
ACTIONS: Final[tuple[tuple[str, dict[str, str]], ...]] = (
    ("QueueAdd", {"Queue": "sales", "Interface": FANG, "Paused": "true", "Reason": "callweave:lunch"}),
    ("QueueAdd", {"Queue": "sales", "Interface": FANG, "Paused": "true"}),
    ("QueueAdd", {"Queue": "nothing", "Interface": FANG}),
    ("QueuePause", {"Queue": "sales", "Interface": FANG, "Paused": "true", "Reason": "callweave:training"}),
    ("QueuePause", {"Queue": "sales", "Interface": FANG, "Paused": "false"}),
    ("QueuePause", {"Interface": FANG, "Paused": "true", "Reason": "callweave:lunch"}),
    ("QueuePause", {"Queue": "sales", "Interface": FANG, "Paused": "true", "Reason": "callweave:training"}),
    ("QueuePause", {"Interface": FANG, "Paused": "false"}),
    ("QueuePause", {"Queue": "support", "Interface": FANG, "Paused": "true"}),
    ("QueuePause", {"Queue": "nothing", "Interface": FANG, "Paused": "true"}),
    ("QueueRemove", {"Queue": "sales", "Interface": FANG}),
    ("QueueRemove", {"Queue": "sales", "Interface": FANG}),
    ("QueueRemove", {"Queue": "night", "Interface": FANG}),
    ("QueueRemove", {"Queue": "nothing", "Interface": FANG}),
)
ABOUT: Final = ("Queue", "Paused", "PausedReason", "Membership")


async def play(ami: Ami) -> tuple[list[tuple[str, str, str]], dict[str, list[tuple[str, ...]]]]:
    """What each action is answered, and what is told of Fang's memberships, by queue, in order."""
    answers, since = [], len(ami.events)
    for action, given in ACTIONS:
        try:
            answer = await ami.action(action, (), **given)
            answers.append((action, answer["Response"], answer["Message"]))
        except AmiRefused as refused:
            answers.append((action, "Error", str(refused)))
    last = ("QueueMemberRemoved", "sales")
    await ami.wait(lambda b: (b.get("Event"), b.get("Queue")) == last and b["Interface"] == FANG, since=since)
    told: dict[str, list[tuple[str, ...]]] = {}
    for block in ami.events[since:]:
        if block.get("Interface") == FANG and block["Event"] in CHANGES:
            about = (block["Paused"], block["PausedReason"], block["Membership"])
            told.setdefault(block["Queue"], []).append((block["Event"], *about))
    return answers, told


@pytest.fixture
async def simulator() -> AsyncIterator[int]:
    queues = [Queue(name, exten, []) for name, exten in (("support", "800"), ("sales", "801"))]
    server = SimulatorServer(Simulator(queues=[*queues, Queue("night", "803", [Member(FANG, "Fang")])]))
    yield await server.start()
    await server.stop()


@pytest.mark.parametrize("release", ["sid", "bullseye"], ids=["22", "16"])
async def test_the_simulator_says_what_the_real_one_says(simulator: int, release: str) -> None:
    need_asterisk()
    try:
        pbx = Pbx(release=release)
    except bootstrap.Missing as missing:
        pytest.skip(str(missing))
    ours = await Ami.connect(simulator, USERNAME, SECRET)
    try:
        said = await play(ours)
    finally:
        await ours.close()
    async with pbx:
        real = await play(pbx.ami)
    assert said[0] == real[0]
    if release == "bullseye":  # Asterisk 16 takes a pause with QueueAdd, and not its reason
        event, paused, _, membership = said[1]["sales"][0]
        said[1]["sales"][0] = (event, paused, "", membership)
    assert said[1] == real[1]
