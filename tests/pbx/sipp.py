"""SIPp for load: many callers, agents' phones that answer by themselves.

For everything that must be driven step by step use `tests.pbx.phone`.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.pbx import bootstrap
from tests.pbx.asterisk import Pbx, free_port

AGENT = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="agent">
  <recv request="INVITE">
    <action><ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="cseq"/></action>
  </recv>
  <send><![CDATA[
SIP/2.0 180 Ringing
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPp[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Length: 0

]]></send>
  <recv request="CANCEL" next="cancelled" timeout="{ring_ms}" ontimeout="answer"/>
  <label id="answer"/>
  <send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPp[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Type: application/sdp
Content-Length: [len]

v=0
o=agent 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000

]]></send>
  <recv request="ACK"/>
  <recv request="BYE"/>
  <send next="end"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
  <label id="cancelled"/>
  <send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPp[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
  <send retrans="500"><![CDATA[
SIP/2.0 487 Request Terminated
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPp[call_number]
[last_Call-ID:]
CSeq:[$cseq]
Content-Length: 0

]]></send>
  <recv request="ACK"/>
  <label id="end"/>
</scenario>
"""

CALLER = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="caller">
  <send retrans="500"><![CDATA[
INVITE sip:[field2]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "[field1]" <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]
To: <sip:[field2]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:[field0]@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=caller 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000

]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="183" optional="true"/>
  <recv response="200" rrs="true"/>
  <send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "[field1]" <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
  <recv request="BYE" next="ended" timeout="{talk_ms}" ontimeout="leave"/>
  <label id="leave"/>
  <send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "[field1]" <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]
[last_To:]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
  <recv response="200" next="end"/>
  <label id="ended"/>
  <send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
  <label id="end"/>
</scenario>
"""


class Sipp:
    """One SIPp process; `await done()` when it has a number of calls to make, `stop()` always."""

    def __init__(self, folder: Path, name: str, *arguments: str) -> None:
        bootstrap.need(["sip-tester"])
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "sipp", "-nostdin", "-trace_err", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
            )

    async def done(self, within: float) -> int:
        """Wait for its end; 0 when every call went as the scenario says. Raises TimeoutError."""
        return await asyncio.wait_for(asyncio.to_thread(self.process.wait), within)

    async def stop(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.kill()
        await asyncio.to_thread(self.process.wait)


def agent(pbx: Pbx, desk: str, folder: Path, ring: float = 1.0) -> Sipp:
    """A desk phone that rings so many seconds and answers, for any number of calls, until the other side hangs up."""
    scenario = folder / f"agent-{desk}.xml"
    scenario.write_text(AGENT.format(ring_ms=int(ring * 1000)))
    where = ["-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(pbx.ports.desks[desk]), "-mp", str(free_port())]
    return Sipp(folder, f"agent-{desk}", "-sf", str(scenario), *where)


def callers(
    pbx: Pbx,
    people: Iterable[tuple[str, str, str]],
    folder: Path,
    *,
    count: int,
    rate: float,
    talk: float,
    port: int | None = None,
) -> Sipp:
    """`count` calls from outside, `rate` a second, by (number, display name, dialled) in turn.

    Each leaves `talk` seconds after the PBX answered it (a queue answers at once: waiting counts).
    """
    scenario, rows = folder / "caller.xml", folder / "caller.csv"
    scenario.write_text(CALLER.format(talk_ms=int(talk * 1000)))
    rows.write_text("SEQUENTIAL\n" + "".join(";".join(one) + ";\n" for one in people), encoding="utf-8")
    where = ["-i", "127.0.0.2", "-mi", "127.0.0.2", "-p", str(port or pbx.ports.pstn), "-mp", str(free_port())]
    load = ["-m", str(count), "-r", str(int(rate * 10)), "-rp", "10000", "-l", str(count)]
    return Sipp(folder, "caller", f"127.0.0.1:{pbx.ports.sip}", "-sf", str(scenario), "-inf", str(rows), *where, *load)
