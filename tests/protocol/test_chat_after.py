"""What comes beside and after a chat: messages, callbacks, rating, transcripts by mail, co-browsing, who it is."""

from __future__ import annotations

import asyncio
import uuid
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent_console import wire
from cti_gateway.callbacks import may_call
from cti_gateway.console_callbacks import ConsoleCallbacks
from email_channel.tokens import token_of
from interaction_log import events as e
from interaction_log.records import Conflict
from interaction_log.store.callbacks import StoredCallbacks
from routing.acd.model import QueueRule
from routing.callbacks import CallbackRules
from routing.hours import Hours, Span
from tests.fakes.chat_floor import QUEUE, ChatFloor, chat_floor, sign
from webchat import wire as visitors


def message(text: str = "please write to me", **more: Any) -> visitors.LeaveMessage:
    return visitors.LeaveMessage(**({"id": str(uuid.uuid4()), "text": text} | more))


async def test_a_message_when_nobody_is_there(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        visitor, wanted = await floor.visitor(), message(reply_to="li@example.com")
        ack = await floor.chats.leave_message(visitor, wanted)
        assert ack["ok"] and ack["conversation"]["ended_by"] == "message"
        chat = ack["conversation"]["id"]
        again = await floor.chats.leave_message(visitor, wanted)
        assert again["conversation"]["id"] == chat
        one = floor.hub.distributor.interactions[chat]
        assert (one.outcome, one.queue, one.ended_by) == ("voicemail", QUEUE, "customer")
        assert len(floor.log.of(e.InteractionStarted)) == 1 and not floor.log.of(e.InteractionOffered)
        [line] = await floor.store.chats.lines(chat)
        stored = await floor.store.chats.conversation(chat)
        assert line.text == "please write to me" and stored.form == {"email": "li@example.com"}


async def test_a_message_instead_of_waiting(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        visitor = await floor.visitor()
        chat = (await floor.open(visitor))["conversation"]["id"]
        ack = await floor.chats.leave_message(visitor, message(reply_to="li@example.com"))
        assert ack["conversation"]["id"] == chat and ack["conversation"]["ended_by"] == "message"
        await floor.settled()
        one = floor.hub.distributor.interactions[chat]
        assert one.outcome == "voicemail" and [v.result for v in one.queue_visits] == ["left"]
        last = await floor.store.chats.lines(chat)
        again = await floor.chats.leave_message(visitor, message(id=last[0].id, reply_to="li@example.com"))
        assert again["ok"] and again["conversation"]["id"] == chat
        assert len(await floor.store.chats.of_visitor(visitor.id)) == 1
        assert floor.hub.dispatch.place(chat) == (0, None)
        texts = [(line.kind, line.text) for line in await floor.store.chats.lines(chat)]
        assert texts == [("text", "please write to me"), ("event", "reply_to")]


async def test_no_message_where_the_site_takes_none(tmp_path: Path) -> None:
    async with chat_floor(tmp_path, message=False) as floor:
        visitor = await floor.visitor()
        assert (await floor.chats.leave_message(visitor, message()))["error"]["code"] == "not_supported"


def callback(phone: str = "13800138000", **more: Any) -> visitors.RequestCallback:
    return visitors.RequestCallback(**({"id": str(uuid.uuid4()), "phone": phone} | more))


async def with_callbacks(floor: ChatFloor) -> ConsoleCallbacks:
    stored: StoredCallbacks = floor.store.callbacks
    own = ConsoleCallbacks(floor.hub, stored, lambda number: may_call(number, "CN", False), CallbackRules())
    floor.hub.dispatch.callbacks = own
    floor.hub.listen(own.noted, own.hears)
    floor.desk.take_callbacks(own)
    await own.start()
    return own


async def test_a_callback_keeps_the_place_and_shows_its_state(tmp_path: Path) -> None:
    async with chat_floor(tmp_path, callback=True) as floor:
        own = await with_callbacks(floor)
        visitor = await floor.visitor()
        opened = await floor.open(visitor)
        entered = floor.now
        floor.now += 60
        wish = callback()
        ack: Any = await floor.chats.request_callback(visitor, wish)
        assert ack["ok"], ack
        twice: Any = await floor.chats.request_callback(visitor, wish)
        assert twice["conversation"]["id"] == ack["conversation"]["id"] and len(own.all) == 1
        view = ack["conversation"]
        assert (view["ended_by"], view["callback"]["state"], view["callback"]["phone"]) == (
            "callback",
            "waiting",
            "+86138****8000",
        )
        [kept] = own.all.values()
        assert (kept.since, kept.address, kept.requested_in) == (
            entered,
            "+8613800138000",
            opened["conversation"]["id"],
        )
        again = await floor.chats.request_callback(visitor, callback())
        assert again["error"]["code"] == "asked_already"
        floor.hub.take([e.CallbackAttempted(at=floor.now, callback_id=kept.id, attempt=1)])
        shown = await floor.tabs.wait(
            visitor.id, "conversation", lambda m: (m["callback"] or {}).get("state") == "calling"
        )
        assert shown["id"] == view["id"]
        cancelled: Any = await floor.chats.cancel_callback(visitor)
        assert cancelled["conversation"]["callback"]["state"] == "cancelled"
        assert not own.all
        assert (await floor.chats.cancel_callback(visitor))["error"]["code"] == "no_callback"


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"phone": "123"}, "invalid_number"),
        ({"phone": "+442079460000"}, "invalid_number"),
        ({"since": 1.0}, "invalid_time"),
        ({"until": 1.0}, "invalid_time"),
    ],
)
async def test_callbacks_that_are_not_promised(tmp_path: Path, wish: dict[str, Any], code: str) -> None:
    async with chat_floor(tmp_path, callback=True) as floor:
        await with_callbacks(floor)
        visitor = await floor.visitor()
        assert (await floor.chats.request_callback(visitor, callback(**wish)))["error"]["code"] == code


async def test_a_callback_without_a_conversation_in_a_window(tmp_path: Path) -> None:
    async with chat_floor(tmp_path, callback=True) as floor:
        own = await with_callbacks(floor)
        visitor = await floor.visitor()
        begins = floor.now + 3600
        ack = await floor.chats.request_callback(visitor, callback(since=begins, until=begins + 600))
        assert ack["ok"] and ack["conversation"]["state"] == "ended"
        [kept] = own.all.values()
        assert (kept.not_before, kept.expires_at) == (begins, begins + 600)
        one = floor.hub.distributor.interactions[ack["conversation"]["id"]]
        assert one.outcome == "timeout" and one.ended


OFFICE = Hours(ZoneInfo("Asia/Shanghai"), ((Span(9 * 60, 17 * 60),),) * 7)
SHOP_HOURS = {"hours": {("", QUEUE): OFFICE}}


def evening(floor: ChatFloor) -> float:
    """It is closed; returns when it opens."""
    floor.now = OFFICE.next_opening(floor.now + 86_400) or 0.0
    opens = floor.now
    floor.now -= 10 * 3_600
    assert not OFFICE.is_open(floor.now) and OFFICE.next_opening(floor.now) == opens
    return opens


async def test_a_wish_at_night_lasts_into_the_day(tmp_path: Path) -> None:
    async with chat_floor(tmp_path, callback=True, parts=SHOP_HOURS) as floor:
        own = await with_callbacks(floor)
        opens = evening(floor)
        ack = await floor.chats.request_callback(await floor.visitor(), callback())
        assert ack["ok"]
        [kept] = own.all.values()
        assert kept.expires_at == opens + 8 * 3_600, "it was given up before anybody came"


async def test_times_are_offered_and_taken_only_when_somebody_calls(tmp_path: Path) -> None:
    async with chat_floor(tmp_path, callback=True, parts=SHOP_HOURS) as floor:
        own = await with_callbacks(floor)
        opens = evening(floor)
        site = await floor.chats.site("shop", "")
        assert site is not None and site["call_times"] is not None
        first = site["call_times"][0]
        assert first == {"from": opens, "to": opens + 3 * 3_600}
        visitor = await floor.visitor()
        night = callback(since=floor.now + 600, until=floor.now + 3 * 3_600)
        assert (await floor.chats.request_callback(visitor, night))["error"] == {
            "code": "invalid_time", "message": "Nobody calls at this time.", "field": "since",
        }  # fmt: skip
        assert (await floor.chats.request_callback(visitor, callback(since=first["from"], until=first["to"])))["ok"]
        [kept] = own.all.values()
        assert (kept.not_before, kept.expires_at) == (first["from"], first["to"])


async def test_without_hours_any_time_may_be_wished(tmp_path: Path) -> None:
    async with chat_floor(tmp_path, callback=True) as floor:
        await with_callbacks(floor)
        site = await floor.chats.site("shop", "")
        assert site is not None and site["call_times"] is None


async def test_after_a_start_the_widget_still_hears_of_its_callback(tmp_path: Path) -> None:
    async with chat_floor(tmp_path, callback=True) as floor:
        own = await with_callbacks(floor)
        visitor = await floor.visitor()
        ack: Any = await floor.chats.request_callback(visitor, callback())
        fresh = ChatFloor(floor.store, floor.log, callback=True)
        await fresh.hub.load()
        fresh.hub.dispatch.callbacks = own
        await fresh.start()
        try:
            (kept,) = own.all
            assert (await fresh.current(visitor))["callback"]["state"] == "waiting"
            del own.all[kept]
            fresh.hub.take([e.CallbackClosed(at=fresh.now, callback_id=kept, state="done", result="answered")])
            shown = await fresh.tabs.wait(visitor.id, "conversation", lambda m: m["callback"]["state"] == "done")
            assert shown["id"] == ack["conversation"]["id"]
        finally:
            await fresh.stop()


async def test_who_waited_too_long_may_choose_and_keeps_his_place(tmp_path: Path) -> None:
    async with chat_floor(tmp_path, callback=True) as floor:
        own = await with_callbacks(floor)
        floor.hub.dispatch.configure([QueueRule(name=QUEUE, longest_wait=30.0, then="callback")], {})
        visitor = await floor.visitor()
        chat = (await floor.open(visitor))["conversation"]["id"]
        entered = floor.now
        floor.now += 31
        floor.hub.dispatch.fired("dispatch:clock")
        await floor.tabs.wait(visitor.id, "line", lambda m: m["line"]["text"] == "offer_callback")
        room = floor.desk.rooms.all[chat]
        assert room.state == "waiting" and floor.desk.clocks.timers.running(f"choose:{chat}")
        assert (await floor.chats.request_callback(visitor, callback()))["ok"]
        assert next(iter(own.all.values())).since == entered
        other = await floor.visitor("v2")
        second = (await floor.open(other))["conversation"]["id"]
        floor.now += 31
        floor.hub.dispatch.fired("dispatch:clock")
        floor.desk.clocks.fired(f"choose:{second}")
        one = floor.hub.distributor.interactions[second]
        assert (one.outcome, [v.result for v in one.queue_visits]) == ("timeout", ["timeout"])


async def test_hours_position_and_estimate(tmp_path: Path) -> None:
    closed = Hours(ZoneInfo("Asia/Shanghai"), ((),) * 7)
    async with chat_floor(tmp_path, parts={"hours": {("", "sales"): closed}}) as floor:
        site = await floor.chats.site("shop", "")
        assert site is not None
        assert (site["queue"], site["open"], site["staffed"], site["estimate"]) == (QUEUE, True, False, None)
        shut = await floor.chats.site("shop", "sales")
        assert shut is not None and (shut["open"], shut["opens_at"]) == (False, None)
        assert await floor.chats.site("shop", "none") is None and await floor.chats.site("other", "") is None
        visitor = await floor.visitor()
        assert (await floor.open(visitor, queue="sales"))["error"]["code"] == "closed"
        await floor.sign_in()
        staffed = await floor.chats.site("shop", "")
        assert staffed is not None and staffed["staffed"]
        chat = await floor.talking(visitor)
        await floor.close(chat)
        assert floor.hub.distributor.agents["anna"].state == "WRAP_UP"
        wrapping = await floor.chats.site("shop", "")
        assert wrapping is not None and wrapping["staffed"], "she is back in a moment"
        floor.hub.presence("anna", 0)
        floor.hub.distributor.agents["anna"].chosen = "NOT_READY"
        away = await floor.chats.site("shop", "")
        assert away is not None and not away["staffed"]


async def test_the_place_in_line_is_told_when_it_changes(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        first, second = await floor.visitor("v1"), await floor.visitor("v2")
        await floor.open(first)
        floor.now += 1
        chat = (await floor.open(second))["conversation"]
        assert chat["position"] == 2
        floor.desk.places.push()
        told = len(floor.tabs.of(second.id, "conversation"))
        floor.desk.places.push()
        assert len(floor.tabs.of(second.id, "conversation")) == told
        await floor.chats.leave(first)
        floor.desk.places.push()
        assert floor.tabs.of(second.id, "conversation")[-1]["position"] == 1


class Answers:
    """Keeps ratings, each interaction's once."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[int, str | None]] = {}

    async def answer(
        self, interaction_id: str, kind: str, score: int, *, channel: str, comment: str | None = None
    ) -> object:
        assert (kind, channel) == ("csat", "chat")
        if interaction_id in self.kept:
            raise Conflict("This was answered already.")
        self.kept[interaction_id] = score, comment
        return None


async def test_rated_once_and_only_what_was_answered(tmp_path: Path) -> None:
    answers = Answers()
    async with chat_floor(tmp_path, parts={"surveys": answers}) as floor:
        visitor, other = await floor.visitor(), await floor.visitor("v2")
        await floor.open(other)
        assert (await floor.chats.rate(other, visitors.Rate(score=5)))["error"]["code"] == "not_answered"
        await floor.chats.leave(other)
        chat = await floor.talking(visitor)
        await floor.close(chat)
        ok = await floor.chats.rate(visitor, visitors.Rate(score=4, comment="my card 4111111111111111 fine"))
        assert ok == {"ok": True}
        score, comment = answers.kept[chat]
        assert score == 4 and comment is not None and "4111111111111111" not in comment
        assert await floor.chats.rate(visitor, visitors.Rate(score=4)) == {"ok": True}
        assert (await floor.chats.rate(visitor, visitors.Rate(score=1)))["error"]["code"] == "rated"
        assert floor.tabs.of(visitor.id, "conversation")[-1]["rating"] == 4


class Box:
    """Takes mails; the first ``failing`` are not taken now."""

    def __init__(self, failing: int = 0) -> None:
        self.mails: list[EmailMessage] = []
        self.failing = failing
        self.came = asyncio.Event()

    async def __call__(self, mail: EmailMessage) -> None:
        if self.failing:
            self.failing -= 1
            raise OSError("the server is away")
        self.mails.append(mail)
        self.came.set()

    async def wait(self, count: int) -> EmailMessage:
        """The mail that makes it so many."""
        async with asyncio.timeout(10):
            while len(self.mails) < count:
                self.came.clear()
                await self.came.wait()
        return self.mails[count - 1]


async def test_the_transcript_by_mail(tmp_path: Path) -> None:
    box = Box(failing=1)
    async with chat_floor(tmp_path, parts={"send": box, "sender": "help@shop.example"}) as floor:
        visitor = await floor.visitor()
        await floor.sign_in()
        chat = (await floor.open(visitor, language="zh-CN"))["conversation"]["id"]
        wanted = visitors.MailTranscript(address="li@example.com")
        assert (await floor.chats.mail_transcript(visitor, wanted))["error"]["code"] == "not_answered"
        await floor.answer(chat)
        for bad in ("nobody", "a@b", "li@example.com\nBcc: x@y.example", "<li@example.com>"):
            told = visitors.MailTranscript(address=bad)
            assert (await floor.chats.mail_transcript(visitor, told))["error"]["code"] == "invalid_address"
        await floor.say(visitor, "我的订单")
        await floor.send(chat, "请稍等")
        await floor.send(chat, "he is rude", private=True)
        assert await floor.chats.mail_transcript(visitor, wanted) == {"ok": True}
        assert not box.mails
        await floor.close(chat)
        await floor.settled()
        assert floor.desk.outbox is not None
        async with asyncio.timeout(10):
            while not box.mails:  # it was not taken the first time
                floor.now += 20
                floor.desk.outbox.wake()
                await asyncio.sleep(0.02)
        [mail] = box.mails
        assert box.failing == 0
        text = mail.get_content()
        assert mail["To"] == "li@example.com" and "对话记录" in mail["Subject"] and "chat-" in mail["Subject"]
        assert "我的订单" in text and "Anna: 请稍等" in text and "rude" not in text and "joined" not in text
        for _ in range(2):
            assert (await floor.chats.mail_transcript(visitor, wanted))["ok"]
        assert (await floor.chats.mail_transcript(visitor, wanted))["error"]["code"] == "too_many"
        await box.wait(3)
        assert len({mail["Message-ID"] for mail in box.mails}) == 3


async def test_it_goes_on_by_mail(tmp_path: Path) -> None:
    box = Box()
    async with chat_floor(tmp_path, parts={"send": box, "sender": "help@shop.example"}) as floor:
        visitor = await floor.visitor()
        chat = await floor.talking(visitor)
        wanted = visitors.MailTranscript(address="li@example.com", go_on=True)
        assert await floor.chats.mail_transcript(visitor, wanted) == {"ok": True}
        assert (await floor.current(visitor))["state"] == "talking" and not box.mails, "he has not left"
        assert (await floor.chats.leave(visitor))["conversation"]["ended_by"] == "mail"
        mail = await box.wait(1)
        assert mail["Reply-To"] == "help@shop.example" and token_of(chat, sign) in mail["Message-ID"]
        await floor.settled()
        assert (await floor.store.chats.conversation(chat)).ended_by == "mail"
        assert floor.hub.distributor.interactions[chat].outcome == "answered"


async def test_who_goes_away_goes_on_by_mail_if_he_wished_it(tmp_path: Path) -> None:
    """His last tab is gone for long, after a restart: what he wished is remembered."""
    box = Box()
    parts = {"send": box, "sender": "help@shop.example"}
    async with chat_floor(tmp_path, parts=parts) as floor:
        visitor = await floor.visitor()
        chat = await floor.talking(visitor)
        wanted = visitors.MailTranscript(address="li@example.com", go_on=True)
        assert await floor.chats.mail_transcript(visitor, wanted) == {"ok": True}
        assert floor.desk.rooms.all[chat].goes_on == "li@example.com"
        stored = await floor.store.chats.conversation(chat)
        assert floor.desk.chats.room_of(stored).goes_on == "li@example.com"
        floor.chats.presence(visitor, 0)
        floor.desk.clocks.fired(f"gone:{chat}")
        await floor.settled()
        assert (await floor.store.chats.conversation(chat)).ended_by == "mail"
        assert (await box.wait(1))["To"] == "li@example.com"


async def test_who_went_away_while_the_database_was_away_goes_on_later(tmp_path: Path) -> None:
    box = Box()
    async with chat_floor(tmp_path, parts={"send": box, "sender": "help@shop.example"}) as floor:
        visitor = await floor.visitor()
        chat = await floor.talking(visitor)
        wanted = visitors.MailTranscript(address="li@example.com", go_on=True)
        assert await floor.chats.mail_transcript(visitor, wanted) == {"ok": True}
        floor.chats.presence(visitor, 0)
        before = floor.desk.post.go_on

        async def away(room: Any, address: str) -> None:
            raise OSError("the database is away")

        floor.desk.post.go_on = away
        floor.desk.clocks.fired(f"gone:{chat}")
        await floor.settled()
        assert floor.desk.rooms.all[chat].state == "talking" and floor.desk.clocks.timers.running(f"gone:{chat}")
        floor.desk.post.go_on = before
        floor.desk.clocks.fired(f"gone:{chat}")
        await floor.settled()
        assert (await floor.store.chats.conversation(chat)).ended_by == "mail"


async def test_mail_is_offered_only_where_it_is_sent(tmp_path: Path) -> None:
    for parts, transcripts, offered in (
        ({}, 3, False),
        ({"send": Box(), "sender": "help@shop.example"}, 3, True),
        ({"send": Box(), "sender": "help@shop.example"}, 0, False),
    ):
        async with chat_floor(tmp_path, parts=parts, transcripts=transcripts) as floor:
            site = await floor.chats.site("shop", "")
            assert site is not None and site["mail"] is offered


async def test_co_browsing_by_consent_and_never_kept(tmp_path: Path) -> None:
    async with chat_floor(tmp_path, cobrowse=True) as floor:
        visitor = await floor.visitor()
        chat = await floor.talking(visitor)
        frame = visitors.CobrowseFrame(n=1, data="<html>")
        floor.chats.cobrowse_frame(visitor, frame)
        assert floor.chats.cobrowse(visitor, visitors.Cobrowse(on=True))["error"]["code"] == "not_asked"
        assert not floor.screens.of("anna", "chat_frame")
        ask = wire.ChatCobrowse(id="c1", interaction_id=chat, on=True)
        assert await floor.command("anna", "chat_cobrowse", ask) == {"ok": True}
        await floor.screens.wait("anna", "command_result", lambda m: m["id"] == "c1" and m["ok"])
        assert floor.tabs.of(visitor.id, "conversation")[-1]["cobrowse"] == "asked"
        floor.chats.cobrowse_frame(visitor, frame)
        assert not floor.screens.of("anna", "chat_frame")
        assert floor.chats.cobrowse(visitor, visitors.Cobrowse(on=True)) == {"ok": True}
        for _ in range(100):
            floor.chats.cobrowse_frame(visitor, frame)
        assert len(floor.screens.of("anna", "chat_frame")) == 40
        floor.now += 1
        for _ in range(20):
            floor.chats.cobrowse_frame(visitor, frame)
        assert len(floor.screens.of("anna", "chat_frame")) == 50
        assert floor.chats.cobrowse(visitor, visitors.Cobrowse(on=False)) == {"ok": True}
        floor.chats.cobrowse_frame(visitor, frame)
        assert len(floor.screens.of("anna", "chat_frame")) == 50
        await floor.settled()
        events = [line.text for line in await floor.store.chats.lines(chat)]
        assert events == ["joined", "cobrowse_asked", "cobrowse_agreed", "cobrowse_ended"]


async def test_no_co_browsing_where_the_site_has_none(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        chat = await floor.talking(await floor.visitor())
        ask = wire.ChatCobrowse(id="c1", interaction_id=chat, on=True)
        assert (await floor.command("anna", "chat_cobrowse", ask))["error"]["code"] == "not_supported"


async def test_whom_the_site_vouches_for_is_known_and_what_is_typed_only_suggests(tmp_path: Path) -> None:
    async with chat_floor(tmp_path, form={"": (EMAIL,)}) as floor:
        made = await floor.store.customers.create({"name": "李雷", "emails": ["li@example.com"]})
        floor.desk.vouched._claims = floor.store.identity.claims
        floor.hub.customers = floor.store.customers
        typed = await floor.visitor("v1")
        chat = (await floor.open(typed, form={"email": "LI@example.com"}))["conversation"]["id"]
        await floor.settled()
        match = floor.hub.distributor.pops.match(chat)
        assert match is not None and match.strength == "candidates"
        assert [one["id"] for one in match.candidates] == [made.id]
        assert floor.hub.distributor.interactions[chat].customer_id is None
        vouched = await floor.visitor("v2", subject="u-17", attributes={"email": "li@example.com", "name": "Li Lei"})
        known = (await floor.open(vouched))["conversation"]["id"]
        await floor.settled()
        assert floor.hub.distributor.interactions[known].customer_id == made.id
        assert floor.hub.distributor.interactions[known].customer_name == "Li Lei"
        claims = [(one.kind, one.value, one.source) for one in await floor.store.identity.claims.of(made.id)]
        assert ("login", "shop:u-17", "site") in claims
        alone = await floor.visitor("v3", subject="u-17")
        assert alone.id == vouched.id
        await floor.chats.leave(vouched)
        again = (await floor.open(vouched))["conversation"]["id"]
        await floor.settled()
        assert again != known and floor.hub.distributor.interactions[again].customer_id == made.id


EMAIL: visitors.FormField = {"code": "email", "label": {"en": "Mail"}, "kind": "email", "required": False}
