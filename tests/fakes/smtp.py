"""A small SMTP server (RFC 5321) that keeps what it is given, and can refuse or hang up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Self


@dataclass
class Kept:
    """One mail as it came."""

    sender: str
    recipients: list[str]
    mail: Message


@dataclass
class SmtpServer:
    """``refuse``: so many times it answers a temporary error to the mail's sender."""

    mails: list[Kept] = field(default_factory=list)
    refuse: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender, recipients = "", list[str]()
        writer.write(b"220 ready\r\n")
        while line := await reader.readline():
            word = line.strip().decode()
            verb = word.upper().split(" ")[0]
            if verb == "MAIL" and self.refuse:
                self.refuse -= 1
                writer.write(b"451 4.3.0 not now\r\n")
            elif verb == "MAIL":
                sender, recipients = word.partition(":")[2].split(" ")[0].strip("<>"), []
                writer.write(b"250 ok\r\n")
            elif verb == "RCPT":
                recipients.append(word.partition(":")[2].split(" ")[0].strip("<>"))
                writer.write(b"250 ok\r\n")
            elif verb == "DATA":
                writer.write(b"354 go on\r\n")
                data = await reader.readuntil(b"\r\n.\r\n")
                plain = data[:-5].replace(b"\r\n..", b"\r\n.")
                self.mails.append(Kept(sender, recipients, message_from_bytes(plain)))
                writer.write(b"250 kept\r\n")
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(b"250 ok\r\n" if verb in ("EHLO", "HELO", "RSET", "NOOP") else b"500 what\r\n")
