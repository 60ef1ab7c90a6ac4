"""A private Dovecot (IMAP) for one test: a folder with its mails, free ports on 127.0.0.1, gone afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import imaplib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.fakes.patience import PATIENCE

USER, PASSWORD = "help", "the-password-of-the-mailbox"
CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = {ssl}
{certificate}
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail/%u
default_internal_user = {internal}
default_login_user = {login}
default_internal_group = {group}
first_valid_uid = 0
first_valid_gid = 0
auth_mechanisms = plain
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
  {no_chroot}
}}
service anvil {{
  chroot =
}}
service auth {{
  user = {owner}
}}
service stats {{
  chroot =
}}
{more}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Done {{
    auto = create
  }}
}}
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Dovecot:
    """``certificate`` and ``key``: with TLS too; ``more``: further lines of its configuration. ``deliver`` puts a
    letter into the mailbox as a mail server does."""

    def __init__(self, certificate: Path | None = None, key: Path | None = None, more: str = "") -> None:
        found = shutil.which("dovecot") or next(iter(map(str, Path("/usr/sbin").glob("dovecot"))), None)
        if found is None:
            if os.geteuid() == 0 and Path("/etc/debian_version").exists():
                pytest.fail("Dovecot is missing: apt-get install dovecot-imapd")
            pytest.skip("no dovecot on this machine")
        self._program, self._tls, self._more = found, (certificate, key), more
        self.port, self.tls_port = _free_port(), _free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="cw-imap-", ignore_cleanup_errors=True)
        self.folder = Path(self._folder.name)
        self.process: asyncio.subprocess.Process | None = None
        self._count = 0

    async def __aenter__(self) -> Self:
        try:
            self._configure()
            await self.start()
        except BaseException:
            await self.stop()
            print((self.folder / "log").read_text(errors="replace")[-3000:])
            self._folder.cleanup()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        await self.stop()
        if kind is not None:
            print((self.folder / "log").read_text(errors="replace")[-3000:])
        self._folder.cleanup()

    def _configure(self) -> None:
        """As root Dovecot's own users do the work; else everything is done by whoever runs the tests."""
        root, me = os.geteuid() == 0, pwd.getpwuid(os.geteuid())
        owner = pwd.getpwnam("nobody") if root else me
        certificate, key = self._tls
        files = f"ssl_cert = <{certificate}\nssl_key = <{key}" if certificate is not None else ""
        self.folder.chmod(0o755)
        for name in ("run", "state", "mail"):
            (self.folder / name).mkdir()
        os.chown(self.folder / "mail", owner.pw_uid, owner.pw_gid)
        (self.folder / "dovecot.conf").write_text(
            CONFIG.format(
                folder=self.folder,
                password=PASSWORD,
                port=self.port,
                more=self._more,
                tls_port=self.tls_port,
                uid=owner.pw_uid,
                gid=owner.pw_gid,
                ssl="yes" if files else "no",
                certificate=files,
                owner="root" if root else me.pw_name,
                internal="dovecot" if root else me.pw_name,
                login="dovenull" if root else me.pw_name,
                group="dovecot" if root else me.pw_gid,
                no_chroot="" if root else "chroot =",
            )
        )

    async def start(self) -> None:
        """Return when it answers."""
        quiet = asyncio.subprocess.DEVNULL
        command = [self._program, "-F", "-c", str(self.folder / "dovecot.conf")]
        self.process = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet)
        async with asyncio.timeout(PATIENCE):
            while True:
                if self.process.returncode is not None:
                    raise RuntimeError((self.folder / "log").read_text(errors="replace")[-2000:])
                try:
                    await asyncio.to_thread(self._greet)
                    return
                except (OSError, imaplib.IMAP4.error):
                    await asyncio.sleep(0.05)

    def _greet(self) -> None:
        with self.signed_in():
            pass

    async def stop(self) -> None:
        """SIGTERM: its children go with it."""
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            try:
                async with asyncio.timeout(10):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
        self.process = None

    @contextlib.contextmanager
    def signed_in(self) -> Iterator[imaplib.IMAP4]:
        """A mail program."""
        imap = imaplib.IMAP4("127.0.0.1", self.port, timeout=10)
        try:
            imap.login(USER, PASSWORD)
            yield imap
        finally:
            with contextlib.suppress(Exception):
                imap.logout()

    def deliver(self, letter: EmailMessage | bytes) -> None:
        """Into the INBOX, unread. Blocks."""
        raw = letter if isinstance(letter, bytes) else letter.as_bytes()
        with self.signed_in() as imap:
            kind, said = imap.append("INBOX", "", None, raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
            assert kind == "OK", said

    def flags(self, folder: str = "INBOX") -> list[str]:
        """The flags of each letter, in order. Blocks."""
        with self.signed_in() as imap:
            assert imap.select(folder, readonly=True)[0] == "OK"
            _, said = imap.fetch("1:*", "(FLAGS)")
            return [line.decode() for line in said if isinstance(line, bytes)]

    def renumber(self) -> None:
        """The server gives all of its letters new numbers (another UIDVALIDITY). It must not run."""
        for path in (self.folder / "mail" / USER).rglob("dovecot*"):
            if path.is_file():
                path.unlink()


def listed() -> str:
    """Its version."""
    return subprocess.run(["dovecot", "--version"], capture_output=True, text=True, check=False).stdout.strip()
