"""`make run PBX=real`: a real Asterisk with telephones that lift by themselves, and the demo attached to it.

A customer calls when an agent is free and nobody waits. Ctrl-C (or SIGTERM) ends everything.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from interaction_log.demo import DEMO_CALLERS  # noqa: E402
from tests.pbx import bootstrap  # noqa: E402
from tests.pbx.__main__ import TIMING, answer, how_to_attach, leave, ports  # noqa: E402
from tests.pbx.asterisk import Pbx  # noqa: E402
from tests.pbx.stage import Stage  # noqa: E402

LIFT_SECONDS = 6.0
TALK_SECONDS = 40.0
LOOK_SECONDS = 2.0
END_SECONDS = 8.0


def configuration(pbx: Pbx) -> str:
    """The TOML for this PBX."""
    return f"""[database]
url = "sqlite:///{ROOT}/var/demo-real.db"
journal = "{ROOT}/var/demo-real-journal"

[[pbx]]
name = "lab"
port = {pbx.ports.ami}
username = "callweave"
secret = "{pbx.secret}"
system_username = "callweave-system"
system_secret = "{pbx.secret}"
devices = ["PJSIP/10??", "PJSIP/11??"]
trunks = ["PJSIP/pstn"]
outbound_prefix = "9"

[[queue]]
name = "support"
label = "Support"
"""


@contextlib.asynccontextmanager
async def gateway(config: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """`cti run` on this configuration; asked to end, and made to when it does not."""
    command = (str(ROOT / ".venv/bin/cti"), "run", "--demo", "--pbx", "real", "--config", str(config))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, start_new_session=True)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), END_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


async def somebody_is_free(pbx: Pbx) -> bool:
    """Whether a call would ring: an unpaused, idle member of support, and nobody waits."""
    members = await pbx.ami.listed("QueueStatus", "QueueMember", Queue="support")
    waiting = await pbx.ami.listed("QueueStatus", "QueueEntry", Queue="support")
    return not waiting and any(one["Paused"] == "0" and one["Status"] == "1" for one in members)


async def customers(pbx: Pbx, stage: Stage) -> None:
    """One after the other."""
    for number, name in itertools.cycle(DEMO_CALLERS):
        await asyncio.sleep(LOOK_SECONDS)
        # Twice, so that a gateway that comes has paused those who are not there.
        while not (await somebody_is_free(pbx) and await _still(pbx)):  # noqa: ASYNC110 (the PBX must be asked)
            await asyncio.sleep(LOOK_SECONDS)
        stage.outside.spawn(leave(stage.customer(number, "800", name=name), TALK_SECONDS))


async def _still(pbx: Pbx) -> bool:
    await asyncio.sleep(LOOK_SECONDS)
    return await somebody_is_free(pbx)


async def run(config: Path) -> int:
    """Everything, until somebody says stop or a part ends."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Pbx(ports(), TIMING) as pbx:
        stage = Stage(pbx, Path(), "")
        for phone in stage.phones:
            phone.on_ring = lambda call: answer(call, LIFT_SECONDS)
            await phone.open()
        print(how_to_attach(pbx), flush=True)
        write(config, configuration(pbx))
        async with gateway(config) as process:
            tasks = [asyncio.create_task(one) for one in (stop.wait(), process.wait(), customers(pbx, stage))]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await stage.close()
    return 0 if stop.is_set() else 1


def write(path: Path, text: str) -> None:
    """A file that nobody else reads."""
    path.touch(mode=0o600)
    path.write_text(text)


def main() -> int:
    """Run; nothing is left in the temporary folder."""
    os.environ.setdefault("CTI_HTTP__PORT", os.environ.get("PORT", "8080"))
    try:
        with tempfile.TemporaryDirectory(prefix="callweave-") as folder:
            return asyncio.run(run(Path(folder) / "callweave.toml"))
    except bootstrap.Missing as error:
        print(f"no real PBX: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
