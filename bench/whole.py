"""Everything between the socket of the PBX and the sockets of the consoles, in one process and without sockets."""

from __future__ import annotations

import time
from typing import Final

from agent_console.consoles import AGENTS, Console, Consoles
from bench.codec import BANNER
from bench.site import PBX, Site, device
from cti_gateway.ami.actions import Action
from cti_gateway.ami.codec import Codec, Message
from cti_gateway.ami.session import Reply
from cti_gateway.calls import PbxProfile
from cti_gateway.hub import Hub
from cti_gateway.pbx import Pbx
from cti_gateway.service import LinkState
from interaction_log import events as e
from interaction_log.records import User
from interaction_log.store import EventLog, Store
from interaction_log.web.emit import Sent
from routing.distributor import Distributor, Settings

PROFILE: Final = PbxProfile(name=PBX, devices=("PJSIP/10??", "PJSIP/11??"), trunks=("PJSIP/pstn",), outbound_prefix="9")
"""The laboratory in which the recordings were made."""


class Packets:
    """Stands where engine.io's queues are: takes encoded messages and counts them."""

    def __init__(self) -> None:
        self.count = 0
        self.bytes = 0

    def send(self, sid: str, eio_sid: str, namespace: str, name: str, payload: str, replay: bool = False) -> Sent:
        """See ``interaction_log.web.emit.Emitter``."""
        packet = f'2{namespace},["{name}",{payload}]'
        self.count += 1
        self.bytes += len(packet)
        return Sent.QUEUED


class QuietLink:
    """A link on which every action succeeds at once."""

    name = PBX
    state = LinkState(PBX, "events", "up", "", 0.0)

    def start(self) -> None:
        """Nothing to connect."""

    async def stop(self) -> None:
        """Nothing to close."""

    async def ask(self, action: Action, timeout: float = 5.0, *, action_id: str | None = None) -> Reply:  # noqa: ASYNC109
        """Done."""
        return Reply("", Message(b"Response: Success"))

    async def ask_in_order(self, action: Action, timeout: float = 5.0) -> Reply:  # noqa: ASYNC109
        """Done."""
        return Reply("", Message(b"Response: Success"))


class Whole:
    """Codec, tracker, members, hub, log, look-ups, consoles, as the program puts them together."""

    def __init__(self, log: EventLog, store: Store, hub: Hub, pbx: Pbx, packets: Packets) -> None:
        self.log, self.store, self.hub, self.pbx, self.packets = log, store, hub, pbx, packets
        self.codec = Codec()
        self.codec.feed(BANNER)

    @classmethod
    async def open(cls, site: Site, profile: PbxProfile, agents: int) -> Whole:
        """Open the stores, sign the agents in."""
        store = Store.open(site.url, default_region="CN")
        log = EventLog.open(site.url, site.folder / "journal", on_state=lambda state: None)
        hub = Hub(Distributor(Settings()), log, store.customers, store.users, store.catalogue)
        hub.find_at_once = store.customers.find_at_once
        await store.customers.rehearse()
        packets, consoles = Packets(), Consoles(log.next_seq)
        consoles.attach(packets, lambda console, why: None)
        hub.attach(consoles)
        await hub.load()
        pbx = Pbx(profile, hub.take, hub.spawn)
        pbx.attach(QuietLink())
        hub.add(pbx)
        whole = cls(log, store, hub, pbx, packets)
        for number in range(1, agents + 1):
            whole._sign_in(consoles, f"agent{number}", device(number))
        return whole

    def _sign_in(self, consoles: Consoles, name: str, phone: str) -> None:
        user = User(name=name, display_name=name, role="agent", devices=[phone])
        self.hub.people[name] = user
        consoles.join(Console(name, name, AGENTS, user, ""), None, lambda: self.hub.snapshot(name))
        now = time.time()
        signed = e.AgentSignedIn(at=now, agent=name, name=name, devices=[phone])
        self.hub.take([signed, e.StateChosen(at=now, agent=name, state="READY")])

    def feed(self, data: bytes) -> None:
        """Bytes came from the PBX. What changed is shown at once: at the pace of this stream the moment in which a hub
        gathers it would be many calls long, and most of what people see would be left out."""
        messages = self.codec.feed(data)
        if messages:
            self.pbx.on_messages(messages, time.time())
            self.hub.showing.changes()

    @property
    def messages(self) -> int:
        """How many messages came, noise included."""
        return self.codec.messages + self.codec.noise_dropped

    async def durable(self) -> None:
        """Wait for the look-ups and until everything is on disk, projections too."""
        await self.hub.drain(5)
        await self.log.durable(self.hub.last_seq)
        await self.log.shown()

    def counts(self) -> dict[str, float]:
        """What came of it."""
        return {
            "logged": self.log.counters.rows_written,
            "batches": self.log.counters.batches,
            "interactions": len(self.pbx.tracker.interactions),
            "packets": self.packets.count,
            "failed": self.hub.counts["events_failed"],
        }

    async def close(self) -> None:
        """Close the stores."""
        self.log.close()
        self.store.close()
