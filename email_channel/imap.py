"""A mailbox by IMAP4rev1 (RFC 3501), with the standard library's client. Blocks: for a thread.

Nothing is changed on the server while letters are looked at (``BODY.PEEK``); what was taken is marked, or moved, only
when its taker says so.
"""

from __future__ import annotations

import contextlib
import imaplib
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, Self

from email_channel.imap_lines import Reading, ReadingTls

Tls = Literal["tls", "starttls", "none"]
SECONDS: Final = 30.0
"""So long an answer of the server is waited for."""
CONNECT_SECONDS: Final = 8.0
MOST_LISTED: Final = 100_000
_UID: Final = re.compile(rb"\bUID (\d+)")
_SIZE: Final = re.compile(rb"\bRFC822\.SIZE (\d+)")
_VALIDITY: Final = re.compile(rb"^(\d+)$")
_TAG: Final = b"WAIT"
"""Of our IDLE: the library's tags are four letters A to P and digits."""
_ALIVE: Final = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
"""A link that died while nobody spoke is found by the kernel within two minutes (tcp(7))."""


class MailboxAway(Exception):
    """The mailbox cannot be used now; the text says why, without secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where the letters lie. ``done``: the folder into which taken ones are moved; empty: they stay, marked as seen."""

    host: str
    port: int
    tls: Tls
    user: str
    password: str
    folder: str = "INBOX"
    done: str = ""
    ca: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """One letter. ``whole`` false: it was larger than allowed, and this is its beginning."""

    uid: int
    raw: bytes
    whole: bool


class Box:
    """A connection that is signed in, with the folder open. Raises :class:`MailboxAway`."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.validity = 0
        self.can_idle = False
        """Whether the server says when letters come."""
        self._imap: Reading | None = None

    def __enter__(self) -> Self:
        try:
            self._imap = _connected(self._account)
            with _faults("sign in"):
                self._imap.login(_quoted(self._account.user), self._account.password)
                can = _ok(self._imap.capability(), "the server does not say what it can")  # more than before signing in
                self.can_idle = b"IDLE" in b" ".join(one for one in can if one).upper().split()
            self.validity = self._select()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Say good-bye, if anybody listens."""
        if self._imap is not None:
            with contextlib.suppress(Exception):
                self._imap.logout()
            self.drop()

    def drop(self) -> None:
        """Close it without a word. Nobody may be waiting for an answer."""
        if self._imap is not None:
            with contextlib.suppress(OSError):
                self._imap.shutdown()
            self._imap = None

    def abort(self) -> None:
        """Cut it: whoever waits for an answer gets a fault. For another thread."""
        if self._imap is not None:
            with contextlib.suppress(OSError):
                self._imap.sock.shutdown(socket.SHUT_RDWR)

    def _select(self) -> int:
        with _faults("open the folder"):
            _ok(self._open.select(_quoted(self._account.folder)), "the folder cannot be opened")
            _, said = self._open.response("UIDVALIDITY")
            self._open.response("EXISTS")
        found = _VALIDITY.match((said or [b""])[0] or b"")
        if found is None:
            raise MailboxAway("the server gives no UIDVALIDITY")
        return int(found[1])

    @property
    def _open(self) -> Reading:
        if self._imap is None:
            raise MailboxAway("not connected")
        return self._imap

    # --- being told --------------------------------------------------------------------------------------

    def grew(self) -> bool:
        """Whether the server said, beside its answers since this was asked last, that there are letters more."""
        return self._open.response("EXISTS")[1] != [None]

    def idle(self) -> bool:
        """From now on the server speaks when something happens (RFC 2177); until ``done`` nothing else may be asked.
        ``False``: it does not want to."""
        with _faults("wait for letters"):
            self._open.send(_TAG + b" IDLE\r\n")
            while not (line := self._line()).startswith(b"+"):
                if line.startswith(_TAG + b" "):
                    return False
        return True

    @property
    def spoke(self) -> bool:
        """Whether it has spoken since, and its socket does not show it."""
        return self._open.waits()

    @property
    def socket(self) -> int:
        """The number of the open file that becomes readable when it speaks."""
        return self._open.sock.fileno()

    def done(self) -> None:
        """Something else may be asked again. A server that is not there any more is found by this."""
        with _faults("wait for letters"):
            self._open.send(b"DONE\r\n")
            while not self._line().startswith(_TAG + b" "):
                pass

    def _line(self) -> bytes:
        line = self._open.readline()
        if not line:
            raise MailboxAway("cannot wait for letters: the server is gone")
        return line

    # --- letters -----------------------------------------------------------------------------------------

    def after(self, uid: int) -> list[int]:
        """The UIDs above this one, in order."""
        return [one for one in self._search(f"UID {uid + 1}:*") if one > uid]  # n:* always names the last one

    def unseen(self) -> list[int]:
        """Those that nobody has read yet, in order."""
        return self._search("UNSEEN")

    def newest(self) -> int:
        """The highest UID; 0 in an empty folder."""
        return max(self._search("UID *"), default=0)

    def _search(self, what: str) -> list[int]:
        with _faults("search"):
            said = _ok(self._open.uid("SEARCH", what), "the folder cannot be searched")
        return sorted(int(one) for line in said if line for one in line.split())[:MOST_LISTED]

    def fetch(self, uid: int, most: int, beginning: int = 65_536) -> Fetched | None:
        """The letter; of one above ``most`` bytes its headers and ``beginning`` bytes. ``None``: it is gone."""
        with _faults("fetch"):
            size = _SIZE.search(b" ".join(_flat(self._open.uid("FETCH", str(uid), "(UID RFC822.SIZE)"))))
            if size is None:
                return None
            if int(size[1]) <= most:
                raw = _literal(self._open.uid("FETCH", str(uid), "(UID BODY.PEEK[])"))
                return Fetched(uid, raw, True) if raw is not None else None
            part = f"(UID BODY.PEEK[]<0.{beginning}>)"
            raw = _literal(self._open.uid("FETCH", str(uid), part))
            return Fetched(uid, raw, False) if raw is not None else None

    def taken(self, uids: Sequence[int]) -> None:
        """They are on our disk: marked as seen, and moved where a folder is named for them."""
        if not uids:
            return
        which, account = ",".join(map(str, uids)), self._account
        with _faults("mark what was taken"):
            _ok(self._open.uid("STORE", which, "+FLAGS.SILENT", r"(\Seen)"), "a letter cannot be marked")
            if not account.done:
                return
            if "MOVE" in self._open.capabilities:
                _ok(self._open.uid("MOVE", which, _quoted(account.done)), "a letter cannot be moved")
            else:
                _ok(self._open.uid("COPY", which, _quoted(account.done)), "a letter cannot be moved")
                self._open.uid("STORE", which, "+FLAGS.SILENT", r"(\Deleted)")
                self._open.expunge()

    def has(self, folder: str) -> bool:
        """Whether there is such a folder."""
        with _faults("look for a folder"):
            return self._open.status(_quoted(folder), "(UIDVALIDITY)")[0] == "OK"

    def flag(self, uid: int) -> None:
        """One that could not be taken: for people to look at."""
        with _faults("mark a letter"):
            self._open.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Flagged)")


def _connected(account: Account) -> Reading:
    host, port = account.host, account.port
    with _faults("connect"):
        if account.tls == "tls":
            imap: Reading = ReadingTls(host, port, ssl_context=_context(account), timeout=CONNECT_SECONDS)
        else:
            imap = Reading(host, port, timeout=CONNECT_SECONDS)
        try:
            if account.tls == "starttls":
                imap.starttls(_context(account))
            imap.sock.settimeout(SECONDS)
            _keep_alive(imap.sock)
        except BaseException:
            imap.shutdown()
            raise
        return imap


def _keep_alive(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _ALIVE.items():
        if hasattr(socket, name):  # not everywhere
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _context(account: Account) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=account.ca)


@contextlib.contextmanager
def _faults(what: str) -> Iterator[None]:
    """What the server or the network did, in words; never what we sent."""
    try:
        yield
    except (imaplib.IMAP4.error, OSError, EOFError) as error:
        why = getattr(error, "strerror", None) or getattr(error, "reason", None) or type(error).__name__
        if isinstance(error, imaplib.IMAP4.error) and what == "sign in":
            why = "the server does not take user and password"
        raise MailboxAway(f"cannot {what}: {why}") from None


def _ok(answer: tuple[str, list[Any]], why: str) -> list[Any]:
    if answer[0] != "OK":
        raise MailboxAway(why)
    return answer[1]


def _flat(answer: tuple[str, list[Any]]) -> list[bytes]:
    found: list[bytes] = []
    for one in answer[1] or ():
        found += [part for part in one if isinstance(part, bytes)] if isinstance(one, tuple) else []
        if isinstance(one, bytes):
            found.append(one)
    return found


def _literal(answer: tuple[str, list[Any]]) -> bytes | None:
    """The letter in an answer to FETCH; other answers may stand beside it."""
    for one in answer[1] or ():
        if isinstance(one, tuple) and len(one) > 1 and _UID.search(one[0]):
            return bytes(one[1])
    return None


def _quoted(text: str) -> str:
    r"""An IMAP string. Names of folders are modified UTF-7 (RFC 3501, 5.1.3) in the configuration."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
