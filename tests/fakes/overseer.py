"""A supervisor's console: the same client as an agent's, on the namespace of those who oversee."""

from __future__ import annotations

import itertools
from typing import Any

import socketio

from tests.fakes.patience import PATIENCE
from tests.fakes.program import Desk

_NUMBERS = itertools.count(1)


class Overseer(Desk):
    """One console on ``/supervisor``."""

    async def open(self, token: str = "", after: int | None = None) -> None:
        self.token = token or await self.program.sign_in(self.name, self.password)
        self._client = socketio.AsyncClient(reconnection=False)
        self._client.on("*", self._take, namespace="/supervisor")
        auth = {"token": self.token}
        await self._client.connect(
            self.program.url, auth=auth, namespaces=["/supervisor"], transports=["websocket"], wait_timeout=PATIENCE
        )

    async def command(self, name: str, **body: Any) -> dict[str, Any]:
        number = f"{self.name}-{next(_NUMBERS)}-{id(self):x}"
        ack = await self._client.call(name, {"id": number, **body}, namespace="/supervisor", timeout=PATIENCE)
        return {**ack, "id": number}

    async def taps(self, *states: str, seconds: float = PATIENCE) -> list[dict[str, Any]]:
        """Wait until the taps have these states."""
        found = await self.wait("taps", lambda m: m is self.of("taps")[-1] and _states(m) == list(states), seconds)
        return list(found["taps"])

    async def why(self, agent: str) -> list[dict[str, Any]]:
        """The findings about an agent."""
        async with self.program.http(self.token) as http:
            answer = await http.get(f"/api/agents/{agent}/why")
            answer.raise_for_status()
            return list(answer.json()["findings"])

    async def why_codes(self, agent: str) -> list[str]:
        """Their codes."""
        return [one["code"] for one in await self.why(agent)]


def _states(message: dict[str, Any]) -> list[str]:
    return [tap["state"] for tap in message["taps"]]
