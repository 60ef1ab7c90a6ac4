"""What `cti doctor` finds out about browser telephones: our page's certificate, the PBX's WebSocket and its files."""

from __future__ import annotations

import base64
import contextlib
import http.client
import ipaddress
import secrets
import socket
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509

from cti_gateway.cli import site_files
from cti_gateway.diagnosis import Finding
from cti_gateway.secure_page import (
    BrowserFacts,
    CertificateFacts,
    PageFacts,
    SiteFacts,
    WebSocketFacts,
    diagnose_page,
    diagnose_telephones,
)
from cti_gateway.settings_types import CommandSettings, HttpTable, PbxSettings
from interaction_log.devices import split

SECONDS: Final = 5.0


def findings(settings: CommandSettings, devices: Sequence[str], conf: Path | None) -> list[Finding]:
    """All of it; nothing where no PBX has telephones in the browser. ``devices``: those of all agents."""
    with_browsers = [pbx for pbx in settings.pbx if pbx.websocket_url is not None]
    found = list(diagnose_page(page(settings.http))) if with_browsers or settings.http.certificate else []
    for pbx in with_browsers:
        found += diagnose_telephones(look(pbx, devices, conf))
    return found


# ---- Our own page ------------------------------------------------------------------------------------------------
def page(table: HttpTable) -> PageFacts:
    """How browsers reach the console."""
    host = urlsplit(table.public_url or "").hostname or ("" if table.host in ("0.0.0.0", "::") else table.host)  # noqa: S104
    return PageFacts(
        local=_is_local(table.host),
        public_url=table.public_url,
        public_host=host,
        certificate=certificate(table.certificate, table.key) if table.certificate is not None else None,
    )


def certificate(path: Path, key: Path | None) -> CertificateFacts:
    """Whether certificate and key belong together, for whom and how long they are good."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path, key)
        read = x509.load_pem_x509_certificate(path.read_bytes())
    except ssl.SSLError as error:
        return CertificateFacts(error=f"{path.name}: {error.reason or 'certificate and key do not fit'}")
    except (OSError, ValueError) as error:
        return CertificateFacts(error=f"{path.name}: {getattr(error, 'strerror', None) or 'is no certificate'}")
    left = read.not_valid_after_utc - datetime.now(UTC)
    return CertificateFacts(
        days_left=left.total_seconds() / 86_400, names=_names(read), self_signed=read.issuer == read.subject
    )


def _names(read: x509.Certificate) -> list[str]:
    with contextlib.suppress(x509.ExtensionNotFound):
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        hosts = names.get_values_for_type(x509.DNSName)
        return [*hosts, *(str(one) for one in names.get_values_for_type(x509.IPAddress))]
    return []


def _is_local(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return host == "localhost"


# ---- The PBX -----------------------------------------------------------------------------------------------------
def look(pbx: PbxSettings, devices: Sequence[str], conf: Path | None) -> BrowserFacts:
    """One PBX. Raises ``SiteFileError`` for a file that cannot be read."""
    mine = [device for of, device in map(split, devices) if of in (None, pbx.name)]
    wanted = [one for one in mine if any(fnmatchcase(one, glob) for glob in pbx.browser_devices)]
    return BrowserFacts(
        pbx=pbx.name,
        websocket=shake_hands(pbx.websocket_url or ""),
        wanted=sorted({one.partition("/")[2] for one in wanted}),
        site=site(conf) if conf is not None else None,
    )


def shake_hands(url: str) -> WebSocketFacts:
    """Ask for a WebSocket that speaks SIP (RFC 7118), and go."""
    parts = urlsplit(url)
    host, encrypted = parts.hostname or "", parts.scheme == "wss"
    local = _is_local(host)
    port = parts.port or (443 if encrypted else 80)
    connection: http.client.HTTPConnection = (
        http.client.HTTPSConnection(host, port, timeout=SECONDS)
        if encrypted
        else http.client.HTTPConnection(host, port, timeout=SECONDS)
    )
    asked = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(secrets.token_bytes(16)).decode(),
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "sip",
    }
    try:
        connection.request("GET", parts.path or "/", headers=asked)
        answer = connection.getresponse()
        status, protocol = answer.status, answer.headers.get("Sec-WebSocket-Protocol")
    except (OSError, http.client.HTTPException) as error:
        why = _why(error)
        return WebSocketFacts(url=url, answer="unreachable", detail=why, local=local, encrypted=encrypted)
    finally:
        connection.close()
    if status == http.HTTPStatus.SWITCHING_PROTOCOLS and protocol == "sip":
        return WebSocketFacts(url=url, answer="ok", local=local, encrypted=encrypted)
    no_sip = status in (http.HTTPStatus.SWITCHING_PROTOCOLS, http.HTTPStatus.BAD_REQUEST)
    return WebSocketFacts(
        url=url,
        answer="no_sip" if no_sip else "status",
        detail=f"HTTP {status}",
        local=local,
        encrypted=encrypted,
    )


def _why(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return "the host's name is not known"
    if isinstance(error, TimeoutError):
        return f"no answer in {SECONDS:.0f} seconds"
    return getattr(error, "strerror", None) or type(error).__name__


def site(folder: Path) -> SiteFacts:
    """What ``http.conf``, ``rtp.conf`` and ``pjsip.conf`` of this folder say."""
    pjsip = list(site_files.sections(folder / "pjsip.conf"))
    endpoints = {name: values for name, values in pjsip if site_files.last(values, "type") == "endpoint"}
    order = [site_files.last(values, "endpoint_identifier_order") for name, values in pjsip if name == "global"]
    identify = [values for _, values in pjsip if site_files.last(values, "type") == "identify"]
    return SiteFacts(
        http=_general(folder / "http.conf"),
        rtp=_general(folder / "rtp.conf"),
        order=next((one for one in order if one), ""),
        endpoints={name: _flat(values) for name, values in endpoints.items()},
        codecs={name: _codecs(values) for name, values in endpoints.items()},
        matches=[one.strip() for values in identify for text in values.get("match", []) for one in text.split(",")],
    )


def _general(path: Path) -> Mapping[str, str]:
    return next((_flat(values) for name, values in site_files.sections(path) if name == "general"), {})


def _flat(values: Mapping[str, list[str]]) -> dict[str, str]:
    return {key: found[-1] for key, found in values.items() if found}


def _codecs(values: Mapping[str, list[str]]) -> frozenset[str]:
    return frozenset(one.strip().lower() for text in values.get("allow", []) for one in text.split(","))
