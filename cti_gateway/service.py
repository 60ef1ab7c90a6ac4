"""Stop 1: the wire. A Twisted connection takes bytes off the manager interface and hands messages on, nothing else.

Asterisk drops a reader that pauses (``writetimeout``, 100 ms by default), so whoever takes the messages must not wait:
no database, no file, no ``await`` in `on_messages`. Outside of this module there is no Deferred.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from twisted.application.internet import ClientService
from twisted.internet import error
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer  # type: ignore[import-untyped]

from cti_gateway.ami import actions
from cti_gateway.ami.actions import Action
from cti_gateway.ami.backoff import Backoff, Why
from cti_gateway.ami.codec import Message
from cti_gateway.ami.session import AskFailed, Credentials, LinkDown, Reply, Session, State
from cti_gateway.bridge import MonotonicClock, as_future

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IAddress
    from twisted.python.failure import Failure

log = logging.getLogger(__name__)

TICK_SECONDS: Final = 0.5
CONNECT_SECONDS: Final = 3.0
"""How long a connection may take to open. A lost first packet is sent again after 1 s and 3 s."""
STEADY_SECONDS: Final = 10.0
"""A link that was up for so long begins anew with the shortest wait."""
GOODBYE_SECONDS: Final = 1.0

Name = Literal["connecting", "logging_in", "up", "lost", "refused"]
Role = Literal["events", "actions"]
OnMessages: TypeAlias = Callable[[list[Message], float], object]


@dataclass(frozen=True)
class LinkSettings:
    """Where a PBX is and how to log in. The secret is not shown."""

    name: str
    host: str
    port: int
    username: str
    secret: str = field(repr=False)
    tls: bool = False
    tls_verify: bool = True
    """Whether the certificate must be right for `host`. Off only for a certificate that nobody signed."""
    tls_ca: str | None = None
    """File with the certificates to trust instead of the system's."""
    auth: Literal["md5", "plain"] = "md5"


@dataclass(frozen=True)
class LinkState:
    """State of one connection, for people: `reason` is a sentence, `since` is in seconds since 1970."""

    pbx: str
    role: Role
    name: Name
    reason: str
    since: float

    @property
    def up(self) -> bool:
        """Whether actions can be sent."""
        return self.name == "up"


OnState: TypeAlias = Callable[[LinkState], object]


def _ignore(*_: object) -> None:
    """Do nothing with what was announced."""


_WORDS: Final[tuple[tuple[tuple[type[Exception], ...], str], ...]] = (
    ((error.ConnectionRefusedError,), "nothing listens on {}"),
    ((error.DNSLookupError,), "the name of {} is not known"),
    ((error.TimeoutError, error.TCPTimedOutError), "{} does not answer"),
    ((error.NoRouteError,), "there is no way to {}"),
    ((error.ConnectionDone,), "the PBX closed the connection"),
    ((error.ConnectionLost, error.ConnectionAborted), "the connection broke"),
)


def plain_words(failure: Failure, where: str) -> str:
    """Say why a connection failed or ended, for an operator. `where` is host and port."""
    problem = failure.value
    for kinds, words in _WORDS:
        if isinstance(problem, kinds):
            return words.format(where)
    text = " ".join(str(problem).split())[:200] or type(problem).__name__
    if type(problem).__module__.startswith(("OpenSSL", "service_identity")):
        return f"TLS with {where} failed: {text}"
    return f"{where}: {text}"


class _Connection(Protocol):
    """The protocol object: it only passes on what happens to its link."""

    def __init__(self, link: AmiLink) -> None:
        self.link = link

    @property
    def wire(self) -> Any:
        """The transport, typed as what it is: TCP, perhaps under TLS."""
        return self.transport

    def connectionMade(self) -> None:
        self.link._connected(self)

    def dataReceived(self, data: bytes) -> None:
        self.link._received(data)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.link._disconnected(self, reason)


class _Connections(Factory):
    noisy = False

    def __init__(self, link: AmiLink) -> None:
        self.link = link

    def buildProtocol(self, addr: IAddress | None) -> _Connection:
        return _Connection(self.link)


def _unverified() -> Any:
    """TLS without looking at the certificate."""
    from OpenSSL.SSL import Connection  # noqa: PLC0415  (only with TLS)
    from twisted.internet.interfaces import IOpenSSLClientConnectionCreator  # noqa: PLC0415
    from twisted.internet.ssl import CertificateOptions  # noqa: PLC0415

    context = CertificateOptions(verify=False).getContext()

    @implementer(IOpenSSLClientConnectionCreator)
    class Creator:
        def clientConnectionForTLS(self, tlsProtocol: Any) -> Connection:
            connection = Connection(context, None)
            connection.set_connect_state()
            return connection

    return Creator()


def _tls_options(settings: LinkSettings) -> Any:
    if not settings.tls_verify:
        return _unverified()
    from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates  # noqa: PLC0415

    trust = None
    if settings.tls_ca:
        end = "-----END CERTIFICATE-----"
        parts = Path(settings.tls_ca).read_text(encoding="ascii", errors="replace").split(end)[:-1]
        trust = trustRootFromCertificates(  # type: ignore[no-untyped-call]
            [Certificate.loadPEM((part + end + "\n").encode()) for part in parts]
        )
    return optionsForClientTLS(settings.host, trustRoot=trust)


def endpoint_for(settings: LinkSettings, reactor: Any) -> Any:
    """The way to a PBX: TCP, or TLS with the certificate checked against `host`."""
    if isIPAddress(settings.host):
        endpoint: Any = TCP4ClientEndpoint(reactor, settings.host, settings.port)
    elif isIPv6Address(settings.host):
        endpoint = TCP6ClientEndpoint(reactor, settings.host, settings.port)  # type: ignore[no-untyped-call]
    else:
        endpoint = HostnameEndpoint(reactor, settings.host, settings.port)
    return wrapClientTLS(_tls_options(settings), endpoint) if settings.tls else endpoint


@implementer(IStreamClientEndpoint)
class _Watched:
    """An endpoint with a time limit on the right clock, that tells why a connection could not be opened."""

    def __init__(self, endpoint: Any, clock: Any, failed: Callable[[Failure], Failure]) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._failed = failed

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        opening: Deferred[Any] = self._endpoint.connect(protocolFactory)
        return opening.addTimeout(CONNECT_SECONDS, self._clock).addErrback(self._failed)


class AmiLink:
    """One connection to a PBX that is opened again whenever it ends.

    `on_messages(messages, received_at)` gets what one read completed, in order, with the seconds since 1970 of the
    read; it must not wait. `on_state(state)` is called at each change. Everything runs on the event loop's thread.
    """

    def __init__(
        self,
        settings: LinkSettings,
        reactor: Any,
        *,
        role: Role = "events",
        on_messages: OnMessages = _ignore,
        on_state: OnState = _ignore,
        clock: Any = None,
        wall: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.settings = settings
        self.role: Role = role
        self.on_messages = on_messages
        self.on_state = on_state
        self.state = LinkState(settings.name, role, "connecting", "", wall())
        self.bytes_received = 0
        self.messages_received = 0
        self.gaps = 0
        """How often the link was lost after it had been up: each time messages may be missing."""
        self.unknown_responses = 0
        """Responses that nobody waited for."""
        self.dropped_messages = 0
        """Blocks over a limit, or no AMI at all."""
        self.noise_dropped = 0
        """Events that no part of us reads; many of them mean that ``eventfilter`` lines are missing."""
        self.last_received_at: float | None = None
        """Seconds since 1970 of the last read."""
        self.version = ""
        """AMI version of the PBX, once it has greeted."""
        self._reactor = reactor
        self._clock = clock
        self._wall = wall
        self._backoff = Backoff(chance)
        self._why: Why = "unreachable"
        self._was_up = False
        self._up_since: float | None = None
        self._stopping = False
        self._service: ClientService | None = None
        self._connection: _Connection | None = None
        self._session: Session | None = None
        self._timer: Any = None  # an IDelayedCall
        self._waiting: dict[str, asyncio.Future[Reply]] = {}
        self._counted = (0, 0, 0)  # of the session that runs now

    # For everybody

    def start(self) -> None:
        """Begin to connect, on the running loop."""
        self._stopping = False
        self._clock = self._clock or MonotonicClock()
        # Any: Twisted's interfaces mean nothing to a type checker without a plug-in.
        endpoint: Any = _Watched(endpoint_for(self.settings, self._reactor), self._clock, self._not_opened)
        connections: Any = _Connections(self)
        self._service = ClientService(endpoint, connections, retryPolicy=self._retry, clock=self._clock)
        self._service.startService()

    async def stop(self) -> None:
        """Log off and close; ends within about a second, whatever the PBX does."""
        self._stopping = True
        if self._service is None:
            return
        if self._session is not None and self._session.state is State.READY:
            self._session.send(actions.logoff(), self._clock.seconds(), GOODBYE_SECONDS)
            self._flush()
        hurry = asyncio.get_running_loop().call_later(GOODBYE_SECONDS, self._abort)
        service, self._service = self._service, None
        try:
            await as_future(service.stopService())
        finally:
            hurry.cancel()
            self._change("lost", "stopped")

    async def ask(
        self,
        action: Action,
        timeout: float = 5.0,  # noqa: ASYNC109
        *,
        action_id: str | None = None,
    ) -> Reply:
        """Send an action and wait for its answer, at most `timeout` seconds (a list: since its last item).

        Raises LinkDown, ActionFailed, ActionTimedOut (all AskFailed), and EncodeError before anything is sent. After
        LinkDown and ActionTimedOut it is not known whether the PBX has done it: nothing is ever sent twice.
        """
        if self._session is None:
            raise LinkDown(self.state.reason or "no link yet")
        sent = self._session.send(action, self._clock.seconds(), timeout, action_id)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[sent] = future
        self._flush()
        try:
            return await future
        finally:
            del self._waiting[sent]
            if future.cancelled() and self._session is not None:
                self._session.forget(sent)

    # From the connection

    def _connected(self, connection: _Connection) -> None:
        role = self.settings
        credentials = Credentials(role.username, role.secret, role.auth, events=self.role == "events")
        self._connection = connection
        self._session = Session(credentials, secrets.token_hex(5), self._clock.seconds())
        connection.wire.setTcpNoDelay(True)
        if self.state.name == "connecting":
            self._change("logging_in", "")
        self._timer = self._clock.callLater(TICK_SECONDS, self._tick)

    def _received(self, data: bytes) -> None:
        session = self._session
        if session is None:
            return
        received_at = self._wall()
        messages = session.receive(data, self._clock.seconds())
        self.bytes_received += len(data)
        self.messages_received += len(messages)
        self.last_received_at = received_at
        self._look(session)
        if messages:
            try:
                self.on_messages(messages, received_at)
            except Exception:  # a fault further in must not cost the link
                log.exception("%s: messages of the PBX could not be taken", self.settings.name)

    def _tick(self) -> None:
        self._timer = self._clock.callLater(TICK_SECONDS, self._tick)
        session = self._session
        if session is None:
            return
        now = self._clock.seconds()
        session.tick(now)
        self._count(session)
        if self._up_since is not None and now - self._up_since > STEADY_SECONDS:
            self._backoff.succeeded()
        self._look(session)

    def _look(self, session: Session) -> None:
        """Do what the session wants done."""
        self._flush()
        for action_id, result in session.take_outcomes():
            self._settle(action_id, result)
        if session.state is State.READY and self._up_since is None:
            self._opened(session)
        elif session.state in {State.REFUSED, State.CLOSED}:
            self._abort()

    def _count(self, session: Session) -> None:
        """Add what the session has counted since the last time."""
        codec = session.codec
        old, new = self._counted, (session.unknown_responses, codec.dropped_messages, codec.noise_dropped)
        self._counted = new
        self.unknown_responses += new[0] - old[0]
        self.dropped_messages += new[1] - old[1]
        self.noise_dropped += new[2] - old[2]

    def _opened(self, session: Session) -> None:
        self._up_since = self._clock.seconds()
        self._was_up = True
        self.version = session.codec.version
        self._change("up", f"Asterisk with AMI {self.version}")

    def _flush(self) -> None:
        if self._session is not None and self._connection is not None:
            data = self._session.take_output()
            if data:
                self._connection.wire.write(data)

    def _settle(self, action_id: str, result: Reply | AskFailed) -> None:
        future = self._waiting.get(action_id)
        if future is None or future.done():
            return
        if isinstance(result, Reply):
            future.set_result(result)
        else:
            future.set_exception(result)

    def _abort(self) -> None:
        if self._connection is not None:
            self._connection.wire.abortConnection()

    # The end of a connection

    def _disconnected(self, connection: _Connection, failure: Failure | None) -> None:
        session = self._session
        if connection is not self._connection or session is None:
            return
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        where = f"{self.settings.host}:{self.settings.port}"
        session.lost(self._clock.seconds(), plain_words(failure, where) if failure else "the connection ended")
        self._connection = self._session = None
        self.gaps += self._up_since is not None and not self._stopping
        self._up_since = None
        self._count(session)
        self._counted = (0, 0, 0)
        refused = session.state is State.REFUSED
        # Whoever stays silent and was never our PBX is probably none.
        self._why = "refused" if refused or (not self._was_up and session.codec.banner is None) else "unreachable"
        self._change("refused" if refused else "lost", "stopped" if self._stopping else session.reason)
        for action_id, result in session.take_outcomes():
            self._settle(action_id, result)

    def _not_opened(self, failure: Failure) -> Failure:
        self._why = "unreachable"
        if not self._stopping:
            self._change("lost", plain_words(failure, f"{self.settings.host}:{self.settings.port}"))
        return failure

    def _retry(self, _attempts: int) -> float:
        return self._backoff.wait(self._why)

    def _change(self, name: Name, reason: str) -> None:
        """Announce a new state; an attempt that failed like the one before is none."""
        old = self.state
        if (old.name, old.reason) == (name, reason):
            return
        since = old.since if old.name == name else self._wall()
        self.state = LinkState(self.settings.name, self.role, name, reason, since)
        level = {"up": logging.INFO, "lost": logging.WARNING, "refused": logging.ERROR}.get(name, logging.DEBUG)
        if self._stopping:
            level = logging.DEBUG
        log.log(level, "PBX %s (%s): %s%s", self.settings.name, self.role, name, f": {reason}" if reason else "")
        try:
            self.on_state(self.state)
        except Exception:
            log.exception("%s: a change of the link could not be taken", self.settings.name)


class PbxLink:
    """The two connections to one PBX: one has the events, the other the actions, so that no flood delays an action."""

    def __init__(self, events: AmiLink, actions: AmiLink) -> None:
        self.events = events
        self.actions = actions

    @classmethod
    def to(
        cls,
        settings: LinkSettings,
        reactor: Any,
        *,
        on_messages: OnMessages = _ignore,
        on_state: OnState = _ignore,
        clock: Any = None,
    ) -> PbxLink:
        """Make both; messages are those of the event connection, states are those of both (see `LinkState.role`)."""
        return cls(
            AmiLink(settings, reactor, role="events", on_messages=on_messages, on_state=on_state, clock=clock),
            AmiLink(settings, reactor, role="actions", on_state=on_state, clock=clock),
        )

    @property
    def name(self) -> str:
        """The PBX's name in the configuration."""
        return self.events.settings.name

    @property
    def state(self) -> LinkState:
        """State of the event connection: without it we know nothing."""
        return self.events.state

    @property
    def version(self) -> str:
        """AMI version of the PBX, empty before it has greeted."""
        return self.events.version

    def start(self) -> None:
        """Begin to connect both."""
        self.events.start()
        self.actions.start()

    async def stop(self) -> None:
        """Close both."""
        await asyncio.gather(self.events.stop(), self.actions.stop())

    async def ask(
        self,
        action: Action,
        timeout: float = 5.0,  # noqa: ASYNC109
        *,
        action_id: str | None = None,
    ) -> Reply:
        """Ask on the action connection; on the other while that one is down (a PBX may allow one login only).

        Raises what `AmiLink.ask` raises.
        """
        link = self.actions if self.actions.state.up or not self.events.state.up else self.events
        return await link.ask(action, timeout, action_id=action_id)

    async def ask_in_order(self, action: Action, timeout: float = 5.0) -> Reply:  # noqa: ASYNC109
        """Ask on the event connection: the answer's items have their place among the events (a snapshot)."""
        return await self.events.ask(action, timeout)
