"""The Socket.IO server: who may connect, what may come in, and how a connection is closed.

python-socketio would call the ``connect`` function for an *event* named ``connect``, take any number of binary
attachments, and keep a connection whose packets cannot be read; so packets are looked at here first. Each override
of one of its private methods says why.
"""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import socketio
from engineio.packet import MESSAGE, Packet
from socketio.exceptions import ConnectionRefusedError as Refusal

from agent_console.access import OVERSIGHT, allows, may_command
from agent_console.commands import Commands, refused
from agent_console.consoles import AGENTS, SUPERVISORS, Console, Consoles
from agent_console.deps import ConsoleDeps
from agent_console.lens import lens_of
from agent_console.sensitive import Sensitive
from agent_console.sessions import COOKIE, MAX_TOKEN, cookie_token, sight_of
from agent_console.wire import Ack
from interaction_log.records import User
from interaction_log.rights import EVERYTHING, Sight
from interaction_log.web.connections import ABORT, MAX_PACKET, TAKEN, WRITE, Peer, PeerServer, StrictPacket
from interaction_log.web.limits import Bucket
from interaction_log.web.origin import from_our_page

__all__ = ["ABORT", "MAX_PACKET", "WRITE", "ConsoleSockets", "StrictPacket"]

LOG = logging.getLogger(__name__)
MAX_BAD_PACKETS: Final = 5
MAX_LIMITED: Final = 500  # commands over the rate, in the life of a connection
MAX_CONSOLES: Final = 20  # of one user in one namespace

_ASKED: Final = re.compile(r"2(?:(?P<namespace>/[^,]{0,40}),)?(?P<id>[0-9]{1,15})\[")

Snapshots = Callable[[User, str], Awaitable[Callable[[], Mapping[str, Any]]]]
# python-socketio logs what clients send, line breaks and all; what matters is logged and counted here.
_QUIET: Final = logging.getLogger("agent_console.socketio")
_QUIET.setLevel(logging.CRITICAL)


@dataclass(slots=True, kw_only=True)
class _Peer(Peer):
    """One engine.io connection."""

    user: str | None = None
    consoles: dict[str, Console] = field(default_factory=dict)
    joining: set[str] = field(default_factory=set)
    bad: int = 0
    limited: int = 0
    closing: bool = False

    @property
    def signed_in(self) -> bool:
        """See ``Peer``."""
        return self.user is not None

    def end(self) -> None:
        """See ``Peer``."""
        self.closing = True


class ConsoleSockets(PeerServer[_Peer]):
    """Both namespaces. ``snapshots(user, namespace)`` prepares what ``join`` will call."""

    farewell_seconds = 1.5

    def __init__(self, deps: ConsoleDeps, commands: Commands, oversight: Commands, snapshots: Snapshots):
        super().__init__([AGENTS, SUPERVISORS], _QUIET)
        self._deps = deps
        self._commands = {AGENTS: commands, SUPERVISORS: oversight}
        self._snapshots = snapshots
        self.sensitive = Sensitive(deps)
        self._by_sid: dict[str, Console] = {}
        self._welcome: dict[tuple[str, str], Callable[[], None]] = {}
        for namespace in (AGENTS, SUPERVISORS):
            self.on("connect", self._admit(namespace), namespace=namespace)
            self.on("disconnect", self._left, namespace=namespace)

    @property
    def consoles(self) -> Consoles:
        """The registry."""
        return self._deps.consoles

    def _made(self, scope: dict[str, Any]) -> _Peer:
        return _Peer(scope=scope, bucket=Bucket(self._deps.commands_per_second, self._deps.command_burst))

    def _failed(self) -> None:
        self.consoles.counts.bad_packets += 1

    # --- coming ---

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        """Overridden: once per namespace; and the first message follows CONNECT, never precedes it."""
        peer = self._peers.get(eio_sid)
        space = namespace or "/"
        if peer is None or space in peer.joining or space in peer.consoles:
            self.close_soon(eio_sid)  # signing in twice on one connection
            return
        peer.joining.add(space)
        try:
            await super()._handle_connect(eio_sid, namespace, data)
        finally:
            peer.joining.discard(space)
        welcome = self._welcome.pop((eio_sid, space), None)
        console = peer.consoles.get(space)
        if welcome is not None and console is not None and self._peers.get(eio_sid) is peer:
            welcome()

    def _admit(self, namespace: str) -> Callable[[str, dict[str, Any], Any], Awaitable[None]]:
        async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
            await self._connect(sid, namespace, auth)

        return connect

    async def _connect(self, sid: str, namespace: str, auth: Any) -> None:
        eio_sid = str(self.manager.eio_sid_from_sid(sid, namespace))
        peer = self._peers[eio_sid]
        details = auth if isinstance(auth, dict) else {}
        token = self._token(peer, details.get("token"))
        user = await self._user(token, namespace)
        if peer.user not in (None, user.name):
            self.close_soon(eio_sid)
            raise Refusal("refused", {"code": "other_user"})
        peer.user = user.name
        if self.consoles.open_of(user.name, namespace) >= MAX_CONSOLES:
            raise Refusal("refused", {"code": "too_many_consoles"})
        after = offset(details.get("after"))
        snapshot = await self._prepared(user, namespace, after)
        sight = await self._sight(user) if namespace == SUPERVISORS else EVERYTHING
        await self.sensitive.refresh()
        lens = lens_of(user, namespace, sight, self._deps.live.agents, self.sensitive)
        console = Console(sid, eio_sid, namespace, user, token, lens=lens, sight=sight)
        peer.consoles[namespace] = self._by_sid[sid] = console
        self._welcome[(eio_sid, namespace)] = lambda: self._join(console, after, snapshot)

    async def _sight(self, user: User) -> Sight:
        try:
            return await sight_of(self._deps, user)
        except Exception:
            LOG.warning("a console could not sign in: the teams cannot be read")
            raise Refusal("unavailable", {"code": "unavailable"}) from None

    async def _prepared(self, user: User, namespace: str, after: int | None) -> Callable[[], Mapping[str, Any]]:
        if self.consoles.can_resume(namespace, user.name, after):
            return lambda: self._bare(user, namespace)
        return await self._snapshots(user, namespace)

    def _bare(self, user: User, namespace: str) -> Mapping[str, Any]:
        """The offset was forgotten between the question and the answer: what needs no database."""
        live = self._deps.live
        known = live.snapshot(user.name) if namespace == AGENTS else live.supervisor_snapshot()
        lists = ("recent", "pause_reasons", "dispositions") if namespace == AGENTS else ()
        return {"role": user.role, "server_time": self._deps.wall(), **{key: [] for key in lists}, **known}

    def _join(self, console: Console, after: int | None, snapshot: Callable[[], Mapping[str, Any]]) -> None:
        try:
            self.consoles.join(console, after, snapshot)
        except Exception:
            LOG.exception("no snapshot could be made for a console")
            self.close_soon(console.eio_sid)
            return
        self._tell_presence(console)

    def _token(self, peer: _Peer, token: Any) -> str:
        if isinstance(token, str) and token:
            return token
        found = cookie_token(peer.scope["headers"])
        if not found:
            raise Refusal("unauthorized", {"code": "unauthorized"})
        if from_our_page(peer.scope["headers"], self._deps.public_url) is not True:
            raise Refusal("unauthorized", {"code": "origin", "cookie": COOKIE})
        return found

    async def _user(self, token: str, namespace: str) -> User:
        usable = len(token) <= MAX_TOKEN and token.isascii() and token.isprintable()
        try:
            user = await self._deps.users.session_user(token) if usable else None
        except Exception:
            LOG.warning("a console could not sign in: the sessions cannot be read")
            raise Refusal("unavailable", {"code": "unavailable"}) from None
        if user is None or user.disabled:
            raise Refusal("unauthorized", {"code": "unauthorized"})
        if namespace == SUPERVISORS and not allows(user, OVERSIGHT):
            self._deps.live.attempted(user.name, SUPERVISORS)
            raise Refusal("forbidden", {"code": "forbidden"})
        return user

    # --- what comes in ---

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        """Overridden to limit the rate, before anything is parsed, and to survive packets that cannot be read."""
        peer = self._peers.get(eio_sid)
        if peer is None or peer.closing:
            return
        if not peer.bucket.take(self._deps.now()):
            await self._limit(eio_sid, peer, data)
            return
        if not isinstance(data, str) or data[:1] not in TAKEN:
            self._bad(eio_sid, peer)
            return
        await super()._handle_eio_message(eio_sid, data)

    async def _unreadable(self, eio_sid: str, data: Any) -> None:
        """Overridden to tell her program what it did wrong, some times."""
        peer = self._peers.get(eio_sid)
        if peer is not None:
            await self._refuse_unread(peer, data, refused("invalid", "This is not JSON as we take it."))
            self._bad(eio_sid, peer)

    async def _limit(self, eio_sid: str, peer: _Peer, data: Any) -> None:
        """Too many at once: refused unread; far too many: the connection is closed."""
        self.consoles.counts.limited += 1
        peer.limited += 1
        if peer.limited > MAX_LIMITED:
            self.close_soon(eio_sid)
            return
        await self._refuse_unread(peer, data, refused("too_many", "Too many commands at once; please wait a moment."))

    async def _refuse_unread(self, peer: _Peer, data: Any, answer: Ack) -> None:
        """Acknowledge an event without reading it, where it asked for that."""
        asked = _ASKED.match(data) if isinstance(data, str) else None
        console = peer.consoles.get(asked["namespace"] or "/") if asked else None
        if asked and console:
            await self._acknowledge(console, int(asked["id"]), answer)

    def _bad(self, eio_sid: str, peer: _Peer) -> None:
        self.consoles.counts.bad_packets += 1
        peer.bad += 1
        if peer.bad >= MAX_BAD_PACKETS or peer.user is None:
            self.close_soon(eio_sid)

    async def _handle_event(self, eio_sid: str, namespace: str | None, id: int | None, data: Any) -> None:
        """Overridden: every event is a command; none reaches python-socketio's own ``connect`` or ``disconnect``."""
        peer = self._peers.get(eio_sid)
        console = peer.consoles.get(namespace or "/") if peer else None
        if peer is None or console is None:
            self.close_soon(eio_sid)  # an event before signing in
            return
        answer = self._answer(console, data)
        if inspect.isawaitable(answer):
            self.spawn(self._acknowledge_later(console, id, answer))
        else:
            await self._acknowledge(console, id, answer)

    def _answer(self, console: Console, data: Any) -> Ack | Awaitable[Ack]:
        if not isinstance(data, list) or not data or not isinstance(data[0], str) or len(data) > 2:
            return refused("invalid", "A command is an event name and one JSON object.")
        forbidden = self._forbidden(console, data[0], data[1] if len(data) == 2 else None)
        if forbidden is not None:
            return forbidden
        try:
            return self._commands[console.namespace].take(
                console.user.name, data[0], data[1] if len(data) == 2 else None
            )
        except Exception:
            LOG.exception("the command %r failed", data[0][:64])
            return refused("failed", "Something went wrong on our side.")

    def _forbidden(self, console: Console, name: str, body: Any) -> Ack | None:
        """What her rights do not allow, and agents whom she does not see."""
        given: dict[str, Any] = body if isinstance(body, dict) else {}
        creates = name == "identify" and given.get("create") is not None
        if not may_command(console.user, console.namespace, name, creates):
            self._deps.live.attempted(console.user.name, f"{console.namespace} {name}")
            return refused("forbidden", "Your role does not allow this.")
        agent = given.get("agent")
        if console.namespace == SUPERVISORS and isinstance(agent, str) and not console.sight.sees_agent(agent):
            return refused("unknown_agent", "There is no such agent.", "agent")
        return None

    async def _acknowledge_later(self, console: Console, id: int | None, answer: Awaitable[Ack]) -> None:
        try:
            settled = await answer
        except Exception:
            LOG.exception("a command failed")
            settled = refused("failed", "Something went wrong on our side.")
        await self._acknowledge(console, id, settled)

    async def _acknowledge(self, console: Console, id: int | None, answer: Ack) -> None:
        if not answer["ok"]:
            self.consoles.counts.refused_commands += 1
        if id is not None:
            packet = StrictPacket(socketio.packet.ACK, namespace=console.namespace, id=id, data=[answer])
            await self._send_packet(console.eio_sid, packet)

    # --- going ---

    async def _left(self, sid: str, reason: str) -> None:
        console = self._by_sid.pop(sid, None)
        if console is None:
            return
        peer = self._peers.get(console.eio_sid)
        if peer is not None:
            peer.consoles.pop(console.namespace, None)
        self._forget(console)

    def _gone(self, peer: _Peer) -> None:
        for console in list(peer.consoles.values()):
            self._by_sid.pop(console.sid, None)
            self._forget(console)

    def _forget(self, console: Console) -> None:
        if self.consoles.leave(console):
            self._tell_presence(console)

    def _tell_presence(self, console: Console) -> None:
        if console.namespace == AGENTS:
            name = console.user.name
            self._deps.live.presence(name, self.consoles.connected(name))

    def cut(self, console: Console, why: str) -> None:
        """Nothing more goes to this console from now on; then its connection is closed, with a farewell if it reads."""
        LOG.info("console of %s cut: %s", console.user.name, why)
        self._forget(console)
        peer = self._peers.get(console.eio_sid)
        if peer is not None:
            peer.closing = True
        self.spawn(self._close(console.eio_sid, polite=why != "does not read"))

    def _farewell(self, peer: _Peer) -> Iterable[Packet]:
        return [Packet(MESSAGE, f"1{namespace},") for namespace in peer.consoles]


def offset(after: Any) -> int | None:
    """The number to resume after; ``None`` for anything that is none."""
    return after if type(after) is int and after >= 0 else None
