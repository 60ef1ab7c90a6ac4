"""What a visitor is asked before a message or a call is the same as before a chat: queue, form, consent; and consent
texts are kept by version. Times after which conversations close, by queue."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from cti_gateway.callbacks import may_call
from cti_gateway.chat.rules import Closing
from cti_gateway.console_callbacks import ConsoleCallbacks
from interaction_log import events as e
from routing.callbacks import CallbackRules
from tests.fakes.chat_floor import QUEUE, SITE, ChatFloor, chat_floor
from webchat import wire

NAME: wire.FormField = {"code": "name", "label": {"en": "Name"}, "kind": "text", "required": True}
ORDER: wire.FormField = {"code": "order", "label": {"en": "Order"}, "kind": "text", "required": True}
RULES: dict[str, Any] = {
    "form": {"": (NAME,), "sales": (NAME, ORDER)},
    "consent": {"version": "2026-11", "text": {"en": "We keep it for 90 days."}},
    "callback": True,
}
GIVEN: dict[str, Any] = {"form": {"name": "Li Lei", "order": "17"}, "consent": "2026-11"}


async def with_callbacks(floor: ChatFloor) -> ConsoleCallbacks:
    own = ConsoleCallbacks(
        floor.hub, floor.store.callbacks, lambda number: may_call(number, "CN", False), CallbackRules()
    )
    floor.hub.dispatch.callbacks = own
    floor.hub.listen(own.noted, own.hears)
    floor.desk.take_callbacks(own)
    await own.start()
    return own


async def ask(floor: ChatFloor, visitor: Any, what: str, **more: Any) -> Any:
    """A message or a call, with what is given."""
    told = {"id": str(uuid.uuid4())} | more
    if what == "message":
        return await floor.chats.leave_message(visitor, wire.LeaveMessage(**({"text": "please write"} | told)))
    return await floor.chats.request_callback(visitor, wire.RequestCallback(**({"phone": "13800138000"} | told)))


@pytest.mark.parametrize("what", ["message", "callback"])
@pytest.mark.parametrize(
    ("more", "code", "field"),
    [
        ({"queue": "nothing", **GIVEN}, "unknown_queue", "queue"),
        ({"form": {"name": "Li"}}, "consent", "consent"),
        ({"form": {"name": "Li"}, "consent": "2026-10"}, "consent", "consent"),
        ({"consent": "2026-11"}, "form", "name"),
        ({"queue": "sales", "form": {"name": "Li"}, "consent": "2026-11"}, "form", "order"),
    ],
)
async def test_what_is_missing_is_asked_for(
    tmp_path: Path, what: str, more: dict[str, Any], code: str, field: str
) -> None:
    async with chat_floor(tmp_path, **RULES) as floor:
        await with_callbacks(floor)
        visitor = await floor.visitor()
        refused = await ask(floor, visitor, what, **more)
        assert (refused["ok"], refused["error"]["code"], refused["error"]["field"]) == (False, code, field)
        assert await floor.store.chats.of_visitor(visitor.id) == [] and not floor.log.of(e.InteractionStarted)


@pytest.mark.parametrize("what", ["message", "callback"])
@pytest.mark.parametrize("queue", ["", "sales"])
async def test_what_was_given_is_kept(tmp_path: Path, what: str, queue: str) -> None:
    async with chat_floor(tmp_path, **RULES) as floor:
        own = await with_callbacks(floor)
        visitor = await floor.visitor()
        chat = (await ask(floor, visitor, what, queue=queue, language="zh-CN", **GIVEN))["conversation"]["id"]
        stored = await floor.store.chats.conversation(chat)
        expected = {"name": "Li Lei", "order": "17"} if queue else {"name": "Li Lei"}
        assert (stored.queue, stored.consent, stored.language) == (queue or QUEUE, "2026-11", "zh-CN")
        assert stored.form == expected and stored.name == "Li Lei", "only what the form of this queue asks"
        assert {one.queue for one in floor.log.of(e.QueueEntered)} == {queue or QUEUE}
        if what == "callback":
            [wish] = own.all.values()
            assert (wish.queue, wish.name) == (queue or QUEUE, "Li Lei")


@pytest.mark.parametrize("what", ["message", "callback"])
async def test_who_waits_is_not_asked_again(tmp_path: Path, what: str) -> None:
    async with chat_floor(tmp_path, **RULES) as floor:
        await with_callbacks(floor)
        visitor = await floor.visitor()
        chat = (await floor.open(visitor, queue="sales", **GIVEN))["conversation"]["id"]
        assert (await ask(floor, visitor, what))["conversation"]["id"] == chat
        stored = await floor.store.chats.conversation(chat)
        assert (stored.queue, stored.consent, stored.form) == ("sales", "2026-11", GIVEN["form"])


async def test_what_visitors_agree_to_is_kept_with_its_version(tmp_path: Path) -> None:
    async with chat_floor(tmp_path, **RULES) as floor:
        await floor.desk.stop()
        await floor.start()  # the same again: no second row
        [kept] = await floor.store.chats.consents(SITE)
        assert (kept.version, kept.text, kept.since) == ("2026-11", {"en": "We keep it for 90 days."}, floor.now)


async def test_conversations_of_a_queue_close_at_its_own_times(tmp_path: Path) -> None:
    rules = {"closing": Closing(idle=60.0), "closing_of": {"sales": Closing(idle=600.0, warning=30.0, gone=0.0)}}
    async with chat_floor(tmp_path, **rules) as floor:
        for name, queue, closes in (("v1", QUEUE, 180), ("v2", "sales", 630)):
            visitor = await floor.visitor(name)
            await floor.sign_in("anna")
            chat = (await floor.open(visitor, queue=queue))["conversation"]["id"]
            assert await floor.answer(chat) == {"ok": True}
            await floor.send(chat, "an answer")
            assert floor.desk.rooms.all[chat].idle_at == floor.now + closes
            floor.chats.presence(visitor, 0)
            assert floor.desk.clocks.timers.running(f"gone:{chat}") is (queue == QUEUE)
            await floor.chats.leave(visitor)
            await floor.close(chat)
            await floor.settled()
