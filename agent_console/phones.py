"""Telephones in the browser: which devices are such, where their PBX is, what they sign in with. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import quote

from interaction_log.devices import split


@dataclass(frozen=True, slots=True)
class Account:
    """What one browser telephone registers with. ``username`` is also the user of its SIP address."""

    pbx: str
    device: str
    username: str
    password: str = field(repr=False)
    domain: str

    @property
    def sip_uri(self) -> str:
        """Its address."""
        return f"sip:{self.username}@{self.domain}"

    @property
    def ws_path(self) -> str:
        """Where on our own origin its WebSocket is."""
        return f"/sip/{quote(self.pbx, safe='')}"


@dataclass(frozen=True, slots=True)
class BrowserPhones:
    """The browser telephones of one PBX.

    ``devices``: globs (``fnmatch``) as ``PJSIP/11??``. ``secrets``: SIP password by user name (``1101``), ``secret``
    for those that are not named. ``websocket_url``: Asterisk's ``ws://host:port/ws``.
    """

    pbx: str
    websocket_url: str
    devices: Sequence[str]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret: str | None = field(default=None, repr=False)
    domain: str = "callweave.invalid"
    """The host of SIP addresses. Asterisk does not look at it; nothing is ever resolved."""

    def account(self, device: str) -> Account | None:
        """The account of a device; ``None`` where it is no browser telephone or has no password."""
        username = device.partition("/")[2]
        if not username or not any(fnmatchcase(device, glob) for glob in self.devices):
            return None
        password = self.secrets.get(username, self.secret)
        return None if password is None else Account(self.pbx, device, username, password, self.domain)


def account_of(phones: Iterable[BrowserPhones], devices: Iterable[str], pbx: str | None = None) -> Account | None:
    """The first of these devices that is a browser telephone (of this PBX)."""
    known = [one for one in phones if pbx is None or one.pbx == pbx]
    seats = [split(device) for device in devices]
    found = (one.account(device) for named, device in seats for one in known if named in (None, one.pbx))
    return next((account for account in found if account is not None), None)
