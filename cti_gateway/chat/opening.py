"""What a visitor must give before a conversation begins, what it begins with, and its room. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cti_gateway.chat.room import Page, Room
from cti_gateway.chat.rules import SiteRules, form_fault, name_in
from cti_gateway.chat.speech import clean
from interaction_log.chats import NewConversation, StoredConversation
from interaction_log.identity import interaction_id
from interaction_log.masking import mask_cards
from webchat import wire
from webchat.ports import Visitor
from webchat.wire import Ack, Failure


def refused(code: str, message: str, field: str | None = None) -> Ack:
    """Why not, in plain words; the widget has its own texts by ``code``."""
    error: Failure = {"code": code, "message": message}
    if field is not None:
        error["field"] = field
    return {"ok": False, "error": error}


UNKNOWN_QUEUE: Final = refused("unknown_queue", "There is no such queue.", "queue")


def queue_of(rules: SiteRules, wanted: wire.Beginning) -> str | None:
    """The queue that is wanted, the site's first one where none is named; ``None``: the site has no such queue."""
    queue = wanted.queue or next(iter(rules.queues))
    return queue if queue in rules.queues else None


def fault_of(rules: SiteRules, wanted: wire.Beginning, queue: str | None) -> Ack | None:
    """A queue that the site does not have, an answer of its form that is missing, or the consent to today's text."""
    if queue is None:
        return UNKNOWN_QUEUE
    field = form_fault(rules.form_of(queue), wanted.form)
    if field is not None:
        return refused("form", "This answer is needed.", field)
    if rules.consent is not None and wanted.consent != rules.consent["version"]:
        return refused("consent", "Your consent is needed.", "consent")
    return None


def new_conversation(
    visitor: Visitor, rules: SiteRules, wanted: wire.Beginning, queue: str, at: float
) -> NewConversation:
    """What is kept of the beginning: only what the form asks for, the vouched name before the typed one."""
    asked = rules.form_of(queue)
    known = {one["code"] for one in asked}
    form = {code: mask_cards(clean(text)).text for code, text in wanted.form.items() if code in known}
    vouched = visitor.attributes.get("name", "").strip()[:80] if visitor.subject is not None else ""
    return NewConversation(
        id=interaction_id("chat", visitor.id, wanted.id),
        client_id=wanted.id,
        visitor=visitor.id,
        site=visitor.site,
        queue=queue,
        at=at,
        language=wanted.language,
        name=vouched or name_in(asked, form),
        form={code: text for code, text in form.items() if text},
        consent=wanted.consent,
        page=_page(wanted.page) if rules.trail and isinstance(wanted, wire.Open) else None,
    )


def _page(url: str | None) -> str | None:
    """Without its fragment, as all pages that are kept."""
    return url.partition("#")[0] if url and url.startswith(("https://", "http://")) else None


def _goes_on(stored: StoredConversation) -> str | None:
    wish: Mapping[str, Any] = stored.transcript or {}
    return str(wish["address"]) if wish.get("go_on") and "address" in wish else None


def room_of(stored: StoredConversation, rules: SiteRules | None) -> Room:
    """A room from what the store has of it. ``rules``: of its site, where there is one still."""
    room = Room(
        id=stored.id,
        visitor=stored.visitor,
        site=stored.site,
        pbx=rules.queues.get(stored.queue, "") if rules is not None else "",
        queue=stored.queue,
        language=stored.language,
        name=stored.name,
        form=dict(stored.form),
        last=stored.last,
        seen=stored.seen_by_visitor,
        answered=stored.seen_by_agent,
        page=stored.page,
        goes_on=_goes_on(stored),
        rating=stored.rating,
        spoke_at=stored.last_at or stored.opened_at,
    )
    room.trail.extend(Page(page["at"], page["url"], page["title"]) for page in stored.pages)
    return room
