"""A load of SIPp telephones: callers with different patience, agents of whom half hang up by themselves."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.pbx import sipp
from tests.pbx.asterisk import DESKS, Pbx, free_port

QUEUE: Final = "bench"
EXTENSION: Final = "850"
AFTERWARDS: Final = "851"
"""Where some calls are sent on: a voice that ends by itself."""

_QUEUES: Final = f"""
[{QUEUE}](usual)
strategy = rrmemory
timeout = 10
retry = 0
""" + "".join(f"member => PJSIP/{desk},0\n" for desk in DESKS)

_EXTENSIONS: Final = f"""
[from-pstn](+)
exten => {EXTENSION},1,Answer()
 same => n,Queue({QUEUE},tT)
 same => n,Hangup()
exten => {AFTERWARDS},1,Answer()
 same => n,Wait(1)
 same => n,Hangup()

[from-internal](+)
exten => {AFTERWARDS},1,Goto(from-pstn,{AFTERWARDS},1)
"""

# Sent by the agent: his side of the dialogue is the To of what he received.
_AGENT_LEAVES: Final = """  <recv request="ACK">
    <action>
      <ereg regexp=".*" search_in="hdr" header="To:" assign_to="mine"/>
      <ereg regexp=".*" search_in="hdr" header="From:" assign_to="theirs"/>
    </action>
  </recv>
  <recv request="BYE" next="ended" timeout="{talk_ms}" ontimeout="leave"/>
  <label id="leave"/>
  <send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From:[$mine]
To:[$theirs]
[last_Call-ID:]
CSeq: 1 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
  <recv request="BYE" optional="true" next="ended"/>
  <recv response="200" next="end"/>
  <label id="ended"/>
"""
_AGENT_STAYS: Final = """  <recv request="ACK"/>
  <recv request="BYE"/>
"""


class LoadPbx(Pbx):
    """The laboratory with one more queue, which all ten desk phones serve."""

    def configure(self) -> None:
        """Write the configuration."""
        super().configure()
        for name, more in (("queues.conf", _QUEUES), ("extensions.conf", _EXTENSIONS)):
            path = self.folder / name
            path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")


@dataclass(frozen=True)
class Callers:
    """A group of callers who leave so many seconds after the queue took the call, waiting included."""

    patience_seconds: float
    share: int


GROUPS: Final = (Callers(1.6, 1), Callers(3.2, 1), Callers(5.0, 1), Callers(7.3, 1), Callers(11.0, 1))
"""Equal shares: the first two groups mostly leave while they wait."""


def agents(pbx: Pbx, folder: Path, ring: float = 0.3, talk: float = 2.4) -> list[sipp.Sipp]:
    """All ten desk phones; every other one hangs up after `talk` seconds (longer for each next)."""
    return [
        _leaving(pbx, desk, folder, ring, talk + 0.2 * number)
        if number % 2
        else sipp.agent(pbx, desk, folder, ring=ring)
        for number, desk in enumerate(DESKS)
    ]


def _leaving(pbx: Pbx, desk: str, folder: Path, ring: float, talk: float) -> sipp.Sipp:
    text = sipp.AGENT.format(ring_ms=int(ring * 1000))
    if _AGENT_STAYS not in text:
        raise RuntimeError("the agents' scenario has changed: this one is made of it")
    text = text.replace('<recv request="INVITE">', '<recv request="INVITE" rrs="true">')
    scenario = folder / f"agent-{desk}.xml"
    scenario.write_text(text.replace(_AGENT_STAYS, _AGENT_LEAVES.format(talk_ms=int(talk * 1000))))
    where = ["-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(pbx.ports.desks[desk]), "-mp", str(free_port())]
    return sipp.Sipp(folder, f"agent-{desk}", "-sf", str(scenario), *where)


def callers(pbx: Pbx, folder: Path, count: int, rate: float, groups: Sequence[Callers] = GROUPS) -> list[sipp.Sipp]:
    """`count` calls, `rate` a second, all groups at the same time. Numbers are distinct."""
    shares = sum(group.share for group in groups)
    started = []
    for number, group in enumerate(groups):
        place = folder / f"callers-{number}"
        place.mkdir()
        calls = count * group.share // shares
        people = [(f"139{number}{at:07d}", f"Caller {number} {at}", EXTENSION) for at in range(calls)]
        # SIPp has a port of its own in each process; the PBX knows the trunk by its address, not by its port.
        port = pbx.ports.pstn if not number else free_port_udp()
        started.append(
            sipp.callers(
                pbx,
                people,
                place,
                count=calls,
                rate=rate * group.share / shares,
                talk=group.patience_seconds,
                port=port,
            )
        )
    return started


def free_port_udp() -> int:
    """A free UDP port of the outside's address."""
    return free_port(socket.SOCK_DGRAM, "127.0.0.2")
