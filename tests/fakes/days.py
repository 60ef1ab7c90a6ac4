"""Days of contacts over queues and channels, as events in the order in which they happen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from interaction_log import events as e

QUEUES = ("support", "sales", "night")
LEVELS = {"support": 20.0, "sales": 90.0, "night": 20.0}
DAYS = 2 * 86_400_000
"""Milliseconds of such a stretch."""


@dataclass(frozen=True, slots=True)
class Stay:
    """A wait in a queue of so many ms, and how it ended (``None``: it did not yet)."""

    queue: str
    wait: int
    result: e.QueueResult | None


@dataclass(frozen=True, slots=True)
class Contact:
    """``start``: ms after the beginning; ``talk``: ms with an agent, ``None``: still; ``late``: ms by which the news of
    its beginning come late; ``promised``: a callback."""

    start: int
    channel: e.Channel
    stays: tuple[Stay, ...]
    talk: int | None
    promised: bool = False
    late: int = 0


_waits = st.one_of(st.integers(0, 30_000), st.integers(0, 5_400_000))
_ends = st.sampled_from(
    ["answered", "answered", "abandoned", "abandoned", "timeout", "no_agent", "left", "pbx_lost", None]
)
contacts = st.builds(
    Contact,
    start=st.integers(0, DAYS),
    channel=st.sampled_from(["voice", "voice", "chat", "email"]),
    stays=st.lists(
        st.builds(Stay, queue=st.sampled_from(QUEUES), wait=_waits, result=_ends), min_size=1, max_size=3
    ).map(tuple),
    talk=st.none() | st.integers(0, 7_200_000),
    promised=st.booleans(),
    late=st.sampled_from([0, 0, 0, 900_000]),
)


def told(number: str, contact: Contact, begin: float) -> list[tuple[float, e.Event]]:
    """The events of a contact, each with the moment at which it becomes known (Unix seconds)."""
    at, of = begin + contact.start / 1000, f"contact-{number}"
    found: list[tuple[float, e.Event]] = []

    def tell(moment: float, event: e.Event) -> None:
        found.append((max(moment, begin + (contact.start + contact.late) / 1000), event))

    base: dict[str, Any] = {"pbx": "main", "direction": "inbound", "customer_address": None, "customer_name": None}
    tell(
        at,
        e.InteractionStarted(
            at=at, interaction_id=of, channel=contact.channel, dialled=None, unique_id="", linked_id="", **base
        ),
    )
    for n, stay in enumerate(contact.stays):
        tell(at, e.QueueEntered(at=at, interaction_id=of, queue=stay.queue))
        if stay.result is None and n == len(contact.stays) - 1:
            return found
        at += stay.wait / 1000
        going_on = n < len(contact.stays) - 1
        result = "timeout" if going_on and stay.result in ("answered", "abandoned", None) else stay.result
        assert result is not None
        tell(at, e.QueueLeft(at=at, interaction_id=of, queue=stay.queue, result=result))
        if contact.promised and not going_on and result != "answered":
            asked = e.CallbackRequested(
                at=at, callback_id=f"callback-{number}", pbx="main", queue=stay.queue, address="+8613800138000",
                since=at, expires_at=at + 86_400, requested_in=of,
            )  # fmt: skip
            tell(at, asked)
        if result == "answered":
            tell(at, e.AgentConnected(at=at, interaction_id=of, device="PJSIP/1001"))
            if contact.talk is None:
                return found
            at += contact.talk / 1000
            tell(at, e.AgentDisconnected(at=at, interaction_id=of, device="PJSIP/1001"))
            break
    tell(at, e.InteractionEnded(at=at, interaction_id=of, outcome="answered", ended_by="customer"))
    return found


def happenings(many: list[Contact], begin: float, prefix: str = "") -> list[tuple[float, e.Event]]:
    """All events of these contacts in the order in which they become known."""
    each = [
        (at, n, k, event)
        for n, one in enumerate(many)
        for k, (at, event) in enumerate(told(f"{prefix}{n}", one, begin))
    ]
    return [(at, event) for at, _n, _k, event in sorted(each, key=lambda item: item[:3])]
