"""A process of its own that distributes chats on a stored log until it is killed: for tests of our own death.

``python -m tests.fakes.dispatch_child URL JOURNAL [WRAP_UP]``: each line on standard input is a command, answered by a
line with what is so now, after all of it is on disk.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from agent_console import wire
from cti_gateway.hub import Hub
from interaction_log import events as e
from interaction_log.records import QueueSettings
from interaction_log.store import EventLog
from routing.capacity import Capacity, WrapUpHolds
from routing.distributor import Distributor, Settings
from tests.fakes.exchange import Catalogue, Customers, Screens, Users


def made(log: Any, wrap_up: WrapUpHolds = "everything") -> Hub:
    """A hub on this log, without any PBX."""
    stores: Any = (log, Customers(), Users(), Catalogue())
    hub = Hub(Distributor(Settings(capacity=Capacity(wrap_up=wrap_up))), *stores)
    hub.dispatch.configure((), {})
    hub.attach(Screens())
    return hub


async def load(hub: Hub) -> None:
    """What is known of people, and a queue that no PBX has."""
    await hub.load()
    hub.distributor.settings.queues["", "web"] = QueueSettings(name="web", pbx="", label="Web", wrap_up_seconds=30)


def state(hub: Hub) -> dict[str, Any]:
    """Who has which chat, who waits in which order, and what agents have to wrap up."""
    engine, agents = hub.dispatch.engine, hub.distributor.agents
    return {
        "wrap_ups": {name: [a.wrapping, *a.to_wrap] for name, a in agents.items() if a.wrapping or a.to_wrap},
        "held": {contact: agent for contact, (_, agent) in sorted(engine.held.items())},
        "line": [one.contact.id for one in sorted(engine.lines, key=lambda one: one.place)],
    }


async def do(hub: Hub, words: list[str]) -> None:
    """``sign_in NAME``, ``chat ID``, ``answer ID NAME``, ``end ID``."""
    now, verb = hub.wall(), words[0]
    if verb == "sign_in":
        hub.presence(words[1], 1)
        hub.submit(words[1], "set_state", wire.SetState(id=f"s{now}", state="READY"))
    elif verb == "chat":
        started = e.InteractionStarted(
            at=now, interaction_id=words[1], pbx="", channel="chat", direction="inbound", customer_address=None,
            customer_name=None, dialled=None, unique_id="", linked_id="",
        )  # fmt: skip
        hub.take([started, e.QueueEntered(at=now, interaction_id=words[1], queue="web")])
    elif verb == "answer":
        said = hub.submit(words[2], "answer", wire.Answer(id=f"a{now}", interaction_id=words[1]))
        assert (said if isinstance(said, dict) else await said)["ok"]
    else:
        hub.take([e.InteractionEnded(at=now, interaction_id=words[1], outcome="answered", ended_by="customer")])


async def main(url: str, journal: str, wrap_up: Any = "everything") -> None:
    """Until the end of standard input, or of us."""
    log = await asyncio.to_thread(EventLog.open, url, Path(journal), on_state=lambda _: None, journal_bytes=1_000_000)
    hub = made(log, wrap_up)
    await load(hub)
    while line := await asyncio.to_thread(sys.stdin.readline):
        await do(hub, line.split())
        await log.durable(hub.last_seq)
        print(json.dumps(state(hub)), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
