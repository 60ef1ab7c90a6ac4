"""Record what a PBX sends on an AMI connection, byte for byte."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Self

SNAPSHOT = ("CoreStatus", "CoreShowChannels", "QueueStatus", "BridgeList", "DeviceStateList")


class Recorder:
    """One logged-in AMI connection whose received bytes, banner included, go to a file.

    What we send (the login among it) is never written, so that no secret gets into a trace.
    """

    def __init__(self, path: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.path = path
        self._reader, self._writer = reader, writer
        self._data = bytearray()
        self._grown = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, path: Path, port: int, user: str, secret: str) -> Self:
        """Connect, sign in, and return when the PBX has accepted."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        recorder = cls(path, reader, writer)
        recorder._task = asyncio.ensure_future(recorder._read())
        await recorder.until(b"\r\n")
        recorder._send("Login", Username=user, Secret=secret)
        await recorder.until(b"Message: Authentication accepted\r\n\r\n")
        return recorder

    def _send(self, action: str, **headers: str) -> None:
        lines = [f"Action: {action}", *(f"{key}: {value}" for key, value in headers.items())]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    async def _read(self) -> None:
        try:
            while chunk := await self._reader.read(65536):
                self._data += chunk
                self._grown.set()
        except OSError:
            pass  # a PBX that was killed

    async def until(self, text: bytes, within: float = 5, since: int = 0) -> None:
        """Wait until the bytes have been received."""
        async with asyncio.timeout(within):
            while text not in self._data[since:]:
                self._grown.clear()
                await self._grown.wait()

    async def snapshot(self) -> None:
        """Ask for the state of the PBX, as a client does that connects while calls are running."""
        for number, action in enumerate(SNAPSHOT, 1):
            since = len(self._data)
            self._send(action, ActionID=f"snapshot-{number}")
            end = b"EventList: Complete" if action != "CoreStatus" else b"CoreCurrentCalls"
            await self.until(end, since=since)
            await self.until(b"\r\n\r\n", since=self._data.index(end, since))

    async def quiet(self, seconds: float = 0.7, within: float = 10) -> None:
        """Wait until nothing has come for so long."""
        async with asyncio.timeout(within):
            while True:
                self._grown.clear()
                try:
                    await asyncio.wait_for(self._grown.wait(), seconds)
                except TimeoutError:
                    return

    async def stop(self) -> int:
        """Close the connection, write the file, return its size."""
        self._writer.close()
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(self._data)
        return len(self._data)
