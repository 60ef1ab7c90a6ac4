"""One client of the simulated manager interface, without its socket: bytes in, bytes out through `send`."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from cti_gateway.simulator.answers import AMI_VERSION, Action, Answer, Answers, parse_action
from cti_gateway.simulator.parts import Headers

CLASSES = frozenset({"system", "call", "agent", "user", "reporting", "dialplan", "cdr", "log", "security"})
_MAX_PENDING = 65_536  # bytes of an unfinished action; Asterisk takes 128 lines of 1 kB


def block(lines: Headers) -> bytes:
    """Header lines as they are sent. Line ends inside values become blanks."""
    text = "".join(
        f"{key}: {value}\r\n" for key, value in ((k, v.replace("\r", " ").replace("\n", " ")) for k, v in lines)
    )
    return f"{text}\r\n".encode("utf-8", "surrogateescape")


class Conversation:
    """Login, event mask, actions of one connection. `closed` says that the client is to be disconnected."""

    def __init__(
        self,
        send: Callable[[bytes], None],
        answers: Answers,
        *,
        username: str,
        secret: str,
        challenge: str,
    ) -> None:
        self._send = send
        self._answers = answers
        self._username, self._secret, self._challenge = username, secret, challenge
        self._pending = b""
        self.logged_in = False
        self.closed = False
        self.classes: frozenset[str] = frozenset()
        send(f"Asterisk Call Manager/{AMI_VERSION}\r\n".encode())

    def receive(self, data: bytes) -> None:
        """Take what was read."""
        *blocks, self._pending = (self._pending + data).split(b"\r\n\r\n")
        if len(self._pending) > _MAX_PENDING:
            self.closed = True
            return
        for one in blocks:
            if self.closed:
                return
            self._act(parse_action(one))

    def event(self, kind: str, data: bytes) -> None:
        """Pass an event on, if this client wants its class."""
        if kind in self.classes:
            self._send(data)

    def _act(self, action: Action) -> None:
        name = action.name.lower()
        if name == "challenge":
            self._reply(action, Answer(True, [("Challenge", self._challenge)]))
        elif name == "login":
            self._log_in(action)
        elif name == "logoff":
            self._respond(action, "Goodbye", [("Message", "Thanks for all the fish.")])
            self.closed = True
        elif not self.logged_in:
            self._reply(action, Answer(False, [("Message", "Permission denied")]))
        elif name == "events":
            self._set_events(action.get("EventMask"))
            self._reply(action, Answer(True, [("Events", "On" if self.classes else "Off")]))
        else:
            self._reply(action, self._answers.answer(action))

    def _log_in(self, action: Action) -> None:
        key = hashlib.md5((self._challenge + self._secret).encode(), usedforsecurity=False).hexdigest()
        by_key = action.get("AuthType").upper() == "MD5"
        given, wanted = (action.get("Key"), key) if by_key else (action.get("Secret"), self._secret)
        right = hmac.compare_digest(given.encode(), wanted.encode()) and action.get("Username") == self._username
        if not right:
            self._reply(action, Answer(False, [("Message", "Authentication failed")]))
            self.closed = True
            return
        self.logged_in = True
        self._reply(action, Answer(True, [("Message", "Authentication accepted")]))
        self._set_events(action.get("Events", "on") or "on")
        uptime = str(int(self._answers.pbx.clock.now() - self._answers.pbx.started))
        booted = [("Uptime", uptime), ("LastReload", uptime), ("Status", "Fully Booted")]
        self._send(block([("Event", "FullyBooted"), ("Privilege", "system,all"), *booted]))

    def _set_events(self, mask: str) -> None:
        words = {one.strip().lower() for one in mask.split(",")}
        if words & {"on", "all", "yes", "true"}:
            self.classes = CLASSES
        else:
            self.classes = CLASSES & words

    def _reply(self, action: Action, answer: Answer) -> None:
        self._respond(action, "Success" if answer.ok else "Error", answer.lines)
        if not answer.complete:
            return
        own = self._id_of(action)
        for name, lines in answer.items:
            self._send(block([("Event", name), *own, *lines]))
        end = [("EventList", "Complete"), ("ListItems", str(len(answer.items)))]
        self._send(block([("Event", answer.complete), *own, *end]))

    @staticmethod
    def _id_of(action: Action) -> Headers:
        return [("ActionID", action.get("ActionID"))] if action.get("ActionID") else []

    def _respond(self, action: Action, response: str, lines: Headers) -> None:
        self._send(block([("Response", response), *self._id_of(action), *lines]))
