"""The pure parts of the console server: JSON, times, limits, origins, commands, views, generated types."""

from __future__ import annotations

import contextlib
import json
import logging
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_console import rfc3339, wire, wire_types
from agent_console.commands import Commands
from agent_console.consoles import AGENTS, Console, Consoles, body_of
from agent_console.sessions import credential
from agent_console.views import interaction_view, live_state, stored_view
from agent_console.wire import Ack, InteractionView
from interaction_log.interaction import Hold, Interaction, Offer, QueueVisit, Segment
from interaction_log.records import User
from interaction_log.typescript import typescript_type
from interaction_log.web import origin, strict_json
from interaction_log.web.emit import PlainEmitter, QueueEmitter, Sent, emitter_for
from interaction_log.web.limits import Bucket, Window
from interaction_log.web.sparse import Sparse
from tests.fakes.console_stage import until

# --- JSON ---------------------------------------------------------------------------------------------

TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(TREES)
def test_what_is_json_is_taken_unchanged(tree: Any) -> None:
    try:
        assert strict_json.loads(json.dumps(tree)) == tree
    except strict_json.BadJson as bad:
        assert bad.message == "nested too deeply"


@given(st.text() | st.binary())
def test_nothing_but_bad_json_is_raised(text: str | bytes) -> None:
    with contextlib.suppress(strict_json.BadJson):
        strict_json.loads(text)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"a": {"b": [1, 1e999]}}', "a.b.1"),
        ('{"a": 9007199254740993}', "a"),
        ('{"a": "\\u0000"}', "a"),
        ('{"\\ud800": 1}', ""),
        ('{"a": 1, "a": 1}', "a"),
    ],
)
def test_the_place_is_named(text: str, path: str) -> None:
    with pytest.raises(strict_json.BadJson) as raised:
        strict_json.loads(text)
    assert raised.value.path == path


# --- times --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("1970-01-01t00:00:01.5z", 1.5),
        ("2026-11-22T04:38:00.25+08:00", 1795293480.25),
        ("2026-11-22T04:38:00.25 08:00", 1795293480.25),
        ("2026-11-21T20:38:00.250000000-00:00", 1795293480.25),
        ("2016-12-31T23:59:60Z", 1483228799.0),
    ],
)
def test_rfc_3339(text: str, seconds: float) -> None:
    assert rfc3339.seconds(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-02-30T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00+25:00",
        "0000-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59-12:00",
        "2026-01-01T00:00:00Z\n",
        "٢٠٢٦-01-01T00:00:00Z",
        "2026-1-1T00:00:00Z",
        "2026-01-01T00:00:00.Z",
    ],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no|lies before"):
        rfc3339.seconds(text)


# --- limits -------------------------------------------------------------------------------------------


def test_a_window_opens_again() -> None:
    window = Window(2, 60.0)
    assert [window.attempt("a", now) for now in (0.0, 10.0)] == [0.0, 0.0]
    assert window.attempt("a", 20.0) == 40.0
    assert window.attempt("b", 20.0) == 0.0
    assert window.attempt("a", 60.0) == 0.0
    assert window.attempt("a", 61.0) == 9.0
    window.forget("a")
    assert window.attempt("a", 61.0) == 0.0


def test_a_window_remembers_a_bounded_number_of_names() -> None:
    window = Window(1, 60.0, keys=3)
    for n in range(100):
        window.attempt(str(n), 0.0)
    assert len(window._attempts) == 3


def test_a_log_cannot_be_flooded() -> None:
    sparse = Sparse(limit=2, seconds=60.0)

    def passes(text: str, at: float) -> bool:
        record = logging.LogRecord("uvicorn.error", logging.WARNING, "f", 1, text, ("x",), None)
        record.created = at
        return sparse.filter(record)

    assert [passes("bad %s", 0.0) for _ in range(4)] == [True, True, False, False]
    assert passes("other %s", 0.0)
    assert passes("bad %s", 61.0)


@given(st.lists(st.floats(0, 2), max_size=200))
def test_a_bucket_gives_no_more_than_its_rate(waits: list[float]) -> None:
    bucket, now, taken = Bucket(rate=5.0, burst=10.0), 0.0, 0
    for wait in waits:
        now += wait
        taken += bucket.take(now)
    assert taken <= 10 + 5 * now + 1e-6


# --- origin and credentials ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "host", "same"),
    [
        ("http://a.example", "a.example", True),
        ("http://A.example:80", "a.example", True),
        ("https://a.example", "a.example", True),
        ("https://a.example", "a.example:443", True),
        ("http://a.example", "a.example:8080", False),
        ("http://a.example:8080", "a.example:8080", True),
        ("http://[::1]:8080", "[::1]:8080", True),
        ("null", "a.example", False),
        ("", "a.example", False),
        ("http://a.example.evil", "a.example", False),
        ("http://a.example@evil", "a.example", False),
        ("http://evil@a.example", "a.example", False),
        ("http://a.example/x", "a.example", False),
        ("file://", "a.example", False),
        ("http://a.example:99999", "a.example:99999", False),
        ("http://a.example", None, False),
    ],
)
def test_same_host(page: str, host: str | None, same: bool) -> None:
    assert origin.same_host(page, host) is same


def test_the_address_behind_proxies() -> None:
    def address(peer: str, forwarded: str, trusted: tuple[str, ...]) -> str:
        headers = [(b"x-forwarded-for", forwarded.encode())]
        return origin.client_address({"client": (peer, 1), "headers": headers}, trusted)

    assert address("192.0.2.1", "10.9.9.9", ()) == "192.0.2.1"
    assert address("10.0.0.1", "198.51.100.7", ("10.0.0.0/8",)) == "198.51.100.7"
    assert address("10.0.0.1", "1.2.3.4, 198.51.100.7, 10.0.0.2", ("10.0.0.0/8",)) == "198.51.100.7"
    assert address("10.0.0.1", "<script>", ("10.0.0.0/8",)) == "10.0.0.1"
    assert origin.client_address({"client": None, "headers": []}, ("10.0.0.0/8",)) == "unknown"


def test_a_repeated_header_is_no_credential() -> None:
    twice = [(b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")]
    assert credential(twice) is None
    assert credential([(b"cookie", b"callweave_session=a"), (b"cookie", b"callweave_session=b")]) is None
    assert credential([(b"cookie", b"x=1; callweave_session=a")]) is not None


# --- the way out --------------------------------------------------------------------------------------


@given(st.dictionaries(st.text(), TREES))
def test_a_body_joins_its_numbers(payload: dict[str, Any]) -> None:
    text = '{"seq":1,"prev":0' + body_of(payload)
    assert json.loads(text) == {"seq": 1, "prev": 0, **json.loads(json.dumps(payload))}


def test_a_body_is_json_whatever_the_pbx_sent() -> None:
    body = body_of({"name": "\ud800\n'\"<", "x": math.nan, "list": [math.inf, 1.0], "nested": {"y": -math.inf}})
    body.encode("ascii")
    assert json.loads("{" + body[1:])["list"] == [None, 1.0]


class FullEmitter:
    """Takes three messages."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def send(self, sid: str, eio_sid: str, namespace: str, name: str, payload: str, replay: bool = False) -> Sent:
        if len(self.taken) >= 3 and not replay:
            return Sent.FULL
        self.taken.append(payload)
        return Sent.QUEUED


def console(sid: str = "s1", name: str = "anna") -> Console:
    return Console(sid, f"e-{sid}", AGENTS, User(name=name, display_name=name, role="agent"), "t")


def test_a_full_console_is_cut_once_and_the_others_are_not() -> None:
    numbers = iter(range(1, 100))
    consoles, cut = Consoles(lambda: next(numbers), lambda: 0.0), []
    emitter = FullEmitter()
    consoles.attach(emitter, lambda c, why: (cut.append((c.sid, why)), consoles.leave(c)))  # type: ignore[func-returns-value]
    consoles.join(console(), None, dict)
    for _ in range(5):
        consoles.publish("anna", "notice", {})
    assert cut == [("s1", "does not read")]
    assert consoles.connected("anna") == 0
    assert consoles.publish("nobody", "notice", {}) == 7


def test_who_was_away_for_long_is_forgotten() -> None:
    numbers, now = iter(range(1, 100)), [0.0]
    consoles = Consoles(lambda: next(numbers), lambda: now[0])
    consoles.publish("anna", "notice", {})
    now[0] = 899.0
    consoles.publish_all("queues", {})
    assert "anna" in consoles._desks
    now[0] = 901.0
    consoles.publish_all("queues", {})
    assert consoles._desks == {}


class FakeSio:
    """What the documented way needs."""

    def __init__(self, eio: Any = None):
        self.eio = eio
        self.sent: list[tuple[str, Any]] = []

    async def emit(self, name: str, data: Any, to: str, namespace: str) -> None:
        self.sent.append((to, data))


async def test_without_the_inner_parts_the_documented_way_is_taken() -> None:
    sio = FakeSio()
    emitter = emitter_for(sio)
    assert isinstance(emitter, PlainEmitter)
    for n in range(50):
        assert emitter.send("s1", "e1", AGENTS, "notice", json.dumps({"n": n})) is Sent.QUEUED
    await until(lambda: len(sio.sent) == 50)
    await emitter.close()
    assert [data["n"] for _, data in sio.sent] == list(range(50))


def test_the_inner_parts_are_there_in_this_version() -> None:
    import socketio

    assert isinstance(emitter_for(socketio.AsyncServer(async_mode="asgi")), QueueEmitter)


# --- commands -----------------------------------------------------------------------------------------


def commands(now: list[float]) -> tuple[Commands, list[str]]:
    taken: list[str] = []

    def submit(agent: str, name: str, command: Any) -> Ack:
        taken.append(f"{agent} {name} {command.id}")
        return {"ok": True}

    return Commands(submit, lambda agent, command: None, lambda: now[0]), taken


def test_a_command_is_done_once_for_fifteen_minutes() -> None:
    now = [0.0]
    todo, taken = commands(now)
    ready = {"id": "1", "state": "READY"}
    for at in (0.0, 1.0, 899.0):
        now[0] = at
        assert todo.take("anna", "set_state", ready) == {"ok": True}
    assert taken == ["anna set_state 1"]
    now[0] = 901.0
    todo.take("anna", "set_state", ready)
    assert len(taken) == 2


def test_a_command_that_is_not_valid_may_come_again_with_its_id() -> None:
    todo, taken = commands([0.0])
    assert not todo.take("anna", "set_state", {"id": "1"})["ok"]  # type: ignore[index]
    assert todo.take("anna", "set_state", {"id": "1", "state": "READY"}) == {"ok": True}
    assert len(taken) == 1


def test_what_is_remembered_of_commands_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent_console.commands.REMEMBER", 10)
    todo, _ = commands([0.0])
    for n in range(100):
        todo.take("anna", "set_state", {"id": str(n), "state": "READY"})
    assert len(todo._answers) == 10


def test_unknown_fields_of_a_command_are_ignored() -> None:
    todo, taken = commands([0.0])
    assert todo.take("anna", "set_state", {"id": "1", "state": "READY", "new": 1}) == {"ok": True}
    assert taken


# --- views --------------------------------------------------------------------------------------------


def test_the_live_state_follows_the_call() -> None:
    call = Interaction("i")
    seen = [live_state(call)]
    call.queue_visits.append(QueueVisit("q", 1.0))
    seen.append(live_state(call))
    call.offers.append(Offer("o", "PJSIP/1", 1.0, "queue", "q"))
    seen.append(live_state(call))
    call.offers[0].result = "answered"
    call.segments.append(Segment("PJSIP/1", 2.0))
    seen.append(live_state(call))
    call.holds.append(Hold("PJSIP/1", 3.0))
    seen.append(live_state(call))
    call.parked_now = True
    seen.append(live_state(call))
    call.ended = True
    seen.append(live_state(call))
    assert seen == ["started", "waiting", "ringing", "talking", "held", "parked", "ended"]


def test_a_view_has_exactly_the_declared_fields() -> None:
    declared = set(InteractionView.__annotations__)
    assert set(interaction_view(Interaction("i"), "Lin")) == declared - {"campaign"}, "of no campaign"
    view: Any = interaction_view(Interaction("i", campaign="spring"), "Lin")
    assert set(view) == declared
    item = {key: value for key, value in view.items() if key not in ("state", "customer_name_known")}
    assert set(stored_view(item)) == declared


# --- generated types ----------------------------------------------------------------------------------


def test_the_generated_files_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert wire_types.main(["--check"]) == 0, capsys.readouterr().out


def test_every_event_and_command_is_in_the_types() -> None:
    text = wire_types.typescript()
    for name, kind in {**wire.SERVER_EVENTS, **wire.CLIENT_COMMANDS}.items():
        assert f"  {name}: {kind.__name__};" in text
        assert f"export interface {kind.__name__} " in text


def test_types_that_have_no_counterpart_are_refused() -> None:
    with pytest.raises(TypeError, match="no TypeScript type"):
        typescript_type(complex)
