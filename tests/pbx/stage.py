"""The stage on which a scenario is played: a PBX, its telephones, the recorders; and the words of an expectation."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.pbx.ami import Block
from tests.pbx.asterisk import DESKS, Pbx
from tests.pbx.phone import Call, Phone
from tests.pbx.record import Recorder

CHANNEL_SECONDS = 5.0

Expected = dict[str, Any]
# The value of a field of which nothing is promised; it is left out of the file.
UNPROMISED = ...
USERS = {"": "callweave", ".full": "lab", ".least": "bare"}


class Stage:
    """A running PBX with all desk phones, and a telephone that stands for everybody outside."""

    def __init__(self, pbx: Pbx, folder: Path, name: str, kinds: Iterable[str] = ("",)) -> None:
        self.pbx, self.folder, self.name, self.kinds = pbx, folder, name, tuple(kinds)
        sip = pbx.ports.sip
        self.olds = {desk: Phone(desk, port, pbx.ports.chan_sip) for desk, port in pbx.ports.old_desks.items()}
        for phone in self.olds.values():
            phone.technology = "SIP"
        self.desks = {desk: Phone(desk, port, sip) for desk, port in pbx.ports.desks.items()}
        trunk = pbx.ports.chan_sip if "sip.conf" in pbx.extra else sip
        self.outside = Phone("pstn", pbx.ports.pstn, trunk, host="127.0.0.2")
        self.recorders: list[Recorder] = []
        self.files: list[str] = []
        self.segment = 0

    async def open(self) -> None:
        """Bind all telephones."""
        for phone in self.phones:
            await phone.open()

    async def close(self) -> None:
        """Close recorders and telephones."""
        await self.stop_recording()
        for phone in self.phones:
            await phone.close()

    @property
    def phones(self) -> list[Phone]:
        """All telephones."""
        old = self.olds.values() if "sip.conf" in self.pbx.extra else ()
        return [*self.desks.values(), *old, self.outside]

    def old(self, user: str) -> Phone:
        """A telephone of the older SIP driver."""
        return self.olds[user]

    def __getattr__(self, name: str) -> Phone:
        names = dict(
            zip(("anna", "ben", "chen", "dora", "emil", "fang", "gustav", "hua", "ines", "jan"), DESKS, strict=True)
        )
        if name not in names:
            raise AttributeError(name)
        return self.desks[names[name]]

    # ---- Recording -----------------------------------------------------------------------------------
    async def record(self, *, segments: bool = False, snapshot: bool = False) -> None:
        """Begin to record (a further segment when `segments`)."""
        self.segment += 1
        number = f".{self.segment}" if segments else ""
        for kind in self.kinds:
            path = self.folder / f"{self.name}{number}{kind}.ami"
            recorder = await Recorder.start(path, self.pbx.ports.ami, USERS[kind], self.pbx.secret)
            self.recorders.append(recorder)
            self.files.append(path.name)
            if snapshot:
                await recorder.snapshot()

    async def stop_recording(self) -> None:
        """Write the files of this segment."""
        for recorder in self.recorders:
            await recorder.stop()
        self.recorders = []

    # ---- Playing -------------------------------------------------------------------------------------
    def customer(self, number: str = "13800138000", dialled: str = "800", name: str = "", **more: Any) -> Call:
        """Somebody outside calls us."""
        return self.outside.call(dialled, as_user=number, name=name, **more)

    async def nobody_free(self, *desks: str) -> None:
        """Pause these members in all their queues."""
        for desk in desks:
            await self.pbx.pause(f"PJSIP/{desk}")

    async def channel(self, call: Call) -> str:
        """The name of the PBX's channel of this call (by the telephone, for the outside by the number)."""
        deadline = time.monotonic() + CHANNEL_SECONDS
        while len(found := await self._channels(call)) != 1:  # one of before may still be on its way out
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(found)} channels of {call.phone.user} {call.number}")
            await asyncio.sleep(0.05)
        return found[0]["Channel"]

    async def _channels(self, call: Call) -> list[Block]:
        start = f"{device(call)}-"
        found = [one for one in await self.pbx.channels() if one["Channel"].startswith(start)]
        if call.phone is self.outside:
            found = [one for one in found if call.number in (one["CallerIDNum"], one["ConnectedLineNum"])]
        return found

    async def together(self, *devices: str) -> None:
        """Wait until the PBX has channels of these telephones in one bridge, each as often as it is named."""
        async with asyncio.timeout(10):
            while True:
                bridges: dict[str, Counter[str]] = defaultdict(Counter)
                for one in await self.pbx.channels():
                    bridges[one["BridgeId"]][one["Channel"].rpartition("-")[0]] += 1
                if any(bridge and found >= Counter(devices) for bridge, found in bridges.items()):
                    return
                await asyncio.sleep(0.05)

    async def originate(self, agent: str, number: str, seconds: float = 8, channel: str = "") -> None:
        """Click-to-call, as CTI clients do it: first the agent's telephone, then the customer."""
        await self.pbx.ami.action(
            "Originate",
            (),
            Channel=channel or f"PJSIP/{agent}",
            Context="from-internal",
            Exten=f"9{number}",
            Priority=1,
            CallerID=number,
            Timeout=int(seconds * 1000),
            Async="true",
        )

    @staticmethod
    async def talk(seconds: float) -> None:
        """Let so much time go by in which people talk, wait or ring."""
        await asyncio.sleep(seconds)


# ---- Words for expectations -----------------------------------------------------------------------------
def device(call: Call) -> str:
    """The agent's device as the PBX calls it."""
    return f"{call.phone.technology}/{call.phone.user}"


def offer(call: Call, result: str) -> Expected:
    """One ringing of one agent, by the agent's own clock."""
    return {"agent": device(call), "at": call.rang_at, "result": result, "ring_seconds": call.ring_seconds}


def segment(call: Call, start: float | None = None, end: float | None = None) -> Expected:
    """The time in which this agent had the customer (default: from lifting to the end of the agent's call)."""
    return {"agent": device(call), "from": start or call.answered_at, "to": end or call.ended_at}


def hold(call: Call) -> list[Expected]:
    """The holds of this call by its telephone."""
    return [
        {"by": device(call), "seconds": (one[1] if len(one) > 1 else call.ended_at or 0) - one[0]} for one in call.holds
    ]


def hold_until_moved(call: Call) -> list[Expected]:
    """A hold that the transfer ended."""
    return [{"by": device(call), "seconds": (call.referred_at or 0.0) - call.holds[-1][0]}]


def transfer(kind: str, start: Call | str, to: str, completed: bool) -> Expected:
    """A transfer; `to` is PJSIP/…, queue:… or exten:…."""
    return {"kind": kind, "from": start if isinstance(start, str) else device(start), "to": to, "completed": completed}


def segments_moved(first: Call, then: Call) -> list[Expected]:
    """Two agents one after the other, where the first gave the customer away by REFER."""
    end = first.referred_at or first.ended_at or 0.0
    return [segment(first, end=end), segment(then, start=max(end, then.answered_at or end))]


def e164(number: str) -> str:
    """A Chinese number as the customer's address."""
    return f"+86{number.removeprefix('0')}" if number.isdigit() and len(number) >= 7 else number


def inbound(call: Call, outcome: str, *, queues: Iterable[str] = ("support",), **more: Any) -> Expected:
    """What a call from outside must become. Times are the telephones' own; `more` overrides anything."""
    segments: list[Expected] = more.get("segments", [])
    holds: list[Expected] = more.get("holds", [])
    answered = min((one["from"] for one in segments), default=None)
    ended = call.ended_at or time.time()
    names = list(queues)
    return {
        "channel": "voice",
        "direction": "inbound",
        "customer_number": call.number,
        "customer_address": e164(call.number),
        "dialled": call.dialled,
        "queue": names[0] if names else None,
        "queues": names,
        "outcome": outcome,
        "started_at": call.started_at,
        "answered_at": answered,
        "ended_at": ended,
        "ended_by": {"us": "customer", "them": "agent"}.get(call.ended_by or ""),
        "wait_seconds": (answered or ended) - call.started_at,
        "talk_seconds": sum(one["to"] - one["from"] for one in segments),
        "hold_seconds": sum(one["seconds"] for one in holds),
        "offers": [],
        "segments": segments,
        "transfers": [],
        "holds": holds,
        "conference": False,
        "parked": False,
        **more,
    }


def outbound(agent: Call | None, customer: Call | None, number: str, outcome: str, **more: Any) -> Expected:
    """What a call to the outside must become; `agent` or `customer` is None when that telephone saw nothing."""
    first = agent or customer
    answered = customer.answered_at if customer and outcome == "answered" else None
    ended = (customer and customer.ended_at) or (agent and agent.ended_at)
    result: Expected = {
        "channel": "voice",
        "direction": "outbound",
        "customer_number": number,
        "customer_address": e164(number),
        "queue": None,
        "queues": [],
        "outcome": outcome,
        "answered_at": answered,
        "wait_seconds": None,
        "hold_seconds": 0.0,
        "offers": [],
        "segments": [],
        "transfers": [],
        "holds": [],
        "conference": False,
        "parked": False,
    }
    if first:
        result |= {"started_at": first.started_at, "ended_at": ended}
    if agent and customer and answered:
        result["segments"] = [{"agent": device(agent), "from": answered, "to": ended}]
        result["ended_by"] = "customer" if customer.ended_by == "us" else "agent"
    result |= more
    result["talk_seconds"] = sum(one["to"] - one["from"] for one in result["segments"])
    return result
