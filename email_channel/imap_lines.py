"""The library's IMAP client with a reader of our own: it knows what has come already, and can be read after a wait."""

from __future__ import annotations

import imaplib
from typing import Final

MOST_LINE: Final = 1_000_000
_CHUNK: Final = 65_536


class Reading(imaplib.IMAP4):
    """Reads from the socket by itself, as the library's documentation offers, to know what has come but was not read.

    What came before TLS began is forgotten when it begins: nobody may speak for the server in between.
    """

    _of: object = None
    _came: bytearray

    def waits(self) -> bool:
        """Whether something came that was not read, beside what the system holds for the socket."""
        pending = getattr(self.sock, "pending", None)
        return bool(self._rest()) or (pending is not None and pending() > 0)

    def _rest(self) -> bytearray:
        if self._of is not self.sock:
            self._of, self._came = self.sock, bytearray()
        return self._came

    def _more(self, rest: bytearray) -> bool:
        came = self.sock.recv(_CHUNK)
        rest += came
        return bool(came)

    def read(self, size: int) -> bytes:
        """So many bytes; fewer when the server is gone."""
        rest = self._rest()
        while len(rest) < size and self._more(rest):
            pass
        found = bytes(rest[:size])
        del rest[:size]
        return found

    def readline(self) -> bytes:
        """A line; empty when the server is gone."""
        rest, looked = self._rest(), 0
        while (end := rest.find(b"\n", looked)) < 0:
            looked = len(rest)
            if looked > MOST_LINE:
                raise self.error("a line without an end")
            if not self._more(rest):
                end = len(rest) - 1
                break
        found = bytes(rest[: end + 1])
        del rest[: end + 1]
        return found


class ReadingTls(Reading, imaplib.IMAP4_SSL):
    """The same with TLS from the start."""
