"""One connection to a manager interface, without the connection: bytes and times in, messages, outcomes and bytes out.

Login is one table (`TABLE`). Each action has an ActionID of this session, an outcome and a deadline. A list is an
action whose response announces one (``EventList: start``), or whose closing event is known beforehand: it is answered
when that event has come. Every message also comes out of `receive` in the order of the stream, list items included,
because a snapshot is only worth something between the events around it.

Time is an argument everywhere: monotonic seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal

from cti_gateway.ami import actions
from cti_gateway.ami.actions import Action
from cti_gateway.ami.codec import Codec, CodecError, Message
from cti_gateway.ami.encode import EncodeError, encode_action

STEP_SECONDS: Final = 5.0
"""How long the PBX may take for the banner and for each answer of the login. A healthy one takes milliseconds."""

PING_AFTER: Final = 5.0
"""Seconds of silence after which the PBX is asked for a sign of life."""

LOST_AFTER: Final = 12.0
"""Seconds of silence after which the link is lost; with a tick each half second that is below the 15 s promised."""

LATE_TICK: Final = 3.0
"""A tick that comes this much later than the one before: we were stopped, so the silence was our own."""

MAX_ITEMS: Final = 100_000
"""Most items of one list: some times the channels of the biggest PBX."""


class State(Enum):
    """Where a session is. The last two are ends."""

    AWAITING_BANNER = "awaiting_banner"
    AWAITING_CHALLENGE = "awaiting_challenge"
    AWAITING_LOGIN = "awaiting_login"
    READY = "ready"
    REFUSED = "refused"
    CLOSED = "closed"


class Input(Enum):
    """What can happen to a session."""

    BANNER_MD5 = "banner, login by challenge"
    BANNER_PLAIN = "banner, login by secret"
    NOT_AMI = "first line of another service"
    SUCCESS = "response Success"
    ERROR = "response Error"
    SILENCE = "nothing in time"
    LOST = "connection lost"


Effect = Literal["ask_challenge", "log_in_md5", "log_in_plain", "open", "refuse", "close"]

TABLE: Final[dict[tuple[State, Input], tuple[State, Effect]]] = {
    (State.AWAITING_BANNER, Input.BANNER_MD5): (State.AWAITING_CHALLENGE, "ask_challenge"),
    (State.AWAITING_BANNER, Input.BANNER_PLAIN): (State.AWAITING_LOGIN, "log_in_plain"),
    (State.AWAITING_BANNER, Input.NOT_AMI): (State.REFUSED, "refuse"),
    (State.AWAITING_BANNER, Input.SILENCE): (State.CLOSED, "close"),
    (State.AWAITING_BANNER, Input.LOST): (State.CLOSED, "close"),
    (State.AWAITING_CHALLENGE, Input.SUCCESS): (State.AWAITING_LOGIN, "log_in_md5"),
    (State.AWAITING_CHALLENGE, Input.ERROR): (State.REFUSED, "refuse"),
    (State.AWAITING_CHALLENGE, Input.SILENCE): (State.CLOSED, "close"),
    (State.AWAITING_CHALLENGE, Input.LOST): (State.CLOSED, "close"),
    (State.AWAITING_LOGIN, Input.SUCCESS): (State.READY, "open"),
    (State.AWAITING_LOGIN, Input.ERROR): (State.REFUSED, "refuse"),
    (State.AWAITING_LOGIN, Input.SILENCE): (State.CLOSED, "close"),
    (State.AWAITING_LOGIN, Input.LOST): (State.CLOSED, "close"),
    (State.READY, Input.SILENCE): (State.CLOSED, "close"),
    (State.READY, Input.LOST): (State.CLOSED, "close"),
}
"""The whole login. A pair that is not here changes nothing."""


class AskFailed(Exception):
    """An action has no good answer; the text says why, in words for an operator."""


class ActionFailed(AskFailed):
    """The PBX answered ``Error``; `reason` is what it said."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ActionTimedOut(AskFailed):
    """No answer in time. Whether the PBX did it is not known."""


class LinkDown(AskFailed):
    """There is no link to the PBX, or it was lost before the answer. Whether the PBX did it is not known."""


@dataclass(frozen=True)
class Reply:
    """Good answer to an action: the response, and a list's items in order (without the event that ends it)."""

    action_id: str
    response: Message
    items: list[Message] = field(default_factory=list)


Outcome = tuple[str, Reply | AskFailed]
"""ActionID and what became of it."""


@dataclass
class _Asked:
    """An action on its way."""

    action: Action
    timeout: float
    deadline: float
    response: Message | None = None
    items: list[Message] = field(default_factory=list)


@dataclass(frozen=True)
class Credentials:
    """Who logs in and how. The secret is not shown."""

    username: str
    secret: str = field(repr=False)
    auth: Literal["md5", "plain"] = "md5"
    events: bool = True


_OWN: Final = ".own"  # ActionIDs of the session itself end with this: login and pings


class Session:
    """State of one connection, from its begin to its end; a new connection is a new session.

    `token` makes the ActionIDs unguessable and unlike those of other sessions: a few random letters. The owner calls
    `receive`, `tick` and `lost`, and afterwards takes `take_output`, `take_outcomes` and looks at `state`.
    """

    def __init__(self, credentials: Credentials, token: str, now: float, codec: Codec | None = None) -> None:
        self.state = State.AWAITING_BANNER
        self.reason = ""
        """Why the session is refused or closed, in plain words."""
        self.codec = codec or Codec()
        self.unknown_responses = 0
        """Responses with an ActionID that nobody waits for: late, repeated or forged."""
        self._credentials = credentials
        self._token = token
        self._count = 0
        self._asked: dict[str, _Asked] = {}
        self._output: list[bytes] = []
        self._outcomes: list[Outcome] = []
        self._step_deadline = now + STEP_SECONDS
        self._last_received = now
        self._last_tick = now
        self._challenge = ""

    # What the owner takes

    def take_output(self) -> bytes:
        """Bytes to write now."""
        data, self._output = b"".join(self._output), []
        return data

    def take_outcomes(self) -> list[Outcome]:
        """Actions that were decided since the last call."""
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    # What the owner brings

    def send(self, action: Action, now: float, timeout: float, action_id: str | None = None) -> str:
        """Queue an action, to be answered within `timeout` seconds (a list: since its last item); return its ActionID.

        The caller may choose the ActionID, to know an ``OriginateResponse`` that overtakes the response. Raises
        LinkDown when not logged in, EncodeError for values that cannot be sent, ValueError for an ActionID in use.
        """
        if self.state is not State.READY:
            raise LinkDown(self.reason or "not logged in yet")
        if action_id is not None and (action_id in self._asked or action_id.endswith(_OWN)):
            raise ValueError("this ActionID is in use")
        return self._send(action, now, timeout, action_id or self._next_id())

    def forget(self, action_id: str) -> None:
        """Nobody waits any more; a late answer is counted and dropped."""
        self._asked.pop(action_id, None)

    def receive(self, data: bytes, now: float) -> list[Message]:
        """Take bytes off the wire; return all messages that they complete, in order."""
        if self.state in {State.REFUSED, State.CLOSED}:
            return []
        self._last_received = now
        try:
            messages = self.codec.feed(data)
        except CodecError as error:
            self._step(Input.NOT_AMI, now, str(error))
            return []
        if self.state is State.AWAITING_BANNER:
            self._greet(messages, now)
        for message in messages:
            if message.kind == "response" or self._asked:
                self._match(message, now)
        return messages

    def tick(self, now: float) -> None:
        """Look at the clock; to be called about twice a second."""
        late = now - self._last_tick > LATE_TICK
        self._last_tick = now
        if self.state is State.READY:
            self._keep_alive(now, late)
        elif now >= self._step_deadline and not late:
            self._step(Input.SILENCE, now, "the PBX does not answer the login within 5 s")
        for action_id, asked in list(self._asked.items()):
            if now >= asked.deadline and not late:
                del self._asked[action_id]
                self._decide(action_id, ActionTimedOut(f"no answer to {asked.action.name} within {asked.timeout:g} s"))

    def lost(self, now: float, reason: str) -> None:
        """The connection has ended."""
        self._step(Input.LOST, now, reason)

    # Login

    def _greet(self, messages: list[Message], now: float) -> None:
        if self.codec.banner is not None:
            md5 = self._credentials.auth == "md5"
            self._step(Input.BANNER_MD5 if md5 else Input.BANNER_PLAIN, now)
        elif messages:
            self._step(Input.NOT_AMI, now, "it sent messages without the banner of a manager interface")

    def _step(self, happened: Input, now: float, why: str = "") -> None:
        """Go one step in the table."""
        found = TABLE.get((self.state, happened))
        if found is None:
            return
        self.state, effect = found
        self._step_deadline = now + STEP_SECONDS
        try:
            self._perform(effect, now, why)
        except EncodeError as error:  # a user name or secret that AMI cannot carry
            self._step(Input.ERROR, now, f"the login cannot be sent: {error}")

    def _perform(self, effect: Effect, now: float, why: str) -> None:
        who = self._credentials
        match effect:
            case "ask_challenge":
                self._send_own(actions.challenge(), now)
            case "log_in_md5":
                self._send_own(actions.login_md5(who.username, who.secret, self._challenge, events=who.events), now)
            case "log_in_plain":
                self._send_own(actions.login_plain(who.username, who.secret, events=who.events), now)
            case "open":
                pass
            case "refuse" | "close":
                self._end(why)

    def _end(self, why: str) -> None:
        self.reason = why
        waiting, self._asked = self._asked, {}
        for action_id in waiting:
            self._decide(action_id, LinkDown(why))

    def _own_answer(self, response: Message, now: float) -> None:
        """An answer to login or ping. A ping's answer has done its work by coming."""
        if response.name == "Success":
            self._challenge = response.get("Challenge")
            self._step(Input.SUCCESS, now)
        else:
            said = response.get("Message") or "no reason given"
            self._step(Input.ERROR, now, f"the PBX refuses the login of {self._credentials.username!r}: {said}")

    # Actions

    def _next_id(self) -> str:
        self._count += 1
        return f"{self._token}-{self._count}"

    def _send(self, action: Action, now: float, timeout: float, action_id: str) -> str:
        self._output.append(encode_action(action.name, action.headers, action_id))
        self._asked[action_id] = _Asked(action, timeout, now + timeout)
        return action_id

    def _send_own(self, action: Action, now: float) -> None:
        self._send(action, now, LOST_AFTER, self._next_id() + _OWN)

    def _keep_alive(self, now: float, late: bool) -> None:
        if late:  # what the PBX sent meanwhile is still to be read
            self._last_received = max(self._last_received, now - PING_AFTER)
        silence = now - self._last_received
        if silence >= LOST_AFTER:
            self._step(Input.SILENCE, now, f"the PBX has been silent for {LOST_AFTER:g} s")
        elif silence >= PING_AFTER and not any(one.action.name == "Ping" for one in self._asked.values()):
            self._send_own(actions.ping(), now)

    def _match(self, message: Message, now: float) -> None:
        """See whether a message answers something."""
        if message.kind == "other":
            return
        action_id = message.action_id
        asked = self._asked.get(action_id)
        if message.kind == "response":
            if asked is None or asked.response is not None:
                self.unknown_responses += 1
            else:
                self._answered(action_id, asked, message, now)
        elif asked is not None and asked.response is not None:
            self._item(action_id, asked, message, now)

    def _answered(self, action_id: str, asked: _Asked, response: Message, now: float) -> None:
        is_list = response.get("EventList").lower() == "start" or asked.action.list_complete is not None
        if response.name != "Error" and is_list:
            asked.response = response
            asked.deadline = now + asked.timeout
            return
        del self._asked[action_id]
        if action_id.endswith(_OWN):
            self._own_answer(response, now)
        elif response.name == "Error":
            self._decide(action_id, ActionFailed(response.get("Message") or "the PBX gave no reason"))
        else:
            self._decide(action_id, Reply(action_id, response))

    def _item(self, action_id: str, asked: _Asked, event: Message, now: float) -> None:
        """Take an item or the end of a list."""
        assert asked.response is not None
        asked.deadline = now + asked.timeout
        mark = event.get("EventList").lower()
        if mark == "cancelled":
            self._decide(action_id, ActionFailed("the PBX broke off the list"))
        elif mark == "complete" or event.name == asked.action.list_complete:
            self._decide(action_id, Reply(action_id, asked.response, asked.items))
        elif len(asked.items) >= MAX_ITEMS:
            self._decide(action_id, ActionFailed(f"the list has more than {MAX_ITEMS} items"))
        else:
            asked.items.append(event)
            return
        del self._asked[action_id]

    def _decide(self, action_id: str, result: Reply | AskFailed) -> None:
        if not action_id.endswith(_OWN):
            self._outcomes.append((action_id, result))
