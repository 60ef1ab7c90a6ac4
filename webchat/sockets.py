"""The visitors' Socket.IO server: its own one, at its own path, with one namespace. Packets are looked at before
python-socketio reads them: the rate first, then strict JSON; each override of its private methods says why.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from engineio.packet import MESSAGE, Packet
from pydantic import ValidationError
from socketio.exceptions import ConnectionRefusedError as Refusal

from interaction_log.web.connections import MAX_PACKET, TAKEN, Peer, PeerServer
from interaction_log.web.emit import emitter_for
from interaction_log.web.limits import Bucket
from interaction_log.web.origin import client_address, header
from interaction_log.web.strict_json import BadJson, Codec, check
from webchat.commands import Commands, refused
from webchat.deps import VisitorDeps
from webchat.gate import place_of
from webchat.ports import Visitor
from webchat.session import Stage, after, rule_of
from webchat.signs import Signs
from webchat.tabs import NAMESPACE, QUEUE_LIMIT, Tab, text_of
from webchat.tokens import token_hash, usable
from webchat.wire import VISITOR_COMMANDS, Ack, Fetch

LOG = logging.getLogger(__name__)
PACKETS_PER_SECOND: Final = 20.0
PACKET_BURST: Final = 80.0
MOST_OVER: Final = 40
"""Packets over the rate in the life of a connection; then it is cut, and its address pays for that."""
MOST_AT_ONCE: Final = 32
"""Commands of one connection that wait for their answer."""
_EVENT: Final = re.compile(rf"42{NAMESPACE},([0-9]{{0,9}})(?=\[)")
"""A command as every client writes it; python-socketio reads the others."""
_QUIET: Final = logging.getLogger("webchat.socketio")
_QUIET.setLevel(logging.CRITICAL)  # python-socketio logs what clients send


@dataclass(slots=True, kw_only=True)
class _Peer(Peer):
    """One engine.io connection."""

    address: str
    stage: Stage = "new"
    tab: Tab | None = None
    over: int = 0
    waiting: int = 0
    signs: Signs | None = None

    @property
    def signed_in(self) -> bool:
        """See ``Peer``."""
        return self.tab is not None

    def end(self) -> None:
        """See ``Peer``."""
        self.stage = "closing"


class VisitorSockets(PeerServer[_Peer]):
    """The namespace ``/chat``."""

    def __init__(self, deps: VisitorDeps, commands: Commands):
        super().__init__([NAMESPACE], _QUIET)
        self._deps, self._commands = deps, commands
        self.tabs = deps.tabs
        self.tabs.emitter = emitter_for(self, QUEUE_LIMIT)
        self.tabs.cut = self._cut
        self.on("connect", self._connect, namespace=NAMESPACE)
        self.on("disconnect", self._left, namespace=NAMESPACE)

    def _made(self, scope: dict[str, Any]) -> _Peer:
        bucket = Bucket(PACKETS_PER_SECOND, PACKET_BURST)
        return _Peer(scope=scope, bucket=bucket, address=client_address(scope, self._deps.trusted_proxies))

    # --- coming ---

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        """Overridden: once; and the welcome follows CONNECT, never precedes it."""
        peer = self._peers.get(eio_sid)
        if peer is None or (namespace == NAMESPACE and peer.stage != "new"):
            self.close_soon(eio_sid)
            return
        if namespace == NAMESPACE:
            peer.stage = after(peer.stage, "connect")
        await super()._handle_connect(eio_sid, namespace, data)
        if (tab := peer.tab) is None or self._peers.get(eio_sid) is not peer:
            return
        self._slim(eio_sid)
        self.spawn(self._welcome(tab))

    async def _connect(self, sid: str, environ: dict[str, Any], auth: Any) -> None:
        eio_sid = str(self.manager.eio_sid_from_sid(sid, NAMESPACE))
        peer = self._peers[eio_sid]
        try:
            tab = await self._tab(peer, sid, eio_sid, auth if isinstance(auth, dict) else {})
        except Refusal:
            peer.stage = after(peer.stage, "refused")
            asyncio.get_running_loop().call_later(self.farewell_seconds, self.close_soon, eio_sid)
            raise
        if self._peers.get(eio_sid) is not peer:  # it went away meanwhile
            self._deps.gates[tab.visitor.site].disconnect(tab.place)
            raise Refusal("gone", {"code": "gone"})
        peer.stage, peer.tab = after(peer.stage, "accepted"), tab
        self.tabs.join(tab)

    async def _tab(self, peer: _Peer, sid: str, eio_sid: str, auth: dict[str, Any]) -> Tab:
        """Who it is, if he may come. Raises ``Refusal``."""
        token = auth.get("token")
        if not usable(token):
            raise Refusal("unauthorized", {"code": "unauthorized"})
        try:
            stored = await self._deps.store.visitor_of(token_hash(str(token)), self._deps.wall())
            await self._deps.refresh_bans()
        except Exception:
            LOG.warning("a visitor could not sign in: the tokens cannot be read")
            raise Refusal("unavailable", {"code": "unavailable"}) from None
        gate = self._deps.gates.get(stored.site) if stored is not None else None
        if stored is None or gate is None:
            raise Refusal("unauthorized", {"code": "unauthorized"})
        if not gate.site.allows(header(peer.scope["headers"], b"origin"), self._deps.own_page(peer.scope)):
            raise Refusal("unauthorized", {"code": "origin"})
        place = place_of(peer.address)
        if (stored.id, place, self._deps.wall()) in self._deps.bans:
            raise Refusal("banned", {"code": "banned"})
        if stored.id in self.tabs.retired:  # he signed in meanwhile: with the same token he is somebody else
            raise Refusal("unavailable", {"code": "unavailable"})
        full = gate.connect(place, self.tabs.connected(stored.id))
        if full is not None:
            raise Refusal(full, {"code": full, "wait": 30.0})
        visitor = Visitor(
            id=stored.id, site=stored.site, subject=stored.subject, attributes=stored.attributes, address=peer.address
        )
        since = auth.get("after")
        return Tab(sid, eio_sid, visitor, place, since if type(since) is int and 0 <= since <= 2**31 else 0)

    async def _welcome(self, tab: Tab) -> None:
        try:
            conversation = await self._deps.chats.current(tab.visitor)
            lines = await self._deps.chats.lines(tab.visitor, Fetch(after=tab.after)) if conversation else []
        except Exception as error:
            LOG.warning("a visitor could not be welcomed: %s", type(error).__name__)
            self._cut(tab)
            return
        self.tabs.welcome(
            tab,
            {
                "visitor": tab.visitor.id,
                "server_time": self._deps.wall(),
                "conversation": conversation,
                "lines": lines,
            },
        )

    # --- what comes in ---

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        """Overridden to limit the rate before anything is parsed, and to end a connection that sends what cannot be
        read."""
        peer = self._peers.get(eio_sid)
        if peer is None or peer.stage == "closing" or self._over(eio_sid, peer, data):
            return
        if not isinstance(data, str) or data[:1] not in TAKEN:
            self.close_soon(eio_sid)
            return
        await super()._handle_eio_message(eio_sid, data)

    def _over(self, eio_sid: str, peer: _Peer, data: Any) -> bool:
        """Whether this is more than one connection may send; it is counted."""
        if peer.bucket.take(self._deps.now()):
            return False
        peer.over += 1
        if peer.over > MOST_OVER:
            self._deps.addresses.flooded(place_of(peer.address), self._deps.now())
            self._abort(eio_sid, peer)
        elif isinstance(data, str):
            self._refuse_unread(peer, data)
        return True

    def _straight(self, eio_sid: str, text: str) -> bool:
        """A command of a visitor who is in."""
        peer, socket, event = self._peers.get(eio_sid), self.eio.sockets.get(eio_sid), _EVENT.match(text)
        if event is None or peer is None or peer.tab is None or socket is None or not socket.upgraded:
            return False
        if len(text) > MAX_PACKET or socket.closed:
            return False
        if peer.stage != "closing" and not self._over(eio_sid, peer, text[1:]):
            try:
                self._take(peer, peer.tab, int(event[1]) if event[1] else None, Codec.loads(text[event.end() :]))
            except Exception:
                LOG.debug("a packet could not be read", exc_info=True)
                self.close_soon(eio_sid)
        return True

    async def _unreadable(self, eio_sid: str, data: Any) -> None:
        self.close_soon(eio_sid)

    def _refuse_unread(self, peer: _Peer, data: str) -> None:
        """Acknowledge an event without reading it, where it asked for that."""
        prefix = f"2{NAMESPACE},"
        digits = data[len(prefix) : len(prefix) + 16].partition("[")[0] if data.startswith(prefix) else ""
        if peer.tab is not None and digits.isdecimal() and digits.isascii():
            self._acknowledge(peer.tab, int(digits), refused("too_many", "Too much at once.", wait=2.0))

    async def _handle_event(self, eio_sid: str, namespace: str | None, id: int | None, data: Any) -> None:
        """Overridden: every event is a command; none reaches python-socketio's own ``connect`` or ``disconnect``."""
        peer = self._peers.get(eio_sid)
        if peer is None or peer.tab is None or namespace != NAMESPACE:
            self.close_soon(eio_sid)  # an event before signing in
            return
        self._take(peer, peer.tab, id, data)

    def _take(self, peer: _Peer, tab: Tab, id: int | None, data: Any) -> None:
        if not isinstance(data, list) or not 1 <= len(data) <= 2 or not isinstance(data[0], str):
            self._acknowledge(tab, id, refused("invalid", "A command is an event name and one JSON object."))
            return
        answer = self._answer(peer, tab, id, data[0], data[1] if len(data) == 2 else {})
        if answer is not None:
            self._acknowledge(tab, id, answer)

    def _answer(self, peer: _Peer, tab: Tab, id: int | None, name: str, body: Any) -> Ack | None:
        """The answer, where it is known at once."""
        rule = rule_of(peer.stage, name)
        if rule is None:
            return refused("invalid", "There is no such command.")
        try:
            check(body)
            command = VISITOR_COMMANDS[name].model_validate(body)
        except BadJson as bad:
            return refused("invalid", bad.message, field=bad.path)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            return refused("invalid", first["msg"], field=".".join(str(part) for part in first["loc"]))
        if peer.waiting >= MOST_AT_ONCE:
            return refused("too_many", "Too much at once.", wait=1.0)
        if rule.kind == "sign":
            if peer.signs is None:
                peer.signs = Signs(partial(self._commands.sign, tab.visitor), self._deps.now)
            peer.signs.give(name, command, rule.every)
            return {"ok": True}
        peer.waiting += 1
        work = self._commands.take(tab, rule.kind, name, command, partial(self._answered, peer, tab, id))
        if work is not None:
            self.spawn(work)
        return None

    def _answered(self, peer: _Peer, tab: Tab, id: int | None, answer: Ack) -> None:
        peer.waiting -= 1
        self._acknowledge(tab, id, answer)

    def _acknowledge(self, tab: Tab, id: int | None, answer: Ack) -> None:
        socket = self.eio.sockets.get(tab.eio_sid)
        if id is None or socket is None or socket.closed:
            return
        packet = Packet(MESSAGE, f"3{NAMESPACE},{id}[{text_of(answer)}]")
        line = getattr(socket, "line", None)  # long polling has none
        if line is None or not line.write(packet):
            socket.queue.put_nowait(packet)

    # --- going ---

    async def _left(self, sid: str, reason: str) -> None:
        for peer in [one for one in (self._peer_of(sid),) if one is not None]:
            self._gone(peer)

    def _peer_of(self, sid: str) -> _Peer | None:
        with contextlib.suppress(KeyError):
            return self._peers.get(str(self.manager.eio_sid_from_sid(sid, NAMESPACE)))
        return None

    def _gone(self, peer: _Peer) -> None:
        tab, peer.tab = peer.tab, None
        peer.stage = "closing"
        if peer.signs is not None:
            peer.signs.end(dropped=("typing",))
        if tab is not None:
            self.tabs.leave(tab)
            self._deps.gates[tab.visitor.site].disconnect(tab.place)

    def _cut(self, tab: Tab) -> None:
        """Nothing more goes there from now on; he comes again and fetches."""
        peer = self._peers.get(tab.eio_sid)
        if peer is not None:
            self._gone(peer)
        self.spawn(self._close(tab.eio_sid, polite=False))

    def _abort(self, eio_sid: str, peer: _Peer) -> None:
        """End it without a word: what it sent already is not read any more."""
        peer.stage = "closing"
        if peer.abort is not None:
            peer.abort()
        self.spawn(self._close(eio_sid, polite=False))
