"""What a person without ``customers.see_numbers`` is sent, and card numbers in what anybody sends. ASGI.

One place for all routes: a route that is added shows nothing more by being new. Documents are JSON; a file (CSV, XLSX,
vCard) cannot be masked on its way, so it is refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from agent_console.problems import answer
from agent_console.sensitive import Sensitive
from interaction_log.masking import veiled, without_cards, without_fields
from interaction_log.records import User
from interaction_log.rights import has
from interaction_log.web.origin import header
from interaction_log.web.strict_json import BadJson, parse

KEY: Final = "callweave.answer"
MASKED: Final = b"x-callweave-masked"
"""Header of an answer: ``cards`` where card numbers were hidden in what was sent."""
SEES: Final = "customers.see_numbers"
SEES_SENSITIVE: Final = "customers.see_sensitive"
_FILES: Final = (
    "text/csv",
    "text/vcard",
    "text/x-vcard",
    "application/vnd.",
    "application/zip",
    "application/x-ndjson",
)
_FIGURES: Final = ("/api/reports",)
"""Files without anybody in them."""
_OWN: Final = ("/api/session", "/api/phone", "/api/users", "/api/openapi.json")
"""Nothing of customers, and one's own telephone's password among it."""


@dataclass(slots=True)
class Answer:
    """How this request is to be answered."""

    veiled: bool = False
    hides: bool = False
    """Without sensitive fields."""

    @property
    def changed(self) -> bool:
        """Whether it is not sent as it is."""
        return self.veiled or self.hides


def tell(scope: Any, user: User) -> None:
    """This is who asks."""
    found = scope.get(KEY)
    if isinstance(found, Answer) and not scope["path"].startswith(_OWN):
        found.veiled = not has(user, SEES)
        found.hides = not has(user, SEES_SENSITIVE)


class Veil:
    """Around the API."""

    def __init__(self, app: Any, sensitive: Sensitive):
        self._app = app
        self._sensitive = sensitive

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        scope[KEY] = told = Answer()
        exchange = _Exchange(scope, receive, send, told, self._sensitive)
        await self._app(scope, exchange.receive, exchange.send)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Any, receive: Any, send: Any, told: Answer, sensitive: Sensitive):
        self._scope, self._receive, self._send, self._told = scope, receive, send, told
        self._sensitive = sensitive
        self._cards = 0
        self._begun: dict[str, Any] | None = None
        self._body: list[bytes] = []
        self._refused = False

    async def receive(self) -> Any:
        """The request, without card numbers in its texts. The guard gave the body in one message."""
        message = await self._receive()
        if message["type"] != "http.request" or message.get("more_body") or not _json(self._scope["headers"]):
            return message
        try:
            document, self._cards = without_cards(parse(message.get("body") or b"null"))
        except BadJson:  # the guard has refused it, or will
            return message
        return {**message, "body": json.dumps(document).encode()} if self._cards else message

    async def send(self, message: Any) -> None:
        """The answer, masked where its reader may not see numbers."""
        if message["type"] == "http.response.start":
            await self._start(message)
        elif self._begun is not None:
            await self._collect(message)
        elif not self._refused:
            await self._send(message)

    async def _start(self, message: Any) -> None:
        if self._cards:
            message = {**message, "headers": [*message.get("headers", ()), (MASKED, b"cards")]}
        kind = (header(message.get("headers", ()), b"content-type") or "").partition(";")[0].strip().lower()
        is_file = kind.startswith(_FILES) and not self._scope["path"].startswith(_FIGURES)
        if not (self._told.veiled if is_file else self._told.changed and kind.endswith("json")):
            await self._send(message)
        elif is_file:
            self._refused = True
            await answer(403, "Your role does not allow this.")(self._scope, self._receive, self._send)
        else:
            self._begun = message

    async def _collect(self, message: Any) -> None:
        assert self._begun is not None
        self._body.append(message.get("body", b""))
        if message.get("more_body"):
            return
        whole = b"".join(self._body)
        body = json.dumps(await self._shown(json.loads(whole)), ensure_ascii=False).encode() if whole else b""
        kept = [pair for pair in self._begun.get("headers", ()) if pair[0].lower() != b"content-length"]
        headers = [*kept, (b"content-length", str(len(body)).encode())]
        begun, self._begun = self._begun, None
        await self._send({**begun, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def _shown(self, document: Any) -> Any:
        if self._told.hides:
            await self._sensitive.refresh()
            document = without_fields(document, self._sensitive.codes)
        return veiled(document) if self._told.veiled else document


def _json(headers: Any) -> bool:
    return (header(headers, b"content-type") or "").partition(";")[0].strip().lower() == "application/json"
