"""Look into a trace: `python -m tests.pbx.show FILE.ami [--all]` prints one line per event that moves a call."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.pbx.ami import Block, parse

QUIET = {
    "DeviceStateChange",
    "ExtensionStatus",
    "Newstate",
    "NewCallerid",
    "NewConnectedLine",
    "NewExten",
    "MusicOnHoldStart",
    "MusicOnHoldStop",
    "QueueMemberStatus",
    "DialState",
    "BridgeVideoSourceUpdate",
    "LocalBridge",
    "VarSet",
    "Newexten",
    "RTCPSent",
    "RTCPReceived",
    "CEL",
    "TestEvent",
    "SuccessfulAuth",
    "ChallengeSent",
}
SHOWN = """Queue Interface Member Reason DialStatus Cause Result DestType TransfereeChannel Extension
    TransferTargetChannel SecondTransfererChannel OrigTransfererChannel HoldTime TalkTime RingTime Paused BridgeUniqueid
    BridgeNumChannels Conference ParkeeChannel ParkingSpace LocalOneChannel LocalTwoChannel TargetChannel CallerIDNum
    CallerIDName Response""".split()  # noqa: SIM905


def line(block: Block) -> str:
    """Time, event, channels, and what else is set."""
    channel = block.get("Channel", "").removeprefix("PJSIP/")
    other = block.get("DestChannel", "").removeprefix("PJSIP/")
    rest = " ".join(f"{key}={block[key]}" for key in SHOWN if block.get(key))
    name = block.get("Event") or f"[{block.get('Response', '?')}]"
    return f"{block.get('Timestamp', '')[6:]:11} {name:26} {channel:20} {'> ' + other if other else '':22} {rest}"


def main() -> None:
    """Print the trace."""
    parser = argparse.ArgumentParser(prog="python -m tests.pbx.show", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--all", action="store_true", help="also the noise")
    arguments = parser.parse_args()
    for path in arguments.files:
        print(f"== {path.name}")
        for raw in path.read_bytes().split(b"\r\n\r\n"):
            block = parse(raw)
            if block and (arguments.all or block.get("Event") not in QUIET):
                print(line(block))


if __name__ == "__main__":
    main()
