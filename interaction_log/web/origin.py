"""Where a request comes from: the browser's ``Origin``, and the address behind trusted proxies. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

Header = tuple[bytes, bytes]
DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def header(headers: Iterable[Header], name: bytes) -> str | None:
    """The value of a header; ``None`` where it is absent or given more than once."""
    found = [value for key, value in headers if key == name]
    return found[0].decode("latin-1") if len(found) == 1 else None


def same_host(origin: str, host: str | None, public_url: str | None = None) -> bool:
    """Whether a page of ``origin`` is a page of ours: the host that was asked, or that of ``public_url``.

    The scheme may differ, because a proxy may end the TLS.
    """
    page = _host_and_port(origin)
    if page is None:
        return False
    scheme = urlsplit(origin).scheme
    ours = [_host_and_port(f"{scheme}://{host}") if host else None]
    ours.append(_host_and_port(public_url) if public_url else None)
    return page in ours


def _host_and_port(url: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if not parts.hostname or port is None or parts.path not in ("", "/") or parts.username is not None:
        return None
    return parts.hostname.lower(), port


def from_our_page(headers: Sequence[Header], public_url: str | None) -> bool | None:
    """``True``: a page of ours asked; ``False``: a foreign page did; ``None``: the request does not say."""
    origins = [value for key, value in headers if key == b"origin"]
    if origins:
        return len(origins) == 1 and same_host(origins[0].decode("latin-1"), header(headers, b"host"), public_url)
    site = header(headers, b"sec-fetch-site")
    if site is None or site == "none":
        return None
    return site == "same-origin"


def client_address(scope: Any, trusted_proxies: Sequence[str]) -> str:
    """The peer's address; behind proxies that are trusted the last address which is not one of theirs."""
    peer = scope.get("client")
    address = str(peer[0]) if peer else "unknown"
    if not _trusted(address, trusted_proxies):
        return address
    for hop in reversed(_forwarded(scope["headers"])):
        if not _is_address(hop):
            return address
        address = hop
        if not _trusted(hop, trusted_proxies):
            return address
    return address


def _forwarded(headers: Iterable[Header]) -> list[str]:
    lines = [value.decode("latin-1") for key, value in headers if key == b"x-forwarded-for"]
    return [hop.strip() for line in lines for hop in line.split(",")]


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _trusted(address: str, networks: Sequence[str]) -> bool:
    try:
        return any(ip_address(address) in ip_network(network, strict=False) for network in networks)
    except ValueError:
        return False
