"""What a web site with our widget may do, as the visitors' server needs it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from webchat.tokens import UserKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much is taken. Rates are per second in the long run, bursts at once; an address is an IPv6 /64."""

    lines_per_minute: float = 40.0
    """Of one conversation."""
    line_burst: float = 15.0
    address_lines_per_second: float = 20.0
    address_line_burst: float = 200.0
    site_lines_per_second: float = 2_000.0
    site_line_burst: float = 4_000.0
    address_visitors_per_minute: float = 30.0
    """New tokens from one address."""
    address_visitor_burst: float = 60.0
    site_visitors_per_second: float = 50.0
    site_visitor_burst: float = 500.0
    address_conversations_per_hour: float = 60.0
    address_conversation_burst: float = 30.0
    address_connections: int = 100
    site_connections: int = 10_000
    tabs: int = 12
    """Connections of one visitor."""
    files: int = 20
    """Of one conversation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One site. ``origins``: its pages, as browsers name them. ``keys``: with which it signs its users; ``issuer`` and
    ``audience``: what its tokens must say. Seconds: ``token_seconds`` a visitor's token lives after it was used last,
    ``user_seconds`` a signed token may live at most."""

    key: str
    origins: tuple[str, ...]
    keys: tuple[UserKey, ...] = ()
    issuer: str = ""
    audience: str = "callweave"
    token_seconds: float = 30 * 86_400.0
    user_seconds: float = 600.0
    files: bool = True
    file_bytes: int = 5_000_000
    proof_bits: int = 0
    """Work asked for a new token; 0: none."""
    busy_proof_bits: int = 0
    """The same while new visitors come faster than half of ``site_visitors_per_second``."""
    limits: Limits = field(default_factory=Limits)

    def allows(self, origin: str | None, own: bool) -> bool:
        """Whether a page of this origin may use it. ``own``: it is a page of ours; no origin: no browser's page."""
        return origin is None or own or normal_origin(origin) in {normal_origin(one) for one in self.origins}


_PORTS: Mapping[str, int] = {"http": 80, "https": 443}


def normal_origin(text: str) -> str | None:
    """``scheme://host:port``; ``None``: that is no origin of a web page."""
    try:
        parts = urlsplit(text)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/") or parts.username is not None:
        return None
    return f"{parts.scheme}://{parts.hostname.lower()}:{port}"
