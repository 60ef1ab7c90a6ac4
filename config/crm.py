"""The ``[crm]`` section: the site's own page of a customer, which the console opens beside a call."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

PLACEHOLDERS: Final = frozenset({"e164", "customer_id", "interaction_id", "queue", "pbx", "agent"})
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_SIGNS: Final = re.compile(r"[!-~]+")  # printable ASCII: what is not must be percent-encoded in an address


def check(text: str) -> str:
    """The address, if the console may open it. Raises ``ValueError`` that says why not, without the value."""
    if not _SIGNS.fullmatch(text) or set(text) & set('<>"\\^`|'):
        raise ValueError("holds characters that an address must not have")
    unknown = {one for one in _PLACEHOLDER.findall(text) if one not in PLACEHOLDERS}
    if unknown or set(_PLACEHOLDER.sub("", text)) & {"{", "}"}:
        raise ValueError("placeholders are " + ", ".join(f"{{{one}}}" for one in sorted(PLACEHOLDERS)))
    parts = urlsplit(text)
    if "{" in parts.scheme + parts.netloc or parts.username is not None:
        raise ValueError("the host must be written out, without a placeholder, name or password")
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and _is_here(parts.hostname))):
        raise ValueError("https://… is needed (http only on this computer)")
    return text


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_Url = Annotated[str, Field(max_length=2_000), AfterValidator(check)]
_OpenOn = Literal["ring", "answer", "click"]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class CrmQueue(_Table):
    """Another page, or another moment, for the calls of one queue (of one PBX)."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,80}$")]
    pbx: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,80}$")] | None = None
    url: _Url | None = None
    open_on: _OpenOn | None = None


class Crm(_Table):
    """``url`` with placeholders, as ``https://crm.example/c?tel={e164}``; ``open_on``: by itself or by a button."""

    url: _Url
    open_on: _OpenOn = "click"
    queue: tuple[CrmQueue, ...] = ()

    def pages(self) -> list[dict[str, str | None]]:
        """The rules in the order in which they are tried: ``wire.CrmPage``."""
        order = sorted(self.queue, key=lambda one: one.pbx is None)
        found: list[dict[str, str | None]] = [
            {"queue": q.name, "pbx": q.pbx, "url": q.url or self.url, "open_on": q.open_on or self.open_on}
            for q in order
        ]
        return [*found, {"queue": None, "pbx": None, "url": self.url, "open_on": self.open_on}]
