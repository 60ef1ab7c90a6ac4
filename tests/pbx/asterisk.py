"""Start and stop a real Asterisk with the sample configuration, as many side by side as are wanted."""

from __future__ import annotations

import asyncio
import fcntl
import math
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.fakes.patience import PATIENCE
from tests.pbx import bootstrap
from tests.pbx.ami import Ami, AmiRefused, Block

SAMPLE = Path(__file__).resolve().parents[2] / "config" / "asterisk"
DESKS = tuple(str(number) for number in range(1001, 1011))
BROWSERS = tuple(str(number) for number in range(1101, 1111))
NAMES = dict(
    zip(DESKS, ("Anna", "Ben", "Chen Wei", "Dora", "Emil", "Fang", "Gustav", "Hua", "Ines", "Jan"), strict=True)
)
BOOT_SECONDS = 30.0
RTP_PORTS = 200
BLOCK = 20


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM, host: str = "127.0.0.1") -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def is_free(port: int, kind: socket.SocketKind = socket.SOCK_STREAM, host: str = "127.0.0.1") -> bool:
    """Whether the port can be bound now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _block_is_free(base: int) -> bool:
    udp = ((base + offset, host) for offset in range(2, BLOCK) for host in ("127.0.0.1", "127.0.0.2"))
    return is_free(base) and is_free(base + 1) and all(is_free(port, socket.SOCK_DGRAM, host) for port, host in udp)


def _reserve_block() -> tuple[int, IO[str]]:
    """A block of free ports, and the locked file that keeps other laboratories on this machine off it.

    Below the ephemeral range (32768 up): these ports are bound later, some never, and until then nobody who binds
    port 0 may get them.
    """
    for _ in range(1000):
        base = 10000 + BLOCK * secrets.randbelow(480)
        handle = (Path(tempfile.gettempdir()) / f"callweave-ports-{base}.lock").open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            continue
        if _block_is_free(base):
            return base, handle
        handle.close()
    raise RuntimeError("no free ports")


class Ports:
    """The ports of one laboratory; `desks` are where the desk phones listen (UDP on 127.0.0.1), `pstn` on 127.0.0.2.

    `fixed` (name to port, desks by their number) overrides what was chosen.
    """

    def __init__(self, **fixed: int) -> None:
        base, self._reserved = _reserve_block()
        self.ami = fixed.get("ami", base)
        self.http = fixed.get("http", base + 1)
        self.sip = fixed.get("sip", base + 2)
        self.pstn = fixed.get("pstn", base + 3)
        self.desks = {desk: fixed.get(desk, base + 4 + number) for number, desk in enumerate(DESKS)}
        self.chan_sip = base + 14
        self.old_desks = {desk: base + 15 + number for number, desk in enumerate(("1201", "1202", "1203"))}
        # Asterisk looks for a free one itself, so that overlapping does no harm.
        self.rtp = fixed.get("rtp", 20000 + 2 * secrets.randbelow(5900))

    def release(self) -> None:
        """Let others have them."""
        name = self._reserved.name
        self._reserved.close()
        Path(name).unlink(missing_ok=True)


@dataclass(frozen=True)
class Timing:
    """Seconds that the sample configuration leaves open; short ones keep tests short."""

    queue_ring: int = 4
    ring: int = 6
    give_up: int = 6
    parking: int = 8
    out_ring: int = 8


UNHURRIED = Timing(queue_ring=25, ring=25, out_ring=25)
"""For telephones that are answered by somebody at a browser, who on a busy machine needs seconds to see that one rings;
where all are answered or given up it costs no time."""


def _tone() -> bytes:
    """Two seconds of a soft 440 Hz tone as µ-law at 8 kHz: music on hold needs some audio file."""

    def ulaw(sample: int) -> int:
        sign, magnitude = (0x80, -sample) if sample < 0 else (0, sample)
        magnitude = min(magnitude, 32635) + 132
        exponent = max(magnitude.bit_length() - 8, 0)
        return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0F)) & 0xFF

    return bytes(ulaw(int(3000 * math.sin(2 * math.pi * 440 * i / 8000))) for i in range(16000))


def _desk_phones(ports: Ports) -> str:
    lines = []
    for desk, port in ports.desks.items():
        lines.append(f'[{desk}](desk)\naors = {desk}\ncallerid = "{NAMES[desk]}" <{desk}>\n')
        lines.append(f"[{desk}](desk-address)\ncontact = sip:{desk}@127.0.0.1:{port}\n")
    return "\n".join(lines)


def _browser_phones() -> str:
    lines = []
    for phone, name in zip(BROWSERS, NAMES.values(), strict=True):
        lines.append(f'[{phone}](browser)\naors = {phone}\nauth = {phone}\ncallerid = "{name}" <{phone}>\n')
        lines.append(f"[{phone}](browser-password)\nusername = {phone}\n\n[{phone}](browser-address)\n")
    return "\n".join(lines)


def _old_filters(text: str) -> str:
    """The same event filters in the form that every Asterisk understands."""
    return re.sub(r"eventfilter\(action\(exclude\),name\((\w+)\)\) =", r"eventfilter = !Event: \1", text)


class Pbx:
    """One Asterisk process with a private configuration, spool, database, log and ports, on loopback only.

    `await start()` returns when it is fully booted (about a second) and `ami` is a signed-in connection with all
    rights. `stop()` ends it and removes every file. The secret of all AMI users and browser phones is `secret`.
    `extra` gives text to add to the sample configuration, by file name.
    """

    def __init__(
        self,
        ports: Ports | None = None,
        timing: Timing | None = None,
        *,
        cel: bool = False,
        release: str = "sid",
        secret: str | None = None,
        extra: Callable[[Ports], dict[str, str]] | None = None,
    ) -> None:
        self.ports, self.timing = ports or Ports(), timing or Timing()
        self.cel, self.release = cel, release
        self.extra = extra(self.ports) if extra else {}
        self.secret = secret or secrets.token_hex(8)
        self.root = bootstrap.asterisk_root(release)
        self.process: subprocess.Popen[bytes] | None = None
        self._ami: Ami | None = None
        name = f"asterisk-callweave-{secrets.token_hex(4)}"
        self.folder = self.root / "etc" / name if self.root else Path(tempfile.mkdtemp(prefix=name + "-"))
        self.inner = Path("/etc") / name if self.root else self.folder

    @property
    def ami(self) -> Ami:
        """The connection with all rights; only while it runs."""
        if self._ami is None:
            raise RuntimeError("the PBX is not running")
        return self._ami

    # ---- Configuration ------------------------------------------------------------------------------
    def _values(self) -> dict[str, str]:
        hints = "\n".join(f"exten => {one},hint,PJSIP/{one}" for one in (*DESKS, "1020", *BROWSERS))
        return {
            "ETC": str(self.inner),
            "HOME": str(self.inner),
            "MODULES": bootstrap.module_folder(self.root),
            "AMI_PORT": str(self.ports.ami),
            "HTTP_PORT": str(self.ports.http),
            "SIP_PORT": str(self.ports.sip),
            "PSTN_PORT": str(self.ports.pstn),
            "RTP_START": str(self.ports.rtp),
            "RTP_END": str(self.ports.rtp + RTP_PORTS - 1),
            "SECRET": self.secret,
            "QUEUE_RING": str(self.timing.queue_ring),
            "RING_SECONDS": str(self.timing.ring),
            "OUT_RING_SECONDS": str(self.timing.out_ring),
            "GIVE_UP_SECONDS": str(self.timing.give_up),
            "PARKING_SECONDS": str(self.timing.parking),
            "CEL": "yes" if self.cel else "no",
            "DESK_PHONES": _desk_phones(self.ports),
            "BROWSER_PHONES": _browser_phones(),
            "HINTS": hints,
        }

    def configure(self) -> None:
        """Write the sample configuration with this laboratory's ports into its folder."""
        values = self._values()
        for part in ("db", "spool", "run", "log/cdr-csv", "log/cel-custom", "log/cdr-custom", "moh"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        for template in SAMPLE.glob("*.conf"):
            text = re.sub(r"@([A-Z_]+)@", lambda match: values[match[1]], template.read_text(encoding="utf-8"))
            if template.name == "manager.conf" and not bootstrap.has_event_filter_by_name(self.root):
                text = _old_filters(text)
            if template.name == "modules.conf" and "sip.conf" in self.extra:
                text = text.replace("noload => chan_sip.so\n", "")
            (self.folder / template.name).write_text(text, encoding="utf-8")
        for name, text in self.extra.items():
            with (self.folder / name).open("a", encoding="utf-8") as file:
                file.write(text)
        (self.folder / "manager.conf").chmod(0o600)
        (self.folder / "moh" / "tone.ulaw").write_bytes(_tone())
        if self.root:
            bootstrap.write_hosts(self.root)

    # ---- Life ---------------------------------------------------------------------------------------
    def _command(self) -> list[str]:
        asterisk = ["asterisk", "-f", "-C", str(self.inner / "asterisk.conf")]
        # The kernel ends it when we die, so that a killed test run leaves no PBX behind.
        guard = ["setpriv", "--pdeathsig", "KILL"]
        if self.root is None:
            return [*guard, *asterisk]
        inside = ["chroot", str(self.root), *asterisk]
        if not bootstrap.can_unshare():
            return [*guard, *inside]  # a container without that right; Asterisk runs without /proc
        # /proc is mounted in a mount namespace of its own: it vanishes with the process.
        script = f"mount -t proc proc {shlex.quote(str(self.root / 'proc'))}; exec {shlex.join(inside)}"
        return [*guard, "unshare", "--mount", "sh", "-c", script]

    async def start(self) -> None:
        """Write the configuration, start the process, wait until it is fully booted and sign in."""
        self.configure()
        await self._launch()

    def _spawn(self) -> subprocess.Popen[bytes]:
        with (self.folder / "log" / "console").open("ab") as console:
            return subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
            )

    async def _launch(self) -> None:
        self.process = self._spawn()
        await self.booted()

    async def booted(self, within: float = BOOT_SECONDS) -> None:
        """Wait until Asterisk is fully booted and `ami` is signed in (again)."""
        async with asyncio.timeout(within):
            while True:
                self._alive()
                try:
                    ami = await Ami.connect(self.ports.ami, "lab", self.secret)
                except (OSError, AmiRefused, asyncio.IncompleteReadError):
                    await asyncio.sleep(0.05)
                    continue
                if await self._is_booted(ami):
                    self._ami = ami
                    return
                await ami.close()

    @staticmethod
    async def _is_booted(ami: Ami) -> bool:
        try:
            await ami.wait(lambda b: b.get("Event") == "FullyBooted", since=0, within=BOOT_SECONDS)
        except (ConnectionError, TimeoutError):
            return False
        return True

    def _alive(self) -> None:
        if self.process is None or self.process.poll() is not None:
            console = (self.folder / "log" / "console").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"Asterisk did not start or ended:\n{console}")

    async def stop(self) -> None:
        """End the process (SIGKILL: nothing of it is kept) and remove its files."""
        await self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.ports.release()

    async def kill(self) -> None:
        """SIGKILL, as a power cut would do it; the configuration stays for `restart`."""
        await self.forget()
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            await asyncio.to_thread(self.process.wait)
            self.process = None

    async def forget(self) -> None:
        """Close the control connection, as before a restart that the PBX does itself; `booted` opens it again."""
        if self._ami:
            ami, self._ami = self._ami, None
            await ami.close()

    async def restart(self) -> None:
        """Kill it when it runs, start it again with the same configuration, database and ports."""
        await self.kill()
        await self._launch()

    async def __aenter__(self) -> Pbx:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # ---- Use ----------------------------------------------------------------------------------------
    async def cli(self, command: str) -> str:
        """Run a console command and return what it printed."""
        return (await self.ami.action("Command", Command=command)).get("Output", "")

    async def channels(self) -> list[Block]:
        """The channels that exist now (CoreShowChannel blocks)."""
        return await self.ami.listed("CoreShowChannels", "CoreShowChannel")

    async def no_channels(self, within: float = PATIENCE) -> None:
        """Wait until no channel is left; raises TimeoutError with the names of those that stay."""
        names: list[str] = []
        try:
            async with asyncio.timeout(within):
                while names := [one["Channel"] for one in await self.channels()]:  # noqa: ASYNC110 (AMI must be asked)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise TimeoutError(f"channels are left: {', '.join(names)}") from None

    async def hangup_all(self, within: float = PATIENCE) -> None:
        """Hang up every channel and wait until none is left."""
        for name in [one["Channel"] for one in await self.channels()]:
            try:
                await self.ami.action("Hangup", Channel=name)
            except AmiRefused:
                continue  # it went by itself
        await self.no_channels(within)

    async def pause(self, device: str, paused: bool = True, queue: str | None = None) -> None:
        """Pause (or release) a member in one or all of its queues."""
        where = {"Queue": queue} if queue else {}
        await self.ami.action("QueuePause", Interface=device, Paused="true" if paused else "false", **where)

    def queue_log(self) -> list[list[str]]:
        """The lines of Asterisk's queue_log: [epoch, call id, queue, agent, event, data …]."""
        path = self.folder / "log" / "queue_log"
        return [line.split("|") for line in path.read_text(errors="replace").splitlines()] if path.exists() else []

    def cdr(self) -> str:
        """Asterisk's call detail records as CSV text."""
        path = self.folder / "log" / "cdr-csv" / "Master.csv"
        return path.read_text(errors="replace") if path.exists() else ""

    def log(self) -> str:
        """Asterisk's own messages (notice and up)."""
        path = self.folder / "log" / "messages"
        return path.read_text(errors="replace") if path.exists() else ""
