"""Events for tests of the log: one ordinary call, many calls at once, and anything at all (hypothesis)."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from interaction_log import events as e
from interaction_log.identity import interaction_id

QUEUES = ("support", "sales", "售后")
DEVICES = ("PJSIP/1001", "PJSIP/1002", "SIP/203")


def call(n: int, at: float = 1_795_293_080.15, caller: str = "+8613800138000", pbx: str = "main") -> Iterator[e.Event]:
    """An inbound call through a queue, answered, with notes: 14 events as they follow each other."""
    unique = f"{at:.3f}.{n}"
    of = interaction_id(pbx, "test", unique)
    device, agent = f"PJSIP/{1001 + n % 10}", f"agent{n % 10}"
    yield e.InteractionStarted(
        at=at,
        interaction_id=of,
        pbx=pbx,
        channel="voice",
        direction="inbound",
        customer_address=caller,
        customer_name="王小明",
        dialled="800",
        unique_id=unique,
        linked_id=unique,
    )
    yield e.QueueEntered(at=at, interaction_id=of, queue="support", position=1)
    found = {"id": f"c{n}", "name": "王小明", "phones": [caller], "emails": [], "organisation": None}
    yield e.CallerFound(
        at=at, interaction_id=of, strength="known", customer={**found, "language": "zh-CN", "vip": True, "notes": None}
    )
    yield e.InteractionOffered(
        at=at + 1, interaction_id=of, offer_id=f"{n}/1", device=device, source="queue", queue="support"
    )
    yield e.AgentStateChanged(at=at + 1, agent=agent, state="OFFERED", interaction_id=of)
    yield e.ChannelAttached(at=at + 1, interaction_id=of, unique_id=f"{unique}.2", linked_id=unique)
    yield e.OfferEnded(
        at=at + 5, interaction_id=of, offer_id=f"{n}/1", device=device, result="answered", ring_seconds=4.0
    )
    yield e.QueueLeft(at=at + 5, interaction_id=of, queue="support", result="answered")
    yield e.AgentConnected(at=at + 5, interaction_id=of, device=device)
    yield e.AgentStateChanged(at=at + 5, agent=agent, state="BUSY", interaction_id=of)
    yield e.AgentDisconnected(at=at + 60, interaction_id=of, device=device)
    yield e.InteractionEnded(at=at + 60, interaction_id=of, outcome="answered", ended_by="customer")
    yield e.AgentStateChanged(at=at + 60, agent=agent, state="WRAP_UP", until=at + 90, interaction_id=of)
    yield e.InteractionWrappedUp(at=at + 70, interaction_id=of, agent=agent, disposition="resolved", notes="好")


def calls(count: int, at_once: int, first: int = 0) -> Iterator[e.Event]:
    """``count`` calls, ``at_once`` of them at a time, their events interleaved."""
    waiting = iter(range(first, first + count))
    running: list[Iterator[e.Event]] = []
    while True:
        running += [call(n, 1_795_293_080.15 + n) for _, n in zip(range(at_once - len(running)), waiting, strict=False)]
        if not running:
            return
        still = []
        for one in running:
            event = next(one, None)
            if event is not None:
                still.append(one)
                yield event
        running = still


_TIMES = st.none() | st.floats(1_700_000_000, 1_900_000_000)
_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


def _values(name: str, hint: Any) -> st.SearchStrategy[Any]:
    if name in ("at", "started_at", "answered_at", "until"):
        return _TIMES
    if name == "queue":
        return st.sampled_from(QUEUES) if hint is str else st.none() | st.sampled_from(QUEUES)
    if name == "device":
        return st.sampled_from(DEVICES)
    if name in ("offer_id", "transfer_id", "unique_id", "linked_id"):
        return st.sampled_from(("1", "2", "3"))
    if name == "customer":
        return st.none() | st.fixed_dictionaries({"id": _TEXT, "name": _TEXT})
    return _of_type(hint)


def _of_type(hint: Any) -> st.SearchStrategy[Any]:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return st.sampled_from(inner)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*(_of_type(one) for one in inner))
    if origin is list:
        return st.lists(_of_type(inner[0]), max_size=2)
    if origin is dict:
        return st.dictionaries(_TEXT, _TEXT, max_size=2)
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: _TEXT,
        bool: st.booleans(),
        int: st.integers(0, 9),
        float: st.floats(0, 9_000),
        type(None): st.none(),
    }
    return simple[hint]


def events_of(cls: type[e.Event], **fixed: Any) -> st.SearchStrategy[e.Event]:
    """Any event of this class; ``fixed`` fields as given."""
    hints = typing.get_type_hints(cls)
    parts = {f.name: _values(f.name, hints[f.name]) for f in dataclasses.fields(cls) if f.name not in fixed}
    return st.builds(cls, **parts, **{name: st.just(value) for name, value in fixed.items()})


INTERACTION_EVENTS = [cls for cls in e.TYPES.values() if issubclass(cls, e.InteractionEvent)]


def histories(ids: tuple[str, ...] = ("A", "B", "C")) -> st.SearchStrategy[list[e.Event]]:
    """Starts of some interactions, then anything about them in any order."""
    anything = [events_of(cls, interaction_id=of) for cls in INTERACTION_EVENTS for of in ids]
    starts = st.tuples(*(events_of(e.InteractionStarted, interaction_id=of) for of in ids))
    return st.tuples(starts, st.lists(st.one_of(anything), max_size=30)).map(lambda both: [*both[0], *both[1]])
