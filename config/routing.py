"""How contacts of a queue are distributed: the keys of ``[[queue]]`` that ``docs/routing.md`` explains."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, Strict, model_validator

from config.entry import EntryHours

_Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
_QueueName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,80}$")]
_Level = Annotated[int, Strict(), Field(ge=1, le=5)]
_Seconds = Annotated[int, Strict(), Field(ge=0, le=86_400)]
_Some = Annotated[int, Strict(), Field(ge=1, le=86_400)]
_User = Annotated[str, Field(min_length=1, max_length=80)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Hours(EntryHours):
    """``[[hours]]``: business hours with a name, as ``[[entry.hours]]``; queues name them."""


class Ring(_Table):
    """From ``after`` seconds of waiting on: least levels by skill, and which more of is better."""

    after: _Seconds = 0
    needs: dict[_Code, _Level] = {}
    preferred: dict[_Code, _Level] = {}


class Overflow(_Table):
    """After so long the contact stands in the line of ``queue`` too (of the same PBX, else of none)."""

    after: _Some
    queue: _QueueName


class Distribution(_Table):
    """Keys of a queue for what has no telephone: chats, mails, callbacks."""

    agents: tuple[_User, ...] = ()
    """User names (globs) who serve it beside the PBX's members. A queue of no PBX without any: whose skills fit."""
    teams: tuple[_Code, ...] = ()
    """Only agents of one of these; none: all."""
    hours: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{0,80}$")] = ""
    """The name of a ``[[hours]]`` or ``[[entry.hours]]``; without it always open."""
    head_start: _Seconds = 0
    """As good as having waited so much longer; ``vip_head_start`` beside it for a VIP."""
    vip_head_start: _Seconds = 60
    order: Literal["longest_idle", "least_occupied", "most_skilled"] = "longest_idle"
    offer_seconds: _Some = 20
    again_seconds: _Seconds = 60
    """So long it is not offered again to who declined it or let it pass."""
    own_agent: tuple[Literal["customer", "last"], ...] = ("customer", "last")
    """Whom it waits for, ``patience`` seconds: who looks after the customer, who had the last contact with him."""
    patience: _Seconds = 30
    longest_wait: _Seconds = 0
    """After so long in line ``then`` follows; 0: never."""
    then: Literal["message", "callback", "close"] = "message"
    ring: tuple[Ring, ...] = ()
    overflow: tuple[Overflow, ...] = ()

    @model_validator(mode="after")
    def _rings_follow(self) -> Self:
        after = [one.after for one in self.ring]
        if after and (after[0] != 0 or after != sorted(set(after))):
            raise ValueError("ring: the first has after = 0, each further one a greater after")
        return self
