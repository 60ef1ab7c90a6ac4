"""A person whose telephone is the browser: Chromium with a microphone that plays a tone, and an ear in the page."""

from __future__ import annotations

import math
import struct
import wave
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Playwright

from tests.fakes.browser import FLAGS, Person, chromium_path
from tests.fakes.patience import PATIENCE

RATE = 48000
# Fake devices, sound without a click. One microphone file per browser process. Not --use-fake-ui-for-media-stream:
# it says yes to every question, and a refused microphone is a case of its own.
MEDIA = ["--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required"]
# Keeps every connection of the page, and tells the strongest frequency that arrives (bins of 5.9 Hz).
EAR = """
(() => {
  const Real = window.RTCPeerConnection
  window.__ears = []
  let context = null
  window.RTCPeerConnection = class extends Real {
    constructor(...how) {
      super(...how)
      const ear = { pc: this, analyser: null, track: null }
      window.__ears.push(ear)
      this.addEventListener('track', (event) => {
        context ??= new AudioContext()
        ear.track = event.track
        ear.analyser = context.createAnalyser()
        ear.analyser.fftSize = 8192
        ear.analyser.smoothingTimeConstant = 0
        context.createMediaStreamSource(event.streams[0] ?? new MediaStream([event.track])).connect(ear.analyser)
      })
    }
  }
  // A track that is muted (nothing arrives, as on hold) leaves the analyser with what it had last.
  const sounds = (ear) => ear.analyser && !ear.track.muted && ear.pc.connectionState === 'connected'
  window.__hear = () => window.__ears.filter(sounds).map((ear) => {
    const bins = new Float32Array(ear.analyser.frequencyBinCount)
    ear.analyser.getFloatFrequencyData(bins)
    let best = 1
    for (let i = 1; i < bins.length; i++) if (bins[i] > bins[best]) best = i
    return bins[best] > -60 ? (best * context.sampleRate) / ear.analyser.fftSize : 0
  })
  // Noise suppression takes a steady tone for noise.
  localStorage.setItem('callweave.phone-clean', 'false')
})()
"""


PAIRS = """
Promise.all(window.__ears.map(async ({ pc }) => {
  const told = []
  for (const stat of (await pc.getStats()).values())
    if (/candidate|transport/.test(stat.type))
      told.push([stat.type, stat.address, stat.port, stat.candidateType, stat.state, stat.dtlsState, stat.requestsSent,
        stat.responsesReceived].filter((one) => one !== undefined).join(' '))
  return [pc.iceConnectionState, pc.iceGatheringState, ...told]
}))
"""


def microphone_file(folder: Path, hertz: int) -> Path:
    """One second of a tone as WAV; Chromium plays it again and again."""
    path = folder / f"tone{hertz}.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        samples = (int(9000 * math.sin(2 * math.pi * hertz * i / RATE)) for i in range(RATE))
        file.writeframes(b"".join(struct.pack("<h", one) for one in samples))
    return path


async def launch(playwright: Playwright, folder: Path, hertz: int) -> Browser:
    """A browser whose microphone plays this tone."""
    file = microphone_file(folder, hertz)
    flags = [*FLAGS, *MEDIA, f"--use-file-for-fake-audio-capture={file}"]
    return await playwright.chromium.launch(executable_path=chromium_path(), args=flags)


class Talker(Person):
    """Somebody at a console that is her telephone too."""

    @classmethod
    async def arrive(cls, browser: Browser, url: str, *, microphone: bool = True, locale: str = "en") -> Talker:
        """Open the page; without ``microphone`` the browser refuses it."""
        allowed = ["notifications", *(["microphone"] if microphone else [])]
        view = {"width": 1280, "height": 800}
        context = await browser.new_context(viewport=view, locale=locale, permissions=allowed)  # type: ignore[arg-type]
        await context.add_init_script(EAR)
        page = await context.new_page()
        page.on("dialog", lambda dialog: dialog.accept())  # "leave the page during a call?"
        await page.goto(f"{url}/")
        return cls(page, context, url)

    async def until_it_hears(self, hertz: int, seconds: float = PATIENCE) -> None:
        """Wait until one of the page's calls brings this tone."""
        await self._wait(f"() => window.__hear().some((one) => Math.abs(one - {hertz}) < 14)", seconds)

    async def until_it_hears_no(self, hertz: int, seconds: float = PATIENCE) -> None:
        """Wait until none of the page's calls brings it."""
        await self._wait(f"() => !window.__hear().some((one) => Math.abs(one - {hertz}) < 14)", seconds)

    async def _wait(self, script: str, seconds: float) -> Any:
        try:
            return await self.page.wait_for_function(script, polling=50, timeout=seconds * 1000)
        except Exception as error:
            heard = await self.page.evaluate("window.__hear()")
            states = await self.page.evaluate("window.__ears.map((ear) => ear.pc.connectionState)")
            pairs = await self.page.evaluate(PAIRS)
            raise AssertionError(f"{script}: heard {heard}, connections {states}, {pairs}") from error

    async def line(self, state: str, seconds: float = PATIENCE) -> None:
        """Wait for a state of the telephone."""
        await self.page.locator(f'[data-test="phone"][data-line="{state}"]').wait_for(timeout=seconds * 1000)

    async def microphone(self, state: str, seconds: float = PATIENCE) -> None:
        """Wait for a state of the microphone."""
        await self.page.locator(f'[data-test="phone"][data-mic="{state}"]').wait_for(timeout=seconds * 1000)

    async def ready(self) -> None:
        """Become ready."""
        await self.line("ready")
        await self.press("state-ready")
        await self.expect("state", "Ready")
