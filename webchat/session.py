"""What a visitor's connection may do: one table. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from webchat.wire import VISITOR_COMMANDS

Stage = Literal["new", "joining", "in", "closing"]
"""Of a connection: nobody signed in yet; the token is looked at; he is in; nothing is taken any more."""
Kind = Literal["write", "begin", "read", "sign"]
"""``write``: acknowledged after its commit, against the limits of lines; ``begin``: the same, against those of
conversations; ``read``: asks; ``sign``: passes by, thinned out, acknowledged at once, never kept."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One command. ``every``: a sign is passed on at most once in so many seconds, the last one always."""

    kind: Kind
    every: float = 0.0


TABLE: Final[Mapping[str, Rule]] = {
    "open": Rule("begin"),
    "say": Rule("write"),
    "typing": Rule("sign", every=1.0),
    "seen": Rule("sign", every=0.5),
    "fetch": Rule("read"),
    "leave": Rule("write"),
    "leave_message": Rule("begin"),
    "request_callback": Rule("begin"),
    "cancel_callback": Rule("write"),
    "rate": Rule("write"),
    "page": Rule("sign", every=1.0),
    "mail_transcript": Rule("write"),
    "cobrowse": Rule("write"),
    "cobrowse_frame": Rule("sign"),
}
assert set(TABLE) == set(VISITOR_COMMANDS)

NEXT: Final[Mapping[tuple[Stage, str], Stage]] = {
    ("new", "connect"): "joining",
    ("joining", "accepted"): "in",
    ("joining", "refused"): "closing",
    ("in", "left"): "closing",
    ("in", "close"): "closing",
    ("new", "close"): "closing",
    ("joining", "close"): "closing",
}
"""All that happens to a connection; what does not stand here ends it (signing in twice, an event before)."""


def after(stage: Stage, event: str) -> Stage:
    """The next stage."""
    return NEXT.get((stage, event), "closing")


def rule_of(stage: Stage, name: str) -> Rule | None:
    """Whether a command may be taken now, and how; ``None``: not."""
    return TABLE.get(name) if stage == "in" else None
