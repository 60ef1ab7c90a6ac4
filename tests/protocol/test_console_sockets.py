"""Consoles on a real server: sign-in, snapshot, pops, resume, commands."""

from __future__ import annotations

from typing import Any

from agent_console.consoles import SUPERVISORS
from tests.fakes.console_stage import PASSWORD, stage, until


def pop(identity: str = "i1", **more: Any) -> dict[str, Any]:
    return {"interaction": {"id": identity}, "customer": None, "emitted_at": 2.0, "pbx_received_at": 1.999, **more}


async def test_sign_in_then_snapshot_then_pop() -> None:
    async with stage() as on, on.http() as http:
        signed = await http.post("/api/session", json={"username": "anna", "password": PASSWORD})
        assert signed.status_code == 200
        assert signed.json()["user"]["name"] == "anna"
        async with on.console("", auth={"token": signed.json()["token"]}) as console:
            [snapshot] = await console.wait("snapshot")
            assert snapshot["agent"]["agent"] == "anna"
            assert snapshot["role"] == "agent"
            assert [i["id"] for i in snapshot["recent"]] == ["i0"]
            assert snapshot["pause_reasons"] == [{"code": "lunch", "labels": {"en": "Lunch", "zh-CN": "午餐"}}]
            assert on.hub.consoles == {"anna": 1}
            seq = on.consoles.publish("anna", "screen_pop", pop())
            [got] = await console.wait("screen_pop")
            assert (got["seq"], got["prev"]) == (seq, snapshot["seq"])
            assert got["interaction"] == {"id": "i1"}
        await until(lambda: on.hub.consoles == {"anna": 0})
