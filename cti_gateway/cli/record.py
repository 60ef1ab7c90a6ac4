"""`cti record`: keep what a PBX sends, byte for byte, for `cti replay` and for bug reports.

The file begins with the banner. It holds the numbers and names of everybody who called meanwhile: keep it safe.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import secrets
import signal
import ssl
import time
from pathlib import Path
from typing import Any, BinaryIO

from cti_gateway.ami import actions
from cti_gateway.ami.session import Credentials, Session, State
from cti_gateway.cli.link import chosen
from cti_gateway.cli.output import complain, say
from cti_gateway.settings_types import CommandSettings, PbxSettings

TICK_SECONDS = 0.5


def add_parser(commands: Any) -> None:
    """`cti record FILE.ami [--pbx NAME] [--seconds N] [--snapshot]`."""
    one: argparse.ArgumentParser = commands.add_parser("record", help="record what a PBX sends (for cti replay)")
    one.add_argument("file", type=Path, metavar="FILE.ami")
    one.add_argument("--pbx", metavar="NAME", help="the [[pbx]] to record (default: the first)")
    one.add_argument("--seconds", type=float, metavar="N", help="stop after so long (default: Ctrl-C)")
    one.add_argument("--snapshot", action="store_true", help="begin with the calls and queues that are there")


def run(arguments: argparse.Namespace, settings: CommandSettings) -> int:
    """Record until told to stop; 1 when the PBX cannot be reached, refuses or goes away."""
    pbxs = chosen(settings, arguments.pbx)
    if not pbxs:
        complain("record", "the configuration has no such [[pbx]]")
        return 2
    try:
        problem = asyncio.run(record(pbxs[0], arguments.file, arguments.seconds, arguments.snapshot))
    except OSError as error:
        complain("record", f"{arguments.file}: {error.strerror}")
        return 2
    if problem:
        complain("record", f"{pbxs[0].name}: {problem}")
        return 1
    say(f"{arguments.file.stat().st_size} bytes in {arguments.file}")
    return 0


async def record(pbx: PbxSettings, path: Path, seconds: float | None, snapshot: bool) -> str:
    """What went wrong; empty when it was ended on purpose. Raises OSError for a file that cannot be made."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        return await _record(pbx, file, seconds, snapshot)


def _tls(pbx: PbxSettings) -> ssl.SSLContext | None:
    if not pbx.tls:
        return None
    context = ssl.create_default_context(cafile=str(pbx.tls_ca) if pbx.tls_ca else None)
    if not pbx.tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _record(pbx: PbxSettings, file: BinaryIO, seconds: float | None, snapshot: bool) -> str:
    """What went wrong; empty when it was ended on purpose."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(pbx.host, pbx.port, ssl=_tls(pbx)), 5)
    except (OSError, TimeoutError) as error:
        return str(error) or "no answer"
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, stop.set)
    credentials = Credentials(pbx.username, pbx.secret.get_secret_value(), pbx.auth)
    session = Session(credentials, secrets.token_hex(4), time.monotonic())
    reading = asyncio.ensure_future(_read(session, reader, writer, file, snapshot))
    ending = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({reading, ending}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return reading.result() if reading.done() else ""
    finally:
        for task in (reading, ending):
            task.cancel()
        await asyncio.gather(reading, ending, return_exceptions=True)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _read(
    session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, file: BinaryIO, snapshot: bool
) -> str:
    asked = False
    while session.state not in (State.REFUSED, State.CLOSED):
        data = b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TICK_SECONDS):  # wait_for of 3.11 may swallow the end that was asked for
                data = await reader.read(65536)
            if not data:
                return "the PBX closed the connection"
        file.write(data)
        file.flush()
        now = time.monotonic()
        if data:
            session.receive(data, now)
        session.tick(now)
        if session.state is State.READY and snapshot and not asked:
            asked = True
            for action in (actions.core_status(), actions.core_show_channels(), actions.queue_status()):
                session.send(action, now, 10.0)
        writer.write(session.take_output())
        session.take_outcomes()
    return session.reason
