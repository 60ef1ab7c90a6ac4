"""The ``[entry]`` section: what is answered when the dialplan asks at call entry."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, model_validator


def _network(text: str) -> str:
    ipaddress.ip_network(text, strict=False)
    return text


_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,80}$")]
_MaybeName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{0,80}$")]
_Pattern = Annotated[str, Field(pattern=r"^[0-9+*#?\[\]!-]{1,40}$")]
_Count = Annotated[int, Strict(), Field(ge=0, le=10_000)]
_Priority = Annotated[int, Strict(), Field(ge=0, le=1_000)]
_Bool = Annotated[bool, Strict()]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class EntryHours(_Table):
    """Business hours with a name. See ``docs/call-entry.md`` for how the texts are written."""

    name: _Name
    timezone: Annotated[str, Field(min_length=1, max_length=80)]
    periods: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    holidays: tuple[Path, ...] = ()
    """iCalendar files."""


class EntryQueue(_Table):
    """How calls of one queue are let in."""

    name: _Name
    pbx: _MaybeName = ""
    """May be left out when there is one PBX."""
    dialled: tuple[_Pattern, ...] = ()
    """Numbers (globs) of this queue, for a dialplan that names no queue when it asks."""
    hours: _MaybeName = ""
    """The name of an ``[[entry.hours]]``; without it always open."""
    closed: _MaybeName = ""
    """Where calls go outside the hours: the dialplan's word (an extension or a queue)."""
    priority: _Priority = 0
    vip_priority: _Priority = 10
    language: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,20}$")] = ""
    overflow: _MaybeName = ""
    overflow_waiting: _Count = 0
    overflow_without_agents: _Bool = False
    last_agent_days: _Count = 0
    agent_seconds: Annotated[int, Strict(), Field(ge=1, le=300)] = 15
    agent_queue: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]*\{phone\}[A-Za-z0-9_.-]*$")] = "agent-{phone}"
    callback: _Bool = False
    callback_waiting: _Count = 1
    callback_by: Literal["console", "queue"] = "console"


class Entry(_Table):
    """The question at call entry (FastAGI)."""

    host: Annotated[str, Field(min_length=1, max_length=255)] = "127.0.0.1"
    port: Annotated[int, Strict(), Field(ge=1, le=65535)] = 4573
    socket: Path = Path("var/entry.sock")
    """Between the process in front and the gateway."""
    patience_milliseconds: Annotated[int, Strict(), Field(ge=50, le=5_000)] = 800
    front: _Bool = True
    """Whether the gateway starts the process in front itself; false: ``cti agi-front`` runs on its own."""
    allowed: tuple[Annotated[str, AfterValidator(_network)], ...] = ()
    """Networks that may ask; empty: everybody who can connect."""
    callback_attempts: Annotated[int, Strict(), Field(ge=1, le=20)] = 3
    callback_retry_seconds: Annotated[int, Strict(), Field(ge=1, le=86_400)] = 600
    callback_expire_hours: Annotated[int, Strict(), Field(ge=1, le=240)] = 8
    callback_abroad: _Bool = False
    """Whether numbers of other countries than ``[phone] default_region`` are called back."""
    queue: tuple[EntryQueue, ...] = ()
    hours: tuple[EntryHours, ...] = ()

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        names = [one.name for one in self.hours]
        if len(set(names)) < len(names):
            raise ValueError("hours: two have the same name")
        for number, one in enumerate(self.queue):
            if one.hours and one.hours not in names:
                raise ValueError(f"queue[{number}].hours: names no [[entry.hours]]")
        return self
