"""Chats from the visitor's first line to the agent's wrap-up: on the real store and the real distributor."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from agent_console import wire
from cti_gateway.chat.rules import Closing
from interaction_log import events as e
from interaction_log.chats import StoredConversation, StoredLine
from interaction_log.records import User
from interaction_log.rights import Sight
from routing.wrap_up import WrapUpRule
from tests.fakes.chat_floor import ChatFloor, chat_floor
from webchat import wire as visitors


async def test_a_chat_from_open_to_close(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        anna = "anna"
        visitor = await floor.visitor()
        opened = await floor.open(visitor, form={"name": "Wang"})
        chat = opened["conversation"]["id"]
        assert opened["ok"] and opened["conversation"]["state"] == "waiting" and opened["conversation"]["position"] == 1
        first = await floor.say(visitor, "hello, is anybody there?")
        assert (first["ok"], first["number"]) == (True, 1)
        await floor.sign_in()
        [offered] = [m["chat"] for m in floor.screens.of(anna, "chat")][:1]
        assert offered["state"] == "offered" and [line["text"] for line in offered["lines"]] == [
            "hello, is anybody there?"
        ]
        assert await floor.answer(chat) == {"ok": True}
        await floor.settled()
        assert (await floor.send(chat, "good morning"))["ok"]
        assert (await floor.say(visitor, "my order is late"))["number"] == 4
        texts = [(line["number"], line["by"], line["text"]) for line in floor.tabs.lines(visitor.id)]
        assert texts == [
            (1, "visitor", "hello, is anybody there?"),
            (2, "system", "joined"),
            (3, "agent", "good morning"),
            (4, "visitor", "my order is late"),
        ]
        seen = [m["line"]["text"] for m in floor.screens.of(anna, "chat_line")]
        assert seen == ["joined", "good morning", "my order is late"]
        assert await floor.close(chat) == {"ok": True}
        await floor.settled()
        last = floor.tabs.of(visitor.id, "conversation")[-1]
        assert (last["state"], last["ended_by"]) == ("ended", "agent")
        one = floor.hub.distributor.interactions[chat]
        assert (one.outcome, one.ended_by, one.queue) == ("answered", "agent", "web")
        assert [v.result for v in one.queue_visits] == ["answered"] and not any(s.open for s in one.segments)
        stored = await floor.store.chats.conversation(chat)
        assert (stored.state, stored.ended_by, stored.last) == ("ended", "agent", 4)
        assert floor.hub.distributor.agents[anna].in_hand == {}


async def test_the_same_line_again_is_answered_the_same_and_heard_once(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        visitor = await floor.visitor()
        chat = await floor.talking(visitor)
        line = str(uuid.uuid4())
        acks = [await floor.say(visitor, "once", id=line) for _ in range(3)]
        assert len({ack["number"] for ack in acks}) == 1
        agents = str(uuid.uuid4())
        assert [(await floor.send(chat, "twice", id=agents))["ok"] for _ in range(2)] == [True, True]
        stored = await floor.store.chats.lines(chat)
        assert [one.number for one in stored] == list(range(1, len(stored) + 1))
        assert [one.text for one in stored].count("once") == [one.text for one in stored].count("twice") == 1
        assert [one["text"] for one in floor.tabs.lines(visitor.id)].count("once") == 1
        await floor.close(chat)
        assert (await floor.say(visitor, "once", id=line))["number"] == acks[0]["number"]
        assert (await floor.say(visitor, "late"))["error"]["code"] == "over"


async def test_opening_again_is_the_same_conversation(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        visitor, client = await floor.visitor(), str(uuid.uuid4())
        first = await floor.open(visitor, id=client)
        again = await floor.open(visitor, id=client)
        other = await floor.open(visitor)
        assert {one["conversation"]["id"] for one in (first, again, other)} == {first["conversation"]["id"]}
        assert len(floor.log.of(e.InteractionStarted)) == len(floor.log.of(e.QueueEntered)) == 1


async def test_cards_are_hidden_in_what_both_sides_write(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        visitor = await floor.visitor()
        chat = await floor.talking(visitor)
        await floor.say(visitor, "my card 4111 1111 1111 1111 please")
        ack = await floor.send(chat, "5500005555555559 you mean?")
        assert ack == {"ok": True, "cards": 1}
        texts = " ".join(one.text for one in await floor.store.chats.lines(chat))
        assert "4111 1111" not in texts and "5500005" not in texts and "1111 please" in texts


async def test_private_lines_are_for_colleagues(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        visitor = await floor.visitor()
        chat = await floor.talking(visitor)
        await floor.send(chat, "he is rude", private=True)
        told = floor.tabs.lines(visitor.id)[-1]
        assert (told["kind"], told["text"], told["name"]) == ("event", "private", None)
        assert all("rude" not in line["text"] for line in await floor.chats.lines(visitor, visitors.Fetch()))
        mine = floor.screens.of("anna", "chat_line")[-1]["line"]
        assert (mine["text"], mine["private"], mine["kind"]) == ("he is rude", True, "text")


async def test_nobody_writes_in_anothers_chat(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        chat = await floor.talking(await floor.visitor())
        for agent, name in (("ben", "chat_send"), ("sofia", "chat_send")):
            told = wire.ChatSend(id=str(uuid.uuid4()), interaction_id=chat, text="hi")
            assert (await floor.command(agent, name, told))["error"]["code"] == "not_yours"
        assert (await floor.close(chat, "ben"))["error"]["code"] == "not_yours"
        assert (await floor.send("none", "hi"))["error"]["code"] == "not_yours"


async def test_the_form_and_the_consent_are_asked_for(tmp_path: Path) -> None:
    form: visitors.FormField = {"code": "name", "label": {"en": "Name"}, "kind": "text", "required": True}
    consent: visitors.ConsentText = {"version": "3", "text": {"en": "We keep this."}}
    async with chat_floor(tmp_path, form={"": (form,)}, consent=consent) as floor:
        visitor = await floor.visitor()
        assert (await floor.open(visitor))["error"] == {
            "code": "form", "message": "This answer is needed.", "field": "name"
        }  # fmt: skip
        assert (await floor.open(visitor, form={"name": "Li"}, consent="2"))["error"]["code"] == "consent"
        opened = await floor.open(visitor, form={"name": "Li", "other": "x"}, consent="3")
        stored = await floor.store.chats.conversation(opened["conversation"]["id"])
        assert (stored.form, stored.consent, stored.name) == ({"name": "Li"}, "3", "Li")
        assert (await floor.open(await floor.visitor("v2"), queue="none"))["error"]["code"] == "unknown_queue"


async def test_signs_of_both_sides(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        visitor = await floor.visitor()
        chat = await floor.talking(visitor)
        floor.chats.typing(visitor, True)
        assert floor.screens.of("anna", "chat_typing")[-1]["by"] == "visitor"
        await floor.command("anna", "chat_typing", wire.ChatTyping(id="t", interaction_id=chat))
        assert floor.tabs.of(visitor.id, "typing")[-1]["name"] == "Anna"
        await floor.say(visitor)
        await floor.command("anna", "chat_seen", wire.ChatSeen(id="n", interaction_id=chat, number=99))
        assert floor.tabs.of(visitor.id, "conversation")[-1]["seen"] == 2
        floor.chats.seen(visitor, 2)
        floor.chats.page(visitor, visitors.Page(url="https://shop.example/cart#pay", title="Cart"))
        floor.chats.page(visitor, visitors.Page(url="javascript:alert(1)"))
        floor.chats.presence(visitor, 0)
        floor.desk.clocks.fired(f"show:{chat}")
        view = floor.screens.of("anna", "chat")[-1]["chat"]
        assert view["seen"] == 2 and view["visitor"]["online"] is False
        assert [page["url"] for page in view["visitor"]["trail"]] == ["https://shop.example/cart"]
        floor.desk.clocks.fired(f"keep:{chat}")
        await floor.settled()
        stored = await floor.store.chats.conversation(chat)
        assert (stored.seen_by_visitor, stored.page, len(stored.pages)) == (2, "https://shop.example/cart", 1)


async def test_the_snapshot_has_the_chats_of_an_agent(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        chat = await floor.talking(await floor.visitor())
        [view] = floor.hub.snapshot("anna")["chats"]
        assert (view["interaction_id"], view["members"], view["state"]) == (chat, ["anna"], "talking")
        assert floor.hub.snapshot("ben")["chats"] == []


async def test_transferred_with_all_that_was_written(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        visitor = await floor.visitor()
        chat = await floor.talking(visitor)
        await floor.send(chat, "I ask my colleague")
        await floor.sign_in("ben")
        moved = wire.Transfer(id=str(uuid.uuid4()), interaction_id=chat, to="ben", kind="blind")
        assert await floor.command("anna", "transfer", moved) == {"ok": True}
        await floor.settled()
        gone = floor.screens.of("anna", "chat")[-1]
        assert gone.get("gone") and gone["chat"]["interaction_id"] == chat
        offered = next(m["chat"] for m in floor.screens.of("ben", "chat") if m["chat"]["lines"])
        assert "I ask my colleague" in [line["text"] for line in offered["lines"]]
        assert await floor.answer(chat, "ben") == {"ok": True}
        await floor.settled()
        events = [(one.text, one.name) for one in await floor.store.chats.lines(chat) if one.kind == "event"]
        assert events == [("joined", "Anna"), ("transferred", "Ben"), ("joined", "Ben")]
        one = floor.hub.distributor.interactions[chat]
        assert [t.completed for t in one.transfers] == [True]
        assert (await floor.send(chat, "hi", "anna"))["error"]["code"] == "not_yours"
        assert (await floor.send(chat, "I am Ben", "ben"))["ok"]
        queue = wire.Transfer(id=str(uuid.uuid4()), interaction_id=chat, to="queue:sales", kind="blind")
        assert (await floor.command("ben", "transfer", queue))["ok"]
        await floor.settled()
        assert floor.tabs.of(visitor.id, "conversation")[-1]["queue"] == "sales"
        events = [one.name for one in await floor.store.chats.lines(chat) if one.text == "transferred"]
        assert events == ["Ben", "Sales"], "the visitor reads names for people"


async def test_a_supervisor_joins_silently_and_then_openly(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        visitor = await floor.visitor()
        chat = await floor.talking(visitor)
        before = len(floor.tabs.lines(visitor.id))
        join = wire.JoinChat(id="j1", interaction_id=chat, why="new agent", silent=True)
        assert await floor.oversee("sofia", "join_chat", join) == {"ok": True}
        await floor.screens.wait("supervisors", "command_result", lambda m: m["id"] == "j1" and m["ok"])
        [view] = floor.hub.snapshot("sofia")["chats"]
        assert view["joined"] == ["sofia"] and floor.hub.snapshot("anna")["chats"][0]["joined"] == []
        said = wire.ChatSend(id=str(uuid.uuid4()), interaction_id=chat, text="offer him a refund")
        assert await floor.oversee("sofia", "chat_send", said) == {"ok": True}
        line = (await floor.screens.wait("anna", "chat_line", lambda m: m["line"]["name"] == "Sofia"))["line"]
        assert line["private"] and line["text"] == "offer him a refund"
        assert [one["text"] for one in floor.tabs.lines(visitor.id)[before:]] == ["private"]
        openly = wire.JoinChat(id="j2", interaction_id=chat, why="he asked for me")
        await floor.oversee("sofia", "join_chat", openly)
        await floor.tabs.wait(visitor.id, "line", lambda m: m["line"]["name"] == "Sofia")
        loud = wire.ChatSend(id=str(uuid.uuid4()), interaction_id=chat, text="I am her boss")
        await floor.oversee("sofia", "chat_send", loud)
        await floor.tabs.wait(visitor.id, "line", lambda m: m["line"]["text"] == "I am her boss")
        left = wire.LeaveChat(id="l", interaction_id=chat)
        await floor.oversee("sofia", "leave_chat", left)
        await floor.screens.wait("sofia", "chat", lambda m: m.get("gone"))
        assert (await floor.oversee("sofia", "leave_chat", left))["error"]["code"] == "not_joined"


async def test_a_supervisor_of_another_team_does_not_join(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        visitor = await floor.visitor()
        chat = await floor.talking(visitor)
        hers = [(Sight(queues=frozenset({"sales"})), False), (Sight(agents=frozenset({"anna"})), True)]
        for sight, expected in hers:

            async def sees(_: User, sight: Sight = sight) -> Sight:
                return sight

            floor.hub.supervision.hands.sight = sees
            join = wire.JoinChat(id=f"join-{expected}", interaction_id=chat, why="help")
            assert await floor.oversee("sofia", "join_chat", join) == {"ok": True}
            await floor.settled()
            told = floor.screens.of("supervisors", "command_result")[-1]
            assert (told["id"], told["ok"]) == (join.id, expected)
        await floor.settled()
        assert [view["interaction_id"] for view in floor.hub.snapshot("sofia")["chats"]] == [chat]


async def test_silence_is_warned_of_and_then_it_closes(tmp_path: Path) -> None:
    async with chat_floor(tmp_path, closing=Closing(idle=60.0, warning=20.0)) as floor:
        visitor = await floor.visitor()
        chat = await floor.talking(visitor)
        await floor.say(visitor, "my question")
        assert floor.desk.rooms.all[chat].idle_at is None
        await floor.send(chat, "an answer")
        assert floor.desk.rooms.all[chat].idle_at == floor.now + 80
        floor.desk.clocks.fired(f"idle:{chat}")
        await floor.tabs.wait(visitor.id, "line", lambda m: m["line"]["text"] == "idle_warning")
        assert floor.desk.rooms.all[chat].warned
        await floor.say(visitor, "I am here")
        assert not floor.desk.rooms.all[chat].warned
        await floor.send(chat, "good")
        for _ in range(2):
            floor.desk.clocks.fired(f"idle:{chat}")
        await floor.settled()
        last = floor.tabs.of(visitor.id, "conversation")[-1]
        assert (last["state"], last["ended_by"]) == ("ended", "idle")
        one = floor.hub.distributor.interactions[chat]
        assert (one.outcome, one.ended_by) == ("answered", "system")


async def test_who_is_gone_for_long_is_not_waited_for(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        visitor = await floor.visitor()
        chat = (await floor.open(visitor))["conversation"]["id"]
        floor.chats.presence(visitor, 0)
        assert floor.desk.clocks.timers.running(f"gone:{chat}")
        floor.chats.presence(visitor, 1)
        assert not floor.desk.clocks.timers.running(f"gone:{chat}")
        floor.chats.presence(visitor, 0)
        floor.desk.clocks.fired(f"gone:{chat}")
        one = floor.hub.distributor.interactions[chat]
        assert (one.outcome, one.ended_by) == ("abandoned", "system")
        assert (await floor.current(visitor))["ended_by"] == "idle"


async def test_wrap_up_by_the_agent_and_by_time(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        visitor = await floor.visitor()
        chat = await floor.talking(visitor)
        done = wire.WrapUp(id="w0", interaction_id=chat, disposition="solved", notes="fine")
        assert (await floor.command("anna", "wrap_up", done))["error"]["code"] == "still_talking"
        await floor.close(chat)
        assert [view["state"] for view in floor.hub.snapshot("anna")["chats"]] == ["ended"]
        assert await floor.command("anna", "wrap_up", done.model_copy(update={"id": "w1"})) == {"ok": True}
        assert floor.hub.distributor.interactions[chat].disposition == "solved"
        assert floor.hub.snapshot("anna")["chats"] == [] and floor.screens.of("anna", "chat")[-1].get("gone")
        other = await floor.talking(await floor.visitor("v2"))
        await floor.close(other)
        floor.desk.wrap_ups._over(f"{other}:anna")
        assert floor.hub.snapshot("anna")["chats"] == []


async def test_chats_that_are_still_to_be_wrapped_up_are_on_her_desk_after_a_restart(tmp_path: Path) -> None:
    """One is wrapped up, another waits behind it; the process begins again and both are there, with their lines."""
    async with chat_floor(tmp_path) as floor:
        visitor = await floor.visitor()
        chats = [await floor.talking(visitor), await floor.talking(await floor.visitor("v2"))]
        await floor.say(visitor, "do not forget me")
        for chat in chats:
            await floor.close(chat)
        await floor.settled()
        anna = floor.hub.distributor.agents["anna"]
        assert (anna.wrapping, list(anna.to_wrap)) == (chats[0], [chats[1]])
        await floor.desk.stop()
        await floor.start()
        views = {view["interaction_id"]: view for view in floor.hub.snapshot("anna")["chats"]}
        assert set(views) == set(chats) and {view["state"] for view in views.values()} == {"ended"}
        assert "do not forget me" in str(views[chats[0]])
        done = wire.WrapUp(id="w1", interaction_id=chats[0], disposition="solved", notes="fine")
        assert await floor.command("anna", "wrap_up", done) == {"ok": True}
        assert [view["interaction_id"] for view in floor.hub.snapshot("anna")["chats"]] == [chats[1]]
        assert (anna.wrapping, list(anna.to_wrap)) == (chats[1], [])
        assert (await floor.open(visitor))["conversation"]["id"] not in chats  # he begins another


async def test_a_disposition_that_must_be(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        floor.hub.distributor.settings.wrap_up["", "web"] = WrapUpRule(mode="mandatory")
        chat = await floor.talking(await floor.visitor())
        await floor.close(chat)
        assert not floor.desk.wrap_ups._timers.running(f"{chat}:anna")
        bare = wire.WrapUp(id="w0", interaction_id=chat, notes="x")
        assert (await floor.command("anna", "wrap_up", bare))["error"]["code"] == "disposition_needed"
        whole = wire.WrapUp(id="w1", interaction_id=chat, disposition="solved")
        assert await floor.command("anna", "wrap_up", whole) == {"ok": True}


async def test_an_agent_who_vanishes_loses_the_chat_and_the_visitor_his_place_not(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        visitor = await floor.visitor()
        chat = await floor.talking(visitor)
        await floor.send(chat, "one moment")
        await floor.sign_in("ben")
        floor.hub.presence("anna", 0)
        assert floor.hub.timers.running("dispatch:gone:anna")
        floor.hub.dispatch.fired("dispatch:gone:anna")
        await floor.settled()
        assert floor.screens.of("anna", "chat")[-1].get("gone")
        assert floor.tabs.lines(visitor.id)[-1]["text"] == "left"
        assert floor.tabs.of(visitor.id, "conversation")[-1]["state"] == "offered"
        assert await floor.answer(chat, "ben") == {"ok": True}
        await floor.settled()
        one = floor.hub.distributor.interactions[chat]
        assert [s.agent for s in one.segments] == ["Console/anna", "Console/ben"]
        texts = [line["text"] for line in await floor.chats.lines(visitor, visitors.Fetch())]
        assert texts == ["joined", "one moment", "left", "joined"]


async def test_the_database_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with chat_floor(tmp_path) as floor:
        visitor = await floor.visitor()
        chat = await floor.talking(visitor)

        async def away(*_: object) -> StoredLine:
            raise sa.exc.OperationalError("insert", {}, Exception("away"))

        line = str(uuid.uuid4())
        with monkeypatch.context() as patch:
            patch.setattr(type(floor.store.chats), "say", away)
            assert (await floor.send(chat, "kept?", id=line))["error"]["code"] == "unavailable"
            with pytest.raises(sa.exc.OperationalError):
                await floor.say(visitor, "kept?")
        assert (await floor.send(chat, "kept?", id=line))["ok"]
        assert [one.text for one in await floor.store.chats.lines(chat)] == ["joined", "kept?"]


async def test_the_end_is_written_as_soon_as_the_database_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with chat_floor(tmp_path) as floor:
        chat = await floor.talking(await floor.visitor())
        waited: list[float] = []
        update = floor.store.chats.update

        async def sometimes(of: str, **changes: Any) -> StoredConversation:
            if "ended_at" in changes and len(waited) < 2:
                raise sa.exc.OperationalError("update", {}, Exception("away"))
            return await update(of, **changes)

        async def pause(seconds: float) -> None:
            waited.append(seconds)

        floor.desk.ending.pause = pause
        monkeypatch.setattr(floor.store.chats, "update", sometimes)
        await floor.close(chat)
        await floor.settled()
        assert waited == [1.0, 5.0]
        assert (await floor.store.chats.conversation(chat)).state == "ended"


async def _crash(floor: ChatFloor, **rules: object) -> ChatFloor:
    """A new process on the same database and log: nothing of the old one's memory."""
    from interaction_log.interaction import Interaction

    fresh = ChatFloor(floor.store, floor.log)
    found: dict[str, Interaction] = {}
    for recorded in floor.log.recorded:
        event = recorded.event
        if isinstance(event, e.InteractionEvent):
            found.setdefault(event.interaction_id, Interaction(event.interaction_id)).apply(event)
    await fresh.hub.load()
    agents = list(floor.hub.distributor.agents.values())
    await fresh.hub.restore([one for one in found.values() if not one.ended], agents)
    await fresh.start()
    return fresh


async def test_conversations_go_on_after_a_crash(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        talks, waits = await floor.visitor("v1"), await floor.visitor("v2")
        chat = await floor.talking(talks)
        await floor.command("anna", "set_state", wire.SetState(id="n", state="NOT_READY", reason="lunch"))
        waiting = (await floor.open(waits))["conversation"]["id"]
        await floor.say(talks, "before the crash")
        fresh = await _crash(floor)
        try:
            room = fresh.desk.rooms.all[chat]
            assert (room.state, list(room.members), room.last) == ("talking", ["anna"], 2)
            assert fresh.desk.rooms.all[waiting].state == "waiting"
            assert (await fresh.current(waits))["position"] == 1
            assert (await fresh.say(talks, "after it"))["number"] == 3
            assert (await fresh.send(chat, "still here"))["ok"]
            texts = [line["text"] for line in await fresh.chats.lines(talks, visitors.Fetch())]
            assert texts == ["joined", "before the crash", "after it", "still here"]
        finally:
            await fresh.stop()


async def test_a_conversation_that_ended_in_the_log_alone_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with chat_floor(tmp_path) as floor:
        chat = await floor.talking(await floor.visitor())
        floor.desk.rooms.on_end.remove(floor.desk.ending._keep)  # the crash came before the second commit
        await floor.close(chat)
        await floor.settled()
        assert (await floor.store.chats.conversation(chat)).state != "ended"
        started = len(floor.log.of(e.InteractionStarted))

        async def ended(of: str) -> bool:
            return of == chat

        fresh = ChatFloor(floor.store, floor.log)
        await fresh.hub.load()
        await fresh.start(ended=ended)
        try:
            await fresh.settled()
            stored = await floor.store.chats.conversation(chat)
            assert (stored.state, stored.ended_by) == ("ended", "closed")
            assert len(floor.log.of(e.InteractionStarted)) == started
        finally:
            await fresh.stop()


async def test_a_conversation_that_the_log_does_not_know_begins_at_the_start(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        visitor = await floor.visitor()
        chat = (await floor.open(visitor))["conversation"]["id"]
        floor.log.recorded.clear()  # the crash came between the two commits
        fresh = await _crash(floor)
        try:
            assert fresh.hub.distributor.interactions[chat].waiting_in() is not None
            assert fresh.hub.dispatch.place(chat)[0] == 1
        finally:
            await fresh.stop()
