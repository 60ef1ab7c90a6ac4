"""A small SIP telephone on UDP, driven step by step by the scenarios.

It keeps the truth of what happened at the telephone in its own clock (`Call.rang_at`, `answered_at`, `ended_at`,
`ended_by`): expectations of the golden traces are made from these, never from what the PBX says.
It can hold several calls at once (lines), hold, transfer (REFER, with and without Replaces), send DTMF (INFO)
and calls out. It sends silence as RTP, because Asterisk does some of its work only when audio flows.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable, Coroutine
from typing import Any, Self

from tests.fakes.patience import PATIENCE
from tests.pbx import sip
from tests.pbx.sip import Message

SILENCE = b"\xff" * 160
Address = tuple[str, int]


class Call:
    """One call of one telephone. States: ringing or calling, up, ended. All times are UNIX seconds."""

    def __init__(self, phone: Phone, call_id: str, outgoing: bool) -> None:
        self.phone, self.call_id, self.outgoing = phone, call_id, outgoing
        self.local_tag, self.remote_tag = sip.new_tag(), ""
        self.local, self.remote, self.target = "", "", ""
        self.cseq = 0
        self.sdp_version = 0
        self.media: Address | None = None
        self.started_at = time.time()
        self.rang_at: float | None = None
        self.answered_at: float | None = None
        self.ended_at: float | None = None
        self.ended_by: str | None = None
        self.status = 0
        self.holds: list[list[float]] = []
        self.hung_up_too_late = False
        self.transfer_status = 0
        self.referred_at: float | None = None
        self.caller = ""
        self.digits = ""  # heard, by INFO
        self.number, self.dialled = "", ""
        self._changed = asyncio.Event()
        self._invite: Message | None = None
        self._invite_from: Address = ("", 0)
        self._rtp: asyncio.Task[None] | None = None
        self._resend: asyncio.Task[None] | None = None

    # ---- Waiting ----------------------------------------------------------------------------------
    def changed(self) -> None:
        """Wake those who wait for a state of this call."""
        self._changed.set()

    async def until(self, test: Callable[[], object], within: float = PATIENCE) -> Self:
        """Wait until the test is true; raises TimeoutError."""
        async with asyncio.timeout(within):
            while not test():
                self._changed.clear()
                await self._changed.wait()
        return self

    async def ringing(self, within: float = PATIENCE) -> Self:
        """Wait until it rings (at us, or by the other side's 180 or 183)."""
        return await self.until(lambda: self.rang_at or self.ended_at, within)

    async def up(self, within: float = PATIENCE) -> Self:
        """Wait until it is answered; raises RuntimeError when it ended instead."""
        await self.until(lambda: self.answered_at or self.ended_at, within)
        if not self.answered_at:
            raise RuntimeError(f"{self.phone.user}: the call was not answered but ended with {self.status}")
        return self

    async def ended(self, within: float = 30) -> Self:
        """Wait until it is over."""
        return await self.until(lambda: self.ended_at, within)

    @property
    def talk_seconds(self) -> float:
        """From answer to end."""
        return (self.ended_at or time.time()) - self.answered_at if self.answered_at else 0.0

    @property
    def ring_seconds(self) -> float:
        """From the first ring to answer or end."""
        return (self.answered_at or self.ended_at or time.time()) - self.rang_at if self.rang_at else 0.0

    # ---- Acting on an incoming call --------------------------------------------------------------------
    async def answer(self, after: float = 0.0) -> Self:
        """Lift, `after` seconds after the first ring; waits for the ACK."""
        await self._rang_for(after)
        if self.ended_at or self._invite is None:
            raise RuntimeError(f"{self.phone.user}: nothing to answer")
        self.media = sip.audio_address(self._invite.body)
        self.phone.reply(self, self._invite, 200, "OK", self._sdp())
        self.answered_at = time.time()
        self.phone.note("answered", self)
        self._start_rtp()
        return self

    async def reject(self, status: int = 486, after: float = 0.0) -> Self:
        """Decline (486 busy, 603 decline, 480, …), `after` seconds after the first ring."""
        await self._rang_for(after)
        if self._invite is not None and not self.ended_at:
            self.phone.reply(self, self._invite, status, "Declined")
            self._over("us", status)
        return self

    async def _rang_for(self, seconds: float) -> None:
        """Let it ring until that long after its start, or until the other side gives up."""
        left = (self.rang_at or time.time()) + seconds - time.time()
        if left > 0:
            with contextlib.suppress(TimeoutError):
                await self.until(lambda: self.ended_at, left)

    # ---- Acting on any call ----------------------------------------------------------------------------
    async def hang_up(self) -> Self:
        """BYE, CANCEL or 480, whatever the state asks for; waits until it is over."""
        if self.ended_at:
            self.hung_up_too_late = True
            return self
        if self.answered_at:
            self._over("us")
            await self.phone.request(self, "BYE")
        elif self.outgoing:
            self.ended_by = "us"
            self.phone.cancel(self)
            await self.ended(5)
        else:
            await self.reject(480)
        return self

    async def hold(self) -> Self:
        """Put the other side on hold by a re-INVITE with a=sendonly."""
        self.holds.append([time.time()])
        self.phone.note("held", self)
        await self._reinvite("sendonly")
        return self

    async def unhold(self) -> Self:
        """Take the other side back."""
        await self._reinvite("sendrecv")
        self.holds[-1].append(time.time())
        self.phone.note("resumed", self)
        return self

    @property
    def hold_seconds(self) -> float:
        """All holds together; an open one counts until the call's end."""
        return sum((one[1] if len(one) > 1 else self.ended_at or time.time()) - one[0] for one in self.holds)

    async def _reinvite(self, direction: str) -> None:
        response = await self.phone.request(self, "INVITE", body=self._sdp(direction))
        if response.status != 200:
            raise RuntimeError(f"{self.phone.user}: re-INVITE was answered with {response.status}")

    async def dtmf(self, digits: str, gap: float = 0.12) -> None:
        """Press keys (SIP INFO)."""
        for digit in digits:
            body = f"Signal={digit}\r\nDuration=100\r\n".encode()
            await self.phone.request(self, "INFO", [("content-type", "application/dtmf-relay")], body)
            await asyncio.sleep(gap)

    async def refer(self, extension: str) -> int:
        """Blind transfer; returns the final status that the PBX notifies (200 = the target is being called)."""
        return await self._refer(f"<sip:{extension}@{self.phone.pbx[0]}:{self.phone.pbx[1]}>")

    async def refer_to(self, other: Call) -> int:
        """Attended transfer: connect this call's other side with the other side of `other`."""
        replaces = f"{other.call_id};to-tag={other.remote_tag};from-tag={other.local_tag}"
        escaped = replaces.replace(";", "%3B").replace("=", "%3D").replace("@", "%40")
        return await self._refer(f"<{sip.uri_of(other.remote)}?Replaces={escaped}>")

    async def _refer(self, target: str) -> int:
        self.transfer_status, self.referred_at = 0, time.time()
        self.phone.note("referred", self)
        headers = [("refer-to", target), ("referred-by", f"<{sip.uri_of(self.local)}>")]
        response = await self.phone.request(self, "REFER", headers)
        if response.status >= 300:
            return response.status
        await self.until(lambda: self.transfer_status >= 200 or self.ended_at)
        return self.transfer_status

    # ---- What the telephone does for it ----------------------------------------------------------------
    def _sdp(self, direction: str = "sendrecv") -> bytes:
        self.sdp_version += 1
        return sip.sdp(self.phone.host, self.phone.rtp_port, direction, self.sdp_version)

    def drop(self) -> None:
        """Forget the call without a word, as when the PBX died."""
        self._over("nobody")

    def _over(self, by: str, status: int = 0) -> None:
        if self.ended_at:
            return
        self.ended_at, self.status = time.time(), status or self.status
        self.ended_by = self.ended_by or by
        for task in (self._rtp, self._resend):
            if task:
                task.cancel()
        self.phone.note(f"ended by {self.ended_by}" + (f" {status}" if status else ""), self)
        self.changed()

    def _start_rtp(self) -> None:
        if self.media:
            self._rtp = self.phone.spawn(self.phone.send_silence(self))


class Phone(asyncio.DatagramProtocol):
    """A telephone at `host:port` of the user `user`, whose PBX is at 127.0.0.1:`pbx_port`.

    `async with Phone(…) as phone`; `call = await phone.rings()` is its next incoming call, `phone.call(…)` calls out.
    `on_ring`, when set, is started for each incoming call (for telephones that act by themselves).
    """

    def __init__(self, user: str, port: int, pbx_port: int, host: str = "127.0.0.1", name: str = "") -> None:
        self.user, self.host, self.port, self.name = user, host, port, name or user
        self.pbx: Address = ("127.0.0.1", pbx_port)
        self.technology = "PJSIP"
        self.calls: dict[str, Call] = {}
        self.history: list[Call] = []
        self.log: list[tuple[float, str, str]] = []
        self.incoming: asyncio.Queue[Call] = asyncio.Queue()
        self.on_ring: Callable[[Call], Coroutine[Any, Any, object]] | None = None
        self.answers_with_ringing = True
        self.obeys = False  # does what NOTIFY with "Event: hold" or "talk" tells it
        self.rtp_port = 0
        self._rtp_socket: socket.socket | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._replies: dict[tuple[str, str], bytes] = {}
        self._waiting: dict[tuple[str, str], asyncio.Future[Message]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    # ---- Life ----------------------------------------------------------------------------------------
    async def open(self) -> Self:
        """Bind the SIP and the RTP port."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, self.port))
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]
        # Nobody reads it: what Asterisk sends fills the kernel's buffer and is dropped there.
        self._rtp_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._rtp_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._rtp_socket.setblocking(False)
        self._rtp_socket.bind((self.host, 0))
        self.rtp_port = self._rtp_socket.getsockname()[1]
        return self

    async def close(self) -> None:
        """Drop everything without a word to the PBX."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._transport:
            self._transport.close()
        if self._rtp_socket:
            self._rtp_socket.close()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start a task that ends with the telephone."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def note(self, what: str, call: Call) -> None:
        """Write down what happened at this telephone."""
        self.log.append((time.time(), self.user, f"{what} ({call.caller})" if call.caller else what))
        call.changed()

    # ---- Calls -----------------------------------------------------------------------------------------
    async def rings(self, within: float = PATIENCE) -> Call:
        """The next incoming call, ringing."""
        async with asyncio.timeout(within):
            return await self.incoming.get()

    def call(self, number: str, *, as_user: str | None = None, name: str = "", headers: tuple[str, ...] = ()) -> Call:
        """Call a number. `as_user` and `name` are the user part of From (already escaped) and its display name,
        written raw between quotes; text with surrogates becomes raw bytes. `headers` are further header lines.
        """
        call = Call(self, f"{sip.new_tag()}@{self.host}", outgoing=True)
        user = self.user if as_user is None else as_user
        display = f'"{name}" ' if name else ""
        at = f"{user}@{self.host}" if user else self.host
        call.local = f"{display}<sip:{at}>;tag={call.local_tag}"
        call.target = f"sip:{number}@{self.pbx[0]}:{self.pbx[1]}"
        call.remote = f"<{call.target}>"
        call.number, call.dialled = user, number
        call.caller = f"to {number}"
        self.calls[call.call_id] = call
        self.history.append(call)
        self.note("called", call)
        call._resend = self.spawn(self._invite(call, headers))
        return call

    async def _invite(self, call: Call, headers: tuple[str, ...]) -> None:
        extra = [(key.strip().lower(), value.strip()) for key, _, value in (one.partition(":") for one in headers)]
        request = self._request(call, "INVITE", extra, call._sdp())
        call._invite, call._invite_from = request, self.pbx
        for pause in (0.5, 1.0, 2.0, 4.0):
            self._send(request, self.pbx)
            await asyncio.sleep(pause)

    def cancel(self, call: Call) -> None:
        """CANCEL an INVITE that is not yet answered."""
        if call._invite is None:
            return
        keep = ("via", "from", "to", "call-id", "max-forwards")
        headers = [(key, value) for key, value in call._invite.headers if key in keep]
        headers.append(("cseq", f"{call._invite.cseq[0]} CANCEL"))
        self._send(Message(headers, method="CANCEL", uri=call._invite.uri), self.pbx)

    # ---- Requests out ------------------------------------------------------------------------------------
    def _request(
        self, call: Call, method: str, extra: list[tuple[str, str]], body: bytes = b"", cseq: int | None = None
    ) -> Message:
        if cseq is None:
            call.cseq += 1
        headers = [
            ("via", f"SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bK{sip.new_tag()};rport"),
            ("max-forwards", "70"),
            ("from", call.local),
            ("to", call.remote),
            ("call-id", call.call_id),
            ("cseq", f"{cseq or call.cseq} {method}"),
            ("contact", f"<sip:{self.user}@{self.host}:{self.port}>"),
            ("allow", "INVITE, ACK, CANCEL, BYE, REFER, NOTIFY, INFO, UPDATE, OPTIONS"),
            ("user-agent", "laboratory"),
            *extra,
        ]
        if body and not any(key == "content-type" for key, _ in extra):
            headers.append(("content-type", "application/sdp"))
        return Message(headers, body, method=method, uri=call.target)

    async def request(
        self, call: Call, method: str, extra: list[tuple[str, str]] | None = None, body: bytes = b""
    ) -> Message:
        """Send a request inside a call and return the final response; retransmits, gives up after 4 s."""
        message = self._request(call, method, extra or [], body)
        key = (message.branch, method)
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[key] = future
        try:
            for pause in (0.5, 1.0, 2.5):
                self._send(message, self.pbx)
                with contextlib.suppress(TimeoutError):
                    return await asyncio.wait_for(asyncio.shield(future), pause)
        finally:
            self._waiting.pop(key, None)
        return Message(status=408, reason="no answer")

    def _send(self, message: Message, where: Address) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.sendto(message.encode(), where)

    # ---- Responses out -----------------------------------------------------------------------------------
    def reply(self, call: Call | None, request: Message, status: int, reason: str, body: bytes = b"") -> None:
        """Answer a request; a repeated request gets the same answer again."""
        headers = [("via", via) for via in request.all("via")]
        to = request.get("to")
        if call and not sip.tag(to):
            to += f";tag={call.local_tag}"
        headers += [("from", request.get("from")), ("to", to), ("call-id", request.call_id)]
        headers += [("cseq", request.get("cseq")), ("contact", f"<sip:{self.user}@{self.host}:{self.port}>")]
        if body:
            headers.append(("content-type", "application/sdp"))
        data = Message(headers, body, status=status, reason=reason).encode()
        self._replies[request.branch, request.method] = data
        if self._transport and not self._transport.is_closing():
            self._transport.sendto(data, self.pbx)

    # ---- In ------------------------------------------------------------------------------------------------
    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Take one SIP message from the PBX."""
        message = sip.decode(data)
        if message is None:
            return
        if message.status:
            self._response(message)
        elif repeated := self._replies.get((message.branch, message.method)):
            if self._transport:
                self._transport.sendto(repeated, addr)
        else:
            self._incoming(message)

    def _incoming(self, request: Message) -> None:
        call = self.calls.get(request.call_id)
        if request.method == "INVITE" and call is None:
            self._ring(request)
        elif request.method == "ACK":
            pass
        elif call is None:
            if request.method == "NOTIFY" and self.obeys:
                self._obey(request.get("event"))
            self.reply(None, request, 200 if request.method in ("OPTIONS", "NOTIFY") else 481, "Here")
        elif request.method == "INVITE":
            call.media = sip.audio_address(request.body) or call.media
            self.reply(call, request, 200, "OK", call._sdp(_mirror(request.body)))
        elif request.method == "CANCEL":
            self.reply(call, request, 200, "OK")
            if call._invite and not call.answered_at and not call.ended_at:
                self.reply(call, call._invite, 487, "Request Terminated")
                call._over("them")
        elif request.method == "BYE":
            self.reply(call, request, 200, "OK")
            call._over("them")
        elif request.method == "NOTIFY":
            self.reply(call, request, 200, "OK")
            parts = request.body.split()
            if parts and parts[0] == b"SIP/2.0":
                call.transfer_status = int(parts[1])
                self.note(f"transfer {call.transfer_status}", call)
        else:
            if request.method == "INFO" and b"Signal=" in request.body:
                call.digits += request.body.partition(b"Signal=")[2].split()[0].decode()
                call.changed()
            self.reply(call, request, 200, "OK", call._sdp() if request.method == "UPDATE" and request.body else b"")

    def _obey(self, event: str) -> None:
        up = [one for one in self.calls.values() if one.answered_at and not one.ended_at]
        ringing = [one for one in self.calls.values() if one.rang_at and not one.answered_at and not one.ended_at]
        if event == "hold" and up:
            self.spawn(up[0].hold())
        elif event == "talk" and ringing:
            self.spawn(ringing[0].answer())
        elif event == "talk" and up:
            self.spawn(up[0].unhold())

    def _ring(self, request: Message) -> None:
        call = Call(self, request.call_id, outgoing=False)
        call._invite = request
        call.remote, call.remote_tag = request.get("from"), sip.tag(request.get("from"))
        call.local = f"{request.get('to')};tag={call.local_tag}"
        call.target = sip.uri_of(request.get("contact"))
        call.number = sip.uri_of(call.remote).removeprefix("sip:").split("@")[0]
        call.dialled = request.uri.removeprefix("sip:").split("@")[0]
        call.caller = f"from {call.number}"
        self.calls[call.call_id] = call
        self.history.append(call)
        self.reply(call, request, 100, "Trying")
        if self.answers_with_ringing:
            self.reply(call, request, 180, "Ringing")
        call.rang_at = time.time()
        self.note("rang", call)
        self.incoming.put_nowait(call)
        if self.on_ring:
            self.spawn(self.on_ring(call))

    def _response(self, response: Message) -> None:
        number, method = response.cseq
        call = self.calls.get(response.call_id)
        waiting = self._waiting.get((response.branch, method))
        if call is None:
            return
        if waiting:
            if response.status >= 200 and not waiting.done():
                if method == "INVITE":
                    self._acknowledge(call, response, number)
                waiting.set_result(response)
        elif method == "INVITE":
            self._progress(call, response, number)

    def _progress(self, call: Call, response: Message, number: int) -> None:
        """A response to the INVITE of an outgoing call."""
        if call._resend:
            call._resend.cancel()
        if 100 < response.status < 200 and not call.rang_at:
            call.rang_at = time.time()
            call.remote, call.remote_tag = response.get("to"), sip.tag(response.get("to"))
            self.note(f"heard ringing {response.status}", call)
        elif 200 <= response.status < 300:
            self._connected(call, response, number)
        elif response.status >= 300:
            self._acknowledge(call, response, number)
            call._over("them", response.status)

    def _connected(self, call: Call, response: Message, number: int) -> None:
        first = not call.answered_at
        if first:
            call.remote, call.remote_tag = response.get("to"), sip.tag(response.get("to"))
            call.target = sip.uri_of(response.get("contact")) or call.target
            call.media = sip.audio_address(response.body)
            call.answered_at = time.time()
            call._start_rtp()
        self._acknowledge(call, response, number)
        if first:
            self.note("was answered", call)
            if call.ended_by == "us":  # our CANCEL came too late
                self.spawn(self.request(call, "BYE"))
                call._over("us")

    def _acknowledge(self, call: Call, response: Message, number: int) -> None:
        ack = self._request(call, "ACK", [], cseq=number)
        if response.status >= 300 and call._invite:
            ack.uri = call._invite.uri
            same = {"via": call._invite.get("via"), "to": response.get("to")}
            ack.headers = [(key, same.get(key, value)) for key, value in ack.headers]
        self._send(ack, self.pbx)

    # ---- Audio -----------------------------------------------------------------------------------------------
    async def send_silence(self, call: Call) -> None:
        """20 ms of silence 50 times a second, as a telephone in a quiet room."""
        sequence, source = 0, int.from_bytes(sip.new_tag()[:4].encode(), "big")
        while self._rtp_socket and call.media:
            header = struct.pack("!BBHII", 0x80, 0, sequence & 0xFFFF, (sequence * 160) & 0xFFFFFFFF, source)
            with contextlib.suppress(OSError):
                self._rtp_socket.sendto(header + SILENCE, call.media)
            sequence += 1
            await asyncio.sleep(0.02)


def _mirror(body: bytes) -> str:
    """The direction that answers the offer's."""
    for ours, theirs in (("recvonly", b"a=sendonly"), ("sendonly", b"a=recvonly"), ("inactive", b"a=inactive")):
        if theirs in body:
            return ours
    return "sendrecv"
