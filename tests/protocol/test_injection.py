"""Text that would be a command to the PBX: every field of every command refuses it by name, and nothing is sent.

The cases come from the tables of commands, so that a new command or field is tried as soon as it is there.
"""

from __future__ import annotations

import types
import typing
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final, cast

import pytest
import pytest_asyncio
from pydantic import BaseModel

from agent_console.commands import parse
from agent_console.wire import CLIENT_COMMANDS, SUPERVISOR_COMMANDS, ClientCommand, Dial
from cti_gateway.chat.setup import ChatDesk, ChatParts
from cti_gateway.simulator.conversation import Conversation
from cti_gateway.simulator.server import SECRET, Simulator, SimulatorServer
from interaction_log.records import User
from tests.fakes.exchange import Exchange
from tests.protocol.test_hub import Floor

BAD: Final = {
    "header": "1003\r\nAction: Hangup\r\nChannel: all",
    "end of the block": "1003\r\n\r\nAction: Command",
    "line feed": "1003\n",
    "null": "1003\x00",
    "second device": "PJSIP/1003&PJSIP/1004",
    "expression": "${SHELL(id)}",
    "dialplan": "1003,from-pstn,1",
    "300 digits": "1" * 300,
    "arabic digits": "٠١٢٣٤٥٦٧٨٩",
}
FREE: Final = {
    "note.text",
    "wrap_up.notes",
    "wrap_up.disposition",
    "pop_shown.interaction_id",
    "decline.reason",
    "chat_send.text",
    "chat_send_file.file",
    "send_message.text",
} | {f"{name}.why" for name, model in SUPERVISOR_COMMANDS.items() if "why" in model.model_fields}
"""What people write for people, and what is only counted: bounded, and with no way to the PBX."""
GIVEN: Final[dict[str, Any]] = {
    "to": "ben",
    "digits": "1",
    "agent": "anna",
    "why": "a reason",
    "queue": "support",
    "text": "a note",
    "reason": "lunch",
    "customer_id": "c1",
    "emitted_at": 1.0,
    "file": "f1",
    "number": 1,
    "skill": "english",
    "level": 1,
    "alarm": "a1",
    "on": True,
}
TABLES: Final[dict[str, Mapping[str, type[ClientCommand]]]] = {
    "agent": CLIENT_COMMANDS,
    "supervisor": SUPERVISOR_COMMANDS,
}


def _plain(annotation: Any) -> Any:
    """The type behind ``Annotated`` and ``| None``."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return next((_plain(a) for a in typing.get_args(annotation) if a is not type(None)), None)
    return _plain(typing.get_args(annotation)[0]) if typing.get_origin(annotation) is typing.Annotated else annotation


def fields(model: type[BaseModel]) -> Iterator[str]:
    """The fields that take text; a client's own id comes back to that client only."""
    for name, info in model.model_fields.items():
        if name != "id" and _plain(info.annotation) is str:
            yield name


CASES: Final = [
    (role, name, f) for role, table in TABLES.items() for name, model in table.items() for f in fields(model)
]


def body(model: type[BaseModel], interaction_id: str) -> dict[str, Any]:
    """A command that would be right."""
    found: dict[str, Any] = {"id": "x"}
    given = GIVEN | ({"to": "13800138000"} if model is Dial else {})
    for name, info in model.model_fields.items():
        if name == "interaction_id":
            found[name] = interaction_id
        elif name in given:
            found[name] = given[name]
        elif typing.get_origin(_plain(info.annotation)) is typing.Literal:
            found[name] = "NOT_READY" if name == "state" else typing.get_args(_plain(info.annotation))[0]
    return found


class Listened(Floor):
    """A floor whose PBX writes down what it is asked."""

    asked: list[bytes]

    async def submit(self, role: str, name: str, data: dict[str, Any]) -> dict[str, Any]:
        """As the console's server does it: validated, then handed over."""
        command = parse(name, data, TABLES[role])
        if not isinstance(command, ClientCommand):
            return dict(command)
        if role == "agent":
            return dict(await self.exchange.command("anna", name, command))
        answer = self.hub.supervision.submit("sofia", name, command)
        return dict(answer if isinstance(answer, dict) else await answer)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def floor(reactor: Any) -> AsyncIterator[Listened]:
    simulator = Simulator()
    server = SimulatorServer(simulator)
    port = await server.start()
    asked: list[bytes] = []
    receive = Conversation.receive

    def listened(self: Conversation, data: bytes) -> None:
        asked.append(data)
        receive(self, data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Conversation, "receive", listened)
        try:
            async with Exchange(port, reactor, secret=SECRET) as exchange:
                ChatDesk(exchange.hub, cast("Any", None), ChatParts(sites={}))  # its commands; no chat is open
                one = Listened(simulator, server, None, exchange)  # type: ignore[arg-type]
                one.asked = asked
                one.hub.people["sofia"] = User(
                    name="sofia", display_name="Sofia", role="supervisor", devices=["PJSIP/1010"]
                )
                yield one
        finally:
            await server.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def talking(floor: Listened) -> str:
    """Anna talks with a customer, so that every command has a call to act on."""
    await floor.sign_in("ben", "NOT_READY")
    await floor.sign_in()
    _, interaction_id = await floor.talk()
    await floor.exchange.until(lambda: floor.member().paused)
    return interaction_id


def test_the_tables_have_texts_to_try() -> None:
    assert {("agent", "dial", "to"), ("agent", "transfer", "to"), ("agent", "send_dtmf", "digits")} <= set(CASES)
    assert {("supervisor", "join_queue", "queue"), ("agent", "park", "interaction_id")} <= set(CASES)
    assert {f"{name}.{field}" for _, name, field in CASES} >= FREE


@pytest.mark.parametrize("bad", BAD.values(), ids=list(BAD))
@pytest.mark.parametrize(("role", "name", "field"), CASES, ids=[".".join(case) for case in CASES])
async def test_it_is_refused_by_name_and_nothing_is_sent(
    floor: Listened, talking: str, role: str, name: str, field: str, bad: str
) -> None:
    data = body(TABLES[role][name], talking) | {field: bad}
    if f"{name}.{field}" in FREE and isinstance(parse(name, data, TABLES[role]), ClientCommand):
        return  # said to people; see the test below
    before = len(floor.asked)
    answer = await floor.submit(role, name, data)
    assert answer["ok"] is False, (data, answer)
    assert answer["error"].get("field") == field, (data, answer)
    sent = [one for one in floor.asked[before:] if b"Action: Ping" not in one]
    assert sent == [], sent


@pytest.mark.parametrize("bad", BAD.values(), ids=list(BAD))
async def test_what_is_written_for_people_never_reaches_the_pbx(floor: Listened, talking: str, bad: str) -> None:
    before = len(floor.asked)
    await floor.submit("agent", "note", {"id": f"n-{bad}"[:64], "interaction_id": talking, "text": bad})
    await floor.submit(
        "agent", "wrap_up", {"id": "w", "interaction_id": talking, "notes": bad, "disposition": bad[:64]}
    )
    why = {"id": "f", "agent": "nobody", "state": "READY", "why": bad}
    assert not (await floor.submit("supervisor", "force_state", why))["ok"]
    needle = bad.encode()
    assert not any(needle in one for one in floor.asked[before:])
