"""Mailboxes, contacts by mail, letters and what is to be sent, on SQLite and PostgreSQL."""

# ruff: noqa: F811 (fixtures)
from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
import sqlalchemy as sa

from interaction_log import events as e
from interaction_log.chats import NewLine
from interaction_log.found import Question, Scope
from interaction_log.mails import MailContact, Outgoing, Position, TakenLetter
from interaction_log.records import NotFound
from interaction_log.store import Store
from interaction_log.store.chat_tables import chat_lines, chats
from interaction_log.store.mail_tables import mail_contacts, mail_letters, mail_outbox
from tests.contract.test_chat_retention import Site, site  # noqa: F401 (fixture)
from tests.contract.test_chats import AT, line, store, wanted  # noqa: F401 (fixture)
from tests.contract.test_store import postgres, url  # noqa: F401 (fixtures)

CHAT = "01234567-89ab-8def-8123-456789abcdef"


def contact(of: str = "m1", **more: object) -> MailContact:
    told: dict[str, object] = {
        "id": of, "conversation": CHAT, "box": "help", "queue": "support", "opened_at": AT,
        "address": "li@example.com", "name": "李雷", "subject": "订单", "answers": ("<a@x>", "<b@x>"),
    }  # fmt: skip
    return MailContact(**(told | more))  # type: ignore[arg-type]


async def test_a_mailbox_is_read_so_far(store: Store) -> None:
    assert await store.mails.position("help") is None
    for position in (Position(7, 1), Position(7, 2**40), Position(8, 0)):
        await store.mails.move("help", position, AT)
        assert await store.mails.position("help") == position
    assert await store.mails.position("other") is None


async def test_conversations_by_how_they_begin(store: Store) -> None:
    await store.chats.open(wanted(CHAT))
    await store.chats.open(wanted(CHAT.replace("8123", "9999"), visitor="v2", client_id="another"))
    await store.chats.open(wanted("f" + CHAT[1:], visitor="v3", client_id="third"))
    assert sorted(await store.mails.conversations(CHAT[:18])) == sorted([CHAT, CHAT.replace("8123", "9999")])
    assert await store.mails.conversations("00000000-0000-0000") == []


async def test_contacts_begin_once_and_are_sealed(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.mails.open(contact())
    await store.chats.open(wanted(CHAT))
    first, again = await store.mails.open(contact()), await store.mails.open(contact(subject="other"))
    assert first == again == await store.mails.contact("m1") == contact()
    later = contact("m2", opened_at=AT + 1)
    await store.mails.open(later)
    assert await store.mails.contacts(CHAT) == [later, first]
    assert await store.mails.open_ones() == [first, later]
    changed = replace(first, answers=("<c@x>",))
    await store.mails.change(changed)
    assert await store.mails.contact("m1") == changed
    assert await store.mails.conversation_of("m1") == CHAT and await store.mails.conversation_of("x") == "x"
    query = sa.select(mail_contacts.c.content)
    kept = await store._reading(lambda connection: list(connection.execute(query).scalars()))
    assert all(one.startswith("~") and "example" not in one for one in kept)


async def test_contacts_that_are_held_back_are_counted_when_they_are_let_in(store: Store) -> None:
    await store.chats.open(wanted(CHAT))
    await store.mails.open(contact(sender="eve", wrote="eve@example.com", proved="fail"))
    held = contact("m2", sender="eve", held_at=AT + 1, opened_at=AT + 1)
    later = contact("m3", sender="li", held_at=AT + 2, opened_at=AT + 2)
    for one in (later, held):
        assert await store.mails.open(one) == one and one.held
    assert (await store.mails.contact("m1")).proved == "fail" and not (await store.mails.contact("m1")).held
    assert [one.id for one in await store.mails.open_ones()] == ["m1"], "a start begins none that is held"
    assert await store.mails.held() == [held, later] and await store.mails.held_count() == (2, AT + 1)
    assert [await store.mails.begun(AT - 1, sender=each) for each in ("eve", "li")] == [1, 0]
    assert await store.mails.begun(AT - 1, box="help") == 1 and await store.mails.begun(AT, box="help") == 0
    let_in = await store.mails.let_in("m2", AT + 60)
    assert (let_in.held_at, let_in.opened_at, let_in.sender) == (None, AT + 60, "eve")
    assert await store.mails.begun(AT - 1, sender="eve") == 2 and await store.mails.held() == [later]
    await store.mails.end("m3", AT + 61)
    assert await store.mails.held_count() == (0, None) and not (await store.mails.contact("m3")).held
    for nothing in ("m2", "m3", "none"):
        with pytest.raises(NotFound):
            await store.mails.let_in(nothing, AT + 62)


async def test_an_end_keeps_the_conversation_for_as_long_as_one_that_ended_now(store: Store) -> None:
    await store.chats.open(wanted(CHAT))
    await store.chats.update(CHAT, state="ended", ended_at=AT)
    await store.mails.open(contact())
    await store.mails.end("m1", AT + 60)
    await store.mails.end("m1", AT + 90)
    assert (await store.mails.contact("m1")).ended_at == AT + 60 and await store.mails.open_ones() == []
    assert (await store.chats.conversation(CHAT)).ended_at == AT + 90
    with pytest.raises(NotFound):
        await store.mails.end("nothing", AT)
    with pytest.raises(NotFound):
        await store.mails.contact("nothing")


async def test_letters_that_were_taken(store: Store) -> None:
    assert await store.mails.letter("l1") is None
    await store.mails.keep("l1", "letter", AT, CHAT, "m1")
    assert await store.mails.letter("l1") == TakenLetter("l1", "letter", CHAT, "m1")
    await store.mails.keep("l1", "auto", AT)
    assert await store.mails.letter("l1") == TakenLetter("l1", "auto", None, None)


async def test_what_is_to_be_sent_is_tried_until_it_is_sent(store: Store) -> None:
    one = Outgoing(id="o1", conversation=CHAT, kind="line", made_at=AT, next_at=AT, contact="m1")
    await asyncio.gather(*(store.mails.put(replace(one, id=f"o{n}", made_at=AT - n)) for n in (1, 2, 3)))
    await store.mails.put(replace(one, made_at=AT + 99))
    assert [each.id for each in await store.mails.due(AT)] == ["o3", "o2", "o1"]
    assert await store.mails.due(AT - 1) == [] and await store.mails.next_due() == AT
    await store.mails.later("o1", AT + 30)
    await store.mails.sent("o2", AT)
    await store.mails.failed("o3", "refused")
    assert await store.mails.due(AT) == [] and await store.mails.next_due() == AT + 30
    [left] = await store.mails.due(AT + 30)
    assert (left.id, left.tries, left.contact) == ("o1", 1, "m1")
    assert await store.mails.waiting() == (1, AT - 1)
    await store.mails.put_off("o1", AT)
    assert (await store.mails.due(AT))[0].tries == 1
    await store.mails.sent("o1", AT)
    await store.mails.later("o1", AT)
    assert await store.mails.waiting() == (0, None) and await store.mails.next_due() is None


async def test_lines_say_that_they_came_by_mail(store: Store) -> None:
    await store.chats.open(wanted(CHAT))
    mail = {"address": "li@example.com", "subject": "订单", "whole": "yes\n> old"}
    said = await store.chats.say(CHAT, line("yes", mail=mail))
    assert said.mail == mail and (await store.chats.lines(CHAT))[0].mail == mail
    found = await store.mails.line(CHAT, said.id)
    assert found is not None and (found.text, found.mail) == ("yes", mail)
    assert await store.mails.line(CHAT, "nothing") is None
    with pytest.raises(NotFound):
        await store.mails.line("nothing", said.id)


async def test_who_is_erased_takes_the_conversation_in_which_he_wrote_by_mail(site: Site) -> None:
    customer = await site.store.customers.create({"name": "Li"})
    await site.chat("c1", AT)  # nobody knew who it was
    await site.chat("c2", AT)
    for of, chat in (("m1", "c1"), ("m2", "c2")):
        await site.store.mails.open(contact(of, conversation=chat))
        await site.store.mails.keep(f"letter-{of}", "letter", AT, chat, of)
        await site.store.mails.put(
            Outgoing(id=f"out-{of}", conversation=chat, kind="line", made_at=AT, next_at=AT, contact=of)
        )
        await site.store.chats.say(chat, NewLine(id=f"by-{of}", by="visitor", at=AT, text="parasol"))
        started = e.InteractionStarted(
            at=AT, interaction_id=of, pbx="", channel="email", direction="inbound", customer_address=None,
            customer_name=None, dialled=None, unique_id="", linked_id="",
        )  # fmt: skip
        who = e.CustomerIdentified(at=AT, interaction_id=of, customer_id=customer.id, agent="anna")
        over = e.InteractionEnded(at=AT + 60, interaction_id=of, outcome="answered", ended_by="agent")
        for event in (started, who, over) if of == "m1" else (started, over):
            site.log.append(e.Recorded(site.log.next_seq(), event))
    await site.log.shown()
    while await site.store.feed.step():
        pass
    assert await _found(site.store, "parasol") == {"m1", "m2"}, "letters are found by what they said"
    work = site.work()
    await work.request(customer.id, "sofia")
    await work.erase_pending()
    for table in (chats, chat_lines, mail_contacts, mail_letters, mail_outbox):
        query = sa.select(table.c.id)
        left = await site.store._reading(lambda c, query=query: set(c.execute(query).scalars()))
        assert left and not {one for one in left if one.endswith(("c1", "m1"))}, table.name
    assert site.there() == [False, True]


async def _found(store: Store, words: str) -> set[str]:
    """The contacts that the full text finds."""
    page = await store.search.find(Question(text=words), Scope(everything=True))
    return {one.ref for one in page.items}
