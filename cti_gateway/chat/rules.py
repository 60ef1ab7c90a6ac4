"""What a site decides about its chats, as the runtime needs it. Pure; made of the configuration elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from webchat.wire import ConsentText, FormField, Invitation


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """When a conversation closes by itself; seconds, 0: never. ``idle``: so long after an agent's last line a silent
    visitor is asked whether he is still there; ``warning``: so long after that it closes. ``gone``: so long after his
    last connection went away it closes."""

    idle: float = 600.0
    warning: float = 120.0
    gone: float = 1_800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRules:
    """One site. Times in seconds, 0: never. ``queues``: the PBX (empty: none) of each queue that may be chosen.

    ``form``: the pre-chat form by queue; that under the empty name is for all others. ``closing``: when conversations
    close by themselves, ``closing_of`` by queue, where it differs.
    """

    key: str
    queues: Mapping[str, str]
    form: Mapping[str, tuple[FormField, ...]] = field(default_factory=dict)
    consent: ConsentText | None = None
    message: bool = True
    callback: bool = False
    files: bool = False
    file_bytes: int = 5_000_000
    trail: bool = False
    cobrowse: bool = False
    invitations: tuple[Invitation, ...] = ()
    theme: Mapping[str, str] = field(default_factory=dict)
    proof_bits: int = 0
    closing: Closing = Closing()
    closing_of: Mapping[str, Closing] = field(default_factory=dict)
    transcripts: int = 3
    """So many mails may be asked for in one conversation."""

    def form_of(self, queue: str) -> tuple[FormField, ...]:
        """What is asked before a chat with this queue."""
        return self.form.get(queue, self.form.get("", ()))

    def closing_in(self, queue: str) -> Closing:
        """When conversations of this queue close by themselves."""
        return self.closing_of.get(queue, self.closing)


def form_fault(fields: tuple[FormField, ...], given: Mapping[str, str]) -> str | None:
    """The first field whose answer is missing or none of the choices. What the form does not ask is not kept."""
    for one in fields:
        answer = given.get(one["code"], "").strip()
        if (one["required"] and not answer) or (answer and one["kind"] == "choice" and answer not in one["choices"]):
            return one["code"]
    return None


def name_in(fields: tuple[FormField, ...], given: Mapping[str, str]) -> str | None:
    """The name that was typed: the answer to the field ``name``."""
    known = any(one["code"] == "name" for one in fields)
    return given.get("name", "").strip()[:80] or None if known else None
