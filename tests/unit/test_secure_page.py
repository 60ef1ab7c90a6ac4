"""What `cti doctor` says of telephones in the browser."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cti_gateway.cli import browser_telephones
from cti_gateway.secure_page import (
    BrowserFacts,
    CertificateFacts,
    PageFacts,
    SiteFacts,
    WebSocketFacts,
    diagnose_page,
    diagnose_telephones,
)
from tests.fakes.certificate import self_signed

SAMPLE = Path(__file__).parents[2] / "config" / "asterisk"
WS = WebSocketFacts(url="ws://127.0.0.1:8088/ws", answer="ok")
GOOD = {"webrtc": "yes", "dtls_auto_generate_cert": "yes", "rtp_timeout": "5"}


def codes(found: Any) -> set[str]:
    return {one.code for one in found if one.severity != "ok"}


def site(codecs: str = "opus,ulaw", **more: Any) -> SiteFacts:
    endpoint = {**GOOD, **more.pop("endpoint", {})}
    facts = {
        "http": {"enabled": "yes", "bindaddr": "127.0.0.1", "sessionlimit": "1000"},
        "endpoints": {"1101": endpoint},
        "codecs": {"1101": frozenset(codecs.split(","))},
    }
    return SiteFacts(**facts | more)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (site(), set()),
        (None, {"browser-files"}),
        (site(endpoints={}), {"endpoint-missing"}),
        (site(endpoint={"webrtc": "no"}), {"endpoint-webrtc"}),
        (site(endpoint={"dtls_auto_generate_cert": "no"}), {"endpoint-dtls"}),
        (site(endpoint={"rtp_timeout": "0"}), {"endpoint-rtp-timeout"}),
        (site(codecs="g729"), {"endpoint-codecs"}),
        (site(http={"enabled": "no", "sessionlimit": "1000"}), {"http-disabled"}),
        (site(http={"enabled": "yes", "bindaddr": "0.0.0.0"}), {"http-open", "http-sessions"}),
        (site(rtp={"icesupport": "no"}), {"rtp-ice"}),
        (site(matches=["127.0.0.1/32"]), {"identify-swallows"}),
        (site(matches=["127.0.0.1"], order="username,ip"), set()),
        (site(matches=["10.0.0.1"]), set()),
    ],
)
def test_the_pbx_side(facts: SiteFacts | None, expected: set[str]) -> None:
    found = diagnose_telephones(BrowserFacts(pbx="main", websocket=WS, wanted=["1101"], site=facts))
    assert codes(found) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (PageFacts(local=True), {"page-local"}),
        (PageFacts(local=False), {"page-insecure"}),
        (PageFacts(local=True, public_url="http://desk.example"), {"page-insecure"}),
        (PageFacts(local=True, public_url="https://desk.example"), set()),
        (
            PageFacts(
                local=False, public_host="desk.example", certificate=CertificateFacts(days_left=90, names=["*.example"])
            ),
            set(),
        ),
        (
            PageFacts(
                local=False, public_host="desk.example", certificate=CertificateFacts(days_left=-2, names=["b.example"])
            ),
            {"certificate-expired", "certificate-name"},
        ),
        (
            PageFacts(local=False, certificate=CertificateFacts(days_left=3, self_signed=True)),
            {"certificate-soon", "certificate-self-signed"},
        ),
        (PageFacts(local=False, certificate=CertificateFacts(error="x")), {"certificate"}),
    ],
)
def test_our_own_page(facts: PageFacts, expected: set[str]) -> None:
    assert codes(diagnose_page(facts)) == expected


def test_our_sample_is_well(tmp_path: Path) -> None:
    for name in ("http.conf", "rtp.conf", "pjsip.conf"):
        (tmp_path / name).write_text((SAMPLE / name).read_text())
    with (tmp_path / "pjsip.conf").open("a") as file:  # several sections of one name, of which one has a template
        file.write("\n[1101](browser)\nauth = 1101\naors = 1101\n[1101]\ntype = auth\n[1101]\ntype = aor\n")
    found = browser_telephones.site(tmp_path)
    assert found.endpoints["1101"]["webrtc"] == "yes"
    assert {"opus", "ulaw"} <= found.codecs["1101"]
    telephones = BrowserFacts(pbx="main", websocket=WS, wanted=["1101"], site=found)
    assert not [one for one in diagnose_telephones(telephones) if one.severity == "error"]


def test_a_certificate_is_read(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path, "desk.example", days=10)
    found = browser_telephones.certificate(certificate, key)
    assert (found.error, found.self_signed, list(found.names)) == ("", True, ["desk.example", "127.0.0.1"])
    assert 9 < found.days_left <= 10
    key.write_text("no key")
    assert browser_telephones.certificate(certificate, key).error.startswith("desk.pem: ")
    assert "No such file" in browser_telephones.certificate(tmp_path / "none.pem", None).error


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         b"Sec-WebSocket-Protocol: sip\r\n\r\n", "ok"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "no_sip"),
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "no_sip"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "status"),
        (b"what?\r\n\r\n", "unreachable"),
    ],
)  # fmt: skip
async def test_the_handshake(answer: bytes, expected: str) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        assert b"Sec-WebSocket-Protocol: sip" in asked
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        found = await asyncio.to_thread(browser_telephones.shake_hands, f"ws://127.0.0.1:{port}/ws")
    assert found.answer == expected
    assert found.local and not found.encrypted
