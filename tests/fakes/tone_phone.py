"""A telephone that plays a tone and listens: audio is proved by frequency, in both directions."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Self

from tests.fakes.patience import PATIENCE
from tests.pbx import sip
from tests.pbx.phone import Call, Phone

RATE = 8000
WINDOW = RATE // 4
"""Samples that are looked at: a quarter of a second."""
PACKET = 160
SILENT = 1.0
"""Seconds without any packet after which nobody sends."""
LOUD = 200.0
"""Root mean square (of 32768) above which there is sound; µ-law silence and comfort noise are far below."""


def encode(sample: int) -> int:
    """A 16-bit sample as µ-law (ITU-T G.711)."""
    sign, magnitude = (0x80, -sample) if sample < 0 else (0, sample)
    magnitude = min(magnitude, 32635) + 132
    exponent = max(magnitude.bit_length() - 8, 0)
    return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0F)) & 0xFF


def _decode(byte: int) -> int:
    value = ~byte & 0xFF
    magnitude = (((value & 0x0F) << 3) + 132 << ((value >> 4) & 7)) - 132
    return -magnitude if value & 0x80 else magnitude


DECODED = [_decode(byte) for byte in range(256)]


def tone(hertz: float, samples: int = RATE, loudness: int = 8000) -> bytes:
    """One second of a tone (a whole number of periods for whole hertz) as µ-law."""
    return bytes(encode(int(loudness * math.sin(2 * math.pi * hertz * i / RATE))) for i in range(samples))


def loudness(samples: list[int]) -> float:
    """Root mean square."""
    return math.sqrt(sum(one * one for one in samples) / len(samples)) if samples else 0.0


def share(samples: list[int], hertz: float) -> float:
    """Which part of the sound's power is this tone, 0 to 1 (Goertzel)."""
    power = sum(one * one for one in samples)
    if not power:
        return 0.0
    turn = 2 * math.pi * hertz / RATE
    before = last = 0.0
    for one in samples:
        before, last = last, one + 2 * math.cos(turn) * last - before
    found = last * last + before * before - 2 * math.cos(turn) * last * before
    return 2 * found / (len(samples) * power)


class TonePhone(Phone):
    """Plays ``hertz`` in its calls and hears what comes."""

    def __init__(self, user: str, port: int, pbx_port: int, host: str = "127.0.0.1", *, hertz: float) -> None:
        super().__init__(user, port, pbx_port, host)
        self._tone = tone(hertz)
        self._heard: deque[int] = deque(maxlen=WINDOW)
        self._packets = 0

    async def open(self) -> Self:
        """Also listen."""
        await super().open()
        assert self._rtp_socket is not None
        self._rtp_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 262144)
        asyncio.get_running_loop().add_reader(self._rtp_socket, self._take)
        return self

    async def close(self) -> None:
        if self._rtp_socket is not None:
            asyncio.get_running_loop().remove_reader(self._rtp_socket)
        await super().close()

    def _take(self) -> None:
        assert self._rtp_socket is not None
        with contextlib.suppress(BlockingIOError):
            while True:
                packet = self._rtp_socket.recv(2048)
                if len(packet) > 12 and packet[1] & 0x7F == 0:
                    self._packets += 1
                    self._heard.extend(DECODED[byte] for byte in packet[12:])

    async def send_silence(self, call: Call) -> None:
        """The tone, 50 packets a second by the clock."""
        loop = asyncio.get_running_loop()
        sequence, source, began = 0, int.from_bytes(sip.new_tag()[:4].encode(), "big"), loop.time()
        while self._rtp_socket and call.media:
            at = sequence * PACKET % len(self._tone)
            header = struct.pack("!BBHII", 0x80, 0, sequence & 0xFFFF, (sequence * PACKET) & 0xFFFFFFFF, source)
            with contextlib.suppress(OSError):
                self._rtp_socket.sendto(header + self._tone[at : at + PACKET], call.media)
            sequence += 1
            await asyncio.sleep(max(0.0, began + sequence * 0.02 - loop.time()))

    def hears(self, hertz: float) -> bool:
        """Whether the last quarter of a second was this tone."""
        heard = list(self._heard)
        return len(heard) == WINDOW and loudness(heard) > LOUD and share(heard, hertz) > 0.5

    async def until_it_hears(self, hertz: float, seconds: float = PATIENCE) -> None:
        """Wait for this tone, in sound that comes from now on."""
        await self._until(lambda: self.hears(hertz), seconds, f"{hertz} Hz")

    async def until_it_hears_no(self, hertz: float, seconds: float = PATIENCE) -> None:
        """Wait until a quarter of a second came without this tone, or nothing comes for a second."""
        loop = asyncio.get_running_loop()
        self._heard.clear()
        packets, since = self._packets, loop.time()

        def silent() -> bool:
            nonlocal packets, since
            if self._packets != packets:
                packets, since = self._packets, loop.time()
            return loop.time() - since > SILENT

        await self._until(
            lambda: silent() or (len(self._heard) == WINDOW and not self.hears(hertz)), seconds, f"no {hertz} Hz"
        )

    async def _until(self, test: Callable[[], object], seconds: float, what: str) -> None:
        self._heard.clear()
        try:
            async with asyncio.timeout(seconds):
                while not test():  # noqa: ASYNC110 (sound has no event)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            heard = list(self._heard)
            best = max((440, 700, 1000, 1300), key=lambda one: share(heard, one))
            raise TimeoutError(
                f"did not hear {what}: {self._packets} packets, loudness {loudness(heard):.0f}, "
                f"{share(heard, best):.2f} of it {best} Hz"
            ) from None
