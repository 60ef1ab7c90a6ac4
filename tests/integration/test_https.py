"""The console by https with a certificate of its own: browsers give the microphone there, and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright, expect

from tests.fakes.browser import FLAGS, chromium_path, need_app
from tests.fakes.certificate import self_signed
from tests.fakes.program import PASSWORD, Program, prepare
from tests.pbx.asterisk import free_port

HOST = "desk.example"
ASK = """async () => {
  if (!window.isSecureContext || !navigator.mediaDevices) return 'no microphone here'
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true })
  return stream.getAudioTracks().length + ' track'
}"""


async def start(folder: Path, more: str) -> Program:
    config = await prepare(folder, port=free_port(), secret="nobody is there")
    config.write_text(config.read_text().replace("port = 0\n", f"port = 0\n{more}", 1))
    return Program(folder, "--config", str(config))


@pytest_asyncio.fixture(loop_scope="session")
async def page() -> AsyncIterator[Any]:
    """A page whose browser takes HOST for this computer: only loopback is secure without https."""
    need_app()
    sound = ["--use-fake-device-for-media-stream", f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=[*FLAGS, *sound])
        context = await browser.new_context(ignore_https_errors=True, locale="en", permissions=["microphone"])
        try:
            yield await context.new_page()
        finally:
            await browser.close()


@pytest.mark.real("chromium")
async def test_a_browser_gets_its_microphone_and_its_sockets_by_https(page: Any, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path, HOST)
    async with await start(tmp_path, f'certificate = "{certificate.name}"\nkey = "{key.name}"\n') as program:
        assert program.url.startswith("https://127.0.0.1:")
        port = program.url.rpartition(":")[2]
        await page.goto(f"https://{HOST}:{port}/")
        assert await page.evaluate(ASK) == "1 track"
        await page.locator('[data-test="username"]').locator("visible=true").first.fill("anna")
        await page.locator('[data-test="password"]').locator("visible=true").first.fill(PASSWORD)
        await page.keyboard.press("Enter")
        # the snapshot came over wss: her own name stands there
        await expect(page.locator('[data-test="state-panel"]').first).to_be_visible(timeout=20_000)
        cookies = await page.context.cookies()
        assert [one["secure"] for one in cookies] == [True]
        assert await program.end() == 0


@pytest.mark.real("chromium")
async def test_without_https_there_is_none(page: Any, tmp_path: Path) -> None:
    async with await start(tmp_path, "") as program:
        port = program.url.rpartition(":")[2]
        await page.goto(f"http://{HOST}:{port}/")
        assert await page.evaluate(ASK) == "no microphone here"


async def test_a_key_of_another_certificate_stops_the_start(tmp_path: Path) -> None:
    certificate, _ = self_signed(tmp_path, HOST)
    other = tmp_path / "other"
    other.mkdir()
    _, key = self_signed(other, HOST)
    program = await start(tmp_path, f'certificate = "{certificate.name}"\nkey = "other/{key.name}"\n')
    with pytest.raises(RuntimeError, match="certificate or key cannot be used"):
        async with program:
            pass
