"""The Twisted link against a scripted PBX, through a bad network where it matters."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock

from cti_gateway.ami import actions
from cti_gateway.ami.codec import Message
from cti_gateway.ami.session import ActionFailed, ActionTimedOut, LinkDown
from cti_gateway.bridge import MonotonicClock
from cti_gateway.service import AmiLink, LinkSettings, LinkState, PbxLink
from tests.fakes.ami_server import BANNER, FakePbx, error, event, listing, success
from tests.fakes.proxy import Proxy


class Observed:
    """What a link announced."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.states: list[LinkState] = []
        self._changed = asyncio.Event()

    def on_messages(self, messages: list[Message], received_at: float) -> None:
        assert abs(received_at - time.time()) < 60
        self.messages += messages
        self._changed.set()

    def on_state(self, state: LinkState) -> None:
        self.states.append(state)
        self._changed.set()

    @property
    def names(self) -> list[str]:
        return [m.name for m in self.messages if m.kind == "event"]

    async def until(self, reached: Callable[[], object], within: float = 5.0) -> None:
        """Wait for something that a callback brings about."""
        async with asyncio.timeout(within):
            while not reached():
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), 0.05)


def settings(port: int, **changes: Any) -> LinkSettings:
    given: dict[str, Any] = {"name": "main", "host": "127.0.0.1", "port": port, "username": "cti", "secret": "secret"}
    return LinkSettings(**(given | changes))


@contextlib.asynccontextmanager
async def linked(reactor: Any, port: int, seen: Observed, up: bool = True, **options: Any) -> AsyncIterator[AmiLink]:
    changes = options.pop("changes", {})
    link = AmiLink(settings(port, **changes), reactor, on_messages=seen.on_messages, on_state=seen.on_state, **options)
    link.start()
    try:
        if up:
            await seen.until(lambda: link.state.up)
        yield link
    finally:
        await link.stop()


@pytest.fixture
def seen() -> Observed:
    return Observed()


async def answers(pbx: FakePbx, link: AmiLink, expected: str) -> None:
    """The link works: an action is answered."""
    pbx.answers["CoreStatus"] = lambda action: success(action, CoreCurrentCalls=expected)
    reply = await link.ask(actions.core_status())
    assert reply.response.get("CoreCurrentCalls") == expected


@pytest.mark.parametrize("auth", ["md5", "plain"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_login_ask_and_goodbye(reactor: Any, seen: Observed, auth: str, host: str) -> None:
    async with FakePbx() as pbx:
        async with linked(reactor, pbx.port, seen, changes={"auth": auth, "host": host}) as link:
            assert [state.name for state in seen.states] == ["logging_in", "up"]
            assert link.version == "11.0.0"
            await answers(pbx, link, "7")
            await seen.until(lambda: "FullyBooted" in seen.names)
        assert pbx.logins == [("cti", True)]
        await seen.until(lambda: pbx.actions[-1].get("Action") == "Logoff")
        assert (link.state.name, link.state.reason) == ("lost", "stopped")


async def test_events_come_in_order_and_are_counted(reactor: Any, seen: Observed) -> None:
    async with FakePbx() as pbx, linked(reactor, pbx.port, seen) as link:
        pbx.emit(event("Newchannel", Uniqueid="1") + event("VarSet", Variable="x") + event("Hangup", Uniqueid="1"))
        await seen.until(lambda: "Hangup" in seen.names)
        assert seen.names == ["FullyBooted", "Newchannel", "Hangup"]
        assert link.messages_received == len(seen.messages)
        assert link.bytes_received > 200
        assert link.last_received_at is not None


async def test_failures_of_asking(reactor: Any, seen: Observed) -> None:
    async with FakePbx() as pbx, linked(reactor, pbx.port, seen) as link:
        pbx.answers["Hangup"] = lambda action: error(action, "No such channel")
        with pytest.raises(ActionFailed, match="No such channel"):
            await link.ask(actions.hangup("PJSIP/1-1"))
        pbx.answers["CoreStatus"] = lambda action: None
        with pytest.raises(ActionTimedOut):
            await link.ask(actions.core_status(), timeout=0.2)
        waiting = asyncio.ensure_future(link.ask(actions.core_status()))
        cancelled = asyncio.ensure_future(link.ask(actions.core_status()))
        await asyncio.sleep(0)
        cancelled.cancel()
        pbx.drop()
        with pytest.raises(LinkDown):
            await waiting
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert link._waiting == {}


async def test_asking_without_a_link(reactor: Any, seen: Observed) -> None:
    async with FakePbx() as pbx:
        pbx.banner = None
        async with linked(reactor, pbx.port, seen, up=False) as link:
            with pytest.raises(LinkDown):
                await link.ask(actions.core_status())


async def test_a_fault_further_in_does_not_cost_the_link(
    reactor: Any, seen: Observed, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(messages: list[Message], received_at: float) -> None:
        seen.on_messages(messages, received_at)
        raise ZeroDivisionError

    async with FakePbx() as pbx, linked(reactor, pbx.port, seen) as link:
        link.on_messages = broken
        pbx.emit(event("One"))
        await seen.until(lambda: "One" in seen.names)
        pbx.emit(event("Two"))
        await seen.until(lambda: "Two" in seen.names)
        assert link.state.up
        assert "ZeroDivisionError" in caplog.text


async def test_two_connections(reactor: Any, seen: Observed) -> None:
    async with FakePbx() as pbx:
        link = PbxLink.to(settings(pbx.port), reactor, on_messages=seen.on_messages, on_state=seen.on_state)
        link.start()
        try:
            await seen.until(lambda: link.events.state.up and link.actions.state.up)
            assert {(s.role, s.name) for s in seen.states if s.up} == {("events", "up"), ("actions", "up")}
            assert sorted(a.get("Events") for a in pbx.actions if a.get("Action") == "Login") == ["off", "on"]
            items = [("CoreShowChannel", {"Uniqueid": "1"})]
            pbx.answers["CoreShowChannels"] = lambda action: listing(action, items, "CoreShowChannelsComplete")
            seen.messages.clear()
            assert len((await link.ask(actions.core_show_channels())).items) == 1
            assert seen.names == []
            assert len((await link.ask_in_order(actions.core_show_channels())).items) == 1
            assert seen.names == ["CoreShowChannel", "CoreShowChannelsComplete"]
        finally:
            await link.stop()
        await seen.until(lambda: pbx.sessions == [])


async def test_one_login_only_is_enough(reactor: Any, seen: Observed) -> None:
    async with FakePbx() as pbx:
        link = PbxLink.to(settings(pbx.port), reactor, on_messages=seen.on_messages, on_state=seen.on_state)
        link.events.start()
        await seen.until(lambda: link.events.state.up)
        pbx.users.clear()
        link.actions.start()
        try:
            await seen.until(lambda: link.actions.state.name == "refused")
            assert (await link.ask(actions.ping())).response.name == "Success"
        finally:
            await link.stop()


# Wrong from the start


async def test_n11_nothing_listens(reactor: Any, seen: Observed, caplog: pytest.LogCaptureFixture) -> None:
    async with FakePbx() as pbx:
        port = pbx.port
        await pbx.close()
        caplog.set_level(logging.INFO, "cti_gateway")
        async with linked(reactor, port, seen, up=False) as link:
            await seen.until(lambda: link.state.name == "lost")
            assert link.state.reason == f"nothing listens on 127.0.0.1:{port}"
            await asyncio.sleep(1.6)  # some attempts more
            assert len([r for r in caplog.records if r.name.startswith("cti_gateway")]) == 1
            await pbx.listen()
            await seen.until(lambda: link.state.up, 5)


async def test_n11_another_service(reactor: Any, seen: Observed) -> None:
    async with FakePbx() as pbx:
        pbx.banner = b"SSH-2.0-OpenSSH_9.2\r\n"
        async with linked(reactor, pbx.port, seen, up=False) as link:
            await seen.until(lambda: link.state.name == "refused")
            assert "no Asterisk manager interface" in link.state.reason
            assert pbx.connections == 1


async def drive(clock: Clock, seconds: float, until: Callable[[], object] = lambda: False, step: float = 0.5) -> float:
    """Let a driven clock run in steps, with real I/O in between; return the seconds that passed."""
    begin = clock.seconds()
    while clock.seconds() - begin < seconds and not until():
        clock.advance(step)
        for _ in range(4):
            await asyncio.sleep(0.002)
    return clock.seconds() - begin


async def test_n11_f8_refused_login_backs_off_to_a_minute_and_recovers(
    reactor: Any, seen: Observed, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cti_gateway")
    clock = Clock()
    async with FakePbx({"cti": "changed"}) as pbx:
        async with linked(reactor, pbx.port, seen, up=False, clock=clock, chance=lambda: 1.0) as link:
            await seen.until(lambda: link.state.name == "refused")
            assert link.state.reason == "the PBX refuses the login of 'cti': Authentication failed"
            since = link.state.since
            await drive(clock, 600, step=2.5)
            assert 11 <= len(pbx.logins) <= 14  # after 5, 10, 20, 40, 60, 60 … seconds
            assert link.state.since == since
            pbx.users["cti"] = "secret"
            assert await drive(clock, 120, lambda: link.state.up) <= 61
        assert [s.name for s in seen.states] == ["logging_in", "refused", "up", "lost"]
        assert len([r for r in caplog.records if r.name.startswith("cti_gateway")]) == 2
        assert "secret" not in caplog.text


async def test_n11_a_service_that_never_speaks(reactor: Any, seen: Observed) -> None:
    clock = Clock()
    async with FakePbx() as pbx:
        pbx.banner = None
        async with linked(reactor, pbx.port, seen, up=False, clock=clock, chance=lambda: 1.0) as link:
            await seen.until(lambda: pbx.connections == 1)
            await drive(clock, 8)
            assert link.state.name == "lost"
            assert "does not answer" in link.state.reason
            await drive(clock, 600, step=2.5)
            assert pbx.connections <= 15


# In the middle


async def test_f1_reset_comes_back_within_two_seconds(reactor: Any, seen: Observed) -> None:
    async with FakePbx() as pbx, Proxy(pbx.port) as proxy, linked(reactor, proxy.port, seen) as link:
        for count in range(1, 4):
            begin = time.monotonic()
            proxy.reset()
            await seen.until(lambda: not link.state.up)
            assert "broke" in link.state.reason or "closed" in link.state.reason
            await seen.until(lambda: link.state.up, 4)
            if count == 1:
                assert time.monotonic() - begin < 4
            assert link.gaps == count
        await answers(pbx, link, "1")


TRANSCRIPT = (
    event("Newchannel", Uniqueid="1.1", CallerIDName="王")
    + event("VarSet", Variable="a", Value="b: c")
    + event("Hangup", Uniqueid="1.1", Cause="16")
)


async def test_f1_cut_at_every_byte(reactor: Any) -> None:
    """Whatever is cut off, what came whole comes out, and the next connection is right from its first byte."""
    async with FakePbx() as pbx, Proxy(pbx.port) as proxy:
        pbx.after_login = TRANSCRIPT
        whole = Observed()
        async with linked(reactor, proxy.port, whole):
            await whole.until(lambda: "Hangup" in whole.names)
        total = proxy.passed
        seen = Observed()
        for at in range(1, total):
            seen.messages.clear()
            seen.states.clear()
            proxy.cut_after = at
            # A chance below 0 makes the waits a hundredth of what they are.
            async with linked(reactor, proxy.port, seen, up=False, chance=lambda: -0.98) as link:
                await seen.until(lambda link=link: link.gaps or link.state.name == "lost")
                came = list(seen.messages)
                assert came == whole.messages[: len(came)] or [m.name for m in came] == [
                    m.name for m in whole.messages[: len(came)]
                ]
                seen.messages.clear()
                await seen.until(lambda: seen.names == ["Newchannel", "Hangup"], 3)
                assert link.state.up
                assert link.dropped_messages == 0


async def test_f2_half_open_is_found_within_15_seconds(reactor: Any, seen: Observed) -> None:
    clock = Clock()
    async with FakePbx() as pbx, Proxy(pbx.port) as proxy, linked(reactor, proxy.port, seen, clock=clock) as link:
        await drive(clock, 60)
        assert link.state.up
        proxy.blackhole = True
        passed = await drive(clock, 30, lambda: not link.state.up)
        assert passed <= 15
        assert link.state.reason == "the PBX has been silent for 12 s"
        await drive(clock, 40)
        proxy.blackhole = False
        assert await drive(clock, 20, lambda: link.state.up) <= 8  # 5 s for an attempt begun in the dark, 2 s of wait
        await answers(pbx, link, "2")


async def test_f6_a_frozen_pbx_gets_nothing_twice(reactor: Any, seen: Observed) -> None:
    clock = Clock()
    async with FakePbx() as pbx, linked(reactor, pbx.port, seen, clock=clock) as link:
        pbx.mute = True
        call = asyncio.ensure_future(
            link.ask(actions.originate("PJSIP/1001", exten="9", context="out", timeout=30), timeout=30)
        )
        await drive(clock, 14)
        with pytest.raises(LinkDown):
            await call
        await drive(clock, 46)
        pbx.mute = False
        await drive(clock, 10, lambda: link.state.up)
        assert link.state.up
        assert sum(a.get("Action") == "Originate" for a in pbx.actions) == 1


async def test_f3_drip_gives_the_same_messages(reactor: Any) -> None:
    async with FakePbx() as pbx, Proxy(pbx.port) as proxy:
        pbx.after_login = TRANSCRIPT * 3
        results = []
        for drip in (None, (1, 0.0005), (7, 0.001)):
            proxy.drip = drip
            seen = Observed()
            async with linked(reactor, proxy.port, seen):
                await seen.until(lambda seen=seen: len(seen.names) == 6, 20)
            results.append([m.raw for m in seen.messages if m.kind == "event"])
        assert results[0] == results[1] == results[2]


async def test_f3_a_megabyte_at_once(reactor: Any, seen: Observed) -> None:
    async with FakePbx() as pbx, linked(reactor, pbx.port, seen):
        pbx.emit(event("Hangup", Uniqueid="1.1", Cause="16") * 16_000)
        await seen.until(lambda: len(seen.names) == 16_001)


async def test_n1_to_n4_bad_bytes_leave_the_link_up(reactor: Any, seen: Observed) -> None:
    bad = [
        b"Event: Newchannel\r\nCallerIDName: \xd6\xd0\xff\r\n\r\n",
        b"Event: Long\r\nA: " + b"x" * 3_000_000 + b"\r\n\r\n",
        b"Event: Wide" + b"\r\nA: b" * 5_000 + b"\r\n\r\n",
        b"--END SMS EVENT--\r\n\r\n",
        b"Key:Value\r\nno colon\r\nEmpty:\r\n\r\n",
        b"Response: Success\r\nActionID: nobody\r\n\r\n",
        bytes(range(256)) + b"\r\n\r\n",
    ]
    async with FakePbx() as pbx, linked(reactor, pbx.port, seen) as link:
        for piece in bad:
            pbx.emit(piece + event("Good"))
        await seen.until(lambda: seen.names.count("Good") == len(bad))
        assert "Newchannel" in seen.names
        assert "Wide" in seen.names
        assert "Long" not in seen.names
        await answers(pbx, link, "3")
        assert link.gaps == 0


async def test_f7_a_flood_of_20_000_in_two_seconds_delays_no_action(reactor: Any, seen: Observed) -> None:
    one = event(
        "Newstate", Channel="PJSIP/1001-00000001", Uniqueid="1795293080.1", **{f"Field{i}": "value" for i in range(20)}
    )
    async with FakePbx() as pbx:
        link = PbxLink.to(settings(pbx.port), reactor, on_messages=seen.on_messages, on_state=seen.on_state)
        link.start()
        try:
            await seen.until(lambda: link.events.state.up and link.actions.state.up)
            slowest = 0.0
            for _ in range(40):
                pbx.emit(one * 500)
                begin = time.monotonic()
                await link.ask(actions.ping())
                slowest = max(slowest, time.monotonic() - begin)
                await asyncio.sleep(0.02)
            await seen.until(lambda: seen.names.count("Newstate") == 20_000, 20)
            assert slowest < 2.0  # the benches measure; this is far from 20 000 events
        finally:
            await link.stop()


async def test_a_pbx_that_restarts(reactor: Any, seen: Observed) -> None:
    async with FakePbx() as pbx, linked(reactor, pbx.port, seen) as link:
        await pbx.close()
        await seen.until(lambda: link.state.reason.startswith("nothing listens"))
        await asyncio.sleep(1)  # it is away so long: attempts fail meanwhile
        await pbx.listen()
        begin = time.monotonic()
        await seen.until(lambda: link.state.up)
        assert time.monotonic() - begin < 5
        await answers(pbx, link, "4")


async def test_stop_ends_at_once_whatever_the_pbx_does(reactor: Any, seen: Observed) -> None:
    async with FakePbx() as pbx, Proxy(pbx.port) as proxy, linked(reactor, proxy.port, seen) as link:
        proxy.blackhole = True
        begin = time.monotonic()
        await link.stop()
        assert time.monotonic() - begin < 2


# TLS


def certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """A self-signed certificate for `host`, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(built.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    return folder / "cert.pem", folder / "key.pem"


@pytest.mark.parametrize(
    ("host", "known", "verify", "comes_up"),
    [
        ("localhost", True, True, True),
        ("localhost", False, True, False),
        ("127.0.0.1", True, True, False),
        ("127.0.0.1", False, False, True),
    ],
)
async def test_tls(
    reactor: Any, seen: Observed, tmp_path: Path, host: str, known: bool, verify: bool, comes_up: bool
) -> None:
    cert, key = certificate(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    changes = {"host": host, "tls": True, "tls_verify": verify, "tls_ca": str(cert) if known else None}
    async with FakePbx(tls=context) as pbx, linked(reactor, pbx.port, seen, up=comes_up, changes=changes) as link:
        if comes_up:
            await answers(pbx, link, "5")
        else:
            await seen.until(lambda: link.state.name == "lost")
            assert link.state.reason.startswith("TLS with")
            assert pbx.logins == []


# The clock


async def test_the_clock_does_not_follow_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = MonotonicClock()
    done = asyncio.Event()
    timer = clock.callLater(0.05, done.set)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    before = clock.seconds()
    await asyncio.wait_for(done.wait(), 2)
    assert 0.04 <= clock.seconds() - before < 2
    assert not timer.active()
    other = clock.callLater(60, done.set)
    other.delay(1)
    other.reset(2)
    assert 1.5 < other.getTime() - clock.seconds() <= 2
    other.cancel()
    assert not other.active()


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(settings(1)).replace("username", "")
    assert BANNER.startswith(b"Asterisk")
