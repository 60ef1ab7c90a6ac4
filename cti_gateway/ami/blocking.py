"""A blocking client for operators' commands, on pyst2 (`asterisk.manager`). Not for the gateway itself: see ADR 0004.

What pyst2 0.5.1 lacks is mended here: it has no time-outs and no TLS, logs in with the secret in clear, dies of a
``ChanVariable`` on Python 3 (``dict.has_key``), and joins the answer to ``QueueStatus`` into one message. (Its package
is called ``asterisk``, as that of asterisk-ami: only the modules may be imported.)
"""

from __future__ import annotations

import contextlib
import hashlib
import queue
import socket
import ssl
import threading
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from asterisk import manager as pyst

from cti_gateway.ami.actions import Action
from cti_gateway.ami.codec import Message
from cti_gateway.ami.encode import encode_action

_NO_BANNER = "something listens there, but it is no manager interface (no banner)"


class BlockingError(Exception):
    """The PBX is not reachable, refuses, or does not answer; the text is for an operator."""


class Refused(BlockingError):
    """The PBX answered ``Error``; the text is its reason."""


class _WholeMessage(pyst.ManagerMsg):  # type: ignore[misc]
    """Keeps the lines; of equal headers the first counts (pyst2's own parser stops at ``ChanVariable``)."""

    def parse(self, response: list[str]) -> None:
        self.text = "".join(response)
        for line in response:
            if line == pyst.EOL:
                break
            key, colon, value = line.rstrip("\r\n").partition(":")
            if colon:
                self.headers.setdefault(key.strip(), value.strip())


class _Wire:
    """The socket as pyst2 wants it: a file. Its reader closes it at the end while its writer may still flush."""

    def __init__(self, connected: socket.socket) -> None:
        self._file = connected.makefile("rb", buffering=0)
        self._connected = connected

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._file)

    def write(self, data: bytes) -> None:
        """Send all of it."""
        self._connected.sendall(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """End reading."""
        self._file.close()


class _Flag(threading.Event):
    """pyst2 asks by a name that Python has deprecated."""

    isSet = threading.Event.is_set


class _Manager(pyst.Manager):  # type: ignore[misc]
    """pyst2's client on a socket that somebody else has connected, and closes."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # setDaemon
            super().__init__()
        self._connected = _Flag()
        self._running = _Flag()

    def __del__(self) -> None:
        """pyst2's would log off here, at any time."""

    def message_loop(self) -> None:
        """pyst2's own, with our messages: it hands events and responses to their queues until the end."""
        threading.Thread(target=self._receive_data, daemon=True).start()
        while lines := self._message_queue.get():
            message = _WholeMessage(lines)
            if message.has_header("Event"):
                self._event_queue.put(pyst.Event(message))
            else:
                self._response_queue.put(message)
        self._event_queue.put(None)
        for _ in self._reswaiting:
            self._response_queue.put(None)

    def adopt(self, connected: socket.socket, timeout: float) -> None:
        """What `connect` does, without connecting; waits for the banner."""
        self._response_queue = _Impatient(timeout)
        self._sock = _Wire(connected)
        self._connected.set()
        self._running.set()
        self.message_thread.start()
        self.event_dispatch_thread.start()
        self._response_queue.get()


class _Impatient(queue.Queue[Any]):
    """pyst2 waits for answers without an end; this does not."""

    def __init__(self, timeout: float) -> None:
        super().__init__()
        self._timeout = timeout

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """The next answer; raises BlockingError when none comes."""
        try:
            return super().get(block, self._timeout)
        except queue.Empty:
            raise BlockingError(f"no answer within {self._timeout:g} s") from None


class BlockingAmi:
    """One logged-in connection, used from one thread. A context manager.

    `timeout` (seconds) holds for connecting and for each answer. Raises :class:`BlockingError` everywhere.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: bool = False,
        tls_verify: bool = True,
        tls_ca: Path | None = None,
        timeout: float = 5.0,
    ) -> None:
        self.events: list[Message] = []
        """Events since the login that answer no action of ours."""
        self._listed: dict[str, list[Message]] = {}
        self._complete: dict[str, threading.Event] = {}
        self._timeout = timeout
        self._connected = self._connect(host, port, tls, tls_verify, tls_ca)
        self._manager: Any = _Manager()
        self._manager.register_event("*", self._take)
        try:
            self._manager.adopt(self._connected, timeout)
        except BlockingError:
            self.close()
            raise BlockingError(_NO_BANNER) from None
        if getattr(self._manager, "title", None) != "Asterisk Call Manager":
            self.close()
            raise BlockingError(_NO_BANNER)
        self.version: str = str(getattr(self._manager, "version", "")).strip()
        """AMI version out of the banner."""

    def _connect(self, host: str, port: int, tls: bool, verify: bool, ca: Path | None) -> socket.socket:
        try:
            plain = socket.create_connection((host, port), self._timeout)
            plain.settimeout(None)  # reading waits for events; answers have a time-out of their own
            if not tls:
                return plain
            context = ssl.create_default_context(cafile=str(ca) if ca else None)
            if not verify:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            return context.wrap_socket(plain, server_hostname=host)
        except OSError as error:
            raise BlockingError(error.strerror or str(error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; pyst2's threads end with it."""
        with contextlib.suppress(OSError):
            self._connected.shutdown(socket.SHUT_RDWR)
        self._connected.close()
        self._manager._running.clear()
        self._manager._connected.clear()
        self._manager._message_queue.put(None)
        self._manager._event_queue.put(None)

    # ---- Asking ----------------------------------------------------------------------------------------------------
    def log_in(
        self, username: str, secret: str, *, auth: Literal["md5", "plain"] = "md5", events: bool = False
    ) -> None:
        """Log in; raises :class:`Refused` with the PBX's reason."""
        lines = [("Username", username), ("Events", "on" if events else "off")]
        if auth == "md5":
            challenge = self.ask(Action("Challenge", (("AuthType", "MD5"),))).get("Challenge")
            key = hashlib.md5((challenge + secret).encode(), usedforsecurity=False).hexdigest()
            lines += [("AuthType", "MD5"), ("Key", key)]
        else:
            lines += [("Secret", secret)]
        self.ask(Action("Login", tuple(lines)))

    def ask(self, action: Action) -> Message:
        """The response to an action; raises :class:`Refused` when it is ``Error``."""
        return self._ask(action, uuid.uuid4().hex)

    def _ask(self, action: Action, action_id: str) -> Message:
        encode_action(action.name, action.headers, action_id)  # refuses control characters; pyst2 would send them
        fields: dict[str, Any] = {"Action": action.name, "ActionID": action_id}
        for key, value in action.headers:
            fields[key] = [*fields.get(key, []), value] if key == "Variable" else value
        try:
            answer = self._manager.send_action(fields)
        except (pyst.ManagerException, OSError) as error:
            raise BlockingError(f"the connection was lost ({error})") from error
        text = str(answer.text)
        first, _, rest = text.partition("\r\n\r\n")
        if rest.strip():  # QueueStatus: pyst2 joins the whole list to its response
            for block in rest.split("\r\n\r\n"):
                self._keep(Message(block.strip("\r\n").encode()))
        message = Message(first.rstrip("\r\n").encode())
        if message.name == "Error":
            raise Refused(message.get("Message") or "no reason given")
        return message

    def listing(self, action: Action) -> list[Message]:
        """The items of an action's list, in order."""
        action_id = uuid.uuid4().hex
        self._listed[action_id] = []
        done = self._complete[action_id] = threading.Event()
        try:
            self._ask(action, action_id)
            if not done.wait(self._timeout):
                raise BlockingError(f"the list of {action.name} did not end within {self._timeout:g} s")
            return self._listed[action_id]
        finally:
            self._listed.pop(action_id, None)
            self._complete.pop(action_id, None)

    def _take(self, event: Any, _: object) -> None:
        self._keep(Message(str(event.message.text).rstrip("\r\n").encode()))

    def _keep(self, message: Message) -> None:
        items = self._listed.get(message.action_id) if message.action_id else None
        if items is None:
            if message.kind == "event":
                self.events.append(message)
        elif message.get("EventList").lower() == "complete":
            self._complete[message.action_id].set()
        else:
            items.append(message)
