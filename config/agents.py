"""The ``[agents]`` and ``[supervision]`` sections: limits of states and offers, what supervisors may do silently."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, Strict, model_validator

_Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
_Alarm = Annotated[int, Strict(), Field(ge=0, le=86_400)]
_Bool = Annotated[bool, Strict()]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class PauseLimit(_Table):
    """How long an agent may be not ready for one reason, and what happens then. Supervisors are told in any case."""

    reason: _Code
    seconds: Annotated[int, Strict(), Field(ge=1, le=86_400)]
    action: Literal["notice", "ready", "logged_out"] = "notice"


_Share = Annotated[int, Strict(), Field(ge=1, le=1_000)]


class CapacityTable(_Table):
    """``[agents.capacity]``: one budget of an agent over all channels, and what a contact of each takes of it."""

    budget: _Share = 100
    voice: _Share = 100
    chat: _Share = 33
    email: _Share = 50
    call_interrupts: tuple[Literal["chat", "email"], ...] = ("email",)
    """Beside these a call is taken even where they leave no room for it."""
    interrupts: dict[Literal["voice", "chat", "email"], tuple[Literal["voice", "chat", "email"], ...]] = {}
    """The same for other channels: what comes, and beside which it is taken anyway. ``{ chat = ["email"] }``."""
    wrap_up: Literal["everything", "weight"] = "everything"
    """What the wrap-up of a chat or mail keeps away until it is over: everything new, or what does not fit beside its
    weight (her state stays then, and each wrap-up has its own time)."""

    @model_validator(mode="after")
    def _each_fits(self) -> Self:
        for name in ("voice", "chat", "email"):
            if getattr(self, name) > self.budget:
                raise ValueError(f"{name}: takes more than the budget, so nobody could ever have one")
        return self


class Agents(_Table):
    """Limits of all agents. Seconds; 0 switches an alarm off."""

    missed_offers: Annotated[int, Strict(), Field(ge=0, le=1_000)] = 3
    """So many calls in a row that she does not answer make her not ready. 0: never."""
    offered_alarm_seconds: _Alarm = 120
    wrap_up_alarm_seconds: _Alarm = 900
    dead_call_alarm_seconds: _Alarm = 60
    voice_first_seconds: Annotated[float, Field(ge=0, le=60)] = 6.0
    """At most so long an agent who becomes free is left to a caller who waits longer than her next chat or mail, if
    Asterisk, whom we cannot ask why, does not ring her: a second more than ``retry`` in ``queues.conf`` (5 there)."""
    pause: tuple[PauseLimit, ...] = ()
    capacity: CapacityTable = CapacityTable()

    @model_validator(mode="after")
    def _reasons_differ(self) -> Self:
        reasons = [one.reason for one in self.pause]
        if len(set(reasons)) < len(reasons):
            raise ValueError("pause: two have the same reason")
        return self


class Supervision(_Table):
    """Listening, whispering, barging in. Each needs a reason, which the audit trail keeps."""

    tell_agent: _Bool = False
    """Whether the agent is told while somebody listens. Ask your lawyer: in many countries she must be."""
    timezone: Annotated[str, Field(max_length=64)] = ""
    """In which a day of the live figures begins and quiet hours count (IANA). Empty: that of the first
    ``[[entry.hours]]``, else UTC."""

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if self.timezone:
            try:
                ZoneInfo(self.timezone)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError("timezone: is no known time zone") from None
        return self
