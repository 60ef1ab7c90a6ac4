"""`python -m tests.pbx`: a real Asterisk on loopback with telephones that answer, to try Callweave against."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import signal
import socket
import sys
from pathlib import Path

from tests.pbx import bootstrap
from tests.pbx.asterisk import BROWSERS, Pbx, Ports, Timing, is_free
from tests.pbx.phone import Call, Phone
from tests.pbx.stage import Stage

NUMBERS = ("13800138000", "02150888888", "13911112222", "+14155550123", "anonymous")
# As a site would have them; tests use shorter ones.
TIMING = Timing(queue_ring=15, ring=20, give_up=60, parking=45, out_ring=60)
DEFAULTS = {"ami": 5038, "http": 8088, "sip": 5060}


def ports() -> Ports:
    """The usual ports where they are free, others elsewhere."""
    kinds = {"sip": socket.SOCK_DGRAM}
    wanted = {name: port for name, port in DEFAULTS.items() if is_free(port, kinds.get(name, socket.SOCK_STREAM))}
    return Ports(**wanted)


def how_to_attach(pbx: Pbx) -> str:
    """What a person must know, with the TOML for Callweave."""
    return f"""Asterisk {bootstrap.version(pbx.root)} is running on 127.0.0.1.

  AMI       127.0.0.1:{pbx.ports.ami}   user callweave, secret {pbx.secret}
  SIP       127.0.0.1:{pbx.ports.sip} (UDP)   agents' telephones 1001 to 1010
  browser   ws://127.0.0.1:{pbx.ports.http}/ws   users {BROWSERS[0]} to {BROWSERS[-1]}, password {pbx.secret}
  queues    800 support (1001 1002), 801 sales (1003 1004), 802 vip, 803 night, 806 and 807 the FreePBX shape

[[pbx]]
name = "lab"
host = "127.0.0.1"
port = {pbx.ports.ami}
username = "callweave"
secret = "{pbx.secret}"
devices = ["PJSIP/10??", "PJSIP/11??"]
trunks = ["PJSIP/pstn"]
outbound_prefix = "9"

Ctrl-C stops it and leaves nothing."""


def write_info(pbx: Pbx, path: Path) -> None:
    """The same for programs."""
    info = {"host": "127.0.0.1", "ami": pbx.ports.ami, "http": pbx.ports.http, "sip": pbx.ports.sip}
    more = {"username": "callweave", "secret": pbx.secret, "pid": pbx.process.pid if pbx.process else None}
    path.touch(mode=0o600)
    path.write_text(json.dumps(info | more) + "\n")


async def answer(call: Call, after: float) -> None:
    """A telephone that lifts by itself and stays until the other side hangs up."""
    with contextlib.suppress(RuntimeError):
        await call.answer(after)


async def call_now_and_then(stage: Stage, every: float, numbers: list[str], dialled: list[str], talk: float) -> None:
    """One customer after the other."""
    for number, extension in zip(itertools.cycle(numbers), itertools.cycle(dialled), strict=False):
        customer = stage.customer(number, extension)
        print(f"{number} calls {extension}", flush=True)
        stage.outside.spawn(leave(customer, talk))
        await asyncio.sleep(every)


async def leave(customer: Call, talk: float) -> None:
    """A customer who hangs up after a while, whatever happened."""
    with contextlib.suppress(TimeoutError):
        await customer.ended(talk)
    await customer.hang_up()


async def run(arguments: argparse.Namespace) -> None:
    """Start everything, wait for Ctrl-C or SIGTERM, stop everything."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with Pbx(ports(), TIMING) as pbx:
        stage = Stage(pbx, Path(), "")
        answering: list[Phone] = [] if arguments.phones == "none" else stage.phones
        for phone in answering if arguments.phones == "answer" else [stage.outside]:
            phone.on_ring = lambda call: answer(call, arguments.answer_after)
        for phone in answering or [stage.outside]:
            await phone.open()
        print(how_to_attach(pbx), flush=True)
        if arguments.info:
            write_info(pbx, arguments.info)
        if arguments.calls:
            plan = (arguments.calls, arguments.numbers, arguments.dialled, arguments.talk)
            stage.outside.spawn(call_now_and_then(stage, *plan))
        await stop.wait()
        print("stopping", flush=True)
        with contextlib.suppress(TimeoutError, ConnectionError):
            await pbx.hangup_all(3)
        await stage.close()
    if arguments.info:
        arguments.info.unlink(missing_ok=True)


def main() -> int:
    """Read the command line; 1 when no Asterisk can be had."""
    parser = argparse.ArgumentParser(prog="python -m tests.pbx", description=__doc__)
    parser.add_argument("--calls", type=float, metavar="SECONDS", help="place a call every so many seconds")
    parser.add_argument("--numbers", nargs="+", default=list(NUMBERS), help="who calls, in turn")
    parser.add_argument("--dialled", nargs="+", default=["800", "801"], help="what they dial, in turn")
    parser.add_argument(
        "--talk", type=float, default=20, metavar="SECONDS", help="a customer leaves after (default 20)"
    )
    parser.add_argument(
        "--phones", choices=("answer", "ring", "none"), default="answer", help="what the agents' telephones do"
    )
    parser.add_argument("--answer-after", type=float, default=3, metavar="SECONDS", help="default 3")
    parser.add_argument("--info", type=Path, metavar="FILE", help="write ports and secret as JSON while it runs")
    try:
        asyncio.run(run(parser.parse_args()))
    except bootstrap.Missing as error:
        print(f"missing: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
