"""Messages, waiting callers and promised callbacks over REST: who may have them, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from agent_console.lines import CallbackView, WaitingView
from interaction_log.messages import StoredMessage
from interaction_log.records import Conflict, NotFound
from tests.fakes.console_stage import stage

LEI = "+8613900139000"
TEXT = "callerchan=PJSIP/pstn-1\norigtime=1000000\nmsg_id=p1\nduration=4\n"
ROUTES = ["/api/waiting", "/api/callbacks", "/api/voicemail/v1/audio"]


def promise(callback_id: str, number: str = LEI, **more: Any) -> CallbackView:
    base = {
        "id": callback_id,
        "pbx": "main",
        "queue": "support",
        "number": number,
        "name": "",
        "since": 1_000_000.0,
        "requested_at": 1_000_010.0,
        "expires_at": 1_028_800.0,
        "state": "waiting",
        "attempts": 0,
        "not_before": 0.0,
        "requested_in": None,
        "result": None,
        "place": 1,
    }
    return cast(CallbackView, {**base, **more})


@dataclass
class MemoryLines:
    """``agent_console.lines.Lines`` with what it was given."""

    callers: dict[str, list[WaitingView]] = field(default_factory=dict)
    promises: list[CallbackView] = field(default_factory=list)
    cancelled: list[tuple[str, str]] = field(default_factory=list)

    def waiting(self, agent: str) -> list[WaitingView]:
        return self.callers.get(agent, [])

    def promised(self) -> list[CallbackView]:
        return self.promises

    async def promise(self, number: str, pbx: str, queue: str, name: str, not_before: float | None) -> CallbackView:
        if number == LEI:
            raise Conflict("it exists already")
        self.promises.append(promise("p9", number, pbx=pbx, queue=queue, name=name, not_before=not_before or 0.0))
        return self.promises[-1]

    async def past(self, limit: int) -> Sequence[CallbackView]:
        return [promise("old", state="done", result="answered", place=None)][:limit]

    async def cancel(self, callback_id: str, by: str) -> CallbackView:
        one = next((p for p in self.promises if p["id"] == callback_id), None)
        if one is None:
            raise NotFound(callback_id)
        if one["state"] == "dialling":
            raise Conflict("It is this callback's turn now.")
        self.cancelled.append((callback_id, by))
        return promise(callback_id, state="failed", result="cancelled", place=None)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    inbox = tmp_path / "spool" / "default" / "500" / "INBOX"
    inbox.mkdir(parents=True)
    (inbox / "msg0000.txt").write_text(TEXT)
    (inbox / "msg0000.wav").write_bytes(b"RIFF" + bytes(100))
    return tmp_path / "spool"


def message(**more: Any) -> StoredMessage:
    base = {"id": "v1", "interaction_id": "i9", "pbx": "main", "mailbox": "500@default", "at": 1_000_000.0}
    found = {"seconds": 4.0, "file": "default/500/INBOX/msg0000", "pbx_id": "p1"}
    return StoredMessage(**{**base, **found, **more})


@pytest.mark.parametrize("path", ROUTES)
async def test_only_for_people_who_are_signed_in(path: str) -> None:
    async with stage(lines=MemoryLines()) as on, on.http() as http:
        assert (await http.get(path)).status_code == 401


async def test_an_agent_sees_the_callers_of_her_queues() -> None:
    caller: WaitingView = {
        "interaction_id": "i1",
        "pbx": "main",
        "queue": "support",
        "number": LEI,
        "name": None,
        "customer_name": "李雷",
        "since": 1_000_000.0,
        "ringing": False,
    }
    async with stage(lines=MemoryLines({"anna": [caller]})) as on, on.http() as http:
        assert (await http.get("/api/waiting", headers=await on.headers("anna"))).json() == {"items": [caller]}
        assert (await http.get("/api/waiting", headers=await on.headers("ben"))).json() == {"items": []}


async def test_promises_are_listed_and_cancelled() -> None:
    lines = MemoryLines(promises=[promise("c1"), promise("c2", state="dialling")])
    async with stage(lines=lines) as on, on.http(headers=await on.headers("anna")) as http:
        got = (await http.get("/api/callbacks")).json()
        assert ([one["id"] for one in got["items"]], got["open"]) == (["c1", "c2"], 2)
        got = (await http.get("/api/callbacks", params={"state": "closed"})).json()
        assert [(one["id"], one["result"]) for one in got["items"]] == [("old", "answered")]
        assert (await http.get("/api/callbacks", params={"state": "all"})).status_code == 400
        assert (await http.post("/api/callbacks/c1/cancel")).json()["result"] == "cancelled"
        assert lines.cancelled == [("c1", "anna")]
        assert (await http.post("/api/callbacks/c2/cancel")).status_code == 409
        assert (await http.post("/api/callbacks/none/cancel")).status_code == 404


async def test_a_caller_with_a_promise_is_not_called_twice() -> None:
    lines = MemoryLines()
    async with stage(lines=lines) as on, on.http(headers=await on.headers("anna")) as http:
        number = on.store.missed.records["m0"].number or ""
        lines.promises = [promise("c1", number), promise("c0", "+8613700137000")]
        (entry,) = (await http.get("/api/missed")).json()["items"]
        assert (entry["callback"]["id"], entry["kind"]) == ("c1", "call")
        body = {"state": "calling", "version": 1}
        refused = await http.post("/api/missed/m0", json=body)
        assert (refused.status_code, refused.headers["content-type"]) == (409, "application/problem+json")
        lines.promises = []
        assert (await http.post("/api/missed/m0", json=body)).status_code == 200


async def test_a_message_is_heard(spool: Path) -> None:
    async with (
        stage(voicemail=lambda pbx, mailbox: spool if (pbx, mailbox) == ("main", "500@default") else None) as on,
        on.http(headers=await on.headers("anna")) as http,
    ):
        on.store.missed.messages["v1"] = message()
        on.store.missed.records["m0"] = replace(on.store.missed.records["m0"], messages=[message()])
        (entry,) = (await http.get("/api/missed")).json()["items"]
        (shown,) = entry["messages"]
        assert (entry["kind"], shown["audio"]) == ("voicemail", True)
        assert {"file", "pbx_id", "pbx"}.isdisjoint(shown)
        whole = await http.get("/api/voicemail/v1/audio")
        assert (whole.status_code, len(whole.content), whole.headers["content-type"]) == (200, 104, "audio/wav")
        part = await http.get("/api/voicemail/v1/audio", headers={"Range": "bytes=0-3"})
        assert (part.status_code, part.content) == (206, b"RIFF")
        assert (await http.head("/api/voicemail/v1/audio")).headers["content-length"] == "104"
        assert (await http.post("/api/voicemail/v1/heard")).json()["heard_by"] == "anna"


@pytest.mark.parametrize(
    "changes",
    [{"mailbox": "501@default"}, {"pbx": "other"}, {"file": None}, {"file": "../secret"}, {"pbx_id": "another"}],
)
async def test_what_cannot_be_heard_is_not_there(spool: Path, changes: dict[str, Any]) -> None:
    async with (
        stage(voicemail=lambda pbx, mailbox: spool if (pbx, mailbox) == ("main", "500@default") else None) as on,
        on.http(headers=await on.headers("anna")) as http,
    ):
        on.store.missed.messages["v1"] = message(**changes)
        assert (await http.get("/api/voicemail/v1/audio")).status_code == 404
        assert (await http.get("/api/voicemail/none/audio")).status_code == 404
        assert (await http.post("/api/voicemail/none/heard")).status_code == 404


async def test_an_agent_promises_a_call() -> None:
    lines = MemoryLines()
    async with stage(lines=lines) as on, on.http() as http:
        headers = await on.headers("anna")
        wish = {"number": "13911112222", "queue": "support", "pbx": "main", "name": "Wang", "not_before": 5.0}
        made = await http.post("/api/callbacks", headers=headers, json=wish)
        assert made.status_code == 201 and made.json()["id"] == "p9" and lines.promises[0]["name"] == "Wang"
        again = await http.post("/api/callbacks", headers=headers, json={**wish, "number": LEI})
        assert again.status_code == 409
        wrong = await http.post("/api/callbacks", headers=headers, json={**wish, "colour": "blue"})
        assert wrong.status_code == 400 and (await http.post("/api/callbacks", json=wish)).status_code == 401
