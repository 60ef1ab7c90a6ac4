"""The older SIP driver (chan_sip, gone since Asterisk 21): what FreePBX sites of some years ago have.

Telephones 1201 to 1203 and a trunk of their own, in queue 602 as Local members.
"""

from __future__ import annotations

from tests.pbx.asterisk import Ports

DEVICES = ("1201", "1202", "1203")

SIP = """[general]
udpbindaddr = 127.0.0.1:{sip}
tcpenable = no
context = nowhere
allowguest = no
alwaysauthreject = yes
directmedia = no
callcounter = yes
disallow = all
allow = ulaw,alaw

[trunk]
type = peer
host = 127.0.0.2
port = {pstn}
insecure = port,invite
context = from-pstn
qualify = no
"""
DEVICE = """
[{name}]
type = friend
host = 127.0.0.1
port = {port}
insecure = port,invite
context = from-internal
dtmfmode = info
callerid = "{name}" <{name}>
qualify = no
"""
QUEUE = """
[602](usual)
strategy = linear
member => Local/1201@from-queue/n,0,Anna,SIP/1201
member => Local/1202@from-queue/n,0,Ben,SIP/1202
"""
DIALPLAN = """
[from-pstn]
exten => 812,1,Goto(ext-queues,602,1)

[from-queue-exten-internal]
exten => _12XX,1,Dial(SIP/${EXTEN},${RING_SECONDS},tT)
 same => n,Hangup(${HANGUPCAUSE})

[from-internal]
exten => _12XX,1,Dial(SIP/${EXTEN},${RING_SECONDS},tT)
 same => n,Hangup()
exten => _8.,1,Set(CALLERID(all)=Callweave <+862150001000>)
 same => n,Dial(SIP/trunk/${EXTEN:1},${OUT_RING_SECONDS},tT)
 same => n,Hangup()
"""


def extra(ports: Ports) -> dict[str, str]:
    """What is added to the sample configuration, by file."""
    devices = "".join(DEVICE.format(name=name, port=ports.old_desks[name]) for name in DEVICES)
    # Not by address alone: the telephones share one, and chan_sip tells them apart by their ports.
    return {
        "sip.conf": SIP.format(sip=ports.chan_sip, pstn=ports.pstn) + devices,
        "queues.conf": QUEUE,
        "extensions.conf": DIALPLAN,
    }
